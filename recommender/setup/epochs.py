"""Times that a shop stores as integers, seconds or milliseconds since 1970: found by their values."""

from dataclasses import replace

import sqlalchemy as sa

from recommender.database.base import Database
from recommender.errors import DatabaseError
from recommender.setup import words
from recommender.setup.catalogue import Epoch, FoundColumn, FoundTable, Kind

_LOOKED_AT = 1000
_FIRST, _LAST = 946_684_800, 4_102_444_800
"""The years 2000 to 2100: no number of an order, no price and no date written 20261125 lies between."""

_TIMES = {
    # Text with a Z, not FROM_UNIXTIME: that is local time of the session, and without a zone.
    ("mysql", Epoch.SECONDS): "CONCAT(DATE_ADD('1970-01-01', INTERVAL {} SECOND), 'Z')",
    ("mysql", Epoch.MILLISECONDS): "CONCAT(DATE_ADD('1970-01-01', INTERVAL {} DIV 1000 SECOND), 'Z')",
    ("postgresql", Epoch.SECONDS): "to_timestamp({})",
    ("postgresql", Epoch.MILLISECONDS): "to_timestamp({} / 1000)",
    ("sqlite", Epoch.SECONDS): "strftime('%Y-%m-%dT%H:%M:%SZ', {}, 'unixepoch')",
    ("sqlite", Epoch.MILLISECONDS): "strftime('%Y-%m-%dT%H:%M:%SZ', {} / 1000, 'unixepoch')",
}
_SINCE = {
    "mysql": "TIMESTAMPDIFF(SECOND, '1970-01-01', :since)",
    "postgresql": "CAST(extract(epoch FROM CAST(:since AS timestamp)) AS bigint)",
    "sqlite": "CAST(strftime('%s', :since) AS INTEGER)",
}


def with_epochs(database: Database, tables: list[FoundTable]) -> list[FoundTable]:
    """The tables, with integers that hold such times made columns of times.

    Args:
        database: the shop's; asked for some values of columns that are called like times.
        tables: what is in it.
    """
    return [
        replace(table, columns=tuple(_looked_at(database, table, column) for column in table.columns))
        for table in tables
    ]


def time_expression(backend: str, column: str, epoch: Epoch) -> str:
    """SQL for the time in a column, of a type or text that carries its zone."""
    return _TIMES[backend, epoch].format(column)


def since_expression(backend: str, epoch: Epoch) -> str:
    """SQL for `:since` as the column has it, so that the bare column is compared and an index serves."""
    seconds = _SINCE[backend]
    return seconds if epoch is Epoch.SECONDS else f"{seconds} * {epoch.value}"


def _looked_at(database: Database, table: FoundTable, column: FoundColumn) -> FoundColumn:
    if column.kind is not Kind.INTEGER or column.name in table.key or not words.may_be_epoch(column):
        return column
    name = database.quote(column.name)
    source = database.quoted(sa.Table(table.name, sa.MetaData(), schema=table.schema))
    statement = (
        f"SELECT min(s.v), max(s.v) FROM (SELECT {name} AS v FROM {source} WHERE {name} <> 0"
        f" LIMIT {_LOOKED_AT}) AS s"
    )
    try:
        with database.connect() as connection:
            verbatim = connection.execution_options(no_parameters=True)
            least, greatest = verbatim.exec_driver_sql(statement).one()
    except DatabaseError:
        return column  # a view that fails, or not for us to read
    for epoch in Epoch:
        if least is not None and least >= _FIRST * epoch.value and greatest < _LAST * epoch.value:
            return replace(column, kind=Kind.TIME, epoch=epoch)
    return column
