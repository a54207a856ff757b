"""What no night can do without: one sentence for each way in which there is nothing to show.

The gate would refuse these nights too, but with a finding for each empty list, and for each share of what was
published last.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from recommender.errors import RefusedError
from recommender.texttable import shortened

if TYPE_CHECKING:
    from recommender.catalogue import Catalogue
    from recommender.interactions import Interactions
    from recommender.keys import Keys


def require_sales(sales: int, *, days: int, until: str, path: Path, before: tuple[str, int] | None) -> None:
    """Refuse a window without sales.

    Args:
        sales: lines of the export.
        days: length of the window.
        until: the as-of day.
        path: the query.
        before: id and sale lines of the run published last, None where there is none.

    Raises:
        RefusedError: there are none.
    """
    if not sales:
        known = f" The run {before[0]}, published last, had {before[1]}." if before else ""
        raise RefusedError(
            f"There are no sales in the {days} days up to {until}: {path} returns none.{known}",
            "Mind its WHERE, HISTORY_DAYS, DATABASE_URL and --as-of.",
        )


def require_lists(
    interactions: "Interactions",
    catalogue: "Catalogue",
    never: "Keys",
    *,
    publish_guests: bool,
    sales_path: Path,
    items_path: Path,
) -> int:
    """Refuse what cannot make a single row.

    Args:
        interactions: what was bought.
        catalogue: what there is to sell.
        never: items never to recommend.
        publish_guests: whether guests get lists.
        sales_path: the query of the sales, for messages.
        items_path: the query of the items, for messages.

    Returns:
        How many items may be recommended.

    Raises:
        RefusedError: nobody bought anything; only guests did, who get no lists; there are no items; none may
            be recommended; none that was sold is among them.
    """
    if not len(interactions.user_ids):
        raise RefusedError(
            f"None of the {interactions.n_sales} sale lines of {sales_path} is a purchase: every quantity is"
            " 0 or less.",
            "Mind quantity in the query: what was sold is positive, what came back negative.",
        )
    if interactions.guests().all() and not publish_guests:
        raise RefusedError(
            f"All {len(interactions.user_ids)} customers of {sales_path} are guests, and PUBLISH_GUESTS is"
            " no.",
            "Mind customer_id in the query, or set PUBLISH_GUESTS=yes and run `recommend init`.",
        )
    if not len(catalogue.ids):
        raise RefusedError(f"{items_path} returns no items.", "Mind its WHERE and DATABASE_URL.")
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
            "Mind sellable in the query: 1, true or a number above 0 is sellable.",
        )
    allowed = catalogue.sellable.copy()
    found = catalogue.ids.find(never)
    allowed[found[found >= 0]] = False
    if not allowed.any():
        raise RefusedError(
            f"All {int(catalogue.sellable.sum())} sellable items of {items_path} are in the file of"
            " NEVER_RECOMMEND.",
            "Mind that file.",
        )
    return int(allowed.sum())


def require_rows(rows: int, items: int) -> None:
    """Refuse lists without a row, which a shop with something to sell has only where nothing is left to show.

    Args:
        rows: of all lists of the customers.
        items: how many may be recommended.

    Raises:
        RefusedError: there are none.
    """
    if not rows:
        raise RefusedError(
            f"Every customer has bought all there is to recommend ({items} items).",
            "Mind sellable in items.sql, or set REPEAT_PURCHASES=include.",
        )
