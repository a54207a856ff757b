"""`recommend train`."""

import click

from recommender.commands.common import mode_options, progress, run_option, settings


@click.command()
@run_option
@mode_options
def command(*, run_id: str | None, mode: str) -> None:
    """Stage 2: train the model on the exported sales, or load the last one."""
    from recommender import pipeline
    from recommender.runs import Stage

    pipeline.later_stage(
        settings(), Stage.TRAIN, run_id=run_id, mode=pipeline.Mode(mode), progress=progress()
    )
