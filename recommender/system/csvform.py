r"""The CSV form of the files in a run folder, as Python reads it: UTF-8, comma, `\n`, header.

NULL is empty and unquoted, empty text is `""`. `sales.csv` and `items.csv` are written by Arrow: header and
texts in quotes, integers plain, numbers as 64-bit floats, times of UTC as `2026-10-31 20:00:00.000000Z`,
booleans `true` and `false`. Lists have quotes only where RFC 4180 needs them, also round a lone `\r`, and
decimals without exponent or trailing zeros, as all files had in earlier versions.
"""

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, cast

from recommender.errors import RefusedError

_SPECIAL = re.compile('[",\r\n]')
_FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|\Z)')
_BLOCK = 1 << 21


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


def whole_records(path: Path) -> Iterator[bytes]:
    """The file, plain or `.gz`, in pieces that end with a record's line end; the last one may lack it.

    Raises:
        RefusedError: a `.gz` file is damaged.
    """
    rest = b""
    try:
        with _open(path) as file:
            while block := file.read(_BLOCK):
                text = rest + block
                end = _last_record_end(text)
                rest = text[end:]
                if end:
                    yield text[:end]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RefusedError(f"{path} is damaged: {error}.", "Take another run, or export again.") from error
    if rest:
        yield rest


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


def parse_records(text: str) -> Iterator[list[str | None]]:
    """The whole records of a text in our form; NULL comes as None, empty text as ''."""
    if '"' not in text:
        for line in text.removesuffix("\n").split("\n"):
            yield [field or None for field in line.split(",")]
        return
    record: list[str | None] = []
    for match in _FIELD.finditer(text):
        quoted, plain, end = match.groups()
        if not end and not record and quoted is None and not plain:
            return  # the empty match at the end of the text
        record.append(quoted.replace('""', '"') if quoted is not None else plain or None)
        if end != ",":
            yield record
            record = []


def read_records(path: Path) -> Iterator[Sequence[str | None]]:
    """The records of a file in our form, its header first; NULL comes as None, empty text as ''.

    Memory is bounded by the longest record, not by the file.
    """
    for piece in whole_records(path):
        yield from parse_records(piece.decode())
