"""`recommend similar`."""

import click

from recommender.commands.common import KeyCommand
from recommender.commands.lists import print_item

_NOTHING = "Nothing: too few customers bought this item and another one that may be sold (3 at least)."


@click.command(cls=KeyCommand)
@click.argument("item")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def command(*, item: str, as_json: bool) -> None:
    """What the customers of ITEM (the shop's own item_id) buy too."""
    from recommender.tables import SIMILAR_ITEMS

    print_item(SIMILAR_ITEMS, item, title="Similar items", nothing=_NOTHING, as_json=as_json)
