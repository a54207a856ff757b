"""Keys that people type, in a file or as an argument: which of the shop's own keys they name.

To the shop `sku-1` may well be `SKU-1`, and a uuid has many forms: what decides is the equality of the key's
column in our tables, which has the type and the collation of the shop's own.
"""

from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from recommender.database.schema import Target
from recommender.errors import DatabaseError
from recommender.tables import Role

_PAGE = 20_000


@dataclass(frozen=True)
class Named:
    """What a typed key names."""

    keys: tuple[str, ...]
    """The shop's own, in order; several where the database holds them for one. Empty: nobody knows it."""
    was_asked: bool = True
    """Whether the database could be asked; else only what is equal letter by letter was found."""


def equal_keys(
    target: Target, connection: sa.Connection, role: Role, typed: Collection[str], known: Collection[str]
) -> dict[str, set[str]]:
    """The known keys that the column of our tables holds equal to each typed text that names something."""
    wanted, ours = {*typed}, {*known}
    columns = (
        table.c[column.name]
        for definition, table in target.existing(connection)
        for column in definition.columns
        if column.role is role
    )
    column = next(columns, None)
    found = {text: {text} for text in wanted & ours}
    if column is not None and wanted:
        for group in target.database.equal_texts(connection, column, wanted | ours):
            for text in wanted.intersection(group):
                found[text] = ours.intersection(group)
    return {text: keys for text, keys in found.items() if keys}


def name_key(target: Target, role: Role, typed: str, known: Collection[str]) -> Named:
    """The shop's keys that a typed one names: itself where it is known, else what the database holds equal.

    Args:
        target: our tables, whose owners are known too.
        role: customers or items.
        typed: of a shop with integers without zeros in front.
        known: keys of the files that are kept.
    """
    if typed in known:
        return Named((typed,))
    try:
        with target.connect() as connection:
            all_known = {*known, *owners(target, connection, role)}
            if typed in all_known:
                return Named((typed,))
            equal = equal_keys(target, connection, role, [typed], all_known)
    except DatabaseError:
        return Named((typed,), was_asked=False)
    return Named(tuple(sorted(equal.get(typed, ()))))


def owners(target: Target, connection: sa.Connection, role: Role) -> Iterator[str]:
    """Everybody who has a list in our tables, as texts, table by table."""
    for _, column in _owner_columns(target, connection, role):
        yield from map(text_of, _owners_in(connection, column))


def owned_rows(
    target: Target, connection: sa.Connection, role: Role, keys: Container[str]
) -> Iterator[tuple[sa.Table, list[sa.ColumnElement[bool]]]]:
    """Each of our tables with such lists, and a condition for the rows of each of the keys that has some."""
    for table, column in _owner_columns(target, connection, role):
        there = [key for key in _owners_in(connection, column) if text_of(key) in keys]
        # Without a type of its own the value takes that of the column (PostgreSQL's uuid, for one).
        yield table, [column == sa.literal(key, sa.types.NullType()) for key in there]


def _owner_columns(
    target: Target, connection: sa.Connection, role: Role
) -> Iterator[tuple[sa.Table, sa.ColumnElement[Any]]]:
    """Our tables whose lists are of customers, or of items, with the column of these; where they exist."""
    for definition, table in target.existing(connection):
        owner = definition.columns[0]
        if owner.role is role:
            yield table, sa.type_coerce(table.c[owner.name], sa.types.NullType())


def _owners_in(connection: sa.Connection, column: sa.ColumnElement[Any]) -> Iterator[object]:
    """The distinct values of a table's column, page by page along the key."""
    query = sa.select(column).distinct().order_by(column).limit(_PAGE)
    page = connection.execute(query).scalars().all()
    while page:
        yield from page
        page = connection.execute(query.where(column > page[-1])).scalars().all()


def text_of(key: object) -> str:
    """A key as it came from the database, as text."""
    return key.decode("utf-8", "surrogateescape") if isinstance(key, bytes) else str(key)
