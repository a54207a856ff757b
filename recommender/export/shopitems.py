"""The shop's items as rows of `items.csv`: one for each key."""

import hashlib
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from recommender.database.base import Batch, QueryColumn, RowReader, Values, listed
from recommender.database.query import Query
from recommender.errors import RefusedError
from recommender.export.fields import (
    KEY_TYPES,
    MOMENT,
    MOST_BAD_SHARE,
    csv_text,
    is_sellable,
    key_array,
    mend,
    number_array,
    text_array,
)
from recommender.system.arrow import pa
from recommender.system.files import write_bytes
from recommender.system.times import microseconds, parse_times
from recommender.tables import KeyKind

ITEM_COLUMNS = (
    ("item_id", "name", "sellable"),
    ("category", "brand", "price", "url", "image_url", "added_at"),
)
"""Of `items.sql`: those that must be there, and those that may; `items.csv` has them in this order."""
_TYPES = {"sellable": pa.bool_(), "price": pa.float64(), "added_at": MOMENT}
"""Of columns that are neither keys nor texts."""
_UNREADABLE = {"price": "not a number", "added_at": "not a time"}
"""What is said of values that are not NULL and cannot be read."""
_FIRST, _LAST = (microseconds(datetime(*day, tzinfo=UTC)) for day in ((1, 1, 2), (9999, 12, 30)))
"""A day from the ends of the calendar, which stand for "never", and leave it in some zones."""


def read_items(
    reader: RowReader, query: Query, columns: dict[str, QueryColumn], kind: KeyKind, zone: ZoneInfo
) -> "ItemRows":
    """All rows of `items.sql`.

    Args:
        reader: of the shop.
        query: items.sql, or what stands for it.
        columns: those of it that are ours, by our names.
        kind: of the items' keys.
        zone: of times that carry none.

    Raises:
        RefusedError: a value is none that its column may have.
        DatabaseError: the database refused the query.
    """
    items = ItemRows(query, columns, kind, zone, reader=reader)
    with closing(reader.batches(query, [*columns.values()])) as batches:
        for batch in batches:
            items.add(batch)
    return items


def _least(one: Any, other: Any) -> Any:
    """The lesser of two texts, NULL before all; of numbers the lesser that is known."""
    if isinstance(one, str) or isinstance(other, str):
        return None if one is None or other is None else min(one, other)
    return min((value for value in (one, other) if value is not None), default=None)


class ItemRows:
    """Gathers the items' rows, one for each key; there are few enough of them to sort."""

    def __init__(
        self,
        query: Query,
        columns: dict[str, QueryColumn],
        kind: KeyKind,
        zone: ZoneInfo,
        *,
        reader: RowReader,
    ) -> None:
        self._query = query
        # In our order, whatever the query's.
        self._columns = [*columns]
        self._kind = kind
        # A column that stores instants is read with the session in UTC.
        is_instant = "added_at" in columns and columns["added_at"].is_instant
        self._zone = ZoneInfo("UTC") if is_instant else zone
        self._reader = reader
        self._rows: dict[int | str, tuple[Any, ...]] = {}
        self._without_key = 0
        self._repeated: set[int | str] = set()
        self._unreadable = dict.fromkeys(_UNREADABLE, 0)

    def add(self, values: Batch) -> None:
        """One batch of the query's rows."""
        batch = dict(zip(self._columns, values, strict=True))
        path = self._query.path
        keys = key_array(
            batch.pop("item_id"),
            self._kind,
            "item_id",
            path,
            integers_as_text=self._reader.integers_as_text,
            place_of=self._reader.place_of,
        ).to_pylist()
        sellable = [
            is_sellable(value, str(key), path)
            for key, value in zip(keys, listed(batch.pop("sellable")), strict=True)
        ]
        fields = {"sellable": sellable} | {name: self._field(name, column) for name, column in batch.items()}
        for key, *row in zip(keys, *(fields[name] for name in self._columns[1:]), strict=True):
            if key is None:
                self._without_key += 1
                continue
            new = tuple(row)
            other = self._rows.setdefault(key, new)
            if other != new:
                # Rows that differ: each text's least by its letters, the lowest price, the earliest time, and
                # so sellable only if all say so.
                self._repeated.add(key)
                self._rows[key] = tuple(map(_least, new, other))

    def _field(self, name: str, values: Values) -> list[Any]:
        """A column as the file has it."""
        if name not in _UNREADABLE:
            return [*text_array(values).to_pylist()]
        if name == "price":
            found = number_array(values)
        else:
            moments = parse_times(values, self._zone)
            found = pa.array(moments, mask=(moments < _FIRST) | (moments > _LAST))
        nulls = values.count(None) if isinstance(values, Sequence) else values.null_count
        self._unreadable[name] += found.null_count - nulls
        return [*found.to_pylist()]

    def content(self) -> bytes:
        """The file, one line an item in canonical order."""
        keys = sorted(self._rows)
        rows = [(key, *self._rows[key]) for key in keys]
        types = {"item_id": KEY_TYPES[self._kind]} | _TYPES
        arrays = {
            name: pa.array([row[place] for row in rows], types.get(name, pa.string()))
            for place, name in enumerate(self._columns)
        }
        return csv_text(pa.table(arrays), header=True)

    def write(self, path: Path) -> str:
        """Write the file; returns its sha256."""
        content = self.content()
        write_bytes(path, content)
        return hashlib.sha256(content).hexdigest()

    def counted(self) -> tuple[int, int]:
        """How many items there are, and how many of them are sellable.

        Raises:
            RefusedError: more than 1 % of the rows have no key.
        """
        found = len(self._rows) + self._without_key
        if self._without_key > MOST_BAD_SHARE * found:
            raise RefusedError(
                "items-without-key",
                f"{self._query.path}: {self._without_key} of {found} rows have no item_id.",
                mend(self._query.path, "Leave them out with WHERE.", "Have the files written without them."),
            )
        place = self._columns.index("sellable") - 1
        return len(self._rows), sum(row[place] for row in self._rows.values())

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
        found += [
            f"{count} rows of {self._query.path} have {name} that is {_UNREADABLE[name]}, taken for NULL."
            for name, count in self._unreadable.items()
            if count
        ]
        return found
