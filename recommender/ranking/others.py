"""The lists beside the recommendations, from the files of a run folder into its files."""

from collections.abc import Collection, Mapping
from zoneinfo import ZoneInfo

import numpy as np

from recommender.learning.interactions import Interactions
from recommender.ranking.bought_together import basket_matrix, bought_together, load_baskets
from recommender.ranking.buy_again import buy_again
from recommender.ranking.listfiles import write_rows
from recommender.ranking.listrules import ListRules, ShopRules, pinned_items
from recommender.ranking.rows import ListRows
from recommender.ranking.similar_items import similar_items
from recommender.runs.folder import SALES, Run
from recommender.runs.items import Catalogue
from recommender.runs.keys import Keys
from recommender.runs.lists import ListFile
from recommender.system.arrays import Bools
from recommender.system.machine import give_back_memory
from recommender.system.progress import UNSEEN, Step
from recommender.system.times import shop_days
from recommender.tables import BOUGHT_TOGETHER, BUY_AGAIN, LISTS, SIMILAR_ITEMS, KeyKind, ListTable, Role

_SHARES = {BUY_AGAIN: 1.0, SIMILAR_ITEMS: 2.0, BOUGHT_TOGETHER: 3.0}
"""Of the time that they take."""


def _words(definition: ListTable) -> str:
    return definition.name.replace("_", " ")


def write_lists(
    run: Run,
    interactions: Interactions,
    catalogue: Catalogue,
    *,
    kinds: Mapping[Role, KeyKind],
    made: Collection[ListTable],
    never: Keys,
    n: int,
    publish_guests: bool,
    zone: ZoneInfo,
    threads: int,
    rules: ShopRules,
    progress: Step = UNSEEN,
) -> dict[ListTable, int]:
    """Make and write `buy_again`, `similar_items` and `bought_together`, those of them that are asked for.

    The files of the others are left empty.

    Args:
        run: where the sales are and the files go; only its paths are used.
        interactions: the sales.
        catalogue: which items there are and may be sold.
        kinds: what the keys of the sales are.
        made: the lists that are asked for.
        never: items that are never listed.
        n: rows of a list at most.
        publish_guests: make lists for guests too.
        zone: of the shop's days.
        threads: how many to use, at least 1; no list depends on it.
        rules: the shop's own.
        progress: hears of the lists.

    Returns:
        How many rows each list has.

    Raises:
        RefusedError: the file of the sales is not in our form.
    """
    items = interactions.item_ids
    counts = {}
    steps = progress.split(
        {_words(definition): share for definition, share in _SHARES.items() if definition in made}
    )

    def looked_up(
        definition: ListTable, customers: Keys | None = None
    ) -> tuple[ListRules | None, Keys, Bools]:
        """The rules of a list, what can be listed, and which of the items sold may be."""
        # What nobody has bought can be pinned.
        listed = items.union(pinned_items(rules.rules, definition, kinds[Role.ITEM]))
        allowed = catalogue.allowed(listed, never)
        found = rules.for_list(
            definition,
            n=n,
            items=listed,
            sold=items,
            catalogue=catalogue,
            allowed=allowed,
            customers=customers,
        )
        if found is None or found.only_leave_out:
            listed = items
        return found, listed, (allowed if found is None else found.allowed)[listed.find(items)]

    def write(definition: ListTable, rows: ListRows, *, owners: Keys, listed: Keys) -> None:
        write_rows(run.path(definition.file_name), definition, rows, owners=owners, items=listed)
        counts[definition] = len(rows.owner)
        give_back_memory()

    if BUY_AGAIN in made:
        steps[_words(BUY_AGAIN)].begin()
        guests = interactions.guests()
        days = shop_days(np.append(interactions.purchases.times, interactions.newest), zone)
        own, listed, candidates = looked_up(BUY_AGAIN, interactions.user_ids)
        rows = buy_again(
            interactions.purchases,
            days[:-1],
            today=int(days[-1]),
            users=np.ones_like(guests) if publish_guests else ~guests,
            candidates=candidates,
            n=n,
            rules=own,
        )
        write(BUY_AGAIN, rows, owners=interactions.user_ids, listed=listed)
    if SIMILAR_ITEMS in made:
        step = steps[_words(SIMILAR_ITEMS)].begin()
        own, listed, candidates = looked_up(SIMILAR_ITEMS)
        rows = similar_items(
            interactions.weights, candidates=candidates, n=n, threads=threads, rules=own, progress=step
        )
        write(SIMILAR_ITEMS, rows, owners=listed, listed=listed)
    if BOUGHT_TOGETHER in made:
        reading, step = steps[_words(BOUGHT_TOGETHER)].begin().parts(1, 2)
        reading.begin()
        baskets, sold = load_baskets(
            run.path(SALES),
            customer_kind=kinds[Role.CUSTOMER],
            item_kind=kinds[Role.ITEM],
            items=items,
            zone=zone,
        )
        contents = basket_matrix(baskets, sold, n_items=len(items))
        del baskets, sold
        give_back_memory()
        own, listed, candidates = looked_up(BOUGHT_TOGETHER)
        rows = bought_together(
            contents, candidates=candidates, n=n, threads=threads, rules=own, progress=step
        )
        write(BOUGHT_TOGETHER, rows, owners=listed, listed=listed)
    empty_left_out(run, made)
    return counts


def empty_left_out(run: Run, made: Collection[ListTable]) -> None:
    """What is not made is published without rows, whatever an earlier stage was told to make."""
    for definition in LISTS:
        if definition not in made:
            ListFile(run.path(definition.file_name), definition).write()
