"""Clocks that jump, nights in which they change, days that are rare."""

from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta

import pytest

from recommender.errors import ExitCode
from recommender.runs.history import History
from recommender.runs.manifest import Status
from tests.faults.injection import at_point, clock_at
from tests.faults.support import NIGHT, lengths
from tests.nights import DAY


def sequence(shop):
    query = "SELECT run_id, published_seq FROM recommendation_runs ORDER BY published_seq"
    return [tuple(row) for row in shop.rows(query)]


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def night(shop, *arguments):
    """A successful run; its record, which need not be the newest by the clock."""
    shop.night(*arguments)
    return History.of(shop.folder / "var").published[-1]


NOON = utc("2026-03-02T12:00:00")


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(hours=-3), timedelta(days=400)])
def test_a_clock_that_jumps_between_two_runs_of_a_day_changes_no_order(sqlite_shop, jump):
    first = sqlite_shop.last_run.run_id
    with clock_at(NOON):
        sqlite_shop.night(DAY)
    second = (NOON + jump).astimezone(UTC)
    with clock_at(second):
        # An as-of day may not lie in the future of the clock.
        outcome = sqlite_shop.recommend(*NIGHT)
    if jump < timedelta(days=-1):
        assert outcome.code is ExitCode.SETTINGS
        assert "lies in the future" in outcome.err
        assert len(sequence(sqlite_shop)) == 2
        return
    assert outcome.code is ExitCode.DONE, outcome.err
    assert [seq for _, seq in sequence(sqlite_shop)] == [1, 2, 3]
    assert sequence(sqlite_shop)[0][0] == first
    # By the clock's words the third run may be older than the second; published_seq knows better.
    newest = History.of(sqlite_shop.folder / "var").published[-1]
    assert newest.manifest.published_seq == 3
    assert newest.run_id.startswith(f"{second:%Y%m%dT%H%M%SZ}")
    assert newest.run_id == sequence(sqlite_shop)[-1][0]


def test_a_night_by_a_clock_that_was_a_year_ahead_is_found_out_and_forced(sqlite_shop):
    with clock_at(NOON + timedelta(days=365)):
        sqlite_shop.night(None)
    with clock_at(NOON):
        assert "--force" in sqlite_shop.fails(ExitCode.REFUSED, "run")
        sqlite_shop.night(None, "--force")
    assert [seq for _, seq in sequence(sqlite_shop)] == [1, 2, 3]
    with clock_at(NOON + timedelta(days=1)):
        sqlite_shop.night(None)
    assert [seq for _, seq in sequence(sqlite_shop)] == [1, 2, 3, 4]


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
def test_a_clock_that_jumps_within_a_run_changes_nothing_but_its_times(sqlite_shop, jump):
    with ExitStack() as stack:
        stack.enter_context(clock_at(NOON))

        def turn():
            stack.enter_context(clock_at(NOON + jump))

        with at_point("train", "begin", turn):
            run = night(sqlite_shop, DAY)
    assert (run.manifest.status, run.manifest.published_seq) == (Status.PUBLISHED, 2)
    assert run.manifest.as_of_day == str(DAY)
    assert all(stage.seconds >= 0 for stage in run.manifest.stages.values())
    assert lengths(sqlite_shop) == {5}
    with clock_at(NOON + timedelta(days=1)):
        assert night(sqlite_shop, DAY).manifest.published_seq == 3


SUMMER, WINTER = date(2026, 3, 29), date(2026, 10, 25)
RARE = [SUMMER, WINTER, date(2024, 2, 29), date(2025, 12, 31), date(2026, 1, 1)]


@pytest.mark.parametrize("day", RARE, ids=str)
def test_a_night_of_every_rare_day_reads_all_of_it_and_none_of_the_next(sqlite_shop, day):
    zone = {"SHOP_TIMEZONE": "Europe/Berlin", "SALES_TIMEZONE": "Europe/Berlin"}
    sqlite_shop.set(HISTORY_DAYS=1, **zone)
    moments = [f"{day - timedelta(days=2)} 23:59:59", f"{day + timedelta(days=1)} 00:00:00"]
    # Every half hour of both days: the skipped hour and the one that comes twice among them.
    inside = [
        f"{one} {half // 2:02}:{half % 2 * 30:02}:00"
        for one in (day - timedelta(days=1), day)
        for half in range(48)
    ]
    sqlite_shop.execute("DELETE FROM sales")
    sqlite_shop.execute(
        "INSERT INTO sales (customer_id, item_id, sold_at) VALUES (:c, :i, :t)",
        rows=[{"c": 1 + n % 30, "i": 102 + n % 20, "t": t} for n, t in enumerate([*moments, *inside])],
    )
    manifest = night(sqlite_shop, day, "--force").manifest
    assert manifest.counts["sales"] == len(inside)
    assert manifest.as_of_day == str(day)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # The hour from 2 to 3 is skipped; and comes twice: cron may start a night in each of the two.
        ("2026-03-29T00:30:00", "2026-03-29T01:30:00"),
        ("2026-10-25T00:30:00", "2026-10-25T01:30:00"),
    ],
)
def test_two_runs_round_the_change_of_the_clock_are_one_night(sqlite_shop, before, after):
    sqlite_shop.set(SHOP_TIMEZONE="Europe/Berlin")
    found = []
    for moment in (before, after):
        with clock_at(utc(moment)):
            manifest = night(sqlite_shop, None).manifest
        found.append((manifest.as_of_day, manifest.window_start, manifest.data_sha256, manifest.files))
    assert found[0] == found[1]
    assert [seq for _, seq in sequence(sqlite_shop)] == [1, 2, 3]
