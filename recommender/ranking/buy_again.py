"""Buy again: which of their own items a customer is due to need."""

from dataclasses import dataclass

import numpy as np

from recommender.learning.interactions import Purchases, whole_users
from recommender.ranking.listrules import ListRules
from recommender.ranking.places import best_rows
from recommender.ranking.rows import ListRows, joined
from recommender.system.arrays import Bools, Float64s, Int32s, Int64s, Integers, starts

_HALF_LIFE_DAYS = 180.0
"""A purchase counts half after so many days."""
_OF_THE_ITEM = 2.0
"""The item's typical interval weighs as much as so many intervals of the customer's own."""
_OF_THE_SHOP = 5.0
"""The shop's typical interval weighs as much as so many intervals of the item."""
_REPEAT_SHARE, _REPEATERS = 0.2, 5
"""An item is a repeat item where this share of its buyers, and this many, bought it on another day too."""
_BUYERS = 10.0
"""The shop's share of repeaters weighs as much as so many buyers of the item."""
_EARLIEST, _LATEST = 1 / 8, 10.0
"""In expected intervals since the last purchase: before it nothing is due, after it the habit is over."""
_EARLY, _LATE = 0.1, 0.25
"""How fast the likelihood falls with the squared logarithm of the time in expected intervals."""


def buy_again(
    purchases: Purchases,
    days: Int64s,
    *,
    today: int,
    users: Bools,
    candidates: Bools,
    n: int,
    rules: ListRules | None = None,
) -> ListRows:
    """What each customer is due to need, the likeliest first.

    A customer's item is looked at when they bought it on two days or more, or on one where it is a repeat
    item (`_REPEAT_SHARE`). The time to expect between two purchases is the mean of the customer's own
    intervals together with the item's typical one, which is the geometric mean over all customers. With r the
    time since the last purchase in expected intervals, the likelihood is

        frequency x repeat share of the item / sqrt(expected days) x exp(-c (ln r)²)

    where the frequency is the sum over the days of purchase of `0.5 ** (age / half-life)`. It rises up to the
    expected time (r = 1) with c = 0.1 and fades behind it with c = 0.25; below r = 1/8 and above r = 10
    nothing is due. The form and its constants are fitted to past windows of real sales.

    Args:
        purchases: net purchases in canonical order.
        days: shape (purchases,), int64: the shop's day of each, as any count of days.
        today: the day from which ages count back; no purchase is later.
        users: shape (users,): who gets a list.
        candidates: shape (items,): what may be listed.
        n: rows of a list at most.
        rules: the shop's own for this list; their `allowed` are the candidates.

    Returns:
        Rows whose owners are users. Who is due for nothing has none.
    """
    n_items = len(candidates)
    gaps = []
    buyers, repeaters = np.zeros((2, n_items), np.int64)
    for part in whole_users(purchases.users):
        pairs = _pairs(purchases, days, part)
        gaps.append(pairs.gaps())
        buyers += np.bincount(pairs.item, minlength=n_items)
        repeaters += np.bincount(pairs.item[pairs.times > 1], minlength=n_items)
    if not gaps:
        return joined([])
    gap_items, gap_days = zip(*gaps, strict=True)
    typical = _typical_intervals(np.concatenate(gap_items), np.concatenate(gap_days), n_items)
    repeats = (repeaters >= _REPEATERS) & (repeaters >= _REPEAT_SHARE * buyers)
    share = (repeaters + _BUYERS * repeaters.sum() / buyers.sum()) / (buyers + _BUYERS)

    rows = []
    for part in whole_users(purchases.users):
        pairs = _pairs(purchases, days, part)
        user, item, times, last = pairs.user, pairs.item, pairs.times, pairs.last
        frequency = np.add.reduceat(np.exp2((pairs.day - today) / _HALF_LIFE_DAYS), pairs.firsts)
        total = (last - pairs.day[pairs.firsts]).astype(np.float64)
        expected = (total + _OF_THE_ITEM * typical[item]) / (times - 1 + _OF_THE_ITEM)
        ratio = (today - last) / expected
        is_due = (ratio >= _EARLIEST) & (ratio <= _LATEST) & ((times > 1) | repeats[item])
        chosen = np.flatnonzero(is_due & users[user] & candidates[item])
        logarithm = np.log(ratio[chosen])
        due = np.exp(-np.where(logarithm < 0, _EARLY, _LATE) * logarithm**2)
        likelihood = frequency[chosen] * share[item[chosen]] * due / np.sqrt(expected[chosen])
        buyers_here = np.flatnonzero(np.bincount(user, minlength=len(users)) * users)
        rows.append(best_rows(user[chosen], item[chosen], likelihood, n=n, rules=rules, of=buyers_here))
    return joined(rows)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """The pairs of user and item among the purchases of some users; of all they take too much memory."""

    user: Int32s
    """shape (pairs,)"""
    item: Int32s
    """shape (pairs,)"""
    times: Int64s
    """shape (pairs,): on how many days it was bought"""
    firsts: Int64s
    """shape (pairs,): the first of each pair's days"""
    day: Int64s
    """shape (days of all pairs,), ascending for each pair"""
    day_item: Int32s
    """shape (days of all pairs,)"""

    @property
    def last(self) -> Int64s:
        """The last day of each pair, shape (pairs,)."""
        found: Int64s = self.day[self.firsts + self.times - 1]
        return found

    def gaps(self) -> tuple[Int32s, Int64s]:
        """Of all intervals between two days of a pair, the item and the number of days."""
        is_gap = np.ones(len(self.day), bool)
        is_gap[self.firsts] = False
        return self.day_item[is_gap], np.diff(self.day, prepend=0)[is_gap]


def _pairs(purchases: Purchases, days: Int64s, part: slice) -> _Pairs:
    user, item, day = purchases.users[part], purchases.items[part], days[part]
    is_new = starts(user, item, day)
    user, item, day = user[is_new], item[is_new], day[is_new]
    firsts = np.flatnonzero(starts(user, item))
    times = np.diff(np.append(firsts, len(day)))
    return _Pairs(user[firsts], item[firsts], times, firsts, day, item)


def _typical_intervals(items: Integers, gaps: Int64s, n_items: int) -> Float64s:
    """Each item's geometric mean of the intervals, drawn to the shop's where there are few; days, (items,).

    Without any interval in the shop all are 1: nothing can be said, and no pair is asked for.
    """
    logarithms = np.log(gaps)
    shop = logarithms.mean() if len(gaps) else 0.0
    count = np.bincount(items, minlength=n_items)
    total = np.bincount(items, logarithms, minlength=n_items)
    typical: Float64s = np.exp((total + _OF_THE_SHOP * shop) / (count + _OF_THE_SHOP))
    return typical
