"""The work behind `recommend prune`: what each run does at its end, at once."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from recommender.night.locked import lock_path
from recommender.runs.archive import remove_scratch
from recommender.runs.history import History
from recommender.runs.retention import Fate, plan_removal, remove
from recommender.settings import Settings
from recommender.system.files import make_folder
from recommender.system.locks import file_lock


class PastRun(TypedDict):
    """A folder of a run, or the sales that go from one that stays."""

    name: str
    """The run's id; with the file's name where it is its sales alone."""
    bytes: int
    """What it takes on the disk."""
    why: str
    """Why it goes or stays."""


@dataclass(frozen=True)
class Pruned:
    """What became of the past runs."""

    dry_run: bool
    """Whether it was only looked at, and nothing was removed."""
    removed: list[PastRun]
    """What is gone, or would be."""
    stays: list[PastRun]
    """What is kept."""


def prune_runs(settings: Settings, *, dry_run: bool) -> Pruned:
    """Remove the past runs that the settings no longer ask for; none of them in a dry run.

    Raises:
        LockedError: a run is going on.
    """
    make_folder(settings.data_dir)
    with nullcontext() if dry_run else file_lock(lock_path(settings)):
        fates = plan_removal(
            History.of(settings.data_dir),
            keep_runs=settings.keep_runs,
            keep_export_days=settings.keep_export_days,
            now=datetime.now(UTC),
        )
        sizes = {fate.path: fate.size for fate in fates}
        for fate in fates:
            if fate.path.parent in sizes:  # sales that go from a folder that stays
                sizes[fate.path.parent] -= sizes[fate.path]
        found = Pruned(
            dry_run,
            removed=[_told(fate, sizes) for fate in fates if fate.goes],
            stays=[_told(fate, sizes) for fate in fates if not fate.goes],
        )
        if not dry_run:
            for fate in fates:
                if fate.goes:
                    remove(fate)
            remove_scratch(settings.data_dir)
    return found


def _told(fate: Fate, sizes: Mapping[Path, int]) -> PastRun:
    return {"name": fate.name, "bytes": sizes[fate.path], "why": fate.why}
