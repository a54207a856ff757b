"""The lines of `sales.csv`: rows of the shop's query, cut to the window, counted and checked on the way."""

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.compute as pc

from recommender.database.base import Batch, QueryColumn, RowReader, Values, listed
from recommender.database.query import Query
from recommender.errors import RefusedError
from recommender.export.beyond import Newest, NotCompared
from recommender.export.fields import (
    KEY_TYPES,
    MOMENT,
    MOST_BAD_SHARE,
    GuestKeys,
    csv_text,
    key_array,
    mend,
    number_array,
    text_array,
)
from recommender.export.forgotten import Forgotten
from recommender.settings import Settings
from recommender.system.arrays import Bools
from recommender.system.arrow import pa
from recommender.system.times import UNREADABLE, microseconds, moment_of, parse_times
from recommender.system.window import Window
from recommender.tables import KeyKind

log = logging.getLogger(__name__)

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


class SalesWriter:
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
        reader: RowReader,
    ) -> None:
        self._query = query
        self._reader = reader
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
        self._newest_before = UNREADABLE

    @property
    def newest_before(self) -> Newest | None:
        """The newest sale that lies before the window, among the lines that were returned."""
        if self._newest_before == UNREADABLE:
            return None
        moment = moment_of(self._newest_before)
        return Newest(moment, moment.isoformat())

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
        before = times[~unreadable & (times < start)]
        self._newest_before = max(self._newest_before, int(before.max(initial=UNREADABLE)))
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
            batch[name],
            self._kinds[name],
            name,
            self._query.path,
            integers_as_text=self._reader.integers_as_text,
            place_of=self._reader.place_of,
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
                said = f"sold_at {value}"
            else:
                said = f"{column} = {'NULL' if value is None else repr(str(value)[:40])}"
            where = self._reader.place_of(int(place))
            examples.append(f"{said} ({where})" if where else said)

    def check(self) -> None:
        """Refuse an export of which more than 1 % cannot be used."""
        counts = self.counts
        words = {
            "without_customer": "have no customer_id (and no guest_email)",
            "without_item": "have no item_id",
            "unreadable_time": "have a sold_at that is not a time",
            "unreadable_quantity": "have a quantity that is not a number",
        }
        bad = {reason: getattr(counts, reason) for reason in words if getattr(counts, reason)}
        for reason, count in bad.items():
            log.warning("%s of %s sale lines %s: left out", count, counts.read, words[reason])
        if sum(bad.values()) > MOST_BAD_SHARE * counts.read:
            found = "; ".join(f"{count} of {counts.read} {words[reason]}" for reason, count in bad.items())
            examples = ", ".join(example for reason in bad for example in self._examples[reason])
            raise RefusedError(
                "sales-unusable",
                f"{self._query.path}: too many sale lines cannot be used: {found}.",
                mend(
                    self._query.path,
                    "Leave them out in the query with WHERE, or convert them.",
                    "Have the files written without them, or correct them.",
                ),
                named=f"Examples: {examples}.",
            )
        if counts.future > MOST_BAD_SHARE * counts.read and not self._window.is_past:
            raise RefusedError(
                "sales-in-future",
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
                "sales-unusable",
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
