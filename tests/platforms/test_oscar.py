"""django-oscar on each database: what its queries make of every trap of its tables."""

import pytest

from recommender.errors import ExitCode
from tests.nights import Shop
from tests.platforms.mutants import caught, mutants_of
from tests.platforms.support import items_of, load, sales_of, set_up

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


@pytest.mark.parametrize("database", ["sqlite", "postgresql", "mariadb"])
@pytest.mark.parametrize("mutant", mutants_of("oscar"), ids=str)
def test_each_mutant_is_caught(request, ready, database, mutant):
    server = None if database == "sqlite" else request.getfixturevalue(database)
    shop = ready(server, "oscar.sql", [STATUSES])
    assert caught(shop, mutant, lambda: (sales_of(shop), items_of(shop)), (SALES, ITEMS))


def test_only_what_is_in_stock(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, STATUSES, "in_stock_only=yes")
    assert items_of(shop) == ITEMS | {16: ("Sold out", False)}


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
