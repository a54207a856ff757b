"""What the sales and items hold: numbers, dates, gaps, keys that fit nothing; and what the gate would say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recommender.database.base import capital
from recommender.database.schema import Target
from recommender.errors import RefusedError
from recommender.export.snapshot import Export
from recommender.learning.interactions import Interactions, load_sale_lines, make_interactions
from recommender.night.never import never_recommend
from recommender.night.oddities import MOST_TIMES_THE_MEAN, in_every_basket, item_in_most_baskets
from recommender.night.refusals import require_lists, require_sales, with_lists
from recommender.publishing.continuity import Reading, compare_histories
from recommender.publishing.gate import (
    ListFacts,
    check_histories,
    check_keys,
    check_published_items,
    check_shares,
)
from recommender.publishing.publish import published_items
from recommender.runs.folder import ITEMS, QUERIES, SALES, Run
from recommender.runs.items import Catalogue, load_catalogue
from recommender.runs.keys import Keys
from recommender.settings import Settings
from recommender.setup.checks.findings import Findings
from recommender.system.files import sha256_of
from recommender.system.text import shortened
from recommender.system.times import moment_of, shop_days
from recommender.system.window import Window
from recommender.tables import RECOMMENDATIONS, KeyKind, Role

_MOST_REPEATED_SHARE = 0.05
_MOST_UNKNOWN_SHARE = 0.2
_MOST_UNSELLABLE_SHARE = 0.9
_LATELY_DAYS, _BEFORE_DAYS = 14, 90
_ENOUGH_DAYS = 10
"""Days with sales among those before, so that one can tell what is usual."""
_EXAMPLES = 3


@dataclass(frozen=True)
class CheckedSales:
    """What the check keeps of tonight's sales and items."""

    export: Export
    catalogue: Catalogue
    """The exported items."""
    interactions: Interactions
    """What the night will learn from."""
    customers: Keys
    """Those with at least one line of positive quantity; no guests unless they are published."""
    items: Keys
    lines: int
    newest: datetime | None
    unknown_lines: int
    """Lines of items that items.sql does not return."""
    unknown_items: tuple[str, ...]
    repeated_lines: int
    """Lines of the same customer, item and time as another one."""
    days: tuple[int, ...]
    """The days with sales as ordinals in the shop's zone, ascending."""
    nobody: tuple[str, int] | None
    """A customer's key that seems to stand for guests, and how many lines it has."""
    in_most_baskets: tuple[int | str, float] | None
    """An item that lies in most baskets, and its share of them."""


def read_sales(folder: Path, export: Export, settings: Settings) -> CheckedSales:
    """Read what was exported as the night will, so that both judge by the same."""
    catalogue = load_catalogue(folder / ITEMS, item_kind=export.item_kind)
    lines = load_sale_lines(folder / SALES, customer_kind=export.customer_kind, item_kind=export.item_kind)
    interactions = make_interactions(lines, half_life_days=settings.half_life_days)
    items, moments = lines.item_ids, lines.times
    unknown = catalogue.ids.find(items) < 0
    per_item = np.bincount(lines.items, minlength=len(items))
    common = item_in_most_baskets(lines.users, lines.items, moments)
    return CheckedSales(
        export=export,
        catalogue=catalogue,
        interactions=interactions,
        customers=interactions.user_ids.where(~interactions.guests() | settings.publish_guests),
        items=items,
        lines=len(moments),
        newest=moment_of(lines.newest) if len(moments) else None,
        unknown_lines=int(per_item[unknown].sum()),
        unknown_items=tuple(str(items[int(i)]) for i in np.flatnonzero(unknown)[:_EXAMPLES]),
        repeated_lines=int(np.count_nonzero(~lines.begins)),
        days=tuple(np.unique(shop_days(moments, settings.shop_timezone)).tolist()),
        nobody=_nobody(lines.user_ids, lines.users),
        in_most_baskets=None if common is None else (items[common[0]], common[1]),
    )


def _nobody(customers: Keys, users: npt.NDArray[np.int32]) -> tuple[str, int] | None:
    """The key with the most lines, where it is 0, less or empty, or beyond what a person buys.

    Args:
        customers: the keys.
        users: each line's place among them, of shape (lines,).
    """
    if not len(users):
        return None
    lines = np.bincount(users, minlength=len(customers))
    place = int(lines.argmax())
    key = customers[place]
    is_none = key <= 0 if isinstance(key, int) else key.strip() in ("", "0")
    is_crowd = lines[place] > MOST_TIMES_THE_MEAN * len(users) / len(customers)
    return (str(key), int(lines[place])) if is_none or is_crowd else None


def check_sales(
    sales: CheckedSales, *, window: Window, settings: Settings, last_run: Run | None, findings: Findings
) -> None:
    """Numbers, ages, gaps and doubles; all but an empty shop only warns."""
    export, counts = sales.export, sales.export.counts
    for warning in export.warnings:
        since = ":since" in warning
        what_to_do = "Add WHERE … >= :since." if since else "Check the query; the night goes on all the same."
        findings.warn("sales", warning, what_to_do)
    with findings.trying("sales"):
        require_sales(
            sales.lines,
            settings,
            until=window.as_of_day,
            newest=export.older_day(settings.shop_timezone),
            before=last_run,
        )
    if not sales.lines:
        return
    oldest = date.fromordinal(sales.days[0])
    guests = f" ({counts.guest_sales:,} of them by guests)" if counts.guest_sales else ""
    findings.ok(
        "sales",
        f"{sales.lines:,} sale lines{guests} by {len(sales.customers):,} customers of {len(sales.items):,}"
        f" items, from {oldest} to {date.fromordinal(sales.days[-1])}.",
    )
    for name, keys in (("customer", sales.customers), ("item", sales.items)):
        if len(keys) == 1:
            findings.warn(
                "sales",
                f"All sales are of one {name}: there is nothing to learn from.",
                f"Check {name}_id in sales.sql.",
            )
    if sales.nobody is not None:
        key, lines = sales.nobody
        findings.warn(
            "sales",
            f"Customer {shortened(key) or '(empty)'} has {lines:,} of {sales.lines:,} lines, as if that were"
            " all the guests.",
            "If so, write NULLIF(…, 0) AS customer_id (NULLIF(…, '') for an empty text), and return"
            " guest_email: as one customer they teach the model nonsense.",
        )
    if sales.repeated_lines > _MOST_REPEATED_SHARE * sales.lines:
        findings.warn(
            "sales",
            f"{sales.repeated_lines:,} of {sales.lines:,} lines repeat customer, item and time of another.",
            "They count as one purchase; when a JOIN makes them, correct the query: it reads too much.",
        )
    gap = find_gap(sales.days, window.as_of_day.toordinal())
    if gap:
        first, last = map(date.fromordinal, gap)
        span = f"on {first}" if first == last else f"from {first} to {last}"
        findings.warn(
            "sales",
            f"No sales {span}, which is longer than usual in this shop.",
            "Find out whether the sales arrive in the database.",
        )


def find_gap(days: Sequence[int], today: int) -> tuple[int, int] | None:
    """The longest row of days without sales in the last fourteen, if the ninety days before had none so long.

    Args:
        days: ordinals of days with sales, ascending.
        today: ordinal of the day that is not over yet and is not looked at.

    Returns:
        Its first and last day, or None. Where the days before are too few to tell what is usual, only a shop
        without any sale in the fourteen days has a gap: since its newest sale.
    """
    known = [day for day in days if day < today]
    if not known:
        return None
    begin = today - _LATELY_DAYS
    before = [day for day in known if begin - _BEFORE_DAYS <= day < begin]
    if len(before) < _ENOUGH_DAYS:
        return None if known[-1] >= begin else (known[-1] + 1, today - 1)
    usual = max(later - day for day, later in pairwise(before)) - 1
    lately = [before[-1], *(day for day in known if day >= begin), today]
    first, end = max(pairwise(lately), key=lambda pair: pair[1] - pair[0])
    return (first + 1, end - 1) if end - first - 1 > usual + 1 else None


def check_items(
    sales: CheckedSales, *, settings: Settings, target: Target | None, findings: Findings
) -> Keys:
    """What there is to sell, and whether sales and items speak of the same things.

    Without a target nobody can be asked which items NEVER_RECOMMEND names.

    Returns:
        The items that are never recommended.
    """
    never = Keys.of()
    catalogue, counts = sales.catalogue, sales.export.counts
    findings.ok("items", f"{counts.items:,} items, {counts.sellable_items:,} of them sellable.")
    if sales.unknown_lines:
        examples = ", ".join(map(shortened, sales.unknown_items))
        what = (
            f"{sales.unknown_lines:,} of {sales.lines:,} sale lines are of items that items.sql does not"
            f" return, such as {examples}"
        )
        if sales.unknown_lines > _MOST_UNKNOWN_SHARE * sales.lines:
            findings.warn(
                "items",
                f"{what}.",
                "They are learned from but never shown: check item_id in both queries; items.sql returns all"
                " products, also those that are not sellable.",
            )
        else:
            findings.ok("items", f"{what}: deleted products, as it seems.")
    with findings.trying("items"):
        known = catalogue.ids.union(sales.items)
        named = never_recommend(settings.never_recommend, sales.export.item_kind, known, target)
        never = named.items
        if named.warning:
            findings.warn(
                "items",
                named.warning,
                "Check how they are written: what is meant by a line with a slip in it is recommended."
                if target is not None
                else "Only what is equal letter by letter was found: our tables could not be asked.",
                *named.examples,
            )
        if sales.lines:
            require_lists(sales.interactions, catalogue, never, settings)
        left = catalogue.allowed(catalogue.ids, never)
        items = catalogue.ids.as_texts()
        if sales.in_most_baskets is not None:
            item, share = sales.in_most_baskets
            if str(item) in items and left[items.index(str(item))]:
                what, _, what_to_do = in_every_basket(item, share).partition(": ")
                findings.warn("items", f"{what}.", capital(what_to_do))
        allowed = int(left.sum())
        if allowed < settings.top_n:
            findings.warn(
                "items",
                f"Only {allowed} items may be recommended; TOP_N is {settings.top_n}, so lists stay shorter.",
                "Check sellable in items.sql.",
            )
        if counts.sellable_items < (1 - _MOST_UNSELLABLE_SHARE) * counts.items:
            findings.warn(
                "items",
                f"{1 - counts.sellable_items / counts.items:.0%} of the items are not sellable.",
                "Check sellable in items.sql: 1, true or a number above 0 is sellable.",
            )
    return never


def check_gate(
    sales: CheckedSales,
    never: Keys,
    *,
    settings: Settings,
    target: Target,
    window: Window,
    last_run: Run | None,
    findings: Findings,
) -> dict[Role, object]:
    """What the gate can know before there are lists: keys that fit the tables, and what the last night had.

    Returns:
        A customer key and an item key that fit, to try a row with; empty where there are none.
    """
    export, catalogue = sales.export, sales.catalogue
    kinds = {
        Role.CUSTOMER: KeyKind.TEXT if settings.publish_guests else export.customer_kind,
        Role.ITEM: export.item_kind,
    }
    customers, items = tuple(sales.customers.as_texts()), tuple(catalogue.ids.as_texts())
    bought = tuple(sales.items.as_texts())
    facts = {
        definition: ListFacts(
            len(items),
            {
                column.name: customers if column.role is Role.CUSTOMER else items if column.shown else bought
                for column in definition.columns
                if column.role in kinds
            },
        )
        for definition in target.made
    }
    is_full = all((customers, items, bought))
    fits = False
    with findings.trying("tables"), target.connect() as connection:
        refused = check_keys(facts, kinds, target, connection) if is_full else []
        fits = is_full and not refused
        published = target.last_publish(connection)
        has_own_lists = RECOMMENDATIONS in target.made
        listed = with_lists(sales.interactions, catalogue, never, settings)
        refused += check_shares(
            published,
            settings,
            customers=int(listed.sum()) if has_own_lists else None,
            sales=sales.lines,
            as_of_day=window.as_of_day,
        )
        reading = Reading(
            window=window,
            settings=settings.public(),
            sales_query=None if settings.sales_uri else sha256_of(settings.sql_dir / QUERIES[0]),
            keys={"customer": export.customer_kind, "item": export.item_kind},
        )
        compared = compare_histories(last_run, sales.interactions, reading)
        refused += [] if compared is None else check_histories(*compared)
        if published is not None:
            shown = published_items(target, connection)
            refused += check_published_items(shown, items, min_share=settings.min_items_share)
        for finding in refused:
            error = RefusedError(finding.code, finding.message, finding.what_to_do, named=finding.named)
            findings.error("tables", error)
    if not fits:
        return {}
    customer = sales.customers[0]
    return {
        Role.CUSTOMER: str(customer) if settings.publish_guests else customer,
        Role.ITEM: catalogue.ids[0],
    }
