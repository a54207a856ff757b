"""Whether tonight's shop is that of the last publish: do its keys still mean the same customers and items.

A platform that was moved, a table that was filled anew from 1, an import that went wrong: then all is in its
form, and every list would be somebody else's.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from recommender.errors import RecommenderError
from recommender.learning.interactions import Interactions
from recommender.learning.modelfile import load_histories
from recommender.runs.folder import ITEMS, MODEL, QUERIES, Run
from recommender.runs.items import Catalogue, load_catalogue
from recommender.system.text import shortened
from recommender.system.times import microseconds
from recommender.system.window import Window
from recommender.tables import KeyKind

log = logging.getLogger(__name__)

_SETTINGS = ("HISTORY_DAYS", "SHOP_TIMEZONE", "SALES_TIMEZONE", "GUEST_KEY", "SALES_URI")
"""What else decides which purchases are read, and when they were."""
_CLEAR = timedelta(days=30)
"""Whose first purchase is so long after the begin of the window has hardly lost one behind it since."""
_FEWEST_ITEMS = 50
_RENAMED_SHARE = 0.5


class Histories(NamedTuple):
    """How customers' purchases compare with those at the last publish; by the names in a run's counts."""

    customers_compared: int
    """who were known then"""
    customers_changed: int
    """those of them with other purchases of that time now"""

    @classmethod
    def of(cls, counts: Mapping[str, int | None]) -> "Histories | None":
        """What a run has on record; None where there was nothing to compare."""
        found = [counts.get(name) for name in cls._fields]
        return cls(*(number or 0 for number in found)) if found[0] is not None else None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What decides which purchases a night reads."""

    window: Window
    settings: Mapping[str, Any]
    """as the record has them"""
    sales_query: str | None
    """sha256 of `sales.sql`"""
    keys: Mapping[str, KeyKind]
    """kinds of the customers' and the items', as the record has them"""


def compare_histories(last: Run | None, interactions: Interactions, reading: Reading) -> Histories | None:
    """Count the customers who up to the last publish have other purchases now than they had then.

    None where there is nothing to compare.
    """
    if last is None or not _reads_the_same(last, reading):
        return None
    try:
        users, histories = load_histories(last.path(MODEL), sha256=last.manifest.sha256_of(MODEL))
    except RecommenderError as error:
        log.info("customers cannot be compared with %s: %s", last.run_id, error)
        return None
    clear = microseconds(reading.window.start + _CLEAR)
    until = microseconds(datetime.fromisoformat(last.manifest.as_of))
    now, first = interactions.histories_until(until)
    places = users.find(interactions.user_ids)
    compared = (places >= 0) & (first >= clear) & (first < until)
    changed = histories[places[compared]] != now[compared]
    return Histories(int(compared.sum()), int(changed.sum()))


def _reads_the_same(last: Run, reading: Reading) -> bool:
    then = last.manifest
    return (
        all(then.settings.get(name) == reading.settings.get(name) for name in _SETTINGS)
        and then.files.get(QUERIES[0]) == reading.sales_query
        and then.keys == reading.keys
        and datetime.fromisoformat(then.as_of) <= reading.window.end
        and "sales" in then.counts
    )


def renamed_items(last: Run | None, catalogue: Catalogue, kind: KeyKind) -> str | None:
    """A warning where most items have other names than at the last publish; None where they have not."""
    if last is None or not last.path(ITEMS).is_file() or last.manifest.keys.get("item") != kind:
        return None
    before = load_catalogue(last.path(ITEMS), item_kind=kind)
    places = before.ids.find(catalogue.ids)
    known = np.flatnonzero(places >= 0).tolist()
    other = [i for i in known if before.names[places[i]] != catalogue.names[i]]
    if len(known) < _FEWEST_ITEMS or len(other) <= _RENAMED_SHARE * len(known):
        return None
    example = other[0]
    item, then, now = map(
        shortened, (catalogue.ids[example], before.names[places[example]], catalogue.names[example])
    )
    return (
        f"{len(other)} of {len(known)} items have other names than in the run {last.run_id}, such as"
        f" {item}: {then} then, {now} now."
        " If their keys were given anew, old sales teach nonsense: leave them out in sales.sql."
    )
