"""The sales of a synthetic shop in the layouts of WooCommerce and Magento, on MariaDB.

Usage: platforms.py URL NAME

The database has the tables of shops.py; their sales that did not come back become orders, those of a
customer's day together, in the platform's tables as tests/platforms/ has them.
"""

import sys
from pathlib import Path

import sqlalchemy as sa

SCHEMAS = Path(__file__).resolve().parents[2] / "tests" / "platforms"
LINES = "line"
"""The table of the same sales for the query to compare with."""
_LINES = """
CREATE TABLE line (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, order_id INT UNSIGNED, customer_id INT NOT NULL,
    item_id INT NOT NULL, quantity INT NOT NULL, price DECIMAL(10, 2) NOT NULL, sold_at DATETIME NOT NULL,
    KEY (sold_at)
);
INSERT INTO line (customer_id, item_id, quantity, price, sold_at)
SELECT customer_id, item_id, quantity, price, sold_at FROM sales WHERE quantity > 0 ORDER BY sold_at;
UPDATE line
JOIN (
    SELECT id, MIN(id) OVER (PARTITION BY customer_id, DATE(sold_at)) AS first FROM line
) AS o ON o.id = line.id
SET line.order_id = o.first
"""
_META = {
    "_product_id": "item_id",
    "_variation_id": "0",
    "_qty": "quantity + (id % 50 = 0)",
    "_line_subtotal": "price * (quantity + (id % 50 = 0))",
    "_line_total": "price * (quantity + (id % 50 = 0))",
    "_line_tax": "0",
    "_tax_class": "''",
}
# The numbers of orders begin behind those of lines, as where they were posts before. A line's rows of meta
# stand together, as a shop writes them. Of one line in fifty a piece more was bought, and came back.
_WOOCOMMERCE = f"""
INSERT INTO wp_options (option_name, option_value)
VALUES ('woocommerce_version', '9.4.2'), ('timezone_string', 'Europe/Paris'),
    ('woocommerce_custom_orders_table_enabled', 'yes');
INSERT INTO wp_users (ID, user_login, user_pass, user_email)
SELECT customer_id, customer_id, 'x', CONCAT('customer', customer_id, '@example.com')
FROM line GROUP BY customer_id;
INSERT INTO wp_posts (ID, post_date, post_date_gmt, post_title, post_status, post_type)
SELECT item_id, '2024-01-01', '2024-01-01', name, IF(sellable, 'publish', 'draft'), 'product'
FROM items;
INSERT INTO wp_wc_orders (
    id, status, currency, type, total_amount, customer_id, billing_email, date_created_gmt
)
SELECT order_id + 10000000, 'wc-completed', 'EUR', 'shop_order', SUM(price * quantity), MIN(customer_id),
    CONCAT('customer', MIN(customer_id), '@example.com'), MIN(sold_at)
FROM line GROUP BY order_id;
INSERT INTO wp_wc_orders (id, status, currency, type, total_amount, date_created_gmt, parent_order_id)
SELECT id + 20000000, 'wc-completed', 'EUR', 'shop_order_refund', -price, sold_at, order_id + 10000000
FROM line WHERE id % 50 = 0;
INSERT INTO wp_woocommerce_order_items (order_item_id, order_item_name, order_item_type, order_id)
SELECT id, 'x', 'line_item', order_id + 10000000 FROM line
UNION ALL SELECT id + 20000000, 'x', 'line_item', id + 20000000 FROM line WHERE id % 50 = 0;
INSERT INTO wp_woocommerce_order_itemmeta (order_item_id, meta_key, meta_value)
{" UNION ALL ".join(f"SELECT id, '{key}', {value} FROM line" for key, value in _META.items())}
UNION ALL SELECT id + 20000000, '_refunded_item_id', id FROM line WHERE id % 50 = 0
UNION ALL SELECT id + 20000000, '_qty', -1 FROM line WHERE id % 50 = 0
ORDER BY 1
"""
# One product in four is a variant of the one before it.
_MAGENTO = """
INSERT INTO setup_module VALUES ('Magento_Sales', '2.0.14');
INSERT INTO core_config_data (path, value) VALUES ('general/locale/timezone', 'Europe/Paris');
INSERT INTO store VALUES (0, 'admin', 0, 'Admin', 1), (1, 'en', 1, 'English', 1);
INSERT INTO eav_entity_type VALUES (4, 'catalog_product');
INSERT INTO eav_attribute VALUES (73, 4, 'name'), (97, 4, 'status'), (99, 4, 'visibility');
INSERT INTO customer_entity (entity_id, website_id, email)
SELECT customer_id, 1, CONCAT('customer', customer_id, '@example.com') FROM line GROUP BY customer_id;
INSERT INTO catalog_product_entity (entity_id, type_id, sku) SELECT item_id, 'simple', name FROM items;
INSERT INTO catalog_product_entity_varchar (attribute_id, store_id, entity_id, value)
SELECT 73, 0, item_id, name FROM items;
INSERT INTO catalog_product_entity_int (attribute_id, store_id, entity_id, value)
SELECT 97, 0, item_id, 2 - sellable FROM items
UNION ALL SELECT 99, 0, item_id, CASE WHEN (item_id - 100) % 28 = 21 THEN 1 ELSE 4 END FROM items;
INSERT INTO catalog_product_super_link (product_id, parent_id)
SELECT item_id, item_id - 7 FROM items WHERE (item_id - 100) % 28 = 21;
INSERT INTO catalog_product_website SELECT item_id, 1 FROM items;
INSERT INTO sales_order (
    entity_id, state, status, store_id, customer_id, customer_is_guest, customer_email, created_at
)
SELECT order_id, 'complete', 'complete', 1, MIN(customer_id), 0,
    CONCAT('customer', MIN(customer_id), '@example.com'), MIN(sold_at)
FROM line GROUP BY order_id;
INSERT INTO sales_order_item (
    item_id, order_id, store_id, product_id, product_type, sku, name, qty_ordered, qty_invoiced, qty_refunded,
    base_price
)
SELECT id, order_id, 1, item_id, 'simple', 'x', 'x', quantity + (id % 50 = 0), quantity + (id % 50 = 0),
    id % 50 = 0, price
FROM line
"""
_ROWS = {"woocommerce": _WOOCOMMERCE, "magento": _MAGENTO}
NAMES = tuple(_ROWS)


def lay_out(url: str, name: str) -> None:
    """Make the tables of a platform in the database and fill them."""
    schema = (SCHEMAS / f"{name}.sql").read_text(encoding="utf-8")
    tables = [line.rstrip(";") for line in schema.splitlines() if line.startswith("CREATE TABLE")]
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        has_lines = sa.inspect(connection).has_table(LINES)
        lines = [] if has_lines else _LINES.split(";\n")
        for statement in (*lines, *tables, *_ROWS[name].split(";\n")):
            connection.exec_driver_sql(statement.replace("%", "%%"))
        names = ", ".join(f"`{table}`" for table in sa.inspect(connection).get_table_names())
        connection.exec_driver_sql(f"ANALYZE TABLE {names}")
    engine.dispose()


if __name__ == "__main__":
    lay_out(sys.argv[1], sys.argv[2])
