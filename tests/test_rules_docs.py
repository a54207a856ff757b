"""The examples of docs/rules.md, as they are printed: in whole nights, on each database."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from recommender.runs.rules import load_dated_rules
from tests.nights import DAY, KEY_TYPES, NO_RULES, Shop, copied, empty_shop, tastes

PAGE = (Path(__file__).parent.parent / "docs" / "rules.md").read_text(encoding="utf-8")
OF_CUSTOMERS = ("recommendations", "buy_again")
CALENDAR, CHRISTMAS, WINE, TEA = 1, range(1, 9), range(9, 17), range(17, 33)
OURS = range(4, 33, 4)
ADULTS, CHILDREN, UNKNOWN = range(1, 13), range(13, 19), range(19, 31)
"""Customers who are of age, who are not, and of whom nobody knows it."""
FIRST, LAST = DAY - timedelta(days=2), DAY + timedelta(days=4)
"""The days of the example's offer, for a shop whose sales end when ours do."""


def examples(section: str) -> list[str]:
    """The SQL of a section of the page."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"```sql\n(.*?)```", text, re.DOTALL)


def made(folder: Path, url: str) -> Shop:
    """A shop with the tables that the examples read; sales of three tastes, and of what is due again."""
    key = KEY_TYPES[sa.make_url(url).get_backend_name()][int]
    shop = empty_shop(folder, url, TOP_N=8, WARM_START="never")
    shop.execute(
        "DROP TABLE items",
        f"CREATE TABLE products (product_id {key} PRIMARY KEY, name VARCHAR(100), category VARCHAR(40),"
        " brand VARCHAR(40))",
        f"CREATE TABLE recalls (product_id {key})",
        f"CREATE TABLE customers (customer_id {key} PRIMARY KEY, of_age BOOLEAN)",
        *examples("A table of rules")[:1],
    )
    shop.execute(
        "INSERT INTO products VALUES (:id, :name, :category, :brand)",
        rows=[
            {
                "id": item,
                "name": "Advent calendar" if item == CALENDAR else f"Item {item}",
                "category": "Christmas" if item in CHRISTMAS else "Wine" if item in WINE else "Tea",
                "brand": "Ours" if item in OURS else None,
            }
            for item in range(1, 33)
        ],
    )
    of_age = dict.fromkeys(ADULTS, True) | dict.fromkeys(CHILDREN, False) | dict.fromkeys(UNKNOWN)
    shop.execute(
        "INSERT INTO customers VALUES (:id, :of_age)",
        rows=[{"id": customer, "of_age": known} for customer, known in of_age.items()],
    )
    (shop.folder / "sql" / "items.sql").write_text(
        "SELECT product_id AS item_id, name, 1 AS sellable, category, brand FROM products", encoding="utf-8"
    )
    # A wine and a tea are bought together each month, so that they are due again.
    monthly = [
        (customer, item, DAY - timedelta(days=days + customer % 5))
        for customer in range(1, 31)
        for item in (WINE[customer % 4], TEA[customer % 4])
        for days in (25, 55, 85, 115)
    ]
    shop.sell([*tastes(range(1, 31), range(1, 33)), *monthly])
    shop.does("init", "--yes")
    return shop


@pytest.fixture
def shop(tmp_path, database_url):
    return copied(tmp_path / "shop", database_url, "ruled", made)


def ruled(shop: Shop, query: str, day: date = DAY):
    """The lists of a night under these rules: of each list its owners, positions and items, in order."""
    run = shop.rules(query).night(day)
    # A night without any rule behind one with rules says so; nothing else is to be told.
    assert all("rules.sql returns none that holds today" in text for text in run.manifest.warnings)
    return shop.shown()


def reasons(shop: Shop) -> list[tuple[int, int, int]]:
    """Customer, position and item of each recommendation that a rule has put there."""
    return shop.rows(
        "SELECT customer_id, position, item_id FROM recommendations WHERE reason = 'rule' ORDER BY 1, 2"
    )


def among(rows, items):
    return sum(item in items for *_, item in rows)


def most(rows, items):
    """The most of the items that one list has."""
    counts: dict[object, int] = {}
    for owner, _, item in rows:
        counts[owner] = counts.get(owner, 0) + (item in items)
    return max(counts.values())


def test_every_example_is_tried():
    tried = {
        "A table of rules": 3,
        "A recalled item": 1,
        "A seasonal sale": 1,
        "Alcohol by customer group": 1,
        "The own brand": 1,
    }
    assert {section: len(examples(section)) for section in tried} == tried
    assert PAGE.count("```sql") == sum(tried.values())


def test_a_recalled_item_is_nowhere(shop):
    shop.night()
    before = shop.shown()
    gone = {item for _, position, item in before["popular_items"] if position <= 3} | {TEA[0]}
    assert all(among(rows, gone) for rows in before.values())
    shop.execute("INSERT INTO recalls VALUES (:i)", rows=[{"i": item} for item in gone])
    (query,) = examples("A recalled item")
    after = ruled(shop, query)
    assert all(rows and not among(rows, gone) for rows in after.values())
    # And from old lists with a rollback.
    shop.does("rollback")
    assert not any(among(rows, gone) for rows in shop.shown().values())


def earlier(query: str) -> str:
    """The query with its days moved, so that the offer begins when ours does."""
    days = date(2026, 11, 27) - FIRST
    return re.sub(r"\d{4}-\d\d-\d\d", lambda found: str(date.fromisoformat(found[0]) - days), query)


def test_a_seasonal_sale_lasts_as_long_as_it_says(shop):
    (printed,) = examples("A seasonal sale")
    query = earlier(printed)
    for day in (FIRST - timedelta(days=1), FIRST, LAST, LAST + timedelta(days=1)):
        without = ruled(shop, NO_RULES, day)
        assert most(without["popular_items"], CHRISTMAS) == len(CHRISTMAS)
        season = ruled(shop, query, day)
        assert max(most(rows, CHRISTMAS) for rows in season.values()) == 3
        assert among(season["recommendations"], CHRISTMAS) > among(without["recommendations"], CHRISTMAS)
        if FIRST <= day <= LAST:
            assert reasons(shop) == [(customer, 1, CALENDAR) for customer in range(1, 31)]
            assert season["popular_items"][0] == (None, 1, CALENDAR)
        else:
            assert reasons(shop) == []
            assert season["popular_items"][0] != (None, 1, CALENDAR)
    assert ruled(shop, query, LAST + timedelta(days=22)) == without
    assert "2026-12-24" in printed


def test_wine_is_for_adults(shop):
    (query,) = examples("Alcohol by customer group")
    shop.night()
    before = shop.shown()
    after = ruled(shop, query)
    for name in OF_CUSTOMERS:
        wine = {owner for owner, _, item in before[name] if item in WINE}
        assert wine & {*ADULTS}
        assert wine & {*CHILDREN}
        assert wine & {*UNKNOWN}
        assert {owner for owner, _, item in after[name] if item in WINE} == wine & {*ADULTS}
        own = [row for row in before[name] if row[0] in ADULTS]
        assert [row for row in after[name] if row[0] in ADULTS] == own
    assert among(before["popular_items"], WINE)
    assert not among(after["popular_items"], WINE)
    assert {owner for owner, *_ in after["recommendations"]} == {*range(1, 31)}


def test_the_own_brand_comes_first_but_does_not_fill_the_list(shop):
    (query,) = examples("The own brand")
    shop.night()
    before = shop.shown()
    after = ruled(shop, query)
    assert all(most(rows, OURS) <= 4 for rows in after.values())
    assert among(after["recommendations"], OURS) > among(before["recommendations"], OURS)
    assert most(before["popular_items"], OURS) == len(OURS)


def test_rules_that_are_kept_in_a_table(shop):
    _, read, both = examples("A table of rules")
    columns = "rule, item_id, category, brand, customer_id, list, value, starts_on, ends_on"
    shop.execute(
        f"INSERT INTO recommendation_rules ({columns}) VALUES"
        " ('pin', 20, NULL, NULL, NULL, 'popular_items', 2, NULL, NULL),"
        " ('pin', 21, NULL, NULL, 5, NULL, 1, '2026-03-01', '2026-03-01'),"
        " ('boost', NULL, 'Tea', NULL, NULL, NULL, 1.5, NULL, NULL),"
        " ('never', 22, NULL, NULL, NULL, NULL, NULL, NULL, '2026-02-28'),"
        " ('never', 23, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
    )
    lists = ruled(shop, read)
    assert lists["popular_items"][1] == (None, 2, 20)
    assert reasons(shop) == [(5, 1, 21)]
    assert among(lists["popular_items"], [22])
    assert not any(among(rows, [23]) for rows in lists.values())
    assert [rule.value for rule in load_dated_rules(shop.last_run.path("rules.csv"))] == [1.5, None, 2, 1]
    shop.execute("INSERT INTO recalls VALUES (22)")
    lists = ruled(shop, both, DAY + timedelta(days=1))
    assert reasons(shop) == []
    assert lists["popular_items"][1] == (None, 2, 20)
    assert not any(among(rows, [22, 23]) for rows in lists.values())
