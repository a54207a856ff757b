"""The methods to compare with: simple ones that are hard to beat, and the library as it comes.

Each gives lists of shape (users, n), int32: indexes of the training's items, best first, -1 where a list is
shorter, equal scores in order of the index. `users` are indexes into the training's users; `allowed`, of
shape (items,), says what may be in a list; with `exclude_seen` no list holds what its user has bought. At a
past cut every item sold before it is allowed but those that are never recommended: which of them were
sellable then is on no record.

What takes long to learn is learned by a function of its own, so that both tasks can use it.
"""

from dataclasses import dataclass

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix, vstack

from recommender.learning.habit import HALF_LIFE_DAYS, decayed_frequency
from recommender.learning.interactions import Interactions
from recommender.learning.popularity import popularity
from recommender.ranking.rows import best_of_rows, fill
from recommender.ranking.topn import top_n
from recommender.system.arrays import Bools, Float32s, Float64s, Int32s, Int64s, row_indexes
from recommender.system.threads import in_threads, one_blas_thread

_CELLS = 2_000_000
"""Scores that are in memory at a time, in each thread."""


@dataclass(frozen=True, eq=False)
class Factors:
    """Factors of the training's users and items."""

    users: Float32s
    """shape (users, factors)"""
    items: Float32s
    """shape (items, factors)"""


def popular(
    train: Interactions,
    users: Int64s,
    n: int,
    *,
    exclude_seen: bool,
    allowed: Bools,
    recent_share: float = 0.5,
) -> Int32s:
    """The most popular items, by `popularity` with this share of the recent: 0 all time, 1 recent alone."""
    lists = np.full((len(users), n), -1, np.int32)
    order = _popular_order(popularity(train, recent_share=recent_share), allowed)
    return fill(lists, order, n_items=len(allowed), seen=_seen(train, users, exclude_seen=exclude_seen))


def own_habit(
    train: Interactions,
    users: Int64s,
    n: int,
    *,
    allowed: Bools,
    half_life_days: float = HALF_LIFE_DAYS,
) -> Int32s:
    """What each user buys most often, a purchase counting half after so many days; for the task `all` alone.

    Equal counts go by popularity, and popular items fill the list.
    """
    habits = decayed_frequency(train, half_life_days=half_life_days)[users]
    popular_ones = popularity(train)
    rows, items = row_indexes(habits.indptr), habits.indices
    scores = habits.data
    kept = allowed[items]
    rows, items, scores = rows[kept], items[kept], scores[kept]
    order = _popular_order(popular_ones, allowed)
    place = np.empty(len(allowed), np.int64)
    place[order] = np.arange(len(order))
    cells, ranks = best_of_rows(rows, place[items], scores, n)
    lists = np.full((len(users), n), -1, np.int32)
    lists[rows[cells], ranks] = items[cells]
    return fill(lists, order, n_items=len(allowed), seen=None)


def learn_default_als(train: Interactions, *, seed: int, threads: int) -> Factors:
    """ALS as the library comes: counts of purchases, and its own defaults for all but the seed."""
    weights = train.weights
    purchases = np.diff(np.append(train.purchases.cells(), len(train.purchases.times))).astype(np.float32)
    counts = csr_matrix((purchases, weights.indices, weights.indptr), shape=weights.shape)
    with one_blas_thread():
        als = AlternatingLeastSquares(random_state=seed, num_threads=threads)
        if not counts.nnz:
            return Factors(*(np.zeros((size, als.factors), np.float32) for size in counts.shape))
        als.fit(counts, show_progress=False)
    return Factors(als.user_factors, als.item_factors)


def by_factors(
    factors: Factors,
    train: Interactions,
    users: Int64s,
    n: int,
    *,
    exclude_seen: bool,
    allowed: Bools,
    threads: int,
) -> Int32s:
    """The items whose factors go best with the user's; empty for a user whose factors are all zero.

    Raises:
        ModelError: factors so large that products of them overflow.
    """
    lists, _ = top_n(
        factors.users[users],
        factors.items,
        candidates=allowed,
        seen=_seen(train, users, exclude_seen=exclude_seen),
        n=n,
        threads=threads,
    )
    return lists


def learn_similarities(
    train: Interactions, *, neighbours: int = 200, shrinkage: float = 10.0, threads: int
) -> "csr_matrix[np.float64]":
    """How alike two items' buyers are, shape (items, items), float64: each row holds the most similar items.

    The cosine of the columns of weights, with shrinkage h in the denominator: w_i·w_j / (|w_i| |w_j| + h), so
    that two items of one common buyer are not the most alike of all (Ferrari Dacrema, Cremonesi and Jannach,
    "Are We Really Making Much Progress?", RecSys 2019). An item is its own neighbour too.

    Args:
        train: the interactions.
        neighbours: items kept in a row; equal ones in order of the index.
        shrinkage: h, in squared weights.
        threads: how many to use, at least 1.
    """
    weights = train.weights.astype(np.float64)
    columns = weights.T.tocsr()
    norms = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=0), np.float64)).ravel()
    n_items = weights.shape[1]
    block = max(1, _CELLS // max(n_items, 1))

    def part(number: int) -> "csr_matrix[np.float64]":
        first = number * block
        products = (columns[first : first + block] @ weights).tocsr()
        rows = row_indexes(products.indptr)
        alike = products.data / (norms[first + rows] * norms[products.indices] + shrinkage)
        # The least of the kept is found by a partition of each row; sorting all would take longest of all.
        kept = alike >= _bars(alike, products.indptr, neighbours)[rows]
        rows, items, alike = rows[kept], products.indices[kept], alike[kept]
        near, _ = best_of_rows(rows, items, alike, neighbours)
        return csr_matrix((alike[near], (rows[near], items[near])), shape=products.shape)

    return csr_matrix(vstack(in_threads(part, max(1, -(-n_items // block)), threads=threads), format="csr"))


def by_similarity(
    similarities: "csr_matrix[np.float64]",
    train: Interactions,
    users: Int64s,
    n: int,
    *,
    exclude_seen: bool,
    allowed: Bools,
    threads: int,
) -> Int32s:
    """The items most like what the user bought: the similarities of the bought ones, by weight, added up.

    An item that is like none of them is in no list.
    """
    lists = np.full((len(users), n), -1, np.int32)
    n_items = len(allowed)
    block = max(1, _CELLS // max(n_items, 1))

    def part(number: int) -> None:
        own = train.weights[users[number * block : (number + 1) * block]]
        scores = (own.astype(np.float64) @ similarities).toarray()
        scores[:, ~allowed] = 0
        if exclude_seen:
            scores[row_indexes(own.indptr), own.indices] = 0
        lists[number * block : (number + 1) * block] = best_of(scores, n)

    in_threads(part, -(-len(users) // block), threads=threads)
    return lists


def best_of(scores: Float64s, n: int) -> Int32s:
    """The n items with the greatest scores above 0 of each row, shape (rows, n), int32, exactly.

    Args:
        scores: shape (rows, items).
        n: length of the lists.
    """
    n_rows, n_items = scores.shape
    lists = np.full((n_rows, n), -1, np.int32)
    if not scores.size:
        return lists
    bars = np.zeros(n_rows) if n >= n_items else np.partition(scores, n_items - n, axis=1)[:, n_items - n]
    rows, items = np.nonzero((scores >= bars[:, None]) & (scores > 0))
    cells, ranks = best_of_rows(rows, items, scores[rows, items], n)
    lists[rows[cells], ranks] = items[cells]
    return lists


def _seen(train: Interactions, users: Int64s, *, exclude_seen: bool) -> "csr_matrix[np.float32] | None":
    return train.weights[users] if exclude_seen else None


def _popular_order(popular_ones: Float64s, allowed: Bools) -> Int32s:
    order = np.argsort(-popular_ones, kind="stable")
    return order[allowed[order]].astype(np.int32)


def _bars(values: Float64s, indptr: Int32s, n: int) -> Float64s:
    """The n-th greatest value of each row, -inf where there are fewer; shape (rows,)."""
    bars = np.full(len(indptr) - 1, -np.inf)
    for row in np.flatnonzero(np.diff(indptr) > n):
        own = values[indptr[row] : indptr[row + 1]]
        bars[row] = np.partition(own, len(own) - n)[len(own) - n]
    return bars
