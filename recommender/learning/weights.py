"""The weights of the signals: the defaults, and learning them from past windows of the shop's own sales.

What a customer buys is seen as a choice among the candidates: item i with the probability
exp(w·f_i) / sum over candidates j of exp(w·f_j), where f are the signals (the conditional logit of McFadden,
"Conditional Logit Analysis of Qualitative Choice Behavior", 1974). The weights w are those that make the
purchases of a past window most likely, held near the defaults by a normal prior, so that a small shop strays
from them only as far as its sales bear out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.learning.signals import SIGNALS
from recommender.system.arrays import Bools, Float64s, Int64s, starts

_NEW: Mapping[str, float] = {"als": 2.5, "neighbours": 1.8, "week": 0.35, "month": 0.15, "age": -0.45}
_ALL: Mapping[str, float] = {
    "als": 2.5,
    "neighbours": 1.2,
    "habit": 2.7,
    "week": 0.4,
    "month": 0.1,
    "ever": -0.35,
    "age": -0.15,
}
PRIOR_USERS = 20.0
"""The defaults weigh as much as the choices of so many customers."""
_LEAST_SPREAD = 0.1
"""A signal that is almost the same for all items says little, so its weight stays near the prior."""
_MOST_ITERATIONS = 200


def weights_of(named: Mapping[str, float]) -> Float64s:
    """Weights by name as an array in the order of `SIGNALS`; what is not named weighs nothing."""
    return np.array([float(named.get(name, 0.0)) for name in SIGNALS])


def default_weights(*, exclude_seen: bool) -> Float64s:
    """The weights where nothing has been learned: right on the middle of shops of three kinds."""
    return weights_of(_NEW if exclude_seen else _ALL)


@dataclass(frozen=True, eq=False)
class Choices:
    """Candidates of customers and which of them were bought in a past window."""

    customers: Int64s
    """shape (cells,), ascending: whose candidate it is"""
    signals: Float64s
    """shape (signals, cells)"""
    bought: Bools
    """shape (cells,)"""


def learn(windows: Sequence[Choices], prior: Float64s) -> Float64s:
    """The most likely weights, shape (signals,), float64.

    Each customer counts once, however much they bought; one who bought no candidate says nothing. Distances
    from the prior are measured in standard deviations of the signals.

    Args:
        windows: of one or more past windows.
        prior: the weights to stay near.
    """
    from scipy.optimize import minimize

    told = [known for known in map(_Likelihood.of, windows) if known is not None]
    if not told:
        return prior
    scale = np.maximum(_spread([known.signals for known in told]), _LEAST_SPREAD)

    def loss(weights: Float64s) -> tuple[float, Float64s]:
        away = (weights - prior) * scale
        value, gradient = PRIOR_USERS / 2 * float(away @ away), PRIOR_USERS * away * scale
        for known in told:
            its_value, its_gradient = known.loss(weights)
            value, gradient = value + its_value, gradient + its_gradient
        return value, gradient

    found = minimize(
        loss, prior, jac=True, method="L-BFGS-B", options={"maxiter": _MOST_ITERATIONS, "ftol": 1e-10}
    )
    learned: Float64s = found.x
    return learned


def _spread(parts: Sequence[Float64s]) -> Float64s:
    """The standard deviation of each signal over all parts, shape (signals,)."""
    n = sum(part.shape[1] for part in parts)
    mean = sum((part.sum(axis=1) for part in parts), start=np.zeros(len(SIGNALS))) / n
    spread: Float64s = np.sqrt(
        sum((((part.T - mean) ** 2).sum(axis=0) for part in parts), start=np.zeros(len(SIGNALS))) / n
    )
    return spread


@dataclass(frozen=True, eq=False)
class _Likelihood:
    """The choices of customers who bought at least one candidate."""

    signals: Float64s
    customer: Int64s
    """from 0 without gaps"""
    begins: Int64s
    share: Float64s
    """of each cell in its customer's purchases"""

    @classmethod
    def of(cls, choices: Choices) -> "_Likelihood | None":
        n_bought = np.bincount(choices.customers, choices.bought)
        kept = n_bought[choices.customers] > 0
        if not kept.any():
            return None
        customers = choices.customers[kept]
        is_first = starts(customers)
        share = choices.bought[kept] / n_bought[customers]
        return cls(
            np.ascontiguousarray(choices.signals[:, kept]),
            np.cumsum(is_first) - 1,
            np.flatnonzero(is_first),
            share,
        )

    def loss(self, weights: Float64s) -> tuple[float, Float64s]:
        """Minus the logarithm of the likelihood, and its gradient."""
        scores = weights @ self.signals
        scores -= np.maximum.reduceat(scores, self.begins)[self.customer]
        likely = np.exp(scores)
        total = np.add.reduceat(likely, self.begins)
        value = float(np.log(total).sum() - self.share @ scores)
        gradient: Float64s = self.signals @ (likely / total[self.customer] - self.share)
        return value, gradient
