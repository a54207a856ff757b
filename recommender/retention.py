"""What is kept of past runs, and for how long."""

import logging
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from recommender.runs import MANIFEST, Run, Status, list_runs, published_runs, run_folders

log = logging.getLogger(__name__)

_UNPUBLISHED_DAYS = 14
_UNPUBLISHED_MOST = 14


def prune(data_dir: Path, *, keep_runs: int, keep_export_days: int, now: datetime) -> list[str]:
    """Remove what the retention settings say.

    Always kept are the run published last, the one before it (the default target of a rollback), and the runs
    that these two were loaded from. Of other published runs the newest `keep_runs` are kept; their exported
    sales go after `keep_export_days`. Runs that were not published go after 14 days or beyond the 14 newest.

    Returns:
        What was removed: ids of runs, and ids with the file for removed exports.
    """
    runs = list_runs(data_dir)
    published = published_runs(runs)
    by_id = {run.run_id: run for run in runs}
    needed = _with_parents(published[-2:], by_id)
    removed = [_remove(run.folder) for run in published[:-keep_runs] if run.run_id not in needed]
    others = [run for run in runs if run.manifest.status not in (Status.PUBLISHED, Status.RUNNING)]
    for place, run in enumerate(reversed(others)):
        if place >= _UNPUBLISHED_MOST or _age(run.run_id, now) > timedelta(days=_UNPUBLISHED_DAYS):
            removed.append(_remove(run.folder))
    for run in published[:-1]:
        sales = run.sales_path()
        if sales and _age(run.run_id, now) > timedelta(days=keep_export_days):
            sales.unlink()
            removed.append(f"{run.run_id}/{sales.name}")
    removed += _without_manifest(data_dir, now)
    for name in removed:
        log.info("removed %s", name)
    return removed


def _with_parents(runs: list[Run], by_id: dict[str, Run]) -> set[str]:
    needed: set[str] = set()
    waiting = [run.run_id for run in runs]
    while waiting:
        run_id = waiting.pop()
        if run_id in by_id and run_id not in needed:
            needed.add(run_id)
            waiting += [parent] if (parent := by_id[run_id].manifest.parent_run_id) else []
    return needed


def _without_manifest(data_dir: Path, now: datetime) -> list[str]:
    """Folders of runs that died before their manifest was written, or while they were removed."""
    return [
        _remove(path)
        for path in run_folders(data_dir)
        if not (path / MANIFEST).exists() and _age(path.name, now) > timedelta(days=_UNPUBLISHED_DAYS)
    ]


def _age(run_id: str, now: datetime) -> timedelta:
    """Time since the run began, which its id tells."""
    return now - datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _remove(folder: Path) -> str:
    # The manifest goes first: what is left after a kill is no run any more.
    (folder / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder)
    return folder.name
