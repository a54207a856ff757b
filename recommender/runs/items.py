"""The shop's items as the run folder has them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender.errors import RefusedError
from recommender.runs.keys import Keys, keys_of
from recommender.system.arrays import Bools
from recommender.system.csvform import read_records
from recommender.system.text import shortened
from recommender.tables import KeyKind, allowed_key, key_of

_EXPORT_AGAIN = "Start again with `recommend export`."
_SELLABLE = {"true": True, "false": False, "1": True, "0": False}
"""The last two as files of earlier versions have it."""
_REQUIRED = ("item_id", "name", "sellable")


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The items of `items.csv` in canonical order; all shapes (items,)."""

    ids: Keys
    names: tuple[str | None, ...]
    sellable: Bools
    """only these are ever recommended"""
    categories: tuple[str | None, ...] | None
    """None where the shop has no such column"""

    def allowed(self, items: Keys, never: Keys) -> Bools:
        """Which of some items may be recommended: sellable, and not on the never-list; shape (len(items),).

        Args:
            items: any keys; what is not in the catalogue may not be recommended.
            never: items that are never recommended.
        """
        places = self.ids.find(items)
        found = np.zeros(len(items), bool)
        found[places >= 0] = self.sellable[places[places >= 0]]
        return found & (never.find(items) < 0)


def load_catalogue(path: Path, *, item_kind: KeyKind) -> Catalogue:
    """Read `items.csv` of a run folder: `item_id`, `name`, `sellable` and, where there is one, `category`.

    Raises:
        RefusedError: a column is missing, a key or `sellable` is not in our form, or a key comes twice.
    """
    records = read_records(path)
    header = list(next(records, ()))
    missing = [name for name in _REQUIRED if name not in header]
    if missing:
        raise RefusedError(f"{path} has no column {', '.join(missing)}.", _EXPORT_AGAIN)
    id_at, name_at, sellable_at = map(header.index, _REQUIRED)
    category_at = header.index("category") if "category" in header else None
    rows: dict[int | str, tuple[str | None, bool, str | None]] = {}
    for number, record in enumerate(records, 1):
        where = f"{path}, record {number}"
        if len(record) != len(header):
            found = f"{len(record)} fields, but the header has {len(header)}"
            raise RefusedError(f"{where}: {found}.", _EXPORT_AGAIN)
        key = key_of(record[id_at], item_kind)
        if key is None:
            found = f"item_id is {record[id_at]!r}, not {allowed_key(item_kind)}"
            raise RefusedError(f"{where}: {found}.", _EXPORT_AGAIN)
        if key in rows:
            raise RefusedError(f"{where}: item {shortened(repr(key))} is there already.", _EXPORT_AGAIN)
        sellable = record[sellable_at]
        if sellable not in _SELLABLE:
            raise RefusedError(f"{where}: sellable is {sellable!r}, not true or false.", _EXPORT_AGAIN)
        category = None if category_at is None else record[category_at]
        rows[key] = (record[name_at], _SELLABLE[sellable], category)
    ids = keys_of(rows)
    ordered = [rows[ids[i]] for i in range(len(ids))]
    return Catalogue(
        ids=ids,
        names=tuple(name for name, _, _ in ordered),
        sellable=np.array([sellable for _, sellable, _ in ordered], bool),
        categories=None if category_at is None else tuple(category for _, _, category in ordered),
    )
