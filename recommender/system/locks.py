"""A lock file: held by the kernel for a living process, so that a dead one never blocks a run."""

import errno
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from recommender.errors import DatabaseError, LockedError, SettingsError
from recommender.system.files import open_plain

if os.name == "nt":  # pragma: no cover - the tests run on POSIX systems
    import msvcrt

    def _try_lock(file: IO[str]) -> bool:
        # Far behind the content: a locked region cannot be read by others on Windows.
        file.seek(1 << 20)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            raise SettingsError(
                "folder-no-locks",
                f"The file system of the lock file {file.name} has no locks: {error.strerror}.",
                "Put DATA_DIR on a local disk, and a SQLite database too.",
            ) from error
        return True


_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)
"""What a file system without locks answers, as some of networks are."""
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def holder() -> str:
    """This process, as those see it who find a lock taken: host, pid and the time it took the lock."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"host {socket.gethostname()[:24]}, pid {os.getpid()}, since {now}"


class FileLock:
    """A held lock file."""

    def __init__(self, path: Path, file: IO[str]) -> None:
        self._path = path
        self._file = file

    def check(self) -> None:
        """Make sure that others still see the file that we hold.

        Raises:
            DatabaseError: somebody removed or replaced it, so that another run may have begun.
        """
        try:
            same = os.path.samestat(os.fstat(self._file.fileno()), self._path.lstat())
        except FileNotFoundError:
            same = False
        if not same:
            raise DatabaseError(
                "lock-lost",
                f"The lock file {self._path} was removed while this run held it.",
                "Start the run again.",
            )


@contextmanager
def file_lock(path: Path) -> Iterator[FileLock]:
    """Hold the lock file, or fail at once.

    The file stays when the lock is free again: removing it would let two runs hold "the" lock.

    Raises:
        LockedError: another process holds it; says which.
        SettingsError: it is a link or no plain file, or its file system has no locks.
    """
    # Not made anew each time and never truncated before the lock is ours: the holder's words stand in it.
    with _opened(path, os.O_CREAT) as file:
        if not _try_lock(file):
            file.seek(0)
            raise LockedError(
                "another-run",
                f"Another run is going on: {_words(file.read(1000))} holds {path}.",
                "Wait until it has ended; nothing was changed.",
            )
        file.seek(0)
        file.truncate()
        file.write(json.dumps({"holder": holder()}) + "\n")
        file.flush()
        yield FileLock(path, file)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock file; takes it for a moment if none does.

    Where nobody can tell, as on a file system without locks, none does.
    """
    try:
        with _opened(path) as file:
            return not _try_lock(file)
    except (FileNotFoundError, SettingsError):
        return False


def _opened(path: Path, flags: int = 0) -> IO[str]:
    """The file itself, never what a link leads to: others may write to the folder, as beside a database."""
    try:
        descriptor = open_plain(path, os.O_RDWR | flags | _NO_LINK)
    except PermissionError as error:
        if error.errno != errno.EPERM or path.is_file():
            raise
        raise SettingsError(
            "folder-lock-file",
            f"The lock file {path} cannot be used: {error.strerror}.",
            "Remove it, and check who may write to that folder: this program makes a plain file there.",
        ) from error
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise SettingsError(
            "folder-lock-file",
            f"The lock file {path} is a link, and a run would write over what it leads to.",
            "Remove it, and check who may write to that folder: this program makes no link there.",
        ) from error
    # By its path, for messages.
    return open(path, "r+", encoding="utf-8", opener=lambda *_: descriptor)


def _words(content: str) -> str:
    try:
        return str(json.loads(content)["holder"])
    except (ValueError, KeyError, TypeError):
        return "a process that has not said who it is"
