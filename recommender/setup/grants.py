"""The rights that the nights and the shop need, as statements; nothing here grants anything."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from recommender.database import open_database
from recommender.database.base import Database
from recommender.database.query import read_query, tables_read
from recommender.database.schema import Target
from recommender.errors import SettingsError
from recommender.export.sources import queries_of
from recommender.night.target import target_of
from recommender.runs.folder import RULES_QUERY
from recommender.settings import Settings
from recommender.setup.looks import quoted_name

GRANTS = "grants.sql"
"""Where a shop's own `sql/` has this file, it says what the reader needs."""
WEB_USER = "web_user"
"""Stands for the shop's own database user, whose name only the owner knows."""


_NAMES = {"mysql": r"(?:`(?:[^`]|``)+`|[a-z_][\w$]*)", "postgresql": r'(?:"(?:[^"]|"")+"|[a-z_][\w$]*)'}
_ACCOUNT_PART = r"(?:`(?:[^`]|``)*`|'(?:[^'\\]|'')*'|[a-z_][\w$]*)"
_ACCOUNTS = {"mysql": rf"{_ACCOUNT_PART}(?:@{_ACCOUNT_PART})?", "postgresql": _NAMES["postgresql"]}
_COMMENTS = re.compile(r"(?:\s+|--(?:[^\S\r\n][^\r\n]*)?(?=[\r\n]|\Z))*", re.ASCII)
_BLANK = re.compile(r"""(`[^`]*`|"[^"]*"|'[^']*')|\s+""", re.ASCII)


@dataclass(frozen=True)
class Grants:
    """What one user needs."""

    who: str
    """For whom, in words."""
    statements: tuple[str, ...]
    """The statements that give it."""


@dataclass(frozen=True)
class _Side:
    """A connection's view: who we are there, and where names without a schema lie."""

    database: Database
    user: str
    """As GRANT takes it."""
    schema: str | None

    def name(self, schema: str | None, table: str) -> str:
        """The table with its schema, quoted."""
        return quoted_name(self.database, table, schema or self.schema)

    def grant(self, rights: str, tables: list[str], user: str) -> list[str]:
        """GRANT statements: PostgreSQL takes many tables in one, MariaDB and MySQL one."""
        if self.database.backend == "mysql":
            return [f"GRANT {rights} ON {table} TO {user};" for table in tables]
        return [f"GRANT {rights} ON {', '.join(tables)} TO {user};"]

    def usage(self, schemas: set[str | None], user: str) -> list[str]:
        """What makes schemas passable, where there are such."""
        if self.database.backend != "postgresql":
            return []
        names = sorted(quoted_name(self.database, schema or self.schema or "public") for schema in schemas)
        return [f"GRANT USAGE ON SCHEMA {', '.join(names)} TO {user};"]

    def web_user(self) -> str:
        """The shop's user, from the host that we come from."""
        if self.database.backend == "mysql":
            return f"'{WEB_USER}'@{self.user.rpartition('@')[2]}"
        return WEB_USER


def needed_grants(settings: Settings) -> list[Grants]:
    """The grants for the job's reader, its writer, and the shop's web user; none for SQLite.

    Raises:
        SettingsError: a query is missing or is not one SELECT, or grants.sql holds more than rights to read.
        DatabaseError: a database does not answer.
    """
    found = []
    shop = open_database(settings.database_url)
    if shop.backend != "sqlite":
        with shop.connect() as connection:
            side = _side(shop, connection, None)
            statements = _own_statements(settings, shop.backend) or _reader_statements(
                settings, side, connection
            )
        found.append(Grants(f"{side.user}, who reads the shop's tables (DATABASE_URL)", tuple(statements)))
    writer = writer_grants(settings)
    if writer is not None:
        found += [writer, _web_grants(target_of(settings))]
    return found


def reader_of(database: Database) -> tuple[str, str]:
    """The user of a connection and its database, both as GRANT takes them; the database is empty on SQLite.

    Raises:
        DatabaseError: the database does not answer.
    """
    if database.backend == "sqlite":
        return "", ""
    with database.connect() as connection:
        side = _side(database, connection, None)
    return side.user, quoted_name(database, side.schema or "public")


def _own_statements(settings: Settings, backend: str) -> list[str]:
    """What the shop's own file of grants says.

    Raises:
        SettingsError: it holds anything but rights to read.
    """
    path = settings.sql_dir / GRANTS
    if not path.is_file():
        return []
    try:
        return rights_to_read(path.read_text(encoding="utf-8-sig"), backend, str(path))
    except UnicodeDecodeError as error:
        raise SettingsError(
            "setup-grants", f"{path} is not a text file in UTF-8.", "Save it as UTF-8."
        ) from error


def rights_to_read(text: str, backend: str, name: str) -> list[str]:
    """The statements of a file of grants, each on a line: somebody who may do so will run them.

    Args:
        text: its content.
        backend: `mysql` or `postgresql`.
        name: of the file, for messages.

    Raises:
        SettingsError: it holds anything but `GRANT SELECT (…) ON … TO …;`, PostgreSQL's
            `GRANT USAGE ON SCHEMA … TO …;`, and comments.
    """
    grant, found = _grant(backend), []
    place = _end_of_comments(text, 0)
    while place < len(text):
        statement = grant.match(text, place)
        if statement is None:
            line = text.count("\n", 0, place) + 1
            raise SettingsError(
                "setup-grants",
                f"{name}, line {line}, holds more than rights to read.",
                "Leave GRANT SELECT (…) ON … TO …; in it, and comments behind two dashes.",
            )
        found.append(_BLANK.sub(lambda blank: blank[1] or " ", statement[0]))
        place = _end_of_comments(text, statement.end())
    return found


def _end_of_comments(text: str, place: int) -> int:
    found = _COMMENTS.match(text, place)
    return found.end() if found else place


def _grant(backend: str) -> re.Pattern[str]:
    name, account = _NAMES[backend], _ACCOUNTS[backend]
    table = rf"{name}(?:\.{name})?"
    rights = rf"SELECT(?:\s*\({name}(?:,\s*{name})*\))?\s+ON\s+{table}(?:,\s*{table})*"
    if backend == "postgresql":
        rights = rf"(?:{rights}|USAGE\s+ON\s+SCHEMA\s+{name}(?:,\s*{name})*)"
    return re.compile(rf"GRANT\s+{rights}\s+TO\s+{account};", re.ASCII | re.IGNORECASE)


def _reader_statements(settings: Settings, side: _Side, connection: sa.Connection) -> list[str]:
    """What the queries need, table by table."""
    tables = _tables_of_queries(settings, side, connection)
    schemas = {schema for schema, _ in tables}
    names = [side.name(*table) for table in tables]
    return [*side.usage(schemas, side.user), *side.grant("SELECT", names, side.user)]


def schemas_read(settings: Settings) -> set[str]:
    """The PostgreSQL schemas whose tables the queries read; empty on other databases.

    Raises:
        SettingsError: a query is missing or is not one SELECT.
        DatabaseError: the database does not answer.
    """
    shop = open_database(settings.database_url)
    if shop.backend != "postgresql":
        return set()
    with shop.connect() as connection:
        side = _side(shop, connection, None)
        tables = _tables_of_queries(settings, side, connection)
    return {schema or side.schema or "public" for schema, _ in tables}


def writer_grants(settings: Settings) -> Grants | None:
    """The grants for the job's writer; None for SQLite.

    Raises:
        DatabaseError: the database does not answer.
    """
    target = target_of(settings)
    if target.database.backend == "sqlite":
        return None
    side, tables = _our_tables(target)
    where = " (TARGET_DATABASE_URL)" * (settings.target_database_url != settings.database_url)
    return Grants(
        f"{side.user}, who writes our tables{where}",
        (
            *side.usage({None}, side.user),
            *side.grant("SELECT, INSERT, DELETE", tables, side.user),
            *side.grant("SELECT, INSERT", [side.name(None, target.forgotten.name)], side.user),
        ),
    )


def _web_grants(target: Target) -> Grants:
    """Those for the shop's web user: whom we forget the shop knows best itself."""
    side, tables = _our_tables(target)
    user = side.web_user()
    return Grants(
        f"the shop's web user; put its name for {WEB_USER}",
        (*side.usage({None}, user), *side.grant("SELECT", tables, user)),
    )


def _our_tables(target: Target) -> tuple[_Side, list[str]]:
    with target.database.connect() as connection:
        side = _side(target.database, connection, target.schema)
    return side, [side.name(None, table.name) for table in (*target.lists.values(), target.runs)]


def _side(database: Database, connection: sa.Connection, schema: str | None) -> _Side:
    if database.backend == "mysql":
        # The account that the server found for us, with its host: 'shop'@'%' need not be 'shop'@'localhost'.
        user, _, host = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar()).rpartition("@")
        quoted = "@".join(map(_account_part, (user, host)))
        return _Side(database, quoted, schema or str(database.url.database))
    user = str(connection.exec_driver_sql("SELECT current_user").scalar())
    here = connection.exec_driver_sql("SELECT current_schema()").scalar()
    return _Side(database, quoted_name(database, user), schema or (None if here is None else str(here)))


def _account_part(name: str) -> str:
    """A part of an account's name, quoted; what a backslash means in a literal is a setting of the server."""
    mark = "`" if "\\" in name else "'"
    return mark + name.replace(mark, mark * 2) + mark


def _tables_of_queries(
    settings: Settings, side: _Side, connection: sa.Connection
) -> list[tuple[str | None, str]]:
    """The tables that the queries read: those of their texts that the catalogue knows."""
    named: list[tuple[str | None, str]] = []
    has_rules = os.path.lexists(settings.sql_dir / RULES_QUERY)
    for name in [*queries_of(settings), *[RULES_QUERY] * has_rules]:
        since = datetime.now(UTC).replace(tzinfo=None)
        query = read_query(settings.sql_dir / name, side.database.backend, since, undecided=True)
        named += [table for table in tables_read(query.text, side.database.backend) if table not in named]
    inspector = sa.inspect(connection)
    known = [(schema, table) for schema, table in named if _is_there(inspector, schema, table)]
    # MariaDB and MySQL hide what one has no right on yet, and that is when these statements are wanted.
    return known or named


def _is_there(inspector: sa.Inspector, schema: str | None, name: str) -> bool:
    try:
        return inspector.has_table(name, schema=schema) or name in inspector.get_view_names(schema=schema)
    except sa.exc.DBAPIError:
        return True  # there, but denied to us as yet
