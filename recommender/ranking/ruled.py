"""The lists of customers under the shop's rules: what is ranked, popular or new, each where it may stand."""

from dataclasses import dataclass

import numpy as np

from recommender.learning.signals import Signals
from recommender.learning.sizes import WHOLE
from recommender.learning.weights import weighed
from recommender.ranking.best import Ranked
from recommender.ranking.candidates import Candidates
from recommender.ranking.contenders import ContenderMaker
from recommender.ranking.listrules import ListRules
from recommender.ranking.places import Places
from recommender.ranking.rows import best_of_rows
from recommender.system.arrays import Bools, Float64s, Int32s, Int64s, row_indexes
from recommender.system.threads import Progress, in_threads

_FLAGS_PER_SCORE = 8
"""What a user's list may hold is a flag for each of all items; scores there are of few."""
_OFFERED = 2
"""Items that are ranked at once for each place: with fewer, more lists are ranked twice."""


@dataclass(frozen=True, eq=False)
class RuledLists:
    """Shapes (users, n)."""

    items: Int32s
    """-1 at the end of lists that are shorter"""
    is_pin: Bools
    is_new: Bools
    """in a place for new items"""
    ranked: Ranked
    """the items of the signals that are there by their score, each where it stands; -1 for all others"""


@dataclass(frozen=True, eq=False)
class ItemOrder:
    """All items of a list, and the order in which they fill what is left of it."""

    popularity: Float64s
    """shape (items,), boosted"""
    fill_order: Int32s
    """those that may be listed, best first"""


def ruled_lists(
    signals: Signals,
    weights: Float64s,
    users: Int64s,
    order: ItemOrder,
    rules: ListRules,
    *,
    is_blend: bool,
    exclude_seen: bool,
    threads: int,
    scores_at_once: int = WHOLE.scores,
    progress: Progress | None = None,
) -> RuledLists:
    """The lists of some users: pins, then the n best as the rules allow, popular ones behind, new ones last.

    Args:
        signals: of the night.
        weights: shape (signals,): of each signal.
        users: shape (users,): indexes into the signals' users.
        order: of all items.
        rules: of the list, whose items these are.
        is_blend: a boost's logarithm is added to a score; else the boost multiplies it.
        exclude_seen: leave out what the user has bought, but for pins.
        threads: how many to use, at least 1; the result is the same for any number.
        scores_at_once: of users and items, of a block; the result is the same for any number.
        progress: called with blocks of users done and in all.
    """
    shape = (len(users), rules.n)
    found = RuledLists(
        items=np.full(shape, -1, np.int32),
        is_pin=np.zeros(shape, bool),
        is_new=np.zeros(shape, bool),
        ranked=Ranked.empty(shape),
    )
    lister = _Lister(
        signals,
        weights,
        order,
        rules,
        is_blend=is_blend,
        exclude_seen=exclude_seen,
        scores_at_once=scores_at_once,
    )
    at_once = lister.at_once

    def work(part: int) -> None:
        block = slice(part * at_once, min((part + 1) * at_once, len(users)))
        lister.fill(users[block], found, block)

    in_threads(work, -(-len(users) // at_once), threads=threads, progress=progress)
    return found


class _Lister:
    """What all blocks of users share."""

    def __init__(
        self,
        signals: Signals,
        weights: Float64s,
        order: ItemOrder,
        rules: ListRules,
        *,
        is_blend: bool,
        exclude_seen: bool,
        scores_at_once: int,
    ) -> None:
        self.signals, self.weights, self.order, self.rules = signals, weights, order, rules
        self.is_blend, self.exclude_seen = is_blend, exclude_seen
        self.to_sales = np.full(len(rules.allowed), -1, np.int64)
        self.to_sales[rules.of_sales] = np.arange(len(rules.of_sales))
        boosts = rules.boosts[rules.of_sales]
        allowed = rules.allowed[rules.of_sales]
        self.boosts = boosts
        self.offered = (_OFFERED if len(rules.limits) > 1 else 1) * rules.n
        if not is_blend:  # where a boost multiplies, any item for which something speaks may come to the top
            self.offered = len(allowed) + 1
        self.maker = None
        if allowed.any() and weights.any():
            self.maker = ContenderMaker(
                signals,
                weights,
                np.empty(0, np.int64),
                allowed=allowed,
                exclude_seen=exclude_seen,
                n=rules.n,
                best=self.offered,
                lifts=np.log(boosts) if is_blend else None,
                scores_at_once=scores_at_once,
            )
        self.at_once = max(1, _FLAGS_PER_SCORE * scores_at_once // max(len(rules.allowed), 1))
        if self.maker is not None:
            self.at_once = min(self.at_once, self.maker.block_size)

    def fill(self, users: Int64s, found: RuledLists, block: slice) -> None:
        """Make the lists of some users, which are these rows of all."""
        places = Places(self.rules, users)
        if self.exclude_seen:
            bought = self.signals.weights[users]
            places.barred[row_indexes(bought.indptr), self.rules.of_sales[bought.indices]] = True
        ranked = Ranked.empty(places.items.shape)
        n_last = min(self.rules.slots, len(self.rules.newest))
        is_new = np.zeros(places.items.shape, bool)
        if n_last:
            self._go_on(places, users, ranked, np.maximum(places.n_free - n_last, 0))
            self._deal_new(places, users, is_new)
        self._go_on(places, users, ranked, places.n_free)
        lists = places.lists(is_new)
        found.items[block] = lists.items
        found.is_pin[block] = lists.is_pin
        source = np.maximum(lists.source, 0)
        found.is_new[block] = np.take_along_axis(is_new, source, axis=1) & (lists.source >= 0)
        found.ranked.put(block, ranked, lists.source)

    def _go_on(self, places: Places, users: Int64s, ranked: Ranked, goal: Int64s) -> None:
        """Take what is next by its score, then what is popular, until so many places are taken."""
        rows = np.flatnonzero(places.counts < goal) if self.maker is not None else np.empty(0, np.int64)
        while len(rows) and self.maker is not None:
            place, item = places.hidden(rows)
            item = self.to_sales[item]
            hidden = place[item >= 0], item[item >= 0]
            factors = None if places.factors is None else places.factors[np.ix_(rows, self.rules.of_sales)]
            lifts = np.log(factors) if factors is not None and self.is_blend else None
            found = self.maker.of(users[rows], hidden, lifts)
            scores = self._scores(found, factors)
            cells, _ = best_of_rows(found.rows, found.items, scores, self.offered)
            taken, place = places.take(rows[found.rows[cells]], self.rules.of_sales[found.items[cells]], goal)
            ranked.note(found, self.weights, scores, cells=cells[taken], rows=rows, at=place)
            n_offered = np.bincount(found.rows[cells], minlength=len(rows))
            rows = rows[(n_offered >= self.offered) & (places.counts[rows] < goal[rows])]
        self._fill(places, goal)

    def _scores(self, found: Candidates, factors: Float64s | None) -> Float64s:
        scores = weighed(found.signals, self.weights)
        boosts = self.boosts[found.items]
        if factors is not None:
            boosts *= factors[found.rows, found.items]
        return scores + np.log(boosts) if self.is_blend else scores * boosts

    def _fill(self, places: Places, goal: Int64s) -> None:
        """Take popular items; those who have boosts of their own one by one, each in another order."""
        if places.factors is None:
            places.take_in_order(self.order.fill_order, goal)
            return
        own = (places.factors != 1).any(axis=1)
        places.take_in_order(self.order.fill_order, np.where(own, 0, goal))
        for row in np.flatnonzero(own & (places.counts < goal)).tolist():
            boosted = (self.order.popularity * places.factors[row])[self.order.fill_order]
            order = self.order.fill_order[np.argsort(-boosted, kind="stable")]
            places.take_in_order(order, np.where(np.arange(len(goal)) == row, goal, 0))

    def _deal_new(self, places: Places, users: Int64s, is_new: Bools) -> None:
        """Deal the new items to the users in turn, as many as there are places for them at the end.

        The best are dealt first, and all are dealt where there are enough users, each as often as any other.
        Who may not have one has the next.
        """
        newest, slots = self.rules.newest, self.rules.slots
        goal = np.minimum(places.counts + slots, places.n_free)
        hands = -(-len(newest) // slots)
        first = self.rules.turns[users] % hands * slots
        rows, width = np.flatnonzero(places.counts < goal), 2 * slots
        while len(rows):
            offered = newest[(first[rows][:, None] + np.arange(min(width, len(newest)))) % len(newest)]
            at = np.repeat(rows, offered.shape[1])
            taken, place = places.take(at, offered.ravel(), goal)
            is_new[at[taken], place] = True
            rows = rows[places.counts[rows] < goal[rows]] if width < len(newest) else rows[:0]
            width *= 8
