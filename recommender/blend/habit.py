"""Habit: what a customer buys again and again, and how likely it is now.

Three things tell: how often and how lately the customer bought the item; whether it is an item that its
customers buy again at all; and whether it is about time, by the customer's own intervals and the item's. They
are multiplied with exponents that were right on past windows of shops of two kinds.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from recommender.interactions import Interactions
from recommender.times import DAY_MICROSECONDS

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

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
    """Customers' habits; the cells are those of the interactions' weights."""

    scores: "csr_matrix[np.float64]"
    """shape (users, items): how likely each bought item is to be bought again now; only the order means
    anything"""
    days: Int64s
    """shape (cells,): on how many days the customer bought the item"""
    repeat_share: Float64s
    """shape (items,): share of the item's customers who bought it on more than one day, drawn towards the
    shop's where the item has few"""


def decayed_frequency(
    interactions: Interactions, *, half_life_days: float = HALF_LIFE_DAYS
) -> "csr_matrix[np.float64]":
    """The decayed frequency of each customer's own items, shape (users, items), float64, sorted indices.

    The sum over a pair's purchases of `0.5 ** (age in days / half-life)`; the cells are those of the
    interactions' weights.
    """
    purchases, weights = interactions.purchases, interactions.weights
    if not weights.nnz:
        return csr_matrix(weights.shape, dtype=np.float64)
    decayed = np.exp2((purchases.times - interactions.newest) / (half_life_days * DAY_MICROSECONDS))
    counts: Float64s = np.add.reduceat(decayed, purchases.cells())
    return csr_matrix((counts, weights.indices, weights.indptr), shape=weights.shape)


def habits(interactions: Interactions) -> Habits:
    """The habits of all customers.

    With the decayed frequency f of the pair, the item's repeat share p, the days a since the customer's last
    purchase of it and the expected days g between two, the score is

        f · (p + 0.02)^0.6 · exp(-0.12 |ln((a + 1) / (g + 1))|)

    where g is the mean of the customer's own intervals, the item's mean interval counted in as two more of
    them, and p and the item's interval are drawn towards the shop's by two customers and two intervals. Days
    are those of UTC: two purchases of one evening are one need.
    """
    frequency = decayed_frequency(interactions)
    items, n_items = frequency.indices, frequency.shape[1]
    if not frequency.nnz:
        return Habits(frequency, np.zeros(0, np.int64), np.zeros(n_items))
    begins = interactions.purchases.cells()
    day = interactions.purchases.times // DAY_MICROSECONDS
    is_new_day = np.diff(day, prepend=day[0] - 1) != 0
    is_new_day[begins] = True
    days: Int64s = np.add.reduceat(is_new_day.astype(np.int64), begins)
    first, last = day[begins], day[np.append(begins[1:], len(day)) - 1]
    n_customers, repeats = np.bincount(items, minlength=n_items), days > 1
    share = _towards_the_shop(np.bincount(items, repeats, minlength=n_items), n_customers)
    between, spans = days - 1.0, (last - first).astype(np.float64)
    usual = _towards_the_shop(
        np.bincount(items, spans, minlength=n_items),
        np.bincount(items, between, minlength=n_items),
        otherwise=_LONG_DAYS,
    )
    expected = (spans + _PRIOR * usual[items]) / (between + _PRIOR)
    since = (interactions.newest - interactions.last_purchase) / DAY_MICROSECONDS
    away = np.abs(np.log((since + 1) / (expected + 1)))
    scores = frequency.data * (share[items] + _FLOOR) ** _REPEAT_EXPONENT * np.exp(-_TIME_EXPONENT * away)
    return Habits(
        csr_matrix((scores, items, frequency.indptr), shape=frequency.shape), days=days, repeat_share=share
    )


def _towards_the_shop(
    sums: npt.NDArray[np.generic], counts: npt.NDArray[np.generic], otherwise: float = 0.0
) -> Float64s:
    """Each item's mean, the shop's mean counted in as `_PRIOR` more observations; shape (items,)."""
    total, numbers = sums.astype(np.float64), counts.astype(np.float64)
    mean = float(total.sum() / numbers.sum()) if numbers.sum() else otherwise
    drawn: Float64s = (total + _PRIOR * mean) / (numbers + _PRIOR)
    return drawn
