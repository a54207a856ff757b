"""A connection of psycopg that does not wait for ever, and hands over what a COPY sends as it comes.

libpq has no limit of time for an answer, and psycopg's own cursor takes a coroutine's turn for each row.
"""

import select
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import Ready, Wait

from recommender.database import silence

Result = TypeVar("Result")

_CANCEL_SECONDS = 5.0
"""For a server to end what it does, when we ask it to."""


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

    def copied(self, statement: bytes, n_rows: int) -> Iterator[bytes]:
        """What a COPY … TO STDOUT sends, so many rows at a time.

        Straight from libpq, as psycopg's own cursor does it, whose turn for each row costs as much again as
        all the rest.

        Raises:
            psycopg.Error: the server refused the query, ended it, or is gone.
        """
        server = self.pgconn
        server.send_query(statement)
        while server.flush():  # a long one goes in parts
            self._await_room()
        self._require(psycopg.pq.ExecStatus.COPY_OUT)
        lines, n_lines = bytearray(), 0
        while True:
            size, row = server.get_copy_data(1)
            if size > 0:
                lines += row
                n_lines += 1
                if n_lines == n_rows:
                    yield bytes(lines)
                    lines.clear()
                    n_lines = 0
            elif size == 0:
                self._await_more()
            else:
                break
        self._require(psycopg.pq.ExecStatus.COMMAND_OK)
        self._result()
        if lines:
            yield bytes(lines)

    def end_copy(self) -> None:
        """Take what is left of an answer, so that the connection can go on; a silent one ends."""
        self.patience_seconds = _CANCEL_SECONDS
        with suppress(psycopg.Error):
            while (result := self._result()) is not None:
                if result.status == psycopg.pq.ExecStatus.COPY_OUT:
                    while (size := self.pgconn.get_copy_data(1)[0]) >= 0:
                        if size == 0:
                            self._await_more()

    def cancel_running(self) -> None:
        """Ask the server to end what it does for this connection; an ended one has nothing to end."""
        with suppress(psycopg.Error):
            self.cancel_safe(timeout=_CANCEL_SECONDS)

    def _result(self) -> "psycopg.pq.abc.PGresult | None":
        while self.pgconn.is_busy():
            self._await_more()
        return self.pgconn.get_result()

    def _require(self, status: psycopg.pq.ExecStatus) -> None:
        result = self._result()
        if result is None:
            raise psycopg.OperationalError("the server ended the query without a word")
        if result.status != status:
            self._result()
            raise psycopg.errors.error_from_result(result, self.info.encoding)

    def _await_more(self) -> None:
        """Wait until there is something to read, and take it in; a signal's error comes out of it."""
        if not select.select([self.pgconn.socket], [], [], self.patience_seconds)[0]:
            raise self._silent()
        self.pgconn.consume_input()

    def _await_room(self) -> None:
        """Wait until more can be sent."""
        if not select.select([], [self.pgconn.socket], [], self.patience_seconds)[1]:
            raise self._silent()

    def _silent(self) -> SilentPostgreSQLError:
        self.pgconn.finish()  # or whoever tidies up would wait again
        return SilentPostgreSQLError(self.patience_seconds)

    def rollback(self) -> None:
        """Roll back; over a connection that is closed the server does so by itself."""
        if not self.closed:
            super().rollback()
