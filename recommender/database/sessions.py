"""What a session takes over from its server or account, and is set otherwise for what we do.

A server, or whoever keeps it, can forbid large reads, deletes without a key, or long transactions, for
everybody or for one account. Each of these may be lifted by the session itself, and shop software does so.
Not here is what a session may not lift, and what changes what an owner's query means (a search path, a time
zone, quotes and backslashes): it stays as the shop has it. On SQLite nothing is taken over: what could limit
us there holds for one connection.
"""

import logging
from collections.abc import Mapping
from typing import Any

from recommender.database.codes import number_of

log = logging.getLogger(__name__)

OWN_MODE = "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
"""The sql_mode of our own statements, which are written for it: no value is cut, no name is reserved."""
LIFTED_MODES = {
    # Refuse queries that other clients of the shop may well run.
    *("ONLY_FULL_GROUP_BY", "NO_ZERO_DATE", "NO_ZERO_IN_DATE", "ERROR_FOR_DIVISION_BY_ZERO"),
    *("STRICT_ALL_TABLES", "STRICT_TRANS_TABLES"),
    # Names of several, with those above among them; the others of each are listed beside it.
    *("TRADITIONAL", "ANSI"),
    "PAD_CHAR_TO_FULL_LENGTH",  # adds blanks to the keys
}
"""Parts of the sql_mode that an owner's query is read without; the others say what its text means."""

_MYSQL = {
    "sql_big_selects": "1",  # 0 where max_join_size is set: refuses a SELECT that may look at many rows
    "sql_select_limit": "18446744073709551615",  # leaves out the rows behind so many
    "sql_safe_updates": "0",  # refuses a DELETE without a key
    "wait_timeout": "28800",  # ends a connection that waits while we compute
    "net_read_timeout": "600",  # seconds that we may take to send more of a list,
    "net_write_timeout": "600",  # or to take more of the sales
    "completion_type": "0",  # else a COMMIT may end the connection
    "foreign_key_checks": "1",
    "unique_checks": "1",
    "sql_auto_is_null": "0",  # gives IS NULL another meaning
    "sql_quote_show_create": "1",  # our tables are compared by what SHOW CREATE TABLE says
    "group_concat_max_len": "GREATEST(@@group_concat_max_len, 1048576)",  # cuts texts
    "max_sort_length": "GREATEST(@@max_sort_length, 1024)",  # groups texts by so many bytes
    # TIMESTAMP columns are shown in the session's zone; so shown they are instants.
    "time_zone": "'+00:00'",
}
_MARIADB_ALONE = {
    "max_statement_time": "0",  # ends a statement; the export sets its own
    "tx_read_only": "0",
    # End a connection that is in a transaction while we read a file.
    "idle_transaction_timeout": "0",
    "idle_readonly_transaction_timeout": "0",
    "idle_write_transaction_timeout": "0",
    "max_session_mem_used": "9223372036854775807",  # ends a statement that takes more memory
}
_MYSQL_ALONE = {
    "max_execution_time": "0",  # ends a SELECT; the export sets its own
    "transaction_read_only": "0",
}

_NOT_SETTABLE = {1193, 1227, 1228, 1229, 1231, 1232, 1238, 1568}
"""A server's codes for a setting that it does not know, or that may not be set by this user, here or now."""

POSTGRESQL = {
    # End a statement, a transaction, a connection that waits while we compute; the export sets its own.
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "default_transaction_read_only": "off",  # refuses every write
    "default_transaction_deferrable": "off",  # may wait for ever for a snapshot
    "default_transaction_isolation": "read committed",  # serializable ones fail each other
    # How values become texts, which we read.
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",  # 0 and less leave digits out of prices
    "quote_all_identifiers": "off",  # types are known by their names
}


def set_mysql(connection: Any, errors: tuple[type[Exception], ...], settings: Mapping[str, str]) -> None:
    """Set what a session of PyMySQL or mysqlclient takes over.

    Args:
        connection: the driver's.
        errors: its own; other than that one cannot be set they are raised.
        settings: more of them, or others: names, and values as SQL has them.
    """
    alone = _MARIADB_ALONE if is_mariadb(connection) else _MYSQL_ALONE
    wanted = {**_MYSQL, **alone, **settings}
    with connection.cursor() as cursor:
        try:
            cursor.execute(_set(wanted))
        except errors as refused:
            if number_of(refused) not in _NOT_SETTABLE:
                raise
            # An old server does not know each of them; some let an administrator alone set one.
            for name, value in wanted.items():
                try:
                    cursor.execute(_set({name: value}))
                except errors as error:
                    if number_of(error) not in _NOT_SETTABLE:
                        raise
                    log.debug("Left as the server has it: %s (%s)", name, error)


def is_mariadb(connection: Any) -> bool:
    """Whether the server that a connection of PyMySQL or mysqlclient leads to is MariaDB, and not MySQL."""
    return "mariadb" in str(connection.get_server_info()).lower()


def _set(settings: Mapping[str, str]) -> str:
    return "SET " + ", ".join(f"SESSION {name} = {value}" for name, value in settings.items())


def postgresql_statement(settings: Mapping[str, str], process: int | None = None) -> str:
    """Sets what a session takes over, of these settings those that the server knows; returns their values.

    Args:
        settings: names and values.
        process: of the server, as its number was told when the connection was made: in another one, such as
            those behind a pool, nothing is set, and no row is returned. None: in any.
    """
    values = ", ".join(f"('{name}', '{value}')" for name, value in settings.items())
    return (
        f"SELECT set_config(s.name, v.value, false) FROM (VALUES {values}) AS v (name, value)"
        " JOIN pg_catalog.pg_settings AS s ON s.name = v.name"
        + ("" if process is None else f" WHERE pg_catalog.pg_backend_pid() = {process}")
    )
