"""Installations that lack tables which only help: the sales are read all the same."""

import pytest

from recommender.errors import ExitCode
from tests.nights import Shop
from tests.platforms.support import facts_of, items_of, load, sales_of, set_up
from tests.platforms.test_shopware import SALES as SHOPWARE_SALES
from tests.platforms.test_woocommerce import SALES as WOO_SALES

LACKED = {
    "woocommerce": (
        ["wp_options", "wp_users", "wp_term_relationships", "wp_terms", "wp_term_taxonomy", "wp_postmeta"],
        [],
        (2, 10, 3, None),
    ),
    "prestashop": (
        [
            *("ps_configuration", "ps_shop", "ps_lang", "ps_order_state_lang", "ps_stock_available"),
            *("ps_category_lang", "ps_manufacturer", "ps_product_attribute_shop", "ps_image_shop"),
            "ps_shop_url",
        ],
        ["id_shop=1", "id_lang=2", "timezone=Europe/Paris"],
        (2, 11, 2, None),
    ),
    "opencart": (
        [
            *("oc_setting", "oc_store", "oc_language", "oc_order_status", "oc_return_status"),
            *("oc_return_action", "oc_product_to_category", "oc_category_description", "oc_manufacturer"),
        ],
        ["statuses=5,3,2", "language_id=2"],
        (2, 10, 3, None),
    ),
    "magento": (
        [
            *("setup_module", "core_config_data", "customer_entity", "catalog_product_super_link"),
            *("catalog_category_product", "catalog_category_entity", "catalog_category_entity_varchar"),
            *("eav_attribute_option_value", "catalog_product_entity_decimal", "catalog_product_index_price"),
        ],
        [],
        (2, 10, 2, None),
    ),
    "shopware": (
        [
            *("sales_channel", "sales_channel_translation", "language", "state_machine"),
            *("product_category", "category", "category_translation", "main_category"),
            *("product_manufacturer_translation", "product_media", "media", "sales_channel_domain"),
        ],
        [f"sales_channel_id={1:032x}", f"language_id={2:032x}"],
        (f"{2:032x}", f"{10:032x}", 1, None),
    ),
}


@pytest.fixture
def url(far_mariadb):
    return far_mariadb.create_database()


@pytest.mark.parametrize("name", LACKED)
def test_what_only_helps_may_be_missing(tmp_path, url, name):
    tables, params, sale = LACKED[name]
    load(url, f"{name}.sql")
    Shop(tmp_path, url).execute(*[f"DROP TABLE {table}" for table in tables])
    shop, _ = set_up(tmp_path / "shop", url, *params)
    assert sale in sales_of(shop)
    assert any(sellable for _, sellable in items_of(shop).values())
    # What the table of products has itself is told all the same.
    assert all("=" in page or "/" in page for page, _ in facts_of(shop, ("url", "added_at")).values())


def test_without_returns(tmp_path, url):
    load(url, "opencart.sql")
    Shop(tmp_path, url).execute("DROP TABLE oc_return")
    shop, _ = set_up(tmp_path / "shop", url)
    assert (2, 10, 5, None) in sales_of(shop)


def test_what_the_shop_cannot_tell_is_asked_for_with_what_there_is(tmp_path, url):
    load(url, "prestashop.sql")
    Shop(tmp_path, url).execute("DROP TABLE ps_configuration", "DROP TABLE ps_shop")
    line = Shop(tmp_path, url).fails(ExitCode.SETTINGS, "init", "--url", url, "--yes")
    assert "PrestaShop needs to know id_shop" in line
    assert "found: 1 (16), 2 (1)" in line


def test_values_that_cannot_be_asked_are_said_to_be(tmp_path, url):
    load(url, "magento.sql")
    Shop(tmp_path, url).execute("ALTER TABLE store DROP COLUMN name")
    _, out = set_up(tmp_path / "shop", url)
    (line,) = [line for line in out.split("\n") if "could not be asked" in line]
    assert line.startswith("    Which others there are could not be asked: The MariaDB/MySQL database ")
    assert "Unknown column" in line
    assert out.split("\n")[out.split("\n").index(line) - 1].startswith("  store_id=all (the default): ")


def test_statuses_that_only_the_owner_knows_and_cannot_be_asked(tmp_path, url):
    load(url, "oscar.sql")
    Shop(tmp_path, url).execute("ALTER TABLE order_order DROP COLUMN status")
    line = Shop(tmp_path, url).fails(ExitCode.SETTINGS, "init", "--url", url, "--yes")
    assert "found: none. The shop could not be asked: The MariaDB/MySQL database" in line


def test_woocommerce_before_it_had_tables_of_orders(tmp_path, url):
    """Version 7.0 and older: only posts, and no option that says so."""
    load(url, "woocommerce.sql")
    Shop(tmp_path, url).execute(
        "DROP TABLE wp_wc_orders",
        "DELETE FROM wp_options WHERE option_name = 'woocommerce_custom_orders_table_enabled'",
    )
    shop, out = set_up(tmp_path / "shop", url)
    assert sales_of(shop) == WOO_SALES
    assert "could not be asked" not in out
    assert "wc-pending (1)" in out


def test_woocommerce_of_then_whose_settings_are_not_ours_to_read(tmp_path, url):
    load(url, "woocommerce.sql")
    Shop(tmp_path, url).execute("DROP TABLE wp_wc_orders", "DROP TABLE wp_options")
    shop, _ = set_up(tmp_path / "shop", url)
    assert sales_of(shop) == WOO_SALES


def test_shopware_whose_refunds_have_no_versions(tmp_path, url):
    """As from 6.4.12 on, before they had any."""
    load(url, "shopware.sql")
    Shop(tmp_path, url).execute(
        "DELETE FROM order_transaction_capture_refund_position WHERE version_id <>"
        " UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425')",
        "ALTER TABLE order_transaction_capture_refund_position DROP PRIMARY KEY, DROP COLUMN version_id,"
        " DROP COLUMN refund_version_id, DROP COLUMN order_line_item_version_id, ADD PRIMARY KEY (id)",
        "ALTER TABLE order_transaction_capture_refund DROP PRIMARY KEY, DROP COLUMN version_id,"
        " ADD PRIMARY KEY (id)",
    )
    shop, out = set_up(tmp_path / "shop", url)
    assert sales_of(shop) == SHOPWARE_SALES
    assert "GRANT SELECT (id, state_id)" in out


def test_shopware_before_it_had_refunds(tmp_path, url):
    load(url, "shopware.sql")
    Shop(tmp_path, url).execute(
        "DROP TABLE order_transaction_capture_refund_position", "DROP TABLE order_transaction_capture_refund"
    )
    shop, out = set_up(tmp_path / "shop", url)
    assert (f"{2:032x}", f"{11:032x}", 3, None) in sales_of(shop)
    assert "capture_refund" not in out


@pytest.mark.parametrize("table", ["oc_product", "oc_order_product"])
def test_opencart_with_masters_in_one_table_alone(tmp_path, url, table):
    load(url, "opencart.sql")
    Shop(tmp_path, url).execute(f"ALTER TABLE {table} DROP COLUMN master_id")
    shop, _ = set_up(tmp_path / "shop", url)
    assert (1, 12, 1, None) in sales_of(shop)
    assert 12 in items_of(shop)
