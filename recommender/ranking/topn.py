"""Exact top-N of a factor model without all its scores in memory.

The items are scanned by falling norm until none can come into a list any more. The few that can be in a list
then get scores of 64 bits, which decide. So the lists are the exact ones, and the same to the bit whatever
blocks, threads or BLAS did before.
"""

import numpy as np
from scipy.sparse import csr_matrix

from recommender.ranking.rows import best_of_rows
from recommender.ranking.scan import (
    LOWEST,
    UNDERFLOW,
    Cells,
    at_least,
    exact_products,
    in_columns,
    nth_highest,
    rounding_of,
    scan,
    user_norms,
)
from recommender.system.arrays import Bools, Float32s, Float64s, Int32s, Int64s, starts
from recommender.system.threads import Progress, in_threads

_USERS = 512
"""Users of a block: so many that their scores of a step stay in the processor's cache."""
_COLUMNS_PER_RANK = 8
"""Of the first step, so that its highest scores make a bar."""


class TopN:
    """Finds the n best candidates of blocks of users; blocks may be asked for in threads."""

    def __init__(self, item_factors: Float32s, candidates: Bools, n: int) -> None:
        """Put the candidates in order of falling norm.

        Args:
            item_factors: shape (items, factors), float32.
            candidates: shape (items,), bool: items that may be in a list.
            n: length of the lists, at least 1.
        """
        found = np.flatnonzero(candidates)
        norms = np.linalg.norm(item_factors[found].astype(np.float64), axis=1)
        order = np.argsort(-norms, kind="stable")
        self.items: Int32s = found[order].astype(np.int32)
        self.norms: Float64s = norms[order]
        self.factors: Float32s = np.ascontiguousarray(item_factors[self.items])
        self.n = n
        self.place = np.full(len(candidates), -1, np.int64)
        self.place[self.items] = np.arange(len(self.items))
        self.rounding = rounding_of(item_factors.shape[1])

    def block(
        self, users: Float32s, seen: "csr_matrix[np.float32] | None"
    ) -> tuple[Int64s, Int64s, Int32s, Float64s]:
        """The lists of a block of users: row in the block, rank from 0, item and score of each entry.

        Args:
            users: shape (users, factors), float32.
            seen: shape (users, items): each user's cells are left out of the list; None leaves out none.

        Raises:
            ModelError: factors so large that products of them overflow.
        """
        norms = user_norms(users, float(self.norms.max(initial=0)))
        if not len(self.items):
            nothing = np.empty(0, np.int64)
            return nothing, nothing, np.empty(0, np.int32), np.empty(0)
        rows, places = _survivors(self, users, norms, seen)
        scores = exact_products(users, self.factors, rows, places)
        items = self.items[places]
        cells, ranks = best_of_rows(rows, items, scores, self.n)
        return rows[cells], ranks, items[cells], scores[cells]


def top_n(
    user_factors: Float32s,
    item_factors: Float32s,
    *,
    candidates: Bools,
    seen: "csr_matrix[np.float32] | None",
    n: int,
    threads: int,
    progress: Progress | None = None,
) -> tuple[Int32s, Float64s]:
    """The n best candidates of every user, exactly.

    Args:
        user_factors: shape (users, factors), float32.
        item_factors: shape (items, factors), float32.
        candidates: shape (items,), bool: items that may be in a list.
        seen: shape (users, items): each user's cells are left out of that user's list; None leaves out none.
        n: length of the lists, at least 1.
        threads: how many to use, at least 1.
        progress: called with blocks of users done and in all.

    Returns:
        Item indexes, shape (users, n), int32, best first and -1 where a list is shorter; and their scores,
        shape (users, n), float64, NaN there. Equal scores are in order of the item's index. A user whose
        factors are all zero has an empty list: the scores would all be equal.

    Raises:
        ModelError: factors so large that products of them overflow.
    """
    ranker = TopN(item_factors, candidates, n)
    items = np.full((len(user_factors), n), -1, np.int32)
    scores = np.full((len(user_factors), n), np.nan)

    def block(part: int) -> None:
        first, last = part * _USERS, min((part + 1) * _USERS, len(user_factors))
        known = None if seen is None else seen[first:last]
        rows, ranks, found, final = ranker.block(user_factors[first:last], known)
        items[first + rows, ranks] = found
        scores[first + rows, ranks] = final

    in_threads(block, -(-len(user_factors) // _USERS), threads=threads, progress=progress)
    return items, scores


def _survivors(
    ranker: TopN, users: Float32s, norms: Float64s, seen: "csr_matrix[np.float32] | None"
) -> Cells:
    """Rows and places of everything that can be in a list: some more than n for each user, never fewer."""
    n = ranker.n
    # Each 32-bit score is wrong by at most half of this, so that two of them compare safely beyond it.
    margin = 2 * ranker.rounding * norms * ranker.norms[0] + UNDERFLOW
    best = np.full((len(users), n), -np.inf, np.float32)
    bar = np.full(len(users), LOWEST)
    kept: list[tuple[Int64s, Int64s, Float32s]] = []
    for active, start, scores in scan(
        users,
        norms,
        ranker.factors,
        ranker.norms,
        seen=None if seen is None else in_columns(seen, ranker.place)[:2],
        least=lambda _: bar,
        error=np.zeros(len(users)),
        first_step=_COLUMNS_PER_RANK * n,
    ):
        if not start:
            bar[active] = np.maximum(nth_highest(scores, n, sets_per_rank=1) - margin[active], LOWEST)
        lines, columns = at_least(scores, bar[active])
        if len(lines):
            rows, found = active[lines], scores[lines, columns]
            kept.append((rows, columns + start, found))
            raised = _merge(best, rows, found)
            bar[raised] = np.maximum(best[raised].min(axis=1) - margin[raised], LOWEST)
    if not kept:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    rows, places, approximate = map(np.concatenate, zip(*kept, strict=True))
    possible = approximate >= bar[rows]
    return rows[possible], places[possible]


def _merge(best: Float32s, rows: Int64s, scores: Float32s) -> Int64s:
    """Put new scores among the n best of their rows, where they belong; returns the rows, each once."""
    firsts = np.flatnonzero(starts(rows))
    counts = np.diff(np.append(firsts, len(rows)))
    touched = rows[firsts]
    n = best.shape[1]
    together = np.full((len(touched), n + counts.max()), -np.inf, np.float32)
    together[:, :n] = best[touched]
    column = np.arange(len(rows)) - np.repeat(firsts, counts) + n
    together[np.repeat(np.arange(len(touched)), counts), column] = scores
    best[touched] = np.partition(together, together.shape[1] - n, axis=1)[:, -n:]
    return touched
