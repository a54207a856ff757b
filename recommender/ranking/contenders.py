"""The few items that can come into a customer's list, found among all items without weighing each of them.

Something must speak for an item: an ALS score not far from the customer's best, a bought item whose neighbour
it is, the customer's own habit, or that it is popular now. Where only the customer's own signals weigh, a
positive one will do.

Items that are anybody's neighbours, which are those that sell most, and those that are popular now are all
weighed; the n-th highest of these scores is a bar. The others are scanned by falling norm: as soon as it is
too small for a score that speaks, or for one that reaches the bar, no later item can come into the list.

Who is left gets scores of 64 bits in a fixed order of addition. So the lists are the exact ones, and the same
to the bit for any block, thread or BLAS.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from recommender.learning.signals import PERSONAL, Signals
from recommender.learning.sizes import WHOLE
from recommender.ranking.candidates import Candidates, popular_now, with_signals
from recommender.ranking.scan import (
    LOWEST,
    STEP,
    UNDERFLOW,
    Cells,
    at_least,
    exact_products,
    in_columns,
    nth_highest,
    rounding_of,
    scan,
    user_norms,
)
from recommender.system.arrays import Bools, Float32s, Float64s, Int64s

Scales = TypeVar("Scales", Float32s, Float64s)

SPEAKS = 0.3
"""The square root of an ALS score relative to the customer's best, from which on it speaks for the item."""
_SETS_PER_RANK = 8
"""Sets of scores to find a bar among: with fewer it would be far below the n-th highest."""
_SLACK = 1e-5
"""More than what rounding takes from a sum of a few numbers of 32 bits, relative to it."""


@dataclass(frozen=True, eq=False)
class _Own:
    """What the users of a block have of their own; columns are those of `ContenderMaker`."""

    factors: Float32s
    """shape (users, factors)"""
    norms: Float64s
    """shape (users,): of the factors"""
    als: Float32s
    """shape (users, single columns): scores as the product has them; -inf where an item may not be listed"""
    top: Float32s
    """shape (users,): the highest of all columns' scores, 0 where none is positive"""
    error: Float64s
    """shape (users,): by so much any of them is wrong at most"""
    near: Float32s
    """shape (users, near columns): what the bought items add to their neighbours"""
    near_scale: Float32s
    """shape (users,): the highest of it; 1 where there is none"""
    rows: Int64s
    """shape (bought,): row of each item that the user bought and that may be listed; in order of column"""
    columns: Int64s
    """shape (bought,)"""
    habit: Float64s
    """shape (bought,)"""
    habit_scale: Float64s
    """shape (users,): as `near_scale`"""

    def roots(self, scores: Float32s) -> Float32s:
        """The square roots of ALS scores, shape (users, …), relative to the user's highest."""
        found = np.maximum(scores, 0)
        found /= _not_0(self.top)[:, None]
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
    in front; then the others by falling norm.
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
        scores_at_once: int = WHOLE.scores,
    ) -> None:
        """What all blocks share.

        Args:
            signals: of the night.
            weights: shape (signals,): of each signal.
            users: shape (users,): who gets a list, as indexes into the interactions' users.
            allowed: shape (items,): the items that may be in a list.
            exclude_seen: leave out what the user has bought.
            n: length of the lists.
            scores_at_once: of the users of a block and the single items.
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
        single = np.append(near, np.flatnonzero(self._is_popular & ~is_near))
        self._n_near, self._n_single = len(near), len(single)
        others = np.flatnonzero(~is_near & ~self._is_popular & allowed)
        norms = np.linalg.norm(signals.item_factors.astype(np.float64), axis=1)
        others = others[np.argsort(-norms[others], kind="stable")]
        self._items = np.append(single, others).astype(np.int32)
        self._column = np.full(len(allowed), -1, np.int64)
        self._column[self._items] = np.arange(len(self._items))
        static = (signals.statics @ weights[PERSONAL:])[self._items]
        self._static = static.astype(np.float32)
        # The highest of each column and all behind it.
        self._static_from = np.maximum.accumulate(static[::-1])[::-1]
        self._norms = norms[self._items]
        self._largest_norm = float(self._norms.max(initial=0))
        self._factors = np.ascontiguousarray(signals.item_factors[self._items])
        self._single_factors = np.ascontiguousarray(self._factors[: self._n_single].T)
        self._rounding = rounding_of(signals.item_factors.shape[1])
        self._neighbours = signals.neighbours[:, near].tocsr()
        self._block = max(1, scores_at_once // max(self._n_single, STEP))
        self.n_blocks = -(-len(users) // self._block)

    def block(self, part: int) -> tuple[int, Candidates]:
        """The contenders of one block of users; and the index into `users` of its first row.

        Raises:
            ModelError: factors so large that products of them overflow.
        """
        first = part * self._block
        own = self._own(self._users[first : first + self._block])
        rows, columns = map(np.concatenate, zip(*self._reaching(own), strict=True))
        cells = np.unique(rows * len(self._column) + self._items[columns])
        return first, self._with_signals(own, cells)

    def _own(self, users: Int64s) -> _Own:
        signals = self._signals
        factors = signals.user_factors[users]
        norms = user_norms(factors, self._largest_norm)
        als = factors @ self._single_factors
        bought = signals.weights[users]
        rows, columns, order = in_columns(bought, self._column)
        habits = signals.habit[users].data[order]
        near = (bought @ self._neighbours).toarray()
        if self._exclude_seen:
            n_near, n_single = np.searchsorted(columns, (self._n_near, self._n_single))
            als[rows[:n_single], columns[:n_single]] = -np.inf
            near[rows[:n_near], columns[:n_near]] = 0
        habit_scale = np.zeros(len(users))
        np.maximum.at(habit_scale, rows, habits)
        own = _Own(
            factors=factors,
            norms=norms,
            als=als,
            top=als.max(axis=1, initial=0),
            error=np.where(norms > 0, self._rounding * norms * self._largest_norm + UNDERFLOW, 0),
            near=near,
            near_scale=_not_0(near.max(axis=1, initial=0)),
            rows=rows,
            columns=columns,
            habit=habits,
            habit_scale=_not_0(habit_scale),
        )
        for active, _, scores in self._others(own, lambda _: own.top.astype(np.float64)):
            own.top[active] = np.maximum(own.top[active], scores.max(axis=1))
        return own

    def _others(self, own: _Own, least: Callable[[int], Float64s]) -> Iterator[tuple[Int64s, int, Float32s]]:
        """ALS scores of the items that are not single, as far as they can matter; see `scan`."""
        return scan(
            own.factors,
            own.norms,
            self._factors,
            self._norms,
            seen=(own.rows, own.columns) if self._exclude_seen else None,
            least=least,
            error=own.error,
            start=self._n_single,
        )

    def _reaching(self, own: _Own) -> list[Cells]:
        """What may be among the n best of its row, and what may have the highest true score of ALS.

        The others are relative to that one.
        """
        by_als, _, by_habit = self._weights[:PERSONAL].tolist()
        scores, sure = self._single(own)
        found: list[Cells] = []
        if not self._exclude_seen:
            n_single = np.searchsorted(own.columns, self._n_single)
            habits = by_habit * np.sqrt(own.habit / own.habit_scale[own.rows])
            here = own.rows[:n_single], own.columns[:n_single]
            scores[here] += habits[:n_single]
            sure[here] += habits[:n_single]
            found.append((own.rows[n_single:], own.columns[n_single:]))
        bar = nth_highest(sure, self._n, sets_per_rank=_SETS_PER_RANK).astype(np.float64)
        # What stands for its set may have been bought, and lose by a habit of negative weight.
        bar -= 2 * abs(by_als) * own.doubt + _SLACK * (1 + np.abs(bar)) - min(by_habit, 0)
        # What may not be listed is below any number.
        found.append(at_least(scores, np.maximum(bar, LOWEST)))
        highest = np.where(own.norms > 0, own.top - 2 * own.error, np.inf)
        found.append(at_least(own.als, highest))

        def least(column: int) -> Float64s:
            # The root that it takes to speak for an item and to lift it to the bar; then the score for that.
            missing = bar - self._static_from[column]
            root = np.maximum(0 if self._own_only else SPEAKS, missing / by_als if by_als > 0 else 0)
            score = np.maximum(root - own.doubt, 0) ** 2 * own.top * (1 - _SLACK) - own.error
            if by_als <= 0:
                score[missing > 0] = np.inf
            if by_als == 0 and self._own_only:
                score[:] = np.inf
            matters: Float64s = np.minimum(score, highest)
            return matters

        for rows, start, als in self._others(own, least):
            lines, columns = at_least(als, least(start)[rows])
            found.append((rows[lines], columns + start))
        return found

    def _single(self, own: _Own) -> tuple[Float32s, Float32s]:
        """Scores of the single items without habit, shape (users, single items).

        First with -inf where surely nothing speaks for an item, then where it is not sure that anything does.
        """
        by_als, by_neighbours, by_habit = self._weights[:PERSONAL].tolist()
        n_single = np.searchsorted(own.columns, self._n_single)
        roots = own.roots(own.als)
        scores = by_als * roots
        scores += self._static[: self._n_single]
        scores[:, : self._n_near] += by_neighbours * np.sqrt(own.near / own.near_scale[:, None])
        if self._exclude_seen:
            scores[own.rows[:n_single], own.columns[:n_single]] = -np.inf
        if self._own_only:
            least: Float32s = np.full_like(own.doubt, 0 if by_als else np.inf)
            silent = np.ones(scores.shape, bool)
        else:
            least = SPEAKS - own.doubt
            silent = np.broadcast_to(~self._is_popular[self._items[: self._n_single]], scores.shape).copy()
        if by_neighbours or not self._own_only:
            silent[:, : self._n_near] &= own.near <= 0
        if not self._exclude_seen and (by_habit or not self._own_only):
            has_habit = own.habit[:n_single] > 0
            silent[own.rows[:n_single][has_habit], own.columns[:n_single][has_habit]] = False
        sure = np.where(silent & (roots <= least[:, None] + 2 * own.doubt[:, None]), -np.inf, scores)
        scores[silent & (roots < least[:, None])] = -np.inf
        return scores, sure.astype(np.float32, copy=False)

    def _with_signals(self, own: _Own, cells: Int64s) -> Candidates:
        """Those of the cells for which something speaks, with their exact signals."""
        rows = cells // max(len(self._column), 1)
        items = (cells - rows * len(self._column)).astype(np.int32)
        columns = self._column[items]
        plain = np.zeros((PERSONAL, len(cells)))
        exact = exact_products(own.factors, self._signals.item_factors, rows, items)
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
