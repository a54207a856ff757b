"""A past window as the night would have seen it: the same code on what was known then."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from recommender.blend.signals import Signals, make_signals
from recommender.evaluation.metrics import ndcg
from recommender.evaluation.split import Task, time_split, windows
from recommender.interactions import SaleLines
from recommender.keys import Keys
from recommender.model import AlsSettings, train
from recommender.ranking import top_lists
from recommender.times import DAY_MICROSECONDS, format_times

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_LENGTHS = (28, 14, 7)
"""Days of a window: whole weeks, so that each day of the week weighs the same."""
_WANTED = 4
"""A length is taken when so many of its windows fit into the history."""


@dataclass(frozen=True, eq=False)
class Past:
    """What was known before a window, and what the customers of the task bought in it."""

    begin: str
    end: str
    signals: Signals
    users: Int64s
    """shape (users,): who is looked at, as indexes into the users of the signals"""
    relevant: "csr_matrix[np.bool_]"
    """shape (users, items known or new): what each bought, of the task; nobody has an empty row"""
    allowed: Bools
    """shape (items,): the candidates, all that was ever sold before the cut but for the never-list; what
    could be bought then is on no record, and what can be bought now tells what sold later"""

    def ndcg(self, weights: Float64s, *, exclude_seen: bool, n: int, threads: int) -> Float64s:
        """nDCG@n of the lists under some weights of the signals; of each user, shape (users,)."""
        lists = top_lists(
            self.signals,
            weights,
            self.users,
            allowed=self.allowed,
            n=n,
            exclude_seen=exclude_seen,
            threads=threads,
        )
        return ndcg(lists, self.relevant)


def window_days(lines: SaleLines) -> int:
    """How long the windows of a shop should be: four weeks, and in young shops fewer."""
    history = (lines.newest - _oldest(lines)) // DAY_MICROSECONDS
    return next((days for days in _LENGTHS if _WANTED * days <= history), _LENGTHS[-1])


def past_windows(lines: SaleLines, *, most: int) -> list[tuple[int, int]]:
    """The last windows of a shop as (cut, end), the newest first; none where not even two weeks are known."""
    return windows(lines.newest, _oldest(lines), days=window_days(lines), most=most)


def _oldest(lines: SaleLines) -> int:
    return int(lines.times.min(initial=lines.newest))


def look_back(
    lines: SaleLines,
    window: tuple[int, int],
    *,
    als: AlsSettings,
    half_life_days: float,
    exclude_seen: bool,
    publish_guests: bool,
    never: Keys,
    most_customers: int,
    threads: int,
) -> Past:
    """Train on what was known before the window.

    Args:
        lines: the sales.
        window: cut and end.
        als: of the model.
        half_life_days: of the interactions' weights.
        exclude_seen: the task: items that the customer has not bought, or all.
        publish_guests: whether guests count.
        never: items that are never recommended.
        most_customers: of so many customers the purchases are looked at: of more, each second, third …
        threads: how many to use, at least 1.
    """
    cut, end = window
    split = time_split(lines, cut=cut, end=end, half_life_days=half_life_days, publish_guests=publish_guests)
    relevant = split.relevant_in(task_of(exclude_seen=exclude_seen))
    chosen = np.flatnonzero(np.diff(relevant.indptr))
    chosen = chosen[:: max(1, -(-len(chosen) // most_customers))]
    signals = make_signals(split.train, train(split.train, als, threads=threads))
    return Past(
        begin=_text(cut),
        end=_text(end),
        signals=signals,
        users=split.users[chosen],
        relevant=relevant[chosen],
        allowed=never.find(split.train.item_ids) < 0,
    )


def task_of(*, exclude_seen: bool) -> Task:
    """What the lists have to foretell."""
    return Task.NEW if exclude_seen else Task.ALL


def _text(moment: int) -> str:
    return format_times(np.array([moment], np.int64))[0]
