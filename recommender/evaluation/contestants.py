"""The ways to learn a blend's weights, which compete."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from recommender.evaluation.bootstrap import FEWEST_CUSTOMERS
from recommender.evaluation.past import Recipe
from recommender.learning.neighbours import VARIANTS, NeighbourSettings
from recommender.learning.weights import Choices, default_weights, free_signals, lambdarank, learn
from recommender.system.arrays import Bools, Float64s

_MOST_CUSTOMERS = 1000
"""Of a window, to learn from: for some weights these are plenty."""
_USUAL_LENGTH = 50
"""Of lists. The longer they are beyond it, the more candidates a customer has, the fewer are looked at."""
_WEIGHT_DECIMALS = 3


class Objective(StrEnum):
    """How weights are learned."""

    DEFAULTS = "defaults"
    LOGIT = "logit"
    LAMBDARANK = "lambdarank"


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One way to come to a blend."""

    objective: Objective
    variant: int = 0
    """index into the settings of the neighbours, `VARIANTS`"""
    habit_in_parts: bool = False

    @property
    def name(self) -> str:
        """For records and reports."""
        if self.objective is Objective.DEFAULTS:
            return "defaults"
        parts = ", habit in parts" if self.habit_in_parts else ""
        return f"{self.objective}{parts}, item-to-item over {VARIANTS[self.variant].half_life_days:g} days"

    @property
    def neighbours(self) -> NeighbourSettings:
        """The settings of its neighbours."""
        return VARIANTS[self.variant]

    def free(self, recipe: Recipe) -> Bools:
        """Which weights it learns, shape (signals,)."""
        return free_signals(exclude_seen=recipe.exclude_seen, habit_in_parts=self.habit_in_parts)

    def weights(self, windows: Sequence[Choices], recipe: Recipe, likely: Float64s | None = None) -> Float64s:
        """What it learns from some windows with its neighbours.

        Rounded, so that a file of them is the same wherever the last bits of a minimum differ.

        Args:
            windows: to learn from.
            recipe: of the night.
            likely: what the logit has learned from them, where that is known.
        """
        default, free = default_weights(exclude_seen=recipe.exclude_seen), self.free(recipe)
        if self.objective is Objective.DEFAULTS:
            return default
        weights = learn(windows, default, free=free) if likely is None else likely
        if self.objective is Objective.LAMBDARANK:
            weights = lambdarank(windows, weights, free=free, n=recipe.n)
        return np.round(weights, _WEIGHT_DECIMALS)


DEFAULTS = Contestant(objective=Objective.DEFAULTS)


def most_customers(recipe: Recipe) -> int:
    """So many customers of a window are learned from."""
    return max(_MOST_CUSTOMERS * _USUAL_LENGTH // max(recipe.n, _USUAL_LENGTH), FEWEST_CUSTOMERS)


def contestants(*, exclude_seen: bool) -> list[Contestant]:
    """All of them, the defaults first, then each of the logit with the one of LambdaRank behind it.

    The habit's parts count only where customers are shown what they have bought.
    """
    return [
        DEFAULTS,
        *(
            Contestant(objective=objective, variant=variant, habit_in_parts=in_parts)
            for variant in range(len(VARIANTS))
            for in_parts in ([False] if exclude_seen else [False, True])
            for objective in (Objective.LOGIT, Objective.LAMBDARANK)
        ),
    ]
