"""The n best items of every customer, under given weights."""

from dataclasses import dataclass

import numpy as np

from recommender.learning.signals import OWN, PERSONAL, Signals
from recommender.learning.sizes import WHOLE
from recommender.learning.weights import weighed
from recommender.ranking.candidates import SCALED, Candidates
from recommender.ranking.contenders import ContenderMaker
from recommender.ranking.rows import best_of_rows
from recommender.system.arrays import Bools, Float64s, Int32s, Int64s
from recommender.system.threads import Progress, in_threads


@dataclass(frozen=True, eq=False)
class Ranked:
    """The lists; shapes (users, n) where nothing else is said, -1 or NaN where a list is shorter."""

    items: Int32s
    """index into the items of the interactions, best first; equal scores in order of the item's index"""
    scores: Float64s
    """the weighted sum of the signals; only its order means anything"""
    parts: Float64s
    """shape (3, users, n): what ALS, the neighbours and the customer's own purchases of the item add to the
    score"""
    scales: Float64s
    """shape (3, users): as in `Candidates`"""
    neighbour_scores: Float64s
    """the plain score of the signal `neighbours`"""

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> "Ranked":
        """Lists without an entry."""
        return cls(
            items=np.full(shape, -1, np.int32),
            scores=np.full(shape, np.nan),
            parts=np.zeros((SCALED, *shape)),
            scales=np.ones((SCALED, shape[0])),
            neighbour_scores=np.zeros(shape),
        )

    def note(
        self,
        found: Candidates,
        weights: Float64s,
        scores: Float64s,
        *,
        cells: Int64s,
        rows: Int64s,
        at: Int64s,
    ) -> None:
        """Put some candidates into the lists.

        Args:
            found: the candidates of some of the users.
            weights: shape (signals,).
            scores: shape (candidates,).
            cells: shape (entries,): which of them.
            rows: shape (rows of the candidates,): which of the users these are.
            at: shape (entries,): the place in the list.
        """
        to = rows[found.rows[cells]]
        self.items[to, at] = found.items[cells]
        self.scores[to, at] = scores[cells]
        parts = weights[:PERSONAL, None] * found.signals[:PERSONAL, cells]
        self.parts[:2, to, at] = parts[:2] + parts[2:4]
        self.parts[2, to, at] = parts[OWN].sum(axis=0)
        self.scales[:, rows] = found.scales
        self.neighbour_scores[to, at] = found.neighbour_scores[cells]

    def put(self, rows: slice, other: "Ranked", source: Int64s) -> None:
        """Put the entries of other lists into some rows, in another order.

        Args:
            rows: which; as many as the others are.
            other: lists of the same length.
            source: shape (rows, n): which of its entries stands at each place; -1 for none.
        """
        of, is_none = np.maximum(source, 0), source < 0
        self.items[rows] = np.where(is_none, -1, np.take_along_axis(other.items, of, axis=1))
        self.scores[rows] = np.where(is_none, np.nan, np.take_along_axis(other.scores, of, axis=1))
        self.parts[:, rows] = np.where(is_none, 0, np.take_along_axis(other.parts, of[None], axis=2))
        self.scales[:, rows] = other.scales
        self.neighbour_scores[rows] = np.take_along_axis(other.neighbour_scores, of, axis=1)


def rank(
    signals: Signals,
    weights: Float64s,
    users: Int64s,
    *,
    allowed: Bools,
    exclude_seen: bool,
    n: int,
    threads: int,
    scores_at_once: int = WHOLE.scores,
    progress: Progress | None = None,
) -> Ranked:
    """The n best items of some users, of all those that something speaks for.

    Args:
        signals: of the night.
        weights: shape (signals,): of each signal.
        users: shape (users,): indexes into the interactions' users.
        allowed: shape (items,): the items that may be in a list.
        exclude_seen: leave out what the user has bought.
        n: length of the lists.
        threads: how many to use, at least 1; the result is the same for any number.
        scores_at_once: of users and items, of a block; the result is the same for any number.
        progress: called with blocks of users done and in all.
    """
    ranked = Ranked.empty((len(users), n))
    maker = ContenderMaker(
        signals,
        weights,
        users,
        allowed=allowed,
        exclude_seen=exclude_seen,
        n=n,
        scores_at_once=scores_at_once,
    )

    def work(part: int) -> None:
        first, found = maker.block(part)
        scores = weighed(found.signals, weights)
        cells, ranks = best_of_rows(found.rows, found.items, scores, n)
        own = first + np.arange(found.scales.shape[1])
        ranked.note(found, weights, scores, cells=cells, rows=own, at=ranks)

    if allowed.any() and weights.any():
        in_threads(work, maker.n_blocks, threads=threads, progress=progress)
    return ranked
