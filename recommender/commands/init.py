"""`recommend init`."""

import sys

import click

from recommender.commands.common import settings


@click.command()
@click.option("--yes", is_flag=True, help="Ask nothing.")
def command(*, yes: bool) -> None:
    """Create the output tables for this shop, with the types of the shop's own keys.

    Tables that are there and fit are left as they are; nothing is ever dropped.
    """
    from recommender import init

    found = settings(aloud=True)
    planned = init.plan(found)
    click.echo(f"Customer keys: {planned.customer.sql}; item keys: {planned.item.sql}.")
    if planned.needs_guest_key:
        init.make_guest_key(found, click.echo)
    if not planned.statements:
        click.echo("All tables are there and fit.")
        return
    asks = not yes and sys.stdin.isatty()
    if asks:
        click.echo("\n".join(planned.statements))
        if not click.confirm("Create these tables?"):
            click.echo("Nothing was created.")
            return
    from recommender.errors import DatabaseError

    try:
        init.create_tables(found, planned)
    except DatabaseError:
        if not asks:
            click.echo("\n".join(planned.statements))
        raise
    click.echo(f"Created {', '.join(planned.made)}.")
