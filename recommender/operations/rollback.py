"""Undo: the lists of an earlier night once more, for what may be sold now, as a run of its own."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import compress
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from recommender.database import open_database
from recommender.database.schema import Target
from recommender.errors import RefusedError, SettingsError
from recommender.export.forgotten import read_forgotten
from recommender.export.snapshot import export_items
from recommender.export.sources import said_as
from recommender.night import record
from recommender.night.context import Night
from recommender.night.export import named_rules
from recommender.night.locked import locked
from recommender.night.namedrules import keep_rules
from recommender.night.never import never_recommend
from recommender.night.publish import Publishing
from recommender.night.rank import RankedLists
from recommender.night.run import tidy_up
from recommender.operations.pastruns import RunFigures, one_run
from recommender.publishing.gate import ListableItems
from recommender.runs.folder import ITEMS, QUERIES, RULES, Run, named_run, new_run
from recommender.runs.hold import Hold, find_hold, set_hold
from recommender.runs.items import load_catalogue
from recommender.runs.keys import Keys
from recommender.runs.leftout import LeftOut, left_out
from recommender.runs.lists import ListFile, coded, coded_positions, coded_scores
from recommender.runs.manifest import Source, Stage, Status
from recommender.settings import Settings
from recommender.system.progress import Progress
from recommender.tables import LISTS, ListTable, Role, is_guest

_OTHERS = "`recommend runs` lists them; name one: `recommend rollback RUN_ID`."


@dataclass(frozen=True)
class RollbackReport:
    """What a rollback made, and the hold that stands."""

    run: RunFigures | None
    """The run that published the lists again; null where only the hold was set or released."""
    rows_dropped: int
    """Rows of items that may not be sold any more."""
    hold: Hold | None
    """The hold that keeps nights from publishing, where one stands."""


@dataclass(frozen=True)
class RolledBack:
    """What customers see after it."""

    run: Run
    source: Run
    """whose lists they are"""
    dropped: int
    """rows of items that may not be sold any more"""
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
    with locked(settings) as held:
        source = _source(settings, held.target, run_id)
        this = _begin(settings, source)
        with record.recorded(this):
            forgotten = read_forgotten(held.target, settings)
            night = Night(settings, this, held.past, forgotten, held.target, progress or Progress())
            stages = {Stage.EXPORT: 1.0, Stage.RANK: 1.0, Stage.PUBLISH: 1.0}
            record.plan_progress(night.progress, held.past, stages, Source.ROLLBACK)
            with record.stage(this, Stage.EXPORT, night.progress) as figures:
                night.progress.step.split({"read the items": 1})["read the items"].begin()
                figures["summary"] = f"{_read_items(night, source):,} items"
            with record.stage(this, Stage.RANK, night.progress) as figures:
                night.progress.step.split({"leave out items": 1})["leave out items"].begin()
                ranked, dropped = _write_lists(night, source)
                figures["summary"] = f"{dropped:,} rows left out"
            Publishing(night, held.target, ranked).publish(held.lock, force=force)
            if hold:
                set_hold(settings.data_dir, now=datetime.now(UTC), source_run_id=source.run_id)
            return RolledBack(this, source, dropped, removed=tidy_up(night))


def report(settings: Settings, done: RolledBack | None) -> RollbackReport:
    """What is told to machines; of a call that only looked after the hold without a run."""
    return RollbackReport(
        run=None if done is None else one_run(settings, done.run.run_id),
        rows_dropped=0 if done is None else done.dropped,
        hold=find_hold(settings.data_dir),
    )


def hold_shown(settings: Settings, run_id: str) -> bool:
    """Keep nights from publishing, if the lists of this run are shown already; whether they are.

    Raises:
        SettingsError: several runs are meant.
        DatabaseError: the database failed.
        LockedError: a run is going on.
    """
    with locked(settings) as held:
        with held.target.connect() as connection:
            last = held.target.last_publish(connection)
        # The run that is shown need not be kept any more.
        if last is None or (
            last.source_run_id != run_id and last.source_run_id != named_run(settings.data_dir, run_id).run_id
        ):
            return False
        set_hold(settings.data_dir, now=datetime.now(UTC), source_run_id=str(last.source_run_id))
        return True


def _source(settings: Settings, target: Target, run_id: str | None) -> Run:
    """The run whose lists are to be published again."""
    with target.connect() as connection:
        last = target.last_publish(connection)
        if last is None:
            raise RefusedError(
                "rollback-nothing",
                "Nothing was ever published, so there is nothing to go back to.",
                "Begin: `recommend run`.",
            )
        shown = str(last.source_run_id)
        if run_id is None:
            run_id = _before(target, connection, shown)
    if run_id == shown:
        raise RefusedError(
            "rollback-shown", f"The lists of {run_id} are the ones that are shown now.", _OTHERS
        )
    try:
        source = named_run(settings.data_dir, run_id)
    except SettingsError as error:
        raise SettingsError(
            "run-unknown", f"{error.reason} It may have been removed by now.", _OTHERS
        ) from error
    if source.run_id == shown:
        raise RefusedError(
            "rollback-shown", f"The lists of {shown} are the ones that are shown now.", _OTHERS
        )
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
            "rollback-nothing",
            f"No night was published before {shown}, whose lists are shown now.",
            "`recommend run` makes new ones.",
        )
    return str(found)


def _require_lists(source: Run) -> None:
    """Only what was published once, and is as it was then, is published again."""
    manifest = source.manifest
    if manifest.source is Source.ROLLBACK:
        raise RefusedError(
            "rollback-of-rollback",
            f"{source.run_id} is a rollback itself, to {manifest.source_run_id}.",
            f"`recommend rollback {manifest.source_run_id}`.",
        )
    if manifest.status is not Status.PUBLISHED:
        raise RefusedError(
            "rollback-unpublished", f"{source.run_id} was never published: it is {manifest.status}.", _OTHERS
        )
    for definition in LISTS:
        if not source.is_whole(definition.file_name):
            path = source.path(definition.file_name)
            raise RefusedError("rollback-changed", f"{path} is no longer what was published.", _OTHERS)


def _begin(settings: Settings, source: Run) -> Run:
    """A new run folder: what was learned from the sales is the source's, the rest is of now."""
    this, old = new_run(settings.data_dir, datetime.now(UTC)), source.manifest
    record.begin(this, settings)
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


def _read_items(night: Night, source: Run) -> int:
    """Export the items as they are now; returns how many there are."""
    settings, manifest = night.settings, night.run.manifest
    shop = open_database(settings.database_url)
    found = export_items(
        shop,
        settings,
        folder=night.run.folder,
        now=datetime.now(UTC),
        customer_kind=night.kinds[Role.CUSTOMER],
        item_kind=night.kinds[Role.ITEM],
        forgotten=night.forgotten,
    )
    if found.kind is not night.kinds[Role.ITEM]:
        raise SettingsError(
            "rollback-other-keys",
            f"item_id is {found.kind} in {said_as(settings, QUERIES[1])}, but {manifest.keys['item']} in the"
            f" lists of {source.run_id}.",
            "`recommend run` makes lists of the new kind.",
        )
    for warning in found.warnings:
        record.warn(night.run, warning)
    manifest.note_file(ITEMS, found.sha256)
    if found.rules_sha256 is not None:
        manifest.note_file(RULES, found.rules_sha256)
    manifest.counts["sellable_items"] = found.counts.sellable_items
    return found.counts.items


def _write_lists(night: Night, source: Run) -> tuple[RankedLists, int]:
    """Write every list again; and how many rows of what may not be sold were left out."""
    run, settings, manifest, kind = night.run, night.settings, night.run.manifest, night.kinds[Role.ITEM]
    catalogue = load_catalogue(run.path(ITEMS), item_kind=kind)
    never = never_recommend(settings.never_recommend, kind, catalogue.ids, night.target).items
    named = named_rules(night, catalogue, sold=Keys.of(), customers=_customers_of(source), never=never)
    keep_rules(run, named)
    for warning in named.warnings:
        record.warn(run, warning)
    never = never.union(named.never)
    rules = {definition: left_out(named.rules, definition, catalogue) for definition in LISTS}
    items = catalogue.ids.as_texts()
    sellable = {*compress(items, catalogue.allowed(catalogue.ids, never))}
    no_guests = not settings.publish_guests
    dropped = 0
    for definition in LISTS:
        name = definition.file_name
        rows, gone = write_again(
            source.path(name),
            run.path(name),
            definition,
            sellable=sellable,
            rules=rules[definition],
            leave_out=lambda key: key in night.forgotten or (no_guests and is_guest(key)),
        )
        dropped += gone
        run.note(name)
        manifest.counts[f"rows_{definition.name}"] = rows
    manifest.counts["rows_dropped"] = dropped
    # What is no longer sold may still have a page, and be a reason.
    known = {*items, *(item for definition in LISTS for item in _not_shown(source, definition))}
    listable = ListableItems(sellable=sellable, known=known, left_out=rules)
    return RankedLists(listable, histories=None), dropped


def _customers_of(source: Run) -> Keys:
    """Everybody who has a list of their own."""
    kind, found = source.manifest.keys["customer"], Keys.of()
    for definition in LISTS:
        if definition.columns[0].role is Role.CUSTOMER:
            columns = ListFile(source.path(definition.file_name), definition).read()
            found = found.union(columns.take_keys(definition.columns[0].name, kind, guests=True)[0])
    return found


def write_again(
    old: Path,
    new: Path,
    definition: ListTable,
    *,
    sellable: Collection[str],
    rules: LeftOut,
    leave_out: Callable[[str], bool],
) -> tuple[int, int]:
    """Write a list again without what may not be shown now.

    Positions have no gaps, and scores are relative to the new first row.

    Args:
        old: the file of the earlier run.
        new: where to write.
        definition: the list.
        sellable: items that may be recommended now.
        rules: what the shop's rules leave out of the list now.
        leave_out: whether a customer has no rows.

    Returns:
        Rows written, and rows left out for their item.

    Raises:
        RefusedError: the old file is not in our form.
    """
    try:
        columns = ListFile(old, definition).read()
        score = columns.take_numbers("score")
        # Of each other column the distinct texts, and for each row which of them.
        texts = {
            column.name: columns.take_texts(column.name, nullable=column.nullable)
            for column in definition.columns
            if column.role not in (Role.POSITION, Role.SCORE)
        }
    except (RefusedError, OSError) as error:
        raise RefusedError("run-damaged", f"{old} cannot be read: {error}", "Take another run.") from error
    items, item = next(texts[c.name] for c in definition.columns if c.role is Role.ITEM and c.shown)
    owners, owner = texts.get(definition.key[0], ([""], np.zeros(len(score), np.int32)))
    is_sold = np.array([text in sellable and text not in rules.items for text in items], bool)[item]
    has_rules = np.array([text in rules.of_customers for text in owners], bool)[owner]
    for row in np.flatnonzero(has_rules).tolist():
        is_sold[row] &= not rules.has(owners[owner[row]], items[item[row]])
    has_customers = Role.CUSTOMER in {column.role for column in definition.columns}
    stays = np.array([not (has_customers and leave_out(text)) for text in owners], bool)[owner]
    kept = stays & is_sold
    begins = np.flatnonzero(np.diff(owner[kept], prepend=-1))
    lengths = np.diff(begins, append=np.count_nonzero(kept))
    score = score[kept]
    first = np.repeat(score[begins], lengths)
    score = np.rint(1000 * score / np.where(first > 0, first, 1)) / 1000
    score[begins] = 1
    written = {
        "position": coded_positions(np.arange(1, len(score) + 1) - np.repeat(begins, lengths)),
        "score": coded_scores(score),
        **{name: coded(distinct, rows[kept]) for name, (distinct, rows) in texts.items()},
    }
    n_rows = ListFile(new, definition).write([[written[column.name] for column in definition.columns]])
    return n_rows, int(np.count_nonzero(stays & ~is_sold))


def _not_shown(source: Run, definition: ListTable) -> Iterator[str]:
    """Items whose list it is, or that are a reason; the earlier night's gate has known them."""
    columns = ListFile(source.path(definition.file_name), definition).read()
    for column in definition.columns:
        if column.role is Role.ITEM and not column.shown:
            yield from columns.take_texts(column.name, nullable=column.nullable)[0]
