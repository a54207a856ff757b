"""Rules that contradict each other, the settings, or what there is to sell.

The night knows what to do with each of them; the owner is told.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from recommender.runs.items import Catalogue
from recommender.runs.keys import Keys
from recommender.runs.leftout import LeftOut, left_out
from recommender.runs.rules import Rule, RuleKind
from recommender.system.text import shortened
from recommender.tables import POPULAR_ITEMS, ListTable

_PRICES = (RuleKind.PRICE_AT_LEAST, RuleKind.PRICE_AT_MOST)

Selection = tuple[str | None, str | None, str | None]
"""Item, category and brand, each None where it may be any."""
Pin = tuple[Rule, ListTable]
"""A pin, and one of the lists that it is for."""


@dataclass(frozen=True)
class RuleFinding:
    """What the owner should know about some rules."""

    what: str
    """in a sentence for the record of a night: without a customer's key"""
    what_to_do: str
    examples: tuple[str, ...] = ()
    """for whoever calls a command: texts of the rules as they were typed"""


@dataclass(frozen=True)
class ListLimits:
    """What the settings say of the lists."""

    made: Sequence[ListTable]
    top_n: int
    popular_items: int
    max_per_category: int
    """0: no limit"""

    def length(self, definition: ListTable) -> int:
        """How many items a list has at most."""
        return self.popular_items if definition is POPULAR_ITEMS else self.top_n


@dataclass(frozen=True)
class Shelf:
    """The items by their keys as texts."""

    catalogue: Catalogue

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Of each item in the catalogue."""
        return {text: place for place, text in enumerate(self.catalogue.ids.as_texts())}

    def is_sellable(self, item: str) -> bool:
        """Whether items.sql says so."""
        place = self.places.get(item)
        return place is not None and bool(self.catalogue.sellable[place])

    def price(self, item: str) -> float:
        """NaN where it is not known."""
        place, prices = self.places.get(item), self.catalogue.prices
        return math.nan if place is None or prices is None else float(prices[place])

    def selections(self, item: str) -> Iterator[Selection]:
        """All that a rule can say that is about this item."""
        place = self.places.get(item)
        category, brand = (
            None if place is None or words is None else words[place]
            for words in (self.catalogue.categories, self.catalogue.brands)
        )
        yield from dict.fromkeys(product((item, None), (category, None), (brand, None)))

    def selected(self, rules: Iterable[Rule]) -> Iterator[str]:
        """The items of the catalogue that at least one of these rules is about, in canonical order."""
        wanted = {selection_of(rule) for rule in rules}
        for item in self.places if wanted else ():
            if not wanted.isdisjoint(self.selections(item)):
                yield item


def selection_of(rule: Rule) -> Selection:
    """What a rule is about."""
    return rule.item, rule.category, rule.brand


def find_contradictions(
    rules: Sequence[Rule], catalogue: Catalogue, never: Keys, lists: ListLimits
) -> list[RuleFinding]:
    """Everything of the kind, one finding for each.

    Args:
        rules: in the shop's own keys and words, in canonical order.
        catalogue: the items.
        never: those that are never recommended, for all and in every list.
        lists: as the settings have them.
    """
    shelf, hidden = Shelf(catalogue), {*never.as_texts()}
    left = {definition: left_out(rules, definition, catalogue) for definition in lists.made}
    pins = [
        (rule, definition)
        for rule in rules
        if rule.kind is RuleKind.PIN
        for definition in lists.made
        if rule.is_for(definition)
    ]
    return [
        *_for_no_list(rules, lists),
        *_nothing_left(left, shelf, hidden),
        *_pins_of_nothing(pins, left, shelf, hidden),
        *_pins_beyond(pins, lists),
        *_pins_together(pins),
        *_pins_twice(pins),
        *_prices_apart(rules),
        *_without_price(rules, shelf, hidden),
        *_too_few(rules, shelf, hidden, lists),
    ]


def _for_no_list(rules: Sequence[Rule], lists: ListLimits) -> Iterator[RuleFinding]:
    some = [rule for rule in rules if not any(map(rule.is_for, lists.made))]
    if some:
        yield RuleFinding(
            f"{_count(some, 'rule is', 'rules are')} for lists that LISTS leaves out.",
            "Take such rules away, or name the lists in LISTS.",
        )


def _pins_of_nothing(
    pins: Sequence[Pin], left: Mapping[ListTable, LeftOut], shelf: Shelf, never: Collection[str]
) -> Iterator[RuleFinding]:
    """Pins of what is kept out there, and of what is not sellable."""

    def is_hidden(pin: Rule, definition: ListTable) -> bool:
        item, out = str(pin.item), left[definition]
        return (
            item in never or item in out.items or (pin.customer is not None and out.has(pin.customer, item))
        )

    hidden = _distinct(pin for pin, definition in pins if is_hidden(pin, definition))
    if hidden:
        yield RuleFinding(
            f"{_count(hidden, 'pin is of an item', 'pins are of items')} that a rule or NEVER_RECOMMEND keeps"
            f" out, such as {_item(hidden[0])}: it is not shown there.",
            "Take the pin away, or what keeps the item out.",
        )
    unsellable = _distinct(pin for pin, _ in pins if not shelf.is_sellable(str(pin.item)))
    if unsellable:
        yield RuleFinding(
            f"{_count(unsellable, 'pin is of an item that is', 'pins are of items that are')} not sellable,"
            f" such as {_item(unsellable[0])}: it is not shown.",
            "Take the pin away, or check sellable in items.sql.",
        )


def _nothing_left(
    left: Mapping[ListTable, LeftOut], shelf: Shelf, never: Collection[str]
) -> Iterator[RuleFinding]:
    """Lists of which rules leave everything out."""
    allowed = [item for item in shelf.places if shelf.is_sellable(item) and item not in never]
    empty = [
        each.name for each, out in left.items() if allowed and all(item in out.items for item in allowed)
    ]
    if empty:
        yield RuleFinding(
            f"Rules leave out all {len(allowed):,} items that could stand in {', '.join(empty)}.",
            "Correct them, or take the lists out of LISTS: nothing is left to show there.",
        )


def _pins_beyond(pins: Sequence[Pin], lists: ListLimits) -> Iterator[RuleFinding]:
    beyond = [(pin, of) for pin, of in pins if _position(pin) > lists.length(of)]
    if beyond:
        pin, of = beyond[0]
        some = _distinct(pin for pin, _ in beyond)
        yield RuleFinding(
            f"{_count(some, 'pin stands', 'pins stand')} beyond the end of a list, such as {_item(pin)} at"
            f" {_position(pin)} of {of.name}, which has {lists.length(of)} places.",
            "Correct the position, or TOP_N or POPULAR_ITEMS.",
        )


def _pins_together(pins: Sequence[Pin]) -> Iterator[RuleFinding]:
    """Several for one place and the same customers. A customer's own beats one for all, as it should."""
    places: dict[tuple[str, str | None, int], dict[str, Rule]] = defaultdict(dict)
    for pin, of in pins:
        places[of.name, pin.customer, _position(pin)].setdefault(str(pin.item), pin)
    shared = [(name, position, some) for (name, _, position), some in places.items() if len(some) > 1]
    if shared:
        name, position, some = shared[0]
        items = " and ".join(shortened(item) for item in [*some][:2])
        yield RuleFinding(
            f"{_count(shared, 'place has', 'places have')} several pins, such as {position} of {name} (items"
            f" {items}): the first by its item's key stands.",
            "Give each pin a place of its own.",
        )


def _pins_twice(pins: Sequence[Pin]) -> Iterator[RuleFinding]:
    places: dict[tuple[str, str | None, str], set[int]] = defaultdict(set)
    for pin, of in pins:
        places[of.name, pin.customer, str(pin.item)].add(_position(pin))
    twice = [(name, item) for (name, _, item), some in places.items() if len(some) > 1]
    if twice:
        name, item = twice[0]
        items = {item: None for _, item in twice}
        yield RuleFinding(
            f"{_count(items, 'item is', 'items are')} pinned to several places of a list, such as item"
            f" {shortened(item)} in {name}: the lowest stands.",
            "Leave one pin for each item.",
        )


def _prices_apart(rules: Sequence[Rule]) -> Iterator[RuleFinding]:
    """Of the same items, lists and customers: what is below one price and above another is nothing."""
    limits: dict[tuple[object, ...], dict[RuleKind, float]] = defaultdict(dict)
    for rule in rules:
        if rule.kind in _PRICES and rule.value is not None:
            some = limits[(*selection_of(rule), rule.list_name, rule.customer)]
            tighter = max if rule.kind is RuleKind.PRICE_AT_LEAST else min
            some[rule.kind] = tighter(some.get(rule.kind, rule.value), rule.value)
    both = [[some[kind] for kind in _PRICES] for some in limits.values() if len(some) == len(_PRICES)]
    apart = [(low, high) for low, high in both if low > high]
    if apart:
        low, high = apart[0]
        yield RuleFinding(
            f"price_at_least is above price_at_most for {_count(apart, 'choice', 'choices')} of items, such"
            f" as {low:g} and {high:g}: none of them is shown.",
            "Correct the prices.",
        )


def _without_price(rules: Sequence[Rule], shelf: Shelf, never: Collection[str]) -> Iterator[RuleFinding]:
    priced = [
        item
        for item in shelf.selected(rule for rule in rules if rule.kind in _PRICES)
        if shelf.is_sellable(item) and item not in never
    ]
    without = [item for item in priced if math.isnan(shelf.price(item))]
    if without:
        yield RuleFinding(
            f"{len(without):,} of {len(priced):,} sellable items with a price rule have no price, such as"
            f" item {shortened(without[0])}: the rule leaves them out.",
            "Return their price in items.sql.",
        )


def _too_few(
    rules: Sequence[Rule], shelf: Shelf, never: Collection[str], lists: ListLimits
) -> Iterator[RuleFinding]:
    """Where limits leave room for fewer items than a list has, whoever it is for."""
    if not lists.max_per_category and all(rule.kind is not RuleKind.MOST for rule in rules):
        return
    allowed = [item for item in shelf.places if shelf.is_sellable(item) and item not in never]
    wanted = min(lists.top_n, len(allowed))
    # ListLimits with the same limits are looked at once.
    told: dict[frozenset[tuple[Selection, float]], ListTable] = {}
    for of in lists.made:
        if of is not POPULAR_ITEMS:
            told.setdefault(frozenset(_most(rules, of).items()), of)
    for limits, definition in told.items():
        room = _room(shelf, allowed, dict(limits), lists.max_per_category)
        if room is not None and room < wanted:
            yield RuleFinding(
                f"MAX_PER_CATEGORY and rules of the kind most leave room for {room} items in"
                f" {definition.name}, where {wanted} could stand (TOP_N is {lists.top_n}).",
                "Raise the limits, or lower TOP_N.",
            )
            return


def _most(rules: Sequence[Rule], definition: ListTable) -> dict[Selection, float]:
    """The limits of a list, whoever it is for."""
    limits: dict[Selection, float] = {}
    for rule in rules:
        if rule.kind is RuleKind.MOST and rule.customer is None and rule.is_for(definition):
            selection, value = selection_of(rule), rule.value or 0
            limits[selection] = min(limits.get(selection, value), value)
    return limits


def _room(
    shelf: Shelf, allowed: Sequence[str], limits: Mapping[Selection, float], max_per_category: int
) -> int | None:
    """No list has more than so many of the items; None where some of these have no limit.

    It is a sum of limits, and not the least of all such sums: the tightest come first, each for what is left.
    """
    groups: dict[Selection, list[str]] = defaultdict(list)
    for item in allowed:
        for selection in shelf.selections(item):
            if selection in limits or (max_per_category and _is_category(selection)):
                groups[selection].append(item)

    def limit(selection: Selection) -> float:
        ours = max_per_category if max_per_category and _is_category(selection) else math.inf
        return min(limits.get(selection, math.inf), ours)

    left, room = {*allowed}, 0
    for selection in sorted(groups, key=lambda some: (limit(some), str(some))):
        some = left.intersection(groups[selection])
        room += int(min(limit(selection), len(some)))
        left -= some
    return None if left else room


def _is_category(selection: Selection) -> bool:
    item, category, brand = selection
    return item is None and category is not None and brand is None


def _position(pin: Rule) -> int:
    return int(pin.value or 0)


def _distinct(rules: Iterable[Rule]) -> list[Rule]:
    return [*dict.fromkeys(rules)]


def _item(rule: Rule) -> str:
    return f"item {shortened(str(rule.item))}"


def _count(some: Collection[object], one: str, many: str) -> str:
    return f"{len(some):,} {one if len(some) == 1 else many}"
