"""The demo shop: plausible, the same for everybody on every day, all or nothing on every database."""

import csv
import re
import sqlite3
import tomllib
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
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
from recommender.setup.demo import DemoReport, build_demo
from recommender.setup.demo.loader import demo_tables, load_shop
from recommender.setup.demo.simulation import N_DAYS, N_SEASONS, Item, load_assortment, season_of, simulate
from recommender.system.window import window
from recommender.tables import KeyKind
from tests import sharing
from tests.servers import PASSWORD
from tests.shops import load_interactions

MONDAY = date(2026, 11, 23)
IN_SUMMER = date(2027, 7, 14)
TABLES = ("customers", "products", "orders", "order_lines")
SALE = {"completed", "shipped", "returned"}


@pytest.fixture(scope="module")
def assortment():
    return load_assortment(0)


@pytest.fixture(scope="module")
def interests(assortment):
    return assortment[0]


@pytest.fixture(scope="module")
def items(assortment):
    return assortment[1]


@pytest.fixture(scope="module")
def orders(interests):
    return simulate(interests)


def made(today: date) -> tuple[Path, DemoReport]:
    """A demo of this day and its report, made once in a run, for tests that only look at it."""
    directory = sharing.folder() / f"demo of {today}"
    return directory, sharing.once(directory.name, lambda: build_demo(directory, url=None, today=today))


@pytest.fixture(scope="module")
def shop():
    """A demo made on a Monday."""
    return made(MONDAY)


@pytest.fixture(scope="module")
def later_shop():
    """A demo made on another day, after a change of the clocks."""
    return made(IN_SUMMER)


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
        settings,
        folder=folder,
        window=window(
            now=datetime(today.year, today.month, today.day, 0, 5, tzinfo=UTC),
            as_of=None,
            history_days=settings.history_days,
            zone=settings.shop_timezone,
        ),
        forgotten=Forgotten(),
    )
    return folder


# The catalogue


def test_every_line_of_the_catalogue_is_an_item_with_its_own_name(items):
    tables = tomllib.loads(files("recommender.setup.demo").joinpath("catalogue.toml").read_text()).values()
    styles = [style for table in tables for style in table.values() if isinstance(style, dict)]
    listed = [line for style in styles for line in (style["used_up"] + style["kept"]).split("\n") if line]
    seasonal = [name for table in tables for _, *names in table.get("seasonal", []) for name in names]
    assert len({item.name for item in items}) == len(items) == len(listed) + len(seasonal)
    assert [item.item_id for item in items] == [*range(101, 101 + len(items))]


def test_what_goes_together_exists(interests):
    for name, interest in interests.items():
        assert {*interest.goes_with} <= interests.keys() - {name}


def test_the_season_decides_names_and_nothing_else():
    spring, autumn = load_assortment(3)[1], load_assortment(10)[1]
    differing = [(a, b) for a, b in zip(spring, autumn, strict=True) if vars(a) != vars(b)]
    assert differing
    for a, b in differing:
        assert a.category.endswith(", in season")
        assert {**vars(a), "name": b.name} == vars(b)


@pytest.mark.parametrize("day", [date(2027, 1, 3) + timedelta(weeks=2 * i) for i in range(26)])
def test_christmas_goods_are_sold_before_christmas(day):
    """Whatever the day on which the sales end, the place that is sold in Advent holds the calendar."""
    line = load_assortment(season_of(day - timedelta(days=14)))[0]["sweets"].seasonal[0]
    (place,) = [i for i, item in enumerate(line) if item.name == "Chocolate Advent Calendar"]
    assert line[place].active == (place in {0, N_SEASONS - 1})
    last_sold = day - timedelta(days=28 * place)
    first_sold = last_sold - timedelta(days=27)
    year = first_sold.year
    assert date(year, 10, 20) <= first_sold
    assert last_sold <= date(year, 12, 20)


def test_seasons_divide_the_year():
    assert season_of(date(2026, 1, 1)) == 0
    assert season_of(date(2028, 12, 31)) == N_SEASONS - 1
    lengths = Counter(season_of(date(2028, 1, 1) + timedelta(days=i)) for i in range(366))
    assert len(lengths) == N_SEASONS
    assert set(lengths.values()) <= {28, 29}


# The sales


def test_the_same_seed_gives_the_same_sales(interests, orders):
    """Also in another season, where names alone differ."""

    def plain(orders):
        return [
            (order.time, order.status, [(item.item_id, n) for item, n in order.quantities.items()])
            for order in orders
        ]

    assert plain(simulate(load_assortment(7)[0])) == plain(orders)
    assert plain(simulate(interests, seed=2)) != plain(orders)


def test_the_size_of_the_shop(orders):
    assert 50_000 <= sum(len(order.quantities) for order in orders) <= 90_000
    assert orders[0].time.days == 0
    assert orders[-1].time.days == N_DAYS - 1
    halves = Counter(order.time.days < N_DAYS // 2 for order in orders)
    assert halves[False] > 1.4 * halves[True]  # it grows


def test_what_shops_have_to_deal_with(orders):
    """Guests, cancellations, returns, unpaid orders: each about as often as in a real shop."""
    n = len(orders)
    statuses = Counter(order.status for order in orders)
    assert set(statuses) == {"completed", "shipped", "cancelled", "pending", "returned"}
    assert 0.02 < statuses["cancelled"] / n < 0.04
    assert 0.05 < sum(order.customer.customer_id is None for order in orders) / n < 0.1
    assert all(
        (order.customer.customer_id is None) != (order.customer.guest_email is None) for order in orders
    )
    lines = [(order.status, quantity) for order in orders for quantity in order.quantities.values()]
    assert 0.01 < sum(status == "returned" for status, _ in lines) / len(lines) < 0.03
    assert all((quantity < 0) == (status == "returned") for status, quantity in lines)


def test_nothing_comes_back_that_was_not_bought(orders):
    bought: Counter[tuple[object, int]] = Counter()
    for order in orders:
        for item, quantity in order.quantities.items():
            if order.status != "cancelled":
                bought[order.customer, item.item_id] += quantity
                assert bought[order.customer, item.item_id] >= 0


def test_items_are_bought_on_the_days_on_which_they_are_sold(interests, items, orders):
    """Withdrawn ones up to a day, new ones never, those of a season in its four weeks of each year."""
    seasons = {
        item: place
        for interest in interests.values()
        for line in interest.seasonal
        for place, item in enumerate(line)
    }
    days: dict[Item, list[int]] = {item: [] for item in items}
    for order in orders:
        if order.status != "returned":
            for item in order.quantities:
                days[item].append(order.time.days)
    for item, place in seasons.items():
        assert {(N_DAYS - 1 - day) // 28 % N_SEASONS for day in days[item]} == {place}
    withdrawn = [item for item in items if not item.active and item not in seasons]
    new = [item for item in items if not days[item]]
    assert min(len(withdrawn), len(new)) >= 3
    assert all(max(days[item]) < N_DAYS - 100 for item in withdrawn)
    assert not any(item.sold_days for item in new)


def test_customers_buy_what_they_like(interests, orders):
    """Most of what customers buy is of their one to three tastes, and about half of it is a repeat."""
    assert {len(order.customer.tastes) for order in orders} == {1, 2, 3}
    lines, liked, repeated = 0, 0, 0
    seen = set()
    for order in orders:
        if order.status != "returned":
            shelves = [style.used_up + style.kept for style in order.customer.tastes.values()]
            shelves += [line for name in order.customer.tastes for line in interests[name].seasonal]
            theirs = {item for shelf in shelves for item in shelf}
            for item in order.quantities:
                lines += 1
                liked += item in theirs
                repeated += (order.customer, item) in seen
                seen.add((order.customer, item))
    assert 0.85 < liked / lines < 1
    assert 0.3 < repeated / lines < 0.7


def test_the_shop_is_open_by_day(orders):
    hours = {order.time.seconds // 3600 for order in orders}
    assert min(hours) == 7
    assert max(hours) == 22


# The day on which it is made


def test_another_day_moves_all_times(shop, later_shop):
    (directory, report), (later, later_report) = shop, later_shop
    moved = later_report.last_day - report.last_day
    for table in TABLES:
        for before, after in zip(rows_of(directory, table), rows_of(later, table), strict=True):
            if table == "products":
                assert before[0:1] + before[2:] == after[0:1] + after[2:]
            else:
                assert [shifted(value, moved) for value in before] == list(after)
    assert later_report.examples == report.examples


def shifted(value: object, by: timedelta) -> object:
    """A time in SQLite's text form, moved; anything else as it is."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value):
        return str(datetime.fromisoformat(value) + by)
    return value


def test_the_model_sees_the_same_on_every_day(shop, later_shop, tmp_path):
    """Equal to the byte, so that the lists are equal too."""
    first, second = (
        load_interactions(
            exported(made, tmp_path / name, day) / "sales.csv",
            customer_kind=KeyKind.INTEGER,
            item_kind=KeyKind.INTEGER,
            half_life_days=90,
        )
        for (made, _), name, day in ((shop, "run1", MONDAY), (later_shop, "run2", IN_SUMMER))
    )
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
    counts = [len(rows_of(directory, table)) for table in ("customers", "products", "order_lines")]
    assert counts == [report.customers, report.items, report.sale_lines]
    times = [row[4] for row in rows_of(directory, "orders")]
    assert str(report.first_day) == min(times)[:10]
    assert str(report.last_day) == max(times)[:10]


def test_the_examples_tell_a_story(shop):
    """They bought lately, and different things."""
    directory, report = shop
    assert len({example.about for example in report.examples}) == len(report.examples) == 5
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


def test_what_is_off_the_shelves_cannot_be_recommended(shop, tmp_path, items):
    directory, _ = shop
    text = (exported(directory, tmp_path / "run", MONDAY) / "items.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    sellable = {int(row["item_id"]): row["sellable"] == "true" for row in rows}
    assert sellable == {item.item_id: item.active for item in items}
    stocks = {row[0]: row[5] for row in rows_of(directory, "products")}
    assert 10 <= sum(sellable[item] and not stock for item, stock in stocks.items()) <= 50  # sold out
    in_season = {row["name"] for row in rows if "in season" in row["category"] and row["sellable"] == "true"}
    assert "Chocolate Advent Calendar" in in_season
    assert "Chocolate Easter Eggs Assorted" not in in_season


# Every database


def require_password_in_env_file_alone(folder: Path) -> None:
    url = load_settings({}, folder / ".env").database_url
    if url.password is None:  # SQLite
        return
    assert url.password == PASSWORD
    quoted = url.render_as_string(hide_password=False).split("@")[0].rpartition(":")[2]
    texts = {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert {name for name, text in texts.items() if PASSWORD in text or quoted in text} == {".env"}


def test_the_same_shop_on_every_database(shop, shop_url, tmp_path):
    """With the queries of the demo, through the real export: the same lines, whatever the order."""
    directory, _ = shop
    report = build_demo(tmp_path / "other", url=shop_url, today=MONDAY)
    assert PASSWORD not in repr(report)
    assert not (tmp_path / "other" / "shop.db").exists()
    require_password_in_env_file_alone(tmp_path / "other")
    one, other = (
        exported(made, tmp_path / f"run of {made.name}", MONDAY) for made in (directory, tmp_path / "other")
    )
    lines, other_lines = (sorted((folder / "sales.csv").read_text().splitlines()) for folder in (one, other))
    assert lines == other_lines
    assert (one / "items.csv").read_bytes() == (other / "items.csv").read_bytes()


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


def test_a_failure_on_the_way_leaves_nothing(shop_url, tmp_path):
    (tmp_path / "shop.db").touch()
    with pytest.raises(RuntimeError, match="the source broke"):
        load_shop(normalise_url(shop_url), demo_tables(), {"customers": broken_rows(15_000)})
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
