"""A past window as the night would have seen it: the same code on what was known then."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.blend.signals import Signals, make_signals
from recommender.evaluation.metrics import ndcg
from recommender.evaluation.split import Split, Window, time_split
from recommender.interactions import SaleLines
from recommender.keys import Keys
from recommender.model import AlsSettings, train
from recommender.ranking import top_lists
from recommender.times import format_times

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Past:
    """A time split and the night's signals before its cut."""

    window: Window
    split: Split
    signals: Signals
    allowed: Bools
    """shape (items,): the candidates, all that was ever sold before the cut but for the never-list; what
    could be bought then is on no record, and what can be bought now tells what sold later"""

    def ndcg(self, weights: Float64s, *, exclude_seen: bool, n: int, threads: int) -> Float64s:
        """nDCG@n of the lists under some weights of the signals; of each user, shape (users,)."""
        lists = top_lists(
            self.signals,
            weights,
            self.split.users,
            allowed=self.allowed,
            n=n,
            exclude_seen=exclude_seen,
            threads=threads,
        )
        return ndcg(lists, self.split.relevant)


def look_back(
    lines: SaleLines,
    window: Window,
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
        window: what is held out.
        als: of the model.
        half_life_days: of the interactions' weights.
        exclude_seen: the task: items that the customer has not bought, or all.
        publish_guests: whether guests count.
        never: items that are never recommended.
        most_customers: of so many customers the purchases are looked at: of more, each second, third …
        threads: how many to use, at least 1.
    """
    split = time_split(lines, window, half_life_days=half_life_days, publish_guests=publish_guests)
    split = split.for_task(new=exclude_seen)
    step = max(1, -(-len(split.users) // most_customers))
    split = Split(split.train, split.users[::step], split.relevant[::step])
    model = train(split.train, als, threads=threads)
    allowed = never.find(split.train.item_ids) < 0
    return Past(window, split, make_signals(split.train, model), allowed)


def moment_text(moment: int) -> str:
    """A moment (microseconds of UTC) as records have it."""
    return format_times(np.array([moment], np.int64))[0]
