"""`recommend forget`."""

from typing import TYPE_CHECKING

import click

from recommender.commands.common import KeyCommand, print_line, progress, settings
from recommender.errors import ExitCode

if TYPE_CHECKING:
    from recommender.forget import Forgetting
    from recommender.settings import Settings


@click.command(cls=KeyCommand)
@click.argument("customer", required=False, metavar="[CUSTOMER]")
@click.option(
    "--guest-email", metavar="ADDRESS", help="A guest, who has no key, by the address of the orders."
)
@click.option("--retrain", is_flag=True, help="Then do a night with a training from nothing, and publish it.")
def command(*, customer: str | None, guest_email: str | None, retrain: bool) -> ExitCode:
    """Erase a customer from tables, exports, lists, models, archives and logs, and never read them again.

    What the shop itself keeps is not touched. Only a keyed hash stays, in the table forgotten_customers, by
    which every later export, rollback and load leaves them out. Without CUSTOMER all who were forgotten
    before are erased once more: do that after a backup of DATA_DIR came back.
    """
    from recommender.forget import forget

    if customer is not None and guest_email is not None:
        raise click.UsageError("Give a CUSTOMER or --guest-email, not both.", click.get_current_context())
    given = settings()
    done = forget(given, customer, guest_email=guest_email)
    if done.customers or customer is not None:
        _print(done)
    else:
        print_line("Nobody was ever forgotten: there is nothing to do.")
    if retrain:
        _retrain(given)
    elif done.customers:
        print_line(
            "The factors of the items keep an indirect trace until the next night, which trains from nothing;"
            " --retrain does it now. The models of earlier nights go with KEEP_RUNS."
        )
    return ExitCode.REFUSED if done.unread else ExitCode.DONE


def _print(done: "Forgetting") -> None:
    print_line(f"Forgotten: {done.customers:,} in all; no export, rollback or load will read them again.")
    if done.found_nothing:
        print_line(
            "There was nothing to erase. Mind the key: it is the shop's own customer_id, letter by letter."
        )
    for table, rows in done.rows.items():
        print_line(f"  {table}: {rows:,} rows removed")
    for run_id, names in done.files.items():
        print_line(f"  run {run_id}: {', '.join(names)}")
    for archive in done.archives:
        print_line(f"  archive {archive.file}")
    for title, lines in (
        ("Not reached; it may still have something of them:", done.unreachable),
        ("Named in your own queries, which stay as you wrote them:", [*map(str, done.named_in)]),
        ("Could not be read or written, so nobody knows what is in it; remove these folders:", done.unread),
    ):
        if lines:
            print_line(title)
        for line in lines:
            print_line(f"  {line}")


def _retrain(given: "Settings") -> None:
    from recommender import pipeline
    from recommender.training import Ask

    report = pipeline.run(given, ask=Ask.COLD, progress=progress())
    counts = report.run.manifest.counts
    print_line(f"Trained from nothing and published: {counts['rows']:,} rows (run {report.run.run_id}).")
