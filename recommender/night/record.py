"""The record of a run: opened when it begins, closed when it ends, settled when it died."""

import logging
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recommender import __version__
from recommender.database.schema import Target
from recommender.errors import (
    ExitCode,
    Interrupted,
    OutcomeUnknownError,
    RefusedError,
    TransientError,
    exit_code_of,
    recordable,
)
from recommender.runs.folder import LOG, Run, iso
from recommender.runs.history import History
from recommender.runs.manifest import Source, Stage, StageFigures, Status
from recommender.settings import Settings
from recommender.system import machine
from recommender.system.files import remove_temporary
from recommender.system.interrupts import interrupts
from recommender.system.logs import run_log
from recommender.system.progress import Progress

log = logging.getLogger(__name__)

_PACKAGES = ("numpy", "scipy", "pandas", "implicit", "sqlalchemy", "psycopg", "pymysql", "threadpoolctl")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result can depend on."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def program() -> dict[str, str | None]:
    """Our own version, and the commit where the program runs from a checkout."""
    root = Path(__file__).parents[2]
    commit = None
    # A shop's own repository may lie around an installed package: only ours counts.
    if (root / ".git").exists() and (root / "pyproject.toml").exists():
        command = ["git", "-C", str(root), "rev-parse", "HEAD"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 - fixed words
            commit = done.stdout.strip() or None
        except (OSError, subprocess.SubprocessError):
            commit = None
    return {"version": __version__, "commit": commit}


def machine_facts() -> dict[str, Any]:
    """What else the last bits of a result can depend on: the system, the processor, the kernels of BLAS.

    To be called when the heavy packages are loaded: only then are their BLAS libraries known.
    """
    from threadpoolctl import threadpool_info

    blas = sorted(
        {
            f"{library['internal_api']} {library['version']} {library.get('architecture', '?')}"
            for library in threadpool_info()
            if library["user_api"] == "blas"
        }
    )
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "libc": " ".join(platform.libc_ver()).strip(),
        "blas": blas,
        "simd": machine.simd_extensions(),
    }


def begin(run: Run, settings: Settings, *, by_hand: bool = False) -> None:
    """Put into the record with what the run is made, and whether a person calls it."""
    manifest = run.manifest
    manifest.by_hand = by_hand or sys.stderr.isatty()
    manifest.settings, manifest.warnings = settings.public(), list(settings.warnings)
    manifest.versions, manifest.program = versions(), program()


@contextmanager
def recorded(run: Run) -> Iterator[None]:
    """Write everything to the run's log, and close its record whatever happens.

    The one closing log line and the manifest come from the same object, so that they cannot disagree.
    """
    manifest = run.manifest
    manifest.status = Status.RUNNING
    manifest.exit_code = manifest.error = manifest.ended_at = None
    run.save()
    with run_log(run.path(LOG)):
        try:
            yield
        except BaseException as error:
            _note_failure(run, error)
            # A signal can come between the making of a temporary file and the code that removes it.
            with suppress(OSError):
                remove_temporary(run.folder)
            raise
        finally:
            if manifest.status is not Status.RUNNING:
                manifest.ended_at = iso(datetime.now(UTC))
            manifest.exit_code = ExitCode.DONE if manifest.exit_code is None else manifest.exit_code
            # Stages that are called one by one are processes of their own.
            manifest.peak_mb = max(machine.peak_memory_mb(), manifest.peak_mb or 0)
            log.info("run ended", extra=_canonical(run))
            _save(run)


def _note_failure(run: Run, error: BaseException) -> None:
    """Put the error into the record; a traceback only into the log."""
    manifest = run.manifest
    code = interrupts.received or exit_code_of(error)
    if manifest.status is Status.RUNNING and not isinstance(error, OutcomeUnknownError):
        manifest.status = (
            Status.INTERRUPTED
            if interrupts.received is not None or isinstance(error, Interrupted)
            else Status.REFUSED
            if isinstance(error, RefusedError)
            else Status.FAILED
        )
    manifest.exit_code = int(code)
    manifest.error = recordable(error)
    log.error("%s", manifest.error, exc_info=error)
    error.add_note(f"The traceback is in {run.path(LOG)}.")


def _save(run: Run) -> None:
    try:
        run.save()
    except OSError as error:
        # On a full disk the record stays as it was; the next run settles it.
        log.warning("the manifest of %s could not be written: %s", run.run_id, error)


def _canonical(run: Run) -> dict[str, Any]:
    manifest = run.manifest
    stages = manifest.stages
    return {
        "run_id": run.run_id,
        "status": str(manifest.status),
        "exit_code": manifest.exit_code,
        "seconds": {name: stage.seconds for name, stage in stages.items()},
        "peak_mb": manifest.peak(),
        **manifest.counts,
        **manifest.quality,
    }


def warn(run: Run, text: str) -> None:
    """Put a warning into the log and, once, into the record."""
    log.warning("%s", text)
    if text not in run.manifest.warnings:
        run.manifest.warnings.append(text)


def note_again(run: Run, what: str) -> Callable[[TransientError, int], None]:
    """Puts each further attempt on record: what `retries` asks for."""

    def note(error: TransientError, attempt: int) -> None:
        warn(run, f"The {what} is tried again (attempt {attempt}): {error.reason}")

    return note


def plan_progress(progress: Progress, past: History, stages: Mapping[Stage, float], source: Source) -> None:
    """Say which stages are to come, and what they took when they were done last.

    Args:
        progress: hears it.
        past: the other runs.
        stages: with their shares, for where nothing is on record.
        source: of a run with just these.
    """
    alike = [
        run.manifest.stages
        for run in past.published
        if run.manifest.source is source and stages.keys() <= run.manifest.stages.keys()
    ]
    if not alike:
        progress.plan({str(name): share for name, share in stages.items()})
        return
    found = {name: alike[-1][name] for name in stages}
    progress.plan(
        {name: figures.seconds for name, figures in found.items()},
        is_measured=True,
        past={name: figures.steps for name, figures in found.items()},
    )


@contextmanager
def stage(run: Run, name: Stage, progress: Progress) -> Iterator[dict[str, Any]]:
    """Time a stage and record it when it ends well; the block puts figures and a `summary` into the dict.

    Its steps begin in `progress.step`.

    A stage that is repeated makes the results of the later ones void.
    """
    interrupts.check()
    order = list(Stage)
    for later in order[order.index(name) :]:
        run.manifest.stages.pop(later, None)
    machine.give_back_memory()
    progress.begin(name)
    log.info("stage begins: %s", name)
    started = time.perf_counter()
    figures: dict[str, Any] = {}
    yield figures
    seconds = round(time.perf_counter() - started, 3)
    summary = str(figures.pop("summary", ""))
    run.manifest.stages[name] = StageFigures(seconds, machine.peak_memory_mb(), progress.took())
    if name is Stage.PUBLISH:
        _save(run)  # the lists are out
    else:
        run.save()
    log.info("stage ends: %s: %s", name, summary, extra={"stage": str(name), "seconds": seconds, **figures})
    progress.end(summary, seconds)


def mark_published(run: Run, seq: int, at: datetime) -> None:
    """Note that the commit of this run has happened; where that cannot be written, the next run notes it."""
    run.manifest.status = Status.PUBLISHED
    run.manifest.published_seq = seq
    run.manifest.published_at = iso(at)
    _save(run)


def settle(past: History, target: Target, connection: sa.Connection) -> None:
    """Close the records of runs that died: published where recommendation_runs has them, else killed.

    To be called with the lock of the folder held, so that nobody is really running. A run whose connection
    ended in the commit may have closed its record as failed, and the commit have happened after all: so every
    unpublished run is looked for.
    """
    runs = {run.run_id: run for run in past.runs if run.manifest.status is not Status.PUBLISHED}
    table = target.runs
    published = sa.select(table).where(table.c.run_id.in_([*runs]))
    rows = {row.run_id: row for row in connection.execute(published)} if runs else {}
    for run_id, run in runs.items():
        if run_id in rows:
            mark_published(run, rows[run_id].published_seq, _aware(rows[run_id].published_at))
        elif run.manifest.status is Status.RUNNING:
            run.manifest.status = Status.KILLED
            run.manifest.error = run.manifest.error or "The process ended without a word."
            run.save()
        else:
            continue
        remove_temporary(run.folder)
        log.warning("the run %s had died; its record says now: %s", run_id, run.manifest.status)


def _aware(moment: datetime | str) -> datetime:
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return found if found.tzinfo else found.replace(tzinfo=UTC)
