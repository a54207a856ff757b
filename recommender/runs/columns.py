"""Columns of a CSV file in our form as arrays, read by Arrow a block at a time.

Keys and numbers come as distinct texts and codes: each text is looked at once, and is what we take for a key
or a number. Arrow itself would let ` 1`, `+1` and `nan` pass.
"""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from pyarrow import csv

from recommender.errors import RefusedError
from recommender.runs.keys import Keys, keys_of
from recommender.system.arrays import Bools, Float64s, Int32s, Int64s
from recommender.system.arrow import pa
from recommender.system.machine import give_back_memory
from recommender.system.times import UNREADABLE
from recommender.tables import KeyKind, integer_key, is_guest

EXPORT_AGAIN = "Start again with `recommend export`."
_BLOCK = 1 << 20
"""Bytes that are parsed at once; more where a record is longer."""
_BLOCK_HANDED_ON = 1 << 16
"""The same where each block is handed on: Arrow reads some thirty ahead."""
_TOGETHER = 8
"""Blocks after which memory is given back: what stays of each lies among what it was made from."""
_LONGEST_HEADER = 1 << 16
_LONGEST_BLOCK = (1 << 31) - 1
_BAD_ROW = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
_SHORT_INTEGER = "^-?[0-9]{1,18}$"
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII)
_DISTINCT = pa.dictionary(pa.int32(), pa.string())
_MOMENT = pa.timestamp("us", "UTC")
_TIME_WIDTHS = (20, *range(22, 28))
"""Of such times without a fraction, and with one of up to six digits."""
_TIME = "a time like 2026-10-31 20:00:00.000000Z"


class Columns:
    """Some columns of a file. Each is taken out once, so that its memory can go."""

    def __init__(self, path: Path, table: pa.Table) -> None:
        self._path = path
        self._columns = {name: table.column(name) for name in table.column_names}
        self.n_records = table.num_rows

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def take_keys(self, name: str, kind: KeyKind, *, guests: bool = False) -> tuple[Keys, Int32s]:
        """The distinct keys of a column, and for each record the index of its key, shape (records,), int32.

        With `guests` keys of guests may stand beside integers.

        Raises:
            RefusedError: a record has none, or one of another kind.
        """
        distinct, codes = self._take(name)
        places = np.full(len(distinct) + 1, -1, np.int32)  # the last one where there is no text
        if kind is KeyKind.TEXT:
            texts = distinct.to_pylist()
            keys = Keys.of(texts=texts)
            places[:-1] = keys.find_texts(texts)
        else:
            is_short = pc.match_substring_regex(distinct, _SHORT_INTEGER)
            integers = np.asarray(pc.cast(distinct.filter(is_short), pa.int64()))
            others = [
                text if guests and is_guest(text) else integer_key(text)
                for text in distinct.filter(pc.invert(is_short)).to_pylist()
            ]
            odd = keys_of(key for key in others if key is not None)
            keys = Keys(np.union1d(integers, odd.integers), odd.texts)
            places[:-1][np.asarray(is_short)] = keys.find_integers(integers)
            places[:-1][~np.asarray(is_short)] = keys.find_each(others)
        index = places[codes]
        self._require(index >= 0, distinct, codes, name, "a text" if kind is KeyKind.TEXT else "an integer")
        return keys, index

    def take_numbers(self, name: str, *, nullable: bool = False) -> Float64s:
        """A column of finite numbers, shape (records,), float64; NaN where there is none.

        Raises:
            RefusedError: a record has none, and it is not nullable; or what is no number.
        """
        distinct, codes = self._take(name)
        numbers = np.array([*map(_number, distinct.to_pylist()), math.nan])[codes]
        is_none = (codes < 0) & nullable
        self._require(np.isfinite(numbers) | is_none, distinct, codes, name, "a number")
        return numbers

    def take_texts(self, name: str, *, nullable: bool = False) -> tuple[list[str], Int32s]:
        """The distinct texts of a column, and for each record the place of its text, -1 for none.

        Raises:
            RefusedError: a record has none, and it is not nullable.
        """
        distinct, codes = self._take(name)
        self._require((codes >= 0) | nullable, distinct, codes, name, "a key")
        return distinct.to_pylist(), codes

    def take_times(self, name: str) -> Int64s:
        """A column of moments, microseconds of UTC, shape (records,), int64."""
        column = self._columns.pop(name).cast(pa.int64())
        return np.concatenate([np.empty(0, np.int64), *column.chunks])

    def take_optional_times(self, name: str) -> Int64s:
        """Moments that were read as texts, as `take_times` has them; `UNREADABLE` where there is none.

        Raises:
            RefusedError: a record has a text that is no moment.
        """
        distinct, codes = self._take(name)
        moments, bad = _as_moments(distinct)
        valid = np.ones(len(distinct) + 1, bool)
        valid[bad] = False
        self._require(valid[codes], distinct, codes, name, _TIME)
        return np.append(np.asarray(moments.cast(pa.int64())), UNREADABLE)[codes]

    def _take(self, name: str) -> tuple[pa.StringArray, Int32s]:
        """The distinct texts of a column, and for each record the place of its text, -1 for none."""
        found = _coded(self._columns.pop(name))
        give_back_memory()
        return found

    def _require(self, valid: Bools, distinct: pa.StringArray, codes: Int32s, name: str, wanted: str) -> None:
        """Refuse the first record that is not valid."""
        if not valid.all():
            bad = int(np.argmin(valid))
            text = distinct[codes[bad]].as_py() if codes[bad] >= 0 else None
            raise _refusal(self._path, bad + 1, name, text, wanted)


def read_columns(
    path: Path, required: Sequence[str], optional: Sequence[str] = (), *, times: Sequence[str] = ()
) -> Columns:
    """Read some columns of a CSV file in our form, plain or `.gz`; `times` are those that hold moments.

    Raises:
        RefusedError: a column is missing, or a record is not in our form; names file, record and column.
    """
    names = _names(path, required, optional)
    schema = pa.schema([(name, _MOMENT if name in times else _DISTINCT) for name in names])
    return Columns(path, pa.Table.from_batches(_batches(path, schema, _BLOCK), schema))


def read_texts(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The columns of these names, all as texts, in order of the records and a block at a time.

    Raises:
        RefusedError: as `read_columns`, when it comes there.
    """
    schema = pa.schema([(name, pa.string()) for name in _names(path, names)])
    return _batches(path, schema, _BLOCK_HANDED_ON)


def _names(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[str]:
    """Those of the columns that the file has."""
    header = read_header(path)
    missing = [name for name in required if name not in header]
    if missing:
        raise RefusedError("run-damaged", f"{path} has no column {', '.join(missing)}.", EXPORT_AGAIN)
    return [name for name in (*required, *optional) if name in header]


def _batches(path: Path, schema: pa.Schema, block: int) -> Iterator[pa.RecordBatch]:
    done = 0
    while True:
        records = 0
        try:
            for number, batch in enumerate(_read(path, schema, block), 1):
                # Not by Arrow's skip_rows_after_names: where a text has a NUL, it skips more.
                new = batch.slice(max(done - records, 0))
                records += batch.num_rows
                if new.num_rows:
                    done = records
                    yield new
                if number % _TOGETHER == 0:
                    give_back_memory()
        except pa.ArrowInvalid as error:
            if "straddling object" not in str(error) or block >= _LONGEST_BLOCK:
                raise _explained(path, error) from error
            block = min(4 * block, _LONGEST_BLOCK)
        else:
            return


def _read(path: Path, schema: pa.Schema, block: int) -> Iterator[pa.RecordBatch]:
    records = 0
    types = [pa.string() if kind == _MOMENT else kind for kind in schema.types]
    with (
        _stream(path) as file,
        csv.open_csv(
            file,
            # One thread: only then does an error tell the row.
            read_options=csv.ReadOptions(use_threads=False, block_size=block),
            parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                include_columns=schema.names,
                column_types=dict(zip(schema.names, types, strict=True)),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        ) as reader,
    ):
        for batch in reader:
            columns = [
                _moments(path, records, field.name, column) if field.type == _MOMENT else column
                for field, column in zip(schema, batch.columns, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
            records += batch.num_rows


def _coded(column: pa.ChunkedArray) -> tuple[pa.StringArray, Int32s]:
    """A column's distinct texts and codes, as `Columns._take` returns them."""
    column = column.unify_dictionaries()
    codes = [pc.fill_null(chunk.indices, -1) for chunk in column.chunks]
    distinct = column.chunk(0).dictionary if codes else pa.array([], pa.string())
    return distinct, np.concatenate([np.empty(0, np.int32), *codes])


@contextmanager
def _stream(path: Path) -> Iterator[pa.NativeFile]:
    try:
        # By its path: an error in a file object of Python's would end the process.
        with pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None) as file:
            yield file
    except (OSError, EOFError) as error:
        if getattr(error, "errno", None):
            raise
        raise RefusedError(
            "run-damaged", f"{path} is damaged: {error}.", "Take another run, or export again."
        ) from error


def read_header(path: Path) -> list[str]:
    """The names of the columns.

    Raises:
        RefusedError: there are none, or the plain file ends in the middle of a record.
    """
    with _stream(path) as file:
        start = bytes(file.read(_LONGEST_HEADER))
        is_cut = bool(start) and file.seekable() and _last_byte(file) != b"\n"
    if not start:
        raise RefusedError("run-damaged", f"{path} is empty.", EXPORT_AGAIN)
    if is_cut:
        # Arrow takes what is there for the record, also where a quote is open.
        raise RefusedError("run-damaged", f"{path} ends in the middle of a record.", EXPORT_AGAIN)
    line = start.partition(b"\n")[0].decode(errors="replace")
    return [name.strip('"') for name in line.split(",")]


def _last_byte(file: pa.NativeFile) -> bytes:
    file.seek(file.size() - 1)
    return bytes(file.read(1))


def _moments(path: Path, records: int, name: str, texts: pa.StringArray) -> pa.Array:
    """Texts of moments as such; so many records came before."""
    moments, bad = _as_moments(texts)
    if len(bad):
        first = int(bad[0])
        raise _refusal(path, records + first + 1, name, texts[first].as_py(), _TIME)
    return moments


def _as_moments(texts: pa.StringArray) -> tuple[pa.Array, Int64s]:
    """Texts as moments; or the places of such that are none, ascending, and then no moments."""
    # Arrow also reads offsets, days without an hour and hours without minutes.
    bad = np.flatnonzero(texts.is_null())
    if not len(bad):
        is_utc = np.asarray(pc.ends_with(texts, "Z"))
        bad = np.flatnonzero(~(is_utc & np.isin(pc.binary_length(texts), _TIME_WIDTHS)))
    if not len(bad):
        bad = np.flatnonzero(pc.starts_with(texts, "0000"))
    if not len(bad):
        try:
            return pc.cast(texts, _MOMENT), bad
        except pa.ArrowInvalid:
            bad = np.flatnonzero([not _is_moment(text) for text in texts])
    return pa.array([], _MOMENT), bad


def _is_moment(text: pa.StringScalar) -> bool:
    try:
        pc.cast(text, _MOMENT)
    except pa.ArrowInvalid:
        return False
    return True


def _number(text: str) -> float:
    return float(text) if _NUMBER.fullmatch(text) else math.nan


def _refusal(path: Path, record: int, name: str, text: str | None, wanted: str) -> RefusedError:
    reason = f"{path}, record {record}: {name} is not {wanted}."
    return RefusedError("run-damaged", reason, EXPORT_AGAIN, named=f"It is {text or ''!r}.")


def _explained(path: Path, error: pa.ArrowInvalid) -> RefusedError:
    """Arrow's error, whose rows count the header, in our words: its own may hold what is in a record."""
    found = _BAD_ROW.search(str(error))
    if found is None:
        return RefusedError(
            "run-damaged", f"{path} is damaged.", EXPORT_AGAIN, named=f"In Arrow's words: {error}."
        )
    row, wanted, fields = found.groups()
    what = f"{fields} fields, but the header has {wanted}"
    return RefusedError("run-damaged", f"{path}, record {int(row) - 1}: {what}.", EXPORT_AGAIN)
