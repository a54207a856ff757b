"""What stands around a night: who can read the secrets, what starts it, and how the last one went."""

import re
import shutil
import stat
import subprocess
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from recommender.checks.findings import Findings
from recommender.errors import ExitCode
from recommender.hold import require_no_hold
from recommender.runs import list_runs
from recommender.settings import SECRETS, Settings
from recommender.status import status

_WAIT_SECONDS = 10
_MAX_AGE = timedelta(hours=26)
_CALL = re.compile(r"\brecommend(er)?\b.*\brun\b")
SYSTEM_CRONTABS = ("/etc/crontab", "/etc/cron.d/*")


def check_secrets(settings: Settings, findings: Findings) -> None:
    """Whether others of the machine can read `.env` and the files of secrets."""
    sources = {settings.sources.get(name, "default") for name in SECRETS} - {"default", "environment"}
    paths = sorted(
        {Path(source) for source in sources} | ({settings.env_file} if settings.env_file else set())
    )
    for path in paths:
        with findings.trying("settings"):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                findings.warn(
                    "settings",
                    f"{path} holds secrets, and others may read or write it (mode {mode:04o}).",
                    f"chmod 600 {path}",
                )
            else:
                findings.ok("settings", f"{path} is private (mode {mode:04o}).")


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
