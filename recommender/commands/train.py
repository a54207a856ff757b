"""`recommend train`."""

import click

from recommender.commands.common import progress, run_option, settings


@click.command()
@run_option
@click.option("--train", "mode", flag_value="train", help="Train, whatever TRAIN_EVERY_DAYS says.")
@click.option("--load", "mode", flag_value="load", help="Load the newest model and bring it up to date.")
def command(run_id: str | None, mode: str | None) -> None:
    """Stage 2: train the model on the exported sales, or load the last one."""
    from recommender import pipeline
    from recommender.runs import Stage

    pipeline.later_stage(
        settings(), Stage.TRAIN, run_id=run_id, mode=pipeline.Mode(mode or "auto"), progress=progress()
    )
