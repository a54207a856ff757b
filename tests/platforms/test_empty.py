"""Shops that have sold nothing in the time that is read: their queries' keys have a type all the same."""

from datetime import datetime

import pytest

from recommender.database import open_database
from recommender.database.query import read_query
from recommender.settings import load_settings
from recommender.setup import looks
from recommender.setup.platforms.preset import NAMES, load_preset
from recommender.tables import KeyKind
from tests.nights import Shop
from tests.platforms.support import load, set_up

LATER = datetime.fromisoformat("2999-01-01 00:00")
OSCAR = ["statuses=Complete,Being processed"]
CASES = [(name, kind, "auth_user") for name in NAMES for kind in load_preset(name).databases]
CASES += [("oscar", kind, "") for kind in load_preset("oscar").databases]


def keys_of(shop, since):
    """The kinds of the keys that both queries return."""
    settings = load_settings(env_file=shop.env_file, environ={})
    backend = open_database(settings.database_url).backend
    found: dict[tuple[str, str], KeyKind] = {}
    with looks.shop_snapshot(settings, 60) as snapshot:
        for file, names in (("sales.sql", ("customer_id", "item_id")), ("items.sql", ("item_id",))):
            query = read_query(settings.sql_dir / file, backend, since)
            columns = {column.name: column for column in snapshot.columns(query)}
            found |= {(file, name): snapshot.key_type(query, columns[name]).kind for name in names}
    return found


@pytest.fixture
def make_url(request, tmp_path):
    """Gives an empty database of a kind."""

    def url_of(kind):
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / 'shop.db'}"
        return request.getfixturevalue("far_mariadb" if kind == "mysql" else kind).create_database()

    return url_of


@pytest.mark.parametrize(("name", "kind", "users"), CASES)
def test_a_platforms_keys_have_a_type_without_a_row(tmp_path, make_url, name, kind, users):
    url = make_url(kind)
    load(url, f"{name}.sql")
    params = [*OSCAR, f"user_table={users}"] if name == "oscar" else []
    shop, _ = set_up(tmp_path / "shop", url, *params)
    assert keys_of(shop, LATER) == keys_of(shop, datetime.fromisoformat("2000-01-01 00:00"))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_oscar_is_set_up_before_anything_was_sold_lately(tmp_path, make_url, monkeypatch, kind):
    monkeypatch.setenv("HISTORY_DAYS", "30")
    url = make_url(kind)
    load(url, "oscar.sql")
    _, out = set_up(tmp_path / "shop", url, *OSCAR)
    assert "Created " in out


@pytest.mark.parametrize("customer", ["INTEGER NOT NULL", "INTEGER", "VARCHAR(20) NOT NULL"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_a_guessed_querys_keys_have_a_type_without_a_row(tmp_path, make_url, kind, customer):
    """Where orders of nobody have customer 0, none, or an empty text."""
    url = make_url(kind)
    if kind == "sqlite":
        (tmp_path / "shop.db").touch()
    nobody = "NULL" if customer == "INTEGER" else "0" if "INTEGER" in customer else "''"
    Shop(tmp_path, url).execute(
        "CREATE TABLE products (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(50))",
        "INSERT INTO products VALUES (1, 'Tea'), (2, 'Pot')",
        f"CREATE TABLE orders (id INTEGER NOT NULL PRIMARY KEY, customer_id {customer}, email VARCHAR(50),"
        " ordered_at TIMESTAMP)",
        f"INSERT INTO orders VALUES (1, {nobody}, 'a@b.c', '2024-03-01 10:00:00')",
        "INSERT INTO orders VALUES (2, '7', '', '2024-03-02 10:00:00')",
        "CREATE TABLE order_lines (id INTEGER NOT NULL PRIMARY KEY, order_id INTEGER, product_id INTEGER,"
        " quantity INTEGER)",
        "INSERT INTO order_lines VALUES (1, 1, 1, 1), (2, 2, 2, 1)",
    )
    shop, _ = set_up(tmp_path / "shop", url)
    assert keys_of(shop, LATER) == keys_of(shop, datetime.fromisoformat("2000-01-01 00:00"))
