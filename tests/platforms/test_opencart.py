"""OpenCart 4 and 3: what its queries make of every trap of its tables."""

from decimal import Decimal

import pytest

from tests.nights import Shop
from tests.platforms.mutants import caught, mutants_of
from tests.platforms.support import facts_of, items_of, load, sales_of, set_up

SALES = sorted(
    [
        (1, 10, 2, None),  # a return that was asked for, and one without an action
        (1, 11, 1, None),  # the variant's master
        (1, 13, 1, None),  # processing; switched off since
        (2, 10, 3, None),  # two lines with five, of which one came back for money and one for credit
        (2, 11, 2, None),  # two variants and a master, less a variant
        (2, 15, 1, None),  # replaced, not refunded
        (None, 10, 1, "dora@example.com"),
        (None, 11, 1, "dora@example.com"),
        (2, 13, 1, None),  # a guest with Ben's address, for nothing
        (None, 10, 1, "gone@example.com"),
        (1, 99, 1, None),  # removed since
    ],
    key=repr,
)
ITEMS = {
    10: ("Assam (hi)", True),
    11: ("Pot (hi)", True),
    13: ("Off", False),
    14: ("Soon", False),
    15: ("Elsewhere", False),
    16: ("Sold out", True),  # has no name in Hindi
}


def facts(item, category=None, brand=None, price=0, image=None, *, added="2023-05-01 12:00:00"):
    url = f"index.php?route=product/product&product_id={item}"
    return category, brand, Decimal(str(price)), url, image and f"image/catalog/{image}", added


FACTS = {item: facts(item) for item in ITEMS} | {
    10: facts(10, "Tea & more (hi)", "Meadow & Sons", 4.5, "assam.jpg", added="2023-06-01 09:30:00"),
    11: facts(11, "Pots", price=20.95),  # a category without a name in Hindi
    13: facts(13, image="off.jpg", added=None),
}


@pytest.fixture
def url(far_mariadb):
    url = far_mariadb.create_database()
    load(url, "opencart.sql")
    return url


def test_each_trap(tmp_path, url):
    shop, out = set_up(tmp_path / "shop", url)
    assert "OpenCart 4.0" in out
    assert "statuses=5,3,2 (as the shop's tables say" in out
    assert sales_of(shop) == SALES
    assert items_of(shop) == ITEMS
    assert facts_of(shop) == FACTS
    assert "\nSALES_TIMEZONE=Asia/Kolkata\n" in shop.env_file.read_text(encoding="utf-8")


@pytest.mark.parametrize("mutant", mutants_of("opencart"), ids=str)
def test_each_mutant_is_caught(ready, far_mariadb, mutant):
    shop = ready(far_mariadb, "opencart.sql")
    assert caught(
        shop, mutant, lambda: (sales_of(shop), items_of(shop), facts_of(shop)), (SALES, ITEMS, FACTS)
    )


def test_version_3_without_masters(tmp_path, url):
    base = Shop(tmp_path, url)
    base.execute(
        "ALTER TABLE oc_product DROP COLUMN master_id", "ALTER TABLE oc_order_product DROP COLUMN master_id"
    )
    shop, out = set_up(tmp_path / "shop", url)
    assert "OpenCart 3" in out
    assert (1, 12, 1, None) in sales_of(shop)
    assert (2, 12, 1, None) in sales_of(shop)  # two less one
    assert items_of(shop) == ITEMS | {12: ("Red pot (hi)", True)}


def test_version_41_has_other_numbers_for_actions(tmp_path, url):
    Shop(tmp_path, url).execute(
        "CREATE TABLE oc_product_code (product_code_id INT)",
        "DELETE FROM oc_return_action",
        "UPDATE oc_setting SET `key` = 'config_language_catalog' WHERE `key` = 'config_language'",
        "UPDATE oc_return SET return_action_id = 4 WHERE return_action_id = 1",
    )
    shop, out = set_up(tmp_path / "shop", url)
    assert "OpenCart 4.1" in out
    assert "return_actions=2,4" in out
    assert sales_of(shop) == SALES
    assert items_of(shop) == ITEMS


def test_the_other_store_language_and_stock(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, "store_id=1", "language_id=1", "in_stock_only=yes")
    assert sales_of(shop) == [(1, 15, 1, None)]
    assert items_of(shop)[10] == ("Assam", True)
    assert items_of(shop)[15] == ("Elsewhere", True)
    assert items_of(shop)[16] == ("Sold out", False)
    category, _, _, page, image, _ = facts_of(shop)[10]
    assert category == "Tea & more"
    assert page == "https://outlet.example/index.php?route=product/product&product_id=10"
    assert image == "https://outlet.example/image/catalog/assam.jpg"


def test_brands_that_have_a_name_in_each_language(tmp_path, url):
    Shop(tmp_path, url).execute(
        "CREATE TABLE oc_manufacturer_description (manufacturer_id INT NOT NULL, language_id INT NOT NULL,"
        " name VARCHAR(64) NOT NULL, PRIMARY KEY (manufacturer_id, language_id))",
        "INSERT INTO oc_manufacturer_description VALUES (3, 1, 'Meadow &amp; Sons'), (3, 2, 'Meadow (hi)')",
        "ALTER TABLE oc_manufacturer DROP COLUMN name",
    )
    shop, out = set_up(tmp_path / "shop", url)
    assert facts_of(shop)[10][1] == "Meadow (hi)"
    assert facts_of(shop)[11][1] is None
    assert "GRANT SELECT (manufacturer_id, language_id, name)" in out
