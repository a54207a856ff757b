"""Work in threads, with results that do not depend on how many there are."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import scipy.linalg  # noqa: F401 - so that its BLAS, another than numpy's, is among those that are found
from threadpoolctl import ThreadpoolController

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Called with the parts done and the parts in all; what it raises stops the work."""


@cache
def _libraries() -> ThreadpoolController:
    """The libraries with threads of their own; to look for them takes longer than a small shop's work."""
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS at one thread, whatever the environment says.

    Its own threads get in the way of ours, and the number of them changes the last bits of a product.
    """
    with _libraries().limit(limits=1, user_api="blas"):
        yield


def in_threads(
    work: Callable[[int], T], n_parts: int, *, threads: int, progress: Progress | None = None
) -> list[T]:
    """The results of `work(0)` to `work(n_parts - 1)`, in this order.

    The work is done in threads with BLAS held at one thread; numpy lets other threads run meanwhile. Parts
    must not depend on `threads`, then the results do not either. An error, also one that `progress` or a
    signal raises, ends the work after the parts that have begun.
    """
    results: list[T] = []
    with one_blas_thread(), ThreadPoolExecutor(threads) as executor:
        futures = [executor.submit(work, part) for part in range(n_parts)]
        try:
            for future in futures:
                results.append(future.result())
                if progress is not None:
                    progress(len(results), n_parts)
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
    return results
