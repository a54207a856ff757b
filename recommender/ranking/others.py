"""The lists beside the recommendations, from the files of a run folder into its files."""

from collections.abc import Collection, Mapping
from zoneinfo import ZoneInfo

import numpy as np

from recommender.learning.interactions import Interactions
from recommender.ranking.bought_together import basket_matrix, bought_together, load_baskets
from recommender.ranking.buy_again import buy_again
from recommender.ranking.listfiles import write_rows
from recommender.ranking.rows import ListRows
from recommender.ranking.similar_items import similar_items
from recommender.runs.folder import SALES, Run
from recommender.runs.items import Catalogue
from recommender.runs.keys import Keys
from recommender.runs.lists import ListFile
from recommender.system.machine import give_back_memory
from recommender.system.times import shop_days
from recommender.tables import BOUGHT_TOGETHER, BUY_AGAIN, LISTS, SIMILAR_ITEMS, KeyKind, ListTable, Role


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

    Returns:
        How many rows each list has.

    Raises:
        RefusedError: the file of the sales is not in our form.
    """
    items = interactions.item_ids
    candidates = catalogue.allowed(items, never)
    counts = {}

    def write(definition: ListTable, rows: ListRows, owners: Keys) -> None:
        write_rows(run.path(definition.file_name), definition, rows, owners=owners, items=items)
        counts[definition] = len(rows.owner)
        give_back_memory()

    if BUY_AGAIN in made:
        guests = interactions.guests()
        days = shop_days(np.append(interactions.purchases.times, interactions.newest), zone)
        rows = buy_again(
            interactions.purchases,
            days[:-1],
            today=int(days[-1]),
            users=np.ones_like(guests) if publish_guests else ~guests,
            candidates=candidates,
            n=n,
        )
        write(BUY_AGAIN, rows, interactions.user_ids)
    if SIMILAR_ITEMS in made:
        rows = similar_items(interactions.weights, candidates=candidates, n=n, threads=threads)
        write(SIMILAR_ITEMS, rows, items)
    if BOUGHT_TOGETHER in made:
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
        rows = bought_together(contents, candidates=candidates, n=n, threads=threads)
        write(BOUGHT_TOGETHER, rows, items)
    empty_left_out(run, made)
    return counts


def empty_left_out(run: Run, made: Collection[ListTable]) -> None:
    """What is not made is published without rows, whatever an earlier stage was told to make."""
    for definition in LISTS:
        if definition not in made:
            ListFile(run.path(definition.file_name), definition).write()
