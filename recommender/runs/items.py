"""The shop's items as the run folder has them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender.errors import RefusedError
from recommender.runs.columns import EXPORT_AGAIN, read_columns
from recommender.runs.keys import Keys
from recommender.system.arrays import Bools, Float64s, Int64s
from recommender.system.text import shortened
from recommender.tables import KeyKind

_SELLABLE = {"true": True, "false": False, "1": True, "0": False}
"""The last two as files of earlier versions have it."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The items of `items.csv` in canonical order; all shapes (items,)."""

    ids: Keys
    names: tuple[str | None, ...]
    sellable: Bools
    """only these are ever recommended"""
    categories: tuple[str | None, ...] | None
    """None where the shop has no such column, as with the others below"""
    brands: tuple[str | None, ...] | None = None
    prices: Float64s | None = None
    """NaN where there is none"""
    added: Int64s | None = None
    """microseconds of UTC when each came into the shop; `UNREADABLE` where that is not known"""

    def allowed(self, items: Keys, never: Keys) -> Bools:
        """Which items may be recommended: sellable here, and not among `never`; shape (len(items),)."""
        places = self.ids.find(items)
        found = np.zeros(len(items), bool)
        found[places >= 0] = self.sellable[places[places >= 0]]
        return found & (never.find(items) < 0)


def load_catalogue(path: Path, *, item_kind: KeyKind) -> Catalogue:
    """Read `items.csv` of a run folder: item_id, name, sellable; category, brand, price, added_at if there.

    Raises:
        RefusedError: a column is missing, a value is not in our form, or a key comes twice.
    """
    columns = read_columns(path, ("item_id", "name", "sellable"), ("category", "brand", "price", "added_at"))
    ids, places = columns.take_keys("item_id", item_kind)
    _, records = np.unique(places, return_index=True)  # of each item, in canonical order
    if len(records) < len(places):
        again = int(np.setdiff1d(np.arange(len(places)), records)[0])
        item = shortened(repr(ids[places[again]]))
        raise RefusedError(
            "run-damaged", f"{path}, record {again + 1}: item {item} is there already.", EXPORT_AGAIN
        )

    def texts(name: str) -> tuple[str | None, ...]:
        distinct, codes = columns.take_texts(name, nullable=True)
        return tuple(distinct[code] if code >= 0 else None for code in codes[records].tolist())

    sellable = texts("sellable")
    for record, text in zip(records.tolist(), sellable, strict=True):
        if text not in _SELLABLE:
            where = f"{path}, record {record + 1}"
            raise RefusedError(
                "run-damaged", f"{where}: sellable is {text!r}, not true or false.", EXPORT_AGAIN
            )
    return Catalogue(
        ids=ids,
        names=texts("name"),
        sellable=np.array([_SELLABLE[str(text)] for text in sellable], bool),
        categories=texts("category") if "category" in columns else None,
        brands=texts("brand") if "brand" in columns else None,
        prices=columns.take_numbers("price", nullable=True)[records] if "price" in columns else None,
        added=columns.take_optional_times("added_at")[records] if "added_at" in columns else None,
    )
