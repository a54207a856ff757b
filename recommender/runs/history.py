"""The runs of a DATA_DIR, read once: which were published, which of them still stand."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import RefusedError
from recommender.runs.folder import ITEMS, MODEL, Run, load_run, run_folders
from recommender.runs.manifest import Source, Status


@dataclass(frozen=True)
class History:
    """Every readable run of a DATA_DIR, oldest first.

    A night reads it under the lock of the folder and hands it on: nobody else changes a record meanwhile.
    """

    data_dir: Path
    runs: tuple[Run, ...] = ()

    @classmethod
    def of(cls, data_dir: Path) -> "History":
        """Read it; damaged runs are passed over."""
        found = []
        for path in run_folders(data_dir):
            with suppress(RefusedError):
                found.append(load_run(path))
        return cls(data_dir, tuple(found))

    @property
    def published(self) -> list[Run]:
        """The published ones, in the order of publishing."""
        published = [run for run in self.runs if run.manifest.status is Status.PUBLISHED]
        return sorted(published, key=lambda run: run.manifest.published_seq or 0)

    @property
    def last(self) -> Run | None:
        """The run that was published last, among those that are kept."""
        return next(reversed(self.published), None)

    @property
    def last_with_items(self) -> Run | None:
        """The one of them published last whose items are there."""
        return next((run for run in reversed(self.published) if run.path(ITEMS).is_file()), None)

    @property
    def last_with_sales(self) -> Run | None:
        """The one of them published last whose sales are there; a rollback has read none."""
        return next((run for run in reversed(self.published) if run.sales_path()), None)

    @property
    def standing(self) -> list[Run]:
        """The published nights that no later rollback has undone, in the order of publishing.

        Only these may be parents: what was wrong with an undone night may be in its model.
        """
        nights: dict[str, Run] = {}
        standing: list[Run] = []
        for run in self.published:
            manifest = run.manifest
            if manifest.source is Source.RUN:
                nights[run.run_id] = run
                standing.append(run)
                continue
            until = manifest.source_published_seq or 0
            standing = [night for night in standing if (night.manifest.published_seq or 0) <= until]
            # It may be one that another rollback had undone.
            source = nights.get(manifest.source_run_id or "")
            if source is not None and source not in standing:
                standing.append(source)
        return standing

    @property
    def of_forgotten(self) -> set[str]:
        """The ids of the runs that learned from a customer who was erased from them since."""
        return {run.run_id for run in self.runs if MODEL in run.manifest.forgotten}

    def with_run(self, this: Run) -> "History":
        """With a run that has come to it, or has changed."""
        others = [run for run in self.runs if run.run_id != this.run_id]
        return History(self.data_dir, tuple(sorted([*others, this], key=lambda run: run.run_id)))
