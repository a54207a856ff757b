"""The few items that can come into a customer's list, found among all items without weighing each of them.

Something must speak for an item: an ALS score not far from the customer's best, a bought item whose neighbour
it is, the customer's own habit, or that it is popular now. Where only the customer's own signals weigh, a
positive one will do.

All ALS scores of a block of customers are one matrix product. Items that are anybody's neighbours, which are
those that sell most, and those that are popular now are all weighed. The others stand in groups of those
whose own signals weigh about the same: the highest ALS score in a group bounds the score of every item in it
from above, and that of one of them from below. The n-th highest of these is a bar that n items reach, but for
rounding; what cannot reach it is left out, which is nearly all.

Who is left gets scores of 64 bits in a fixed order of addition. So the lists are the exact ones, and the same
to the bit for any block, thread or BLAS.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from recommender.blend.candidates import Candidates, popular_now, with_signals
from recommender.blend.signals import PERSONAL, Signals
from recommender.errors import ModelError
from recommender.topn import LARGEST, exact_products, rounding_of

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Scales = TypeVar("Scales", Float32s, Float64s)
Cells = tuple[Int64s, Int64s]
"""Rows and columns."""

SPEAKS = 0.3
"""The square root of an ALS score relative to the customer's best, from which on it speaks for the item."""
_SCORES = 1 << 22
"""ALS scores of a block: 16 MB."""
_GROUP = 32
"""Items of a group."""
_SET, _SETS_PER_RANK = 8, 8
"""Scores of a set, of which the highest stands for all; and how many such sets there must be for that."""
_UNDERFLOW = 1e-37
"""More than what it can take from a product of 32 bits."""
_SLACK = 1e-5
"""More than what rounding takes from a sum of a few numbers of 32 bits, relative to it."""


@dataclass(frozen=True, eq=False)
class _Own:
    """What the users of a block have of their own; columns are those of `ContenderMaker`."""

    factors: Float32s
    """shape (users, factors)"""
    als: Float32s
    """shape (users, columns): scores as the product has them; -inf where an item may not be listed"""
    highest: Float32s
    """shape (users, groups): the highest of them in each group"""
    top: Float32s
    """shape (users,): the highest of all, 0 where none is positive"""
    error: Float64s
    """shape (users,): by so much any of them is wrong at most"""
    near: Float32s
    """shape (users, near columns): what the bought items add to their neighbours"""
    near_scale: Float32s
    """shape (users,): the highest of it; 1 where there is none"""
    rows: Int64s
    """shape (bought,): row of each item that the user bought and that may be listed at all"""
    columns: Int64s
    """shape (bought,)"""
    habit: Float64s
    """shape (bought,)"""
    habit_scale: Float64s
    """shape (users,): as `near_scale`"""

    def roots(self, scores: Float32s, rows: Int64s | None = None) -> Float32s:
        """The square roots of ALS scores relative to the user's highest.

        Args:
            scores: shape (users, …), or shape (cells,) with
            rows: the row of each.
        """
        top = _not_0(self.top)
        found = np.maximum(scores, 0)
        found /= top[:, None] if rows is None else top[rows]
        return np.sqrt(found, out=found)

    @cached_property
    def doubt(self) -> Float32s:
        """How far such a root is from the true one at most, shape (users,).

        With the error e of scores the ratio of one to the highest, t, is wrong by 2e / (t - e) at most, and
        its square root by the root of that.
        """
        certain = self.top - self.error
        unknown = (self.error > 0).astype(np.float64)  # all, where the highest may be nothing but error
        ratio = np.divide(2 * self.error, certain, out=unknown, where=certain > 0)
        return (np.sqrt(np.minimum(ratio, 1)) + _SLACK).astype(np.float32)


class ContenderMaker:
    """Finds the contenders of blocks of users; blocks may be asked for in threads.

    Its columns are the items that may be listed: first the single ones, those that are anybody's neighbours
    in front; then the others in groups. Those of one group stand `n_groups` apart, so that a maximum over
    each group goes along rows.
    """

    def __init__(
        self,
        signals: Signals,
        weights: Float64s,
        users: Int64s,
        *,
        allowed: Bools,
        exclude_seen: bool,
        n: int,
    ) -> None:
        """What all blocks share.

        Args:
            signals: of the night.
            weights: shape (signals,): of each signal.
            users: shape (users,): who gets a list, as indexes into the interactions' users.
            allowed: shape (items,): the items that may be in a list.
            exclude_seen: leave out what the user has bought.
            n: length of the lists.
        """
        self._signals = signals
        self._weights = weights
        self._users = users
        self._exclude_seen = exclude_seen
        self._n = n
        self._own_only = not weights[PERSONAL:].any()
        self._is_popular = np.zeros(len(allowed), bool)
        if not self._own_only:
            self._is_popular[popular_now(signals, allowed, n)] = True
        is_near = np.zeros(len(allowed), bool)
        is_near[signals.neighbours.indices] = True
        near = np.flatnonzero(is_near & allowed)
        static = signals.statics @ weights[PERSONAL:]
        others = np.flatnonzero(~is_near & ~self._is_popular & allowed)
        others = others[np.argsort(-static[others], kind="stable")]
        single = np.append(near, np.flatnonzero(self._is_popular & ~is_near))
        self._n_near, self._n_single, self._n_groups = len(near), len(single), -(-len(others) // _GROUP)
        place = np.arange(len(others))
        width = self._n_single + _GROUP * self._n_groups
        self._items = np.full(width, -1, np.int32)
        self._items[: self._n_single] = single
        self._items[self._n_single + place % _GROUP * self._n_groups + place // _GROUP] = others
        filled = np.flatnonzero(self._items >= 0)
        self._column = np.full(len(allowed), -1, np.int64)
        self._column[self._items[filled]] = filled
        self._static = np.full(width, -np.inf, np.float32)
        self._static[filled] = static[self._items[filled]]
        grouped = self._static[self._n_single :].reshape(_GROUP, self._n_groups)
        self._static_low, self._static_high = grouped.min(axis=0), grouped.max(axis=0)
        self._factors = np.zeros((signals.item_factors.shape[1], width), np.float32)
        self._factors[:, filled] = signals.item_factors[self._items[filled]].T
        norms = np.linalg.norm(self._factors.astype(np.float64), axis=0)
        self._largest_norm = float(norms.max(initial=0))
        self._rounding = rounding_of(signals.item_factors.shape[1])
        self._neighbours = signals.neighbours[:, near].tocsr()
        self._block = max(1, _SCORES // max(width, 1))
        self.n_blocks = -(-len(users) // self._block)

    def block(self, part: int) -> tuple[int, Candidates]:
        """The contenders of one block of users; and the index into `users` of its first row.

        Raises:
            ModelError: factors so large that products of them overflow.
        """
        first = part * self._block
        own = self._own(self._users[first : first + self._block])
        rows, columns = map(np.concatenate, zip(*self._reaching(own), *self._highest(own), strict=True))
        may = own.als[rows, columns] > -np.inf
        may &= self._items[columns] >= 0
        cells = np.unique(rows[may] * len(self._column) + self._items[columns[may]])
        return first, self._with_signals(own, cells)

    def _own(self, users: Int64s) -> _Own:
        signals = self._signals
        factors = signals.user_factors[users]
        norms = np.sqrt(np.einsum("ij,ij->i", factors, factors, dtype=np.float64))
        largest = float(norms.max(initial=0)) * self._largest_norm
        if not largest < LARGEST:
            raise ModelError(
                f"The model's factors are too large: |x||y| = {largest:g}.", "Train a new model."
            )
        als = factors @ self._factors
        bought = signals.interactions.weights[users]
        habits = signals.habit[users].data
        rows = np.repeat(np.arange(len(users)), np.diff(bought.indptr))
        columns = self._column[bought.indices]
        may = columns >= 0
        rows, columns, habits = rows[may], columns[may], habits[may]
        near = (bought @ self._neighbours).toarray()
        if self._exclude_seen:
            als[rows, columns] = -np.inf
            is_near = columns < self._n_near
            near[rows[is_near], columns[is_near]] = 0
        highest = als[:, self._n_single :].reshape(len(users), _GROUP, self._n_groups).max(axis=1)
        single_top = als[:, : self._n_single].max(axis=1, initial=0)
        habit_scale = np.zeros(len(users))
        np.maximum.at(habit_scale, rows, habits)
        return _Own(
            factors=factors,
            als=als,
            highest=highest,
            top=np.maximum(highest.max(axis=1, initial=0), single_top),
            error=np.where(norms > 0, self._rounding * norms * self._largest_norm + _UNDERFLOW, 0),
            near=near,
            near_scale=_not_0(near.max(axis=1, initial=0)),
            rows=rows,
            columns=columns,
            habit=habits,
            habit_scale=_not_0(habit_scale),
        )

    def _reaching(self, own: _Own) -> list[Cells]:
        """What may be among the n best of its row."""
        by_als, _, by_habit = self._weights[:PERSONAL].tolist()
        scores, sure = self._single(own)
        low, high = self._groups(own)
        alone: Float64s = np.zeros(0)
        is_single = own.columns < self._n_single
        rows, columns = own.rows[~is_single], own.columns[~is_single]
        if not self._exclude_seen:
            habits = by_habit * np.sqrt(own.habit / own.habit_scale[own.rows])
            here = own.rows[is_single], own.columns[is_single]
            scores[here] = sure[here] = self._plain_score(own, *here) + habits[is_single]
            alone = self._plain_score(own, rows, columns) + habits[~is_single]
            np.maximum.at(low, (rows, (columns - self._n_single) % self._n_groups), alone)
        bar = _nth_highest(np.concatenate([sure, low], axis=1), self._n).astype(np.float64)
        # What stands for its group may have been bought, and lose by a habit of negative weight.
        bar -= 2 * abs(by_als) * own.doubt + _SLACK * (1 + np.abs(bar)) - min(by_habit, 0)
        bars = bar.astype(np.float32)[:, None]
        found = [np.nonzero(scores >= bars)]
        if not self._exclude_seen:
            reaches = alone >= bar[rows]
            found.append((rows[reaches], columns[reaches]))
        rows, columns = self._members(*np.nonzero(high >= bars))
        reach = self._static[columns] + max(by_als, 0) * own.roots(own.als[rows, columns], rows)
        reaches = reach >= bar[rows]
        return [*found, (rows[reaches], columns[reaches])]

    def _single(self, own: _Own) -> tuple[Float32s, Float32s]:
        """Scores of the single items without habit, shape (users, single items).

        First with -inf where surely nothing speaks for an item, then where it is not sure that anything does.
        """
        by_als, by_neighbours, _ = self._weights[:PERSONAL].tolist()
        roots = own.roots(own.als[:, : self._n_single])
        scores = by_als * roots
        scores += self._static[: self._n_single]
        scores[:, : self._n_near] += by_neighbours * np.sqrt(own.near / own.near_scale[:, None])
        if self._exclude_seen:
            is_single = own.columns < self._n_single
            scores[own.rows[is_single], own.columns[is_single]] = -np.inf
        if self._own_only:
            least: Float32s = np.zeros_like(own.doubt)
            silent = np.ones(scores.shape, bool)
        else:
            least = SPEAKS - own.doubt
            silent = np.broadcast_to(~self._is_popular[self._items[: self._n_single]], scores.shape).copy()
        silent[:, : self._n_near] &= own.near <= 0
        sure = np.where(silent & (roots <= least[:, None] + 2 * own.doubt[:, None]), -np.inf, scores)
        scores[silent & (roots < least[:, None])] = -np.inf
        return scores, sure.astype(np.float32, copy=False)

    def _groups(self, own: _Own) -> tuple[Float32s, Float32s]:
        """Bounds of the scores in each group: what one of its items surely has, and none exceeds."""
        by_als = float(self._weights[0])
        roots = own.roots(own.highest)
        low, high = self._static_low + by_als * roots, self._static_high + max(by_als, 0) * roots
        least = np.zeros_like(own.doubt) if self._own_only else SPEAKS - own.doubt
        low[roots <= (least + 2 * own.doubt)[:, None]] = -np.inf
        high[roots < least[:, None]] = -np.inf
        return low, high

    def _plain_score(self, own: _Own, rows: Int64s, columns: Int64s) -> Float32s:
        """The score of single cells without habit."""
        by_als, by_neighbours, _ = self._weights[:PERSONAL].tolist()
        score = self._static[columns] + by_als * own.roots(own.als[rows, columns], rows)
        near = columns < self._n_near
        score[near] += by_neighbours * np.sqrt(
            own.near[rows[near], columns[near]] / own.near_scale[rows[near]]
        )
        found: Float32s = score
        return found

    def _highest(self, own: _Own) -> list[Cells]:
        """What may have the highest true score of ALS, which the others are relative to."""
        bar = (own.top - 2 * own.error)[:, None]
        is_positive = (own.top > 0)[:, None]
        found = [np.nonzero((own.als[:, : self._n_single] >= bar) & is_positive)]
        rows, columns = self._members(*np.nonzero((own.highest >= bar) & is_positive))
        reaches = own.als[rows, columns] >= bar[rows, 0]
        return [*found, (rows[reaches], columns[reaches])]

    def _members(self, rows: Int64s, groups: Int64s) -> Cells:
        """All items of these groups."""
        columns = self._n_single + groups[:, None] + self._n_groups * np.arange(_GROUP)
        return np.repeat(rows, _GROUP), columns.ravel()

    def _with_signals(self, own: _Own, cells: Int64s) -> Candidates:
        """Those of the cells for which something speaks, with their exact signals."""
        rows = cells // max(len(self._column), 1)
        items = (cells - rows * len(self._column)).astype(np.int32)
        columns = self._column[items]
        plain = np.zeros((PERSONAL, len(cells)))
        exact = exact_products(own.factors[rows], self._signals.item_factors[items])
        np.maximum(exact, 0, out=plain[0])
        is_near = columns < self._n_near
        plain[1, is_near] = own.near[rows[is_near], columns[is_near]]
        if not self._exclude_seen:
            bought = own.rows * len(self._column) + self._items[own.columns]
            plain[2] = _looked_up(cells, bought, own.habit)
        scales = np.zeros((PERSONAL, len(own.top)))
        np.maximum.at(scales[0], rows, plain[0])
        scales[0] = _not_0(scales[0])
        scales[1], scales[2] = own.near_scale, own.habit_scale
        if self._own_only:
            speaks = (plain[self._weights[:PERSONAL] != 0] > 0).any(axis=0)
        else:
            speaks = (plain[1:] > 0).any(axis=0) | self._is_popular[items]
            speaks |= plain[0] >= SPEAKS**2 * scales[0, rows]
        return with_signals(self._signals, rows[speaks], items[speaks], plain[:, speaks], scales)


def _nth_highest(scores: Float32s, n: int) -> Float32s:
    """A number that at least n scores of each row reach, not far below the n-th highest; shape (rows,).

    The n-th highest of the maxima of small sets is such a number, found much faster than that of all.
    """
    sets = scores.shape[1] // _SET
    if sets >= _SETS_PER_RANK * n:
        scores = scores[:, : sets * _SET].reshape(len(scores), _SET, sets).max(axis=1)
    if scores.shape[1] < n:
        return np.full(len(scores), -np.inf, np.float32)
    place = scores.shape[1] - n
    return np.partition(scores, place, axis=1)[:, place]


def _not_0(scales: Scales) -> Scales:
    found = scales.copy()
    found[found == 0] = 1
    return found


def _looked_up(wanted: Int64s, cells: Int64s, values: Float64s) -> Float64s:
    """The values of the wanted cells, 0 where there is none; the wanted ones ascending."""
    order = np.argsort(cells)
    cells, values = cells[order], values[order]
    place = np.searchsorted(cells, wanted)
    known = place < len(cells)
    known[known] = cells[place[known]] == wanted[known]
    found = np.zeros(len(wanted))
    found[known] = values[place[known]]
    return found
