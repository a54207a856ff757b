"""The SQL that ships: the examples for owners, and the tables as `init` makes them."""

import re
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url

from recommender.database import open_database
from recommender.database.ddl import KeyType, all_tables
from recommender.database.query import read_query
from recommender.database.schema import Target
from recommender.setup.create import statements_for
from recommender.tables import KeyKind

SQL = Path(__file__).parent.parent / "sql"
URLS = {
    "sqlite": "sqlite:///shop.db",
    "postgresql": "postgresql+psycopg://localhost/shop",
    "mysql": "mysql+pymysql://localhost/shop",
}


def words(sql: str) -> list[str]:
    """The statement without comments and layout."""
    return re.findall(r"'(?:[^']|'')*'|\w+|\S", re.sub(r"(?m)^--.*$", "", sql))


@pytest.mark.parametrize("dialect", URLS)
def test_the_tables_that_ship_are_those_that_init_makes(dialect):
    database = open_database(make_url(URLS[dialect]))
    key = database.key_type_here(KeyType(KeyKind.INTEGER, "integer"), "another", guests=False)
    tables = all_tables(schema=None, prefix="", customer=key, item=key)
    target = Target(database, None, "")
    made = "".join(statement for table in tables for statement in statements_for(target, table))
    assert words((SQL / "tables" / f"{dialect}.sql").read_text(encoding="utf-8")) == words(made)


@pytest.mark.parametrize("dialect", URLS)
@pytest.mark.parametrize(("name", "uses_since"), [("sales.sql", True), ("items.sql", False)])
def test_the_example_queries_are_one_select_on_every_database(dialect, name, uses_since):
    query = read_query(SQL / name, dialect, datetime(2026, 11, 23))  # noqa: DTZ001 - naive, as the sales are
    assert query.uses_since is uses_since
    assert query.text.lstrip().startswith("--")


def test_the_items_of_the_example_may_be_told_with_all_that_is_known_of_them():
    text = read_query(SQL / "items.sql", "sqlite", datetime(2026, 11, 23)).text  # noqa: DTZ001 - as above
    shop = sqlite3.connect(":memory:")
    shop.execute("CREATE TABLE products (product_id, name, active, category)")
    needed = [column[0] for column in shop.execute(text).description]
    assert needed == ["item_id", "name", "sellable", "category"]
    for column in ("brand", "price", "url", "image_url", "created_at"):
        shop.execute(f"ALTER TABLE products ADD COLUMN {column}")
    known = [column[0] for column in shop.execute(text.replace("-- , ", ", ")).description]
    assert known == [*needed, "brand", "price", "url", "image_url", "added_at"]
    shop.close()
