"""Shops whose tables somebody hostile wrote, on real servers: what `init` makes of them does no harm."""

import shutil
import subprocess

import pytest
import sqlalchemy as sa

from recommender.database import open_database
from recommender.database.urls import normalise_url
from recommender.errors import ExitCode
from tests.nights import Shop, connection_to
from tests.platforms.support import items_of, load, sales_of, set_up
from tests.platforms.test_oscar import ITEMS, SALES, STATUSES
from tests.platforms.test_woocommerce import ITEMS as WOO_ITEMS
from tests.platforms.test_woocommerce import SALES as WOO_SALES

GRANT = "GRANT ALL PRIVILEGES ON *.* TO 'plugin'@'%' IDENTIFIED BY 'pw' WITH GRANT OPTION; --"
VERSIONS = {
    "grant": f"9.4.2\n{GRANT}",
    "rows": "9.4.2\nSELECT 999 AS item_id, 'Buy me' AS name, 1 AS sellable UNION ALL #",
    "setting": "9.4.2\nTARGET_DATABASE_URL=mysql://plugin:pw@192.0.2.1/x\n#",
}


def as_root(server, database, text):
    """What the database's root does with the file, as it asks for."""
    client = shutil.which("mariadb") or shutil.which("mysql") or ""
    socket = f"--socket={server.folder / 'data' / 'server.sock'}"
    return subprocess.run(
        [client, "--no-defaults", socket, "--user=root", database],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_a_version_with_a_statement_in_it_reaches_no_file(tmp_path, far_mariadb, version):
    """`wp_options.woocommerce_version` is any plugin's to write."""
    url = far_mariadb.create_database()
    load(url, "woocommerce.sql")
    with connection_to(url) as connection, connection.begin():
        connection.execute(
            sa.text("UPDATE wp_options SET option_value = :v WHERE option_name = 'woocommerce_version'"),
            {"v": version},
        )
        connection.execute(
            sa.text("UPDATE wp_wc_orders SET status = :s WHERE id = 104"), {"s": "\x1b[2J\u2028\u202ex"}
        )
    shop = Shop(tmp_path, url)
    # A file of settings that is there gets lines at its end.
    shop.set(DATABASE_URL=url, HISTORY_DAYS=36500)
    outcome = shop.recommend("init", "--yes")
    assert outcome.code is ExitCode.DONE, outcome.err
    assert "This shop runs on WooCommerce: " in outcome.out
    assert "?[2J??x (1)" in outcome.out
    assert all(c.isprintable() or c == "\n" for c in outcome.out)
    assert "The version that the shop tells is no version; it is left out." in outcome.out
    assert "TARGET_DATABASE_URL" not in shop.env_file.read_text(encoding="utf-8")
    assert items_of(shop) == WOO_ITEMS
    assert sales_of(shop) == WOO_SALES
    # The server has other tests' accounts too, which come and go.
    accounts = "SELECT User, Host FROM mysql.global_priv WHERE User NOT LIKE 'of\\_test\\_%' ORDER BY 1, 2"
    database, before = url.rpartition("/")[2], as_root(far_mariadb, "mysql", accounts)
    text = (shop.folder / "sql" / "grants.sql").read_text(encoding="utf-8")
    as_root(far_mariadb, database, text)
    assert as_root(far_mariadb, "mysql", accounts) == before
    assert "plugin" not in before
    given = as_root(far_mariadb, "mysql", "SHOW GRANTS FOR 'shop'@'127.0.0.1'")
    added = [line for line in given.split("\n") if f"`{database}`" in line]
    assert len(added) == text.count("\nGRANT SELECT (")
    assert all(line.startswith("GRANT SELECT (") and "WITH" not in line for line in added)


def test_a_file_of_grants_that_holds_more_is_not_told_again(tmp_path, far_mariadb):
    url = far_mariadb.create_database()
    load(url, "woocommerce.sql")
    shop, out = set_up(tmp_path / "shop", url)
    path = shop.folder / "sql" / "grants.sql"
    text = path.read_text(encoding="utf-8")
    told = [line for line in out.split("\n") if line.startswith("GRANT SELECT (")]
    assert told == [line for line in text.split("\n") if line.startswith("GRANT ")]
    path.write_text(f"-- \u2028{GRANT}\n{text}", encoding="utf-8")
    assert [line for line in shop.does("init", "--yes").split("\n") if line in told] == told
    path.write_text(f"{text}{GRANT}\n", encoding="utf-8")
    out = shop.does("init", "--yes")
    line = text.count("\n") + 1
    assert f"cannot be told: {path}, line {line}, holds more than rights to read." in out
    assert "GRANT ALL" not in out


@pytest.fixture(params=["as it is", "another mode"])
def server_url(request, tmp_path, database_url):
    """An empty database, whose server takes backslashes and quotes in the one way or the other."""
    if request.param == "another mode" and database_url.startswith("postgresql"):
        name = database_url.rpartition("/")[2]
        Shop(tmp_path, database_url).execute(f"ALTER DATABASE {name} SET standard_conforming_strings = off")
    elif request.param == "another mode" and database_url.startswith("mysql"):
        server = request.getfixturevalue("settable_mariadb")
        server.execute("SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
        return server.create_database()
    return database_url


ODD = "Refunded's \"`:since %s ${reader} -- [end] */ ; GRANT #\u200c"
"""What may stand in a text, as an event or a status of a shop is called."""


def test_odd_texts_mean_themselves_whatever_the_server_makes_of_quotes(tmp_path, server_url):
    load(server_url, "oscar.sql")
    with connection_to(server_url) as connection, connection.begin():
        connection.execute(sa.text("UPDATE order_paymenteventtype SET name = :n WHERE id = 2"), {"n": ODD})
        connection.execute(
            sa.text("UPDATE order_order SET status = :n WHERE status = 'Being processed'"), {"n": ODD}
        )
        connection.execute(
            sa.text("UPDATE order_line SET status = :n WHERE status = 'Cancelled'"), {"n": f"cancelled {ODD}"}
        )
    shop, out = set_up(tmp_path / "shop", server_url, f"statuses=Complete,{ODD}")
    assert "refund_events=Refunded's" in out
    assert "cancelled_line_statuses=cancelled Refunded's" in out
    assert sales_of(shop) == SALES
    assert items_of(shop) == ITEMS


HARMFUL = ["cancelled\\", f"cancelled\n{GRANT}", f"cancelled\u2028{GRANT}", "cancelled,Complete"]


@pytest.mark.parametrize("status", HARMFUL)
def test_a_status_that_no_text_can_hold_is_refused_before_any_file(tmp_path, database_url, status):
    load(database_url, "oscar.sql")
    with connection_to(database_url) as connection, connection.begin():
        connection.execute(sa.text("UPDATE order_line SET status = :n WHERE id = 3"), {"n": status})
    shop = Shop(tmp_path / "shop", database_url)
    shop.folder.mkdir()
    call = ("init", "--url", database_url, "--yes", "--param", STATUSES)
    line = shop.fails(ExitCode.SETTINGS, *call)
    assert "In the shop's own tables, cancelled_line_statuses=cancelled" in line
    assert not (shop.folder / "sql").exists()
    # The owner's own word is taken in its place.
    outcome = shop.recommend(*call, "--param", "cancelled_line_statuses=Cancelled")
    assert outcome.code is ExitCode.DONE, outcome.err
    assert "plugin" not in outcome.out.replace(status, "")


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        ("people", True),
        ("a--b", True),
        ("User", True),
        ("mysql.user", False),
        ("pg_catalog.pg_authid", False),
        ("x` TO root; --", False),
        ('x" TO root; --', False),
        ("auth_user\n", False),
    ],
)
def test_a_table_of_users_of_any_name_is_read_or_refused(tmp_path, database_url, name, is_taken):
    """Whoever made it named it; the rights on it are given by somebody who may give all."""
    load(database_url, "oscar.sql")
    if database_url.startswith("mysql") and name.endswith("\n"):
        name = "auth\nuser"  # it makes no table whose name ends so
    quoted = open_database(normalise_url(database_url)).quote(name)
    orders = (
        "CREATE TABLE order_order (id INTEGER NOT NULL PRIMARY KEY, number VARCHAR(128) NOT NULL,"
        " user_id INTEGER, guest_email VARCHAR(254) NOT NULL, status VARCHAR(100) NOT NULL,"
        f" date_placed TIMESTAMP NOT NULL, FOREIGN KEY (user_id) REFERENCES {quoted} (id))"
    )
    statements = [
        f"CREATE TABLE {quoted} (id INTEGER NOT NULL PRIMARY KEY, email VARCHAR(254) NOT NULL)",
        f"INSERT INTO {quoted} SELECT id, email FROM auth_user",
        "DROP TABLE IF EXISTS kept",
        "CREATE TABLE kept AS SELECT * FROM order_order",
        "DROP TABLE order_order",
        orders,
        "INSERT INTO order_order SELECT * FROM kept",
    ]
    with connection_to(database_url) as connection, connection.begin():
        for statement in statements:
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    shop = Shop(tmp_path / "shop", database_url)
    shop.folder.mkdir()
    call = ("init", "--url", database_url, "--yes", "--param", STATUSES)
    outcome = shop.recommend(*call)
    if outcome.code is ExitCode.SETTINGS:
        assert not is_taken
        assert "In the shop's own tables, user_table=" in outcome.err
        assert not (shop.folder / "sql").exists()
        outcome = shop.recommend(*call, "--param", "user_table=auth_user")
    # A key to a table whose name SQLAlchemy cannot read is not seen: then it is Django's own table.
    assert outcome.code is ExitCode.DONE, outcome.err
    assert outcome.err == ""
    assert f"user_table={name if is_taken else 'auth_user'} (" in outcome.out
    assert sales_of(shop) == SALES
