"""Bought together: items that lie in one basket more often than chance would have it."""

from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import xlogy

from recommender.ranking.listrules import ListRules
from recommender.ranking.pairs import PairMaker
from recommender.ranking.places import best_rows
from recommender.ranking.rows import ListRows, joined
from recommender.runs.columns import read_columns
from recommender.runs.keys import Keys
from recommender.system.arrays import Bools, Float64s, Int32s, Int64s, distinct, starts
from recommender.system.machine import give_back_memory
from recommender.system.threads import Progress, in_threads
from recommender.system.times import shop_days
from recommender.tables import KeyKind

_FEWEST = 3
"""Common baskets below which nothing is said of a pair."""
_THRESHOLD = 15.14
"""What the ratio of two independent items exceeds once in ten thousand times (χ², one degree of freedom)."""
_LARGEST_CODE = np.iinfo(np.int64).max
MOST_ITEMS = 100
"""Different items of a basket beyond which it says nothing of what goes with what."""


def bought_together(
    baskets: "csr_matrix[np.float64]",
    *,
    candidates: Bools,
    n: int,
    threads: int,
    rules: ListRules | None = None,
    progress: Progress | None = None,
) -> ListRows:
    """The items that go with each item, the most significant first.

    The order is that of Dunning's log-likelihood ratio ("Accurate Methods for the Statistics of Surprise and
    Coincidence", Computational Linguistics 19(1), 1993): how much better the counts of baskets with both, one
    or none of two items are explained by a bond between these than without one. So what everybody buys does
    not go with everything. Listed are pairs with at least 3 common baskets, more of them than chance would
    bring, and a ratio over 15.14.

    Args:
        baskets: shape (baskets, items): as `basket_matrix` has it.
        candidates: shape (items,): what may be listed. An item that may not still has a list.
        n: rows of a list at most.
        threads: how many to use, at least 1; the result is the same for any number.
        rules: the shop's own for this list; their `allowed` are the candidates.
        progress: called with blocks of items done and in all.

    Returns:
        Rows whose owners are items. An item with too little evidence has none.
    """
    n_baskets = baskets.shape[0]
    of_item = np.bincount(baskets.indices, minlength=len(candidates))
    maker = PairMaker(baskets, candidates)

    def work(number: int) -> ListRows:
        block = maker.block(number)
        kept = block.common >= _FEWEST
        item, other, both = block.item[kept], block.other[kept], block.common[kept]
        ratio = log_likelihood_ratio(both, of_item[item], of_item[other], n_baskets)
        above = both.astype(np.float64) * n_baskets > of_item[item].astype(np.float64) * of_item[other]
        bound = above & (ratio > _THRESHOLD)
        item, other, ratio = item[bound], other[bound], ratio[bound]
        return best_rows(item, other, ratio, n=n, rules=rules, of=block.of, are_items=True)

    return joined(in_threads(work, maker.n_blocks, threads=threads, progress=progress))


def log_likelihood_ratio(both: Int64s, one: Int64s, other: Int64s, total: int) -> Float64s:
    """Dunning's -2 log λ of two by two counts, 2 Σ k ln(k N / (row sum x column sum)); shapes alike.

    Args:
        both: baskets with both items.
        one: baskets with the one.
        other: baskets with the other.
        total: all baskets.
    """
    k = [np.asarray(c, np.float64) for c in (both, one - both, other - both, total - one - other + both)]
    sums = [np.asarray(c, np.float64) for c in (one, total - one, other, total - other)]
    inner = sum((xlogy(c, c) for c in k), start=np.zeros(len(both)))
    outer = sum((xlogy(c, c) for c in sums), start=np.zeros(len(both)))
    # Never below 0, where rounding would leave independent items.
    ratio: Float64s = np.maximum(2 * (inner - outer + xlogy(float(total), float(total))), 0)
    return ratio


def load_baskets(
    path: Path, *, customer_kind: KeyKind, item_kind: KeyKind, items: Keys, zone: ZoneInfo
) -> tuple[Int64s, Int32s]:
    """The baskets of `sales.csv` or `sales.csv.gz` of a run folder.

    A basket is what one customer bought under one `order_id`; where the file has no such column, or the line
    no such id, on one day of the shop.

    Args:
        path: columns `customer_id`, `item_id`, `sold_at` and, where there are any, `quantity` and `order_id`.
        customer_kind: what the customers' keys are.
        item_kind: what the items' keys are.
        items: all items that were sold; lines of others are left out.
        zone: of the shop's days.

    Returns:
        Of the lines of positive quantity a number for the basket and the index of the item, shapes (lines,).

    Raises:
        RefusedError: the file is not in our form.
    """
    columns = read_columns(
        path, ("customer_id", "item_id", "sold_at"), ("quantity", "order_id"), times=("sold_at",)
    )
    give_back_memory()
    shared = shop_days(columns.take_times("sold_at"), zone)
    if len(shared):
        shared -= shared.min()
    if "order_id" in columns:
        # Orders first, then days: one number for what the lines of a basket share.
        orders, order = columns.take_texts("order_id", nullable=True)
        if "" in orders:
            order[order == orders.index("")] = -1
        shared += len(orders)
        np.copyto(shared, order, where=order >= 0)
        del orders, order
    size = int(shared.max(initial=0)) + 1
    _, customer = columns.take_keys("customer_id", customer_kind, guests=True)
    basket = customer.astype(np.int64)
    del customer
    basket *= size
    basket += shared
    del shared
    found_items, item = columns.take_keys("item_id", item_kind)
    known = items.find(found_items).astype(np.int32)[item]
    kept = known >= 0
    if "quantity" in columns:
        kept &= columns.take_numbers("quantity") > 0
    return basket[kept], known[kept]


def basket_matrix(
    baskets: Int64s, items: Int32s, *, n_items: int, most_items: int = MOST_ITEMS
) -> "csr_matrix[np.float64]":
    """A 1 for every item of every basket that counts, shape (baskets, items).

    A basket of more than `most_items` different items is left out: it is a stock order rather than a choice,
    and the time would grow with its square.

    Args:
        baskets: shape (lines,), int64: a number for the basket of each line; which one does not matter.
        items: shape (lines,), int32: its item; an item that comes again in a basket counts once.
        n_items: of the matrix.
        most_items: see above.
    """
    if int(baskets.max(initial=0)) >= _LARGEST_CODE // max(n_items, 1):
        baskets = distinct(baskets)[1].astype(np.int64)
    # One number for basket and item sorts several times faster than both, and in place.
    codes = baskets * n_items + items
    codes.sort()
    baskets, items = np.divmod(codes[starts(codes)], max(n_items, 1))
    del codes
    sizes = np.diff(np.append(np.flatnonzero(starts(baskets)), len(baskets)))
    counts = sizes <= most_items
    kept = np.repeat(counts, sizes)
    indptr = np.append(0, np.cumsum(sizes[counts]))
    items = items[kept].astype(np.int32)
    return csr_matrix((np.ones(len(items)), items, indptr), shape=(len(indptr) - 1, n_items))
