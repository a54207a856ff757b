"""The rights that `init` prints: given to three new users they let a night through, and nothing else."""

import re

import pytest
import sqlalchemy as sa

from recommender.database.query import tables_read
from recommender.errors import ExitCode
from tests.nights import ALL_TABLES, DAY, Shop, connection_to, empty_shop
from tests.servers import PASSWORD

READER, WRITER, WEB = "job_reader", "job_writer", "web_user"
OF_THE_SERVER = {
    "postgresql": [
        "CREATE SCHEMA s",
        "CREATE ROLE r",
        "SELECT * FROM pg_authid",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY (SELECT 1) TO '/tmp/x'",
    ],
    "mariadb": [
        "CREATE DATABASE s",
        "CREATE USER r",
        "SELECT * FROM mysql.global_priv",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SET GLOBAL max_connections = 10",
        "CREATE FUNCTION f() RETURNS INTEGER RETURN 1",
    ],
}
"""What would reach beyond the shop's database."""
SALES = [(1, 10, DAY), (2, 11, DAY)]


def make_users(server, shop):
    """Three users who may log in; what rights they have is of this database."""
    if server.kind == "postgresql":
        for user in (READER, WRITER, WEB):
            server.execute(
                f"DO $do$ BEGIN CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}';"
                " EXCEPTION WHEN duplicate_object THEN NULL; END $do$"
            )
    else:
        for user in (READER, WRITER, WEB):
            server.execute(f"CREATE USER IF NOT EXISTS {user}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
            # As hosting panels do: without any right on a database nobody may choose it.
            server.execute(f"GRANT CREATE TEMPORARY TABLES ON {name_of(shop)}.* TO {user}@'127.0.0.1'")


def name_of(shop):
    return str(sa.make_url(shop.url).database)


def granted(said):
    """The statements among what was printed."""
    return re.findall(r"(?m)^GRANT .*;$", said)


def rights_of(url, statements):
    """Which of the statements somebody may not run; none of them lasts."""
    refused = []
    for statement in statements:
        with connection_to(url) as connection:
            transaction = connection.begin()
            try:
                connection.exec_driver_sql(statement)
            except sa.exc.DBAPIError as error:
                refused.append((statement, str(error)))
            finally:
                transaction.rollback()
    # Only a missing right counts, no slip of this test.
    return [
        statement for statement, why in refused if re.search("denied|must be owner|must be superuser", why)
    ]


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("schema", [None, "recs"])
def test_three_users_with_the_printed_rights_and_no_more(tmp_path, server, schema):
    shop = empty_shop(tmp_path / "shop", server.create_database())
    shop.execute(
        "INSERT INTO items VALUES (10, 'a', 1), (11, 'b', 1)",
        "CREATE TABLE customers (name INTEGER)",
        "CREATE TABLE recalls (item_id INTEGER)",
    )
    rules = "SELECT 'never' AS rule, item_id FROM recalls"
    (shop.folder / "sql" / "rules.sql").write_text(rules, "utf-8")
    shop.sell(SALES)
    make_users(server, shop)
    name = name_of(shop)
    if schema:
        schema = schema if server.kind == "postgresql" else f"{schema}_{name}"
        shop.set(TARGET_SCHEMA=schema)
    owner = shop.url
    shop.set(
        DATABASE_URL=server.url(name, READER, PASSWORD),
        TARGET_DATABASE_URL=server.url(name, WRITER, PASSWORD),
    )
    # Nobody gave the reader anything yet: what it needs is said.
    outcome = shop.recommend("init", "--yes", "--owner-url", owner)
    assert outcome.code is ExitCode.DATABASE
    apply(server, shop, [s for s in granted(outcome.out) if READER in s])
    # The tables are made by their owner, whose address is written nowhere.
    before = shop.env_file.read_bytes()
    said = shop.does("init", "--yes", "--owner-url", owner)
    assert f"Created {ALL_TABLES}." in said
    assert shop.env_file.read_bytes() == before
    # It gave the writer's itself; the others are left to give.
    assert re.search(rf"Gave the rights on them to .?{WRITER}\b", said)
    assert not any(WRITER in statement for statement in granted(said))
    apply(server, shop, [s for s in granted(said) if WEB in s])
    assert "All tables are there and fit." in shop.does("init", "--yes")

    run = shop.night()
    assert run.manifest.status == "published"
    ours = f"{schema}.recommendations" if schema else "recommendations"
    web = server.url(name, WEB, PASSWORD)
    with connection_to(web) as connection:
        rows = connection.exec_driver_sql(f"SELECT customer_id, item_id FROM {ours} ORDER BY customer_id")
        assert [tuple(row) for row in rows] == [(1, 11), (2, 10)]
    # A second night, over lists that are there, and a customer who asks to be forgotten.
    shop.night()
    shop.does("forget", "1")
    with connection_to(web) as connection:
        assert [*connection.exec_driver_sql(f"SELECT customer_id FROM {ours}")] == [(2,)]

    # And no more than that.
    others = {"postgresql": WEB, "mariadb": f"{WEB}@'127.0.0.1'"}
    in_schema = f"{schema}.t" if schema else "t"
    everywhere = [
        "SELECT * FROM customers",
        "UPDATE items SET name = 'x'",
        "DELETE FROM sales",
        "INSERT INTO sales (customer_id) VALUES (1)",
        "DROP TABLE items",
        f"UPDATE {ours} SET score = 1",
        f"DROP TABLE {ours}",
        "TRUNCATE TABLE items",
        f"CREATE TABLE {in_schema} (a INTEGER)",
        f"TRUNCATE TABLE {ours}",
        "UPDATE sales SET item_id = 10",
        "INSERT INTO items (item_id) VALUES (12)",
        "ALTER TABLE items ADD COLUMN x INTEGER",
        f"ALTER TABLE {ours} ADD COLUMN x INTEGER",
        "CREATE INDEX i ON sales (item_id)",
        "CREATE VIEW v AS SELECT 1 AS one",
        "GRANT SELECT ON customers TO " + others[server.kind],
        *OF_THE_SERVER[server.kind],
    ]
    change = [f"DELETE FROM {ours}", f"INSERT INTO {ours} (customer_id) VALUES (1)"]
    shops = ["SELECT * FROM sales", "SELECT * FROM items"]
    forgotten = ours.replace("recommendations", "forgotten_customers")
    bring_back, ask = f"DELETE FROM {forgotten}", f"SELECT * FROM {forgotten}"
    for user, forbidden in (
        (READER, [*everywhere, *change, f"SELECT * FROM {ours}", bring_back, ask]),
        (WRITER, [*everywhere, *shops, bring_back]),
        (WEB, [*everywhere, *shops, *change, bring_back, ask]),
    ):
        assert rights_of(server.url(name, user, PASSWORD), forbidden) == forbidden


def apply(server, shop, statements):
    assert statements
    if server.kind == "postgresql":
        shop.execute(*statements)
    else:
        server.execute(*statements)


def test_a_schema_or_database_of_our_own_is_made(tmp_path, server):
    name = "no 100%" if server.kind == "postgresql" else f"{server.kind}_recs"
    shop = empty_shop(tmp_path / "shop", server.create_database(), TARGET_SCHEMA=name)
    assert "Created recommendations" in shop.does("init", "--yes")
    assert "All tables are there and fit." in shop.does("init", "--yes")
    with connection_to(shop.url) as connection:
        inspector = sa.inspect(connection)
        assert inspector.has_table("recommendations", schema=name)
        assert not inspector.has_table("recommendations")
    shop.execute("INSERT INTO items VALUES (10, 'a', 1), (11, 'b', 1)")
    shop.sell(SALES)
    shop.night()


def test_a_second_server_takes_the_tables(tmp_path, postgresql, mariadb):
    target = mariadb.create_database()
    shop = empty_shop(tmp_path / "shop", postgresql.create_database(), TARGET_DATABASE_URL=target)
    shop.execute("INSERT INTO items VALUES (10, 'a', 1), (11, 'b', 1)")
    shop.sell(SALES)
    said = shop.does("init", "--yes")
    name = str(sa.make_url(target).database)
    reader, *others = granted(said)
    assert reader == "GRANT USAGE ON SCHEMA public TO shop;"
    assert "GRANT SELECT ON public.sales, public.items TO shop;" in others
    assert f"GRANT SELECT, INSERT, DELETE ON {name}.recommendations TO 'shop'@'127.0.0.1';" in others
    assert f"GRANT SELECT ON {name}.popular_items TO 'web_user'@'127.0.0.1';" in others
    shop.night()
    assert Shop(shop.folder, target).lists() == {1: [11], 2: [10]}
    assert "recommendations" not in shop.dump()


def test_an_owner_who_may_give_nothing_leaves_the_rights_to_paste(tmp_path, mariadb):
    shop = empty_shop(tmp_path / "shop", mariadb.create_database())
    mariadb.execute(
        f"CREATE OR REPLACE USER poor_owner@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
        f"CREATE OR REPLACE USER poor_job@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
        f"GRANT ALL ON {name_of(shop)}.* TO poor_owner@'127.0.0.1'",
        f"GRANT SELECT ON {name_of(shop)}.* TO poor_job@'127.0.0.1'",
    )
    shop.set(DATABASE_URL=mariadb.url(name_of(shop), "poor_job", PASSWORD))
    said = shop.does("init", "--yes", "--owner-url", mariadb.url(name_of(shop), "poor_owner", PASSWORD))
    assert "Created recommendations" in said
    assert "Gave the rights" not in said
    assert len([s for s in granted(said) if "INSERT" in s and "poor_job" in s]) == len(ALL_TABLES.split(", "))


def test_an_owner_of_another_database_is_refused(tmp_path, postgresql):
    shop = empty_shop(tmp_path / "shop", postgresql.create_database())
    line = shop.fails(ExitCode.SETTINGS, "init", "--yes", "--owner-url", postgresql.create_database())
    assert "--owner-url is" in line
    assert "recommendations" not in shop.dump()


def test_sqlite_has_no_rights_to_grant(tmp_path):
    shop = empty_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")
    assert "GRANT" not in shop.does("init", "--yes")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM orders o JOIN s.lines AS l ON 1 = 1", [(None, "orders"), ("s", "lines")]),
        ("SELECT * FROM a, b AS x, c WHERE 1 = 1", [(None, "a"), (None, "b"), (None, "c")]),
        ("WITH t AS (SELECT * FROM a) SELECT * FROM t JOIN (b) ON 1 = 1", [(None, "a"), (None, "b")]),
        ("SELECT * FROM (SELECT 1 AS x FROM a) AS q -- FROM comment", [(None, "a")]),
        ("SELECT 'FROM text' FROM a LEFT JOIN b USING (x)", [(None, "a"), (None, "b")]),
        ("SELECT * FROM a UNION ALL SELECT * FROM a", [(None, "a")]),
        ("SELECT * FROM from_a WHERE from_b = 1", [(None, "from_a")]),
    ],
)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql"])
def test_the_tables_of_a_query_are_told_by_its_text(dialect, text, expected):
    assert tables_read(text, dialect) == expected


@pytest.mark.parametrize(
    ("dialect", "text"),
    [("postgresql", 'SELECT * FROM "My ""own"" table"'), ("mysql", 'SELECT "x" FROM `My "own" table`')],
)
def test_quoted_names_are_told_too(dialect, text):
    assert tables_read(text, dialect) == [(None, 'My "own" table')]
