"""A ready shop with plausible sales, to try the recommender on.

The sales are simulated on a fixed calendar of whole weeks and moved by whole weeks, so that they end on the
last Sunday before the day on which the shop is made. Weights count back from the newest sale, and the shop
keeps its clock on UTC, where no hour is ever missing: so the lists do not depend on the day. Only the names
of the goods on the seasonal shelves follow the real calendar: Christmas goods are sold before Christmas.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from recommender.database.urls import describe, normalise_url
from recommender.setup.demo.definitions import demo_tables
from recommender.setup.demo.directory import EnvLine, shop_folder
from recommender.setup.demo.loader import load_shop
from recommender.setup.demo.people import N_DAYS
from recommender.setup.demo.products import Assortment, Item, State, load_assortment, season_of
from recommender.setup.demo.simulation import Order, SimulatedSales, simulate

log = logging.getLogger(__name__)

_FIRST_CUSTOMER_ID = 1001
_FIRST_ORDER_ID = 100_001
_SUNDAY = 6
_STOCK_STEP, _STOCK_MOST = 7, 25
"""Numbers without a common divisor: neighbouring products have different stocks, one in 25 none."""
_ON_THE_SHELVES = (State.SOLD, State.NEW)
_HALF_SEASON = timedelta(days=14)
_RECENT_DAYS = 28
_TELLING_LINES = 60
_TELLING_TASTES = 2
_TELLING_STYLES = ("espresso", "large", "japanese", "vegetables", "indoor")


@dataclass(frozen=True)
class Example:
    """A customer whose history tells a story."""

    customer_id: int
    who: str
    """What the customer is like: `drinks espresso and bakes bread`."""


@dataclass(frozen=True)
class DemoReport:
    """What `build_demo` made."""

    directory: Path
    database: str
    """The database in words, without secrets."""
    customers: int
    items: int
    orders: int
    sale_lines: int
    first_day: date
    last_day: date
    examples: tuple[Example, ...]
    """Customers to look at, the most telling first."""


def build_demo(directory: Path, *, url: str | None, today: date) -> DemoReport:
    """Make a shop: a database, `.env` and `sql/`.

    Args:
        directory: a folder that is empty or missing.
        url: an empty database for the shop; None puts a SQLite file into the folder.
        today: the day in UTC; the sales end on the Sunday before it.

    Raises:
        SettingsError: the folder is not empty or cannot be made, or the database has tables of these
            names.
        DatabaseError: the database failed; it is left as it was.
    """
    address = normalise_url("sqlite:///shop.db", directory.absolute()) if url is None else normalise_url(url)
    last_day = last_day_before(today)
    catalogue = load_assortment(season_of(last_day - _HALF_SEASON))
    sales = simulate(catalogue)
    database_url = "sqlite:///shop.db" if url is None else address.render_as_string(hide_password=False)
    with shop_folder(directory, _settings(database_url)):
        load_shop(address, demo_tables(), _rows(catalogue, sales, last_day))
    log.info("demo shop in %s, sales until %s", describe(address), last_day)
    return DemoReport(
        directory=directory,
        database=describe(address),
        customers=len(sales.customers),
        items=len(catalogue.items),
        orders=len(sales.orders),
        sale_lines=sum(len(order.lines) for order in sales.orders),
        first_day=last_day - timedelta(days=N_DAYS - 1),
        last_day=last_day,
        examples=_examples(sales),
    )


def last_day_before(today: date) -> date:
    """The day on which the sales end when the shop is made today: the Sunday before."""
    return today - timedelta(days=(today.weekday() - _SUNDAY) % 7 or 7)


def _settings(database_url: str) -> list[EnvLine]:
    # A key that differed from demo to demo would put the guests in another order, and so change the lists.
    guest_key = hashlib.sha256(b"the guests of the demo shop are invented").hexdigest()
    return [
        EnvLine("Where sales are read and recommendations written.", "DATABASE_URL", database_url),
        EnvLine(
            "The zone of the shop's days and of the times in its tables, such as Europe/London.",
            "SHOP_TIMEZONE",
            "UTC",
        ),
        EnvLine("How many days back sales are read: two years.", "HISTORY_DAYS", "730"),
        EnvLine(
            "May a list hold what the customer already bought? exclude shows what is new to each customer.",
            "REPEAT_PURCHASES",
            "exclude",
        ),
        EnvLine(
            "Turns guests' addresses into anonymous keys. For your own shop `recommend init` makes a secret.",
            "GUEST_KEY",
            guest_key,
        ),
        EnvLine(
            "Under it forgotten customers are remembered. For your own shop `recommend init` makes a secret.",
            "FORGET_KEY",
            hashlib.sha256(b"so are those who want to be forgotten").hexdigest(),
        ),
    ]


def _rows(
    catalogue: Assortment, sales: SimulatedSales, last_day: date
) -> dict[str, Iterator[tuple[Any, ...]]]:
    """The rows of each table."""
    midnight = datetime.combine(last_day, time()) - timedelta(days=N_DAYS - 1)
    first_orders: dict[int, Order] = {}
    for order in sales.orders:
        if order.customer is not None:
            first_orders.setdefault(order.customer, order)

    def customers() -> Iterator[tuple[Any, ...]]:
        for place, customer in enumerate(sales.customers):
            number = _FIRST_CUSTOMER_ID + place
            first = first_orders.get(place)
            # Registered at the first order, or years before it.
            second = 12 * 3600 if first is None else first.second
            registered = midnight + timedelta(days=customer.registered, seconds=second)
            yield number, f"Customer {number}", f"customer{number}@example.com", registered

    def orders() -> Iterator[tuple[Any, ...]]:
        for number, order in enumerate(sales.orders, _FIRST_ORDER_ID):
            customer = None if order.customer is None else _FIRST_CUSTOMER_ID + order.customer
            ordered = midnight + timedelta(days=order.day, seconds=order.second)
            yield number, customer, order.guest_email, order.status, ordered

    return {
        "customers": customers(),
        "products": (_product(item) for item in catalogue.items),
        "orders": orders(),
        "order_lines": (
            (number, line_no, line.item.item_id, line.quantity, line.cents / 100)
            for number, order in enumerate(sales.orders, _FIRST_ORDER_ID)
            for line_no, line in enumerate(order.lines, 1)
        ),
    }


def _product(item: Item) -> tuple[Any, ...]:
    """The row of a product; some of what is on the shelves is sold out, as it is in every shop."""
    on_the_shelves = item.state in _ON_THE_SHELVES
    stock = item.item_id * _STOCK_STEP % _STOCK_MOST if on_the_shelves else 0
    return item.item_id, item.name, item.category, item.cents / 100, on_the_shelves, stock


def _examples(sales: SimulatedSales) -> tuple[Example, ...]:
    """For each of some styles, among those of two tastes who still come, who has bought the most items."""
    bought: dict[int, list[int]] = {}
    recent: set[int] = set()
    for order in sales.orders:
        if order.customer is not None:
            bought.setdefault(order.customer, []).extend(line.item.item_id for line in order.lines)
            if order.day >= N_DAYS - _RECENT_DAYS:
                recent.add(order.customer)
    found = []
    for style in _TELLING_STYLES:
        fans = [
            place
            for place in recent
            if len(bought[place]) <= _TELLING_LINES
            and len(sales.customers[place].tastes) == _TELLING_TASTES
            and sales.customers[place].tastes[0].style.name == style
        ]
        if fans:
            place = min(fans, key=lambda place: (-len(set(bought[place])), place))
            found.append(Example(_FIRST_CUSTOMER_ID + place, sales.customers[place].who))
    return tuple(found)
