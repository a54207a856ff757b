"""What a database's codes mean: what to do about an error, whether it is over in a moment, what a type is.

The same words for the same trouble, whichever database tells it.
"""

import re
import sqlite3
from typing import NamedTuple


class Advice(NamedTuple):
    """What to do about an error of a database."""

    code: str
    """Of docs/when-it-fails.md."""
    what_to_do: str


LOCKED = Advice(
    "database-locked",
    "The shop kept the database locked for too long; what was published stays. Run again later.",
)
TOO_SLOW = Advice("query-too-slow", "Raise QUERY_TIMEOUT_SECONDS, or give the query an index.")
NO_DATABASE = Advice(
    "database-no-such", "There is no such database on that server: check the name at the end of the address."
)
NO_DATABASE_FOR_US = Advice(
    "database-no-such",
    "That server has no such database, or none that this user may use: check the name at the end of the"
    " address, and the user's rights.",
)
WRONG_LOGIN = Advice("database-login", "Check user and password in the address.")
UNREACHABLE = Advice(
    "database-unreachable", "Check host, port or socket in the address, and whether the server runs."
)
SILENT = Advice(
    "database-silent",
    "What was published stays. Check whether the server still works, and the network on the way to it; then"
    " run again.",
)
POOLED = Advice(
    "database-pooled",
    "Write the address of the server itself (its usual port is 5432, a pool's 6432 or 6543), or of a pool in"
    " session mode.",
)
NO_CONNECTION = Advice(
    "database-unreachable",
    "Check host, port, user, password and database in the address, and whether the server runs.",
)
NO_TLS = Advice(
    "database-tls",
    "The server offers no TLS: turn it on there; only where nobody else can listen, take ssl-mode or sslmode"
    " out of the address.",
)
NOT_TRUSTED = Advice(
    "database-tls",
    "The server's certificate is not signed by the authority that the address names, or is for another host:"
    " check ssl_ca or sslrootcert, and the host.",
)
ASKS_FOR_FILES = Advice(
    "database-untrusted",
    "The server tries to read this machine's files: tell whoever runs it, and let the address verify the"
    " server, with ssl-mode=VERIFY_IDENTITY&ssl_ca=ca.pem.",
)
CLEAR_TEXT = Advice(
    "database-untrusted",
    "Let the connection be encrypted and the server verified, with ssl-mode=VERIFY_IDENTITY or"
    " sslmode=verify-full in the address. A server that never asked so before may be another one than yours:"
    " ask whoever runs it.",
)
NO_RIGHT = Advice(
    "database-no-right", "Give the user of the address that right; `recommend init` prints the statements."
)
READ_ONLY = Advice(
    "database-only-read", "Let the user who runs the program write to the file and to its folder."
)
WRONG_SQL = Advice("query-wrong", "Check the names and the SQL of the query; it may only read.")
UNSIGNED = Advice(
    "query-unsigned", "Around a column that is UNSIGNED write CAST(… AS SIGNED) before it is made negative."
)
COLLATIONS = Advice(
    "query-collations",
    "Texts of different collations are compared or united: write one at each of them in the query, such as"
    ' CONVERT(… USING utf8mb4) COLLATE utf8mb4_bin (MariaDB, MySQL) or … COLLATE "C" (PostgreSQL).',
)
REFUSED_ROW = Advice(
    "database-row-refused",
    "Nothing was published. Check constraints, triggers and rules on the table; `recommend init` compares its"
    " shape.",
)
NOT_WRITTEN = Advice(
    "database-not-written",
    "Nothing was published. Check triggers, rules and row security on the table, whether the server lets this"
    " user read only, and its limits of time.",
)
NO_CONNECTION_FREE = Advice(
    "database-none-free",
    "The server has no connection free for this user: run again later, or raise its limit.",
)
DISK_FULL = Advice(
    "database-disk-full", "The disk of the database is full; what was published stays. Free some space there."
)

_MYSQL_NONE_FREE = (1040, 1203, 1226)
"""Too many connections, of all users or of this one."""
_MYSQL = {
    **dict.fromkeys((1205, 1213), LOCKED),
    **dict.fromkeys((1969, 3024), TOO_SLOW),
    1049: NO_DATABASE,
    1044: NO_DATABASE_FOR_US,
    **dict.fromkeys((1045, 1820, 1862, 3118, 4151), WRONG_LOGIN),
    **dict.fromkeys((2002, 2003, 2005), UNREACHABLE),
    2026: NO_TLS,
    **dict.fromkeys((1142, 1143, 1227, 1370), NO_RIGHT),
    **dict.fromkeys((1052, 1054, 1064, 1146, 1305, 1792), WRONG_SQL),
    1690: UNSIGNED,
    # A mix in an operation of two, three or more texts; a collation that is none of their character set.
    **dict.fromkeys((1253, 1267, 1270, 1271), COLLATIONS),
    **dict.fromkeys((1021, 1114), DISK_FULL),
    **dict.fromkeys((1048, 1062, 1264, 1366, 1406, 1451, 1452, 1644, 3819, 4025), REFUSED_ROW),
    **dict.fromkeys((1175, 1290), NOT_WRITTEN),
    **dict.fromkeys(_MYSQL_NONE_FREE, NO_CONNECTION_FREE),
}
_MYSQL_DISK_FULL = re.compile(r"(?:Errcode:|[Ee]rror) 28\b")
"""The system's number for it, in the server's words about a file of its own."""

_POSTGRESQL_NONE_FREE = ("too many connections", "too many clients", "connection slots")
_POSTGRESQL = {
    "55P03": LOCKED,
    "57014": TOO_SLOW,
    "42501": NO_RIGHT,
    **dict.fromkeys(("25006", "0A000"), WRONG_SQL),
    **dict.fromkeys(("42P21", "42P22"), COLLATIONS),
    "53100": DISK_FULL,
    "53300": NO_CONNECTION_FREE,
    "P0001": REFUSED_ROW,
}
_POSTGRESQL_CLASSES = {"42": WRONG_SQL, "23": REFUSED_ROW}
"""By the first two characters."""
_POSTGRESQL_CONNECTION = {
    "authentication failed": WRONG_LOGIN,
    "no password supplied": WRONG_LOGIN,
    "requested a cleartext password": CLEAR_TEXT,
    **dict.fromkeys(_POSTGRESQL_NONE_FREE, NO_CONNECTION_FREE),
    "Connection refused": UNREACHABLE,
    "could not translate host name": UNREACHABLE,
    "failed to resolve host": UNREACHABLE,
    "does not support SSL": NO_TLS,
    "certificate verify failed": NOT_TRUSTED,
    "does not match host name": NOT_TRUSTED,
    "root certificate file": NOT_TRUSTED,
}

_SQLITE = {
    **dict.fromkeys((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED), LOCKED),
    sqlite3.SQLITE_FULL: DISK_FULL,
    **dict.fromkeys((sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM), READ_ONLY),
    sqlite3.SQLITE_CONSTRAINT: REFUSED_ROW,
    **dict.fromkeys((sqlite3.SQLITE_ERROR, sqlite3.SQLITE_AUTH), WRONG_SQL),
    **dict.fromkeys(
        (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT),
        Advice(
            "database-damaged",
            "Check the path in the address; a damaged database is mended with `sqlite3 … .recover`.",
        ),
    ),
}


def number_of(error: BaseException) -> int | None:
    """The number of an error, as the drivers of MariaDB and MySQL have it."""
    code = error.args[0] if error.args else None
    return code if isinstance(code, int) else None


def sqlite_code(error: BaseException) -> int:
    """SQLite's own code of an error, without what extends it; errors of the Python module have 0."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def mysql_advice(error: BaseException) -> Advice | None:
    """By the server's number; None where we know nothing better than the error."""
    if _MYSQL_DISK_FULL.search(str(error)):
        return DISK_FULL
    if "CERTIFICATE_VERIFY_FAILED" in str(error):  # PyMySQL's number is that of a server out of reach
        return NOT_TRUSTED
    code = number_of(error)
    return None if code is None else _MYSQL.get(code)


def postgresql_advice(state: str | None, message: str, database: str | None) -> Advice | None:
    """By SQLSTATE; a connection that fails has none, and then by the words, in the server's usual language.

    `database` is the name in the address.
    """
    if state:
        return _POSTGRESQL.get(state) or _POSTGRESQL_CLASSES.get(state[:2])
    if f'database "{database}" does not exist' in message:
        return NO_DATABASE
    known = (advice for words, advice in _POSTGRESQL_CONNECTION.items() if words in message)
    return next(known, NO_CONNECTION)


def sqlite_advice(error: BaseException) -> Advice | None:
    """By SQLite's own code."""
    return _SQLITE.get(sqlite_code(error))


# Which errors of a server are over in a moment: nothing else is tried again. Not among them: a lock of the
# shop's that was waited for already, a wrong password, whatever the server says about a statement. SQLite has
# none but a commit that a reader keeps out, which it knows itself.
_MYSQL_LOST = frozenset((1053, 1152, 1159, 1160, 1161, 1213, 1927, 2006, 2013, 4031))
"""Shut down, cut off, killed, gone, lost; and a deadlock, of which the server has rolled one back."""
_MYSQL_REFUSED = frozenset((*_MYSQL_NONE_FREE, 2002, 2003))
"""Too many connections, or no server there, which may be starting again."""

_POSTGRESQL_PASSING = frozenset(("57P01", "57P02", "57P03", "40001", "40P01", "53300"))
"""Shut down, crashed, starting; conflicts of transactions, deadlocks; too many connections."""
_POSTGRESQL_PASSING_CLASS = "08"
"""Trouble with the connection."""
_POSTGRESQL_CONNECTING = (
    "connection failed",
    "connection to server",
    "failed to resolve",
    "connection time",
)
"""How the driver's errors begin where it could not connect; these have no code."""
_POSTGRESQL_REFUSED = (
    "Connection refused",
    "Connection reset",
    "server closed the connection",
    "is starting up",
    "is shutting down",
    "in recovery mode",
    *_POSTGRESQL_NONE_FREE,
)


def is_mysql_transient(error: BaseException, *, was_reached: bool) -> bool:
    """Whether to try again, by the server's or the driver's number.

    `was_reached`: a connection to the server was made before; else its address may be wrong.
    """
    code = number_of(error)
    if code == 0 and type(error).__name__ == "InterfaceError":
        return True  # PyMySQL's word for a connection that has ended already
    return code in _MYSQL_LOST or (was_reached and code in _MYSQL_REFUSED)


def is_postgresql_transient(state: str | None, message: str, *, was_reached: bool) -> bool:
    """Whether to try again, by SQLSTATE; where the connection itself failed there is none, only words.

    `was_reached`: see `is_mysql_transient`.
    """
    if state:
        return state in _POSTGRESQL_PASSING or state.startswith(_POSTGRESQL_PASSING_CLASS)
    if message.startswith(_POSTGRESQL_CONNECTING):
        return was_reached and any(words in message for words in _POSTGRESQL_REFUSED)
    return True


# What an owner calls a column whose type can be no key. The type's own name follows in brackets, so that it
# can be looked up.
_FRACTION, _MOMENT, _BYTES = "a number with a fraction", "a date and time", "raw bytes"

_MYSQL_TYPES = {
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

_POSTGRESQL_TYPES = {
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
_SQLITE_TYPES = {"integer": "an integer", "real": _FRACTION, "text": "a text", "blob": _BYTES}


def mysql_words(code: int, *, is_binary: bool) -> str:
    """By the protocol's type code; `is_binary`: a text type without a character set."""
    if is_binary:
        return f"{_BYTES} (BINARY, VARBINARY or BLOB)"
    words, name = _MYSQL_TYPES.get(code, ("of a type", f"number {code} of the protocol"))
    return f"{words} ({name})"


def postgresql_words(base: str, declared: str) -> str:
    """By the type's name without and with its length."""
    if base.endswith("[]"):
        return f"an array ({declared})"
    return f"{_POSTGRESQL_TYPES.get(base, 'of a type')} ({declared})"


def sqlite_words(kind: str) -> str:
    """By what `typeof` says."""
    return f"{_SQLITE_TYPES.get(kind, kind)} ({kind.upper()})"
