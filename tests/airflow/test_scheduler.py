"""The night under Airflow's own services: the scheduler starts it, and a backfill beside it."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from recommender.runs.manifest import Status
from scripts.airflow_services import AirflowServices, processes_of
from tests import sentinel
from tests.airflow.conftest import programs
from tests.airflow.support import STAGES, NightlyShop, zone_after_midnight
from tests.faults.support import lengths
from tests.nights import DAY

GOOD = ("success", 1)


@pytest.mark.long
def test_the_scheduler_does_the_night_and_a_backfill_is_for_the_record(tmp_path):
    where = programs()
    nightly = NightlyShop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
    zone = zone_after_midnight()
    nightly.shop.set(SHOP_TIMEZONE=zone)
    nightly.environment["RECOMMEND_SHOPS"] = nightly.environment["RECOMMEND_SHOPS"].replace("UTC", zone)
    services = AirflowServices(tmp_path / "airflow", where, nightly.environment)
    with services:
        assert all(processes_of(session) for session in services.sessions)
        run_id, state = services.finished("scheduled", seconds=240)
        assert (state, services.tasks(run_id)) == ("success", dict.fromkeys(STAGES, GOOD))
        assert [*services.tasks(run_id)] == [*STAGES]
        scheduled = datetime.fromisoformat(run_id.removeprefix("scheduled__")).astimezone(ZoneInfo(zone))
        assert (scheduled.hour, scheduled.minute) == (0, 5)
        ours, logged = nightly.last_run.manifest, services.log(run_id)
        assert ours.status is Status.PUBLISHED
        assert ours.as_of_day == str(scheduled.date() - timedelta(days=1))
        for stage in STAGES:
            assert f"stage ends: {stage}" in logged
        assert lengths(nightly.shop) == {5}

        published = nightly.shop.dump()
        dag = f"recommend_night_{nightly.program.parent.name}"
        older = datetime.combine(DAY - timedelta(days=7), time(), ZoneInfo(zone))
        begin, end = older.isoformat(), (older + timedelta(hours=12)).isoformat()
        services.call("backfill", "create", "--dag-id", dag, "--from-date", begin, "--to-date", end)
        run_id, state = services.finished("backfill", seconds=240)
        assert state == "failed"
        assert services.tasks(run_id) == {**dict.fromkeys(STAGES, GOOD), "publish": ("failed", 1)}
        assert "[gate-past-night]" in services.log(run_id)
        assert nightly.last_run.manifest.as_of_day == str(older.date() - timedelta(days=1))
        assert nightly.shop.dump() == published
        assert len(nightly.told) == 1
    for path in services.home.rglob("*"):
        if path.is_file():
            sentinel.require_absent(path.read_bytes().decode("utf-8", "replace"), path)
    assert [*map(processes_of, services.sessions)] == [[], [], []]
