"""Keys that people type, in a file or as an argument: which of the shop's own keys they name.

To the shop `sku-1` may well be `SKU-1`, and a uuid has many forms: what decides is the equality of the key's
column in our tables, which has the type and the collation of the shop's own.
"""

from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa

from recommender.database.base import Database
from recommender.database.query import Query
from recommender.database.schema import Target
from recommender.errors import DatabaseError, TransientError
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


def equal_values(
    shop: Database, query: Query, column: str, typed: Collection[str]
) -> dict[str, list[object]]:
    """What a column of the owner's query has that the shop's database holds equal to each typed text.

    Args:
        shop: its database.
        query: the owner's.
        column: found in any case.
        typed: compared one by one, as the column compares. What the database refuses to compare with it, such
            as a word with an integer, equals nothing.

    Raises:
        DatabaseError: the database failed, or refused the query itself.
    """
    found = {}
    with shop.connect(owners_sql=True) as connection, shop.errors(f"refused {query.path}"):
        header = _header(connection, query)
        names = {name.lower(): shop.quote(name) for name in header}
        name = "q." + names[column]
        # Not DISTINCT, which would leave one of those that are equal.
        statement = query.wrapped(name, f"WHERE {name} = ")
        if shop.dialect.paramstyle == "qmark":
            statement += " ?"
        else:
            statement = statement.replace("%", "%%") + " %s"
        for text in typed:
            try:
                values = {*connection.exec_driver_sql(statement, (text,)).scalars()}
                found[text] = [value for value in values if _may_equal(text, value)]
            except sa.exc.DBAPIError as error:
                explained = shop.explained(error.orig or error, f"refused {query.path}")
                if isinstance(explained, TransientError):
                    raise explained from error
                # Where it takes the query, it was the comparison that it refused.
                _header(connection, query)
    return found


def _header(connection: sa.Connection, query: Query) -> list[str]:
    """The names of the query's columns, as the database has them."""
    # Without parameters the drivers take the text as it is, also a % in it.
    options = {"no_parameters": True}
    result = connection.exec_driver_sql(query.wrapped(tail="LIMIT 0"), execution_options=options)
    return [str(column[0]) for column in result.cursor.description] if result.cursor else []


def _may_equal(text: str, value: object) -> bool:
    """Whether a text can mean a value: MySQL takes a word that is compared with a number for 0."""
    if not isinstance(value, int | float | Decimal):
        return True
    try:
        return Decimal(text) == Decimal(str(value))
    except InvalidOperation:
        return False


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
