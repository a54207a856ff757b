"""The lists from arrays into files: indexes become the shop's keys again."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from recommender.ranking.reasons import REASONS
from recommender.ranking.recommendations import PopularItems, Recommendations
from recommender.ranking.rows import ListRows
from recommender.runs.keys import Keys
from recommender.runs.lists import ListFile, coded, coded_positions, coded_scores
from recommender.system.arrow import pa
from recommender.tables import POPULAR_ITEMS, RECOMMENDATIONS, ListTable


def write_recommendations(path: Path, parts: Iterable[Recommendations]) -> int:
    """Write `recommendations.csv`.

    Args:
        path: where to.
        parts: the rows of some customers each, in order.

    Returns:
        How many rows there were.
    """
    return ListFile(path, RECOMMENDATIONS).write(map(_columns, parts))


def _columns(part: Recommendations) -> list[pa.DictionaryArray]:
    items = _texts(part.items)
    # Of all customers' keys, only those of the part.
    first = int(part.customer.min(initial=len(part.customers)))
    last = int(part.customer.max(initial=-1)) + 1
    return [
        coded(_texts(part.customers, first, last), part.customer - first),
        coded_positions(part.position),
        coded(items, part.item),
        coded_scores(part.score),
        coded(REASONS, part.reason),
        coded(items, part.because),
    ]


def write_popular_items(path: Path, lists: PopularItems) -> None:
    """Write `popular_items.csv`."""
    positions = coded_positions(np.arange(1, len(lists.item) + 1))
    columns = [positions, coded(_texts(lists.items), lists.item), coded_scores(lists.score)]
    ListFile(path, POPULAR_ITEMS).write([columns])


def write_rows(path: Path, definition: ListTable, rows: ListRows, *, owners: Keys, items: Keys) -> None:
    """Write a list of the columns owner, position, item and score.

    Args:
        path: where to.
        definition: the list; gives the names of the columns.
        rows: what it holds.
        owners: keys of the rows' owners.
        items: keys of the rows' items.
    """
    columns = [
        coded(_texts(owners), rows.owner),
        coded_positions(rows.position),
        coded(_texts(items), rows.item),
        coded_scores(rows.score),
    ]
    ListFile(path, definition).write([columns])


def _texts(keys: Keys, first: int = 0, last: int | None = None) -> pa.StringArray:
    """The keys from `first` up to `last` as texts."""
    last = len(keys) if last is None else last
    n_integers = len(keys.integers)
    texts = keys.texts[max(first - n_integers, 0) : max(last - n_integers, 0)]
    integers = pa.array(keys.integers[first:last]).cast(pa.string())
    return pa.concat_arrays([integers, pa.array(texts, pa.string())])
