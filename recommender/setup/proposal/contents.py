"""What columns hold, found by a look at their values: which one names a row, which numbers are times.

A primary key need not name a row alone, and a time may be stored as a number, whatever its column is
declared as.
"""

from collections.abc import Mapping
from dataclasses import replace

from recommender.database.base import Database
from recommender.setup.looks import quoted_name, rows_if_allowed
from recommender.setup.proposal import words
from recommender.setup.proposal.shoptables import ColumnKind, Epoch, FoundColumn, FoundTable

_MOST_COUNTED = 1_000_000
"""Values of a column, to see whether one is there twice."""
_LOOKED_AT = 5000
"""Of the oldest rows, and as many of the newest: a shop may have changed its software in between."""
_LEAST_SHARE = 0.99
"""The rest is what a night may find unusable."""
_BOUNDS: dict[Epoch, tuple[float, float]] = {
    Epoch.DAYS: (2_451_544.5, 2_488_069.5),
    **{e: (946_684_800 * e.value, 4_102_444_800 * e.value) for e in Epoch if e is not Epoch.DAYS},
}
"""The years 2000 to 2100: no number of an order, no price and no date written 20261125 lies between."""
_LESS_THAN = {
    Epoch.DAYS: "1e8",
    Epoch.SECONDS: "1e11",
    Epoch.MILLISECONDS: "1e14",
    Epoch.MICROSECONDS: "1e17",
}
"""What tells one from the next where a column holds several."""
_TEXTS, _OTHERS = "texts", "others"

_TIMES = {
    # Text with a Z, not FROM_UNIXTIME: that is local time of the session, and without a zone.
    ("mysql", Epoch.SECONDS): "CONCAT(DATE_ADD('1970-01-01', INTERVAL {} SECOND), 'Z')",
    ("mysql", Epoch.MILLISECONDS): "CONCAT(DATE_ADD('1970-01-01', INTERVAL {} DIV 1000 SECOND), 'Z')",
    ("mysql", Epoch.MICROSECONDS): "CONCAT(DATE_ADD('1970-01-01', INTERVAL {} DIV 1000000 SECOND), 'Z')",
    ("postgresql", Epoch.SECONDS): "to_timestamp({})",
    ("postgresql", Epoch.MILLISECONDS): "to_timestamp({} / 1000)",
    ("postgresql", Epoch.MICROSECONDS): "to_timestamp({} / 1000000)",
    ("sqlite", Epoch.SECONDS): "strftime('%Y-%m-%dT%H:%M:%SZ', {}, 'unixepoch')",
    ("sqlite", Epoch.MILLISECONDS): "strftime('%Y-%m-%dT%H:%M:%SZ', {} / 1000, 'unixepoch')",
    ("sqlite", Epoch.MICROSECONDS): "strftime('%Y-%m-%dT%H:%M:%SZ', {} / 1000000, 'unixepoch')",
    ("sqlite", Epoch.DAYS): "strftime('%Y-%m-%dT%H:%M:%SZ', NULLIF({}, 0))",
}
_SINCE = {
    "mysql": "TIMESTAMPDIFF(SECOND, '1970-01-01', :since)",
    "postgresql": "CAST(extract(epoch FROM CAST(:since AS timestamp)) AS bigint)",
    "sqlite": "CAST(strftime('%s', :since) AS INTEGER)",
}


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
    source = quoted_name(database, table.name, table.schema)
    some = f"(SELECT {name} AS v FROM {source} LIMIT {_MOST_COUNTED})"
    rows = rows_if_allowed(database, f"SELECT count(*), count(DISTINCT s.v) FROM {some} AS s")
    return bool(rows) and rows[0][0] == rows[0][1]


def with_epochs(database: Database, tables: list[FoundTable]) -> list[FoundTable]:
    """The tables, with columns that hold numbers for times made columns of times.

    Args:
        database: the shop's; asked for some values of columns that are called like times.
        tables: what is in it.
    """
    return [
        replace(table, columns=tuple(_looked_at(database, table, column) for column in table.columns))
        for table in tables
    ]


def time_expression(backend: str, name: str, column: FoundColumn) -> str:
    """SQL for the time in a column of that (quoted) name: a number becomes one that carries its zone."""
    if not column.epochs:
        return name
    if not column.has_texts:
        number = name
        if len(column.epochs) == 1:
            return _TIMES[backend, column.epochs[0]].format(number)
        cases = []
    else:
        # A column that is declared a text stores the digits of a number.
        number = f"({name} + 0)"
        cases = [f"WHEN typeof({name}) = 'text' AND {name} GLOB '*[^0-9.]*' THEN {name}"]
    ordered = [epoch for epoch in _LESS_THAN if epoch in column.epochs]
    for epoch in ordered[:-1]:
        cases.append(f"WHEN {number} < {_LESS_THAN[epoch]} THEN {_TIMES[backend, epoch].format(number)}")
    return f"CASE {' '.join(cases)} ELSE {_TIMES[backend, ordered[-1]].format(number)} END"


def since_condition(backend: str, name: str, column: FoundColumn) -> str:
    """SQL that keeps all since `:since`; of the bare column where that can be, so that an index serves."""
    if not column.epochs:
        return f"{name} >= :since"
    if column.has_texts or len(column.epochs) > 1:
        return f"{time_expression(backend, name, column)} >= :since"
    (epoch,) = column.epochs
    if epoch is Epoch.DAYS:
        return f"{name} >= julianday(:since)"
    return f"{name} >= {_SINCE[backend]}" + (f" * {epoch.value}" if epoch is not Epoch.SECONDS else "")


def _looked_at(database: Database, table: FoundTable, column: FoundColumn) -> FoundColumn:
    is_sqlite = database.backend == "sqlite"
    if column.name in table.key or not words.may_be_epoch(column):
        return column
    if not is_sqlite and column.kind not in (ColumnKind.INTEGER, ColumnKind.NUMBER):
        return column  # what is declared a time or a text holds nothing else there
    forms = _forms(database, table, column)
    known = sum(lines for form, lines in forms.items() if form != _OTHERS)
    epochs = tuple(epoch for epoch in Epoch if epoch.name in forms)
    if known < _LEAST_SHARE * sum(forms.values()) or (len(epochs) > 1 and not is_sqlite):
        return column
    if epochs:
        has_texts = is_sqlite and (_TEXTS in forms or column.kind is ColumnKind.TEXT)
        return replace(column, kind=ColumnKind.TIME, epochs=epochs, has_texts=has_texts)
    if _TEXTS in forms and column.kind is not ColumnKind.TEXT:
        return replace(column, kind=ColumnKind.TIME)
    return column


def _forms(database: Database, table: FoundTable, column: FoundColumn) -> Mapping[str, int]:
    """How many of some rows hold each form: the name of an Epoch, texts that are times, and others."""
    name = database.quote(column.name)
    source = quoted_name(database, table.name, table.schema)
    number, cases, kinds = "s.v", [], [e for e in Epoch if e is not Epoch.DAYS]
    if database.backend == "sqlite":
        number, kinds = "(s.v + 0)", [*Epoch]
        day = "-".join("[0-9]" * digits for digits in (4, 2, 2))
        cases = [
            f"WHEN typeof(s.v) = 'text' AND s.v GLOB '{day}*' THEN '{_TEXTS}'",
            f"WHEN typeof(s.v) = 'blob' OR s.v GLOB '*[^0-9.e+]*' THEN '{_OTHERS}'",
        ]
    for epoch in kinds:
        first, last = _BOUNDS[epoch]
        cases.append(f"WHEN {number} >= {first} AND {number} < {last} THEN '{epoch.name}'")
    form = f"CASE {' '.join(cases)} ELSE '{_OTHERS}' END"
    unset = "'', 0" if database.backend == "sqlite" else "0"
    rows = f"SELECT {name} AS v FROM {source} WHERE {name} NOT IN ({unset})"
    order = ["rowid"] if database.backend == "sqlite" else [database.quote(key) for key in table.key]
    newest = f"{rows} ORDER BY {', '.join(f'{key} DESC' for key in order)} LIMIT {_LOOKED_AT}"
    oldest = f"{rows} LIMIT {_LOOKED_AT}"
    found: dict[str, int] = {}
    for part in (oldest, newest) if order else (oldest,):  # a view has no rowid, and may fail altogether
        counted = f"SELECT {form} AS form, count(*) FROM ({part}) AS s GROUP BY 1"
        for row in rows_if_allowed(database, counted):
            found[str(row[0])] = found.get(str(row[0]), 0) + int(str(row[1]))
    return found
