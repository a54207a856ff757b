"""The customers of the demo shop: what they like and what they buy again and again.

Days are those of the simulated calendar, see `simulation`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from recommender.setup.demo.chance import popular_first, weighted, whole
from recommender.setup.demo.products import Assortment, Interest, Item, State, Style

N_DAYS = 721
"""Days of sales, 103 weeks: however the weeks fall, all of them lie within two years of 730 days."""

_WITHDRAWN_FROM = 560
_DAYS_PER_MONTH = 30
_OLDEST_CHILD_DAYS = 12 * _DAYS_PER_MONTH
# Shares of all customers.
_WERE_HERE_BEFORE = 0.3
_LOYAL = 0.75
_SECOND_TASTE = 0.6
_ANOTHER_TASTE = 0.3
# How often a further interest is one that goes with the first.
_RELATED = 0.8
_TASTE_WEIGHTS = (1.0, 0.5, 0.3)


@dataclass
class Taste:
    """One interest of one customer."""

    interest: Interest
    style: Style
    weight: float
    child_born: int = 0
    """Day on which the child was born, where the styles follow its age."""

    def grow(self, day: int) -> bool:
        """Bring the style up to the child's age; whether it changed."""
        months = (day - self.child_born) / _DAYS_PER_MONTH
        before = self.style
        if before.until_months is not None and months >= before.until_months:
            later = [style for style in self.interest.styles if months < (style.until_months or 0)]
            self.style = later[0] if later else self.interest.styles[-1]
        return self.style is not before


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

    def start_habit(self, rng: Random, taste: Taste, day: int) -> None:
        """Take to something of this taste, unless it is a habit already."""
        item = popular_first(rng, on_sale(taste.style.used_up, day))
        if all(habit.item is not item for habit in self.habits):
            due = day + whole(rng, 0, (item.lasts_days or 0) // 2)
            self.habits.append(Habit(item, taste, 0.8 + 0.6 * rng.random(), due))


class People:
    """Makes customers."""

    def __init__(self, rng: Random, catalogue: Assortment) -> None:
        self._rng = rng
        self._interests = {interest.name: interest for interest in catalogue.interests}

    def customer(self) -> Customer:
        """A customer with an account, with one to three interests."""
        rng = self._rng
        here_before = rng.random() < _WERE_HERE_BEFORE
        joined = whole(rng, 0, 45) if here_before else self._some_day()
        registered = joined - (whole(rng, 0, 900) if here_before else 0)
        stays = whole(rng, 90, 830) if rng.random() < _LOYAL else whole(rng, 0, 50)
        customer = Customer(joined, joined + stays, registered, whole(rng, 25, 75))
        self._give_tastes(customer, 1 + (rng.random() < _SECOND_TASTE) + (rng.random() < _ANOTHER_TASTE))
        return customer

    def idle(self) -> Customer:
        """An account that never orders."""
        return Customer(N_DAYS, 0, whole(self._rng, -700, N_DAYS - 1), 30)

    def guest(self) -> Customer:
        """Somebody who comes once or a few times for one thing."""
        joined = self._some_day()
        customer = Customer(joined, joined + whole(self._rng, 0, 70), joined, whole(self._rng, 25, 60))
        self._give_tastes(customer, 1)
        return customer

    def _some_day(self) -> int:
        """A day to begin: the later the likelier, for the shop grows."""
        return max(whole(self._rng, 0, N_DAYS - 1), whole(self._rng, 0, N_DAYS - 1))

    def _give_tastes(self, customer: Customer, n: int) -> None:
        rng, interests = self._rng, list(self._interests.values())
        first = weighted(rng, interests, [interest.weight for interest in interests])
        chosen = [first]
        while len(chosen) < n:
            near = [self._interests[name] for name in first.goes_with]
            other = popular_first(rng, near if rng.random() < _RELATED else interests)
            if other not in chosen:
                chosen.append(other)
        for interest, weight in zip(chosen, _TASTE_WEIGHTS, strict=False):
            taste = Taste(interest, popular_first(rng, interest.styles), weight)
            if taste.style.until_months is not None:
                age = min(whole(rng, 0, _OLDEST_CHILD_DAYS), whole(rng, 0, _OLDEST_CHILD_DAYS))
                taste.style, taste.child_born = interest.styles[0], customer.joined - age
            customer.tastes.append(taste)
            taste.grow(customer.joined)
            for _ in range(whole(rng, 1, 3) if interest is first else whole(rng, 0, 2)):
                customer.start_habit(rng, taste, customer.joined)


def on_sale(items: tuple[Item, ...], day: int) -> Sequence[Item]:
    """Those of the items that the shop sells on this day."""
    unsold = (State.NEW, State.WITHDRAWN) if day >= _WITHDRAWN_FROM else (State.NEW,)
    return [item for item in items if item.state not in unsold]
