"""The export: the shop's sales as a file, the same from every database."""

import logging
import sqlite3
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from recommender.database.base import QueryColumn, RowReader
from recommender.database.query import Query
from recommender.errors import RefusedError, SettingsError
from recommender.export.forgotten import Forgotten
from recommender.export.shopitems import ItemRows
from recommender.export.snapshot import Export, export
from recommender.runs.folder import ITEMS, SALES
from recommender.runs.items import load_catalogue
from recommender.runs.keys import Keys
from recommender.settings import Settings
from recommender.system.files import FILE_MODE
from recommender.system.times import UNREADABLE, microseconds
from recommender.system.window import window
from recommender.tables import KeyKind
from tests.database.support import INTEGER, TEXT, database, execute

pytestmark = pytest.mark.sqlite_proves

NOW = datetime(2026, 11, 23, 0, 5, tzinfo=UTC)
GUEST_KEY = "0123456789abcdef0123456789abcdef"
ITEMS_SQL = "SELECT item_id, name, sellable FROM items"
BERLIN = ZoneInfo("Europe/Berlin")
ADA = "guest:bcfa6aa5642f6ffa0a359346"
"""The key of ada@example.org under GUEST_KEY, as openssl has it."""

TYPES = {
    "sqlite": {"time": "TEXT", "instant": "TEXT", "number": "REAL", "flag": "BOOLEAN"},
    "postgresql": {
        "time": "timestamp",
        "instant": "timestamptz",
        "number": "numeric(12,4)",
        "flag": "boolean",
    },
    "mysql": {"time": "DATETIME(6)", "instant": "TIMESTAMP", "number": "DECIMAL(12,4)", "flag": "BOOLEAN"},
}


class Shop:
    """A shop with a table of sales and one of items, and its queries."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.database = database(url)
        self.backend = self.database.backend
        self.folder = folder
        self.types = TYPES[self.backend] | {"key": INTEGER[self.backend], "text": TEXT[self.backend]}
        self.sql_dir = folder / "sql"
        self.sql_dir.mkdir()
        self.items(
            f"CREATE TABLE items (item_id {self.types['key']}, name {self.types['text']}, sellable INTEGER)"
        )

    def items(self, *statements: str, query: str = ITEMS_SQL) -> None:
        execute(self.url, *statements)
        (self.sql_dir / "items.sql").write_text(query, encoding="utf-8")

    def sales(
        self, columns: dict[str, str], rows: Sequence[tuple[object, ...]], query: str | None = None
    ) -> None:
        """Make the table with columns of these kinds and write the query."""
        declared = ", ".join(f"{name} {self.types[kind]}" for name, kind in columns.items())
        execute(self.url, f"CREATE TABLE sales ({declared})")
        if rows:
            marks = ", ".join(f":{name}" for name in columns)
            given_rows = [dict(zip(columns, row, strict=True)) for row in rows]
            execute(self.url, f"INSERT INTO sales VALUES ({marks})", rows=given_rows)
        text = query or f"SELECT {', '.join(columns)} FROM sales WHERE sold_at >= :since"
        (self.sql_dir / "sales.sql").write_text(text, encoding="utf-8")

    def export(
        self,
        *,
        zone: str = "UTC",
        sales_zone: str | None = None,
        days: int = 30,
        as_of: date | None = None,
        guest_key: str | None = GUEST_KEY,
        forgotten: Forgotten | None = None,
    ) -> Export:
        shop_zone = ZoneInfo(zone)
        return export(
            self.database,
            Settings(
                sql_dir=self.sql_dir,
                sales_timezone=ZoneInfo(sales_zone or zone),
                guest_key=guest_key,
                query_timeout_seconds=60,
            ),
            folder=self.folder,
            window=window(now=NOW, as_of=as_of, history_days=days, zone=shop_zone),
            forgotten=forgotten or Forgotten(),
        )

    @property
    def lines(self) -> list[str]:
        """The lines of the file, sorted, without the header."""
        return sorted((self.folder / SALES).read_text(encoding="utf-8").split("\n")[1:-1])


PLAIN = {"customer_id": "key", "item_id": "key", "sold_at": "time"}


@pytest.fixture
def shop(shop_url, tmp_path):
    return Shop(shop_url, tmp_path)


@pytest.fixture
def sqlite_shop(tmp_path):
    return Shop(f"sqlite:///{tmp_path / 'shop.db'}", tmp_path)


@pytest.mark.each_database
def test_the_whole_form_byte_for_byte(shop):
    columns = {
        "customer_id": "key",
        "item_id": "text",
        "sold_at": "time",
        "quantity": "number",
        "price": "number",
        "order_id": "text",
    }
    shop.items(
        "DROP TABLE items",
        f"CREATE TABLE items (item_id {shop.types['text']}, name {shop.types['text']}, category"
        f" {shop.types['text']}, sellable {shop.types['flag']})",
        "INSERT INTO items VALUES ('b', 'Käse, \"alt\"', NULL, TRUE), ('00123', '', 'x', FALSE)",
        "INSERT INTO items VALUES ('a', NULL, '', NULL)",
        query="SELECT category, sellable, name, item_id FROM items",
    )
    shop.sales(
        columns,
        [
            (1, "00123", "2026-11-01 10:00:00", 2, 9.5, "A-1"),
            (2**53 + 1, "a,b", "2026-11-01 10:00:00.250000", -1, 0.0001, None),
            (3, 'q"', "2026-11-02 00:00:00", 1.5, None, ""),
            (-4, "l\rf\n", "2026-11-02 23:59:59", 0, 100, "NULL"),
        ],
    )
    found = shop.export()
    header, rows = (shop.folder / SALES).read_bytes().split(b"\n", 1)
    assert header == b'"customer_id","item_id","sold_at","quantity","price","order_id"'
    expected = [
        b'1,"00123",2026-11-01 10:00:00.000000Z,2,9.5,"A-1"\n',
        b'9007199254740993,"a,b",2026-11-01 10:00:00.250000Z,-1,0.0001,\n',
        b'3,"q""",2026-11-02 00:00:00.000000Z,1.5,,""\n',
        b'-4,"l\rf\n",2026-11-02 23:59:59.000000Z,0,100,"NULL"\n',
    ]
    assert rows == b"".join(expected)
    assert (shop.folder / ITEMS).read_bytes() == (
        b'"item_id","name","sellable","category"\n"00123","",false,"x"\n"a",,false,""\n'
        b'"b","K\xc3\xa4se, ""alt""",true,\n'
    )
    assert (found.customer_kind, found.item_kind) == (KeyKind.INTEGER, KeyKind.TEXT)
    assert (found.counts.sales, found.counts.items, found.counts.sellable_items) == (4, 3, 1)
    assert found.warnings == []
    assert {(shop.folder / name).stat().st_mode & 0o777 for name in (SALES, ITEMS)} == {FILE_MODE}


@pytest.mark.each_database
def test_columns_in_any_case_and_order_without_the_others(shop):
    shop.sales(
        PLAIN,
        [(1, 2, "2026-11-01 10:00:00")],
        "SELECT 'x' AS secret, sold_at AS SOLD_AT, item_id AS Item_Id, customer_id AS customer_ID FROM sales"
        " WHERE sold_at > :since",
    )
    shop.export()
    assert (
        shop.folder / SALES
    ).read_text() == '"customer_id","item_id","sold_at"\n1,2,2026-11-01 10:00:00.000000Z\n'


def test_missing_columns_are_named_with_their_file(shop):
    shop.sales(PLAIN, [], "SELECT customer_id AS customer, item_id FROM sales")
    with pytest.raises(
        SettingsError, match=r"sales\.sql returns no column customer_id and no column sold_at"
    ) as caught:
        shop.export()
    assert "customer, item_id" in caught.value.reason.lower()
    shop.items("SELECT 1", query="SELECT item_id FROM items")
    (shop.sql_dir / "sales.sql").write_text("SELECT customer_id, item_id, sold_at FROM sales")
    with pytest.raises(SettingsError, match=r"items\.sql returns no column name and no column sellable"):
        shop.export()


@pytest.mark.each_database
def test_the_window_is_cut_exactly(shop):
    """Berlin's midnight of 24 October 2026 is 22:00 UTC, since summer time ends on the 25th."""
    edge = datetime(2026, 10, 24)  # noqa: DTZ001 - the shop's wall clock
    now = NOW.astimezone(BERLIN).replace(tzinfo=None)
    moment = timedelta(seconds=1)
    times = [edge - moment, edge, edge + moment, now - moment, now]
    many = [(n, 1, "2026-11-01 10:00:00") for n in range(10, 210)]
    shop.sales(PLAIN, [(n, 1, f"{wall:%Y-%m-%d %H:%M:%S}") for n, wall in enumerate(times)] + many)
    found = shop.export(zone="Europe/Berlin")
    assert [line for line in shop.lines if line[1] == ","] == [
        "1,1,2026-10-23 22:00:00.000000Z",
        "2,1,2026-10-23 22:00:01.000000Z",
        "3,1,2026-11-23 00:04:59.000000Z",
    ]
    assert found.counts.future == 1
    assert "1 sale lines in the future were left out." in found.warnings


@pytest.mark.each_database
def test_since_is_one_day_early_in_the_zone_of_the_sales(shop):
    """Auckland's midnight of 24 October is 13:00 of the 23rd in Berlin."""
    query = "SELECT customer_id, item_id, sold_at FROM sales WHERE '2026-10-22 13:00:00' = :since"
    shop.sales(PLAIN, [(1, 1, "2026-11-01 10:00:00")], query)
    shop.export(zone="Pacific/Auckland", sales_zone="Europe/Berlin")
    assert shop.lines == ["1,1,2026-11-01 09:00:00.000000Z"]


@pytest.mark.each_database
def test_sales_have_the_zone_of_the_sales_and_instants_their_own(shop):
    kinds = {"customer_id": "key", "item_id": "key", "sold_at": "time"}
    shop.sales(kinds, [(1, 1, "2026-11-01 10:00:00"), (2, 1, "2026-10-25 02:30:00")])
    shop.export(zone="America/New_York", sales_zone="Europe/Berlin", days=40)
    assert shop.lines == ["1,1,2026-11-01 09:00:00.000000Z", "2,1,2026-10-25 00:30:00.000000Z"]


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_columns_that_store_instants_need_no_zone(kind, request, tmp_path):
    server = request.getfixturevalue(kind)
    shop = Shop(server.create_database(), tmp_path)
    shop.sales(PLAIN | {"sold_at": "instant"}, [])
    zone = "SET TIME ZONE 'UTC'" if kind == "postgresql" else "SET time_zone = '+00:00'"
    execute(shop.url, zone, "INSERT INTO sales VALUES (1, 1, '2026-11-01 10:00:00')")
    shop.export(sales_zone="America/New_York")
    assert shop.lines == ["1,1,2026-11-01 10:00:00.000000Z"]


def days_ago(count: int, *, customer: object = 1, step: int = 0) -> tuple[object, object, str]:
    return (
        customer,
        1,
        f"{NOW.replace(tzinfo=None) - timedelta(days=count, seconds=step):%Y-%m-%d %H:%M:%S}",
    )


def test_future_sales_over_a_hundredth_are_refused(shop):
    good = [days_ago(1, step=n) for n in range(198)]
    future = [days_ago(-1), days_ago(-2)]
    shop.sales(PLAIN, good + future)
    found = shop.export()
    assert (found.counts.future, found.counts.sales, found.counts.read) == (2, 198, 200)
    execute(shop.url, "INSERT INTO sales VALUES (1, 1, '2027-01-01 00:00:00')")
    with pytest.raises(RefusedError, match="3 of 201 sale lines lie in the future") as caught:
        shop.export()
    assert "SALES_TIMEZONE" in caught.value.what_to_do


def test_with_as_of_later_sales_are_neither_read_nor_counted(shop):
    shop.sales(PLAIN, [days_ago(n) for n in range(20)])
    found = shop.export(as_of=date(2026, 11, 13))
    # The 13th itself is read to its end.
    assert shop.lines[-1] == "1,1,2026-11-13 00:05:00.000000Z"
    assert (found.counts.read, found.counts.sales, found.counts.future) == (10, 10, 0)
    assert found.warnings == []


def test_bad_lines_are_a_share_of_the_lines_before_the_as_of_day(shop):
    late = [days_ago(n % 5, step=n) for n in range(1000)]
    shop.sales(PLAIN, [*late, days_ago(12), days_ago(12, customer=None)])
    with pytest.raises(RefusedError, match="1 of 2 have no customer_id"):
        shop.export(as_of=date(2026, 11, 13))


@pytest.mark.parametrize("column", ["customer_id", "item_id"])
def test_lines_without_a_key_are_dropped_up_to_a_hundredth(shop, column, caplog):
    shop.sales(PLAIN, [days_ago(1, step=n) for n in range(199)])
    values = "NULL, 1" if column == "customer_id" else "1, NULL"
    execute(shop.url, f"INSERT INTO sales VALUES ({values}, '2026-11-20 01:02:03')")
    with caplog.at_level(logging.WARNING):
        found = shop.export()
    assert len(shop.lines) == found.counts.sales == 199
    assert f"1 of 200 sale lines have no {column}" in caplog.text
    assert any(
        f"without {'a customer' if column == 'customer_id' else 'an item'}" in text for text in found.warnings
    )
    execute(shop.url, *[f"INSERT INTO sales VALUES ({values}, '2026-11-20 01:02:03')"] * 2)
    with pytest.raises(RefusedError, match=f"3 of 202 have no {column}") as caught:
        shop.export()
    assert "2026-11-20 01:02:03" in caught.value.named


def test_unreadable_times_are_counted_and_shown(sqlite_shop):
    shop = sqlite_shop
    shop.sales(PLAIN, [days_ago(1, step=n) for n in range(199)] + [(1, 1, "yesterday")])
    found = shop.export()
    assert (found.counts.unreadable_time, found.counts.sales) == (1, 199)
    execute(shop.url, "INSERT INTO sales VALUES (1, 1, 'ündlich'), (1, 1, 'zero')")
    with pytest.raises(RefusedError, match="3 of 202 have a sold_at that is not a time") as caught:
        shop.export()
    assert all(example in caught.value.named for example in ("'yesterday'", "'ündlich'", "'zero'"))


def test_unreadable_quantities_are_counted_and_shown(sqlite_shop):
    shop = sqlite_shop
    columns = PLAIN | {"quantity": "text"}
    shop.sales(columns, [(*days_ago(1, step=n), "2.50") for n in range(199)] + [(*days_ago(2), "two")])
    found = shop.export()
    assert (found.counts.unreadable_quantity, found.counts.sales) == (1, 199)
    assert {line.rpartition(",")[2] for line in shop.lines} == {"2.5"}


def test_guests(shop, caplog):
    columns = {"customer_id": "key", "guest_email": "text", "item_id": "key", "sold_at": "time"}
    addresses = ["ada@example.org", " Ada@Example.ORG ", "bob@example.org", None, "", "  "]
    rows: list[tuple[object, ...]] = [
        (None, address, 1, days_ago(1, step=n)[2]) for n, address in enumerate(addresses)
    ]
    rows += [(7, "ada@example.org", 1, days_ago(2, step=n)[2]) for n in range(400)]
    shop.sales(columns, rows)
    with caplog.at_level(logging.DEBUG):
        found = shop.export()
    guests = [line.partition(",")[0] for line in shop.lines if not line.startswith('"7",')]
    assert guests.count(f'"{ADA}"') == 2
    assert len(set(guests)) == 2
    assert (found.counts.guest_sales, found.counts.without_customer, found.counts.sales) == (3, 3, 403)
    written = b"".join(path.read_bytes() for path in shop.folder.glob("*.csv"))
    assert b"@" not in written
    assert "example.org" not in caplog.text + str(found)
    with pytest.raises(RefusedError, match="GUEST_KEY is not set"):
        shop.export(guest_key=None)


def test_an_address_that_is_no_utf8_is_not_told(sqlite_shop):
    shop = sqlite_shop
    shop.sales({"customer_id": "key", "guest_email": "text", "item_id": "key", "sold_at": "time"}, [])
    execute(shop.url, "INSERT INTO sales VALUES (NULL, CAST(x'616461e94065' AS TEXT), 1, '2026-11-20')")
    with pytest.raises(RefusedError, match="guest_email has a text that is not UTF-8") as caught:
        shop.export()
    assert "ada" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_keys_of_two_kinds_in_the_two_queries(shop):
    shop.sales(PLAIN | {"item_id": "text"}, [])
    with pytest.raises(SettingsError, match=r"item_id is text in .*sales\.sql but integer in .*items\.sql"):
        shop.export()


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT 7 AS item_id UNION ALL SELECT '7'", "the integer 7 and the text '7'"),
        ("SELECT 7 AS item_id UNION ALL SELECT 'x'", "the integer 7 and the text 'x'"),
        ("SELECT item_id FROM items UNION ALL SELECT '7'", "a value of the type str. It is '7'."),
        (
            "SELECT CAST(item_id AS TEXT) AS item_id FROM items UNION ALL SELECT 7",
            "a value of the type int. It is 7.",
        ),
        (
            "SELECT 1.5 AS item_id UNION ALL SELECT x'00ff'",
            "raw bytes (BLOB), elsewhere a number with a fraction (REAL)",
        ),
    ],
)
def test_sqlite_with_integers_beside_texts_names_both(sqlite_shop, query, told):
    shop = sqlite_shop
    execute(shop.url, "INSERT INTO items VALUES (7, 'x', 1)")
    shop.sales(PLAIN, [], f"SELECT 1 AS customer_id, item_id, '2026-11-20' AS sold_at FROM ({query})")
    with pytest.raises((RefusedError, SettingsError)) as caught:
        shop.export()
    if "is text in" in caught.value.reason:  # the items follow the sales
        shop.items("SELECT 1", query="SELECT CAST(item_id AS TEXT) AS item_id, name, sellable FROM items")
        with pytest.raises(RefusedError) as caught:
            shop.export()
    assert told in caught.value.told


def test_a_query_without_since_is_warned_of(shop):
    shop.sales(PLAIN, [days_ago(1), days_ago(100)], "SELECT customer_id, item_id, sold_at FROM sales")
    found = shop.export()
    assert len(shop.lines) == 1
    assert [text for text in found.warnings if "does not use :since" in text]


def test_missing_queries(shop):
    with pytest.raises(SettingsError, match=r"There is no query .*sales\.sql"):
        shop.export()


def test_items_returned_twice(shop):
    shop.sales(PLAIN, [])
    execute(
        shop.url,
        "INSERT INTO items VALUES (10, 'b', 1), (9, 'x', 1), (10, 'a', 1), (10, 'c', 0), (9, 'x', 1)",
    )
    found = shop.export()
    assert (shop.folder / ITEMS).read_text() == ('"item_id","name","sellable"\n9,"x",true\n10,"a",false\n')
    (warning,) = found.warnings
    assert "1 items more than once" in warning
    assert "10" in warning


@pytest.mark.each_database
def test_what_else_an_item_may_have(shop):
    """Times as sold_at is read: a column of instants is UTC whatever SALES_TIMEZONE."""
    shop.sales(PLAIN, [])
    number, time, instant, text = (shop.types[kind] for kind in ("number", "time", "instant", "text"))
    shop.items(
        "DROP TABLE items",
        f"CREATE TABLE items (item_id {shop.types['key']}, name {text}, brand {text}, price {number},"
        f" url {text}, added_at {time}, stored {instant})",
        "INSERT INTO items VALUES (1, 'Tea', 'A', 9.5, 'https://shop/1', '2026-07-01 12:00:00',"
        " '2026-07-01 12:00:00')",
        "INSERT INTO items VALUES (2, 'Cup', NULL, NULL, NULL, NULL, NULL)",
        query="SELECT 1 AS SELLABLE, added_at, price, url, brand, name, item_id, 'x' AS image_url FROM items",
    )
    found = shop.export(sales_zone="Europe/Berlin")
    assert (shop.folder / ITEMS).read_text() == (
        '"item_id","name","sellable","brand","price","url","image_url","added_at"\n'
        '1,"Tea",true,"A",9.5,"https://shop/1","x",2026-07-01 10:00:00.000000Z\n'
        '2,"Cup",true,,,,"x",\n'
    )
    assert found.warnings == []
    catalogue = load_catalogue(shop.folder / ITEMS, item_kind=KeyKind.INTEGER)
    assert (catalogue.categories, catalogue.brands) == (None, ("A", None))
    assert catalogue.prices is not None
    assert catalogue.prices[0] == 9.5
    assert np.isnan(catalogue.prices[1])
    assert catalogue.added is not None
    assert catalogue.added.tolist() == [
        microseconds(datetime(2026, 7, 1, 10, tzinfo=UTC)),
        UNREADABLE,
    ]
    if shop.backend != "sqlite":
        execute(shop.url, "UPDATE items SET stored = '2026-07-01 12:00:00' WHERE item_id = 1")
        (shop.sql_dir / "items.sql").write_text(
            "SELECT item_id, name, 1 AS sellable, stored AS added_at FROM items WHERE item_id = 1"
        )
        shop.export(sales_zone="Europe/Berlin")
        assert (shop.folder / ITEMS).read_text().endswith('1,"Tea",true,2026-07-01 12:00:00.000000Z\n')


def test_prices_and_times_that_cannot_be_read_are_told(shop):
    shop.sales(PLAIN, [])
    rows = [
        "SELECT 1, 'a', 1, 'nine', '01.11.2026'",
        "SELECT 2, 'b', 1, '', '0001-01-01'",
        "SELECT 3, 'c', 1, '1e999', '9999-12-31'",
        "SELECT 4, 'd', 1, NULL, NULL",
        "SELECT 5, 'e', 1, '-0', '2026-11-01'",
    ]
    query = "WITH i (item_id, name, sellable, price, added_at) AS (" + " UNION ALL ".join(rows) + ")"
    (shop.sql_dir / "items.sql").write_text(f"{query} SELECT * FROM i")
    found = shop.export()
    assert (shop.folder / ITEMS).read_text().splitlines()[1:] == [
        '1,"a",true,,',
        '2,"b",true,,',
        '3,"c",true,,',
        '4,"d",true,,',
        '5,"e",true,0,2026-11-01 00:00:00.000000Z',
    ]
    path = shop.sql_dir / "items.sql"
    assert found.warnings == [
        f"3 rows of {path} have price that is not a number, taken for NULL.",
        f"3 rows of {path} have added_at that is not a time, taken for NULL.",
    ]
    assert load_catalogue(shop.folder / ITEMS, item_kind=KeyKind.INTEGER).ids == Keys.of(range(1, 6))


def test_rows_of_one_item_with_several_prices(shop):
    shop.sales(PLAIN, [])
    rows = [
        "SELECT 1 AS item_id, 'a' AS name, 1 AS sellable, NULL AS brand, 9 AS price, '2026-11-02' added_at",
        "SELECT 1, 'a', 1, 'B', 8.5, NULL",
        "SELECT 1, 'a', 1, 'A', NULL, '2026-11-01'",
    ]
    (shop.sql_dir / "items.sql").write_text(" UNION ALL ".join(rows))
    shop.export()
    assert (shop.folder / ITEMS).read_text().splitlines()[1:] == [
        '1,"a",true,,8.5,2026-11-01 00:00:00.000000Z'
    ]


def test_items_without_a_key(shop):
    shop.sales(PLAIN, [])
    rows = [{"n": n} for n in range(99)]
    execute(shop.url, "INSERT INTO items VALUES (:n, 'x', 1)", rows=rows)
    execute(shop.url, "INSERT INTO items VALUES (NULL, 'x', 1)")
    found = shop.export()
    assert (found.counts.items, len(found.warnings)) == (99, 1)
    execute(shop.url, "INSERT INTO items VALUES (NULL, 'x', 1)")
    with pytest.raises(RefusedError, match="2 of 101 rows have no item_id"):
        shop.export()


items = st.tuples(
    st.integers(1, 3),
    st.sampled_from(["a", "b", None, ""]),
    st.integers(0, 1),
    st.sampled_from("xyz"),
    st.sampled_from([None, 2, 9.5, "cheap"]),
    st.sampled_from([None, "2026-11-01", "2026-11-02 10:00:00", "never"]),
)


@given(st.lists(items, max_size=8).flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_the_order_of_the_items_rows_does_not_matter(orders):
    files = []
    names = ("item_id", "name", "sellable", "category", "price", "added_at")
    for rows in orders:
        query = Query(Path("sql/items.sql"), "SELECT 1\n", uses_since=False)
        columns = {name: QueryColumn(name) for name in names}
        reader = cast(RowReader, SimpleNamespace(integers_as_text=False, place_of=str))
        found = ItemRows(query, columns, KeyKind.INTEGER, BERLIN, reader=reader)
        for row in rows:
            found.add([[value] for value in row])
        files.append(found.content())
    assert files[0] == files[1]


def test_an_empty_shop(shop):
    shop.sales(PLAIN, [])
    found = shop.export()
    assert (shop.folder / SALES).read_bytes() == b'"customer_id","item_id","sold_at"\n'
    assert (shop.folder / ITEMS).read_bytes() == b'"item_id","name","sellable"\n'
    assert found.counts.newest is None


def test_a_second_export_is_the_same_file(shop):
    shop.sales(PLAIN, [days_ago(n % 25, customer=n, step=n) for n in range(500)])
    first = shop.export()
    again = shop.export()
    assert (first.sales_sha256, first.items_sha256) == (again.sales_sha256, again.items_sha256)


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_sqlite_shop_is_left_as_it_was(sqlite_shop, mode):
    shop = sqlite_shop
    shop.sales(PLAIN, [days_ago(1)])
    path = Path(str(sa.make_url(shop.url).database))
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.close()
    before = path.read_bytes()
    shop.export()
    assert path.read_bytes() == before
    assert {entry.name for entry in shop.folder.iterdir()} == {"sql", SALES, ITEMS, path.name}


def test_the_same_sales_give_the_same_lines_on_every_database(postgresql, mariadb, tmp_path):
    columns = {
        "customer_id": "text",
        "item_id": "key",
        "sold_at": "time",
        "quantity": "number",
        "price": "number",
        "order_id": "key",
        "guest_email": "text",
    }
    keys = [
        None,
        "",
        "00123",
        "NA",
        "null",
        "1e5",
        " a ",
        "a,b",
        'a"b',
        "l\rf\n",
        "t\tb",
        "\\N",
        "\\",
        "é",
        "🧀",
    ]
    clock = datetime(2026, 10, 25, 0, 0)  # noqa: DTZ001 - the night in which Berlin's clocks go back
    rows = [
        (
            *(
                keys[n % len(keys)],
                n % 7 - 3,
                f"{clock + timedelta(minutes=7 * n, microseconds=n % 3 * 250_000)}",
            ),
            *(n % 5 - 1, n / 4, 2**62 + n if n % 4 else None, f" Guest{n % 3}@Example.org"),
        )
        for n in range(400)
    ]
    lines = []
    for url in (f"sqlite:///{tmp_path / 'shop.db'}", postgresql.create_database(), mariadb.create_database()):
        folder = tmp_path / url.partition(":")[0].partition("+")[0]
        folder.mkdir()
        shop = Shop(url, folder)
        shop.sales(columns, rows)
        shop.export(zone="Europe/Berlin", days=60)
        lines.append(shop.lines)
        assert len(shop.lines) > 400  # some have a line end in a key
    assert lines[0] == lines[1] == lines[2]
