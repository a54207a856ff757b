r"""The CSV form of the files in a run folder, and what works on it without Arrow: UTF-8, comma, `\n`, header.

NULL is empty and unquoted, empty text is `""`. `sales.csv` and `items.csv` are written by Arrow: header and
texts in quotes, integers plain, numbers as 64-bit floats, times of UTC as `2026-10-31 20:00:00.000000Z`,
booleans `true` and `false`. Lists have quotes only where RFC 4180 needs them, also round a lone `\r`, and
decimals without exponent or trailing zeros, as all files had in earlier versions.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, cast

from recommender.errors import RefusedError

_SPECIAL = re.compile('[",\r\n]')
_BLOCK = 1 << 21

csv.field_size_limit((1 << 31) - 1)  # a name or a key may be longer than Python's 128 KiB


def quote(text: str) -> str:
    """One text field, in quotes where the form wants them."""
    if not text:
        return '""'
    if _SPECIAL.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def decimal_text(value: float | Decimal) -> str:
    """A number without exponent or trailing zeros: `2`, `9.5`, `-0.25`.

    Floats are written with the fewest digits that give the same float again. Not for NaN or infinity.
    """
    text = format(value if isinstance(value, Decimal) else Decimal(repr(float(value))), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def read_records(path: Path) -> Iterator[list[str]]:
    """The records of a file, its header first; NULL is an empty text.

    For what answers a person at once, `show` and the like: Arrow, which reads these files for all others,
    takes longer to load than a small shop's answer. Memory is bounded by the longest record.

    Raises:
        RefusedError: the file is damaged.
    """
    with _refusing_damage(path), io.TextIOWrapper(_open(path), encoding="utf-8", newline="") as text:
        yield from csv.reader(text)


def whole_records(path: Path) -> Iterator[bytes]:
    """The file, plain or `.gz`, in pieces that end with a record's line end; the last one may lack it.

    Raises:
        RefusedError: a `.gz` file is damaged.
    """
    rest = b""
    with _refusing_damage(path), _open(path) as file:
        while block := file.read(_BLOCK):
            text = rest + block
            end = _last_record_end(text)
            rest = text[end:]
            if end:
                yield text[:end]
    if rest:
        yield rest


@contextmanager
def _refusing_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, csv.Error) as error:
        raise RefusedError(
            "run-damaged", f"{path} is damaged: {error}.", "Take another run, or export again."
        ) from error


def _open(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _last_record_end(text: bytes) -> int:
    """Where the last whole record ends; before a line end inside quotes stands an odd number of quotes."""
    end = text.rfind(b"\n")
    inside = end >= 0 and text.count(b'"', 0, end) % 2 == 1
    while inside:
        opened = text.rfind(b'"', 0, end)
        before = text.rfind(b"\n", 0, opened)
        inside = (text.count(b'"', max(before, 0), end) + inside) % 2 == 1
        end = before
    return end + 1


def unquoted(field: bytes) -> str:
    """The text of one field; NULL is an empty text."""
    text = field.decode()
    return text[1:-1].replace('""', '"') if text.startswith('"') else text
