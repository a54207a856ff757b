"""Columns of a CSV file in our form as arrays: millions of lines a second, in bounded memory.

The file is read in blocks of whole records. In a block, separators are found and numbers and times are
parsed for all records at once, eight characters at a time (as one 64-bit word); only text keys become Python
objects, and only distinct ones stay.
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from recommender.csvform import whole_records
from recommender.errors import RefusedError
from recommender.keys import GUEST_PREFIX, KeyKind, Keys

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Array = npt.NDArray[np.generic]
T = TypeVar("T", bound=np.generic)

_BLOCK = 1 << 21
_FRONT = 24
"""Bytes before the text of a block, so that the three words ending at any place can be loaded."""
_BACK = 8
_WORD = 8
_COMMA, _LINE_END, _QUOTE, _MINUS, _POINT, _ZULU = b',\n"-.Z'
_DECIMAL = re.compile(rb"-?\d+(\.\d+)?")
_EXPORT_AGAIN = "Start again with `recommend export`."


class Block:
    """Some whole records of a file.

    Attributes:
        data: their bytes, with padding at both ends.
        bytes: the same, shape (len(data),), uint8.
        starts, ends: where each field lies in `data`, quotes included; shape (records, columns), int64.
    """

    def __init__(self, text: bytes, header: Sequence[str], first_record: int, path: Path) -> None:
        self.data = b"0" * _FRONT + text + b"\0" * _BACK
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
        starts = np.concatenate([[_FRONT], ends[:-1] + 1])
        return starts.reshape(lines, columns), ends.reshape(lines, columns)

    def _refuse_columns(self, line_ends: Int64s, columns: int) -> None:
        found = np.diff(line_ends, prepend=-1)
        bad = int(np.argmax(np.append(found != columns, True)))
        what = (
            f"{found[bad]} fields, but the header has {columns}"
            if bad < len(found)
            else "a quote is not closed"
        )
        raise RefusedError(f"{self._path}, record {self._first_record + bad}: {what}.", _EXPORT_AGAIN)

    def __len__(self) -> int:
        return len(self.starts)

    def words_at(self, places: Int64s) -> UInt64s:
        """The eight bytes from each place on, the first byte lowest."""
        words: UInt64s = self._words[places].astype(np.uint64, copy=False)
        return words

    def refuse(self, row: int, column: int, allowed: str) -> RefusedError:
        """The error for a field that is not what it should be."""
        field = self.data[self.starts[row, column] : self.ends[row, column]].decode(errors="replace")
        where = f"{self._path}, record {self._first_record + row}"
        return RefusedError(f"{where}: {self._header[column]} is {field!r}, not {allowed}.", _EXPORT_AGAIN)


class Column(Protocol):
    """Takes one column of a file, block by block."""

    def add(self, block: Block, column: int) -> None:
        """Parse this column of the block; RefusedError names the first record that is wrong."""


def read_columns(path: Path, columns: Mapping[str, Column], optional: Mapping[str, Column]) -> int:
    """Read some columns of a CSV file in our form, plain or `.gz`, into the given columns.

    Returns:
        The number of records, the header not counted.

    Raises:
        RefusedError: a column is missing, or a record is not in our form; names file, record and column.
    """
    wanted: list[tuple[int, Column]] = []
    header: list[str] = []
    records = 0
    try:
        for text in whole_records(path):
            body = text if text.endswith(b"\n") else text + b"\n"
            if not header:
                first, _, body = body.partition(b"\n")
                header = first.decode().split(",")
                wanted = _find_columns(header, columns, optional, path)
            if body:
                block = Block(body, header, records + 1, path)
                for place, column in wanted:
                    column.add(block, place)
                records += len(block)
    except UnicodeDecodeError as error:
        raise RefusedError(f"{path} is damaged after record {records}: {error}.", _EXPORT_AGAIN) from error
    if not header:
        raise RefusedError(f"{path} is empty, not even a header.", _EXPORT_AGAIN)
    return records


def _find_columns(
    header: Sequence[str], columns: Mapping[str, Column], optional: Mapping[str, Column], path: Path
) -> list[tuple[int, Column]]:
    missing = [name for name in columns if name not in header]
    if missing:
        raise RefusedError(f"{path} has no column {', '.join(missing)}.", _EXPORT_AGAIN)
    present = {**columns, **{name: column for name, column in optional.items() if name in header}}
    return [(header.index(name), column) for name, column in present.items()]


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


def _digits(block: Block, starts: Int64s, ends: Int64s) -> tuple[UInt64s, Bools]:
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
    numbers, valid = _digits(block, starts + negative, ends)
    largest = np.uint64(np.iinfo(np.int64).max)
    valid &= numbers <= largest + negative
    signed = numbers.astype(np.int64)
    return np.where(negative, -signed, signed), valid


class _Numbering(dict[bytes, int]):
    """Numbers fields by arrival; `texts` holds what they stand for."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __missing__(self, field: bytes) -> int:
        quoted = field.startswith(b'"')
        self.texts.append((field[1:-1].replace(b'""', b'"') if quoted else field).decode())
        number = self[field] = len(self)
        return number


class KeyColumn:
    """Customer or item keys.

    Args:
        kind: what the keys are; integer keys may be beside guests' keys where `guests` is true.
        guests: whether keys of guests are allowed beside integers.
    """

    def __init__(self, kind: KeyKind, *, guests: bool) -> None:
        self._kind = kind
        self._guests = guests
        self._integers: list[Array] = []
        self._numbers: list[Array] = []
        self._text_rows: list[Array] = []
        self._numbering = _Numbering()
        self._rows = 0

    def add(self, block: Block, column: int) -> None:
        """Parse this column of the block."""
        starts, ends = block.starts[:, column], block.ends[:, column]
        if self._kind is KeyKind.TEXT:
            self._numbers.append(self._number_texts(block, starts, ends))
        else:
            values, valid = parse_integers(block, starts, ends)
            if not valid.all():
                texts = np.flatnonzero(~valid)
                for row in texts.tolist():
                    is_guest = block.data.startswith(GUEST_PREFIX.encode(), starts[row])
                    if not (self._guests and is_guest):
                        raise block.refuse(row, column, "an integer")
                self._numbers.append(self._number_texts(block, starts[texts], ends[texts]))
                self._text_rows.append(texts + self._rows)
            self._integers.append(_narrowed(values, np.int32))
        self._rows += len(block)

    def _number_texts(self, block: Block, starts: Int64s, ends: Int64s) -> Int32s:
        fields = map(block.data.__getitem__, map(slice, starts.tolist(), ends.tolist()))
        return np.fromiter(map(self._numbering.__getitem__, fields), np.int32, len(starts))

    def result(self) -> tuple[Keys, Int32s]:
        """The distinct keys, and for each record the index of its key, shape (records,), int32."""
        texts = self._numbering.texts
        ordered = tuple(sorted(set(texts)))
        numbers = _joined(self._numbers, np.int32)
        if self._kind is KeyKind.TEXT:
            keys = Keys(np.empty(0, np.int64), ordered)
            return keys, keys.find_texts(texts).astype(np.int32)[numbers]
        values = _joined(self._integers, np.int64)
        text_rows = _joined(self._text_rows, np.int64)
        is_integer = np.ones(len(values), bool)
        is_integer[text_rows] = False
        integers, indexes = distinct(values[is_integer])
        keys = Keys(integers, ordered)
        result = np.empty(len(values), np.int32)
        result[is_integer] = indexes
        result[text_rows] = keys.find_texts(texts).astype(np.int32)[numbers]
        return keys, result


class TimeColumn:
    """Times such as `2026-10-31T20:00:00Z`, with up to six digits of a fraction."""

    def __init__(self) -> None:
        self._pieces: list[Array] = []

    def add(self, block: Block, column: int) -> None:
        """Parse this column of the block."""
        starts, ends = block.starts[:, column], block.ends[:, column]
        times, valid = _parse_times(block, starts, ends)
        if not valid.all():
            raise block.refuse(int(np.argmin(valid)), column, "a time like 2026-10-31T20:00:00Z")
        self._pieces.append(times)

    def result(self) -> Int64s:
        """Microseconds of UTC, shape (records,), int64."""
        return _joined(self._pieces, np.int64)


_TIME_WIDTH = len("2026-10-31T20:00:00Z")


def _parse_times(block: Block, starts: Int64s, ends: Int64s) -> tuple[Int64s, Bools]:
    # "2026-10-", "31T20:00", ":00Z": the digits are moved together into YYYYMMDD and 00HHMMSS.
    first, second, third = (block.words_at(np.minimum(starts + at, ends)) for at in (0, 8, 16))
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
    marks = (
        (first & u64(0xFF0000FF00000000) == u64(0x2D00002D00000000))  # "-" twice
        & (second & u64(0x0000FF0000FF0000) == u64(0x00003A0000540000))  # "T", ":"
        & (third & u64(0xFF) == u64(0x3A))  # ":"
    )
    valid = (ends - starts >= _TIME_WIDTH) & (block.bytes[ends - 1] == _ZULU)
    valid &= marks & _all_digits(date) & _all_digits(clock)
    days, valid_days = _days(np.where(valid, _eight_digits(date), 19700101).astype(np.int64))
    hhmmss = np.where(valid, _eight_digits(clock), 0).astype(np.int64)
    hours, minutes, seconds = hhmmss // 10000, hhmmss // 100 % 100, hhmmss % 100
    valid &= valid_days & (hours < 24) & (minutes < 60) & (seconds < 60)  # noqa: PLR2004 - a clock's limits
    times = (days * 86400 + hours * 3600 + minutes * 60 + seconds) * 1_000_000
    long = np.flatnonzero(valid & (ends - starts > _TIME_WIDTH))
    if len(long):
        point = starts[long] + _TIME_WIDTH - 1
        digits = ends[long] - 1 - (point + 1)
        fractions, valid_fractions = _digits(block, point + 1, ends[long] - 1)
        valid_fractions &= (block.bytes[point] == _POINT) & (digits <= 6)  # noqa: PLR2004 - microseconds
        valid[long] = valid_fractions
        times[long] += fractions.astype(np.int64) * 10 ** np.clip(6 - digits, 0, 6)
    return times, valid


def _days(dates: Int64s) -> tuple[Int64s, Bools]:
    """Days since 1970 of dates written as the number YYYYMMDD, and whether there is such a date."""
    months = (dates // 10000 - 1970) * 12 + dates // 100 % 100 - 1
    starts = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    lengths = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - starts
    month, day = dates // 100 % 100, dates % 100
    valid = (dates >= 10000) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= lengths)  # noqa: PLR2004
    return starts + day - 1, valid


class _Decimals(dict[bytes, float]):
    """What fields with a point stand for, NaN for no number; each worked out once: few are different."""

    def __missing__(self, field: bytes) -> float:
        number = self[field] = float(field) if _DECIMAL.fullmatch(field) else math.nan
        return number


class NumberColumn:
    """Decimal numbers such as `2`, `-1` or `9.5`."""

    def __init__(self) -> None:
        self._pieces: list[Array] = []

    def add(self, block: Block, column: int) -> None:
        """Parse this column of the block."""
        starts, ends = block.starts[:, column], block.ends[:, column]
        integers, valid = parse_integers(block, starts, ends)
        numbers = integers.astype(np.float64)
        known = _Decimals()
        for row in np.flatnonzero(~valid).tolist():
            number = known[block.data[starts[row] : ends[row]]]
            if not math.isfinite(number):
                raise block.refuse(row, column, "a number")
            numbers[row] = number
        self._pieces.append(_narrowed(numbers, np.float32))

    def result(self) -> Float64s:
        """The numbers, shape (records,), float64."""
        return _joined(self._pieces, np.float64)


def _narrowed(values: npt.NDArray[np.generic], dtype: type[np.generic]) -> npt.NDArray[np.generic]:
    """The values in half of the memory, where they are the same in it."""
    with np.errstate(over="ignore"):
        narrow = values.astype(dtype)
    return narrow if np.array_equal(narrow, values) else values


def _joined(pieces: list[Array], dtype: type[T]) -> npt.NDArray[T]:
    """All pieces as one array of the type; the pieces are let go."""
    joined = np.concatenate([np.empty(0, dtype), *pieces], dtype=dtype)
    pieces.clear()
    return joined


def distinct(values: Int64s) -> tuple[Int64s, Int32s]:
    """The distinct values in ascending order, and for each value its index among them (int32).

    Values that lie close together, as most keys do, are found with a table instead of a sort.
    """
    if not len(values):
        return values, np.empty(0, np.int32)
    low, high = int(values.min()), int(values.max())
    if high - low < max(2 * len(values), 1 << 16):
        present = np.zeros(high - low + 1, bool)
        present[values - low] = True
        indexes = np.cumsum(present, dtype=np.int32) - np.int32(1)
        return np.flatnonzero(present) + low, indexes[values - low]
    # As numpy.unique does, with half of its memory.
    order = np.argsort(values)
    ordered = values[order]
    begins = np.ones(len(values), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    found = ordered[begins]
    del ordered
    result = np.empty(len(values), np.int32)
    result[order] = np.cumsum(begins, dtype=np.int32) - np.int32(1)
    return found, result
