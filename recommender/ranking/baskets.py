"""Baskets: which sale lines belong to one purchase."""

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from recommender.runs.csvcolumns import KeyColumn, NumberColumn, TimeColumn, read_columns
from recommender.runs.keys import Keys
from recommender.system.machine import give_back_memory
from recommender.system.times import shop_days
from recommender.tables import KeyKind

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


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
    customers, item_ids = KeyColumn(customer_kind, guests=True), KeyColumn(item_kind, guests=False)
    times, quantities = TimeColumn(), NumberColumn()
    orders = KeyColumn(KeyKind.TEXT, guests=False)
    read_columns(
        path,
        {"customer_id": customers, "item_id": item_ids, "sold_at": times},
        {"quantity": quantities, "order_id": orders},
    )
    give_back_memory()
    order_keys, order = orders.result()
    shared = shop_days(times.result(), zone)
    if len(shared):
        shared -= shared.min()
    # Orders first, then days: one number for what the lines of a basket share.
    shared += len(order_keys)
    if len(order):
        has_order = order != order_keys.find_texts([""])[0]
        shared[has_order] = order[has_order]
    size = int(shared.max(initial=0)) + 1
    _, customer = customers.result()
    basket = customer.astype(np.int64)
    del customer
    basket *= size
    basket += shared
    del shared
    found_items, item = item_ids.result()
    known = items.find(found_items).astype(np.int32)[item]
    amounts = quantities.result()
    kept = known >= 0
    if len(amounts):
        kept &= amounts > 0
    return Baskets(basket[kept], known[kept])
