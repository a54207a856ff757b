"""`recommend export`."""

import datetime as dt

import click

from recommender.commands.common import progress, settings


@click.command()
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Read sales up to the end of this day."
)
def command(as_of: dt.datetime | None) -> None:
    """Stage 1: begin a run with the export of the sales; prints the run's id."""
    from recommender import pipeline

    run = pipeline.export_stage(settings(), as_of=as_of.date() if as_of else None, progress=progress())
    click.echo(run.run_id)
