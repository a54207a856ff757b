"""Times: the shop's days, and texts to and from microseconds of UTC.

Inside, a moment is an int64 count of microseconds since 1970-01-01 UTC. A local time without an offset is
read as PEP 495 does with `fold=0`: in the repeated hour the first one, in the skipped hour the offset before.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from recommender.system.arrays import Int64s
from recommender.system.window import local_midnight

if TYPE_CHECKING:
    from recommender.system.arrow import pa


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the zone is put in afterwards
_MICROSECOND = timedelta(microseconds=1)
SECOND_MICROSECONDS = 1_000_000
DAY_MICROSECONDS = 86_400 * SECOND_MICROSECONDS
_FIRST_SECOND, _LAST_SECOND = -62_135_510_400, 253_402_128_000
"""0001-01-02 and 9999-12-30: a day from the ends of what datetime holds, for any zone's offset."""
_YEAR_ONE = -62_135_596_800 * SECOND_MICROSECONDS
"""0001-01-01, which shops write for "never"."""
_BLOCK_DAYS = 3660
_MANY_DIGITS = re.compile(r"\d{9}")
_STEP_SECONDS = 3 * 86_400
"""Zones have changed their offset and changed it back within a week (Recife in October 2000), never within
three days."""
UNREADABLE = np.iinfo(np.int64).min
"""Stands for a text that is no time."""


def microseconds(moment: datetime) -> int:
    """An aware moment as microseconds of UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(micros: int) -> datetime:
    """The moment of so many microseconds of UTC, aware."""
    return _EPOCH + timedelta(microseconds=micros)


def to_utc(local: Int64s, zone: ZoneInfo) -> Int64s:
    """Local wall-clock microseconds as microseconds of UTC; shapes alike."""
    readable = local[local != UNREADABLE]
    if not len(readable):
        return local
    block = _BLOCK_DAYS * DAY_MICROSECONDS
    # Whole blocks of years, so that the batches of an export share one answer.
    switches, offsets = _switches(int(readable.min()) // block, int(readable.max()) // block + 1, zone)
    shift = offsets[np.searchsorted(switches, local, side="right")]
    return np.where(local == UNREADABLE, UNREADABLE, local - shift)


@lru_cache(maxsize=32)
def _switches(low: int, high: int, zone: ZoneInfo) -> tuple[Int64s, Int64s]:
    """The local moments at which the offset of a local time changes, and the offsets between them.

    `low` and `high` are the first and the last moment in blocks of `_BLOCK_DAYS` since 1970.

    With `fold=0` a change at the UTC moment t from offset a to b is seen at the local time t + max(a, b): a
    skipped hour still has the old offset, and a repeated one has it the first time.
    """

    def offset(second: int) -> int:
        moment = _EPOCH + timedelta(seconds=second)
        found = moment.astimezone(zone).utcoffset()
        assert found is not None  # noqa: S101 - every zone of the database has one
        return int(found.total_seconds())

    start = max((low * _BLOCK_DAYS - 2) * 86_400, _FIRST_SECOND)
    end = min((high * _BLOCK_DAYS + 2) * 86_400, _LAST_SECOND)
    switches, offsets = [], [offset(start)]
    for step in range(start, end, _STEP_SECONDS):
        low_second, high_second = step, min(step + _STEP_SECONDS, end)
        before, after = offsets[-1], offset(high_second)
        if before == after:
            continue
        while high_second - low_second > 1:
            middle = (low_second + high_second) // 2
            if offset(middle) == before:
                low_second = middle
            else:
                high_second = middle
        switches.append((high_second + max(before, after)) * SECOND_MICROSECONDS)
        offsets.append(after)
    return np.array(switches, np.int64), np.array(offsets, np.int64) * SECOND_MICROSECONDS


def parse_times(values: "Sequence[object] | pa.StringArray", zone: ZoneInfo) -> Int64s:
    """Times as drivers and databases give them, as microseconds of UTC, `UNREADABLE` where one is none.

    Reads ISO 8601 texts (`2026-10-31`, `2026-10-31 20:00[:00[.5]]`, also with `T`, `Z` or an offset), dates
    and datetimes. What has no offset is local time of `zone`.
    """
    if not isinstance(values, Sequence) or set(map(type, values)) <= {str}:
        found = _parse_texts(values)
        if found is not None:
            micros, is_utc = found
            return micros if is_utc else to_utc(micros, zone)
    parsed = [_parse_one(value) for value in (values if isinstance(values, Sequence) else values.to_pylist())]
    micros = np.fromiter((found[0] for found in parsed), np.int64, len(parsed))
    is_local = np.fromiter((found[1] for found in parsed), np.bool_, len(parsed))
    micros[is_local] = to_utc(micros[is_local], zone)
    return micros


def _parse_texts(texts: "Sequence[object] | pa.StringArray") -> tuple[Int64s, bool] | None:
    """The usual case at full speed: all texts without an offset, or all with one.

    Returns:
        Microseconds and whether they are UTC already, or None where a text is of another form.
    """
    import pyarrow.compute as pc

    from recommender.system.arrow import pa

    array = pa.array(texts, pa.string())
    for zone in (None, "UTC"):
        with suppress(pa.ArrowInvalid):
            read = pc.cast(array, pa.timestamp("us", zone)).cast(pa.int64())
            micros = np.array(pc.fill_null(read, UNREADABLE))
            micros[micros < _YEAR_ONE] = UNREADABLE  # Arrow has a year 0
            return micros, zone is not None
    return None


def _parse_one(value: object) -> tuple[int, bool]:
    """Microseconds, and whether they are local ones."""
    try:
        if isinstance(value, str):
            # Milliseconds since 1970 would be read as a day, any mark, hours and minutes.
            if _MANY_DIGITS.match(value.strip()):
                return UNREADABLE, False
            value = datetime.fromisoformat(value.strip())
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if not isinstance(value, datetime):
            return UNREADABLE, False
        if value.tzinfo is None:
            return (value - _NAIVE_EPOCH) // _MICROSECOND, True
        return microseconds(value), False
    except (ValueError, OverflowError):
        return UNREADABLE, False


def format_times(micros: Int64s) -> list[str]:
    """Microseconds of UTC as `2026-10-31T20:00:00Z`, with a fraction only where it is not 0."""
    whole = np.datetime_as_string((micros // SECOND_MICROSECONDS).astype("datetime64[s]")).tolist()
    fractions = micros % SECOND_MICROSECONDS
    if not fractions.any():
        return [text + "Z" for text in whole]
    return [
        text + (f".{fraction:06d}".rstrip("0") if fraction else "") + "Z"
        for text, fraction in zip(whole, fractions.tolist(), strict=True)
    ]


def shown_time(value: object, sold_in: ZoneInfo, shown_in: ZoneInfo) -> str:
    """A time as a person of the shop would say it, to the minute; as it is where it is none.

    Args:
        value: as a driver gives it.
        sold_in: the zone of values that carry none.
        shown_in: the zone to say it in.
    """
    (micros,) = parse_times([value], sold_in).tolist()
    if micros == UNREADABLE:
        return str(value)
    try:
        return f"{moment_of(micros).astimezone(shown_in):%Y-%m-%d %H:%M}"
    except OverflowError:  # the last day of the calendar, which stands for "never"
        return str(value)


def shop_days(micros: Int64s, zone: ZoneInfo) -> Int64s:
    """The shop's day of each moment (microseconds of UTC), as ordinals of `datetime.date`; shapes alike."""
    if not len(micros):
        return micros
    epoch = _EPOCH.toordinal()
    # No zone is more than a day away from UTC.
    first = max(int(micros.min()) // DAY_MICROSECONDS + epoch - 1, 2)
    last = min(int(micros.max()) // DAY_MICROSECONDS + epoch + 1, date.max.toordinal() - 1)
    midnights = [microseconds(local_midnight(date.fromordinal(day), zone)) for day in range(first, last + 1)]
    return first - 1 + np.searchsorted(np.array(midnights, np.int64), micros, side="right")
