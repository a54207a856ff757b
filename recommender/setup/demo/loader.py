"""Puts a whole shop into an empty database, or leaves the database as it was."""

import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recommender.database import open_database
from recommender.database.base import Database
from recommender.errors import DatabaseError, SettingsError
from recommender.setup.demo.definitions import DemoTables
from recommender.system.files import new_file

log = logging.getLogger(__name__)

Rows = Iterable[Sequence[Any]]
"""Rows with their values in the order of the table's columns."""
_ROWS_AT_ONCE = 10_000


def load_shop(url: sa.URL, tables: DemoTables, rows: Mapping[str, Rows]) -> None:
    """Create the tables and fill them, all or nothing.

    Args:
        url: a normalised address of a database that has none of these tables. A SQLite file that is not there
            is made, for its owner alone.
        tables: the tables.
        rows: for each table's name its rows; they are read once.

    Raises:
        SettingsError: one of the tables is there already, or the SQLite file's folder is not.
        DatabaseError: the database failed; nothing of ours is left in it.
    """
    made = _make_file(url)
    database = open_database(url)
    try:
        with database.connect() as connection:
            _refuse_used(database, connection, tables)
            with _all_or_nothing(database, connection, tables):
                for table in tables.in_order:
                    _fill(connection, table, rows[table.name])
    except BaseException:
        if made is not None:
            made.unlink(missing_ok=True)
        raise


def _make_file(url: sa.URL) -> Path | None:
    """The SQLite file, if it was not there and has been made."""
    if url.get_backend_name() != "sqlite":
        return None
    path = Path(str(url.database))
    if path.exists():
        return None
    try:
        new_file(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be made: {error.strerror}.", "Mind the address.") from error
    return path


def _refuse_used(database: Database, connection: sa.Connection, tables: DemoTables) -> None:
    there = set(sa.inspect(connection).get_table_names())
    used = [table.name for table in tables.in_order if table.name in there] or sorted(there)[:3]
    if used:
        raise SettingsError(
            f"{database.name} already has {', '.join(used)}: nothing was changed.",
            "Give the address of an empty database.",
        )


@contextmanager
def _all_or_nothing(database: Database, connection: sa.Connection, tables: DemoTables) -> Iterator[None]:
    """Create the tables, let them be filled, commit; on any error leave none of them."""
    execute = connection.exec_driver_sql
    # MySQL and MariaDB commit at each CREATE TABLE: there the tables are dropped again instead.
    ddl_rolls_back = database.backend != "mysql"
    created: list[sa.Table] = []
    try:
        if ddl_rolls_back:
            execute("BEGIN")
        for table in tables.in_order:
            table.create(connection, checkfirst=False)
            created.append(table)
        if not ddl_rolls_back:
            execute("BEGIN")
        yield
        execute("COMMIT")
    except BaseException:
        # An interrupt may have come in the middle of a call of the driver: the connection is good for nothing
        # but to be closed, which rolls back.
        connection.invalidate()
        if not ddl_rolls_back:
            _drop(database, created)
        raise


def _drop(database: Database, tables: Sequence[sa.Table]) -> None:
    """Take away what was created; the error that led here matters more than one here."""
    try:
        with database.connect() as connection:
            for table in reversed(tables):
                table.drop(connection)
    except DatabaseError as error:
        log.warning("tables that were begun are left in %s: %s", database.name, error)


def _fill(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    names = [column.name for column in table.columns]
    driver = connection.connection.driver_connection
    if connection.dialect.driver == "psycopg":
        assert driver is not None  # noqa: S101 - tells the type checker, nothing else
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)
        return
    pending = iter(rows)
    while batch := list(itertools.islice(pending, _ROWS_AT_ONCE)):
        connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in batch])
