"""deploy/airflow/recommend_night.py without Airflow: what can be said of the file alone.

tests/airflow has the nights, in a real Airflow.
"""

import ast
import os
import re
import runpy
import sys
from datetime import date, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from recommender.cli import COMMANDS
from recommender.errors import ExitCode
from recommender.system.window import window
from tests.test_style import imported_packages

ROOT = Path(__file__).parent.parent
FILE = ROOT / "deploy" / "airflow" / "recommend_night.py"
PAGE = ROOT / "docs" / "big-shop.md"


@pytest.fixture
def dag_file(monkeypatch) -> dict[str, Any]:
    """The names of the file, where Airflow is a stub that makes no DAG: its plain functions can be tried."""
    sdk, exceptions = ModuleType("airflow.sdk"), ModuleType("airflow.sdk.exceptions")
    nothing = SimpleNamespace(
        CronTriggerTimetable=lambda *_, **__: None,
        dag=lambda **_: lambda _: lambda: None,
        get_current_context=dict,
        task=lambda function: function,
    )
    vars(sdk).update(vars(nothing))
    vars(exceptions).update(AirflowException=Exception, AirflowFailException=Exception)
    for module in (ModuleType("airflow"), sdk, exceptions):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setenv("RECOMMEND_SHOPS", "/srv/shop@Europe/Berlin")
    return runpy.run_path(str(FILE))


def test_it_imports_nothing_of_ours():
    packages = {*imported_packages(ast.parse(FILE.read_text(encoding="utf-8")))}
    assert packages - sys.stdlib_module_names == {"airflow"}


def test_it_knows_every_exit_code_of_a_stage_and_tries_again_what_may_pass(dag_file):
    assert {*dag_file["MEANINGS"]} == {*ExitCode} - {ExitCode.DONE, ExitCode.INTERRUPTED}
    passing = {ExitCode.UNEXPECTED, ExitCode.DATABASE, ExitCode.LOCKED, ExitCode.TERMINATED}
    assert dag_file["TRY_AGAIN"] == passing


def test_it_calls_the_commands_of_the_stages_in_their_order():
    tree = ast.parse(FILE.read_text(encoding="utf-8"))
    stages = [
        node.args[1].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "recommend"
        and isinstance(node.args[1], ast.Constant)
    ]
    assert stages == ["export", "train", "rank", "publish"]
    assert {*stages} <= {*COMMANDS}


def test_the_page_tells_its_variables_codes_and_commands(dag_file):
    text, page = FILE.read_text(encoding="utf-8"), PAGE.read_text(encoding="utf-8")
    read = re.findall(r'environ.get\("(\w+)"', text)
    assert re.findall(r"(?m)^\| `(RECOMMEND_\w+)` \|", page) == read
    assert re.findall(r"(?m)^- `(RECOMMEND_\w+)`", dag_file["__doc__"]) == read
    (passing,) = re.findall(r"(?m)^\| ([\d, ]+) \|.* \| tried again", page)
    assert {int(code) for code in passing.split(",")} == dag_file["TRY_AGAIN"]
    commands = re.findall(r"(?m)^(scripts/\S+)", page)
    assert commands == ["scripts/airflow-env", "scripts/airflow-night"]
    assert all(os.access(ROOT / command, os.X_OK) for command in commands)


NIGHTS = [
    ("UTC", "2026-03-02T00:05:00+00:00", date(2026, 3, 1)),
    # In UTC it is the day before already, or still.
    ("Europe/Berlin", "2026-03-01T23:05:00+00:00", date(2026, 3, 1)),
    ("America/New_York", "2026-03-02T05:05:00+00:00", date(2026, 3, 1)),
    # The day before has 23 hours, 25 hours, or none at all.
    ("Europe/Berlin", "2026-03-29T22:05:00+00:00", date(2026, 3, 29)),
    ("Europe/Berlin", "2026-10-25T23:05:00+00:00", date(2026, 10, 25)),
    ("America/Havana", "2026-03-08T05:05:00+00:00", date(2026, 3, 7)),
    ("Pacific/Apia", "2011-12-30T10:05:00+00:00", date(2011, 12, 30)),
]


@pytest.mark.parametrize(("zone", "moment", "day"), NIGHTS)
@pytest.mark.parametrize("by_hand", [False, True])
def test_a_night_is_about_the_shops_day_before(dag_file, zone, moment, day, by_hand):
    start = datetime.fromisoformat(moment)
    run = SimpleNamespace(logical_date=None if by_hand else start, run_after=start)
    assert dag_file["day_of"](run, zone) == day


@pytest.mark.parametrize(("zone", "moment", "day"), NIGHTS)
def test_it_reads_all_sales_up_to_the_midnight_before_it(dag_file, zone, moment, day):
    """What a run of cron's at that midnight reads, to the second."""
    start = datetime.fromisoformat(moment)
    here = dag_file["ZoneInfo"](zone)
    read = window(now=start, as_of=day, history_days=100, zone=here)
    local = read.end.astimezone(here)
    assert read.end < start
    assert local.date() == start.astimezone(here).date()
