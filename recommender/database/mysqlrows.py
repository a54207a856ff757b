"""Rows of MariaDB and MySQL in batches, as the protocol has them.

PyMySQL makes objects of each row and field, which takes ten times as long as the server needs to send them.
A row is a packet: three bytes of length, one of sequence, then the fields, each with its length in front.
Only the packets are told apart one by one here; the fields of a batch are found all at once.

https://mariadb.com/kb/en/result-set-packets/, https://mariadb.com/kb/en/protocol-data-types/
"""

from collections.abc import Generator, Sequence
from contextlib import closing
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.database.base import Batch
from recommender.system.arrays import Bools, Int64s

if TYPE_CHECKING:
    from recommender.system.arrow import pa


_BLOCK = 1 << 18
_HEADER = 4
_TOO_LARGE = b"\xff\xff\xff"
"""The length of a packet that goes on in the next."""
_NULL, _TWO_BYTES, _THREE_BYTES, _EIGHT_BYTES, _ERROR = 0xFB, 0xFC, 0xFD, 0xFE, 0xFF
_END, _LONGEST_END = 0xFE, 9
_LENGTHS = {_TWO_BYTES: 2, _THREE_BYTES: 3, _EIGHT_BYTES: 8}
_LOST = 2013, "Lost connection to MySQL server during query"


class Packets:
    """Rows as the server sent them.

    Args:
        data: whole packets.
        ends: where each of them ends.
        encodings: for each field that of its text, None for bytes.
    """

    def __init__(self, data: bytes, ends: Sequence[int], encodings: Sequence[str | None]) -> None:
        self._data = data
        self._ends = ends
        self._begins = np.concatenate([[0], np.array(ends[:-1], np.int64)])
        self._encodings = encodings

    def columns(self) -> Batch:
        """The values, by columns: texts as Arrow has them."""
        fields = self._fields() or self._long_fields()
        return [
            self._bytes(*field) if encoding is None else self._texts(*field)
            for field, encoding in zip(fields, self._encodings, strict=True)
        ]

    def _bytes(self, starts: Int64s, ends: Int64s, nulls: Bools) -> list[bytes | None]:
        places = zip(starts.tolist(), ends.tolist(), nulls.tolist(), strict=True)
        return [None if is_null else self._data[start:end] for start, end, is_null in places]

    def _texts(self, starts: Int64s, ends: Int64s, nulls: Bools) -> "pa.StringArray":
        from recommender.system.arrow import pa

        widths = ends - starts
        offsets = np.concatenate([[0], np.cumsum(widths)])
        places = np.repeat(starts - offsets[:-1], widths) + np.arange(offsets[-1])
        texts = np.frombuffer(self._data, np.uint8)[places]
        buffers = [
            pa.py_buffer(np.packbits(~nulls, bitorder="little")),
            pa.py_buffer(offsets.astype(np.int32)),
            pa.py_buffer(texts),
        ]
        found = pa.Array.from_buffers(pa.string(), len(starts), buffers)
        found.validate(full=True)
        return found

    def _fields(self) -> list[tuple[Int64s, Int64s, Bools]] | None:
        """Starts and ends of each field, and whether it is NULL; None where one is 251 bytes or longer."""
        data = np.frombuffer(self._data + b"\0", np.uint8)
        places = self._begins + _HEADER
        found = []
        for _ in self._encodings:
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
        shape = (len(self._encodings), len(self._ends))
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


def packet_rows(connection: Any, statement: str, n_rows: int) -> Generator[Batch, None, None]:
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
            yield Packets(data, ends, [encoding for encoding, _ in result.converters]).columns()
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


def cursor_rows(connection: Any, statement: str, n_rows: int) -> Generator[Batch, None, None]:
    """The same by way of an unbuffered cursor, for other drivers."""
    cursors = import_module(type(connection).__module__.partition(".")[0] + ".cursors")
    with closing(connection.cursor(cursors.SSCursor)) as cursor:
        cursor.execute(statement)
        while rows := cursor.fetchmany(n_rows):
            yield [*zip(*rows, strict=True)]
