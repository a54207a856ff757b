"""`status` tells a probe the truth; `show` tells an owner what a customer sees and why."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recommender.commands.runs import spark_line
from recommender.errors import ExitCode
from recommender.operations.show import _kept
from recommender.operations.status import status
from recommender.runs.manifest import Status
from recommender.settings import load_settings
from recommender.system.locks import file_lock
from recommender.system.text import cells
from tests.nights import DAY, make_shop, tastes, usual_shop

pytestmark = pytest.mark.sqlite_proves


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


@pytest.mark.each_database
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
    assert f"{run.manifest.counts['rows']} rows for 30 customers from 120 sales" in text
    assert run.run_id in text


def test_too_old_is_not_good(shop):
    shop.night()
    settings = load_settings({}, shop.env_file)
    now = datetime.now(UTC)
    later = now + timedelta(hours=27)
    assert status(settings, now=now, max_age=timedelta(hours=26)).good
    found = status(settings, now=later, max_age=timedelta(hours=26))
    assert not found.good
    assert "27 hours old" in found.problems[0]
    assert status(settings, now=later).good
    assert shop.recommend("status", "--max-age", "0m").code is ExitCode.REFUSED


COMMANDS = [
    *(["--help"], ["status"], ["show", "1"], ["show", "--search", "item"], ["similar", "105"]),
    *(["together", "105"], ["runs"]),
]


def test_what_answers_at_once_loads_no_arrays(sqlite_shop):
    """Neither with a database nor from the files alone; `check` reads as a night does, and must."""
    sqlite_shop.night()
    program = (
        "import sys\n"
        "from recommender.cli import main\n"
        "for sys.argv in {commands}:\n"
        "    try: main()\n"
        "    except SystemExit: pass\n"
        "print(sorted({{'numpy', 'pandas', 'pyarrow', 'scipy'}} & {{*sys.modules}}), file=sys.stderr)\n"
    )

    def loaded(commands):
        code = program.format(commands=[["recommend", *command] for command in commands])
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=sqlite_shop.folder, capture_output=True, text=True, check=False
        )
        return done.stderr.splitlines()

    assert loaded(COMMANDS) == ["[]"]  # and no errors
    assert "pyarrow" in loaded([["check"]])[-1]
    Path(sqlite_shop.url.removeprefix("sqlite:///")).unlink()
    assert loaded(COMMANDS)[-1] == "[]"


@pytest.mark.parametrize("age", ["26", "h", "-1h", "1w", "1.5h", "٣h"])
def test_an_age_in_another_form_is_a_wrong_call(sqlite_shop, age):
    assert "26h" in sqlite_shop.fails(ExitCode.SETTINGS, "status", f"--max-age={age}")


def test_a_refused_night_is_not_good_though_the_lists_are_young(sqlite_shop):
    published = sqlite_shop.night()
    sqlite_shop.execute("DELETE FROM sales WHERE customer_id > 5")
    sqlite_shop.fails(ExitCode.REFUSED, "run")
    code, found = report(sqlite_shop)
    assert code is ExitCode.REFUSED
    assert found["published"]["run_id"] == published.run_id
    assert found["last_run"]["status"] == "refused"
    assert "customers now; the run" in found["problems"][0]
    assert found["last_run"]["by_hand"] is False
    sqlite_shop.night(None, "--force")
    assert report(sqlite_shop)[0] is ExitCode.DONE


def test_what_went_wrong_by_hand_is_a_note(sqlite_shop):
    """Somebody tries a day of the past, or ends a run on a terminal: the lists are as good as they were."""
    published = sqlite_shop.night()
    assert published.manifest.by_hand
    sqlite_shop.fails(ExitCode.REFUSED, "run", "--as-of", "2019-01-01")
    code, found = report(sqlite_shop)
    assert code is ExitCode.DONE
    assert found["problems"] == []
    assert found["bad_runs"] == 0
    assert (
        f"A run by hand ({sqlite_shop.last_run.run_id}) was refused: There are no sales"
        in found["warnings"][-1]
    )
    # A stage alone is a scheduler's, whatever day it names.
    sqlite_shop.does("export", "--as-of", str(DAY))
    assert not sqlite_shop.last_run.manifest.by_hand


def test_how_good_the_lists_are_is_said_in_plain_words(sqlite_shop):
    sqlite_shop.night()
    assert report(sqlite_shop)[1]["quality"] is None  # nothing was measured
    sqlite_shop.execute("UPDATE recommendation_runs SET ndcg = 0.3, baseline_ndcg = 0.025, method = 'blend'")
    shown = sqlite_shop.recommend("status").out
    assert "12.0 times as well as the best simple list (nDCG 0.300 against 0.025)" in shown
    sqlite_shop.execute("UPDATE recommendation_runs SET method = 'popular'")
    assert "no list was clearly better than a simple one" in sqlite_shop.recommend("status").out


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


@pytest.mark.each_database
def test_show_tells_history_lists_and_reasons(shop):
    run = shop.night()
    view = json.loads(shop.does("show", "1", "--json"))
    assert (view["customer_id"], view["run_id"]) == (1, run.run_id)
    bought = shop.rows("SELECT item_id, sold_at FROM sales WHERE customer_id = 1 ORDER BY sold_at DESC")
    assert [line["item_id"] for line in view["history"]] == [item for item, _ in bought]
    assert view["history"][0]["last_bought"] == str(bought[0][1])[:10]
    assert [line["item_id"] for line in view["recommendations"]] == shop.lists()[1]
    first = view["recommendations"][0]
    assert first["name"] == f"Item {first['item_id']}"
    assert first["because_name"] == f"Item {first['because_item_id']}"
    assert view["popular_items"] == []
    text = shop.does("show", "1")
    assert f"1.  Item {first['item_id']}  Item {first['because_item_id']}" in text


def test_a_number_may_be_padded_and_a_text_may_not(shop, tmp_path):
    shop.night()
    assert shop.does("show", "0007", "--json") == shop.does("show", "7", "--json")
    sales, items = tastes(["07", "8"], [1, 2, 3, 4]), dict.fromkeys([1, 2, 3, 4], True)
    texts = make_shop(tmp_path / "texts", f"sqlite:///{tmp_path / 'texts.db'}", sales, items)
    texts.does("init", "--yes")
    texts.night()
    assert "Customer 07" in texts.does("show", "07")
    texts.fails(ExitCode.SETTINGS, "show", "7")


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
    assert "No sale and no list has" in shop.fails(ExitCode.SETTINGS, "show", "--", key)


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
    # Who gave all back, and has no list, is a customer all the same.
    sqlite_shop.execute("INSERT INTO sales VALUES (99, 105, '2026-02-01 10:00:00', 1, NULL)")
    sqlite_shop.execute("INSERT INTO sales VALUES (99, 105, '2026-02-02 10:00:00', -1, NULL)")
    sqlite_shop.set(LISTS="popular_items").night()
    view = json.loads(sqlite_shop.does("show", "99", "--json"))
    assert (view["history"], view["recommendations"]) == ([], [])
    assert view["popular_items"]


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ({"1": 1, "2": 2, "3": -2}, ["1"]),
        ({"1": 1, "2": 2, "3": -1}, ["1", "2"]),
        ({"1": 1, "2": 2, "3": -3, "4": 1}, ["4"]),
        ({"1": -5, "2": 1}, ["2"]),
        ({"1": 0.1 + 0.2, "2": -0.3}, []),
        ({"1": 0}, []),
    ],
)
def test_returns_take_from_the_latest_purchases_before_them(lines, kept):
    assert _kept(lines) == kept


def test_names_cannot_command_the_terminal(tmp_path):
    keys = ["red\x1b[31m", "b", "c", "d", "e", "f", "g"]
    shop = make_shop(
        tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", tastes(keys, keys), dict.fromkeys(keys, True)
    )
    shop.does("init", "--yes")
    shop.night()
    for customer in keys:
        assert "\x1b" not in shop.does("show", "--", customer)


def test_show_in_a_narrow_terminal_and_wide_letters_stands_in_line(sqlite_shop):
    sqlite_shop.execute("UPDATE items SET name = '日本の緑茶とお菓子の詰め合わせ' || item_id")
    sqlite_shop.night()
    lines = sqlite_shop.does("show", "1").splitlines()
    start = next(i for i, line in enumerate(lines) if "because of" in line)
    ends = {cells(line.rpartition("  ")[0]) for line in lines[start : start + 6]}
    assert len(ends) == 1


def test_days_are_the_shops_own(sqlite_shop):
    """A sale of the evening in UTC is one of the next morning in Tokyo."""
    sqlite_shop.set(SHOP_TIMEZONE="Asia/Tokyo", SALES_TIMEZONE="UTC")
    sqlite_shop.execute("INSERT INTO sales VALUES (1, 123, '2026-02-27 23:30:00', 1, NULL)")
    sqlite_shop.night()
    view = json.loads(sqlite_shop.does("show", "1", "--json"))
    assert [(n["item_id"], n["last_bought"]) for n in view["history"]][:1] == [(123, "2026-02-28")]
    customers = found(sqlite_shop, "item 123")["customers"]
    assert (1, "2026-02-28") in {(c["customer_id"], c["last_bought"]) for c in customers}


# show --search


def found(shop, text):
    return json.loads(shop.does("show", "--search", text, "--json"))


def test_search_finds_who_bought_an_item_of_that_name_most_often_first(shop):
    shop.execute(
        "UPDATE items SET name = 'Grüner TEE' WHERE item_id = 105",
        "UPDATE items SET name = 'Teekanne' WHERE item_id = 106",
        "DELETE FROM sales WHERE item_id IN (105, 106)",
        "INSERT INTO sales (customer_id, item_id, sold_at) VALUES"
        " (7, 105, '2026-02-01 10:00:00'), (7, 105, '2026-02-02 10:00:00'), (7, 105, '2026-02-02 10:00:00'),"
        " (3, 106, '2026-02-05 10:00:00'), (4, 106, '2026-02-06 10:00:00'), (4, 105, '2026-01-06 10:00:00')",
    )
    run = shop.night()
    result = found(shop, "tee")
    assert (result["text"], result["run_id"], result["n_items"]) == ("tee", run.run_id, 2)
    assert result["n_customers"] == 3
    # Two lines of one item and time are one purchase; of equals, the latest first.
    assert [(c["customer_id"], c["purchases"], c["last_bought"]) for c in result["customers"]] == [
        (4, 2, "2026-02-06"),
        (7, 2, "2026-02-02"),
        (3, 1, "2026-02-05"),
    ]
    assert result["customers"][0]["name"] == "Teekanne"
    assert found(shop, "GRÜNER t")["n_items"] == 1
    text = shop.does("show", "--search", "tee")
    assert "3 customers bought one of 2 items with 'tee' in the name" in text
    assert "recommend show 4" in text


def test_search_lists_a_few_and_counts_all(sqlite_shop):
    sqlite_shop.night()
    result = found(sqlite_shop, "item")
    assert (len(result["customers"]), result["n_customers"], result["n_items"]) == (10, 30, 24)


def test_search_needs_no_database(sqlite_shop, tmp_path):
    sqlite_shop.night()
    expected = found(sqlite_shop, "item 1")
    (tmp_path / "shop.db").rename(tmp_path / "away.db")
    assert found(sqlite_shop, "item 1") == expected


def test_a_search_that_finds_nothing_is_a_wrong_call(sqlite_shop):
    assert "no published run" in sqlite_shop.fails(ExitCode.SETTINGS, "show", "--search", "item")
    sqlite_shop.execute("INSERT INTO items VALUES (900, 'Kettle', 1)")
    sqlite_shop.night()
    assert "No item has a name" in sqlite_shop.fails(ExitCode.SETTINGS, "show", "--search", "\x1b[31mnothing")
    assert "nobody bought" in sqlite_shop.fails(ExitCode.SETTINGS, "show", "--search", "kettle")


@pytest.mark.parametrize("call", [["show", "1", "--search", "x"], ["show", "--search", ""], ["show"]])
def test_either_a_customer_or_a_search(sqlite_shop, call):
    assert "either a CUSTOMER or --search" in sqlite_shop.fails(ExitCode.SETTINGS, *call)


# runs


def runs_of(shop):
    return json.loads(shop.does("runs", "--json"))


def test_no_runs_yet(sqlite_shop):
    assert runs_of(sqlite_shop) == []
    assert "no runs" in sqlite_shop.does("runs")


def test_runs_lists_every_night_the_newest_first(shop):
    shop.night()
    shop.does("run", "--dry-run", "--as-of", str(DAY))
    shop.execute("DELETE FROM sales WHERE customer_id > 5")
    shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY))
    listed = runs_of(shop)
    assert [run["run_id"] for run in listed] == [run.run_id for run in reversed(shop.runs)]
    assert [run["status"] for run in listed] == ["refused", "dry_run", "published"]
    assert [run["as_of_day"] for run in listed] == [str(DAY)] * 3
    assert listed[2]["counts"]["sales"] == 120
    assert listed[2]["seconds"] == round(sum(s.seconds for s in shop.runs[0].manifest.stages.values()), 1)
    assert listed[2]["peak_mb"] > 0
    heading, refused, _, published = shop.does("runs").splitlines()
    assert heading.split() == [
        *(
            "day",
            "status",
            "sales",
            "customers",
            "rows",
            "seconds",
            "peak",
            "MB",
            "method",
            "nDCG",
            "changed",
            "run",
            "error",
        )
    ]
    day, status, sales, customers, rows, _, _, method, run_id = published.split()
    assert (day, status, sales, customers) == (str(DAY), "published", "120", "30")
    assert int(rows) == shop.runs[0].manifest.counts["rows"]
    assert (method, run_id) == ("blend", shop.runs[0].run_id)
    assert "customers now; the run" in refused


def test_the_quality_of_the_nights_is_a_line_of_bars(sqlite_shop):
    for ndcg in (0.1, None, 0.2, 0.18):
        run = sqlite_shop.night()
        run.manifest.quality = {"ndcg": ndcg, "baseline_ndcg": None}
        run.save()
    assert "nDCG, oldest to newest: ▁█▇  0.100 to 0.200" in sqlite_shop.does("runs")
    assert spark_line([0.3, 0.3]) == "▅▅"


def test_one_run_is_shown_by_any_part_of_its_id(sqlite_shop):
    first, second = sqlite_shop.night(), sqlite_shop.night()
    told = json.loads(sqlite_shop.does("runs", "show", second.run_id, "--json"))
    assert told["run_id"] == second.run_id
    assert [*told["stages"]] == ["export", "train", "rank", "publish"]
    assert told["counts"]["rows"] == second.manifest.counts["rows"]
    assert datetime.fromisoformat(told["newest_sale"]).tzinfo is not None
    for typed in ("latest", second.run_id[-4:], second.run_id[-6:]):
        assert json.loads(sqlite_shop.does("runs", "show", typed, "--json")) == told
    text = sqlite_shop.does("runs", "show", first.run_id[-4:])
    assert first.run_id in text
    assert "published" in text
    assert f"{first.run_id} is pinned" in sqlite_shop.does("runs", "pin", first.run_id[-4:])
    assert json.loads(sqlite_shop.does("reproduce", "latest", "--json"))["run_id"] == second.run_id


def test_a_part_that_means_several_runs_or_none_is_a_wrong_call(sqlite_shop):
    first, second = sqlite_shop.night(), sqlite_shop.night()
    several = sqlite_shop.fails(ExitCode.SETTINGS, "runs", "show", first.run_id[:4])
    assert first.run_id in several
    assert second.run_id in several
    assert "There is no run" in sqlite_shop.fails(ExitCode.SETTINGS, "runs", "show", "zzzz")
    # So short a part means nothing.
    assert "There is no run" in sqlite_shop.fails(ExitCode.SETTINGS, "runs", "show", second.run_id[-3:])
    shop = sqlite_shop.does("rollback", first.run_id[-4:])
    assert first.run_id in shop


def test_runs_needs_no_database_and_knows_a_dead_run(sqlite_shop, tmp_path):
    run = sqlite_shop.night()
    run.manifest.status = Status.RUNNING
    run.save()
    (tmp_path / "shop.db").unlink()
    assert runs_of(sqlite_shop)[0]["status"] == "unknown"
    with file_lock(sqlite_shop.folder / "var" / "lock"):
        assert runs_of(sqlite_shop)[0]["status"] == "running"


# since when


def test_status_says_since_when_and_how_often_it_is_wrong(sqlite_shop):
    good = sqlite_shop.night()
    query = sqlite_shop.folder / "sql" / "sales.sql"
    text = query.read_text(encoding="utf-8")
    query.write_text("SELECT nonsense", encoding="utf-8")
    for _ in range(2):
        assert sqlite_shop.recommend("run").code is ExitCode.DATABASE
    query.write_text(text, encoding="utf-8")
    sqlite_shop.execute("DELETE FROM sales WHERE customer_id > 5")
    sqlite_shop.fails(ExitCode.REFUSED, "run")
    sqlite_shop.does("export", "--as-of", str(DAY))  # waits: neither good nor bad
    _, first, _, third, _ = sqlite_shop.runs
    code, found = report(sqlite_shop)
    assert code is ExitCode.REFUSED
    assert found["bad_runs"] == 3
    assert found["wrong_since"] == first.manifest.started_at
    assert found["last_run"]["run_id"] == third.run_id
    assert "3 nights" in found["problems"][0]
    assert "which failed" in found["problems"][0]
    assert found["summary"].startswith(f"The last run, for day {third.day}, was refused 0 minutes ago;")
    assert f"customers still see the lists of day {DAY}" in found["summary"]
    shown = sqlite_shop.recommend("status").out
    assert good.run_id in shown
    assert "Since: " in shown
    sqlite_shop.night(None, "--force")
    code, found = report(sqlite_shop)
    assert (code, found["bad_runs"], found["wrong_since"]) == (ExitCode.DONE, 0, None)


def test_lists_that_grew_too_old_are_wrong_since_they_did(sqlite_shop):
    run = sqlite_shop.night()
    settings = load_settings({}, sqlite_shop.env_file)
    published = datetime.fromisoformat(run.manifest.published_at or "")
    found = status(settings, now=published + timedelta(days=3), max_age=timedelta(hours=26))
    assert datetime.fromisoformat(found.wrong_since or "") == published + timedelta(hours=26)
    assert found.bad_runs == 0
    assert found.summary.endswith("3.0 days ago.")


def test_before_the_first_night_the_sentence_says_so(sqlite_shop):
    _, found = report(sqlite_shop)
    assert (found["summary"], found["wrong_since"]) == ("No night has run here yet.", None)


def test_a_run_that_goes_on_is_named(sqlite_shop):
    sqlite_shop.night()
    sqlite_shop.does("export")
    run = sqlite_shop.last_run
    run.manifest.status = Status.RUNNING
    run.save()
    with file_lock(sqlite_shop.folder / "var" / "lock"):
        assert report(sqlite_shop)[1]["going_on"] == run.run_id
        assert f"the run {run.run_id} is going on" in sqlite_shop.does("status")
    assert report(sqlite_shop)[1]["going_on"] is None


def test_a_run_that_the_database_knows_as_published_is_good(sqlite_shop):
    """Its process died, or lost its connection, right after the commit; the next run settles the record."""
    run = sqlite_shop.night()
    run.manifest.status = Status.FAILED
    run.save()
    assert report(sqlite_shop)[0] is ExitCode.DONE
