"""`recommend check`."""

import datetime as dt
import sys
from typing import TYPE_CHECKING

import click

from recommender.commands.common import in_colour, json_option, print_json, progress, settings, width_of
from recommender.errors import ExitCode
from recommender.system.text import folded, printable

if TYPE_CHECKING:
    from recommender.setup.checks import Finding

_WIDTH = 110
"""Cells of a line where there is no terminal."""
_INDENT = 17
_MARKS = {"error": ("ERROR", "red"), "warning": ("warn", None), "ok": ("ok", "green")}
"""Of each level the word and its colour; yellow is not seen on white."""


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
        print_json(report)
        return report.exit_code
    for finding in report.findings:
        _print(finding)
    errors, warnings = (_counted(report.count(level), level) for level in (Level.ERROR, Level.WARNING))
    click.echo()
    if report.exit_code is not ExitCode.DONE:
        code = int(report.exit_code)
        click.echo(f"{errors}, {warnings}: tonight's run would end with code {code}.")
    else:
        click.echo(f"Ready for tonight's run: {warnings}.")
    return report.exit_code


def _print(finding: "Finding") -> None:
    mark, colour = _MARKS[str(finding.level)]
    if in_colour(sys.stdout):
        mark = click.style(f"{mark:<6}", fg=colour, bold=True)
    begin = f"{mark:<6}{finding.area:<11}"
    indent = " " * _INDENT
    lines = _wrapped(printable(finding.what))
    lines += [line for detail in finding.details for line in _wrapped(f"  {printable(detail)}", hang="    ")]
    what_to_do = f"{finding.what_to_do} [{finding.code}]" if finding.code else finding.what_to_do
    lines += [
        f"→ {line}" if i == 0 else f"  {line}" for i, line in enumerate(_wrapped(printable(what_to_do)))
    ]
    for i, line in enumerate(lines):
        click.echo((begin if i == 0 else indent) + line, color=in_colour(sys.stdout))


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _wrapped(text: str, *, hang: str = "") -> list[str]:
    width = (width_of(sys.stdout) or _WIDTH) - _INDENT - len("→ ")
    return folded(text, width, hang=hang) if text else []
