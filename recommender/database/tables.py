"""The tables that we write: definitions as data, one place for names, columns, keys and types."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa

from recommender.keykind import KeyKind

SCHEMA_VERSION = 2
"""Raised when a published table changes its shape, or an older program would do harm: it refuses then. One of
version 1 would bring forgotten customers back. Kept in every row of recommendation_runs."""


class Role(Enum):
    """What a column of a list holds."""

    CUSTOMER = "customer key"
    ITEM = "item key"
    POSITION = "position from 1"
    SCORE = "score relative to the list"
    REASON = "why the item is shown"


@dataclass(frozen=True)
class ListColumn:
    """One column of a published list."""

    name: str
    role: Role
    nullable: bool = False
    shown: bool = True
    """The shop shows these items, so they must be sellable; others need only be known."""


@dataclass(frozen=True)
class ListTable:
    """A published list; columns and order are those of its CSV file in the run folder."""

    name: str
    columns: tuple[ListColumn, ...]
    key: tuple[str, ...]
    needs_rows: bool = False
    """Without a row something is wrong; other lists may have none where the evidence is thin."""

    @property
    def file_name(self) -> str:
        """Its file in the run folder."""
        return f"{self.name}.csv"


RECOMMENDATIONS = ListTable(
    "recommendations",
    (
        ListColumn("customer_id", Role.CUSTOMER),
        ListColumn("position", Role.POSITION),
        ListColumn("item_id", Role.ITEM),
        ListColumn("score", Role.SCORE),
        ListColumn("reason", Role.REASON),
        ListColumn("because_item_id", Role.ITEM, nullable=True, shown=False),
    ),
    key=("customer_id", "position"),
    needs_rows=True,
)
BUY_AGAIN = ListTable(
    "buy_again",
    (
        ListColumn("customer_id", Role.CUSTOMER),
        ListColumn("position", Role.POSITION),
        ListColumn("item_id", Role.ITEM),
        ListColumn("score", Role.SCORE),
    ),
    key=("customer_id", "position"),
)


def _item_list(name: str, listed: str) -> ListTable:
    """A list for each item; the item itself need not be sellable, for its page may still be there."""
    return ListTable(
        name,
        (
            ListColumn("item_id", Role.ITEM, shown=False),
            ListColumn("position", Role.POSITION),
            ListColumn(listed, Role.ITEM),
            ListColumn("score", Role.SCORE),
        ),
        key=("item_id", "position"),
    )


SIMILAR_ITEMS = _item_list("similar_items", "similar_item_id")
BOUGHT_TOGETHER = _item_list("bought_together", "together_item_id")
POPULAR_ITEMS = ListTable(
    "popular_items",
    (
        ListColumn("position", Role.POSITION),
        ListColumn("item_id", Role.ITEM),
        ListColumn("score", Role.SCORE),
    ),
    key=("position",),
    needs_rows=True,
)
LISTS = (RECOMMENDATIONS, BUY_AGAIN, SIMILAR_ITEMS, BOUGHT_TOGETHER, POPULAR_ITEMS)
RUNS = "recommendation_runs"
FORGOTTEN = "forgotten_customers"


def made_lists(names: Collection[str]) -> tuple[ListTable, ...]:
    """The lists of these names, in our order."""
    return tuple(definition for definition in LISTS if definition.name in names)


@dataclass(frozen=True)
class KeyType:
    """The type of a key column: the shop's own, so that a join needs no cast and uses the index."""

    kind: KeyKind
    sql: str
    """As DDL has it in the target's dialect, with length and collation."""
    length: int | None = None
    """Characters that a text key may have; None where the type sets no limit."""


class _Verbatim(sa.types.UserDefinedType[Any]):
    """A column type written as the database itself spelt it."""

    cache_ok = True

    def __init__(self, sql: str) -> None:
        self.sql = sql

    def get_col_spec(self, **_: object) -> str:
        return self.sql


def _column_type(role: Role, customer: KeyType, item: KeyType) -> sa.types.TypeEngine[Any]:
    match role:
        case Role.CUSTOMER:
            return _Verbatim(customer.sql)
        case Role.ITEM:
            return _Verbatim(item.sql)
        case Role.POSITION:
            return sa.Integer()
        case Role.SCORE:
            return sa.Double()
        case Role.REASON:
            return sa.String(16)


# For statements that read and write rows the key types do not matter: the driver's values pass through.
_ANY = KeyType(KeyKind.TEXT, "")


def list_table(
    definition: ListTable, *, schema: str | None, prefix: str, customer: KeyType = _ANY, item: KeyType = _ANY
) -> sa.Table:
    """The table of one list. The key types are needed for DDL only."""
    return sa.Table(
        prefix + definition.name,
        sa.MetaData(schema=schema),
        *(
            sa.Column(
                column.name,
                _column_type(column.role, customer, item),
                primary_key=column.name in definition.key,
                nullable=column.nullable,
                autoincrement=False,
            )
            for column in definition.columns
        ),
        mysql_engine="InnoDB",
        mysql_default_charset="utf8mb4",
        sqlite_with_rowid=False,
    )


def runs_table(*, schema: str | None, prefix: str) -> sa.Table:
    """`recommendation_runs`: one row per publish; the newest has the greatest `published_seq`."""
    return sa.Table(
        prefix + RUNS,
        sa.MetaData(schema=schema),
        sa.Column("run_id", sa.String(40), primary_key=True),
        sa.Column("published_seq", sa.Integer, nullable=False, unique=True),
        sa.Column("published_at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("as_of", sa.Date, nullable=False, comment="the shop's day up to which sales were read"),
        sa.Column("source", sa.String(16), nullable=False, comment="run or rollback"),
        sa.Column("source_run_id", sa.String(40), nullable=False, comment="the run that made the lists"),
        sa.Column("method", sa.String(16), nullable=False, comment="als, blend, own_habit or popular"),
        sa.Column("customers", sa.Integer, nullable=False),
        sa.Column("items", sa.Integer, nullable=False),
        sa.Column("sales", sa.BigInteger, nullable=False),
        sa.Column("rows_written", sa.BigInteger, nullable=False),
        sa.Column("model_run_id", sa.String(40), nullable=True, comment="the run that trained the model"),
        sa.Column("data_sha256", sa.String(64), nullable=False),
        sa.Column("ndcg", sa.Double, nullable=True),
        sa.Column("baseline_ndcg", sa.Double, nullable=True),
        sa.Column("program_version", sa.String(32), nullable=False),
        sa.Column("schema_version", sa.Integer, nullable=False),
        mysql_engine="InnoDB",
        mysql_default_charset="utf8mb4",
    )


def forgotten_table(*, schema: str | None, prefix: str) -> sa.Table:
    """`forgotten_customers`: who is never read again, and one row more that tells FORGET_KEY from another."""
    return sa.Table(
        prefix + FORGOTTEN,
        sa.MetaData(schema=schema),
        sa.Column("customer_hash", sa.String(64), primary_key=True, comment="HMAC-SHA256 under FORGET_KEY"),
        sa.Column("forgotten_at", sa.DateTime, nullable=False, comment="UTC"),
        mysql_engine="InnoDB",
        mysql_default_charset="utf8mb4",
    )


def all_tables(*, schema: str | None, prefix: str, customer: KeyType, item: KeyType) -> list[sa.Table]:
    """Every table of ours, with the types that `init` creates them with."""
    lists = [
        list_table(definition, schema=schema, prefix=prefix, customer=customer, item=item)
        for definition in LISTS
    ]
    return [*lists, runs_table(schema=schema, prefix=prefix), forgotten_table(schema=schema, prefix=prefix)]
