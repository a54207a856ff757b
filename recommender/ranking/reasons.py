"""Why an item is in a list: which signal put it there, and which of the customer's own items led to it.

The leading item is the one without which the score would be lowest. The score without each is worked out in
closed form. Hu, Koren and Volinsky (2008), section 5: with C_u the diagonal of the user's confidences, Y the
items' factors and W = (Yᵀ C_u Y + λ I)⁻¹, the ALS score of item i is s_i = sum over the history j of c_j g_ij
where g_ij = y_iᵀ W y_j. Without item j of the history W changes by a matrix of rank one (Sherman and
Morrison, 1950), and the score is lower by

    g_ij (c_j - d_j s_j) / (1 - d_j g_jj)          with d_j = c_j - 1

One inverse per user would be slow. With M = Yᵀ Y + λ I, which all users share, W = (M + Y_hᵀ D Y_h)⁻¹ where
Y_h are the factors of the history. Let M⁻¹ = L Lᵀ and V = Y L. By the identity of Woodbury the g of the
history's items and item i are (I + K D)⁻¹ V_h v_i with K = V_h V_hᵀ, a system of the size of the history;
where the history is longer than the factors are many, they are V_h (I + V_hᵀ D V_h)⁻¹ v_i, a system of the
size of the factors.

The neighbours' score loses the bought item's own addend, the habit with its parts all of itself when the item
is its own. What the square roots are relative to, and how well the customer is known, stay as they are.
"""

import itertools
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from recommender.learning.signals import PERSONAL, Signals, by_user
from recommender.learning.sizes import WHOLE
from recommender.ranking.best import Ranked
from recommender.system.arrays import Bools, Float32s, Float64s, Int32s, Int64s, Integers, UInt8s
from recommender.system.threads import Progress, in_threads, one_blas_thread

_BATCHES_PER_PART = 8
_TIE = 1e-6
"""Scores this close are equal but for rounding: what neighbours add has 32 bits."""


class Reason(StrEnum):
    """Why an item is in a list."""

    MODEL = "model"
    """what the customer bought leads there"""
    BUY_AGAIN = "buy_again"
    """the customer's own habit leads there"""
    POPULAR = "popular"
    NEW = "new"
    """an item without any sale in the window, or in a place for new items"""
    RULE = "rule"
    """the shop has put it there"""


REASONS = tuple(Reason)
MODEL, BUY_AGAIN, POPULAR, NEW, RULE = range(len(REASONS))


@dataclass(frozen=True, eq=False)
class Reasons:
    """Shapes (users, n), as the lists."""

    reason: UInt8s
    """index into `REASONS`"""
    because: Int32s
    """index into the items: the customer's own item that leads there; -1 unless the reason is `model`"""


def find_reasons(
    signals: Signals,
    weights: Float64s,
    users: Int64s,
    ranked: Ranked,
    *,
    allowed: Bools,
    threads: int,
    numbers_at_once: int = WHOLE.numbers,
    progress: Progress | None = None,
) -> Reasons:
    """The reason of each row.

    An item that is popular more than it is the customer's own is there for its popularity: when the item's
    signals lift it higher above the middle one of the allowed items than the customer's signals lift it.
    Otherwise the item of the history counts without which the score would be lowest: if that is the item
    itself, it is there by habit.

    Args:
        signals: of the night.
        weights: shape (signals,), as the lists were ranked.
        users: shape (users,), as the lists were ranked.
        ranked: the lists.
        allowed: shape (items,), as the lists were ranked.
        threads: how many to use, at least 1; the result is the same for any number.
        numbers_at_once: of the factors of histories that are gathered for a batch of users; the result is the
            same for any number.
        progress: called with parts of the work done and in all.
    """
    reason = np.full(ranked.items.shape, POPULAR, np.uint8)
    because = np.full(ranked.items.shape, -1, np.int32)
    lift = signals.statics @ weights[PERSONAL:]
    if allowed.any():
        lift -= np.median(lift[allowed])
    own = ranked.parts.sum(axis=0)
    personal = (ranked.items >= 0) & (own > 0)
    if len(lift):
        personal &= own >= lift[ranked.items]
    history = signals.weights
    lengths = np.diff(history.indptr)[users]
    rows = np.flatnonzero((lengths > 0) & personal.any(axis=1))
    rows = rows[np.argsort(lengths[rows], kind="stable")]
    scores = _ScoresWithout(signals, weights)
    batches = _batches(lengths[rows], signals.als.factors, numbers_at_once)

    def work(part: int) -> None:
        for first, last in batches[part * _BATCHES_PER_PART : (part + 1) * _BATCHES_PER_PART]:
            chosen = rows[first:last]
            cells = history.indptr[users[chosen]][:, None] + np.arange(lengths[chosen[0]])
            bought = history.indices[cells]
            with_all, without = scores.of(users[chosen], cells, ranked, chosen)
            lowest = without.min(axis=1, keepdims=True)
            # The first of the equal ones: the history is in order of the item index.
            leading = np.take_along_axis(bought, np.argmax(without <= lowest + _TIE, axis=1), axis=1)
            leads = personal[chosen] & (lowest[:, 0] < with_all - _TIE)
            is_own = leading == ranked.items[chosen]
            reason[chosen] = np.where(leads, np.where(is_own, BUY_AGAIN, MODEL), POPULAR)
            because[chosen] = np.where(leads & ~is_own, leading, -1)

    in_threads(work, -(-len(batches) // _BATCHES_PER_PART), threads=threads, progress=progress)
    return Reasons(reason, because)


class _ScoresWithout:
    """The customer's own part of scores, with the whole history and without each item of it."""

    def __init__(self, signals: Signals, weights: Float64s) -> None:
        self._factors = whitened(signals.item_factors, signals.als.regularization)
        self._alpha = signals.als.alpha
        self._weights = weights
        self._signals = signals

    def of(self, users: Int64s, cells: Integers, ranked: Ranked, chosen: Int64s) -> tuple[Float64s, Float64s]:
        """Shapes (users, n) and (users, h, n): with all of the history, and without each item of it.

        Args:
            users: shape (users,): of the signals.
            cells: shape (users, h): the cells of their histories, all of one length.
            ranked: the lists.
            chosen: shape (users,): the rows of the lists.
        """
        items = np.maximum(ranked.items[chosen], 0)
        signals = self._signals
        als, neighbours = by_user(self._weights, signals.known(users))
        als_scale, neighbours_scale, _ = ranked.scales[:, chosen]
        history = signals.weights.indices[cells]
        confidences = 1 + self._alpha * signals.weights.data[cells].astype(np.float64)
        score, drop = without_each(self._factors, history, confidences, items)
        together = ranked.neighbour_scores[chosen]
        addends = signals.neighbours.addends(cells, items)
        own = ranked.parts[2][chosen]
        with_all = als[:, None] * _root(score, als_scale)
        with_all += neighbours[:, None] * _root(together, neighbours_scale) + own
        without = als[:, None, None] * _root(score[:, None] - drop, als_scale)
        without += neighbours[:, None, None] * _root(together[:, None] - addends, neighbours_scale)
        without += np.where(history[:, :, None] == items[:, None], 0, own[:, None])
        return with_all, without


def _root(scores: Float64s, scales: Float64s) -> Float64s:
    scaled: Float64s = np.sqrt(np.maximum(scores, 0) / scales.reshape(-1, *[1] * (scores.ndim - 1)))
    return scaled


def whitened(item_factors: Float32s, regularization: float) -> Float64s:
    """V = Y L of the module's formula, shape as `item_factors`, float64.

    By the eigenvectors E and eigenvalues e of Yᵀ Y: L = E (e + λ)^-½. There is always one, where a Cholesky
    decomposition fails when λ is lost in the rounding of large factors.
    """
    factors = item_factors.astype(np.float64)
    with one_blas_thread():
        values, vectors = np.linalg.eigh(factors.T @ factors)
        found: Float64s = factors @ (vectors / np.sqrt(np.maximum(values, 0) + regularization))
    return found


def _batches(lengths: Int64s, n_factors: int, numbers_at_once: int) -> list[tuple[int, int]]:
    """Stretches of users with histories of equal length, each of bounded size."""
    bounds = []
    changes = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(lengths)]
    for first, last in itertools.pairwise(changes):
        if first < last:
            step = max(1, numbers_at_once // (int(lengths[first]) * n_factors))
            bounds += [(start, min(start + step, last)) for start in range(first, last, step)]
    return bounds


def without_each(
    factors: Float64s, history: Int32s, confidences: Float64s, items: Int32s
) -> tuple[Float64s, Float64s]:
    """ALS scores of some items, and by how much each is lower without each item of the history.

    Args:
        factors: V of the module's formula, shape (items, factors), float64.
        history: shape (users, h): all histories of one length.
        confidences: their c, shape (users, h).
        items: shape (users, n).

    Returns:
        The scores with the user's factors solved exactly, shape (users, n), and what each loses, shape
        (users, h, n).
    """
    own, wanted = factors[history], factors[items].transpose(0, 2, 1)
    trust, extra = confidences[:, :, None], (confidences - 1)[:, :, None]
    length, n_factors = own.shape[1:]
    transposed = own.transpose(0, 2, 1)
    if length <= n_factors:
        among = own @ transposed
        system = among * extra.transpose(0, 2, 1)
        diagonal = np.arange(length)
        system[:, diagonal, diagonal] += 1
        solved = np.linalg.solve(system, np.concatenate([own @ wanted, among], axis=2))
        to_items, to_own = solved[:, :, : items.shape[1]], solved[:, :, items.shape[1] :]
        own_scores = (trust * to_own).sum(axis=1)[:, :, None]
        to_itself = to_own[:, diagonal, diagonal][:, :, None]
    else:
        system = transposed @ (own * extra)
        diagonal = np.arange(n_factors)
        system[:, diagonal, diagonal] += 1
        solved = own @ np.linalg.inv(system)
        to_items = solved @ wanted
        own_scores = solved @ (transposed @ trust)
        to_itself = (solved * own).sum(axis=2, keepdims=True)
    drop = to_items * (trust - extra * own_scores) / (1 - extra * to_itself)
    return (trust * to_items).sum(axis=1), drop
