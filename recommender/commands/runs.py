"""`recommend runs`; what changed from one to another is told for `run --dry-run` too."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recommender.commands.common import (
    SuggestingGroup,
    figure,
    json_option,
    print_json,
    print_line,
    print_run,
    print_table,
    settings,
)
from recommender.system.text import Column

if TYPE_CHECKING:
    from recommender.operations.pastruns import RunFigures
    from recommender.runs.diff import Change, DataChanges, ListChanges, RunChanges

_COLUMNS = (
    Column("day"),
    Column("status"),
    Column("sales", right=True, goes=4),
    Column("customers", right=True, goes=5),
    Column("rows", right=True, goes=8),
    Column("seconds", right=True, goes=7),
    Column("peak MB", right=True, goes=10),
    Column("method", goes=6),
    Column("nDCG", right=True, goes=3),
    Column("changed", shortest=16, goes=9),
    Column("run", goes=1),
    Column("error", shortest=20, goes=2),
)
_CHANGES = (Column(""), Column("then"), Column("now"))
_MOST_LETTERS = 40
_FEWEST_IN_A_LINE = 3
_BARS = "▁▂▃▄▅▆▇█"


@click.group(cls=SuggestingGroup, invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, /, *, as_json: bool) -> None:
    """The past runs of this machine, their figures, and what changed from one to the next; newest first.

    A narrow terminal shows fewer columns; --json has them all. Wherever a RUN_ID is wanted, `latest`, or the
    begin or the end of an id, will do.
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
    measured = [run["quality"].get("ndcg") for run in reversed(runs) if run["status"] == "published"]
    known = [value for value in measured if value is not None]
    if len(known) >= _FEWEST_IN_A_LINE:
        print_line(f"nDCG, oldest to newest: {spark_line(known)}  {min(known):.3f} to {max(known):.3f}")


def spark_line(values: Sequence[float]) -> str:
    """The values as a row of bars, the lowest and the highest of which are those of the values."""
    low, high = min(values), max(values)
    if high == low:
        return _BARS[len(_BARS) // 2] * len(values)
    return "".join(_BARS[round((value - low) / (high - low) * (len(_BARS) - 1))] for value in values)


def _quality(run: "RunFigures") -> str | None:
    """nDCG, and how it moved since the run before."""
    found, moved = figure(run["quality"].get("ndcg")), run["ndcg_moved"]
    return found if moved is None else f"{found} ({moved:+.3f})"


def _status(run: "RunFigures") -> str:
    """How it stands, and what else an owner should know before it goes."""
    is_rollback, is_pinned = run["source"] == "rollback", run["pinned"]
    return f"{run['status']}{', rollback' if is_rollback else ''}{', pinned' if is_pinned else ''}"


@command.command()
@click.argument("then", required=False, metavar="[A]")
@click.argument("now", required=False, metavar="[B]")
@json_option
def diff(*, then: str | None, now: str | None, as_json: bool) -> None:
    """What changed from run A to run B: settings, versions, data, lists, quality.

    Without B, from A to the one published last; without both, between the two published last.
    """
    from recommender.operations.pastruns import two_runs
    from recommender.runs.diff import compare_runs

    found = compare_runs(*two_runs(settings(), then, now))
    if as_json:
        print_json(found)
    else:
        print_changes(found)


def print_changes(found: "RunChanges") -> None:
    """All that differs, and last what can have moved the figures."""
    print_line(f"From {found.then} (day {found.days[0]}) to {found.now} (day {found.days[1]}):")
    changes = [*found.settings, *found.versions, *found.program, *found.machine, *found.model, *found.counts]
    if changes:
        print_table(_CHANGES, [(c.name, _short(c.then), _short(c.now)) for c in changes], indent="  ")
    for name in found.queries:
        print_line(f"Query:   {name} is not the same; both are in the folders of the runs.")
    if not found.is_same_rules:
        print_line("Rules:   not the same; rules.csv in the folders of the runs has those of its day.")
    print_line(f"Data:    {_data(found)}")
    print_line(f"Lists:   {list_changes(found.lists) if found.lists else 'not kept on both sides'}")
    print_line(f"Quality: {_moved(found.quality)}")
    if found.quality and found.days[0] != found.days[1]:
        print_line("         (measured on past weeks that end with each run's own day)")
    changed = found.changed
    print_line(f"Changed: {_joined(changed)}." if changed else "Nothing that can move a result has changed.")


def list_changes(found: "ListChanges") -> str:
    """How the lists differ, in a line."""
    if found.changed_share is None:
        return "nobody has one"
    share = found.mean_overlap
    overlap = "" if share is None else f", {100 * share:.0f} % of the items the same"
    return (
        f"{100 * found.changed_share:.1f} % of {found.customers:,} customers' lists differ{overlap};"
        f" {found.new_customers:,} customers new, {found.lost_customers:,} gone"
    )


def _data(found: "RunChanges") -> str:
    if found.data is None:
        kept = "the sales are not kept on both sides"
        return f"the same; {kept}" if found.is_same_data else f"not the same; {kept}"
    return _sales(found.data)


def _sales(data: "DataChanges") -> str:
    return (
        f"sale lines {data.added:,} added, {data.changed:,} changed, {data.removed:,} removed"
        f" ({data.left_window:,} of these older than the window); customers {data.new_customers:,} new,"
        f" {data.lost_customers:,} gone; items {data.new_items:,} new, {data.lost_items:,} gone"
    )


def _moved(changes: "Sequence[Change]") -> str:
    if not changes:
        return "the same"
    return ", ".join(f"{c.name} {figure(c.then) or 'none'} to {figure(c.now) or 'none'}" for c in changes)


def _joined(words: Sequence[str]) -> str:
    return words[0] + " alone" if len(words) == 1 else ", ".join(words)


def _short(value: Any) -> str:
    """A value as one cell."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"


@command.command()
@click.argument("run_id", metavar="RUN_ID")
@json_option
def show(*, run_id: str, as_json: bool) -> None:
    """What is on record of one run. RUN_ID may be `latest`, or the begin or the end of an id."""
    from recommender.operations.pastruns import one_run

    run = one_run(settings(), run_id)
    if as_json:
        print_json(run)
        return
    facts = [
        ("run", run["run_id"]),
        ("day", run["as_of_day"]),
        ("status", _status(run)),
        ("lists of", run["source_run_id"]),
        ("started", run["started_at"]),
        ("ended", run["ended_at"]),
        ("published", run["published_at"]),
        ("exit code", run["exit_code"]),
        ("error", run["error"]),
        ("method", run["method"]),
        ("nDCG", figure(run["quality"].get("ndcg"))),
        ("nDCG of simple lists", figure(run["quality"].get("baseline_ndcg"))),
        ("newest sale", run["newest_sale"]),
        *((f"{name}, seconds", f"{seconds:.1f}") for name, seconds in run["stages"].items()),
        ("peak MB", None if run["peak_mb"] is None else f"{run['peak_mb']:.0f}"),
        *((name.replace("_", " "), count) for name, count in run["counts"].items()),
    ]
    print_table((Column(""), Column("")), [(name, value) for name, value in facts if value is not None])
    for warning in run["warnings"]:
        print_line(f"Warning: {warning}")
    for finding in run["gate"]:
        print_line(f"Gate:    {finding['message']}")


@command.command()
@click.argument("run_id", metavar="RUN_ID")
@json_option
def pin(*, run_id: str, as_json: bool) -> None:
    """Keep a run, with its sales and what its model was made from, whatever its age."""
    _pin(run_id, wanted=True, as_json=as_json)


@command.command()
@click.argument("run_id", metavar="RUN_ID")
@json_option
def unpin(*, run_id: str, as_json: bool) -> None:
    """Let the retention settings decide about a run again."""
    _pin(run_id, wanted=False, as_json=as_json)


def _pin(run_id: str, *, wanted: bool, as_json: bool) -> None:
    from recommender.runs.folder import named_run

    given = settings()
    run = named_run(given.data_dir, run_id)
    run.pin(wanted)
    if as_json:
        print_run(given, run)
        return
    print_line(f"{run.run_id} is {'pinned: it stays' if wanted else 'no longer pinned'}.")


@command.command()
@click.argument("run_id", metavar="RUN_ID")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@json_option
def export(*, run_id: str, file: Path, force: bool, as_json: bool) -> None:
    """Pack a run into one file, for `reproduce --from-archive` elsewhere. It holds what customers bought."""
    import datetime as dt

    from recommender.runs.archive import Exported, Packed, note_exported, pack
    from recommender.runs.folder import iso, named_run

    if file.exists() and not force:
        raise click.UsageError(f"{file} is there already; --force replaces it.", click.get_current_context())
    given = settings()
    run = named_run(given.data_dir, run_id)
    # First, since who is killed while packing leaves a part of it beside its place.
    note_exported(given.data_dir, Exported(run.run_id, str(file.resolve()), iso(dt.datetime.now(dt.UTC))))
    pack(run, file, data_dir=given.data_dir)
    size = file.stat().st_size
    if as_json:
        print_json(Packed(run.run_id, str(file.resolve()), size))
        return
    print_line(f"{run.run_id} is in {file}: {size / 1e6:,.1f} MB.")
