"""What this process may use of the machine, and what it has used."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from recommender.errors import RecommenderError

_LEAST_ADDRESSES = 512 << 20
_M_ARENA_MAX = -8
"""Of mallopt(3): how many heaps there may be."""


def available_cpus() -> int:
    """Processors this process may use: its affinity and its control group's quota, not the host's number."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, min(affinity, int(quota)) if quota else affinity)


def _cgroup_quota(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> float | None:
    """CPUs by the quota of control groups; None where there is no limit.

    In version 2 our own group and every group above it may have one (`cpu.max`), and the least counts; in a
    container our own is the root. Version 1 keeps it in files of its own.
    """
    try:
        paths = [
            line.removeprefix("0::/") for line in own.read_text().splitlines() if line.startswith("0::/")
        ]
    except OSError:
        paths = []
    group = root / (paths[0] if paths else "")
    groups = [folder for folder in (group, *group.parents) if folder == root or root in folder.parents]
    quotas = [_quota(folder / "cpu.max") for folder in groups]
    quotas.append(_quota(root / "cpu/cpu.cfs_quota_us", root / "cpu/cpu.cfs_period_us"))
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota(*files: Path) -> float | None:
    """The quota by its period, both in microseconds, as they stand in one file or in two."""
    try:
        quota, period = " ".join(file.read_text() for file in files).split()
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # no such file, or "max"
        return None


def simd_extensions() -> list[str]:
    """Extensions of this processor that numpy chooses its loops by, beyond what it takes for granted."""
    import numpy as np

    found = np.show_config(mode="dicts")["SIMD Extensions"]
    return [*found.get("found", [])]


def require_addresses() -> None:
    """Refuse a limit of addresses in which the libraries alone can stand still instead of failing.

    Raises:
        RecommenderError: this process may have fewer than the libraries and their threads take.
    """
    if os.name == "nt":
        return
    import resource

    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most != resource.RLIM_INFINITY and most < _LEAST_ADDRESSES:
        raise RecommenderError(
            "memory-addresses",
            f"Not enough memory: this process may have {most >> 20} MB of addresses (ulimit -v), and the"
            f" libraries alone take {_LEAST_ADDRESSES >> 20}.",
            "Raise that limit, or limit the memory by MAX_MEMORY_MB or a control group.",
        )


def share_one_heap() -> None:
    """Let all threads, and Arrow, take memory from one heap; before any of them has taken some.

    What is freed can then be used by all. The C library (glibc) would give each thread a heap of its own, and
    Arrow would have one beside: a fifth of a night's memory would lie there unused.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    _c_library("mallopt", _M_ARENA_MAX, 1)


def give_back_memory() -> None:
    """Return freed memory to the system, where the C library has a call for it (glibc).

    Otherwise it stays with us between the arrays that live on, and what is measured next counts it.
    """
    _c_library("malloc_trim", 0)


def _c_library(function: str, *arguments: int) -> None:
    """Call a function of the C library, where it has it."""
    import ctypes

    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None)[function](*arguments)


def peak_memory_mb() -> float:
    """Peak resident memory of this process since it began, in MiB, as tools outside see it too."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return round(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024, 1)
    except (OSError, StopIteration):
        if os.name == "nt":
            return 0.0
        import resource

        # Bytes on macOS, KiB elsewhere.
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
