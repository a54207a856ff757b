"""The export stage: the shop's sales and items, as CSV files of the run folder."""

import hashlib
import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import numpy as np

from recommender.database.base import Columns, Database, QueryColumn, Rows, Snapshot
from recommender.database.query import Query, read_query
from recommender.errors import RefusedError, SettingsError
from recommender.export.beyond import Newest, NotCompared, newest_sale, not_compared
from recommender.export.fields import GuestKeys, NumberFields, key_fields, sellable_field, text_fields
from recommender.export.forgotten import Forgotten
from recommender.export.plainsales import PlainSales
from recommender.runs.folder import ITEMS, SALES
from recommender.system.files import atomic_path, write_bytes
from recommender.system.times import UNREADABLE, Int64s, format_times, microseconds, parse_times
from recommender.system.window import Window
from recommender.tables import KeyKind

log = logging.getLogger(__name__)

_REQUIRED = ("customer_id", "item_id", "sold_at")
_OPTIONAL = ("quantity", "price", "order_id")
ITEM_COLUMNS = ("item_id", "name", "sellable"), ("category",)
"""Of `items.sql`: those that must be there, and those that may."""
_MOST_BAD_SHARE = 0.01
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
    """What the export stage hands on, beside its two files."""

    customer_kind: KeyKind
    item_kind: KeyKind
    counts: Counts
    sales_sha256: str
    items_sha256: str
    warnings: list[str] = field(default_factory=list)
    older: Newest | None = None
    """The newest sale there is, where none is in the window."""

    def older_day(self, zone: ZoneInfo) -> date | None:
        """The shop's day of that sale."""
        return None if self.older is None else self.older.day(zone)


@dataclass(frozen=True)
class ItemsExport:
    """What is known of a new `items.csv`."""

    kind: KeyKind
    counts: Counts
    """of the items"""
    sha256: str
    warnings: list[str]


def find_columns(
    query: Query, snapshot: Snapshot, required: Sequence[str], optional: Sequence[str]
) -> dict[str, QueryColumn]:
    """The query's columns by our names, in our order; names are found in any case, others are left out.

    Raises:
        SettingsError: names every missing column, and the columns that there are.
    """
    present = {column.name.lower(): column for column in snapshot.columns(query)}
    missing = [name for name in required if name not in present]
    if missing:
        raise SettingsError(
            f"{query.path} returns no column {' and no column '.join(missing)}; it returns"
            f" {', '.join(column.name for column in present.values())}.",
            "Name the columns in the query with AS.",
        )
    return {name: present[name] for name in (*required, *optional) if name in present}


def export(
    database: Database,
    *,
    sql_dir: Path,
    folder: Path,
    window: Window,
    sales_timezone: ZoneInfo,
    guest_key: str | None,
    forgotten: Forgotten,
    timeout_seconds: int,
    progress: Callable[[int], None] = lambda _rows: None,
    within: Snapshot | None = None,
) -> Export:
    """Write `sales.csv` and `items.csv` of one moment of the shop into the run folder.

    Memory is bounded by the size of a batch, not by the number of sales.

    Args:
        database: the shop's.
        sql_dir: folder of `sales.sql` and `items.sql`.
        folder: the run folder.
        window: which sales.
        sales_timezone: zone of times that carry none.
        guest_key: the secret for guests' keys.
        forgotten: the customers whose sales are left out.
        timeout_seconds: limit of one query.
        progress: called with the number of sales written so far.
        within: the snapshot to read from; default one of its own.

    Raises:
        SettingsError: a query file is missing, is not one SELECT, or lacks a column.
        RefusedError: more than 1 % of the lines are unusable or lie in the future; keys of mixed kinds.
        DatabaseError: the database failed, refused a query or took too long.
    """
    # One day early: a coarse filter for the database, cut exactly below on parsed times.
    since = (window.start.astimezone(sales_timezone) - timedelta(days=1)).replace(tzinfo=None)
    sales_query = read_query(sql_dir / "sales.sql", database.backend, since)
    items_query = read_query(sql_dir / "items.sql", database.backend, since)
    with nullcontext(within) if within else database.snapshot(folder, timeout_seconds) as snapshot:
        columns = find_columns(sales_query, snapshot, _REQUIRED, (*_OPTIONAL, "guest_email"))
        item_columns = find_columns(items_query, snapshot, *ITEM_COLUMNS)
        kinds = [snapshot.key_type(sales_query, columns[name]).kind for name in ("customer_id", "item_id")]
        item_kind = snapshot.key_type(items_query, item_columns["item_id"]).kind
        if item_kind is not kinds[1]:
            raise SettingsError(
                f"item_id is {kinds[1]} in {sales_query.path} but {item_kind} in {items_query.path}.",
                "Give both the same type, with CAST in one of the queries.",
            )
        sales = _SalesWriter(
            sales_query,
            columns,
            customer_kind=kinds[0],
            item_kind=kinds[1],
            window=window,
            zone=sales_timezone,
            guest_key=guest_key,
            forgotten=forgotten,
            integers_as_text=snapshot.integers_as_text,
        )
        with (
            atomic_path(folder / SALES) as path,
            path.open("wb") as file,
            # Ended here also when a line is refused: behind its connection it could not end in order.
            closing(snapshot.rows(sales_query, [*columns.values()])) as batches,
        ):
            sales_sha256 = sales.write(file, batches, progress)
        sales.check()
        items = _read_items(snapshot, items_query, item_columns, item_kind)
        # Last, since a server ends its snapshot where it cannot be asked this.
        if sales_query.uses_since:
            sales.add(
                not_compared(
                    database,
                    snapshot,
                    sales_query.path,
                    columns["sold_at"],
                    since,
                    returned=sales.returned,
                )
            )
        older = None
        if not sales.counts.sales:
            older = newest_sale(
                database, snapshot, sales_query.path, columns["sold_at"], end=window.end, zone=sales_timezone
            )
    items.count(sales.counts)
    return Export(
        customer_kind=kinds[0],
        item_kind=kinds[1],
        counts=sales.counts,
        sales_sha256=sales_sha256,
        items_sha256=items.write(folder / ITEMS),
        warnings=[*sales.warnings(), *items.warnings()],
        older=older,
    )


def export_items(
    database: Database,
    *,
    sql_dir: Path,
    folder: Path,
    now: datetime,
    timeout_seconds: int,
) -> ItemsExport:
    """Write `items.csv` alone, of the shop as it is now.

    Args:
        database: the shop's.
        sql_dir: folder of `items.sql`.
        folder: the run folder.
        now: aware; what `:since` is, where the query has it.
        timeout_seconds: limit of the query.

    Raises:
        SettingsError: the query file is missing, is not one SELECT, or lacks a column.
        RefusedError: more than 1 % of the rows have no key.
        DatabaseError: the database failed, refused the query or took too long.
    """
    query = read_query(sql_dir / "items.sql", database.backend, now.replace(tzinfo=None))
    with database.snapshot(folder, timeout_seconds) as snapshot:
        columns = find_columns(query, snapshot, *ITEM_COLUMNS)
        kind = snapshot.key_type(query, columns["item_id"]).kind
        items = _read_items(snapshot, query, columns, kind)
    counts = Counts()
    items.count(counts)
    return ItemsExport(kind, counts, items.write(folder / ITEMS), items.warnings())


def _read_items(snapshot: Snapshot, query: Query, columns: dict[str, QueryColumn], kind: KeyKind) -> "_Items":
    items = _Items(query, columns, kind, integers_as_text=snapshot.integers_as_text)
    with closing(snapshot.stream(query, [*columns.values()])) as batches:
        for batch in batches:
            items.add(batch)
    return items


class _SalesWriter:
    """Turns batches of rows into lines of `sales.csv`, cutting, counting and checking on the way."""

    def __init__(
        self,
        query: Query,
        columns: dict[str, QueryColumn],
        *,
        customer_kind: KeyKind,
        item_kind: KeyKind,
        window: Window,
        zone: ZoneInfo,
        guest_key: str | None,
        forgotten: Forgotten,
        integers_as_text: bool,
    ) -> None:
        self._query = query
        self._key_fields = partial(key_fields, integers_as_text=integers_as_text)
        self._columns = columns
        self._kinds = (customer_kind, item_kind)
        self._window = window
        # A column that stores instants is read with the session in UTC.
        self._zone = ZoneInfo("UTC") if columns["sold_at"].is_instant else zone
        self._plain = PlainSales([*columns], self._kinds, window=window, zone=self._zone, path=query.path)
        self._guests = GuestKeys(guest_key, query.path)
        self._forgotten = forgotten
        self._numbers = NumberFields()
        self._written = [name for name in (*_REQUIRED, *_OPTIONAL) if name in columns]
        self._examples: dict[str, list[str]] = {}
        self.counts = Counts()
        self.returned = 0
        """Lines that the query returned, older ones among them."""

    def write(self, file: BinaryIO, batches: Iterator[Rows], progress: Callable[[int], None]) -> str:
        """Write the whole file; returns its sha256."""
        digest = hashlib.sha256()
        header = (",".join(self._written) + "\n").encode()
        file.write(header)
        digest.update(header)
        for batch in batches:
            block = self._plain_lines(batch)
            if block is None:
                block = self._lines(dict(zip(self._columns, batch.columns(), strict=True)))
            file.write(block)
            digest.update(block)
            progress(self.counts.sales)
        return digest.hexdigest()

    def _plain_lines(self, batch: Rows) -> bytes | None:
        """The lines of a batch in which all is as usual."""
        text = batch.plain()
        if text is None or self._forgotten.first_of(text):
            return None
        found = self._plain.lines(text)
        if found is None:
            return None
        self.returned += text.count(b"\n")
        self.counts.read += found.sales + found.future
        self.counts.future += found.future
        self.counts.sales += found.sales
        if found.newest is not None:
            self.counts.newest = max(self.counts.newest or UNREADABLE, found.newest)
        return found.lines

    def _lines(self, batch: dict[str, Sequence[object]]) -> bytes:
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
        fields: dict[str, Sequence[str | None]] = {
            "customer_id": self._customers(batch, keep),
            "item_id": self._key_fields(batch["item_id"], self._kinds[1], "item_id", self._query.path),
        }
        keep &= ~self._gone(fields["customer_id"], keep)
        for name, reason in (("customer_id", "without_customer"), ("item_id", "without_item")):
            missing = _is_none(fields[name]) & keep
            self._note(reason, name, missing, batch["sold_at"])
            keep &= ~missing
        if "quantity" in batch:
            fields["quantity"] = [*map(self._numbers.__getitem__, batch["quantity"])]
            missing = _is_none(fields["quantity"]) & keep
            self._note("unreadable_quantity", "quantity", missing, batch["quantity"])
            keep &= ~missing
        if "price" in batch:
            fields["price"] = [*map(self._numbers.__getitem__, batch["price"])]
        if "order_id" in batch:
            fields["order_id"] = text_fields(batch["order_id"])
        return self._joined(fields, times, keep)

    def _joined(self, fields: dict[str, Sequence[str | None]], times: Int64s, keep: np.ndarray) -> bytes:
        kept = int(keep.sum())
        if not kept:
            return b""
        fields["sold_at"] = format_times(np.where(keep, times, 0))
        columns: list[Sequence[str | None]] = [fields[name] for name in self._written]
        if kept < len(keep):
            columns = [list(itertools.compress(column, keep)) for column in columns]
        # price and order_id may be NULL, which is an empty field.
        texts = [[text or "" for text in column] if None in column else column for column in columns]
        self.counts.sales += kept
        self.counts.newest = max(self.counts.newest or UNREADABLE, int(times[keep].max()))
        return ("\n".join(map(",".join, zip(*texts, strict=True))) + "\n").encode()

    def _customers(self, batch: dict[str, Sequence[object]], keep: np.ndarray) -> Sequence[str | None]:
        found = self._key_fields(batch["customer_id"], self._kinds[0], "customer_id", self._query.path)
        if "guest_email" not in batch or None not in found:
            return found
        for i, (customer, address) in enumerate(zip(found, batch["guest_email"], strict=True)):
            if customer is None and keep[i]:
                found[i] = self._guests.key(address)
                self.counts.guest_sales += found[i] is not None
        return found

    def _gone(self, customers: Sequence[str | None], keep: np.ndarray) -> np.ndarray:
        """Which of the lines are of customers who are to be forgotten."""
        gone = self._forgotten.among(customers)
        if not gone:
            return np.zeros(len(customers), bool)
        found: np.ndarray = np.fromiter((field in gone for field in customers), bool, len(customers)) & keep
        self.counts.forgotten += int(found.sum())
        return found

    def _note(self, reason: str, column: str, bad: np.ndarray, shown: Sequence[object]) -> None:
        """Count bad lines and keep some as examples: a time or a quantity, never a person."""
        places = np.flatnonzero(bad)
        setattr(self.counts, reason, getattr(self.counts, reason) + len(places))
        examples = self._examples.setdefault(reason, [])
        for place in places[: _EXAMPLES - len(examples)]:
            value = shown[place]
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
        if sum(bad.values()) > _MOST_BAD_SHARE * counts.read:
            found = "; ".join(
                f"{count} of {counts.read} {words[reason]}, such as {', '.join(self._examples[reason])}"
                for reason, count in bad.items()
            )
            raise RefusedError(
                f"{self._query.path}: too many sale lines cannot be used: {found}.",
                "Leave them out in the query with WHERE, or convert them.",
            )
        if counts.future > _MOST_BAD_SHARE * counts.read and not self._window.is_past:
            raise RefusedError(
                f"{self._query.path}: {counts.future} of {counts.read} sale lines lie in the future.",
                "Mind SALES_TIMEZONE and the clock of this machine.",
            )

    def add(self, missing: NotCompared) -> None:
        """Count what the comparison with `:since` left out.

        Raises:
            RefusedError: it is more than 1 %.
        """
        self.counts.not_compared = missing.lines
        there = self.counts.read + missing.lines
        if missing.lines > _MOST_BAD_SHARE * there:
            raise RefusedError(
                f"{self._query.path}: too many sale lines cannot be used: {missing.lines} of {there} are left"
                " out by the comparison with :since, which cannot tell how old they are, such as sold_at ="
                f" {missing.example!r}.",
                "Compare a time of the form 2026-10-31 20:00:00: what is stored in another form must be"
                " converted before it is compared, and in sold_at.",
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


def _is_none(fields: Sequence[str | None]) -> np.ndarray:
    if None not in fields:
        return np.zeros(len(fields), bool)
    return np.fromiter((text is None for text in fields), bool, len(fields))


class _Items:
    """Gathers the items' rows, one for each key; there are few enough of them to sort."""

    def __init__(
        self, query: Query, columns: dict[str, QueryColumn], kind: KeyKind, *, integers_as_text: bool
    ) -> None:
        self._query = query
        self._columns = columns
        self._kind = kind
        self._key_fields = partial(key_fields, integers_as_text=integers_as_text)
        self._rows: dict[int | str, tuple[str, ...]] = {}
        self._without_key = 0
        self._repeated: set[int | str] = set()

    def add(self, values: Columns) -> None:
        """One batch of the query's rows."""
        batch = dict(zip(self._columns, values, strict=True))
        keys = self._key_fields(batch["item_id"], self._kind, "item_id", self._query.path)
        fields: list[Sequence[str | None]] = [keys, text_fields(batch["name"])]
        fields.append(
            [
                sellable_field(value, str(item), self._query.path)
                for value, item in zip(batch["sellable"], batch["item_id"], strict=True)
            ]
        )
        if "category" in batch:
            fields.append(text_fields(batch["category"]))
        for raw, row in zip(batch["item_id"], zip(*fields, strict=True), strict=True):
            if raw is None:
                self._without_key += 1
                continue
            key = int(str(raw)) if self._kind is KeyKind.INTEGER else str(raw)
            texts = tuple(text or "" for text in row)
            other = self._rows.setdefault(key, texts)
            if other != texts:
                # Rows that differ: each field's least by its letters, and so sellable only if all say so.
                self._repeated.add(key)
                self._rows[key] = tuple(map(min, other, texts))

    def content(self) -> bytes:
        """The file, one line an item in canonical order."""
        lines = [",".join(self._columns), *(",".join(self._rows[key]) for key in sorted(self._rows))]
        return ("\n".join(lines) + "\n").encode()

    def write(self, path: Path) -> str:
        """Write the file; returns its sha256."""
        content = self.content()
        write_bytes(path, content)
        return hashlib.sha256(content).hexdigest()

    def count(self, counts: Counts) -> None:
        """Put the numbers of items into the counts.

        Raises:
            RefusedError: more than 1 % of the rows have no key.
        """
        counts.items = len(self._rows)
        counts.sellable_items = sum(row[2] == "1" for row in self._rows.values())
        found = len(self._rows) + self._without_key
        if self._without_key > _MOST_BAD_SHARE * found:
            raise RefusedError(
                f"{self._query.path}: {self._without_key} of {found} rows have no item_id.",
                "Leave them out with WHERE.",
            )

    def warnings(self) -> list[str]:
        """What an owner should know about the items."""
        found = []
        if self._without_key:
            found.append(f"{self._without_key} rows of {self._query.path} have no item_id and were left out.")
        if self._repeated:
            found.append(
                f"{self._query.path} returns {len(self._repeated)} items more than once, differing, such as"
                f" {min(self._repeated)}; each counts as sellable only if all its rows say so."
            )
        return found
