"""Set-up: the tables of a shop, with the shop's own key types; the only place with DDL."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from recommender.database import open_database
from recommender.database.query import read_query
from recommender.database.schema import Target
from recommender.database.tables import KeyType, all_tables
from recommender.errors import DatabaseError, SettingsError
from recommender.export import find_columns
from recommender.files import TEMPORARY, make_folder, write_text
from recommender.pipeline import target_of
from recommender.settings import Settings


@dataclass(frozen=True)
class Plan:
    """What `init` found and would do."""

    customer: KeyType
    item: KeyType
    statements: list[str]
    """CREATE TABLE for every missing table, ready to paste."""
    made: list[str] = field(default_factory=list)
    """Names of the tables that the statements make."""
    needs_guest_key: bool = False


def plan(settings: Settings) -> Plan:
    """Look at the shop's queries and at our tables; change nothing.

    Raises:
        SettingsError: a query is missing or lacks a column; a table of ours has another shape.
        RefusedError: a key column is of a type that can be no key.
        DatabaseError: a database failed.
    """
    shop = open_database(settings.database_url)
    target = target_of(settings)
    with TemporaryDirectory(dir=make_folder(settings.data_dir), prefix=TEMPORARY) as scratch:
        customer, item, has_guests = _key_types(settings, shop.backend, Path(scratch))
    customer = target.database.key_type_here(customer, shop.backend, guests=settings.publish_guests)
    item = target.database.key_type_here(item, shop.backend, guests=False)
    tables = all_tables(
        schema=settings.target_schema, prefix=settings.table_prefix, customer=customer, item=item
    )
    with target.database.connect() as connection:
        inspector = sa.inspect(connection)
        missing = [t for t in tables if not inspector.has_table(t.name, schema=settings.target_schema)]
        _require_fit(target, connection, missing)
    return Plan(
        customer,
        item,
        [str(CreateTable(table).compile(dialect=target.database.dialect)).strip() + ";" for table in missing],
        [table.name for table in missing],
        has_guests and settings.guest_key is None,
    )


def _key_types(settings: Settings, dialect: str, scratch: Path) -> tuple[KeyType, KeyType, bool]:
    since = datetime.now(UTC).replace(tzinfo=None)
    query = read_query(settings.sql_dir / "sales.sql", dialect, since)
    shop = open_database(settings.database_url)
    with shop.snapshot(scratch, settings.query_timeout_seconds) as snapshot:
        columns = find_columns(query, snapshot, ("customer_id", "item_id", "sold_at"), ("guest_email",))
        return (
            snapshot.key_type(query, columns["customer_id"]),
            snapshot.key_type(query, columns["item_id"]),
            "guest_email" in columns,
        )


def _require_fit(target: Target, connection: sa.Connection, missing: list[sa.Table]) -> None:
    absent = {f"there is no table {target.database.quoted(table)}" for table in missing}
    problems = [problem for problem in target.problems(connection) if problem not in absent]
    if problems:
        raise SettingsError(
            f"Tables of our names are there, but of another shape: {'; '.join(problems)}.",
            "Change or drop them yourself, or set TABLE_PREFIX; nothing was changed.",
        )


def create_tables(settings: Settings, planned: Plan) -> None:
    """Make the missing tables.

    Raises:
        DatabaseError: the user may not; the statements can then be pasted by somebody who may.
    """
    target = target_of(settings)
    with target.database.connect() as connection:
        for statement in planned.statements:
            try:
                connection.exec_driver_sql(statement.rstrip(";").replace("%", "%%"))
            except sa.exc.DBAPIError as error:
                raise DatabaseError(
                    f"The tables could not be made in {target.database.name}:"
                    f" {target.database.message(error.orig or error)}.",
                    "Let somebody who may run the statements printed above.",
                ) from error


def make_guest_key(settings: Settings, echo: Callable[[str], None]) -> None:
    """Append a GUEST_KEY to `.env`, or say what to set where there is no such file."""
    line = f"GUEST_KEY={secrets.token_hex(32)}\n"
    if settings.env_file is None:
        echo("Set GUEST_KEY to a secret of at least 32 characters: the sales have guests.")
        return
    old = settings.env_file.read_text(encoding="utf-8")
    gap = "" if not old or old.endswith("\n") else "\n"
    comment = (
        "# Turns guests' addresses into keys; made by `recommend init`. Keep it: another makes other keys."
    )
    write_text(settings.env_file, f"{old}{gap}{comment}\n{line}")
    echo(f"Appended a GUEST_KEY to {settings.env_file}.")
