"""The shop's own rules as tonight's run would follow them: how many hold, and what nobody can follow."""

import os
from collections import Counter
from datetime import date, datetime
from pathlib import Path

import numpy as np

from recommender.database.base import Database
from recommender.database.query import read_query
from recommender.database.schema import Target
from recommender.export.fields import find_columns
from recommender.export.forgotten import Forgotten
from recommender.export.shoprules import RuleReader, unread_columns
from recommender.night.namedrules import Known, ask_shop, name_rules
from recommender.night.refusals import require_lists, require_shown
from recommender.ranking.listrules import NEW_DAYS, Arrivals, ages
from recommender.runs.folder import RULES, RULES_QUERY
from recommender.runs.keys import Keys
from recommender.runs.rules import RULE_COLUMNS, RuleKind, load_dated_rules
from recommender.settings import Settings
from recommender.setup.checks.findings import Findings
from recommender.setup.checks.ownqueries import FirstRows
from recommender.setup.checks.sales import CheckedSales
from recommender.setup.looks import Look
from recommender.tables import Role


def probe_rules(
    settings: Settings,
    database: Database,
    since: datetime,
    look: Look,
    findings: Findings,
    *,
    first: FirstRows,
    day: date,
) -> None:
    """Columns and every row of rules.sql, where there is one, also where the export is known to fail."""
    path = settings.sql_dir / RULES_QUERY
    if not os.path.lexists(path):
        return
    with findings.trying("rules"):
        query = read_query(path, database.backend, since, undecided=True)
        kinds = {Role.CUSTOMER: first.kinds["customer_id"], Role.ITEM: first.kinds["item_id"]}
        with look() as snapshot:
            columns = find_columns(query, snapshot, ("rule",), RULE_COLUMNS)
            unread = [*unread_columns(query, snapshot)]
            RuleReader(settings, day, kinds, Forgotten()).read(query, snapshot)
        also = f"; not read: {', '.join(unread)}" if unread else ""
        findings.ok("rules", f"{path} returns {', '.join(columns)}{also}.")


def check_rules(
    sales: CheckedSales,
    never: Keys,
    *,
    folder: Path,
    settings: Settings,
    shop: Database,
    target: Target | None,
    since: datetime,
    findings: Findings,
) -> Keys:
    """How many rules hold today, and all that the night would warn of.

    Args:
        sales: what was exported, the rules with it.
        never: the items that NEVER_RECOMMEND names.
        folder: where the export is.
        settings: of the night.
        shop: its database.
        target: our tables; None where nobody can be asked which keys are equal.
        since: what `:since` is, naive.
        findings: takes what was found.

    Returns:
        The items that are never recommended, by file or by rule.
    """
    export, catalogue = sales.export, sales.catalogue
    with findings.trying("rules"):
        dated = {} if export.rules_sha256 is None else load_dated_rules(folder / RULES)
        if export.rules_sha256 is not None:
            kinds = Counter(rule.kind for rule in dated)
            told = ", ".join(f"{kinds[kind]:,} {kind}" for kind in RuleKind if kinds[kind])
            findings.ok("rules", f"Rules that hold today: {told or 'none'}.")
        known = Known(
            catalogue,
            catalogue.ids.union(sales.items),
            sales.interactions.user_ids,
            {Role.CUSTOMER: export.customer_kind, Role.ITEM: export.item_kind},
            target,
            ask_shop(shop, settings, since),
        )
        named = name_rules(dated, known, never=never, settings=settings)
        for finding in named.findings:
            findings.warn("rules", finding.what, finding.what_to_do, *finding.examples)
        never = never.union(named.never)
        if len(named.never) and sales.lines:
            require_lists(sales.interactions, catalogue, never, settings)
        require_shown(named.rules, catalogue, never, settings)
        if settings.new_item_slots:
            _tell_new_items(sales, never, settings, findings)
    return never


def _tell_new_items(sales: CheckedSales, never: Keys, settings: Settings, findings: Findings) -> None:
    """How many items NEW_ITEM_SLOTS has to show."""
    catalogue, sold = sales.catalogue, sales.interactions
    age = ages(catalogue.ids, catalogue, sold.item_ids, sold.purchases, now=sold.newest)
    nobody = np.zeros(len(age))
    allowed = catalogue.allowed(catalogue.ids, never)
    count = len(Arrivals(age, nobody).best_first(allowed, nobody))
    told = (
        f"{count:,} items came within the last {NEW_DAYS} days, for NEW_ITEM_SLOTS={settings.new_item_slots}"
    )
    if count:
        findings.ok("rules", f"{told}.")
    else:
        findings.warn("rules", f"{told}: the places stay to the others.", "Check added_at in items.sql.")
