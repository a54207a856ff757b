"""The past runs of this machine and their figures, as the run folders have them."""

from typing import Annotated, Any, TypedDict

from msgspec import Meta

from recommender.errors import SettingsError
from recommender.night.locked import lock_path
from recommender.runs.diff import compare_records
from recommender.runs.folder import NEWEST, Run, named_run, newest_sale
from recommender.runs.history import History
from recommender.runs.manifest import Day, Method, RunId, Source, Stage, Status, Time
from recommender.settings import Settings
from recommender.system.locks import is_held

_UNKNOWN = "unknown"
_RECORD = "manifest.schema.json#/properties"
"""Where the schema of the records says what a part is."""


class RunFigures(TypedDict):
    """A run of this machine: what is on record of it, and what changed since the one before."""

    run_id: RunId
    """UTC start time and four random hexadecimal digits; the name of its folder."""
    status: Annotated[str, Meta(extra_json_schema={"enum": [*Status, _UNKNOWN]})]
    """How it stands. waiting: the next stage may be called; killed: found dead by the next run; unknown: it
    ended without a word, and no run has come since."""
    source: Source
    """Where its lists come from: made by this run, or those of an earlier one again."""
    source_run_id: RunId | None
    """Of a rollback, the run whose lists it published again."""
    pinned: bool
    """Whether it stays, whatever its age."""
    by_hand: bool
    """Whether somebody called it: on a terminal, as a dry run, or for a day that is named."""
    as_of_day: Day
    """The shop's day that it belongs to."""
    started_at: Time
    """When it began."""
    ended_at: Time | None
    """When it ended; null while it goes on, or where nobody knows."""
    published_at: Time | None
    """When its lists became visible."""
    exit_code: int | None
    """What its process ended with."""
    error: str | None
    """Why it was not published."""
    seconds: float
    """Wall time of its stages."""
    peak_mb: float | None
    """Highest memory of its processes in MiB."""
    counts: dict[str, int | None]
    """Sale lines read, left out and kept, items, customers, interactions, rows of each list."""
    newest_sale: Time | None
    """The newest sale that it has read; null before the export, and where there was none."""
    method: Method | None
    """How the lists are made; null before the training."""
    quality: dict[str, float | None]
    """ndcg of the method on the newest past window, and baseline_ndcg of the better of the simple lists."""
    choice: Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": f"{_RECORD}/choice"})]
    """Weights of the signals, and on what evidence they were chosen; empty before the training."""
    model: Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": f"{_RECORD}/model"})]
    """How the model came about; empty before the training."""
    warnings: list[str]
    """What an owner should know although it went well."""
    stages: dict[Stage, float]
    """Wall time of each finished stage in seconds."""
    gate: Annotated[list[dict[str, Any]], Meta(extra_json_schema={"$ref": f"{_RECORD}/gate"})]
    """What the gate found before publishing."""
    since: RunId | None
    """The run before it that made lists; null where there is none, and of a rollback."""
    changed: list[str]
    """What can have moved the result since then: settings by name, the rest by kind."""
    ndcg_moved: float | None
    """By how much ndcg moved since then."""


def past_runs(settings: Settings) -> list[RunFigures]:
    """The figures of every readable run, the newest first."""
    past = History.of(settings.data_dir)
    going_on = is_going_on(settings, past)
    return [figures_of(run, past, going_on=going_on) for run in reversed(past.runs)]


def one_run(settings: Settings, typed: str) -> RunFigures:
    """A run's figures.

    Raises:
        SettingsError: there is no such run, or several are meant.
        RefusedError: its record is damaged.
    """
    run = named_run(settings.data_dir, typed)
    past = History.of(settings.data_dir)
    return figures_of(run, past, going_on=is_going_on(settings, past))


def _before(run: Run, past: History) -> Run | None:
    """The run before this one that made lists; None for a run that made none itself."""
    if not _made_lists(run):
        return None
    return next((old for old in reversed(past.runs) if old.run_id < run.run_id and _made_lists(old)), None)


def _made_lists(run: Run) -> bool:
    return run.has_done(Stage.RANK) and run.manifest.source is Source.RUN


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


def figures_of(run: Run, past: History, *, going_on: bool) -> RunFigures:
    """The figures of a run.

    Args:
        run: which one.
        past: the runs with it.
        going_on: whether a living process holds the lock.
    """
    manifest, told = run.manifest, run.manifest.as_json()
    is_running = manifest.status is Status.RUNNING
    before = _before(run, past)
    then, now = (None if each is None else each.manifest.quality.get("ndcg") for each in (before, run))
    return {
        "run_id": manifest.run_id,
        # Ended without closing its record: killed, or its connection was lost in the commit.
        "status": _UNKNOWN if is_running and not going_on else str(manifest.status),
        "source": manifest.source,
        "source_run_id": manifest.source_run_id,
        "pinned": run.is_pinned,
        "by_hand": manifest.by_hand,
        "as_of_day": manifest.as_of_day,
        "started_at": manifest.started_at,
        "ended_at": manifest.ended_at,
        "published_at": manifest.published_at,
        "exit_code": manifest.exit_code,
        "error": manifest.error,
        "seconds": round(sum(stage.seconds for stage in manifest.stages.values()), 1),
        "peak_mb": manifest.peak(),
        "counts": {name: count for name, count in manifest.counts.items() if name != NEWEST},
        "newest_sale": newest_sale(manifest),
        "method": manifest.method,
        "quality": manifest.quality,
        "choice": told["choice"],
        "model": told["model"],
        "warnings": manifest.warnings,
        "stages": {stage: figures.seconds for stage, figures in manifest.stages.items()},
        "gate": told["gate"],
        "since": None if before is None else before.run_id,
        "changed": [] if before is None else compare_records(before.manifest, manifest).changed,
        "ndcg_moved": None if then is None or now is None else round(now - then, 6),
    }
