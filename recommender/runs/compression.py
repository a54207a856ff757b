"""Compressing a run's sales beside other work, such as a database's, which leaves a processor idle."""

import gzip
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from recommender.runs.folder import SALES, Run
from recommender.system.files import atomic_path

_AT_ONCE = 1 << 20
MOST_TIMES = 40
"""So many times its own size what is packed can unpack to; real sales have 10, lists of digits 20."""
_ALWAYS = 1 << 20
"""Bytes that anything may unpack to."""


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


def most_unpacked(packed: int) -> int:
    """Bytes that so many packed bytes may unpack to."""
    return max(MOST_TIMES * packed, _ALWAYS)


def unpacked_size(file: IO[bytes], packed: int) -> tuple[int, int]:
    """Read a gzip file to its end, and keep nothing of it.

    Args:
        file: at its begin.
        packed: how many bytes it has.

    Returns:
        Bytes that it unpacks to, and line ends among them.

    Raises:
        ValueError: it unpacks to more than what is packed can.
        OSError, EOFError, zlib.error: it is damaged.
    """
    size = lines = 0
    with gzip.open(file) as source:
        while block := source.read(_AT_ONCE):
            size, lines = size + len(block), lines + block.count(b"\n")
            if size > most_unpacked(packed):
                raise ValueError(
                    f"it unpacks to more than {MOST_TIMES} times its size, which no sales of ours do"
                )
    return size, lines


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
