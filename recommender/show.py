"""One customer: what they bought, what they are shown, and why."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from recommender.csvform import read_records
from recommender.database.schema import Target
from recommender.database.tables import POPULAR_ITEMS, RECOMMENDATIONS, ListTable
from recommender.errors import DatabaseError, SettingsError
from recommender.export import ITEMS
from recommender.keys import KeyKind
from recommender.pipeline import target_of
from recommender.runs import Run
from recommender.search import newest_files, sale_lines, shop_day
from recommender.settings import Settings

_INTEGER = re.compile("-?[0-9]{1,18}|-?9[0-9]{18}")
"""A key that may stand in a 64-bit column."""
_NOTHING = 1e-9
"""A quantity below it is what rounding left."""


@dataclass
class CustomerView:
    """What `recommend show` prints, in JSON types."""

    customer_id: str
    run_id: str | None
    """The run whose files gave the history and the names."""
    source: str
    """Where the lists were read: the database's name, or the run folder when it does not answer."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """Items bought, the latest first: item_id, name, purchases, last_bought."""
    recommendations: list[dict[str, Any]] = field(default_factory=list)
    """position, item_id, name, score, reason, because_item_id, because_name."""
    popular_items: list[dict[str, Any]] = field(default_factory=list)
    """What they are shown instead when they have no rows of their own."""

    def as_json(self) -> dict[str, Any]:
        """The view as JSON types."""
        return asdict(self)


def show(settings: Settings, customer: str) -> CustomerView:
    """Gather what is known of a customer.

    Args:
        settings: where to look.
        customer: the key, as text.

    Raises:
        SettingsError: neither a sale nor a list knows the customer.
        DatabaseError: the database does not answer, and there is no run folder to look in.
    """
    run = newest_files(settings)
    target = target_of(settings)
    view = CustomerView(customer, run.run_id if run else None, target.database.name)
    try:
        with target.database.connect() as connection:
            customer = view.customer_id = _plain_key(target, connection, customer)
            view.recommendations = _from_table(target, connection, RECOMMENDATIONS, customer)
            if not view.recommendations:
                view.popular_items = _from_table(target, connection, POPULAR_ITEMS, None)
    except DatabaseError:
        if run is None:
            raise
        view.source = f"the run folder {run.folder} (the database could not be read)"
        view.recommendations = _from_file(run, RECOMMENDATIONS, customer)
        view.popular_items = [] if view.recommendations else _from_file(run, POPULAR_ITEMS, None)
    view.popular_items = view.popular_items[: settings.top_n]
    if run is not None:
        view.history = _history(run, customer, settings.shop_timezone)
        _put_names(run.path(ITEMS), view)
    if not view.history and not view.recommendations:
        raise SettingsError(
            f"No sale and no list knows a customer {customer}.",
            "Mind the key: it is the shop's own customer_id; `recommend show --search TEXT` finds customers"
            " by an item that they bought.",
        )
    return view


def _plain_key(target: Target, connection: sa.Connection, customer: str) -> str:
    """The key as the exports have it: a shop that pads its numbers says 000010 for 10."""
    is_integer = target.keys(connection)[RECOMMENDATIONS, "customer_id"].kind is KeyKind.INTEGER
    return str(int(customer)) if is_integer and _INTEGER.fullmatch(customer) else customer


def _from_table(
    target: Target, connection: sa.Connection, definition: ListTable, customer: str | None
) -> list[dict[str, Any]]:
    table = target.lists[definition]
    query = sa.select(*(sa.type_coerce(c, sa.types.NullType()).label(c.name) for c in table.columns))
    query = query.order_by(table.c.position)
    if customer is not None:
        key: int | str = customer
        if target.keys(connection)[definition, "customer_id"].kind is KeyKind.INTEGER:
            if not _INTEGER.fullmatch(customer):
                return []
            key = int(customer)
        # Without a type of its own the value takes that of the column (PostgreSQL's uuid, for one).
        query = query.where(table.c.customer_id == sa.literal(key, sa.types.NullType()))
    return [_plain(dict(row._mapping)) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name


def _from_file(run: Run, definition: ListTable, customer: str | None) -> list[dict[str, Any]]:
    path = run.path(definition.file_name)
    names = [column.name for column in definition.columns]
    records = (
        dict(zip(names, record, strict=True)) for record in read_records(path) if record[0] != names[0]
    )
    chosen = [r for r in records if customer is None or r["customer_id"] == customer]
    return [
        _plain({**r, "position": int(r["position"] or 0), "score": float(r["score"] or 0)}) for r in chosen
    ]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row without the customer's key, with item keys as texts, as the names have them."""
    row.pop("customer_id", None)
    for name in ("item_id", "because_item_id"):
        if row.get(name) is not None:
            row[name] = str(row[name])
    return row


def _history(run: Run, customer: str, zone: ZoneInfo) -> list[dict[str, Any]]:
    lines: dict[str, dict[str, float]] = {}
    for buyer, item, sold_at, quantity in sale_lines(run):
        if buyer == customer:
            times = lines.setdefault(item, {})
            times[sold_at] = times.get(sold_at, 0) + quantity
    bought = {item: _kept(quantities) for item, quantities in lines.items()}
    history = [
        {"item_id": item, "purchases": len(times), "last_bought": shop_day(times, zone)}
        for item, times in bought.items()
        if times
    ]
    return sorted(history, key=lambda line: (line["last_bought"], line["purchases"]), reverse=True)


def _kept(quantities: Mapping[str, float]) -> list[str]:
    """The times of an item's purchases that did not come back, as the model sees them (interactions.py).

    Args:
        quantities: the sum of each time; what is negative takes from the latest purchases before it.
    """
    kept: list[tuple[str, float]] = []
    for time, quantity in sorted(quantities.items()):
        if quantity > 0:
            kept.append((time, quantity))
        left = -quantity
        while kept and left > _NOTHING:
            last, there = kept.pop()
            if there - left > _NOTHING:
                kept.append((last, there - left))
            left -= there
    return [time for time, _ in kept]


def _put_names(items: Path, view: CustomerView) -> None:
    """Give every line the name of its item, where there is one."""
    lines = [*view.history, *view.recommendations, *view.popular_items]
    wanted = {line.get(key) for line in lines for key in ("item_id", "because_item_id")}
    names = {record[0] or "": record[1] for record in read_records(items) if (record[0] or "") in wanted}
    for line in lines:
        line["name"] = names.get(line["item_id"])
        if "because_item_id" in line:
            line["because_name"] = names.get(line["because_item_id"])
