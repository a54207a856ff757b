"""The shop's own queries: columns, types and first rows, which orders count, and what `:since` spares."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from recommender.database.base import Database
from recommender.database.query import Query, read_query
from recommender.export.fields import find_columns
from recommender.export.shopitems import ITEM_COLUMNS, read_items
from recommender.runs.folder import STATUSES_QUERY
from recommender.runs.items import Catalogue
from recommender.runs.keys import Keys
from recommender.settings import Settings
from recommender.setup.checks.findings import Findings
from recommender.setup.looks import Look, rows_of
from recommender.system.text import shortened
from recommender.system.times import shown_time
from recommender.tables import KeyKind

BIG_TABLE_ROWS = 100_000
"""A smaller table is read whole in no time."""
_MOST_READ_SHARE = 0.5
"""Where a window holds more of a table than this, no index would serve."""
_ODD_SHARE = 0.2
"""With more of the orders left out for one status, one should look whether that is meant."""
_BYTES_PER_ROW = 100
"""Of a PostgreSQL table that was never analyzed."""
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
    """Columns, types and first rows of sales.sql; None where the query fails."""
    with findings.trying("sales"):
        query = read_query(settings.sql_dir / "sales.sql", database.backend, since, undecided=True)
        optional = ("quantity", "price", "order_id", "guest_email")
        with look() as snapshot:
            columns = find_columns(query, snapshot, (*_KEYS, "sold_at"), optional)
            types = {name: snapshot.key_type(query, columns[name]) for name in _KEYS}
            shown = {name: column for name, column in columns.items() if name != "guest_email"}
            first = Query(query.path, query.wrapped(tail=_FIRST_ROWS) + "\n", query.uses_since)
            rows = [dict(zip(shown, row, strict=True)) for row in rows_of(snapshot, first, [*shown.values()])]
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


def first_lines(first: FirstRows, catalogue: Catalogue | None, settings: Settings) -> list[str]:
    """The first rows in words, with the items' names where they are known, and in the shop's time."""
    lines = []
    sold_in = ZoneInfo("UTC") if first.has_instants else settings.sales_timezone
    for row in first.rows:
        item = row["item_id"]
        name = None
        if catalogue is not None and item is not None:
            is_integer = first.kinds["item_id"] is KeyKind.INTEGER
            key = Keys.of(integers=[int(str(item))]) if is_integer else Keys.of(texts=[str(item)])
            place = int(catalogue.ids.find(key)[0])
            name = catalogue.names[place] if place >= 0 else "not in items.sql"
        customer = (
            "a guest" if row["customer_id"] is None else f"customer {shortened(str(row['customer_id']))}"
        )
        quantity = f", quantity {row['quantity']}" if "quantity" in row else ""
        when = shown_time(row["sold_at"], sold_in, settings.shop_timezone)
        bought = shortened(str(item)) + (f" ({shortened(name)})" if name else "")
        lines.append(f"{when}  {customer} bought item {bought}{quantity}")
    return lines


def probe_items(
    settings: Settings, database: Database, since: datetime, look: Look, findings: Findings
) -> None:
    """Columns, types and every value of items.sql, also where the sales are already known to fail."""
    with findings.trying("items"):
        query = read_query(settings.sql_dir / "items.sql", database.backend, since, undecided=True)
        with look() as snapshot:
            columns = find_columns(query, snapshot, *ITEM_COLUMNS)
            key = snapshot.key_type(query, columns["item_id"])
            read_items(snapshot, query, columns, key.kind, settings.sales_timezone).counted()
        findings.ok("items", f"{query.path} returns item_id ({key.sql}), {', '.join([*columns][1:])}.")


def check_statuses(
    settings: Settings, database: Database, since: datetime, look: Look, findings: Findings
) -> None:
    """Say which statuses of orders are read as sales and which are not, where `sql/statuses.sql` is there.

    It returns status, orders and counted (1 or 0).
    """
    path = settings.sql_dir / STATUSES_QUERY
    if not path.exists():
        return
    with findings.trying("orders"):
        query = read_query(path, database.backend, since, undecided=True)
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
        if settings.sales_uri is not None:
            return  # no index serves files
        query = read_query(settings.sql_dir / "sales.sql", database.backend, recent, undecided=True)
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


@dataclass(frozen=True)
class Scan:
    """A table that a query reads from its first row to its last."""

    table: str
    rows: int


def full_scans(database: Database, connection: sa.Connection, query: Query) -> list[Scan]:
    """The tables that the query would read whole for want of an index; the query is explained, never run."""
    # Without parameters the drivers take the text as it is, also a % in it.
    verbatim = connection.execution_options(no_parameters=True)
    explain = {"postgresql": _postgresql_scans, "mysql": _mysql_scans}.get(database.backend, _sqlite_scans)
    return [*explain(database, verbatim, query.wrapped())]


def _postgresql_scans(_: Database, connection: sa.Connection, statement: str) -> Iterator[Scan]:
    # What is still read whole then has no index that could serve, however old the statistics are. The
    # connection is closed afterwards, and the setting ends with it.
    connection.exec_driver_sql("SET enable_seqscan = off")
    plans = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON, VERBOSE) {statement}").scalar_one()
    sizes = sa.text(
        "SELECT c.reltuples::bigint, pg_relation_size(c.oid) FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = :schema AND c.relname = :name"
    )
    connection = connection.execution_options(no_parameters=False)
    for node in _nodes(plans[0]["Plan"]):
        is_whole = node["Node Type"] == "Seq Scan" or (
            node["Node Type"] in ("Index Scan", "Index Only Scan") and "Index Cond" not in node
        )
        if is_whole and "Relation Name" in node:
            name = node["Relation Name"]
            row = connection.execute(sizes, {"schema": node["Schema"], "name": name}).one()
            yield Scan(name, row[0] if row[0] >= 0 else row[1] // _BYTES_PER_ROW)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _mysql_scans(_: Database, connection: sa.Connection, statement: str) -> Iterator[Scan]:
    for row in connection.exec_driver_sql(f"EXPLAIN {statement}").mappings():
        if str(row["type"]).lower() in ("all", "index") and not str(row["table"]).startswith("<"):
            yield Scan(str(row["table"]), int(row["rows"] or 0))


def _sqlite_scans(database: Database, connection: sa.Connection, statement: str) -> Iterator[Scan]:
    # In the program of SQLite's machine a cursor that is put on its first or last row reads everything.
    roots: dict[int, int] = {}
    whole = []
    for row in connection.exec_driver_sql(f"EXPLAIN {statement}").mappings():
        if row["opcode"] == "OpenRead":
            roots[row["p1"]] = row["p2"]
        elif row["opcode"] in ("Rewind", "Last") and row["p1"] in roots:
            whole.append(roots[row["p1"]])
    # An index that is read whole stands for its table.
    names = connection.exec_driver_sql("SELECT rootpage, tbl_name FROM sqlite_master").all()
    tables = {int(root): str(name) for root, name in names if root}
    for root in dict.fromkeys(whole):
        if root in tables:
            name = tables[root]
            rows = connection.exec_driver_sql(f"SELECT count(*) FROM {database.quote(name)}").scalar_one()
            yield Scan(name, int(rows))
