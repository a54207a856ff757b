"""The SQL that ships: the examples for owners, and the tables as `init` makes them."""

import re
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.schema import CreateTable

from recommender.database import open_database
from recommender.database.ddl import KeyType, all_tables
from recommender.database.query import read_query
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
    made = "".join(f"{CreateTable(table).compile(dialect=database.dialect)};" for table in tables)
    assert words((SQL / "tables" / f"{dialect}.sql").read_text(encoding="utf-8")) == words(made)


@pytest.mark.parametrize("dialect", URLS)
@pytest.mark.parametrize(("name", "uses_since"), [("sales.sql", True), ("items.sql", False)])
def test_the_example_queries_are_one_select_on_every_database(dialect, name, uses_since):
    query = read_query(SQL / name, dialect, datetime(2026, 11, 23))  # noqa: DTZ001 - naive, as the sales are
    assert query.uses_since is uses_since
    assert query.text.lstrip().startswith("--")
