"""A few likely items of each customer with their signals: what the weights are learned from.

Each signal names its best items for a customer, and so do weights that were learned from these. Lists are
made from all items, by `contenders`: what could be listed there under such weights is among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_matrix

from recommender.learning.neighbours import Neighbours
from recommender.learning.signals import SIGNALS, Signals
from recommender.learning.weights import Choices, learn, weights_of
from recommender.ranking.best import Ranked, rank
from recommender.ranking.candidates import SCALED, popular_now, with_signals
from recommender.ranking.scan import exact_products
from recommender.system.arrays import Bools, Float32s, Float64s, Int64s, row_indexes

_NAMED = 50
"""Items that each signal names, or twice a list, where that is more."""
_LISTABLE = 100
"""Items that can come into a list by weights near those that were learned."""
_AT_ONCE = 64
"""Users whose neighbours' scores are in memory at a time."""


def find_choices(
    signals: Signals,
    others: Sequence[Neighbours],
    relevant: "csr_matrix[np.bool_]",
    prior: Float64s,
    *,
    free: Bools,
    allowed: Bools,
    exclude_seen: bool,
    n: int,
    threads: int,
) -> Choices:
    """The candidates of all users of the signals, and which of them were bought.

    Args:
        signals: of what was known before the window.
        others: the same users' neighbours by other settings.
        relevant: shape (users, items known or new): what each bought in the window; nobody has an empty row.
        prior: the default weights.
        free: shape (signals,): which are learned.
        allowed: shape (items,): the items that may be in a list.
        exclude_seen: leave out what the user has bought.
        n: length of the lists.
        threads: how many to use, at least 1; the result is the same for any number.
    """
    n_items, users = len(allowed), np.arange(len(signals.user_factors))

    def best(weights: Float64s, length: int, neighbours: Neighbours) -> Ranked:
        return rank(
            replace(signals, neighbours=neighbours),
            weights,
            users,
            allowed=allowed,
            exclude_seen=exclude_seen,
            n=length,
            threads=threads,
        )

    named = max(_NAMED, 2 * n)
    variants = (signals.neighbours, *others)
    by_als = best(weights_of({"als": 1}), named, signals.neighbours)
    by_neighbours = [best(weights_of({"neighbours": 1}), named, each) for each in variants]
    table = _Table(signals, variants, by_als, by_neighbours, exclude_seen=exclude_seen)
    popular = popular_now(signals, allowed, n)
    cells = [_cells(found, n_items) for found in (by_als, *by_neighbours)]
    cells.append((users[:, None] * n_items + popular).ravel())
    seen = row_indexes(signals.weights.indptr) * n_items + signals.weights.indices
    if not exclude_seen:
        cells.append(seen[allowed[signals.weights.indices]])
    first = np.unique(np.concatenate(cells))
    if exclude_seen:
        first = np.setdiff1d(first, seen, assume_unique=True)
    known = table.at(first)
    weights = learn([_choices(first, known, np.ones(len(first), bool), relevant, n_items)], prior, free=free)
    listable = _cells(best(weights, max(_LISTABLE, 2 * n), signals.neighbours), n_items)
    more = np.setdiff1d(listable, first, assume_unique=True)
    every = np.append(first, more)
    order = np.argsort(every)
    found = np.append(known, table.at(more), axis=1)[:, order]
    return _choices(every[order], found, (np.arange(len(every)) < len(first))[order], relevant, n_items)


def _cells(ranked: Ranked, n_items: int) -> Int64s:
    """User times the number of items plus item of each entry of the lists."""
    rows, ranks = np.nonzero(ranked.items >= 0)
    return rows * n_items + ranked.items[rows, ranks]


def _choices(
    cells: Int64s, signals: Float32s, named: Bools, relevant: "csr_matrix[np.bool_]", n_items: int
) -> Choices:
    """Of the users who bought a candidate.

    Args:
        cells: ascending.
        signals: shape (signals and those of other neighbours, cells).
        named: shape (cells,).
        relevant: shape (users, items known or new).
        n_items: how many are known.
    """
    rows = row_indexes(relevant.indptr)
    wanted = (rows * n_items + relevant.indices)[relevant.indices < n_items]
    every = Choices(
        customers=cells // max(n_items, 1),
        signals=signals[: len(SIGNALS)],
        other_neighbours=signals[len(SIGNALS) :],
        bought=np.isin(cells, wanted, assume_unique=True),
        named=named,
        n_bought=np.diff(relevant.indptr).astype(np.int64),
        judged=np.arange(relevant.shape[0]),
        n_judged=relevant.shape[0],
    )
    return every.where(np.ones(len(cells), bool))


@dataclass(frozen=True, eq=False)
class _Table:
    """The signals of any candidate."""

    signals: Signals
    variants: Sequence[Neighbours]
    by_als: Ranked
    by_neighbours: Sequence[Ranked]
    exclude_seen: bool

    def at(self, cells: Int64s) -> Float32s:
        """Shape (signals and two for each other variant, cells)."""
        signals, n_items = self.signals, len(self.signals.item_ids)
        rows, items = np.divmod(cells, max(n_items, 1))
        bought = np.full(len(cells), -1)
        if not self.exclude_seen:
            seen = row_indexes(signals.weights.indptr) * n_items + signals.weights.indices
            place = np.minimum(np.searchsorted(seen, cells), max(len(seen) - 1, 0))
            own = seen[place] == cells if len(seen) else np.zeros(len(cells), bool)
            bought[own] = place[own]
        plain = np.zeros((SCALED, len(cells)))
        np.maximum(exact_products(signals.user_factors, signals.item_factors, rows, items), 0, out=plain[0])
        plain[1] = _scores_at(self.variants[0], rows, items)
        plain[2, bought >= 0] = signals.habits.scores.data[bought[bought >= 0]]
        scales = np.stack([self.by_als.scales[0], self.by_neighbours[0].scales[1], self.by_als.scales[2]])
        users = np.arange(len(signals.user_factors))
        found = with_signals(
            signals, users, rows, items.astype(np.int32), plain=plain, scales=scales, bought=bought
        ).signals.astype(np.float32)
        known = signals.known(users)[rows]
        others = []
        for variant, ranked in zip(self.variants[1:], self.by_neighbours[1:], strict=True):
            roots = np.sqrt(_scores_at(variant, rows, items) / ranked.scales[1][rows])
            others += [roots, roots * known]
        return np.concatenate(
            [found, np.array(others, np.float32).reshape(2 * len(self.variants) - 2, len(cells))]
        )


def _scores_at(neighbours: Neighbours, rows: Int64s, items: Int64s) -> Float64s:
    """The scores of some cells, in order of row; 0 for those below it and for items without neighbours."""
    found = np.zeros(len(rows))
    column = np.full(neighbours.weights.shape[1], -1)
    column[neighbours.items] = np.arange(len(neighbours.items))
    columns, scores_of = column[items], neighbours.scores_of(neighbours.items)
    n_users = neighbours.weights.shape[0]
    for first in range(0, n_users, _AT_ONCE):
        part = slice(*np.searchsorted(rows, (first, first + _AT_ONCE)))
        scores = scores_of(np.arange(first, min(first + _AT_ONCE, n_users)))
        has = columns[part] >= 0
        found[part][has] = scores[rows[part][has] - first, columns[part][has]]
    return np.maximum(found, 0)
