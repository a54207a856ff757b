"""Many nights in a row, on a shop that grows by a day between two: what each takes and leaves behind."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recommender.tables import LISTS, RUNS
from tests.faults.injection import clock_at, forked
from tests.nights import Shop, connection_to

Rows = list[tuple[Any, ...]]
_FIRST_CUSTOMER_LEFT_OUT = 1800
"""A quarter of the customers is in the shop, so that a night is short."""
_SIZES = {
    "sqlite": "SELECT SUM(pgsize) FROM dbstat WHERE name IN ({names})",
    "postgresql": "SELECT SUM(pg_total_relation_size(relid)) FROM pg_stat_user_tables WHERE relname IN"
    " ({names})",
    "mysql": "SELECT SUM(FILE_SIZE) FROM information_schema.INNODB_SYS_TABLESPACES"
    " WHERE NAME IN (SELECT CONCAT(DATABASE(), '/', t) FROM ({union}) AS names)",
}
_TABLES = [*(definition.name for definition in LISTS), RUNS]
_ORDERS = "SELECT order_id, customer_id, guest_email, status, ordered_at FROM orders"
_LINES = "SELECT order_id, line_no, product_id, quantity, unit_price FROM order_lines"


@dataclass(frozen=True)
class NightFigures:
    """One night of the simulation."""

    night: int
    day: date
    sales: int
    """sale lines that the night has read"""
    seconds: float
    """of the whole process"""
    peak_mb: float
    """of its stages"""
    folder_mb: float
    """of DATA_DIR when the night has ended"""
    tables_mb: float
    """of our tables in the database, indexes and what is free in them included"""
    runs: int
    """past runs that are kept"""


def _size_of_tables(connection: sa.Connection) -> float:
    names = ", ".join(f"'{name}'" for name in _TABLES)
    union = " UNION ALL ".join(f"SELECT '{name}' AS t" for name in _TABLES)
    query = _SIZES[connection.dialect.name].format(names=names, union=union)
    return int(connection.exec_driver_sql(query).scalar() or 0) / 2**20


def _size_of_folder(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def _take_away(connection: sa.Connection, first: date) -> dict[str, tuple[Rows, Rows]]:
    """Make the shop small, and take the orders from this day on out of it; by day, with their lines."""
    few = f"SELECT order_id FROM orders WHERE customer_id < {_FIRST_CUSTOMER_LEFT_OUT}"
    for statement in (
        f"CREATE TABLE few AS {few}",
        "CREATE INDEX few_ids ON few (order_id)",
        "DELETE FROM order_lines WHERE order_id NOT IN (SELECT order_id FROM few)",
        "DELETE FROM orders WHERE order_id NOT IN (SELECT order_id FROM few)",
        "DROP TABLE few",
    ):
        connection.exec_driver_sql(statement)
    later = f"WHERE ordered_at >= '{first}'"
    orders = [tuple(row) for row in connection.exec_driver_sql(f"{_ORDERS} {later} ORDER BY ordered_at")]
    numbers = {order[0] for order in orders}
    lines: dict[object, Rows] = {}
    for row in connection.exec_driver_sql(_LINES):
        if row[0] in numbers:
            lines.setdefault(row[0], []).append(tuple(row))
    days = {}
    for day, some in groupby(orders, key=lambda order: str(order[4])[:10]):
        kept = list(some)
        days[day] = kept, [line for order in kept for line in lines.get(order[0], ())]
    connection.exec_driver_sql(
        f"DELETE FROM order_lines WHERE order_id IN (SELECT order_id FROM orders {later})"
    )
    connection.exec_driver_sql(f"DELETE FROM orders {later}")
    return days


def _sell(connection: sa.Connection, orders: Rows, lines: Rows) -> None:
    for query, rows in ((_ORDERS, orders), (_LINES, lines)):
        names = query.partition("SELECT ")[2].partition(" FROM ")[0].split(", ")
        table = query.partition(" FROM ")[2].split()[0]
        marks = ", ".join(f":{name}" for name in names)
        if rows:
            connection.execute(
                sa.text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"),
                [dict(zip(names, row, strict=True)) for row in rows],
            )


def nights(shop: Shop, *, count: int, last_day: date) -> Iterator[NightFigures]:
    """The nights, each in a process of its own whose clock shows 00:05 of the next day.

    Args:
        shop: a demo shop, which loses most of its customers here.
        count: how many nights.
        last_day: of its sales.

    Raises:
        RuntimeError: a night failed.
    """
    first = last_day - timedelta(days=count - 1)
    with connection_to(shop.url) as connection, connection.begin():
        days = _take_away(connection, first)
    for number in range(count):
        day = first + timedelta(days=number)
        with connection_to(shop.url) as connection, connection.begin():
            _sell(connection, *days.get(day.isoformat(), ([], [])))
        moment = datetime.fromisoformat(f"{day + timedelta(days=1)}T00:05:00+00:00")
        started = time.perf_counter()
        code, said = forked(shop, "run", fault=partial(clock_at, moment))
        seconds = time.perf_counter() - started
        if code or said:
            raise RuntimeError(f"night {number + 1} of {count} ended with {code}: {said}")
        manifest = shop.last_run.manifest
        with connection_to(shop.url) as connection:
            tables_mb = _size_of_tables(connection)
        yield NightFigures(
            night=number + 1,
            day=day,
            sales=manifest.counts["sales"] or 0,
            seconds=round(seconds, 2),
            peak_mb=manifest.peak() or 0,
            folder_mb=round(_size_of_folder(shop.folder / "var"), 2),
            tables_mb=round(tables_mb, 2),
            runs=len(shop.runs),
        )


def write_csv(path: Path, figures: dict[str, list[NightFigures]]) -> None:
    """All nights of all databases, one a line."""
    rows = [{"database": name, **asdict(night)} for name, found in figures.items() for night in found]
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
