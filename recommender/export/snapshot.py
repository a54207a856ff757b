"""The export stage: the shop's sales, items and rules, as CSV files of the run folder."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.compute as pc

from recommender.database.base import Batch, Database, QueryColumn, Snapshot, Values, listed
from recommender.database.query import Query, read_query, require_decided
from recommender.errors import RefusedError, SettingsError
from recommender.export.beyond import AllSales, Newest, NotCompared
from recommender.export.fields import (
    KEY_TYPES,
    MOMENT,
    MOST_BAD_SHARE,
    GuestKeys,
    csv_text,
    find_columns,
    key_array,
    number_array,
    text_array,
)
from recommender.export.forgotten import Forgotten
from recommender.export.shopitems import ITEM_COLUMNS, read_items
from recommender.export.shoprules import RuleReader, column_warnings
from recommender.runs.folder import ITEMS, QUERIES, RULES, RULES_QUERY, SALES, STATUSES_QUERY
from recommender.settings import Settings
from recommender.system.arrays import Bools
from recommender.system.arrow import pa
from recommender.system.files import atomic_path, write_bytes
from recommender.system.progress import UNSEEN, Step
from recommender.system.times import UNREADABLE, microseconds, parse_times
from recommender.system.window import Window
from recommender.tables import KeyKind, Role

log = logging.getLogger(__name__)

_KEYS = ("customer_id", "item_id")
_OPTIONAL = ("quantity", "price", "order_id")
_EXAMPLES = 3


@dataclass
class Counts:
    """What the export read and left out; shares are of `read`."""

    read: int = 0
    """Sale lines in the window, with the unusable and the future ones."""
    sales: int = 0
    """Sale lines written."""
    future: int = 0
    without_customer: int = 0
    without_item: int = 0
    unreadable_time: int = 0
    unreadable_quantity: int = 0
    not_compared: int = 0
    """Left out by the comparison with :since, which cannot tell how old they are; on top of `read`."""
    guest_sales: int = 0
    forgotten: int = 0
    """Of customers who are to be forgotten."""
    items: int = 0
    sellable_items: int = 0
    newest: int | None = None
    """The newest sale written, microseconds of UTC."""


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
                f"item_id is {kinds['item_id']} in {sales_query.path} but {item_kind} in {items_query.path}.",
                "Give both the same type, with CAST in one of the queries.",
            )
        sales = _SalesWriter(
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


class _SalesWriter:
    """Turns batches of rows into lines of `sales.csv`, cutting, counting and checking on the way."""

    def __init__(
        self,
        query: Query,
        columns: dict[str, QueryColumn],
        kinds: dict[str, KeyKind],
        settings: Settings,
        *,
        window: Window,
        forgotten: Forgotten,
        integers_as_text: bool,
    ) -> None:
        self._query = query
        self._integers_as_text = integers_as_text
        self._columns = columns
        self._kinds = kinds
        self._window = window
        # A column that stores instants is read with the session in UTC.
        self._zone = ZoneInfo("UTC") if columns["sold_at"].is_instant else settings.sales_timezone
        self._guests = GuestKeys(settings.guest_key, query.path)
        self._forgotten = forgotten
        types = {
            # Where there are guests, their keys stand beside integers.
            "customer_id": pa.string() if "guest_email" in columns else KEY_TYPES[kinds["customer_id"]],
            "item_id": KEY_TYPES[kinds["item_id"]],
            "sold_at": MOMENT,
            "quantity": pa.float64(),
            "price": pa.float64(),
            "order_id": pa.string(),
        }
        self._schema = pa.schema([(name, kind) for name, kind in types.items() if name in columns])
        self._examples: dict[str, list[str]] = {}
        self.counts = Counts()
        self.returned = 0
        """Lines that the query returned, older ones among them."""

    def write(self, file: BinaryIO, batches: Iterator[Batch], progress: Callable[[int], None]) -> str:
        """Write the whole file; returns its sha256."""
        digest = hashlib.sha256()
        for block in self._blocks(batches):
            file.write(block)
            digest.update(block)
            progress(self.counts.sales)
        return digest.hexdigest()

    def _blocks(self, batches: Iterator[Batch]) -> Iterator[bytes]:
        yield csv_text(self._schema.empty_table(), header=True)
        for batch in batches:
            yield csv_text(self._sales(dict(zip(self._columns, batch, strict=True))))

    def _sales(self, batch: dict[str, Values]) -> pa.Table:
        """The sales of a batch that are kept."""
        times = parse_times(batch["sold_at"], self._zone)
        self.returned += len(times)
        start, end = microseconds(self._window.start), microseconds(self._window.end)
        unreadable = times == UNREADABLE
        future = times >= end
        keep = ~unreadable & ~future & (times >= start)
        if self._window.is_past:  # what came after that day is not looked at
            future[:] = False
        self.counts.future += int(future.sum())
        self.counts.read += int((unreadable | future | keep).sum())
        self._note("unreadable_time", "sold_at", unreadable, batch["sold_at"])
        columns = {
            "customer_id": self._customers(batch, keep),
            "item_id": self._keys("item_id", batch),
            "sold_at": pa.array(times, MOMENT),
        }
        keep &= ~self._gone(columns["customer_id"], keep)
        for name, reason in (("customer_id", "without_customer"), ("item_id", "without_item")):
            keep &= ~self._missing(columns[name], keep, reason, "sold_at", batch["sold_at"])
        if "quantity" in batch:
            columns["quantity"] = number_array(batch["quantity"])
            keep &= ~self._missing(
                columns["quantity"], keep, "unreadable_quantity", "quantity", batch["quantity"]
            )
        if "price" in batch:
            columns["price"] = number_array(batch["price"])
        if "order_id" in batch:
            columns["order_id"] = text_array(batch["order_id"])
        self.counts.sales += int(keep.sum())
        self.counts.newest = max(self.counts.newest or UNREADABLE, int(times[keep].max(initial=UNREADABLE)))
        ordered = [columns[name] for name in self._schema.names]
        return pa.Table.from_arrays(ordered, schema=self._schema).filter(pa.array(keep))

    def _keys(self, name: str, batch: dict[str, Values]) -> pa.Array:
        return key_array(
            batch[name], self._kinds[name], name, self._query.path, integers_as_text=self._integers_as_text
        )

    def _customers(self, batch: dict[str, Values], keep: Bools) -> pa.Array:
        found = self._keys("customer_id", batch)
        if "guest_email" not in batch:
            return found
        keys, addresses = found.cast(pa.string()).to_pylist(), listed(batch["guest_email"])
        for place in np.flatnonzero(np.asarray(found.is_null()) & keep).tolist():
            keys[place] = self._guests.key(addresses[place])
            self.counts.guest_sales += keys[place] is not None
        return pa.array(keys, pa.string())

    def _gone(self, customers: pa.Array, keep: Bools) -> Bools:
        """Which of the lines are of customers who are to be forgotten."""
        if not self._forgotten:
            return np.zeros(len(customers), bool)
        texts = customers.cast(pa.string())
        gone = self._forgotten.among(texts.unique().drop_null().to_pylist())
        found: Bools = np.asarray(pc.is_in(texts, pa.array(sorted(gone), pa.string()))) & keep
        self.counts.forgotten += int(found.sum())
        return found

    def _missing(self, column: pa.Array, keep: Bools, reason: str, shown: str, values: Values) -> Bools:
        """Which of the lines that are kept have nothing in a column."""
        missing: Bools = np.asarray(column.is_null()) & keep
        self._note(reason, shown, missing, values)
        return missing

    def _note(self, reason: str, column: str, bad: Bools, shown: Values) -> None:
        """Count bad lines and keep some as examples: a time or a quantity, never a person."""
        places = np.flatnonzero(bad)
        setattr(self.counts, reason, getattr(self.counts, reason) + len(places))
        examples = self._examples.setdefault(reason, [])
        some = places[: _EXAMPLES - len(examples)]
        values = listed(shown) if len(some) else ()
        for place in some:
            value = values[place]
            if not reason.startswith("unreadable"):
                examples.append(f"sold_at {value}")
            else:
                examples.append(f"{column} = {'NULL' if value is None else repr(str(value)[:40])}")

    def check(self) -> None:
        """Refuse an export of which more than 1 % cannot be used."""
        counts = self.counts
        words = {
            "without_customer": "have no customer_id (and no guest_email)",
            "without_item": "have no item_id",
            "unreadable_time": "have a sold_at that is no time",
            "unreadable_quantity": "have a quantity that is no number",
        }
        bad = {reason: getattr(counts, reason) for reason in words if getattr(counts, reason)}
        for reason, count in bad.items():
            log.warning("%s of %s sale lines %s: left out", count, counts.read, words[reason])
        if sum(bad.values()) > MOST_BAD_SHARE * counts.read:
            found = "; ".join(f"{count} of {counts.read} {words[reason]}" for reason, count in bad.items())
            examples = ", ".join(example for reason in bad for example in self._examples[reason])
            raise RefusedError(
                f"{self._query.path}: too many sale lines cannot be used: {found}.",
                "Leave them out in the query with WHERE, or convert them.",
                named=f"Examples: {examples}.",
            )
        if counts.future > MOST_BAD_SHARE * counts.read and not self._window.is_past:
            raise RefusedError(
                f"{self._query.path}: {counts.future} of {counts.read} sale lines lie in the future.",
                "Check SALES_TIMEZONE and the clock of this machine.",
            )

    def add(self, missing: NotCompared) -> None:
        """Count what the comparison with `:since` left out.

        Raises:
            RefusedError: it is more than 1 %.
        """
        self.counts.not_compared = missing.lines
        there = self.counts.read + missing.lines
        if missing.lines > MOST_BAD_SHARE * there:
            raise RefusedError(
                f"{self._query.path}: too many sale lines cannot be used: {missing.lines} of {there} are left"
                " out by the comparison with :since, which cannot tell how old they are.",
                "Compare a time of the form 2026-10-31 20:00:00: what is stored in another form must be"
                " converted before it is compared, and in sold_at.",
                named=f"An example: sold_at = {missing.example!r}.",
            )

    def warnings(self) -> list[str]:
        """What an owner should know about an export that was good enough."""
        found = []
        if not self._query.uses_since:
            found.append(
                f"{self._query.path} does not use :since, so each night reads all sales of all time."
            )
        bad = {
            "without a customer": self.counts.without_customer,
            "without an item": self.counts.without_item,
            "with an unreadable time": self.counts.unreadable_time,
            "with an unreadable quantity": self.counts.unreadable_quantity,
            "which :since cannot be compared with": self.counts.not_compared,
            "in the future": 0 if self._window.is_past else self.counts.future,
        }
        found += [f"{count} sale lines {words} were left out." for words, count in bad.items() if count]
        return found
