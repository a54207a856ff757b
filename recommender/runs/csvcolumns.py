"""Columns of a CSV file in our form as arrays: millions of lines a second, in bounded memory.

The file is read in blocks of whole records. In a block, separators are found and numbers and times are
parsed for all records at once, eight characters at a time (as one 64-bit word); only text keys become Python
objects, and only distinct ones stay.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from recommender.errors import RefusedError
from recommender.runs.csvblock import EXPORT_AGAIN, Block, parse_decimals, parse_integers, parse_time_fields
from recommender.runs.keys import Keys
from recommender.system.csvform import whole_records
from recommender.tables import GUEST_PREFIX, KeyKind

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
Array = npt.NDArray[np.generic]
T = TypeVar("T", bound=np.generic)

_DECIMAL = re.compile(rb"-?\d+(\.\d+)?")


class CsvColumn(Protocol):
    """Takes one column of a file, block by block."""

    def add(self, block: Block, column: int) -> None:
        """Parse this column of the block; RefusedError names the first record that is wrong."""


def read_columns(path: Path, columns: Mapping[str, CsvColumn], optional: Mapping[str, CsvColumn]) -> int:
    """Read some columns of a CSV file in our form, plain or `.gz`, into the given columns.

    Returns:
        The number of records, the header not counted.

    Raises:
        RefusedError: a column is missing, or a record is not in our form; names file, record and column.
    """
    wanted: list[tuple[int, CsvColumn]] = []
    records = 0
    for header, block in read_blocks(path):
        wanted = wanted or _find_columns(header, columns, optional, path)
        if block is not None:
            try:
                for place, column in wanted:
                    column.add(block, place)
            except UnicodeDecodeError as error:
                raise _damaged(path, records, error) from error
            records += len(block)
    return records


def read_blocks(path: Path) -> Iterator[tuple[list[str], Block | None]]:
    """The records of a CSV file in our form, some at a time, each time with the header.

    The first time there may be nothing but the header.

    Raises:
        RefusedError: the file is not in our form; names file and record.
    """
    header: list[str] = []
    records = 0
    try:
        for text in whole_records(path):
            body = text if text.endswith(b"\n") else text + b"\n"
            if not header:
                first, _, body = body.partition(b"\n")
                header = first.decode().split(",")
            block = Block(body, header, records + 1, path) if body else None
            yield header, block
            records += len(block) if block is not None else 0
    except UnicodeDecodeError as error:
        raise _damaged(path, records, error) from error
    if not header:
        raise RefusedError(f"{path} is empty, not even a header.", EXPORT_AGAIN)


def _damaged(path: Path, records: int, error: UnicodeDecodeError) -> RefusedError:
    return RefusedError(f"{path} is damaged after record {records}: {error}.", EXPORT_AGAIN)


def _find_columns(
    header: Sequence[str], columns: Mapping[str, CsvColumn], optional: Mapping[str, CsvColumn], path: Path
) -> list[tuple[int, CsvColumn]]:
    missing = [name for name in columns if name not in header]
    if missing:
        raise RefusedError(f"{path} has no column {', '.join(missing)}.", EXPORT_AGAIN)
    present = {**columns, **{name: column for name, column in optional.items() if name in header}}
    return [(header.index(name), column) for name, column in present.items()]


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
        firsts, which = _distinct_fields(block, starts, ends)
        fields = map(block.data.__getitem__, map(slice, starts[firsts].tolist(), ends[firsts].tolist()))
        return np.fromiter(map(self._numbering.__getitem__, fields), np.int32, len(firsts))[which]

    def result(self) -> tuple[Keys, Int32s]:
        """The distinct keys, and for each record the index of its key, shape (records,), int32."""
        texts = self._numbering.texts
        ordered = tuple(sorted(set(texts)))
        numbers = _joined(self._numbers, np.int32)
        if self._kind is KeyKind.TEXT:
            keys = Keys(np.empty(0, np.int64), ordered)
            return keys, keys.find_texts(texts).astype(np.int32)[numbers]
        values = _joined(self._integers, np.int64)
        if not self._text_rows:
            return _integer_keys(values)
        text_rows = _joined(self._text_rows, np.int64)
        is_integer = np.ones(len(values), bool)
        is_integer[text_rows] = False
        integers, indexes = distinct(values[is_integer])
        keys = Keys(integers, ordered)
        result = np.empty(len(values), np.int32)
        result[is_integer] = indexes
        result[text_rows] = keys.find_texts(texts).astype(np.int32)[numbers]
        return keys, result


def _integer_keys(values: Int64s) -> tuple[Keys, Int32s]:
    integers, indexes = distinct(values)
    return Keys(integers, ()), indexes


def _distinct_fields(block: Block, starts: Int64s, ends: Int64s) -> tuple[Int64s, Int64s]:
    """Which fields are the same texts.

    Returns:
        Rows whose fields are all different (or nearly so) and stand for all others, and for each row the
        place of its like among these.
    """
    words = block.field_words(starts, ends)
    everyone = np.arange(len(starts))
    if words is None or not len(starts):
        return everyone, everyone
    code = words[0]
    for word in words[1:]:
        # Any number will do that seldom is the same for different texts; below all of each is compared.
        code = (code ^ (code >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) + word
    begins = np.append(True, code[1:] != code[:-1])
    runs = np.flatnonzero(begins)
    order = np.argsort(code[runs])
    ordered = code[runs][order]
    is_new = np.append(True, ordered[1:] != ordered[:-1])
    firsts = runs[order[is_new]]
    which = np.empty(len(runs), np.int64)
    which[order] = np.cumsum(is_new) - 1
    which = which[np.cumsum(begins) - 1]
    if any((word != word[firsts[which]]).any() for word in words):
        return everyone, everyone
    return firsts, which


class TimeColumn:
    """Times such as `2026-10-31T20:00:00Z`, with up to six digits of a fraction."""

    def __init__(self) -> None:
        self._pieces: list[Array] = []

    def add(self, block: Block, column: int) -> None:
        """Parse this column of the block."""
        starts, ends = block.starts[:, column], block.ends[:, column]
        times, valid = parse_time_fields(block, starts, ends)
        if not valid.all():
            raise block.refuse(int(np.argmin(valid)), column, "a time like 2026-10-31T20:00:00Z")
        self._pieces.append(times)

    def result(self) -> Int64s:
        """Microseconds of UTC, shape (records,), int64."""
        return _joined(self._pieces, np.int64)


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
        others = np.flatnonzero(~valid)
        if len(others):
            points = block.points_after(starts[others])
            numbers[others], valid[others] = parse_decimals(block, starts[others], ends[others], points)
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
