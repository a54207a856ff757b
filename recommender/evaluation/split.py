"""Time splits: what was known before a moment, and what was bought in the window after it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from recommender.interactions import Interactions, SaleLines, make_interactions
from recommender.times import DAY_MICROSECONDS

Int64s = npt.NDArray[np.int64]

_LENGTHS = (28, 14, 7)
"""Days of a window: four weeks, and in young shops fewer, so that all days of the week weigh the same."""
_WANTED = 4
"""A length is taken when so many of its windows fit into the history."""


@dataclass(frozen=True)
class Window:
    """What is held out: purchases from `cut` until before `end`, microseconds of UTC."""

    cut: int
    end: int


def window_days(newest: int, oldest: int) -> int:
    """How long the windows of a shop should be, in days.

    Args:
        newest: time of the newest sale, microseconds of UTC.
        oldest: of the oldest one.
    """
    history = newest - oldest
    fit = (days for days in _LENGTHS if _WANTED * days * DAY_MICROSECONDS <= history)
    return next(fit, _LENGTHS[-1])


def windows(newest: int, oldest: int, *, days: int | None = None, most: int = 3) -> list[Window]:
    """Consecutive windows, the newest first; the first one ends with the newest sale.

    A window is held out only where as much history as it is long lies before it.

    Args:
        newest: time of the newest sale, microseconds of UTC.
        oldest: of the oldest one.
        days: length of a window; default as `window_days` says.
        most: so many at the most.
    """
    length = (days or window_days(newest, oldest)) * DAY_MICROSECONDS
    ends = (newest + 1 - number * length for number in range(most))
    return [Window(end - length, end) for end in ends if end - 2 * length >= oldest]


@dataclass(frozen=True, eq=False)
class Split:
    """Train and test side of a time split."""

    train: Interactions
    """of the sales before the cut"""
    users: Int64s
    """shape (users,), ascending: users of `train` who bought something in the window"""
    relevant: "csr_matrix[np.float32]"
    """shape (users, items of `train` + items first sold in the window): 1 where the user bought the item in
    the window, once or often. Nobody can have recommended the items that were not known, but they count."""

    def for_task(self, *, new: bool) -> "Split":
        """The split of one task: all items, or only those that the user had not bought before the cut."""
        if not new:
            return self
        n_known = len(self.train.item_ids)
        cells = self.relevant.tocoo()
        had = np.zeros(len(cells.row), bool)
        known = cells.col < n_known
        seen = self.train.weights[self.users]
        codes = np.repeat(np.arange(len(self.users)), np.diff(seen.indptr)) * n_known + seen.indices
        had[known] = np.isin(cells.row[known].astype(np.int64) * n_known + cells.col[known], codes)
        rest = csr_matrix((cells.data[~had], (cells.row[~had], cells.col[~had])), shape=self.relevant.shape)
        left = np.flatnonzero(np.diff(rest.indptr))
        return Split(self.train, self.users[left], rest[left])


def time_split(
    lines: SaleLines, window: Window, *, half_life_days: float, publish_guests: bool = False
) -> Split:
    """Part the sales at the window's begin.

    Before it only what was known then counts: a refund that came later takes nothing away. In the window the
    net purchases count, refunds within it taken off.

    Args:
        lines: the sales.
        window: what is held out.
        half_life_days: of the interactions' weights.
        publish_guests: whether guests are among the users.
    """
    train = make_interactions(lines.before(window.cut), half_life_days=half_life_days)
    later = make_interactions(lines.before(window.end), half_life_days=half_life_days)
    held_out = later.purchases.times >= window.cut
    user_of = train.user_ids.find(later.user_ids)
    if not publish_guests:
        user_of[later.guests()] = -1
    item_of = train.item_ids.find(later.item_ids)
    unknown = item_of < 0
    n_items = len(train.item_ids)
    item_of[unknown] = n_items + np.arange(np.count_nonzero(unknown))
    users, items = user_of[later.purchases.users[held_out]], item_of[later.purchases.items[held_out]]
    users, items = users[users >= 0], items[users >= 0]
    chosen, rows = np.unique(users, return_inverse=True)
    shape = (len(chosen), n_items + int(np.count_nonzero(unknown)))
    relevant = csr_matrix((np.ones(len(rows), np.float32), (rows, items)), shape=shape)
    relevant.sum_duplicates()
    relevant.data[:] = 1
    return Split(train, chosen, relevant)
