"""Which of the shop's items, categories, brands and customers its rules name, as its databases compare."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from recommender.database import open_database
from recommender.database.namedkeys import equal_values
from recommender.database.query import prepare_query
from recommender.errors import DatabaseError, SettingsError
from recommender.export.forgotten import Forgotten
from recommender.night.context import Night
from recommender.night.export import exported_items, exported_lines, interactions_of, named_items, named_rules
from recommender.night.namedrules import (
    Known,
    NamedRules,
    keep_rules,
    name_rules,
    never_items,
)
from recommender.night.target import target_of
from recommender.runs.folder import RULES, RULES_QUERY
from recommender.runs.history import History
from recommender.runs.items import Catalogue
from recommender.runs.keys import Keys
from recommender.runs.rules import Dates, Rule, RuleKind, load_dated_rules
from recommender.settings import Settings, load_settings
from recommender.tables import KeyKind, Role
from tests.database.support import TEXT
from tests.nights import DAY, Shop, blind_shop, usual_shop

NEVER, PIN, BOOST = RuleKind.NEVER, RuleKind.PIN, RuleKind.BOOST
AT_MOST = RuleKind.PRICE_AT_MOST
OPEN: Dates = (None, None)


def catalogue_of(ids: Keys, **columns: Any) -> Catalogue:
    n = len(ids)
    known: dict[str, Any] = {
        "names": ("",) * n,
        "sellable": np.ones(n, bool),
        "categories": ("tea",) * n,
        "brands": ("A",) * n,
        "prices": np.ones(n),
    }
    return Catalogue(ids=ids, **known | columns)


def known_of(catalogue, *, items=None, customers=None, kind=KeyKind.TEXT, ask=None) -> Known:
    keys = customers or Keys.of(texts=["ada", "bob"])
    return Known(
        catalogue, items or catalogue.ids, keys, {Role.ITEM: kind, Role.CUSTOMER: kind}, target=None, ask=ask
    )


def named(rules, known, *, never=None, **settings) -> NamedRules:
    if not isinstance(rules, dict):
        rules = dict.fromkeys(rules, OPEN)
    return name_rules(rules, known, never=never or Keys.of(), settings=Settings(**settings))


TEA = catalogue_of(Keys.of(texts=["a", "b", "c"]), categories=("tea", "Tea", None), brands=("A", None, "B"))


def test_letter_by_letter_without_a_database():
    rules = [
        Rule(NEVER, item="a"),
        Rule(NEVER, item="A"),
        Rule(BOOST, category="tea", value=2.0),
        Rule(BOOST, category="TEA", value=2.0),
        Rule(BOOST, brand="C", value=2.0),
        Rule(NEVER, item="b", customer="ada"),
        Rule(NEVER, item="b", customer="eve"),
        Rule(PIN, item="zz", customer="eve", value=1.0),
    ]
    found = named(rules, known_of(TEA))
    assert found.rules == (
        Rule(BOOST, category="tea", value=2.0),
        Rule(NEVER, item="a"),
        Rule(NEVER, item="b", customer="ada"),
    )
    assert found.never == Keys.of(texts=["a"])
    assert found.warnings == (
        "2 rules name no item that was sold or that items.sql returns: 1 never, 1 pin.",
        "1 rule names no category of items.sql: 1 boost.",
        "1 rule names no brand of items.sql: 1 boost.",
        "1 rule names no customer of the sales: 1 never.",
    )
    assert [finding.examples for finding in found.findings] == [
        ("never: item_id 'A'", "pin: item_id 'zz'"),
        ("boost: category 'TEA'",),
        ("boost: brand 'C'",),
        ("never: customer_id 'eve'",),
    ]


def test_a_word_that_means_several_makes_several_rules():
    asked = []

    def ask(column, typed):
        asked.append((column, [*typed]))
        return {text: {"tea", "Tea", "elsewhere"} for text in typed}

    rule = Rule(NEVER, category="tea", brand="A")
    found = named(
        [rule, Rule(NEVER, category="TEA"), Rule(BOOST, brand="A", value=1.0)], known_of(TEA, ask=ask)
    )
    assert asked == [("category", ["TEA", "tea"])]  # there is Tea, too; of brands none is in doubt
    assert {(rule.category, rule.brand) for rule in found.rules if rule.kind is NEVER} == {
        *(("tea", "A"), ("Tea", "A"), ("tea", None), ("Tea", None))
    }
    assert found.never == Keys.of(texts=["a", "b"])


def test_what_was_sold_is_known_though_it_is_no_longer_there():
    items = Keys.of(texts=["a", "b", "c", "old"])
    found = named([Rule(NEVER, item="old")], known_of(TEA, items=items))
    assert found.never == Keys.of(texts=["old"])
    assert found.warnings == ()


def test_a_key_of_an_integer_shop():
    catalogue = catalogue_of(Keys.of([1, 22]))
    known = known_of(
        catalogue, customers=Keys.of([7], ["guest:0123456789abcdef01234567"]), kind=KeyKind.INTEGER
    )
    guest = Rule(NEVER, item="1", customer="guest:0123456789abcdef01234567")
    found = named([Rule(NEVER, item="22"), Rule(NEVER, item="x"), guest], known)
    assert found.rules == (Rule(NEVER, item="22"), guest)
    assert found.never == Keys.of([22])


def test_rules_about_what_items_sql_does_not_return():
    bare = catalogue_of(Keys.of(texts=["a"]), categories=None, brands=None, prices=None)
    with pytest.raises(
        SettingsError,
        match=r"items\.sql returns no column brand and no column price, but rules of .* go by it \(brand: 1",
    ):
        named(
            [Rule(NEVER, brand="A"), Rule(AT_MOST, value=1.0), Rule(AT_MOST, item="a", value=2.0)],
            known_of(bare),
        )
    told = "MAX_PER_CATEGORY=3 does nothing: items.sql returns no category."
    assert named([], known_of(bare), max_per_category=3).warnings == (told,)
    assert named([Rule(NEVER, item="a")], known_of(bare)).warnings == ()


def test_only_what_is_for_all_in_every_list_is_never_shown_anywhere():
    rules = [
        Rule(NEVER, item="a", customer="ada"),
        Rule(NEVER, item="b", list_name="popular_items"),
        Rule(NEVER, item="c", category="tea"),
        Rule(NEVER, brand="B"),
        Rule(PIN, item="a", value=1.0),
    ]
    assert never_items(rules, TEA, KeyKind.TEXT) == Keys.of(texts=["c"])
    assert never_items([], TEA, KeyKind.TEXT) == Keys.of()


def test_rules_that_come_to_the_same_are_one():
    rules: dict[Rule, Dates] = {
        Rule(NEVER, category="Tea"): (date(2026, 1, 1), None),
        Rule(NEVER, category="TEA"): OPEN,
    }
    known = known_of(TEA, ask=lambda _, typed: {text: {"Tea"} for text in typed})
    for order in (rules, dict(reversed(rules.items()))):
        assert named(order, known).dated == {Rule(NEVER, category="Tea"): OPEN}


RULES_OF = st.builds(
    Rule,
    kind=st.just(NEVER),
    item=st.sampled_from([None, "a", "b", "x"]),
    category=st.sampled_from(["tea", "Tea", "none"]),
    customer=st.sampled_from([None, "ada", "eve"]),
)


@given(st.lists(RULES_OF, unique=True, max_size=8))
def test_each_rule_is_kept_or_told(rules):
    known = known_of(TEA, ask=lambda *_: {})
    found = named(rules, known)
    told = sum(int(finding.what.split()[0]) for finding in found.findings if " name" in finding.what)
    assert len(found.rules) + told == len(rules)
    assert named(found.rules, known).rules == found.rules
    assert named(rules[::-1], known) == found


# On each database

COLLATED = {"sqlite": "TEXT COLLATE NOCASE", "postgresql": 'TEXT COLLATE "blind"', "mysql": "VARCHAR(40)"}
WORDS = ("Tea", "tea ", "Käse 100%", "a'b\"c\\", "😀 :since ?", "%(x)s %s")


def items_query(url: str, column: str):
    """A shop's items with words in a column of any case, and one of numbers."""
    database = open_database(Settings.__dataclass_fields__["database_url"].metadata["parse"](url))
    if database.backend == "sqlite":
        Path(str(database.url.database)).touch()
    engine = sa.create_engine(database.url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        if database.backend == "postgresql":
            locale = "provider = icu, locale = 'und-u-ks-level2', deterministic = false"
            connection.exec_driver_sql(f"CREATE COLLATION blind ({locale})")
        kind = COLLATED[database.backend]
        connection.exec_driver_sql(
            f"CREATE TABLE items (word {kind}, plain {TEXT[database.backend]}, number INTEGER)"
        )
        insert = sa.text("INSERT INTO items VALUES (:word, :word, :number)")
        for number, word in enumerate(WORDS):
            connection.execute(insert, {"word": word, "number": number})
    text = f"SELECT {column} AS Category, '100%' AS percent, ':x' AS colon FROM items WHERE '%' <> '?' -- 5%"
    return database, prepare_query(text, Path("sql/items.sql"), database.backend, None)


def test_words_as_the_column_holds_them_equal(database_url):
    database, query = items_query(database_url, "word")
    typed = ["TEA", "KÄSE 100%", "A'B\"C\\", "😀 :SINCE ?", "%(X)S %S", "no", "\0", "x" * 10_000]
    found = equal_values(database, query, "category", typed)
    assert "Tea" in found["TEA"]
    assert found["A'B\"C\\"] == ["a'b\"c\\"]
    assert found["😀 :SINCE ?"] == ["😀 :since ?"]
    assert found["%(X)S %S"] == ["%(x)s %s"]
    if database.backend != "sqlite":  # whose NOCASE knows ASCII alone
        assert found["KÄSE 100%"] == ["Käse 100%"]
    assert not any(found.get(text) for text in ("no", "\0", "x" * 10_000))


def test_all_that_are_equal_are_found(database_url):
    """Not the one of them that DISTINCT would leave."""
    database, query = items_query(database_url, "word")
    with sa.create_engine(database.url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql("UPDATE items SET word = 'TEA' WHERE number = 2")
    assert {"Tea", "TEA"} <= {*equal_values(database, query, "category", ["tea"])["tea"]}


def test_a_word_is_no_number_on_any_database(database_url):
    database, query = items_query(database_url, "number")
    found = equal_values(database, query, "category", ["Tea", "01", "3", "", "9" * 40, "0x1"])
    assert {text: values for text, values in found.items() if values} == {"01": [1], "3": [3]}


def test_a_column_of_plain_texts_has_only_these(database_url):
    database, query = items_query(database_url, "plain")
    assert equal_values(database, query, "category", ["TEA", "Tea"]) == {"TEA": [], "Tea": ["Tea"]}


def test_a_query_that_is_refused_is_no_answer(database_url):
    database, _ = items_query(database_url, "word")
    text = "SELECT word AS category FROM nowhere"
    query = prepare_query(text, Path("sql/items.sql"), database.backend, None)
    with pytest.raises(DatabaseError, match=r"refused sql/items\.sql"):
        equal_values(database, query, "category", ["Tea"])


def night_of(shop: Shop) -> Night:
    """The last run, whose export is done, as its training has it."""
    settings = load_settings({}, shop.env_file)
    return Night(settings, shop.last_run, History(shop.folder / "var"), Forgotten(), target_of(settings))


def rules_of(shop: Shop, query: str) -> tuple[Night, NamedRules]:
    """What a night's rules come to."""
    (shop.folder / "sql" / RULES_QUERY).write_text(query, encoding="utf-8")
    shop.does("export", "--as-of", str(DAY))
    night = night_of(shop)
    catalogue, interactions = exported_items(night), interactions_of(night, exported_lines(night))
    never = named_items(night, catalogue, interactions).items
    sold, customers = interactions.item_ids, interactions.user_ids
    return night, named_rules(night, catalogue, sold=sold, customers=customers, never=never)


def test_a_night_knows_the_shops_own_keys_however_they_are_typed(tmp_path, database_url):
    shop = blind_shop(tmp_path / "shop", database_url)
    shop.execute("ALTER TABLE items ADD COLUMN kind VARCHAR(20)")
    shop.execute("UPDATE items SET kind = CASE item_id WHEN 'SKU-1' THEN 'Tea' ELSE 'Cup' END")
    (shop.folder / "sql" / "items.sql").write_text(
        "SELECT item_id, name, sellable, kind AS category, 5 AS price FROM items", encoding="utf-8"
    )
    night, found = rules_of(
        shop,
        "SELECT 'never' AS rule, 'sku-3' AS item_id, NULL AS category, 'CUST5' AS customer_id"
        " UNION ALL SELECT 'never', 'sKU-2', NULL, NULL"
        " UNION ALL SELECT 'never', 'SKU-4', NULL, NULL"
        " UNION ALL SELECT 'never', 'sku-99', NULL, NULL"
        " UNION ALL SELECT 'never', 'sku-1', 'Tea', 'nobody'"
        " UNION ALL SELECT 'never', NULL, 'Cups', NULL",
    )
    assert found.rules == (
        Rule(NEVER, item="SKU-2"),
        Rule(NEVER, item="SKU-4"),
        Rule(NEVER, item="SKU-3", customer="Cust5"),
    )
    assert found.never == Keys.of(texts=["SKU-2", "SKU-4"])
    assert found.warnings == (
        "1 rule names no item that was sold or that items.sql returns: 1 never.",
        "1 rule names no category of items.sql: 1 never.",
        "1 rule names no customer of the sales: 1 never.",
    )
    keep_rules(night.run, found)
    assert (*load_dated_rules(night.run.path(RULES)),) == found.rules
    assert night.run.is_whole(RULES)
    assert "sku" not in night.run.path(RULES).read_text(encoding="utf-8")


def test_a_shop_without_rules_keeps_none(tmp_path):
    shop = usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")
    run = shop.night()
    keep_rules(run, NamedRules({}, Keys.of()))
    assert not run.path(RULES).exists()
