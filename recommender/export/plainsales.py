"""Sale lines in the usual form, turned into lines of `sales.csv` whole batches at a time.

What databases send is nearly what the file wants: the bytes stay where they are, and only what differs is
changed in place, taken out or put in. A batch with anything unusual in it (a missing key, a quote, a time or
a number in another form) is left to whoever looks at each value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from recommender.runs.csvblock import (
    BACK,
    CLOCK_WIDTH,
    FRONT,
    Block,
    parse_clocks,
    parse_digits,
    parse_fractions,
    parse_integers,
)
from recommender.system.times import microseconds, to_utc
from recommender.system.window import Window
from recommender.tables import KeyKind

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

_ZERO, _MINUS, _POINT, _ZULU = b"0-.Z"
_DAY_WIDTH = len("2026-10-31")
_SEPARATORS = (b" ", b"T")
_UTC_ENDINGS = (b"Z", b"+00")


@dataclass(frozen=True)
class PlainLines:
    """What a batch became."""

    lines: bytes
    """for the file"""
    sales: int
    """lines in it"""
    future: int
    """sale lines left out since they lie in the future"""
    newest: int | None
    """the newest sale of the lines, microseconds of UTC"""


class PlainSales:
    """Turns batches of plain lines (fields and commas, nothing quoted) into lines of the file."""

    def __init__(
        self, names: Sequence[str], kinds: Sequence[KeyKind], *, window: Window, zone: ZoneInfo, path: Path
    ) -> None:
        """What all batches share.

        Args:
            names: the columns by our names: customer_id, item_id, sold_at, and then those that there are of
                quantity, price, order_id and guest_email.
            kinds: of the first two.
            window: which sales.
            zone: of times without an offset.
            path: the query's file, for messages.
        """
        self._names = names
        self._kinds = kinds
        self._window = window
        self._start, self._end = microseconds(window.start), microseconds(window.end)
        self._zone = zone
        self._path = path

    def lines(self, text: bytes) -> PlainLines | None:
        """The lines of a batch that lie in the window; None where anything is unusual."""
        batch = _Batch(Block(text, self._names, 1, self._path))
        times = batch.times(self._names.index("sold_at"), self._zone)
        if times is None or not all(batch.is_key(column, kind) for column, kind in enumerate(self._kinds)):
            return None
        if not all(self._tidy(batch, column, name) for column, name in enumerate(self._names)):
            return None
        is_future = times >= self._end
        inside = ~is_future & (times >= self._start)
        return PlainLines(
            batch.joined(self._names.index("sold_at"), inside),
            int(np.count_nonzero(inside)),
            0 if self._window.is_past else int(np.count_nonzero(is_future)),
            int(times[inside].max()) if inside.any() else None,
        )

    @staticmethod
    def _tidy(batch: "_Batch", column: int, name: str) -> bool:
        """Bring one of the further columns into its form; False where it is unusual."""
        if name == "quantity":
            return batch.make_numbers(column, may_be_empty=False)
        if name == "price":
            return batch.make_numbers(column, may_be_empty=True)
        if name == "order_id":
            # A number with a fraction would be written without trailing zeros, a text as it is.
            return not batch.has_point(column).any()
        if name == "guest_email":  # only of use where there is no customer
            batch.take_out(batch.starts[:, column] - 1, batch.ends[:, column])
        return True


class _Batch:
    """The bytes of a batch on their way into the file."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self.starts, self.ends = block.starts, block.ends
        self._bytes = block.bytes.copy()
        self._keep = np.ones(len(self._bytes), bool)
        self._keep[:FRONT] = self._keep[len(self._bytes) - BACK :] = False

    def is_key(self, column: int, kind: KeyKind) -> bool:
        """Whether every field of the column is a key as it is written in the file."""
        starts, ends = self.starts[:, column], self.ends[:, column]
        if kind is KeyKind.TEXT:
            return not (starts == ends).any()
        return bool(self._integers(starts, ends).all())

    def _integers(self, starts: Int64s, ends: Int64s) -> Bools:
        """Whether each field is an integer of 64 bits in its shortest form."""
        _, valid = parse_integers(self._block, starts, ends)
        digits = starts + (self._bytes[starts] == _MINUS)
        found: Bools = valid & ((self._bytes[digits] != _ZERO) | (ends - starts == 1))
        return found

    def make_numbers(self, column: int, *, may_be_empty: bool) -> bool:
        """Bring numbers into their shortest form; False where one is in no usual form."""
        starts, ends = self.starts[:, column], self.ends[:, column]
        others = ~self._integers(starts, ends)
        if may_be_empty:
            others &= starts != ends
        if not others.any():
            return True
        starts, ends = starts[others], ends[others]
        points = self._block.points_after(starts)
        if (points >= ends).any():
            return False
        is_negative = self._bytes[starts] == _MINUS
        digits = starts + is_negative
        starts_with_zero = self._bytes[digits] == _ZERO
        whole, valid = parse_digits(self._block, digits, points)
        valid &= parse_digits(self._block, points + 1, ends)[1]
        valid &= ~starts_with_zero | (points - digits == 1)
        last = self._without_zeros(ends)
        valid &= ~(is_negative & (whole == 0) & (last == points))  # no "-0"
        self.take_out(last, ends)
        return bool(valid.all())

    def has_point(self, column: int) -> Bools:
        """Whether there is a point in each field of the column."""
        starts, ends = self.starts[:, column], self.ends[:, column]
        found: Bools = self._block.points_after(starts) < ends
        return found

    def times(self, column: int, zone: ZoneInfo) -> Int64s | None:
        """Microseconds of UTC; the column is brought into its form but for the `Z` at the end.

        Returns:
            Shape (lines,), or None where one is in another form than the first.
        """
        starts, ends = self.starts[:, column], self.ends[:, column]
        if not len(starts):
            return np.empty(0, np.int64)
        first = self._bytes[starts[0] : ends[0]].tobytes()
        ending = next((found for found in _UTC_ENDINGS if first.endswith(found)), b"")
        separator = first[_DAY_WIDTH : _DAY_WIDTH + 1]
        stops, clock_ends = ends - len(ending), starts + CLOCK_WIDTH
        if separator not in _SEPARATORS or (stops < clock_ends).any():
            return None
        read, valid = parse_clocks(self._block, starts, separator)
        for place, byte in enumerate(ending):
            valid &= self._bytes[stops + place] == byte
        long = np.flatnonzero(stops > clock_ends)
        if len(long):
            fractions, valid_fractions = parse_fractions(self._block, clock_ends[long], stops[long])
            read[long] += fractions
            valid[long] &= valid_fractions
        if not valid.all():
            return None
        if len(long):
            self.take_out(self._without_zeros(stops[long]), stops[long])
        self.take_out(stops, ends)
        self._bytes[starts + _DAY_WIDTH] = ord("T")
        if ending:
            return read
        times = to_utc(read, zone)
        moved = np.flatnonzero(times != read)
        if len(moved):
            self._write_clocks(starts[moved], times[moved])
        return times

    def _write_clocks(self, starts: Int64s, times: Int64s) -> None:
        texts = np.datetime_as_string((times // 1_000_000).astype("datetime64[s]")).astype(f"S{CLOCK_WIDTH}")
        places = starts[:, None] + np.arange(CLOCK_WIDTH)
        self._bytes[places] = texts.view(np.uint8).reshape(len(texts), CLOCK_WIDTH)

    def _without_zeros(self, ends: Int64s) -> Int64s:
        """Where fractions end without their last zeros; at the point, where none is left."""
        ends = ends.copy()
        while (zeros := self._bytes[ends - 1] == _ZERO).any():
            ends -= zeros
        ends -= self._bytes[ends - 1] == _POINT
        return ends

    def take_out(self, starts: Int64s, ends: Int64s) -> None:
        """Leave out of the file what lies between starts and ends."""
        widths = ends - starts
        before = np.cumsum(widths) - widths
        self._keep[np.repeat(starts - before, widths) + np.arange(int(widths.sum()))] = False

    def joined(self, time_column: int, inside: Bools) -> bytes:
        """The lines for the file.

        Args:
            time_column: the column that a `Z` is put behind.
            inside: shape (lines,): which lines.
        """
        if not inside.all():
            self.take_out(self.starts[~inside, 0], self.ends[~inside, -1] + 1)
        kept = np.cumsum(self._keep, dtype=np.int64)
        marks = kept[self.ends[inside, time_column] - 1] + np.arange(np.count_nonzero(inside))
        lines = np.full(kept[-1] + len(marks), _ZULU, np.uint8)
        is_old = np.ones(len(lines), bool)
        is_old[marks] = False
        lines[is_old] = self._bytes[self._keep]
        return lines.tobytes()
