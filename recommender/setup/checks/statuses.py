"""Which of the shop's orders count as sales: what `statuses.sql` counts, in the shop's own words."""

from datetime import datetime

from recommender.database.base import Database
from recommender.database.query import read_query
from recommender.export.snapshot import find_columns
from recommender.settings import Settings
from recommender.setup.checks.findings import Findings
from recommender.setup.looks import Look, rows_of
from recommender.setup.platforms.preset import STATUSES

_ODD_SHARE = 0.2
"""With more of the orders left out for one status, one should look whether that is meant."""


def check_statuses(
    settings: Settings, database: Database, since: datetime, look: Look, findings: Findings
) -> None:
    """Say which statuses of orders are read as sales and which are not, where `sql/statuses.sql` is there.

    Args:
        settings: where the query is; it returns status, orders and counted (1 or 0).
        database: the shop's.
        since: what `:since` stands for.
        look: gives a snapshot of it.
        findings: takes what was found.
    """
    path = settings.sql_dir / STATUSES
    if not path.exists():
        return
    with findings.trying("orders"):
        query = read_query(path, database.backend, since)
        with look() as snapshot:
            columns = find_columns(query, snapshot, ("status", "orders", "counted"), ())
            rows = rows_of(snapshot, query, columns.values())
        found = sorted(
            ((str(status), int(str(orders)), str(counted) == "1") for status, orders, counted in rows),
            key=lambda row: -row[1],
        )
        orders = sum(row[1] for row in found)
        if not orders:
            return
        counted, others = (
            [f"{status} {number:,}" for status, number, is_sale in found if is_sale is wanted]
            for wanted in (True, False)
        )
        sales = sum(number for _, number, is_sale in found if is_sale)
        findings.ok(
            "orders",
            f"{sales:,} of {orders:,} orders count as sales: {', '.join(counted) or 'none'}."
            f"{' Not counted: ' if others else ''}{', '.join(others)}{'.' if others else ''}",
        )
        for status, number, is_sale in found:
            if not is_sale and number > _ODD_SHARE * orders:
                findings.warn(
                    "orders",
                    f"{number / orders:.0%} of your orders are '{status}': not counted.",
                    f"If these are sales, add the status in {settings.sql_dir / 'sales.sql'} and {path}.",
                )
