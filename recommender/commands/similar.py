"""`recommend similar`."""

import click

from recommender.commands.common import KeyCommand, json_option, print_item

_NOTHING = "Nothing: too few customers bought this item and another one that may be sold (3 at least)."


@click.command(cls=KeyCommand)
@click.argument("item")
@json_option
def command(*, item: str, as_json: bool) -> None:
    """What the customers of ITEM (the shop's own item_id) buy too: its rows of similar_items."""
    from recommender.tables import SIMILAR_ITEMS

    print_item(SIMILAR_ITEMS, item, title="Similar items", nothing=_NOTHING, as_json=as_json)
