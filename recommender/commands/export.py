"""`recommend export`."""

import datetime as dt

import click

from recommender.commands.common import as_of_option, json_option, print_run, progress, settings


@click.command()
@as_of_option
@json_option
def command(*, as_of: dt.date | None, as_json: bool) -> None:
    """Stage 1: begin a run with the export of the sales; prints the run's id."""
    from recommender.night.run import run_stage
    from recommender.runs.manifest import Stage

    given = settings()
    run = run_stage(given, Stage.EXPORT, as_of=as_of, progress=progress())
    print_run(given, run) if as_json else click.echo(run.run_id)
