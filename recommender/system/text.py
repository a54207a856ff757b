"""Aligned tables of text for a terminal: wide letters count two cells, nothing that a terminal would obey."""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_GAP = "  "
_LONGEST = 500
"""Characters of a text that are shown even where there is room for more: what is longer is no name."""
_NOT_PLAIN = re.compile(r"[^\n\x20-\x7e]")
_MORE = "…"


@dataclass(frozen=True)
class Column:
    """How one column is shown."""

    heading: str
    right: bool = False
    """Numbers stand right."""
    shortest: int | None = None
    """Cells that its texts may be cut to where room is short; None: they are never cut."""
    goes: int = 0
    """Where cutting is not enough, the column with the greatest number is left out first; 0 always stays."""


def printable(text: str) -> str:
    """The text, with a question mark for each character that a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text)


def in_utf8(text: str) -> str:
    """The text, with a question mark for what came from the system and is no UTF-8."""
    return text.encode(errors="replace").decode()


def shortened(value: str | int) -> str:
    """A name or a key as far as anybody reads it; what was cut ends with an ellipsis."""
    text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + _MORE


def escaped(text: str) -> str:
    """JSON that means the same, with an escape for each character that a terminal would obey.

    Of itself JSON escapes the oldest control characters only: no C1 ones, no reversed writing.
    """
    return _NOT_PLAIN.sub(lambda c: c[0] if c[0].isprintable() else json.dumps(c[0])[1:-1], text)


def cells(text: str) -> int:
    """How many cells of a terminal the text takes."""
    return sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0  # drawn over the letter before
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def cut(text: str, most: int) -> str:
    """The text in at most so many cells; what was cut ends with an ellipsis."""
    if cells(text) <= most:
        return text
    kept, used = "", 0
    for character in text:
        used += _cells_of(character)
        if used > most - 1:
            break
        kept += character
    return (kept + _MORE)[:most]


def folded(text: str, width: int, *, hang: str = "") -> list[str]:
    """The text in lines of at most so many cells, cut between words.

    A text that fits stays as it is. A word that fits no line, such as a path, stays where it is and whole, so
    that it can be copied.

    Args:
        text: one line; what it begins with stays.
        width: cells of a line.
        hang: in front of each line but the first.
    """
    if cells(text) <= width:
        return [text]
    begin = text[: len(text) - len(text.lstrip())]
    lines, line, is_empty = [], begin, True
    for word in text.split():
        fits_a_line = len(hang) + cells(word) <= width
        if not is_empty and fits_a_line and cells(line) + 1 + cells(word) > width:
            lines.append(line)
            line, is_empty = hang, True
        line += word if is_empty else f" {word}"
        is_empty = False
    return [*lines, line]


def columns_left_out(
    columns: Sequence[Column], rows: Sequence[Sequence[object]], *, width: int, indent: str = ""
) -> int:
    """How many columns `table` leaves out for want of room."""
    return len(columns) - len(_shown(columns, _texts(rows), max(width - len(indent), 0)))


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[object]],
    *,
    width: int | None,
    indent: str = "",
) -> list[str]:
    """The lines of a table, headings first; a value of None is an empty cell.

    Args:
        columns: one for each value of a row.
        rows: the values; whole numbers get thousands separators, all else is shown as its text.
        width: cells there are; None: as many as are needed for texts of a usual length.
        indent: in front of each line.
    """
    texts = _texts(rows)
    widths = _natural(columns, texts)
    room = None if width is None else max(width - len(indent), 0)
    shown = _shown(columns, texts, room)
    if room is not None:
        _shrink(columns, widths, shown, room)
    lines = [[columns[place].heading for place in shown]] if any(c.heading for c in columns) else []
    lines += [[row[place] for place in shown] for row in texts]
    return [
        indent
        + _GAP.join(
            _padded(text, widths[p], columns[p]) for text, p in zip(line, shown, strict=True)
        ).rstrip()
        for line in lines
    ]


def _texts(rows: Sequence[Sequence[object]]) -> list[list[str]]:
    return [[printable(shortened(_text(value))) for value in row] for row in rows]


def _shown(columns: Sequence[Column], texts: Sequence[Sequence[str]], room: int | None) -> list[int]:
    """The columns that fit."""
    shown = list(range(len(columns)))
    widths = _natural(columns, texts)
    while room is not None and not _fits(columns, widths, shown, room):
        last = max(shown, key=lambda place: (columns[place].goes, place))
        if not columns[last].goes:
            break  # the terminal will have to fold the lines
        shown.remove(last)
    return shown


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def _natural(columns: Sequence[Column], texts: Sequence[Sequence[str]]) -> list[int]:
    return [
        max([cells(column.heading), *(cells(row[place]) for row in texts)])
        for place, column in enumerate(columns)
    ]


def _fits(columns: Sequence[Column], widths: Sequence[int], shown: Sequence[int], room: int) -> bool:
    least = [min(widths[p], _least(columns[p], widths[p])) for p in shown]
    return sum(least) + len(_GAP) * (len(shown) - 1) <= room


def _least(column: Column, natural: int) -> int:
    return natural if column.shortest is None else max(column.shortest, cells(column.heading))


def _shrink(columns: Sequence[Column], widths: list[int], shown: Sequence[int], room: int) -> None:
    """Take cells from the widest column that may be cut, until the lines fit or none can give more."""
    while sum(widths[p] for p in shown) + len(_GAP) * (len(shown) - 1) > room:
        giving = [p for p in shown if widths[p] > _least(columns[p], widths[p])]
        if not giving:
            return
        widths[max(giving, key=lambda p: widths[p])] -= 1


def _padded(text: str, width: int, column: Column) -> str:
    text = cut(text, width)
    blanks = " " * (width - cells(text))
    return blanks + text if column.right else text + blanks
