"""`recommend forget`."""

import sys
from typing import TYPE_CHECKING

import click

from recommender.commands.common import KeyCommand, json_option, print_json, print_line, progress, settings
from recommender.errors import ExitCode
from recommender.system.text import shortened

if TYPE_CHECKING:
    from recommender.operations.forget import Forgetting
    from recommender.operations.whom import Whom
    from recommender.runs.folder import Run
    from recommender.settings import Settings


@click.command(cls=KeyCommand)
@click.argument("customer", required=False, metavar="[CUSTOMER]")
@click.option(
    "--guest-email", metavar="ADDRESS", help="A guest, who has no key, by the address of the orders."
)
@click.option("--yes", is_flag=True, help="Do not ask on a terminal.")
@click.option("--even-unknown", is_flag=True, help="Also a customer whom nothing knows.")
@click.option("--undo", is_flag=True, help="Take a customer back: later nights read them again.")
@click.option("--retrain", is_flag=True, help="Then do a night with a training from nothing, and publish it.")
@json_option
def command(
    *,
    customer: str | None,
    guest_email: str | None,
    yes: bool,
    even_unknown: bool,
    undo: bool,
    retrain: bool,
    as_json: bool,
) -> ExitCode:
    """Erase a customer from tables, exports, lists and models, and never read them again.

    What the shop itself keeps is not touched. Only a keyed hash stays, in the table forgotten_customers, by
    which every later export, rollback and load leaves them out. Archives that hold the customer are listed
    for you to delete; as long as one is there, the exit code is 3. Without CUSTOMER all who were forgotten
    before are erased once more: do that after a backup of DATA_DIR came back. On a terminal it shows what
    there is of the customer, and asks.
    """
    from recommender.operations.forget import forget
    from recommender.operations.whom import find_whom

    context = click.get_current_context()
    if customer is not None and guest_email is not None:
        raise click.UsageError("Give a CUSTOMER or --guest-email, not both.", context)
    is_one = customer is not None or guest_email is not None
    if (undo or even_unknown) and not is_one:
        raise click.UsageError("Give a CUSTOMER or --guest-email.", context)
    if undo and (even_unknown or retrain):
        raise click.UsageError("--undo stands alone.", context)
    if as_json and is_one and not (undo or yes) and sys.stdin.isatty():
        raise click.UsageError("--json asks nothing: give --yes too.", context)
    given = settings()
    if undo:
        _take_back(given, customer, guest_email, as_json=as_json)
        return ExitCode.DONE
    whom = None
    if is_one:
        whom = find_whom(given, customer, guest_email=guest_email, even_unknown=even_unknown)
        if not yes and sys.stdin.isatty() and not _is_meant(whom):
            print_line("Nothing was changed.")
            return ExitCode.REFUSED
    done = forget(given, whom)
    if as_json:
        from recommender.operations.pastruns import one_run

        try:
            done.run = one_run(given, _retrain(given).run_id) if retrain else None
        finally:  # what was erased is told even where the night then fails
            print_json(done)
        return _exit_code(done)
    _print(done)
    if retrain:
        run = _retrain(given)
        rows = run.manifest.counts["rows"]
        print_line(f"Trained from nothing and published: {rows:,} rows (run {run.run_id}).")
    else:
        print_line(
            "The factors of the items keep an indirect trace until the next night, which trains from nothing;"
            " --retrain does it now. The models of earlier nights go with KEEP_RUNS."
        )
    return _exit_code(done)


def _exit_code(done: "Forgetting") -> ExitCode:
    return ExitCode.REFUSED if done.unread or done.archives else ExitCode.DONE


def _is_meant(whom: "Whom") -> bool:
    """Show what there is of a customer, and ask."""
    print_line(f"Customer {', '.join(map(shortened, whom.keys))}:")
    print_line(f"  {whom.sales:,} sale lines in the newest export that is kept")
    for table, rows in whom.rows.items():
        print_line(f"  {table}: {rows:,} rows")
    return click.confirm("Erase them from all that is kept, and never read them again?")


def _take_back(given: "Settings", customer: str | None, guest_email: str | None, *, as_json: bool) -> None:
    from recommender.operations.forget import Forgetting
    from recommender.operations.whom import undo

    left = undo(given, customer, guest_email=guest_email)
    if as_json:
        print_json(Forgetting(left))
        return
    print_line(
        f"Taken back; {left:,} are still forgotten. The next night reads what the shop itself has of this"
        " customer. What was erased stays erased, and the runs that were rewritten stay so."
    )


def _print(done: "Forgetting") -> None:
    print_line(f"Forgotten: {done.customers:,} in all; no export, rollback or load will read them again.")
    if done.found_nothing:
        print_line("There was nothing to erase: no table and no file that is kept had anything of them.")
    for table, rows in done.rows.items():
        print_line(f"  {table}: {rows:,} rows removed")
    for run_id, names in done.files.items():
        print_line(f"  run {run_id}: {', '.join(names)}")
    for title, lines in (
        ("These archives hold them, or cannot be read whole. Delete these files:", done.archives),
        ("Not reached; it may still have something of them:", done.unreachable),
        ("Named in your own queries, which stay as you wrote them:", done.named_in),
        ("Could not be read or written, so nobody knows what is in it; remove these folders:", done.unread),
    ):
        if lines:
            print_line(title)
        for line in lines:
            print_line(f"  {line}")


def _retrain(given: "Settings") -> "Run":
    from recommender.night.plan import Ask
    from recommender.night.run import run

    return run(given, ask=Ask.COLD, progress=progress()).run
