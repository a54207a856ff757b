"""What of a mean may be chance: percentile bootstrap over customers (Efron, "Bootstrap Methods", 1979)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64s = npt.NDArray[np.float64]

_DRAWS = 1000
_DRAWS_AT_ONCE = 50
_LOW, _HIGH = 0.025, 0.975


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def interval(windows: Sequence[Float64s], *, seed: int) -> Interval:
    """The mean over windows of the mean over each window's customers, with its 95 % interval.

    Args:
        windows: of each window one figure a customer, shape (users,); at least one customer in each.
        seed: of the draws: the same one gives the same interval.
    """
    chance = np.random.default_rng(seed)
    means = np.zeros(_DRAWS)
    for figures in windows:
        for start in range(0, _DRAWS, _DRAWS_AT_ONCE):
            drawn = chance.integers(0, len(figures), (_DRAWS_AT_ONCE, len(figures)))
            means[start : start + _DRAWS_AT_ONCE] += figures[drawn].mean(axis=1)
    means /= len(windows)
    low, high = np.quantile(means, (_LOW, _HIGH))
    mean = float(np.mean([figures.mean() for figures in windows]))
    return Interval(mean, float(low), float(high))


def difference(first: Sequence[Float64s], second: Sequence[Float64s], *, seed: int) -> Interval:
    """The interval of the difference of two methods, customer by customer.

    Args:
        first: as for `interval`.
        second: of the same customers in the same order.
        seed: of the draws.
    """
    return interval([one - other for one, other in zip(first, second, strict=True)], seed=seed)
