"""The past runs of this machine and their figures, as the run folders have them."""

from typing import Any

from recommender.locks import is_held
from recommender.pipeline import lock_path
from recommender.runs import Run, Status, list_runs
from recommender.settings import Settings


def past_runs(settings: Settings) -> list[dict[str, Any]]:
    """What `recommend runs` prints, in JSON types: the figures of every readable run, the newest first."""
    runs = list_runs(settings.data_dir)
    going_on = is_going_on(settings, runs)
    return [figures_of(run, going_on=going_on) for run in reversed(runs)]


def is_going_on(settings: Settings, runs: list[Run]) -> bool:
    """Whether a living process is at work on one of the runs; the others in this state have died."""
    # Only where a record asks for it: looking takes the lock for a moment.
    return any(run.manifest.status is Status.RUNNING for run in runs) and is_held(lock_path(settings))


def figures_of(run: Run, *, going_on: bool) -> dict[str, Any]:
    """The figures of a run, in JSON types.

    Args:
        run: which.
        going_on: whether a living process holds the lock of the runs.
    """
    manifest = run.manifest
    stages = manifest.stages.values()
    is_running = manifest.status is Status.RUNNING
    return {
        "run_id": manifest.run_id,
        # Ended without closing its record: killed, or its connection was lost in the commit.
        "status": "unknown" if is_running and not going_on else str(manifest.status),
        "source": str(manifest.source),
        "source_run_id": manifest.source_run_id,
        "pinned": run.is_pinned,
        "as_of_day": manifest.as_of_day,
        "started_at": manifest.started_at,
        "ended_at": manifest.ended_at,
        "published_at": manifest.published_at,
        "exit_code": manifest.exit_code,
        "error": manifest.error,
        "seconds": round(sum(stage["seconds"] for stage in stages), 1),
        "peak_mb": max((stage["peak_mb"] for stage in stages), default=None),
        "counts": manifest.counts,
        "method": manifest.method,
        "quality": manifest.quality,
        "choice": manifest.choice,
        "model": manifest.model,
        "warnings": manifest.warnings,
    }
