"""One item: what its page can show beside it."""

from dataclasses import asdict, dataclass, field
from typing import Any

from recommender.database.namedkeys import name_key
from recommender.errors import SettingsError
from recommender.night.target import target_of
from recommender.operations.search import item_names
from recommender.operations.show import LETTER_BY_LETTER, plain_key, put_names, read_lists
from recommender.runs.folder import ITEMS
from recommender.runs.history import History
from recommender.settings import Settings
from recommender.system.text import shortened
from recommender.tables import ListTable, Role


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
    """Gather what one of the lists whose owners are items has for an item, by the key as a person types it.

    Raises:
        SettingsError: neither the items nor the list knows the item.
        DatabaseError: the database does not answer, and there is no run folder to look in.
    """
    run = History.of(settings.data_dir).last_with_items
    item = plain_key(run, "item", item)
    items = set() if run is None else {key for key, _ in item_names(run.path(ITEMS))}
    named = name_key(target_of(settings), Role.ITEM, item, items)
    if not named.keys:
        raise _unknown(definition, item)
    item = named.keys[0]
    source, lists = read_lists(settings, run, {definition: item})
    name = put_names(run.path(ITEMS), lists[definition], item=item) if run else None
    if name is None and not lists[definition]:
        raise _unknown(definition, item, was_asked=named.was_asked)
    is_made = definition.name in settings.lists
    return ItemView(item, name or None, run.run_id if run else None, source, is_made, lists[definition])


def _unknown(definition: ListTable, item: str, *, was_asked: bool = True) -> SettingsError:
    how = "" if was_asked else LETTER_BY_LETTER
    return SettingsError(
        f"Neither the items of the last night nor {definition.name} know an item {shortened(item)}{how}.",
        "Check the key: it is the shop's own item_id, as items.sql returns it.",
    )
