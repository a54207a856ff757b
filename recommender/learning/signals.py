"""All signals of a night on arrays: what the blend weighs."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_matrix

from recommender.learning.als import AlsSettings, Model
from recommender.learning.habit import Habits, habits
from recommender.learning.interactions import Interactions
from recommender.learning.neighbours import Neighbours, NeighbourSettings, learn_neighbours
from recommender.learning.popularity import fans, popularity, purchase_days
from recommender.runs.keys import Keys
from recommender.system.arrays import Float32s, Float64s, Int64s
from recommender.system.times import DAY_MICROSECONDS, SECOND_MICROSECONDS

SIGNALS = (
    "als",
    "neighbours",
    "als_known",
    "neighbours_known",
    "habit",
    "bought",
    "often",
    "since",
    "week",
    "month",
    "ever",
    "age",
    "quarter",
    "year",
    "repeats",
)
"""In this order everywhere. The first are the customer's own (`PERSONAL`), the others the item's.

`als`, `neighbours` and `habit` are the square root of the score relative to the customer's highest: it keeps
the second best in sight of the best. With one purchase the highest is as high as with fifty; hence
`als_known` and `neighbours_known`, which are the same times n / (n + 20) for a history of n items. `bought`
is 1 for what the customer bought, `often` is ln(1 + days on which they did), `since` ln(1 + days since).

`week`, `month` and `ever` are the logarithms of the item's share of all fans, fading by half in a week, in a
month, or never; `age` that of the days since it came into the shop; `quarter` and `year` those of its share
of purchase days, fading by half in a quarter and a year; `repeats` that of the share of its customers who
bought it again."""
PERSONAL = SIGNALS.index("week")
OWN = slice(SIGNALS.index("habit"), PERSONAL)
"""The signals of what the customer has bought; 0 for all else."""
HABIT_PARTS = ("bought", "often", "since")
_WEEK, _MONTH, _QUARTER, _YEAR = 7.0, 30.0, 91.0, 365.0
_HALF_KNOWN = 20.0
"""Items of a history that is known by half."""
_BEFORE_DEBUT = 0.2
_FLOOR = 1e-5
"""Added to a share before its logarithm: one customer in a hundred thousand."""
_REPEATS_FLOOR = 0.02


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
    neighbours: Neighbours
    habits: Habits
    statics: Float64s
    """shape (items, signals that are the item's), in the order of `SIGNALS`"""

    def of(self, users: Int64s) -> "Signals":
        """Of these users alone, numbered anew in this order: all users' take most of the memory."""
        return replace(
            self,
            weights=self.weights[users],
            user_factors=self.user_factors[users],
            neighbours=self.neighbours.of(users),
            habits=self.habits.of(users),
        )

    def known(self, users: Int64s) -> Float64s:
        """How well each user is known, shape (users,): n / (n + 20) for a history of n items."""
        lengths = np.diff(self.weights.indptr)[users]
        known: Float64s = lengths / (lengths + _HALF_KNOWN)
        return known


def by_user(weights: Float64s, known: Float64s) -> tuple[Float64s, Float64s]:
    """The weights of ALS and of the neighbours for each user, with those of the `_known`; shapes (users,)."""
    als, neighbours, als_known, neighbours_known = weights[: OWN.start].tolist()
    return als + als_known * known, neighbours + neighbours_known * known


def make_signals(
    interactions: Interactions, model: Model, settings: NeighbourSettings, *, threads: int
) -> Signals:
    """The signals of a night.

    Args:
        interactions: the sales.
        model: of these interactions' users (from `train` or `fold_in`).
        settings: of the neighbours.
        threads: how many to use, at least 1; the result is the same for any number.
    """
    if model.user_ids != interactions.user_ids:
        raise ValueError("the model is not of these interactions; fold them in first")
    known = model.item_ids.find(interactions.item_ids)
    factors = np.zeros((len(known), model.settings.factors), np.float32)
    factors[known >= 0] = model.item_factors[known[known >= 0]]
    own, repeats = habits(interactions)
    return Signals(
        item_ids=interactions.item_ids,
        popularity=popularity(interactions),
        weights=interactions.weights,
        user_factors=model.user_factors,
        item_factors=factors,
        als=model.settings,
        neighbours=learn_neighbours(interactions, settings, threads=threads),
        habits=own,
        statics=_statics(interactions, repeats),
    )


def _statics(interactions: Interactions, repeats: Float64s) -> Float64s:
    shares = [fans(interactions, half_life_days=days) for days in (_WEEK, _MONTH, None)]
    age = (interactions.newest - _debuts(interactions)) / DAY_MICROSECONDS
    longer = [_long_run(interactions, days) for days in (_QUARTER, _YEAR)]
    logs = [np.log(share + _FLOOR) for share in shares]
    return np.stack([*logs, np.log1p(age), *longer, np.log(repeats + _REPEATS_FLOOR)], axis=1)


def _long_run(interactions: Interactions, half_life_days: float) -> Float64s:
    """The logarithm of the shares of purchase days, shape (items,).

    All 0 while the history is shorter than two half-lives: there they would say what `ever` says.
    """
    times = interactions.purchases.times
    if interactions.newest - times.min(initial=interactions.newest) < 2 * half_life_days * DAY_MICROSECONDS:
        return np.zeros(len(interactions.item_ids))
    return np.log(purchase_days(interactions, half_life_days=half_life_days) + _FLOOR)


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
