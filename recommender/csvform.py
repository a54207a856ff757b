r"""The CSV form of every file in a run folder.

UTF-8, comma, `\n`, header, RFC 4180 quotes, also round a lone `\r`; NULL is empty and unquoted, empty
text is `""`; integers plain; decimals without exponent or trailing zeros; times UTC as
`2026-10-31T20:00:00Z`, with a fraction only if it is not 0; booleans 0 and 1.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

_SPECIAL = re.compile('[",\r\n]')
_FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|\Z)')
_BLOCK = 1 << 20


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


def _complete_lines(path: Path) -> Iterator[str]:
    """The file in pieces that end with a whole record (a quoted field may hold line ends)."""
    rest = ""
    with path.open(encoding="utf-8", newline="") as file:
        while block := file.read(_BLOCK):
            text = rest + block
            end = text.rfind("\n")
            while end >= 0 and text.count('"', 0, end) % 2:
                end = text.rfind("\n", 0, end)
            rest = text[end + 1 :]
            if end >= 0:
                yield text[: end + 1]
    if rest:
        yield rest


def _records(text: str) -> Iterator[list[str | None]]:
    """Records of a piece that has quotes; unquoted empty fields are None."""
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
    for piece in _complete_lines(path):
        if '"' in piece:
            yield from _records(piece)
        else:
            for line in piece.removesuffix("\n").split("\n"):
                yield [field or None for field in line.split(",")]
