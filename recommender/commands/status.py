"""`recommend status`."""

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import click

from recommender.commands.common import figure, json_option, print_json, print_line, print_table, settings
from recommender.errors import ExitCode
from recommender.system.text import Column

if TYPE_CHECKING:
    from recommender.operations.status import StatusReport


class _Age(click.ParamType[dt.timedelta]):
    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.timedelta:
        found = re.fullmatch(r"([0-9]{1,5}) *(m|h|d)", str(value))
        if not found:
            self.fail(f"{value!r} is not an age. Write it like 26h, 90m or 2d.", param, ctx)
        unit = {"m": "minutes", "h": "hours", "d": "days"}[found[2]]
        return dt.timedelta(**{unit: int(found[1])})


@click.command()
@json_option
@click.option("--max-age", type=_Age(), help="Exit with 3 when what is published is older: 26h, 90m, 2d.")
def command(*, as_json: bool, max_age: dt.timedelta | None) -> ExitCode:
    """What happened last night, how old what is published is, and what is wrong since when.

    Exits with 3 when it is too old, when the last run failed, or when nothing was ever published.
    """
    from recommender.operations.status import status

    given = settings()
    report = status(given, now=dt.datetime.now(dt.UTC), max_age=max_age)
    if as_json:
        print_json(report)
    else:
        _print(report, given.shop_timezone)
    return ExitCode.DONE if report.good else ExitCode.REFUSED


def _print(report: "StatusReport", zone: dt.tzinfo) -> None:
    print_line(report.summary)
    if report.quality:
        print_line(report.quality)
    for problem in report.problems:
        print_line(f"Wrong:   {problem}")
    if report.wrong_since:
        since = dt.datetime.fromisoformat(report.wrong_since).astimezone(zone)
        print_line(f"Since:   {since:%Y-%m-%d %H:%M} ({zone})")
    for warning in report.warnings:
        print_line(f"Warning: {warning}")
    if report.going_on:
        print_line(f"Now:     the run {report.going_on} is going on.")
    _print_figures(report)


def _print_figures(report: "StatusReport") -> None:
    """What is published beside the last run; one column where they are the same."""
    names = ["run", "day", "status", "method", "nDCG", "nDCG of simple lists", "weights"]
    names += ["sales", "items", "customers", "rows", "seconds", "peak MB"]
    shown: dict[str, list[object]] = {}
    published, last = report.published, report.last_run
    if published and (last is None or last["run_id"] != published["run_id"]):
        values = [published["run_id"], published["as_of"], "published", published["method"]]
        counts = [published[name] for name in ("sales", "items", "customers", "rows_written")]
        values += [figure(published["ndcg"]), figure(published["baseline_ndcg"]), None]
        shown["published"] = [*values, *counts, None, None]
    if last:
        counts = [last["counts"].get(name) for name in ("sales", "items", "customers", "rows")]
        peak = None if last["peak_mb"] is None else f"{last['peak_mb']:.0f}"
        values = [last[name] for name in ("run_id", "as_of_day", "status", "method")]
        values += [figure(last["quality"].get(name)) for name in ("ndcg", "baseline_ndcg")]
        values.append(_weights(last["choice"]))
        shown["last run"] = [*values, *counts, f"{last['seconds']:.1f}", peak]
    if shown:
        print_line()
        columns = [Column(""), *(Column(heading) for heading in shown)]
        print_table(columns, [*zip(names, *shown.values(), strict=True)])


def _weights(choice: dict[str, Any]) -> str | None:
    """Where the blend's weights are from."""
    if not choice:
        return None
    return f"learned on {choice['as_of_day']}" if choice["learned"] else "the defaults"
