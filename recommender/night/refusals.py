"""What no night can do without: one sentence for each way in which there is nothing to show.

A night asks before it ranks, and `recommend check` asks the same. The gate would refuse these nights too, but
with a finding for each empty list, and for each share of what was published last.
"""

from collections.abc import Sequence
from datetime import date
from itertools import compress

from recommender.errors import RefusedError
from recommender.export.sources import said_as
from recommender.learning.interactions import Interactions
from recommender.runs.folder import QUERIES, RULES_QUERY, Run
from recommender.runs.items import Catalogue
from recommender.runs.keys import Keys
from recommender.runs.leftout import left_out
from recommender.runs.rules import Rule
from recommender.settings import Settings
from recommender.system.arrays import Bools
from recommender.system.text import shortened
from recommender.system.window import MOST_HISTORY_DAYS
from recommender.tables import RECOMMENDATIONS, made_lists


def require_sales(
    sales: int, settings: Settings, *, until: date, newest: date | None, before: Run | None
) -> None:
    """Refuse a window without sales.

    Args:
        sales: lines of the export.
        settings: of the night.
        until: the as-of day.
        newest: the shop's day of the newest sale up to then, None where there is none.
        before: the run published last, None where there is none.

    Raises:
        RefusedError: there are none.
    """
    if not sales:
        days, path = settings.history_days, said_as(settings, QUERIES[0])
        known = ""
        if newest is not None and days < (until - newest).days <= MOST_HISTORY_DAYS:
            known = (
                f" The newest sale there is of {newest}; HISTORY_DAYS={(until - newest).days} would read it."
            )
        if before is not None:
            known += f" The run {before.run_id}, published last, had {before.manifest.counts['sales'] or 0}."
        raise RefusedError(
            "sales-none",
            f"There are no sales in the {days} days up to {until}: {path} returns none.{known}",
            "Check its WHERE, HISTORY_DAYS, DATABASE_URL and --as-of.",
        )


def with_lists(interactions: Interactions, catalogue: Catalogue, never: Keys, settings: Settings) -> Bools:
    """Which users have a list of their own, shape (users,): those for whom there is an item left."""
    allowed = int(catalogue.allowed(catalogue.ids, never).sum())
    bought = interactions.weights[:, catalogue.allowed(interactions.item_ids, never)].getnnz(axis=1)
    listed: Bools = ~interactions.guests() | settings.publish_guests
    return listed & ((bought if settings.exclude_seen else 0) < allowed)


def require_lists(interactions: Interactions, catalogue: Catalogue, never: Keys, settings: Settings) -> None:
    """Refuse what cannot make a single row; customers need something new only where they have lists.

    Raises:
        RefusedError: nobody bought anything; only guests did, who get no lists; there are no items; none that
            was sold is among them; none may be recommended; everybody has bought all that may be.
    """
    sales_path, items_path = (said_as(settings, name) for name in QUERIES)
    if not len(interactions.user_ids):
        raise RefusedError(
            "sales-no-purchase",
            f"None of the {interactions.n_sales} sale lines of {sales_path} is a purchase: every quantity is"
            " 0 or less.",
            "Check quantity in the query: what was sold is positive, what came back negative.",
        )
    has_own_lists = RECOMMENDATIONS in made_lists(settings.lists)
    if has_own_lists and not settings.publish_guests and interactions.guests().all():
        raise RefusedError(
            "sales-only-guests",
            f"All {len(interactions.user_ids)} customers of {sales_path} are guests, and PUBLISH_GUESTS is"
            " no.",
            "Check customer_id in the query, or set PUBLISH_GUESTS=yes and run `recommend init`.",
        )
    if not len(catalogue.ids):
        raise RefusedError(
            "items-none", f"{items_path} returns no items.", "Check its WHERE and DATABASE_URL."
        )
    sold = interactions.item_ids
    if (catalogue.ids.find(sold) < 0).all():
        raise RefusedError(
            "items-not-sold",
            f"No item_id of {sales_path} is in {items_path}: {shortened(sold[0])} is one of the sales,"
            f" {shortened(catalogue.ids[0])} one of the items.",
            "Let both queries return the same key of a product.",
        )
    if not catalogue.sellable.any():
        raise RefusedError(
            "items-not-sellable",
            f"None of the {len(catalogue.ids)} items of {items_path} is sellable.",
            "Check sellable in the query: 1, true or a number above 0 is sellable.",
        )
    allowed = int(catalogue.allowed(catalogue.ids, never).sum())
    if not allowed:
        raise RefusedError(
            "items-all-left-out",
            f"All {int(catalogue.sellable.sum())} sellable items of {items_path} are in the file of"
            " NEVER_RECOMMEND, or a rule never keeps them out.",
            "Check that file, and rules.sql.",
        )
    if has_own_lists and not with_lists(interactions, catalogue, never, settings).any():
        raise RefusedError(
            "items-all-bought",
            f"Every customer has bought all there is to recommend ({allowed} items).",
            "Check sellable in items.sql, or set REPEAT_PURCHASES=include.",
        )


def require_shown(rules: Sequence[Rule], catalogue: Catalogue, never: Keys, settings: Settings) -> None:
    """Refuse rules that leave nothing to show in a list that is never empty.

    Raises:
        RefusedError: names the list.
    """
    may = catalogue.allowed(catalogue.ids, never)
    allowed = {*compress(catalogue.ids.as_texts(), may)}
    for definition in made_lists(settings.lists):
        out = left_out(rules, definition, catalogue).items if definition.needs_rows else ()
        if allowed and allowed.issubset(out):
            raise RefusedError(
                "rules-leave-nothing",
                f"The rules of {settings.sql_dir / RULES_QUERY} leave out all {len(allowed):,} items that"
                f" could stand in {definition.name}.",
                "Check rules.sql, or take the list out of LISTS.",
            )
