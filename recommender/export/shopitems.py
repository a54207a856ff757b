"""The shop's items as rows of `items.csv`: one for each key."""

import hashlib
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from recommender.database.base import Batch, QueryColumn, Snapshot, listed
from recommender.database.query import Query
from recommender.errors import RefusedError
from recommender.export.fields import (
    KEY_TYPES,
    MOST_BAD_SHARE,
    csv_text,
    is_sellable,
    key_array,
    text_array,
)
from recommender.system.arrow import pa
from recommender.system.files import write_bytes
from recommender.tables import KeyKind

ITEM_COLUMNS = ("item_id", "name", "sellable"), ("category",)
"""Of `items.sql`: those that must be there, and those that may."""


def read_items(
    snapshot: Snapshot, query: Query, columns: dict[str, QueryColumn], kind: KeyKind
) -> "ItemRows":
    """All rows of `items.sql`.

    Args:
        snapshot: of the shop.
        query: items.sql.
        columns: those of it that are ours, by our names.
        kind: of the items' keys.

    Raises:
        RefusedError: a value is none that its column may have.
        DatabaseError: the database refused the query.
    """
    items = ItemRows(query, columns, kind, integers_as_text=snapshot.integers_as_text)
    with closing(snapshot.batches(query, [*columns.values()])) as batches:
        for batch in batches:
            items.add(batch)
    return items


class _Item(NamedTuple):
    """A row of `items.csv` without its key."""

    name: str | None
    sellable: bool
    category: str | None


def _letters(text: str | None) -> tuple[bool, str]:
    return text is not None, text or ""


class ItemRows:
    """Gathers the items' rows, one for each key; there are few enough of them to sort."""

    def __init__(
        self, query: Query, columns: dict[str, QueryColumn], kind: KeyKind, *, integers_as_text: bool
    ) -> None:
        self._query = query
        self._columns = columns
        self._kind = kind
        self._integers_as_text = integers_as_text
        self._rows: dict[int | str, _Item] = {}
        self._without_key = 0
        self._repeated: set[int | str] = set()

    def add(self, values: Batch) -> None:
        """One batch of the query's rows."""
        batch = dict(zip(self._columns, values, strict=True))
        path = self._query.path
        keys = key_array(
            batch["item_id"], self._kind, "item_id", path, integers_as_text=self._integers_as_text
        ).to_pylist()
        names = text_array(batch["name"]).to_pylist()
        categories = text_array(batch["category"]).to_pylist() if "category" in batch else [None] * len(keys)
        for key, name, value, category in zip(
            keys, names, listed(batch["sellable"]), categories, strict=True
        ):
            sellable = is_sellable(value, str(key), path)
            if key is None:
                self._without_key += 1
                continue
            row = _Item(name, sellable, category)
            other = self._rows.setdefault(key, row)
            if other != row:
                # Rows that differ: each field's least by its letters, and so sellable only if all say so.
                self._repeated.add(key)
                self._rows[key] = _Item(
                    min(name, other.name, key=_letters),
                    sellable and other.sellable,
                    min(category, other.category, key=_letters),
                )

    def content(self) -> bytes:
        """The file, one line an item in canonical order."""
        keys = sorted(self._rows)
        rows = [self._rows[key] for key in keys]
        columns = {
            "item_id": pa.array(keys, KEY_TYPES[self._kind]),
            "name": pa.array([row.name for row in rows], pa.string()),
            "sellable": pa.array([row.sellable for row in rows], pa.bool_()),
            "category": pa.array([row.category for row in rows], pa.string()),
        }
        return csv_text(pa.table({name: columns[name] for name in self._columns}), header=True)

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
                f"{self._query.path}: {self._without_key} of {found} rows have no item_id.",
                "Leave them out with WHERE.",
            )
        return len(self._rows), sum(row.sellable for row in self._rows.values())

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
