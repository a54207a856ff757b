"""Magento 2: what its queries make of every trap of its tables."""

from decimal import Decimal

import pytest

from tests.nights import Shop
from tests.platforms.mutants import caught, mutants_of
from tests.platforms.support import facts_of, items_of, load, sales_of, set_up

SALES = sorted(
    [
        (1, 10, 2, None),  # the tea in the bundle is not counted beside it
        (1, 11, 1, None),
        (1, 14, 1, None),
        (2, 10, 2, None),  # five ordered, three paid, one back
        (None, 10, 1, "dora@example.com"),
        (None, 11, 1, "dora@example.com"),  # a variant without a page, by itself
        (2, 15, 1, None),  # a guest with Ben's address; a variant with a page of its own
        (None, 10, 1, "gone@example.com"),  # a removed customer
        (1, 13, 1, None),  # of a removed store, for nothing, switched off since
        (1, 99, 1, None),  # removed since
        (2, 16, 1, None),
    ],
    key=repr,
)
ITEMS = {
    10: ("Assam", True),
    11: ("Pot", True),
    12: ("Pot, red", False),
    13: ("Off", False),
    14: ("Box", True),
    15: ("Pot, blue", True),
    16: ("Elsewhere", True),
    17: ("By search", False),
    18: ("OUT", True),
}


def facts(item, category=None, brand=None, price=None, image=None, *, site="https://teas.example"):
    image = image and f"{site}/media/catalog/product/{image}"
    added = "2023-06-01 09:30:00" if item == 10 else "2023-05-01 12:00:00"
    return category, brand, price, f"{site}/catalog/product/view/id/{item}", image, added


FACTS = {item: facts(item) for item in ITEMS} | {
    # In two categories and the root; the least of two websites' prices, not that of trade customers.
    10: facts(10, "Tea", "Meadow", Decimal("4.25"), "a/s/assam.jpg"),
    11: facts(11, "Black tea", "Zeta", Decimal("20.95")),  # the cheapest variant; no image was chosen
    13: facts(13, price=Decimal(9), image="o/f/off.jpg"),  # switched off, so that the index has no price
}


@pytest.fixture
def url(far_mariadb):
    url = far_mariadb.create_database()
    load(url, "magento.sql")
    return url


def test_each_trap(tmp_path, url):
    shop, out = set_up(tmp_path / "shop", url)
    assert "Magento 2" in out
    assert sales_of(shop) == SALES
    assert items_of(shop) == ITEMS
    assert facts_of(shop) == FACTS
    settings = shop.env_file.read_text(encoding="utf-8")
    assert "\nSALES_TIMEZONE=UTC\n" in settings
    assert "\nSHOP_TIMEZONE=America/New_York\n" in settings


@pytest.mark.parametrize("mutant", mutants_of("magento"), ids=str)
def test_each_mutant_is_caught(ready, far_mariadb, mutant):
    shop = ready(far_mariadb, "magento.sql", mutant.params)
    right = (sales_of(shop), items_of(shop), facts_of(shop))
    assert caught(shop, mutant, lambda: (sales_of(shop), items_of(shop), facts_of(shop)), right)


def test_one_store_view(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, "store_id=2", "in_stock_only=yes")
    assert sales_of(shop) == [(2, 10, 2, None)]
    assert items_of(shop) == ITEMS | {
        10: ("Thé d'Assam", True),
        14: ("Box", False),  # switched off in this store
        16: ("Elsewhere", False),  # of another website
        18: ("OUT", False),
    }
    site = "https://thes.example"
    assert facts_of(shop) == {item: facts(item, site=site) for item in ITEMS} | {
        10: facts(10, "Thé", "Pré", Decimal("4.5"), "t/h/the.jpg", site=site),
        11: facts(11, "Black tea", "Zeta", Decimal("20.95"), site=site),
        13: facts(13, price=Decimal(8), image="o/f/off.jpg", site=site),
    }


def test_with_a_prefix(tmp_path, url):
    base = Shop(tmp_path, url)
    for (table,) in base.rows("SHOW TABLES"):
        base.execute(f"RENAME TABLE {table} TO m2_{table}")
    shop, _ = set_up(tmp_path / "shop", url)
    assert sales_of(shop) == SALES
    assert items_of(shop) == ITEMS


def test_adobe_commerce_keeps_values_by_row(tmp_path, url):
    Shop(tmp_path, url).execute(
        "ALTER TABLE catalog_product_entity ADD row_id INT UNSIGNED",
        "UPDATE catalog_product_entity SET row_id = entity_id + 500",
        "ALTER TABLE catalog_product_entity_int CHANGE entity_id row_id INT UNSIGNED NOT NULL",
        "ALTER TABLE catalog_product_entity_varchar CHANGE entity_id row_id INT UNSIGNED NOT NULL",
        "ALTER TABLE catalog_product_entity_decimal CHANGE entity_id row_id INT UNSIGNED NOT NULL",
        "ALTER TABLE catalog_category_entity ADD row_id INT UNSIGNED",
        "UPDATE catalog_category_entity SET row_id = entity_id + 500",
        "ALTER TABLE catalog_category_entity_varchar CHANGE entity_id row_id INT UNSIGNED NOT NULL",
        "UPDATE catalog_category_entity_varchar SET row_id = row_id + 500",
        "UPDATE catalog_product_entity_decimal SET row_id = row_id + 500",
        "UPDATE catalog_product_entity_int SET row_id = row_id + 500",
        "UPDATE catalog_product_entity_varchar SET row_id = row_id + 500",
        "UPDATE catalog_product_super_link SET parent_id = parent_id + 500",
    )
    shop, _ = set_up(tmp_path / "shop", url)
    assert sales_of(shop) == SALES
    assert items_of(shop) == ITEMS
    assert facts_of(shop) == FACTS
