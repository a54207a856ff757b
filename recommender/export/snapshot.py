"""The export stage: the shop's sales, items and rules, as CSV files of the run folder."""

import hashlib
import os
from collections.abc import Sequence
from contextlib import closing, nullcontext
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
from recommender.runs.folder import ITEMS, QUERIES, RULES, RULES_QUERY, SALES, STATUSES_QUERY
from recommender.settings import Settings
from recommender.system.files import atomic_path, write_bytes
from recommender.system.progress import UNSEEN, Step
from recommender.system.window import Window
from recommender.tables import KeyKind, Role

_KEYS = ("customer_id", "item_id")
_OPTIONAL = ("quantity", "price", "order_id")


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
    expected: int = 0,
    progress: Step = UNSEEN,
    within: Snapshot | None = None,
    undecided: bool = False,
) -> Export:
    """Write `sales.csv`, `items.csv` and, where there is a rules.sql, `rules.csv` of one moment of the shop.

    Memory is bounded by the size of a batch, not by the number of sales.

    Args:
        shop: its database.
        settings: where the queries are, and how sales are read.
        folder: the run folder.
        window: which sales.
        forgotten: the customers whose sales are left out.
        expected: sales that there were the last time; 0 where nobody knows.
        progress: hears of the sales written so far.
        within: the snapshot to read from; default one of its own.
        undecided: read them although something is to be decided in a query: for a look, not for lists.

    Raises:
        SettingsError: a query file is missing, is not one SELECT, lacks a column, or has something to be
            decided.
        RefusedError: more than 1 % of the lines are unusable or lie in the future; keys of mixed kinds; a
            rule that nobody could follow.
        DatabaseError: the database failed, refused a query or took too long.
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
    sales_query, items_query = (
        read_query(settings.sql_dir / name, shop.backend, since, undecided=True) for name in QUERIES
    )
    rules_query = _rules_query(shop, settings, since)
    with nullcontext(within) if within else shop.snapshot(folder, settings.query_timeout_seconds) as snapshot:
        columns = find_columns(sales_query, snapshot, (*_KEYS, "sold_at"), (*_OPTIONAL, "guest_email"))
        item_columns = find_columns(items_query, snapshot, *ITEM_COLUMNS)
        kinds = {name: snapshot.key_type(sales_query, columns[name]).kind for name in _KEYS}
        item_kind = snapshot.key_type(items_query, item_columns["item_id"]).kind
        if item_kind is not kinds["item_id"]:
            raise SettingsError(
                "keys-differ",
                f"item_id is {kinds['item_id']} in {sales_query.path} but {item_kind} in {items_query.path}.",
                "Give both the same type, with CAST in one of the queries.",
            )
        sales = SalesWriter(
            sales_query,
            columns,
            kinds,
            settings,
            window=window,
            forgotten=forgotten,
            integers_as_text=snapshot.integers_as_text,
        )
        with (
            atomic_path(folder / SALES) as path,
            path.open("wb") as file,
            # Ended here also when a line is refused: behind its connection it could not end in order.
            closing(snapshot.batches(sales_query, [*columns.values()])) as batches,
        ):
            sales_sha256 = sales.write(file, batches, written)
        sales.check()
        steps["read the items"].begin()
        items = read_items(snapshot, items_query, item_columns, item_kind, settings.sales_timezone)
        reader = RuleReader(
            settings,
            window.as_of_day,
            {Role.CUSTOMER: kinds["customer_id"], Role.ITEM: item_kind},
            forgotten,
        )
        rules, odd = _rules(reader, rules_query, snapshot)
        # Last, since a server ends its snapshot where it cannot be asked this.
        every = AllSales(shop, snapshot, sales_query.path, columns["sold_at"])
        if sales_query.uses_since:
            sales.add(every.not_compared(since, returned=sales.returned))
        older = None if sales.counts.sales else every.newest(window.end, settings.sales_timezone)
    sales.counts.items, sales.counts.sellable_items = items.counted()
    return Export(
        customer_kind=kinds["customer_id"],
        item_kind=item_kind,
        counts=sales.counts,
        sales_sha256=sales_sha256,
        items_sha256=items.write(folder / ITEMS),
        rules_sha256=_written(folder / RULES, rules),
        warnings=[*sales.warnings(), *items.warnings(), *odd],
        older=older,
    )


def export_items(
    shop: Database,
    settings: Settings,
    *,
    folder: Path,
    now: datetime,
    customer_kind: KeyKind,
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
        forgotten: the customers whose rules are left out.

    Raises:
        SettingsError: a query file is missing, is not one SELECT, or lacks a column.
        RefusedError: more than 1 % of the rows have no key; a rule that nobody could follow.
        DatabaseError: the database failed, refused a query or took too long.
    """
    since = now.replace(tzinfo=None)
    require_decided(all_queries(settings), shop.backend)
    query = read_query(settings.sql_dir / QUERIES[1], shop.backend, since)
    rules_query = _rules_query(shop, settings, since)
    with shop.snapshot(folder, settings.query_timeout_seconds) as snapshot:
        columns = find_columns(query, snapshot, *ITEM_COLUMNS)
        kind = snapshot.key_type(query, columns["item_id"]).kind
        items = read_items(snapshot, query, columns, kind, settings.sales_timezone)
        day = now.astimezone(settings.shop_timezone).date()
        reader = RuleReader(settings, day, {Role.CUSTOMER: customer_kind, Role.ITEM: kind}, forgotten)
        rules, odd = _rules(reader, rules_query, snapshot)
    counts = Counts()
    counts.items, counts.sellable_items = items.counted()
    sha256, rules_sha256 = items.write(folder / ITEMS), _written(folder / RULES, rules)
    return ItemsExport(kind, counts, sha256, rules_sha256, [*items.warnings(), *odd])


def all_queries(settings: Settings) -> list[Path]:
    """Where the owner's queries are, the ones that need not be there among them."""
    return [settings.sql_dir / name for name in (*QUERIES, RULES_QUERY, STATUSES_QUERY)]


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


def _rules(reader: RuleReader, query: Query | None, snapshot: Snapshot) -> tuple[bytes | None, Sequence[str]]:
    """The content of `rules.csv`, and warnings; none of both where there is no query."""
    if query is None:
        return None, ()
    return reader.read(query, snapshot), column_warnings(query, snapshot)


def _written(path: Path, content: bytes | None) -> str | None:
    """Write a file where there is something to write; returns its sha256."""
    if content is None:
        return None
    write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()
