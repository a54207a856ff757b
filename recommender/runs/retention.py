"""What is kept of past runs, for how long, and why."""

import logging
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from recommender.runs.folder import MANIFEST, Run, is_of_newer_program, run_folders
from recommender.runs.history import History
from recommender.runs.manifest import Source, Status

log = logging.getLogger(__name__)

_UNPUBLISHED_DAYS = 14
_UNPUBLISHED_MOST = 14


@dataclass(frozen=True)
class Fate:
    """What becomes of a run's folder, or of the sales in it."""

    path: Path
    """the folder, or the file of the sales"""
    goes: bool
    why: str

    @cached_property  # as it was before it went
    def name(self) -> str:
        """Id of the run, and the file where it is one."""
        return f"{self.path.parent.name}/{self.path.name}" if self.path.is_file() else self.path.name

    @property
    def size(self) -> int:
        """Bytes."""
        files = self.path.rglob("*") if self.path.is_dir() else (self.path,)
        return sum(path.stat().st_size for path in files if path.is_file())


def plan_removal(past: History, *, keep_runs: int, keep_export_days: int, now: datetime) -> list[Fate]:
    """What the retention settings say of every run folder, oldest first.

    Always kept are what is shown now, the default target of a rollback, pinned runs, and all that the models
    of these were made from; and a rollback while a night that it has undone is kept, since it is the record
    of that. Of the published runs the newest `keep_runs` are kept beside them. Runs that were not published
    go after 14 days or beyond the 14 newest. The exported sales of a run go after `keep_export_days`, but for
    those of pinned runs and the newest ones of a published run. Ages are by `now`, aware.
    """
    published, kept = past.published, _kept(past, keep_runs)
    fates = [
        Fate(run.folder, run.run_id not in kept, kept.get(run.run_id, "older than KEEP_RUNS asks for"))
        for run in published
    ]
    fates += _of_unpublished([run for run in past.runs if run not in published], now)
    fates += _of_unreadable(past, now)
    stay = {fate.path for fate in fates if not fate.goes}
    left = replace(past, runs=tuple(run for run in past.runs if run.folder in stay))
    fates += _of_sales(left, keep_export_days, now)
    return sorted(fates, key=lambda fate: fate.path)


def prune(past: History, *, keep_runs: int, keep_export_days: int, now: datetime) -> list[str]:
    """Carry the plan out; with the lock of the runs held. Returns what was removed."""
    fates = plan_removal(past, keep_runs=keep_runs, keep_export_days=keep_export_days, now=now)
    return [remove(fate) for fate in fates if fate.goes]


def remove(fate: Fate) -> str:
    """Remove a folder or a file; returns its name."""
    name = fate.name
    if fate.path.is_file():
        fate.path.unlink()
    else:
        # The manifest goes first: what is left after a kill is no run any more.
        with suppress(IsADirectoryError, PermissionError):  # of a folder of that name, which is no record
            (fate.path / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(fate.path)
    log.info("removed %s: %s", name, fate.why)
    return name


def _kept(past: History, keep_runs: int) -> dict[str, str]:
    """The published runs that stay, each with the reason."""
    published, by_id = past.published, {run.run_id: run for run in past.runs}
    nights = [run for run in published if run.manifest.source is Source.RUN]
    kept: dict[str, str] = {}

    def keep(run_ids: Iterable[str | None], why: str) -> None:
        for run_id in run_ids:
            if run_id in by_id:
                kept.setdefault(run_id, why)

    keep((run.run_id for run in published[-1:]), "published last")
    shown = [run.manifest.source_run_id or run.run_id for run in published[-1:]]
    keep(shown, "its lists are shown now")
    before = [i for i, night in enumerate(nights) if night.run_id in shown]
    keep(
        (night.run_id for i in before for night in nights[max(i - 1, 0) : i]),
        "`recommend rollback` goes back to it",
    )
    keep((run.run_id for run in past.runs if run.is_pinned), "pinned")
    for run_id in [*kept]:
        keep(_parents(by_id[run_id], by_id), f"the model of {run_id} was made from its model")
    keep((run.run_id for run in published[-keep_runs:]), f"one of the newest {keep_runs}")
    for run in published:
        undone = [night.run_id for night in nights if night.run_id in kept and _has_undone(run, night)]
        if undone:
            keep([run.run_id], f"it has undone {undone[-1]}")
    return kept


def _parents(run: Run, by_id: dict[str, Run]) -> Iterator[str]:
    """All that its model was made from."""
    manifest = run.manifest
    if manifest.model is not None:
        yield from (ancestor.run_id for ancestor in manifest.model.chain)
    seen: set[str] = set()
    parent = manifest.parent_run_id
    while parent in by_id and parent not in seen:
        yield parent
        seen.add(parent)
        parent = by_id[parent].manifest.parent_run_id


def _has_undone(rollback: Run, night: Run) -> bool:
    """Whether the night was published between the one that was gone back to and the rollback."""
    if rollback.manifest.source is not Source.ROLLBACK:
        return False
    begin, end = rollback.manifest.source_published_seq or 0, rollback.manifest.published_seq or 0
    return begin < (night.manifest.published_seq or 0) < end


def _of_unpublished(runs: list[Run], now: datetime) -> list[Fate]:
    fates = []
    for place, run in enumerate(reversed(runs)):
        status, is_old = run.manifest.status, _age(run.run_id, now) > timedelta(days=_UNPUBLISHED_DAYS)
        if status is Status.RUNNING:
            goes, why = False, "going on, or not settled yet"
        elif run.is_pinned:
            goes, why = False, "pinned"
        elif place >= _UNPUBLISHED_MOST:
            goes, why = True, f"{status}, and {_UNPUBLISHED_MOST} newer ones are kept"
        else:
            goes, why = is_old, f"{status}, {'more' if is_old else 'less'} than {_UNPUBLISHED_DAYS} days ago"
        fates.append(Fate(run.folder, goes, why))
    return fates


def _of_unreadable(past: History, now: datetime) -> list[Fate]:
    """Folders of runs that died before their manifest was there or while they were removed; damaged ones."""
    readable = {run.folder for run in past.runs}
    return [
        Fate(
            path,
            goes=_age(path.name, now) > timedelta(days=_UNPUBLISHED_DAYS) and not is_of_newer_program(path),
            why="without a manifest that can be read",
        )
        for path in run_folders(past.data_dir)
        if path not in readable
    ]


def _of_sales(left: History, keep_export_days: int, now: datetime) -> list[Fate]:
    """The sales that go from folders that stay; the newest of a published run tell what customers bought."""
    newest = left.last_with_sales
    return [
        Fate(path, goes=True, why="older than KEEP_EXPORT_DAYS")
        for run in left.runs
        if (path := run.sales_path())
        and run is not newest
        and not run.is_pinned
        and run.manifest.status is not Status.RUNNING
        and _age(run.run_id, now) > timedelta(days=keep_export_days)
    ]


def _age(run_id: str, now: datetime) -> timedelta:
    """Time since the run began, which its id tells."""
    return now - datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
