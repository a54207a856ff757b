"""The run lock of a server ends with its connection: it is taken again on another, if it is free."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from types import TracebackType
from typing import Self

from recommender.database.base import RunLock
from recommender.errors import DatabaseError, LockedError, TransientError


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
