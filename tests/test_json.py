"""`--json`: what commands that change something tell machines is what is on record, and nothing else."""

import json
import re

import pytest

from recommender.errors import ExitCode
from recommender.runs.hold import find_hold
from tests.nights import DAY, usual_shop

ON_DAY = ("--as-of", str(DAY))


@pytest.fixture
def shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


def told(shop, *call):
    return json.loads(shop.does(*call, "--json"))


def on_record(shop):
    return told(shop, "runs", "show", "latest")


def test_a_night_and_its_stages_tell_the_run_s_record(shop):
    assert told(shop, "run", *ON_DAY) == on_record(shop)
    first = on_record(shop)
    assert (first["status"], first["as_of_day"]) == ("published", str(DAY))
    dry = told(shop, "run", "--dry-run", *ON_DAY)
    assert dry == on_record(shop)
    assert (dry["status"], dry["run_id"] == first["run_id"]) == ("dry_run", False)
    begun = told(shop, "export", *ON_DAY)
    for stage in ("train", "rank", "publish"):
        then = told(shop, stage, *(["--force"] if stage == "publish" else []))
        assert then == on_record(shop)
        assert then["run_id"] == begun["run_id"]
        assert stage in then["stages"]
        assert (then["status"] == "published") == (stage == "publish")


def test_a_refused_dry_run_tells_its_record_and_ends_with_3(shop):
    shop.does("run", *ON_DAY)
    shop.execute("DELETE FROM sales WHERE customer_id > 10")
    outcome = shop.recommend("run", "--dry-run", "--json", *ON_DAY)
    assert outcome.code is ExitCode.REFUSED
    assert json.loads(outcome.out) == on_record(shop)


def test_rollback_tells_the_run_it_made_and_the_hold(shop):
    first = told(shop, "run", *ON_DAY)
    second = told(shop, "run", "--force", *ON_DAY)
    found = told(shop, "rollback", "--hold")
    assert (found["run"], found["rows_dropped"]) == (on_record(shop), 0)
    assert (found["run"]["source"], found["run"]["source_run_id"]) == ("rollback", first["run_id"])
    held = find_hold(shop.folder / "var")
    assert held is not None
    assert found["hold"] == {"since": held.since, "source_run_id": first["run_id"]}
    assert told(shop, "rollback", first["run_id"], "--hold")["run"] is None
    released = {"run": None, "rows_dropped": 0, "hold": None}
    assert told(shop, "rollback", "--release") == released == told(shop, "rollback", "--release")
    assert second["run_id"] != found["run"]["run_id"]


def test_prune_tells_the_same_before_and_after(shop):
    for _ in range(3):
        shop.does("run", "--force", *ON_DAY)
    shop.set(KEEP_RUNS=1, KEEP_EXPORT_DAYS=1)
    plan = told(shop, "prune", "--dry-run")
    done = told(shop, "prune")
    assert plan == done | {"dry_run": True}
    assert plan["removed"]
    assert all(fate["bytes"] > 0 and fate["why"] for fate in plan["removed"] + plan["stays"])
    runs = shop.folder / "var" / "runs"
    assert not any((runs / fate["name"]).exists() for fate in plan["removed"])
    assert all((runs / fate["name"]).exists() for fate in plan["stays"])
    assert told(shop, "prune")["removed"] == []


def test_the_demo_tells_what_it_made(shop, tmp_path):
    made = told(shop, "demo", str(tmp_path / "demo"))
    assert {*made} == {
        "database", "customers", "items", "sale_lines", "first_day", "last_day", "examples",
    }  # fmt: skip
    assert all(type(example["customer_id"]) is int for example in made["examples"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", made["last_day"])


def test_forget_tells_what_was_erased_and_the_night_after_it(shop):
    shop.does("run", *ON_DAY)
    first = on_record(shop)
    key = str(shop.rows("SELECT min(customer_id) FROM recommendations")[0][0])
    done = told(shop, "forget", key, "--yes")
    assert (done["customers"], done["run"]) == (1, None)
    assert done["rows"]["recommendations"] > 0
    assert {*done["files"]} == {first["run_id"]}
    assert [done[name] for name in ("archives", "unreachable", "unread", "named_in")] == [[], [], [], []]
    again = told(shop, "forget", "--retrain")
    assert again["run"] == on_record(shop)
    assert again["run"]["run_id"] != first["run_id"]
    shop.execute("DELETE FROM sales WHERE customer_id > 10")
    failed = shop.recommend("forget", "--retrain", "--json")
    assert failed.code is ExitCode.REFUSED
    assert (json.loads(failed.out)["customers"], json.loads(failed.out)["run"]) == (1, None)
    assert told(shop, "forget", key, "--undo")["customers"] == 0


def test_forget_for_machines_asks_nothing(shop, monkeypatch):
    shop.does("run", *ON_DAY)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert "--yes" in shop.fails(ExitCode.SETTINGS, "forget", "1", "--json")
