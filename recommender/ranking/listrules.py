"""The shop's own rules for one list, as arrays: what may stand there, what is lifted, how many of a kind."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from scipy.sparse import csr_matrix

from recommender.learning.interactions import Purchases
from recommender.runs.items import Catalogue
from recommender.runs.keys import Keys, keys_of
from recommender.runs.rules import Rule, RuleKind
from recommender.system.arrays import Bools, Float64s, Int32s, Int64s, row_indexes
from recommender.system.times import DAY_MICROSECONDS, UNREADABLE
from recommender.tables import RECOMMENDATIONS, KeyKind, ListTable, key_of

NEW_DAYS = 30
"""An item is new for so many days."""
NO_LIMIT = np.iinfo(np.int32).max
_FACTORS = 1e-100, 1e100
"""The least and the greatest product of an item's boosts: beyond any sense, and far from where a score times
everybody's and a customer's own would be infinite or 0."""
_NONE = np.empty(0, np.int32)
_NO_TURNS = np.empty(0, np.int64)


@dataclass(frozen=True)
class ShopRules:
    """What the shop asks of the lists of a night."""

    rules: tuple[Rule, ...] = ()
    """that hold on its day, in the shop's own keys and words"""
    max_per_category: int = 0
    """0 for no limit"""
    new_item_slots: int = 0
    """at the end of `recommendations`"""
    seed: int = 0
    """of the spread of new items over customers"""
    now: int = 0
    """the moment of the lists, microseconds of UTC"""

    @property
    def ask_anything(self) -> bool:
        """Whether there is any rule at all."""
        return bool(self.rules or self.max_per_category or self.new_item_slots)

    def for_list(
        self,
        definition: ListTable,
        *,
        n: int,
        items: Keys,
        sold: Keys,
        catalogue: Catalogue,
        allowed: Bools,
        customers: Keys | None = None,
        arrivals: "Arrivals | None" = None,
    ) -> "ListRules | None":
        """The rules of one list; None where there are none.

        Args:
            definition: the list.
            n: its rows at most.
            items: all that can be listed.
            sold: those of them that were sold.
            catalogue: what is known of them.
            allowed: shape (items,): sellable, and not on the never-list.
            customers: whose lists they are; None where these are of items, or one for all.
            arrivals: when the items came; None where the new ones have no places of their own.
        """
        by_customer: dict[str | None, list[Rule]] = defaultdict(list)
        for rule in self.rules:
            if rule.is_for(definition):
                by_customer[rule.customer].append(rule)
        slots = 0 if arrivals is None or definition is not RECOMMENDATIONS else min(self.new_item_slots, n)
        if not (by_customer or self.max_per_category or slots):
            return None
        facts = _Facts(items, catalogue)
        groups = _Groups(facts)
        of_all = _asked(by_customer.pop(None, []), facts, groups)
        limits = {}
        if self.max_per_category:
            limits = {groups.number(None, word, None): self.max_per_category for word in facts.categories}
        for group, most in of_all.limits.items():
            limits[group] = min(most, limits.get(group, most))
        found = {} if customers is None else {text: index for index, text in enumerate(customers.as_texts())}
        personal = {
            found[text]: _asked(rules, facts, groups) for text, rules in by_customer.items() if text in found
        }
        allowed = allowed.copy()
        allowed[of_all.left_out] = False
        boosts = of_all.factors(facts.n)
        newest = arrivals.best_first(allowed, boosts) if arrivals is not None and slots else _NONE
        return ListRules(
            n=n,
            of_sales=items.find(sold).astype(np.int32),
            allowed=allowed,
            boosts=boosts,
            groups=groups.of_items(),
            members=groups.members(),
            limits=np.array([limits.get(group, NO_LIMIT) for group in range(len(groups) + 1)], np.int32),
            pins=of_all.pins,
            personal=personal,
            newest=newest,
            slots=slots,
            turns=_turns(customers, self.seed) if len(newest) and customers is not None else _NO_TURNS,
        )


NO_RULES = ShopRules()


@dataclass(frozen=True, eq=False)
class Arrivals:
    """When items came into the shop; shapes (items,)."""

    age: Float64s
    """days before the lists are made; infinite where nobody knows"""
    popularity: Float64s

    def best_first(self, allowed: Bools, boosts: Float64s) -> Int32s:
        """The new ones that are allowed, the most popular first, then the youngest."""
        # Clocks and zones differ by less than a day; what is to come later is not there yet.
        new = np.flatnonzero(allowed & (self.age > -1) & (self.age < NEW_DAYS))
        return new[np.lexsort((new, self.age[new], -(self.popularity * boosts)[new]))].astype(np.int32)


def ages(items: Keys, catalogue: Catalogue, sold: Keys, purchases: Purchases, *, now: int) -> Float64s:
    """Days since each item came: by the catalogue, else since its first sale; infinite without either.

    Args:
        items: which.
        catalogue: its `added` comes first.
        sold: the items that the purchases are of.
        purchases: of the window.
        now: the moment of the lists, microseconds of UTC.
    """
    came = np.full(len(items), UNREADABLE)
    places = sold.find(items)
    first = np.full(len(sold), np.iinfo(np.int64).max)
    np.minimum.at(first, purchases.items, purchases.times)
    was_sold = (places >= 0) & (first[places] < np.iinfo(np.int64).max if len(sold) else False)
    came[was_sold] = first[places[was_sold]]
    if catalogue.added is not None:
        places = catalogue.ids.find(items)
        known = places >= 0
        known[known] = catalogue.added[places[known]] != UNREADABLE
        came[known] = catalogue.added[places[known]]
    return np.where(came == UNREADABLE, np.inf, (now - came) / DAY_MICROSECONDS)


def _turns(customers: Keys, seed: int) -> Int64s:
    """A place in line for each customer, by a hash of seed and key; shape (customers,)."""
    hashes = [
        hashlib.sha256(f"{seed}:{key}".encode("utf-8", "surrogatepass")).digest()
        for key in customers.as_texts()
    ]
    turns = np.empty(len(hashes), np.int64)
    turns[sorted(range(len(hashes)), key=hashes.__getitem__)] = np.arange(len(hashes))
    return turns


def pinned_items(rules: Sequence[Rule], definition: ListTable, kind: KeyKind) -> Keys:
    """The items that some rules pin in a list."""
    pins = (rule.item for rule in rules if rule.kind is RuleKind.PIN and rule.is_for(definition))
    return keys_of(key for key in (key_of(text, kind) for text in pins) if key is not None)


class _Facts:
    """What is known of the items of a list."""

    def __init__(self, items: Keys, catalogue: Catalogue) -> None:
        self.n = len(items)
        self._items = items
        self._catalogue = catalogue
        self._places = catalogue.ids.find(items)

    @cached_property
    def _by_key(self) -> dict[str, int]:
        return {text: index for index, text in enumerate(self._items.as_texts())}

    @cached_property
    def categories(self) -> dict[str, Int32s]:
        """The items of each."""
        return self._groups(self._catalogue.categories)

    @cached_property
    def _brands(self) -> dict[str, Int32s]:
        return self._groups(self._catalogue.brands)

    @cached_property
    def prices(self) -> Float64s:
        """Shape (items,): NaN where there is none."""
        found = np.full(self.n, np.nan)
        if self._catalogue.prices is not None:
            there = self._places >= 0
            found[there] = self._catalogue.prices[self._places[there]]
        return found

    def _groups(self, words: Sequence[str | None] | None) -> dict[str, Int32s]:
        found = defaultdict(list)
        for item, place in enumerate(self._places.tolist() if words is not None else ()):
            word = words[place] if words is not None and place >= 0 else None
            if word:
                found[word].append(item)
        return {word: np.array(members, np.int32) for word, members in found.items()}

    @cache  # noqa: B019 - it lives as long as a list is made
    def selected(self, item: str | None, category: str | None, brand: str | None) -> Int32s:
        """The items that a rule is about, ascending: those that have all that is given."""
        named: list[Int32s] = []
        if item is not None:
            place = self._by_key.get(item)
            named.append(_NONE if place is None else np.array([place], np.int32))
        if category is not None:
            named.append(self.categories.get(category, _NONE))
        if brand is not None:
            named.append(self._brands.get(brand, _NONE))
        # Not from all items on, which would take their number times that of the categories.
        found = named[0] if named else np.arange(self.n, dtype=np.int32)
        for others in named[1:]:
            found = found[np.isin(found, others)]
        return found


@dataclass(frozen=True, eq=False)
class Asked:
    """What some rules ask of lists: of everybody's, or of one customer's beside that."""

    left_out: Int32s
    """items"""
    boosts: tuple[tuple[Int32s, float], ...]
    """items and their factor"""
    limits: dict[int, int]
    """of groups: so many of each"""
    pins: tuple[tuple[int, int], ...]
    """position from 0 and item, in order"""

    def factors(self, n_items: int) -> Float64s:
        """By which scores are multiplied, shape (items,); within `_FACTORS`."""
        found = np.ones(n_items)
        with np.errstate(over="ignore"):
            for items, factor in self.boosts:
                found[items] = np.clip(found[items] * factor, *_FACTORS)
        return found


class _Groups:
    """The sets of items of which a list holds only so many."""

    def __init__(self, facts: _Facts) -> None:
        self._facts = facts
        self._numbers: dict[tuple[str | None, ...], int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, item: str | None, category: str | None, brand: str | None) -> int:
        """Of the items of this selection."""
        return self._numbers.setdefault((item, category, brand), len(self._numbers))

    def members(self) -> "csr_matrix[np.bool_]":
        """The items of each group, as `ListRules` has them."""
        items = [self._facts.selected(*selection) for selection in self._numbers]
        indices = np.concatenate([_NONE, *items])
        indptr = np.append(0, np.cumsum([len(own) for own in items], dtype=np.int64))
        return csr_matrix((np.ones(len(indices), bool), indices, indptr), shape=(len(items), self._facts.n))

    def of_items(self) -> Int32s:
        """The groups of each item, as `ListRules` has them."""
        by_item = self.members().T.tocsr()
        counts = np.diff(by_item.indptr)
        items = row_indexes(by_item.indptr)
        found = np.full((self._facts.n, int(counts.max(initial=0))), len(self), np.int32)
        found[items, np.arange(len(items)) - by_item.indptr[items]] = by_item.indices
        return found


def _asked(rules: Sequence[Rule], facts: _Facts, groups: _Groups) -> Asked:
    left_out, boosts, pins = [_NONE], [], []
    limits: dict[int, int] = {}
    for rule in rules:
        selection = (rule.item, rule.category, rule.brand)
        items = facts.selected(*selection)
        value = 0.0 if rule.value is None else rule.value
        if rule.kind is RuleKind.MOST:
            group = groups.number(*selection)
            limits[group] = min(int(value), limits.get(group, NO_LIMIT))
        elif rule.kind is RuleKind.BOOST:
            boosts.append((items, value))
        elif rule.kind is RuleKind.PIN:
            pins += [(int(value) - 1, int(item)) for item in items]
        elif rule.kind is RuleKind.NEVER:
            left_out.append(items)
        else:
            prices, is_least = facts.prices[items], rule.kind is RuleKind.PRICE_AT_LEAST
            # What has no price is neither at least nor at most anything.
            left_out.append(items[~(prices >= value if is_least else prices <= value)])
    return Asked(np.concatenate(left_out), tuple(boosts), limits, tuple(sorted(pins)))


@dataclass(frozen=True, eq=False)
class ListRules:
    """What the rules say of one list."""

    n: int
    """rows at most"""
    of_sales: Int32s
    """shape (items that were sold,): which of the items each is, ascending"""
    allowed: Bools
    """shape (items,): what may be in anybody's list"""
    boosts: Float64s
    """shape (items,): a factor for everybody's score; 1 where there is no rule"""
    groups: Int32s
    """shape (items, groups of one item at most): groups of which a list holds only so many"""
    members: "csr_matrix[np.bool_]"
    """shape (groups, items): the same the other way round"""
    limits: Int32s
    """shape (groups + 1,): so many; the last is no group, and has no limit"""
    pins: tuple[tuple[int, int], ...]
    """of everybody's list: position from 0 and item, in order"""
    personal: dict[int, Asked]
    """of customers, by their index"""
    newest: Int32s
    """the new items, best first"""
    slots: int
    """places at the end of a list for these"""
    turns: Int64s
    """shape (customers,): each one's place in the line in which new items are dealt; empty without any"""

    @property
    def only_leave_out(self) -> bool:
        """Whether a list is the same as one of which `allowed` alone is known."""
        return not (
            (self.boosts != 1).any()
            or (self.limits < self.n).any()
            or self.pins
            or self.personal
            or len(self.newest)
        )
