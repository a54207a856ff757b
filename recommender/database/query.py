"""The owner's SQL text: always run as a subquery, with `:since` put in as a literal.

Putting the time in as a literal (and not as a driver's parameter) leaves `%`, `::`, `:=` and colons inside
literals as the owner wrote them; the only text that is ever put in is a time that we print ourselves.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from recommender.errors import SettingsError
from recommender.system.files import read_plain
from recommender.system.text import printable, shortened

# What hides semicolons, parentheses and `:since` from the database, by dialect. MySQL alone has backslash
# escapes, `#` comments, double-quoted strings, and comments that it runs (`/*! … */`), which hide nothing;
# PostgreSQL dollar quotes, E'' strings, nested comments, and line comments that end at a `\r` too.
_HIDDEN = {
    "sqlite": r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] | --[^\n]*
                 | /\*.*?(?:\*/|\Z)""",
    "mysql": r"""'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`]|``)*` | --(?=\s|\Z)[^\n]* | \#[^\n]*
                 | /\*(?!M?!).*?(?:\*/|\Z)""",
    "postgresql": r"""\b[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n\r]*
                 | (?<![\w$])\$(?P<tag>[A-Za-z_]\w*|)\$.*?\$(?P=tag)\$ | /\*""",
}
_SINCE = r"(?P<since>(?<![:\w]):since\b)"
_TOKENS = {
    dialect: re.compile(f"(?P<hidden>{hidden})|{_SINCE}|(?P<mark>[;()])", re.DOTALL | re.VERBOSE)
    for dialect, hidden in _HIDDEN.items()
}
_OPEN_MATTER = re.compile(r"--\s*TO DECIDE\s*:(.*)", re.DOTALL | re.IGNORECASE)
_NESTED_COMMENT = re.compile(r"/\*|\*/")
_SELECT = re.compile(
    r"(?:\s|--[^\n]*\n|\#[^\n]*\n|/\*.*?\*/|\()*(?:select|with|values|table)\b", re.DOTALL | re.IGNORECASE
)


@dataclass(frozen=True)
class Query:
    """One query of the owner, ready to be put between parentheses."""

    path: Path | str
    """The file it came from, or the URI of the files that stand for it, for messages."""
    text: str
    """A SELECT without its final `;`, ended by a newline so that a trailing comment ends too."""
    uses_since: bool
    """Whether `:since` stands anywhere in it outside literals and comments."""

    def wrapped(self, select: str = "*", tail: str = "") -> str:
        """A SELECT of the given columns (already quoted, of table `q`) from the query as a subquery."""
        # Without a line end before it, so that the database counts the owner's lines.
        return f"SELECT {select} FROM ({self.text}) AS q {tail}".rstrip()


def _comment_end(text: str, start: int) -> int | None:
    """Where the (nested) comment that begins at `start` ends."""
    depth = 0
    for mark in _NESTED_COMMENT.finditer(text, start):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return None


def _is_closed(comment: str, dialect: str) -> bool:
    if dialect == "postgresql":
        return _comment_end(comment, 0) is not None
    return len(comment) >= len("/**/") and comment.endswith("*/")


def open_matters(text: str, dialect: str) -> Iterator[tuple[int, str]]:
    """Number and words of each line whose comment begins with `-- TO DECIDE:`.

    Args:
        text: of a query.
        dialect: tells comments from literals.
    """
    line = 1
    for kind, piece in _pieces(text, dialect):
        if kind == "comment" and (matter := _OPEN_MATTER.match(piece)):
            yield line, shortened(printable(matter[1].strip().rstrip(".")))
        line += piece.count("\n")


def require_decided(paths: Iterable[Path], dialect: str) -> None:
    """Stop where a query still has something that its owner must decide; all of it is named.

    Args:
        paths: the queries; what is not there, or is no text, is passed over: those who read it say so.
        dialect: of the shop's database.

    Raises:
        SettingsError: a line begins with `-- TO DECIDE:`.
    """
    found: list[str] = []
    for path in paths:
        with suppress(OSError, UnicodeDecodeError):
            found += _named_matters(read_plain(path, "utf-8-sig"), path, dialect)
    _require_none(found)


def _named_matters(text: str, path: Path, dialect: str) -> list[str]:
    return [f"{path}, line {line}: {matter}" for line, matter in open_matters(text, dialect)]


def _require_none(matters: list[str]) -> None:
    if matters:
        raise SettingsError(
            "query-to-decide",
            f"To be decided first: {'; '.join(matters)}.",
            "Decide, correct the query where it is wrong, then take the line out.",
        )


def prepare_query(
    text: str, path: Path, dialect: str, since: datetime | None, *, undecided: bool = False
) -> Query:
    """Make the owner's text safe to stand as a subquery and put the time in.

    Args:
        text: the file's content.
        path: the file, for messages.
        dialect: `sqlite`, `mysql` or `postgresql`: they differ in what is a literal or a comment.
        since: naive, in the zone of the sales; None for a number that is less than all that SQLite can store.
        undecided: take it with lines that begin with `-- TO DECIDE:` too.

    Raises:
        SettingsError: empty, more than one statement, parentheses that would leave the subquery, or a matter
            that is open.
    """
    if not undecided:
        _require_none(_named_matters(text, path, dialect))
    literal = "(-9e999)" if since is None else f"'{since.isoformat(' ', 'seconds')}'"
    parts: list[str] = []
    depth = 0
    ended = uses_since = False
    for kind, piece in _pieces(text, dialect):
        if ended and kind != "comment" and piece.strip(" \t\r\n;"):
            raise _not_one_select(path, "it holds more than one statement")
        if piece == ";" and kind == "mark":
            ended = True
            continue
        if kind == "mark":
            depth += 1 if piece == "(" else -1
        if depth < 0:
            raise _not_one_select(path, "it closes a parenthesis that it did not open")
        uses_since |= kind == "since"
        if kind == "comment" and piece.startswith("/*") and not _is_closed(piece, dialect):
            raise _not_one_select(path, "a comment is not closed")
        parts.append(literal if kind == "since" else piece)
    if depth:
        raise _not_one_select(path, "a parenthesis is not closed")
    prepared = "".join(parts).strip()
    if not _SELECT.match(prepared):
        raise _not_one_select(path, "it does not begin with SELECT or WITH")
    return Query(path, prepared + "\n", uses_since)


def _pieces(text: str, dialect: str) -> Iterator[tuple[str, str]]:
    """The text cut into `sql`, `literal` (also quoted names), `comment`, `since` and `mark` pieces."""
    place = 0
    while match := _TOKENS[dialect].search(text, place):
        yield "sql", text[place : match.start()]
        place = match.end()
        kind = "since" if match["since"] else "mark" if match["mark"] else "literal"
        if match["hidden"] and match["hidden"].startswith(("--", "/*", "#")):
            kind = "comment"
            if match["hidden"] == "/*":  # PostgreSQL's nest, which no regular expression follows
                place = _comment_end(text, match.start()) or len(text)
        yield kind, text[match.start() : place]
    yield "sql", text[place:]


def _not_one_select(path: Path, reason: str) -> SettingsError:
    return SettingsError(
        "query-not-one-select",
        f"{path} must hold one SELECT and nothing else: {reason}.",
        "Correct the query.",
    )


def read_query(path: Path, dialect: str, since: datetime | None, *, undecided: bool = False) -> Query:
    """The query of a file, prepared as by `prepare_query`.

    Raises:
        SettingsError: the file is missing, not UTF-8, not one SELECT, or has a matter that is open.
    """
    try:
        text = read_plain(path, "utf-8-sig")
    except FileNotFoundError as error:
        raise SettingsError(
            "query-missing",
            f"There is no query {path}.",
            "Write it, or check SQL_DIR; docs/setup.md shows what it must return.",
        ) from error
    except OSError as error:
        raise SettingsError(
            "query-unreadable",
            f"{path} cannot be read: {error.strerror}.",
            "Check what is there, its owner and mode.",
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            "query-not-utf8", f"{path} is not a text file in UTF-8.", "Save it as UTF-8."
        ) from error
    return prepare_query(text, path, dialect, since, undecided=undecided)


_NAME = r'(?:"(?:[^"]|"")+"|`(?:[^`]|``)+`|\[[^\]]+\]|[^\W\d][\w$]*)'
_PATH = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_NO_ALIAS = (
    r"(?!(?:join|where|on|left|right|inner|outer|cross|full|natural|straight_join|group|order|limit|union|except"
    r"|intersect|using|having|window|tablesample|fetch|offset|for)\b)"
)
_SOURCE = rf"{_PATH}(?:\s+(?:as\s+)?{_NO_ALIAS}{_NAME})?"
_SOURCES = re.compile(rf"\b(?:from|join)[\s(]+(?:only\s+)?({_SOURCE}(?:\s*,\s*{_SOURCE})*)", re.IGNORECASE)
_NO_TABLE = {"select", "with", "values", "lateral", "unnest", "table"}
_COMMON_TABLE = re.compile(
    rf"({_NAME})\s*(?:\([^()]*\)\s*)?\bas\s+(?:not\s+)?(?:materialized\s+)?\(", re.IGNORECASE
)


def tables_read(text: str, dialect: str) -> list[tuple[str | None, str]]:
    """Schema (None where none is written) and name of each table after a FROM or JOIN, in the text's order.

    Read from the text alone, since a database tells it only to those who may read the tables already. It can
    name too much, such as the column in EXTRACT(YEAR FROM sold_at): hold it against the catalogue.
    """
    strings = ("'", "e'", "E'", "$", '"') if dialect == "mysql" else ("'", "e'", "E'", "$")
    kept = []
    for kind, piece in _pieces(text, dialect):
        is_string = kind == "literal" and piece.startswith(strings)
        kept.append(" " if kind == "comment" else "''" if is_string else piece)
    plain = "".join(kept)
    common = {_unquoted(match[1]).lower() for match in _COMMON_TABLE.finditer(plain)}
    found: list[tuple[str | None, str]] = []
    for sources in _SOURCES.finditer(plain):
        for source in re.finditer(rf"(?:^|,)\s*({_PATH})", sources[1]):
            parts = [_unquoted(part) for part in re.findall(_NAME, source[1])]
            schema, name = (parts[-2] if len(parts) > 1 else None), parts[-1]
            if schema is None and name.lower() in common | _NO_TABLE:
                continue
            if (schema, name) not in found:
                found.append((schema, name))
    return found


def _unquoted(name: str) -> str:
    if name[0] in '"`':
        return name[1:-1].replace(name[0] * 2, name[0])
    return name[1:-1] if name[0] == "[" else name
