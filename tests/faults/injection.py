"""Faults at exact places of a night: an error, a signal, a kill or a wait; here or in a process of its own.

`before_statement` and `at_point` are context managers with a fault in them. `Fork` runs the command line in a
new process with a fault; it happens there without luck: at the n-th statement of the publish transaction, or
at the border of a stage.
"""

import codecs
import contextlib
import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

import psycopg
import pymysql

from recommender import cli
from recommender.database.base import Database
from recommender.errors import ExitCode
from recommender.night import export, rank, record, train
from recommender.night import publish as publish_stage
from recommender.night import run as night
from recommender.operations import rollback
from recommender.publishing import publish
from recommender.runs.manifest import Manifest
from recommender.system import locks
from recommender.system.progress import Progress

Action = Callable[[], None]
CONTEXT = multiprocessing.get_context("forkserver")
# Imported once: the processes are forked from one that has everything and no threads.
CONTEXT.set_forkserver_preload(
    ["tests.faults.injection", "recommender.learning.als", "recommender.ranking.recommendations"]
)
# Who has become nobody may no longer read the schema, the codec of names in a zip, the parser of days.
codecs.lookup("cp437")
datetime.strptime("2026-10-31", "%Y-%m-%d")  # noqa: DTZ007 - for its module alone
with contextlib.suppress(ValueError):
    Manifest.of("{}")
WAIT_SECONDS = 60


def kill() -> None:
    """End this process as a lack of memory or a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt(number: signal.Signals) -> None:
    """Get a signal, as from Ctrl-C or a service manager."""
    os.kill(os.getpid(), number)


@dataclass
class Statements:
    """Counts the statements of publish transactions, and acts at one of them.

    A commit counts twice: before and after it happens.
    """

    act: Callable[[int, str], None]
    count: int = 0
    is_publishing: bool = False

    def tick(self, statement: str) -> None:
        if self.is_publishing:
            self.count += 1
            self.is_publishing = False  # what it does itself does not count
            try:
                self.act(self.count, statement)
            finally:
                self.is_publishing = True

    def publishing(self, publication: Callable[..., Any]) -> Callable[..., Any]:
        """The database's publication, during which statements count."""

        @contextmanager
        def watched(*arguments: Any) -> Iterator[Any]:
            self.is_publishing = True
            try:
                with publication(*arguments) as found:
                    yield found
            finally:
                self.is_publishing = False

        return watched


@contextmanager
def patched(owner: Any, name: str, value: Any) -> Iterator[None]:
    """An attribute replaced for a while."""
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


@contextmanager
def watched_statements(act: Callable[[int, str], None]) -> Iterator[Statements]:
    """Call `act` with number and text of each statement of a publish, just before the driver sends it."""
    statements = Statements(act)

    def counted(method: Callable[..., Any], text: str = "") -> Callable[..., Any]:
        def called(self: Any, *arguments: Any, **options: Any) -> Any:
            statement = text or str(arguments[0])
            statements.tick(statement)
            result = method(self, *arguments, **options)
            if statement == "COMMIT":
                statements.tick("after COMMIT")
            return result

        return called

    class Cursor(sqlite3.Cursor):
        execute = counted(sqlite3.Cursor.execute)
        executemany = counted(sqlite3.Cursor.executemany)

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> Any:
            return super().cursor(Cursor)

        def execute(self, *arguments: Any) -> Any:
            return self.cursor().execute(*arguments)

        def executemany(self, *arguments: Any) -> Any:
            return self.cursor().executemany(*arguments)

    connect = sqlite3.connect
    with contextlib.ExitStack() as stack:
        for owner, name, value in (
            (Database, "publication", statements.publishing(Database.publication)),
            (sqlite3, "connect", partial(connect, factory=Connection)),
            (psycopg.Cursor, "execute", counted(psycopg.Cursor.execute)),
            (psycopg.Cursor, "copy", counted(psycopg.Cursor.copy)),
            (psycopg.Connection, "commit", counted(psycopg.Connection.commit, "COMMIT")),
            (pymysql.connections.Connection, "query", counted(pymysql.connections.Connection.query)),
            (
                pymysql.connections.Connection,
                "commit",
                counted(pymysql.connections.Connection.commit, "COMMIT"),
            ),
        ):
            stack.enter_context(patched(owner, name, value))
        yield statements


def at(number: int, action: Action, count: int, _statement: str) -> None:
    """Act at the statement of this number."""
    if count == number:
        action()


@contextmanager
def before_statement(number: int, action: Action) -> Iterator[None]:
    """Act before the n-th statement of the publish transaction."""
    with watched_statements(partial(at, number, action)):
        yield


@contextmanager
def at_point(stage: str, place: str, action: Action, *, step: str = "") -> Iterator[None]:
    """Act when a stage begins, inside it, or when it has ended.

    Args:
        stage: its name.
        place: `begin`, `inside` (at its first word of progress) or `end`.
        action: what happens there.
        step: what a word of progress begins with; by default any.
    """
    original = record.stage
    going_on: list[str] = []

    update = Progress.update

    def told(self: Progress, *arguments: Any) -> None:
        update(self, *arguments)
        if place == "inside" and going_on == [stage] and str(arguments[0]).startswith(step):
            action()

    @contextmanager
    def bordered(run: Any, name: Any, progress: Any) -> Iterator[Any]:
        going_on[:] = [str(name)]
        with original(run, name, progress) as figures:
            if (place, name) == ("begin", stage):
                action()
            yield figures
        if (place, name) == ("end", stage):
            action()

    with contextlib.ExitStack() as stack:
        for module in (record, export, train, rank, publish_stage):
            stack.enter_context(patched(module, "stage", bordered))
        stack.enter_context(patched(Progress, "update", told))
        yield


@contextmanager
def at_end(action: Action) -> Iterator[None]:
    """Act when all is published, before tidying up."""
    original = night.tidy_up

    def tidy_up(*arguments: Any) -> list[str]:
        action()
        return original(*arguments)

    with patched(night, "tidy_up", tidy_up):
        yield


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """The machine's clock shows this moment, an aware one, and stands still."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return moment.astimezone(tz)

    with contextlib.ExitStack() as stack:
        for module in (locks, night, publish, publish_stage, record, rollback):
            stack.enter_context(patched(module, "datetime", Clock))
        yield


def await_lock(shop: Any) -> None:
    """Return when the lock is free: a server may see a moment late that a dead run's connection is gone."""
    for _ in range(1000):
        if shop.recommend("rank", "--run", "none").code is not ExitCode.LOCKED:
            return
    raise AssertionError("the lock of a dead run stays")


class Fork:
    """The command line in a process of its own; ended with the block, whatever happens.

    Args:
        shop: whose settings it takes.
        arguments: of the command line.
        fault: a context manager without arguments, made by the functions above with `functools.partial`.
    """

    def __init__(self, shop: Any, *arguments: str, fault: Callable[[], Any] = contextlib.nullcontext) -> None:
        self._output = Path(shop.folder) / "output"
        call = [*arguments, "--env-file", str(shop.env_file)]
        self._process = CONTEXT.Process(target=_main, args=(call, str(self._output), fault))

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    @property
    def process_id(self) -> int:
        return self._process.pid or 0

    def end(self) -> tuple[int | None, str]:
        """Wait for its end: the exit code (negative for a deadly signal) and all that it said."""
        self._process.join(WAIT_SECONDS)
        return self._process.exitcode, self._output.read_text(encoding="utf-8")


def forked(
    shop: Any, *arguments: str, fault: Callable[[], Any] = contextlib.nullcontext
) -> tuple[int | None, str]:
    """Run the command line in a process of its own to its end."""
    with Fork(shop, *arguments, fault=fault) as fork:
        return fork.end()


def _main(arguments: list[str], output: str, fault: Callable[[], Any]) -> None:
    descriptor = os.open(output, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    # As conftest.py has it: nobody pulls the plug.
    with patched(os, "fsync", lambda _file: None), fault():
        cli.main(arguments)


@dataclass
class Gate:
    """Where a process waits until it is let through."""

    reached: Any
    opened: Any

    @classmethod
    def new(cls) -> "Gate":
        return cls(CONTEXT.Event(), CONTEXT.Event())

    def wait(self) -> None:
        """For the process that waits."""
        self.reached.set()
        self.opened.wait(WAIT_SECONDS)

    def await_arrival(self) -> None:
        """For the other one."""
        assert self.reached.wait(WAIT_SECONDS), "the process did not come to the gate"
