"""Looks at a shop whose sales or items are files: what set-up and `check` tell of them."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from secrets import token_hex
from zoneinfo import ZoneInfo

import numpy as np

from recommender.database import open_database
from recommender.errors import RecommenderError, SettingsError
from recommender.export.fields import find_columns
from recommender.export.filerows import FileRows, guessed_kinds
from recommender.export.forgotten import Forgotten
from recommender.export.snapshot import export, since_of
from recommender.export.sources import RowSources, said_as
from recommender.learning.interactions import SaleLines, load_sale_lines
from recommender.night.target import key_kinds, target_of
from recommender.runs.folder import ITEMS, QUERIES, SALES, iso
from recommender.runs.items import Catalogue, load_catalogue
from recommender.runs.keys import keys_of
from recommender.settings import Settings
from recommender.setup.looks import NewSale, Sample
from recommender.system.files import temporary_folder
from recommender.system.times import moment_of, shown_time
from recommender.system.window import MOST_HISTORY_DAYS, Window, window
from recommender.tables import KeyKind, is_guest

_SHOWN = 5
_KEYS = ("customer_id", "item_id")


def reads_files(settings: Settings) -> bool:
    """Whether files stand for a query."""
    return settings.sales_uri is not None or settings.items_uri is not None


def sample_files(settings: Settings) -> Sample:
    """What set-up needs to know of them.

    Where our tables are not there yet, CSV files are read to see what their keys seem to be.

    Raises:
        SettingsError: there are no such files, or a column is missing.
        RefusedError: a file is damaged, or its keys can be none.
        DatabaseError: a database or a file system does not answer.
    """
    # Guests' keys are made anew, for this look alone.
    settings = replace(settings, guest_key=settings.guest_key or token_hex(32))
    shop, now = open_database(settings.database_url), datetime.now(UTC)
    days = window(now=now, as_of=None, history_days=settings.history_days, zone=settings.shop_timezone)
    since = since_of(days, settings)
    with temporary_folder(settings.data_dir) as folder:
        kinds = _known_kinds(settings) or _guessed(
            RowSources(shop, settings, folder=folder, since=since, kinds={})
        )
        with closing(RowSources(shop, settings, folder=folder, since=since, kinds=kinds)) as sources:
            sold = sources.open(QUERIES[0])
            columns = find_columns(sold.query, sold.reader, (*_KEYS, "sold_at"), ("guest_email",))
            found = Sample(
                customer=sold.reader.key_type(sold.query, columns["customer_id"]),
                item=sold.reader.key_type(sold.query, columns["item_id"]),
                has_guests="guest_email" in columns,
                backend=sold.backend,
            )
        try:
            made = export(
                shop, settings, folder=folder, window=days, forgotten=Forgotten(), kinds=kinds, undecided=True
            )
        except RecommenderError as error:
            return replace(found, problem=f"The newest sales cannot be shown: {error}")
        lines = load_sale_lines(folder / SALES, customer_kind=made.customer_kind, item_kind=made.item_kind)
        catalogue = load_catalogue(folder / ITEMS, item_kind=made.item_kind)
        if not made.counts.sales:
            problem, days_old = _why_none(made.older_day(settings.shop_timezone), settings, days)
            return replace(found, problem=problem, days_old=days_old)
        return replace(found, newest=_newest(lines, catalogue, settings), repeats=_repeats(lines))


def _known_kinds(settings: Settings) -> dict[str, KeyKind]:
    """What the keys of our tables are; nothing where one is missing."""
    try:
        return key_kinds(settings, target_of(settings))
    except SettingsError:
        return {}


def _guessed(sources: RowSources) -> dict[str, KeyKind]:
    """What the keys of CSV files seem to be; an item's are integers only where all its files say so."""
    found: dict[str, KeyKind] = {}
    with closing(sources):
        for source in map(sources.open, QUERIES):
            if isinstance(source.reader, FileRows) and source.reader.source.format == "csv":
                there = {column.name.lower(): column.name for column in source.reader.columns(source.query)}
                names = [there[name] for name in _KEYS if name in there]
                for name, kind in guessed_kinds(source.reader, names).items():
                    is_text = KeyKind.TEXT in (kind, found.get(name.lower()))
                    found[name.lower()] = KeyKind.TEXT if is_text else kind
    return found


def _why_none(day: date | None, settings: Settings, days: Window) -> tuple[str, int | None]:
    """Why there are no newest sales, and the age in days of the newest where that is why."""
    none = f"No sale could be read: {said_as(settings, QUERIES[0])}"
    if day is None:
        return f"{none} has none, however old.", None
    age = (days.as_of_day - day).days
    if age > MOST_HISTORY_DAYS:
        return f"{none} has none since {day}.", None
    return (
        f"{none} has none of the last {settings.history_days} days. The newest sale there is of {day};"
        f" HISTORY_DAYS={age} would read it."
    ), age


def _newest(lines: SaleLines, catalogue: Catalogue, settings: Settings) -> list[NewSale]:
    found: list[NewSale] = []
    for place in np.argsort(lines.times, kind="stable")[::-1][:_SHOWN].tolist():
        customer, item = lines.user_ids[lines.users[place]], lines.item_ids[lines.items[place]]
        moment = moment_of(int(lines.times[place]))
        known = int(catalogue.ids.find(keys_of([item]))[0])
        found.append(
            {
                "customer_id": None if is_guest(str(customer)) else customer,
                "item_id": item,
                "name": catalogue.names[known] if known >= 0 else None,
                "sold_at": iso(moment),
                "shown": shown_time(moment, ZoneInfo("UTC"), settings.shop_timezone),
            }
        )
    return found


def _repeats(lines: SaleLines) -> float | None:
    """The share of the lines whose customer bought the same item earlier."""
    # In canonical order the first line of a customer and an item is the earliest.
    new = np.ones(len(lines.times), bool)
    new[1:] = (np.diff(lines.users) != 0) | (np.diff(lines.items) != 0)
    first = lines.times[np.maximum.accumulate(np.where(new, np.arange(len(new)), 0))]
    sold = lines.quantities > 0
    return float(np.mean((lines.times > first)[sold])) if sold.any() else None
