"""Two years of the demo shop, told in days of a fixed calendar.

The calendar has 103 whole weeks, day 0 is a Monday. Everything follows from the seed, see `chance`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from recommender.setup.demo.chance import popular_first, weighted, whole
from recommender.setup.demo.people import N_DAYS, Customer, Habit, People, on_sale
from recommender.setup.demo.products import N_SEASONS, Assortment, Item, Style

N_CUSTOMERS = 3000
"""Customers with an account who buy."""
N_IDLE = 80
"""Accounts without any order."""
N_GUESTS = 1300
"""People who order without an account, by e-mail address."""

_LAST_YEAR_UNTIL = 357
_LAST_YEAR_PERCENT = 96
_SEASON_DAYS = 28
_FOR_EVER = -1
# What will run out within so many days comes along; the shop is not visited twice within a few.
_AHEAD_DAYS = 9
_BETWEEN_VISITS_DAYS = 6
# Shares of the purchases out of habit.
_TRIES_ANOTHER = 0.12
_GIVES_UP = 0.04
# Shares of visits, and how many habits a customer has room for.
_IN_SEASON = 0.6
_NEW_HABIT = 0.12
_MOST_HABITS = 5
# Shares of what is bought beyond the needs.
_BY_TASTE = 0.86
_FOR_THE_HOUSEHOLD = 0.08
_TO_KEEP = 0.62
# Shares of orders and of lines.
_CANCELLED = 0.03
_UNPAID = 0.07
_KEPT_COMES_BACK = 0.035
_USED_UP_COMES_BACK = 0.012
_ODDLY_TYPED = 0.2
# Days that an order may wait for its payment, or is on its way.
_WAITS_DAYS = 3
_ON_THE_WAY_DAYS = 4
# Orders by hour from 7 to 22: some at noon, most in the evening.
_HOURS = (2, 3, 5, 6, 6, 7, 7, 5, 5, 5, 6, 7, 9, 10, 8, 4)
_OPENS = 7
_OFFICE_SECONDS = (9 * 3600, 17 * 3600)


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


@dataclass(frozen=True)
class SimulatedSales:
    """All that happened."""

    customers: tuple[Customer, ...]
    """With an account, in the order of their registration."""
    orders: tuple[Order, ...]
    """In the order of time."""


def simulate(catalogue: Assortment, seed: int = 1) -> SimulatedSales:
    """Two years of the shop."""
    rng = Random(seed)
    people = People(rng, catalogue)
    customers = [people.customer() for _ in range(N_CUSTOMERS)]
    customers += [people.idle() for _ in range(N_IDLE)]
    customers.sort(key=lambda customer: customer.registered)
    orders: list[Order] = []
    for place, customer in enumerate(customers):
        for day, lines in _life(rng, catalogue, customer):
            orders += _order(rng, day, lines, place, None)
    for number in range(1, N_GUESTS + 1):
        email = f"guest{number}@example.org"
        for day, lines in _life(rng, catalogue, people.guest()):
            typed = email.capitalize() if rng.random() < _ODDLY_TYPED else email
            orders += _order(rng, day, lines, None, typed)
    orders.sort(key=lambda order: (order.day, order.second))
    return SimulatedSales(tuple(customers), tuple(orders))


def _life(rng: Random, catalogue: Assortment, customer: Customer) -> Iterator[tuple[int, list[Line]]]:
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
        due = [habit.due for habit in customer.habits]
        day = max(day + _BETWEEN_VISITS_DAYS, min([next_visit, *due]))


def _grow_up(rng: Random, customer: Customer, day: int) -> None:
    """When a child grows, the smaller nappies are done with: the same needs, one size up."""
    for taste in customer.tastes:
        if taste.grow(day):
            outgrown = [habit for habit in customer.habits if habit.taste is taste]
            customer.habits = [habit for habit in customer.habits if habit.taste is not taste]
            for _ in outgrown:
                customer.start_habit(rng, taste, day)


def _buy_needed(rng: Random, customer: Customer, day: int, basket: dict[Item, int]) -> None:
    """What has run out or soon will; now and then another kind is tried, or the habit ends."""
    for habit in list(customer.habits):
        if habit.due > day + _AHEAD_DAYS:
            continue
        quantity = weighted(rng, (1, 2, 3), (0.8, 0.15, 0.05))
        lasts = (habit.item.lasts_days or 0) * habit.pace * quantity
        habit.due = max(day, habit.due) + 1 + int(lasts * (0.85 + 0.3 * rng.random()))
        item = habit.item
        chance = rng.random()
        kinds = on_sale(habit.taste.style.used_up, day)
        if item not in kinds or chance < _TRIES_ANOTHER:
            item = popular_first(rng, kinds)
            _change(customer, habit, item, kinds)
        elif chance > 1 - _GIVES_UP:
            customer.habits.remove(habit)
        basket[item] = max(quantity, basket.get(item, 0))


def _change(customer: Customer, habit: Habit, item: Item, kinds: Sequence[Item]) -> None:
    """Another kind of the same stays; the habit ends where its item is not sold any more."""
    another = item.lasts_days == habit.item.lasts_days
    if another and all(item is not other.item for other in customer.habits):
        habit.item = item
    elif habit.item not in kinds:
        customer.habits.remove(habit)


def _buy_in_season(rng: Random, customer: Customer, day: int, basket: dict[Item, int]) -> None:
    """The goods of these weeks, once a season."""
    season = (N_DAYS - 1 - day) // _SEASON_DAYS
    for taste in customer.tastes:
        for line in taste.interest.seasonal:
            item = line[season % N_SEASONS]
            if (item.item_id, season) not in customer.owned and rng.random() < _IN_SEASON * taste.weight:
                basket[item] = 1
                customer.owned.add((item.item_id, season))


def _discover(
    rng: Random, catalogue: Assortment, customer: Customer, day: int, basket: dict[Item, int]
) -> None:
    """Something beyond the needs: equipment, another kind, a look round the shop, a new habit."""
    for _ in range(weighted(rng, (0, 1, 2, 3), (0.4, 0.33, 0.19, 0.08))):
        style = _style_now(rng, catalogue, customer)
        item = popular_first(rng, on_sale(style.kept if rng.random() < _TO_KEEP else style.used_up, day))
        if (item.item_id, _FOR_EVER) not in customer.owned:
            basket.setdefault(item, 1)
            if item.lasts_days is None:
                customer.owned.add((item.item_id, _FOR_EVER))
    if len(customer.habits) < _MOST_HABITS and rng.random() < _NEW_HABIT:
        taste = weighted(rng, customer.tastes, [taste.weight for taste in customer.tastes])
        customer.start_habit(rng, taste, day)


def _style_now(rng: Random, catalogue: Assortment, customer: Customer) -> Style:
    """What the customer looks at: mostly by taste; everybody needs toilet rolls; now and then anything."""
    chance = rng.random()
    if chance < _BY_TASTE:
        return weighted(rng, customer.tastes, [taste.weight for taste in customer.tastes]).style
    if chance < _BY_TASTE + _FOR_THE_HOUSEHOLD:
        return catalogue.interests[-1].styles[0]
    return popular_first(rng, popular_first(rng, catalogue.interests).styles)


def _order(
    rng: Random, day: int, lines: Sequence[Line], customer: int | None, guest_email: str | None
) -> Iterator[Order]:
    """The order, and the credit note if something comes back."""
    hour = _OPENS + weighted(rng, range(len(_HOURS)), _HOURS)
    second = hour * 3600 + whole(rng, 0, 3599)
    age = N_DAYS - 1 - day
    chance = rng.random()
    if chance < _CANCELLED:
        status = "cancelled"
    elif chance < _CANCELLED + _UNPAID and age < _WAITS_DAYS:
        status = "pending"
    else:
        status = "shipped" if age < _ON_THE_WAY_DAYS else "completed"
    yield Order(day, second, customer, guest_email, status, tuple(lines))
    back = tuple(
        Line(line.item, -whole(rng, 1, line.quantity), line.cents)
        for line in lines
        if rng.random() < (_KEPT_COMES_BACK if line.item.lasts_days is None else _USED_UP_COMES_BACK)
    )
    returned = day + whole(rng, 4, 16)
    if back and status == "completed" and returned < N_DAYS:
        yield Order(returned, whole(rng, *_OFFICE_SECONDS), customer, guest_email, "returned", back)


def _price(item: Item, day: int) -> int:
    """The price of the day: last year's were lower, in steps of five."""
    if day >= _LAST_YEAR_UNTIL:
        return item.cents
    return item.cents * _LAST_YEAR_PERCENT // 500 * 5
