"""Started by anything: systemd's units, the nights when the clock changes, hardly any environment."""

import configparser
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from recommender.errors import ExitCode
from recommender.night import run as night
from tests.faults.injection import forked, patched
from tests.nights import make_shop, tastes

ROOT = Path(__file__).parent.parent
UNITS = ROOT / "deploy" / "systemd"
ITEMS = range(100, 124)


def unit(name: str) -> configparser.RawConfigParser:
    """A unit file; systemd's syntax is this one wherever no option is given twice."""
    parsed = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    assert parsed.read(UNITS / name, encoding="utf-8")
    return parsed


def test_the_timer_fires_at_midnight_and_makes_a_missed_night_up():
    timer = unit("recommend.timer")
    assert dict(timer["Timer"]) == {
        "OnCalendar": "*-*-* 00:00:00",
        "Persistent": "true",
        "AccuracySec": "1min",
    }
    assert timer["Install"]["WantedBy"] == "timers.target"


def test_the_service_is_one_run_in_the_shops_folder_and_not_as_root():
    service = unit("recommend.service")["Service"]
    assert service["Type"] == "oneshot"
    program, *arguments = service["ExecStart"].split()
    assert Path(program).is_absolute()
    assert program.endswith("/.venv/bin/recommend")
    assert arguments == ["run"]
    assert Path(service["WorkingDirectory"]).is_absolute()
    assert service["User"] not in ("", "root", "0")


def test_systemd_takes_the_units(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd-analyze is not installed")
    names = ("recommend.service", "recommend.timer")
    for name in names:
        text = (UNITS / name).read_text(encoding="utf-8")
        # The one thing that is not here is a program of that path.
        text = text.replace("/srv/recommend/.venv/bin/recommend", sys.executable)
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [analyze, "verify", "--man=no", *(str(tmp_path / name) for name in names)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (ExitCode.DONE, "", "")


def test_every_scheduler_is_described_and_starts_the_same_command():
    text = (ROOT / "docs" / "scheduling.md").read_text(encoding="utf-8")
    for word in ("crontab.example", "recommend.timer", "schtasks /Create", "Hosting panels", "--max-age 26h"):
        assert word in text


# The nights when the clock changes


@contextmanager
def clock_at(moment: str):
    """A run that begins at this moment."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromisoformat(moment).astimezone(tz)

    with patched(night, "datetime", Clock):
        yield


def shop_in(zone, folder, until, **settings):
    """A shop of that zone with sales up to the day before."""
    shift = until - timedelta(days=1) - max(day for _, _, day in tastes(range(1, 31), ITEMS))
    sales = [(customer, item, day + shift) for customer, item, day in tastes(range(1, 31), ITEMS)]
    shop = make_shop(
        folder / "shop",
        f"sqlite:///{folder / 'shop.db'}",
        sales,
        dict.fromkeys(ITEMS, True),
        SHOP_TIMEZONE=zone,
        **({"HISTORY_DAYS": 150} | settings),
    )
    shop.does("init", "--yes")
    return shop


# The same wall-clock time twice; where cron's midnight itself comes twice, and where the hour is another.
REPEATED = [
    ("Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:05+00:00", "2026-10-25T01:00:05+00:00"),
    ("America/Havana", "2026-11-01", "2026-11-01T04:00:05+00:00", "2026-11-01T05:00:05+00:00"),
    ("Europe/Berlin", "2026-10-25", "2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00"),
    ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T14:35:00+00:00", "2026-04-04T15:05:00+00:00"),
]


@pytest.mark.parametrize("night", REPEATED, ids=lambda night: night[0])
@pytest.mark.parametrize("train_every", [1, 7])
def test_two_runs_in_the_repeated_hour_are_one_night(tmp_path, night, train_every):
    zone, day, first, second = night
    wall = [
        datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).replace(fold=0)
        for moment in (first, second)
    ]
    assert wall[0].replace(tzinfo=None) == wall[1].replace(tzinfo=None)
    shop = shop_in(zone, tmp_path, date.fromisoformat(day), TRAIN_EVERY_DAYS=train_every, WARM_START="never")
    with clock_at(str(datetime.fromisoformat(first) - timedelta(hours=8))):
        shop.night(None)
    runs = []
    for moment in (first, second):
        with clock_at(moment):
            runs.append(shop.night(None))
    one, two = (run.manifest for run in runs)
    assert one.run_id != two.run_id
    assert one.as_of_day == two.as_of_day == day
    assert one.window_start == two.window_start
    assert one.parent_run_id == two.parent_run_id
    assert one.origin.mode == ("cold" if train_every == 1 else "loaded")
    assert one.data_sha256 == two.data_sha256
    for name in ("recommendations.csv", "popular_items.csv"):
        assert runs[0].path(name).read_bytes() == runs[1].path(name).read_bytes()
    ((as_of,),) = shop.rows("SELECT as_of FROM recommendation_runs WHERE published_seq = 3")
    assert str(as_of) == day


# Zone, the day of the change, the moment at which its midnight run starts, the hours of that day.
CHANGES = [
    ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:05+00:00", 23),
    ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:05+00:00", 25),
    # Midnight itself is skipped: the day begins at one o'clock.
    ("America/Havana", "2026-03-08", "2026-03-08T05:00:05+00:00", 23),
    ("America/Havana", "2026-11-01", "2026-11-01T04:00:05+00:00", 25),
]


@pytest.mark.parametrize(("zone", "text", "start", "hours"), CHANGES)
def test_as_of_a_day_on_which_the_clock_changes_ends_with_that_day(tmp_path, zone, text, start, hours):
    day = date.fromisoformat(text)
    shop = shop_in(zone, tmp_path, day)
    with clock_at(start):
        of_midnight = shop.night(None).manifest
    with clock_at(f"{day + timedelta(days=2)}T12:00:00+00:00"):
        by_hand = shop.night(day).manifest
        again = shop.night(day).manifest
    assert of_midnight.as_of_day == by_hand.as_of_day == text
    assert of_midnight.window_start == by_hand.window_start == again.window_start
    begin = datetime.fromisoformat(start).replace(second=0)
    assert datetime.fromisoformat(by_hand.as_of) - begin == timedelta(hours=hours)
    # No sale is made on that day, so all three read the same.
    assert of_midnight.data_sha256 == by_hand.data_sha256
    names = ("sales.csv", "recommendations.csv", "popular_items.csv")
    for other in (by_hand, again):
        assert [of_midnight.files[name] for name in names] == [other.files[name] for name in names]


def test_the_night_after_reads_each_sale_of_a_long_day_once(tmp_path):
    """A sale in the hour that comes twice is read the next night, whichever of the two it was."""
    shop = shop_in("Europe/Berlin", tmp_path, date(2026, 10, 25), HISTORY_DAYS=400)
    shop.execute("INSERT INTO sales (customer_id, item_id, sold_at) VALUES (1, 120, '2026-10-25 02:30:00')")
    with clock_at("2026-10-25T23:00:05+00:00"):
        eve = shop.night(date(2026, 10, 24)).manifest
        after = shop.night(None).manifest
    assert after.counts["sales"] == (eve.counts["sales"] or 0) + 1


# Hardly any environment


def test_a_night_with_an_empty_environment(tmp_path):
    """No PATH, no home, no locale, no zone of the machine: as `env -i`, a panel, a container may have it."""
    shop = shop_in("Europe/Berlin", tmp_path, date(2026, 3, 1))
    expected = shop.night(date(2026, 3, 1)).manifest
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from recommender.cli import main; main()"

    def bare(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, "--env-file", str(shop.env_file), *arguments],
            cwd="/",
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    done = bare("run", "--as-of", "2026-03-01")
    assert (done.returncode, done.stdout, done.stderr) == (ExitCode.DONE, "", "")
    for name in ("sales.csv", "recommendations.csv", "popular_items.csv"):
        assert shop.last_run.manifest.files[name] == expected.files[name]
    for arguments in (["status"], ["runs"], ["show", "1"], ["show", "--search", "item"]):
        done = bare(*arguments)
        assert (done.returncode, done.stderr) == (ExitCode.DONE, "")
        assert done.stdout


NOBODY = 54321


@contextmanager
def as_nobody(shop):
    """A user whom the user database does not know, without any environment.

    The night before that brings in every module: the interpreter may lie where only root can read.
    """
    shop.night(date(2026, 3, 1))
    for path in (shop.folder.parent, *shop.folder.parent.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    with pytest.raises(KeyError):
        pwd.getpwuid(NOBODY)
    os.environ.clear()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:  # what the test itself has open is root's
        os.setresuid(0, 0, 0)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may become another")
def test_a_night_as_a_user_without_a_name_and_a_home():
    """A container with `--user 54321`: the user database does not know who that is."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        shop = shop_in("Europe/Berlin", Path(name), date(2026, 3, 1))
        night = ("run", "--as-of", "2026-03-01")
        assert forked(shop, *night, fault=partial(as_nobody, shop)) == (ExitCode.DONE, "")
        root, nobody = shop.runs
        assert nobody.path("manifest.json").stat().st_uid == NOBODY
        assert nobody.manifest.files["recommendations.csv"] == root.manifest.files["recommendations.csv"]
