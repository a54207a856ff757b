"""`recommend publish`."""

import click

from recommender.commands.common import progress, run_option, settings


@click.command()
@run_option
@click.option(
    "--force", is_flag=True, help="Publish although there are too few sales or customers, or a later night."
)
def command(*, run_id: str | None, force: bool) -> None:
    """Stage 4: check the lists and publish them in one transaction."""
    from recommender.night.run import run_stage
    from recommender.runs.manifest import Stage

    run_stage(settings(), Stage.PUBLISH, run_id=run_id, force=force, progress=progress())
