"""The tables of an unknown shop as its catalogue tells them: columns, keys, links, how many rows."""

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ReflectedForeignKeyConstraint
from sqlalchemy.engine.reflection import ObjectKind

from recommender.database.base import Database
from recommender.database.tables import LISTS, RUNS

_MOST_COUNTED = 100_000
"""Rows counted one by one where the catalogue has no estimate."""
_ROWS = {
    "postgresql": "SELECT n.nspname, c.relname, c.reltuples FROM pg_class AS c"
    " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm')",
    "mysql": "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ROWS FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA = DATABASE()",
}
_OF_THE_SERVER = re.compile(r"pg_.*|information_schema")


class Kind(Enum):
    """What a column holds, as far as it matters here."""

    INTEGER = "integer"
    TEXT = "text"
    TIME = "time"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OTHER = "other"


@dataclass(frozen=True)
class FoundColumn:
    """A column of the shop."""

    name: str
    kind: Kind
    nullable: bool


@dataclass(frozen=True)
class FoundTable:
    """A table or view of the shop."""

    schema: str | None
    """None for the connection's own."""
    name: str
    columns: tuple[FoundColumn, ...]
    key: tuple[str, ...]
    """Columns of the primary key."""
    links: "_Links"
    """Foreign keys of one column: to schema, table and column."""
    rows: int
    """How many rows, about."""

    def column(self, name: str) -> FoundColumn | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


_Links = Mapping[str, tuple[str | None, str, str]]
_Description = tuple[str, tuple[FoundColumn, ...], tuple[str, ...], _Links]


def shop_tables(database: Database) -> list[FoundTable]:
    """Every table and view that the user may read, ours and empty ones left out.

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
        rows = {}
        if database.backend in _ROWS:
            rows = {
                (row[0], row[1]): int(row[2] or 0)
                for row in connection.exec_driver_sql(_ROWS[database.backend])
            }
        return [
            FoundTable(schema, name, columns, key, links, count)
            for schema in schemas
            for name, columns, key, links in _described(inspector, schema)
            for estimate in [rows.get((schema or _own_schema(database, inspector), name), 0)]
            if (count := estimate if estimate > 0 else _count(database, connection, schema, name))
        ]


def _described(inspector: sa.Inspector, schema: str | None) -> Iterator[_Description]:
    """Name, columns, key and links of each table and view of a schema that is not ours."""
    keys = inspector.get_multi_pk_constraint(schema=schema)
    links = inspector.get_multi_foreign_keys(schema=schema)
    ours = (*(definition.name for definition in LISTS), RUNS)
    for place, described in inspector.get_multi_columns(schema=schema, kind=ObjectKind.ANY).items():
        if place[1].endswith(ours):  # with any TABLE_PREFIX
            continue
        columns = tuple(FoundColumn(c["name"], _kind(c["type"]), bool(c["nullable"])) for c in described)
        key = tuple(keys[place]["constrained_columns"]) if place in keys else ()
        yield place[1], columns, key, _links(links.get(place, []))


def _own_schema(database: Database, inspector: sa.Inspector) -> str | None:
    return str(database.url.database) if database.backend == "mysql" else inspector.default_schema_name


def _links(constraints: list[ReflectedForeignKeyConstraint]) -> _Links:
    return {
        c["constrained_columns"][0]: (c["referred_schema"], c["referred_table"], c["referred_columns"][0])
        for c in constraints
        if len(c["constrained_columns"]) == len(c["referred_columns"]) == 1
    }


def _count(database: Database, connection: sa.Connection, schema: str | None, name: str) -> int:
    """The rows of a table, at most some; 0 where we may not read it."""
    table = database.quoted(sa.Table(name, sa.MetaData(), schema=schema))
    counted = f"SELECT count(*) FROM (SELECT 1 AS one FROM {table} LIMIT {_MOST_COUNTED}) AS t"
    verbatim = connection.execution_options(no_parameters=True)
    try:
        return int(verbatim.exec_driver_sql(counted).scalar() or 0)
    except sa.exc.DBAPIError:
        return 0


def _kind(declared: sa.types.TypeEngine[Any]) -> Kind:
    if isinstance(declared, sa.Boolean):
        return Kind.BOOLEAN
    if isinstance(declared, sa.Integer):
        return Kind.INTEGER
    if isinstance(declared, sa.Numeric):
        is_whole = not isinstance(declared, sa.Float) and declared.scale == 0
        return Kind.INTEGER if is_whole else Kind.NUMBER
    if isinstance(declared, sa.DateTime | sa.Date):
        return Kind.TIME
    return Kind.TEXT if isinstance(declared, sa.String | sa.Uuid) else Kind.OTHER
