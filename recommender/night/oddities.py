"""What sales hold that is no taste of anybody: a customer who is a crowd, an item in every basket."""

import numpy as np

from recommender.learning.interactions import Interactions
from recommender.runs.keys import Keys, keys_of
from recommender.system.arrays import Int32s, Int64s
from recommender.system.text import shortened

MOST_TIMES_THE_MEAN = 100
"""Sales of one customer; in the wholesale shop that we test on, the greatest has 86 times the mean."""
_EVERYWHERE = 0.5
"""Share of the baskets; in a grocery shop bananas, which sell best, are in one of seven."""
_FEWEST_BASKETS = 500


def item_in_most_baskets(users: Int32s, items: Int32s, times: Int64s) -> tuple[int, float] | None:
    """An item that lies in at least half of all baskets, as a carrier bag or a deposit does.

    Args:
        users: each sale's customer, shape (sales,).
        items: its item.
        times: when; what a customer buys at one time is a basket.

    Returns:
        The item and its share of the baskets; None where there is none, or too few baskets to tell.
    """
    if not len(users):
        return None
    # One number for each basket, by multiplication modulo 2**64 with odd numbers; few get the same.
    baskets = users.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    baskets += times.astype(np.uint64) * np.uint64(0xD6E8FEB86659FD93)
    most = int(np.bincount(items).argmax())
    held, in_all = len(np.unique(baskets[items == most])), len(np.unique(baskets))
    return (most, held / in_all) if in_all >= _FEWEST_BASKETS and held >= _EVERYWHERE * in_all else None


def odd_sales(interactions: Interactions, never: Keys) -> list[str]:
    """Warnings for the record of a night; of items never recommended nobody need be warned."""
    found = []
    purchases = interactions.purchases
    n_users, n_purchases = len(interactions.user_ids), len(purchases.users)
    most = int(np.bincount(purchases.users, minlength=1).max(initial=0))
    if n_users > 1 and most > MOST_TIMES_THE_MEAN * n_purchases / n_users:
        found.append(
            f"One customer has {most:,} of {n_purchases:,} purchases, as a robot or all guests would:"
            " `recommend check` says who."
        )
    common = item_in_most_baskets(purchases.users, purchases.items, purchases.times)
    if common is not None:
        item, share = interactions.item_ids[common[0]], common[1]
        if never.find(keys_of([item]))[0] < 0:
            found.append(in_every_basket(item, share))
    return found


def in_every_basket(item: int | str, share: float) -> str:
    """What to say of such an item."""
    return (
        f"The item {shortened(item)} is in {share:.0%} of all baskets: if it is a bag or a deposit, put it"
        " into the file of NEVER_RECOMMEND."
    )
