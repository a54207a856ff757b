"""The n best of each row, lists that are filled up, and the rows of a list: positions and relative scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from recommender.system.arrays import Float64s, Int32s, Int64s, Integers, row_indexes

DECIMALS = 3
"""Of a score in a list."""
_CELLS = 1 << 18
"""Lists that are filled at a time, times the places that are looked at in the order of what fills them."""


def best_of_rows(rows: Integers, ties: Integers, scores: Float64s, n: int) -> tuple[Int64s, Int64s]:
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


def fill(lists: Int32s, order: Int32s, *, n_items: int, seen: "csr_matrix[np.float32] | None") -> Int32s:
    """The lists with their empty places filled in this order of items, none twice.

    Args:
        lists: shape (users, n), int32, -1 at the end of those that are shorter.
        order: the items that may be filled in, best first.
        n_items: how many items there are.
        seen: shape (users, items): each user's cells are not filled in; None leaves out none.
    """
    n = lists.shape[1]
    # What is not in the order lies beyond its end, as does an empty place of a list, the item -1.
    place = np.full(n_items + 1, len(order))
    place[order] = np.arange(len(order))
    short = np.flatnonzero((lists < 0).any(axis=1))
    n_seen = np.zeros(len(lists), np.int64) if seen is None else np.diff(seen.indptr)
    # Users with much to pass over are done together, so that the others are done fast.
    short = short[np.argsort(n_seen[short], kind="stable")]
    at_once = max(1, _CELLS // (n + int(n_seen[short].max(initial=0))))
    filled = lists.copy()
    for start in range(0, len(short), at_once):
        rows = short[start : start + at_once]
        listed = lists[rows]
        # Of the first n and as many as a user has seen, n are listed or free.
        depth = min(n + int(n_seen[rows].max()), len(order))
        free = np.ones((len(rows), depth + 1), bool)  # one more column for all that lies further down
        free[np.arange(len(rows))[:, None], np.minimum(place[listed], depth)] = False
        if seen is not None:
            own = seen[rows]
            of = row_indexes(own.indptr)
            free[of, np.minimum(place[own.indices], depth)] = False
        free[:, depth] = False
        n_listed = np.count_nonzero(listed >= 0, axis=1)
        number = np.cumsum(free, axis=1, dtype=np.int32)
        row, column = np.nonzero(free & (number <= (n - n_listed)[:, None]))
        filled[rows[row], n_listed[row] + number[row, column] - 1] = order[column]
    return filled


def not_rising(relative: Float64s) -> Float64s:
    """Scores relative to the first of each list, shape (lists, n), where some rows have none of their own.

    What a rule has put into its place (NaN) has the score of the row before, and the first row of all has 1.
    """
    found: Float64s = np.fmin.accumulate(relative, axis=1)
    found[np.isnan(found)] = 1
    found[:, :1] = 1
    return found


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


def top_rows(owners: Integers, items: Integers, scores: Float64s, *, n: int) -> ListRows:
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
