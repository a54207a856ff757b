"""The lists as CSV files of the run folder: columns and order as the published tables have them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recommender.ranking.reasons import REASONS
from recommender.ranking.recommendations import PopularItems, Recommendations
from recommender.ranking.rows import ListRows
from recommender.runs.keys import Keys
from recommender.system.csvform import decimal_text, quote
from recommender.system.files import atomic_path
from recommender.tables import POPULAR_ITEMS, RECOMMENDATIONS, ListTable

_ROWS_AT_ONCE = 50_000
_SCORES = [decimal_text(Decimal(thousandths) / 1000) for thousandths in range(1001)]


@dataclass(frozen=True, eq=False)
class _Column:
    """A column of few distinct fields: the fields as written, and for each row which one."""

    fields: Sequence[str]
    rows: npt.NDArray[np.integer]


def write_recommendations(path: Path, parts: Iterable[Recommendations]) -> int:
    """Write `recommendations.csv`.

    Args:
        path: where to.
        parts: the rows of some customers each, in order.

    Returns:
        How many rows there were.
    """
    return _write(path, RECOMMENDATIONS, map(_columns, parts))


def _columns(part: Recommendations) -> list[_Column]:
    items = _key_fields(part.items)
    # Of all customers' fields, only those of the part.
    first = int(part.customer.min(initial=len(part.customers)))
    last = int(part.customer.max(initial=-1)) + 1
    return [
        _Column(_key_fields(part.customers, first, last), part.customer - first),
        _position(part.position),
        _Column(items, part.item),
        _score(part.score),
        _Column(REASONS, part.reason),
        _Column([*items, ""], part.because),  # -1 is the last, NULL
    ]


def write_popular_items(path: Path, lists: PopularItems) -> None:
    """Write `popular_items.csv`."""
    position = _position(np.arange(1, len(lists.item) + 1))
    columns = [position, _Column(_key_fields(lists.items), lists.item), _score(lists.score)]
    _write(path, POPULAR_ITEMS, [columns])


def write_rows(path: Path, definition: ListTable, rows: ListRows, *, owners: Keys, items: Keys) -> None:
    """Write a list of the columns owner, position, item and score.

    Args:
        path: where to.
        definition: the list; gives the names of the columns.
        rows: what it holds.
        owners: keys of the rows' owners.
        items: keys of the rows' items.
    """
    owner_fields = _key_fields(owners)
    item_fields = owner_fields if items is owners else _key_fields(items)
    columns = [
        _Column(owner_fields, rows.owner),
        _position(rows.position),
        _Column(item_fields, rows.item),
        _score(rows.score),
    ]
    _write(path, definition, [columns])


def write_header(path: Path, definition: ListTable) -> None:
    """Write a list without rows."""
    _write(path, definition, [])


def _key_fields(keys: Keys, first: int = 0, last: int | None = None) -> list[str]:
    """The keys from `first` up to `last` as they are written."""
    last = len(keys) if last is None else last
    n_integers = len(keys.integers)
    texts = keys.texts[max(first - n_integers, 0) : max(last - n_integers, 0)]
    return [*map(str, keys.integers[first:last].tolist()), *map(quote, texts)]


def _position(positions: npt.NDArray[np.integer]) -> _Column:
    return _Column([*map(str, range(int(positions.max(initial=0)) + 1))], positions)


def _score(scores: npt.NDArray[np.float64]) -> _Column:
    return _Column(_SCORES, np.rint(scores * 1000).astype(np.int16))


def _write(path: Path, definition: ListTable, parts: Iterable[Sequence[_Column]]) -> int:
    """Write a list, part by part; returns how many rows there were."""
    n_rows = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(column.name for column in definition.columns) + "\n")
        for columns in parts:
            n_rows += len(columns[0].rows)
            for start in range(0, len(columns[0].rows), _ROWS_AT_ONCE):
                fields = (
                    map(column.fields.__getitem__, column.rows[start : start + _ROWS_AT_ONCE].tolist())
                    for column in columns
                )
                file.write("\n".join(map(",".join, zip(*fields, strict=True))) + "\n")
    return n_rows
