"""What goes wrong in a shop's data is named, or does no harm; scripts/measure-bad-data measures the harm."""

import random
from datetime import timedelta

import numpy as np
import pytest

from recommender.errors import ExitCode
from recommender.learning.interactions import make_interactions
from recommender.learning.modelfile import load_histories, load_model
from recommender.night.oddities import item_in_most_baskets
from recommender.runs.folder import MODEL
from tests.nights import DAY, make_shop, tastes
from tests.shops import sale_lines

pytestmark = pytest.mark.sqlite_proves

CUSTOMERS, ITEMS = range(1, 81), range(100, 160)
YESTERDAY = DAY - timedelta(days=1)
RECOMMENDATIONS = "recommendations.csv"


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'shop.db'}"


def large_shop(folder, url, **settings):
    """Eighty customers, so that there is something to compare."""
    shop = make_shop(folder, url, tastes(CUSTOMERS, list(ITEMS)), dict.fromkeys(ITEMS, True), **settings)
    shop.does("init", "--yes")
    return shop


def night_with(shop, *statements, options=()):
    """The lists of a night after these statements, and its warnings."""
    shop.execute(*statements)
    run = shop.night(DAY, "--cold", *options)
    return run.manifest.files[RECOMMENDATIONS], run.manifest.warnings


# No harm


DOUBLED_DAY = "INSERT INTO sales SELECT * FROM sales WHERE sold_at LIKE '2026-02-1%'"
REFUNDS = """INSERT INTO sales (customer_id, item_id, sold_at, quantity)
    SELECT 82 - customer_id, item_id + 1, '2026-01-27 12:00:00', -1 FROM sales AS s
    WHERE item_id < 159 AND NOT EXISTS (
        SELECT 1 FROM sales WHERE customer_id = 82 - s.customer_id AND item_id = s.item_id + 1
    )"""
"""Of what was never bought, by customers and by a stranger."""


@pytest.mark.parametrize(
    "statement",
    [DOUBLED_DAY, REFUNDS, "UPDATE items SET category = 'other'"],
    ids=["a doubled day", "refunds without sales", "a renamed category"],
)
def test_lists_are_the_same_to_the_byte(tmp_path, sqlite_url, statement):
    shop = large_shop(tmp_path / "shop", sqlite_url)
    shop.execute("ALTER TABLE items ADD COLUMN category TEXT DEFAULT 'tea'", "UPDATE sales SET quantity = 1")
    sales = "SELECT customer_id, item_id, sold_at, quantity FROM sales WHERE sold_at >= :since"
    (shop.folder / "sql" / "sales.sql").write_text(sales, encoding="utf-8")
    items = "SELECT item_id, name, sellable, category FROM items"
    (shop.folder / "sql" / "items.sql").write_text(items, encoding="utf-8")
    lists, _ = night_with(shop)
    before = shop.dump()
    again, warnings = night_with(shop, statement)
    assert shop.dump()["sales"] != before["sales"] or shop.dump()["items"] != before["items"]
    assert again == lists
    assert warnings == []


@pytest.mark.parametrize("years", [1, -1])
def test_a_day_of_another_year_is_left_out_or_old(tmp_path, sqlite_url, years):
    """The clock of the shop jumped for a few sales, and back."""
    shop = large_shop(tmp_path / "shop", sqlite_url)
    shop.night(YESTERDAY)
    (day,) = shop.rows("SELECT substr(sold_at, 1, 10) FROM sales ORDER BY sold_at DESC LIMIT 1 OFFSET 1")
    year = 2026 + years
    _, warnings = night_with(
        shop, f"UPDATE sales SET sold_at = '{year}' || substr(sold_at, 5) WHERE sold_at LIKE '{day[0]}%'"
    )
    assert warnings == []  # with --as-of what came after that day is not looked at


# Named


def test_a_robot_is_named(tmp_path, sqlite_url):
    shop = large_shop(tmp_path / "shop", sqlite_url)
    shop.night(YESTERDAY)
    chance = random.Random(1)
    shop.execute(
        "INSERT INTO sales (customer_id, item_id, sold_at) VALUES (4711, :i, :t)",
        rows=[
            {"i": chance.choice(ITEMS), "t": f"2026-01-{1 + n % 28:02} {n // 28 % 24:02}:{n // 672:02}:00"}
            for n in range(30_000)
        ],
    )
    # With so few others even one who buys all is not a hundred times the mean.
    many = [(customer, 100 + customer % 60, YESTERDAY) for customer in range(1000, 1400)]
    shop.sell(many)
    _, warnings = night_with(shop)
    assert ["One customer has" in warning for warning in warnings] == [True]
    assert "4711" not in warnings[0]
    assert "Customer 4711 has 30,000" in shop.recommend("check").out


def test_a_bag_in_every_basket_is_named_until_it_is_never_recommended(tmp_path, sqlite_url):
    shop = large_shop(tmp_path / "shop", sqlite_url, REPEAT_PURCHASES="include")
    shop.sell(
        [(customer, item, YESTERDAY - timedelta(days=item)) for customer in CUSTOMERS for item in range(8)]
    )
    _, warnings = night_with(
        shop,
        "INSERT INTO items (item_id, name, sellable) VALUES (999, 'Bag', 1)",
        "INSERT INTO sales (customer_id, item_id, sold_at) SELECT DISTINCT customer_id, 999, sold_at"
        " FROM sales",
    )
    words = "The item 999 is in 100% of all baskets"
    assert [warning.startswith(words) for warning in warnings] == [True]
    assert words in shop.recommend("check").out
    (shop.folder / "never.txt").write_text("999\n", encoding="utf-8")
    shop.set(NEVER_RECOMMEND="never.txt")
    assert night_with(shop)[1] == []
    assert words not in shop.recommend("check").out
    assert all(999 not in items for items in shop.lists().values())


@pytest.mark.each_database
def test_customers_with_other_keys_are_refused_and_named(tmp_path, database_url):
    shop = large_shop(tmp_path / "shop", database_url)
    shop.night(DAY - timedelta(days=2))
    shop.sell([(customer, 100 + customer % 60, YESTERDAY) for customer in range(1, 30)])
    shop.execute("DELETE FROM sales WHERE customer_id = 60")
    usual = shop.night(YESTERDAY).manifest.counts
    assert usual["customers_compared"] > 60
    assert usual["customers_changed"] == 0
    before = shop.dump()["recommendations"]
    shop.execute("UPDATE sales SET customer_id = 81 - customer_id")
    assert "other purchases of the time before" in shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY))
    assert shop.dump()["recommendations"] == before
    shop.night(DAY, "--force")
    assert shop.night(DAY + timedelta(days=1)).manifest.gate == []


def test_another_query_or_window_compares_nobody(tmp_path, sqlite_url):
    shop = large_shop(tmp_path / "shop", sqlite_url)
    shop.night(YESTERDAY)
    shop.set(HISTORY_DAYS=300)
    assert "customers_compared" not in shop.night().manifest.counts
    path = shop.folder / "sql" / "sales.sql"
    path.write_text(path.read_text(encoding="utf-8") + "-- changed\n", encoding="utf-8")
    assert "customers_compared" not in shop.night(DAY + timedelta(days=1)).manifest.counts


def test_items_with_other_keys_are_refused_and_named(tmp_path, database_url):
    """A platform was moved, and all products have new keys; the old orders keep theirs, or not."""
    shop = large_shop(tmp_path / "shop", database_url)
    shop.night(YESTERDAY)
    shop.execute("UPDATE items SET item_id = item_id + 1000 WHERE item_id >= 120")
    line = shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY))
    assert "40 of the 60 items that are recommended now are no longer in items.sql" in line
    assert "40 of the 60 items" in shop.recommend("check").out
    shop.set(MIN_ITEMS_SHARE="0.3")
    shop.night()


def test_items_with_other_names_are_named(tmp_path, sqlite_url):
    shop = large_shop(tmp_path / "shop", sqlite_url)
    shop.night(YESTERDAY)
    lists, warnings = night_with(shop, "UPDATE items SET name = 'Another ' || item_id WHERE item_id < 120")
    assert warnings == []
    same, (warning,) = night_with(shop, "UPDATE items SET name = 'A third ' || item_id")
    assert warning.startswith("60 of 60 items have other names than in the run")
    assert "100: Another 100 then, A third 100 now" in warning
    assert same == lists


# On paper


def test_histories_of_the_past_are_those_of_the_lines_before():
    chance = random.Random(3)
    sales = [(chance.randrange(9), chance.randrange(20), chance.randrange(40)) for _ in range(300)]
    lines = sale_lines(sales)
    day = 86_400_000_000
    now, then = (make_interactions(each, half_life_days=9) for each in (lines, lines.before(20 * day)))
    histories, first = now.histories_until(20 * day)
    places = now.user_ids.find(then.user_ids)
    assert (histories[places] == then.history).all()
    assert (histories != now.history).any()
    assert first.tolist() == [
        min(d for u, _, d in sales if u == user) * day for user in now.user_ids.integers
    ]


def test_histories_are_read_without_the_factors(tmp_path, sqlite_url):
    run = large_shop(tmp_path / "shop", sqlite_url).night()
    model = load_model(run.path(MODEL))
    users, histories = load_histories(run.path(MODEL), sha256=run.manifest.files[MODEL])
    assert users == model.user_ids
    assert (histories == model.history).all()


def test_an_item_in_half_of_the_baskets_is_found():
    users = np.repeat(np.arange(600, dtype=np.int32), 2)
    times = np.zeros(1200, np.int64)
    items = np.where(np.arange(1200) % 2, np.arange(1200) % 97, 200).astype(np.int32)
    assert item_in_most_baskets(users, items, times) == (200, 1.0)
    items[items == 3] = 4
    items[:600] = 3  # half of the baskets have it twice and not the other
    assert item_in_most_baskets(users, items, times) == (3, 0.5)
    items[:2] = 5
    assert item_in_most_baskets(users, items, times) is None
    assert item_in_most_baskets(users[:900], items[:900], times[:900]) is None  # too few baskets to tell
