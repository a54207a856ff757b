"""Times against the standard library's own zones, and the window of a run."""

import zoneinfo
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.system.times import (
    UNREADABLE,
    format_times,
    microseconds,
    parse_times,
    shop_days,
    shown_time,
    to_utc,
)
from recommender.system.window import local_midnight, window

ZONES = sorted(zoneinfo.available_timezones() - {"localtime"})
LONDON, NEW_YORK = ZoneInfo("Europe/London"), ZoneInfo("America/New_York")
NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall-clock times
zones = st.sampled_from(ZONES).map(ZoneInfo)
# Past 0001 and before 9999 by more than any offset, so that the standard library can answer too.
walls = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))  # noqa: DTZ001 - as above
modern_walls = st.datetimes(datetime(1900, 1, 1), datetime(2060, 1, 1))  # noqa: DTZ001 - as above


def as_zoneinfo_has_it(wall: datetime, zone: ZoneInfo) -> int:
    return microseconds(wall.replace(tzinfo=zone, fold=0))


def local(wall: datetime) -> int:
    return (wall - NAIVE_EPOCH) // timedelta(microseconds=1)


@given(zones, st.lists(modern_walls, max_size=8))
def test_local_times_are_those_of_zoneinfo_with_fold_0(zone, times):
    expected = [as_zoneinfo_has_it(wall, zone) for wall in times]
    assert to_utc(np.array([local(wall) for wall in times], np.int64), zone).tolist() == expected


@given(walls)
def test_so_are_those_of_all_years(wall):
    assert parse_times([wall], LONDON).tolist() == [as_zoneinfo_has_it(wall, LONDON)]


def change_hours(zone: ZoneInfo, first: int, last: int) -> list[datetime]:
    """Wall-clock times every half hour around each change of the zone's offset."""
    found = []
    moment, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last, 1, 1, tzinfo=UTC)
    while moment < end:
        later = moment + timedelta(days=1)
        if moment.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            wall = moment.astimezone(zone).replace(tzinfo=None) - timedelta(hours=3)
            found += [wall + timedelta(minutes=30 * step) for step in range(60)]
        moment = later
    return found


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Europe/London", 2018, 2027),
        ("America/New_York", 2018, 2040),
        ("America/Sao_Paulo", 2010, 2020),  # changed at midnight
        ("America/Havana", 2018, 2026),  # repeats the hour after midnight
        ("America/Recife", 1999, 2002),  # summer time of six days in October 2000
        ("America/Boa_Vista", 1999, 2002),
        ("Africa/Freetown", 1939, 1942),  # two changes within four days
        ("Australia/Lord_Howe", 2018, 2026),  # half an hour
        ("Pacific/Apia", 2010, 2013),  # a whole day skipped
        ("Africa/Casablanca", 2018, 2030),  # summer time left out in Ramadan
        ("Asia/Gaza", 2038, 2042),
        ("Europe/Dublin", 2018, 2026),  # summer time is the standard
        ("Antarctica/Troll", 2018, 2026),  # two hours
    ],
)
def test_nights_of_a_change(name, first, last):
    zone = ZoneInfo(name)
    times = change_hours(zone, first, last)
    assert times
    found = parse_times([f"{wall:%Y-%m-%d %H:%M:%S}" for wall in times], zone)
    assert found.tolist() == [as_zoneinfo_has_it(wall, zone) for wall in times]


def test_the_repeated_hour_is_the_first_and_the_skipped_one_keeps_the_offset_before():
    texts = ["2026-10-25 01:30:00", "2026-03-29 01:30:00"]
    assert format_times(parse_times(texts, LONDON)) == ["2026-10-25T00:30:00Z", "2026-03-29T01:30:00Z"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-10-31", "2026-10-31T04:00:00Z"),
        ("2026-10-31 20:00", "2026-11-01T00:00:00Z"),
        ("2026-10-31 20:00:05", "2026-11-01T00:00:05Z"),
        ("2026-10-31T20:00:05", "2026-11-01T00:00:05Z"),
        ("2026-10-31 20:00:05.5", "2026-11-01T00:00:05.5Z"),
        ("2026-10-31 20:00:05.000001", "2026-11-01T00:00:05.000001Z"),
        ("2026-10-31 20:00:05.000000", "2026-11-01T00:00:05Z"),
        (" 2026-10-31 20:00:05\n", "2026-11-01T00:00:05Z"),
        ("2026-10-31T20:00:05Z", "2026-10-31T20:00:05Z"),
        ("2026-10-31 20:00:05+00", "2026-10-31T20:00:05Z"),
        ("2026-10-31 20:00:05.25+00", "2026-10-31T20:00:05.25Z"),
        ("2026-10-31T20:00:05+05:30", "2026-10-31T14:30:05Z"),
        ("1969-12-31 23:59:59.5Z", "1969-12-31T23:59:59.5Z"),
        ("0999-01-02 00:00:00Z", "0999-01-02T00:00:00Z"),
        (date(2026, 10, 31), "2026-10-31T04:00:00Z"),
        (datetime(2026, 10, 31, 20, 0, 5), "2026-11-01T00:00:05Z"),  # noqa: DTZ001 - as drivers give it
        (datetime(2026, 10, 31, 20, 0, tzinfo=timezone(timedelta(hours=2))), "2026-10-31T18:00:00Z"),
    ],
)
def test_every_form_alone_and_among_others(value, expected):
    assert format_times(parse_times([value], NEW_YORK)) == [expected]
    among = parse_times(["2026-10-31 20:00:05", value, "x"], NEW_YORK)
    assert format_times(among[:2]) == ["2026-11-01T00:00:05Z", expected]
    assert among[2] == UNREADABLE


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "yesterday", 1_700_000_000, 2.5, b"2026-10-31", "31.10.2026", "0000-00-00 00:00:00"),
        *("2026-02-29 00:00:00", "2026-13-01 00:00:00", "2026-10-31 25:00:00", "2026-10-31 20:60:00"),
        *("2026-10-31 20:00:60", "2026-10-00 00:00:00", "infinity", "0044-03-15 00:00:00 BC"),
        *("2026-10-31x20:00:0 ", "2026/10/31 20:00:00", "2026-10-31 20:0:000", "٢٠٢٦-10-31 20:00:00"),
    ],
)
def test_what_is_no_time_is_unreadable_and_spoils_no_other(value):
    assert parse_times([value], LONDON).tolist() == [UNREADABLE]
    found = parse_times(["2026-01-01 00:00:00", value, "2026-01-01 00:00:01"], LONDON)
    assert format_times(found[[0, 2]]) == ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"]
    assert found[1] == UNREADABLE


def test_no_values_are_no_times():
    assert parse_times([], LONDON).tolist() == []


@given(
    st.lists(modern_walls, min_size=1, max_size=5),
    zones,
    st.sampled_from(["", "Z", "+00"]),
    st.sampled_from(" T"),
)
def test_the_quick_reading_is_the_thorough_one(times, zone, ending, mark):
    texts = [wall.replace(microsecond=0).isoformat(mark) + ending for wall in times]
    mixed = [datetime.fromisoformat(text) for text in texts]
    assert parse_times(texts, zone).tolist() == parse_times(mixed, zone).tolist()


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001 - the zone follows
def test_a_written_time_is_read_again(moment):
    micros = microseconds(moment.replace(tzinfo=UTC))
    (text,) = format_times(np.array([micros], np.int64))
    assert text == moment.isoformat().removesuffix(".000000").rstrip("0" if moment.microsecond else "") + "Z"
    assert parse_times([text], NEW_YORK).tolist() == [micros]


def test_the_window_begins_at_local_midnight_and_ends_now():
    now = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    found = window(now=now, as_of=None, history_days=30, zone=NEW_YORK)
    assert found.as_of_day == date(2026, 11, 22)
    assert found.end == now
    # 30 days before lies in summer time: midnight is 04:00 UTC there, not 05:00.
    assert found.start == datetime(2026, 10, 23, 4, tzinfo=UTC)
    assert not found.is_past


def test_as_of_ends_with_that_day_in_the_shops_zone():
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    found = window(now=now, as_of=date(2026, 10, 25), history_days=1, zone=LONDON)
    assert found.end == datetime(2026, 10, 26, 0, tzinfo=UTC)
    assert found.start == datetime(2026, 10, 23, 23, tzinfo=UTC)
    assert found.as_of_day == date(2026, 10, 25)
    assert found.is_past


@given(st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)), zones)  # noqa: DTZ001 - the zone follows
def test_two_runs_of_one_local_day_begin_at_the_same_moment(moment, zone):
    now = moment.replace(tzinfo=UTC)
    found = window(now=now, as_of=None, history_days=10, zone=zone)
    again = window(now=local_midnight(found.as_of_day, zone), as_of=None, history_days=10, zone=zone)
    assert found.start == again.start <= found.end


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
def test_a_window_beyond_the_calendar_begins_with_it(zone):
    """`--as-of 0025-11-23` is a slip of the hand, not a crash."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    found = window(now=now, as_of=date(25, 11, 23), history_days=36500, zone=ZoneInfo(zone))
    early = found.start.astimezone(ZoneInfo("Etc/GMT+12")) - timedelta(days=1)
    assert early.year == 1


@pytest.mark.parametrize(
    ("day", "zone", "first"),
    [
        (date(2018, 11, 4), "America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),  # began at 01:00
        (date(2026, 11, 1), "America/Havana", datetime(2026, 11, 1, 4, tzinfo=UTC)),  # has two midnights
    ],
)
def test_a_day_begins_with_its_first_moment(day, zone, first):
    assert local_midnight(day, ZoneInfo(zone)) == first
    assert first.astimezone(ZoneInfo(zone)).date() == day
    assert (first - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() < day


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-07-01 23:30:00", "2026-07-02 01:30"),
        ("2026-07-01 23:30:00+03", "2026-07-01 22:30"),
        (datetime(2026, 1, 1, 12, 0, 59), "2026-01-01 13:00"),  # noqa: DTZ001 - as drivers give it
        ("never", "never"),
        ("9999-12-31 23:59:59", "9999-12-31 23:59:59"),
        (None, "None"),
    ],
)
def test_times_are_shown_in_the_shops_zone(value, shown):
    assert shown_time(value, ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")) == shown


moments = modern_walls.map(lambda wall: wall.replace(tzinfo=UTC))


@given(zones, moments, st.lists(st.timedeltas(timedelta(0), timedelta(days=800)), max_size=8))
def test_the_shops_day_is_that_of_its_clock(zone, start, later):
    times = [start + delta for delta in (timedelta(0), *later)]
    found = shop_days(np.array([microseconds(moment) for moment in times], np.int64), zone)
    assert found.tolist() == [moment.astimezone(zone).date().toordinal() for moment in times]


def test_a_day_that_a_zone_skipped_has_no_moment():
    """Samoa went from the 29th to the 31st of December 2011."""
    change = datetime(2011, 12, 30, 10, tzinfo=UTC)
    around = [change - timedelta(microseconds=1), change]
    found = shop_days(np.array([microseconds(m) for m in around], np.int64), ZoneInfo("Pacific/Apia"))
    assert [date.fromordinal(int(day)) for day in found] == [date(2011, 12, 29), date(2011, 12, 31)]


def test_no_moments_have_no_days():
    assert len(shop_days(np.empty(0, np.int64), LONDON)) == 0


@pytest.mark.parametrize("never", ["0001-01-01 00:00:00", "0001-01-01 12:00:00.5", "0001-01-01"])
@pytest.mark.parametrize("zone", [LONDON, NEW_YORK])
def test_the_first_day_of_all_is_a_time_alone_and_among_others(never, zone):
    """Shops write it for "never": a line of it is old, not one that cannot be read."""
    (alone,) = parse_times([datetime.fromisoformat(never)], zone).tolist()
    assert alone != UNREADABLE
    assert parse_times([never], zone).tolist() == [alone]
    assert parse_times([never, "2026-01-01 00:00:00"], zone)[0] == alone
