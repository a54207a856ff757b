"""The two queries: their columns, types and first rows, and whether `:since` spares the database work."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from recommender.database.base import Database, QueryColumn, Snapshot, listed
from recommender.database.query import Query, read_query
from recommender.export.fields import is_sellable, key_array
from recommender.export.snapshot import ITEM_COLUMNS, find_columns
from recommender.settings import Settings
from recommender.setup.checks.findings import Findings
from recommender.setup.checks.servers import full_scans
from recommender.setup.looks import Look
from recommender.tables import KeyKind

BIG_TABLE_ROWS = 100_000
"""A smaller table is read whole in no time."""
_MOST_READ_SHARE = 0.5
"""Where a window holds more of a table than this, no index would serve."""
_FIRST_ROWS = "LIMIT 3"
_KEYS = ("customer_id", "item_id")


@dataclass(frozen=True)
class FirstRows:
    """What a look at the sales query gave."""

    rows: list[dict[str, object]]
    """The first rows, by our names; no guest's address."""
    kinds: dict[str, KeyKind]
    has_instants: bool
    """sold_at is of a type that stores instants, so that no zone is to be guessed."""


def probe_sales(
    settings: Settings, database: Database, since: datetime, look: Look, findings: Findings
) -> FirstRows | None:
    """Columns, types and first rows of sales.sql; None where the query fails.

    Args:
        settings: where the query is.
        database: the shop's.
        since: what `:since` stands for.
        look: gives a snapshot of it.
        findings: takes what was found.
    """
    with findings.trying("sales"):
        query = read_query(settings.sql_dir / "sales.sql", database.backend, since)
        optional = ("quantity", "price", "order_id", "guest_email")
        with look() as snapshot:
            columns = find_columns(query, snapshot, (*_KEYS, "sold_at"), optional)
            types = {name: snapshot.key_type(query, columns[name]) for name in _KEYS}
            shown = {name: column for name, column in columns.items() if name != "guest_email"}
            rows = _first_rows(query, snapshot, shown)
        left_out = [name for name in optional if name not in columns]
        findings.ok(
            "sales",
            f"{query.path} returns customer_id ({types['customer_id'].sql}), item_id"
            f" ({types['item_id'].sql}), {', '.join(name for name in columns if name not in _KEYS)}"
            + (f"; it could also return {', '.join(left_out)}." if left_out else "."),
        )
        kinds = {name: kind.kind for name, kind in types.items()}
        return FirstRows(rows, kinds, columns["sold_at"].is_instant)
    return None


def _first_rows(
    query: Query, snapshot: Snapshot, columns: Mapping[str, QueryColumn]
) -> list[dict[str, object]]:
    first = Query(query.path, query.wrapped(tail=_FIRST_ROWS) + "\n", query.uses_since)
    rows: list[dict[str, object]] = []
    with closing(snapshot.stream(first, [*columns.values()])) as batches:
        for batch in batches:
            rows += [dict(zip(columns, row, strict=True)) for row in zip(*batch, strict=True)]
    return rows


def probe_items(
    settings: Settings, database: Database, since: datetime, look: Look, findings: Findings
) -> None:
    """Columns, types and every value of items.sql, also where the sales are already known to fail."""
    with findings.trying("items"):
        query = read_query(settings.sql_dir / "items.sql", database.backend, since)
        with look() as snapshot:
            columns = find_columns(query, snapshot, *ITEM_COLUMNS)
            key = snapshot.key_type(query, columns["item_id"])
            used = {name: columns[name] for name in ("item_id", "sellable")}
            with closing(snapshot.batches(query, [*used.values()])) as batches:
                for items, sellable in batches:
                    keys = key_array(
                        items, key.kind, "item_id", query.path, integers_as_text=snapshot.integers_as_text
                    )
                    for item, value in zip(keys.to_pylist(), listed(sellable), strict=True):
                        is_sellable(value, str(item), query.path)
        findings.ok("items", f"{query.path} returns item_id ({key.sql}), {', '.join([*columns][1:])}.")


def check_plan(
    settings: Settings, database: Database, recent: datetime, sales: int, findings: Findings
) -> None:
    """Warn where the database reads a big table whole although the window holds only a part of it.

    Args:
        settings: where the query is.
        database: the shop's.
        recent: a moment that few sales are newer than, naive, in the zone of the sales: what is read whole
            even then has no index that could serve.
        sales: lines that a night reads.
        findings: takes what was found.
    """
    with findings.trying("sales"):
        query = read_query(settings.sql_dir / "sales.sql", database.backend, recent)
        if not query.uses_since:
            return  # the export has warned of it
        with (
            database.connect(owners_sql=True) as connection,
            database.errors(f"could not explain {query.path}"),
        ):
            for scan in full_scans(database, connection, query):
                if scan.rows >= BIG_TABLE_ROWS and sales < _MOST_READ_SHARE * scan.rows:
                    findings.warn(
                        "sales",
                        f"{query.path}: the database reads all of the about {scan.rows:,} rows of"
                        f" {scan.table} each night, for {sales:,} sales.",
                        "Make an index on the column that is compared with :since, and compare the bare"
                        " column, without a function around it.",
                    )
