"""`recommend rank`."""

import click

from recommender.commands.common import json_option, print_run, progress, run_option, settings


@click.command()
@run_option
@json_option
def command(*, run_id: str | None, as_json: bool) -> None:
    """Stage 3: make the lists from the model."""
    from recommender.night.run import run_stage
    from recommender.runs.manifest import Stage

    given = settings()
    run = run_stage(given, Stage.RANK, run_id=run_id, progress=progress())
    if as_json:
        print_run(given, run)
