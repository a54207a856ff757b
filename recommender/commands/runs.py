"""`recommend runs`."""

from pathlib import Path
from typing import Any

import click

from recommender.commands.common import figure, print_json, print_line, print_table, settings
from recommender.system.text import Column

_COLUMNS = (
    Column("day"),
    Column("status"),
    Column("sales", right=True, goes=1),
    Column("customers", right=True, goes=2),
    Column("rows", right=True, goes=3),
    Column("seconds", right=True, goes=4),
    Column("peak MB", right=True, goes=5),
    Column("method", goes=6),
    Column("nDCG", right=True, goes=9),
    Column("changed", shortest=16, goes=10),
    Column("run", goes=7),
    Column("error", shortest=20, goes=8),
)


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def command(context: click.Context, /, *, as_json: bool) -> None:
    """The past runs of this machine, their figures, and what changed from one to the next; newest first.

    A narrow terminal shows fewer columns; --json has them all.
    """
    if context.invoked_subcommand is not None:
        return
    from recommender.operations.pastruns import past_runs

    given = settings()
    runs = past_runs(given)
    if as_json:
        print_json(runs)
        return
    if not runs:
        print_line(f"There are no runs in {given.data_dir} yet: `recommend run`.")
        return
    print_table(
        _COLUMNS,
        [
            (
                run["as_of_day"],
                _status(run),
                *(run["counts"].get(name) for name in ("sales", "customers", "rows")),
                f"{run['seconds']:.1f}",
                None if run["peak_mb"] is None else f"{run['peak_mb']:.0f}",
                run["method"],
                _quality(run),
                ", ".join(run["changed"]) or None,
                run["run_id"],
                run["error"],
            )
            for run in runs
        ],
    )


def _quality(run: dict[str, Any]) -> str | None:
    """nDCG, and how it moved since the run before."""
    found, moved = figure(run["quality"].get("ndcg")), run["ndcg_moved"]
    return found if moved is None else f"{found} ({moved:+.3f})"


def _status(run: dict[str, Any]) -> str:
    """How it stands, and what else an owner should know before it goes."""
    is_rollback, is_pinned = run["source"] == "rollback", run["pinned"]
    return f"{run['status']}{', rollback' if is_rollback else ''}{', pinned' if is_pinned else ''}"


@command.command()
@click.argument("then", required=False, metavar="[A]")
@click.argument("now", required=False, metavar="[B]")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def diff(*, then: str | None, now: str | None, as_json: bool) -> None:
    """What changed from run A to run B: settings, versions, data, lists, quality.

    Without B, from A to the one published last; without both, between the two published last.
    """
    from recommender.commands.changes import print_changes
    from recommender.operations.pastruns import two_runs
    from recommender.runs.diff import compare_runs

    found = compare_runs(*two_runs(settings(), then, now))
    if as_json:
        print_json(found.as_json)
    else:
        print_changes(found)


@command.command()
@click.argument("run_id", metavar="RUN_ID")
def pin(*, run_id: str) -> None:
    """Keep a run, with its sales and what its model was made from, whatever its age."""
    _pin(run_id, wanted=True)


@command.command()
@click.argument("run_id", metavar="RUN_ID")
def unpin(*, run_id: str) -> None:
    """Let the retention settings decide about a run again."""
    _pin(run_id, wanted=False)


def _pin(run_id: str, *, wanted: bool) -> None:
    from recommender.runs.folder import find_run

    find_run(settings().data_dir, run_id).pin(wanted)
    print_line(f"{run_id} is {'pinned: it stays' if wanted else 'no longer pinned'}.")


@command.command()
@click.argument("run_id", metavar="RUN_ID")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def export(*, run_id: str, file: Path, force: bool) -> None:
    """Pack a run into one file, for `reproduce --from-archive` elsewhere. It holds what customers bought."""
    import datetime as dt

    from recommender.runs.archive import Exported, note_exported, pack
    from recommender.runs.folder import find_run, iso

    if file.exists() and not force:
        raise click.UsageError(f"{file} is there already; --force replaces it.", click.get_current_context())
    given = settings()
    run = find_run(given.data_dir, run_id)
    # First, since who is killed while packing leaves a part of it beside its place.
    note_exported(given.data_dir, Exported(run_id, str(file.resolve()), iso(dt.datetime.now(dt.UTC))))
    pack(run, file, data_dir=given.data_dir)
    print_line(f"{run_id} is in {file}: {file.stat().st_size / 1e6:,.1f} MB.")
