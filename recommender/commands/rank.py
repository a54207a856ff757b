"""`recommend rank`."""

import click

from recommender.commands.common import progress, run_option, settings


@click.command()
@run_option
def command(run_id: str | None) -> None:
    """Stage 3: make the lists from the model."""
    from recommender.night.run import run_stage
    from recommender.runs.manifest import Stage

    run_stage(settings(), Stage.RANK, run_id=run_id, progress=progress())
