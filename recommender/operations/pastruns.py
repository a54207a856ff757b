"""The past runs of this machine and their figures, as the run folders have them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from recommender.errors import SettingsError
from recommender.night.locked import lock_path
from recommender.runs.diff import compare_records
from recommender.runs.folder import Run, iso, named_run
from recommender.runs.history import History
from recommender.runs.manifest import Source, Stage, Status
from recommender.settings import Settings
from recommender.system.locks import is_held

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def past_runs(settings: Settings) -> list[dict[str, Any]]:
    """What `recommend runs` prints, in JSON types: the figures of every readable run, the newest first."""
    past = History.of(settings.data_dir)
    going_on = is_going_on(settings, past)
    found = []
    before: Run | None = None
    for run in past.runs:
        found.append(figures_of(run, going_on=going_on) | _since(before, run))
        if run.has_done(Stage.RANK) and run.manifest.source is Source.RUN:
            before = run
    return found[::-1]


def one_run(settings: Settings, typed: str) -> dict[str, Any]:
    """What `recommend runs show` prints, in JSON types: a run's figures, its stages, and the gate's word.

    Raises:
        SettingsError: there is no such run, or several are meant.
        RefusedError: its record is damaged.
    """
    run = named_run(settings.data_dir, typed)
    told = run.manifest.as_json()
    return figures_of(run, going_on=is_going_on(settings, History.of(settings.data_dir))) | {
        "stages": {name: stage["seconds"] for name, stage in told["stages"].items()},
        "gate": told["gate"],
    }


def _since(before: Run | None, run: Run) -> dict[str, Any]:
    """What changed since the run before that made lists, and how quality moved; by the records alone."""
    if before is None or not run.has_done(Stage.RANK) or run.manifest.source is Source.ROLLBACK:
        return {"since": None, "changed": [], "ndcg_moved": None}
    then, now = (manifest.quality.get("ndcg") for manifest in (before.manifest, run.manifest))
    return {
        "since": before.run_id,
        "changed": compare_records(before.manifest, run.manifest).words,
        "ndcg_moved": None if then is None or now is None else round(now - then, 6),
    }


def two_runs(settings: Settings, then: str | None, now: str | None) -> tuple[Run, Run]:
    """The runs that `recommend runs diff` compares.

    Args:
        settings: where the runs are.
        then: the earlier one; default the one published before the other.
        now: the later one; default the one published last.

    Raises:
        SettingsError: there is no such run, or none that was published before.
    """
    earlier = None if then is None else named_run(settings.data_dir, then)
    published = History.of(settings.data_dir).published
    if now is None:
        if not published:
            raise SettingsError(
                "diff-nothing", "Nothing was published yet: there is nothing to compare.", "`recommend run`."
            )
        later = published[-1]
    else:
        later = named_run(settings.data_dir, now)
    if earlier is not None:
        return earlier, later
    seq = later.manifest.published_seq
    before = [run for run in published if seq is None or (run.manifest.published_seq or 0) < seq]
    if not before:
        raise SettingsError(
            "diff-nothing",
            f"No run that is kept was published before {later.run_id}.",
            "Name two runs: `recommend runs diff A B`.",
        )
    return before[-1], later


def is_going_on(settings: Settings, past: History) -> bool:
    """Whether a living process is at work on one of the runs; the others in this state have died."""
    # Only where a record asks for it: looking takes the lock for a moment.
    return any(run.manifest.status is Status.RUNNING for run in past.runs) and is_held(lock_path(settings))


def figures_of(run: Run, *, going_on: bool) -> dict[str, Any]:
    """The figures of a run, in JSON types; `going_on` says whether a living process holds the lock."""
    manifest, told = run.manifest, run.manifest.as_json()
    stages = manifest.stages.values()
    is_running = manifest.status is Status.RUNNING
    return {
        "run_id": manifest.run_id,
        # Ended without closing its record: killed, or its connection was lost in the commit.
        "status": "unknown" if is_running and not going_on else str(manifest.status),
        "source": str(manifest.source),
        "source_run_id": manifest.source_run_id,
        "pinned": run.is_pinned,
        "by_hand": manifest.by_hand,
        "as_of_day": manifest.as_of_day,
        "started_at": manifest.started_at,
        "ended_at": manifest.ended_at,
        "published_at": manifest.published_at,
        "exit_code": manifest.exit_code,
        "error": manifest.error,
        "seconds": round(sum(stage.seconds for stage in stages), 1),
        "peak_mb": manifest.peak(),
        "counts": manifest.counts,
        "newest_sale": _moment(manifest.counts.get("newest")),
        "method": manifest.method,
        "quality": manifest.quality,
        "choice": told["choice"],
        "model": told["model"],
        "warnings": manifest.warnings,
    }


def _moment(micros: int | None) -> str | None:
    """Microseconds of UTC as a time; None where there was no sale."""
    # Not by `system/times`, which loads numpy: `status` answers at once.
    try:
        return None if micros is None else iso(_EPOCH + timedelta(microseconds=micros))
    except OverflowError:
        return None
