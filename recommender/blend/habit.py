"""Habit: what a customer buys again and again."""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from recommender.interactions import Interactions
from recommender.times import DAY_MICROSECONDS

Float64s = npt.NDArray[np.float64]

HALF_LIFE_DAYS = 180.0
"""A purchase counts half after so many days: habits are slower than tastes."""


def habit(interactions: Interactions, *, half_life_days: float = HALF_LIFE_DAYS) -> "csr_matrix[np.float64]":
    """The decayed frequency of each customer's own items, shape (users, items), float64, sorted indices.

    The sum over a pair's purchases of `0.5 ** (age in days / half-life)`; the cells are those of the
    interactions' weights.
    """
    purchases, weights = interactions.purchases, interactions.weights
    if not weights.nnz:
        return csr_matrix(weights.shape, dtype=np.float64)
    decayed = np.exp2((purchases.times - interactions.newest) / (half_life_days * DAY_MICROSECONDS))
    is_first = np.ones(len(decayed), bool)
    is_first[1:] = (purchases.users[1:] != purchases.users[:-1]) | (
        purchases.items[1:] != purchases.items[:-1]
    )
    counts: Float64s = np.add.reduceat(decayed, np.flatnonzero(is_first))
    return csr_matrix((counts, weights.indices, weights.indptr), shape=weights.shape)
