"""What `sales.sql` has beyond what a night reads: lines that `:since` cannot be compared with; older ones.

Both are asked with a `:since` that lies before everything. Where a column is of a type for times, times are
compared. A text or a number it compares as such: in SQLite every number is less than every text, and as
a text `01.11.2026` comes before `2024-01-01`. What such a comparison leaves out, nobody has looked at.
"""

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from recommender.database.base import Database, QueryColumn, Snapshot
from recommender.database.query import Query, read_query
from recommender.errors import DatabaseError, TransientError
from recommender.system.text import shortened
from recommender.system.times import UNREADABLE, microseconds, moment_of, parse_times

log = logging.getLogger(__name__)

_EARLIEST = datetime(1, 1, 1)  # noqa: DTZ001 - :since carries no zone
_TIME = "time"
_DAY = "[0-9]" * 4 + "-" + "[0-9]" * 2 + "-" + "[0-9]" * 2
_FORMS = {
    "sqlite": f"CASE WHEN typeof({{0}}) <> 'text' THEN typeof({{0}}) WHEN {{0}} GLOB '{_DAY}*' THEN '{_TIME}'"
    " ELSE 'text' END",
    "postgresql": f"CASE WHEN {{0}} ~ '^{_DAY}' THEN '{_TIME}' ELSE 'text' END",
    "mysql": f"CASE WHEN {{0}} REGEXP '^{_DAY}' THEN '{_TIME}' ELSE 'text' END",
}
_IS_SET = {"sqlite": "{0} <> '' AND {0} <> 0", "postgresql": "{0} <> ''", "mysql": "{0} <> ''"}
"""NULL, the empty text and 0 stand for no time at all: such lines are rightly left out."""
_NEWEST = 5


@dataclass(frozen=True)
class NotCompared:
    """Lines that the comparison with `:since` leaves out, though they are not seen to be older."""

    lines: int = 0
    example: str = ""
    """A time of one of them, as it is stored."""


@dataclass(frozen=True)
class Newest:
    """The newest sale there is."""

    moment: datetime | None
    """None where it is no time that can be read."""
    text: str
    """As the query returns it."""

    def day(self, zone: ZoneInfo) -> date | None:
        """The day in the shop's zone."""
        try:
            return None if self.moment is None else self.moment.astimezone(zone).date()
        except OverflowError:  # the first day of the calendar
            return None


def not_compared(
    database: Database,
    snapshot: Snapshot,
    path: Path,
    column: QueryColumn,
    since: datetime,
    *,
    returned: int = 0,
) -> NotCompared:
    """Count them in the database; none where `sold_at` is of a type for times, or where it cannot be asked.

    On a good night one count of lines tells that there are none.

    Args:
        database: the shop's.
        snapshot: of it.
        path: the query of the sales.
        column: its `sold_at`.
        since: what `:since` is tonight, naive.
        returned: lines that the query has returned tonight, where that is known.

    Raises:
        TransientError: the connection was lost.
    """
    if column.is_time:
        return NotCompared()
    there: dict[str, tuple[int, str]] = {}
    try:
        if returned and _is_all(database, snapshot, path, column, since, returned=returned):
            return NotCompared()
        for query in _from_the_start(path, database.backend):
            for form, found in _forms(database, snapshot, query, column, since).items():
                there[form] = max(there.get(form, (0, "")), found)
        read = _forms(database, snapshot, read_query(path, database.backend, since), column, since)
    except TransientError:
        raise
    except DatabaseError as error:
        log.info("what :since leaves out was not counted: %s", error)
        return NotCompared()
    missing = {form: (lines - read.get(form, (0, ""))[0], text) for form, (lines, text) in there.items()}
    return NotCompared(
        sum(max(lines, 0) for lines, _ in missing.values()), max(missing.values(), default=(0, ""))[1]
    )


def newest_sale(
    database: Database,
    snapshot: Snapshot,
    path: Path,
    column: QueryColumn,
    *,
    end: datetime,
    zone: ZoneInfo,
) -> Newest | None:
    """The newest sale before `end`, however old it is; None where there is none, or where it cannot be asked.

    Args:
        database: the shop's.
        snapshot: of it.
        path: the query of the sales.
        column: its `sold_at`.
        end: aware.
        zone: of times that carry none.

    Raises:
        TransientError: the connection was lost.
    """
    name = f"q.{database.quote(column.name)}"
    zone = ZoneInfo("UTC") if column.is_instant else zone
    last = end.astimezone(zone).replace(tzinfo=None)
    tail = f"WHERE {name} IS NOT NULL AND {name} < '{last}' ORDER BY {name} DESC LIMIT {_NEWEST}"
    values: list[object] = []
    try:
        for query in _from_the_start(path, database.backend):
            values += [value for (value,) in _rows(snapshot, query, f"{name} AS sold_at", tail, ["sold_at"])]
    except TransientError:
        raise
    except DatabaseError as error:
        log.info("the newest sale was not looked for: %s", error)
    times = parse_times(values, zone).tolist()
    readable = [micros for micros in times if micros != UNREADABLE and micros < microseconds(end)]
    if readable:
        place = times.index(max(readable))
        return Newest(moment_of(times[place]), str(values[place]))
    return Newest(None, shortened(str(values[0]))) if values else None


def _from_the_start(path: Path, backend: str) -> list[Query]:
    """The query with `:since` before everything: as a number where one may be stored, and as a time."""
    earliest = [None, _EARLIEST] if backend == "sqlite" else [_EARLIEST]
    return [read_query(path, backend, since) for since in earliest]


def _is_all(
    database: Database, snapshot: Snapshot, path: Path, column: QueryColumn, since: datetime, *, returned: int
) -> bool:
    """Whether no more lines are there, but for older ones, than the query has returned."""
    for query in _from_the_start(path, database.backend):
        tail = f"WHERE {_not_older(database, column, since)}"
        ((lines,),) = _rows(snapshot, query, "count(*) AS n_lines", tail, ["n_lines"])
        if int(str(lines)) >= returned:  # less where the query cannot use such a :since
            return int(str(lines)) == returned
    return True


def _not_older(database: Database, column: QueryColumn, since: datetime) -> str:
    """The condition for lines with a `sold_at` that is not a time before `since`."""
    name = f"q.{database.quote(column.name)}"
    form, is_set = _FORMS[database.backend].format(name), _IS_SET[database.backend].format(name)
    # Most lines are newer, which is quickly seen; in SQLite numbers are less than any text.
    return f"{is_set} AND NOT ({name} < '{since}' AND {form} = '{_TIME}')"


def _forms(
    database: Database, snapshot: Snapshot, query: Query, column: QueryColumn, since: datetime
) -> dict[str, tuple[int, str]]:
    """How many lines have a `sold_at` of each form, and one of these; without times before `since`."""
    name = f"q.{database.quote(column.name)}"
    form = _FORMS[database.backend].format(name)
    select = f"{form} AS form, count(*) AS n_lines, max({name}) AS example"
    tail = f"WHERE {_not_older(database, column, since)} GROUP BY 1"
    rows = _rows(snapshot, query, select, tail, ["form", "n_lines", "example"])
    return {str(found): (int(str(lines)), shortened(str(example))) for found, lines, example in rows}


def _rows(
    snapshot: Snapshot, query: Query, select: str, tail: str, names: Sequence[str]
) -> list[tuple[object, ...]]:
    asked = replace(query, text=query.wrapped(select, tail) + "\n")
    with closing(snapshot.stream(asked, [QueryColumn(name) for name in names])) as batches:
        return [row for batch in batches for row in zip(*batch, strict=True)]
