"""What warm starts cost on the shop's own past: the same window, with a model that was trained on."""

import dataclasses
from dataclasses import dataclass

from recommender.evaluation.bootstrap import difference_interval
from recommender.evaluation.past import Past, Recipe
from recommender.learning.als import train
from recommender.learning.interactions import Interactions, SaleLines, make_interactions
from recommender.system.arrays import Float64s
from recommender.system.machine import give_back_memory
from recommender.system.progress import UNSEEN, Step
from recommender.system.times import DAY_MICROSECONDS

MOST_LOST = 0.02
"""Of nDCG, that warm starts may lose: over 30 nights of four shops, chains of a week were on average never
that much worse than cold trainings, while single nights differ by more either way (docs/training.md)."""

_DECIMALS = 6


@dataclass(frozen=True, kw_only=True)
class Drift:
    """A cold model against one that began with the factors of a cold one of some days before."""

    days: int
    """between the two trainings"""
    ndcg_cold: float
    ndcg_warm: float
    difference_high: float
    """upper end of the 95 % bootstrap interval of warm less cold, customer by customer"""

    @property
    def is_small(self) -> bool:
        """Whether nights may start warm: they lose little, or no more than chance explains."""
        return self.difference_high >= 0 or self.ndcg_warm >= (1 - MOST_LOST) * self.ndcg_cold


def measure_drift(
    lines: SaleLines,
    past: Past,
    cold: Float64s,
    weights: Float64s,
    recipe: Recipe,
    *,
    known: Interactions,
    days: int,
    progress: Step = UNSEEN,
) -> Drift:
    """Train cold some days before the window, train on at its begin, and judge those lists too.

    One training on is all that this model gets for all these days, where a chain has one every night: it is
    the harder case.

    Args:
        lines: the sales.
        past: the window, with its cold model.
        cold: nDCG of each judged user by that model, shape (users,).
        weights: of the signals, shape (signals,).
        recipe: of the night.
        known: of the sales before the window what a training looks at.
        days: before the window.
        progress: hears of the parts.
    """
    splitting, cold_training, warm_training = progress.parts(1, 2, 1)
    splitting.begin()
    before = lines.before(past.cut - days * DAY_MICROSECONDS)
    earlier = make_interactions(before, half_life_days=recipe.half_life_days).for_training()
    del before
    give_back_memory()
    begin = train(earlier, recipe.als, threads=recipe.threads, progress=cold_training)
    del earlier
    give_back_memory()
    model = train(known, recipe.als, threads=recipe.threads, start=begin, progress=warm_training)
    signals = dataclasses.replace(
        past.signals, user_factors=model.user_factors[past.customers], item_factors=model.item_factors
    )
    warm = dataclasses.replace(past, signals=signals).ndcg(weights, recipe)
    _, high = difference_interval(warm[None], cold[None], seed=recipe.als.seed)
    return Drift(
        days=days,
        ndcg_cold=round(float(cold.mean()), _DECIMALS),
        ndcg_warm=round(float(warm.mean()), _DECIMALS),
        difference_high=round(high, _DECIMALS),
    )
