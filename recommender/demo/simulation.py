"""The customers' lives: what they like, what they need again and when, told in days of a fixed calendar.

The calendar has 103 whole weeks, day 0 is a Monday. Everything follows from the seed. Only `random()` and
arithmetic that is exact on every machine are used, so that the sales are the same everywhere.
"""

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from random import Random
from typing import TypeVar

from recommender.demo.catalogue import N_SEASONS, Catalogue, Interest, Item, State, Style

N_DAYS = 721
"""Days of sales, 103 weeks: however the weeks fall, all of them lie within two years of 730 days."""
N_CUSTOMERS = 3000
"""Customers with an account who buy."""
N_IDLE = 80
"""Accounts without any order."""
N_GUESTS = 1300
"""People who order without an account, by e-mail address."""

_WITHDRAWN_FROM = 560
_LAST_YEAR_UNTIL = 357
_LAST_YEAR_PRICE = 96  # percent of today's
_DAYS_PER_MONTH = 30
_SEASON_DAYS = 28
_AHEAD_DAYS = 9
# Orders by hour from 7 to 22: some at noon, most in the evening.
_HOURS = (2, 3, 5, 6, 6, 7, 7, 5, 5, 5, 6, 7, 9, 10, 8, 4)
_OPENS = 7
_ONE_IN_FIVE = 0.2
_FOR_EVER = -1

_T = TypeVar("_T")


@dataclass(frozen=True)
class Line:
    """One line of an order."""

    item: Item
    quantity: int
    """Negative on a credit note."""
    cents: int
    """Price of one on that day."""


@dataclass(frozen=True)
class Order:
    """An order, or a credit note for what came back (status `returned`)."""

    day: int
    second: int
    """Of the day."""
    customer: int | None
    """Place in the list of customers; None for a guest."""
    guest_email: str | None
    status: str
    lines: tuple[Line, ...]


@dataclass
class Taste:
    """One interest of one customer."""

    interest: Interest
    style: Style
    weight: float
    child_born: int = 0
    """Day on which the child was born, where the styles follow its age."""


@dataclass
class Habit:
    """An item that a customer buys again and again."""

    item: Item
    taste: Taste
    pace: float
    """This household's days per item, relative to what one usually lasts."""
    due: int


@dataclass
class Customer:
    """A customer, or a guest."""

    joined: int
    """Day of the first visit."""
    leaves: int
    registered: int
    """Day of registration; below 0 it is before the sales."""
    visit_days: int
    """Usual days between two visits that no need calls for."""
    tastes: list[Taste] = field(default_factory=list)
    """The strongest first."""
    habits: list[Habit] = field(default_factory=list)
    owned: set[tuple[int, int]] = field(default_factory=set)
    """Ids of items of which one is enough, with the season for which that holds (-1: for ever)."""

    @property
    def who(self) -> str:
        """What the customer is like, in words."""
        return " and ".join(taste.style.who for taste in self.tastes)


@dataclass(frozen=True)
class Sales:
    """All that happened."""

    customers: tuple[Customer, ...]
    """With an account, in the order of their registration; the last N_IDLE in no particular place."""
    orders: tuple[Order, ...]
    """In the order of time."""


def simulate(catalogue: Catalogue, seed: int = 1) -> Sales:
    """Two years of the shop."""
    rng = Random(seed)
    people = _People(rng, catalogue)
    customers = [people.customer() for _ in range(N_CUSTOMERS)]
    customers += [Customer(N_DAYS, 0, _whole(rng, -700, N_DAYS - 1), 30) for _ in range(N_IDLE)]
    customers.sort(key=lambda customer: customer.registered)
    orders: list[Order] = []
    for place, customer in enumerate(customers):
        for day, lines in _life(rng, catalogue, customer):
            orders += _order(rng, day, lines, place, None)
    for number in range(1, N_GUESTS + 1):
        email = f"guest{number}@example.org"
        for day, lines in _life(rng, catalogue, people.guest()):
            typed = email.capitalize() if rng.random() < _ONE_IN_FIVE else email
            orders += _order(rng, day, lines, None, typed)
    orders.sort(key=lambda order: (order.day, order.second))
    return Sales(tuple(customers), tuple(orders))


class _People:
    """Makes customers."""

    def __init__(self, rng: Random, catalogue: Catalogue) -> None:
        self._rng = rng
        self._interests = {interest.name: interest for interest in catalogue.interests}

    def customer(self) -> Customer:
        """A customer with an account, with one to three interests."""
        rng = self._rng
        here_before = rng.random() < 0.3  # noqa: PLR2004 - a share of customers
        # The square root of an even number: each month brings more new customers than the one before.
        joined = _whole(rng, 0, 45) if here_before else int(N_DAYS * rng.random() ** 0.5)
        registered = joined - (_whole(rng, 0, 900) if here_before else 0)
        loyal = rng.random() < 0.75  # noqa: PLR2004 - a share of customers
        stays = _whole(rng, 90, 900) if loyal else _whole(rng, 0, 50)
        customer = Customer(joined, joined + stays, registered, _whole(rng, 25, 75))
        self._give_tastes(customer, 1 + (rng.random() < 0.6) + (rng.random() < 0.3))  # noqa: PLR2004 - shares
        return customer

    def guest(self) -> Customer:
        """Somebody who comes once or a few times for one thing."""
        rng = self._rng
        joined = int(N_DAYS * rng.random() ** 0.5)
        customer = Customer(joined, joined + _whole(rng, 0, 70), joined, _whole(rng, 25, 60))
        self._give_tastes(customer, 1)
        return customer

    def _give_tastes(self, customer: Customer, n: int) -> None:
        rng, interests = self._rng, list(self._interests.values())
        first = _weighted(rng, interests, [interest.weight for interest in interests])
        chosen = [first]
        while len(chosen) < n:
            # Mostly what goes with the first interest; sometimes anything.
            near = [self._interests[name] for name in first.goes_with]
            other = _popular_first(rng, near if rng.random() < 0.8 else interests)  # noqa: PLR2004 - a share
            if other not in chosen:
                chosen.append(other)
        for interest, weight in zip(chosen, (1.0, 0.5, 0.3), strict=False):
            taste = Taste(interest, _popular_first(rng, interest.styles), weight)
            if taste.style.until_months is not None:
                taste.child_born = customer.joined - int(12 * _DAYS_PER_MONTH * rng.random() ** 2)
            customer.tastes.append(taste)
            _grow(taste, customer.joined)
            for _ in range(_whole(rng, 1, 3) if interest is first else _whole(rng, 0, 2)):
                _start_habit(rng, customer, taste, customer.joined)


def _life(rng: Random, catalogue: Catalogue, customer: Customer) -> Iterator[tuple[int, list[Line]]]:
    """The days on which a customer orders, and what."""
    day = customer.joined
    while day < min(customer.leaves + 1, N_DAYS):
        basket: dict[Item, int] = {}
        _grow_up(rng, customer, day)
        _buy_needed(rng, customer, day, basket)
        _buy_in_season(rng, customer, day, basket)
        _discover(rng, catalogue, customer, day, basket)
        if basket:
            yield day, [Line(item, quantity, _price(item, day)) for item, quantity in basket.items()]
        next_visit = day + int(customer.visit_days * (0.5 + rng.random()))
        day = max(day + 6, min([next_visit, *(habit.due for habit in customer.habits)]))


def _grow(taste: Taste, day: int) -> bool:
    """Bring a taste that follows a child's age up to date; whether it changed."""
    months = (day - taste.child_born) / _DAYS_PER_MONTH
    if taste.style.until_months is None or months < taste.style.until_months:
        return False
    later = [style for style in taste.interest.styles if months < (style.until_months or 0)]
    before = taste.style
    taste.style = later[0] if later else taste.interest.styles[-1]
    return taste.style is not before


def _grow_up(rng: Random, customer: Customer, day: int) -> None:
    for taste in customer.tastes:
        if _grow(taste, day):
            # The smaller nappies are done with: the same needs, one size up.
            outgrown = [habit for habit in customer.habits if habit.taste is taste]
            customer.habits = [habit for habit in customer.habits if habit.taste is not taste]
            for _ in outgrown:
                _start_habit(rng, customer, taste, day)


def _start_habit(rng: Random, customer: Customer, taste: Taste, day: int) -> None:
    item = _popular_first(rng, _on_sale(taste.style.used_up, day))
    if all(habit.item is not item for habit in customer.habits):
        due = day + _whole(rng, 0, (item.lasts_days or 0) // 2)
        customer.habits.append(Habit(item, taste, 0.8 + 0.6 * rng.random(), due))


def _buy_needed(rng: Random, customer: Customer, day: int, basket: dict[Item, int]) -> None:
    """What has run out or soon will; now and then another kind is tried, or the habit ends."""
    for habit in list(customer.habits):
        if habit.due > day + _AHEAD_DAYS:
            continue
        quantity = _weighted(rng, (1, 2, 3), (0.8, 0.15, 0.05))
        lasts = (habit.item.lasts_days or 0) * habit.pace * quantity
        habit.due = max(day, habit.due) + 1 + int(lasts * (0.85 + 0.3 * rng.random()))
        kinds = _on_sale(habit.taste.style.used_up, day)
        chance = rng.random()
        item = habit.item
        if item not in kinds or chance < 0.12:  # noqa: PLR2004 - a share of purchases
            item = _popular_first(rng, kinds)
            if item.lasts_days == habit.item.lasts_days and all(item is not h.item for h in customer.habits):
                habit.item = item
            elif habit.item not in kinds:
                customer.habits.remove(habit)
        elif chance > 0.96:  # noqa: PLR2004 - a share of purchases
            customer.habits.remove(habit)
        basket[item] = max(quantity, basket.get(item, 0))


def _buy_in_season(rng: Random, customer: Customer, day: int, basket: dict[Item, int]) -> None:
    season = (N_DAYS - 1 - day) // _SEASON_DAYS
    for taste in customer.tastes:
        for line in taste.interest.seasonal:
            item = line[season % N_SEASONS]
            if (item.item_id, season) not in customer.owned and rng.random() < 0.6 * taste.weight:
                basket[item] = 1
                customer.owned.add((item.item_id, season))


def _discover(
    rng: Random, catalogue: Catalogue, customer: Customer, day: int, basket: dict[Item, int]
) -> None:
    """Something beyond the needs: equipment, another kind, a look round the shop, a new habit."""
    for _ in range(_weighted(rng, (0, 1, 2, 3), (0.4, 0.33, 0.19, 0.08))):
        style = _style_now(rng, catalogue, customer)
        shelf = _on_sale(style.kept if rng.random() < 0.62 else style.used_up, day)  # noqa: PLR2004 - a share
        item = _popular_first(rng, shelf)
        if (item.item_id, _FOR_EVER) not in customer.owned:
            basket.setdefault(item, 1)
            if item.lasts_days is None:
                customer.owned.add((item.item_id, _FOR_EVER))
    taste = _weighted(rng, customer.tastes, [taste.weight for taste in customer.tastes])
    if len(customer.habits) < 5 and rng.random() < 0.12:  # noqa: PLR2004 - the most habits; a share of visits
        _start_habit(rng, customer, taste, day)


def _style_now(rng: Random, catalogue: Catalogue, customer: Customer) -> Style:
    chance = rng.random()
    if chance < 0.86:  # noqa: PLR2004 - a share of discoveries
        return _weighted(rng, customer.tastes, [taste.weight for taste in customer.tastes]).style
    if chance < 0.94:  # noqa: PLR2004 - everybody needs toilet rolls
        return catalogue.interests[-1].styles[0]
    return _popular_first(rng, _popular_first(rng, catalogue.interests).styles)


def _order(
    rng: Random, day: int, lines: Sequence[Line], customer: int | None, guest_email: str | None
) -> Iterator[Order]:
    """The order, and the credit note if something comes back."""
    hour = _OPENS + _weighted(rng, range(len(_HOURS)), _HOURS)
    second = hour * 3600 + _whole(rng, 0, 3599)
    age = N_DAYS - 1 - day
    chance = rng.random()
    if chance < 0.03:  # noqa: PLR2004 - the share of orders that is cancelled
        status = "cancelled"
    elif chance < 0.1 and age < 3:  # noqa: PLR2004 - some of the last days' orders are not paid yet
        status = "pending"
    else:
        status = "shipped" if age < 4 else "completed"  # noqa: PLR2004 - days on the way
    yield Order(day, second, customer, guest_email, status, tuple(lines))
    back = [
        Line(line.item, -_whole(rng, 1, line.quantity), line.cents)
        for line in lines
        if rng.random() < (0.035 if line.item.lasts_days is None else 0.012)
    ]
    returned = day + _whole(rng, 4, 16)
    if back and status == "completed" and returned < N_DAYS:
        yield Order(
            returned, _whole(rng, 9 * 3600, 17 * 3600), customer, guest_email, "returned", tuple(back)
        )


def _price(item: Item, day: int) -> int:
    """The price of the day: last year's were lower, in steps of five."""
    if day >= _LAST_YEAR_UNTIL:
        return item.cents
    return item.cents * _LAST_YEAR_PRICE // 500 * 5


def _on_sale(items: tuple[Item, ...], day: int) -> Sequence[Item]:
    """Those of the items that the shop sells on this day."""
    unsold = (State.NEW, State.WITHDRAWN) if day >= _WITHDRAWN_FROM else (State.NEW,)
    return [item for item in items if item.state not in unsold]


def _whole(rng: Random, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return low + int((high - low + 1) * rng.random())


def _weighted(rng: Random, choices: Sequence[_T], weights: Sequence[float]) -> _T:
    return _drawn(rng, choices, tuple(accumulate(weights)))


def _popular_first(rng: Random, choices: Sequence[_T]) -> _T:
    """One of them, the first most often."""
    return _drawn(rng, choices, _falling(len(choices)))


@cache
def _falling(n: int) -> tuple[float, ...]:
    return tuple(accumulate(1 / (2 + place) for place in range(n)))


def _drawn(rng: Random, choices: Sequence[_T], sums: Sequence[float]) -> _T:
    return choices[min(bisect(sums, rng.random() * sums[-1]), len(choices) - 1)]
