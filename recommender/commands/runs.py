"""`recommend runs`."""

import click

from recommender.commands.common import figure, print_json, print_line, print_table, settings
from recommender.texttable import Column

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
    Column("run", goes=7),
    Column("error", shortest=20, goes=8),
)


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def command(context: click.Context, /, *, as_json: bool) -> None:
    """The past runs of this machine and their figures, the newest first.

    A narrow terminal shows fewer columns; --json has them all.
    """
    if context.invoked_subcommand is not None:
        return
    from recommender.pastruns import past_runs

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
                run["status"],
                *(run["counts"].get(name) for name in ("sales", "customers", "rows")),
                f"{run['seconds']:.1f}",
                None if run["peak_mb"] is None else f"{run['peak_mb']:.0f}",
                run["method"],
                figure(run["quality"].get("ndcg")),
                run["run_id"],
                run["error"],
            )
            for run in runs
        ],
    )
