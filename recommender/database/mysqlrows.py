"""Rows of MariaDB and MySQL in batches, as the protocol has them.

PyMySQL makes objects of each row and field, which takes ten times as long as the server needs to send them.
A row is a packet: three bytes of length, one of sequence, then the fields, each with its length in front.
Only the packets are told apart one by one here; the fields of a batch are found all at once.

https://mariadb.com/kb/en/result-set-packets/, https://mariadb.com/kb/en/protocol-data-types/
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.database.base import Columns, Rows, TupleRows, plain_lines

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_BLOCK = 1 << 18
_HEADER = 4
_TOO_LARGE = b"\xff\xff\xff"
"""The length of a packet that goes on in the next."""
_NULL, _TWO_BYTES, _THREE_BYTES, _EIGHT_BYTES, _ERROR = 0xFB, 0xFC, 0xFD, 0xFE, 0xFF
_END, _LONGEST_END = 0xFE, 9
_LENGTHS = {_TWO_BYTES: 2, _THREE_BYTES: 3, _EIGHT_BYTES: 8}
_LOST = 2013, "Lost connection to MySQL server during query"

Convert = Callable[[Any], object]


class PacketRows(Rows):
    """Rows as the server sent them.

    Args:
        data: whole packets.
        ends: where each of them ends.
        converters: for each field the encoding of its text, None for bytes, and what makes a value of it.
    """

    def __init__(
        self, data: bytes, ends: Sequence[int], converters: Sequence[tuple[str | None, Convert | None]]
    ) -> None:
        self._data = data
        self._ends = ends
        self._begins = np.concatenate([[0], np.array(ends[:-1], np.int64)])
        self._converters = converters

    def columns(self) -> Columns:
        """The values, by columns."""
        found = self._fields() or self._long_fields()
        columns: Columns = []
        for (starts, ends, nulls), (encoding, convert) in zip(found, self._converters, strict=True):
            values: list[Any] = [self._data[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
            if encoding is not None:
                values = [value.decode(encoding) for value in values]
            if convert is not None:
                is_null = nulls.tolist()
                values = [
                    value if none else convert(value) for value, none in zip(values, is_null, strict=True)
                ]
            for row in np.flatnonzero(nulls).tolist():
                values[row] = None
            columns.append(values)
        return columns

    def plain(self) -> bytes | None:
        """The rows as plain lines, or None."""
        fields = self._fields()
        if fields is None:
            return None
        # A comma takes the place of each length; the header's last byte that of the line end before it.
        data = np.frombuffer(self._data + b"\n", np.uint8).copy()
        keep = np.ones(len(data), bool)
        for place in range(_HEADER):
            keep[self._begins + place] = False
        keep[self._begins[1:] + _HEADER - 1] = True
        data[self._begins[1:] + _HEADER - 1] = ord("\n")
        for column, (starts, ends, nulls) in enumerate(fields):
            if ((starts == ends) & ~nulls).any():
                return None
            if column:
                data[starts - 1] = ord(",")
            else:
                keep[starts - 1] = False
        return plain_lines(data[keep].tobytes(), rows=len(self._ends), columns=len(fields))

    def _fields(self) -> list[tuple[Int64s, Int64s, Bools]] | None:
        """Starts and ends of each field, and whether it is NULL; None where one is 251 bytes or longer."""
        data = np.frombuffer(self._data + b"\0", np.uint8)
        places = self._begins + _HEADER
        found = []
        for _ in self._converters:
            lengths = data[places].astype(np.int64)
            if (lengths > _NULL).any():
                return None
            nulls = lengths == _NULL
            starts = places + 1
            places = starts + np.where(nulls, 0, lengths)
            found.append((starts, places, nulls))
        return found

    def _long_fields(self) -> list[tuple[Int64s, Int64s, Bools]]:
        """As `_fields`, one by one."""
        shape = (len(self._converters), len(self._ends))
        starts, ends = np.empty(shape, np.int64), np.empty(shape, np.int64)
        nulls = np.zeros(shape, bool)
        data = self._data
        for row, begin in enumerate(self._begins.tolist()):
            place = begin + _HEADER
            for column in range(shape[0]):
                length = data[place]
                place += 1
                if length == _NULL:
                    nulls[column, row] = True
                    length = 0
                elif length > _NULL:
                    size = _LENGTHS[length]
                    length = int.from_bytes(data[place : place + size], "little")
                    place += size
                starts[column, row], ends[column, row] = place, place + length
                place += length
        return [*zip(starts, ends, nulls, strict=True)]


def packet_rows(connection: Any, statement: str, n_rows: int) -> Generator[PacketRows, None, None]:
    """The rows of a SELECT in batches of so many.

    Closed early, it reads what is left of the answer; have the query killed before.

    Args:
        connection: of PyMySQL. It has no public way to the packets of a result; what is used here has been
            the same in every version since 0.7.
        statement: the SELECT.
        n_rows: rows of a batch.

    Raises:
        pymysql.MySQLError: the server refused the query, ended it, or is gone.
    """
    connection.query(statement, unbuffered=True)
    result = connection._result  # noqa: SLF001
    packets = _packets(connection, n_rows)
    try:
        for data, ends in packets:
            yield PacketRows(data, ends, result.converters)
    except GeneratorExit:
        for _ in packets:
            pass
        raise
    finally:
        packets.close()
        # The answer has been read to its end, or there is nobody to read it from.
        result.unbuffered_active = False
        result.connection = None


def _packets(connection: Any, n_rows: int) -> Generator[tuple[bytes, list[int]], None, None]:
    """The packets of an answer and where each ends, so many at a time, up to the one that ends it."""
    errors = import_module("pymysql.err")
    file = connection._rfile  # noqa: SLF001
    data, ends = bytearray(), list[int]()
    while True:
        place = _add_ends(data, ends, n_rows)
        last = _last_packet(data, place)
        if last is not None or len(ends) == n_rows:
            if ends:
                yield bytes(data[:place]), ends
            if last is not None:
                if last[0] == _ERROR:
                    errors.raise_mysql_exception(last)
                return
            del data[:place]
            ends = []
            continue
        if data[place : place + 3] == _TOO_LARGE:
            raise errors.DataError(0, "a row has more than 16 MB")
        try:
            block = file.read1(_BLOCK)
        except OSError as error:
            raise connection.lost(error) from error
        if not block:
            raise errors.OperationalError(*_LOST)
        data += block


def _add_ends(data: bytearray, ends: list[int], most: int) -> int:
    """Find the ends of more whole packets of rows, until there are so many; returns the last end."""
    place, have = ends[-1] if ends else 0, len(data)
    while len(ends) < most and place + _HEADER < have:
        size = data[place] | data[place + 1] << 8 | data[place + 2] << 16
        end = place + _HEADER + size
        first = data[place + _HEADER]
        if end > have or (first >= _END and (first == _ERROR or size < _LONGEST_END)):
            break
        ends.append(end)
        place = end
    return place


def _last_packet(data: bytearray, place: int) -> bytes | None:
    """What the packet at this place says, if it is whole and the one that ends the answer."""
    size = int.from_bytes(data[place : place + 3], "little")
    content = bytes(data[place + _HEADER : place + _HEADER + size])
    is_end = len(content) == size > 0 and content[0] >= _END
    return content if is_end and (content[0] == _ERROR or size < _LONGEST_END) else None


def cursor_rows(connection: Any, statement: str, n_rows: int) -> Generator[TupleRows, None, None]:
    """The same by way of an unbuffered cursor, for other drivers."""
    cursors = import_module(type(connection).__module__.partition(".")[0] + ".cursors")
    with closing(connection.cursor(cursors.SSCursor)) as cursor:
        cursor.execute(statement)
        while rows := cursor.fetchmany(n_rows):
            yield TupleRows(rows)
