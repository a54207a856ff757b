"""Faults in the process of a call: no space, no rights, no patience, no driver. Each is a context manager."""

import codecs
import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import importlib
import io
import os
import pkgutil
import resource
import shutil
import socket
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psycopg
import pymysql
import sqlalchemy as sa
from implicit.cpu.als import AlternatingLeastSquares
from implicit.recommender_base import ModelFitError

import recommender
from recommender import cli, database
from recommender.database import mysql, postgresql, postgresqlwire, retries, silence, sqlite, urls
from recommender.database.base import Database
from recommender.database.runlock import ServerLock
from recommender.errors import DatabaseError, ExitCode, SettingsError
from recommender.setup import shopfolder
from recommender.system import files
from recommender.system.locks import FileLock
from tests.faults.injection import Fork, Gate, at_end, at_point, patched, watched_statements
from tests.faults.support import Watch
from tests.nights import DAY, Shop

FULL = Path("/dev/full")
"""A file of the system to which every write fails: the disk is full."""
NOBODY = 65534


class _System:
    """The module `os`, in which a new file of one name lies on a full disk, or on one that is broken."""

    def __init__(self, name: str, *, is_broken: bool = False) -> None:
        self._name = name
        self._is_broken = is_broken

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Any, flags: int, *mode: int) -> int:
        if str(path).endswith(f"-{self._name}"):
            if self._is_broken:
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
            Path(path).symlink_to(FULL)
            return os.open(os.devnull, os.O_WRONLY)
        return os.open(path, flags, *mode)


@contextlib.contextmanager
def full_disk_at(name: str) -> Iterator[None]:
    """The disk is full when the file of this name is written."""
    with patched(files, "os", _System(name)):
        yield


def broken_disk_at(name: str) -> AbstractContextManager[None]:
    """The disk is broken where the file of this name is written."""
    return patched(files, "os", _System(name, is_broken=True))


@contextlib.contextmanager
def full_sqlite(name: str) -> Iterator[None]:
    """The disk is full under a SQLite file: the shop's, our staging file, or our copy of the shop."""

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, *parameters: Any) -> Any:
            found = super().execute(statement, *parameters)
            if name == "staging" and statement.startswith("ATTACH"):
                super().execute("PRAGMA staging.max_page_count = 1")
            return found

    connect = sqlite3.connect

    def connected(path: Any, **options: Any) -> Any:
        connection = connect(path, **{"factory": Connection} | options)
        if str(path).endswith(name):
            # Of an existing file it becomes the number of pages that it has.
            connection.execute("PRAGMA max_page_count = 1").fetchall()
        return connection

    with patched(sqlite3, "connect", connected):
        yield


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """The program hardly waits for a lock of the shop: MariaDB knows whole seconds only, 0 among them."""
    with contextlib.ExitStack() as stack:
        for module, seconds in ((sqlite, 0.05), (postgresql, 0.05), (mysql, 0)):
            stack.enter_context(patched(module, "LOCK_WAIT_SECONDS", seconds))
        stack.enter_context(patched(sqlite, "_COMMIT_WAIT_SECONDS", 0.02))
        yield


@contextlib.contextmanager
def impatient_of_silence() -> Iterator[None]:
    """The program waits for an answer of a server for a moment only."""
    with contextlib.ExitStack() as stack:
        for name in ("ANSWER_SECONDS", "LOCK_SECONDS", "CONNECT_SECONDS"):
            stack.enter_context(patched(silence, name, 2))
        yield


@contextlib.contextmanager
def no_driver() -> Iterator[None]:
    """No driver of a database is installed."""
    with patched(urls, "find_spec", lambda _name: None):
        yield


@contextlib.contextmanager
def every_driver() -> Iterator[None]:
    """All of them are installed, as far as the address is concerned."""
    with patched(urls, "find_spec", lambda _name: True):
        yield


@contextlib.contextmanager
def broken_driver() -> Iterator[None]:
    """The driver is there, but a library of its own is not."""

    def fail(_name: str) -> Any:
        raise ImportError("no pq wrapper available")

    with patched(database, "import_module", fail):
        yield


@contextlib.contextmanager
def not_trusted() -> Iterator[None]:
    """The server's certificate is of another authority, in the drivers' words."""

    def refuse_postgresql(*_: Any, **__: Any) -> Any:
        raise psycopg.OperationalError("connection failed: SSL error: certificate verify failed")

    def refuse_mysql(*_: Any, **__: Any) -> Any:
        words = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer"
        raise pymysql.err.OperationalError(2003, f"Can't connect to MySQL server on 'h' ({words})")

    with (
        patched(postgresqlwire.PatientConnection, "connect", refuse_postgresql),
        patched(pymysql.connections.Connection, "connect", refuse_mysql),
    ):
        yield


def put(kind: str, name: str, shop: Shop) -> None:
    """Something else in the place of a file of the shop's folder: a pipe, a socket or a folder."""
    path = shop.folder / name
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        # The address of a socket is short.
        with socket.socket(socket.AF_UNIX) as made, contextlib.chdir(path.parent):
            made.bind(path.name)


@contextlib.contextmanager
def elsewhere() -> Iterator[None]:
    """The program is called in an empty folder, and no settings file is named."""
    main = cli.main
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        patched(cli, "main", lambda words: main(words[: words.index("--env-file")])),
    ):
        yield


@contextlib.contextmanager
def in_terminal() -> Iterator[None]:
    """Somebody sits there, who answers every question with the Enter key."""

    class Keyboard(io.StringIO):
        def isatty(self) -> bool:
            return True

    with patched(sys, "stdin", Keyboard("\n" * 20)):
        yield


def no_modes() -> AbstractContextManager[None]:
    """The system lets nobody change the mode of a file."""

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    return patched(Path, "chmod", refuse)


def unsafe() -> AbstractContextManager[None]:
    """What is made of a platform's words is never one SELECT."""

    def refuse(*_: Any, **__: Any) -> None:
        raise SettingsError("query-not-one-select", "sales.sql must hold one SELECT and nothing else: a ;.")

    return patched(shopfolder, "prepare_query", refuse)


def failing(error: BaseException) -> AbstractContextManager[None]:
    """The night fails with this error when its training begins."""

    def fail() -> None:
        raise error

    return at_point("train", "begin", fail)


def failing_fit() -> AbstractContextManager[None]:
    """The library gets no factors out of the sales."""

    def fail(*_: Any, **__: Any) -> None:
        raise ModelFitError("NaN encountered in factors")

    return patched(AlternatingLeastSquares, "fit", fail)


def wants_another_package() -> AbstractContextManager[None]:
    """PyMySQL meets a login for which it needs a package that is not there."""

    def refuse(*_: Any) -> None:
        raise RuntimeError("'cryptography' package is required for sha256_password or caching_sha2_password")

    return patched(pymysql.connections.Connection, "connect", refuse)


@contextlib.contextmanager
def without_pauses() -> Iterator[None]:
    """Nobody waits between two attempts."""
    with patched(retries, "USUAL", dataclasses.replace(retries.USUAL, sleep=lambda _: None)):
        yield


@contextlib.contextmanager
def lost_lock() -> Iterator[None]:
    """The run lock is lost each time when it is looked at: its file is removed, or its connection ended."""
    check_file, check_server = FileLock.check, ServerLock.check

    def removed(self: FileLock) -> None:
        self._path.unlink(missing_ok=True)
        check_file(self)

    def ended(self: ServerLock) -> None:
        self._connection.invalidate()
        check_server(self)

    with (
        without_pauses(),
        patched(FileLock, "check", removed),
        patched(ServerLock, "check", ended),
    ):
        yield


@contextlib.contextmanager
def lost_at_commit(error: Exception) -> Iterator[None]:
    """The connection ends at the commit of the lists, and no other one is to be had."""
    connect, watch, gone = Database.connect, Watch(), []

    def act(_count: int, statement: str) -> None:
        if watch.is_commit(statement):
            gone.append(True)
            raise error

    def connect_if_there(self: Database) -> Any:
        if gone:
            raise DatabaseError("database-unreachable", "The database went away.")
        return connect(self)

    with watched_statements(act), patched(Database, "connect", connect_if_there):
        yield


def no_locks() -> AbstractContextManager[None]:
    """The file system answers as one of a network without its lock service."""

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    return patched(fcntl, "flock", refuse)


def limit_of_addresses(kilobytes: int) -> AbstractContextManager[None]:
    """As `ulimit -v` sets it, as far as we ask for it."""
    return patched(resource, "getrlimit", lambda _: (kilobytes << 10, kilobytes << 10))


def no_threads() -> AbstractContextManager[None]:
    """The system has no thread for the work; the first that is asked for is refused."""

    def refuse(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    return patched(threading.Thread, "start", refuse)


def no_space() -> AbstractContextManager[None]:
    """The system says of every disk that it has a byte left."""
    return patched(shutil, "disk_usage", lambda _: SimpleNamespace(free=1))


def as_root() -> AbstractContextManager[None]:
    """The program takes itself for root's."""
    return patched(os, "geteuid", lambda: 0)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """The program runs as a user who owns nothing; whoever is not root owns little enough."""
    for encoding in ("ascii", "idna", "latin-1", "utf-8-sig"):
        codecs.lookup(encoding)  # their modules, too, are read when they are first asked for
    for module in pkgutil.walk_packages(recommender.__path__, "recommender."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)  # it may not read where the program lies
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    yield


# What goes on outside during the call


@contextlib.contextmanager
def _waiting_run(shop: Shop, fault: Callable[..., Any], **then: str) -> Iterator[None]:
    """Another run of the shop that waits while the block lasts, and then ends well.

    Args:
        shop: both runs are of it.
        fault: where the other run waits.
        then: settings for the block.
    """
    gate = Gate.new()
    folder = shop.folder / "another"
    folder.mkdir()
    call = SimpleNamespace(folder=folder, env_file=shop.env_file)
    with Fork(call, "run", "--as-of", str(DAY), fault=partial(fault, gate.wait)) as fork:
        gate.await_arrival()
        shop.set(**then)
        yield
        gate.opened.set()
        code, said = fork.end()
        assert code == ExitCode.DONE, said


def a_run_in_training(shop: Shop) -> contextlib.AbstractContextManager[None]:
    """Another run trains."""
    return _waiting_run(shop, partial(at_point, "train", "begin"))


def a_run_at_its_end(shop: Shop) -> contextlib.AbstractContextManager[None]:
    """Another run has published and tidies up."""
    return _waiting_run(shop, at_end)


def a_run_from_another_folder(shop: Shop) -> contextlib.AbstractContextManager[None]:
    """A run of another folder, as on another machine, trains for the same tables."""
    return _waiting_run(shop, partial(at_point, "train", "begin"), DATA_DIR="var-of-another")


@contextlib.contextmanager
def _connection(shop: Shop, begin: Sequence[str], end: str) -> Iterator[None]:
    engine = sa.create_engine(shop.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in begin:
            connection.exec_driver_sql(statement)
        yield
        connection.exec_driver_sql(end)


def sales_locked(shop: Shop) -> contextlib.AbstractContextManager[None]:
    """The shop keeps its table of sales locked; SQLite knows only the whole file."""
    begin, end = {
        "sqlite": (["BEGIN EXCLUSIVE"], "ROLLBACK"),
        "postgresql": (["BEGIN", "LOCK TABLE sales IN ACCESS EXCLUSIVE MODE"], "ROLLBACK"),
        "mysql": (["LOCK TABLES sales WRITE"], "UNLOCK TABLES"),
    }[sa.make_url(shop.url).get_backend_name()]
    return _connection(shop, begin, end)


def lists_locked(shop: Shop) -> contextlib.AbstractContextManager[None]:
    """The shop keeps the rows of our table locked."""
    return _connection(shop, ["BEGIN", "SELECT * FROM recommendations FOR UPDATE"], "ROLLBACK")


def lists_read_for_long(shop: Shop) -> contextlib.AbstractContextManager[None]:
    """Somebody reads the lists without end, which on SQLite keeps a commit out."""
    return _connection(shop, ["BEGIN", "SELECT * FROM recommendations"], "ROLLBACK")


# Models


def sha256(content: bytes) -> str:
    """As the manifest has it."""
    return hashlib.sha256(content).hexdigest()


class _Hostile:
    """What, loaded by pickle, ends the process as if all were well."""

    def __reduce__(self) -> Any:
        return os._exit, (0,)


def hostile_model(model: Path) -> bytes:
    """The model with a pickle in the place of an array, which runs code when it is loaded."""
    with np.load(model) as file:
        arrays = dict(file)
    arrays["version"] = np.array([_Hostile()], dtype=object)
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()
