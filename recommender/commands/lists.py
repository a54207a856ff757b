"""What the commands that print lists share."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from recommender.commands.common import print_json, print_line, print_table, settings
from recommender.system.text import Column, shortened

if TYPE_CHECKING:
    from recommender.tables import ListTable

ITEM = Column("item", shortest=20)
ID = Column("item_id", shortest=8, goes=1)


def name_of(line: dict[str, Any]) -> str:
    """The name of the line's item, or its key where it has none."""
    return line.get("name") or f"item {line['item_id']}"


def print_list(lines: Sequence[dict[str, Any]]) -> None:
    """Positions, names and keys."""
    print_table(
        (Column("", right=True), ITEM, ID),
        [(f"{n['position']}.", name_of(n), n["item_id"]) for n in lines],
        indent="  ",
    )


def print_item(definition: "ListTable", item: str, *, title: str, nothing: str, as_json: bool) -> None:
    """What a list has for an item.

    Args:
        definition: the list.
        item: its key, as text.
        title: what stands above the list.
        nothing: why there may be nothing, as a sentence.
        as_json: for machines.
    """
    from recommender.operations.showitem import show_item

    view = show_item(settings(), definition, item)
    if as_json:
        print_json(view.as_json())
        return
    print_line(f"Item {view.item_id}" + (f": {shortened(view.name)}" if view.name else ""))
    print_line()
    print_line(f"{title} (from {view.source})")
    if view.items:
        print_list(view.items)
    elif view.is_made:
        print_line(f"  {nothing}")
    else:
        print_line(f"  Nothing: LISTS leaves {definition.name} out.")
