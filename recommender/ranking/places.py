"""The lists of some owners while they are filled under the shop's rules, best items first.

One definition for all lists: pins stand at their positions; then comes each next item, best first, unless a
rule forbids it or it is listed already. Who calls offers the items in order, some at a time, to many owners
at once: an item has a place where it is free and each of its groups has room.
"""

from dataclasses import dataclass

import numpy as np

from recommender.ranking.listrules import NO_LIMIT, ListRules
from recommender.ranking.rows import DECIMALS, ListRows, joined, not_rising, top_rows
from recommender.system.arrays import Bools, Float64s, Int32s, Int64s, Integers

_FLAGS = 1 << 23
"""Owners whose lists are made at once, times all items."""


class Places:
    """Lists that are being filled. Rows are owners; items are those of the rules."""

    def __init__(self, rules: ListRules, owners: Int64s, *, are_items: bool = False) -> None:
        """Put the pins where they stand.

        Args:
            rules: of the list.
            owners: shape (rows,): whose lists; indexes of customers, or of items.
            are_items: the owners are items: none is in its own list.
        """
        n_rows, n = len(owners), rules.n
        self.barred: Bools = np.broadcast_to(~rules.allowed, (n_rows, len(rules.allowed))).copy()
        """shape (rows, items): what may not be listed, or is already"""
        if are_items:
            self.barred[np.arange(n_rows), owners] = True
        self.room: Int32s = np.tile(rules.limits, (n_rows, 1))
        """shape (rows, groups + 1): how many more of each"""
        self.factors: Float64s | None = None
        """shape (rows, items): of the customers' own boosts; None where nobody has any"""
        self._groups = rules.groups
        self._members = rules.members
        self._left_out: dict[int, Int32s] = {}
        self._pins = np.full((n_rows, n), -1, np.int32)
        own = [] if are_items else [rules.personal.get(owner) for owner in owners.tolist()]
        for row, asked in enumerate(own):
            if asked is not None:
                self.barred[row, asked.left_out] = True
                self._left_out[row] = asked.left_out
                for group, most in asked.limits.items():
                    self.room[row, group] = min(most, self.room[row, group])
                if asked.boosts:
                    if self.factors is None:
                        self.factors = np.ones(self.barred.shape)
                    self.factors[row] = asked.factors(len(rules.allowed))
                for position, item in asked.pins:
                    self._pin(np.array([row]), position, item)
        for position, item in rules.pins:
            self._pin(np.arange(n_rows), position, item)
        self.n_free: Int64s = np.count_nonzero(self._pins < 0, axis=1)
        """shape (rows,): places without a pin"""
        self.counts = np.zeros(n_rows, np.int64)
        """shape (rows,): how many of these are taken"""
        self.items = np.full((n_rows, n), -1, np.int32)
        """shape (rows, n): what has a place without a pin, in the order in which it came"""

    def _pin(self, rows: Int64s, position: int, item: int) -> None:
        """Pin an item in each list where the position is free and the item may stand."""
        if position < self._pins.shape[1]:
            rows = rows[~self.barred[rows, item] & (self._pins[rows, position] < 0)]
            self._pins[rows, position] = item
            self._list(rows, np.full(len(rows), item))

    def _list(self, rows: Integers, items: Integers) -> None:
        """Note items as listed; each row once."""
        self.barred[rows, items] = True
        self.room[rows[:, None], self._groups[items]] -= 1
        self.room[:, -1] = NO_LIMIT

    def shut(self, rows: Int64s, items: Integers) -> Bools:
        """Whether an item has no place in a list, shape (rows, items)."""
        found: Bools = self.barred[np.ix_(rows, items)]
        full = self.room[rows] <= 0
        if full.any():
            for group in self._groups[items].T:
                found |= full[:, group]
        return found

    def hidden(self, rows: Int64s) -> tuple[Int64s, Int64s]:
        """What has no place in these lists, but for what has in nobody's: places in `rows`, and items."""
        pinned, listed = (np.nonzero(table[rows] >= 0) for table in (self._pins, self.items))
        row, group = np.nonzero(self.room[rows, :-1] <= 0)
        sizes = np.diff(self._members.indptr)[group]
        full = self._members[group].indices
        cells = [
            (pinned[0], self._pins[rows[pinned[0]], pinned[1]]),
            (listed[0], self.items[rows[listed[0]], listed[1]]),
            (np.repeat(row, sizes), full),
        ]
        for place, own in enumerate(rows.tolist() if self._left_out else ()):
            items = self._left_out.get(own, np.empty(0, np.int32))
            cells.append((np.full(len(items), place), items))
        found = [np.concatenate(column).astype(np.int64) for column in zip(*cells, strict=True)]
        return found[0], found[1]

    def take(self, rows: Integers, items: Integers, goal: Int64s) -> tuple[Int64s, Int64s]:
        """Give offered items a place, as far as they may stand in their list.

        Args:
            rows: shape (cells,), ascending.
            items: shape (cells,): of each row the best first.
            goal: shape (all rows,): so many places without a pin are to be taken at most.

        Returns:
            Indexes of the cells that have a place, and which of the places without a pin it is.
        """
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        order = np.argsort(rank, kind="stable")
        bounds = np.searchsorted(rank[order], np.arange(int(rank.max(initial=-1)) + 2))
        taken, places = [], []
        for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            cells = order[first:last]
            row, item = rows[cells], items[cells]
            fits = self.counts[row] < goal[row]
            if not fits.any():  # nor is there a list to go on with further down
                break
            fits &= ~self.barred[row, item]
            fits &= (self.room[row[:, None], self._groups[item]] > 0).all(axis=1)
            cells, row, item = cells[fits], row[fits], item[fits]
            self.items[row, self.counts[row]] = item
            taken.append(cells)
            places.append(self.counts[row])
            self.counts[row] += 1
            self._list(row, item)
        empty = np.empty(0, np.int64)
        return np.concatenate([empty, *taken]), np.concatenate([empty, *places])

    def take_in_order(self, order: Int32s, goal: Int64s) -> None:
        """Fill the lists with items in one order for all, best first."""
        width = 4 * self.items.shape[1]
        rows = np.flatnonzero(self.counts < goal)
        while len(rows) and width and len(order):
            offered = order[:width]
            free = ~self.shut(rows, offered)
            number = np.cumsum(free, axis=1, dtype=np.int32)
            missing = (goal - self.counts)[rows]
            row, column = np.nonzero(free & (number <= 2 * missing[:, None]))
            self.take(rows[row], offered[column], goal)
            if (number[:, -1] <= 2 * missing).all():  # all that there is was offered
                width = 0 if width >= len(order) else 8 * width
            rows = rows[self.counts[rows] < goal[rows]]

    def lists(self, last: Bools | None = None) -> "PlacedLists":
        """The lists as they are: pins at their positions, and the others in their order.

        A pin beyond the end of a list that is too short stands at its end.

        Args:
            last: shape (rows, n): which of `items` stand behind all others; None for none.
        """
        n = self.items.shape[1]
        behind = np.arange(n) >= self.counts[:, None]
        key = 2 * behind if last is None else np.where(behind, 2, last)
        order = np.argsort(key, axis=1, kind="stable")
        is_pin = self._pins >= 0
        rank = np.cumsum(~is_pin, axis=1) - 1
        source = np.take_along_axis(order, np.maximum(rank, 0), axis=1)
        has = ~is_pin & (rank < self.counts[:, None])
        items = np.where(
            is_pin, self._pins, np.where(has, np.take_along_axis(self.items, source, axis=1), -1)
        )
        source = np.where(has, source, -1)
        together = np.argsort(items < 0, axis=1, kind="stable")
        return PlacedLists(
            *(np.take_along_axis(table, together, axis=1) for table in (items, source, is_pin))
        )


@dataclass(frozen=True, eq=False)
class PlacedLists:
    """Lists that are done; shapes (rows, n)."""

    items: Int32s
    """-1 at the end of those that are shorter"""
    source: Int64s
    """which of the places without a pin an item has; -1 for pins, and where there is none"""
    is_pin: Bools


def best_rows(
    owners: Integers,
    items: Integers,
    scores: Float64s,
    *,
    n: int,
    rules: ListRules | None,
    of: Int64s,
    are_items: bool = False,
) -> ListRows:
    """The n best items of every owner, as the rules allow.

    Args:
        owners: shape (pairs,), ascending: indexes of users or items.
        items: shape (pairs,): an index of an item that may be listed, each once for an owner.
        scores: shape (pairs,), float64, positive: without boosts; equal ones in order of the item's index.
        n: rows of a list at most.
        rules: of the list; None for none.
        of: whose lists are wanted, ascending: who has no pairs has the pins.
        are_items: the owners are items.

    Returns:
        Their items, and owners that are such, by the numbers of the rules, where there are some.
    """
    if rules is None or rules.only_leave_out:
        return top_rows(owners, items, scores, n=n)
    items = rules.of_sales[items]
    if are_items:
        owners, of = rules.of_sales[owners], rules.of_sales[of].astype(np.int64)
    at_once = max(1, _FLAGS // max(len(rules.allowed), 1))
    parts = []
    for start in range(0, len(of), at_once):
        own = of[start : start + at_once]
        cells = slice(*np.searchsorted(owners, (own[0], own[-1] + 1)))
        row, item = np.searchsorted(own, owners[cells]), items[cells]
        places = Places(rules, own, are_items=are_items)
        boosted = scores[cells] * rules.boosts[item]
        if places.factors is not None:
            boosted *= places.factors[row, item]
        order = np.lexsort((item, -boosted, row))
        taken, place = places.take(row[order], item[order], places.n_free)
        score = np.full(places.items.shape, np.nan)
        score[row[order][taken], place] = boosted[order][taken]
        lists = places.lists()
        score = np.where(
            lists.source >= 0, np.take_along_axis(score, np.maximum(lists.source, 0), axis=1), np.nan
        )
        at, rank = np.nonzero(lists.items >= 0)
        relative = not_rising(score / np.fmax.reduce(score, axis=1, initial=np.nan)[:, None])
        parts.append(
            ListRows(
                owner=own[at].astype(np.int32),
                position=(rank + 1).astype(np.int32),
                item=lists.items[at, rank],
                score=np.round(relative[at, rank], DECIMALS),
            )
        )
    return joined(parts)
