"""Two years of the demo shop, on a calendar of whole weeks; day 0 is a Monday.

Everything follows from the seed: drawn are only random(), choices() and randint() of Python's own generator,
and computed are sums and products, so that it is the same on every machine.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TypeVar

from recommender.setup.demo.products import N_DAYS, N_SEASONS, Interest, Item, Style

_T = TypeVar("_T")

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
