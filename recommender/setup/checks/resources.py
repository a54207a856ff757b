"""What tonight's run will need of disk and memory, for a shop of this size, against what is free."""

import shutil
from pathlib import Path

from recommender.errors import RecommenderError
from recommender.night.memory import MB, Size, choose_blocks, needed_bytes, require_memory, size_of
from recommender.runs.folder import list_runs, published_runs
from recommender.settings import Settings
from recommender.setup.checks.findings import Findings

SQLITE_MOST_BYTES = 100 * MB
SQLITE_MOST_ROWS = 500_000
"""Up to these a shop on SQLite never waits longer than a second for a night: docs/faults.md."""
_LIST_ROW_BYTES = 60
_PACKED_SHARE = 0.3
"""A compressed export by the plain one."""


def check_disk(
    size: Size,
    settings: Settings,
    findings: Findings,
    *,
    export_bytes: int,
    copied_bytes: int = 0,
    free: int | None = None,
) -> None:
    """Whether the folder of runs has room for tonight and for the runs that are kept.

    Args:
        size: of the shop.
        settings: where the runs are and how many are kept.
        findings: takes what was found.
        export_bytes: of sales.csv and items.csv.
        copied_bytes: of the SQLite file that is copied for the export, 0 for other databases.
        free: bytes; default those of the folder's disk.
    """
    free = shutil.disk_usage(settings.data_dir).free if free is None else free
    model = (size.customers + size.items) * (settings.factors * 4 + 40)
    # Two lists for each customer, two for each item.
    lists = 2 * (size.customers + size.items) * settings.top_n * _LIST_ROW_BYTES
    # The lists are there twice while they are put into the tables.
    tonight = export_bytes + copied_bytes + model + 2 * lists
    per_day = int(_PACKED_SHARE * export_bytes)
    kept = settings.keep_runs * (model + lists) + settings.keep_export_days * per_day
    there = len(published_runs(list_runs(settings.data_dir)))
    growth = kept * max(settings.keep_runs - there, 0) // settings.keep_runs
    where = f"{settings.data_dir} needs about {_mb(tonight)} tonight, and {_mb(kept)} for the runs it keeps"
    if free < tonight:
        findings.error(
            "disk",
            RecommenderError(f"{where}; {_mb(free)} are free.", "Free some space, or move DATA_DIR."),
        )
    elif free < tonight + growth:
        findings.warn("disk", f"{where}; {_mb(free)} are free.", "Lower KEEP_RUNS or KEEP_EXPORT_DAYS.")
    else:
        findings.ok("disk", f"{where}; {_mb(free)} are free.")


def check_memory(
    size: Size, settings: Settings, findings: Findings, *, memory: tuple[int, int] | None = None
) -> None:
    """Whether the machine has the memory for tonight; the last night's own peak is the better estimate.

    Args:
        size: of the shop.
        settings: of the model.
        findings: takes what was found.
        memory: bytes that are available now, and the most that this process may ever have; default those of
            the machine and its control groups.
    """
    memory = available_memory() if memory is None else memory
    with findings.trying("memory"):
        require_memory(size, settings, source=size.words)
    estimated = needed_bytes(size, settings, choose_blocks(size, settings))
    measured = _last_peak(settings, estimated)
    source = "estimated" if measured is None else "as measured in the last night"
    needed = measured or estimated
    what = f"Tonight needs about {_mb(needed)} of memory ({source})"
    if memory is None:
        findings.ok("memory", f"{what}.")
        return
    now, most = memory
    what += f"; {_mb(now)} are available now, of {_mb(most)}."
    what_to_do = "Lower HISTORY_DAYS or FACTORS, add memory, or run it where there is more."
    if needed > most:
        findings.error("memory", RecommenderError(what, what_to_do))
    elif needed > now:
        findings.warn("memory", what, what_to_do)
    else:
        findings.ok("memory", what)


def check_waits(
    findings: Findings, *, shop: Path | None, target: Path | None, rows: int, file_bytes: int | None = None
) -> None:
    """Whether a shop on SQLite has to wait while a night reads or writes its file.

    Args:
        findings: takes what was found.
        shop: the SQLite file that the sales are in, None where it is none.
        target: the SQLite file that the lists are in, None where it is none.
        rows: of the lists in it.
        file_bytes: of the shop's file; default as it is.
    """
    causes = []
    if shop is not None:
        file_bytes = shop.stat().st_size if file_bytes is None else file_bytes
        if file_bytes > SQLITE_MOST_BYTES:
            causes.append(f"{shop} has {_mb(file_bytes)}")
    if target is not None and rows > SQLITE_MOST_ROWS:
        causes.append(f"the lists in {target} have {rows:,} rows")
    if causes:
        findings.warn(
            "waits",
            f"{' and '.join(causes)}: while a night reads or writes, the shop may wait for longer than a"
            f" second (on SQLite that is above {_mb(SQLITE_MOST_BYTES)} or {SQLITE_MOST_ROWS:,} rows).",
            "Let the night run when few visitors come, lower TOP_N, make fewer LISTS, or move to PostgreSQL"
            " or MariaDB.",
        )


def _last_peak(settings: Settings, estimated: int) -> int | None:
    """The peak of the last published run, grown as the estimate has since, in bytes."""
    for run in published_runs(list_runs(settings.data_dir))[-1:]:
        peak, then = run.manifest.peak(), size_of(run)
        if then.sales and peak:
            growth = estimated - needed_bytes(then, settings, choose_blocks(then, settings))
            return int(peak * MB) + max(growth, 0)
    return None


def available_memory(
    *,
    info: Path = Path("/proc/meminfo"),
    root: Path = Path("/sys/fs/cgroup"),
    own: Path = Path("/proc/self/cgroup"),
) -> tuple[int, int] | None:
    """Bytes of memory that are available now, and the most there ever are; None where no file tells.

    Limits of control groups (version 2: our own and every one above it) count where they are less.
    """
    try:
        lines = [line.split() for line in info.read_text(encoding="ascii", errors="replace").splitlines()]
        found = {line[0].rstrip(":"): int(line[1]) * 1024 for line in lines if len(line) > 1}
        now, most = found["MemAvailable"], found["MemTotal"]
    except (OSError, ValueError, KeyError):
        return None
    try:
        paths = [line[3:] for line in own.read_text(encoding="utf-8").splitlines() if line.startswith("0::")]
    except OSError:
        paths = []
    group = root / (paths[0].lstrip("/") if paths else "")
    for folder in (group, *group.parents):
        if folder != root and root not in folder.parents:
            break
        try:
            limit = int((folder / "memory.max").read_text(encoding="ascii"))
            used = int((folder / "memory.current").read_text(encoding="ascii"))
        except (OSError, ValueError):  # no such file, or "max"
            continue
        now, most = min(now, max(limit - used, 0)), min(most, limit)
    return now, most


def _mb(size: int) -> str:
    return f"{size / MB:,.0f} MB" if size < 10 * 1024 * MB else f"{size / (1024 * MB):,.0f} GB"
