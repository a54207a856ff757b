"""What changed from one run to another: counted on paper, told by the commands."""

import gzip
import json
from collections import Counter
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import ExitCode
from recommender.runs.diff import (
    Change,
    DataChanges,
    ListChanges,
    compare_lists,
    compare_records,
    compare_sales,
)
from tests.nights import DAY, usual_shop

HEADER = "customer_id,item_id,sold_at,quantity,order_id\n"


@pytest.fixture
def shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", WARM_START="never")


def changes(tmp_path, then, now, window_start="2020-01-01T00:00:00Z"):
    old, new = tmp_path / "old.csv", tmp_path / "new.csv.gz"
    old.write_text(HEADER + "".join(f"{line}\n" for line in then), encoding="utf-8")
    new.write_bytes(gzip.compress((HEADER + "".join(f"{line}\n" for line in now)).encode()))
    return compare_sales(old, new, window_start=window_start)


def test_added_changed_and_removed_sales_are_counted(tmp_path):
    then = [
        "1,a,2020-02-01T00:00:00Z,1,7",
        "1,a,2020-02-01T00:00:00Z,1,7",  # twice in one order
        "1,b,2020-02-01T00:00:00Z,2,7",
        "2,b,2019-12-31T23:59:59Z,1,8",
        '3,"c,1",2020-03-01T00:00:00Z,1,',
    ]
    now = [
        "1,a,2020-02-01T00:00:00Z,1,7",
        "1,b,2020-02-01T00:00:00Z,5,7",  # another quantity
        "4,d,2020-04-01T00:00:00Z,1,9",
        '3,"c,1",2020-03-01T00:00:00Z,1,',
    ]
    assert changes(tmp_path, then, now) == DataChanges(
        added=1,
        changed=1,
        removed=2,
        left_window=1,
        new_customers=1,
        lost_customers=1,
        new_items=1,
        lost_items=0,
    )


def test_no_sales_at_all(tmp_path):
    assert changes(tmp_path, [], ["1,a,2020-02-01T00:00:00Z,1,7"]).added == 1
    assert changes(tmp_path, [], []) == DataChanges(*[0] * 8)


LINES = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from("ab"), st.integers(1, 3), st.integers(1, 2)), max_size=12
)


@given(LINES, LINES)
def test_the_counts_are_those_of_multisets(tmp_path_factory, then, now):
    texts = [[f"{c},{i},2020-02-0{d}T00:00:00Z,{q},1" for c, i, d, q in lines] for lines in (then, now)]
    found = changes(tmp_path_factory.mktemp("sales"), *texts)
    gone, come = Counter(then) - Counter(now), Counter(now) - Counter(then)
    by_sale = [Counter(line[:3] for line in lines.elements()) for lines in (gone, come)]
    changed = (by_sale[0] & by_sale[1]).total()
    assert (found.changed, found.added, found.removed) == (
        changed,
        come.total() - changed,
        gone.total() - changed,
    )
    customers = [{line[0] for line in lines} for lines in (then, now)]
    assert found.new_customers == len(customers[1] - customers[0])
    assert found.lost_customers == len(customers[0] - customers[1])


def test_lists_are_compared_customer_by_customer():
    then = {"1": ("a", "b"), "2": ("a", "b"), "3": ("a",), "4": ("a",)}
    now = {"1": ("a", "b"), "2": ("b", "a"), "3": ("b", "c", "a", "d"), "5": ("a",)}
    assert compare_lists(then, now) == ListChanges(
        customers=5,
        changed_share=4 / 5,
        mean_overlap=(1 + 1 + 1 / 4) / 3,
        new_customers=1,
        lost_customers=1,
    )
    assert compare_lists({}, {}) == ListChanges(0, None, None, 0, 0)


def test_runs_tells_what_changed_and_diff_how(shop):
    first = shop.night()
    shop.sell([(77, 110, DAY + timedelta(days=1)), (1, 111, DAY + timedelta(days=1))])
    second = shop.night(DAY + timedelta(days=1))
    shop.set(ALPHA=9)
    third = shop.night(DAY + timedelta(days=1))
    told = {run["run_id"]: run for run in json.loads(shop.does("runs", "--json"))}
    assert told[first.run_id]["changed"] == []
    assert told[second.run_id]["changed"] == ["data"]
    assert told[third.run_id]["changed"] == ["ALPHA"]
    assert told[third.run_id]["since"] == second.run_id
    assert "ALPHA" in shop.does("runs")

    found = json.loads(shop.does("runs", "diff", first.run_id, second.run_id, "--json"))
    assert (found["then"], found["now"], found["is_same_data"]) == (first.run_id, second.run_id, False)
    assert found["data"] == {
        "added": 2,
        "changed": 0,
        "removed": 0,
        "left_window": 0,
        "new_customers": 1,
        "lost_customers": 0,
        "new_items": 0,
        "lost_items": 0,
    }
    assert found["lists"]["new_customers"] == 1
    assert found["settings"] == []
    said = shop.does("runs", "diff")
    assert f"From {second.run_id}" in said
    assert "ALPHA" in said
    assert said.endswith("Changed: ALPHA alone.\n")
    assert "Changed: data, ALPHA." in shop.does("runs", "diff", first.run_id)
    same = shop.does("runs", "diff", third.run_id, third.run_id)
    assert "Nothing that can move a result has changed." in same


def test_what_is_not_kept_is_told(shop):
    first, second = shop.night(), shop.night(DAY + timedelta(days=1))
    first.path("sales.csv.gz").unlink()
    second.path("recommendations.csv").unlink()
    said = shop.does("runs", "diff")
    assert "the sales are not kept on both sides" in said
    assert "Lists:   not kept on both sides" in said


def test_changed_queries_are_named(shop):
    shop.night()
    query = shop.folder / "sql" / "items.sql"
    query.write_text(query.read_text(encoding="utf-8") + "-- a comment\n", encoding="utf-8")
    shop.night(DAY + timedelta(days=1))
    said = shop.does("runs", "diff")
    assert "items.sql is not the same" in said
    assert "Changed: queries alone." in said


def test_a_dry_run_compares_with_the_tables_and_the_last_run(shop):
    said = shop.does("run", "--dry-run", "--as-of", str(DAY))
    assert "Lists: 100.0 % of 30 customers' lists differ; 30 customers new, 0 gone" in said
    first = shop.night()
    said = shop.does("run", "--dry-run", "--as-of", str(DAY))
    assert f"From {first.run_id}" in said
    assert "Lists:   0.0 % of 30 customers' lists differ, 100 % of the items the same" in said
    shop.execute("DELETE FROM recommendations WHERE customer_id = 7")
    shop.set(TOP_N=3)
    said = shop.does("run", "--dry-run", "--as-of", str(DAY))
    assert (
        "Lists:   100.0 % of 30 customers' lists differ, 60 % of the items the same; 1 customers new" in said
    )
    assert "Changed: TOP_N alone." in said


def test_there_must_be_two(shop):
    assert "Nothing was published yet" in shop.fails(ExitCode.SETTINGS, "runs", "diff")
    run = shop.night()
    assert "published before" in shop.fails(ExitCode.SETTINGS, "runs", "diff")
    assert "There is no run" in shop.fails(
        ExitCode.SETTINGS, "runs", "diff", "20200101T000000Z-0000", run.run_id
    )


def test_another_way_to_the_same_weights_is_named(shop):
    then = shop.night().manifest
    choice = msgspec.structs.replace(then.choice, contestant="logit, item-to-item over 180 days")
    found = compare_records(then, msgspec.structs.replace(then, choice=choice))
    assert found.model == [Change("weights by", "defaults", "logit, item-to-item over 180 days")]
    assert found.changed == ["weights"]
