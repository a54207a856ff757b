"""The first guess is the same however a shop declares its keys: one shop in many shapes, the same rows."""

import re

import pytest

from tests.nights import connection_to
from tests.test_proposal import sql, unknown_shop, words

N = 60
SHAPES = {
    "a key": ("PRIMARY KEY (id)", ""),
    "a key of two columns": ("PRIMARY KEY (id, created_at)", ""),
    "unique": ("UNIQUE (id)", ""),
    "no key": ("CHECK (id > 0)", ""),
    "parts": ("PRIMARY KEY (id, created_at)", "PARTITION BY RANGE "),
}


def shaped(tmp_path, url, shape):
    backend = "sqlite" if url.startswith("sqlite") else "postgresql" if "postgresql" in url else "mysql"
    key, parts = SHAPES[shape]
    if parts:
        parts += (
            "(created_at)"
            if backend == "postgresql"
            else "COLUMNS (created_at) (PARTITION p1 VALUES LESS THAN ('2026-10-01'),"
            " PARTITION p2 VALUES LESS THAN (MAXVALUE))"
        )
    time = "DATETIME" if backend == "mysql" else "TIMESTAMP"
    shop = unknown_shop(
        tmp_path,
        url,
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(20))",
        "CREATE TABLE products (id INTEGER PRIMARY KEY, name VARCHAR(20))",
        f"CREATE TABLE orders (id INTEGER NOT NULL, customer_id INTEGER NOT NULL, created_at {time} NOT NULL,"
        f" {key}) {parts}",
        "CREATE TABLE order_lines (order_id INTEGER, product_id INTEGER, quantity INTEGER)",
        *(
            [
                "CREATE TABLE orders_old PARTITION OF orders FOR VALUES FROM (MINVALUE) TO ('2026-10-01')",
                "CREATE TABLE orders_new PARTITION OF orders FOR VALUES FROM ('2026-10-01') TO (MAXVALUE)",
            ]
            if parts and backend == "postgresql"
            else []
        ),
    )
    shop.execute("INSERT INTO customers VALUES (:n, 'C')", rows=[{"n": n} for n in range(1, 8)])
    shop.execute("INSERT INTO products VALUES (:n, 'P')", rows=[{"n": n} for n in range(1, 6)])
    shop.execute(
        "INSERT INTO orders VALUES (:n, :c, :t)",
        rows=[
            {"n": n, "c": n % 7 + 1, "t": f"2026-{9 + n % 2:02}-{n % 28 + 1:02} 10:00:00"}
            for n in range(1, N + 1)
        ],
    )
    shop.execute(
        "INSERT INTO order_lines VALUES (:n, :p, 1)",
        rows=[{"n": n % N + 1, "p": n % 5 + 1} for n in range(2 * N)],
    )
    return shop


def guessed(shop):
    """Both queries in plain words, and the rows of the sales."""
    shop.does("init", "--url", shop.url, "--yes")
    sales, items = words(sql(shop, "sales.sql")), words(sql(shop, "items.sql"))
    with connection_to(shop.url) as connection:
        text = re.sub(r"--.*", "", sql(shop, "sales.sql")).replace(":since", "'2020-01-01 00:00:00'")
        rows = connection.exec_driver_sql(text.replace("%", "%%")).fetchall()
    return sales, items, sorted(map(str, rows))


@pytest.mark.parametrize("shape", [*SHAPES])
def test_however_the_orders_key_is_declared(tmp_path, database_url, shape):
    if shape == "parts" and database_url.startswith("sqlite"):
        pytest.skip("SQLite has no partitions")
    sales, items, rows = guessed(shaped(tmp_path, database_url, shape))
    assert sales == (
        "SELECT o.customer_id AS customer_id, l.product_id AS item_id, o.created_at AS sold_at,"
        " l.quantity AS quantity, o.id AS order_id FROM order_lines AS l"
        " JOIN orders AS o ON o.id = l.order_id WHERE o.created_at >= :since"
    )
    assert items == "SELECT p.id AS item_id, p.name AS name, 1 AS sellable FROM products AS p"
    assert len(rows) == 2 * N


@pytest.mark.parametrize("link", [True, False])
def test_orders_of_several_branches_are_joined_by_the_whole_key(tmp_path, database_url, link):
    """Two branches number their orders alike: by the number alone, lines would find the other order too."""
    foreign = ", FOREIGN KEY (branch, order_id) REFERENCES orders (branch, order_id)" if link else ""
    shop = unknown_shop(
        tmp_path,
        database_url,
        "CREATE TABLE products (product_id INTEGER PRIMARY KEY, name VARCHAR(20))",
        "CREATE TABLE orders (branch INTEGER, order_id INTEGER, customer_id INTEGER NOT NULL,"
        " ordered_at TIMESTAMP NULL, PRIMARY KEY (branch, order_id))",
        f"CREATE TABLE order_lines (branch INTEGER, order_id INTEGER, product_id INTEGER{foreign})",
        "INSERT INTO products VALUES (1, 'Tea'), (2, 'Cup')",
    )
    orders = [{"b": b, "n": n, "c": n + 100 * b} for b in (1, 2) for n in range(1, 11)]
    shop.execute("INSERT INTO orders VALUES (:b, :n, :c, '2026-11-01 10:00:00')", rows=orders)
    shop.execute("INSERT INTO order_lines VALUES (:b, :n, 1 + :n % 2)", rows=orders)
    sales, _, rows = guessed(shop)
    assert "JOIN orders AS o ON o.branch = l.branch AND o.order_id = l.order_id WHERE" in sales
    assert len(rows) == 20


def test_a_column_that_repeats_is_no_key(tmp_path, database_url):
    """Without any key declared, a number that is there twice joins nothing."""
    shop = shaped(tmp_path, database_url, "no key")
    shop.execute("INSERT INTO orders SELECT id, customer_id, created_at FROM orders WHERE id = 1")
    outcome = shop.recommend("init", "--url", shop.url, "--yes")
    assert "JOIN orders" not in words(sql(shop, "sales.sql")), outcome.out
