"""Work in threads: order, errors, progress, and BLAS at one thread."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from recommender.system import threads
from recommender.system.threads import in_threads


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_parts(threads):
    assert in_threads(lambda part: part * part, 20, threads=threads) == [part * part for part in range(20)]


def test_no_parts_are_no_results():
    assert in_threads(lambda part: part, 0, threads=2) == []


def test_blas_has_one_thread_in_the_parts_only():
    def blas_threads(_part):
        return {api["num_threads"] for api in threadpool_info() if api["user_api"] == "blas"}

    with threadpool_limits(3, "blas"):
        assert in_threads(blas_threads, 2, threads=2) == [{1}, {1}]
        assert blas_threads(0) == {3}


def test_an_error_in_a_part_is_raised():
    def work(part):
        if part == 3:
            raise ValueError("part 3")
        return part

    with pytest.raises(ValueError, match="part 3"):
        in_threads(work, 10, threads=2)


def test_progress_counts_the_parts_and_may_stop_the_work(monkeypatch):
    calls, worked = [], []
    cancelled = threading.Event()

    class Executor(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):  # noqa: FBT002 - the signature of the base class
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            cancelled.set()
            super().shutdown(wait=wait)

    def work(part):
        if part > 2:
            cancelled.wait(10)  # so that the later parts cannot all be done before the work is stopped
        worked.append(part)

    def progress(done, total):
        calls.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(threads, "ThreadPoolExecutor", Executor)
    with pytest.raises(KeyboardInterrupt):
        in_threads(work, 1000, threads=1, progress=progress)
    assert calls == [(1, 1000), (2, 1000)]
    assert len(worked) <= 4
