"""The night: the stages in their order, under the locks, on the record."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from recommender.database import open_database, retries
from recommender.database.base import Database
from recommender.database.query import read_query, tables_read
from recommender.database.renewal import RenewableLock
from recommender.database.schema import Target
from recommender.errors import RefusedError, SettingsError
from recommender.export.forgotten import Forgotten, keep_copy, read_forgotten
from recommender.night import record
from recommender.night.plan import Ask, plan_training
from recommender.night.publish import Publishing
from recommender.night.stages import Night
from recommender.night.writers import require_obeyed_is_ours
from recommender.runs.archive import remove_scratch
from recommender.runs.compression import compressing_sales
from recommender.runs.diff import ListChanges, RunChanges, compare_runs
from recommender.runs.folder import (
    ITEMS,
    QUERIES,
    SALES,
    Run,
    Source,
    Stage,
    Status,
    find_run,
    iso,
    list_runs,
    new_run,
    published_runs,
)
from recommender.runs.hold import release_hold, require_no_hold
from recommender.runs.retention import Fate, prune, remove
from recommender.runs.retention import plan_removal as plan_retention
from recommender.settings import Settings
from recommender.system import machine
from recommender.system.files import make_folder, sha256_of
from recommender.system.locks import file_lock, holder
from recommender.system.progress import Progress
from recommender.system.window import window
from recommender.tables import ListTable, made_lists

log = logging.getLogger(__name__)


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


def target_of(settings: Settings) -> Target:
    """Where these settings publish.

    Raises:
        SettingsError: TARGET_SCHEMA on SQLite, which has no schemas.
    """
    database = open_database(settings.target_database_url)
    if settings.target_schema and database.backend == "sqlite":
        raise SettingsError("TARGET_SCHEMA is set, but SQLite has no schemas.", "Use TABLE_PREFIX instead.")
    return Target(
        database,
        settings.target_schema,
        settings.table_prefix,
        made_lists(settings.lists),
        forgets=settings.forget_key is not None,
        shop=_tables_of_sales(settings),
    )


def _tables_of_sales(settings: Settings) -> tuple[tuple[str | None, str], ...]:
    """The tables that sales.sql reads, where PostgreSQL has them in the database of ours."""
    ours, theirs = settings.target_database_url, settings.database_url
    is_same = ours == theirs.set(username=ours.username, password=ours.password)
    if not is_same or ours.get_backend_name() != "postgresql":
        return ()
    try:
        query = read_query(settings.sql_dir / QUERIES[0], "postgresql", datetime.now(UTC))
    except SettingsError:  # those who need the query say it
        return ()
    return tuple(tables_read(query.text, "postgresql"))


def shop_of(settings: Settings, target: Target) -> Database:
    """Where the sales are; the target's own where it is the same, for what is known of it already."""
    same = settings.database_url == settings.target_database_url
    return target.database if same else open_database(settings.database_url)


def lock_path(settings: Settings) -> Path:
    """The lock file of the folder of runs."""
    return settings.data_dir / "lock"


@contextmanager
def locked(
    settings: Settings, *, also_database: bool = True
) -> Iterator[tuple[Target, RenewableLock | None]]:
    """Hold the locks of a run, with the records of dead runs settled and the tables found in order."""
    require_obeyed_is_ours(settings)
    machine.require_addresses()
    target = target_of(settings)
    make_folder(settings.data_dir)
    with file_lock(lock_path(settings)):
        require_own_folder(settings)
        take = partial(target.database.run_lock, target.lock_name, holder())
        lock = RenewableLock(take) if also_database else nullcontext()
        with lock as held:
            with target.connect() as connection:
                if also_database:
                    target.require_writable(connection)
                target.require(connection)
                record.settle(settings.data_dir, target, connection)
            yield target, held


def require_own_folder(settings: Settings) -> None:
    """Keep storefronts apart: a model or a record of one is never taken for another's.

    Raises:
        SettingsError: DATA_DIR holds published runs for other tables than ours.
    """
    public = settings.public()
    for last in published_runs(list_runs(settings.data_dir))[-1:]:
        other = [
            name
            for name in ("TARGET_SCHEMA", "TABLE_PREFIX")
            if last.manifest.settings.get(name, public[name]) != public[name]
        ]
        if other:
            raise SettingsError(
                f"{settings.data_dir} holds runs for the tables of another {' and '.join(other)} (the last is"
                f" {last.run_id}).",
                "Give each storefront a DATA_DIR of its own.",
            )


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
    progress = progress or Progress()
    with locked(settings, also_database=not dry_run) as (target, lock):
        this = _begin(settings, as_of)
        with record.recorded(this):
            if not dry_run and not force:
                require_no_hold(settings.data_dir)
            night = Night(settings, this, progress, _forgotten(settings, target, this), target=target)
            _export(night, shop_of(settings, target))
            _train(night, ask)
            night.rank()
            publishing = Publishing(settings, target, this, night.candidates(), progress)
            del night  # its sales and its model, most of the memory, have done their part
            if lock is None:
                return _compare(publishing, force=force)
            removed = _publish(publishing, lock, force=force)
        return NightReport(this, removed=removed)


def _begin(settings: Settings, as_of: date | None) -> Run:
    """A new run folder that knows its window and settings."""
    now = datetime.now(UTC)
    zone = settings.shop_timezone
    if as_of is not None and as_of > now.astimezone(zone).date():
        raise SettingsError(f"--as-of {as_of} lies in the future.", "Give today's date or an earlier one.")
    this = new_run(settings.data_dir, now)
    chosen = window(now=now, as_of=as_of, history_days=settings.history_days, zone=zone)
    manifest = this.manifest
    manifest.as_of, manifest.window_start = iso(chosen.end), iso(chosen.start)
    manifest.as_of_day, manifest.is_past = chosen.as_of_day.isoformat(), chosen.is_past
    begin(this, settings)
    return this


def begin(this: Run, settings: Settings) -> None:
    """Put into the record with what the run is made."""
    manifest = this.manifest
    manifest.settings, manifest.warnings = settings.public(), list(settings.warnings)
    manifest.versions, manifest.program = record.versions(), record.program()


def _export(night: Night, shop: Database) -> None:
    """The first stage; refused connections are tried again only where one was made before."""
    retries.USUAL.call(lambda: night.export(shop), record.note_again(night.run, "export"))


def _train(night: Night, ask: Ask) -> None:
    """The second stage, with what the published nights before this one have to give."""
    from recommender.night.trials import kept_choice

    night.train(plan_training(night.run, night.settings, ask), kept_choice(night.run, night.settings))


def _compare(publishing: Publishing, *, force: bool) -> NightReport:
    """The end of a dry run: the gate's word, and how the lists would change."""
    refusal = None
    with publishing.target.connect() as connection:
        try:
            publishing.check(connection, force=force)
            if not force:
                require_no_hold(publishing.settings.data_dir)
        except RefusedError as error:
            refusal = error
        lists = publishing.changes(connection)
    last = published_runs(list_runs(publishing.settings.data_dir))[-1:]
    changes = compare_runs(last[0], publishing.run, lists=lists) if last else None
    publishing.run.manifest.status = Status.DRY_RUN
    publishing.run.manifest.exit_code = int(refusal.exit_code) if refusal else 0
    return NightReport(publishing.run, changes=changes, lists=lists, refusal=refusal)


def _publish(publishing: Publishing, lock: RenewableLock, *, force: bool) -> list[str]:
    """The last stage and what follows it; the ids of past runs that were removed."""
    settings, this = publishing.settings, publishing.run
    with compressing_sales(this) as keep_compressed:
        publishing.publish(lock, force=force)
        _end_hold(settings, this)
        return tidy_up(settings, this, keep_compressed)


def _end_hold(settings: Settings, this: Run) -> None:
    """Only with --force it came so far where there was one."""
    if release_hold(settings.data_dir):
        record.warn(this, "The hold has ended: nights publish again.")


def tidy_up(settings: Settings, this: Run, keep_compressed: Callable[[], None] = lambda: None) -> list[str]:
    """Put the compressed export in place and remove old runs; what fails after the publish is a warning."""
    try:
        keep_compressed()
        remove_scratch(settings.data_dir)
        return prune(
            settings.data_dir,
            keep_runs=settings.keep_runs,
            keep_export_days=settings.keep_export_days,
            now=datetime.now(UTC),
        )
    except OSError as error:
        record.warn(this, f"Tidying up failed: {error}.")
        return []


def prune_runs(settings: Settings, *, dry_run: bool) -> list[tuple[Fate, int]]:
    """What each `run` does at its end: remove the past runs that the settings no longer ask for.

    Args:
        settings: DATA_DIR, KEEP_RUNS, KEEP_EXPORT_DAYS.
        dry_run: remove nothing.

    Returns:
        What becomes of every run folder, and of the sales that go alone; each with its bytes.

    Raises:
        LockedError: a run is going on.
    """
    make_folder(settings.data_dir)
    with nullcontext() if dry_run else file_lock(lock_path(settings)):
        fates = plan_retention(
            settings.data_dir,
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


def export_stage(settings: Settings, *, as_of: date | None = None, progress: Progress | None = None) -> Run:
    """Begin a run with its export; the other stages follow one by one."""
    with locked(settings) as (target, _):
        this = _begin(settings, as_of)
        with record.recorded(this):
            forgotten = _forgotten(settings, target, this)
            night = Night(settings, this, progress or Progress(), forgotten, target=target)
            _export(night, shop_of(settings, target))
            this.manifest.status = Status.WAITING
    return this


def _forgotten(settings: Settings, target: Target, this: Run) -> Forgotten:
    """Who is to be forgotten, for a night: with a warning where the table lacks some."""
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


def later_stage(
    settings: Settings,
    stage: Stage,
    *,
    run_id: str | None = None,
    ask: Ask = Ask.AUTO,
    force: bool = False,
    progress: Progress | None = None,
) -> Run:
    """One stage after the export, over one run folder.

    Args:
        settings: all that is told from outside.
        stage: train, rank or publish.
        run_id: the run; default the newest unpublished one whose previous stage is done.
        ask: how the model is to come about, for train.
        force: pass the gate's share and past-night checks, for publish.
        progress: listens.

    Raises:
        SettingsError: there is no such run, or its previous stage is not done.
        RefusedError: the run is published already, or a file of an earlier stage was changed.
    """
    with locked(settings) as (target, lock):
        this = _find(settings.data_dir, stage, run_id)
        this.manifest.settings = settings.public()
        with record.recorded(this):
            if stage is Stage.PUBLISH and not force:
                require_no_hold(settings.data_dir)
            _require_files(this, stage, made_lists(settings.lists))
            forgotten = read_forgotten(target, settings)
            night = Night(settings, this, progress or Progress(), forgotten, target=target)
            if stage is Stage.TRAIN:
                _train(night, ask)
            elif stage is Stage.RANK:
                night.rank()
            else:
                assert lock is not None  # noqa: S101 - locked() was asked for it
                publishing = Publishing(settings, target, this, night.candidates(), night.progress)
                _publish(publishing, lock, force=force)
            if stage is not Stage.PUBLISH:
                this.manifest.status = Status.WAITING
    return this


def _require_files(this: Run, stage: Stage, made: Sequence[ListTable]) -> None:
    """The files of the stages before are as these left them; the model's is looked at when it is loaded.

    A list that is not made any more is emptied before it is published.
    """
    written = {Stage.EXPORT: [SALES, ITEMS], Stage.RANK: [definition.file_name for definition in made]}
    order = list(Stage)
    for earlier in order[: order.index(stage)]:
        for name in written.get(earlier, []):
            known, path = this.manifest.sha256_of(name), this.path(name)
            if known is not None and not (path.is_file() and sha256_of(path) == known):
                raise RefusedError(
                    f"{path} is not as the {earlier} left it.",
                    f"`recommend rank --run {this.run_id}` writes it again."
                    if earlier is Stage.RANK
                    else "Begin a new run: `recommend export`.",
                )


def _find(data_dir: Path, stage: Stage, run_id: str | None) -> Run:
    order = list(Stage)
    previous = order[order.index(stage) - 1]
    if run_id is None:
        fit = [
            run
            for run in list_runs(data_dir)
            if run.manifest.status is not Status.PUBLISHED
            and run.manifest.source is Source.RUN
            and run.has_done(previous)
        ]
        if not fit:
            raise SettingsError(
                f"There is no unpublished run whose {previous} is done.",
                f"Begin with `recommend {previous}`, or do the whole night: `recommend run`.",
            )
        return fit[-1]
    this = find_run(data_dir, run_id)
    if this.manifest.status is Status.PUBLISHED:
        raise RefusedError(f"The run {run_id} is published; its files stay as they are.", "Begin a new run.")
    if this.manifest.source is not Source.RUN:
        raise RefusedError(
            f"{run_id} is a rollback, which has no stages.", "`recommend rollback` begins a new one."
        )
    if not this.has_done(previous):
        raise SettingsError(
            f"The {previous} of the run {run_id} is not done.",
            f"`recommend {previous} --run {run_id}` first.",
        )
    return this
