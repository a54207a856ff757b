"""What the demo shop sells: read from `catalogue.toml`, which explains itself."""

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

N_SEASONS = 13
"""Seasons of four weeks in a year: thirteen names for each place on the seasonal shelves."""
N_DAYS = 721
"""Days of sales, 103 weeks: however the weeks fall, all of them lie within two years of 730 days."""
_SOLD = {"": (range(N_DAYS), True), "withdrawn": (range(560), False), "new": (range(0), True)}
"""By what stands behind the name: the days on which it was sold, and whether it can be bought afterwards."""
_FIRST_ITEM_ID = 101
_LINE = re.compile(r"(?m)^(?:(\d+) )?(\d+\.\d\d) (.+?)(?: \[(withdrawn|new)\])?$")


@dataclass(frozen=True, eq=False)
class Item:
    """One item of the shop."""

    item_id: int
    name: str
    category: str
    price: float
    lasts_days: int | None = None
    """How long one lasts before the next is needed; None where one is enough."""
    sold_days: range = range(N_DAYS)
    """Days on which it was sold; of seasonal items only those in season."""
    active: bool = True
    """Can it be bought when the sales end?"""


@dataclass(frozen=True)
class Style:
    """One way of having an interest; in each list the popular items come first."""

    who: str
    used_up: list[Item]
    kept: list[Item]


@dataclass(frozen=True)
class Interest:
    """What customers come for."""

    weight: int
    goes_with: list[str]
    styles: list[Style]
    seasonal: list[list[Item]]
    """Lines of N_SEASONS items: the first is sold in the last four weeks of the sales, the second in the four
    weeks before, and so on backwards, the same each year."""


def season_of(day: date) -> int:
    """The season of a day: 0 from 1 January, N_SEASONS - 1 until 31 December."""
    return (day.timetuple().tm_yday - 1) * N_SEASONS // 366


def load_assortment(last_season: int) -> tuple[dict[str, Interest], list[Item]]:
    """All interests by name, and all items in the order of their ids.

    Args:
        last_season: that in which the sales end, 0 to N_SEASONS - 1.

    The season decides the names of the seasonal items alone: ids, prices, categories and who buys them when,
    counted from the last day, are always the same.
    """
    interests: dict[str, Interest] = {}
    items: list[Item] = []

    def shelf(lines: str, category: str) -> list[Item]:
        first = len(items)
        for number, (days, price, name, state) in enumerate(_LINE.findall(lines), _FIRST_ITEM_ID + first):
            lasts_days = int(days) if days else None
            items.append(Item(number, name, category, float(price), lasts_days, *_SOLD[state]))
        return items[first:]

    def seasonal(price: float, names: list[str], category: str) -> list[Item]:
        first = len(items)
        for place in range(N_SEASONS):
            name = names[(last_season - place) % N_SEASONS]
            # What can be bought is of the last season or already of the next, which is that of a year before.
            active = place in {0, N_SEASONS - 1}
            items.append(Item(_FIRST_ITEM_ID + len(items), name, category, price, active=active))
        return items[first:]

    text = files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    for name, table in tomllib.loads(text).items():
        category = table["category"]
        styles = [
            Style(style["who"], shelf(style["used_up"], category), shelf(style["kept"], category))
            for style in table.values()
            if isinstance(style, dict)
        ]
        lines = [
            seasonal(price, names, f"{category}, in season") for price, *names in table.get("seasonal", [])
        ]
        interests[name] = Interest(table["weight"], table["goes_with"], styles, lines)
    return interests, items
