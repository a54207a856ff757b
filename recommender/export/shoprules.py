"""The shop's own rules (`rules.sql`), of which `rules.csv` has those that hold on the as-of day."""

import difflib
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime

from recommender.database.base import Snapshot
from recommender.database.query import Query
from recommender.errors import RefusedError
from recommender.export.fields import csv_text, find_columns, number_array, text_array
from recommender.export.forgotten import Forgotten
from recommender.runs.rules import CUSTOMER_LISTS, RULE_COLUMNS, Dates, Rule, RuleKind, order_of
from recommender.settings import Settings
from recommender.system.arrow import pa
from recommender.system.text import shortened
from recommender.tables import LISTS, KeyKind, Role, integer_key, is_guest

_TOLD = 3
"""Problems that an error tells; of the others it tells how many they are."""
_ALIKE = 0.75
"""By difflib's ratio: with one letter of four wrong, no name of anybody's."""
_LONG_NUMBER = re.compile(r"\d{9}")
"""As milliseconds since 1970, which would be read as a day with hours and minutes."""
_TYPES = {"value": pa.float64(), "starts_on": pa.date32(), "ends_on": pa.date32()}


@dataclass(frozen=True)
class _Row:
    """A row of `rules.sql`."""

    texts: Mapping[str, str | None]
    """of all columns by our names; None for what is NULL, empty, or not there"""
    number: float | None
    """that `value` is"""
    instants: frozenset[str]
    """columns of a type that stores instants: their texts are UTC"""


@dataclass(frozen=True)
class RuleReader:
    """How the shop's rules are read."""

    settings: Settings
    day: date
    """the shop's day on which they hold"""
    kinds: Mapping[Role, KeyKind]
    """of the shop's keys"""
    forgotten: Forgotten
    """customers whose rules are left out"""

    def read(self, query: Query, snapshot: Snapshot) -> bytes:
        """The content of `rules.csv`.

        Raises:
            SettingsError: the query has no column `rule`.
            RefusedError: a row is no rule that anybody could follow; tells of all such rows.
            DatabaseError: the database refused the query.
        """
        found: dict[Rule, Dates] = {}
        wrong: dict[str, list[str]] = defaultdict(list)
        for row in _rows(query, snapshot):
            try:
                self._add(row, found)
            except ValueError as problem:
                wrong[str(problem)].append(_told(row))
        if wrong:
            raise _refusal(query, wrong)
        gone = self.forgotten.among(rule.customer for rule in found if rule.customer is not None)
        return rules_text({rule: dates for rule, dates in found.items() if rule.customer not in gone})

    def _add(self, row: _Row, found: dict[Rule, Dates]) -> None:
        """Put a row's rule to those that hold.

        One that is over is not looked at; one that begins later is, so that a slip is told before its day.

        Raises:
            ValueError: it is no rule; says why.
        """
        starts, ends = self._day(row, "starts_on"), self._day(row, "ends_on")
        if starts is not None and ends is not None and starts > ends:
            raise ValueError("starts_on is after ends_on")
        if ends is not None and ends < self.day:
            return
        rule = self._rule(row)
        if starts is None or starts <= self.day:
            # Of rows that differ in their dates alone one is enough: the same whatever their order.
            found[rule] = min(found.get(rule, (starts, ends)), (starts, ends), key=str)

    def _day(self, row: _Row, name: str) -> date | None:
        """The shop's day of a date or a time; None where there is none."""
        text = row.texts[name]
        if text is None:
            return None
        moment = _moment(text)
        if moment is None:
            raise ValueError(f"{name} is not a date such as 2026-12-01")
        if moment.tzinfo is None:
            if name not in row.instants:
                return moment.date()  # by the shop's own calendar
            moment = moment.replace(tzinfo=UTC)
        try:
            return moment.astimezone(self.settings.shop_timezone).date()
        except OverflowError:  # an end of the calendar, which stands for "always"
            return moment.date()

    def _rule(self, row: _Row) -> Rule:
        """The rule that a row is."""
        kind = _kind(row.texts["rule"])
        rule = Rule(
            kind=kind,
            item=self._key(Role.ITEM, row.texts["item_id"]),
            category=row.texts["category"],
            brand=row.texts["brand"],
            customer=self._key(Role.CUSTOMER, row.texts["customer_id"]),
            list_name=self._list(row.texts["list"]),
            value=None if kind is RuleKind.NEVER else _value(kind, row),
        )
        if kind in (RuleKind.NEVER, RuleKind.BOOST) and not rule.selects_items:
            raise ValueError(f"{kind}: item_id, category and brand are all empty")
        if kind is RuleKind.PIN and rule.item is None:
            raise ValueError(f"{kind}: item_id is empty")
        if kind is RuleKind.MOST and rule.category is None and rule.brand is None:
            raise ValueError(f"{kind}: category and brand are both empty")
        if rule.customer is not None and rule.list_name not in (None, *CUSTOMER_LISTS):
            raise ValueError(
                f"{kind}: there is a customer_id, but {rule.list_name} is not a list of customers"
            )
        return rule

    def _key(self, role: Role, text: str | None) -> str | None:
        """A key as the shop writes it; where that has integers, what is none names nothing."""
        if text is None or self.kinds[role] is KeyKind.TEXT or is_guest(text):
            return text
        number = integer_key(text.strip())
        return text if number is None else str(number)

    def _list(self, word: str | None) -> str | None:
        if word is None:
            return None
        prefix = self.settings.table_prefix.casefold()
        known = {form: d.name for d in LISTS for form in (prefix + d.name, d.name)}
        if word.casefold() not in known:
            raise _no_word(word, "list of ours", [*known])
        return known[word.casefold()]


def unread_columns(query: Query, snapshot: Snapshot) -> dict[str, str | None]:
    """Columns of `rules.sql` that are none of ours, each with the one that it may have been meant for.

    `customer` in the place of `customer_id` makes a rule for one customer a rule for all.
    """
    names = [column.name for column in snapshot.columns(query)]
    missing = {*RULE_COLUMNS}.difference(map(str.lower, names))
    unread = [name for name in names if name.lower() not in RULE_COLUMNS]
    return {name: next(iter(difflib.get_close_matches(name.lower(), missing, 1)), None) for name in unread}


def column_warnings(query: Query, snapshot: Snapshot) -> list[str]:
    """What an owner should know about the columns of `rules.sql`."""
    return [
        f"{query.path} returns a column {shortened(name)}, which is not read (did you mean {meant}?)."
        for name, meant in unread_columns(query, snapshot).items()
        if meant is not None
    ]


def _rows(query: Query, snapshot: Snapshot) -> Iterator[_Row]:
    optional = [name for name in RULE_COLUMNS if name != "rule"]
    columns = find_columns(query, snapshot, ("rule",), optional)
    instants = frozenset(name for name, column in columns.items() if column.is_instant)
    absent = dict.fromkeys(RULE_COLUMNS)
    with closing(snapshot.batches(query, [*columns.values()])) as batches:
        for values in batches:
            batch = dict(zip(columns, values, strict=True))
            texts = [text_array(column).to_pylist() for column in batch.values()]
            numbers = number_array(batch["value"]).to_pylist() if "value" in batch else None
            for place, fields in enumerate(zip(*texts, strict=True)):
                row = absent | {
                    name: _trimmed(name, field) for name, field in zip(batch, fields, strict=True)
                }
                yield _Row(row, None if numbers is None else numbers[place], instants)


def _trimmed(name: str, text: str | None) -> str | None:
    """A text, None for an empty one; without blanks around it but in the shop's own keys and words."""
    is_shops = name in ("customer_id", "item_id", "category", "brand")
    return (text if is_shops or text is None else text.strip()) or None


def _moment(text: str) -> datetime | None:
    """What a text of ISO 8601 says; None where it is none."""
    with suppress(ValueError):
        if not _LONG_NUMBER.match(text):
            return datetime.fromisoformat(text)
    return None


def _kind(word: str | None) -> RuleKind:
    if word is None:
        raise ValueError("rule is empty")
    if word.casefold() not in [*RuleKind]:
        raise _no_word(word, "rule", [*RuleKind])
    return RuleKind(word.casefold())


def _value(kind: RuleKind, row: _Row) -> float:
    """The value of a rule that needs one."""
    number = row.number
    if row.texts["value"] is None:
        raise ValueError(f"{kind}: value is empty")
    if number is None:
        raise ValueError(f"{kind}: value is not a number")
    if kind is RuleKind.PIN and (number < 1 or not number.is_integer()):
        raise ValueError(f"{kind}: value is not a position: 1, 2, 3 …")
    if kind is RuleKind.MOST and (number < 0 or not number.is_integer()):
        raise ValueError(f"{kind}: value is not a number of items: 0, 1, 2 …")
    if kind is RuleKind.BOOST and number <= 0:
        raise ValueError(f"{kind}: value is 0 or less; use the rule {RuleKind.NEVER}")
    return number


def _no_word(word: str, what: str, known: Collection[str]) -> ValueError:
    """The error for a word that is none of ours.

    It is shown only where it looks much like one of these: what else stands in its place, as where columns
    are mixed up, may be a customer's key, which belongs in no log.
    """
    typed = word.casefold()[:100]
    near = difflib.get_close_matches(typed, known, 1)
    shown = repr(word) if difflib.get_close_matches(typed, known, 1, _ALIKE) else "a word (not shown)"
    return ValueError(f"{shown} is not a {what}{f' (did you mean {near[0]}?)' if near else ''}")


def _told(row: _Row) -> str:
    """A row for the one who calls the command."""
    given = (f"{name} {shortened(repr(text))}" for name, text in row.texts.items() if text is not None)
    return ", ".join(given) or "all of it is NULL or empty"


def _refusal(query: Query, wrong: Mapping[str, list[str]]) -> RefusedError:
    """The error for rows that are no rules, by what is wrong with them."""
    rows = sum(map(len, wrong.values()))
    problems = sorted(wrong, key=lambda problem: (-len(wrong[problem]), problem))
    more = len(problems) - _TOLD
    told = "; ".join(problems[:_TOLD]) + (f"; and {more:,} more" if more > 0 else "")
    examples = " ".join(f"One such row: {min(wrong[problem])}." for problem in problems[:_TOLD])
    return RefusedError(
        "rules-unknown",
        f"{query.path}: {f'{rows:,} rows are not rules' if rows > 1 else 'a row is not a rule'}: {told}.",
        "Correct it in the query, or in the table that it reads.",
        named=examples,
    )


def rules_text(rules: Mapping[Rule, Dates]) -> bytes:
    """The content of `rules.csv`: rules with their dates, one a line, in an order of their own."""
    ordered = sorted(rules, key=order_of)
    columns = {
        "customer_id": [rule.customer for rule in ordered],
        "rule": [str(rule.kind) for rule in ordered],
        "item_id": [rule.item for rule in ordered],
        "category": [rule.category for rule in ordered],
        "brand": [rule.brand for rule in ordered],
        "list": [rule.list_name for rule in ordered],
        "value": [rule.value for rule in ordered],
        "starts_on": [rules[rule][0] for rule in ordered],
        "ends_on": [rules[rule][1] for rule in ordered],
    }
    arrays = {name: pa.array(columns[name], _TYPES.get(name, pa.string())) for name in RULE_COLUMNS}
    return csv_text(pa.table(arrays), header=True)
