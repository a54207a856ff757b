"""The shop's own rules: which of its items, categories, brands and customers they name."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product

from recommender.database.base import Database
from recommender.database.namedkeys import equal_keys, equal_values
from recommender.database.query import read_query
from recommender.database.schema import Target
from recommender.errors import SettingsError
from recommender.export.fields import text_array
from recommender.export.shoprules import rules_text
from recommender.export.sources import said_as
from recommender.night.contradictions import ListLimits, RuleFinding, Shelf, find_contradictions
from recommender.runs.folder import QUERIES, RULES, RULES_QUERY, Run
from recommender.runs.items import Catalogue
from recommender.runs.keys import Keys, keys_of
from recommender.runs.rules import Dates, Rule, RuleKind, order_of
from recommender.settings import Settings
from recommender.system.text import shortened
from recommender.tables import KeyKind, Role, key_of, made_lists

_EXAMPLES = 3
_MOST_ASKED = 300
"""Words of which the shop's database is asked, one query of its items for each; others name nothing."""
_FIELDS = {"item": "item_id", "category": "category", "brand": "brand", "customer": "customer_id"}
"""What a rule names by, as fields of `Rule` and columns of `rules.sql`."""
_UNKNOWN = {
    "item": "no item that was sold or that items.sql returns",
    "category": "no category of items.sql",
    "brand": "no brand of items.sql",
    "customer": "no customer of the sales",
}

AskWords = Callable[[str, Collection[str]], Mapping[str, Collection[str]]]
"""Gives, of a column of items.sql, the words that the shop's database holds equal to each of some texts."""


@dataclass(frozen=True)
class NamedRules:
    """The rules of a night, as it follows them."""

    dated: Mapping[Rule, Dates]
    """In the shop's own keys and words, in canonical order, without what names nothing; and their days."""
    never: Keys
    """The items that are kept out of every list, for everybody."""
    findings: tuple[RuleFinding, ...] = ()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules alone."""
        return (*self.dated,)

    @property
    def warnings(self) -> tuple[str, ...]:
        """For the record of the night."""
        return tuple(finding.what for finding in self.findings)


@dataclass(frozen=True)
class Known:
    """What rules can name, and who tells what is equal."""

    catalogue: Catalogue
    items: Keys
    """those of the catalogue and of the sales"""
    customers: Keys
    """those of the sales"""
    kinds: Mapping[Role, KeyKind]
    target: Target | None
    """whose tables tell which keys are equal; None: only those that are so letter by letter"""
    ask: AskWords | None
    """tells which categories and brands are; None as above"""


def name_rules(dated: Mapping[Rule, Dates], known: Known, *, never: Keys, settings: Settings) -> NamedRules:
    """The rules in the shop's own keys and words.

    What is equal letter by letter is found here; only for what is left the databases are asked. A text that
    names several of the shop's becomes several rules, one that names none is told.

    Args:
        dated: the rules as they were typed, with their days.
        known: what they can name.
        never: items that NEVER_RECOMMEND keeps out.
        settings: for the limits and lists, and the names of the files.

    Raises:
        SettingsError: rules are about a column that items.sql does not return.
        DatabaseError: a database failed.
    """
    _require_columns(dated, known.catalogue, settings)
    named = {field: _named(field, dated, known) for field in _FIELDS}
    unknown: dict[str, list[Rule]] = {field: [] for field in _FIELDS}
    found: dict[Rule, Dates] = {}
    for rule, dates in dated.items():
        texts = {field: getattr(rule, field) for field in _FIELDS}
        ours = {field: named[field].get(text, ()) for field, text in texts.items() if text is not None}
        lost = next((field for field, keys in ours.items() if not keys), None)
        if lost is not None:
            unknown[lost].append(rule)
            continue
        for keys in product(*map(sorted, ours.values())):
            own = _with_names(rule, dict(zip(ours, keys, strict=True)))
            found[own] = min(found.get(own, dates), dates, key=str)
    ordered = {rule: found[rule] for rule in sorted(found, key=order_of)}
    out = never_items(ordered, known.catalogue, known.kinds[Role.ITEM])
    lists = ListLimits(
        made_lists(settings.lists), settings.top_n, settings.popular_items, settings.max_per_category
    )
    findings = [
        *(_unknown(field, rules, known) for field, rules in unknown.items() if rules),
        *_without_category(known.catalogue, settings),
        *find_contradictions([*ordered], known.catalogue, never.union(out), lists),
    ]
    return NamedRules(ordered, out, tuple(findings))


def _with_names(rule: Rule, names: Mapping[str, str]) -> Rule:
    item, category, brand, customer = map(names.get, _FIELDS)
    return replace(rule, item=item, category=category, brand=brand, customer=customer)


def never_items(rules: Iterable[Rule], catalogue: Catalogue, kind: KeyKind) -> Keys:
    """The items that rules keep out of every list for everybody, as NEVER_RECOMMEND does.

    Args:
        rules: in the shop's own keys and words.
        catalogue: the items.
        kind: of their keys.
    """
    wanted = [
        rule
        for rule in rules
        if rule.kind is RuleKind.NEVER and rule.list_name is None and rule.customer is None
    ]
    # What is in the catalogue no more is nowhere shown, but may be once it is back.
    texts = {rule.item for rule in wanted if rule.category is None and rule.brand is None}
    texts.update(Shelf(catalogue).selected(rule for rule in wanted if rule.category or rule.brand))
    keys = (key_of(text, kind) for text in texts)
    return keys_of(key for key in keys if key is not None)


def keep_rules(run: Run, named: NamedRules) -> None:
    """Keep the rules with the run, where it has any, by the shop's own keys: a repetition asks nobody."""
    if RULES in run.manifest.files:
        run.write(RULES, rules_text(named.dated))
        run.save()  # so that a training that is killed can be begun again


def ask_shop(shop: Database, settings: Settings, since: datetime) -> AskWords:
    """Asks the shop's own database.

    Args:
        shop: it.
        settings: where items.sql is.
        since: what `:since` is in it, naive.
    """

    def ask(column: str, typed: Collection[str]) -> Mapping[str, Collection[str]]:
        if settings.items_uri is not None:
            return {}  # what is equal in files is so letter by letter, which was looked at
        query = read_query(settings.sql_dir / QUERIES[1], shop.backend, since, undecided=True)
        found = equal_values(shop, query, column, typed)
        # As texts they have more than one form, of which the export has one.
        return {text: {*text_array(values).to_pylist(), *map(str, values)} for text, values in found.items()}

    return ask


def _require_columns(rules: Iterable[Rule], catalogue: Catalogue, settings: Settings) -> None:
    """Without the column nobody knows what they are about: a recalled brand would be shown."""
    there = {"category": catalogue.categories, "brand": catalogue.brands, "price": catalogue.prices}
    asked = Counter(name for rule in rules for name in _columns_of(rule))
    missing = [name for name in asked if there[name] is None]
    if missing:
        names = sorted(missing)
        counts = ", ".join(f"{name}: {asked[name]:,}" for name in names)
        raise SettingsError(
            "rules-lack-column",
            f"{said_as(settings, QUERIES[1])} returns no column {' and no column '.join(names)}, but rules of"
            f" {settings.sql_dir / RULES_QUERY} go by it ({counts}).",
            "Name the columns in the query with AS, or leave these rules out.",
        )


def _columns_of(rule: Rule) -> Iterator[str]:
    if rule.category is not None:
        yield "category"
    if rule.brand is not None:
        yield "brand"
    if rule.kind in (RuleKind.PRICE_AT_LEAST, RuleKind.PRICE_AT_MOST):
        yield "price"


def _named(field: str, rules: Iterable[Rule], known: Known) -> Mapping[str, Collection[str]]:
    """The shop's own keys or words for each text of a field that names any."""
    typed = {text for rule in rules if (text := getattr(rule, field)) is not None}
    if not typed:
        return {}
    if field in ("category", "brand"):
        words = known.catalogue.categories if field == "category" else known.catalogue.brands
        return _named_words(field, typed, {word for word in words or () if word is not None}, known.ask)
    role, keys = (Role.ITEM, known.items) if field == "item" else (Role.CUSTOMER, known.customers)
    texts = {*keys.as_texts()}
    found = {text: {text} for text in typed & texts}
    left = typed - texts
    if left and known.target is not None and known.kinds[role] is KeyKind.TEXT:
        with known.target.connect() as connection:
            found |= equal_keys(known.target, connection, role, left, texts)
    return found


def _named_words(
    column: str, typed: set[str], words: set[str], ask: AskWords | None
) -> Mapping[str, Collection[str]]:
    """The same of categories or brands: a word may be there, and in other letters as well."""
    forms = Counter(map(_folded, words))
    found = {text: {text} for text in typed & words}
    left = [text for text in sorted(typed) if text not in words or forms[_folded(text)] > 1]
    if left and ask is not None:
        for text, equal in ask(column, left[:_MOST_ASKED]).items():
            found[text] = found.get(text, set()) | words.intersection(equal)
    return found


def _folded(text: str) -> str:
    """The text without what collations may look past: case, accents, blanks at its ends."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).strip()


def _unknown(field: str, rules: list[Rule], known: Known) -> RuleFinding:
    """What to say of rules that name nothing; without what they have there, which may be anybody."""
    kinds = Counter(str(rule.kind) for rule in rules)
    count = "1 rule names" if len(rules) == 1 else f"{len(rules):,} rules name"
    asked = known.target if field in ("item", "customer") else known.ask
    return RuleFinding(
        f"{count} {_UNKNOWN[field]}: {', '.join(f'{kinds[kind]:,} {kind}' for kind in sorted(kinds))}.",
        "Check how they are written: what a slip leaves out of a rule is shown as if there were none."
        if asked is not None
        else "Only what is equal letter by letter was found: no database could be asked.",
        tuple(
            f"{rule.kind}: {_FIELDS[field]} {shortened(repr(getattr(rule, field)))}"
            for rule in sorted(rules, key=order_of)[:_EXAMPLES]
        ),
    )


def _without_category(catalogue: Catalogue, settings: Settings) -> Iterator[RuleFinding]:
    if settings.max_per_category and catalogue.categories is None:
        yield RuleFinding(
            f"MAX_PER_CATEGORY={settings.max_per_category} does nothing: items.sql returns no category.",
            "Return category in items.sql, or take the setting away.",
        )
