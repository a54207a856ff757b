"""One number for the lists in a table and for those in a file: whether the table holds what the file says.

The sum over all rows of ((owner * 31 + position) mod M * (item + 7)) mod M with M = 2^31 - 1, a prime: rows
that were changed, exchanged or are another night's change it, but for one time in two thousand million.
Numbers stand for themselves, texts for a hash of theirs that the database can work out too.
"""

import hashlib
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from recommender.runs.csvcolumns import KeyColumn, NumberColumn, read_columns
from recommender.runs.keys import Keys
from recommender.tables import KeyKind, ListTable, Role

_MODULUS = 2**31 - 1
_FACTOR = 31
_SHIFT = 7
_HEX_DIGITS = 7
_BITS = 4 * _HEX_DIGITS
_SQLITE_FUNCTION = "recommend_crc32"


def file_checksum(path: Path, definition: ListTable, kinds: Mapping[Role, KeyKind], backend: str) -> int:
    """Of the lists in a file.

    Args:
        path: the list's CSV file.
        definition: which list; it has an owner.
        kinds: of the keys in the table.
        backend: of the database, whose hash of texts is taken.

    Raises:
        RefusedError: the file is not in our form.
    """
    owner, item = _key_columns(definition)
    keys = {name: KeyColumn(kinds[role], guests=False) for name, role in (owner, item)}
    positions = NumberColumn()
    read_columns(path, {**keys, "position": positions}, {})
    owners, items = (_numbers(*keys[name].result(), kinds[role], backend) for name, role in (owner, item))
    rows = np.fmod(owners * _FACTOR + positions.result().astype(np.int64), _MODULUS) * (items + _SHIFT)
    return int(np.fmod(rows, _MODULUS).sum())


def table_checksum(
    connection: sa.Connection, table: sa.Table, definition: ListTable, kinds: Mapping[Role, KeyKind]
) -> int:
    """Of the lists in a table.

    Args:
        connection: to the target.
        table: the list's.
        definition: which list; it has an owner.
        kinds: of the keys in the table.
    """
    owner, item = (_number(connection, table.c[name], kinds[role]) for name, role in _key_columns(definition))
    row = ((owner * _FACTOR + table.c.position) % _MODULUS * (item + _SHIFT)) % _MODULUS
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.sum(row), 0))).scalar_one())


def _key_columns(definition: ListTable) -> tuple[tuple[str, Role], tuple[str, Role]]:
    """Name and role of the owner's column and of the listed item's."""
    owner = definition.columns[0]
    item = next(c for c in definition.columns[1:] if c.role is Role.ITEM and c.shown)
    return (owner.name, owner.role), (item.name, item.role)


def _numbers(keys: Keys, places: npt.NDArray[np.int32], kind: KeyKind, backend: str) -> npt.NDArray[np.int64]:
    if kind is KeyKind.INTEGER:
        return np.fmod(keys.integers, _MODULUS)[places]
    hashes = (_hash_of(text, backend) for text in keys.as_texts())
    return np.fmod(np.fromiter(hashes, np.int64, len(keys)), _MODULUS)[places]


def _hash_of(text: str, backend: str) -> int:
    if backend == "postgresql":
        return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:_HEX_DIGITS], 16)
    return zlib.crc32(text.encode())


def _number(connection: sa.Connection, column: sa.Column[Any], kind: KeyKind) -> sa.ColumnElement[int]:
    plain = sa.type_coerce(column, sa.types.NullType())
    if kind is KeyKind.INTEGER:
        return sa.cast(plain, sa.BigInteger) % _MODULUS
    match connection.dialect.name:
        case "postgresql":
            content = sa.func.convert_to(sa.cast(plain, sa.Text), "UTF8")
            digits = sa.func.concat("x", sa.func.left(sa.func.md5(content), _HEX_DIGITS), type_=sa.Text)
            return sa.cast(sa.cast(digits, postgresql.BIT(_BITS)), sa.BigInteger) % _MODULUS
        case "sqlite":
            raw: Any = connection.connection.driver_connection
            raw.create_function(_SQLITE_FUNCTION, 1, _crc32_of, deterministic=True)
            return sa.Function(_SQLITE_FUNCTION, plain, type_=sa.BigInteger) % _MODULUS
    text = sa.cast(plain, mysql.CHAR(charset="utf8mb4"))
    return sa.cast(sa.func.crc32(text), sa.BigInteger) % _MODULUS


def _crc32_of(value: str | bytes | float) -> int:
    return zlib.crc32(value if isinstance(value, bytes) else str(value).encode())
