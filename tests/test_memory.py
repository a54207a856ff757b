"""MAX_MEMORY_MB: the same lists in less memory, or a word before the night begins."""

import dataclasses
import json
import platform
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from recommender.errors import ExitCode, RefusedError
from recommender.learning.sizes import WHOLE
from recommender.night.memory import MB, Size, choose_blocks, needed_bytes, require_memory
from recommender.ranking.scan import exact_products
from recommender.runs.manifest import Status
from recommender.settings import load_settings
from tests.nights import usual_shop

SIZE = Size(2_000_000, 100_000, 20_000)


@pytest.fixture
def shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


@pytest.fixture
def settings(shop):
    return dataclasses.replace(load_settings({}, shop.env_file), factors=64, threads=2)


def limited(settings, mb):
    return dataclasses.replace(settings, max_memory_mb=mb)


def test_without_a_limit_nothing_is_refused_and_blocks_are_whole(settings):
    require_memory(Size(10**12, 10**9, 10**9), settings, source="")
    assert choose_blocks(SIZE, settings) == WHOLE


def test_blocks_shrink_until_the_night_fits(settings):
    # Where lists take the most: few sales and items for so many customers.
    size = Size(500_000, 100_000, 1000)
    whole = needed_bytes(size, settings, WHOLE) // MB
    assert choose_blocks(size, limited(settings, whole + 1)) == WHOLE
    smaller = limited(settings, whole - 1)
    blocks = choose_blocks(size, smaller)
    assert blocks.scores < WHOLE.scores
    assert needed_bytes(size, smaller, blocks) <= smaller.max_memory_mb * MB
    require_memory(size, smaller, source="")


def test_what_fits_with_no_blocks_is_refused_with_the_estimate(settings):
    least = round(needed_bytes(SIZE, settings, WHOLE.halved(5)) / MB)
    require_memory(SIZE, limited(settings, least + 1), source="")
    with pytest.raises(RefusedError, match=rf"about {least:,} MB .*2 sales.* is {least - 1}\. Raise it"):
        require_memory(SIZE, limited(settings, least - 1), source="2 sales")


@pytest.mark.parametrize("more", [{"sales": 1}, {"customers": 1}, {"items": 1}])
def test_more_of_anything_never_needs_less(settings, more):
    grown = Size(**{name: value + 10**6 * more.get(name, 0) for name, value in vars(SIZE).items()})
    assert needed_bytes(grown, settings, WHOLE) >= needed_bytes(SIZE, settings, WHOLE)


def test_a_night_with_a_limit_makes_the_same_lists(shop):
    first = shop.night().manifest.files["recommendations.csv"]
    assert shop.set(MAX_MEMORY_MB=160).night().manifest.files["recommendations.csv"] == first


def test_a_first_night_that_cannot_fit_reads_no_sale(shop):
    said = shop.set(MAX_MEMORY_MB=64).fails(ExitCode.REFUSED, "run")
    assert "before any sale is read" in said
    assert shop.last_run.manifest.status is Status.REFUSED
    assert not shop.last_run.path("sales.csv").exists()


def grow(monkeypatch):
    """Let each sale need so much that a tiny shop is a large one."""
    for name in ("_LOADING", "_TRAINING", "_RANKING"):
        monkeypatch.setattr(f"recommender.night.memory.{name}", 10 * MB)


def test_the_last_night_tells_before_a_sale_is_read(shop, monkeypatch):
    shop.night()
    grow(monkeypatch)
    said = shop.set(MAX_MEMORY_MB=500).fails(ExitCode.REFUSED, "run")
    assert "the last night had 120 sales, 30 customers, 24 items" in said
    assert not shop.last_run.path("sales.csv").exists()


def test_what_the_last_night_had_is_forgotten_where_tonight_reads_other_sales(shop, monkeypatch):
    shop.night()
    grow(monkeypatch)
    said = shop.set(MAX_MEMORY_MB=500, HISTORY_DAYS=36499).fails(ExitCode.REFUSED, "run")
    assert "(120 sales, 24 items)" in said
    assert shop.last_run.path("sales.csv").exists()


def test_check_says_it_too(shop, monkeypatch):
    shop.night()
    grow(monkeypatch)
    outcome = shop.set(MAX_MEMORY_MB=500).recommend("check")
    assert outcome.code is ExitCode.REFUSED
    assert "MAX_MEMORY_MB is 500" in " ".join(outcome.out.split())


# What makes it little

HEAPS = """
import ctypes, threading
from recommender.system.machine import share_one_heap
share_one_heap()
from recommender.system.arrow import pa
threads = [threading.Thread(target=bytearray, args=(100_000,)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(pa.default_memory_pool().backend_name, flush=True)
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has heaps of its own kind")
def test_threads_and_arrow_have_one_heap():
    done = subprocess.run([sys.executable, "-c", HEAPS], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("system\n")
    assert done.stdout.count("<heap nr=") == 1


def test_exact_products_take_no_memory_for_all_numbers_of_all_cells():
    users, items = np.ones((2, 64), np.float32), np.ones((3, 64), np.float32)
    rows = np.arange(1 << 16) % 2
    exact_products(users, items, rows, rows)  # so that nothing is loaded below
    tracemalloc.start()
    try:
        found = exact_products(users, items, rows, rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found == 64).all()
    assert peak < 8 * MB < len(rows) * 64 * 8  # what all of them would take


# The record of what was used

BEFORE = 200
"""MiB that a process takes before its first stage, and gives back: more than all its stages."""
NIGHT = f"""
import sys
from recommender.cli import main
block = bytearray(b"x") * ({BEFORE} << 20)
del block
main(sys.argv[1:])
"""
TOLD = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-c", *sys.argv[1:]])
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""


def told_by_the_system(shop, *call):
    """The peak that the parent of a call is told, in MiB; a child begins with its parent's memory."""
    words = [sys.executable, "-c", TOLD, NIGHT, "--env-file", str(shop.env_file), *call]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    code, peak = done.stdout.split()
    assert int(code) == ExitCode.DONE, done.stderr
    return float(peak)


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere the system tells the same figure to us, in other units"
)
def test_the_record_has_the_peak_that_the_system_tells(shop):
    told = told_by_the_system(shop, "run", "--as-of", "2026-03-01")
    assert told > BEFORE
    assert shop.last_run.manifest.peak_mb == pytest.approx(told, rel=0.03)
    said = json.loads(shop.does("runs", "--json"))
    assert said[0]["peak_mb"] == shop.last_run.manifest.peak_mb


def test_stages_of_their_own_leave_the_highest_peak(shop, monkeypatch):
    peaks = {"export": 30.0, "train": 50.0, "rank": 40.0}
    for stage, peak in peaks.items():
        monkeypatch.setattr("recommender.system.machine.peak_memory_mb", lambda peak=peak: peak)
        shop.does(stage, *(["--as-of", "2026-03-01"] if stage == "export" else []))
    assert shop.last_run.manifest.peak_mb == 50.0
    assert {name: stage.peak_mb for name, stage in shop.last_run.manifest.stages.items()} == peaks


def test_a_record_of_an_earlier_version_is_read_and_its_peak_is_that_of_its_stages(shop):
    run = shop.night()
    path = run.path("manifest.json")
    data = json.loads(path.read_text(encoding="utf-8"))
    del data["peak_mb"]
    data["stages"]["rank"]["peak_mb"] = 12345.0
    path.write_text(json.dumps(data), encoding="utf-8")
    assert shop.last_run.manifest.peak_mb is None
    assert shop.last_run.manifest.peak() == 12345.0
    assert json.loads(shop.does("runs", "--json"))[0]["peak_mb"] == 12345.0
    assert "12345" in shop.does("status")
