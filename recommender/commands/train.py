"""`recommend train`."""

import click

from recommender.commands.common import ask_options, json_option, print_run, progress, run_option, settings


@click.command()
@run_option
@ask_options
@json_option
def command(*, run_id: str | None, ask: str, as_json: bool) -> None:
    """Stage 2: train the model on the exported sales, or load the last one."""
    from recommender.night.plan import Ask
    from recommender.night.run import run_stage
    from recommender.runs.manifest import Stage

    given = settings()
    run = run_stage(given, Stage.TRAIN, run_id=run_id, ask=Ask(ask), progress=progress())
    if as_json:
        print_run(given, run)
