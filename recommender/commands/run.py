"""`recommend run`."""

import datetime as dt
import shlex
import sys
from typing import TYPE_CHECKING

import click

from recommender.commands.common import (
    as_of_option,
    ask_options,
    json_option,
    print_run,
    progress,
    settings,
    width_of,
)
from recommender.system.text import folded, printable

if TYPE_CHECKING:
    from recommender.night.run import NightReport


@click.command()
@ask_options
@as_of_option
@click.option("--dry-run", is_flag=True, help="Do all but publish; say what would change.")
@click.option(
    "--force",
    is_flag=True,
    help="Publish although the gate finds too few sales or customers, or a later night.",
)
@json_option
def command(*, ask: str, as_of: dt.date | None, dry_run: bool, force: bool, as_json: bool) -> None:
    """The night's job: export the sales, train or load, rank, check, publish.

    Silent under cron when all is well; on a terminal it shows the stages and a summary.
    """
    from recommender.night.plan import Ask
    from recommender.night.run import run

    given = settings(aloud=dry_run)
    report = run(
        given,
        ask=Ask(ask),
        as_of=as_of,
        dry_run=dry_run,
        force=force,
        progress=progress(),
    )
    if as_json:
        print_run(given, report.run)
    elif dry_run:
        counts = report.run.manifest.counts
        click.echo(f"rows      {counts['rows']:,}")
        click.echo(f"customers {counts['customers']:,}")
        _print_changes(report)
        click.echo("Nothing was written to the database.")
    elif sys.stderr.isatty() and not click.get_current_context().meta["recommender.quiet"]:
        _summarise(report)
    if report.refusal:
        raise report.refusal


def _print_changes(report: "NightReport") -> None:
    from recommender.commands.runs import list_changes, print_changes

    if report.changes is not None:
        print_changes(report.changes)
    elif report.lists is not None:
        click.echo(f"Lists: {list_changes(report.lists)}")


def _summarise(report: "NightReport") -> None:
    from recommender.operations.search import first_customer

    run, manifest = report.run, report.run.manifest
    rows, customers = manifest.counts["rows_recommendations"], manifest.counts["customers"]
    n_more = len({*str(manifest.settings["LISTS"]).split(",")} - {"recommendations"})
    more = f", and {n_more} more lists" if n_more > 1 else ", and 1 more list" if n_more else ""
    _say(f"Published {rows:,} recommendations for {customers:,} customers{more}.")
    customer = first_customer(run)
    if customer is not None:
        _say(f"See one: {shlex.join(['recommend', 'show', customer])}")
    for warning in manifest.warnings:
        _say(f"Warning: {warning}")


def _say(text: str) -> None:
    width = width_of(sys.stderr)
    for line in [text] if width is None else folded(printable(text), width, hang="  "):
        click.echo(printable(line), err=True)
