"""What the shop's rules leave out of a list: by keys, for the gate and for lists of earlier nights."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from math import isnan

from recommender.runs.items import Catalogue
from recommender.runs.rules import Rule, RuleKind
from recommender.tables import ListTable

_FORBIDDING = (RuleKind.NEVER, RuleKind.PRICE_AT_LEAST, RuleKind.PRICE_AT_MOST)


@dataclass(frozen=True)
class LeftOut:
    """What rules leave out of a list, by keys as texts."""

    items: Collection[str] = frozenset()
    """of everybody's"""
    of_customers: Mapping[str, Sequence[Collection[str]]] = field(default_factory=dict)
    """of one customer's, beside these"""

    def has(self, customer: str, item: str) -> bool:
        """Whether an item may not be in a customer's list."""
        return item in self.items or any(item in some for some in self.of_customers.get(customer, ()))


def left_out(rules: Sequence[Rule], definition: ListTable, catalogue: Catalogue) -> LeftOut:
    """What the rules leave out of a list, of the items of the catalogue.

    One item after the other, so that the gate does not believe the arrays that made the lists.
    """
    keys, nothing = catalogue.ids.as_texts(), [None] * len(catalogue.ids)
    categories, brands = catalogue.categories or nothing, catalogue.brands or nothing
    prices = nothing if catalogue.prices is None else catalogue.prices.tolist()
    facts = dict(zip(keys, zip(categories, brands, prices, strict=True), strict=True))
    # Among which a rule's items are: not all, which would take their number times that of the rules.
    of_category, of_brand = _by_word(categories, keys), _by_word(brands, keys)

    @cache
    def items_of(rule: Rule) -> frozenset[str]:
        among: Collection[str] = keys
        if rule.item is not None:
            among = {rule.item} & facts.keys()
        elif rule.category is not None:
            among = of_category.get(rule.category, ())
        elif rule.brand is not None:
            among = of_brand.get(rule.brand, ())
        return frozenset(key for key in among if _forbids(rule, *facts[key]))

    everybody: set[str] = set()
    of_customers: dict[str, list[frozenset[str]]] = {}
    for rule in rules:
        if rule.kind in _FORBIDDING and rule.is_for(definition):
            found = items_of(replace(rule, customer=None, list_name=None))
            if rule.customer is None:
                everybody |= found
            else:
                of_customers.setdefault(rule.customer, []).append(found)
    return LeftOut(everybody, of_customers)


def _by_word(words: Sequence[str | None], keys: Sequence[str]) -> Mapping[str | None, Sequence[str]]:
    found: dict[str | None, list[str]] = {}
    for word, key in zip(words, keys, strict=True):
        found.setdefault(word, []).append(key)
    return found


def _forbids(rule: Rule, category: str | None, brand: str | None, price: float | None) -> bool:
    if rule.category not in (None, category) or rule.brand not in (None, brand):
        return False
    if rule.kind is RuleKind.NEVER or price is None or rule.value is None or isnan(price):
        return True  # what has no price is neither at least nor at most anything
    return price < rule.value if rule.kind is RuleKind.PRICE_AT_LEAST else price > rule.value
