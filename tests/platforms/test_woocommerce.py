"""WooCommerce: what its queries make of every trap of its tables, in both stores of orders."""

from decimal import Decimal

import pytest

from recommender.errors import ExitCode
from tests.nights import Shop
from tests.platforms.mutants import caught, mutants_of
from tests.platforms.support import facts_of, items_of, load, sales_of, set_up

SALES = sorted(
    [
        (1, 10, 2, None),
        (1, 11, 1, None),  # the variation is the tea pot
        (2, 10, 3, None),
        (3, 11, 1, None),  # three less two that came back
        (3, 10, 1, None),  # money back, not the tea
        (None, 10, 1, "dora@example.com"),
        (None, 11, 1, "dora@example.com"),
        (2, 11, 1, None),  # a guest with Ben's address
        (1, 20, 1, None),  # a gift box, without the tea in it
        (1, 13, 1, None),  # for nothing, and withdrawn since
        (1, 99, 1, None),  # removed since
    ],
    key=repr,
)
ITEMS = {
    10: ("Assam", True),
    11: ("Tea pot", True),
    13: ("Withdrawn", False),
    14: ("Binned", False),
    15: ("Hidden", False),
    16: ("By search only", False),
    17: ("For members", False),
    18: ("Sold out", True),
    20: ("Gift box", True),
}
SITE = "https://teas.example/shop"


def facts(item, category=None, brand=None, price=None, image=None, *, added="2024-01-01 00:00:00"):
    image = image and f"{SITE}/wp-content/uploads/{image}"
    return category, brand, price, f"{SITE}/?post_type=product&p={item}", image, added


FACTS = {item: facts(item) for item in ITEMS} | {
    # In two categories, of two brands; not the price before, nor the local time.
    10: facts(10, "Tea", "Meadow & Sons", Decimal("4.5"), "2024/01/leaves.jpg", added="2024-01-01 08:00:00"),
    # The cheapest of its variations; its image is gone.
    11: facts(11, "Gifts & more", price=Decimal("20.95")),
    13: facts(13, added=None),  # a draft, with a price that is empty
}
POSTS = (
    "UPDATE wp_options SET option_value = 'no' WHERE option_name = 'woocommerce_custom_orders_table_enabled'"
)


@pytest.fixture(params=["hpos", "posts"])
def shop(request, ready, far_mariadb):
    return ready(far_mariadb, "woocommerce.sql", (), POSTS if request.param == "posts" else "")


def test_each_trap(shop):
    assert sales_of(shop) == SALES
    assert items_of(shop) == ITEMS
    assert facts_of(shop) == FACTS


@pytest.mark.parametrize("mutant", mutants_of("woocommerce"), ids=str)
def test_each_mutant_is_caught(shop, mutant):
    assert caught(
        shop, mutant, lambda: (sales_of(shop), items_of(shop), facts_of(shop)), (SALES, ITEMS, FACTS)
    )


def test_what_init_says_and_sets(tmp_path, far_mariadb):
    url = far_mariadb.create_database()
    load(url, "woocommerce.sql")
    shop, out = set_up(tmp_path / "shop", url)
    assert "This shop runs on WooCommerce 9.4.2" in out
    assert "Assam" in out  # among the newest sales
    settings = shop.env_file.read_text(encoding="utf-8")
    assert "\nSALES_TIMEZONE=UTC\n" in settings
    assert "\nSHOP_TIMEZONE=Europe/Paris\n" in settings
    assert "GRANT SELECT (ID, user_email)" in out
    assert "`wp_users`" in out


def test_statuses_with_and_without_their_prefix(tmp_path, far_mariadb):
    url = far_mariadb.create_database()
    load(url, "woocommerce.sql")
    shop, _ = set_up(tmp_path / "shop", url, "statuses=wc-processing,pending", "in_stock_only=yes")
    assert sales_of(shop) == [(1, 10, 1, None), (2, 10, 3, None)]
    assert items_of(shop) == ITEMS | {18: ("Sold out", False)}


def test_an_installation_with_a_prefix_of_its_own(tmp_path, far_mariadb):
    url = far_mariadb.create_database()
    load(url, "woocommerce.sql")
    base = Shop(tmp_path, url)
    for (table,) in base.rows("SHOW TABLES"):
        base.execute(f"RENAME TABLE {table} TO `7e3_{table.removeprefix('wp_')}`")
    shop, out = set_up(tmp_path / "shop", url)
    assert "7e3_woocommerce_order_items" in out
    assert sales_of(shop) == SALES


def test_uploads_with_an_address_of_their_own(tmp_path, far_mariadb):
    url = far_mariadb.create_database()
    load(url, "woocommerce.sql")
    cdn = "UPDATE wp_options SET option_value = 'https://cdn.example' WHERE option_name = 'upload_url_path'"
    Shop(tmp_path, url).execute(cdn)
    shop, out = set_up(tmp_path / "shop", url)
    assert facts_of(shop)[10][4] == "https://cdn.example/2024/01/leaves.jpg"
    assert "images=https://cdn.example (as the shop's tables say" in out


def test_a_site_of_a_network_has_its_uploads_elsewhere(tmp_path, far_mariadb):
    """Below `sites/`, by a number that is in no table of its own: the path alone is told."""
    url = far_mariadb.create_database()
    load(url, "woocommerce.sql")
    base = Shop(tmp_path, url)
    for (table,) in base.rows("SHOW TABLES"):
        if table != "wp_users":
            base.execute(f"RENAME TABLE {table} TO wp_2_{table.removeprefix('wp_')}")
    shop, _ = set_up(tmp_path / "shop", url)
    assert facts_of(shop)[10][3:5] == (f"{SITE}/?post_type=product&p=10", "2024/01/leaves.jpg")


def test_a_parameter_that_there_is_not(tmp_path, far_mariadb):
    url = far_mariadb.create_database()
    load(url, "woocommerce.sql")
    shop = Shop(tmp_path, url)
    line = shop.fails(ExitCode.SETTINGS, "init", "--url", url, "--yes", "--param", "id_shop=1")
    assert "WooCommerce has no parameter id_shop" in line
    assert "statuses" in line


def test_check_says_which_orders_do_not_count(tmp_path, far_mariadb):
    url = far_mariadb.create_database()
    load(url, "woocommerce.sql")
    shop, _ = set_up(tmp_path / "shop", url, "statuses=processing")
    out = shop.recommend("check").out
    assert "1 of 14 orders count as sales: wc-processing 1. Not counted: wc-completed " in " ".join(
        out.split()
    )
    assert "% of your orders are 'wc-completed': not counted" in out
