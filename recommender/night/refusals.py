"""What no night can do without: one sentence for each way in which there is nothing to show.

A night asks before it ranks, and `recommend check` asks the same. The gate would refuse these nights too, but
with a finding for each empty list, and for each share of what was published last.
"""

from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.errors import RefusedError
from recommender.system.text import shortened
from recommender.system.window import MOST_HISTORY_DAYS
from recommender.tables import RECOMMENDATIONS, ListTable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from recommender.learning.interactions import Interactions
    from recommender.runs.folder import Run
    from recommender.runs.items import Catalogue
    from recommender.runs.keys import Keys

    Bools = npt.NDArray[np.bool_]


def require_sales(
    sales: int, *, days: int, until: date, newest: date | None, path: Path, before: "Run | None"
) -> None:
    """Refuse a window without sales.

    Args:
        sales: lines of the export.
        days: length of the window.
        until: the as-of day.
        newest: the shop's day of the newest sale up to then, None where there is none.
        path: the query.
        before: the run published last, None where there is none.

    Raises:
        RefusedError: there are none.
    """
    if not sales:
        known = ""
        if newest is not None and days < (until - newest).days <= MOST_HISTORY_DAYS:
            known = (
                f" The newest sale there is of {newest}; HISTORY_DAYS={(until - newest).days} would read it."
            )
        if before is not None:
            known += f" The run {before.run_id}, published last, had {before.manifest.counts['sales'] or 0}."
        raise RefusedError(
            f"There are no sales in the {days} days up to {until}: {path} returns none.{known}",
            "Check its WHERE, HISTORY_DAYS, DATABASE_URL and --as-of.",
        )


def with_lists(
    interactions: "Interactions",
    catalogue: "Catalogue",
    never: "Keys",
    *,
    publish_guests: bool,
    exclude_seen: bool,
) -> "Bools":
    """Which users have a list of their own, shape (users,): those for whom there is an item left.

    Args:
        interactions: what was bought.
        catalogue: what there is to sell.
        never: items never to recommend.
        publish_guests: whether guests get lists.
        exclude_seen: whether customers are shown nothing that they have bought.
    """
    allowed = int(catalogue.allowed(catalogue.ids, never).sum())
    bought = interactions.weights[:, catalogue.allowed(interactions.item_ids, never)].getnnz(axis=1)
    listed: Bools = ~interactions.guests() | publish_guests
    return listed & ((bought if exclude_seen else 0) < allowed)


def require_lists(
    interactions: "Interactions",
    catalogue: "Catalogue",
    never: "Keys",
    *,
    made: Collection[ListTable],
    publish_guests: bool,
    exclude_seen: bool,
    sales_path: Path,
    items_path: Path,
) -> None:
    """Refuse what cannot make a single row; for a night and for `recommend check` alike.

    Args:
        interactions: what was bought.
        catalogue: what there is to sell.
        never: items never to recommend.
        made: the lists that are asked for: customers need something new only where they have lists.
        publish_guests: whether guests get lists.
        exclude_seen: whether customers are shown nothing that they have bought.
        sales_path: the query of the sales, for messages.
        items_path: the query of the items, for messages.

    Raises:
        RefusedError: nobody bought anything; only guests did, who get no lists; there are no items; none that
            was sold is among them; none may be recommended; everybody has bought all that may be.
    """
    if not len(interactions.user_ids):
        raise RefusedError(
            f"None of the {interactions.n_sales} sale lines of {sales_path} is a purchase: every quantity is"
            " 0 or less.",
            "Check quantity in the query: what was sold is positive, what came back negative.",
        )
    has_own_lists = RECOMMENDATIONS in made
    if has_own_lists and not publish_guests and interactions.guests().all():
        raise RefusedError(
            f"All {len(interactions.user_ids)} customers of {sales_path} are guests, and PUBLISH_GUESTS is"
            " no.",
            "Check customer_id in the query, or set PUBLISH_GUESTS=yes and run `recommend init`.",
        )
    if not len(catalogue.ids):
        raise RefusedError(f"{items_path} returns no items.", "Check its WHERE and DATABASE_URL.")
    sold = interactions.item_ids
    if (catalogue.ids.find(sold) < 0).all():
        raise RefusedError(
            f"No item_id of {sales_path} is in {items_path}: {shortened(sold[0])} is one of the sales,"
            f" {shortened(catalogue.ids[0])} one of the items.",
            "Let both queries return the same key of a product.",
        )
    if not catalogue.sellable.any():
        raise RefusedError(
            f"None of the {len(catalogue.ids)} items of {items_path} is sellable.",
            "Check sellable in the query: 1, true or a number above 0 is sellable.",
        )
    allowed = int(catalogue.allowed(catalogue.ids, never).sum())
    if not allowed:
        raise RefusedError(
            f"All {int(catalogue.sellable.sum())} sellable items of {items_path} are in the file of"
            " NEVER_RECOMMEND.",
            "Check that file.",
        )
    listed = with_lists(
        interactions, catalogue, never, publish_guests=publish_guests, exclude_seen=exclude_seen
    )
    if has_own_lists and not listed.any():
        raise RefusedError(
            f"Every customer has bought all there is to recommend ({allowed} items).",
            "Check sellable in items.sql, or set REPEAT_PURCHASES=include.",
        )
