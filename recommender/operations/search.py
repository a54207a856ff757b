"""Customers by what they bought: a way to a customer's key for those who know a product's name."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TypedDict
from zoneinfo import ZoneInfo

from recommender.errors import SettingsError
from recommender.runs.folder import ITEMS, Run
from recommender.runs.history import History
from recommender.runs.manifest import Day, RunId
from recommender.settings import Settings
from recommender.system.csvform import read_records
from recommender.tables import RECOMMENDATIONS, Key, KeyKind, typed_key

_FEW = 10


class Buyer(TypedDict):
    """A customer who bought one of the items."""

    customer_id: Key
    """The customer's key, as the shop has it."""
    purchases: int
    """How many times the customer bought one of them."""
    last_bought: Day
    """The shop's day of the last time."""
    item_id: Key
    """That of the items which the customer bought most."""
    name: str | None
    """The name of that item."""


@dataclass
class SearchResult:
    """Customers who bought an item whose name contains a text."""

    text: str
    """The text."""
    run_id: RunId
    """The run whose files were searched."""
    n_items: int
    """Items whose name contains the text."""
    n_customers: int
    """Customers who bought one of them."""
    customers: list[Buyer] = field(default_factory=list)
    """The few who bought them most often."""


def search(settings: Settings, text: str) -> SearchResult:
    """Find customers who bought an item whose name contains the text, in whatever case.

    Works on the newest published run's files; the database is not asked.

    Raises:
        SettingsError: there is nothing to search in, or no such item, or nobody bought it.
    """
    past = History.of(settings.data_dir)
    run = past.last_with_sales or past.last_with_items
    if run is None:
        raise SettingsError(
            "search-no-run",
            f"There is no published run in {settings.data_dir} to search in.",
            "`recommend run` makes one.",
        )
    wanted = _folded(text)
    named = {item: name for item, name in item_names(run.path(ITEMS)) if wanted in _folded(name or "")}
    if not named:
        raise SettingsError(
            "search-no-item", f"No item has a name with {text!r} in it.", "Try a shorter part of the name."
        )
    bought: dict[str, dict[str, set[str]]] = {}
    for customer, item, sold_at, quantity in sale_lines(run):
        if quantity > 0 and item in named:
            bought.setdefault(customer, {}).setdefault(item, set()).add(sold_at)
    if not bought:
        raise SettingsError(
            "search-nobody",
            f"Items with {text!r} in the name: {len(named):,}, and nobody bought one of them.",
            "Try another part of a name, or a greater HISTORY_DAYS.",
        )
    zone = settings.shop_timezone
    kinds = run.manifest.keys
    found = [_customer(customer, items, named, zone, kinds) for customer, items in bought.items()]
    found.sort(key=lambda line: str(line["customer_id"]))
    found.sort(key=lambda line: (line["purchases"], line["last_bought"]), reverse=True)
    return SearchResult(text, run.run_id, len(named), len(found), found[:_FEW])


def sale_lines(run: Run) -> Iterator[tuple[str, str, str, float]]:
    """Customer, item, time and quantity of each exported line; nothing where they are not kept."""
    path = run.sales_path()
    if path is None:
        return
    records = read_records(path)
    header = next(records, [])
    quantity_at = header.index("quantity") if "quantity" in header else None
    for record in records:
        quantity = 1.0 if quantity_at is None else float(record[quantity_at] or 0)
        yield record[0], record[1], record[2], quantity


def item_names(path: Path) -> Iterator[tuple[str, str | None]]:
    """Key and name of each item of `items.csv`."""
    return ((record[0], record[1] or None) for record in islice(read_records(path), 1, None))


def first_customer(run: Run) -> str | None:
    """One who has a list of their own; None where nobody has."""
    record = next(islice(read_records(run.path(RECOMMENDATIONS.file_name)), 1, None), None)
    return None if record is None else record[0]


def _folded(text: str) -> str:
    """The text so that it is equal for equal words, however they are typed."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def shop_day(times: Iterable[str], zone: ZoneInfo) -> str:
    """The shop's day of the latest of the exported times."""
    return str(datetime.fromisoformat(max(times)).astimezone(zone).date())


def _customer(
    customer: str,
    items: dict[str, set[str]],
    names: dict[str, str | None],
    zone: ZoneInfo,
    kinds: Mapping[str, KeyKind],
) -> Buyer:
    most = max(sorted(items), key=lambda item: (len(items[item]), max(items[item])))
    return {
        "customer_id": typed_key(customer, kinds["customer"]),
        # Lines of one item and time are one purchase.
        "purchases": sum(map(len, items.values())),
        "last_bought": shop_day(set().union(*items.values()), zone),
        "item_id": typed_key(most, kinds["item"]),
        "name": names[most],
    }
