"""What is odd, but no fault: the night goes on in silence, and the lists are those of what was meant.

Each shop is small enough to say beforehand what must come out. (One customer is in tests/test_night.py.)
"""

import csv
import gzip

import pytest

from recommender.errors import ExitCode
from tests.bad_input.support import TYPES
from tests.faults.injection import forked
from tests.nights import empty_shop

pytestmark = pytest.mark.sqlite_proves

KIND = {"sqlite": "sqlite", "postgresql": "postgresql", "mysql": "mariadb"}
ITEMS = (10, 11, 12, 13)


@pytest.fixture
def shop(tmp_path, database_url):
    """A shop with four items and tables of ours, without sales; times are those of Berlin."""
    shop = empty_shop(tmp_path / "shop", database_url, SHOP_TIMEZONE="Europe/Berlin")
    shop.execute(*[f"INSERT INTO items VALUES ({item}, 'Item {item}', 1)" for item in ITEMS])
    shop.does("init", "--yes")
    return shop


def odd_night(shop, columns, lines):
    """A silent night over sales of these columns; returns the run."""
    kind = KIND[shop.url.partition(":")[0].partition("+")[0]]
    declared = ", ".join(f"{name} {TYPES[kind].get(of, of)}" for name, of in columns.items())
    shop.execute("DROP TABLE sales", f"CREATE TABLE sales ({declared})")
    shop.execute(*[f"INSERT INTO sales VALUES ({line})" for line in lines])
    query = f"SELECT {', '.join(columns)} FROM sales WHERE :since IS NOT NULL"
    (shop.folder / "sql" / "sales.sql").write_text(query, encoding="utf-8")
    assert forked(shop, "run", "--as-of", "2025-12-01") == (ExitCode.DONE, "")
    return shop.last_run


def exported(run, column):
    """A column of the exported sales, sorted."""
    with gzip.open(run.path("sales.csv.gz"), "rt", encoding="utf-8", newline="") as file:
        header, *records = csv.reader(file)
    return sorted(record[header.index(column)] for record in records)


KEYS = {"customer_id": "key", "item_id": "key"}


@pytest.mark.each_database
def test_times_as_texts_in_several_forms_aware_naive_skipped_and_repeated(shop):
    forms = {
        "2025-11-20 10:00:00": "2025-11-20 09:00:00.000000Z",  # winter in Berlin
        "2025-07-20T10:00:00.25": "2025-07-20 08:00:00.250000Z",
        "2025-11-20T10:00:00Z": "2025-11-20 10:00:00.000000Z",
        "2025-11-20 10:00:00+05:30": "2025-11-20 04:30:00.000000Z",
        "2025-11-20": "2025-11-19 23:00:00.000000Z",
        "2025-11-20 10:00": "2025-11-20 09:00:00.000000Z",
        " 2025-11-20 10:00:01 ": "2025-11-20 09:00:01.000000Z",
        "2025-03-30 02:30:00": "2025-03-30 01:30:00.000000Z",  # skipped: as if the clock stood still
        "2025-10-26 02:30:00": "2025-10-26 00:30:00.000000Z",  # repeated: the first of the two
        "2025-10-26T02:30:00+01:00": "2025-10-26 01:30:00.000000Z",  # repeated, and it says which
    }
    lines = [f"{n}, {ITEMS[n % 4]}, '{text}'" for n, text in enumerate(forms)]
    run = odd_night(shop, KEYS | {"sold_at": "text"}, lines)
    assert exported(run, "sold_at") == sorted(forms.values())
    assert run.manifest.warnings == []
    assert set(shop.lists()) == set(range(len(forms)))


@pytest.mark.each_database
def test_naive_times_in_the_skipped_and_the_repeated_hour_of_a_column_of_times(shop):
    times = {
        "2025-03-30 02:30:00": "2025-03-30 01:30:00.000000Z",
        "2025-10-26 02:30:00": "2025-10-26 00:30:00.000000Z",
    }
    lines = [f"{n}, {ITEMS[n]}, '{text}'" for n, text in enumerate(times)]
    run = odd_night(shop, KEYS | {"sold_at": "time"}, lines)
    assert exported(run, "sold_at") == sorted(times.values())


def lists_of(shop, lines, columns=None):
    """The lists of a night over these lines, all on one day unless they say another."""
    odd_night(shop, KEYS | {"sold_at": "time"} | (columns or {}), lines)
    return shop.rows(
        "SELECT customer_id, position, item_id, reason FROM recommendations ORDER BY customer_id, position"
    )


def test_duplicate_lines_are_one_purchase(shop):
    day = "'2025-11-20 10:00:00'"
    once = [f"{customer}, {item}, {day}" for customer, item in ((1, 10), (1, 11), (2, 10), (3, 12))]
    expected = lists_of(shop, once)
    first = shop.last_run
    assert lists_of(shop, [*once, *once[:2] * 50]) == expected
    assert shop.last_run.manifest.files["recommendations.csv"] == first.manifest.files["recommendations.csv"]
    assert shop.last_run.manifest.counts["sales"] == first.manifest.counts["sales"] + 100


def test_huge_and_fractional_quantities_are_one_purchase_and_negative_ones_take_it_back(shop):
    day, later = "'2025-11-20 10:00:00'", "'2025-11-21 10:00:00'"
    bought = ((1, 10), (1, 11), (2, 10), (3, 12))
    plain = lists_of(shop, [f"{c}, {i}, {day}, 1" for c, i in bought], {"quantity": "number"})
    quantities = ("1e15", "0.001", "2.5", "500")
    odd = [f"{c}, {i}, {day}, {q}" for (c, i), q in zip(bought, quantities, strict=True)]
    # Customer 3 bought item 13 too, and sent it back on the next day.
    odd += [f"3, 13, {day}, 1.5", f"3, 13, {later}, -1.5"]
    again = lists_of(shop, odd, {"quantity": "number"})
    # What came back is no interaction, but was sold and so can no longer be new.
    assert [row[:2] for row in again] == [row[:2] for row in plain]
    assert {item for customer, _, item, _ in again if customer == 3} == {10, 11, 13}


def test_one_item_is_a_shop_where_it_may_be_bought_again(shop):
    shop.set(REPEAT_PURCHASES="include").execute("DELETE FROM items WHERE item_id > 10")
    rows = lists_of(shop, ["1, 10, '2025-11-20 10:00:00'", "2, 10, '2025-11-20 10:00:00'"])
    assert [row[:3] for row in rows] == [(1, 1, 10), (2, 1, 10)]


def test_fewer_items_than_top_n_make_short_lists(shop):
    rows = lists_of(shop, ["1, 10, '2025-11-20 10:00:00'", "2, 11, '2025-11-20 10:00:00'"])
    assert [(customer, position) for customer, position, *_ in rows] == [
        (customer, position) for customer in (1, 2) for position in (1, 2, 3)
    ]
    assert {item for customer, _, item, _ in rows if customer == 1} == {11, 12, 13}


def test_a_few_bad_lines_are_left_out_and_counted(shop):
    day = "'2025-11-20 10:00:00'"
    good = [f"{n}, {ITEMS[n % 4]}, {day}" for n in range(300)]
    run = odd_night(shop, KEYS | {"sold_at": "text"}, [*good, f"NULL, 10, {day}", "1, 10, 'soon'"])
    assert run.manifest.counts["sales"] == 300
    assert [text for text in run.manifest.warnings if "left out" in text] == [
        "1 sale lines without a customer were left out.",
        "1 sale lines with an unreadable time were left out.",
    ]


def test_an_unknown_setting_is_a_warning(shop):
    shop.set(TOP_M=7)
    odd_night(shop, KEYS | {"sold_at": "time"}, ["1, 10, '2025-11-20 10:00:00'"])
    assert "did you mean TOP_N?" in shop.recommend("run", "--dry-run").err
    assert any("TOP_M" in text for text in shop.last_run.manifest.warnings)
