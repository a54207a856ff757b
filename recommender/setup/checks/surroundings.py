"""What stands around a night: who may read and write it, what starts it, and how the last one went."""

import re
import shutil
import stat
import subprocess
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from recommender.errors import ExitCode
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
from recommender.runs.folder import list_runs
from recommender.runs.hold import require_no_hold
from recommender.settings import Settings
from recommender.setup.checks.findings import Findings

_WAIT_SECONDS = 10
_OTHERS = 0o077
_MAX_AGE = timedelta(hours=26)
_CALL = re.compile(r"\brecommend(er)?\b.*\brun\b")
SYSTEM_CRONTABS = ("/etc/crontab", "/etc/cron.d/*")


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
        if not list_runs(settings.data_dir):
            findings.ok("last run", "There was no night yet: `recommend run` does one.")
            return
        report = status(settings, now=now, max_age=_MAX_AGE)
        for problem in report.problems:
            findings.warn("last run", problem, "`recommend status` and the run's log.jsonl say more.")
        if report.is_good and report.published:
            age = report.published["age_hours"]
            findings.ok("last run", f"The lists are {age:g} hours old (day {report.published['as_of']}).")
