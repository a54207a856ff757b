"""What to do about a database's errors: the same words for the same trouble, whichever database tells it."""

import re
import sqlite3

LOCKED = "The shop kept the database locked for too long; what was published stays. Run again later."
TOO_SLOW = "Raise QUERY_TIMEOUT_SECONDS, or give the query an index."
NO_DATABASE = "There is no such database on that server: mind the name at the end of the address."
NO_DATABASE_FOR_US = (
    "That server has no such database, or none that this user may use: mind the name at the end of the"
    " address, and the user's rights."
)
WRONG_LOGIN = "Mind user and password in the address."
UNREACHABLE = "Mind host, port or socket in the address, and whether the server runs."
SILENT = (
    "What was published stays. Check whether the server still works, and the network on the way to it; then"
    " run again."
)
POOLED = (
    "Write the address of the server itself (its usual port is 5432, a pool's 6432 or 6543), or of a pool in"
    " session mode."
)
NO_CONNECTION = "Mind host, port, user, password and database in the address, and whether the server runs."
NO_TLS = (
    "The server offers no TLS: turn it on there; only where nobody else can listen, take ssl-mode or sslmode"
    " out of the address."
)
NOT_TRUSTED = (
    "The server's certificate is not signed by the authority that the address names, or is for another host:"
    " mind ssl_ca or sslrootcert, and the host."
)
ASKS_FOR_FILES = (
    "Whoever answers there tries to read this machine's files: tell the server's keeper, and let the address"
    " verify who it is, with ssl-mode=VERIFY_IDENTITY&ssl_ca=ca.pem."
)
CLEAR_TEXT = (
    "Let the connection be encrypted and the server verified, with ssl-mode=VERIFY_IDENTITY or"
    " sslmode=verify-full in the address. Whoever asks so for the first time may be somebody else than your"
    " server: ask its keeper."
)
NO_RIGHT = "Give the user of the address that right; `recommend init` prints the statements."
READ_ONLY = "Let the user who runs the program write to the file and to its folder."
WRONG_SQL = "Mind the names and the SQL of the query; it may only read."
UNSIGNED = "Around a column that is UNSIGNED write CAST(… AS SIGNED) before it is made negative."
COLLATIONS = (
    "Texts of different collations are compared or united: write one at each of them in the query, such as"
    ' CONVERT(… USING utf8mb4) COLLATE utf8mb4_bin (MariaDB, MySQL) or … COLLATE "C" (PostgreSQL).'
)
REFUSED_ROW = (
    "Nothing was published. Mind constraints, triggers and rules on the table; `recommend init` compares its"
    " shape."
)
NOT_WRITTEN = (
    "Nothing was published. Mind triggers, rules and row security on the table, whether the server lets this"
    " user read only, and its limits of time."
)
NO_CONNECTION_FREE = "The server has no connection free for this user: run again later, or raise its limit."
DISK_FULL = "The disk of the database is full; what was published stays. Free some space there."

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
    **dict.fromkeys((1040, 1203, 1226), NO_CONNECTION_FREE),
}
_MYSQL_DISK_FULL = re.compile(r"(?:Errcode:|[Ee]rror) 28\b")
"""The system's number for it, in the server's words about a file of its own."""

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
    "too many connections": NO_CONNECTION_FREE,
    "too many clients": NO_CONNECTION_FREE,
    "connection slots": NO_CONNECTION_FREE,
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
        "Mind the path in the address; a damaged database is mended with `sqlite3 … .recover`.",
    ),
}


def mysql_advice(error: BaseException) -> str | None:
    """By the server's number; None where we know nothing better than the error."""
    if _MYSQL_DISK_FULL.search(str(error)):
        return DISK_FULL
    if "CERTIFICATE_VERIFY_FAILED" in str(error):  # PyMySQL's number is that of a server out of reach
        return NOT_TRUSTED
    code = error.args[0] if error.args else None
    return _MYSQL.get(code) if isinstance(code, int) else None


def postgresql_advice(state: str | None, message: str, database: str | None) -> str | None:
    """By SQLSTATE; a connection that fails has none, and then by the words, in the server's usual language.

    Args:
        state: the code.
        message: the server's words.
        database: the name in the address.
    """
    if state:
        return _POSTGRESQL.get(state) or _POSTGRESQL_CLASSES.get(state[:2])
    if f'database "{database}" does not exist' in message:
        return NO_DATABASE
    known = (advice for words, advice in _POSTGRESQL_CONNECTION.items() if words in message)
    return next(known, NO_CONNECTION)


def sqlite_advice(error: BaseException) -> str | None:
    """By SQLite's own code; errors of the Python module have none."""
    return _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
