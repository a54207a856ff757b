"""Which tables of an unknown shop hold its sales and its items: by names, foreign keys and sizes."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from recommender.setup.proposal import words
from recommender.setup.proposal.shoptables import ColumnKind, FoundColumn, FoundTable


@dataclass(frozen=True)
class SalesGuess:
    """Tables and columns that may be the shop's sales."""

    score: float
    lines: FoundTable
    item: FoundColumn
    orders: FoundTable
    """The same as `lines` where one table has everything."""
    customer: FoundColumn
    time: FoundColumn
    join: tuple[tuple[str, str], ...] = ()
    """The columns of lines and orders that are equal, the order's own key last."""
    join_reason: str = ""

    @property
    def words(self) -> str:
        """What it is, in a line."""
        if not self.join:
            return f"{self.lines.name} (about {self.lines.rows} rows)"
        return (
            f"{self.lines.name} (about {self.lines.rows} rows) with {self.orders.name} ({self.orders.rows})"
        )


class Roles:
    """How much a column names customers or items: by its own name, or by the table that it leads to.

    Args:
        tables: those that can be read; foreign keys may lead to others.
    """

    def __init__(self, tables: list[FoundTable]) -> None:
        self._tables = tables

    def customer(self, table: FoundTable) -> tuple[float, FoundColumn] | None:
        """The column of the table that is most likely the customer's key, and how likely."""
        return self._best(table, words.customer_score, words.names_customers)

    def item(self, table: FoundTable) -> tuple[float, FoundColumn] | None:
        """The same for the item's key."""
        return self._best(table, words.item_score, words.names_items)

    def _best(
        self, table: FoundTable, by_name: Callable[[FoundColumn], float], names: Callable[[str], bool]
    ) -> tuple[float, FoundColumn] | None:
        def score(column: FoundColumn) -> float:
            named, leads = by_name(column), self._leads(table, column, names)
            return named + 0.5 * leads if named else 1.5 * leads

        # A key of one column names the row itself.
        return _best((c for c in table.columns if table.key != (c.name,)), score)

    def _leads(self, table: FoundTable, column: FoundColumn, names: Callable[[str], bool]) -> bool:
        """Whether a foreign key leads from the column to such a table, or its name is that table's key."""
        link = table.links.get(column.name)
        if link is not None:
            return names(link[1])
        return words.plain(column.name) != "id" and any(
            other.key == (column.name,)
            and names(other.name)
            and _same_kind(column, other.column(column.name))
            for other in self._tables
            if other is not table
        )


def _best(
    columns: Iterable[FoundColumn], score: Callable[[FoundColumn], float]
) -> tuple[float, FoundColumn] | None:
    scored = [(score(column), column) for column in columns]
    best = max(scored, key=lambda pair: pair[0], default=(0.0, None))
    return (best[0], best[1]) if best[1] is not None and best[0] > 0 else None


def candidates(tables: list[FoundTable]) -> list[SalesGuess]:
    """Tables that may be the sales, the most likely first."""
    return sorted(_candidates(tables), key=lambda found: (-found.score, found.words))


def _candidates(tables: list[FoundTable]) -> Iterator[SalesGuess]:
    roles = Roles(tables)
    for lines in tables:
        item = roles.item(lines)
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
            customer = roles.customer(orders)
            time = _best((c for c in orders.columns if orders.key != (c.name,)), words.time_score)
            if customer is None or time is None or (join and customer[1].name in dict(join.pairs).values()):
                continue
            score = item[0] + customer[0] + time[0] + (join.score if join else 3)
            score += words.role_of_table(lines) + (words.role_of_table(orders) if join else 1)
            score += 2 * any(map(words.is_quantity, lines.columns)) + min(math.log10(lines.rows + 1), 4)
            score -= 3 * bool(join and lines.rows < orders.rows / 2)
            if score > 6:  # noqa: PLR2004 - less is a product's reviews, a price list, and the like
                yield SalesGuess(
                    score,
                    lines,
                    item[1],
                    orders,
                    customer[1],
                    time[1],
                    join.pairs if join else (),
                    join.reason if join else "",
                )


@dataclass(frozen=True)
class _Join:
    """How lines find their order: by which columns, how sure that is, and why."""

    pairs: tuple[tuple[str, str], ...]
    score: float
    reason: str


def _join(lines: FoundTable, orders: FoundTable, item: FoundColumn) -> _Join | None:
    for link in lines.joins:
        if (link.schema, link.table) == (orders.schema, orders.name) and item.name not in dict(link.pairs):
            by_key = tuple(pair for pair in link.pairs if (pair[1],) == orders.key)
            return _Join(by_key or link.pairs, 4, "a foreign key of the database")
    if len(orders.key) > 1:
        return _join_by_names(lines, orders, item)
    key = orders.key[0] if orders.key else None
    for column in lines.columns:
        if column.name == item.name:
            continue
        same = orders.column(column.name)
        if same is not None and words.plain(column.name) != "id" and same.kind is column.kind:
            if column.name == key:
                return _Join(((column.name, key),), 3, "guessed: the key has the same name")
            if words.is_order_key(column):
                return _Join(((column.name, column.name),), 2, "guessed: the columns have the same name")
        target = None if key is None else orders.column(key)
        if target is not None and target.kind is column.kind and words.names_table(column.name, orders.name):
            return _Join(((column.name, target.name),), 2, "guessed from the names")
    return None


def _join_by_names(lines: FoundTable, orders: FoundTable, item: FoundColumn) -> _Join | None:
    """By all columns of the order's key, where the lines have them by the same names."""
    kinds = {column.name: column.kind for column in lines.columns if column.name != item.name}
    same = [name for name in orders.key if (c := orders.column(name)) and kinds.get(name) is c.kind]
    has_order = any(words.is_order_key(c) for c in orders.columns if c.name in orders.key)
    if len(same) < len(orders.key) or not has_order:
        return None
    return _Join(tuple((name, name) for name in same), 3, "guessed: the key has the same names")


def product_table(found: SalesGuess, tables: list[FoundTable]) -> tuple[FoundTable, str] | None:
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


def _same_kind(one: FoundColumn, other: FoundColumn | None) -> bool:
    return other is not None and one.kind is other.kind and one.kind in (ColumnKind.INTEGER, ColumnKind.TEXT)
