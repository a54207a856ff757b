"""What `sales.sql` has beyond what a night reads: lines that `:since` cannot be compared with; older ones.

Where a column is of a type for times, times are compared. A text or a number is compared as such: in SQLite
every number is less than every text, and as a text `01.11.2026` comes before `2024-01-01`. What such a
comparison leaves out, nobody has looked at.
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


@dataclass(frozen=True)
class AllSales:
    """The sales of all time: the query with a `:since` that lies before everything."""

    database: Database
    """the shop's"""
    snapshot: Snapshot
    path: Path
    """the query of the sales"""
    column: QueryColumn
    """its `sold_at`"""

    def not_compared(self, since: datetime, *, returned: int = 0) -> NotCompared:
        """What tonight's `:since` leaves out; none of a type for times, or where it cannot be asked.

        On a good night one count of lines tells that there are none.

        Args:
            since: of tonight, naive.
            returned: lines that the query has returned tonight, where that is known.

        Raises:
            TransientError: the connection was lost.
        """
        if self.column.is_time:
            return NotCompared()
        there: dict[str, tuple[int, str]] = {}
        try:
            if returned and self._are_all(since, returned):
                return NotCompared()
            for query in self._queries:
                for form, found in self._forms(query, since).items():
                    there[form] = max(there.get(form, (0, "")), found)
            read = self._forms(read_query(self.path, self.database.backend, since, undecided=True), since)
        except TransientError:
            raise
        except DatabaseError as error:
            log.info("what :since leaves out was not counted: %s", error)
            return NotCompared()
        missing = {form: (lines - read.get(form, (0, ""))[0], text) for form, (lines, text) in there.items()}
        return NotCompared(
            sum(max(lines, 0) for lines, _ in missing.values()), max(missing.values(), default=(0, ""))[1]
        )

    def newest(self, end: datetime, zone: ZoneInfo) -> Newest | None:
        """The newest sale before `end`, however old it is; None where there is none, or it cannot be asked.

        Args:
            end: aware.
            zone: of times that carry none.

        Raises:
            TransientError: the connection was lost.
        """
        zone = ZoneInfo("UTC") if self.column.is_instant else zone
        last = end.astimezone(zone).replace(tzinfo=None)
        name = self._name
        tail = f"WHERE {name} IS NOT NULL AND {name} < '{last}' ORDER BY {name} DESC LIMIT {_NEWEST}"
        values: list[object] = []
        try:
            for query in self._queries:
                values += [value for (value,) in self._rows(query, f"{name} AS sold_at", tail, ["sold_at"])]
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

    @property
    def _queries(self) -> list[Query]:
        """With `:since` as a number where one may be stored, and as a time."""
        earliest = [None, _EARLIEST] if self.database.backend == "sqlite" else [_EARLIEST]
        return [read_query(self.path, self.database.backend, since, undecided=True) for since in earliest]

    @property
    def _name(self) -> str:
        return f"q.{self.database.quote(self.column.name)}"

    @property
    def _form(self) -> str:
        return _FORMS[self.database.backend].format(self._name)

    def _are_all(self, since: datetime, returned: int) -> bool:
        """Whether no more lines are there, but for older ones, than the query has returned."""
        tail = f"WHERE {self._not_older(since)}"
        for query in self._queries:
            ((lines,),) = self._rows(query, "count(*) AS n_lines", tail, ["n_lines"])
            if int(str(lines)) >= returned:  # less where the query cannot use such a :since
                return int(str(lines)) == returned
        return True

    def _not_older(self, since: datetime) -> str:
        """The condition for lines with a `sold_at` that is not a time before `since`."""
        is_set = _IS_SET[self.database.backend].format(self._name)
        # Most lines are newer, which is quickly seen; in SQLite numbers are less than any text.
        return f"{is_set} AND NOT ({self._name} < '{since}' AND {self._form} = '{_TIME}')"

    def _forms(self, query: Query, since: datetime) -> dict[str, tuple[int, str]]:
        """How many lines have a `sold_at` of each form, and one of these; without times before `since`."""
        select = f"{self._form} AS form, count(*) AS n_lines, max({self._name}) AS example"
        tail = f"WHERE {self._not_older(since)} GROUP BY 1"
        rows = self._rows(query, select, tail, ["form", "n_lines", "example"])
        return {str(found): (int(str(lines)), shortened(str(example))) for found, lines, example in rows}

    def _rows(self, query: Query, select: str, tail: str, names: Sequence[str]) -> list[tuple[object, ...]]:
        asked = replace(query, text=query.wrapped(select, tail) + "\n")
        with closing(self.snapshot.stream(asked, [QueryColumn(name) for name in names])) as batches:
            return [row for batch in batches for row in zip(*batch, strict=True)]
