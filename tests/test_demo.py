"""The demo shop: plausible, the same for everybody on every day, all or nothing on every database."""

import csv
import hashlib
import re
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from recommender.cli import group
from recommender.database import open_database
from recommender.database.urls import normalise_url
from recommender.errors import DatabaseError, ExitCode, SettingsError
from recommender.export.forgotten import Forgotten
from recommender.export.snapshot import export
from recommender.settings import RepeatPurchases, load_settings
from recommender.setup.demo import build_demo, last_day_before
from recommender.setup.demo.definitions import demo_tables
from recommender.setup.demo.loader import load_shop
from recommender.setup.demo.people import N_DAYS
from recommender.setup.demo.products import N_SEASONS, State, load_assortment, season_of
from recommender.setup.demo.simulation import simulate
from recommender.system.window import window
from recommender.tables import KeyKind
from tests.servers import PASSWORD
from tests.shops import load_interactions

MONDAY = date(2026, 11, 23)
TABLES = ("customers", "products", "orders", "order_lines")
SALE = {"completed", "shipped", "returned"}


@pytest.fixture(scope="module")
def catalogue():
    return load_assortment(0)


@pytest.fixture(scope="module")
def sales(catalogue):
    return simulate(catalogue)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A demo made on a Monday, with the report."""
    directory = tmp_path_factory.mktemp("demo") / "shop"
    return directory, build_demo(directory, url=None, today=MONDAY)


def rows_of(directory: Path, table: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(directory / "shop.db")) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()


def tables_in(url: str) -> set[str]:
    with open_database(normalise_url(url)).connect() as connection:
        return set(sa.inspect(connection).get_table_names())


def exported(directory: Path, folder: Path, today: date) -> Path:
    """The run folder after an export with the demo's own settings on the given day."""
    settings = load_settings({}, directory / ".env")
    folder.mkdir()
    export(
        open_database(settings.database_url),
        sql_dir=settings.sql_dir,
        folder=folder,
        window=window(
            now=datetime(today.year, today.month, today.day, 0, 5, tzinfo=UTC),
            as_of=None,
            history_days=settings.history_days,
            zone=settings.shop_timezone,
        ),
        sales_timezone=settings.sales_timezone,
        guest_key=settings.guest_key,
        forgotten=Forgotten(),
        timeout_seconds=60,
    )
    return folder


# The catalogue


def test_every_item_has_its_own_name(catalogue):
    names = Counter(item.name for item in catalogue.items)
    assert max(names.values()) == 1
    assert 400 <= len(names) <= 800


def test_what_goes_together_exists(catalogue):
    names = {interest.name for interest in catalogue.interests}
    assert all(set(interest.goes_with) <= names - {interest.name} for interest in catalogue.interests)


def test_the_season_decides_names_and_nothing_else():
    spring, autumn = load_assortment(3), load_assortment(10)
    differing = [(a, b) for a, b in zip(spring.items, autumn.items, strict=True) if a != b]
    assert differing
    for a, b in differing:
        assert a.category.endswith(", in season")
        assert (a.item_id, a.category, a.cents, a.lasts_days, a.state) == (
            b.item_id,
            b.category,
            b.cents,
            b.lasts_days,
            b.state,
        )


@pytest.mark.parametrize("day", [date(2027, 1, 3) + timedelta(weeks=2 * i) for i in range(26)])
def test_christmas_goods_are_sold_before_christmas(day):
    """Whatever the day on which the sales end, the place that is sold in Advent holds the calendar."""
    middle = timedelta(days=14)
    line = next(
        interest.seasonal[0]
        for interest in load_assortment(season_of(day - middle)).interests
        if interest.name == "sweets"
    )
    (place,) = [i for i, item in enumerate(line) if item.name == "Chocolate Advent Calendar"]
    assert (line[place].state is State.SOLD) == (place in {0, N_SEASONS - 1})
    last_sold = day - timedelta(days=28 * place)
    first_sold = last_sold - timedelta(days=27)
    year = first_sold.year
    assert date(year, 10, 20) <= first_sold
    assert last_sold <= date(year, 12, 20)


def test_seasons_divide_the_year():
    assert season_of(date(2026, 1, 1)) == 0
    assert season_of(date(2028, 12, 31)) == N_SEASONS - 1
    days = [date(2028, 1, 1) + timedelta(days=i) for i in range(366)]
    lengths = Counter(season_of(day) for day in days)
    assert len(lengths) == N_SEASONS
    assert set(lengths.values()) <= {28, 29}


# The sales


def test_the_same_seed_gives_the_same_sales(catalogue, sales):
    assert simulate(catalogue).orders == sales.orders
    assert simulate(catalogue, seed=2).orders != sales.orders


def test_the_sales_do_not_depend_on_the_season(sales):
    """Only names differ: the same ids at the same times."""

    def plain(orders):
        return [
            (order.day, order.second, [(line.item.item_id, line.quantity) for line in order.lines])
            for order in orders
        ]

    assert plain(simulate(load_assortment(7)).orders) == plain(sales.orders)


def test_the_size_of_the_shop(sales):
    n_lines = sum(len(order.lines) for order in sales.orders)
    assert 50_000 <= n_lines <= 90_000
    assert sales.orders[0].day == 0
    assert sales.orders[-1].day == N_DAYS - 1
    halves = Counter(order.day < N_DAYS // 2 for order in sales.orders)
    assert halves[False] > 1.4 * halves[True]  # it grows


def test_what_shops_have_to_deal_with(sales):
    """Guests, cancellations, returns, unpaid orders: each about as often as in a real shop."""
    n = len(sales.orders)
    statuses = Counter(order.status for order in sales.orders)
    assert set(statuses) == {"completed", "shipped", "cancelled", "pending", "returned"}
    assert 0.02 < statuses["cancelled"] / n < 0.04
    assert 0.05 < sum(order.customer is None for order in sales.orders) / n < 0.1
    lines = [(order.status, line) for order in sales.orders for line in order.lines]
    assert 0.01 < sum(status == "returned" for status, _ in lines) / len(lines) < 0.03
    assert all((line.quantity < 0) == (status == "returned") for status, line in lines)


def test_who_orders_is_a_customer_or_leaves_an_address(sales):
    for order in sales.orders:
        assert (order.customer is None) != (order.guest_email is None)
    assert any(order.guest_email != (order.guest_email or "").lower() for order in sales.orders)


def test_nothing_comes_back_that_was_not_bought(sales):
    bought: Counter[tuple[object, int]] = Counter()
    for order in sales.orders:
        buyer = order.customer if order.guest_email is None else order.guest_email
        for line in order.lines:
            if order.status != "cancelled":
                bought[buyer, line.item.item_id] += line.quantity
                assert bought[buyer, line.item.item_id] >= 0


def test_withdrawn_and_new_items(catalogue, sales):
    last_sold: dict[int, int] = {}
    for order in sales.orders:
        if order.status != "returned":
            last_sold |= {line.item.item_id: order.day for line in order.lines}
    by_state = defaultdict(list)
    for item in catalogue.items:
        by_state[item.state].append(last_sold.get(item.item_id, -1))
    assert len(by_state[State.WITHDRAWN]) >= 5
    assert all(0 <= day < N_DAYS - 100 for day in by_state[State.WITHDRAWN])
    assert all(day == -1 for day in by_state[State.NEW])
    assert sum(day == -1 for day in by_state[State.SOLD]) < 5


def things_of(interest) -> set[int]:
    """Ids of all items of an interest."""
    shelves = [
        *interest.seasonal,
        *(shelf for style in interest.styles for shelf in (style.used_up, style.kept)),
    ]
    return {item.item_id for shelf in shelves for item in shelf}


def test_customers_buy_what_they_like(catalogue, sales):
    """Most of what customers buy is of their one to three interests, and about half of it is a repeat."""
    things = {interest.name: things_of(interest) for interest in catalogue.interests}
    buyers = [customer for customer in sales.customers if customer.tastes]
    assert {len(customer.tastes) for customer in buyers} == {1, 2, 3}
    lines, liked, repeated = 0, 0, 0
    seen = set()
    for order in sales.orders:
        if order.customer is not None and order.status != "returned":
            tastes = sales.customers[order.customer].tastes
            theirs = set().union(*(things[taste.interest.name] for taste in tastes))
            for line in order.lines:
                lines += 1
                liked += line.item.item_id in theirs
                repeated += (order.customer, line.item.item_id) in seen
                seen.add((order.customer, line.item.item_id))
    assert 0.85 < liked / lines < 1
    assert 0.3 < repeated / lines < 0.7


def test_nappies_grow_with_the_child(catalogue, sales):
    (baby,) = [interest for interest in catalogue.interests if interest.name == "baby"]
    stages = {
        item.item_id: stage
        for stage, style in enumerate(baby.styles)
        for item in style.used_up
        if item.name.startswith("Napp")
    }
    latest: dict[int, int] = {}
    up, down, same = 0, 0, 0
    for order in sales.orders:
        if order.customer is None or order.status == "returned":
            continue
        if sales.customers[order.customer].tastes[0].interest is baby:
            for stage in (stages[line.item.item_id] for line in order.lines if line.item.item_id in stages):
                before = latest.setdefault(order.customer, stage)
                up, down, same = up + (stage > before), down + (stage < before), same + (stage == before)
                latest[order.customer] = stage
    assert up > 50
    assert down < 0.02 * (up + same)  # a present for somebody else


def test_the_shop_is_open_by_day(sales):
    hours = {order.second // 3600 for order in sales.orders}
    assert min(hours) == 7
    assert max(hours) == 22


# The day on which it is made


@pytest.mark.parametrize("days", range(7))
def test_the_sales_end_on_the_sunday_before(days):
    today = MONDAY + timedelta(days=days)
    last = last_day_before(today)
    assert last.weekday() == 6
    assert 1 <= (today - last).days <= 7


@pytest.mark.parametrize("today", [date(2027, 4, 4), date(2028, 2, 29)])
def test_another_day_moves_all_times_by_whole_weeks(shop, tmp_path, today):
    directory, report = shop
    other = build_demo(tmp_path / "shop", url=None, today=today)
    moved = other.last_day - report.last_day
    assert moved.days % 7 == 0
    assert 1 <= (today - other.last_day).days <= 7
    for table in TABLES:
        for before, after in zip(rows_of(directory, table), rows_of(tmp_path / "shop", table), strict=True):
            if table == "products":
                assert before[0:1] + before[2:] == after[0:1] + after[2:]
            else:
                assert [shifted(value, moved) for value in before] == list(after)
    assert other.examples == report.examples


def shifted(value: object, by: timedelta) -> object:
    """A time in SQLite's text form, moved; anything else as it is."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value):
        return str(datetime.fromisoformat(value) + by)
    return value


def test_the_model_sees_the_same_on_every_day(shop, tmp_path):
    """Also across a change of the clocks: equal to the byte, so that the lists are equal too."""
    directory, _ = shop
    today = date(2027, 7, 14)
    build_demo(tmp_path / "shop", url=None, today=today)
    found = [
        load_interactions(
            exported(made, tmp_path / name, day) / "sales.csv",
            customer_kind=KeyKind.INTEGER,
            item_kind=KeyKind.INTEGER,
            half_life_days=90,
        )
        for made, name, day in ((directory, "run1", MONDAY), (tmp_path / "shop", "run2", today))
    ]
    first, second = found
    assert first.n_sales == second.n_sales
    assert first.user_ids == second.user_ids
    assert first.item_ids == second.item_ids
    assert first.weights.indptr.tobytes() == second.weights.indptr.tobytes()
    assert first.weights.indices.tobytes() == second.weights.indices.tobytes()
    assert first.weights.data.tobytes() == second.weights.data.tobytes()
    assert (first.newest - first.last_purchase).tobytes() == (second.newest - second.last_purchase).tobytes()


# The folder


def test_the_report_counts_what_is_there(shop):
    directory, report = shop
    counts = [len(rows_of(directory, table)) for table in TABLES]
    assert counts == [report.customers, report.items, report.orders, report.sale_lines]
    times = [row[4] for row in rows_of(directory, "orders")]
    assert str(report.first_day) == min(times)[:10]
    assert str(report.last_day) == max(times)[:10]


def test_the_examples_tell_a_story(shop):
    """They bought lately, and different things."""
    directory, report = shop
    assert len(report.examples) >= 3
    assert len({example.who for example in report.examples}) == len(report.examples)
    with closing(sqlite3.connect(directory / "shop.db")) as connection:
        for example in report.examples:
            items, latest = connection.execute(
                "SELECT count(DISTINCT product_id), max(ordered_at) FROM orders JOIN order_lines"
                " USING (order_id) WHERE customer_id = ?",
                (example.customer_id,),
            ).fetchone()
            assert items >= 15
            assert date.fromisoformat(latest[:10]) > report.last_day - timedelta(days=28)


def test_the_settings_are_ours_and_explained(shop):
    directory, _ = shop
    settings = load_settings({}, directory / ".env")
    assert settings.warnings == ()
    assert Path(str(settings.database_url.database)) == directory / "shop.db"
    assert settings.shop_timezone == ZoneInfo("UTC")
    assert settings.repeat_purchases is RepeatPurchases.EXCLUDE
    assert (directory / ".env").stat().st_mode & 0o777 == 0o600
    lines = (directory / ".env").read_text().splitlines()
    named = [i for i, line in enumerate(lines) if re.match("[A-Z_]+=", line)]
    assert len(named) == 6
    assert all(lines[i - 1].startswith("# ") for i in named)


def test_all_of_it_lies_within_the_window(shop, tmp_path):
    """On the day on which the shop is made; the unit of every count is a sale line."""
    directory, report = shop
    folder = exported(directory, tmp_path / "run", MONDAY)
    statuses = {row[0]: row[3] for row in rows_of(directory, "orders")}
    expected = sum(statuses[row[0]] in SALE for row in rows_of(directory, "order_lines"))
    assert len((folder / "sales.csv").read_text().splitlines()) == 1 + expected
    assert len((folder / "items.csv").read_text().splitlines()) == 1 + report.items
    text = (folder / "sales.csv").read_text()
    assert "example." not in text
    assert "guest:" in text


def test_a_folder_that_is_not_empty_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SettingsError, match="is not empty"):
        build_demo(tmp_path, url=None, today=MONDAY)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SettingsError, match="cannot be used"):
        build_demo(tmp_path / "notes.txt", url=None, today=MONDAY)


def test_what_is_off_the_shelves_cannot_be_recommended(shop, tmp_path, catalogue):
    directory, _ = shop
    text = (exported(directory, tmp_path / "run", MONDAY) / "items.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    off = {item.item_id for item in catalogue.items if item.state in {State.WITHDRAWN, State.OUT_OF_SEASON}}
    assert {int(row["item_id"]) for row in rows if row["sellable"] == "false"} == off
    assert {int(row["item_id"]) for row in rows} == {item.item_id for item in catalogue.items}
    in_season = {row["name"] for row in rows if "in season" in row["category"] and row["sellable"] == "1"}
    assert "Chocolate Advent Calendar" in in_season
    assert "Chocolate Easter Eggs Assorted" not in in_season


# Every database


def test_the_same_shop_on_every_database(shop, shop_url, tmp_path):
    """With the queries of the demo, through the real export: the same lines, whatever the order."""
    directory, _ = shop
    report = build_demo(tmp_path / "other", url=shop_url, today=MONDAY)
    assert PASSWORD not in repr(report)
    assert not (tmp_path / "other" / "shop.db").exists()
    hashes = []
    for made, name in ((directory, "run1"), (tmp_path / "other", "run2")):
        folder = exported(made, tmp_path / name, MONDAY)
        sales = sorted((folder / "sales.csv").read_text().splitlines())
        hashes.append(
            (hashlib.sha256("\n".join(sales).encode()).hexdigest(), (folder / "items.csv").read_bytes())
        )
    assert hashes[0] == hashes[1]


def test_a_password_is_kept_in_the_env_file_alone(postgresql, tmp_path):
    url = postgresql.create_database()
    build_demo(tmp_path / "shop", url=url, today=MONDAY)
    settings = load_settings({}, tmp_path / "shop" / ".env")
    assert settings.database_url.password == PASSWORD
    quoted = normalise_url(url).render_as_string(hide_password=False).split("@")[0].rpartition(":")[2]
    holders = {
        path.name
        for path in (tmp_path / "shop").rglob("*")
        if path.is_file() and (PASSWORD in path.read_text() or quoted in path.read_text())
    }
    assert holders == {".env"}
    postgresql.drop_database(url)


def test_a_database_in_use_is_refused(shop_url, tmp_path):
    """Nothing is added to a shop that has one of the tables already, and no folder is made."""
    with closing(sqlite3.connect(tmp_path / "shop.db")):
        pass  # the file; an address alone makes none
    open_shop = open_database(normalise_url(shop_url))
    (tmp_path / "shop.db").touch()
    with open_shop.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE orders (mine INTEGER)")
    with pytest.raises(SettingsError, match="already has orders"):
        build_demo(tmp_path / "folder", url=shop_url, today=MONDAY)
    assert tables_in(shop_url) == {"orders"}
    assert not (tmp_path / "folder").exists()


def broken_rows(after: int):
    """Some customers, then an error of the source."""
    for number in range(after):
        yield number, "somebody", None, None
    raise RuntimeError("the source broke")


@pytest.mark.parametrize("after", [0, 15_000])
def test_a_failure_on_the_way_leaves_nothing(shop_url, tmp_path, after):
    (tmp_path / "shop.db").touch()
    with pytest.raises(RuntimeError, match="the source broke"):
        load_shop(normalise_url(shop_url), demo_tables(), {"customers": broken_rows(after)})
    assert tables_in(shop_url) == set()


def test_an_error_of_the_database_is_ours_and_leaves_nothing(shop_url, tmp_path):
    (tmp_path / "shop.db").touch()
    twice = [(1, "one", None, None), (1, "one again", None, None)]
    with pytest.raises(DatabaseError) as caught:
        load_shop(normalise_url(shop_url), demo_tables(), {"customers": twice})
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert tables_in(shop_url) == set()


KILL = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "mysql": "SELECT concat('KILL ', id) FROM information_schema.processlist"
    " WHERE db = database() AND id <> connection_id()",
}


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_lost_connection_leaves_nothing(request, kind):
    """The clean-up needs a connection of its own."""
    server = request.getfixturevalue(kind)
    url = server.create_database()
    database = open_database(normalise_url(url))

    def rows():
        for number in range(30_000):
            yield number, "somebody", None, None
            if number == 12_000:
                with database.connect() as connection:
                    for (statement,) in connection.exec_driver_sql(KILL[database.backend]).all():
                        if database.backend == "mysql":
                            connection.exec_driver_sql(statement)

    with pytest.raises(DatabaseError) as caught:
        load_shop(normalise_url(url), demo_tables(), {"customers": rows()})
    assert "\n" not in str(caught.value)
    assert tables_in(url) == set()
    server.drop_database(url)


def test_a_failure_leaves_neither_file_nor_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("recommender.setup.demo._rows", lambda *_: {"customers": broken_rows(3)})
    with pytest.raises(RuntimeError, match="the source broke"):
        build_demo(tmp_path / "shop", url=None, today=MONDAY)
    assert list(tmp_path.iterdir()) == []


def test_a_sqlite_file_in_no_folder_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot be made"):
        build_demo(tmp_path / "shop", url=f"sqlite:///{tmp_path}/nowhere/shop.db", today=MONDAY)
    assert list(tmp_path.iterdir()) == []


# The command


def test_the_command_says_what_to_do_next(tmp_path):
    directory = tmp_path / "my shop"
    done = CliRunner().invoke(group, ["demo", str(directory)])
    assert done.exit_code == ExitCode.DONE
    assert f"cd '{directory}'" in done.output
    examples = re.findall(r"recommend show (\d+)   # (.+)", done.output)
    known = {row[0] for row in rows_of(directory, "customers")}
    assert len(examples) >= 3
    assert {int(customer) for customer, _ in examples} <= known
    today = datetime.now(UTC).date()
    newest = max(row[4] for row in rows_of(directory, "orders"))
    assert timedelta(days=1) <= today - date.fromisoformat(newest[:10]) <= timedelta(days=8)
