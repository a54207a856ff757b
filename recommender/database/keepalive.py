"""A connection that waits for hours while the run computes, kept from being closed as idle."""

import threading
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from recommender.errors import DatabaseError

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
