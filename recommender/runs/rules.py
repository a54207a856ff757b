"""The shop's own rules, as `rules.csv` of a run folder has them: those that hold on its as-of day.

`sql/rules.sql` returns one a row. What they select by is here in the shop's own keys and words.
"""

import math
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from recommender.errors import RefusedError
from recommender.runs.columns import EXPORT_AGAIN
from recommender.system.csvform import read_records
from recommender.tables import LISTS, POPULAR_ITEMS, RECOMMENDATIONS, ListTable, Role

RULE_COLUMNS = (
    *("customer_id", "rule", "item_id", "category", "brand"),
    *("list", "value", "starts_on", "ends_on"),
)
"""Of `rules.sql` and `rules.csv`; all but `rule` may be missing in the query, or NULL. The customer's
key is first, as in all our files: there `forget` looks for it."""
Dates = tuple[date | None, date | None]
"""The first and the last day on which a rule holds; None: open."""
CUSTOMER_LISTS = [d.name for d in LISTS if Role.CUSTOMER in {column.role for column in d.columns}]
"""The lists that a rule with a customer can be about."""
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
        if self.customer is not None and definition.name not in CUSTOMER_LISTS:
            return False
        if self.list_name is not None:
            return self.list_name == definition.name
        return self.kind is not RuleKind.PIN or definition in (RECOMMENDATIONS, POPULAR_ITEMS)

    @property
    def selects_items(self) -> bool:
        """Whether it is about some items only."""
        return (self.item or self.category or self.brand) is not None


def order_of(rule: Rule) -> tuple[str | float, ...]:
    """The key by which rules are sorted, so that no order of a database's is left."""
    texts = (rule.customer, rule.kind, rule.item, rule.category, rule.brand, rule.list_name)
    return (*(text or "" for text in texts), 0 if rule.value is None else rule.value)


def load_dated_rules(path: Path) -> dict[Rule, Dates]:
    """The rules of a run folder's `rules.csv` with their days, in its order.

    Raises:
        RefusedError: the file is not as an export writes it.
    """
    records = read_records(path)
    if tuple(next(records, ())) != RULE_COLUMNS:
        raise RefusedError(
            "run-damaged", f"{path} has other columns than {', '.join(RULE_COLUMNS)}.", EXPORT_AGAIN
        )
    return dict(_dated_rule(path, line, record) for line, record in enumerate(records, 1))


def _dated_rule(path: Path, line: int, record: list[str]) -> tuple[Rule, Dates]:
    try:
        customer, kind, item, category, brand, list_name, value, starts_on, ends_on = record
        rule = Rule(
            kind=RuleKind(kind),
            item=item or None,
            category=category or None,
            brand=brand or None,
            customer=customer or None,
            list_name=_LIST_NAMES[list_name] if list_name else None,
            value=_value(RuleKind(kind), value),
        )
        return rule, (_day(starts_on), _day(ends_on))
    except (ValueError, KeyError) as error:
        raise RefusedError(
            "run-damaged", f"{path}, record {line} is not a rule as an export writes it.", EXPORT_AGAIN
        ) from error


def _value(kind: RuleKind, text: str) -> float | None:
    if kind is RuleKind.NEVER and not text:
        return None
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("no finite number")
    return value


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
