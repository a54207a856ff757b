"""What is compared: each method by its name, with what it learns once and its lists for either task."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from recommender.evaluation import baselines
from recommender.evaluation.split import Task
from recommender.learning.als import Model
from recommender.learning.interactions import Interactions
from recommender.system.arrays import Bools, Int32s, Int64s
from recommender.system.threads import Progress

System = Callable[[Interactions, Int64s, bool], Int32s]
"""From a training, users (indexes into the training's) and whether to leave out what they have bought, the
lists: shape (users, n), int32, indexes of the training's items, best first, -1 where a list is shorter."""


class Trainer(Protocol):
    """Trains the model as configured."""

    def __call__(self, interactions: Interactions, progress: Progress | None = None) -> Model:
        """The model of a training; `progress` is called with iterations done and in all."""


class ComparedMethod(StrEnum):
    """The methods, in the order in which they are shown; the system is the last."""

    POPULAR_ALL_TIME = "popular_all_time"
    POPULAR_RECENT = "popular_recent"
    POPULAR = "popular"
    """the mix of both that is published for visitors"""
    OWN_HABIT = "own_habit"
    ITEM_TO_ITEM = "item_to_item"
    ALS_DEFAULT = "als_default"
    """the library as it comes"""
    ALS = "als"
    """the model as configured, alone"""
    WITHOUT_RULES = "without_rules"
    """the lists as the nights would make them without the shop's rules; where there are some"""
    SYSTEM = "system"
    """the lists as the nights make them"""


Ranker = Callable[[Int64s, Task], Int32s | None]
"""From users (indexes into the training's) their lists, shape (users, n); None: the method has none."""
Learner = Callable[[Interactions, Bools], Ranker]
"""From a training and what may be in a list, shape (items,), a ranker."""


def methods(
    *,
    system: System,
    without_rules: System | None = None,
    trained: Trainer,
    n: int,
    seed: int,
    threads: int,
) -> dict[ComparedMethod, Learner]:
    """Every method.

    Args:
        system: the lists as the nights make them.
        without_rules: the same without the shop's rules; None where there are none.
        trained: trains the model as configured.
        n: length of the lists.
        seed: of the library's ALS.
        threads: how many to use, at least 1.
    """

    def popular(recent_share: float) -> Learner:
        return lambda train, allowed: (
            lambda users, task: baselines.popular(
                train, users, n, exclude_seen=task is Task.NEW, allowed=allowed, recent_share=recent_share
            )
        )

    def own_habit(train: Interactions, allowed: Bools) -> Ranker:
        return lambda users, task: (
            None if task is Task.NEW else baselines.own_habit(train, users, n, allowed=allowed)
        )

    def item_to_item(train: Interactions, allowed: Bools) -> Ranker:
        similarities = baselines.learn_similarities(train, threads=threads)
        return lambda users, task: baselines.by_similarity(
            similarities,
            train,
            users,
            n,
            exclude_seen=task is Task.NEW,
            allowed=allowed,
            threads=threads,
        )

    def by_factors(learn: Callable[[Interactions], baselines.Factors]) -> Learner:
        def learned(train: Interactions, allowed: Bools) -> Ranker:
            factors = learn(train)
            return lambda users, task: baselines.by_factors(
                factors, train, users, n, exclude_seen=task is Task.NEW, allowed=allowed, threads=threads
            )

        return learned

    def default_factors(train: Interactions) -> baselines.Factors:
        return baselines.learn_default_als(train, seed=seed, threads=threads)

    def own_factors(train: Interactions) -> baselines.Factors:
        model = trained(train)
        return baselines.Factors(model.user_factors, model.item_factors)

    def by_system(lists: System) -> Learner:
        return lambda train, _allowed: lambda users, task: lists(train, users, task is Task.NEW)

    ruleless = {} if without_rules is None else {ComparedMethod.WITHOUT_RULES: by_system(without_rules)}
    return {
        ComparedMethod.POPULAR_ALL_TIME: popular(0.0),
        ComparedMethod.POPULAR_RECENT: popular(1.0),
        ComparedMethod.POPULAR: popular(0.5),
        ComparedMethod.OWN_HABIT: own_habit,
        ComparedMethod.ITEM_TO_ITEM: item_to_item,
        ComparedMethod.ALS_DEFAULT: by_factors(default_factors),
        ComparedMethod.ALS: by_factors(own_factors),
        **ruleless,
        ComparedMethod.SYSTEM: by_system(system),
    }
