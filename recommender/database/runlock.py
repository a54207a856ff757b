"""The run lock of a server: held by a connection, which is kept from being closed as idle while we compute.

It ends with its connection, and is then taken again on another, if it is free. That of MariaDB and MySQL is a
named lock, which the server has for one connection.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from recommender.database.base import RunLock
from recommender.errors import DatabaseError, LockedError, TransientError

_SECONDS_BETWEEN = 20.0
"""Below any idle limit that hosts set."""


class Heartbeat:
    """Asks the server something now and then, on a thread of its own.

    A failure is kept to itself: whether the lock is still held is asked before the commit, when it matters.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._one_at_a_time = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="keep the run lock's connection", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def ask(self, statement: str) -> sa.Row[Any] | None:
        """The first row of the answer, or None."""
        with self._one_at_a_time:
            return self._connection.exec_driver_sql(statement).fetchone()

    def _beat(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN):
            try:
                self.ask("SELECT 1")
            except (sa.exc.SQLAlchemyError, DatabaseError):
                return


class _NamedLock(RunLock):
    def __init__(self, database: str, heartbeat: Heartbeat, name: str, holder: str) -> None:
        self.holder = holder
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
def named_lock(engine: sa.Engine, name: str, *, database: str) -> Iterator[RunLock]:
    """Take the lock on a connection of its own and keep that alive.

    Args:
        engine: without a pool.
        name: of the lock, at most 64 characters.
        database: how messages name it.

    Raises:
        LockedError: another connection holds it; says which.
    """
    with engine.connect() as connection:
        if connection.exec_driver_sql(f"SELECT GET_LOCK('{name}', 0)").scalar() != 1:
            raise LockedError(
                f"Another run is going on: {_holder(connection, name)} holds the run lock in {database}.",
                "Wait until it has ended; nothing was changed.",
            )
        number = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
        with Heartbeat(connection) as heartbeat:
            yield _NamedLock(database, heartbeat, name, f"connection {number} ")


def _holder(connection: sa.Connection, name: str) -> str:
    """The number of the connection that holds the lock, and its host where the server tells us."""
    number = connection.exec_driver_sql(f"SELECT IS_USED_LOCK('{name}')").scalar()
    if number is None:
        return "a run that has just ended"
    host = connection.exec_driver_sql(
        f"SELECT HOST FROM information_schema.PROCESSLIST WHERE ID = {number}"
    ).scalar()
    return f"connection {number} from {host}" if host else f"connection {number}"


class RenewableLock(RunLock):
    """The run lock of one run, over as many connections as it takes.

    Args:
        take: takes the lock.
    """

    def __init__(self, take: Callable[[], AbstractContextManager[RunLock]]) -> None:
        self._take = take
        self._stack = ExitStack()
        self._held: RunLock | None = None

    def __enter__(self) -> Self:
        self._acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _acquire(self) -> None:
        self._held = self._stack.enter_context(self._take())
        self.holder = self._held.holder

    def _release(self) -> None:
        """Give it back; it ends with its connection, so an error of one that has ended means nothing."""
        self._held = None
        with suppress(DatabaseError):
            self._stack.close()

    def check(self) -> None:
        """Make sure that it is still held.

        Raises:
            TransientError: it was lost with its connection.
            DatabaseError: it was lost for good.
        """
        if self._held is None:
            raise TransientError("The run lock was lost with its connection.", "Start the run again.")
        self._held.check()

    def renew(self) -> bool:
        """Take it again where it was lost with its connection; whether that was so.

        Raises:
            LockedError: another run holds it by now.
            DatabaseError: the server is not there, or the lock was lost for good.
        """
        try:
            self.check()
        except TransientError:
            self._release()
            try:
                self._acquire()
            except LockedError as error:
                if self.holder in error.reason:
                    # The server has not seen yet that our connection has ended.
                    raise TransientError(error.reason, error.what_to_do) from error
                raise
            return True
        return False
