"""`recommend together`."""

import click

from recommender.commands.common import KeyCommand, json_option, print_item

_NOTHING = (
    "Nothing: no item that may be sold lay in one basket with it more often than by chance (in 3 at least)."
)


@click.command(cls=KeyCommand)
@click.argument("item")
@json_option
def command(*, item: str, as_json: bool) -> None:
    """What lies in one basket with ITEM (the shop's own item_id) more often than by chance.

    These are its rows of bought_together.
    """
    from recommender.tables import BOUGHT_TOGETHER

    print_item(BOUGHT_TOGETHER, item, title="Bought together", nothing=_NOTHING, as_json=as_json)
