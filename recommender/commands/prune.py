"""`recommend prune`."""

from typing import TYPE_CHECKING

import click

from recommender.commands.common import json_option, print_json, print_line, print_table, settings
from recommender.system.text import Column

if TYPE_CHECKING:
    from recommender.operations.prune import PastRun

_COLUMNS = (Column("run"), Column("MB", right=True), Column("why", shortest=20))
_MB = 1e6


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go, and why the rest stays.")
@json_option
def command(*, dry_run: bool, as_json: bool) -> None:
    """Remove the past runs that KEEP_RUNS and KEEP_EXPORT_DAYS no longer ask for; each run does it too."""
    from recommender.operations.prune import prune_runs

    found = prune_runs(settings(), dry_run=dry_run)
    if as_json:
        print_json(found)
        return
    _print("Would be removed:" if dry_run else "Removed:", found.removed)
    if dry_run:
        _print("Stays:", found.stays)


def _print(heading: str, runs: "list[PastRun]") -> None:
    print_line(
        f"{heading} {sum(run['bytes'] for run in runs) / _MB:,.1f} MB" if runs else f"{heading} nothing."
    )
    if runs:
        rows = [(run["name"], f"{run['bytes'] / _MB:,.1f}", run["why"]) for run in runs]
        print_table(_COLUMNS, rows, indent="  ")
