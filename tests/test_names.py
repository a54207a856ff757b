"""Names as the server compares them: capitals in schemas and databases, types in a schema of their own."""

import pytest
from sqlalchemy import make_url

from recommender.errors import ExitCode
from tests.conftest import own_server
from tests.nights import Shop

SALES = "SELECT customer_id, item_id, sold_at FROM sales WHERE sold_at >= :since"
ITEMS = "SELECT item_id, name, sellable FROM items"


@pytest.fixture(scope="module")
def lowering():
    """A MariaDB that stores every name in small letters, as those of Windows do."""
    yield from own_server("mariadb", {"lower-case-table-names": "1"})


def small_shop(folder, url, *, key="INTEGER", **settings):
    """Some customers with tastes, and a folder that is set up by hand."""
    shop = Shop(folder, url).set(DATABASE_URL=url, **settings)
    text = key if key != "INTEGER" else "VARCHAR(20)"
    shop.execute(
        f"CREATE TABLE sales (customer_id {key}, item_id INTEGER, sold_at TIMESTAMP NULL)",
        f"CREATE TABLE items (item_id INTEGER, name {text}, sellable INTEGER)",
    )
    shop.execute(
        "INSERT INTO sales VALUES (:c, :i, '2026-02-01 10:00:00')",
        rows=[
            {"c": f"C{c}" if key != "INTEGER" else c, "i": c % 3 + i} for c in range(1, 13) for i in (1, 2)
        ],
    )
    shop.execute("INSERT INTO items VALUES (:i, 'x', 1)", rows=[{"i": i} for i in range(1, 7)])
    (folder / "sql").mkdir()
    (folder / "sql" / "sales.sql").write_text(SALES, encoding="utf-8")
    (folder / "sql" / "items.sql").write_text(ITEMS, encoding="utf-8")
    return shop


def lives(shop):
    """Set up twice, check, two nights and back."""
    assert "Created " in shop.does("init", "--yes")
    assert "All tables are there and fit." in shop.does("init", "--yes")
    assert shop.recommend("check").code is ExitCode.DONE
    first = shop.night()
    shop.night()
    shop.does("rollback", first.run_id)
    assert shop.recommend("check").code is ExitCode.DONE


@pytest.mark.parametrize("schema", [None, "Lists"])
def test_mariadb_that_stores_small_letters(tmp_path, lowering, schema):
    url = lowering.create_database()
    database = str(make_url(url).database)
    url = url.replace(database, database.capitalize())
    settings = {"TARGET_SCHEMA": schema} if schema else {}
    if schema:
        lowering.execute("DROP DATABASE IF EXISTS lists")
    shop = small_shop(tmp_path, url, TABLE_PREFIX="Rec_", HISTORY_DAYS=900, **settings)
    lives(shop)
    lowering.drop_database(url)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("schema", [None, "Shop"])
def test_capitals_in_schema_and_database(tmp_path, request, kind, schema):
    server = request.getfixturevalue(kind)
    quote = '"' if kind == "postgresql" else "`"
    name = f"Shop_{kind}_{schema}"
    server.execute(f"DROP DATABASE IF EXISTS {quote}{name}{quote}", f"CREATE DATABASE {quote}{name}{quote}")
    settings = {"TARGET_SCHEMA": schema} if schema else {}
    if schema and kind == "mariadb":
        server.execute("DROP DATABASE IF EXISTS `Shop`")
    shop = small_shop(tmp_path, server.url(name), TABLE_PREFIX="Rec_", HISTORY_DAYS=900, **settings)
    lives(shop)
    place = f"{quote}{schema}{quote}." if schema else ""
    found = shop.rows(f"SELECT count(*) FROM {place}{quote}Rec_recommendations{quote}")[0][0]
    assert found > 0


def test_citext_of_another_schema_is_a_key(tmp_path, postgresql):
    """The extension is where Supabase and others put it: the type's name alone means nothing there."""
    url = postgresql.create_database()
    Shop(tmp_path, url).execute("CREATE SCHEMA ext", "CREATE EXTENSION citext SCHEMA ext")
    shop = small_shop(tmp_path, url, key="ext.citext", HISTORY_DAYS=900)
    lives(shop)
    rows = shop.rows(
        "SELECT count(*) FROM recommendations AS r JOIN sales AS s"
        " ON s.customer_id OPERATOR(ext.=) r.customer_id WHERE lower(r.customer_id::text) = 'c1'"
    )
    assert rows[0][0] > 0
    # What differs in capitals alone is one customer there, and two here: told before the night.
    shop.execute("INSERT INTO sales VALUES ('c1', 1, '2026-02-01 10:00:00')")
    told = shop.fails(ExitCode.REFUSED, "run", "--as-of", "2026-03-01")
    assert "C1" in told
