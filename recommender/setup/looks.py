"""Looks at the shop beside the nights: what its queries return, the newest sales with names, how many repeat.

SQLite's file may have to be copied for a snapshot, so whoever has several questions takes one for all.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypedDict
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from recommender.database import open_database
from recommender.database.base import Database, QueryColumn, Snapshot
from recommender.database.ddl import KeyType
from recommender.database.query import Query, read_query
from recommender.errors import DatabaseError, RecommenderError, RefusedError
from recommender.export.beyond import AllSales
from recommender.export.fields import find_columns
from recommender.runs.folder import iso
from recommender.runs.manifest import Time
from recommender.settings import Settings
from recommender.system.files import temporary_folder
from recommender.system.text import shortened
from recommender.system.times import UNREADABLE, moment_of, parse_times, shown_time
from recommender.tables import Key, typed_key

log = logging.getLogger(__name__)

_MOST_SECONDS = 60
_SHOWN = 5
REPEATS_FROM = 1 / 3
"""With a greater share of repeats, hiding what was bought before hides what will be bought next."""

Look = Callable[[], AbstractContextManager[Snapshot]]
"""Gives a snapshot; what is done in its block may fail without harm to the next one."""


@contextmanager
def shop_snapshot(settings: Settings, timeout_seconds: int) -> Iterator[Snapshot]:
    """A snapshot of the shop, its copy (if any) beside the runs.

    Args:
        settings: where the shop is.
        timeout_seconds: limit of a query; on SQLite of all of them.

    Raises:
        DatabaseError: the shop does not answer.
    """
    shop = open_database(settings.database_url)
    with (
        temporary_folder(settings.data_dir) as folder,
        shop.snapshot(folder, timeout_seconds) as snapshot,
    ):
        yield snapshot


@contextmanager
def separate_looks(shop: Database, folder: Path, timeout_seconds: int) -> Iterator[Look]:
    """Snapshots for questions of which each may fail alone.

    On SQLite all are one, so that its file is copied once. A server ends a snapshot with the first query that
    fails, and gives the next for nothing.

    Args:
        shop: the shop's database.
        folder: takes the copy.
        timeout_seconds: limit of a query; on SQLite of all of them.

    Raises:
        DatabaseError: the SQLite file cannot be read.
    """
    if shop.backend != "sqlite":
        yield lambda: shop.snapshot(folder, timeout_seconds)
        return
    with shop.snapshot(folder, timeout_seconds) as snapshot:
        yield lambda: nullcontext(snapshot)


def quoted_name(database: Database, name: str, schema: str | None = None) -> str:
    """The name of a table, or of what is quoted like one, as the database's SQL has it."""
    return database.quoted(sa.Table(name, sa.MetaData(), schema=schema))


def rows_of(snapshot: Snapshot, query: Query, columns: Iterable[QueryColumn]) -> list[tuple[object, ...]]:
    """All rows of a query that has few, in the order of these columns.

    Raises:
        DatabaseError: the database refused it.
    """
    with closing(snapshot.stream(query, [*columns])) as batches:
        return [row for batch in batches for row in zip(*batch, strict=True)]


def rows_asked(database: Database, statement: str) -> Sequence[Sequence[object]]:
    """The rows of a statement of ours, of which there are few.

    Raises:
        DatabaseError: the database refused it.
    """
    with database.connect() as connection, database.errors("refused a question of ours"):
        return connection.execution_options(no_parameters=True).exec_driver_sql(statement).fetchall()


def rows_if_allowed(database: Database, statement: str) -> Sequence[Sequence[object]]:
    """The rows of a statement that only helps; none where the database refuses it.

    A table may be missing, not ours to read, or of a type that knows no such question.
    """
    try:
        return rows_asked(database, statement)
    except DatabaseError:
        return []


class NewSale(TypedDict):
    """One of the newest sales, as the queries read it."""

    customer_id: Key | None
    """The customer's key; null for a guest."""
    item_id: Key | None
    """The item's key."""
    name: str | None
    """The item's name; null where items.sql has none."""
    sold_at: Time | None
    """When it was sold; null where that is no time."""
    shown: str
    """The same in the shop's own zone, to the minute; as it is stored where it is no time."""


@dataclass(frozen=True)
class Sample:
    """What the queries return, as far as set-up needs it."""

    customer: KeyType
    item: KeyType
    has_guests: bool
    backend: str
    """Whose types these are: a database's, or that of files."""
    newest: Sequence[NewSale] = ()
    """At most five."""
    problem: str = ""
    """Why they cannot be shown, in a sentence."""
    days_old: int | None = None
    """Of the newest sale there is, in the shop's days, where a greater HISTORY_DAYS would read it."""
    repeats: float | None = None
    """The share of sale lines whose customer bought the same item earlier; None where it was not counted."""


def sample(settings: Settings, *, newest: bool) -> Sample:
    """The types of the keys, and the newest sales where they are asked for; all from one snapshot.

    Raises:
        SettingsError: a query is missing, or lacks a column.
        RefusedError: a key column is of a type that can be no key.
        DatabaseError: the database refused the sales.
    """
    sales = _query(settings, "sales.sql")
    with shop_snapshot(settings, settings.query_timeout_seconds) as snapshot:
        columns = find_columns(sales, snapshot, ("customer_id", "item_id", "sold_at"), ("guest_email",))
        found = Sample(
            customer=snapshot.key_type(sales, columns["customer_id"]),
            item=snapshot.key_type(sales, columns["item_id"]),
            has_guests="guest_email" in columns,
            backend=open_database(settings.database_url).backend,
        )
        if not newest:
            return found
        try:
            rows = _newest(snapshot, sales, settings, {"customer": found.customer, "item": found.item})
            if rows:
                return replace(found, newest=rows)
            problem, days_old = _why_none(snapshot, sales, columns["sold_at"], settings)
            return replace(found, problem=problem, days_old=days_old)
        except RecommenderError as error:
            return replace(found, problem=f"The newest sales cannot be shown: {error}")


def _newest(
    snapshot: Snapshot, sales: Query, settings: Settings, keys: Mapping[str, KeyType]
) -> list[NewSale]:
    """The newest sales.

    Raises:
        RefusedError: there are some, none of them with a time that can be read.
        DatabaseError: the database refused a query.
    """
    items = _query(settings, "items.sql")
    text = (
        f"SELECT s.customer_id, s.item_id, i.name, s.sold_at FROM (\n{sales.text}) AS s"
        f" LEFT JOIN (\n{items.text}) AS i ON i.item_id = s.item_id ORDER BY s.sold_at DESC LIMIT {_SHOWN}\n"
    )
    query = replace(sales, text=text)
    columns = find_columns(query, snapshot, ("customer_id", "item_id", "name", "sold_at"), ())
    sold_in = ZoneInfo("UTC") if columns["sold_at"].is_instant else settings.sales_timezone
    rows = rows_of(snapshot, query, columns.values())
    moments = parse_times([row[3] for row in rows], sold_in).tolist()
    if rows and {*moments} == {UNREADABLE}:
        raise RefusedError(
            "sales-unusable",
            f"no sold_at of {sales.path} is a time, such as {shortened(str(rows[0][3]))!r}.",
            "Convert it in the query.",
        )
    return [
        {
            "customer_id": None if customer is None else typed_key(str(customer), keys["customer"].kind),
            "item_id": None if item is None else typed_key(str(item), keys["item"].kind),
            "name": None if name is None else str(name),
            "sold_at": None if moment == UNREADABLE else iso(moment_of(moment)),
            "shown": shown_time(sold_at, sold_in, settings.shop_timezone),
        }
        for (customer, item, name, sold_at), moment in zip(rows, moments, strict=True)
    ]


def _why_none(
    snapshot: Snapshot, sales: Query, sold_at: QueryColumn, settings: Settings
) -> tuple[str, int | None]:
    """Why there are no newest sales, in a sentence, and the age in days of the newest where that is why."""
    shop, now = open_database(settings.database_url), datetime.now(UTC)
    none = f"No sale could be read: {sales.path}"
    every = AllSales(shop, snapshot, settings.sql_dir / "sales.sql", sold_at)
    if sales.uses_since:
        missing = every.not_compared(_since(settings))
        if missing.lines:
            return (
                f"{none} leaves out {missing.lines} lines by its comparison with :since, which cannot tell"
                f" how old they are, such as sold_at = {missing.example!r}."
            ), None
    older = every.newest(now, settings.sales_timezone)
    if older is None:
        return f"{none} returns none, however old.", None
    day = older.day(settings.shop_timezone)
    if day is None:
        return f"{none} returns a sold_at that is not a time, such as {older.text!r}.", None
    days = (now.astimezone(settings.shop_timezone).date() - day).days
    return (
        f"{none} returns none of the last {settings.history_days} days. The newest sale there is of {day};"
        f" HISTORY_DAYS={days} would read it."
    ), days


def repeats_share(settings: Settings) -> float | None:
    """The share of sale lines whose customer bought the same item earlier; None where it cannot be told.

    It is a help, not a need: a database that cannot count it, or not in a minute, is no reason to stop.
    """
    sales = _query(settings, "sales.sql")
    try:
        with shop_snapshot(settings, _MOST_SECONDS) as snapshot:
            names = {column.name.lower() for column in snapshot.columns(sales)}
            real = " AND q.quantity > 0" if "quantity" in names else ""
            first = sales.wrapped(
                "q.sold_at, MIN(q.sold_at) OVER (PARTITION BY q.customer_id, q.item_id) AS first_at",
                f"WHERE q.customer_id IS NOT NULL{real}",
            )
            text = (
                "SELECT count(*) AS n_lines,"
                " sum(CASE WHEN t.sold_at > t.first_at THEN 1 ELSE 0 END) AS repeats"
                f" FROM ({first}) AS t\n"
            )
            counted = replace(sales, text=text)
            columns = find_columns(counted, snapshot, ("n_lines", "repeats"), ())
            ((lines, repeats),) = rows_of(snapshot, counted, columns.values())
    except DatabaseError as error:
        log.info("repeats were not counted: %s", error)
        return None
    return int(str(repeats)) / int(str(lines)) if int(str(lines)) else None


def _query(settings: Settings, name: str) -> Query:
    backend = open_database(settings.database_url).backend
    return read_query(settings.sql_dir / name, backend, _since(settings), undecided=True)


def _since(settings: Settings) -> datetime:
    """About what a night would put in: naive, in the zone of the sales, without a fraction."""
    since = datetime.now(UTC).astimezone(settings.sales_timezone) - timedelta(days=settings.history_days + 1)
    return since.replace(microsecond=0, tzinfo=None)
