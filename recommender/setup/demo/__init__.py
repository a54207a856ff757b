"""A ready shop with plausible sales, to try the recommender on.

The sales are simulated on a fixed calendar and moved, so that they end on the day before the one on which
the shop is made. Weights count back from the newest sale, and the shop
keeps its clock on UTC, where no hour is ever missing: so the lists do not depend on the day. Only the names
of the goods on the seasonal shelves follow the real calendar: Christmas goods are sold before Christmas.
"""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from recommender.database.urls import describe, normalise_url
from recommender.setup.demo.loader import demo_tables, load_shop, shop_folder
from recommender.setup.demo.simulation import (
    N_DAYS,
    Customer,
    Item,
    Order,
    load_assortment,
    season_of,
    simulate,
)
from recommender.tables import Key

log = logging.getLogger(__name__)

_FIRST_ORDER_ID = 100_001
_SOLD_OUT = 25
"""One in so many of the products that can be bought is sold out."""
_HALF_SEASON = timedelta(days=14)
_RECENT_DAYS = 28
_EXAMPLES, _TELLING_TASTES = 5, 2


@dataclass(frozen=True)
class ExampleCustomer:
    """A customer to look at."""

    customer_id: Key
    """The customer's key."""
    about: str
    """What the customer is like: `drinks espresso and bakes bread`."""


@dataclass(frozen=True)
class DemoReport:
    """The shop that was made."""

    database: str
    """The database in words, without secrets."""
    customers: int
    """How many customers it has."""
    items: int
    """How many items it has."""
    sale_lines: int
    """How many lines of sales it has."""
    first_day: date
    """The day of the first sale."""
    last_day: date
    """The day of the newest sale."""
    examples: list[ExampleCustomer]
    """Customers to look at with `recommend show`."""


def build_demo(directory: Path, *, url: str | None, today: date) -> DemoReport:
    """Make a shop: a database, `.env` and `sql/`.

    Args:
        directory: a folder that is empty or missing.
        url: an empty database for the shop; None puts a SQLite file into the folder.
        today: the day in UTC; the sales end on the day before it.

    Raises:
        SettingsError: the folder is not empty or cannot be made, or the database has tables.
        DatabaseError: the database failed; it is left as it was.
    """
    address = normalise_url("sqlite:///shop.db", directory.absolute()) if url is None else normalise_url(url)
    last_day = today - timedelta(days=1)
    interests, items = load_assortment(season_of(last_day - _HALF_SEASON))
    orders = simulate(interests)
    rows = _rows(items, orders, last_day)
    database_url = "sqlite:///shop.db" if url is None else address.render_as_string(hide_password=False)
    settings = {
        "DATABASE_URL": database_url,
        "SHOP_TIMEZONE": "UTC",
        "HISTORY_DAYS": "730",
        "REPEAT_PURCHASES": "exclude",
        # Keys that differed from demo to demo would put the guests in another order, and so change the lists.
        "GUEST_KEY": hashlib.sha256(b"the guests of the demo shop are invented").hexdigest(),
        "FORGET_KEY": hashlib.sha256(b"so are those who want to be forgotten").hexdigest(),
    }
    with shop_folder(directory, settings):
        load_shop(address, demo_tables(), rows)
    log.info("demo shop in %s, sales until %s", describe(address), last_day)
    return DemoReport(
        database=describe(address),
        customers=len(rows["customers"]),
        items=len(rows["products"]),
        sale_lines=len(rows["order_lines"]),
        first_day=last_day - timedelta(days=N_DAYS - 1),
        last_day=last_day,
        examples=_examples(orders),
    )


def _rows(items: Sequence[Item], orders: Sequence[Order], last_day: date) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each table."""
    begin = datetime.combine(last_day, time()) - timedelta(days=N_DAYS - 1)
    first_orders = {
        order.customer.customer_id: begin + order.time
        for order in reversed(orders)
        if order.customer.customer_id is not None
    }
    numbered = list(enumerate(orders, _FIRST_ORDER_ID))
    return {
        "customers": [
            (number, f"Customer {number}", f"customer{number}@example.com", registered)
            for number, registered in sorted(first_orders.items())
        ],
        "products": [
            (i.item_id, i.name, i.category, i.price, i.active, i.item_id % _SOLD_OUT if i.active else 0)
            for i in items
        ],
        "orders": [
            (number, order.customer.customer_id, order.customer.guest_email, order.status, begin + order.time)
            for number, order in numbered
        ],
        "order_lines": [
            (number, line_no, item.item_id, quantity, item.price)
            for number, order in numbered
            for line_no, (item, quantity) in enumerate(order.quantities.items(), 1)
        ],
    }


def _examples(orders: Sequence[Order]) -> list[ExampleCustomer]:
    """Of the customers with two tastes who still come, who bought the most items; no taste is told twice."""
    bought: dict[Customer, set[Item]] = defaultdict(set)
    for order in orders:
        bought[order.customer] |= order.quantities.keys()
    recent = {order.customer for order in orders if order.time.days >= N_DAYS - _RECENT_DAYS}
    telling = [customer for customer in recent if len(customer.tastes) == _TELLING_TASTES]
    found: list[ExampleCustomer] = []
    told: set[str] = set()
    for customer in sorted(telling, key=lambda customer: (-len(bought[customer]), customer.customer_id or 0)):
        if customer.customer_id is not None and not customer.tastes.keys() & told:
            about = " and ".join(style.who for style in customer.tastes.values())
            found.append(ExampleCustomer(customer.customer_id, about))
            told |= customer.tastes.keys()
    return found[:_EXAMPLES]
