"""Some records of a CSV file in our form, their numbers and times parsed all at once.

Separators are found for a whole block, and digits are taken eight characters at a time (as one 64-bit word),
after the manner of SIMD within a register (Lamport, "Multiple Byte Processing with Full-Word Instructions",
1975).
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recommender.errors import RefusedError

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FRONT = 24
"""Bytes before the text of a block, so that the three words ending at any place can be loaded."""
BACK = 24
"""Bytes behind it, so that the three words from any place on can be."""
_WORD = 8
_LONGEST_FIELD = 64
_FIRST_BYTES = np.array([(1 << 8 * n) - 1 for n in range(_WORD + 1)], np.uint64)
"""What leaves of a word its first n bytes."""
_COMMA, _LINE_END, _QUOTE, _MINUS, _POINT, _ZULU = b',\n"-.Z'
EXPORT_AGAIN = "Start again with `recommend export`."


class Block:
    """Some whole records of a file.

    Attributes:
        data: their bytes, with padding at both ends.
        bytes: the same, shape (len(data),), uint8.
        starts, ends: where each field lies in `data`, quotes included; shape (records, columns), int64.
    """

    def __init__(self, text: bytes, header: Sequence[str], first_record: int, path: Path) -> None:
        self.data = b"0" * FRONT + text + b"\0" * BACK
        self.bytes = np.frombuffer(self.data, np.uint8)
        self._words = np.ndarray((len(self.data) - _WORD + 1,), "<u8", self.data, strides=(1,))
        self._header = header
        self._first_record = first_record
        self._path = path
        self.starts, self.ends = self._fields()

    def _fields(self) -> tuple[Int64s, Int64s]:
        separates = (self.bytes == _COMMA) | (self.bytes == _LINE_END)
        is_quote = self.bytes == _QUOTE
        if is_quote.any():
            separates &= np.cumsum(is_quote, dtype=np.uint8) & 1 == 0
        ends = np.flatnonzero(separates)
        columns = len(self._header)
        line_ends = self.bytes[ends] == _LINE_END
        lines = int(np.count_nonzero(line_ends))
        if len(ends) != lines * columns or not line_ends[columns - 1 :: columns].all():
            self._refuse_columns(np.flatnonzero(line_ends), columns)
        starts = np.concatenate([[FRONT], ends[:-1] + 1])
        return starts.reshape(lines, columns), ends.reshape(lines, columns)

    def _refuse_columns(self, line_ends: Int64s, columns: int) -> None:
        found = np.diff(line_ends, prepend=-1)
        bad = int(np.argmax(np.append(found != columns, True)))
        what = (
            f"{found[bad]} fields, but the header has {columns}"
            if bad < len(found)
            else "a quote is not closed"
        )
        raise RefusedError(f"{self._path}, record {self._first_record + bad}: {what}.", EXPORT_AGAIN)

    def __len__(self) -> int:
        return len(self.starts)

    def words_at(self, places: Int64s) -> UInt64s:
        """The eight bytes from each place on, the first byte lowest."""
        words: UInt64s = self._words[places].astype(np.uint64, copy=False)
        return words

    def field_words(self, starts: Int64s, ends: Int64s) -> list[UInt64s] | None:
        """The bytes of fields as words, the same for the same texts; None where one is too long for that.

        Returns:
            Arrays of shape (fields,): the first eight bytes of each, the next ones, …; then its length.
        """
        widths = ends - starts
        longest = int(widths.max(initial=0))
        if longest > _LONGEST_FIELD:
            return None
        last = len(self._words) - 1
        words = []
        for done in range(0, longest, _WORD):
            kept = np.clip(widths - done, 0, _WORD)
            words.append(self.words_at(np.minimum(starts + done, last)) & _FIRST_BYTES[kept])
        return [*words, widths.astype(np.uint64)]

    def points_after(self, places: Int64s) -> Int64s:
        """Where the first point at each place or behind it is; far behind the block where there is none."""
        found: Int64s = self._points[np.searchsorted(self._points, places)]
        return found

    @cached_property
    def _points(self) -> Int64s:
        return np.append(np.flatnonzero(self.bytes == _POINT), np.iinfo(np.int64).max)

    def refuse(self, row: int, column: int, allowed: str) -> RefusedError:
        """The error for a field that is not what it should be."""
        field = self.data[self.starts[row, column] : self.ends[row, column]].decode(errors="replace")
        where = f"{self._path}, record {self._first_record + row}"
        return RefusedError(f"{where}: {self._header[column]} is {field!r}, not {allowed}.", EXPORT_AGAIN)


def _eight_digits(words: UInt64s) -> UInt64s:
    """The numbers that words of eight digits stand for (values 0 to 9 in each byte, the first digit lowest).

    Neighbours are joined three times: digits to pairs, pairs to fours, fours to eights.
    """
    words = words * np.uint64(10) + (words >> np.uint64(8))
    low = np.uint64(0x000000FF000000FF)
    left = (words & low) * np.uint64(100 + (1_000_000 << 32))
    right = ((words >> np.uint64(16)) & low) * np.uint64(1 + (10_000 << 32))
    return (left + right) >> np.uint64(32)


def _all_digits(words: UInt64s) -> Bools:
    """Whether every byte of the words is 0 to 9."""
    high_bits = ((words + np.uint64(0x7676767676767676)) | words) & np.uint64(0x8080808080808080)
    valid: Bools = high_bits == 0
    return valid


_ASCII_ZEROS = np.uint64(0x3030303030303030)


def parse_digits(block: Block, starts: Int64s, ends: Int64s) -> tuple[UInt64s, Bools]:
    """The unsigned numbers between starts and ends, and whether each is 1 to 19 digits."""
    widths = ends - starts
    valid = (widths > 0) & (widths <= 19)  # noqa: PLR2004 - 19 digits always fit into 64 bits
    numbers = np.zeros(len(starts), np.uint64)
    widest = int(widths.max(initial=0, where=valid))
    for done in range(0, widest, _WORD):
        unused = (_WORD - np.clip(widths - done, 0, _WORD)).astype(np.uint64) * np.uint64(8)
        words = block.words_at(ends - done - _WORD) ^ _ASCII_ZEROS
        # Shifting out what lies before the field leaves zeros, as leading digits would be. A shift by 64 is
        # not defined everywhere, so it goes in two steps.
        half = unused >> np.uint64(1)
        words = words >> half >> half << half << half
        valid &= _all_digits(words)
        numbers += _eight_digits(words) * np.uint64(10**done)
    return numbers, valid


def parse_integers(block: Block, starts: Int64s, ends: Int64s) -> tuple[Int64s, Bools]:
    """The integers between starts and ends.

    Returns:
        The numbers, int64, and whether each is one: an optional minus and digits, within 64 bits.
    """
    negative = block.bytes[starts] == _MINUS
    numbers, valid = parse_digits(block, starts + negative, ends)
    largest = np.uint64(np.iinfo(np.int64).max)
    valid &= numbers <= largest + negative
    signed = numbers.astype(np.int64)
    return np.where(negative, -signed, signed), valid


_EXACT_DIGITS = 15
"""So many digits, with or without a point, are exact in 64 bits, and so are the powers of ten below."""


def parse_decimals(block: Block, starts: Int64s, ends: Int64s, points: Int64s) -> tuple[Float64s, Bools]:
    """The numbers between starts and ends that have a point.

    Args:
        block: where they are.
        starts: shape (numbers,), int64.
        ends: the same.
        points: where the point of each number is; an end or behind it where there is none.

    Returns:
        The numbers as `float` reads them, and whether each is one of up to 15 digits: an optional minus,
        digits, a point and digits.
    """
    negative = block.bytes[starts] == _MINUS
    points = np.minimum(points, ends - 1)
    whole, valid = parse_digits(block, starts + negative, points)
    fraction, valid_fraction = parse_digits(block, points + 1, ends)
    valid &= valid_fraction & (ends - starts - negative - 1 <= _EXACT_DIGITS)
    scale = np.power(10, np.clip(ends - points - 1, 0, _EXACT_DIGITS), dtype=np.int64)
    # The quotient of two exact numbers is rounded once, as the text is.
    numbers = np.where(valid, whole.astype(np.int64) * scale + fraction.astype(np.int64), 0) / scale
    return np.where(negative, -numbers, numbers), valid


_TIME_WIDTH = len("2026-10-31T20:00:00Z")
CLOCK_WIDTH = len("2026-10-31T20:00:00")


def parse_time_fields(block: Block, starts: Int64s, ends: Int64s) -> tuple[Int64s, Bools]:
    """The times between starts and ends, such as `2026-10-31T20:00:00Z` or with a fraction.

    Returns:
        Microseconds of UTC, int64, and whether each is one.
    """
    times, valid = parse_clocks(block, np.minimum(starts, ends - 1), b"T")
    valid &= (ends - starts >= _TIME_WIDTH) & (block.bytes[ends - 1] == _ZULU)
    long = np.flatnonzero(valid & (ends - starts > _TIME_WIDTH))
    if len(long):
        fractions, valid[long] = parse_fractions(block, starts[long] + CLOCK_WIDTH, ends[long] - 1)
        times[long] += fractions
    return times, valid


def parse_clocks(block: Block, starts: Int64s, separator: bytes) -> tuple[Int64s, Bools]:
    """The times that begin at starts, such as `2026-10-31T20:00:00`, whatever follows.

    Args:
        block: where they are.
        starts: shape (times,), int64.
        separator: what stands between day and hour.

    Returns:
        Microseconds since 1970, int64, and whether each is one.
    """
    # "2026-10-", "31T20:00", ":00": the digits are moved together into YYYYMMDD and 00HHMMSS.
    first, second, third = (block.words_at(starts + at) for at in (0, 8, 16))
    u64 = np.uint64
    date = (
        first & u64(0xFFFFFFFF)
        | ((first >> u64(40)) & u64(0xFFFF)) << u64(32)
        | (second & u64(0xFFFF)) << u64(48)
    ) ^ _ASCII_ZEROS
    clock = (
        u64(0x3030)
        | ((second >> u64(24)) & u64(0xFFFF)) << u64(16)
        | (second >> u64(48)) << u64(32)
        | ((third >> u64(8)) & u64(0xFFFF)) << u64(48)
    ) ^ _ASCII_ZEROS
    between = u64(0x00003A0000000000 | ord(separator) << 16)
    valid = (
        (first & u64(0xFF0000FF00000000) == u64(0x2D00002D00000000))  # "-" twice
        & (second & u64(0x0000FF0000FF0000) == between)  # the separator, ":"
        & (third & u64(0xFF) == u64(0x3A))  # ":"
    )
    valid &= _all_digits(date) & _all_digits(clock)
    days, valid_days = _days(np.where(valid, _eight_digits(date), 19700101).astype(np.int64))
    hhmmss = np.where(valid, _eight_digits(clock), 0).astype(np.int64)
    hours, minutes, seconds = hhmmss // 10000, hhmmss // 100 % 100, hhmmss % 100
    valid &= valid_days & (hours < 24) & (minutes < 60) & (seconds < 60)  # noqa: PLR2004 - a clock's limits
    return (days * 86400 + hours * 3600 + minutes * 60 + seconds) * 1_000_000, valid


def parse_fractions(block: Block, points: Int64s, ends: Int64s) -> tuple[Int64s, Bools]:
    """The fractions of a second between points and ends, such as `.5`.

    Returns:
        Microseconds, int64, and whether each is a point and one to six digits.
    """
    digits = ends - (points + 1)
    fractions, valid = parse_digits(block, points + 1, ends)
    valid &= (block.bytes[points] == _POINT) & (digits <= 6)  # noqa: PLR2004 - microseconds
    return fractions.astype(np.int64) * 10 ** np.clip(6 - digits, 0, 6), valid


def _days(dates: Int64s) -> tuple[Int64s, Bools]:
    """Days since 1970 of dates written as the number YYYYMMDD, and whether there is such a date."""
    months = (dates // 10000 - 1970) * 12 + dates // 100 % 100 - 1
    starts = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    lengths = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - starts
    month, day = dates // 100 % 100, dates % 100
    valid = (dates >= 10000) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= lengths)  # noqa: PLR2004
    return starts + day - 1, valid
