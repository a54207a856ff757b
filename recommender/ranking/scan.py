"""Scores of a factor model in order of the items' falling norm, as far as they can matter to anybody.

By Cauchy-Schwarz |x·y| <= |x||y|, so as soon as |x| times the norm of the next item is too small for a user,
no later item can matter to them (Teflioudi, Gemulla and Mykytiuk, "LEMP", SIGMOD 2015).

The scores are products of 32 bits, which tell who may be in a list; `exact_products` of the few that may then
decides.
"""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.sparse import csr_matrix

from recommender.errors import ModelError
from recommender.system.arrays import Float32s, Float64s, Int32s, Int64s, row_indexes

Cells = tuple[Int64s, Int64s]
"""Rows and columns."""

STEP = 512
"""Items that are looked at together."""
_PRODUCTS = 4096
"""Cells whose products of 64 bits are in memory at once: few enough for the processor's cache."""
_SET = 8
"""Scores of which the highest stands for all."""
_LARGEST = 1e30
"""Of |x||y|: products of 32 bits beyond it may overflow."""
UNDERFLOW = 1e-37
"""More than what it can take from a product of 32 bits."""
LOWEST = float(np.finfo(np.float32).min)


def scan(
    users: Float32s,
    norms: Float64s,
    items: Float32s,
    item_norms: Float64s,
    *,
    seen: Cells | None,
    least: Callable[[int], Float64s],
    error: Float64s,
    start: int = 0,
    first_step: int = 0,
) -> Iterator[tuple[Int64s, int, Float32s]]:
    """The scores of a block of users, a few columns at a time.

    Args:
        users: shape (users, factors), float32.
        norms: shape (users,): of them.
        items: shape (columns, factors), float32, from `start` on by falling norm.
        item_norms: shape (columns,): of them.
        seen: cells of items that may not be listed, in order of column; None leaves out none.
        least: called with a column; the score from which on one of it or behind it matters to each user,
            shape (users,). It may change while the scores are looked at.
        error: shape (users,): by so much any score is wrong at most, where `least` does not allow for it.
        start: the first column.
        first_step: columns of the first step, where these are more than of the others.

    Yields:
        The rows that such a score is possible for; the first column; and the scores of these rows in a few
        columns from there on, -inf where an item may not be listed.
    """
    rows = np.flatnonzero(norms > 0)
    step = max(STEP, first_step)
    while start < len(items):
        rows = rows[norms[rows] * item_norms[start] + error[rows] >= least(start)[rows]]
        if not len(rows):
            return
        stop = min(start + step, len(items))
        scores = users[rows] @ items[start:stop].T
        if seen is not None:
            here = slice(*np.searchsorted(seen[1], (start, stop)))
            line = np.full(len(norms), -1)
            line[rows] = np.arange(len(rows))
            lines = line[seen[0][here]]
            scores[lines[lines >= 0], seen[1][here][lines >= 0] - start] = -np.inf
        yield rows, start, scores
        start, step = stop, STEP


def user_norms(users: Float32s, largest: float) -> Float64s:
    """The norms of users' factors, shape (users,).

    Args:
        users: shape (users, factors), float32.
        largest: norm of an item.

    Raises:
        ModelError: factors so large that products of them overflow.
    """
    norms: Float64s = np.sqrt(np.einsum("ij,ij->i", users, users, dtype=np.float64))
    highest = float(norms.max(initial=0)) * largest
    if not highest < _LARGEST:
        raise ModelError(
            "model-unusable",
            f"The model cannot be used: its factors are too large, |x||y| = {highest:g}.",
            "Train a new one: `recommend run --train`.",
        )
    return norms


def in_columns(cells: "csr_matrix[np.float32]", columns: Int64s) -> tuple[Int64s, Int64s, Int64s]:
    """Row and column of the cells whose items have a column, in order of column; and which cells these are.

    Args:
        cells: shape (users, items).
        columns: shape (items,): -1 for an item without.
    """
    rows = row_indexes(cells.indptr)
    found = columns[cells.indices]
    order = np.argsort(found, kind="stable")
    order = order[np.searchsorted(found[order], 0) :]
    return rows[order], found[order], order


def at_least(scores: Float32s, bars: Float64s) -> Cells:
    """The cells that reach the bar of their row."""
    # Through the flat places: several times faster than all at once.
    places = np.flatnonzero(scores >= bars.astype(np.float32)[:, None])
    return np.divmod(places, max(scores.shape[1], 1))


def nth_highest(scores: Float32s, n: int, *, sets_per_rank: int) -> Float32s:
    """A number that at least n scores of each row reach, not far below the n-th highest; shape (rows,).

    The n-th highest of the maxima of small sets is such a number, found much faster than that of all.

    Args:
        scores: shape (rows, columns).
        n: at least 1.
        sets_per_rank: so many sets there must be for each of the n; with fewer, all scores are looked at.
    """
    sets = scores.shape[1] // _SET
    if sets >= sets_per_rank * n:
        scores = scores[:, : sets * _SET].reshape(len(scores), _SET, sets).max(axis=1)
    if scores.shape[1] < n:
        return np.full(len(scores), -np.inf, np.float32)
    place = scores.shape[1] - n
    return np.partition(scores, place, axis=1)[:, place]


def rounding_of(n_factors: int) -> float:
    """By how much of |x||y| a product of so many factors in 32 bits is wrong at most.

    In any order of addition, fused or not: f u / (1 - f u) with u = 2**-24 (Higham, "Accuracy and Stability
    of Numerical Algorithms", 3.1). What is added covers the roundings of norms, bars and 64-bit scores.
    """
    return (n_factors + 4) * 2.0**-24 * 1.01


def exact_products(users: Float32s, items: Float32s, rows: Int64s, places: Int32s | Int64s) -> Float64s:
    """The products of some users' factors with some items', the same to the bit on every machine.

    Products of two float32 are exact in float64, and their sum goes in a fixed order.

    Args:
        users: shape (users, factors), float32.
        items: shape (items, factors), float32.
        rows: shape (cells,): which user.
        places: shape (cells,): which item.

    Returns:
        Shape (cells,), float64.
    """
    scores = np.empty(len(rows))
    for first in range(0, len(rows), _PRODUCTS):
        part = slice(first, first + _PRODUCTS)
        products = np.multiply(users[rows[part]], items[places[part]], dtype=np.float64)
        width = products.shape[1]
        while width > 1:
            half = width // 2
            products[:, :half] += products[:, width - half : width]
            width -= half
        scores[part] = products[:, 0]
    return scores
