"""`recommend status`."""

import datetime as dt
import json
import re
from typing import Any

import click

from recommender.commands.common import printable, settings
from recommender.errors import ExitCode


class _Age(click.ParamType[dt.timedelta]):
    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.timedelta:
        found = re.fullmatch(r"([0-9]{1,5}) *(m|h|d)", str(value))
        if not found:
            self.fail(f"{value!r} is no age; write 26h, 90m or 2d.", param, ctx)
        unit = {"m": "minutes", "h": "hours", "d": "days"}[found[2]]
        return dt.timedelta(**{unit: int(found[1])})


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--max-age", type=_Age(), help="Exit with 3 when what is published is older: 26h, 90m, 2d.")
def command(*, as_json: bool, max_age: dt.timedelta | None) -> ExitCode:
    """How the last run went, and how old what is published is.

    Exits with 3 when it is too old, when the last run failed, or when nothing was ever published.
    """
    from recommender.status import status

    report = status(settings(), now=dt.datetime.now(dt.UTC), max_age=max_age)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False, default=str))
    else:
        _print(report.published, report.last_run)
        for problem in report.problems:
            click.echo(printable(f"Wrong:     {problem}"))
        for warning in report.warnings:
            click.echo(printable(f"Warning:   {warning}"))
    return ExitCode.DONE if report.is_good else ExitCode.REFUSED


def _print(published: dict[str, Any] | None, last_run: dict[str, Any] | None) -> None:
    if published:
        click.echo(
            f"Published: {published['rows_written']:,} rows for {published['customers']:,} customers from"
            f" {published['sales']:,} sales, {published['age_hours']:g} hours ago"
            f" (day {published['as_of']}, {published['method']}, run {published['run_id']})"
        )
    if last_run:
        peak = f", {last_run['peak_mb']:.0f} MB" if last_run["peak_mb"] else ""
        click.echo(f"Last run:  {last_run['run_id']} {last_run['status']}, {last_run['seconds']:.1f} s{peak}")
