"""The export stage: the shop's sales, items and rules, as CSV files of the run folder."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from recommender.database.base import Database, Snapshot
from recommender.database.query import Query, read_query, require_decided
from recommender.errors import SettingsError
from recommender.export.beyond import AllSales, Newest
from recommender.export.fields import find_columns
from recommender.export.forgotten import Forgotten
from recommender.export.shopitems import ITEM_COLUMNS, read_items
from recommender.export.shoprules import RuleReader, column_warnings
from recommender.export.shopsales import Counts, SalesWriter
from recommender.export.sourcefiles import SourceFiles
from recommender.export.sources import RowSources, queries_of
from recommender.runs.folder import ITEMS, QUERIES, RULES, RULES_QUERY, SALES, STATUSES_QUERY
from recommender.settings import Settings
from recommender.system.files import atomic_path, write_bytes
from recommender.system.progress import UNSEEN, Step
from recommender.system.window import Window
from recommender.tables import KeyKind, Role

NO_KINDS: Mapping[str, KeyKind] = {}
_KEYS = ("customer_id", "item_id")
SALE_COLUMNS = ((*_KEYS, "sold_at"), ("quantity", "price", "order_id", "guest_email"))
"""Of `sales.sql`: those that must be there, and those that may."""


@dataclass
class Export:
    """What the export stage hands on, beside its files."""

    customer_kind: KeyKind
    item_kind: KeyKind
    counts: Counts
    sales_sha256: str
    items_sha256: str
    rules_sha256: str | None
    """of `rules.csv`; None where the shop has no rules.sql, and so no such file"""
    warnings: list[str] = field(default_factory=list)
    older: Newest | None = None
    """The newest sale there is, where none is in the window."""
    files: Mapping[str, SourceFiles | None] = field(default_factory=dict)
    """What was read in the place of a query, by its name; None: the query was."""

    def older_day(self, zone: ZoneInfo) -> date | None:
        """The shop's day of that sale."""
        return None if self.older is None else self.older.day(zone)


@dataclass(frozen=True)
class ItemsExport:
    """What is known of a new `items.csv`, and of the rules beside it."""

    kind: KeyKind
    counts: Counts
    """of the items"""
    sha256: str
    rules_sha256: str | None
    """of `rules.csv` with the rules of now, as `Export` has it"""
    warnings: list[str]


def export(
    shop: Database,
    settings: Settings,
    *,
    folder: Path,
    window: Window,
    forgotten: Forgotten,
    kinds: Mapping[str, KeyKind] = NO_KINDS,
    expected: int = 0,
    progress: Step = UNSEEN,
    within: Snapshot | None = None,
    undecided: bool = False,
) -> Export:
    """Write `sales.csv`, `items.csv` and, where there is a rules.sql, `rules.csv` of one moment of the shop.

    Files stand for the queries where SALES_URI and ITEMS_URI name some.

    Memory is bounded by the size of a batch, not by the number of sales.

    Args:
        shop: its database.
        settings: where the queries are, and how sales are read.
        folder: the run folder.
        window: which sales.
        forgotten: the customers whose sales are left out.
        kinds: of the keys in our tables, by the names of their columns, for files that do not tell them.
        expected: sales that there were the last time; 0 where nobody knows.
        progress: hears of the sales written so far.
        within: the snapshot to read from; default one of its own.
        undecided: read them although something is to be decided in a query: for a look, not for lists.

    Raises:
        SettingsError: a query file is missing, is not one SELECT, lacks a column, or has something to be
            decided.
        RefusedError: more than 1 % of the lines are unusable or lie in the future; keys of mixed kinds; a
            rule that nobody could follow.
        DatabaseError: the database failed, refused a query or took too long; files cannot be reached.
    """
    steps = progress.split({"read the sales": 9, "read the items": 1})
    reading = steps["read the sales"].begin()

    def written(n_sales: int) -> None:
        if expected:
            reading(min(n_sales, expected), expected)
        else:
            reading.count(n_sales)

    since = since_of(window, settings)
    if not undecided:
        require_decided(all_queries(settings), shop.backend)
    rules_query = _rules_query(shop, settings, since)
    sources = RowSources(shop, settings, folder=folder, since=since, kinds=kinds, snapshot=within)
    with closing(sources):
        sold, sold_items = (sources.open(name) for name in QUERIES)
        columns = find_columns(sold.query, sold.reader, *SALE_COLUMNS)
        item_columns = find_columns(sold_items.query, sold_items.reader, *ITEM_COLUMNS)
        found_kinds = {name: sold.reader.key_type(sold.query, columns[name]).kind for name in _KEYS}
        item_kind = sold_items.reader.key_type(sold_items.query, item_columns["item_id"]).kind
        if item_kind is not found_kinds["item_id"]:
            raise SettingsError(
                "keys-differ",
                f"item_id is {found_kinds['item_id']} in {sold.query.path} but {item_kind} in"
                f" {sold_items.query.path}.",
                "Give both the same type, with CAST in one of the queries.",
            )
        sales = SalesWriter(
            sold.query,
            columns,
            found_kinds,
            settings,
            window=window,
            forgotten=forgotten,
            reader=sold.reader,
        )
        with (
            atomic_path(folder / SALES) as path,
            path.open("wb") as file,
            # Ended here also when a line is refused: behind its connection it could not end in order.
            closing(sold.reader.batches(sold.query, [*columns.values()])) as batches,
        ):
            sales_sha256 = sales.write(file, batches, written)
        sales.check()
        steps["read the items"].begin()
        items = read_items(
            sold_items.reader, sold_items.query, item_columns, item_kind, settings.sales_timezone
        )
        reader = RuleReader(
            settings,
            window.as_of_day,
            {Role.CUSTOMER: found_kinds["customer_id"], Role.ITEM: item_kind},
            forgotten,
        )
        rules, odd = (None, ()) if rules_query is None else _rules(reader, rules_query, sources.snapshot)
        if sold.files is None:
            # Last, since a server ends its snapshot where it cannot be asked this.
            every = AllSales(shop, sources.snapshot, settings.sql_dir / QUERIES[0], columns["sold_at"])
            if sold.query.uses_since:
                sales.add(every.not_compared(since, returned=sales.returned))
            older = None if sales.counts.sales else every.newest(window.end, settings.sales_timezone)
        else:
            older = None if sales.counts.sales else sales.newest_before
    sales.counts.items, sales.counts.sellable_items = items.counted()
    return Export(
        customer_kind=found_kinds["customer_id"],
        item_kind=item_kind,
        counts=sales.counts,
        sales_sha256=sales_sha256,
        items_sha256=items.write(folder / ITEMS),
        rules_sha256=_written(folder / RULES, rules),
        warnings=[*sales.warnings(), *items.warnings(), *odd],
        older=older,
        files={name: source.files for name, source in zip(QUERIES, (sold, sold_items), strict=True)},
    )


def export_items(
    shop: Database,
    settings: Settings,
    *,
    folder: Path,
    now: datetime,
    customer_kind: KeyKind,
    item_kind: KeyKind,
    forgotten: Forgotten,
) -> ItemsExport:
    """Write `items.csv` and, where there is a rules.sql, `rules.csv`, of the shop as it is now.

    What `:since` is, where a query has it, is `now`.

    Args:
        shop: its database.
        settings: where the queries are.
        folder: the run folder.
        now: aware; the rules are those that hold on the shop's day of it.
        customer_kind: of the shop's keys.
        item_kind: the same, for files that do not tell it.
        forgotten: the customers whose rules are left out.

    Raises:
        SettingsError: a query file is missing, is not one SELECT, or lacks a column.
        RefusedError: more than 1 % of the rows have no key; a rule that nobody could follow.
        DatabaseError: the database failed, refused a query or took too long.
    """
    since = now.replace(tzinfo=None)
    require_decided(all_queries(settings), shop.backend)
    rules_query = _rules_query(shop, settings, since)
    kinds = {"customer_id": customer_kind, "item_id": item_kind}
    with closing(RowSources(shop, settings, folder=folder, since=since, kinds=kinds)) as sources:
        sold = sources.open(QUERIES[1])
        columns = find_columns(sold.query, sold.reader, *ITEM_COLUMNS)
        kind = sold.reader.key_type(sold.query, columns["item_id"]).kind
        items = read_items(sold.reader, sold.query, columns, kind, settings.sales_timezone)
        day = now.astimezone(settings.shop_timezone).date()
        reader = RuleReader(settings, day, {Role.CUSTOMER: customer_kind, Role.ITEM: kind}, forgotten)
        rules, odd = (None, ()) if rules_query is None else _rules(reader, rules_query, sources.snapshot)
    counts = Counts()
    counts.items, counts.sellable_items = items.counted()
    sha256, rules_sha256 = items.write(folder / ITEMS), _written(folder / RULES, rules)
    return ItemsExport(kind, counts, sha256, rules_sha256, [*items.warnings(), *odd])


def all_queries(settings: Settings) -> list[Path]:
    """Where the owner's queries are that are read, the ones that need not be there among them."""
    return [settings.sql_dir / name for name in (*queries_of(settings), RULES_QUERY, STATUSES_QUERY)]


def since_of(window: Window, settings: Settings) -> datetime:
    """What `:since` is: naive, in the zone of the sales.

    A day early: a coarse filter for the database; the window is cut exactly on parsed times.
    """
    return (window.start.astimezone(settings.sales_timezone) - timedelta(days=1)).replace(tzinfo=None)


def _rules_query(shop: Database, settings: Settings, since: datetime) -> Query | None:
    """The shop's rules.sql, where it has one."""
    path = settings.sql_dir / RULES_QUERY
    # A link to nothing is no file that is not there: rules are missing.
    return read_query(path, shop.backend, since, undecided=True) if os.path.lexists(path) else None


def _rules(reader: RuleReader, query: Query, snapshot: Snapshot) -> tuple[bytes, Sequence[str]]:
    """The content of `rules.csv`, and warnings."""
    return reader.read(query, snapshot), column_warnings(query, snapshot)


def _written(path: Path, content: bytes | None) -> str | None:
    """Write a file where there is something to write; returns its sha256."""
    if content is None:
        return None
    write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()
