"""The few items that can come into a customer's list, found among all items without weighing each of them.

Something must speak for an item: a score by ALS or the neighbours not far from the customer's best, that it
is the customer's own, or that it is popular now. Where only the customer's own signals weigh, a positive one
will do.

Items that have neighbours, all or those that sell most, and those that are popular now are all weighed; the
n-th highest of these scores is a bar. The others are scanned by falling norm: as soon as it is
too small for a score that speaks, or for one that reaches the bar, no later item can come into the list.

Who is left gets scores of 64 bits in a fixed order of addition. So the lists are the exact ones, and the same
to the bit for any block, thread or BLAS.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from recommender.learning.signals import OWN, PERSONAL, Signals, by_user
from recommender.learning.sizes import WHOLE
from recommender.ranking.candidates import SCALED, Candidates, own_signals, popular_now, with_signals
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
"""The square root of a score by ALS or the neighbours, relative to the customer's highest, from which on it
speaks for the item."""
_LEAST = float(np.finfo(np.float32).tiny)
"""A score that is above 0."""
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
    near_bar: Float32s
    """shape (users,): from which on it speaks for an item; above 0"""
    rows: Int64s
    """shape (bought,): row of each item that the user bought and that may be listed; in order of column"""
    columns: Int64s
    """shape (bought,)"""
    cells: Int64s
    """shape (bought,): which cells of the signals' weights these are"""
    habit: Float64s
    """shape (bought,): the plain score"""
    habit_scale: Float64s
    """shape (users,): as `near_scale`"""
    by_als: Float64s
    """shape (users,): the weight of the ALS signal"""
    by_neighbours: Float64s
    """shape (users,)"""
    bought: Float64s
    """shape (bought,): what all signals of a bought item add to its score"""

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
        best: int | None = None,
        lifts: Float64s | None = None,
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
            best: of so many no one is missed, where that are more than n.
            lifts: shape (items,): added to each item's score; None for nothing.
            scores_at_once: of the users of a block and the single items.
        """
        self._signals = signals
        self._weights = weights
        self._users = users
        self._exclude_seen = exclude_seen
        self._best = n if best is None else best
        self._own_only = not weights[PERSONAL:].any()
        self._weighs = weights[:2].astype(bool) | weights[2:4].astype(bool)
        self._weighs_bought = bool(weights[OWN].any()) and not exclude_seen
        self._is_popular = np.zeros(len(allowed), bool)
        if not self._own_only:
            self._is_popular[popular_now(signals, allowed, n)] = True
        is_near = np.zeros(len(allowed), bool)
        is_near[signals.neighbours.items] = True
        near = np.flatnonzero(is_near & allowed)
        single = np.append(near, np.flatnonzero(self._is_popular & ~is_near))
        self._n_near, self._n_single = len(near), len(single)
        others = np.flatnonzero(~is_near & ~self._is_popular & allowed)
        norms = np.linalg.norm(signals.item_factors.astype(np.float64), axis=1)
        others = others[np.argsort(-norms[others], kind="stable")]
        self._items = np.append(single, others).astype(np.int32)
        self._column = np.full(len(allowed), -1, np.int64)
        self._column[self._items] = np.arange(len(self._items))
        static = signals.statics @ weights[PERSONAL:] + (0 if lifts is None else lifts)
        static = static[self._items]
        self._static = static.astype(np.float32)
        # The highest of each column and all behind it.
        self._static_from = np.maximum.accumulate(static[::-1])[::-1]
        self._norms = norms[self._items]
        self._largest_norm = float(self._norms.max(initial=0))
        self._factors = np.ascontiguousarray(signals.item_factors[self._items])
        self._single_factors = np.ascontiguousarray(self._factors[: self._n_single].T)
        self._rounding = rounding_of(signals.item_factors.shape[1])
        self._near_scores = signals.neighbours.scores_of(near)
        self.block_size = max(1, scores_at_once // max(self._n_single, STEP))
        self.n_blocks = -(-len(users) // self.block_size)

    def block(self, part: int) -> tuple[int, Candidates]:
        """The contenders of one block of users; and the index into `users` of its first row.

        Raises:
            ModelError: factors so large that products of them overflow.
        """
        first = part * self.block_size
        return first, self.of(self._users[first : first + self.block_size])

    def of(self, users: Int64s, hidden: Cells | None = None, lifts: Float64s | None = None) -> Candidates:
        """The contenders of some users: all that can be among their best.

        Args:
            users: shape (users,): indexes into the interactions' users.
            hidden: users and items: what may not be in a user's list, although it has a say in what the
                scores are relative to; None hides nothing.
            lifts: shape (users, items): added to the scores of each user; None for nothing.

        Raises:
            ModelError: factors so large that products of them overflow.
        """
        own = self._own(users)
        rows, columns = map(np.concatenate, zip(*self._reaching(own, hidden, lifts), strict=True))
        cells = np.unique(rows * len(self._column) + self._items[columns])
        found = self._with_signals(own, users, cells)
        if hidden is None:
            return found
        width = len(self._column)
        return found.where(~np.isin(found.rows * width + found.items, hidden[0] * width + hidden[1]))

    def _own(self, users: Int64s) -> _Own:
        signals = self._signals
        factors = signals.user_factors[users]
        norms = user_norms(factors, self._largest_norm)
        als = factors @ self._single_factors
        bought = signals.weights[users]
        rows, columns, order = in_columns(bought, self._column)
        # The cells of some users lie one after the other in their rows.
        first_cells = signals.weights.indptr[users] - bought.indptr[:-1]
        cells = order + first_cells[rows]
        habits = signals.habits.scores.data[cells]
        near = np.maximum(self._near_scores(users), 0)
        if self._exclude_seen:
            n_near, n_single = np.searchsorted(columns, (self._n_near, self._n_single))
            als[rows[:n_single], columns[:n_single]] = -np.inf
            near[rows[:n_near], columns[:n_near]] = 0
        near_scale = _not_0(near.max(axis=1, initial=0))
        near_speaks = 0.0 if self._own_only else SPEAKS
        habit_scale = np.zeros(len(users))
        np.maximum.at(habit_scale, rows, habits)
        habit_scale = _not_0(habit_scale)
        by_als, by_neighbours = by_user(self._weights, signals.known(users))
        own = _Own(
            factors=factors,
            norms=norms,
            als=als,
            top=als.max(axis=1, initial=0),
            error=np.where(norms > 0, self._rounding * norms * self._largest_norm + UNDERFLOW, 0),
            near=near,
            near_scale=near_scale,
            near_bar=np.maximum(near_speaks**2 * near_scale, _LEAST).astype(np.float32),
            rows=rows,
            columns=columns,
            cells=cells,
            habit=habits,
            habit_scale=habit_scale,
            by_als=by_als,
            by_neighbours=by_neighbours,
            bought=self._weights[OWN] @ own_signals(signals, cells, np.sqrt(habits / habit_scale[rows])),
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

    def _reaching(self, own: _Own, hidden: Cells | None, lifts: Float64s | None) -> list[Cells]:
        """What may be among the n best of its row, and what may have the highest true score of ALS.

        The others are relative to that one.
        """
        by_als = own.by_als
        scores, sure = self._single(own)
        found: list[Cells] = []
        if lifts is not None:
            scores += lifts[:, self._items[: self._n_single]]
            sure += lifts[:, self._items[: self._n_single]]
            rows, columns = np.nonzero(lifts[:, self._items[self._n_single :]] > 0)
            found.append((rows, columns + self._n_single))
        if not self._exclude_seen:
            n_single = np.searchsorted(own.columns, self._n_single)
            here = own.rows[:n_single], own.columns[:n_single]
            scores[here] += own.bought[:n_single]
            sure[here] += own.bought[:n_single]
            found.append((own.rows[n_single:], own.columns[n_single:]))
        if hidden is not None:
            rows, columns = hidden[0], self._column[hidden[1]]
            is_single = (columns >= 0) & (columns < self._n_single)
            scores[rows[is_single], columns[is_single]] = -np.inf
            sure[rows[is_single], columns[is_single]] = -np.inf
        bar = nth_highest(sure, self._best, sets_per_rank=_SETS_PER_RANK).astype(np.float64)
        bar -= 2 * np.abs(by_als) * own.doubt + _SLACK * (1 + np.abs(bar))
        # What may not be listed is below any number.
        found.append(at_least(scores, np.maximum(bar, LOWEST)))
        highest = np.where(own.norms > 0, own.top - 2 * own.error, np.inf)
        found.append(at_least(own.als, highest))

        def least(column: int) -> Float64s:
            # The root that it takes to speak for an item and to lift it to the bar; then the score for that.
            missing = bar - self._static_from[column]
            needed = np.divide(missing, by_als, out=np.zeros(len(missing)), where=by_als > 0)
            root = np.maximum(0 if self._own_only else SPEAKS, needed)
            score = np.maximum(root - own.doubt, 0) ** 2 * own.top * (1 - _SLACK) - own.error
            score[(by_als <= 0) & (missing > 0)] = np.inf
            if self._own_only and not self._weighs[0]:
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
        n_single = np.searchsorted(own.columns, self._n_single)
        # Quotients of roots and bars for the scores themselves: fewer passes over all of them.
        top = _not_0(own.top)
        scores = _weighed_roots(own.als, own.by_als, top)
        scores += self._static[: self._n_single]
        scores[:, : self._n_near] += _weighed_roots(own.near, own.by_neighbours, own.near_scale)
        if self._exclude_seen:
            scores[own.rows[:n_single], own.columns[:n_single]] = -np.inf
        if self._own_only:
            least: Float32s = np.full_like(own.doubt, 0 if self._weighs[0] else np.inf)
            silent = np.ones(scores.shape, bool)
        else:
            least = SPEAKS - own.doubt
            silent = np.broadcast_to(~self._is_popular[self._items[: self._n_single]], scores.shape).copy()
        if self._weighs[1] or not self._own_only:
            silent[:, : self._n_near] &= own.near < own.near_bar[:, None]
        if not self._exclude_seen and (self._weighs_bought or not self._own_only):
            silent[own.rows[:n_single], own.columns[:n_single]] = False
        silent &= own.als <= ((least + 2 * own.doubt) ** 2 * top)[:, None]
        sure = np.where(silent, np.float32(-np.inf), scores)
        silent &= own.als < (np.maximum(least, 0) ** 2 * top)[:, None]
        scores[silent] = -np.inf
        return scores, sure

    def _with_signals(self, own: _Own, users: Int64s, cells: Int64s) -> Candidates:
        """Those of the cells for which something speaks, with their exact signals."""
        rows = cells // max(len(self._column), 1)
        items = (cells - rows * len(self._column)).astype(np.int32)
        columns = self._column[items]
        plain = np.zeros((SCALED, len(cells)))
        exact = exact_products(own.factors, self._signals.item_factors, rows, items)
        np.maximum(exact, 0, out=plain[0])
        is_near = columns < self._n_near
        plain[1, is_near] = own.near[rows[is_near], columns[is_near]]
        bought = np.full(len(cells), -1)
        if not self._exclude_seen:
            place = _places(cells, own.rows * len(self._column) + self._items[own.columns])
            own_cell = place >= 0
            bought[own_cell] = own.cells[place[own_cell]]
            plain[2, own_cell] = own.habit[place[own_cell]]
        scales = np.zeros((SCALED, len(own.top)))
        np.maximum.at(scales[0], rows, plain[0])
        scales[0] = _not_0(scales[0])
        scales[1], scales[2] = own.near_scale, own.habit_scale
        found = with_signals(self._signals, users, rows, items, plain=plain, scales=scales, bought=bought)
        if self._own_only:
            speaks = (found.signals[:PERSONAL][self._weights[:PERSONAL] != 0] > 0).any(axis=0)
        else:
            speaks = (plain[1] >= own.near_bar[rows]) | (bought >= 0) | self._is_popular[items]
            speaks |= plain[0] >= SPEAKS**2 * scales[0, rows]
        return found.where(speaks)


def _weighed_roots(scores: Float32s, weights: Float64s, scales: Float32s) -> Float32s:
    """Each user's weight times the roots of their scores relative to the scale, shape as the scores."""
    found = np.maximum(scores, 0)
    np.sqrt(found, out=found)
    found *= (weights / np.sqrt(scales)).astype(np.float32)[:, None]
    return found


def _not_0(scales: Scales) -> Scales:
    found = scales.copy()
    found[found == 0] = 1
    return found


def _places(wanted: Int64s, cells: Int64s) -> Int64s:
    """The place of each wanted one among the cells, -1 where it is none of them."""
    if not len(cells):
        return np.full(len(wanted), -1)
    order = np.argsort(cells)
    place = order[np.minimum(np.searchsorted(cells, wanted, sorter=order), len(cells) - 1)]
    return np.where(cells[place] == wanted, place, -1)
