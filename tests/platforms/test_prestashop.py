"""PrestaShop: what its queries make of every trap of its tables."""

from decimal import Decimal

import pytest

from recommender.errors import ExitCode
from tests.nights import Shop
from tests.platforms.mutants import caught, mutants_of
from tests.platforms.support import facts_of, items_of, load, sales_of, set_up

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


def facts(item, category=None, brand=None, price=0, image=None, *, added="2023-05-01 12:00:00"):
    site = "https://teas.example/"
    image = image and f"{site}img/p/{image}"
    url = f"{site}index.php?controller=product&id_product={item}"
    return category, brand, Decimal(str(price)), url, image, added


FACTS = {item: facts(item) for item in ITEMS} | {
    # Of the main category alone; the price of this shop, the cover of this shop.
    10: facts(10, "Tee", "Meadow & Sons", 4, "1/2/3/4/1234.jpg", added="2023-06-01 09:30:00"),
    # A category without a name in German; with what its first combination adds.
    11: facts(11, "Pots", price=20.95, image="7/7.jpg"),
    13: facts(13, "Ausstellung", added=None),
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
    assert facts_of(shop) == FACTS
    settings = shop.env_file.read_text(encoding="utf-8")
    assert "\nSALES_TIMEZONE=Europe/Paris\n" in settings
    assert "\nSHOP_TIMEZONE=Europe/Paris\n" in settings


@pytest.mark.parametrize("mutant", mutants_of("prestashop"), ids=str)
def test_each_mutant_is_caught(ready, far_mariadb, mutant):
    shop = ready(far_mariadb, "prestashop.sql")
    assert caught(
        shop, mutant, lambda: (sales_of(shop), items_of(shop), facts_of(shop)), (SALES, ITEMS, FACTS)
    )


def test_the_other_shop_and_language(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, "id_shop=2", "id_lang=2")
    assert sales_of(shop) == [(1, 12, 1, None)]
    assert items_of(shop)[10] == ("Assam, Restposten", False)
    assert items_of(shop)[12] == ("Aus", True)
    category, _, price, page, image, _ = facts_of(shop)[10]
    assert (category, price) == ("Restposten", 3)
    assert page == "https://teas.example/outlet/index.php?controller=product&id_product=10"
    assert image == "https://teas.example/outlet/img/p/1/2/0/120.jpg"


def test_all_shops_have_one_row_an_item(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, "id_shop=all")
    facts = facts_of(shop)
    assert facts[10][2:5] == (
        Decimal("4.5"),
        "index.php?controller=product&id_product=10",
        "img/p/1/2/3/4/1234.jpg",
    )
    assert facts[11][2] == Decimal("20.95")


def test_only_what_is_in_stock(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, "in_stock_only=yes")
    assert items_of(shop) == ITEMS | {17: ("Sold out", False)}


def test_states_that_the_owner_names(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, "statuses=9")
    assert sales_of(shop) == [(2, 10, 1, None)]


def test_a_shop_that_there_is_not(tmp_path, url):
    line = Shop(tmp_path, url).fails(ExitCode.SETTINGS, "init", "--url", url, "--yes", "--param", "id_shop=7")
    assert "id_shop=7 is not in the shop; found: 1 (Teas), 2 (Outlet)" in line
