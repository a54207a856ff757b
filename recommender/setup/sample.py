"""A look at what the queries return: the first sales with names, and how many of them are repeats."""

import logging
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from recommender.database import open_database
from recommender.database.query import Query, read_query
from recommender.errors import DatabaseError
from recommender.export import find_columns
from recommender.files import TEMPORARY, make_folder
from recommender.settings import Settings

log = logging.getLogger(__name__)

_MOST_SECONDS = 60
_SHOWN = 5
REPEATS_FROM = 1 / 3
"""With a greater share of repeats, hiding what was bought before hides what will be bought next."""


def first_sales(settings: Settings) -> list[tuple[str, ...]]:
    """The newest sales: customer, item, the item's name, time; at most five.

    Raises:
        SettingsError: a query lacks a column.
        DatabaseError: the database refused one.
    """
    sales, items = _query(settings, "sales.sql"), _query(settings, "items.sql")
    text = (
        f"SELECT s.customer_id, s.item_id, i.name, s.sold_at FROM (\n{sales.text}) AS s"
        f" LEFT JOIN (\n{items.text}) AS i ON i.item_id = s.item_id ORDER BY s.sold_at DESC LIMIT {_SHOWN}\n"
    )
    rows = _rows(settings, replace(sales, text=text), ("customer_id", "item_id", "name", "sold_at"))
    return [tuple("" if value is None else str(value) for value in row) for row in rows]


def repeats_share(settings: Settings) -> float | None:
    """The share of sale lines whose customer bought the same item earlier; None where it cannot be told.

    It is a help, not a need: a database that cannot count it, or not in a minute, is no reason to stop.
    """
    sales = _query(settings, "sales.sql")
    try:
        names = {name.lower() for name in _names(settings, sales)}
        real = " AND q.quantity > 0" if "quantity" in names else ""
        first = sales.wrapped(
            "q.sold_at, MIN(q.sold_at) OVER (PARTITION BY q.customer_id, q.item_id) AS first_at",
            f"WHERE q.customer_id IS NOT NULL{real}",
        )
        text = (
            "SELECT count(*) AS n_lines, sum(CASE WHEN t.sold_at > t.first_at THEN 1 ELSE 0 END) AS repeats"
            f" FROM ({first}) AS t\n"
        )
        ((lines, repeats),) = _rows(settings, replace(sales, text=text), ("n_lines", "repeats"))
    except DatabaseError as error:
        log.info("repeats were not counted: %s", error)
        return None
    return int(str(repeats)) / int(str(lines)) if int(str(lines)) else None


def _query(settings: Settings, name: str) -> Query:
    shop = open_database(settings.database_url)
    since = datetime.now(UTC).astimezone(settings.sales_timezone) - timedelta(days=settings.history_days + 1)
    return read_query(settings.sql_dir / name, shop.backend, since.replace(tzinfo=None))


def _names(settings: Settings, query: Query) -> list[str]:
    shop = open_database(settings.database_url)
    with (
        TemporaryDirectory(dir=make_folder(settings.data_dir), prefix=TEMPORARY) as scratch,
        shop.snapshot(Path(scratch), _MOST_SECONDS) as snapshot,
    ):
        return [column.name for column in snapshot.columns(query)]


def _rows(settings: Settings, query: Query, names: tuple[str, ...]) -> list[tuple[object, ...]]:
    shop = open_database(settings.database_url)
    with (
        TemporaryDirectory(dir=make_folder(settings.data_dir), prefix=TEMPORARY) as scratch,
        shop.snapshot(Path(scratch), _MOST_SECONDS) as snapshot,
    ):
        columns = find_columns(query, snapshot, names, ())
        with closing(snapshot.stream(query, [*columns.values()])) as batches:
            return [row for batch in batches for row in zip(*batch, strict=True)]
