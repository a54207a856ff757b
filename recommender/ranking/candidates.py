"""The items that may come into a list, with their signals; and which items are popular now."""

from dataclasses import dataclass

import numpy as np

from recommender.learning.signals import OWN, PERSONAL, SIGNALS, Signals
from recommender.system.arrays import Bools, Float64s, Int32s, Int64s

NAMED = 100
"""So many items are popular now, where there are so many; or twice a list, where that is more."""
SCALED = 3
"""Signals that are relative to the customer's highest score: ALS, neighbours, habit."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """The candidates of a block of users, in order of row and item."""

    rows: Int64s
    """shape (cells,): row in the block"""
    items: Int32s
    """shape (cells,): index into the items"""
    signals: Float64s
    """shape (signals, cells), in the order of `SIGNALS`"""
    scales: Float64s
    """shape (3, users): each user's highest score by ALS, neighbours and habit, which the square roots are
    relative to; 1 where there is none"""
    neighbour_scores: Float64s
    """shape (cells,): the plain score of the neighbours"""

    def where(self, kept: Bools) -> "Candidates":
        """Some of them, kept of shape (cells,)."""
        return Candidates(
            self.rows[kept], self.items[kept], self.signals[:, kept], self.scales, self.neighbour_scores[kept]
        )


def _n_named(n: int) -> int:
    """How many items a signal names for lists of n."""
    return max(NAMED, 2 * n)


def popular_now(signals: Signals, allowed: Bools, n: int) -> Int64s:
    """The items that sell best now, or sold best this month: the two that change with the season.

    Args:
        signals: of the night.
        allowed: shape (items,): the items that may be in a list.
        n: length of the lists.

    Returns:
        Indexes into the items, ascending.
    """
    found = np.flatnonzero(allowed)
    named = [
        found[np.argsort(-signals.statics[found, column], kind="stable")][: _n_named(n)] for column in (0, 1)
    ]
    return np.union1d(*named)


def with_signals(
    signals: Signals,
    users: Int64s,
    rows: Int64s,
    items: Int32s,
    *,
    plain: Float64s,
    scales: Float64s,
    bought: Int64s,
) -> Candidates:
    """Candidates from the plain scores of ALS, neighbours and habit.

    Args:
        signals: of the night.
        users: shape (users,): of the block, as indexes into the signals' users.
        rows: shape (cells,).
        items: shape (cells,).
        plain: shape (3, cells), not negative.
        scales: shape (3, users), as in `Candidates`.
        bought: shape (cells,): which cell of the signals' weights each is; -1 for what the user has not
            bought, and where that is left out.
    """
    values = np.zeros((len(SIGNALS), len(rows)))
    roots = np.sqrt(plain / scales[:, rows])
    values[:2] = roots[:2]
    values[2:4] = roots[:2] * signals.known(users)[rows]
    own = np.flatnonzero(bought >= 0)
    values[OWN, own] = own_signals(signals, bought[own], roots[2, own])
    values[PERSONAL:] = signals.statics[items].T
    return Candidates(rows, items, values, scales, plain[1])


def own_signals(signals: Signals, cells: Int64s, habit: Float64s) -> Float64s:
    """The signals of what users have bought, shape (signals of `OWN`, cells).

    Args:
        signals: of the night.
        cells: shape (cells,): of the signals' weights.
        habit: shape (cells,): the first of these signals.
    """
    days, since = (
        matrix.data[cells].astype(np.float64) for matrix in (signals.habits.days, signals.habits.since)
    )
    return np.stack([habit, np.ones(len(cells)), np.log1p(days), np.log1p(since)])
