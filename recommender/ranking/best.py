"""The n best items of every customer, under given weights."""

from dataclasses import dataclass

import numpy as np

from recommender.learning.signals import OWN, PERSONAL, Signals
from recommender.learning.sizes import WHOLE
from recommender.learning.weights import weighed
from recommender.ranking.candidates import SCALED
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
    shape = (len(users), n)
    ranked = Ranked(
        items=np.full(shape, -1, np.int32),
        scores=np.full(shape, np.nan),
        parts=np.zeros((SCALED, *shape)),
        scales=np.ones((SCALED, len(users))),
        neighbour_scores=np.zeros(shape),
    )
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
        rows = found.rows[cells] + first
        ranked.items[rows, ranks] = found.items[cells]
        ranked.scores[rows, ranks] = scores[cells]
        parts = weights[:PERSONAL, None] * found.signals[:PERSONAL, cells]
        ranked.parts[:2, rows, ranks] = parts[:2] + parts[2:4]
        ranked.parts[2, rows, ranks] = parts[OWN].sum(axis=0)
        ranked.scales[:, first : first + found.scales.shape[1]] = found.scales
        ranked.neighbour_scores[rows, ranks] = found.neighbour_scores[cells]

    if allowed.any() and weights.any():
        in_threads(work, maker.n_blocks, threads=threads, progress=progress)
    return ranked
