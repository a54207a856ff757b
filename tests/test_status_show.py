"""`status` tells a probe the truth; `show` tells an owner what a customer sees and why."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from recommender.errors import ExitCode
from recommender.locks import file_lock
from recommender.runs import Status
from recommender.settings import load_settings
from recommender.status import status
from tests.nights import DAY, make_shop, tastes, usual_shop


@pytest.fixture
def shop(tmp_path, database_url):
    return usual_shop(tmp_path / "shop", database_url)


@pytest.fixture
def sqlite_shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


def report(shop, *options):
    """The exit code and the JSON of `status`."""
    outcome = shop.recommend("status", "--json", *options)
    assert outcome.err == ""
    return outcome.code, json.loads(outcome.out)


def test_nothing_published_is_not_good(shop):
    code, found = report(shop)
    assert code is ExitCode.REFUSED
    assert found["published"] is None
    assert found["last_run"] is None
    assert "Nothing was ever published" in found["problems"][0]


def test_a_good_night_is_good(shop):
    run = shop.night()
    code, found = report(shop, "--max-age", "26h")
    assert code is ExitCode.DONE
    assert found["good"]
    assert found["published"]["run_id"] == found["last_run"]["run_id"] == run.run_id
    assert found["published"]["as_of"] == str(DAY)
    assert found["published"]["customers"] == 30
    assert found["published"]["age_hours"] < 1
    assert found["last_run"]["status"] == "published"
    assert found["last_run"]["exit_code"] == ExitCode.DONE
    text = shop.does("status")
    assert "172 rows for 30 customers from 120 sales" in text
    assert run.run_id in text


def test_too_old_is_not_good(shop):
    shop.night()
    settings = load_settings({}, shop.env_file)
    now = datetime.now(UTC)
    later = now + timedelta(hours=27)
    assert status(settings, now=now, max_age=timedelta(hours=26)).is_good
    found = status(settings, now=later, max_age=timedelta(hours=26))
    assert not found.is_good
    assert "27 hours old" in found.problems[0]
    assert status(settings, now=later).is_good
    assert shop.recommend("status", "--max-age", "0m").code is ExitCode.REFUSED


@pytest.mark.parametrize("age", ["26", "h", "-1h", "1w", "1.5h", "٣h"])
def test_an_age_in_another_form_is_a_wrong_call(sqlite_shop, age):
    assert "26h" in sqlite_shop.fails(ExitCode.SETTINGS, "status", f"--max-age={age}")


def test_a_refused_night_is_not_good_though_the_lists_are_young(sqlite_shop):
    published = sqlite_shop.night()
    sqlite_shop.execute("DELETE FROM sales WHERE customer_id > 5")
    sqlite_shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY))
    code, found = report(sqlite_shop)
    assert code is ExitCode.REFUSED
    assert found["published"]["run_id"] == published.run_id
    assert found["last_run"]["status"] == "refused"
    assert "customers are less" in found["problems"][0]
    sqlite_shop.night(DAY, "--force")
    assert report(sqlite_shop)[0] is ExitCode.DONE


def test_a_dry_run_and_waiting_stages_harm_nothing(sqlite_shop):
    run = sqlite_shop.night()
    sqlite_shop.does("run", "--dry-run", "--as-of", str(DAY))
    code, found = report(sqlite_shop)
    assert (code, found["last_run"]["run_id"]) == (ExitCode.DONE, run.run_id)
    sqlite_shop.does("export")
    assert report(sqlite_shop)[0] is ExitCode.DONE


def test_a_run_that_was_killed_is_not_good_and_one_that_goes_on_is(sqlite_shop):
    sqlite_shop.night()
    sqlite_shop.does("export")
    run = sqlite_shop.last_run
    run.manifest.status = Status.RUNNING
    run.save()
    lock = sqlite_shop.folder / "var" / "lock"
    with file_lock(lock):
        code, found = report(sqlite_shop)
        assert code is ExitCode.DONE
        assert found["last_run"]["run_id"] != run.run_id
    content = lock.read_bytes()
    code, found = report(sqlite_shop)
    assert code is ExitCode.REFUSED
    assert "killed" in found["problems"][0]
    assert lock.read_bytes() == content
    run.manifest.error = "Whether the lists were published is unknown."
    run.save()
    assert "is unknown" in report(sqlite_shop)[1]["problems"][0]


def test_without_its_database_status_tells_what_the_folder_knows(sqlite_shop, tmp_path):
    run = sqlite_shop.night()
    (tmp_path / "shop.db").rename(tmp_path / "away.db")
    code, found = report(sqlite_shop)
    assert code is ExitCode.DONE
    assert found["published"]["run_id"] == run.run_id
    assert "run folder" in found["warnings"][0]
    assert not (tmp_path / "shop.db").exists()
    sqlite_shop.does("status")


def test_warnings_of_the_night_are_told_on_one_line_each(sqlite_shop):
    query = "SELECT customer_id, item_id, sold_at FROM sales"
    (sqlite_shop.folder / "sql" / "sales.sql").write_text(query, encoding="utf-8")
    sqlite_shop.night()
    (line,) = [line for line in sqlite_shop.does("status").splitlines() if line.startswith("Warning:")]
    assert ":since" in line


# show


def test_show_tells_history_lists_and_reasons(shop):
    run = shop.night()
    view = json.loads(shop.does("show", "1", "--json"))
    assert (view["customer_id"], view["run_id"]) == ("1", run.run_id)
    bought = shop.rows("SELECT item_id, sold_at FROM sales WHERE customer_id = 1 ORDER BY sold_at DESC")
    assert [line["item_id"] for line in view["history"]] == [str(item) for item, _ in bought]
    assert view["history"][0]["last_bought"] == str(bought[0][1])[:10]
    assert [line["item_id"] for line in view["recommendations"]] == [str(i) for i in shop.lists()[1]]
    first = view["recommendations"][0]
    assert first["name"] == f"Item {first['item_id']}"
    assert first["because_name"] == f"Item {first['because_item_id']}"
    assert view["popular_items"] == []
    text = shop.does("show", "1")
    assert f"1.  Item {first['item_id']}  Item {first['because_item_id']}" in text


def test_a_customer_without_a_list_is_shown_what_is_popular(shop):
    shop.night()
    shop.execute("DELETE FROM recommendations WHERE customer_id = 1")
    view = json.loads(shop.does("show", "1", "--json"))
    assert view["recommendations"] == []
    assert [line["position"] for line in view["popular_items"]] == [1, 2, 3, 4, 5]
    assert "popular" in shop.does("show", "1")


@pytest.mark.parametrize("key", ["999", "-1", "abc", "1.0", "", "--1", "9" * 40, "1' OR '1'='1", "٣"])
def test_an_unknown_customer_is_a_wrong_call(shop, key):
    shop.night()
    assert "No sale and no list knows" in shop.fails(ExitCode.SETTINGS, "show", "--", key)


def test_show_works_from_the_folder_when_the_database_is_away(sqlite_shop, tmp_path):
    sqlite_shop.night()
    with_database = json.loads(sqlite_shop.does("show", "1", "--json"))
    (tmp_path / "shop.db").rename(tmp_path / "away.db")
    view = json.loads(sqlite_shop.does("show", "1", "--json"))
    assert "run folder" in view["source"]
    assert view["recommendations"] == with_database["recommendations"]


def test_show_before_the_first_night(sqlite_shop):
    sqlite_shop.fails(ExitCode.SETTINGS, "show", "1")


def test_what_was_given_back_is_no_history(sqlite_shop):
    sqlite_shop.execute("INSERT INTO sales VALUES (1, 105, '2026-02-01 10:00:00', -2, NULL)")
    query = "SELECT customer_id, item_id, sold_at, coalesce(quantity, 1) AS quantity FROM sales"
    (sqlite_shop.folder / "sql" / "sales.sql").write_text(query, encoding="utf-8")
    sqlite_shop.night()
    view = json.loads(sqlite_shop.does("show", "1", "--json"))
    assert "105" not in {line["item_id"] for line in view["history"]}


def test_names_cannot_command_the_terminal(tmp_path):
    keys = ["red\x1b[31m", "b", "c", "d", "e", "f", "g"]
    shop = make_shop(
        tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", tastes(keys, keys), dict.fromkeys(keys, True)
    )
    shop.does("init", "--yes")
    shop.night()
    for customer in keys:
        assert "\x1b" not in shop.does("show", "--", customer)
