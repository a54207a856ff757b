"""Habit: what a customer buys again and again, and how likely it is now.

Three things tell: how often and how lately the customer bought the item; whether it is an item that its
customers buy again at all; and whether it is about time, by the customer's own intervals and the item's. They
are multiplied with exponents that were right on past windows of shops of two kinds.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from recommender.learning.interactions import Interactions, Part
from recommender.system.arrays import Array, Float64s, Int64s, starts
from recommender.system.times import DAY_MICROSECONDS

HALF_LIFE_DAYS = 180.0
"""A purchase counts half after so many days: habits are slower than tastes."""
_REPEAT_EXPONENT = 0.6
_TIME_EXPONENT = 0.12
_PRIOR = 2.0
"""Observations that the mean of the shop, or of the item, counts as beside those of an item, or of a pair."""
_FLOOR = 0.02
_LONG_DAYS = 365.0
"""The interval of a shop in which nobody bought anything twice."""


@dataclass(frozen=True, eq=False)
class Habits:
    """What customers bought, how often and how lately; the cells are those of the interactions' weights."""

    scores: "csr_matrix[np.float64]"
    """shape (users, items): how likely the item is to be bought again now; only the order means anything"""
    days: "csr_matrix[np.float32]"
    """shape (users, items): on how many days the customer bought it"""
    since: "csr_matrix[np.float32]"
    """shape (users, items): days since the customer's last purchase of it"""

    def of(self, users: Int64s) -> "Habits":
        """Of these users alone, numbered anew in this order."""
        return Habits(self.scores[users], self.days[users], self.since[users])


def decayed_frequency(
    interactions: Interactions, *, half_life_days: float = HALF_LIFE_DAYS
) -> "csr_matrix[np.float64]":
    """The decayed frequency of each customer's own items, shape (users, items), float64, sorted indices.

    The sum over a pair's purchases of `0.5 ** (age in days / half-life)`; the cells are those of the
    interactions' weights.
    """
    weights, purchases = interactions.weights, interactions.purchases
    data = np.empty(weights.nnz)
    for part in purchases.parts(purchases.cells()):
        data[part.cells] = part.decayed(newest=interactions.newest, half_life_days=half_life_days)
    return csr_matrix((data, weights.indices, weights.indptr), shape=weights.shape)


def habits(interactions: Interactions) -> tuple[Habits, Float64s]:
    """How likely each bought item is to be bought again now, and what that is worked out from.

    With the decayed frequency f of the pair, the item's repeat share p, the days a since the customer's last
    purchase of it and the expected days g between two, the score is

        f · (p + 0.02)^0.6 · exp(-0.12 |ln((a + 1) / (g + 1))|)

    where p is the share of the item's customers who bought it on more than one day, and g is the mean of the
    customer's own intervals, the item's mean interval counted in as two more of them; p and the item's
    interval are drawn towards the shop's by two customers and two intervals. Days are those of UTC: two
    purchases of one evening are one need.

    Returns:
        The habits; and p of each item, shape (items,), float64.
    """
    scores = decayed_frequency(interactions)
    items, n_items = scores.indices, scores.shape[1]
    purchases = interactions.purchases
    cells = purchases.cells()
    # Sums of whole numbers, which are exact in any order.
    repeats, spans, intervals = np.zeros((3, n_items))
    days, since = np.empty((2, len(cells)), np.float32)
    for part in purchases.parts(cells):
        between, span = _intervals(part)
        of = items[part.cells]
        days[part.cells] = between + 1
        repeats += np.bincount(of, between > 0, minlength=n_items)
        spans += np.bincount(of, span, minlength=n_items)
        intervals += np.bincount(of, between, minlength=n_items)
    share = _towards_the_shop(repeats, np.bincount(items, minlength=n_items))
    usual = _towards_the_shop(spans, intervals, otherwise=_LONG_DAYS)
    by_share = (share + _FLOOR) ** _REPEAT_EXPONENT
    for part in purchases.parts(cells):
        between, span = _intervals(part)
        of = items[part.cells]
        expected = (span + _PRIOR * usual[of]) / (between + _PRIOR)
        ago = (interactions.newest - interactions.last_purchase[part.cells]) / DAY_MICROSECONDS
        since[part.cells] = ago
        away = np.abs(np.log((ago + 1) / (expected + 1)))
        scores.data[part.cells] *= by_share[of]
        scores.data[part.cells] *= np.exp(-_TIME_EXPONENT * away)
    counted, lately = (csr_matrix((data, items, scores.indptr), shape=scores.shape) for data in (days, since))
    return Habits(scores, counted, lately), share


def _intervals(part: Part) -> tuple[Float64s, Float64s]:
    """For each cell, the number of intervals between days of purchase, and all these days together."""
    day = part.times // DAY_MICROSECONDS
    is_new_day = starts(day)
    is_new_day[part.begins] = True
    days = np.add.reduceat(is_new_day.astype(np.int64), part.begins)
    return days - 1.0, (day[part.lasts] - day[part.begins]).astype(np.float64)


def _towards_the_shop(sums: Array, counts: Array, otherwise: float = 0.0) -> Float64s:
    """Each item's mean, the shop's mean counted in as `_PRIOR` more observations; shape (items,)."""
    total, numbers = sums.astype(np.float64), counts.astype(np.float64)
    mean = float(total.sum() / numbers.sum()) if numbers.sum() else otherwise
    drawn: Float64s = (total + _PRIOR * mean) / (numbers + _PRIOR)
    return drawn
