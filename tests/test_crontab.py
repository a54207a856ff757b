"""crontab.example as cron reads it: it works when it is dropped in."""

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent.parent / "crontab.example"
# minute, hour, day of month, month, day of week
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@dataclass(frozen=True)
class Crontab:
    """What a crontab holds."""

    variables: dict[str, str]
    jobs: list[tuple[tuple[str, ...], str]]


def numbers_of(field: str, first: int, last: int) -> set[int]:
    """The numbers that one field of a schedule stands for, as crontab(5) has it."""
    numbers: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?", part)
        if not match:
            raise ValueError(f"no field of a schedule: {field}")
        start, end, step = match.groups()
        low = int(start) if start else first
        high = int(end) if end else low if start else last
        if not first <= low <= high <= last:
            raise ValueError(f"outside {first}-{last}: {field}")
        numbers.update(range(low, high + 1, int(step or 1)))
    return numbers


def parse(text: str) -> Crontab:
    """A user's crontab; an unescaped % would end the command."""
    variables, jobs = {}, []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        assignment = re.fullmatch(r"\s*(\w+)\s*=\s*(.*?)\s*", line)
        if assignment:
            variables[assignment[1]] = assignment[2]
            continue
        *fields, command = line.split(maxsplit=5)
        if len(fields) != len(RANGES) or "%" in command:
            raise ValueError(f"no job: {line}")
        for field, (first, last) in zip(fields, RANGES, strict=True):
            numbers_of(field, first, last)
        jobs.append((tuple(fields), command))
    return Crontab(variables, jobs)


@pytest.fixture(scope="module")
def crontab() -> Crontab:
    return parse(EXAMPLE.read_text(encoding="utf-8"))


def test_the_night_runs_at_midnight_every_day_nicely_in_the_shops_folder(crontab):
    schedule, command = crontab.jobs[0]
    assert schedule == ("0", "0", "*", "*", "*")
    words = shlex.split(command)
    assert words[0] == "cd"
    assert Path(words[1]).is_absolute()
    assert words[2:] == ["&&", "nice", "-n", "10", "recommend", "run"]


def test_errors_are_mailed_and_programs_are_found(crontab):
    assert re.fullmatch(r"\S+@example\.com", crontab.variables["MAILTO"])
    folders = crontab.variables["PATH"].split(":")
    assert "/usr/bin" in folders
    assert folders[0].endswith("/.venv/bin")
    assert all(Path(folder).is_absolute() for folder in folders)


@pytest.mark.parametrize(("exit_code", "mail"), [("0", ""), ("3", "too old\n")])
def test_only_a_stale_result_is_mailed_in_the_morning(crontab, tmp_path, exit_code, mail):
    program = tmp_path / "recommend"
    program.write_text(
        f"#!/bin/sh\n[ \"$*\" = 'status --max-age 26h' ] || exit 9\necho too old\nexit {exit_code}\n"
    )
    program.chmod(0o700)
    schedule, command = crontab.jobs[1]
    assert schedule == ("0", "8", "*", "*", "*")
    command = command.replace("/srv/shop", str(tmp_path))
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (mail, "")


@pytest.mark.parametrize("line", ["0 0 * * recommend run", "60 0 * * * recommend run", "0 0 * * * date +%F"])
def test_the_parser_finds_faults(line):
    with pytest.raises(ValueError, match=r"no job|outside|no field"):
        parse(line)
