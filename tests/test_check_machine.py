"""What stands around a night: disk, memory, secrets, schedule, the last run."""

from datetime import UTC, datetime, timedelta

import pytest

from recommender.errors import ExitCode
from recommender.night.memory import Size
from recommender.settings import load_settings
from recommender.setup.checks import surroundings
from recommender.setup.checks.findings import Findings, Level
from recommender.setup.checks.surroundings import (
    SQLITE_MOST_BYTES,
    SQLITE_MOST_ROWS,
    available_memory,
    check_disk,
    check_last_run,
    check_memory,
    check_schedule,
    check_secrets,
    check_waits,
)
from tests.nights import usual_shop

MB = 1 << 20
SIZE = Size(sales=1_000_000, customers=50_000, items=5_000)


@pytest.fixture
def shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


@pytest.fixture
def settings(shop):
    (shop.folder / "var").mkdir(exist_ok=True)
    return load_settings({}, shop.env_file)


def only(findings):
    (finding,) = findings.report().findings
    return finding


@pytest.mark.parametrize(
    ("free", "level", "code"),
    [
        (50 * MB, Level.ERROR, ExitCode.UNEXPECTED),
        (110 * MB, Level.WARNING, ExitCode.DONE),
        (10_000 * MB, Level.OK, ExitCode.DONE),
    ],
)
def test_the_disk_must_hold_tonight_and_the_nights_that_are_kept(settings, free, level, code):
    findings = Findings()
    check_disk(SIZE, settings, findings, export_bytes=40 * MB, free=free)
    assert only(findings).level is level
    assert findings.report().exit_code is code
    assert f"{free // MB:,} MB are free" in only(findings).what


@pytest.mark.parametrize(
    ("size", "rows", "told"),
    [
        (SQLITE_MOST_BYTES, SQLITE_MOST_ROWS, None),
        (SQLITE_MOST_BYTES + 1, 0, "shop.db has 100 MB:"),
        (0, SQLITE_MOST_ROWS + 1, "shop.db have 500,001 rows:"),
        (200 * MB, 10**6, "shop.db has 200 MB and the lists in"),
    ],
)
def test_a_large_shop_on_sqlite_is_told_that_it_will_wait(tmp_path, size, rows, told):
    path = tmp_path / "shop.db"
    findings = Findings()
    check_waits(findings, shop=path, target=path, rows=rows, file_bytes=size)
    if told is None:
        assert findings.report().findings == []
        return
    assert told in only(findings).what
    assert only(findings).level is Level.WARNING
    findings = Findings()
    check_waits(findings, shop=None, target=None, rows=rows)
    assert findings.report().findings == []


def test_check_asks_the_shops_file_and_the_last_publish(shop, monkeypatch):
    shop.night()
    assert "while a night reads or writes, the shop may wait" not in shop.recommend("check", "--json").out
    monkeypatch.setattr(surroundings, "SQLITE_MOST_BYTES", 1)
    monkeypatch.setattr(surroundings, "SQLITE_MOST_ROWS", 1)
    said = shop.recommend("check", "--json").out
    assert "while a night reads or writes, the shop may wait" in said
    assert f"the lists in {shop.url.removeprefix('sqlite:///')} have" in said


def test_the_disk_that_is_asked_is_that_of_the_runs(settings):
    findings = Findings()
    check_disk(Size(1, 1, 1), settings, findings, export_bytes=1)
    assert str(settings.data_dir) in only(findings).what


@pytest.mark.parametrize(
    ("now", "most", "level", "code"),
    [
        (50, 100, Level.ERROR, ExitCode.UNEXPECTED),
        (50, 4000, Level.WARNING, ExitCode.DONE),
        (3000, 4000, Level.OK, ExitCode.DONE),
    ],
)
def test_memory_must_be_there(settings, now, most, level, code):
    findings = Findings()
    check_memory(SIZE, settings, findings, memory=(now * MB, most * MB))
    assert only(findings).level is level
    assert findings.report().exit_code is code
    assert "(estimated)" in only(findings).what


def test_the_last_nights_own_peak_is_the_better_estimate(shop, settings):
    run = shop.night()
    peak = run.manifest.peak_mb
    findings = Findings()
    small = Size(120, 30, 24)
    check_memory(small, settings, findings, memory=(10**12, 10**12))
    assert f"about {peak:,.0f} MB of memory (as measured" in only(findings).what


def memory_of(tmp_path, *limits):
    info = tmp_path / "meminfo"
    info.write_text("MemTotal: 4000 kB\nMemFree: 1 kB\nMemAvailable: 3000 kB\n")
    own, root = tmp_path / "own", tmp_path / "cgroup"
    own.write_text("0::/shop/night\n")
    folders = (root / "shop" / "night", root / "shop")
    folders[0].mkdir(parents=True)
    for folder, (limit, used) in zip(folders, limits, strict=False):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
    return available_memory(info=info, root=root, own=own)


def test_memory_is_what_machine_and_control_groups_leave(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    kb = 1024
    assert memory_of(tmp_path / "a") == (3000 * kb, 4000 * kb)
    assert memory_of(tmp_path / "b", ("max", 5), (1000 * kb, 400 * kb)) == (600 * kb, 1000 * kb)
    assert memory_of(tmp_path / "c", (9000 * kb, 0)) == (3000 * kb, 4000 * kb)
    assert available_memory(info=tmp_path / "nowhere") is None


def test_without_knowledge_of_the_memory_the_need_alone_is_told(settings, monkeypatch):
    monkeypatch.setattr("recommender.setup.checks.surroundings.available_memory", lambda: None)
    findings = Findings()
    check_memory(SIZE, settings, findings)
    assert only(findings).level is Level.OK


def test_secrets_that_others_can_read_are_warned_of(shop, tmp_path):
    url = shop.settings.pop("DATABASE_URL")
    secret = tmp_path / "url"
    secret.write_text(url)
    shop.set(DATABASE_URL_FILE=secret)
    shop.env_file.chmod(0o644)
    secret.chmod(0o640)
    findings = Findings()
    check_secrets(load_settings({}, shop.env_file), findings)
    found = {finding.what_to_do for finding in findings.report().findings}
    assert found == {f"chmod 600 {shop.env_file}", f"chmod 600 {secret}"}
    shop.env_file.chmod(0o600)
    secret.chmod(0o400)
    findings = Findings()
    check_secrets(load_settings({}, shop.env_file), findings)
    assert {finding.level for finding in findings.report().findings} == {Level.OK}


def program(folder, name, output, code=0):
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\nexit {code}\n")
    path.chmod(0o700)


@pytest.mark.parametrize(
    ("crontab", "timers", "level"),
    [
        ("0 0 * * * cd /srv/shop && nice -n 10 recommend run", "", Level.OK),
        ("0 0 * * * /srv/.venv/bin/python -m recommender --env-file /srv/.env run", "", Level.OK),
        ("# 0 0 * * * recommend run", "", Level.WARNING),
        ("0 8 * * * recommend status --max-age 26h", "", Level.WARNING),
        ("", "Tue 2026-11-24 00:00:00 UTC 3h left - - recommend.timer recommend.service", Level.OK),
        ("", "Tue 2026-11-24 00:00:00 UTC 3h left - - logrotate.timer logrotate.service", Level.WARNING),
    ],
)
def test_a_line_of_cron_or_a_timer_starts_the_night(tmp_path, monkeypatch, crontab, timers, level):
    program(tmp_path, "crontab", crontab)
    program(tmp_path, "systemctl", timers)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    findings = Findings()
    check_schedule(findings, ())
    assert only(findings).level is level


def test_the_systems_own_tables_count_and_absent_programs_do_not(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = Findings()
    check_schedule(findings, (str(tmp_path / "cron.d" / "*"),))
    assert only(findings).level is Level.WARNING
    (tmp_path / "cron.d").mkdir()
    (tmp_path / "cron.d" / "shop").write_text("0 0 * * * shop cd /srv/shop && recommend run\n")
    (tmp_path / "cron.d" / "folder").mkdir()
    findings = Findings()
    check_schedule(findings, (str(tmp_path / "cron.d" / "*"),))
    assert str(tmp_path / "cron.d" / "shop") in only(findings).what


def test_a_crontab_that_fails_is_none(tmp_path, monkeypatch):
    program(tmp_path, "crontab", "0 0 * * * recommend run", code=1)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    findings = Findings()
    check_schedule(findings, ())
    assert only(findings).level is Level.WARNING


def test_the_last_run_is_told_and_its_age_warned_of(shop, settings):
    now = datetime.now(UTC)
    findings = Findings()
    check_last_run(settings, findings, now)
    assert "no night yet" in only(findings).what
    shop.night()
    findings = Findings()
    check_last_run(settings, findings, now)
    assert "0 hours old" in only(findings).what
    findings = Findings()
    check_last_run(settings, findings, now + timedelta(hours=30))
    assert only(findings).level is Level.WARNING
    assert "30 hours old" in only(findings).what


def test_a_night_that_failed_is_warned_of(shop, settings):
    shop.night()
    shop.execute("DELETE FROM sales")
    shop.fails(ExitCode.REFUSED, "run")
    findings = Findings()
    check_last_run(settings, findings, datetime.now(UTC))
    assert only(findings).level is Level.WARNING
    assert "was refused" in only(findings).what


def test_a_cron_line_with_a_password_in_it_is_not_repeated(tmp_path, monkeypatch):
    program(tmp_path, "crontab", "0 0 * * * DATABASE_URL=mysql://shop:S3cret@db/shop recommend run")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    findings = Findings()
    check_schedule(findings, ())
    found = only(findings)
    assert "0 0 * * *" in found.what
    assert "S3cret" not in found.what
