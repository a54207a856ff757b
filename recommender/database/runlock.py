"""The run lock of a server: held by a connection, which is kept from being closed as idle while we compute.

It ends with its connection, and is then taken again on another, if it is free.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from recommender.database.base import RunLock
from recommender.errors import DatabaseError, LockedError, TransientError

_SECONDS_BETWEEN = 20.0
"""Below any idle limit that hosts set."""


class ServerLock(RunLock):
    """A lock that the server has for one connection, which a thread asks something now and then.

    A failure of that is kept to itself: whether the lock is still held is asked before the commit, when it
    matters.

    Args:
        connection: holds the lock.
        held: a SELECT of one value, which is true as long as it does.
        holder: words about us that stand in the error of those who find it taken.
        database: how messages name it.
    """

    def __init__(self, connection: sa.Connection, held: str, holder: str, database: str) -> None:
        self.holder = holder
        self._connection = connection
        self._held = held
        self._database = database
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

    def check(self) -> None:
        """Ask whether it is still held; the same errors."""
        try:
            is_held = bool(self._ask(self._held))
        except sa.exc.SQLAlchemyError:
            is_held = False
        if not is_held:
            raise TransientError(
                "lock-lost",
                f"The run lock in {self._database} was lost with its connection; nothing was published.",
                "Start the run again.",
            )

    def _ask(self, statement: str) -> object:
        with self._one_at_a_time:
            return self._connection.exec_driver_sql(statement).scalar()

    def _beat(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN):
            try:
                self._ask("SELECT 1")
            except (sa.exc.SQLAlchemyError, DatabaseError):
                return


def lock_taken(holder: str | None, database: str) -> LockedError:
    """The error for a lock that somebody else holds; None where that is over already."""
    return LockedError(
        "another-run",
        f"Another run is going on: {holder or 'a run that has just ended'} holds the run lock in {database}.",
        "Wait until it has ended; nothing was changed.",
    )


class RenewableLock(RunLock):
    """The run lock of one run, taken over as many connections as it needs."""

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
        """Make sure that it is still held; the same errors."""
        if self._held is None:
            raise TransientError(
                "lock-lost", "The run lock was lost with its connection.", "Start the run again."
            )
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
                    raise TransientError(error.code, error.reason, error.what_to_do) from error
                raise
            return True
        return False
