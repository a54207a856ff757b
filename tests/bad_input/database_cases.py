"""Databases that cannot be reached or used, or that the shop keeps locked."""

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import partial

import psycopg
import pymysql
import sqlalchemy as sa

from tests.bad_input import faults
from tests.bad_input.support import (
    ALL,
    ANY,
    MARIADB,
    POSTGRESQL,
    SERVERS,
    SQLITE,
    BadShop,
    Case,
    cases_of,
    nothing,
)
from tests.conftest import leave_out
from tests.faults.proxy import Cut, Moment, Proxy
from tests.hostile import REMOTE, CleartextPostgresql, FileAsker, PasswordAsker, resolved
from tests.nights import ALL_TABLES
from tests.servers import MissingServerError, Pgbouncer

CASES: list[Case] = []
case = cases_of(CASES)


case("no driver", fault=faults.no_driver, name="no_driver")(nothing)
case("a driver that does not work", on=SERVERS, fault=faults.broken_driver, name="broken_driver")(nothing)


case(
    "a login that the driver cannot do alone",
    on=(MARIADB,),
    fault=faults.wants_another_package,
    name="other_login",
)(nothing)


@case("no server at that address", on=SERVERS)
def no_server(shop: BadShop) -> None:
    shop.set(DATABASE_URL=shop.at(port=1))


@case("no host of that name", on=SERVERS)
def no_host(shop: BadShop) -> None:
    shop.set(DATABASE_URL=shop.at(host="nowhere.invalid"))


@case("a wrong password", on=SERVERS)
def wrong_password(shop: BadShop) -> None:
    shop.set(DATABASE_URL=shop.at(password="wrong-s3cret"))


@case("a server without TLS", on=SERVERS)
def no_tls(shop: BadShop) -> None:
    shop.set(DATABASE_URL=shop.at(query={"sslmode": "require"}))


# The words of the drivers are those that tests/test_tls.py meets on servers with certificates.
case("a certificate that is not trusted", on=SERVERS, fault=faults.not_trusted, name="not_trusted")(nothing)


@contextlib.contextmanager
def _clear_text(shop: BadShop) -> Iterator[None]:
    """A server on another machine, as far as its name tells, that asks for the password as it is."""
    is_postgresql = shop.kind == POSTGRESQL
    with CleartextPostgresql() if is_postgresql else PasswordAsker(b"mysql_clear_password") as server:
        shop.set(DATABASE_URL=shop.at(host=REMOTE, port=server.port))
        yield


case(
    "a server that asks for the password in clear text, without TLS",
    on=SERVERS,
    fault=resolved,
    meanwhile=_clear_text,
    name="clear_text",
)(nothing)


@contextlib.contextmanager
def _asked_for_a_file(shop: BadShop) -> Iterator[None]:
    port = sa.make_url(shop.url).port
    assert port
    with FileAsker(port, b"LOAD DATA", b"/etc/passwd") as server:
        shop.set(DATABASE_URL=shop.at(port=server.port))
        yield


case(
    "a server that asks for a file of this machine", on=(MARIADB,), meanwhile=_asked_for_a_file, name="file"
)(nothing)


@contextlib.contextmanager
def _silent(shop: BadShop) -> Iterator[None]:
    """Behind the login, a server that takes what is sent and never answers."""
    port = sa.make_url(shop.url).port
    assert port
    first = b"pg_backend_pid" if shop.kind == POSTGRESQL else b"sql_big_selects"
    with Proxy(port, Cut(first, Moment.SILENT)) as server:
        shop.set(DATABASE_URL=shop.at(port=server.port))
        yield


case(
    "a server that does not answer",
    on=SERVERS,
    fault=faults.impatient_of_silence,
    meanwhile=_silent,
    name="silent",
)(nothing)


@contextlib.contextmanager
def _pooled(shop: BadShop) -> Iterator[None]:
    port = sa.make_url(shop.url).port
    assert port
    try:
        pool = Pgbouncer(port, "transaction")
    except MissingServerError as error:
        leave_out(str(error))
    with pool:
        shop.set(DATABASE_URL=shop.at(port=pool.port))
        yield


case("a pool of connections in transaction mode", on=(POSTGRESQL,), meanwhile=_pooled, name="pooled")(nothing)


@case("no database of that name", on=SERVERS)
def no_database(shop: BadShop) -> None:
    shop.set(DATABASE_URL=shop.at(database="no_such_shop"))


@case("no database of that name, for a user with few rights", on=(MARIADB,))
def no_database_for_us(shop: BadShop) -> None:
    shop.user("SELECT ON sales")
    shop.set(DATABASE_URL=shop.settings["DATABASE_URL"].rpartition("/")[0] + "/no_such_shop")


@case("no SQLite file", on=(SQLITE,), is_blind=True)
def no_file(shop: BadShop) -> None:
    (shop.folder / "shop.db").unlink()


@case("a file that is not a database", on=(SQLITE,), is_blind=True)
def no_sqlite(shop: BadShop) -> None:
    (shop.folder / "shop.db").write_text("customers: none\n" * 1000)


@case("no right to read the shop's table", on=SERVERS)
def no_select(shop: BadShop) -> None:
    ours = tuple(ALL_TABLES.split(", "))
    shop.user("SELECT ON items", *[f"SELECT, INSERT, DELETE ON {table}" for table in ours])


@case("no right to write our tables", on=SERVERS)
def no_insert(shop: BadShop) -> None:
    tables = ("sales", "items", *ALL_TABLES.split(", "))
    shop.user(*[f"SELECT ON {table}" for table in tables])


@case("a table that is closed to rows", on=(POSTGRESQL,))
def row_security(shop: BadShop) -> None:
    shop.own_tables()
    ours = [f"SELECT, INSERT, DELETE ON bad_{table}" for table in ALL_TABLES.split(", ")]
    shop.user("SELECT ON sales, items", *ours)
    shop.execute("ALTER TABLE bad_recommendations ENABLE ROW LEVEL SECURITY")


@case("no connection is free", on=SERVERS, fault=faults.without_pauses)
def no_connection_free(shop: BadShop) -> None:
    shop.user("SELECT ON sales")
    if shop.kind == POSTGRESQL:
        shop.execute(f"ALTER ROLE {shop.bad_user} CONNECTION LIMIT 0")
    else:
        shop.execute(f"ALTER USER {shop.bad_user}@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1")


@case("an error of the database that we do not know", on=SERVERS)
def unknown_error(shop: BadShop) -> None:
    shop.query(
        "SELECT customer_id, item_id, sold_at FROM sales"
        " WHERE item_id > (SELECT item_id FROM items) AND :since IS NOT NULL"
    )


for _kind, _error in (
    (SQLITE, sqlite3.OperationalError("disk I/O error")),
    (POSTGRESQL, psycopg.OperationalError("server closed the connection unexpectedly")),
    (MARIADB, pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")),
):
    case(
        "a connection that ends at the commit, and none after it",
        on=(_kind,),
        fault=partial(faults.lost_at_commit, _error),
        name=f"lost_at_commit_{_kind}",
    )(nothing)


# Locks


case("the lock file of a run is removed", on=(SQLITE,), fault=faults.lost_lock, name="removed_lock")(nothing)
case("the run lock is lost", on=SERVERS, fault=faults.lost_lock, name="lost_lock")(nothing)

for _meanwhile, _on in (
    (faults.a_run_in_training, ANY),
    (faults.a_run_at_its_end, ALL),
    (faults.a_run_from_another_folder, ALL),
):
    _name = _meanwhile.__name__
    case("another run is going on", on=_on, meanwhile=_meanwhile, is_late=True, name=_name)(nothing)

case(
    "the shop keeps its table locked",
    fault=faults.impatient,
    meanwhile=faults.sales_locked,
    name="sales_locked",
)(nothing)


def other_lists(shop: BadShop) -> None:
    """What the night publishes differs from what is published: lists that stay are not written."""
    shop.set(TOP_N=4)


case(
    "the shop keeps our table locked",
    on=SERVERS,
    fault=faults.impatient,
    meanwhile=faults.lists_locked,
    name="lists_locked",
)(other_lists)


case(
    "the shop keeps our table locked",
    on=(SQLITE,),
    fault=faults.impatient,
    meanwhile=faults.lists_read_for_long,
    name="lists_read_for_long",
)(other_lists)
