"""Which errors of a server are over in a moment, by the codes of each database; nothing else is tried again.

Not among them: a lock of the shop's that was waited for already, a wrong password, whatever the server says
about a statement. SQLite has none but a commit that a reader keeps out, which it knows itself.
"""

_MYSQL_LOST = frozenset((1053, 1152, 1159, 1160, 1161, 1213, 1927, 2006, 2013, 4031))
"""Shut down, cut off, killed, gone, lost; and a deadlock, of which the server has rolled one back."""
_MYSQL_REFUSED = frozenset((1040, 1203, 1226, 2002, 2003))
"""Too many connections, of all users or of this one; no server there, which may be starting again."""

_POSTGRESQL = frozenset(("57P01", "57P02", "57P03", "40001", "40P01", "53300"))
"""Shut down, crashed, starting; conflicts of transactions, deadlocks; too many connections."""
_POSTGRESQL_CLASS = "08"
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
    "too many clients",
    "too many connections",
    "connection slots",
)


def is_mysql_transient(error: BaseException, *, was_reached: bool) -> bool:
    """Whether to try again, by the server's or the driver's number.

    Args:
        error: the driver's.
        was_reached: a connection to the server was made before; else its address may be wrong.
    """
    code = error.args[0] if error.args else None
    if code == 0 and type(error).__name__ == "InterfaceError":
        return True  # PyMySQL's word for a connection that has ended already
    return code in _MYSQL_LOST or (was_reached and code in _MYSQL_REFUSED)


def is_postgresql_transient(state: str | None, message: str, *, was_reached: bool) -> bool:
    """Whether to try again, by SQLSTATE; where the connection itself failed there is none, only words.

    Args:
        state: the code.
        message: the driver's or the server's words.
        was_reached: a connection to the server was made before; else its address may be wrong.
    """
    if state:
        return state in _POSTGRESQL or state.startswith(_POSTGRESQL_CLASS)
    if message.startswith(_POSTGRESQL_CONNECTING):
        return was_reached and any(words in message for words in _POSTGRESQL_REFUSED)
    return True
