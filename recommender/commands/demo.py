"""`recommend demo`: a ready shop to try everything on."""

import shlex
from pathlib import Path

import click

from recommender.commands.common import json_option, print_json, print_line


@click.command("demo")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--url", help="An empty PostgreSQL, MariaDB, MySQL or SQLite database for the shop.")
@json_option
def command(*, directory: Path, url: str | None, as_json: bool) -> None:
    """Make a ready shop in DIR: two years of plausible sales, settings and queries.

    Without --url the shop is a SQLite file in DIR. A password in the address is kept in DIR/.env and nowhere
    else.
    """
    from datetime import UTC, datetime

    from recommender.setup.demo import build_demo

    report = build_demo(directory, url=url, today=datetime.now(UTC).date())
    if as_json:
        print_json(report)
        return
    print_line(
        f"A shop is in {report.database}: {report.customers} customers, {report.items} products,"
        f" {report.sale_lines} sale lines from {report.first_day} to {report.last_day}."
    )
    print_line()
    print_line("Next:")
    print_line(f"  cd {shlex.quote(str(directory))}")
    print_line("  recommend init --yes")
    print_line("  recommend run")
    for example in report.examples:
        print_line(f"  recommend show {example.customer_id}   # {example.about}")
