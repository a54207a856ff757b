"""The shop's own rules, as `rules.csv` of a run folder has them: those that hold on its as-of day.

`sql/rules.sql` returns one a row. What they select by is here in the shop's own keys and words.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from math import isnan
from pathlib import Path

from recommender.errors import RefusedError
from recommender.runs.columns import EXPORT_AGAIN
from recommender.runs.items import Catalogue
from recommender.system.csvform import read_records
from recommender.tables import LISTS, POPULAR_ITEMS, RECOMMENDATIONS, ListTable, Role

RULE_COLUMNS = (
    *("customer_id", "rule", "item_id", "category", "brand"),
    *("list", "value", "starts_on", "ends_on"),
)
"""Of `rules.sql` and `rules.csv`; all but `rule` may be missing in the query, or NULL. The customer's
key is first, as in all our files: there `forget` looks for it."""
_LIST_NAMES = {definition.name: definition.name for definition in LISTS}


class RuleKind(StrEnum):
    """What a rule asks for."""

    NEVER = "never"
    """these items are left out"""
    PIN = "pin"
    """the item stands at the position `value`"""
    BOOST = "boost"
    """the scores of these items are multiplied by `value`; below 1 it buries them"""
    MOST = "most"
    """of these items at most `value` stand in a list"""
    PRICE_AT_LEAST = "price_at_least"
    """of these items those are left out whose price is below `value`, or unknown"""
    PRICE_AT_MOST = "price_at_most"
    """of these items those are left out whose price is above `value`, or unknown"""


_FORBIDDING = (RuleKind.NEVER, RuleKind.PRICE_AT_LEAST, RuleKind.PRICE_AT_MOST)


@dataclass(frozen=True)
class Rule:
    """One rule. What it selects by is None where it is for all; an item must have all that is given."""

    kind: RuleKind
    item: str | None = None
    """a key, as text"""
    category: str | None = None
    brand: str | None = None
    customer: str | None = None
    """a key, as text"""
    list_name: str | None = None
    """the list that it is for"""
    value: float | None = None
    """finite; a position or a number of items is whole; None for `never` alone"""

    def is_for(self, definition: ListTable) -> bool:
        """Whether it speaks of a list.

        One without a list speaks of all; but a pin only of what every visitor sees, since nobody expects the
        offer of the week among what a customer needs again; and one for customers only of customers' lists.
        """
        if self.customer is not None and Role.CUSTOMER not in {column.role for column in definition.columns}:
            return False
        if self.list_name is not None:
            return self.list_name == definition.name
        return self.kind is not RuleKind.PIN or definition in (RECOMMENDATIONS, POPULAR_ITEMS)

    @property
    def selects_items(self) -> bool:
        """Whether it is about some items only."""
        return (self.item or self.category or self.brand) is not None


def load_rules(path: Path) -> list[Rule]:
    """The rules of a run folder's `rules.csv`, in its order.

    Raises:
        RefusedError: the file is not as an export writes it.
    """
    records = read_records(path)
    if tuple(next(records, ())) != RULE_COLUMNS:
        raise RefusedError(f"{path} has other columns than {', '.join(RULE_COLUMNS)}.", EXPORT_AGAIN)
    return [_rule(path, line, record) for line, record in enumerate(records, 1)]


def _rule(path: Path, line: int, record: list[str]) -> Rule:
    try:
        customer, kind, item, category, brand, list_name, value, _, _ = record
        return Rule(
            kind=RuleKind(kind),
            item=item or None,
            category=category or None,
            brand=brand or None,
            customer=customer or None,
            list_name=_LIST_NAMES[list_name] if list_name else None,
            value=float(value) if value else None,
        )
    except (ValueError, KeyError) as error:
        raise RefusedError(
            f"{path}, record {line} is no rule as an export writes it.", EXPORT_AGAIN
        ) from error


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
    prices = nothing if catalogue.prices is None else catalogue.prices.tolist()
    words = zip(catalogue.categories or nothing, catalogue.brands or nothing, prices, strict=True)
    facts = dict(zip(keys, words, strict=True))

    @cache
    def items_of(rule: Rule) -> frozenset[str]:
        among = facts if rule.item is None else {rule.item} & facts.keys()
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


def _forbids(rule: Rule, category: str | None, brand: str | None, price: float | None) -> bool:
    if rule.category not in (None, category) or rule.brand not in (None, brand):
        return False
    if rule.kind is RuleKind.NEVER or price is None or rule.value is None or isnan(price):
        return True  # what has no price is neither at least nor at most anything
    return price < rule.value if rule.kind is RuleKind.PRICE_AT_LEAST else price > rule.value
