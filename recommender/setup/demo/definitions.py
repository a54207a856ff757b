"""The tables of a shop as shops have them; ours are not among them."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}


@dataclass(frozen=True)
class DemoTables:
    """The tables, in the order in which they can be filled."""

    metadata: sa.MetaData
    customers: sa.Table
    products: sa.Table
    orders: sa.Table
    order_lines: sa.Table

    @property
    def in_order(self) -> tuple[sa.Table, ...]:
        """Each table after those that it refers to."""
        return (self.customers, self.products, self.orders, self.order_lines)


def _time() -> Any:
    # SQLite keeps times as text: without fractions, as most shops write them.
    whole_seconds = sqlite.DATETIME(truncate_microseconds=True)  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
    return sa.DateTime().with_variant(whole_seconds, "sqlite").with_variant(mysql.DATETIME(), "mysql")


def _money() -> Any:
    return sa.Numeric(10, 2, asdecimal=False)


def demo_tables(item_key: type[Any] = sa.Integer, order_key: type[Any] = sa.Integer) -> DemoTables:
    """The tables.

    Args:
        item_key: `sa.Integer`, or `sa.String` for a shop whose product ids are texts.
        order_key: likewise for orders.

    A return is an order of status `returned` with lines of negative quantity: a credit note.
    """
    item_type: Any = item_key(20) if item_key is sa.String else item_key()
    order_type: Any = order_key(20) if order_key is sa.String else order_key()
    metadata = sa.MetaData()
    customers = sa.Table(
        "customers",
        metadata,
        sa.Column("customer_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(100)),
        sa.Column("email", sa.String(200)),
        sa.Column("registered_at", _time()),
        **_MYSQL,
    )
    products = sa.Table(
        "products",
        metadata,
        sa.Column("product_id", item_type, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("category", sa.String(100)),
        sa.Column("price", _money()),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("stock", sa.Integer),
        **_MYSQL,
    )
    orders = sa.Table(
        "orders",
        metadata,
        sa.Column("order_id", order_type, primary_key=True, autoincrement=False),
        sa.Column("customer_id", sa.ForeignKey(customers.c.customer_id), index=True),
        sa.Column("guest_email", sa.String(200)),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("ordered_at", _time(), nullable=False, index=True),
        **_MYSQL,
    )
    order_lines = sa.Table(
        "order_lines",
        metadata,
        sa.Column("order_id", sa.ForeignKey(orders.c.order_id), primary_key=True),
        sa.Column("line_no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("product_id", sa.ForeignKey(products.c.product_id), nullable=False, index=True),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("unit_price", _money(), nullable=False),
        **_MYSQL,
    )
    return DemoTables(metadata, customers, products, orders, order_lines)
