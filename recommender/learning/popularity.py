"""How popular items are: for customers whom no model knows, for visitors, and as the thing to beat."""

import numpy as np

from recommender.learning.interactions import Interactions
from recommender.system.arrays import Float64s, starts
from recommender.system.times import DAY_MICROSECONDS


def popularity(
    interactions: Interactions, *, recent_half_life_days: float = 30.0, recent_share: float = 0.5
) -> Float64s:
    """The popularity of each item of the interactions, shape (items,), float64; the sum is 1.

    Half of it is the item's share of all fans, half its share of those of late (`fans`); `recent_share` mixes
    the two otherwise (0: all time alone, 1: recent alone). What is popular
    changes, so a count over all time alone is a poor list (Ji, Sun, Zhang and Li, "A Re-visit of the
    Popularity Baseline in Recommender Systems", SIGIR 2020). What sold of late alone would leave a shop of
    few sales with a list made by chance.

    An item with nothing left after refunds has 0; without any purchase all are 0.
    """
    ever = fans(interactions, half_life_days=None)
    recent = fans(interactions, half_life_days=recent_half_life_days)
    mixed: Float64s = (1 - recent_share) * ever + recent_share * recent
    return mixed


def fans(interactions: Interactions, *, half_life_days: float | None) -> Float64s:
    """Each item's share of all pairs of customer and item, shape (items,), float64; the sum is 1.

    Each pair fades with the time since the customer's last purchase of the item, by half in `half_life_days`
    (None: not at all). Every customer counts once for an item: one who buys it each week is one fan, not
    fifty. An item with nothing left after refunds has 0; without any purchase all are 0.
    """
    items, n_items = interactions.weights.indices, len(interactions.item_ids)
    if not len(items):
        return np.zeros(n_items)
    if half_life_days is None:
        return np.bincount(items, minlength=n_items) / len(items)
    age = (interactions.last_purchase.max() - interactions.last_purchase) / DAY_MICROSECONDS
    age /= -half_life_days
    faded = np.bincount(items, np.exp2(age, out=age), minlength=n_items)
    shares: Float64s = faded / faded.sum()
    return shares


def purchase_days(interactions: Interactions, *, half_life_days: float) -> Float64s:
    """Each item's share of all days on which a customer bought it, shape (items,), float64; the sum is 1.

    A day fades by half in `half_life_days`. Here one who buys an item each week counts fifty times a year. An
    item with nothing left after refunds has 0; without any purchase all are 0.
    """
    purchases, n_items = interactions.purchases, len(interactions.item_ids)
    counts = np.zeros(n_items)
    for part in purchases.parts(purchases.cells()):
        is_new = starts(part.times // DAY_MICROSECONDS)
        is_new[part.begins] = True
        age = (part.times[is_new] - interactions.newest) / (half_life_days * DAY_MICROSECONDS)
        counts += np.bincount(part.items[is_new], np.exp2(age), minlength=n_items)
    return counts / (counts.sum() or 1.0)
