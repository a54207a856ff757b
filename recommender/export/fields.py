"""Values as drivers give them, turned into columns of the run folder's files: checked on the way.

A column comes as Python's values, or as Arrow's texts from a server that sends texts. Keys are checked before
Arrow sees numbers in them: it takes 1.5 for the key 1 without a word.
"""

import hashlib
import hmac
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow.compute as pc

from recommender.database.base import QueryColumn, RowReader, Values, listed
from recommender.database.query import Query
from recommender.errors import RefusedError, SettingsError
from recommender.system.arrow import lines_of, pa
from recommender.system.csvform import decimal_text
from recommender.system.text import shortened
from recommender.tables import KeyKind

KEY_TYPES = {KeyKind.INTEGER: pa.int64(), KeyKind.TEXT: pa.string()}
MOMENT = pa.timestamp("us", "UTC")
MOST_BAD_SHARE = 0.01
"""Of the rows of a query: with more that cannot be used, its export is refused."""
_INTEGER = "^(0|-?[1-9][0-9]*)$"
_SMALL, _LARGE = 1e-300, 1e300
"""Beyond these a number is a gigabyte of digits: `1e999999999` is ten letters in a shop's table."""
_TRUE = {"1", "t", "true", "\x01"}
_FALSE = {"0", "f", "false", "\x00", ""}


def find_columns(
    query: Query, reader: RowReader, required: Sequence[str], optional: Sequence[str]
) -> dict[str, QueryColumn]:
    """The query's columns by our names, in our order; names are found in any case, others are left out.

    Raises:
        SettingsError: names every missing column, and the columns that there are.
    """
    present = {column.name.lower(): column for column in reader.columns(query)}
    missing = [name for name in required if name not in present]
    if missing:
        has = mend(query.path, "returns", "has")
        raise SettingsError(
            "query-lacks-column",
            f"{query.path} {has} no column {' and no column '.join(missing)}; it {has}"
            f" {', '.join(column.name for column in present.values())}.",
            mend(
                query.path,
                "Name the columns in the query with AS.",
                "Have the files written with these names.",
            ),
        )
    return {name: present[name] for name in (*required, *optional) if name in present}


def mend(path: Path | str, in_query: str, in_files: str) -> str:
    """The words for a query, whose file this is, or for files, whose URI it is."""
    return in_files if isinstance(path, str) else in_query


def key_array(
    values: Values,
    kind: KeyKind,
    column: str,
    path: Path | str,
    *,
    integers_as_text: bool = True,
    place_of: Callable[[int], str] = lambda _row: "",
) -> pa.Array:
    """Keys as Arrow has them: int64 or texts, null for NULL.

    Args:
        values: integers or texts.
        kind: what the column was declared to hold.
        column: its name, for messages.
        path: the query's file, for messages.
        integers_as_text: whether the driver sends the integers of an integer column as texts; SQLite's does
            not, so that a text there is one.
        place_of: says of a row where it stands, for messages.

    Raises:
        RefusedError: a value of another kind, or an integer beyond 64 bits.
    """
    kinds = set(map(type, values)) - {type(None)} if isinstance(values, Sequence) else {str}
    if kind is KeyKind.TEXT and kinds <= {str}:
        return pa.array(values, pa.string())
    if kind is KeyKind.INTEGER and kinds <= {int}:
        try:
            return pa.array(values, pa.int64())
        except (OverflowError, pa.ArrowInvalid):
            raise _beyond(values, column, path) from None
    if kind is KeyKind.INTEGER and integers_as_text and kinds <= {int, str, Decimal}:
        texts = values if not isinstance(values, Sequence) else _texts_of(values)
        if not pc.any(pc.invert(pc.match_substring_regex(texts, _INTEGER))).as_py():
            try:
                return pc.cast(texts, pa.int64())
            except pa.ArrowInvalid:
                raise _beyond(texts.to_pylist(), column, path) from None
    row, wrong = next(
        (row, value)
        for row, value in enumerate(listed(values))
        if not _is_key(value, kind, integers_as_text=integers_as_text)
    )
    where, by = place_of(row), mend(path, "its declared type", "our tables or the first file")
    raise RefusedError(
        "keys-mixed",
        f"{path}: {column} is {'an integer' if kind is KeyKind.INTEGER else 'text'} by {by}, but one row has"
        f" a value of the type {type(wrong).__name__}.",
        mend(
            path,
            "Give the column one type in the query, with CAST.",
            "Have the files written with keys of one type.",
        ),
        named=f"It is {shortened(repr(wrong))}{where and f' ({where})'}.",
    )


def _texts_of(values: Sequence[object]) -> pa.StringArray:
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _is_key(value: object, kind: KeyKind, *, integers_as_text: bool) -> bool:
    if value is None:
        return True
    if kind is KeyKind.TEXT:
        return type(value) is str
    if type(value) is int:
        return True
    is_text = integers_as_text and isinstance(value, str | Decimal)
    return is_text and re.match(_INTEGER, str(value), re.ASCII) is not None


def _beyond(values: Sequence[object], column: str, path: Path | str) -> RefusedError:
    """The error for the first integer that has no place in 64 bits."""
    integers = (int(str(value)) for value in values if value is not None)
    wrong = next(integer for integer in integers if not -(2**63) <= integer < 2**63)
    return RefusedError(
        "keys-too-large",
        f"{path}: a value of {column} does not fit a 64-bit integer.",
        mend(
            path,
            f"Convert it in the query: CAST(… AS CHAR) AS {column}.",
            "Have the files written with the key as a text.",
        ),
        named=f"It is {wrong}.",
    )


def text_array(values: Values) -> pa.StringArray:
    """Texts of any origin (an order's id, a name), null for NULL."""
    if not isinstance(values, Sequence):
        return values
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float | Decimal) and (not value or _SMALL < abs(float(value)) < _LARGE):
        return decimal_text(value)
    return str(value)


def number_array(values: Values) -> pa.DoubleArray:
    """Numbers as 64-bit floats, null where there is none (NULL, NaN, infinity, a text that is no number)."""
    if isinstance(values, Sequence):
        # Few are different, and each is worked out once. 1 and True are one key, and one number.
        known = {value: _number(value) for value in set(values)}
        return pa.array([known[value] for value in values], pa.float64())
    distinct = values.dictionary_encode()
    return pa.array(map(_number, distinct.dictionary.to_pylist()), pa.float64()).take(distinct.indices)


def _number(value: object) -> float | None:
    if not isinstance(value, str | int | float | Decimal):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number + 0.0 if math.isfinite(number) else None  # so that no number is -0


def is_sellable(value: object, item: str, path: Path | str) -> bool:
    """`sellable`: a truth value, or a number, such as a stock, that is more than 0; NULL is not.

    Raises:
        RefusedError: neither a truth value nor a number.
    """
    if value is None:
        return False
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    text = str(value).strip().lower()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    number = _number(text)
    if number is None:
        raise RefusedError(
            "items-sellable",
            f"{path}: sellable of item {item} is {str(value)[:40]!r}.",
            mend(path, "Return 1 or 0 for it in the query.", "Have the files written with 1 or 0 for it."),
        )
    return number > 0


class GuestKeys:
    """Keys of guests: HMAC-SHA256 of the address, so that no address reaches a file or a log."""

    def __init__(self, secret: str | None, path: Path | str) -> None:
        self._secret = secret
        self._path = path

    def key(self, address: object) -> str | None:
        """`guest:` and 24 hexadecimal digits for the trimmed, lower-cased address; None for an empty one.

        Raises:
            RefusedError: there is no GUEST_KEY.
        """
        if isinstance(address, bytes):  # a column without a character set
            address = address.decode("utf-8", "surrogateescape")
        plain = "" if address is None else str(address).strip().lower()
        if not plain:
            return None
        if self._secret is None:
            raise RefusedError(
                "sales-guests",
                f"{self._path} returns guests (guest_email), but GUEST_KEY is not set.",
                "Run `recommend init`: it makes one and appends it to .env.",
            )
        digest = hmac.digest(self._secret.encode(), plain.encode("utf-8", "surrogateescape"), hashlib.sha256)
        return f"guest:{digest.hex()[:24]}"


def csv_text(table: pa.Table, *, header: bool = False) -> bytes:
    """Records of a file of the run folder, in our CSV form.

    They are what `pyarrow.csv` writes with quotes where they are needed, in a third of its time: it works out
    the zone of each moment anew.
    """
    names = ",".join(f'"{name}"' for name in table.column_names) + "\n" if header else ""
    columns = (_csv_fields(column).combine_chunks() for column in table.columns)
    return names.encode() + lines_of(columns, ",")


def _csv_fields(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as the texts that stand in the file; null stays null."""
    if column.type == pa.string():
        return pc.binary_join_element_wise('"', pc.replace_substring(column, '"', '""'), '"', "")
    if column.type == MOMENT:
        return pc.binary_join_element_wise(column.cast(pa.timestamp("us")).cast(pa.string()), "Z", "")
    return column.cast(pa.string())
