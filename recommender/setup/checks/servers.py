"""What only a check asks a database: its version and clock, how it would run a query, what else we may do."""

import re
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recommender.database.base import Database
from recommender.database.query import Query

_PACKAGES = {"psycopg": "psycopg", "pymysql": "PyMySQL", "mysqldb": "mysqlclient"}
_BYTES_PER_ROW = 100
"""Of a PostgreSQL table that was never analyzed."""
_WRITES = {"ALL PRIVILEGES", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "CREATE"}


@dataclass(frozen=True)
class Server:
    """A database as its server describes it."""

    version: str
    driver: str
    zone: str | None = None
    """The zone that the server gives new sessions, by its own name; None where it has no clock of its own."""
    utc_offset_seconds: int = 0
    clock_skew_seconds: float = 0.0
    """How far the server's clock is ahead of this machine's."""


@dataclass(frozen=True)
class Scan:
    """A table that a query reads from its first row to its last."""

    table: str
    rows: int


def describe_server(database: Database, connection: sa.Connection) -> Server:
    """Versions, zone and clock of the server behind the connection."""
    match database.backend:
        case "postgresql":
            row = connection.exec_driver_sql(
                "SELECT current_setting('server_version'), current_setting('TimeZone'),"
                " extract(timezone FROM now())::integer, extract(epoch FROM clock_timestamp())::float8"
            ).one()
            number = str(row[0]).partition(" ")[0]
            return Server(f"PostgreSQL {number}", _driver(database), row[1], row[2], row[3] - time.time())
        case "mysql":
            # Our sessions are in UTC; a session in the server's own zone tells what that is.
            connection.exec_driver_sql("SET SESSION time_zone = @@global.time_zone")
            row = connection.exec_driver_sql(
                "SELECT VERSION(), IF(@@global.time_zone = 'SYSTEM', @@system_time_zone, @@global.time_zone),"
                " TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW()), UNIX_TIMESTAMP(NOW(6))"
            ).one()
            connection.exec_driver_sql("SET SESSION time_zone = '+00:00'")
            number = re.split(r"-(?!MariaDB)", str(row[0]))[0].replace("-", " ")
            name = f"{number.partition(' ')[2] or 'MySQL'} {number.partition(' ')[0]}"
            return Server(name, _driver(database), row[1], int(row[2]), float(row[3]) - time.time())
    number = str(connection.exec_driver_sql("SELECT sqlite_version()").scalar())
    mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    return Server(f"SQLite {number}", f"Python's own sqlite3, journal mode {mode}")


def _driver(database: Database) -> str:
    name = database.url.get_driver_name()
    try:
        return f"{_PACKAGES[name]} {version(_PACKAGES[name])}"
    except PackageNotFoundError:  # as some systems package it
        return _PACKAGES[name]


def full_scans(database: Database, connection: sa.Connection, query: Query) -> list[Scan]:
    """The tables that the query would read whole for want of an index; the query is explained, never run."""
    # Without parameters the drivers take the text as it is, also a % in it.
    verbatim = connection.execution_options(no_parameters=True)
    explain = {"postgresql": _postgresql_scans, "mysql": _mysql_scans}.get(database.backend, _sqlite_scans)
    return [*explain(database, verbatim, query.wrapped())]


def _postgresql_scans(_: Database, connection: sa.Connection, statement: str) -> Iterator[Scan]:
    # What is still read whole then has no index that could serve, however old the statistics are. The
    # connection is closed afterwards, and the setting ends with it.
    connection.exec_driver_sql("SET enable_seqscan = off")
    plans = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON, VERBOSE) {statement}").scalar_one()
    sizes = sa.text(
        "SELECT c.reltuples::bigint, pg_relation_size(c.oid) FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = :schema AND c.relname = :name"
    )
    connection = connection.execution_options(no_parameters=False)
    for node in _nodes(plans[0]["Plan"]):
        is_whole = node["Node Type"] == "Seq Scan" or (
            node["Node Type"] in ("Index Scan", "Index Only Scan") and "Index Cond" not in node
        )
        if is_whole and "Relation Name" in node:
            name = node["Relation Name"]
            row = connection.execute(sizes, {"schema": node["Schema"], "name": name}).one()
            yield Scan(name, row[0] if row[0] >= 0 else row[1] // _BYTES_PER_ROW)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _mysql_scans(_: Database, connection: sa.Connection, statement: str) -> Iterator[Scan]:
    for row in connection.exec_driver_sql(f"EXPLAIN {statement}").mappings():
        if str(row["type"]).lower() in ("all", "index") and not str(row["table"]).startswith("<"):
            yield Scan(str(row["table"]), int(row["rows"] or 0))


def _sqlite_scans(database: Database, connection: sa.Connection, statement: str) -> Iterator[Scan]:
    # In the program of SQLite's machine a cursor that is put on its first or last row reads everything.
    roots: dict[int, int] = {}
    whole = []
    for row in connection.exec_driver_sql(f"EXPLAIN {statement}").mappings():
        if row["opcode"] == "OpenRead":
            roots[row["p1"]] = row["p2"]
        elif row["opcode"] in ("Rewind", "Last") and row["p1"] in roots:
            whole.append(roots[row["p1"]])
    # An index that is read whole stands for its table.
    names = connection.exec_driver_sql("SELECT rootpage, tbl_name FROM sqlite_master").all()
    tables = {int(root): str(name) for root, name in names if root}
    for root in dict.fromkeys(whole):
        if root in tables:
            name = tables[root]
            rows = connection.exec_driver_sql(f"SELECT count(*) FROM {database.quote(name)}").scalar_one()
            yield Scan(name, int(rows))


def writable(
    database: Database, connection: sa.Connection, ours: Collection[tuple[str | None, str]]
) -> list[str]:
    """What of the shop the connection's user may write to, though a night only reads it.

    Args:
        database: the shop's.
        connection: to it.
        ours: schema (None for the connection's own) and name of the tables that we write.
    """
    match database.backend:
        case "postgresql":
            return _postgresql_writable(connection, ours)
        case "mysql":
            return _mysql_writable(database, connection, ours)
    return []  # who may write the file may write all of it


def _postgresql_writable(connection: sa.Connection, ours: Collection[tuple[str | None, str]]) -> list[str]:
    rows = connection.exec_driver_sql(
        "SELECT n.nspname, c.relname, n.nspname = current_schema() FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'"
        " AND has_schema_privilege(n.oid, 'USAGE')"
        " AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') ORDER BY 1, 2",
        execution_options={"no_parameters": True},
    ).all()
    return [
        f"{schema}.{name}"
        for schema, name, is_own in rows
        if (schema, name) not in ours and not (is_own and (None, name) in ours)
    ]


def _mysql_writable(
    database: Database, connection: sa.Connection, ours: Collection[tuple[str | None, str]]
) -> list[str]:
    shop = str(database.url.database)
    found = []
    for (grant,) in connection.exec_driver_sql("SHOW GRANTS FOR CURRENT_USER()").all():
        match = re.match(r"GRANT (.*?) ON (?:TABLE )?(.+?) TO ", grant)
        if match and _WRITES & {right.partition("(")[0].strip() for right in match[1].split(",")}:
            schema, _, name = (part.replace("`", "") for part in match[2].partition("."))
            # In a grant on a database _ and % are marks, and a backslash takes that from them.
            pattern = re.escape(schema).replace("%", ".*").replace("_", ".").replace(r"\\.", "_")
            is_shop = schema == "*" or re.fullmatch(pattern, shop) is not None
            if is_shop and not {(schema, name), (None, name)} & {*ours}:
                found.append(match[2])
    return found


def sqlite_path(database: Database) -> Path | None:
    """The file of a SQLite database."""
    return Path(str(database.url.database)) if database.backend == "sqlite" else None
