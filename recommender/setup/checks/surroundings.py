"""What stands around a night: disk and memory, who may write, what starts it, and how the last one went."""

import re
import shutil
import stat
import subprocess
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from recommender.errors import ExitCode, RecommenderError
from recommender.night.memory import MB, Size, choose_blocks, needed_bytes, require_memory, size_of
from recommender.night.writers import (
    ROOT,
    Writer,
    beside_shop,
    is_known,
    kept_paths,
    me,
    obeyed,
    root_obeys,
    secret_files,
    user,
    writers,
)
from recommender.operations.status import status
from recommender.runs.history import History
from recommender.runs.hold import require_no_hold
from recommender.settings import Settings
from recommender.setup.checks.findings import Findings

_WAIT_SECONDS = 10
_OTHERS = 0o077
_MAX_AGE = timedelta(hours=26)
_CALL = re.compile(r"\brecommend(er)?\b.*\brun\b")
SYSTEM_CRONTABS = ("/etc/crontab", "/etc/cron.d/*")
SQLITE_MOST_BYTES = 100 * MB
SQLITE_MOST_ROWS = 500_000
"""Up to these a shop on SQLite never waits longer than a second for a night: docs/faults.md."""
_LIST_ROW_BYTES = 60
_PACKED_SHARE = 0.3
"""A compressed export by the plain one."""


def check_secrets(settings: Settings, findings: Findings) -> None:
    """Whether others of the machine can read `.env` and the files of secrets."""
    for path in secret_files(settings):
        with findings.trying("settings"):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & _OTHERS:
                findings.warn(
                    "settings",
                    f"{path} holds secrets, and others may read or write it (mode {mode:04o}).",
                    f"chmod 600 {path}",
                )
            elif not writers([path]):
                findings.ok("settings", f"{path} is private (mode {mode:04o}).")


def check_writers(settings: Settings, findings: Findings) -> bool:
    """Who beside us may write what a night obeys and keeps; whether it may do what it obeys.

    Root does nothing that another user may write: that is an error, here as in the night.
    """
    if not is_known():
        return True
    is_ours = True
    with findings.trying("writers"):
        found = writers(obeyed(settings))
        if found and me() == ROOT:
            findings.error("writers", root_obeys(found))
            is_ours = False
        elif found:
            _warn_of(found, "they choose what a night does, with all the rights that it has", findings)
        _warn_of(
            writers(kept_paths(settings)), "they can change what it keeps, and so what it publishes", findings
        )
        _warn_of(writers(beside_shop(settings)), "they can take the lock or the database file away", findings)
        _check_modes(settings, findings)
        _check_root(settings, findings)
    return is_ours


def _warn_of(found: list[Writer], so: str, findings: Findings) -> None:
    for writer in found:
        findings.warn("writers", f"{writer.words}: {so}.", writer.what_to_do)


def _check_modes(settings: Settings, findings: Findings) -> None:
    """What the program makes there is private; a folder that was there before keeps its mode."""
    for folder in (settings.data_dir, settings.data_dir / "runs"):
        mode = stat.S_IMODE(folder.stat().st_mode) if folder.is_dir() else 0
        if mode & _OTHERS:
            findings.warn(
                "writers",
                f"{folder} was there with mode {mode:04o}: others may look into it.",
                f"chmod 700 {folder}",
            )


def _check_root(settings: Settings, findings: Findings) -> None:
    """After one night of root's, those of the folder's owner end at the lock."""
    folder = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    owner = folder.stat().st_uid
    if me() == ROOT and owner != ROOT:
        findings.warn(
            "writers",
            f"{folder} belongs to {user(owner)}, but this is root: what root writes there belongs to root,"
            " and that user's nights then end with `Permission denied`.",
            f"Let that user run it; after a run as root: chown -R {owner} {folder}",
        )


def check_schedule(findings: Findings, crontabs: Iterable[str] = SYSTEM_CRONTABS) -> None:
    """Whether a line of cron or a timer of systemd starts the night.

    Args:
        findings: takes what was found.
        crontabs: patterns of the system's own tables.
    """
    for place, lines in _tables(crontabs):
        for line in lines:
            if not line.lstrip().startswith("#") and _CALL.search(line):
                # Not the whole line: settings, and so a password, can stand in it.
                moment = " ".join(line.split()[: 1 if line.lstrip().startswith("@") else 5])
                findings.ok("schedule", f"{place} calls `recommend run` at: {moment}")
                return
    for scope in ((), ("--user",)):
        for line in _output("systemctl", *scope, "list-timers", "--all", "--no-legend", "--no-pager"):
            if "recommend" in line:
                findings.ok("schedule", f"systemd has a timer: {' '.join(line.split())}")
                return
    findings.warn(
        "schedule",
        "No line of this user's crontab and no timer of systemd calls `recommend run`.",
        "Copy the lines of crontab.example into `crontab -e`; ignore this where something else starts it.",
    )


def _tables(patterns: Iterable[str]) -> Iterable[tuple[str, list[str]]]:
    yield "The crontab of this user", _output("crontab", "-l")
    for pattern in patterns:
        for path in sorted(Path(pattern).parent.glob(Path(pattern).name)):
            try:
                yield str(path), path.read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError:
                continue  # not for us to read, or a folder


def _output(program: str, *arguments: str) -> list[str]:
    """The lines that a program prints; none where it is not there or fails."""
    path = shutil.which(program)
    if path is None:
        return []
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program and fixed words
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_WAIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines() if done.returncode == ExitCode.DONE else []


def check_hold(settings: Settings, findings: Findings) -> None:
    """Whether tonight's run may publish."""
    with findings.trying("hold"):
        require_no_hold(settings.data_dir)


def check_last_run(settings: Settings, findings: Findings, now: datetime) -> None:
    """How old the lists are, and whether the last night ended well."""
    with findings.trying("last run"):
        if not History.of(settings.data_dir).runs:
            findings.ok("last run", "There was no night yet: `recommend run` does one.")
            return
        report = status(settings, now=now, max_age=_MAX_AGE)
        for problem in report.problems:
            findings.warn("last run", problem, "`recommend status` and the run's log.jsonl say more.")
        if report.good and report.published:
            age = report.published["age_hours"]
            findings.ok("last run", f"The lists are {age:g} hours old (day {report.published['as_of']}).")


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
    there = len(History.of(settings.data_dir).published)
    growth = kept * max(settings.keep_runs - there, 0) // settings.keep_runs
    where = f"{settings.data_dir} needs about {_mb(tonight)} tonight, and {_mb(kept)} for the runs it keeps"
    if free < tonight:
        findings.error(
            "disk",
            RecommenderError(
                "disk-full", f"{where}; {_mb(free)} are free.", "Free some space, or move DATA_DIR."
            ),
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
        require_memory(size, settings)
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
        findings.error("memory", RecommenderError("memory", what, what_to_do))
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
    run = History.of(settings.data_dir).last
    if run is None:
        return None
    peak, then = run.manifest.peak(), size_of(run)
    if not (then.sales and peak):
        return None
    growth = estimated - needed_bytes(then, settings, choose_blocks(then, settings))
    return int(peak * MB) + max(growth, 0)


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
