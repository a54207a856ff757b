"""`recommend run`."""

import datetime as dt
import sys
from typing import TYPE_CHECKING

import click

from recommender.commands.common import as_of_option, ask_options, progress, settings
from recommender.system.text import printable

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
def command(*, ask: str, as_of: dt.date | None, dry_run: bool, force: bool) -> None:
    """The night's job: export the sales, train or load, rank, check, publish.

    Silent under cron when all is well; on a terminal it shows the stages and a summary.
    """
    from recommender.night.plan import Ask
    from recommender.night.run import run

    report = run(
        settings(aloud=dry_run),
        ask=Ask(ask),
        as_of=as_of,
        dry_run=dry_run,
        force=force,
        progress=progress(),
    )
    counts = report.run.manifest.counts
    if dry_run:
        click.echo(f"rows      {counts['rows']:,}")
        click.echo(f"customers {counts['customers']:,}")
        _print_changes(report)
        click.echo("Nothing was written to the database.")
        if report.refusal:
            raise report.refusal
    elif sys.stderr.isatty() and not click.get_current_context().meta["recommender.quiet"]:
        _summarise(report)


def _print_changes(report: "NightReport") -> None:
    from recommender.commands.runs import list_changes, print_changes

    if report.changes is not None:
        print_changes(report.changes)
    elif report.lists is not None:
        click.echo(f"Lists: {list_changes(report.lists)}")


def _summarise(report: "NightReport") -> None:
    manifest = report.run.manifest
    click.echo(
        f"Published {manifest.counts['rows']:,} rows for {manifest.counts['customers']:,} customers"
        f" (run {manifest.run_id}, day {manifest.as_of_day}).",
        err=True,
    )
    for warning in manifest.warnings:
        click.echo(printable(f"Warning: {warning}"), err=True)
