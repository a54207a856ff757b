"""The lists as CSV files of the run folder: columns and order as the published tables have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recommender.blend.reasons import REASONS
from recommender.csvform import decimal_text, quote
from recommender.database.tables import ListTable
from recommender.files import atomic_path
from recommender.keys import Keys
from recommender.lists.rows import Rows
from recommender.ranking import PopularItems, Recommendations

_ROWS_AT_ONCE = 50_000
_SCORES = [decimal_text(Decimal(thousandths) / 1000) for thousandths in range(1001)]


@dataclass(frozen=True, eq=False)
class _Column:
    """A column of few distinct fields: the fields as written, and for each row which one."""

    name: str
    fields: Sequence[str]
    rows: npt.NDArray[np.integer]


def write_recommendations(path: Path, lists: Recommendations) -> None:
    """Write `recommendations.csv`."""
    customers, items = _key_fields(lists.customers), _key_fields(lists.items)
    _write(
        path,
        [
            _Column("customer_id", customers, lists.customer),
            _position(lists.position),
            _Column("item_id", items, lists.item),
            _score(lists.score),
            _Column("reason", REASONS, lists.reason),
            _Column("because_item_id", [*items, ""], lists.because),  # -1 is the last, NULL
        ],
    )


def write_popular_items(path: Path, lists: PopularItems) -> None:
    """Write `popular_items.csv`."""
    _write(
        path,
        [
            _position(np.arange(1, len(lists.item) + 1)),
            _Column("item_id", _key_fields(lists.items), lists.item),
            _score(lists.score),
        ],
    )


def write_rows(path: Path, definition: ListTable, rows: Rows, *, owners: Keys, items: Keys) -> None:
    """Write a list of the columns owner, position, item and score.

    Args:
        path: where to.
        definition: the list; gives the names of the columns.
        rows: what it holds.
        owners: keys of the rows' owners.
        items: keys of the rows' items.
    """
    owner, _, item, _ = (column.name for column in definition.columns)
    owner_fields = _key_fields(owners)
    _write(
        path,
        [
            _Column(owner, owner_fields, rows.owner),
            _position(rows.position),
            _Column(item, owner_fields if items is owners else _key_fields(items), rows.item),
            _score(rows.score),
        ],
    )


def write_header(path: Path, definition: ListTable) -> None:
    """Write a list without rows."""
    nothing = np.empty(0, np.int32)
    _write(path, [_Column(column.name, (), nothing) for column in definition.columns])


def _key_fields(keys: Keys) -> list[str]:
    return [*map(str, keys.integers.tolist()), *map(quote, keys.texts)]


def _position(positions: npt.NDArray[np.integer]) -> _Column:
    return _Column("position", [*map(str, range(int(positions.max(initial=0)) + 1))], positions)


def _score(scores: npt.NDArray[np.float64]) -> _Column:
    return _Column("score", _SCORES, np.rint(scores * 1000).astype(np.int16))


def _write(path: Path, columns: Sequence[_Column]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(column.name for column in columns) + "\n")
        for start in range(0, len(columns[0].rows), _ROWS_AT_ONCE):
            fields = (
                map(column.fields.__getitem__, column.rows[start : start + _ROWS_AT_ONCE].tolist())
                for column in columns
            )
            file.write("\n".join(map(",".join, zip(*fields, strict=True))) + "\n")
