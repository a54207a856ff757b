"""Which column names a row of a table whose primary key does not say so alone: by its name and its values."""

from dataclasses import replace

import sqlalchemy as sa

from recommender.database.base import Database
from recommender.setup import words
from recommender.setup.looks import rows_if_allowed
from recommender.setup.shoptables import ColumnKind, FoundTable

_LOOKED_AT = 1_000_000


def with_keys(database: Database, tables: list[FoundTable]) -> list[FoundTable]:
    """The tables, each with a key of one column where there is such a column.

    A partitioned table's key holds what it is parted by too; other shops declare UNIQUE, or nothing.

    Args:
        database: the shop's; asked for the values of columns that are called like the key of their table.
        tables: what is in it.
    """
    return [replace(table, key=_key(database, table)) for table in tables]


def _key(database: Database, table: FoundTable) -> tuple[str, ...]:
    if len(table.key) == 1:
        return table.key
    named = [
        column.name
        for column in table.columns
        if column.kind in (ColumnKind.INTEGER, ColumnKind.TEXT)
        and (not table.key or column.name in table.key)
        and (words.plain(column.name) == "id" or words.names_table(column.name, table.name))
    ]
    for name in sorted(named, key=lambda name: words.plain(name) != "id"):
        if name in table.uniques or _is_unique(database, table, name):
            return (name,)
    return tuple(table.uniques) if not table.key and len(table.uniques) == 1 else table.key


def _is_unique(database: Database, table: FoundTable, column: str) -> bool:
    """Whether no value of the column, among many, is there twice."""
    name = database.quote(column)
    source = database.quoted(sa.Table(table.name, sa.MetaData(), schema=table.schema))
    some = f"(SELECT {name} AS v FROM {source} LIMIT {_LOOKED_AT})"
    rows = rows_if_allowed(database, f"SELECT count(*), count(DISTINCT s.v) FROM {some} AS s")
    return bool(rows) and rows[0][0] == rows[0][1]
