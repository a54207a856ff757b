"""How sure a mean over customers is.

The percentile bootstrap (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13):
customers are drawn with replacement, each with all their windows: one customer's weeks resemble each other,
and drawing them apart would make the interval too narrow.

Values have shape (windows, customers), float64: NaN where a customer has no value in a window. The mean is
that over the windows of the means over the customers of each, so that a window with many customers counts no
more than one with few.
"""

from collections.abc import Sequence

import numpy as np

from recommender.system.arrays import Float64s
from recommender.system.threads import one_blas_thread

DRAWS = 1000
FEWEST_CUSTOMERS = 30
"""With fewer customers chance decides what looks better, and the interval is too narrow to tell: that of a
single one has no width at all."""
LEVEL = 0.95
_FEWEST_DRAWN = 2
"""One customer, drawn again and again, has always the same mean."""
_CELLS = 1_000_000
"""Counts of draws that are in memory at a time."""


def mean_over_windows(values: Float64s) -> float:
    """The mean over windows of the means over customers; NaN without any value.

    A window without a value is left out.

    Args:
        values: shape (windows, customers).
    """
    known = ~np.isnan(values)
    counts = np.count_nonzero(known, axis=1)
    sums = np.where(known, values, 0).sum(axis=1)
    return float((sums[counts > 0] / counts[counts > 0]).mean()) if counts.any() else np.nan


def interval(values: Float64s, *, seed: int, draws: int = DRAWS) -> tuple[float, float]:
    """The 95 % interval of `mean_over_windows`.

    Args:
        values: shape (windows, customers).
        seed: of the draws; the same seed draws the same customers, whatever the values.
        draws: how often customers are drawn.
    """
    return intervals([values], seed=seed, draws=draws)[0]


def difference_interval(a: Float64s, b: Float64s, *, seed: int, draws: int = DRAWS) -> tuple[float, float]:
    """The 95 % interval of the mean of a - b, customer by customer.

    What makes one customer easier than another is in both, so this interval is much narrower than those of
    a and b lead one to think; where it does not hold 0, one is better than the other beyond noise.

    Args:
        a: shape (windows, customers).
        b: the same customers' values by another method.
        seed: of the draws.
        draws: how often customers are drawn.
    """
    return interval(a - b, seed=seed, draws=draws)


def intervals(measures: Sequence[Float64s], *, seed: int, draws: int = DRAWS) -> list[tuple[float, float]]:
    """The 95 % intervals of several measures of the same customers, from the same draws.

    Args:
        measures: each of shape (windows, customers), the same shape for all.
        seed: of the draws.
        draws: how often customers are drawn.

    Returns:
        The low and the high end for each measure; NaN for one that fewer than two customers have a value of.
    """
    if not measures:
        return []
    n_windows, n_customers = measures[0].shape
    stacked = np.concatenate(measures)  # (measures x windows, customers)
    known = ~np.isnan(stacked)
    if not n_customers:
        return [(np.nan, np.nan)] * len(measures)
    stacked = np.where(known, stacked, 0)
    means = np.empty((draws, len(measures)))
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // n_customers)
    with one_blas_thread():
        for start in range(0, draws, step):
            stop = min(start + step, draws)
            drawn = np.stack(
                [
                    np.bincount(rng.integers(n_customers, size=n_customers), minlength=n_customers)
                    for _ in range(start, stop)
                ]
            ).astype(np.float64)
            sums = (drawn @ stacked.T).reshape(stop - start, len(measures), n_windows)
            counts = (drawn @ known.T.astype(np.float64)).reshape(sums.shape)
            per_window = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
            n_known = np.count_nonzero(counts > 0, axis=2)
            total = per_window.sum(axis=2)
            means[start:stop] = np.divide(total, n_known, out=np.full(total.shape, np.nan), where=n_known > 0)
    n_valued = known.reshape(len(measures), n_windows, n_customers).any(axis=1).sum(axis=1)
    return [
        _ends(column) if n >= _FEWEST_DRAWN else (np.nan, np.nan)
        for column, n in zip(means.T, n_valued, strict=True)
    ]


def _ends(means: Float64s) -> tuple[float, float]:
    known = means[~np.isnan(means)]
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
