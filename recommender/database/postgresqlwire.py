"""A connection of psycopg that does not wait for ever: libpq has no limit of time for an answer."""

import select
import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import Ready, Wait

from recommender.database import silence

Result = TypeVar("Result")


class SilentPostgreSQLError(silence.Silence, psycopg.OperationalError):
    """The server did not answer."""


class PatientConnection(psycopg.Connection[Any]):
    """A connection on which the server may be silent for so many seconds."""

    patience_seconds: float = silence.ANSWER_SECONDS

    def wait(self, gen: PQGen[Result], *arguments: Any, **options: Any) -> Result:
        """Do what the generator does, as long as the server says something now and then.

        Raises:
            SilentServerError: it does not.
        """
        return super().wait(self._limited(gen), *arguments, **options)

    def _limited(self, work: PQGen[Result]) -> Generator[Wait, Ready | int, Result]:
        heard = time.monotonic()
        try:
            wanted = next(work)
            while True:
                # psycopg comes back several times a second, with nothing where there is nothing.
                ready = yield wanted
                if ready:
                    heard = time.monotonic()
                elif time.monotonic() - heard > self.patience_seconds:
                    raise self._silent()
                wanted = work.send(ready)
        except StopIteration as end:
            result: Result = end.value
            return result

    def await_more(self) -> None:
        """Wait until there is something to read, and take it in; a signal's error comes out of it.

        Raises:
            SilentServerError: the server says nothing.
        """
        if not select.select([self.pgconn.socket], [], [], self.patience_seconds)[0]:
            raise self._silent()
        self.pgconn.consume_input()

    def await_room(self) -> None:
        """Wait until more can be sent.

        Raises:
            SilentServerError: the server takes nothing.
        """
        if not select.select([], [self.pgconn.socket], [], self.patience_seconds)[1]:
            raise self._silent()

    def _silent(self) -> SilentPostgreSQLError:
        self.pgconn.finish()  # or whoever tidies up would wait again
        return SilentPostgreSQLError(self.patience_seconds)

    def rollback(self) -> None:
        """Roll back; over a connection that is closed the server does so by itself."""
        if not self.closed:
            super().rollback()
