"""Runs programs and says how long they took, how much memory they had, and what else the machine did."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUSY = 0.3
"""So many cores kept busy by others, beside a database's server, make a figure worthless."""


@dataclass(frozen=True)
class Took:
    """One run of a program."""

    seconds: float
    peak_mb: float
    """peak resident memory of the whole process, MiB"""
    other_cores: float
    """cores that everything else kept busy meanwhile; a database's server counts there"""


def _busy() -> float:
    """CPU seconds of the whole machine since it started."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")  # without idle and waiting


def timed(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    output: Path | None = None,
    allowed: Sequence[int] = (0,),
) -> Took:
    """Run a program to its end.

    Raises:
        RuntimeError: it failed; with what it wrote to its standard error.
    """
    with (output or Path(os.devnull)).open("wb") as out:
        started, busy = time.perf_counter(), _busy()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=None if environment is None else {**environment},
            stdout=out,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None  # noqa: S101 - tells the type checker, nothing else
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in allowed:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {errors.decode(errors='replace')}")
    own = usage.ru_utime + usage.ru_stime
    return Took(seconds, usage.ru_maxrss / 1024, round(max(_busy() - busy - own, 0) / seconds, 2))


def fastest(runs: Sequence[Took]) -> Took:
    """The run that noise lengthened least."""
    return min(runs, key=lambda took: took.seconds)


def last_manifest(folder: Path) -> dict[str, Any]:
    """The record of the newest run of a shop's folder."""
    found: dict[str, Any] = json.loads(newest_run(folder).joinpath("manifest.json").read_text())
    return found


def newest_run(folder: Path) -> Path:
    """Its folder."""
    return max((folder / "var/runs").iterdir())


def python(module: str) -> list[str]:
    """A command that only loads a module."""
    return [sys.executable, "-c", f"import {module}"]
