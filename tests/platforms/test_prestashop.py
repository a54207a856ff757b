"""PrestaShop: what its queries make of every trap of its tables."""

import pytest

from recommender.errors import ExitCode
from tests.nights import Shop
from tests.platforms.mutants import caught, mutants_of
from tests.platforms.support import items_of, load, sales_of, set_up

SALES = sorted(
    [
        (1, 10, 2, None),
        (1, 11, 1, None),  # the combination is the pot
        (1, 16, 1, None),  # a pack; the second order of one reference
        (2, 10, 1, None),  # paid, on backorder: not valid for PrestaShop's own sums
        (2, 11, 2, None),  # five, one refunded, two returned
        (None, 10, 1, "dora@example.com"),
        (None, 11, 1, "dora@example.com"),
        (2, 16, 1, None),  # a guest with Ben's address
        (None, 10, 1, "gone@example.com"),
        (1, 12, 1, None),  # for nothing, and switched off since
        (1, 99, 1, None),  # removed since
    ],
    key=repr,
)
ITEMS = {
    10: ("Assam", True),
    11: ("Kanne", True),
    12: ("Aus", False),
    13: ("Nur ansehen", False),
    14: ("Nur Suche", False),
    15: ("Entwurf", False),
    16: ("Paket", True),
    17: ("Sold out", True),  # has no name in German
    18: ("Auf Bestellung", True),
}


@pytest.fixture
def url(far_mariadb):
    url = far_mariadb.create_database()
    load(url, "prestashop.sql")
    return url


def test_each_trap(tmp_path, url):
    shop, out = set_up(tmp_path / "shop", url)
    assert "PrestaShop 8.1.7" in out
    assert sales_of(shop) == SALES
    assert items_of(shop) == ITEMS
    settings = shop.env_file.read_text(encoding="utf-8")
    assert "\nSALES_TIMEZONE=Europe/Paris\n" in settings
    assert "\nSHOP_TIMEZONE=Europe/Paris\n" in settings


@pytest.mark.parametrize("mutant", mutants_of("prestashop"), ids=str)
def test_each_mutant_is_caught(ready, far_mariadb, mutant):
    shop = ready(far_mariadb, "prestashop.sql")
    assert caught(shop, mutant, lambda: (sales_of(shop), items_of(shop)), (SALES, ITEMS))


def test_the_other_shop_and_language(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, "id_shop=2", "id_lang=2")
    assert sales_of(shop) == [(1, 12, 1, None)]
    assert items_of(shop)[10] == ("Assam, Restposten", False)
    assert items_of(shop)[12] == ("Aus", True)


def test_only_what_is_in_stock(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, "in_stock_only=yes")
    assert items_of(shop) == ITEMS | {17: ("Sold out", False)}


def test_states_that_the_owner_names(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, "statuses=9")
    assert sales_of(shop) == [(2, 10, 1, None)]


def test_a_shop_that_there_is_not(tmp_path, url):
    line = Shop(tmp_path, url).fails(ExitCode.SETTINGS, "init", "--url", url, "--yes", "--param", "id_shop=7")
    assert "id_shop=7 is not in the shop; found: 1 (Teas), 2 (Outlet)" in line
