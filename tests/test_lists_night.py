"""The lists beside the recommendations in whole nights: from the sales into the tables, and on the screen."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from recommender.errors import ExitCode
from recommender.ranking.bought_together import load_baskets
from recommender.runs.keys import Keys
from recommender.settings import load_settings
from recommender.setup.checks import check
from recommender.setup.checks.findings import Level
from recommender.tables import KeyKind
from tests.nights import ALL_TABLES, DAY, csv_rows, make_shop

pytestmark = pytest.mark.sqlite_proves

LISTS = ALL_TABLES.split(", ")[:-2]
ITEM_LISTS = {10: [11], 11: [10], 13: [12]}
"""Of similar_items and bought_together in the shop below."""


def ago(days):
    return DAY - timedelta(days=days)


def habits(folder: Path, url: str, **settings: str | int):
    """A shop whose lists can be worked out on paper.

    Six customers bought items 10 and 11 every 30 days, the last time 23 days before the newest sale. Six
    others bought 12 and 13, once, on one day each; 13 is not sellable. Eight bought 14 and nothing else.
    """
    sales = [(c, item, ago(days)) for c in range(1, 7) for days in (30, 60, 90) for item in (10, 11)]
    sales += [(c, item, ago(c)) for c in range(7, 13) for item in (12, 13)]
    sales += [(c, 14, ago(c)) for c in range(13, 21)]
    items = {item: item != 13 for item in range(10, 16)}
    shop = make_shop(folder, url, sales, items, **settings)
    shop.does("init", "--yes")
    return shop


@pytest.fixture
def shop(tmp_path, database_url):
    return habits(tmp_path / "shop", database_url)


@pytest.fixture
def sqlite_shop(tmp_path):
    return habits(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


def item_lists(shop, table):
    column = {"similar_items": "similar_item_id", "bought_together": "together_item_id"}[table]
    found: dict[int, list[int]] = {}
    for item, listed in shop.rows(f"SELECT item_id, {column} FROM {table} ORDER BY item_id, position"):
        found.setdefault(item, []).append(listed)
    return found


def counts(shop):
    return {table: shop.rows(f"SELECT count(*) FROM {table}")[0][0] for table in LISTS}


def filled(shop):
    """The lists that have rows."""
    return [table for table, rows in counts(shop).items() if rows]


@pytest.mark.each_database
def test_one_publish_writes_all_lists(shop):
    run = shop.night()
    assert shop.lists("buy_again") == {customer: [10, 11] for customer in range(1, 7)}
    assert item_lists(shop, "similar_items") == item_lists(shop, "bought_together") == ITEM_LISTS
    written = counts(shop)
    assert shop.rows("SELECT rows_written FROM recommendation_runs") == [(sum(written.values()),)]
    assert run.manifest.counts["rows"] == sum(written.values())
    for table in ("buy_again", "similar_items", "bought_together"):
        assert run.manifest.counts[f"rows_{table}"] == written[table]
        header, *records = csv_rows(run.path(f"{table}.csv"))
        rows = shop.rows(f"SELECT {', '.join(header)} FROM {table} ORDER BY {', '.join(header[:2])}")
        assert [[float(field) for field in record] for record in records] == [[*row] for row in rows]
        assert f"{table}.csv" in run.manifest.files


def test_a_list_that_is_left_out_is_emptied_and_may_lack_its_table(shop):
    shop.night()
    run = shop.set(LISTS="recommendations, popular_items,similar_items").night()
    assert filled(shop) == ["recommendations", "similar_items", "popular_items"]
    assert run.path("buy_again.csv").read_bytes() == b"customer_id,position,item_id,score\n"
    assert run.manifest.settings["LISTS"] == "recommendations,similar_items,popular_items"
    shop.execute("DROP TABLE buy_again")
    shop.night()
    assert item_lists(shop, "similar_items") == ITEM_LISTS
    assert "buy again" not in shop.does("show", "1")
    report = check(lambda: load_settings({}, shop.env_file), now=datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert [finding for finding in report.findings if finding.level is Level.ERROR] == []


def test_what_is_left_out_between_two_stages_is_published_empty(sqlite_shop):
    for stage in ("export", "train", "rank"):
        sqlite_shop.does(stage)
    sqlite_shop.set(LISTS="recommendations,popular_items").does("publish")
    assert filled(sqlite_shop) == [
        "recommendations",
        "popular_items",
    ]


def test_recommendations_can_be_left_out_too(sqlite_shop):
    sqlite_shop.night()
    sqlite_shop.set(LISTS="buy_again").night()
    assert filled(sqlite_shop) == ["buy_again"]
    sqlite_shop.set(LISTS=",".join(LISTS)).night()
    assert filled(sqlite_shop) == LISTS


def test_lists_of_items_need_no_customer_with_something_new(tmp_path):
    """Everybody owns everything, or all are guests: only `recommendations` have nothing to show then."""
    sales = [(customer, item, DAY) for customer in (1, 2, 3) for item in (10, 11)]
    shop = make_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", sales, {10: True, 11: True})
    shop.does("init", "--yes")
    shop.fails(ExitCode.REFUSED, "run")
    shop.set(LISTS="popular_items,similar_items")
    assert shop.recommend("check").code is ExitCode.DONE
    shop.night()
    assert shop.rows("SELECT item_id FROM popular_items ORDER BY item_id") == [(10,), (11,)]
    assert shop.rows("SELECT * FROM recommendations") == []


def test_an_older_installation_is_told_to_make_the_new_tables_once(shop):
    new = ("buy_again", "similar_items", "bought_together")
    shop.execute(*(f"DROP TABLE {table}" for table in new))
    line = shop.fails(ExitCode.SETTINGS, "run")
    assert all(f"no table {table}" in line.replace('"', "").replace("`", "") for table in new)
    assert "`recommend init` once" in line
    assert "Created buy_again, similar_items, bought_together." in shop.does("init", "--yes")
    shop.night()
    assert filled(shop) == LISTS


def test_a_shop_without_evidence_is_published_without_those_lists(tmp_path, database_url):
    shop = make_shop(tmp_path / "shop", database_url, [(1, 10, DAY)], {10: True, 11: True})
    shop.does("init", "--yes")
    shop.night()
    assert filled(shop) == ["recommendations", "popular_items"]


def test_items_of_the_never_list_are_in_none_of_them(sqlite_shop):
    (sqlite_shop.folder / "never.txt").write_text("10\n", encoding="utf-8")
    sqlite_shop.set(NEVER_RECOMMEND="never.txt").night()
    assert sqlite_shop.lists("buy_again") == {customer: [11] for customer in range(1, 7)}
    assert item_lists(sqlite_shop, "similar_items") == {10: [11], 13: [12]}
    assert item_lists(sqlite_shop, "bought_together") == {10: [11], 13: [12]}


def test_guests_are_due_only_where_they_are_published(tmp_path):
    shop = habits(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", GUEST_KEY="k" * 32)
    shop.execute("UPDATE sales SET guest_email = 'a@example.org', customer_id = NULL WHERE customer_id = 1")
    query = "SELECT customer_id, item_id, sold_at, guest_email FROM sales WHERE sold_at >= :since"
    (shop.folder / "sql" / "sales.sql").write_text(query, encoding="utf-8")
    shop.night()
    assert set(shop.lists("buy_again")) == set(range(2, 7))
    shop.execute(*(f"DROP TABLE {name}" for name in ALL_TABLES.split(", ")))
    shop.set(PUBLISH_GUESTS="yes").does("init", "--yes")
    shop.night()
    assert len(shop.lists("buy_again")) == 6


# Baskets


def baskets(folder, header, *lines, zone="UTC", items=(1, 2, 3)):
    """Which lines share a basket: the items of each, sorted."""
    path = folder / "sales.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    keys = Keys.of(items)
    kinds = {"customer_kind": KeyKind.INTEGER, "item_kind": KeyKind.INTEGER}
    found, sold = load_baskets(path, **kinds, items=keys, zone=ZoneInfo(zone))
    return sorted(sorted(int(keys[i]) for i in sold[found == basket]) for basket in np.unique(found))


def test_a_basket_is_an_order_of_a_customer(tmp_path):
    found = baskets(
        tmp_path,
        "customer_id,item_id,sold_at,quantity,order_id",
        "7,1,2026-01-01T10:00:00Z,1,a",
        "7,2,2026-01-02T10:00:00Z,1,a",
        "7,3,2026-01-01T10:00:00Z,1,b",
        "8,3,2026-01-01T10:00:00Z,1,a",
    )
    assert found == [[1, 2], [3], [3]]


def test_without_an_order_a_basket_is_a_customers_day_in_the_shop(tmp_path):
    lines = ["7,1,2026-01-01T10:00:00Z", "7,2,2026-01-01T23:30:00Z", "7,3,2026-01-02T10:00:00Z"]
    header = "customer_id,item_id,sold_at"
    assert baskets(tmp_path, header, *lines) == [[1, 2], [3]]
    assert baskets(tmp_path, header, *lines, zone="Asia/Tokyo") == [[1], [2, 3]]
    mixed = [*(f"{line}," for line in lines), "7,1,2026-01-02T11:00:00Z,0"]
    assert baskets(tmp_path, f"{header},order_id", *mixed) == [[1], [1, 2], [3]]


def test_what_came_back_was_not_in_the_basket(tmp_path):
    header = "customer_id,item_id,sold_at,quantity"
    lines = ["7,1,2026-01-01T10:00:00Z,2", "7,2,2026-01-01T10:00:00Z,-1", "7,3,2026-01-01T10:00:00Z,0"]
    assert baskets(tmp_path, header, *lines) == [[1]]
    assert baskets(tmp_path, header, "7,4,2026-01-01T10:00:00Z,1") == []


def test_the_order_of_the_shops_query_makes_the_baskets(sqlite_shop):
    """Every line an order of its own: nothing is bought together, however much on one day."""
    query = "SELECT customer_id, item_id, sold_at, rowid AS order_id FROM sales WHERE sold_at >= :since"
    (sqlite_shop.folder / "sql" / "sales.sql").write_text(query, encoding="utf-8")
    sqlite_shop.night()
    assert item_lists(sqlite_shop, "bought_together") == {}
    assert item_lists(sqlite_shop, "similar_items") == ITEM_LISTS


# Commands


def test_show_tells_what_is_due(shop):
    shop.night()
    view = json.loads(shop.does("show", "1", "--json"))
    assert [(n["item_id"], n["name"]) for n in view["buy_again"]] == [
        (10, "Item 10"),
        (11, "Item 11"),
    ]
    assert "May buy again now\n" in shop.does("show", "1")
    assert json.loads(shop.does("show", "8", "--json"))["buy_again"] == []


@pytest.mark.parametrize("command", ["similar", "together"])
def test_an_items_list_with_names(shop, command):
    shop.night()
    view = json.loads(shop.does(command, "13", "--json"))
    assert view["name"] == "Item 13"
    (listed,) = view["items"]
    assert listed == {"position": 1, "item_id": 12, "score": 1.0, "name": "Item 12"} | dict.fromkeys(
        ("reason", "because_item_id", "because_name")
    )
    assert "1.  Item 12" in shop.does(command, "13")
    for item in ("14", "15"):
        assert "Nothing: " in shop.does(command, item)
        assert json.loads(shop.does(command, item, "--json"))["items"] == []
    for unknown in ("99", "abc", "9" * 40, "-1"):
        assert unknown in shop.fails(ExitCode.SETTINGS, command, "--", unknown)


def test_a_list_that_is_left_out_says_so(sqlite_shop):
    sqlite_shop.set(LISTS="recommendations,popular_items").night()
    assert "LISTS leaves similar_items out" in sqlite_shop.does("similar", "10")


def test_an_items_list_comes_from_the_folder_when_the_database_is_away(sqlite_shop, tmp_path):
    run = sqlite_shop.night()
    before = json.loads(sqlite_shop.does("together", "10", "--json"))
    (tmp_path / "shop.db").rename(tmp_path / "away.db")
    after = json.loads(sqlite_shop.does("together", "10", "--json"))
    assert "run folder" in after.pop("source")
    assert after == {key: value for key, value in before.items() if key != "source"}
    run.path("bought_together.csv").unlink()  # a run of before there was such a list
    assert "Nothing" in sqlite_shop.does("together", "10")


def test_an_item_before_the_first_night(sqlite_shop):
    sqlite_shop.fails(ExitCode.SETTINGS, "similar", "10")
