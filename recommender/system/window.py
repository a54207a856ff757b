"""The window of sales that a run reads, in the shop's days."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MOST_HISTORY_DAYS = 36_500
_FIRST_DAY = 5
"""Ordinal of the earliest day that a window begins with: a day and any zone earlier is still a date."""


@dataclass(frozen=True)
class Window:
    """The sales that a run reads: `start` ≤ sold_at < `end`."""

    start: datetime
    end: datetime
    as_of_day: date
    """The shop's day that the run belongs to."""
    is_past: bool
    """Whether `--as-of` chose the end, so that later sales are no mistake of the shop's."""


def window(*, now: datetime, as_of: date | None, history_days: int, zone: ZoneInfo) -> Window:
    """The window `[local midnight history_days before the as-of day, as_of)`.

    Args:
        now: the start of the run, aware.
        as_of: the day to end with, or None for now.
        history_days: days before the as-of day.
        zone: the shop's.
    """
    day = as_of or now.astimezone(zone).date()
    end = local_midnight(day + timedelta(days=1), zone) if as_of else now.astimezone(UTC)
    first = date.fromordinal(max(day.toordinal() - history_days, _FIRST_DAY))
    return Window(local_midnight(first, zone), end, day, as_of is not None)


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of the day in the zone, as UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
