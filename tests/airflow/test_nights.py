"""The night as a DAG, by `dag.test()` in a real Airflow: what comes of it, and what the tables hold then."""

import os
import select
import signal
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from recommender.errors import ExitCode
from recommender.night.locked import lock_path
from recommender.runs.manifest import Stage, Status
from recommender.settings import load_settings
from recommender.tables import LISTS
from tests.airflow.support import ROOT, STAGES, NightlyShop, instead
from tests.faults.support import lengths
from tests.nights import DAY

FAILS = ["failed", 1]
FAILS_TWICE = ["failed", 2]
NEVER = ["upstream_failed", 0]
GOOD = ["success", 1]
AGAIN = ["success", 2]
AWAY = 'os.environ["DATABASE_URL"] = "postgresql://shop:s3cret@127.0.0.1:1/shop"'
TRIED_AGAIN = {ExitCode.UNEXPECTED, ExitCode.DATABASE, ExitCode.LOCKED, ExitCode.TERMINATED}


@pytest.fixture
def nightly(airflow, tmp_path):
    del airflow  # skips first
    return NightlyShop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")


def night(airflow, nightly, *question):
    airflow.ask(*(question or nightly.question()))
    return airflow.answer()


# A good night


def test_a_good_night_publishes_what_run_publishes(airflow, tmp_path, database_url):
    nightly = NightlyShop(tmp_path, database_url)
    shop = nightly.shop
    assert lengths(shop) == {3}
    answer, logged = night(airflow, nightly)
    assert answer["state"] == "success"
    assert answer["tasks"] == dict.fromkeys(STAGES, GOOD)
    by_tasks, shown = shop.last_run, shop.shown()
    assert lengths(shop) == {5}
    assert by_tasks.manifest.status is Status.PUBLISHED
    assert by_tasks.manifest.as_of_day == str(DAY)
    assert not by_tasks.manifest.by_hand
    pushed = [[stage, "return_value", by_tasks.run_id] for stage in ("export", "rank", "train")]
    assert sorted(answer["xcom"]) == pushed
    for stage in STAGES:
        assert f"stage ends: {stage}" in logged
    assert nightly.told == []
    by_run = shop.night(DAY)
    assert shop.shown() == shown
    for definition in LISTS:
        name = definition.file_name
        assert by_run.path(name).read_bytes() == by_tasks.path(name).read_bytes()


def test_what_follows_the_id_on_stderr_does_not_become_the_id(airflow, nightly):
    nightly.fault("export", "import atexit; atexit.register(print, 'Warning: late', file=sys.stderr)")
    answer, logged = night(airflow, nightly)
    assert answer["state"] == "success"
    assert {value for _, _, value in answer["xcom"]} == {nightly.last_run.run_id}
    assert "Warning: late" in logged


def test_by_hand_without_a_logical_date_it_is_the_day_before_the_start(airflow, nightly):
    afternoon = f"{DAY + timedelta(days=1)}T15:00:00+00:00"
    answer, _ = night(airflow, nightly, *nightly.question(logical_date=None, run_after=afternoon))
    assert answer["state"] == "success"
    assert nightly.last_run.manifest.as_of_day == str(DAY)


# A stage fails


def few_customers(nightly: NightlyShop) -> None:
    nightly.shop.execute("DELETE FROM sales WHERE customer_id > 3")


def bad_query(nightly: NightlyShop) -> None:
    query = nightly.shop.folder / "sql" / "sales.sql"
    query.write_text("SELECT customer_id, item_id FROM sales\n", encoding="utf-8")


def no_sales(nightly: NightlyShop) -> None:
    nightly.shop.execute("DELETE FROM sales")


def spoilt(name: str) -> Callable[[str], str]:
    """A file of the run is changed between the stages."""
    return lambda _: f"(folder / 'shop/var/runs' / sys.argv[3] / {name!r}).write_bytes(b'spoilt')"


WRONG_SETTING = 'os.environ["FACTORS"] = "none"'
FAULTS: dict[ExitCode, dict[str, Any]] = {
    ExitCode.UNEXPECTED: dict.fromkeys(STAGES, lambda stage: instead(stage, "raise ValueError(stage)")),
    ExitCode.SETTINGS: dict.fromkeys(STAGES, WRONG_SETTING) | {"export": bad_query},
    ExitCode.REFUSED: {
        "export": no_sales,
        "train": spoilt("sales.csv"),
        "rank": spoilt("model.npz"),
        "publish": few_customers,
    },
    ExitCode.DATABASE: dict.fromkeys(STAGES, AWAY),
    ExitCode.TERMINATED: dict.fromkeys(
        STAGES, lambda stage: instead(stage, "os.kill(os.getpid(), signal.SIGTERM)")
    ),
}
PREPARED = {bad_query, no_sales, few_customers}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("code", FAULTS)
def test_a_stage_that_fails_stops_the_rest_and_leaves_the_tables(airflow, nightly, code, stage):
    fault = FAULTS[code][stage]
    if fault in PREPARED:
        fault(nightly)
    else:
        nightly.fault(stage, fault if isinstance(fault, str) else fault(stage))
    before = nightly.shop.dump()
    answer, logged = night(airflow, nightly)
    assert nightly.shop.dump() == before
    assert lengths(nightly.shop) == {3}
    place = STAGES.index(stage)
    assert answer["state"] == "failed"
    assert answer["tasks"] == {
        **dict.fromkeys(STAGES[:place], GOOD),
        stage: FAILS_TWICE if code in TRIED_AGAIN else FAILS,
        **dict.fromkeys(STAGES[place + 1 :], NEVER),
    }
    assert f"recommend {stage} ended with {code.value}, " in logged
    (line,) = nightly.told
    assert f"the night of {DAY} failed: recommend {stage} ended with {code.value}, " in line
    # Only what cannot be foreseen has no code of its own, by which docs/when-it-fails.md is searched.
    assert line.endswith("]") or code is ExitCode.TERMINATED


def test_the_owner_is_told_one_line_with_the_short_code(airflow, nightly):
    no_sales(nightly)
    night(airflow, nightly)
    (line,) = nightly.told
    assert line == (
        f"recommend_night_{nightly.shop.folder.parent.name}: the night of {DAY} failed:"
        " recommend export ended with 3, data or result refused [sales-none]"
    )


def test_no_log_of_airflows_has_what_names_a_customer(airflow, nightly):
    nightly.shop.execute("INSERT INTO sales VALUES ('zoe', 110, '2026-02-01 09:30:00', 1, NULL)")
    asked = nightly.shop.recommend("check")
    assert "zoe" in asked.out + asked.err
    answer, logged = night(airflow, nightly)
    assert answer["tasks"]["export"] == FAILS
    assert nightly.told[0].endswith("recommend export ended with 3, data or result refused [keys-mixed]")
    assert "customer_id is an integer" in logged
    assert "zoe" not in logged


# Tried again


@pytest.mark.parametrize("code", [ExitCode.DATABASE, ExitCode.LOCKED])
def test_what_is_over_in_a_while_is_tried_again(airflow, nightly, code):
    lock = lock_path(load_settings(env_file=nightly.shop.env_file))
    nightly.fault("rank", AWAY if code is ExitCode.DATABASE else held(lock), once=True)
    answer, logged = night(airflow, nightly)
    assert f"recommend rank ended with {code.value}, " in logged
    assert answer["state"] == "success"
    assert answer["tasks"] == {"export": GOOD, "train": GOOD, "rank": AGAIN, "publish": GOOD}
    assert lengths(nightly.shop) == {5}
    assert nightly.told == []


def held(lock) -> str:
    """Another run is going on for as long as this one tries."""
    holder = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from recommender.system.locks import file_lock
with file_lock(Path({str(lock)!r})):
    print("held", flush=True)
    sys.stdin.read()
"""
    return f"""
import atexit
other = subprocess.Popen([sys.executable, "-c", {holder!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
other.stdout.readline()
atexit.register(other.communicate)
"""


def test_an_export_that_is_tried_again_begins_a_new_run(airflow, nightly):
    nightly.fault("export", instead("export", "raise ValueError"), once=True)
    answer, _ = night(airflow, nightly)
    assert answer["tasks"] == dict.fromkeys(STAGES, GOOD) | {"export": AGAIN}
    _, broken, whole = nightly.shop.runs
    assert (broken.manifest.status, whole.manifest.status) == (Status.FAILED, Status.PUBLISHED)
    assert {value for _, _, value in answer["xcom"]} == {whole.run_id}


def test_who_ends_the_task_ends_the_stage(airflow, nightly, tmp_path):
    reached = tmp_path / "reached"
    os.mkfifo(reached)
    descriptor = os.open(reached, os.O_RDONLY | os.O_NONBLOCK)
    body = f"open({str(reached)!r}, 'w').write('x'); signal.pause()"
    nightly.fault("train", instead("train", body), once=True)
    airflow.ask(*nightly.question())
    ready, _, _ = select.select([descriptor], [], [], 120)
    os.close(descriptor)
    assert ready
    airflow.process.send_signal(signal.SIGTERM)
    answer, logged = airflow.answer()
    assert f"recommend train ended with {ExitCode.TERMINATED.value}, terminated" in logged
    assert answer["state"] == "success"
    assert answer["tasks"] == dict.fromkeys(STAGES, GOOD) | {"train": AGAIN}


def test_a_publish_that_is_ended_after_its_commit_has_published(airflow, nightly):
    code = (
        "from recommender.night import run\nrun.tidy_up = lambda *_: os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    nightly.fault("publish", code, once=True)
    answer, logged = night(airflow, nightly)
    assert f"recommend publish ended with {ExitCode.TERMINATED.value}, " in logged
    assert "are in the tables already" in logged
    assert answer["state"] == "success"
    assert answer["tasks"] == dict.fromkeys(STAGES, GOOD) | {"publish": AGAIN}
    assert lengths(nightly.shop) == {5}
    assert nightly.told == []


def test_a_program_that_is_not_there_is_not_tried_again(airflow, nightly):
    nightly.program.unlink()
    answer, _ = night(airflow, nightly)
    assert answer["tasks"] == {"export": FAILS, **dict.fromkeys(STAGES[1:], NEVER)}
    assert nightly.told[0].endswith(f"{nightly.program} cannot be started: No such file or directory")


# An older night


def test_the_night_of_an_older_day_is_on_record_and_not_published(airflow, nightly):
    before = nightly.shop.dump()
    older = DAY - timedelta(days=7)
    answer, logged = night(airflow, nightly, *nightly.question(older))
    assert nightly.shop.dump() == before
    assert answer["tasks"] == dict.fromkeys(STAGES, GOOD) | {"publish": FAILS}
    assert "[gate-past-night]" in logged
    assert len(nightly.told) == 1
    run = nightly.last_run
    assert run.manifest.as_of_day == str(older)
    assert run.manifest.status is Status.REFUSED
    assert run.has_done(Stage.RANK)
    assert run.path("recommendations.csv").is_file()


def test_it_is_published_where_nothing_newer_is_out(airflow, nightly):
    nightly.shop.execute("DELETE FROM recommendation_runs", "DELETE FROM recommendations")
    answer, _ = night(airflow, nightly, *nightly.question(DAY - timedelta(days=7)))
    assert answer["state"] == "success"
    assert lengths(nightly.shop) != {3}


# What Airflow sees in the file


def test_each_shop_has_a_dag_in_its_own_zone(airflow):
    shops = "/srv/shop@Europe/Berlin /srv/kiosk@America/New_York"
    airflow.ask("look", {"RECOMMEND_SHOPS": shops, "RECOMMEND_RETRIES": "7"})
    answer, _ = airflow.answer()
    assert answer["errors"] == []
    dag = {
        "tasks": {"export": ["train"], "train": ["rank"], "rank": ["publish"], "publish": []},
        "catchup": False,
        "max_active_runs": 1,
        "schedule": "5 0 * * *",
        "retries": [7] * 4,
    }
    assert answer["dags"] == {
        "recommend_night_shop": dag | {"zone": "Europe/Berlin"},
        "recommend_night_kiosk": dag | {"zone": "America/New_York"},
    }


@pytest.mark.parametrize("shops", ["", "/srv/shop", "/a/shop@UTC /b/shop@UTC", "@UTC"])
def test_a_list_of_shops_that_is_none_is_told(airflow, shops):
    airflow.ask("look", {"RECOMMEND_SHOPS": shops})
    answer, _ = airflow.answer()
    assert answer["dags"] == {}
    assert "RECOMMEND_SHOPS has to name each shop as FOLDER@ZONE" in answer["errors"][0]


CHANGES = [
    ("Europe/Berlin", date(2026, 3, 28)),
    ("Europe/Berlin", date(2026, 10, 24)),
    ("America/New_York", date(2026, 3, 7)),
    # Midnight is skipped, or comes twice.
    ("America/Havana", date(2026, 3, 7)),
    ("America/Havana", date(2026, 10, 31)),
    ("Africa/Cairo", date(2026, 4, 23)),
    ("Asia/Beirut", date(2026, 3, 28)),
    ("America/Santiago", date(2026, 9, 5)),
    ("Atlantic/Azores", date(2026, 10, 24)),
    ("Australia/Lord_Howe", date(2026, 4, 4)),
]


@pytest.mark.parametrize(("zone", "first"), CHANGES)
def test_every_day_has_one_night_however_the_clock_changes(airflow, zone, first):
    noon = datetime(first.year, first.month, first.day, 12, tzinfo=ZoneInfo(zone))
    airflow.ask("fires", {"RECOMMEND_SHOPS": f"/srv/shop@{zone}"}, zone, noon.isoformat(), 4)
    answer, _ = airflow.answer()
    assert [day for _, day in answer] == [str(first + timedelta(days=number)) for number in range(4)]
    starts = [datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)) for moment, _ in answer]
    assert [start.date() for start in starts] == [first + timedelta(days=1 + number) for number in range(4)]
    assert all(start.hour <= 1 and start.minute == 5 for start in starts)
