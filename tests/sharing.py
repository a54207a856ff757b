"""What all processes of one run of the tests share: what took time to make is made once.

pytest's first process, which with pytest-xdist runs no test itself, makes a folder and holds a pipe open in
it for as long as it lives. Servers that all use end with that pipe, so also when the run is killed.
"""

import fcntl
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_LIFE = "life"

_folder: Path | None = None
_held: list[int] = []


def begin() -> None:
    """In the first process, before any other is started."""
    join(Path(tempfile.mkdtemp(prefix="recommend-tests-")))
    life = folder() / _LIFE
    os.mkfifo(life)
    # For both, or the open would wait for a reader.
    _held.append(os.open(life, os.O_RDWR))


def join(given: Path) -> None:
    """In a process that works for it."""
    global _folder  # noqa: PLW0603 - one for each process, as its working folder is
    _folder = given


def end() -> None:
    """In the first process, after all others: what watches its life ends what was shared."""
    os.close(_held.pop())
    shutil.rmtree(folder(), ignore_errors=True)


def folder() -> Path:
    """The folder of the run."""
    assert _folder, "begin() or join() comes first"
    return _folder


def open_life() -> int:
    """A descriptor to read from: its end comes when the first process is gone."""
    descriptor = os.open(folder() / _LIFE, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


@contextmanager
def alone(name: str) -> Iterator[None]:
    """One process of the run after the other."""
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def once(name: str, make: Callable[[], T]) -> T:
    """What `make` gives to the first process that asks; all get a copy by pickle."""
    path = folder() / f"{name}.pickle"
    with alone(name):
        if not path.exists():
            path.write_bytes(pickle.dumps(make()))
        found: T = pickle.loads(path.read_bytes())
    return found
