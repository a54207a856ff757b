"""A past window as the night would have seen it: the same code on what was known then."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from recommender.evaluation.metrics import ndcg
from recommender.evaluation.split import Task, time_split, windows
from recommender.learning.als import AlsSettings, Model, train
from recommender.learning.interactions import Interactions, SaleLines
from recommender.learning.neighbours import Neighbours, NeighbourSettings, learn_neighbours
from recommender.learning.signals import Signals, make_signals
from recommender.ranking.recommendations import top_lists
from recommender.runs.keys import Keys
from recommender.system.arrays import Bools, Float64s, Int32s, Int64s
from recommender.system.machine import give_back_memory
from recommender.system.progress import UNSEEN, Step
from recommender.system.times import DAY_MICROSECONDS, format_times

_LENGTHS = (28, 14, 7)
"""Days of a window: whole weeks, so that each day of the week weighs the same."""
_WANTED = 4
"""A length is taken when so many of its windows fit into the history."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Recipe:
    """What a night is told: the same for tonight and for every past window."""

    als: AlsSettings
    half_life_days: float
    """of the interactions' weights"""
    exclude_seen: bool
    """the task: items that the customer has not bought, or all"""
    publish_guests: bool
    """whether guests count"""
    never: Keys
    """items that are never recommended"""
    n: int
    """length of the lists"""
    threads: int
    """how many to use, at least 1; no result depends on it"""

    @property
    def task(self) -> Task:
        """What the lists have to foretell."""
        return Task.NEW if self.exclude_seen else Task.ALL


@dataclass(frozen=True, eq=False)
class Past:
    """What was known before a window, and what the customers of the task bought in it."""

    cut: int
    """microseconds of UTC"""
    begin: str
    """the same as a text"""
    end: str
    signals: Signals
    """of the users that are looked at, and no others"""
    other_neighbours: Sequence[Neighbours]
    """of the same users, by other settings than those of the signals"""
    customers: Int64s
    """shape (users,): which users of the sales these are"""
    relevant: "csr_matrix[np.bool_]"
    """shape (users, items known or new): what each bought, of the task; nobody has an empty row"""
    allowed: Bools
    """shape (items,): the candidates, all that was ever sold before the cut but for the never-list; what
    could be bought then is on no record, and what can be bought now tells what sold later"""

    @property
    def users(self) -> Int64s:
        """All users of the signals, shape (users,)."""
        return np.arange(len(self.customers))

    def lists(self, weights: Float64s, recipe: Recipe) -> Int32s:
        """The lists under some weights of the signals, shape (users, n)."""
        return top_lists(
            self.signals,
            weights,
            self.users,
            allowed=self.allowed,
            n=recipe.n,
            exclude_seen=recipe.exclude_seen,
            threads=recipe.threads,
        )

    def ndcg(self, weights: Float64s, recipe: Recipe) -> Float64s:
        """nDCG@n of the lists under some weights of the signals; of each user, shape (users,)."""
        return ndcg(self.lists(weights, recipe), self.relevant)

    def thinned(self, most: int) -> "Past":
        """Of each second, third … user, so that they are no more than wanted."""
        kept = self.users[:: max(1, -(-len(self.users) // most))]
        if len(kept) == len(self.users):
            return self
        return replace(
            self,
            signals=self.signals.of(kept),
            other_neighbours=[each.of(kept) for each in self.other_neighbours],
            customers=self.customers[kept],
            relevant=self.relevant[kept],
        )


def window_days(lines: SaleLines) -> int:
    """How long the windows of a shop should be: four weeks, and in young shops fewer."""
    history = (lines.newest - _oldest(lines)) // DAY_MICROSECONDS
    return next((days for days in _LENGTHS if _WANTED * days <= history), _LENGTHS[-1])


def past_windows(lines: SaleLines, *, most: int) -> list[tuple[int, int]]:
    """The last windows of a shop as (cut, end), the newest first; none where not even two weeks are known."""
    return windows(lines.newest, _oldest(lines), days=window_days(lines), most=most)


def _oldest(lines: SaleLines) -> int:
    return int(lines.times.min(initial=lines.newest))


class Looked(NamedTuple):
    """A past window, and what was made on the way."""

    past: Past
    known: Interactions
    """of the sales before the window what a training looks at"""
    model: Model
    """of these"""


def look_back(
    lines: SaleLines,
    window: tuple[int, int],
    recipe: Recipe,
    neighbours: Sequence[NeighbourSettings],
    *,
    most_customers: int,
    start: Model | None = None,
    progress: Step = UNSEEN,
) -> Looked | None:
    """Train on what was known before the window, where there is somebody to judge by.

    Args:
        lines: the sales.
        window: cut and end.
        recipe: of the night.
        neighbours: settings of the signals' neighbours, and of others that are wanted.
        most_customers: of so many customers the purchases are looked at: of more, each second, third …
        start: a model of an earlier window, to train on from as a night does from the night before.
        progress: hears of the parts.

    Returns:
        The window; None where nobody who was known before bought anything of the task in it, as in the months
        between two seasons.
    """
    splitting, training, *learning = progress.parts(1, 2, *(3 for _ in neighbours))
    splitting.begin()
    cut, end = window
    split = time_split(
        lines,
        cut=cut,
        end=end,
        half_life_days=recipe.half_life_days,
        publish_guests=recipe.publish_guests,
    )
    relevant = split.relevant_in(recipe.task)
    chosen = np.flatnonzero(np.diff(relevant.indptr))
    if not len(chosen):
        return None
    chosen = chosen[:: max(1, -(-len(chosen) // most_customers))]
    customers = split.users[chosen]
    known = split.train
    give_back_memory()
    model = train(known, recipe.als, threads=recipe.threads, start=start, progress=training)
    learning[0].begin()
    signals = make_signals(known, model, neighbours[0], threads=recipe.threads).of(customers)
    give_back_memory()
    others = []
    for each, part in zip(neighbours[1:], learning[1:], strict=True):
        part.begin()
        others.append(learn_neighbours(known, each, threads=recipe.threads).of(customers))
    give_back_memory()
    past = Past(
        cut=cut,
        begin=moment_text(cut),
        end=moment_text(end),
        signals=signals,
        other_neighbours=others,
        customers=customers,
        relevant=relevant[chosen],
        allowed=recipe.never.find(known.item_ids) < 0,
    )
    return Looked(past, known.for_training(), model)


def moment_text(moment: int) -> str:
    """A moment (microseconds of UTC) as the records have it."""
    return format_times(np.array([moment], np.int64))[0]
