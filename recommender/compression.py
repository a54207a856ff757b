"""Compressing a run's sales beside other work, such as a database's, which leaves a processor idle."""

import gzip
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from recommender.files import atomic_path
from recommender.runs import SALES, Run

_AT_ONCE = 1 << 20


@contextmanager
def compressing_sales(run: Run) -> Iterator[Callable[[], None]]:
    """Compress `sales.csv`, where there is one, while the block is worked through.

    The same sales give the same bytes. A block that does not ask for them leaves the folder as it was.

    Yields:
        To be called for `sales.csv.gz` in the place of `sales.csv`; raises the OSError that prevents it.
    """
    wanted: Future[bool] = Future()
    with ThreadPoolExecutor(1) as executor:
        done = executor.submit(_compress, run, wanted)

        def keep() -> None:
            wanted.set_result(True)
            done.result()

        try:
            yield keep
        finally:
            if not wanted.done():
                wanted.set_result(False)


@contextmanager
def compressed(path: Path) -> Iterator[gzip.GzipFile]:
    """A file to write compressed; the same content gives the same bytes."""
    with (
        path.open("wb") as raw,
        # Level 1: the file is read again at most a few times; no name and time, for equal bytes.
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0) as target,
    ):
        yield target


def _compress(run: Run, wanted: "Future[bool]") -> None:
    plain = run.path(SALES)
    if not plain.is_file():
        return
    with plain.open("rb") as source, atomic_path(run.path(f"{SALES}.gz")) as temporary:
        with compressed(temporary) as target:
            _copy(source, target, wanted)
        if not wanted.result():
            raise CancelledError
    plain.unlink()


def _copy(source: BinaryIO, target: gzip.GzipFile, wanted: "Future[bool]") -> None:
    while block := source.read(_AT_ONCE):
        if wanted.done() and not wanted.result():
            raise CancelledError
        target.write(block)
