"""Work in threads, with results that do not depend on how many there are."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from threadpoolctl import threadpool_limits

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Called with the parts done and the parts in all; what it raises stops the work."""


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS at one thread, whatever the environment says.

    Its own threads get in the way of ours, and the number of them changes the last bits of a product.
    """
    with threadpool_limits(1, "blas"):
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
