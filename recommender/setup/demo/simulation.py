"""What the demo shop sells, and two years of sales on a calendar of whole weeks; day 0 is a Monday.

What is sold is read from `catalogue.toml`, which explains itself. All else follows from the seed: drawn are
only random(), choices() and randint() of Python's own generator, and computed are sums and products, so that
it is the same on every machine.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from random import Random
from typing import TypeVar

_T = TypeVar("_T")

N_SEASONS = 13
"""Seasons of four weeks in a year: thirteen names for each place on the seasonal shelves."""
N_DAYS = 721
"""Days of sales, 103 weeks: however the weeks fall, all of them lie within two years of 730 days."""
_SOLD = {"": (range(N_DAYS), True), "withdrawn": (range(560), False), "new": (range(0), True)}
"""By what stands behind the name: the days on which it was sold, and whether it can be bought afterwards."""
_FIRST_ITEM_ID = 101
_LINE = re.compile(r"(?m)^(?:(\d+) )?(\d+\.\d\d) (.+?)(?: \[(withdrawn|new)\])?$")
N_CUSTOMERS = 3000
"""People with an account; a few never buy."""
N_GUESTS = 1300
"""People who order without an account, by e-mail address."""
_FIRST_CUSTOMER_ID = 1001
_OPENS, _OPEN_SECONDS = 7 * 3600, 16 * 3600
_SEASON_DAYS = 28
# Between two visits; what will run out within the fewest of these days comes along.
_FEWEST_DAYS, _MOST_DAYS = 7, 42
# Shares of what is bought: again, in season, by taste and not from anywhere in the shop, to keep.
_AGAIN = 0.85
_IN_SEASON = 0.35
_BY_TASTE = 0.93
_TO_KEEP = 0.6
# Shares of orders, and of lines. An order of the last days is on its way, or waits for its payment.
_CANCELLED = 0.03
_UNPAID = 0.1
_OPEN_DAYS = 4
_COMES_BACK = 0.025


@dataclass(frozen=True, eq=False)
class Item:
    """One item of the shop."""

    item_id: int
    name: str
    category: str
    price: float
    lasts_days: int | None = None
    """How long one lasts before the next is needed; None where one is enough."""
    sold_days: range = range(N_DAYS)
    """Days on which it was sold; of seasonal items only those in season."""
    active: bool = True
    """Can it be bought when the sales end?"""


@dataclass(frozen=True)
class Style:
    """One way of having an interest; in each list the popular items come first."""

    who: str
    used_up: list[Item]
    kept: list[Item]


@dataclass(frozen=True)
class Interest:
    """What customers come for."""

    weight: int
    goes_with: list[str]
    styles: list[Style]
    seasonal: list[list[Item]]
    """Lines of N_SEASONS items: the first is sold in the last four weeks of the sales, the second in the four
    weeks before, and so on backwards, the same each year."""


@dataclass(frozen=True, eq=False)
class Customer:
    """A customer, or a guest, who has an address and no number."""

    customer_id: int | None
    guest_email: str | None
    joined: int
    """Day of the first visit."""
    leaves: int
    tastes: dict[str, Style]
    """By the name of the interest, the strongest first."""


@dataclass(frozen=True)
class Order:
    """An order, or a credit note for what came back (status `returned`, negative quantities)."""

    time: timedelta
    """Since the begin of day 0."""
    customer: Customer
    status: str
    quantities: dict[Item, int]


def season_of(day: date) -> int:
    """The season of a day: 0 from 1 January, N_SEASONS - 1 until 31 December."""
    return (day.timetuple().tm_yday - 1) * N_SEASONS // 366


def load_assortment(last_season: int) -> tuple[dict[str, Interest], list[Item]]:
    """All interests by name, and all items in the order of their ids.

    Args:
        last_season: that in which the sales end, 0 to N_SEASONS - 1.

    The season decides the names of the seasonal items alone: ids, prices, categories and who buys them when,
    counted from the last day, are always the same.
    """
    interests: dict[str, Interest] = {}
    items: list[Item] = []

    def shelf(lines: str, category: str) -> list[Item]:
        first = len(items)
        for number, (days, price, name, state) in enumerate(_LINE.findall(lines), _FIRST_ITEM_ID + first):
            lasts_days = int(days) if days else None
            items.append(Item(number, name, category, float(price), lasts_days, *_SOLD[state]))
        return items[first:]

    def seasonal(price: float, names: list[str], category: str) -> list[Item]:
        first = len(items)
        for place in range(N_SEASONS):
            name = names[(last_season - place) % N_SEASONS]
            # What can be bought is of the last season or already of the next, which is that of a year before.
            active = place in {0, N_SEASONS - 1}
            items.append(Item(_FIRST_ITEM_ID + len(items), name, category, price, active=active))
        return items[first:]

    text = files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    for name, table in tomllib.loads(text).items():
        category = table["category"]
        styles = [
            Style(style["who"], shelf(style["used_up"], category), shelf(style["kept"], category))
            for style in table.values()
            if isinstance(style, dict)
        ]
        lines = [
            seasonal(price, names, f"{category}, in season") for price, *names in table.get("seasonal", [])
        ]
        interests[name] = Interest(table["weight"], table["goes_with"], styles, lines)
    return interests, items


def simulate(interests: Mapping[str, Interest], seed: int = 1) -> list[Order]:
    """Two years of the shop, in the order of time; customers are numbered by their first visit."""
    rng = Random(seed)
    # Some were here before the sales begin.
    joined = sorted(max(rng.randint(-100, N_DAYS - 1), rng.randint(0, 30)) for _ in range(N_CUSTOMERS))
    people = [
        Customer(number, None, day, day + rng.randint(-150, 1000), _tastes(rng, interests))
        for number, day in enumerate(joined, _FIRST_CUSTOMER_ID)
    ]
    for number in range(N_GUESTS):
        day = rng.randint(0, N_DAYS - 1)
        email = f"guest{number}@example.org"
        people.append(Customer(None, email, day, day + rng.randint(0, 70), _tastes(rng, interests)))
    orders = [
        order
        for customer in people
        for day, basket in _visits(rng, interests, customer)
        for order in _orders(rng, customer, day, basket)
    ]
    return sorted(orders, key=lambda order: order.time)


def _popular(rng: Random, choices: Sequence[_T]) -> _T:
    """One of the choices, the earlier the likelier: of ten a third is the first."""
    draw = rng.random()
    return choices[int(len(choices) * draw * draw)]


def _tastes(rng: Random, interests: Mapping[str, Interest]) -> dict[str, Style]:
    """One to three interests that go together, each in one style."""
    (first,) = rng.choices(list(interests), [interest.weight for interest in interests.values()])
    others = [_popular(rng, interests[first].goes_with) for _ in range(rng.randint(0, 2))]
    return {name: _popular(rng, interests[name].styles) for name in (first, *others)}


def _visits(
    rng: Random, interests: Mapping[str, Interest], customer: Customer
) -> Iterator[tuple[int, dict[Item, int]]]:
    """The days on which a customer buys, and how many of what."""
    everything = [style for interest in interests.values() for style in interest.styles]
    styles = list(customer.tastes.values())
    goods = [line for name in customer.tastes for line in interests[name].seasonal]
    runs_out: dict[Item, int] = {}
    owned: set[Item] = set()
    day = customer.joined
    while day == customer.joined or day <= min(customer.leaves, N_DAYS - 1):
        # What has run out or soon will, if it is still sold.
        needed = [item for item, last in runs_out.items() if last <= day + _FEWEST_DAYS]
        basket = {item: _popular(rng, (1, 1, 1, 2, 3)) for item in needed if day in item.sold_days}
        # The goods of these weeks.
        season = (N_DAYS - 1 - day) // _SEASON_DAYS % N_SEASONS
        found = [line[season] for line in goods if rng.random() < _IN_SEASON]
        # Something new: equipment, another kind, now and then anything.
        for _ in range(rng.randint(0, 3)):
            style = _popular(rng, styles if rng.random() < _BY_TASTE else everything)
            shelf = style.kept if rng.random() < _TO_KEEP else style.used_up
            found.append(_popular(rng, [item for item in shelf if day in item.sold_days]))
        basket |= {item: 1 for item in found if item not in owned and item not in basket}
        for item, quantity in basket.items():
            runs_out.pop(item, None)
            if item.lasts_days is None:
                owned.add(item)
            elif rng.random() < _AGAIN:
                runs_out[item] = day + quantity * item.lasts_days
        if basket:
            yield day, basket
        day += rng.randint(_FEWEST_DAYS, _MOST_DAYS)


def _orders(rng: Random, customer: Customer, day: int, basket: dict[Item, int]) -> Iterator[Order]:
    """The order, and the credit note if something comes back."""
    # By day, and most in the evening.
    second = _OPENS + int(_OPEN_SECONDS * max(rng.random(), rng.random()))
    chance, age = rng.random(), N_DAYS - 1 - day
    if chance < _CANCELLED:
        status = "cancelled"
    elif age >= _OPEN_DAYS:
        status = "completed"
    else:
        status = "pending" if chance < _CANCELLED + _UNPAID else "shipped"
    yield Order(timedelta(day, second), customer, status, basket)
    back = {item: -rng.randint(1, n) for item, n in basket.items() if rng.random() < _COMES_BACK}
    returned = day + rng.randint(4, 16)
    if back and status == "completed" and returned < N_DAYS:
        yield Order(timedelta(returned, second), customer, "returned", back)
