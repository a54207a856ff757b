"""The night: its stages in their order, under the locks, on the record; all of them, or one alone."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from recommender.database import retries
from recommender.database.schema import Target
from recommender.errors import RefusedError, SettingsError
from recommender.export.forgotten import Forgotten, keep_copy, read_forgotten
from recommender.night import record
from recommender.night.context import Night
from recommender.night.export import export_stage
from recommender.night.locked import Held, locked
from recommender.night.plan import Ask, plan_training
from recommender.night.publish import Publishing
from recommender.night.rank import RankedLists, rank_stage, read_ranked
from recommender.night.target import shop_of
from recommender.night.train import Trained, train_stage
from recommender.night.trials import kept_choice
from recommender.runs.archive import remove_scratch
from recommender.runs.compression import compressing_sales
from recommender.runs.diff import ListChanges, RunChanges, compare_runs
from recommender.runs.folder import ITEMS, RULES, SALES, Run, iso, named_run, new_run
from recommender.runs.history import History
from recommender.runs.hold import release_hold, require_no_hold
from recommender.runs.manifest import Source, Stage, Status
from recommender.runs.retention import prune
from recommender.settings import Settings
from recommender.system.progress import Progress
from recommender.system.window import window
from recommender.tables import made_lists

_SHARES = {Stage.EXPORT: 1.0, Stage.TRAIN: 6.0, Stage.RANK: 2.0, Stage.PUBLISH: 1.0}
"""Of the stages in a night; the last one's, where there is one."""


@dataclass(frozen=True)
class NightReport:
    """What a run brought, for the command that prints it."""

    run: Run
    changes: RunChanges | None = None
    """Of a dry run: what has changed since the run published last, where its record is here."""
    lists: ListChanges | None = None
    """Of a dry run: how the lists would differ from those in the tables."""
    refusal: RefusedError | None = None
    """Of a dry run: why a real one would have been refused."""
    removed: list[str] = field(default_factory=list)
    """Past runs that were removed at the end."""


def run(
    settings: Settings,
    *,
    ask: Ask = Ask.AUTO,
    as_of: date | None = None,
    dry_run: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> NightReport:
    """The night's job: export, train or load, rank, check, publish, tidy up.

    Args:
        settings: all that is told from outside.
        ask: how the model is to come about.
        as_of: read sales up to the end of this day of the shop instead of up to now.
        dry_run: do all but publish, and compare with what is published.
        force: pass the gate's share and past-night checks.
        progress: listens.

    Raises:
        RecommenderError: whatever went wrong; what was published stays.
    """
    with locked(settings, also_database=not dry_run) as held:
        this = _begin(settings, as_of, by_hand=dry_run or as_of is not None)
        with record.recorded(this):
            if not dry_run and not force:
                require_no_hold(settings.data_dir)
            forgotten = _forgotten(settings, held, this)
            night = Night(settings, this, held.past, forgotten, held.target, progress or Progress())
            shares = {
                stage: share for stage, share in _SHARES.items() if stage is not Stage.PUBLISH or not dry_run
            }
            record.plan_progress(night.progress, held.past, shares, Source.RUN)
            _export(night, held.target)
            ranked = rank_stage(night, _train(night, ask))
            if dry_run:
                return _compare(night, held, ranked, force=force)
            return NightReport(this, removed=_publish(night, held, ranked, force=force))


def run_stage(
    settings: Settings,
    stage: Stage,
    *,
    run_id: str | None = None,
    as_of: date | None = None,
    ask: Ask = Ask.AUTO,
    force: bool = False,
    progress: Progress | None = None,
) -> Run:
    """One stage alone, over one run folder: the export begins a run, the others go on with it.

    Args:
        settings: all that is told from outside.
        stage: which.
        run_id: the run; default the newest unpublished one whose previous stage is done.
        as_of: for the export: read sales up to the end of this day of the shop instead of up to now.
        ask: for the training: how the model is to come about.
        force: for the publish: pass the gate's share and past-night checks.
        progress: listens.

    Raises:
        SettingsError: there is no such run, or its previous stage is not done.
        RefusedError: the run is published already, or a file of an earlier stage was changed.
    """
    begins = stage is Stage.EXPORT
    with locked(settings) as held:
        this = _begin(settings, as_of) if begins else _find(settings, held.past, stage, run_id)
        this.manifest.settings = settings.public()
        with record.recorded(this):
            if stage is Stage.PUBLISH and not force:
                require_no_hold(settings.data_dir)
            _require_files(this, stage, settings)
            forgotten = _forgotten(settings, held, this) if begins else read_forgotten(held.target, settings)
            night = Night(settings, this, held.past, forgotten, held.target, progress or Progress())
            record.plan_progress(night.progress, held.past, {stage: 1.0}, Source.RUN)
            if stage is Stage.EXPORT:
                _export(night, held.target)
            elif stage is Stage.TRAIN:
                _train(night, ask)
            elif stage is Stage.RANK:
                rank_stage(night)
            else:
                _publish(night, held, read_ranked(night), force=force)
            if stage is not Stage.PUBLISH:
                this.manifest.status = Status.WAITING
    return this


def _export(night: Night, target: Target) -> None:
    """The first stage; refused connections are tried again only where one was made before."""
    shop = shop_of(night.settings, target)
    retries.USUAL.call(lambda: export_stage(night, shop), record.note_again(night.run, "export"))


def _train(night: Night, ask: Ask) -> Trained:
    """The second stage, with what the nights before this one have to give."""
    plan = plan_training(night.run.day, night.past, night.settings, ask)
    return train_stage(night, plan, kept_choice(night.run.day, night.past))


def _begin(settings: Settings, as_of: date | None, *, by_hand: bool = False) -> Run:
    """A new run folder that knows its window and settings."""
    now = datetime.now(UTC)
    zone = settings.shop_timezone
    if as_of is not None and as_of > now.astimezone(zone).date():
        raise SettingsError(
            "as-of-future", f"--as-of {as_of} lies in the future.", "Give today's date or an earlier one."
        )
    this = new_run(settings.data_dir, now)
    chosen = window(now=now, as_of=as_of, history_days=settings.history_days, zone=zone)
    manifest = this.manifest
    manifest.as_of, manifest.window_start = iso(chosen.end), iso(chosen.start)
    manifest.as_of_day, manifest.is_past = chosen.as_of_day.isoformat(), chosen.is_past
    record.begin(this, settings, by_hand=by_hand)
    return this


def _find(settings: Settings, past: History, stage: Stage, run_id: str | None) -> Run:
    """The run with which a stage goes on."""
    order = list(Stage)
    previous = order[order.index(stage) - 1]
    if run_id is None:
        fit = [
            run
            for run in past.runs
            if run.manifest.status is not Status.PUBLISHED
            and run.manifest.source is Source.RUN
            and run.has_done(previous)
        ]
        if not fit:
            raise SettingsError(
                "stage-first",
                f"There is no unpublished run whose stage {previous} is done.",
                f"Begin with `recommend {previous}`, or do the whole night: `recommend run`.",
            )
        return fit[-1]
    this = named_run(settings.data_dir, run_id)
    run_id = this.run_id
    if this.manifest.status is Status.PUBLISHED:
        raise RefusedError(
            "stage-published",
            f"The run {run_id} is published; its files stay as they are.",
            "Begin a new run: `recommend export`.",
        )
    if this.manifest.source is not Source.RUN:
        raise RefusedError(
            "stage-rollback",
            f"{run_id} is a rollback, which has no stages.",
            "`recommend rollback` begins a new one.",
        )
    if not this.has_done(previous):
        raise SettingsError(
            "stage-first",
            f"The stage {previous} of the run {run_id} is not done.",
            f"First: `recommend {previous} --run {run_id}`.",
        )
    return this


def _require_files(this: Run, stage: Stage, settings: Settings) -> None:
    """The files of the stages before are as these left them; the model's is looked at when it is loaded.

    A list that is not made any more is emptied before it is published.
    """
    lists = [definition.file_name for definition in made_lists(settings.lists)]
    written = {Stage.EXPORT: [SALES, ITEMS, RULES], Stage.RANK: lists}
    order = list(Stage)
    for earlier in order[: order.index(stage)]:
        for name in written.get(earlier, []):
            if this.manifest.sha256_of(name) is not None and not this.is_whole(name):
                raise RefusedError(
                    "stage-file-changed",
                    f"{this.path(name)} is not as the stage {earlier} left it.",
                    f"`recommend rank --run {this.run_id}` writes it again."
                    if earlier is Stage.RANK
                    else "Begin a new run: `recommend export`.",
                )


def _forgotten(settings: Settings, held: Held, this: Run) -> Forgotten:
    """Who is to be forgotten: with a warning where the table lacks some."""
    target = held.target
    forgotten = read_forgotten(target, settings)
    keep_copy(settings.data_dir, forgotten)
    if forgotten.not_in_table:
        table = target.database.quoted(target.forgotten)
        record.warn(
            this,
            f"{forgotten.not_in_table} forgotten customers are not in {table}, as after a backup of the"
            " database came back; DATA_DIR knows them, and they are left out all the same. `recommend forget`"
            " puts them into the table.",
        )
    return forgotten


def _compare(night: Night, held: Held, ranked: RankedLists, *, force: bool) -> NightReport:
    """The end of a dry run: the gate's word, and how the lists would change."""
    this, refusal = night.run, None
    publishing = Publishing(night, held.target, ranked)
    with held.target.connect() as connection:
        try:
            publishing.check(connection, force=force)
            if not force:
                require_no_hold(night.settings.data_dir)
        except RefusedError as error:
            refusal = error
        lists = publishing.changes(connection)
    last = night.past.last
    changes = compare_runs(last, this, lists=lists) if last else None
    this.manifest.status = Status.DRY_RUN
    this.manifest.exit_code = int(refusal.exit_code) if refusal else 0
    return NightReport(this, changes=changes, lists=lists, refusal=refusal)


def _publish(night: Night, held: Held, ranked: RankedLists, *, force: bool) -> list[str]:
    """The last stage and what follows it; the ids of past runs that were removed."""
    with compressing_sales(night.run) as keep_compressed:
        Publishing(night, held.target, ranked).publish(held.lock, force=force)
        # Only with --force it came so far where there was one.
        if release_hold(night.settings.data_dir):
            record.warn(night.run, "The hold has ended: nights publish again.")
        return tidy_up(night, keep_compressed)


def tidy_up(night: Night, keep_compressed: Callable[[], None] = lambda: None) -> list[str]:
    """Put the compressed export in place and remove old runs; what fails after the publish is a warning."""
    settings = night.settings
    try:
        keep_compressed()
        remove_scratch(settings.data_dir)
        return prune(
            night.past.with_run(night.run),
            keep_runs=settings.keep_runs,
            keep_export_days=settings.keep_export_days,
            now=datetime.now(UTC),
        )
    except OSError as error:
        record.warn(night.run, f"Tidying up failed: {error}.")
        return []
