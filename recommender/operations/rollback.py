"""Undo: the lists of an earlier night once more, for what may be sold now, as a run of its own."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from itertools import compress

import sqlalchemy as sa

from recommender.database import open_database
from recommender.database.renewal import RenewableLock
from recommender.database.schema import Target
from recommender.errors import RefusedError, SettingsError
from recommender.export.forgotten import Forgotten, read_forgotten
from recommender.export.snapshot import export_items
from recommender.night import record
from recommender.night.pipeline import begin, locked, tidy_up
from recommender.night.publish import Publishing
from recommender.runs.folder import (
    ITEMS,
    Run,
    Source,
    Stage,
    Status,
    find_run,
    list_runs,
    new_run,
    published_runs,
)
from recommender.runs.hold import set_hold
from recommender.settings import RepeatPurchases, Settings
from recommender.system.csvform import read_records
from recommender.system.files import sha256_of
from recommender.system.progress import Progress
from recommender.tables import LISTS, POPULAR_ITEMS, KeyKind, ListTable, Role, is_guest

_OTHERS = "`recommend runs` lists them; name one: `recommend rollback RUN_ID`."


@dataclass(frozen=True)
class RolledBack:
    """What customers see after it."""

    run: Run
    source: Run
    """whose lists they are"""
    dropped: int
    """rows of items that may not be sold any more"""
    filled: int
    """popular items in the place of these"""
    removed: list[str] = field(default_factory=list)
    """past runs that were removed at the end"""


def rollback(
    settings: Settings,
    *,
    run_id: str | None = None,
    hold: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> RolledBack:
    """Publish an earlier run's lists again, through the gate but for its past-night check.

    Args:
        settings: all that is told from outside.
        run_id: which run; default the night that was published last before the one whose lists are shown.
        hold: keep nights from publishing from now on.
        force: pass the gate's share checks.
        progress: listens.

    Raises:
        SettingsError: there is no such run.
        RefusedError: its lists cannot be published again, or the gate refuses them now.
        RecommenderError: whatever else went wrong; what was published stays.
    """
    progress = progress or Progress()
    with locked(settings) as (target, lock):
        source = _source(settings, target, run_id)
        this = _begin(settings, source)
        with record.recorded(this):
            rolled = _publish_again(settings, target, lock, this, source, force=force, progress=progress)
            if hold:
                set_hold(settings.data_dir, now=datetime.now(UTC), source_run_id=source.run_id)
            return replace(rolled, removed=tidy_up(settings, this))


def hold_shown(settings: Settings, run_id: str) -> bool:
    """Keep nights from publishing, if the lists of this run are shown already; whether they are.

    Raises:
        DatabaseError: the database failed.
        LockedError: a run is going on.
    """
    with locked(settings) as (target, _):
        with target.connect() as connection:
            last = target.last_publish(connection)
        if last is None or last.source_run_id != run_id:
            return False
        set_hold(settings.data_dir, now=datetime.now(UTC), source_run_id=run_id)
        return True


def _source(settings: Settings, target: Target, run_id: str | None) -> Run:
    """The run whose lists are to be published again."""
    with target.connect() as connection:
        last = target.last_publish(connection)
        if last is None:
            raise RefusedError(
                "Nothing was ever published, so there is nothing to go back to.", "Begin: `recommend run`."
            )
        shown = str(last.source_run_id)
        if run_id is None:
            run_id = _before(target, connection, shown)
    if run_id == shown:
        raise RefusedError(f"The lists of {run_id} are the ones that are shown now.", _OTHERS)
    try:
        source = find_run(settings.data_dir, run_id)
    except SettingsError as error:
        raise SettingsError(f"{error.reason} It may have been removed by now.", _OTHERS) from error
    _require_lists(source)
    return source


def _before(target: Target, connection: sa.Connection, shown: str) -> str:
    """The night that was published last before this one; rollbacks do not count."""
    runs = target.runs
    at = sa.select(runs.c.published_seq).where(runs.c.run_id == shown).scalar_subquery()
    earlier = (
        sa.select(runs.c.run_id)
        .where(runs.c.source == str(Source.RUN), runs.c.published_seq < at)
        .order_by(runs.c.published_seq.desc())
        .limit(1)
    )
    found = connection.execute(earlier).scalar()
    if found is None:
        raise RefusedError(
            f"No night was published before {shown}, whose lists are shown now.",
            "`recommend run` makes new ones.",
        )
    return str(found)


def _require_lists(source: Run) -> None:
    """Only what was published once, and is as it was then, is published again."""
    manifest = source.manifest
    if manifest.source is Source.ROLLBACK:
        raise RefusedError(
            f"{source.run_id} is a rollback itself, to {manifest.source_run_id}.",
            f"`recommend rollback {manifest.source_run_id}`.",
        )
    if manifest.status is not Status.PUBLISHED:
        raise RefusedError(f"{source.run_id} was never published: it is {manifest.status}.", _OTHERS)
    for definition in LISTS:
        path = source.path(definition.file_name)
        if not path.is_file() or sha256_of(path) != manifest.sha256_of(path.name):
            raise RefusedError(f"{path} is no longer what was published.", _OTHERS)


def _begin(settings: Settings, source: Run) -> Run:
    """A new run folder: what was learned from the sales is the source's, the rest is of now."""
    this, old = new_run(settings.data_dir, datetime.now(UTC)), source.manifest
    begin(this, settings)
    manifest = this.manifest
    manifest.source, manifest.source_run_id = Source.ROLLBACK, source.run_id
    manifest.source_published_seq = old.published_seq
    manifest.as_of, manifest.as_of_day = old.as_of, old.as_of_day
    manifest.window_start, manifest.is_past = old.window_start, old.is_past
    manifest.keys, manifest.data_sha256 = old.keys, old.data_sha256
    manifest.counts = {name: old.counts.get(name) for name in ("sales", "items", "interactions")}
    manifest.model, manifest.choice = old.model, old.choice
    manifest.method, manifest.quality = old.method, old.quality
    return this


def _publish_again(
    settings: Settings,
    target: Target,
    lock: RenewableLock | None,
    this: Run,
    source: Run,
    *,
    force: bool,
    progress: Progress,
) -> RolledBack:
    from recommender.publishing.gate import ListableItems

    with record.stage(this, Stage.EXPORT, progress) as figures:
        figures["summary"] = f"{_read_items(settings, this, source):,} items"
    with record.stage(this, Stage.RANK, progress) as figures:
        items, sellable = _catalogue(settings, target, this)
        forgotten = read_forgotten(target, settings)
        dropped, filled = _write_lists(settings, this, source, sellable, forgotten)
        figures["summary"] = f"{dropped:,} rows dropped, {filled:,} filled"
    # What is no longer sold may still have a page, and be a reason.
    known = {*items, *(item for definition in LISTS for item in _not_shown(source, definition))}
    publishing = Publishing(settings, target, this, ListableItems(sellable=sellable, known=known), progress)
    assert lock is not None  # noqa: S101 - locked() was asked for it
    publishing.publish(lock, force=force)
    return RolledBack(this, source, dropped, filled)


def _read_items(settings: Settings, this: Run, source: Run) -> int:
    """Export the items as they are now; returns how many there are."""
    manifest = this.manifest
    found = export_items(
        open_database(settings.database_url),
        sql_dir=settings.sql_dir,
        folder=this.folder,
        now=datetime.now(UTC),
        timeout_seconds=settings.query_timeout_seconds,
    )
    if found.kind is not KeyKind(manifest.keys["item"]):
        raise SettingsError(
            f"item_id is {found.kind} in {settings.sql_dir / 'items.sql'}, but {manifest.keys['item']} in the"
            f" lists of {source.run_id}.",
            "`recommend run` makes lists of the new kind.",
        )
    for warning in found.warnings:
        record.warn(this, warning)
    manifest.note_file(ITEMS, found.sha256)
    manifest.counts["sellable_items"] = found.counts.sellable_items
    return found.counts.items


def _catalogue(settings: Settings, target: Target, this: Run) -> tuple[Collection[str], Collection[str]]:
    """All items, and those that may be recommended."""
    from recommender.night.never import never_recommend
    from recommender.runs.items import load_catalogue

    kind = KeyKind(this.manifest.keys["item"])
    catalogue = load_catalogue(this.path(ITEMS), item_kind=kind)
    never = never_recommend(settings.never_recommend, kind, catalogue.ids, target).items
    items = catalogue.ids.as_texts()
    return items, {*compress(items, catalogue.allowed(catalogue.ids, never))}


def _write_lists(
    settings: Settings, this: Run, source: Run, sellable: Collection[str], forgotten: Forgotten
) -> tuple[int, int]:
    """Write every list again; returns how many rows were dropped, and filled."""
    from recommender.operations.refill import popular_of, write_again

    manifest = this.manifest
    popular = popular_of(source.path(POPULAR_ITEMS.file_name), sellable)
    bought = _bought(settings, this)
    no_guests = not settings.publish_guests
    dropped = filled = 0
    for definition in LISTS:
        name = definition.file_name
        changes = write_again(
            source.path(name),
            this.path(name),
            definition,
            sellable=sellable,
            popular=popular,
            bought=bought,
            leave_out=lambda key: key in forgotten or (no_guests and is_guest(key)),
        )
        dropped, filled = dropped + changes.dropped, filled + changes.filled
        manifest.note_file(name, sha256_of(this.path(name)))
        manifest.counts[f"rows_{definition.name}"] = changes.rows
    manifest.counts |= {"rows_dropped": dropped, "rows_filled": filled}
    return dropped, filled


def _not_shown(source: Run, definition: ListTable) -> Collection[str]:
    """Items whose list it is, or that are a reason; the earlier night's gate has known them."""
    places = [i for i, c in enumerate(definition.columns) if c.role is Role.ITEM and not c.shown]
    records = read_records(source.path(definition.file_name))
    next(records)
    return {str(record[i]) for record in records for i in places if record[i]} if places else set()


def _bought(settings: Settings, this: Run) -> Callable[[str], Collection[str]] | None:
    """Which items a customer has bought, from the newest sales that are kept; asked for when needed.

    With REPEAT_PURCHASES=include nobody minds. Where no sales are kept, nobody knows, and nothing is filled.
    """
    if settings.repeat_purchases is RepeatPurchases.INCLUDE:
        return lambda _customer: ()
    kept = [run for run in published_runs(list_runs(settings.data_dir)) if run.sales_path()]
    if not kept:
        record.warn(this, "No sales are kept to tell what customers have bought: lists were not filled up.")
        return None

    @cache
    def everybody() -> tuple[dict[str, int], Callable[[int], Collection[str]]]:
        from recommender.learning.interactions import load_sale_lines, make_interactions

        newest = kept[-1]
        path, keys = newest.sales_path(), newest.manifest.keys
        assert path is not None  # noqa: S101 - looked at above
        lines = load_sale_lines(
            path, customer_kind=KeyKind(keys["customer"]), item_kind=KeyKind(keys["item"])
        )
        interactions = make_interactions(lines, half_life_days=settings.half_life_days)
        weights, items = interactions.weights, interactions.item_ids.as_texts()
        rows = {text: row for row, text in enumerate(interactions.user_ids.as_texts())}

        def of_row(row: int) -> Collection[str]:
            found = weights.indices[weights.indptr[row] : weights.indptr[row + 1]]
            return [items[item] for item in found.tolist()]

        return rows, of_row

    def bought(customer: str) -> Collection[str]:
        rows, of_row = everybody()
        return of_row(rows[customer]) if customer in rows else ()

    return bought
