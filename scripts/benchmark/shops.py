"""Synthetic shops of a given size: the same rows in every database.

Usage: shops.py URL SIZE
"""

import csv
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sa

LAST_DAY = np.datetime64("2024-12-31")
"""The day that a night is run for."""
_DAYS = 730
_CATEGORIES = 25
_FAVOURITES = 3
_LOYALTY = 0.8
"""The share of sales that are of one of a customer's favourite categories."""
_REFUNDS = 0.02
_SELLABLE = 0.95
_ROWS_AT_ONCE = 100_000


@dataclass(frozen=True)
class Size:
    """How large a shop is."""

    sales: int
    customers: int
    items: int


SIZES = {
    "S": Size(100_000, 10_000, 2_000),
    "S-M": Size(450_000, 30_000, 6_000),
    "M": Size(2_000_000, 100_000, 20_000),
    "M-L": Size(4_500_000, 300_000, 32_000),
    "L": Size(10_000_000, 1_000_000, 50_000),
    "XL": Size(40_000_000, 4_000_000, 100_000),
    "short": Size(250_000, 1_500, 3_000),
    "long": Size(250_000, 1_500, 30_000),
}
TABLES = {
    "sales": ("customer_id", "item_id", "quantity", "price", "sold_at"),
    "items": ("item_id", "name", "sellable"),
}
_DDL = {
    "items": "item_id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(60) NOT NULL, sellable INTEGER NOT NULL",
    "sales": "customer_id INTEGER NOT NULL, item_id INTEGER NOT NULL, quantity INTEGER NOT NULL,"
    " price NUMERIC(10, 2) NOT NULL, sold_at {moment} NOT NULL",
}
_INDEX = "CREATE INDEX sales_sold_at ON sales (sold_at)"


def _drawn(rng: np.random.Generator, weights: np.ndarray, count: int) -> np.ndarray:
    """Indexes drawn in proportion to the weights."""
    limits = np.cumsum(weights)
    found: np.ndarray = np.minimum(np.searchsorted(limits, rng.random(count) * limits[-1]), len(weights) - 1)
    return found


def make_sales(size: Size, seed: int = 7) -> dict[str, np.ndarray]:
    """The columns of the table `sales`, in order of time.

    Few items sell most (by Zipf's law) and few customers buy most (lognormal); a customer has favourite
    categories; the shop grows; some sales come back.
    """
    rng = np.random.default_rng(seed)
    category = rng.integers(0, _CATEGORIES, size.items)
    popularity = 1 / (10 + rng.permutation(size.items))
    customer = _drawn(rng, rng.lognormal(0, 1.1, size.customers), size.sales)
    favourites = rng.integers(0, _CATEGORIES, (size.customers, _FAVOURITES))
    item = _drawn(rng, popularity, size.sales)
    liked = favourites[customer, rng.integers(0, _FAVOURITES, size.sales)]
    is_loyal = rng.random(size.sales) < _LOYALTY
    for number in range(_CATEGORIES):
        members = np.flatnonzero(category == number)
        buyers = np.flatnonzero(is_loyal & (liked == number))
        item[buyers] = members[_drawn(rng, popularity[members], len(buyers))]
    # More sales on later days: the square root leans a uniform number to its end.
    day = (np.sqrt(rng.random(size.sales)) * _DAYS).astype(np.int64)
    second = rng.integers(8 * 3600, 22 * 3600, size.sales)
    sold_at = (LAST_DAY - _DAYS + 1).astype("datetime64[s]") + day * 86_400 + second
    price = np.round(rng.lognormal(2.5, 0.8, size.items), 2)[item]
    quantity = 1 + rng.poisson(0.2, size.sales)
    quantity[rng.random(size.sales) < _REFUNDS] = -1
    order = np.argsort(sold_at, kind="stable")
    columns = (10 + 3 * customer, 100 + 7 * item, quantity, price, sold_at)
    return {name: column[order] for name, column in zip(TABLES["sales"], columns, strict=True)}


def make_items(size: Size, seed: int = 7) -> dict[str, np.ndarray]:
    """The columns of the table `items`; one in twenty is not sold any more."""
    rng = np.random.default_rng(seed + 1)
    number = np.arange(size.items)
    name = np.array([f"Item {n:05}" for n in number])
    return {
        "item_id": 100 + 7 * number,
        "name": name,
        "sellable": (rng.random(size.items) < _SELLABLE).astype(int),
    }


def _lines(columns: dict[str, np.ndarray], start: int) -> list[tuple[object, ...]]:
    part = [column[start : start + _ROWS_AT_ONCE] for column in columns.values()]
    texts = [
        np.char.replace(np.datetime_as_string(values), "T", " ") if values.dtype.kind == "M" else values
        for values in part
    ]
    return [*zip(*(values.tolist() for values in texts), strict=True)]


def _batches(columns: dict[str, np.ndarray]) -> Iterator[list[tuple[object, ...]]]:
    for start in range(0, len(next(iter(columns.values()))), _ROWS_AT_ONCE):
        yield _lines(columns, start)


def load(url: str, size: Size) -> None:
    """Make the tables anew and fill them by the fastest way that the database has."""
    mysql = url.startswith("mysql")
    engine = sa.create_engine(url, connect_args={"local_infile": True} if mysql else {})
    with engine.begin() as connection:
        for table in TABLES:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
        moment = {"postgresql": "TIMESTAMP", "mysql": "DATETIME"}.get(engine.dialect.name, "TEXT")
        for table, columns in _DDL.items():
            connection.exec_driver_sql(f"CREATE TABLE {table} ({columns.format(moment=moment)})")
        for table, values in (("items", make_items(size)), ("sales", make_sales(size))):
            for rows in _batches(values):
                _insert(connection, table, rows)
        connection.exec_driver_sql(_INDEX)
    analyse = "ANALYZE TABLE sales" if mysql else "ANALYZE"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(analyse)
    engine.dispose()


def _insert(connection: sa.Connection, table: str, rows: list[tuple[object, ...]]) -> None:
    names = ", ".join(TABLES[table])
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - tells the type checker, nothing else
    cursor = driver.cursor()
    if connection.dialect.name == "postgresql":
        with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    elif connection.dialect.name == "mysql":
        with tempfile.NamedTemporaryFile("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
            file.flush()
            load_data = (
                f"LOAD DATA LOCAL INFILE '{Path(file.name)}' INTO TABLE {table} FIELDS TERMINATED BY ','"
            )
            cursor.execute(f"{load_data} ({names})")
    else:
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(rows[0]))})", rows)


if __name__ == "__main__":
    load(sys.argv[1], SIZES[sys.argv[2]])
