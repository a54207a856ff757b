"""All signals of a night on arrays: what the blend weighs."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_matrix

from recommender.learning.als import AlsSettings, Model
from recommender.learning.habit import habits
from recommender.learning.interactions import Interactions
from recommender.learning.neighbours import neighbours
from recommender.learning.popularity import fans, popularity
from recommender.runs.keys import Keys
from recommender.system.arrays import Float32s, Float64s, Int64s
from recommender.system.times import DAY_MICROSECONDS, SECOND_MICROSECONDS

SIGNALS = ("als", "neighbours", "habit", "week", "month", "ever", "age")
"""In this order everywhere. The first three are the customer's own, each the square root of the score
relative to the customer's highest: it keeps the second best in sight of the best. The others are the item's:
the logarithms of its share of all fans, fading by half in a week, in a month, or never, and of the days since
it came into the shop."""
PERSONAL = 3
_WEEK, _MONTH = 7.0, 30.0
_BEFORE_DEBUT = 0.2
_FLOOR = 1e-5
"""Added to a share before its logarithm: one customer in a hundred thousand."""


@dataclass(frozen=True, eq=False)
class Signals:
    """What the signals are computed from."""

    item_ids: Keys
    """of the items that were sold"""
    popularity: Float64s
    """shape (items,): as `popularity` has it"""
    weights: "csr_matrix[np.float32]"
    """shape (users, items): of the interactions"""
    user_factors: Float32s
    """shape (users, factors)"""
    item_factors: Float32s
    """shape (items, factors); zeros for an item that the model does not know"""
    als: AlsSettings
    neighbours: "csr_matrix[np.float32]"
    """shape (items, items)"""
    habit: "csr_matrix[np.float64]"
    """shape (users, items)"""
    statics: Float64s
    """shape (items, 4): the signals that are the item's, in the order of `SIGNALS`"""

    def of(self, users: Int64s) -> "Signals":
        """Of these users alone, numbered anew in this order: all users' take most of the memory."""
        return replace(
            self,
            weights=self.weights[users],
            user_factors=self.user_factors[users],
            habit=self.habit[users],
        )


def make_signals(interactions: Interactions, model: Model, *, threads: int) -> Signals:
    """The signals of a night.

    Args:
        interactions: the sales.
        model: of these interactions' users (from `train` or `fold_in`).
        threads: how many to use, at least 1; the result is the same for any number.
    """
    if model.user_ids != interactions.user_ids:
        raise ValueError("the model is not of these interactions; fold them in first")
    known = model.item_ids.find(interactions.item_ids)
    factors = np.zeros((len(known), model.settings.factors), np.float32)
    factors[known >= 0] = model.item_factors[known[known >= 0]]
    return Signals(
        item_ids=interactions.item_ids,
        popularity=popularity(interactions),
        weights=interactions.weights,
        user_factors=model.user_factors,
        item_factors=factors,
        als=model.settings,
        neighbours=neighbours(interactions.weights, threads=threads),
        habit=habits(interactions),
        statics=_statics(interactions),
    )


def _statics(interactions: Interactions) -> Float64s:
    shares = [fans(interactions, half_life_days=days) for days in (_WEEK, _MONTH, None)]
    age = (interactions.newest - _debuts(interactions)) / DAY_MICROSECONDS
    return np.stack([*(np.log(share + _FLOOR) for share in shares), np.log1p(age)], axis=1)


def _debuts(interactions: Interactions) -> Int64s:
    """When each item came into the shop, microseconds of UTC, shape (items,): after a fifth of its purchases.

    Not at the first: one day with wrong dates would make all that was sold on it old. (nDCG of new items fell
    by 15 % when a shop's clock stood a year back for its busiest day; this way by 1 %, and without such a day
    it is what it was.)
    """
    purchases, n_items = interactions.purchases, len(interactions.item_ids)
    counts = np.bincount(purchases.items, minlength=n_items)
    if not len(purchases.times):
        return np.full(n_items, interactions.newest, np.int64)
    start = int(purchases.times.min())
    seconds = (purchases.times - start) // SECOND_MICROSECONDS
    span = int(seconds.max()) + 1
    codes = purchases.items.astype(np.int64) * span + seconds
    codes.sort()
    places = np.cumsum(counts) - counts + ((counts - 1) * _BEFORE_DEBUT).astype(np.int64)
    found = start + (codes[np.minimum(places, len(codes) - 1)] % span) * SECOND_MICROSECONDS
    return np.where(counts > 0, found, interactions.newest)
