"""The n best of each row, and the rows of a list: positions and relative scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.system.arrays import Float64s, Int32s, Int64s

DECIMALS = 3
"""Of a score in a list."""


def best_of_rows(
    rows: npt.NDArray[np.integer], ties: npt.NDArray[np.integer], scores: Float64s, n: int
) -> tuple[Int64s, Int64s]:
    """The n best cells of each row.

    Args:
        rows: shape (cells,): the row of each, in any order.
        ties: shape (cells,): of equal scores in a row, those with the lowest of these come first.
        scores: shape (cells,), float64.
        n: cells of a row at most.

    Returns:
        Indexes of cells in order of row and rank, and their ranks, from 0.
    """
    order = np.lexsort((ties, -scores, rows))
    ordered = rows[order]
    ranks = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
    listed = ranks < n
    return order[listed], ranks[listed]


@dataclass(frozen=True, eq=False)
class ListRows:
    """Rows in order of owner and position; all shapes (rows,)."""

    owner: Int32s
    """index of the user, or of the item, whose list it is"""
    position: Int32s
    """from 1 in each list"""
    item: Int32s
    """index of the item that is listed"""
    score: Float64s
    """relative to the list: 1 in its first row, never rising, 3 decimals"""


def top_rows(
    owners: npt.NDArray[np.integer], items: npt.NDArray[np.integer], scores: Float64s, *, n: int
) -> ListRows:
    """The n best items of every owner.

    Args:
        owners: shape (pairs,): indexes of users or items, in any order.
        items: shape (pairs,): an index of an item, each once for an owner.
        scores: shape (pairs,), float64, positive. Equal ones are in order of the item's index.
        n: rows of a list at most.
    """
    cells, ranks = best_of_rows(owners, items, scores, n)
    best = scores[cells]
    return ListRows(
        owner=owners[cells].astype(np.int32),
        position=(ranks + 1).astype(np.int32),
        item=items[cells].astype(np.int32),
        score=np.round(best / best[np.arange(len(best)) - ranks], DECIMALS),
    )


def joined(parts: Sequence[ListRows]) -> ListRows:
    """The rows of all parts, one after the other; of no part, no rows."""
    empty = np.empty(0, np.int32)
    return ListRows(
        owner=np.concatenate([empty, *(part.owner for part in parts)]),
        position=np.concatenate([empty, *(part.position for part in parts)]),
        item=np.concatenate([empty, *(part.item for part in parts)]),
        score=np.concatenate([np.empty(0), *(part.score for part in parts)]),
    )
