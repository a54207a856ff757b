"""The shop's items as the run folder has them, and the list of items never to recommend."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recommender.csvform import read_records
from recommender.errors import RefusedError, SettingsError
from recommender.keykind import KeyKind, integer_key
from recommender.keys import Keys
from recommender.texttable import shortened

Bools = npt.NDArray[np.bool_]

_EXPORT_AGAIN = "Start again with `recommend export`."
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
        key = _key(record[id_at], item_kind)
        if key is None:
            found = f"item_id is {record[id_at]!r}, not {_allowed(item_kind)}"
            raise RefusedError(f"{where}: {found}.", _EXPORT_AGAIN)
        if key in rows:
            raise RefusedError(f"{where}: item {shortened(repr(key))} is there already.", _EXPORT_AGAIN)
        sellable = record[sellable_at]
        if sellable not in ("0", "1"):
            raise RefusedError(f"{where}: sellable is {sellable!r}, not 0 or 1.", _EXPORT_AGAIN)
        category = None if category_at is None else record[category_at]
        rows[key] = (record[name_at], sellable == "1", category)
    ids = _keys(rows)
    ordered = [rows[ids[i]] for i in range(len(ids))]
    return Catalogue(
        ids=ids,
        names=tuple(name for name, _, _ in ordered),
        sellable=np.array([sellable for _, sellable, _ in ordered], bool),
        categories=None if category_at is None else tuple(category for _, _, category in ordered),
    )


def read_never_recommend(path: Path, item_kind: KeyKind) -> Keys:
    """The items of a `NEVER_RECOMMEND` file: one item id a line, blank lines skipped.

    A text id with blanks around it stands for itself and for the id without them: a blank too many, typed by
    hand, must not bring an item back.

    Raises:
        SettingsError: the file cannot be read, or an integer shop's line is no integer; names file and line.
    """
    what_to_do = "Put one item id on each line, or empty the setting NEVER_RECOMMEND."
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise SettingsError(f"NEVER_RECOMMEND: {path} cannot be read: {why}.", what_to_do) from error
    keys: set[int | str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        for text in (line, line.strip()) if item_kind is KeyKind.TEXT else (line.strip(),):
            key = _key(text, item_kind)
            if key is None:
                # Not the line itself: where the setting names a file of secrets, root would tell them.
                where = f"NEVER_RECOMMEND: {path}, line {number}"
                raise SettingsError(f"{where} is not {_allowed(item_kind)} (not shown).", what_to_do)
            keys.add(key)
    return _keys(keys)


def _key(text: str | None, kind: KeyKind) -> int | str | None:
    """The key that the text stands for, None where it is none."""
    if text is None or kind is KeyKind.TEXT:
        return text
    return integer_key(text)


def _allowed(kind: KeyKind) -> str:
    return "an integer of 64 bits" if kind is KeyKind.INTEGER else "a text"


def _keys(found: Collection[int | str]) -> Keys:
    return Keys.of(
        integers=(key for key in found if isinstance(key, int)),
        texts=(key for key in found if isinstance(key, str)),
    )
