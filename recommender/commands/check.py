"""`recommend check`."""

import datetime as dt
import os
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from recommender.commands.common import json_option, print_json, progress, settings
from recommender.errors import ExitCode
from recommender.system.text import printable

if TYPE_CHECKING:
    from recommender.setup.checks import Finding

_WIDTH = 110
_MARKS = {"error": ("ERROR", "red"), "warning": ("warn", "yellow"), "ok": ("ok", "green")}


@click.command()
@json_option
def command(*, as_json: bool) -> ExitCode:
    """Try everything that a night needs, and tell all findings at once, worst first.

    Reads the sales as a night does, and leaves nothing behind but its lock files. Exits as tonight's run
    would, and with 0 when there are only warnings.
    """
    from recommender.setup.checks import Level, check

    report = check(settings, now=dt.datetime.now(dt.UTC), progress=progress())
    if as_json:
        print_json(report.as_json())
        return report.exit_code
    for finding in report.findings:
        _print(finding)
    errors, warnings = (_counted(report.count(level), level) for level in (Level.ERROR, Level.WARNING))
    click.echo()
    if report.exit_code is not ExitCode.DONE:
        code = int(report.exit_code)
        click.echo(f"{errors}, {warnings}: tonight's run would end with code {code}.")
    else:
        click.echo(f"{warnings}: tonight's run can come.")
    return report.exit_code


def _print(finding: "Finding") -> None:
    mark, colour = _MARKS[str(finding.level)]
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        mark = click.style(f"{mark:<6}", fg=colour, bold=True)
    begin = f"{mark:<6}{finding.area:<11}"
    indent = " " * 17
    lines = _wrapped(printable(finding.what))
    lines += [f"  {printable(detail)}" for detail in finding.details]
    lines += [
        f"→ {line}" if i == 0 else f"  {line}"
        for i, line in enumerate(_wrapped(printable(finding.what_to_do)))
    ]
    for i, line in enumerate(lines):
        click.echo((begin if i == 0 else indent) + line)


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _wrapped(text: str) -> list[str]:
    # Paths and addresses stay whole, so that they can be copied.
    return textwrap.wrap(text, _WIDTH - 17, break_long_words=False, break_on_hyphens=False)
