"""django-oscar on each database: what its queries make of every trap of its tables."""

from decimal import Decimal

import pytest

from recommender.errors import ExitCode
from tests.nights import Shop
from tests.platforms.mutants import caught, mutants_of
from tests.platforms.support import FACT_COLUMNS, facts_of, items_of, load, sales_of, set_up

STATUSES = "statuses=Complete,Being processed"
SALES = sorted(
    [
        (1, 10, 2, None),
        (1, 11, 1, None),  # the variant's product
        (2, 10, 2, None),  # three less one that came back
        (None, 10, 1, "dora@example.com"),
        (None, 11, 1, "dora@example.com"),
        (2, 11, 1, None),  # a guest with the address of the first of two accounts
        (1, 13, 1, None),  # for nothing, and not public any more
    ],
    key=repr,
)
ITEMS = {
    10: ("Assam", True),
    11: ("Pot", True),
    13: ("Off", False),
    16: ("Sold out", True),
    17: ("Voucher", True),
}

STORED = tuple(column for column in FACT_COLUMNS if column != "brand")


def facts(item, slug, category=None, price=None, image=None, *, added="2023-05-01 12:00:00", site=""):
    return category, price and Decimal(price), f"{site}catalogue/{slug}_{item}/", image, added


FACTS = {
    # In two categories, in stock with two partners, with two images that claim to be the first.
    10: facts(10, "assam", "Tea", "4.5", "images/products/2023/06/assam.jpg", added="2023-06-01 09:30:00"),
    11: facts(11, "pot", "Black tea", "20.95"),  # the cheapest of its variants that are public
    13: facts(13, "off"),
    16: facts(16, "sold-out"),
    17: facts(17, "voucher"),
}


@pytest.fixture
def url(database_url):
    load(database_url, "oscar.sql")
    return database_url


def test_each_trap(tmp_path, url):
    shop, out = set_up(tmp_path / "shop", url, STATUSES)
    assert "This shop runs on django-oscar" in out
    assert "user_table=auth_user" in out
    assert "refund_events=Refunded" in out
    assert sales_of(shop) == SALES
    assert items_of(shop) == ITEMS
    assert facts_of(shop, STORED) == FACTS


@pytest.mark.parametrize("database", ["sqlite", "postgresql", "mariadb"])
@pytest.mark.parametrize("mutant", mutants_of("oscar"), ids=str)
def test_each_mutant_is_caught(request, ready, database, mutant):
    server = None if database == "sqlite" else request.getfixturevalue(database)
    shop = ready(server, "oscar.sql", [STATUSES])

    def answers():
        return sales_of(shop), items_of(shop), facts_of(shop, STORED)

    assert caught(shop, mutant, answers, (SALES, ITEMS, FACTS))


def test_only_what_is_in_stock(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, STATUSES, "in_stock_only=yes")
    assert items_of(shop) == ITEMS | {16: ("Sold out", False)}


def test_addresses_that_the_owner_says(tmp_path, url):
    addresses = ("site=https://teas.example/", "images=https://teas.example/media")
    shop, _ = set_up(tmp_path / "shop", url, STATUSES, *addresses)
    _, _, page, image, _ = facts_of(shop, STORED)[10]
    assert page == "https://teas.example/catalogue/assam_10/"
    assert image == "https://teas.example/media/images/products/2023/06/assam.jpg"
    line = Shop(tmp_path, url).fails(
        ExitCode.SETTINGS, "init", "--url", url, "--yes", "--param", STATUSES, "--param", "site=teas.example"
    )
    assert "site=teas.example is not of its form: one address" in line


def test_products_without_the_tables_that_only_tell_more(tmp_path, url):
    """As before version 3, or where a project has its own."""
    Shop(tmp_path, url).execute(
        "DROP TABLE catalogue_productcategory",
        "DROP TABLE catalogue_productimage",
        "ALTER TABLE partner_stockrecord RENAME COLUMN price TO price_excl_tax",
    )
    shop, _ = set_up(tmp_path / "shop", url, STATUSES)
    assert facts_of(shop, ("url", "added_at")) == {item: (told[2], told[4]) for item, told in FACTS.items()}


def test_without_statuses_those_found_are_named(tmp_path, url):
    line = Shop(tmp_path, url).fails(ExitCode.SETTINGS, "init", "--url", url, "--yes")
    assert "needs to know statuses" in line
    assert "Complete (7), " in line
    assert "--param statuses=" in line


def test_events_and_lines_that_the_owner_names(tmp_path, url):
    none = ("refund_events=", "cancelled_line_statuses=", "user_table=")
    shop, _ = set_up(tmp_path / "shop", url, STATUSES, *none)
    found = sales_of(shop)
    assert (2, 10, 3, None) in found
    assert (1, 16, 1, None) in found
    assert (None, 11, 1, "ben@example.com") in found
