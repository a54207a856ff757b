"""A look at what the queries return: their keys, the newest sales with names, and how many are repeats."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from recommender.database import open_database
from recommender.database.base import Snapshot
from recommender.database.query import Query, read_query
from recommender.database.tables import KeyType
from recommender.errors import DatabaseError, RecommenderError
from recommender.export import find_columns
from recommender.looks import rows_of, shop_snapshot
from recommender.settings import Settings
from recommender.times import shown_time

log = logging.getLogger(__name__)

_MOST_SECONDS = 60
_SHOWN = 5
REPEATS_FROM = 1 / 3
"""With a greater share of repeats, hiding what was bought before hides what will be bought next."""


@dataclass(frozen=True)
class Sample:
    """What the queries return, as far as set-up needs it."""

    customer: KeyType
    item: KeyType
    has_guests: bool
    newest: Sequence[tuple[str, ...]] = ()
    """The newest sales: customer, item, the item's name, time in the shop's zone; at most five."""
    problem: str = ""
    """Why they cannot be shown."""


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
        )
        if not newest:
            return found
        try:
            return replace(found, newest=_newest(snapshot, sales, settings))
        except RecommenderError as error:
            return replace(found, problem=str(error))


def _newest(snapshot: Snapshot, sales: Query, settings: Settings) -> list[tuple[str, ...]]:
    items = _query(settings, "items.sql")
    text = (
        f"SELECT s.customer_id, s.item_id, i.name, s.sold_at FROM (\n{sales.text}) AS s"
        f" LEFT JOIN (\n{items.text}) AS i ON i.item_id = s.item_id ORDER BY s.sold_at DESC LIMIT {_SHOWN}\n"
    )
    query = replace(sales, text=text)
    columns = find_columns(query, snapshot, ("customer_id", "item_id", "name", "sold_at"), ())
    sold_in = ZoneInfo("UTC") if columns["sold_at"].is_instant else settings.sales_timezone
    return [
        (
            *("" if value is None else str(value) for value in row[:3]),
            shown_time(row[3], sold_in, settings.shop_timezone),
        )
        for row in rows_of(snapshot, query, columns.values())
    ]


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
    shop = open_database(settings.database_url)
    since = datetime.now(UTC).astimezone(settings.sales_timezone) - timedelta(days=settings.history_days + 1)
    return read_query(settings.sql_dir / name, shop.backend, since.replace(tzinfo=None))
