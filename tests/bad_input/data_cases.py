"""Queries, sales and items that cannot be used."""

import hashlib
from datetime import timedelta

import pytest

from tests.bad_input.support import (
    ANY,
    MARIADB,
    NIGHT,
    POSTGRESQL,
    SERVERS,
    SQLITE,
    BadShop,
    Case,
    cases_of,
    nothing,
)
from tests.nights import DAY, tastes

CASES: list[Case] = []
case = cases_of(CASES, pytest.mark.sqlite_proves)
COLUMNS = "customer_id, item_id, sold_at"
MANY = 100
"""So many good lines that one bad one is a hundredth."""

# Queries


@case("a query is missing", on=ANY)
def no_query(shop: BadShop) -> None:
    (shop.folder / "sql" / "items.sql").unlink()


@case("a query that is a folder", on=ANY)
def folder_for_a_query(shop: BadShop) -> None:
    (shop.folder / "sql" / "items.sql").unlink()
    (shop.folder / "sql" / "items.sql").mkdir()


@case("a query that is not UTF-8", on=ANY)
def query_no_utf8(shop: BadShop) -> None:
    (shop.folder / "sql" / "items.sql").write_bytes(b"SELECT item_id, 'caf\xe9' AS name FROM items")


@case("a query that makes an UNSIGNED column negative", on=(MARIADB,))
def negative_unsigned(shop: BadShop) -> None:
    shop.execute("CREATE TABLE bad (n INT UNSIGNED)", "INSERT INTO bad VALUES (3)")
    shop.query(
        f"SELECT {COLUMNS}, (SELECT -1 * n - 1 FROM bad) AS quantity FROM sales WHERE :since IS NOT NULL"
    )


@case("a query lacks columns")
def no_columns(shop: BadShop) -> None:
    shop.query("SELECT customer_id AS customer, item_id FROM sales WHERE sold_at >= :since")


@case("a query lacks columns")
def no_sellable(shop: BadShop) -> None:
    shop.query("SELECT item_id, name FROM items", "items")


@case("a query has an error")
def no_syntax(shop: BadShop) -> None:
    shop.query(f"SELECT {COLUMNS} FROM sales WHERE WHERE sold_at >= :since")


@case("a query has an error")
def no_table(shop: BadShop) -> None:
    shop.query(f"SELECT {COLUMNS} FROM orders WHERE sold_at >= :since")


@case("a query has an error")
def no_column_of_the_shop(shop: BadShop) -> None:
    shop.query("SELECT customer_id, item_id, sold_on AS sold_at FROM sales WHERE sold_on >= :since")


def mixes(shop: BadShop, what: str) -> None:
    """Three texts, each with another collation, and a query of them."""
    one, two, three = {
        POSTGRESQL: ('COLLATE "C"', 'COLLATE "POSIX"', 'COLLATE "ucs_basic"'),
        MARIADB: (
            "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
            "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci",
            "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        ),
    }[shop.kind]
    shop.execute(
        f"CREATE TABLE bad (a VARCHAR(9) {one}, b VARCHAR(9) {two}, c VARCHAR(9) {three})",
        "INSERT INTO bad VALUES ('x', 'y', 'z')",
    )
    shop.query(f"SELECT {COLUMNS} FROM sales, bad WHERE sold_at >= :since AND {what}")


@case("a query mixes texts of several collations", on=SERVERS)
def compared_collations(shop: BadShop) -> None:
    mixes(shop, "a = b")


@case("a query mixes texts of several collations", on=SERVERS)
def chosen_collations(shop: BadShop) -> None:
    mixes(shop, "a IN (b, c)")


@case("a query mixes texts of several collations", on=(MARIADB,))
def united_collations(shop: BadShop) -> None:
    mixes(shop, "9 IN (SELECT CONCAT(u.a, '') FROM (SELECT a FROM bad UNION SELECT b FROM bad) AS u)")


@case("a query mixes texts of several collations", on=SERVERS)
def collations_of_three(shop: BadShop) -> None:
    mixes(shop, "COALESCE(a, b, c) = COALESCE(a, b, c, 'x')")


@case("a query mixes texts of several collations", on=(MARIADB,))
def collation_of_another_set(shop: BadShop) -> None:
    mixes(shop, "a COLLATE latin1_bin = 'x'")


@case("something in a query that its owner has yet to decide")
def undecided(shop: BadShop) -> None:
    shop.query(f"SELECT {COLUMNS} FROM sales\n-- TO DECIDE: whether that is all.\n")


@case(
    "something in a query that its owner has yet to decide",
    on=(SQLITE,),
    call=("run", "--force", "--as-of", str(DAY)),
)
def undecided_in_a_file_that_a_night_does_not_read(shop: BadShop) -> None:
    text = "SELECT 'paid' AS status, 1 AS orders, 1 AS counted  --to decide :paid"
    (shop.folder / "sql" / "statuses.sql").write_text(text, encoding="utf-8")


@case("a query writes")
def write(shop: BadShop) -> None:
    shop.query("DELETE FROM sales")


@case("a query writes")
def two_statements(shop: BadShop) -> None:
    shop.query(f"SELECT {COLUMNS} FROM sales; DROP TABLE sales")


@case("a query writes")
def write_behind_a_parenthesis(shop: BadShop) -> None:
    shop.query(f"SELECT {COLUMNS} FROM sales) AS q; DROP TABLE sales; SELECT * FROM (SELECT 1 AS n")


@case("a query has an error", on=(POSTGRESQL,))
def write_inside(shop: BadShop) -> None:
    shop.query(f"WITH gone AS (DELETE FROM sales RETURNING *) SELECT {COLUMNS} FROM gone")


@case("a query has an error", on=(SQLITE,))
def load_code(shop: BadShop) -> None:
    shop.query(f"SELECT {COLUMNS}, load_extension('x') AS price FROM sales")


@case("a query takes too long")
def endless(shop: BadShop) -> None:
    shop.set(QUERY_TIMEOUT_SECONDS=1)
    shop.query(
        "SELECT a.customer_id, a.item_id, a.sold_at FROM sales a, sales b, sales c, sales d, sales e"
        " WHERE a.customer_id + b.customer_id + c.customer_id + d.customer_id + e.customer_id < 0"
    )


# No sales, or none that help


@case("no sales")
def no_sales(shop: BadShop) -> None:
    shop.execute("DELETE FROM sales")


@case("no sales lately")
def none_in_the_window(shop: BadShop) -> None:
    shop.set(HISTORY_DAYS=30)
    shop.execute("UPDATE sales SET sold_at = '2025-12-01 10:00:00'")


case("no sales", on=ANY, call=("run", "--as-of", "2019-01-01"), name="none_before_that_day")(nothing)


@case("nothing was sold")
def all_came_back(shop: BadShop) -> None:
    shop.execute("UPDATE sales SET quantity = -1")
    shop.query(f"SELECT {COLUMNS}, quantity FROM sales WHERE sold_at >= :since")


WHOLE = {SQLITE: "INTEGER", POSTGRESQL: "BIGINT", MARIADB: "SIGNED"}


@case("only guests")
def only_guests(shop: BadShop) -> None:
    shop.set(GUEST_KEY="k" * 32)
    shop.query(
        f"SELECT CAST(NULL AS {WHOLE[shop.kind]}) AS customer_id, item_id, sold_at, 'ada@example.org' AS"
        " guest_email FROM sales WHERE sold_at >= :since"
    )


@case("far fewer customers and sales than last night")
def far_fewer(shop: BadShop) -> None:
    shop.execute("DELETE FROM sales WHERE customer_id > 3")


@case("far fewer sales than last night", on=ANY)
def far_fewer_sales(shop: BadShop) -> None:
    shop.execute(
        "DELETE FROM sales WHERE EXISTS (SELECT 1 FROM sales s WHERE s.customer_id ="
        " sales.customer_id AND s.rowid < sales.rowid)"
    )


case("a past night over a later one", call=("run", "--as-of", "2026-02-20"), name="past_night")(nothing)


@case("customers with other keys than last night")
def other_customer_keys(shop: BadShop) -> None:
    many_customers(shop)
    shop.execute("UPDATE bad SET customer_id = 81 - customer_id")


@case("items with other keys than last night")
def other_item_keys(shop: BadShop) -> None:
    many_customers(shop)
    shop.execute("UPDATE items SET item_id = item_id + 1000 WHERE item_id > 105")


def many_customers(shop: BadShop) -> None:
    """A night of so many that there is something to compare; the newest purchase is that of its day."""
    shop.own_tables()
    sales = tastes(range(1, 81), list(range(100, 124)))
    rows = [f"{customer}, {item}, '{day} 09:30:00'" for customer, item, day in sales]
    key, time = shop.type("key"), shop.type("time")
    shop.sell_in(f"customer_id {key}, item_id {key}, sold_at {time}", *rows)
    shop.night(DAY - timedelta(days=1))


# Items


@case("no items")
def no_items(shop: BadShop) -> None:
    shop.execute("DELETE FROM items")


@case("no item is sellable")
def none_sellable(shop: BadShop) -> None:
    shop.execute("UPDATE items SET sellable = 0")


@case("no item is sellable", on=ANY, call=(*NIGHT, "--force"))
def none_sellable_by_force(shop: BadShop) -> None:
    shop.execute("UPDATE items SET sellable = NULL")


@case("every item is in `NEVER_RECOMMEND`", on=ANY)
def all_never(shop: BadShop) -> None:
    (shop.folder / "never.txt").write_text("\n".join(map(str, range(100, 124))))
    shop.set(NEVER_RECOMMEND="never.txt")


@case("a row that is not a rule", on=ANY)
def misspelt_rule(shop: BadShop) -> None:
    shop.query("SELECT 'nver' AS rule, 105 AS item_id", "rules")


@case("a row that is not a rule", on=ANY)
def never_of_everything(shop: BadShop) -> None:
    shop.query("SELECT 'never' AS rule, NULL AS item_id", "rules")


@case("several rows that are not rules")
def rules_without_values(shop: BadShop) -> None:
    shop.query("SELECT 'pin' AS rule, 105 AS item_id UNION ALL SELECT 'most', 106", "rules")


@case("rules without the column `rule`")
def rules_without_a_word(shop: BadShop) -> None:
    shop.query("SELECT 105 AS item_id", "rules")


@case("rules by a column that the items lack", on=ANY)
def rules_by_category(shop: BadShop) -> None:
    shop.query("SELECT 'never' AS rule, 'tea' AS category", "rules")


@case("rules that leave nothing to show", on=ANY)
def rules_of_every_item(shop: BadShop) -> None:
    shop.query("SELECT 'never' AS rule, item_id, 'popular_items' AS list FROM items", "rules")


@case("everybody has bought everything")
def one_item(shop: BadShop) -> None:
    shop.execute("DELETE FROM items WHERE item_id <> 105", "UPDATE sales SET item_id = 105")


@case("no sold item is among the items")
def other_items(shop: BadShop) -> None:
    shop.execute("UPDATE items SET item_id = item_id + 1000")


@case("`sellable` is neither yes nor no", on=SERVERS)
def sellable_in_words(shop: BadShop) -> None:
    shop.query("SELECT item_id, name, CONCAT('for ', 'sale') AS sellable FROM items", "items")


@case("`sellable` is neither yes nor no", on=(SQLITE,))
def sellable_in_words_on_sqlite(shop: BadShop) -> None:
    shop.execute("UPDATE items SET sellable = 'for sale' WHERE item_id = 105")


@case("items without a key", on=ANY)
def items_without_a_key(shop: BadShop) -> None:
    shop.query("SELECT NULLIF(item_id, 105) AS item_id, name, sellable FROM items", "items")


# Values


@case("customers are missing")
def no_customer(shop: BadShop) -> None:
    shop.execute("UPDATE sales SET customer_id = NULL WHERE customer_id < 3")


@case("items are missing", on=ANY)
def no_item(shop: BadShop) -> None:
    shop.execute("UPDATE sales SET item_id = NULL WHERE customer_id < 3")


def good_lines(shop: BadShop, columns: str, rest: str) -> None:
    """Good sales in a table of their own, of these columns behind item_id."""
    lines = [f"{n % 20 + 1}, {100 + n % 20}, {rest}" for n in range(MANY)]
    key = shop.type("key")
    shop.sell_in(f"customer_id {key}, item_id {key}, {columns}", *lines)


@case("times cannot be read")
def no_times(shop: BadShop) -> None:
    good_lines(shop, f"sold_at {shop.type('text')}", "'2026-02-20 10:00'")
    shop.execute("INSERT INTO bad VALUES (1, 105, 'yesterday'), (2, 105, '31.12.2025'), (3, 105, NULL)")


@case("times cannot be read", on=(MARIADB,))
def zero_times(shop: BadShop) -> None:
    good_lines(shop, f"sold_at {shop.type('time')}", "'2026-02-20 10:00'")
    shop.execute(
        "SET sql_mode = ''",
        "ALTER TABLE bad MODIFY sold_at DATETIME DEFAULT 0",
        "INSERT INTO bad (customer_id, item_id) VALUES (1, 105), (2, 105), (3, 105)",
    )


@case("times that `:since` cannot be compared with")
def other_texts(shop: BadShop) -> None:
    good_lines(shop, f"sold_at {shop.type('text')}", "'2026-02-20 10:00'")
    shop.execute("INSERT INTO bad VALUES (1, 105, '05.02.2026'), (2, 105, '06.02.2026')")
    shop.query(f"SELECT {COLUMNS} FROM bad WHERE sold_at >= :since")


@case("times that `:since` cannot be compared with", on=(SQLITE,))
def numbers_beside_texts(shop: BadShop) -> None:
    good_lines(shop, "sold_at DATETIME", "'2026-02-20 10:00'")
    shop.execute("INSERT INTO bad VALUES (1, 105, 1771581600000), (2, 105, 1771581600)")
    shop.query(f"SELECT {COLUMNS} FROM bad WHERE sold_at >= :since")


@case("quantities are not numbers")
def no_quantities(shop: BadShop) -> None:
    good_lines(shop, f"sold_at {shop.type('time')}, quantity {shop.type('text')}", "'2026-02-20 10:00', '1'")
    values = ", ".join(
        f"(1, 105, '2026-02-20 10:00', {value})" for value in ("'NaN'", "'two'", "'inf'", "NULL")
    )
    shop.execute(f"INSERT INTO bad VALUES {values}")


@case("quantities are not numbers", on=(POSTGRESQL,))
def nan_quantities(shop: BadShop) -> None:
    good_lines(shop, "sold_at TIMESTAMP, quantity DOUBLE PRECISION", "'2026-02-20 10:00', 1")
    values = ", ".join(f"(1, 105, '2026-02-20 10:00', '{value}')" for value in ("NaN", "Infinity"))
    shop.execute(f"INSERT INTO bad VALUES {values}")


@case("sales in the future", call=("run",))
def future(shop: BadShop) -> None:
    shop.execute("UPDATE sales SET sold_at = '2037-01-01 00:00:00' WHERE customer_id < 5")


@case("a text that is not UTF-8", on=(SQLITE,))
def no_utf8(shop: BadShop) -> None:
    shop.query(
        "SELECT CAST(x'e9' AS TEXT) AS customer_id, item_id, sold_at FROM sales WHERE sold_at >= :since"
    )


# Keys


@case("keys of two kinds in one column", on=(SQLITE,))
def integer_beside_text(shop: BadShop) -> None:
    shop.sell_in(
        "customer_id, item_id INTEGER, sold_at TEXT", "7, 105, '2026-02-20'", "'7', 105, '2026-02-20'"
    )


@case("a key that is not of its column's type", on=(SQLITE,))
def text_in_an_integer_column(shop: BadShop) -> None:
    shop.execute("UPDATE sales SET customer_id = 'seven' WHERE customer_id = 7")


@case("keys of two kinds in the two queries")
def two_kinds(shop: BadShop) -> None:
    cast = "CAST(item_id AS CHAR(9))" if shop.kind != SQLITE else "CAST(item_id AS TEXT)"
    shop.query(f"SELECT {cast} AS item_id, name, sellable FROM items", "items")


FRACTIONS = {SQLITE: "1.5", POSTGRESQL: "CAST(1.5 AS double precision)", MARIADB: "1.5e0"}
MOMENTS = {POSTGRESQL: "now()", MARIADB: "NOW()"}


@case("a key that is a number with a fraction")
def fraction_as_key(shop: BadShop) -> None:
    shop.query(f"SELECT {FRACTIONS[shop.kind]} AS customer_id, item_id, sold_at FROM sales")


@case("a key that is a date and time", on=SERVERS)
def moment_as_key(shop: BadShop) -> None:
    shop.query(f"SELECT customer_id, {MOMENTS[shop.kind]} AS item_id, sold_at FROM sales")


@case("an integer key of more than 64 bits", on=SERVERS)
def too_big_a_key(shop: BadShop) -> None:
    wide = {POSTGRESQL: "NUMERIC(30,0)", MARIADB: "BIGINT UNSIGNED"}[shop.kind]
    shop.sell_in(f"customer_id {wide}, item_id BIGINT, sold_at TIMESTAMP", f"{2**63}, 105, '2026-02-20'")


def text_shop(shop: BadShop, customer: str, *keys: str) -> None:
    """Customers with text keys, and tables of ours for them."""
    key = shop.type("key")
    lines = [f"'{name}', {105 + 3 * n}, '2026-02-20 10:00'" for name in keys for n in range(3)]
    shop.sell_in(f"customer_id {customer}, item_id {key}, sold_at {shop.type('time')}", *lines)
    shop.own_tables(of_own_keys=True)


BLIND = {
    SQLITE: "TEXT COLLATE NOCASE",
    POSTGRESQL: "VARCHAR(50) COLLATE bad_blind",
    MARIADB: "VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
}


@case("keys that the database holds for one")
def equal_keys(shop: BadShop) -> None:
    if shop.kind == POSTGRESQL:
        shop.execute(
            "CREATE COLLATION IF NOT EXISTS bad_blind"
            " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        )
    text_shop(shop, BLIND[shop.kind], "ada", "Ada", "bob")


@case("a key that is longer than its column", on=SERVERS)
def long_key(shop: BadShop) -> None:
    text_shop(shop, "VARCHAR(5)", "ada", "bob")
    shop.execute(
        "ALTER TABLE bad MODIFY customer_id VARCHAR(50)"
        if shop.kind == MARIADB
        else "ALTER TABLE bad ALTER customer_id TYPE VARCHAR(50)",
        "UPDATE bad SET customer_id = 'ada.lovelace' WHERE customer_id = 'ada'",
    )


@case("a key that is longer than any index", on=SERVERS)
def key_without_end(shop: BadShop) -> None:
    text_shop(shop, "LONGTEXT" if shop.kind == MARIADB else "TEXT", "ada", "bob")
    # Hashes, since PostgreSQL would compress what repeats itself until it fits.
    endless = "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(100))
    shop.execute(f"UPDATE bad SET customer_id = '{endless}' WHERE customer_id = 'ada'")


@case("keys of another kind than the tables'")
def other_kind_than_the_tables(shop: BadShop) -> None:
    text = shop.type("text")
    lines = [f"'c{n % 20}', {100 + n % 20}, '2026-02-20 10:00'" for n in range(120)]
    shop.sell_in(f"customer_id {text}, item_id {shop.type('key')}, sold_at {shop.type('time')}", *lines)
