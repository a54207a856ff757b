"""Our tables in SQL: made by `init` with the types of the shop's own keys, read and written by the nights."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from recommender.tables import FORGOTTEN, LISTS, RUNS, KeyKind, ListTable, Role


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


# For statements that read and write rows the key types do not matter: the driver's values pass through.
_ANY = KeyType(KeyKind.TEXT, "")
_INNODB: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_default_charset": "utf8mb4"}


def list_table(
    definition: ListTable, *, schema: str | None, prefix: str, customer: KeyType = _ANY, item: KeyType = _ANY
) -> sa.Table:
    """The table of one list. The key types are needed for DDL only."""
    types = {
        Role.CUSTOMER: _Verbatim(customer.sql),
        Role.ITEM: _Verbatim(item.sql),
        Role.POSITION: sa.Integer(),
        Role.SCORE: sa.Double(),
        Role.REASON: sa.String(16),
    }
    return sa.Table(
        prefix + definition.name,
        sa.MetaData(schema=schema),
        *(
            sa.Column(
                column.name,
                types[column.role],
                primary_key=column.name in definition.key,
                nullable=column.nullable,
                autoincrement=False,
                comment=column.about,
            )
            for column in definition.columns
        ),
        comment=definition.about,
        **_INNODB,
        sqlite_with_rowid=False,
    )


def runs_table(*, schema: str | None, prefix: str) -> sa.Table:
    """`recommendation_runs`: one row per publish; the newest has the greatest `published_seq`."""
    return sa.Table(
        prefix + RUNS,
        sa.MetaData(schema=schema),
        sa.Column("run_id", sa.String(40), primary_key=True, comment="names the run and its folder"),
        sa.Column("published_seq", sa.Integer, nullable=False, unique=True, comment="counts the publishes"),
        sa.Column("published_at", sa.DateTime, nullable=False, comment="when, in UTC"),
        sa.Column("as_of", sa.Date, nullable=False, comment="the shop's day that the run belongs to"),
        sa.Column("source", sa.String(16), nullable=False, comment="run or rollback"),
        sa.Column("source_run_id", sa.String(40), nullable=False, comment="the run that made the lists"),
        sa.Column("method", sa.String(16), nullable=False, comment="als, blend, own_habit or popular"),
        sa.Column("customers", sa.Integer, nullable=False, comment="customers with a list"),
        sa.Column("items", sa.Integer, nullable=False, comment="items that were sold"),
        sa.Column("sales", sa.BigInteger, nullable=False, comment="sale lines that were read"),
        sa.Column("rows_written", sa.BigInteger, nullable=False, comment="rows in all lists"),
        sa.Column("model_run_id", sa.String(40), nullable=True, comment="the run that trained the model"),
        sa.Column("data_sha256", sa.String(64), nullable=False, comment="a hash of the sales"),
        sa.Column("ndcg", sa.Double, nullable=True, comment="quality of the lists on past weeks"),
        sa.Column("baseline_ndcg", sa.Double, nullable=True, comment="that of the best simple list"),
        sa.Column("program_version", sa.String(32), nullable=False, comment="of the program"),
        sa.Column("schema_version", sa.Integer, nullable=False, comment="of these tables"),
        comment="One row is one publish, written in the same transaction as the lists.",
        **_INNODB,
    )


def forgotten_table(*, schema: str | None, prefix: str) -> sa.Table:
    """`forgotten_customers`: who is never read again, and one row more that tells FORGET_KEY from another."""
    return sa.Table(
        prefix + FORGOTTEN,
        sa.MetaData(schema=schema),
        sa.Column("customer_hash", sa.String(64), primary_key=True, comment="HMAC-SHA256 under FORGET_KEY"),
        sa.Column("forgotten_at", sa.DateTime, nullable=False, comment="when, in UTC"),
        comment="Whom no night reads any more.",
        **_INNODB,
    )


def all_tables(*, schema: str | None, prefix: str, customer: KeyType, item: KeyType) -> list[sa.Table]:
    """Every table of ours, with the types that `init` creates them with."""
    lists = [
        list_table(definition, schema=schema, prefix=prefix, customer=customer, item=item)
        for definition in LISTS
    ]
    return [*lists, runs_table(schema=schema, prefix=prefix), forgotten_table(schema=schema, prefix=prefix)]
