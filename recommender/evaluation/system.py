"""The lists as the nights make them, for any moment of the past: what the evaluation and the nights share."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from recommender.catalogue import Catalogue
from recommender.interactions import Interactions
from recommender.keys import Keys
from recommender.model import AlsSettings, Model, train
from recommender.ranking import make_lists
from recommender.settings import Settings

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

System = Callable[[Interactions, Int64s, bool], Int32s]
"""From a training, users (indexes into the training's) and whether to leave out what they have bought, the
lists: shape (users, n), int32, indexes of the training's items, best first, -1 where a list is shorter."""
Trainer = Callable[[Interactions], Model]


def trainer(settings: Settings, *, threads: int) -> Trainer:
    """Trains the model as configured; the last one is kept, so that several methods and tasks can use it."""
    als = AlsSettings(
        factors=settings.factors,
        regularization=settings.regularization,
        iterations=settings.iterations,
        alpha=settings.alpha,
        seed=settings.seed,
    )

    @lru_cache(maxsize=1)
    def trained(interactions: Interactions) -> Model:
        return train(interactions, als, threads=threads)

    return trained


def configured_system(settings: Settings, trained: Trainer, *, never: Keys, threads: int) -> System:
    """The way from sales to lists that a night takes with these settings.

    Every item of the training counts as sellable but those never to be recommended: what was sellable at a
    past moment is on no record.
    """

    def lists(interactions: Interactions, users: Int64s, exclude_seen: bool) -> Int32s:  # noqa: FBT001 - see System
        ids = interactions.item_ids
        rows = make_lists(
            interactions,
            trained(interactions),
            Catalogue(ids, (None,) * len(ids), np.ones(len(ids), bool), None),
            never=never,
            n=settings.top_n,
            popular_items=1,
            exclude_seen=exclude_seen,
            publish_guests=settings.publish_guests,
            threads=threads,
        ).recommendations
        table = np.full((len(interactions.user_ids), settings.top_n), -1, np.int32)
        table[rows.customer, rows.position - 1] = ids.find(rows.items)[rows.item]
        return table[users]

    return lists
