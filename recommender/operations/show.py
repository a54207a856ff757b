"""What a customer bought and is shown, and why; what the page of an item can show beside it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from recommender.database.namedkeys import name_key
from recommender.database.schema import Target
from recommender.errors import DatabaseError, SettingsError
from recommender.learning.refunds import NOTHING, left_after_refunds
from recommender.night.target import target_of
from recommender.operations.search import item_names, sale_lines, shop_day
from recommender.runs.folder import ITEMS, Run
from recommender.runs.history import History
from recommender.runs.manifest import Day, RunId
from recommender.settings import Settings
from recommender.system.csvform import read_records
from recommender.system.text import shortened
from recommender.tables import (
    BUY_AGAIN,
    POPULAR_ITEMS,
    RECOMMENDATIONS,
    Key,
    KeyKind,
    ListColumn,
    ListTable,
    Role,
    integer_key,
    typed_key,
)

_ON_RECORD = {Role.CUSTOMER: "customer", Role.ITEM: "item"}
"""What the record of a run calls the keys."""
_LETTER_BY_LETTER = ", letter by letter (the database could not be asked which keys are equal to it)"
"""Said of a key that was not found, where nothing but the files was looked into."""


class ListedItem(TypedDict):
    """An item in a list, whichever list it is."""

    position: int
    """1 for the best item, 2 for the next, without a gap."""
    item_id: Key
    """The item's key."""
    name: str | None
    """Its name; null where it has none."""
    score: float
    """1 for the first of a list, falling."""
    reason: str | None
    """Why it is shown: model, buy_again, popular, new or rule; null in lists that have no reasons."""
    because_item_id: Key | None
    """Of the reason model, the item of the customer's own purchases that counted most."""
    because_name: str | None
    """The name of that item."""


class BoughtItem(TypedDict):
    """An item that the customer bought, and did not give back."""

    item_id: Key
    """The item's key."""
    name: str | None
    """Its name; null where it has none."""
    purchases: int
    """How many times it was bought."""
    last_bought: Day
    """The shop's day of the last time."""


@dataclass
class CustomerView:
    """What a customer bought, is shown, and why."""

    customer_id: Key
    """The customer's key, as the shop has it."""
    run_id: RunId | None
    """The run whose files gave the history and the names."""
    source: str
    """Where the lists were read: the database's name, or the run folder when it does not answer."""
    history: list[BoughtItem] = field(default_factory=list)
    """Items bought, the latest first."""
    recommendations: list[ListedItem] = field(default_factory=list)
    """The customer's own list; empty where there is none."""
    buy_again: list[ListedItem] = field(default_factory=list)
    """What the customer may need again now."""
    popular_items: list[ListedItem] = field(default_factory=list)
    """What the shop shows instead; empty where the customer has a list."""


@dataclass
class ItemView:
    """What one of the lists for the pages of items has for an item."""

    item_id: Key
    """The item's key, as the shop has it."""
    name: str | None
    """Its name; null where it has none."""
    run_id: RunId | None
    """The run whose files gave the names."""
    source: str
    """Where the list was read: the database's name, or the run folder when it does not answer."""
    is_made: bool
    """Whether LISTS has the list."""
    items: list[ListedItem] = field(default_factory=list)
    """The list; empty where the evidence is thin."""


def show(settings: Settings, customer: str) -> CustomerView:
    """Gather what is known of a customer, by the key as a person types it.

    Raises:
        SettingsError: neither a sale nor a list knows the customer.
        DatabaseError: the database does not answer, and there is no run folder to look in.
    """
    past = History.of(settings.data_dir)
    run = past.last_with_items
    customer = _plain_key(run, "customer", customer)
    sales = past.last_with_sales or run
    buyers = set() if sales is None else {line[0] for line in sale_lines(sales)}
    named = name_key(target_of(settings), Role.CUSTOMER, customer, buyers)
    if not named.keys:
        raise _unknown_customer(customer)
    customer = named.keys[0]
    source, kinds, lists = _read_lists(
        settings, run, {RECOMMENDATIONS: customer, BUY_AGAIN: customer, POPULAR_ITEMS: None}
    )
    key = typed_key(customer, kinds[Role.CUSTOMER])
    view = CustomerView(key, run.run_id if run else None, source)
    view.recommendations, view.buy_again = lists[RECOMMENDATIONS], lists[BUY_AGAIN]
    if not view.recommendations:
        view.popular_items = lists[POPULAR_ITEMS][: settings.top_n]
    if run is not None and sales is not None:
        lines = _lines_of(sales, named.keys)
        view.history = _history(lines, settings.shop_timezone, kinds[Role.ITEM])
        listed = [*view.recommendations, *view.buy_again, *view.popular_items]
        _put_names(run.path(ITEMS), listed, view.history)
    if customer not in buyers and not view.recommendations and not view.buy_again:
        raise _unknown_customer(customer, was_asked=named.was_asked)
    return view


def _unknown_customer(customer: str, *, was_asked: bool = True) -> SettingsError:
    return SettingsError(
        "customer-unknown",
        f"No sale and no list has a customer {_not_found(customer, was_asked)}.",
        "Check the key: it is the shop's own customer_id; `recommend show --search TEXT` finds customers by"
        " an item that they bought.",
    )


def show_item(settings: Settings, definition: ListTable, item: str) -> ItemView:
    """Gather what one of the lists whose owners are items has for an item, by the key as a person types it.

    Raises:
        SettingsError: neither the items nor the list knows the item.
        DatabaseError: the database does not answer, and there is no run folder to look in.
    """
    run = History.of(settings.data_dir).last_with_items
    item = _plain_key(run, "item", item)
    items = set() if run is None else {key for key, _ in item_names(run.path(ITEMS))}
    named = name_key(target_of(settings), Role.ITEM, item, items)
    if not named.keys:
        raise _unknown_item(definition, item)
    item = named.keys[0]
    source, kinds, lists = _read_lists(settings, run, {definition: item})
    name = _put_names(run.path(ITEMS), lists[definition], item=item) if run else None
    if name is None and not lists[definition]:
        raise _unknown_item(definition, item, was_asked=named.was_asked)
    return ItemView(
        item_id=typed_key(item, kinds[Role.ITEM]),
        name=name or None,
        run_id=run.run_id if run else None,
        source=source,
        is_made=definition.name in settings.lists,
        items=lists[definition],
    )


def _unknown_item(definition: ListTable, item: str, *, was_asked: bool = True) -> SettingsError:
    return SettingsError(
        "item-unknown",
        f"The items of the last night and {definition.name} have no item {_not_found(item, was_asked)}.",
        "Check the key: it is the shop's own item_id, as items.sql returns it.",
    )


def _not_found(key: str, was_asked: bool) -> str:  # noqa: FBT001 - of what was found
    return shortened(key) + ("" if was_asked else _LETTER_BY_LETTER)


def _plain_key(run: Run | None, whose: str, key: str) -> str:
    """A typed key as the exports have it: a shop that pads its numbers says 000010 for 10."""
    are_integers = run is not None and run.manifest.keys.get(whose) == KeyKind.INTEGER
    number = integer_key(key) if are_integers else None
    return key if number is None else str(number)


def _read_lists(
    settings: Settings, run: Run | None, wanted: Mapping[ListTable, str | None]
) -> tuple[str, dict[Role, KeyKind], dict[ListTable, list[ListedItem]]]:
    """Rows of the published lists; of the run folder when the database does not answer.

    Args:
        settings: where to look.
        run: the run whose files may stand in for the tables.
        wanted: for each list the customer's or item's key, as text; None for all rows.

    Returns:
        Where they were read, the kinds of the keys, and each list in order, without names.

    Raises:
        SettingsError: a table is missing.
        DatabaseError: the database does not answer, and there is no run folder to look in.
    """
    target = target_of(settings)
    kinds = {} if run is None else {role: run.manifest.keys[name] for role, name in _ON_RECORD.items()}
    try:
        with target.connect() as connection:
            kinds = kinds or _kinds_of_tables(target, connection)
            lists = {d: _from_table(target, connection, d, owner, kinds) for d, owner in wanted.items()}
            return target.database.name, kinds, lists
    except DatabaseError:
        if run is None:
            raise
        source = f"the run folder {run.folder} (the database could not be read)"
        return source, kinds, {d: _from_file(run, d, owner, kinds) for d, owner in wanted.items()}


def _kinds_of_tables(target: Target, connection: sa.Connection) -> dict[Role, KeyKind]:
    roles = {(d, column.name): column.role for d in target.lists for column in d.columns}
    return {roles[place]: key.kind for place, key in target.keys(connection).items()}


def _from_table(
    target: Target,
    connection: sa.Connection,
    definition: ListTable,
    owner: str | None,
    kinds: Mapping[Role, KeyKind],
) -> list[ListedItem]:
    keys = target.keys(connection)
    if definition not in target.present(connection):
        return []
    table = target.lists[definition]
    query = sa.select(*(sa.type_coerce(c, sa.types.NullType()).label(c.name) for c in table.columns))
    query = query.order_by(table.c.position)
    if owner is not None:
        key: int | str | None = owner
        if keys[definition, definition.key[0]].kind is KeyKind.INTEGER:
            key = integer_key(owner)
            if key is None:
                return []
        # Without a type of its own the value takes that of the column (PostgreSQL's uuid, for one).
        query = query.where(table.c[definition.key[0]] == sa.literal(key, sa.types.NullType()))
    rows = connection.execute(query)
    return [_line(dict(row._mapping), definition, kinds) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def _from_file(
    run: Run, definition: ListTable, owner: str | None, kinds: Mapping[Role, KeyKind]
) -> list[ListedItem]:
    path = run.path(definition.file_name)
    if not path.is_file():  # the run was before there was such a list
        return []
    at = [column.name for column in definition.columns].index(definition.key[0])
    records = (r for r in islice(read_records(path), 1, None) if owner is None or r[at] == owner)
    rows = ({c.name: _value(c, text) for c, text in zip(definition.columns, r, strict=True)} for r in records)
    return [_line(row, definition, kinds) for row in rows]


def _value(column: ListColumn, text: str) -> int | float | str | None:
    if column.role is Role.POSITION:
        return int(text)
    if column.role is Role.SCORE:
        return float(text)
    return None if column.nullable and not text else text


def _line(row: Mapping[str, Any], definition: ListTable, kinds: Mapping[Role, KeyKind]) -> ListedItem:
    """A row without its owner's key, and without names."""
    listed = next(column.name for column in definition.columns if column.role is Role.ITEM and column.shown)
    because = row.get("because_item_id")
    return {
        "position": row["position"],
        "item_id": typed_key(str(row[listed]), kinds[Role.ITEM]),
        "name": None,
        "score": row["score"],
        "reason": row.get("reason"),
        "because_item_id": None if because is None else typed_key(str(because), kinds[Role.ITEM]),
        "because_name": None,
    }


def _lines_of(run: Run, customers: Collection[str]) -> dict[str, dict[str, float]]:
    """The sums of a customer's quantities, by item and time; all keys of the customer's are given."""
    lines: dict[str, dict[str, float]] = {}
    for buyer, item, sold_at, quantity in sale_lines(run):
        if buyer in customers:
            times = lines.setdefault(item, {})
            times[sold_at] = times.get(sold_at, 0) + quantity
    return lines


def _history(lines: Mapping[str, Mapping[str, float]], zone: ZoneInfo, kind: KeyKind) -> list[BoughtItem]:
    """What is left of the lines after what came back, the latest first, without names."""
    bought = {item: _kept(quantities) for item, quantities in lines.items()}
    history: list[BoughtItem] = [
        {
            "item_id": typed_key(item, kind),
            "name": None,
            "purchases": len(times),
            "last_bought": shop_day(times, zone),
        }
        for item, times in bought.items()
        if times
    ]
    return sorted(history, key=lambda line: (line["last_bought"], line["purchases"]), reverse=True)


def _kept(quantities: Mapping[str, float]) -> list[str]:
    """The times of an item's purchases that did not come back, as the model sees them.

    Args:
        quantities: the sum of each time.
    """
    times = sorted(quantities)
    left = left_after_refunds(quantities[time] for time in times)
    return [time for time, quantity in zip(times, left, strict=True) if quantity > NOTHING]


def _put_names(
    items: Path, listed: Sequence[ListedItem], bought: Sequence[BoughtItem] = (), *, item: str | None = None
) -> str | None:
    """Give every line the name of its item, where there is one.

    Args:
        items: the run folder's file of the items.
        listed: they get `name`, and `because_name` where there is a `because_item_id`.
        bought: they get `name`.
        item: one more item.

    Returns:
        The name of that item, empty where it has none; None where the file does not know it.
    """
    wanted = {item, *(str(line["item_id"]) for line in (*listed, *bought))}
    wanted |= {str(line["because_item_id"]) for line in listed if line["because_item_id"] is not None}
    names = {key: name for key, name in item_names(items) if key in wanted}
    for line in (*listed, *bought):
        line["name"] = names.get(str(line["item_id"]))
    for line in listed:
        if line["because_item_id"] is not None:
            line["because_name"] = names.get(str(line["because_item_id"]))
    return (names[item] or "") if item in names else None
