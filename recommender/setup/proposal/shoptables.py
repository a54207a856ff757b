"""The tables of an unknown shop as its catalogue tells them: columns, keys, links, how many rows."""

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import (
    ReflectedColumn,
    ReflectedForeignKeyConstraint,
    ReflectedIndex,
    ReflectedPrimaryKeyConstraint,
    ReflectedUniqueConstraint,
)
from sqlalchemy.engine.reflection import ObjectKind

from recommender.database.base import Database
from recommender.setup.looks import quoted_name
from recommender.system.text import printable
from recommender.tables import LISTS, RUNS

_MOST_COUNTED = 100_000
"""Rows counted one by one where the catalogue has no estimate."""
_ROWS = {
    "postgresql": "SELECT n.nspname, c.relname, c.reltuples FROM pg_class AS c"
    " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm')",
    "mysql": "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ROWS FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA = DATABASE()",
}
_DENIED = {
    "postgresql": "SELECT n.nspname, c.relname, a.attname FROM pg_attribute AS a"
    " JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    " AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'"
    " AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT'))",
    "mysql": "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS"
    " WHERE TABLE_SCHEMA = DATABASE() AND NOT FIND_IN_SET('select', PRIVILEGES)",
}
"""Columns that the catalogue shows, but that are not ours to read."""
_PARTS = (
    "SELECT n.nspname, c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
    " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
)
"""Partitions of a table, which has their rows."""
_OF_THE_SERVER = re.compile(r"pg_.*|information_schema")


class ColumnKind(Enum):
    """What a column holds, as far as it matters here."""

    INTEGER = "integer"
    TEXT = "text"
    TIME = "time"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OTHER = "other"


class Epoch(Enum):
    """What a number that stands for a time counts: since 1970, UTC, how many in a second; or days."""

    DAYS = 0
    """Julian days, as SQLite's own functions give them."""
    SECONDS = 1
    MILLISECONDS = 1000
    MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class FoundColumn:
    """A column of the shop."""

    name: str
    kind: ColumnKind
    nullable: bool
    epochs: tuple[Epoch, ...] = ()
    """Set where it is a TIME that is stored as a number; only SQLite's columns can hold several."""
    has_texts: bool = False
    """Whether texts stand beside these numbers, or the numbers are stored as texts."""


@dataclass(frozen=True)
class FoundTable:
    """A table or view of the shop."""

    schema: str | None
    """None for the connection's own."""
    name: str
    columns: tuple[FoundColumn, ...]
    key: tuple[str, ...]
    """Columns of the primary key."""
    rows: int
    """How many rows, about."""
    uniques: frozenset[str] = frozenset()
    """Columns that are never NULL, each unique by itself as the database has it declared."""
    joins: tuple["Join", ...] = ()
    """Foreign keys of any number of columns."""

    @property
    def links(self) -> Mapping[str, tuple[str | None, str, str]]:
        """Foreign keys of one column: to schema, table and column."""
        return {j.pairs[0][0]: (j.schema, j.table, j.pairs[0][1]) for j in self.joins if len(j.pairs) == 1}

    def column(self, name: str) -> FoundColumn | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True)
class Join:
    """A foreign key."""

    schema: str | None
    table: str
    pairs: tuple[tuple[str, str], ...]
    """Each column, and the one that it refers to."""


@dataclass(frozen=True)
class ShopTables:
    """What the user of the address sees of a shop."""

    tables: list[FoundTable]
    """Tables and views with rows, and of these the columns that the user may read."""
    unread: list[str]
    """Names of the others: not for this user to read, or views over what is no more."""


def shop_tables(database: Database) -> ShopTables:
    """Every table and view of the shop; ours and empty ones are left out.

    Raises:
        DatabaseError: the database does not answer.
    """
    with database.connect() as connection, warnings.catch_warnings():
        # Of types that SQLAlchemy does not know; such columns are of no use here.
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        inspector = sa.inspect(connection)
        schemas: list[str | None] = [None]
        if database.backend == "postgresql":
            schemas += [
                name
                for name in inspector.get_schema_names()
                if name != inspector.default_schema_name and not _OF_THE_SERVER.fullmatch(name)
            ]
        denied, parts, estimates = set(), set(), {}
        if database.backend == "postgresql":
            parts = {tuple(row) for row in _verbatim(connection, _PARTS)}
        if database.backend in _ROWS:
            denied = {tuple(row) for row in _verbatim(connection, _DENIED[database.backend])}
            rows = _verbatim(connection, _ROWS[database.backend])
            estimates = {(row[0], row[1]): int(row[2] or 0) for row in rows}
        found = ShopTables([], [])
        for schema in schemas:
            own = schema or database.own_schema(connection)
            for table in _described(inspector, schema, found.unread):
                name = table.name
                if (own, name) in parts:
                    continue
                readable = tuple(c for c in table.columns if (own, name, c.name) not in denied)
                count = estimates.get((own, name), 0) if readable else None
                if count is not None and count <= 0:
                    count = _count(database, connection, schema, name)
                if count is None:
                    found.unread.append(full_name(schema, name))
                elif count:
                    found.tables.append(replace(table, columns=readable, rows=count))
        return found


def _verbatim(connection: sa.Connection, statement: str) -> Any:
    """Without parameters, so that a % is one; of this statement alone, since the inspector doubles them."""
    return connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def full_name(schema: str | None, name: str) -> str:
    """As people write it: with the schema where it is not the connection's own."""
    return f"{schema}.{name}" if schema else name


def _described(inspector: sa.Inspector, schema: str | None, unread: list[str]) -> Iterator[FoundTable]:
    """Each table and view of a schema that is not ours, its rows not counted yet."""
    ours = (*(definition.name for definition in LISTS), RUNS)
    for name, described, key, links, indexes in _reflected(inspector, schema, unread):
        if name.endswith(ours):  # with any TABLE_PREFIX
            continue
        columns = tuple(FoundColumn(c["name"], _kind(c["type"]), bool(c["nullable"])) for c in described)
        required = {column.name for column in columns if not column.nullable}
        yield FoundTable(
            schema,
            name,
            columns,
            tuple(key["constrained_columns"] if key else ()),
            0,
            frozenset(_uniques(indexes)) & required,
            tuple(_join(link) for link in links),
        )


_Reflected = tuple[
    str,
    list[ReflectedColumn],
    ReflectedPrimaryKeyConstraint | None,
    list[ReflectedForeignKeyConstraint],
    list[ReflectedIndex | ReflectedUniqueConstraint],
]


def _reflected(inspector: sa.Inspector, schema: str | None, unread: list[str]) -> list[_Reflected]:
    names = [*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema)]
    try:
        found = _read(inspector, schema)
    except sa.exc.DBAPIError:
        found = []  # one that cannot be read must not hide the others: each by itself
        for name in names:
            with suppress(sa.exc.DBAPIError):
                found += _read(inspector, schema, [name])
    # MariaDB's and MySQL's that cannot be read are left out silently.
    there = {name for name, *_ in found}
    unread += [full_name(schema, name) for name in names if name not in there]
    return found


def _read(inspector: sa.Inspector, schema: str | None, names: list[str] | None = None) -> list[_Reflected]:
    columns = inspector.get_multi_columns(schema, names, kind=ObjectKind.ANY)
    keys = inspector.get_multi_pk_constraint(schema, names)
    links = inspector.get_multi_foreign_keys(schema, names)
    indexes = inspector.get_multi_indexes(schema, names)
    uniques = inspector.get_multi_unique_constraints(schema, names)
    return [
        (
            str(place[1]),
            described,
            keys.get(place),
            links.get(place, []),
            [*indexes.get(place, []), *uniques.get(place, [])],
        )
        for place, described in columns.items()
    ]


def _join(link: ReflectedForeignKeyConstraint) -> Join:
    pairs = zip(link["constrained_columns"], link["referred_columns"], strict=True)
    return Join(link["referred_schema"], link["referred_table"], tuple(pairs))


def _uniques(indexes: list[ReflectedIndex | ReflectedUniqueConstraint]) -> Iterator[str]:
    """The columns that an index of the whole table, or a constraint, has unique by itself."""
    for index in indexes:
        (name, *more) = index["column_names"] or [None]
        is_partial = any(option.endswith("_where") for option in index.get("dialect_options", {}))
        if name is not None and not more and index.get("unique", True) and not is_partial:
            yield name


def _count(database: Database, connection: sa.Connection, schema: str | None, name: str) -> int | None:
    """The rows of a table, at most some; None where it cannot be read."""
    table = quoted_name(database, name, schema)
    counted = f"SELECT count(*) FROM (SELECT 1 AS one FROM {table} LIMIT {_MOST_COUNTED}) AS t"
    try:
        return int(_verbatim(connection, counted).scalar() or 0)
    except sa.exc.DBAPIError:
        return None


def _kind(declared: sa.types.TypeEngine[Any]) -> ColumnKind:
    if isinstance(declared, sa.Boolean):
        return ColumnKind.BOOLEAN
    if isinstance(declared, sa.Integer):
        return ColumnKind.INTEGER
    if isinstance(declared, sa.Float):  # which is a Numeric in some versions of SQLAlchemy only
        return ColumnKind.NUMBER
    if isinstance(declared, sa.Numeric):
        return ColumnKind.INTEGER if declared.scale == 0 else ColumnKind.NUMBER
    if isinstance(declared, sa.DateTime | sa.Date):
        return ColumnKind.TIME
    return ColumnKind.TEXT if isinstance(declared, sa.String | sa.Uuid) else ColumnKind.OTHER


def described(table: FoundTable) -> str:
    """A table in a line of a comment: name, rows and columns."""
    columns = ", ".join(column.name for column in table.columns)
    return printable(f"{full_name(table.schema, table.name)} ({table.rows} rows): {columns}")
