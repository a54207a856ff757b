"""Time splits: training on the sales before a cut, judged by what customers bought after it.

Only a split by time tells what the next weeks will be like: a random one lets a method learn from the future
(Meng, McCreadie, Macdonald and Ounis, "Exploring Data Splitting Strategies for the Evaluation of
Recommendation Models", RecSys 2020).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.sparse import csr_matrix

from recommender.learning.interactions import Interactions, SaleLines, make_interactions
from recommender.system.arrays import Bools, Int64s, row_indexes, starts
from recommender.system.times import DAY_MICROSECONDS


class Task(StrEnum):
    """What is to be foretold."""

    NEW = "new"
    """items that the customer had not bought before the cut, or had given back"""
    ALL = "all"
    """all items, also those bought before"""


@dataclass(frozen=True, eq=False)
class Split:
    """One cut through the sales."""

    train: Interactions
    """made from the lines before the cut alone"""
    users: Int64s
    """shape (judged users,), int64, ascending: indexes into `train.user_ids` of the customers known before
    the cut who bought something in the holdout"""
    relevant: "csr_matrix[np.bool_]"
    """shape (judged users, items of `train` + items first sold in the holdout), sorted indices: what each of
    `users` bought in the holdout. The columns beyond the items of `train` can be in nobody's list; they are
    there because a customer's purchases count in the ideal list, findable or not"""

    def relevant_in(self, task: Task) -> "csr_matrix[np.bool_]":
        """What is to be found in the task, shape as `relevant`; rows may be empty."""
        if task is Task.ALL:
            return self.relevant
        n_items = self.relevant.shape[1]
        wanted, seen = _codes(self.relevant, n_items), _codes(self.train.weights[self.users], n_items)
        return _cells(wanted[~_in_sorted(wanted, seen)], self.relevant.shape)

    def purchase_days(self) -> Int64s:
        """On how many days each of `users` bought before the cut, shape (judged users,), int64.

        Days are those of UTC: a sale has one time, so hardly any is parted by the wrong midnight.
        """
        purchases = self.train.purchases
        days = purchases.times // DAY_MICROSECONDS
        order = np.lexsort((days, purchases.users))
        users, days = purchases.users[order], days[order]
        counts = np.bincount(users[starts(users, days)], minlength=len(self.train.user_ids))
        return counts[self.users].astype(np.int64)


def windows(newest: int, oldest: int, *, days: int = 28, most: int = 3) -> list[tuple[int, int]]:
    """The last consecutive windows to be held out, as (cut, end), the newest first.

    They are counted back from just after the newest sale. A window is one only where at least as much history
    lies before its cut as it is long; so a young shop has fewer, or none.

    Args:
        newest: time of the newest sale, microseconds of UTC.
        oldest: time of the oldest one.
        days: length of a window.
        most: windows wanted.
    """
    length = days * DAY_MICROSECONDS
    ends = (newest + 1 - number * length for number in range(most))
    return [(end - length, end) for end in ends if oldest <= end - 2 * length]


def time_split(
    lines: SaleLines, *, cut: int, end: int, half_life_days: float, publish_guests: bool = False
) -> Split:
    """What was known at the cut, and what customers bought between it and the end.

    The holdout are the net purchases with cut ≤ time < end, refunds before the end taken away, each pair of
    customer and item once. Nothing at or after the cut is in `train`, not even as a key.

    Args:
        lines: all sales.
        cut: microseconds of UTC.
        end: microseconds of UTC.
        half_life_days: of the weights of `train`.
        publish_guests: judge guests too; they have no lists otherwise.
    """
    known = make_interactions(lines.before(end), half_life_days=half_life_days)
    user_ids, item_ids = known.user_ids, known.item_ids
    held = known.purchases.times >= cut
    held_user, held_item = known.purchases.users[held], known.purchases.items[held]
    del known, held
    train = make_interactions(lines.before(cut), half_life_days=half_life_days)
    columns = train.item_ids.find(item_ids)
    unknown = columns < 0
    columns[unknown] = len(train.item_ids) + np.arange(np.count_nonzero(unknown))
    rows = train.user_ids.find(user_ids)
    if not publish_guests:
        guests = train.guests()
        rows[rows >= 0] = np.where(guests[rows[rows >= 0]], -1, rows[rows >= 0])
    user, item = rows[held_user], columns[held_item]
    user, item = user[user >= 0], item[user >= 0]
    users, row = np.unique(user, return_inverse=True)
    shape = (len(users), len(train.item_ids) + int(np.count_nonzero(unknown)))
    return Split(train, users.astype(np.int64), _cells(np.unique(row * shape[1] + item), shape))


def _codes(matrix: "csr_matrix[np.bool_] | csr_matrix[np.float32]", n_items: int) -> Int64s:
    """Each cell as row x n_items + column, ascending."""
    return row_indexes(matrix.indptr) * n_items + matrix.indices


def _in_sorted(values: Int64s, found: Int64s) -> Bools:
    """Whether each value is among the ascending ones."""
    if not len(found):
        return np.zeros(len(values), bool)
    places = np.minimum(np.searchsorted(found, values), len(found) - 1)
    same: Bools = found[places] == values
    return same


def _cells(codes: Int64s, shape: tuple[int, int]) -> "csr_matrix[np.bool_]":
    """The matrix with true cells at the ascending codes."""
    rows, columns = np.divmod(codes, max(shape[1], 1))
    indptr = np.zeros(shape[0] + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=shape[0]), out=indptr[1:])
    matrix = csr_matrix((np.ones(len(codes), bool), columns.astype(np.int32), indptr), shape=shape)
    matrix.has_sorted_indices = True
    return matrix
