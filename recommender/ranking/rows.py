"""Rows of a list on arrays: the best of each owner's items, with positions and relative scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.system.arrays import Float64s, Int32s

_DECIMALS = 3


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
    order = np.lexsort((items, -scores, owners))
    owners, items, scores = owners[order], items[order], scores[order]
    begins = np.searchsorted(owners, owners)
    ranks = np.arange(len(owners)) - begins
    relative = scores / scores[begins]
    listed = ranks < n
    return ListRows(
        owner=owners[listed].astype(np.int32),
        position=(ranks[listed] + 1).astype(np.int32),
        item=items[listed].astype(np.int32),
        score=np.round(relative[listed], _DECIMALS),
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
