"""`recommend export`."""

import datetime as dt

import click

from recommender.commands.common import as_of_option, progress, settings


@click.command()
@as_of_option
def command(as_of: dt.date | None) -> None:
    """Stage 1: begin a run with the export of the sales; prints the run's id."""
    from recommender.night.run import run_stage
    from recommender.runs.manifest import Stage

    run = run_stage(settings(), Stage.EXPORT, as_of=as_of, progress=progress())
    click.echo(run.run_id)
