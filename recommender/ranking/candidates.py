"""A few likely items of each customer with their signals: what the weights are learned from.

Each signal names its best items for a customer. Lists are made from all items, by `contenders`: there the
weights are known, and with them what cannot come into a list.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags_array

from recommender.learning.signals import PERSONAL, SIGNALS, Signals
from recommender.ranking.topn import TopN
from recommender.system.arrays import Bools, Float32s, Float64s, Int32s, Int64s, row_indexes, starts

NAMED = 100
"""So many items each signal names, where there are so many; or twice a list, where that is more."""
_CELLS = 1 << 20
"""Users of a block times all items: dense matrices of a block are of this size."""
_LEVELS = 256


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
    """shape (personal signals, users): each user's highest score, which the square roots are relative to; 1
    where there is none"""
    neighbour_scores: Float64s
    """shape (cells,): the plain score of the signal `neighbours`"""


class CandidateMaker:
    """Makes candidates, block by block; blocks may be made in threads of their own."""

    def __init__(
        self, signals: Signals, users: Int64s, *, allowed: Bools, exclude_seen: bool, n: int
    ) -> None:
        """What all blocks share.

        Args:
            signals: of the night.
            users: shape (users,): who gets a list, as indexes into the interactions' users.
            allowed: shape (items,): the items that may be in a list.
            exclude_seen: leave out what the user has bought.
            n: length of the lists.
        """
        self._signals = signals
        self._users = users
        self._allowed = allowed
        self._exclude_seen = exclude_seen
        self._named = _n_named(n)
        # What may not be listed has no neighbours' score, which costs nothing here.
        self._neighbours = signals.neighbours @ diags_array(allowed.astype(np.float32), format="csr")
        self._als = TopN(signals.item_factors, allowed, self._named)
        n_items = len(allowed)
        self._block = max(1, _CELLS // max(n_items, 1))
        self.n_blocks = -(-len(users) // self._block)
        self._popular = popular_now(signals, allowed, n)

    def block(self, part: int) -> tuple[int, Candidates]:
        """The candidates of one block of users; and the index into `users` of its first row."""
        first = part * self._block
        users = self._users[first : first + self._block]
        signals = self._signals
        bought = signals.weights[users]
        als = signals.user_factors[users] @ signals.item_factors.T
        neighbours = (bought @ self._neighbours).toarray()
        habit = None if self._exclude_seen else signals.habit[users].toarray()
        cells = self._cells(users, bought, neighbours, habit)
        rows = cells // len(self._allowed)
        items = cells - rows * len(self._allowed)
        plain = np.zeros((PERSONAL, len(cells)))
        for row, scores in enumerate((als, neighbours, habit)):
            if scores is not None:
                np.maximum(scores.ravel()[cells], 0, out=plain[row], dtype=np.float64)
        scales = np.zeros((PERSONAL, len(users)))
        begins = np.flatnonzero(starts(rows))
        if len(begins):
            scales[:, rows[begins]] = np.maximum.reduceat(plain, begins, axis=1)
        scales[scales == 0] = 1
        return first, with_signals(signals, rows, items.astype(np.int32), plain, scales)

    def _cells(
        self, users: Int64s, bought: "csr_matrix[np.float32]", neighbours: Float32s, habit: Float64s | None
    ) -> Int64s:
        """What any signal names: row times the number of items plus item, ascending."""
        signals, n_items = self._signals, len(self._allowed)
        named = np.zeros((len(users), n_items), bool)
        cells = named.ravel()
        named[:, self._popular] = True
        seen = row_indexes(bought.indptr) * n_items + bought.indices
        row, _, listed, scores = self._als.block(
            signals.user_factors[users], bought if self._exclude_seen else None
        )
        cells[(row * n_items + listed)[scores > 0]] = True
        if self._exclude_seen:
            neighbours.ravel()[seen] = 0
        cells[_best(neighbours, self._named)] = True
        if habit is not None:
            cells[seen] |= self._allowed[bought.indices]
        if self._exclude_seen:
            cells[seen] = False
        return np.flatnonzero(cells)


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
    signals: Signals, rows: Int64s, items: Int32s, plain: Float64s, scales: Float64s
) -> Candidates:
    """Candidates from the plain scores of the personal signals.

    Args:
        signals: of the night.
        rows: shape (cells,).
        items: shape (cells,).
        plain: shape (personal signals, cells), not negative.
        scales: shape (personal signals, users), as in `Candidates`.
    """
    values = np.empty((len(SIGNALS), len(rows)))
    values[:PERSONAL] = np.sqrt(plain / scales[:, rows])
    values[PERSONAL:] = signals.statics[items].T
    return Candidates(rows, items, values, scales, plain[1])


def _best(scores: Float32s, n: int) -> Int64s:
    """The cells of the n highest positive scores of each row, and of all on one level with them.

    The scores of a row are put on levels between 0 and the highest, so that nothing needs to be sorted.
    """
    cells = np.flatnonzero(scores > 0)
    rows = (cells // scores.shape[1]).astype(np.int32)
    highest = scores.max(axis=1, initial=0)
    levels = (np.sqrt(scores.ravel()[cells] / highest[rows]) * (_LEVELS - 1)).astype(np.int32)
    counts = np.bincount(rows * _LEVELS + levels, minlength=len(scores) * _LEVELS).reshape(-1, _LEVELS)
    at_least = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
    bars = np.maximum((at_least >= n).sum(axis=1) - 1, 0)
    best: Int64s = cells[levels >= bars[rows]]
    return best
