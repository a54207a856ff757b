"""Makes a shop: tables in an empty database, `.env` and `sql/` in an empty folder; all of it, or nothing."""

import itertools
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from recommender.database import open_database
from recommender.database.base import Database, capital
from recommender.errors import DatabaseError, SettingsError
from recommender.setup.shopfolder import write_env
from recommender.system.files import make_folder, new_file, write_text

Rows = Iterable[Sequence[Any]]
"""Rows with their values in the order of the table's columns."""
_ROWS_AT_ONCE = 10_000


def demo_tables(id_type: Any = sa.Integer) -> list[sa.Table]:
    """The tables of a shop as shops have them, each after those that it refers to; ours are not among them.

    A return is an order of status `returned` with lines of negative quantity: a credit note.

    Args:
        id_type: of products and orders.
    """
    metadata = sa.MetaData()
    # SQLite keeps times as text: without fractions, as most shops write them.
    whole_seconds = sqlite.DATETIME(truncate_microseconds=True)  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
    time = sa.DateTime().with_variant(whole_seconds, "sqlite")
    money = sa.Numeric(10, 2, asdecimal=False)

    def key(name: str, kind: Any) -> sa.Column[Any]:
        return sa.Column(name, kind, primary_key=True, autoincrement=False)

    def table(name: str, *columns: sa.Column[Any]) -> sa.Table:
        return sa.Table(name, metadata, *columns, mysql_charset="utf8mb4")

    return [
        table(
            "customers",
            key("customer_id", sa.Integer),
            sa.Column("name", sa.String(100)),
            sa.Column("email", sa.String(200)),
            sa.Column("registered_at", time),
        ),
        table(
            "products",
            key("product_id", id_type),
            sa.Column("name", sa.String(200), nullable=False),
            sa.Column("category", sa.String(100)),
            sa.Column("price", money),
            sa.Column("active", sa.Boolean, nullable=False),
            sa.Column("stock", sa.Integer),
        ),
        table(
            "orders",
            key("order_id", id_type),
            sa.Column("customer_id", sa.ForeignKey("customers.customer_id"), index=True),
            sa.Column("guest_email", sa.String(200)),
            sa.Column("status", sa.String(20), nullable=False),
            sa.Column("ordered_at", time, nullable=False, index=True),
        ),
        table(
            "order_lines",
            key("order_id", sa.ForeignKey("orders.order_id")),
            key("line_no", sa.Integer),
            sa.Column("product_id", sa.ForeignKey("products.product_id"), nullable=False, index=True),
            sa.Column("quantity", sa.Integer, nullable=False),
            sa.Column("unit_price", money, nullable=False),
        ),
    ]


@contextmanager
def shop_folder(directory: Path, settings: Mapping[str, str]) -> Iterator[None]:
    """Write `.env` and `sql/` as `recommend init` would leave them, then let the shop itself be made.

    When that fails, the folder is as it was before: what nobody can use is not left behind.

    Args:
        directory: an empty or missing folder.
        settings: what differs from the program's defaults.

    Raises:
        SettingsError: the folder is not empty, is no folder, or cannot be made.
    """
    was_there = directory.exists()
    try:
        make_folder(directory)
        used = any(directory.iterdir())
    except OSError as error:
        raise SettingsError(
            "demo-folder", f"The folder {directory} cannot be used: {error.strerror}.", "Name a new folder."
        ) from error
    if used:
        raise SettingsError(
            "demo-folder",
            f"The folder {directory} is not empty: nothing was changed.",
            "Name a new folder, or empty this one.",
        )
    sql = directory / "sql"
    try:
        make_folder(sql)
        for query in files(__package__).joinpath("sql").iterdir():
            write_text(sql / query.name, query.read_text(encoding="utf-8"))
        write_env(directory / ".env", settings)
        yield
    except BaseException:
        shutil.rmtree(sql, ignore_errors=True)
        (directory / ".env").unlink(missing_ok=True)
        if not was_there:
            directory.rmdir()
        raise


def load_shop(url: sa.URL, tables: Sequence[sa.Table], rows: Mapping[str, Rows]) -> None:
    """Create the tables and fill them, all or nothing.

    Args:
        url: a normalised address of a database without tables. A SQLite file that is not there is made, for
            its owner alone.
        tables: in an order in which they can be filled.
        rows: for each table's name its rows; they are read once.

    Raises:
        SettingsError: the database has tables already, or the SQLite file's folder is not there.
        DatabaseError: the database failed; nothing of ours is left in it.
    """
    made = _make_file(url)
    database = open_database(url)
    created: list[sa.Table] = []
    try:
        with database.connect() as connection:
            _refuse_used(database, connection, tables)
            connection.exec_driver_sql("BEGIN")
            for table in tables:
                table.create(connection, checkfirst=False)
                created.append(table)
            if database.backend == "mysql":  # each CREATE TABLE has committed
                connection.exec_driver_sql("BEGIN")
            for table in tables:
                names = table.columns.keys()
                pending = iter(rows[table.name])
                while batch := list(itertools.islice(pending, _ROWS_AT_ONCE)):
                    connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in batch])
            connection.exec_driver_sql("COMMIT")
    except BaseException:
        if database.backend == "mysql":
            # The error that led here matters more than one here.
            with suppress(DatabaseError), database.connect() as connection:
                for table in reversed(created):
                    table.drop(connection)
        if made is not None:
            made.unlink(missing_ok=True)
        raise


def _make_file(url: sa.URL) -> Path | None:
    """The SQLite file, if it was not there and has been made."""
    path = Path(str(url.database))
    if url.get_backend_name() != "sqlite" or path.exists():
        return None
    try:
        new_file(path)
    except OSError as error:
        raise SettingsError(
            "demo-database", f"{path} cannot be made: {error.strerror}.", "Check the address."
        ) from error
    return path


def _refuse_used(database: Database, connection: sa.Connection, tables: Sequence[sa.Table]) -> None:
    there = set(sa.inspect(connection).get_table_names())
    used = [table.name for table in tables if table.name in there] or sorted(there)[:3]
    if used:
        raise SettingsError(
            "demo-database",
            f"{capital(database.name)} already has {', '.join(used)}: nothing was changed.",
            "Give the address of an empty database.",
        )
