"""The runs before this one, read once: which were published, which of them still stand."""

from dataclasses import dataclass
from pathlib import Path

from recommender.runs.folder import MODEL, Run, list_runs, published_runs, standing_runs


@dataclass(frozen=True)
class History:
    """Every readable run of a DATA_DIR, oldest first.

    It is read under the lock of the folder and handed on: nobody else changes a record meanwhile.
    """

    data_dir: Path
    runs: tuple[Run, ...] = ()

    @classmethod
    def of(cls, data_dir: Path) -> "History":
        """Read it."""
        return cls(data_dir, tuple(list_runs(data_dir)))

    @property
    def published(self) -> list[Run]:
        """The published ones, in the order of publishing."""
        return published_runs(self.runs)

    @property
    def last(self) -> Run | None:
        """The run that was published last, among those that are kept."""
        published = self.published
        return published[-1] if published else None

    @property
    def standing(self) -> list[Run]:
        """The published nights that no later rollback has undone, in the order of publishing."""
        return standing_runs(self.runs)

    @property
    def of_forgotten(self) -> set[str]:
        """The ids of the runs that learned from a customer who was erased from them since."""
        return {run.run_id for run in self.runs if MODEL in run.manifest.forgotten}

    def with_run(self, this: Run) -> "History":
        """With a run that has come to it, or has changed."""
        others = [run for run in self.runs if run.run_id != this.run_id]
        return History(self.data_dir, tuple(sorted([*others, this], key=lambda run: run.run_id)))
