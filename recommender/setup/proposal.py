"""A first guess at `sales.sql` and `items.sql` for a shop nobody described, for the owner to finish."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from recommender.database.base import Database
from recommender.errors import DatabaseError
from recommender.setup import words
from recommender.setup.catalogue import FoundColumn, FoundTable, Kind

_OTHERS_SHOWN = 3
_STATUSES_SHOWN = 12
_LONGEST_STATUS = 40


@dataclass(frozen=True)
class _Sales:
    """Tables and columns that may be the shop's sales."""

    score: float
    lines: FoundTable
    item: FoundColumn
    orders: FoundTable
    """The same as `lines` where one table has everything."""
    customer: FoundColumn
    time: FoundColumn
    join: tuple[str, str] | None = None
    """The columns of lines and orders that are equal."""
    join_reason: str = ""

    @property
    def words(self) -> str:
        """What it is, in a line."""
        if self.join is None:
            return f"{self.lines.name} (about {self.lines.rows} rows)"
        return (
            f"{self.lines.name} (about {self.lines.rows} rows) with {self.orders.name} ({self.orders.rows})"
        )


@dataclass(frozen=True)
class Proposal:
    """Both queries, with comments that say what was guessed and what is left to do."""

    sales_sql: str
    items_sql: str
    found: str
    """Where the sales were found, in a line."""
    to_finish: tuple[str, ...]
    """What only the owner can tell."""


def propose(database: Database, tables: list[FoundTable]) -> Proposal | None:
    """The queries for the tables that look most like sales; None where none do.

    Args:
        database: the shop's; asked for the values of a status column.
        tables: what is in it.

    Raises:
        DatabaseError: the database does not answer.
    """
    ranked = sorted(_candidates(tables), key=lambda found: (-found.score, found.words))
    if not ranked:
        return None
    best = ranked[0]
    others: list[str] = []
    for other in ranked[1:]:
        if other.words not in (best.words, *others):
            others.append(other.words)
    writer = _Writer(database)
    sales, to_finish = writer.sales(best, others[:_OTHERS_SHOWN])
    items, about_items = writer.items(best, tables)
    return Proposal(sales, items, best.words, (*to_finish, *about_items))


def _best(
    columns: Iterable[FoundColumn], score: Callable[[FoundColumn], float]
) -> tuple[float, FoundColumn] | None:
    scored = [(score(column), column) for column in columns]
    best = max(scored, key=lambda pair: pair[0], default=(0.0, None))
    return (best[0], best[1]) if best[1] is not None and best[0] > 0 else None


def _candidates(tables: list[FoundTable]) -> Iterator[_Sales]:
    for lines in tables:
        item = _best((c for c in lines.columns if lines.key != (c.name,)), words.item_score)
        if item is None:
            continue
        pairs = [(lines, None)] + [
            (orders, join)
            for orders in tables
            if orders is not lines
            for join in [_join(lines, orders, item[1])]
            if join
        ]
        for orders, join in pairs:
            own = [c for c in orders.columns if orders.key != (c.name,)]
            customer, time = _best(own, words.customer_score), _best(own, words.time_score)
            if customer is None or time is None or (join and customer[1].name == join[1]):
                continue
            score = item[0] + customer[0] + time[0] + (join[2] if join else 3)
            score += words.role_of_table(lines) + (words.role_of_table(orders) if join else 1)
            score += 2 * any(map(words.is_quantity, lines.columns)) + min(math.log10(lines.rows + 1), 4)
            score -= 3 * bool(join and lines.rows < orders.rows / 2)
            if score > 6:  # noqa: PLR2004 - less is a product's reviews, a price list, and the like
                yield _Sales(
                    score,
                    lines,
                    item[1],
                    orders,
                    customer[1],
                    time[1],
                    join[:2] if join else None,
                    join[3] if join else "",
                )


def _join(lines: FoundTable, orders: FoundTable, item: FoundColumn) -> tuple[str, str, float, str] | None:
    """How lines find their order: columns, how sure, and why."""
    for name, (schema, table, other) in lines.links.items():
        if (schema, table) == (orders.schema, orders.name) and name != item.name:
            return name, other, 4, "a foreign key of the database"
    key = orders.key[0] if len(orders.key) == 1 else None
    for column in lines.columns:
        if column.name == item.name:
            continue
        same = orders.column(column.name)
        if same is not None and words.plain(column.name) != "id" and same.kind is column.kind:
            if column.name == key:
                return column.name, key, 3, "guessed: the key has the same name"
            if words.is_order_key(column):
                return column.name, column.name, 2, "guessed: the columns have the same name"
        target = None if key is None else orders.column(key)
        if target is not None and target.kind is column.kind and words.names_table(column.name, orders.name):
            return column.name, target.name, 2, "guessed from the names"
    return None


class _Writer:
    """Writes the SQL with the names quoted as the database wants them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _name(self, name: str, schema: str | None = None) -> str:
        return self._database.quoted(sa.Table(name, sa.MetaData(), schema=schema))

    def _of(self, alias: str, column: FoundColumn | str) -> str:
        return f"{alias}.{self._name(column if isinstance(column, str) else column.name)}"

    def sales(self, found: _Sales, others: list[str]) -> tuple[str, list[str]]:
        """`sales.sql`, and what is left to do in it."""
        to_finish = []
        o = "o" if found.join else "l"
        columns = [
            f"{self._of(o, found.customer)} AS customer_id",
            f"{self._of('l', found.item)} AS item_id",
            f"{self._of(o, found.time)} AS sold_at",
        ]
        quantity = next((c for c in found.lines.columns if words.is_quantity(c)), None)
        if quantity:
            columns.append(f"{self._of('l', quantity)} AS quantity")
        price = next((c for c in found.lines.columns if words.is_price(c)), None)
        if price:
            columns.append(f"{self._of('l', price)} AS price")
        order = self._order_key(found)
        if order:
            columns.append(f"{order} AS order_id")
        email = next((c for c in found.orders.columns if words.is_email(c)), None)
        guests = email if found.customer.nullable else None
        if guests:
            columns.append(f"{self._of(o, guests)} AS guest_email")
        text = [
            "-- The sales, one row a line of each order: a first guess of `recommend init`, to finish.",
            "-- It must stay one SELECT; :since is put in by the program. What came back must be rows with a",
            "-- negative quantity, or be left out.",
        ]
        text += [f"-- This also looked like sales: {self._comment(other)}." for other in others]
        text += ["SELECT", ",\n".join(f"    {column}" for column in columns)]
        text.append(f"FROM {self._name(found.lines.name, found.lines.schema)} AS l")
        if found.join:
            text.append(
                f"JOIN {self._name(found.orders.name, found.orders.schema)} AS o"
                f" ON {self._of('o', found.join[1])} = {self._of('l', found.join[0])}  -- {found.join_reason}"
            )
        text.append(f"WHERE {self._of(o, found.time)} >= :since")
        if found.customer.nullable and not guests:
            text.append(f"  AND {self._of(o, found.customer)} IS NOT NULL")
        for alias, table in {"l": found.lines, o: found.orders}.items():
            for status in filter(words.is_status, table.columns):
                text += self._status(alias, table, status)
                to_finish.append(f"which values of {table.name}.{status.name} mean that it was really sold")
        return "\n".join(text) + "\n", to_finish

    def _order_key(self, found: _Sales) -> str | None:
        if found.join:
            return self._of("o", found.join[1])
        own = (c for c in found.lines.columns if words.is_order_key(c))
        key = next((c for c in own if c not in (found.customer, found.item)), None)
        return self._of("l", key) if key else None

    def _status(self, alias: str, table: FoundTable, column: FoundColumn) -> list[str]:
        name = self._name(column.name)
        statement = (
            f"SELECT {name}, count(*) FROM {self._name(table.name, table.schema)}"
            f" GROUP BY {name} ORDER BY 2 DESC LIMIT {_STATUSES_SHOWN}"
        )
        try:
            with self._database.connect() as connection:
                rows = connection.execution_options(no_parameters=True).exec_driver_sql(statement).fetchall()
        except DatabaseError:
            rows = []  # not ours to read, or of a type that cannot be grouped: the owner knows the values
        found = [(row[0], int(row[1])) for row in rows if row[0] is not None]
        values = ", ".join(self._literal(value) for value, _ in found)
        return [
            f"  -- Only what was really sold. {self._comment(column.name)} holds:",
            *(f"  --     {self._literal(value)}  ({count} rows)" for value, count in found),
            "  -- Take the two dashes away from the next line, and the values that are no sale:",
            f"  -- AND {self._of(alias, column)} IN ({values or '…'})",
        ]

    def _literal(self, value: object) -> str:
        if isinstance(value, int):
            return str(value)
        return "'" + self._comment(str(value)).replace("'", "''") + "'"

    @staticmethod
    def _comment(text: str) -> str:
        """Fit for a comment: what ends a line would end it."""
        return "".join(c if c.isprintable() else "?" for c in text)[: _LONGEST_STATUS * 4]

    def items(self, found: _Sales, tables: list[FoundTable]) -> tuple[str, list[str]]:
        """`items.sql`, and what is left to do in it."""
        place = _product_table(found, tables)
        head = "-- The items, one row each: a first guess of `recommend init`, for you to finish."
        if place is None:
            item = self._of("l", found.item)
            text_type = "CHAR" if self._database.backend == "mysql" else "TEXT"
            text = [
                head,
                "-- No table of products was found: put yours in, with a name for people to read.",
                f"SELECT DISTINCT {item} AS item_id, CAST({item} AS {text_type}) AS name, 1 AS sellable",
                f"FROM {self._name(found.lines.name, found.lines.schema)} AS l",
                f"WHERE {item} IS NOT NULL",
            ]
            return "\n".join(text) + "\n", ["the table of products with their names"]
        table, key = place
        title = next(c for c in table.columns if words.is_title(c))
        active = next((c for c in table.columns if words.is_active(c)), None)
        category = next((c for c in table.columns if words.is_category(c) and c.name != key), None)
        columns = [f"{self._of('p', key)} AS item_id", f"{self._of('p', title)} AS name"]
        columns.append(f"{self._of('p', active)} AS sellable" if active else "1 AS sellable")
        if category:
            columns.append(f"{self._of('p', category)} AS category")
        text = [
            head,
            "-- sellable: 1 if the item may be recommended, else 0; leave stock out, it changes by the hour.",
        ]
        text += ["SELECT", ",\n".join(f"    {column}" for column in columns)]
        text.append(f"FROM {self._name(table.name, table.schema)} AS p")
        todo = [] if active else [f"which rows of {table.name} may be recommended (sellable)"]
        return "\n".join(text) + "\n", todo


def _product_table(found: _Sales, tables: list[FoundTable]) -> tuple[FoundTable, str] | None:
    """The table with the items' names, and its column that the lines' item names."""
    named = [t for t in tables if t is not found.lines and any(map(words.is_title, t.columns))]
    link = found.lines.links.get(found.item.name)
    for table in named:
        if link and (table.schema, table.name) == link[:2]:
            return table, link[2]
    for table, column in itertools.product(named, [found.item.name]):
        same = table.column(column)
        if same and (table.key == (column,) or (not table.key and same.kind is found.item.kind)):
            return table, column
    for table in named:
        key = table.column(table.key[0]) if len(table.key) == 1 else None
        if key and _same_kind(key, found.item) and words.names_table(found.item.name, table.name):
            return table, key.name
    # A text key, such as a code, that is not the table's own key.
    for table in named:
        same = table.column(found.item.name)
        if same and _same_kind(same, found.item):
            return table, same.name
    return None


def _same_kind(one: FoundColumn, other: FoundColumn) -> bool:
    return one.kind is other.kind and one.kind in (Kind.INTEGER, Kind.TEXT)
