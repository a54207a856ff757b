"""The lists as the nights make them, for any moment of the past: what the evaluation and the nights share."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from recommender.blend.signals import make_signals
from recommender.evaluation.choice import choose
from recommender.evaluation.past import Recipe
from recommender.evaluation.proof import prove, weights_for
from recommender.interactions import Interactions, SaleLines
from recommender.keys import Keys
from recommender.model import Model, train
from recommender.ranking import top_lists
from recommender.settings import Settings

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

System = Callable[[Interactions, Int64s, bool], Int32s]
"""From a training, users (indexes into the training's) and whether to leave out what they have bought, the
lists: shape (users, n), int32, indexes of the training's items, best first, -1 where a list is shorter."""
Trainer = Callable[[Interactions], Model]


def trainer(settings: Settings, *, threads: int) -> Trainer:
    """Trains the model as configured; the last one is kept, so that several methods and tasks can use it."""
    als = Recipe.of(settings, never=Keys.of(), exclude_seen=True, threads=threads).als

    @lru_cache(maxsize=1)
    def trained(interactions: Interactions) -> Model:
        return train(interactions, als, threads=threads)

    return trained


def configured_system(
    settings: Settings, lines: SaleLines, trained: Trainer, *, never: Keys, threads: int
) -> System:
    """The way from sales to lists that a night takes with these settings, and without earlier nights.

    At a past moment it chooses the weights and proves the method on the windows before, as the night of that
    day would have. Every item of the training counts as sellable but those never to be recommended: what was
    sellable at a past moment is on no record.
    """

    def lists(interactions: Interactions, users: Int64s, exclude_seen: bool) -> Int32s:  # noqa: FBT001 - see System
        recipe = Recipe.of(settings, never=never, exclude_seen=exclude_seen, threads=threads)
        known = lines.before(interactions.newest + 1)
        budget = settings.tune_budget if settings.nightly_proof else 0
        weights = choose(
            known, recipe, n_sales=len(known.times), budget=budget, run_id="", as_of_day=""
        ).as_array()
        if settings.nightly_proof:
            weights = weights_for(prove(known, weights, recipe).method, weights)
        return top_lists(
            make_signals(interactions, trained(interactions), threads=threads),
            weights,
            users,
            allowed=never.find(interactions.item_ids) < 0,
            n=recipe.n,
            exclude_seen=exclude_seen,
            threads=threads,
        )

    return lists
