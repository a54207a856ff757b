"""`recommend train`."""

import click

from recommender.commands.common import ask_options, progress, run_option, settings


@click.command()
@run_option
@ask_options
def command(*, run_id: str | None, ask: str) -> None:
    """Stage 2: train the model on the exported sales, or load the last one."""
    from recommender.night.plan import Ask
    from recommender.night.run import run_stage
    from recommender.runs.manifest import Stage

    run_stage(settings(), Stage.TRAIN, run_id=run_id, ask=Ask(ask), progress=progress())
