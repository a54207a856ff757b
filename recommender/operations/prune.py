"""The work behind `recommend prune`: what each run does at its end, at once."""

from contextlib import nullcontext
from datetime import UTC, datetime

from recommender.night.locked import lock_path
from recommender.runs.archive import remove_scratch
from recommender.runs.history import History
from recommender.runs.retention import Fate, plan_removal, remove
from recommender.settings import Settings
from recommender.system.files import make_folder
from recommender.system.locks import file_lock


def prune_runs(settings: Settings, *, dry_run: bool) -> list[tuple[Fate, int]]:
    """Remove the past runs that the settings no longer ask for; none of them in a dry run.

    Returns:
        What becomes of every run folder, and of the sales that go alone; each with its bytes.

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
        found = [(fate, sizes[fate.path]) for fate in fates]
        if not dry_run:
            for fate in fates:
                if fate.goes:
                    remove(fate)
            remove_scratch(settings.data_dir)
    return found
