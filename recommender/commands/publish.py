"""`recommend publish`."""

import click

from recommender.commands.common import json_option, print_run, progress, run_option, settings


@click.command()
@run_option
@click.option(
    "--force", is_flag=True, help="Publish although there are too few sales or customers, or a later night."
)
@json_option
def command(*, run_id: str | None, force: bool, as_json: bool) -> None:
    """Stage 4: check the lists and publish them in one transaction."""
    from recommender.night.run import run_stage
    from recommender.runs.manifest import Stage

    given = settings()
    run = run_stage(given, Stage.PUBLISH, run_id=run_id, force=force, progress=progress())
    if as_json:
        print_run(given, run)
