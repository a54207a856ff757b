"""One item: what its page can show beside it."""

from dataclasses import asdict, dataclass, field
from typing import Any

from recommender.database.tables import ListTable
from recommender.errors import SettingsError
from recommender.runs import ITEMS
from recommender.search import newest_files
from recommender.settings import Settings
from recommender.show import plain_key, put_names, read_lists


@dataclass
class ItemView:
    """What `recommend similar` and `recommend together` print, in JSON types."""

    item_id: str
    name: str | None
    run_id: str | None
    """The run whose files gave the names."""
    source: str
    """Where the list was read: the database's name, or the run folder when it does not answer."""
    is_made: bool
    """Whether LISTS has the list."""
    items: list[dict[str, Any]] = field(default_factory=list)
    """position, item_id, name, score."""

    def as_json(self) -> dict[str, Any]:
        """The view as JSON types."""
        return asdict(self)


def show_item(settings: Settings, definition: ListTable, item: str) -> ItemView:
    """Gather what a list has for an item.

    Args:
        settings: where to look.
        definition: the list, one of those whose owners are items.
        item: the key, as text.

    Raises:
        SettingsError: neither the items nor the list knows the item.
        DatabaseError: the database does not answer, and there is no run folder to look in.
    """
    run = newest_files(settings)
    item = plain_key(run, "item", item)
    source, lists = read_lists(settings, run, {definition: item})
    name = put_names(run.path(ITEMS), lists[definition], item=item) if run else None
    if name is None and not lists[definition]:
        raise SettingsError(
            f"Neither the items of the last night nor {definition.name} know an item {item}.",
            "Mind the key: it is the shop's own item_id, as items.sql returns it.",
        )
    is_made = definition.name in settings.lists
    return ItemView(item, name or None, run.run_id if run else None, source, is_made, lists[definition])
