"""`recommend prune`."""

from typing import TYPE_CHECKING

import click

from recommender.commands.common import json_option, print_json, print_line, print_table, settings
from recommender.system.text import Column

if TYPE_CHECKING:
    from recommender.runs.retention import Fate

_COLUMNS = (Column("run"), Column("MB", right=True), Column("why", shortest=20))
_MB = 1e6


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go, and why the rest stays.")
@json_option
def command(*, dry_run: bool, as_json: bool) -> None:
    """Remove the past runs that KEEP_RUNS and KEEP_EXPORT_DAYS no longer ask for; each run does it too."""
    from recommender.operations.prune import prune_runs

    fates = prune_runs(settings(), dry_run=dry_run)
    gone = [(fate, size) for fate, size in fates if fate.goes]
    stay = [(fate, size) for fate, size in fates if not fate.goes]
    if as_json:
        print_json({"dry_run": dry_run, "removed": _as_json(gone), "stays": _as_json(stay)})
        return
    _print("Would be removed:" if dry_run else "Removed:", gone)
    if dry_run:
        _print("Stays:", stay)


def _as_json(fates: "list[tuple[Fate, int]]") -> list[dict[str, object]]:
    return [{"name": fate.name, "bytes": size, "why": fate.why} for fate, size in fates]


def _print(heading: str, fates: "list[tuple[Fate, int]]") -> None:
    print_line(
        f"{heading} {sum(size for _, size in fates) / _MB:,.1f} MB" if fates else f"{heading} nothing."
    )
    if fates:
        rows = [(fate.name, f"{size / _MB:,.1f}", fate.why) for fate, size in fates]
        print_table(_COLUMNS, rows, indent="  ")
