"""Exact top-N of a factor model without all its scores in memory.

Items are taken in order of falling norm. By Cauchy-Schwarz |x·y| ≤ |x||y|, so as soon as |x| times the norm
of the next item is below a user's n-th best score so far, no later item can come into the list (Teflioudi,
Gemulla and Mykytiuk, "LEMP", SIGMOD 2015).

Scores are first computed in 32 bits, by matrix product, to find the few items that can be in the list; then
these few again in 64 bits, which decides. So the lists are the exact ones, and the same to the bit whatever
blocks, threads or BLAS did before.
"""

import numpy as np
from scipy.sparse import csr_matrix

from recommender.errors import ModelError
from recommender.ranking.rows import best_of_rows
from recommender.system.arrays import Bools, Float32s, Float64s, Int32s, Int64s
from recommender.system.threads import Progress, in_threads

_USERS = 512
_ITEMS = 512
"""Users of a block and items of a step: so many that their scores stay in the processor's cache."""
_GROUP = 8
LARGEST = 1e30
"""Of |x||y|: products of 32 bits beyond it may overflow."""
_LOWEST = float(np.finfo(np.float32).min)
_TINY = 1e-37
"""More than what underflow can take from a product of 32 bits."""


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
        self.place = np.full(len(candidates), -1, np.int32)
        self.place[self.items] = np.arange(len(self.items), dtype=np.int32)
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
        norms = np.sqrt(np.einsum("ij,ij->i", users, users, dtype=np.float64))
        largest = norms.max(initial=0) * self.norms.max(initial=0)
        if not largest < LARGEST:
            raise ModelError(
                f"The model's factors are too large: |x||y| = {largest:g}.", "Train a new model."
            )
        if not len(self.items):
            nothing = np.empty(0, np.int64)
            return nothing, nothing, np.empty(0, np.int32), np.empty(0)
        return _rank_block(self, users, norms, seen)

    def seen_places(self, seen: "csr_matrix[np.float32] | None") -> tuple[Int64s, Int64s]:
        """Row and place of the seen candidates of some users, in order of place."""
        if seen is None:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        rows = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr))
        places = self.place[seen.indices].astype(np.int64)
        order = np.argsort(places)
        order = order[np.searchsorted(places[order], 0) :]
        return rows[order], places[order]


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


def rounding_of(n_factors: int) -> float:
    """By how much of |x||y| a product of so many factors in 32 bits is wrong at most.

    In any order of addition, fused or not: f u / (1 - f u) with u = 2**-24 (Higham, "Accuracy and Stability
    of Numerical Algorithms", 3.1). What is added covers the roundings of norms, bars and 64-bit scores.
    """
    return (n_factors + 4) * 2.0**-24 * 1.01


def exact_products(users: Float32s, items: Float32s) -> Float64s:
    """The product of each row with its counterpart, the same to the bit on every machine.

    Products of two float32 are exact in float64, and their sum goes in a fixed order.

    Args:
        users: shape (cells, factors), float32.
        items: the same.

    Returns:
        Shape (cells,), float64.
    """
    products = np.multiply(users, items, dtype=np.float64)
    width = products.shape[1]
    while width > 1:
        half = width // 2
        products[:, :half] += products[:, width - half : width]
        width -= half
    scores: Float64s = products[:, 0]
    return scores


def _rank_block(
    ranker: TopN, users: Float32s, norms: Float64s, seen: "csr_matrix[np.float32] | None"
) -> tuple[Int64s, Int64s, Int32s, Float64s]:
    """The lists of a block of users, as `TopN.block` returns them."""
    rows, places = _survivors(ranker, users, norms, seen)
    scores = exact_products(users[rows], ranker.factors[places])
    items = ranker.items[places]
    cells, ranks = best_of_rows(rows, items, scores, ranker.n)
    return rows[cells], ranks, items[cells], scores[cells]


def _survivors(
    ranker: TopN, users: Float32s, norms: Float64s, seen: "csr_matrix[np.float32] | None"
) -> tuple[Int64s, Int64s]:
    """Rows and places of everything that can be in a list: some more than n for each user, never fewer."""
    seen_rows, seen_places = ranker.seen_places(seen)
    # Each 32-bit score is wrong by at most half of this, so that two of them compare safely beyond it.
    margin = 2 * ranker.rounding * norms * ranker.norms[0] + _TINY
    best = np.full((len(users), ranker.n), -np.inf, np.float32)
    bar = np.full(len(users), _LOWEST)
    active = np.flatnonzero(norms > 0)
    kept: list[tuple[Int64s, Int64s, Float32s]] = []
    start, step = 0, max(_ITEMS, _GROUP * ranker.n)
    while start < len(ranker.items):
        active = active[norms[active] * ranker.norms[start] >= bar[active]]
        if not len(active):
            break
        stop = min(start + step, len(ranker.items))
        scores = users[active] @ ranker.factors[start:stop].T
        low, high = np.searchsorted(seen_places, (start, stop))
        if low < high:
            line = np.full(len(users), -1)
            line[active] = np.arange(len(active))
            lines = line[seen_rows[low:high]]
            scores[lines[lines >= 0], seen_places[low:high][lines >= 0] - start] = -np.inf
        if not start:
            bar[active] = np.maximum(_low_bar(scores, ranker.n) - margin[active], _LOWEST)
        found = np.flatnonzero(scores >= bar[active].astype(np.float32)[:, None])
        if len(found):
            found_rows, found_scores = active[found // (stop - start)], scores.ravel()[found]
            kept.append((found_rows, found % (stop - start) + start, found_scores))
            raised = _merge(best, found_rows, found_scores)
            bar[raised] = np.maximum(best[raised].min(axis=1) - margin[raised], _LOWEST)
        start, step = stop, _ITEMS
    if not kept:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    rows, places, approximate = map(np.concatenate, zip(*kept, strict=True))
    possible = approximate >= bar[rows]
    return rows[possible], places[possible]


def _low_bar(scores: Float32s, n: int) -> Float32s:
    """A number that at least n scores of each line reach, found faster than the n-th best itself.

    The n-th best of the maxima of groups is such a number, since each group has a score that high.
    """
    groups = scores.shape[1] // _GROUP
    if groups < n:
        return np.full(len(scores), -np.inf, np.float32)
    maxima = scores[:, : groups * _GROUP].reshape(len(scores), _GROUP, groups).max(axis=1)
    return np.partition(maxima, groups - n, axis=1)[:, groups - n]


def _merge(best: Float32s, rows: Int64s, scores: Float32s) -> Int64s:
    """Put new scores among the n best of their rows, where they belong; returns the rows, each once."""
    firsts = np.flatnonzero(np.diff(rows, prepend=-1))
    counts = np.diff(np.append(firsts, len(rows)))
    touched = rows[firsts]
    n = best.shape[1]
    together = np.full((len(touched), n + counts.max()), -np.inf, np.float32)
    together[:, :n] = best[touched]
    column = np.arange(len(rows)) - np.repeat(firsts, counts) + n
    together[np.repeat(np.arange(len(touched)), counts), column] = scores
    best[touched] = np.partition(together, together.shape[1] - n, axis=1)[:, -n:]
    return touched
