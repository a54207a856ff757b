"""Baskets: which sale lines belong to one purchase."""

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from recommender.runs.columns import read_columns
from recommender.runs.keys import Keys
from recommender.system.arrays import Int32s, Int64s
from recommender.system.machine import give_back_memory
from recommender.system.times import shop_days
from recommender.tables import KeyKind


@dataclass(frozen=True, eq=False)
class Baskets:
    """The lines of positive quantity; all shapes (lines,)."""

    basket: Int64s
    """a number for each basket, int64"""
    item: Int32s
    """index into the items that were given"""


def load_baskets(
    path: Path, *, customer_kind: KeyKind, item_kind: KeyKind, items: Keys, zone: ZoneInfo
) -> Baskets:
    """The baskets of `sales.csv` or `sales.csv.gz` of a run folder.

    A basket is what one customer bought under one `order_id`; where the file has no such column, or the line
    no such id, on one day of the shop.

    Args:
        path: columns `customer_id`, `item_id`, `sold_at` and, where there are any, `quantity` and `order_id`.
        customer_kind: what the customers' keys are.
        item_kind: what the items' keys are.
        items: all items that were sold; lines of others are left out.
        zone: of the shop's days.

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
    return Baskets(basket[kept], known[kept])
