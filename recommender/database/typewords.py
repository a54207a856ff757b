"""What an owner calls a column whose type can be no key: the same words on every database.

The type's own name follows in brackets, so that it can be looked up.
"""

_FRACTION, _MOMENT, _BYTES = "a number with a fraction", "a date and time", "raw bytes"

_MYSQL = {
    0: (_FRACTION, "DECIMAL"),
    4: (_FRACTION, "FLOAT"),
    5: (_FRACTION, "DOUBLE"),
    6: ("always NULL", "NULL"),
    7: (_MOMENT, "TIMESTAMP"),
    10: ("a date", "DATE"),
    11: ("a time of day", "TIME"),
    12: (_MOMENT, "DATETIME"),
    13: ("a year", "YEAR"),
    16: ("bits", "BIT"),
    245: ("a document", "JSON"),
    246: (_FRACTION, "DECIMAL"),
    255: ("a place or shape", "GEOMETRY"),
}
"""By the type codes of the protocol (include/field_types.h of the server)."""

_POSTGRESQL = {
    "numeric": _FRACTION,
    "real": _FRACTION,
    "double precision": _FRACTION,
    "money": "an amount of money",
    "timestamp without time zone": _MOMENT,
    "timestamp with time zone": _MOMENT,
    "date": "a date",
    "time without time zone": "a time of day",
    "time with time zone": "a time of day",
    "bytea": _BYTES,
    "boolean": "yes or no",
    "json": "a document",
    "jsonb": "a document",
}
_SQLITE = {"integer": "an integer", "real": _FRACTION, "text": "a text", "blob": _BYTES}


def mysql_words(code: int, *, is_binary: bool) -> str:
    """By the protocol's type code; `is_binary`: a text type without a character set."""
    if is_binary:
        return f"{_BYTES} (BINARY, VARBINARY or BLOB)"
    words, name = _MYSQL.get(code, ("of a type", f"number {code} of the protocol"))
    return f"{words} ({name})"


def postgresql_words(base: str, declared: str) -> str:
    """By the type's name without and with its length."""
    if base.endswith("[]"):
        return f"an array ({declared})"
    return f"{_POSTGRESQL.get(base, 'of a type')} ({declared})"


def sqlite_words(kind: str) -> str:
    """By what `typeof` says."""
    return f"{_SQLITE.get(kind, kind)} ({kind.upper()})"
