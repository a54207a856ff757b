"""What the demo shop sells: read from `catalogue.toml`, which explains itself."""

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from enum import Enum
from importlib.resources import files
from typing import Any

N_SEASONS = 13
"""Seasons of four weeks in a year: thirteen names for each place on the seasonal shelves."""
_FIRST_ITEM_ID = 101
_LINE = re.compile(r"(?:(\d+) )?(\d+\.\d\d) (.+?)(?: \[(withdrawn|new)\])?")


class State(Enum):
    """Where an item stands when the sales end: WITHDRAWN and OUT_OF_SEASON can't be bought any more."""

    SOLD = "sold"
    OUT_OF_SEASON = "out of season"
    WITHDRAWN = "withdrawn"
    NEW = "new"


@dataclass(frozen=True)
class Item:
    """One item of the shop."""

    item_id: int
    name: str
    category: str
    cents: int
    """Today's price."""
    lasts_days: int | None = None
    """How long one lasts before the next is needed; None where one is enough."""
    state: State = State.SOLD


@dataclass(frozen=True)
class Style:
    """One way of having an interest; in each tuple the popular items come first."""

    name: str
    who: str
    used_up: tuple[Item, ...]
    kept: tuple[Item, ...]
    until_months: int | None
    """Age of the child at which the next style takes over; None where styles do not follow each other."""


@dataclass(frozen=True)
class Interest:
    """What customers come for."""

    name: str
    weight: float
    goes_with: tuple[str, ...]
    styles: tuple[Style, ...]
    seasonal: tuple[tuple[Item, ...], ...]
    """Lines of N_SEASONS items: the first is sold in the last four weeks of the sales, the second in the four
    weeks before, and so on backwards, the same each year."""


@dataclass(frozen=True)
class Assortment:
    """All interests and all items."""

    interests: tuple[Interest, ...]
    items: tuple[Item, ...]
    """In the order of their ids."""


def season_of(day: date) -> int:
    """The season of a day: 0 from 1 January, N_SEASONS - 1 until 31 December."""
    return (day.timetuple().tm_yday - 1) * N_SEASONS // 366


class _Shelves:
    """Makes the items, with ids in the order of the file."""

    def __init__(self, last_season: int) -> None:
        self.items: list[Item] = []
        self._last_season = last_season

    def _add(self, name: str, category: str, cents: int, **more: Any) -> Item:
        item = Item(_FIRST_ITEM_ID + len(self.items), name, category, cents, **more)
        self.items.append(item)
        return item

    def listed(self, text: str, category: str) -> tuple[Item, ...]:
        """The items of a list of lines `[days] price name [state]`."""
        found = []
        for line in text.strip().splitlines():
            match = _LINE.fullmatch(line)
            assert match, line  # noqa: S101 - the file is ours; a test reads it
            days, price, name, state = match.groups()
            found.append(
                self._add(
                    name,
                    category,
                    _cents(price),
                    lasts_days=int(days) if days else None,
                    state=State(state or "sold"),
                )
            )
        return tuple(found)

    def seasonal(self, line: list[Any], category: str) -> tuple[Item, ...]:
        """The items of a seasonal line, from the last season of the sales backwards.

        What can be bought is of the last season or already of the next, which is that of a year before.
        """
        price, *names = line
        return tuple(
            self._add(
                names[(self._last_season - place) % N_SEASONS],
                f"{category}, in season",
                _cents(price),
                state=State.SOLD if place in (0, N_SEASONS - 1) else State.OUT_OF_SEASON,
            )
            for place in range(N_SEASONS)
        )


def _cents(price: str | float) -> int:
    return round(float(price) * 100)


def load_assortment(last_season: int) -> Assortment:
    """The catalogue as it is when the sales end in this season (0 to N_SEASONS - 1).

    The season decides the names of the seasonal items alone: ids, prices, categories and who buys them when,
    counted from the last day, are always the same.
    """
    text = files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    shelves = _Shelves(last_season)
    interests = []
    for name, table in tomllib.loads(text).items():
        category = table["category"]
        styles = tuple(
            Style(
                style,
                lists["who"],
                shelves.listed(lists["used_up"], category),
                shelves.listed(lists["kept"], category),
                lists.get("until_months"),
            )
            for style, lists in table.items()
            if isinstance(lists, dict)
        )
        seasonal = tuple(shelves.seasonal(line, category) for line in table.get("seasonal", []))
        interests.append(Interest(name, table["weight"], tuple(table["goes_with"]), styles, seasonal))
    return Assortment(tuple(interests), tuple(shelves.items))
