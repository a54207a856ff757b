"""`recommend rollback`."""

from typing import TYPE_CHECKING

import click

from recommender.commands.common import json_option, print_json, print_line, progress, settings

if TYPE_CHECKING:
    from recommender.operations.rollback import RolledBack
    from recommender.settings import Settings


@click.command()
@click.argument("run_id", required=False, metavar="[RUN_ID]")
@click.option(
    "--hold",
    is_flag=True,
    help="Keep nights from publishing until --release; with the RUN_ID shown now, only that.",
)
@click.option("--release", is_flag=True, help="Only end a hold: nights publish again.")
@click.option("--force", is_flag=True, help="Publish although there are too few sales or customers.")
@json_option
def command(*, run_id: str | None, hold: bool, release: bool, force: bool, as_json: bool) -> None:
    """Publish an earlier run's lists again.

    Without RUN_ID the night that was published last before the one whose lists customers see now; called once
    more, the one before that. Items that may no longer be sold are left out, and forgotten customers.
    """
    if release:
        if run_id or hold or force:
            raise click.UsageError("--release stands alone.", click.get_current_context())
        _release(as_json=as_json)
        return
    from recommender.operations.rollback import hold_shown, rollback
    from recommender.runs.hold import RELEASE, find_hold

    given = settings()
    if hold and run_id and hold_shown(given, run_id):
        if as_json:
            _print_json(given, None)
        else:
            print_line(f"Customers see the lists of {run_id} already. {RELEASE}")
        return
    done = rollback(given, run_id=run_id, hold=hold, force=force, progress=progress())
    if as_json:
        _print_json(given, done)
        return
    manifest = done.run.manifest
    print_line(
        f"Customers see the lists of {done.source.run_id} again (day {manifest.as_of_day}):"
        f" {manifest.counts['rows']:,} rows for {manifest.counts['customers']:,} customers."
    )
    if done.dropped:
        print_line(f"{done.dropped:,} rows of items that may not be sold now were left out.")
    for warning in manifest.warnings:
        print_line(f"Warning: {warning}")
    held = find_hold(given.data_dir)
    if held:
        print_line(f"{held.words} {RELEASE}")
    else:
        print_line(
            "The next night publishes new lists; so that it does not:"
            f" `recommend rollback {done.source.run_id} --hold`."
        )


def _release(*, as_json: bool) -> None:
    from recommender.runs.hold import release_hold

    given = settings()
    was_held = release_hold(given.data_dir)
    if as_json:
        _print_json(given, None)
    else:
        print_line("Nights publish again." if was_held else "There is no hold: nights publish.")


def _print_json(given: "Settings", done: "RolledBack | None") -> None:
    from recommender.operations.rollback import report

    print_json(report(given, done))
