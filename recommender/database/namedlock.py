"""The run lock of MariaDB and MySQL: a named lock, and words in the process list that say who holds it."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from recommender.database.base import RunLock
from recommender.database.keepalive import Heartbeat
from recommender.errors import DatabaseError, LockedError, TransientError

_SHOWN_SECONDS = 30
"""A run that is killed leaves its words standing for at most so long."""
_LOOKS, _SECONDS_BETWEEN_LOOKS = 100, 0.005
_SIGN = "held by connection {}: "
_UNSAFE = re.compile(r"[^A-Za-z0-9 ,.:_-]")


class _NamedLock(RunLock):
    def __init__(self, database: str, heartbeat: Heartbeat, name: str) -> None:
        self._database = database
        self._heartbeat = heartbeat
        self._name = name

    def check(self) -> None:
        try:
            row = self._heartbeat.ask(f"SELECT IS_USED_LOCK('{self._name}') = CONNECTION_ID()")
        except sa.exc.SQLAlchemyError:
            row = None
        if row is None or row[0] != 1:
            raise TransientError(
                f"The run lock in {self._database} was lost with its connection; nothing was published.",
                "Start the run again.",
            )


@contextmanager
def named_lock(
    engine: Callable[[], sa.Engine], name: str, *, holder: str, database: str
) -> Iterator[RunLock]:
    """Take the lock on a connection of its own and keep that alive.

    Args:
        engine: makes engines without a pool.
        name: of the lock, at most 64 characters.
        holder: who we are.
        database: how messages name it.

    Raises:
        LockedError: another connection holds it; says who.
    """
    with engine().connect() as connection:
        if connection.exec_driver_sql(f"SELECT GET_LOCK('{name}', 0)").scalar() != 1:
            raise LockedError(
                f"Another run is going on: {_holder(connection, name)} holds the run lock in {database}.",
                "Wait until it has ended; nothing was changed.",
            )
        lock_id = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
        sign = f"{_SIGN.format(lock_id)}{_UNSAFE.sub('?', holder)}"
        with _shown(engine(), sign), Heartbeat(connection) as heartbeat:
            yield _NamedLock(database, heartbeat, name)


def _holder(connection: sa.Connection, name: str) -> str:
    """The words of the connection that holds the lock; its number and host where it shows none to us."""
    processes = connection.exec_driver_sql("SELECT ID, HOST, INFO FROM information_schema.PROCESSLIST").all()
    held_by = connection.exec_driver_sql(f"SELECT IS_USED_LOCK('{name}')").scalar()
    sign = _SIGN.format(held_by)
    for _, _, statement in processes:
        if sign in (statement or ""):
            return str(statement).partition(sign)[2].removesuffix("*/").strip()
    hosts = [host for number, host, _ in processes if number == held_by]
    return f"connection {held_by} from {hosts[0]}" if hosts else "another connection"


@contextmanager
def _shown(engine: sa.Engine, words: str) -> Iterator[None]:
    """Show the words in the server's process list: a lock has a name only, a connection at rest no text."""
    with engine.connect() as connection:
        sign_id = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
        statement = f"DO SLEEP({_SHOWN_SECONDS}) /* {words} */"
        # With the words: a server that was started again gives the number to somebody else.
        shown = f"SELECT ID FROM information_schema.PROCESSLIST WHERE ID = {sign_id} AND INFO = '{statement}'"
        ended = threading.Event()
        refused: list[DatabaseError] = []

        def show() -> None:
            while not ended.is_set():
                try:
                    connection.exec_driver_sql(statement)
                except sa.exc.SQLAlchemyError:
                    return  # without words the lock is as good
                except DatabaseError as error:
                    refused.append(error)
                    ended.set()

        thread = threading.Thread(target=show, name="show who holds the run lock", daemon=True)
        thread.start()
        try:
            _wait_until_shown(engine, shown, ended)
            if refused:
                raise refused[0]
            yield
        finally:
            ended.set()
            _end(engine, shown)
            thread.join(timeout=1)
            if thread.is_alive():
                _hang_up(connection)  # nobody could end it for us


def _wait_until_shown(engine: sa.Engine, shown: str, ended: threading.Event) -> None:
    """So that whoever finds the lock taken finds the words too; not for long: the lock is held anyway."""
    with engine.connect() as connection:
        for _ in range(_LOOKS):
            if connection.exec_driver_sql(shown).scalar() or ended.wait(_SECONDS_BETWEEN_LOOKS):
                return


def _hang_up(connection: sa.Connection) -> None:
    """End a connection that another thread waits on: over a dead line the answer would never come."""
    line = getattr(connection.connection.driver_connection, "_sock", None)  # mysqlclient shows none
    if line is not None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


def _end(engine: sa.Engine, shown: str) -> None:
    try:
        with engine.connect() as other:
            number = other.exec_driver_sql(shown).scalar()
            if number is not None:
                other.exec_driver_sql(f"KILL {number}")
    except (sa.exc.SQLAlchemyError, DatabaseError):
        return  # the server is gone, and the connection with it
