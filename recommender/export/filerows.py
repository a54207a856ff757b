"""Rows of sales or items from files, as a snapshot gives those of a query: each value as a text.

A Parquet file says what its columns are. Of a CSV file nobody knows whether `00123` is a number: there our
tables say it, which `init` made for the shop's keys.
"""

import csv
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from recommender.database.base import ROWS_AT_ONCE, Batch, QueryColumn, RowReader, no_key
from recommender.database.ddl import KeyType
from recommender.database.query import Query
from recommender.errors import RefusedError
from recommender.export.shopify import form_of
from recommender.export.sourcefiles import SourceFile, SourceFiles
from recommender.system.arrow import pa
from recommender.tables import KeyKind

BACKEND = "files"
"""Stands for a shop's database where the type of a key is asked for: another one than ours."""
_SEPARATORS = (",", ";", "\t")
_LONGEST_HEADER = 1 << 20
_BLOCK_BYTES = 8 << 20
_KEYS = ("customer_id", "item_id")
_NEEDED = (*_KEYS, "sold_at", "name", "sellable")
_ROW = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
_MEND = "Have the file written again, or correct it."

_Columns = dict[str, pa.Array]
"""Some rows of a file: texts by the columns' own names."""


class FileRows(RowReader):
    """The rows of all files of a URI, in the order of their paths.

    Args:
        source: the files.
        scratch: a folder for copies of files that lie elsewhere.
        kinds: of the key columns, for files that do not tell them.
    """

    integers_as_text = True

    def __init__(self, source: SourceFiles, scratch: Path, kinds: Mapping[str, KeyKind]) -> None:
        self.source = source
        self._scratch = scratch
        self._kinds = kinds
        self._file, self._row = source.files[0], 0
        # Kept until it is read, so that a file that lies elsewhere comes once.
        self._stack = ExitStack()
        self._first: Path | None = self._stack.enter_context(source.opened(self._file, scratch))
        try:
            self._schema = _schema(self._first, self._file)
        except BaseException:
            self.close()
            raise
        self._form = form_of(self._schema.names)

    def close(self) -> None:
        """Remove the copy of the first file, where there is one."""
        self._first = None
        self._stack.close()

    @contextmanager
    def _opened(self, file: SourceFile) -> Iterator[Path]:
        if file is self.source.files[0] and self._first is not None:
            yield self._first
            self.close()
            return
        with self.source.opened(file, self._scratch) as path:
            yield path

    @property
    def query(self) -> Query:
        """What stands for a query of these rows, all of which are read and cut to the window."""
        return Query(self.source.uri, "", uses_since=True)

    def place_of(self, row: int) -> str:
        """The file, and the row in it; the first one behind a CSV file's header is 1."""
        if self._form is not None:
            return self._file.path
        return f"{self._file.path}, row {self._row + row + 1}"

    def columns(self, query: Query) -> list[QueryColumn]:
        """The columns of the first file; all must have those that are needed."""
        del query
        if self._form is not None:
            return [QueryColumn(name) for name in self._form.columns]
        return [QueryColumn(name) for name in {**dict.fromkeys(self._schema.names), **self._file.partition}]

    def key_type(self, query: Query, column: QueryColumn) -> KeyType:
        """As the first file or our tables have it.

        Raises:
            RefusedError: the type can be no key.
        """
        name = column.name.lower()
        kind = self._kinds.get(name, KeyKind.TEXT)
        if self._form is None and self.source.format == "parquet" and column.name in self._schema.names:
            found = self._schema.field(column.name).type
            told = _key_kind(found)
            if told is None:
                raise no_key(query, column.name, f"of the type {found}", "Write it as an integer or a text.")
            kind = told
        return KeyType(kind, "BIGINT" if kind is KeyKind.INTEGER else "TEXT")

    def batches(self, query: Query, columns: Sequence[QueryColumn]) -> Generator[Batch, None, None]:
        """All rows of all files in batches.

        Raises:
            RefusedError: a file is damaged, changed, or has other columns than the first.
            DatabaseError: the file system does not answer.
        """
        del query
        names = [column.name for column in columns]
        for file in self.source.files:
            self._file, self._row = file, 0
            with self._opened(file) as path, _told(file):
                for rows, found in self._read(path, file, names):
                    yield found
                    self._row += rows
        self.source.require_unchanged()

    def _read(self, path: Path, file: SourceFile, names: Sequence[str]) -> Iterator[tuple[int, Batch]]:
        """The columns of a file, batch by batch, and how many rows each has."""
        schema = _schema(path, file)
        if self._form is not None:
            if form_of(schema.names) is not self._form:
                raise _damaged(file, f"its columns are not those of {self.source.files[0].path}")
            for rows, batch in self._form.rows(_csv_batches(path, file, schema.names)):
                yield rows, [batch[name] for name in names]
            return
        own = self._own_names(file, schema, names)
        read = _csv_batches if file.format == "csv" else _parquet_batches
        for rows, batch in read(path, file, [name for name in own if name in schema.names]):
            fixed = {
                name: pa.repeat(pa.scalar(text, pa.string()), rows) for name, text in file.partition.items()
            }
            columns = fixed | batch
            yield rows, [columns[name] if name in columns else pa.nulls(rows, pa.string()) for name in own]

    def _own_names(self, file: SourceFile, schema: pa.Schema, names: Sequence[str]) -> list[str]:
        """How a file itself writes the names; an optional column that it lacks keeps the first file's.

        Raises:
            RefusedError: it lacks a column that is needed, or its keys are of another type.
        """
        own = {name.lower(): name for name in (*file.partition, *schema.names)}
        first = self.source.files[0].path
        for name in names:
            if name.lower() in _NEEDED and name.lower() not in own:
                raise _damaged(file, f"it has no column {name}, as {first} has")
            if name.lower() in _KEYS and file.format == "parquet" and name in self._schema.names:
                here = schema.field(own[name.lower()]).type if own[name.lower()] in schema.names else None
                there = self._schema.field(name).type
                if here is not None and _key_kind(here) is not _key_kind(there):
                    raise _damaged(file, f"{name} is {here} in it, and {there} in {first}")
        return [own.get(name.lower(), name) for name in names]


def _damaged(file: SourceFile, what: str) -> RefusedError:
    return RefusedError("files-damaged", f"{file.path} cannot be used: {what}.", _MEND)


@contextmanager
def _told(file: SourceFile) -> Iterator[None]:
    """What Arrow says of a file's content, which may hold what is in a row, as an error of ours."""
    try:
        yield
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        if found := _ROW.search(str(error)):
            row, wanted, fields = found.groups()
            # Arrow counts the header.
            raise _damaged(
                file, f"row {int(row) - 1} has {fields} fields, and the header {wanted}"
            ) from error
        raise RefusedError(
            "files-damaged",
            f"{file.path} cannot be used: it is damaged.",
            _MEND,
            named=f"In Arrow's words: {' '.join(str(error).split())[:300]}.",
        ) from error


def _schema(path: Path, file: SourceFile) -> pa.Schema:
    """The columns; of a CSV file all are texts.

    Raises:
        RefusedError: there are none, or one is there twice.
    """
    with _told(file):
        if file.format == "parquet":
            found = pq.ParquetFile(path).schema_arrow
        else:
            _require_whole(path, file)
            names, _ = _header(path, file)
            found = pa.schema([(name, pa.string()) for name in names])
    lower = [name.lower() for name in found.names]
    twice = sorted({name for name in lower if lower.count(name) > 1})
    if twice:
        raise _damaged(file, f"it has more than one column {', '.join(twice)}")
    return found


def _input(path: Path, file: SourceFile) -> pa.NativeFile:
    # By its path: an error in a file object of Python's would end the process.
    return pa.input_stream(str(path), compression="gzip" if file.path.lower().endswith(".gz") else None)


def _require_whole(path: Path, file: SourceFile) -> None:
    """Quotes come in pairs; where one is open at the end, Arrow would take the rest for its text."""
    quotes = size = 0
    with _input(path, file) as stream:
        while block := stream.read(_BLOCK_BYTES):
            quotes += block.count(b'"')
            size += len(block)
    if not size:
        raise _damaged(file, "it is empty, without even a header")
    if quotes % 2:
        raise _damaged(file, "a quote is open at its end")


def _header(path: Path, file: SourceFile) -> tuple[list[str], str]:
    """The names of the columns, and what stands between two."""
    with _input(path, file) as stream:
        line = bytes(stream.read(_LONGEST_HEADER)).partition(b"\n")[0]
    text = line.decode("utf-8-sig").rstrip("\r")
    split = {mark: next(csv.reader([text], delimiter=mark), []) for mark in _SEPARATORS}
    mark = max(_SEPARATORS, key=lambda each: len(split[each]))
    return [name.strip() for name in split[mark]], mark


def _csv_batches(path: Path, file: SourceFile, wanted: Sequence[str]) -> Iterator[tuple[int, _Columns]]:
    names, mark = _header(path, file)
    with (
        _input(path, file) as stream,
        pcsv.open_csv(
            stream,
            pcsv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES, column_names=names, skip_rows=1),
            pcsv.ParseOptions(delimiter=mark, newlines_in_values=True),
            # As bytes, so that a text that is not UTF-8 can be told with its row.
            pcsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()),
                include_columns=[*wanted],
                strings_can_be_null=True,
                null_values=[""],
            ),
        ) as reader,
    ):
        before = 0
        for batch in reader:
            yield batch.num_rows, {name: _utf8(batch.column(name), name, file, before) for name in wanted}
            before += batch.num_rows


def _utf8(values: pa.Array, name: str, file: SourceFile, before: int) -> pa.Array:
    """Bytes as texts; so many rows came before."""
    try:
        return pc.cast(values, pa.string())
    except pa.ArrowInvalid:
        for row, value in enumerate(values.to_pylist(), before + 1):
            try:
                (value or b"").decode()
            except UnicodeDecodeError:
                raise _damaged(file, f"row {row}: {name} is not a text in UTF-8") from None
        raise


def _parquet_batches(path: Path, file: SourceFile, wanted: Sequence[str]) -> Iterator[tuple[int, _Columns]]:
    with pq.ParquetFile(path) as parquet:
        before = 0
        for batch in parquet.iter_batches(batch_size=ROWS_AT_ONCE, columns=[*wanted], use_threads=False):
            yield batch.num_rows, {name: _texts(batch.column(name), name, file, before) for name in wanted}
            before += batch.num_rows


def _texts(values: pa.Array, name: str, file: SourceFile, before: int) -> pa.Array:
    """A column of any plain type as texts."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _texts(values.dictionary_decode(), name, file, before)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _utf8(pc.cast(values, pa.binary()), name, file, before)
    if pa.types.is_timestamp(kind):
        # Beyond a microsecond nothing is kept; some milliseconds have no microseconds.
        values = pc.cast(values, pa.timestamp("us", kind.tz and "UTC"), safe=kind.unit != "ns")
    elif pa.types.is_nested(kind) or pa.types.is_time(kind) or pa.types.is_duration(kind):
        raise _damaged(file, f"{name} is of the type {kind}")
    return pc.cast(values, pa.string())


def _key_kind(kind: pa.DataType) -> KeyKind | None:
    """What keys of this type are; None where it can be no key."""
    if pa.types.is_dictionary(kind):
        return _key_kind(kind.value_type)
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        return KeyKind.INTEGER
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return KeyKind.TEXT if any(is_it(kind) for is_it in texts) else None


def guessed_kinds(rows: FileRows, names: Sequence[str]) -> dict[str, KeyKind]:
    """What the keys of files seem to be: integers where all are written as such, `00123` is a text.

    Args:
        rows: of all files; read to their end.
        names: of the key columns, as the files have them.
    """
    whole = dict.fromkeys(names, True)
    with closing(rows.batches(rows.query, [QueryColumn(name) for name in names])) as batches:
        for batch in batches:
            for name, values in zip(names, batch, strict=True):
                written = pc.match_substring_regex(values, r"^(0|-?[1-9][0-9]{0,17})$")
                whole[name] &= pc.all(written, min_count=0).as_py()
    return {name: KeyKind.INTEGER if is_whole else KeyKind.TEXT for name, is_whole in whole.items()}
