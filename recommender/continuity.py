"""Whether tonight's shop is that of the last publish: do its keys still mean the same customers and items.

A platform that was moved, a table that was filled anew from 1, an import that went wrong: then all is in its
form, and every list would be somebody else's.
"""

import logging
from datetime import datetime, timedelta

import numpy as np

from recommender.catalogue import Catalogue, load_catalogue
from recommender.errors import RecommenderError
from recommender.interactions import Interactions
from recommender.keykind import KeyKind
from recommender.modelfile import load_histories
from recommender.runs import ITEMS, MODEL, QUERIES, Run
from recommender.texttable import shortened
from recommender.times import microseconds

log = logging.getLogger(__name__)

COMPARED, CHANGED = "customers_compared", "customers_changed"
"""In the counts of a run."""
_SETTINGS = ("HISTORY_DAYS", "SHOP_TIMEZONE", "SALES_TIMEZONE", "GUEST_KEY")
"""What else decides which purchases are read, and when they were."""
_CLEAR = timedelta(days=30)
"""Whose first purchase is so long after the begin of the window has hardly lost one behind it since."""
_FEWEST_ITEMS = 50
_RENAMED_SHARE = 0.5


def compare_histories(run: Run, last: Run | None, interactions: Interactions) -> None:
    """Count the customers who up to the last publish have other purchases now than they had then.

    Args:
        run: tonight's; its counts get both numbers, or neither where there is nothing to compare.
        last: published before.
        interactions: of tonight's sales.
    """
    counts = run.manifest.counts
    for name in (COMPARED, CHANGED):
        counts.pop(name, None)
    if last is None or not _reads_the_same(run, last):
        return
    try:
        users, histories = load_histories(last.path(MODEL), sha256=last.manifest.sha256_of(MODEL))
    except RecommenderError as error:
        log.info("customers cannot be compared with %s: %s", last.run_id, error)
        return
    clear = microseconds(datetime.fromisoformat(run.manifest.window_start) + _CLEAR)
    until = microseconds(datetime.fromisoformat(last.manifest.as_of))
    now, first = interactions.histories_until(until)
    places = users.find(interactions.user_ids)
    compared = (places >= 0) & (first >= clear) & (first < until)
    counts[COMPARED] = int(compared.sum())
    counts[CHANGED] = int((histories[places[compared]] != now[compared]).sum())


def _reads_the_same(run: Run, last: Run) -> bool:
    then, now = last.manifest, run.manifest
    same = all(then.settings.get(name) == now.settings.get(name) for name in _SETTINGS)
    queries = then.files.get(QUERIES[0]) == now.files.get(QUERIES[0])
    return same and queries and then.keys == now.keys and then.as_of <= now.as_of and "sales" in then.counts


def renamed_items(last: Run | None, catalogue: Catalogue, kind: KeyKind) -> str | None:
    """A warning where most items have other names than at the last publish; None where they have not.

    Args:
        last: published before.
        catalogue: of tonight.
        kind: of the items' keys.
    """
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
