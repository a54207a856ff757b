"""`recommend reproduce`."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recommender.commands.common import json_option, print_json, print_line, print_table, progress, settings
from recommender.errors import ExitCode
from recommender.system.text import Column

if TYPE_CHECKING:
    from recommender.operations.reproduce import Reproduction
    from recommender.runs.folder import Run

_COLUMNS = (Column("stage"), Column("what"), Column(""))


@click.command()
@click.argument("run_id", required=False, metavar="[RUN_ID]")
@click.option(
    "--from-archive",
    "archive",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The run of a file that `runs export` made; needs no database. It is unpacked in DATA_DIR.",
)
@click.option("--chain", is_flag=True, help="Train every model that it was made from again, too.")
@json_option
def command(*, run_id: str | None, archive: Path | None, chain: bool, as_json: bool) -> ExitCode:
    """Make a run again from what its folder has, and compare to the byte.

    Says identical, or what differs first and why it can: exit code 3. Publishes and keeps nothing.
    """
    from recommender.operations.reproduce import reproduce

    if (run_id is None) == (archive is None):
        raise click.UsageError("Give a RUN_ID, or --from-archive FILE.", click.get_current_context())
    given = settings(shop=archive is None)
    with _run(given.data_dir, run_id, archive) as (run, data_dir, folder):
        found = reproduce(
            run,
            data_dir=data_dir,
            folder=folder,
            threads=given.threads,
            max_memory_mb=given.max_memory_mb,
            whole_chain=chain,
            progress=progress(),
        )
    if as_json:
        print_json(found.report)
    else:
        _print(found)
    return ExitCode.DONE if found.is_identical else ExitCode.REFUSED


@contextlib.contextmanager
def _run(data_dir: Path, run_id: str | None, archive: Path | None) -> "Iterator[tuple[Run, Path, Path]]":
    """The run, the folder of the runs, and an empty folder to work in; nothing of it stays."""
    from recommender.runs.archive import unpack
    from recommender.runs.folder import named_run
    from recommender.system.files import temporary_folder

    if archive is None:
        run = named_run(data_dir, str(run_id))
        with temporary_folder(data_dir) as folder:
            yield run, data_dir, folder
        return
    was_there = data_dir.exists()
    try:
        with temporary_folder(data_dir) as folder:
            yield unpack(archive, folder / "archive"), folder / "archive", folder / "again"
    finally:
        if not was_there:
            with contextlib.suppress(OSError):
                data_dir.rmdir()


def _print(found: "Reproduction") -> None:
    rows = [(check.stage, check.name, "same" if check.same else "differs") for check in found.checks]
    print_table(_COLUMNS, rows)
    for run_id in found.rebuilt:
        print_line(f"The model of {run_id} was trained again.")
    first = found.first_difference
    if first is None:
        print_line(f"identical: {found.run_id} comes out the same to the byte.")
        return
    print_line(f"differs: {found.run_id} comes out otherwise, first in {first.name} (stage {first.stage}).")
    print_line("Why it can:")
    for cause in found.causes:
        print_line(f"  {cause}")
