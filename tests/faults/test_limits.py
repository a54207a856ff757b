"""Limits of the machine: no memory, by an error or by the system; files that may not grow."""

import contextlib
import os
import resource
import subprocess
import sys
from functools import partial

import pytest

from recommender.errors import ExitCode
from recommender.runs.manifest import Status
from tests.faults.injection import at_point, forked
from tests.faults.support import NIGHT, few, leftovers, lengths


@contextlib.contextmanager
def limited(kind, number):
    """The system gives this process no more; the fork that it is for ends with it."""
    resource.setrlimit(kind, (number, number))
    yield


def use_up_memory():
    raise MemoryError


def take_all_addresses():
    """The limit is what is in use already and a little: whatever comes next is too much."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - Path.open would want memory of its own
        in_use = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use, in_use))
    bytearray(1 << 30)


@pytest.mark.parametrize("stage", few(["export", "train", "rank", "publish"]))
@pytest.mark.parametrize("how", [use_up_memory, take_all_addresses])
def test_without_memory_the_night_ends_in_order(sqlite_shop, stage, how):
    code, said = forked(sqlite_shop, *NIGHT, fault=partial(at_point, stage, "begin", how))
    assert code == ExitCode.UNEXPECTED, said
    assert said.count("\n") == 1
    assert "memory" in said.lower()
    assert sqlite_shop.last_run.manifest.status is Status.FAILED
    assert lengths(sqlite_shop) == {3}
    assert leftovers(sqlite_shop) == []
    sqlite_shop.night()
    assert lengths(sqlite_shop) == {5}


@pytest.mark.parametrize("size", few([500, 2500, 20_000]))
def test_files_that_may_not_grow_end_the_night_in_order(sqlite_shop, size):
    fault = partial(limited, resource.RLIMIT_FSIZE, size)
    code, said = forked(sqlite_shop, *NIGHT, fault=fault)
    assert code in (ExitCode.UNEXPECTED, ExitCode.DATABASE), said
    assert lengths(sqlite_shop) == {3}
    sqlite_shop.night()
    assert lengths(sqlite_shop) == {5}
    assert leftovers(sqlite_shop) == []


LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]) << 10,) * 2)
os.execv(sys.executable, [sys.executable, "-m", "recommender", *sys.argv[2:]])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("kilobytes", [200_000, 300_000, 400_000, 520_000])
def test_a_limit_of_addresses_is_no_interrupt_and_never_holds_a_night(sqlite_shop, kilobytes):
    """Where OpenBLAS gets no thread it sends its own process SIGINT; other libraries wait for ever."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    words = ["--env-file", str(sqlite_shop.env_file), *NIGHT]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(kilobytes), *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == ExitCode.UNEXPECTED, done.stderr
    assert "Not enough memory" in done.stderr
    assert "Interrupted" not in done.stderr
    assert lengths(sqlite_shop) == {3}


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells a process's threads on Linux")
def test_openblas_is_told_to_start_no_thread_before_it_is_loaded():
    code = (
        "import os, pathlib; from recommender.system.kernel import pin_kernel\n"
        "pin_kernel(pathlib.Path('none'))\n"
        "import numpy, scipy.linalg\n"
        "print(len(os.listdir('/proc/self/task')))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
