"""A first guess at `sales.sql` and `items.sql` for a shop nobody described, for the owner to finish.

shoptables     the shop's tables as its catalogue tells them
contents       which column names a row, which numbers are times: by some of their values
words          what columns and tables are called in shops
guesses        which tables hold the sales and the items: by names, foreign keys and sizes
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from recommender.database.base import Database
from recommender.setup.looks import quoted_name, rows_if_allowed
from recommender.setup.proposal import words
from recommender.setup.proposal.contents import since_condition, time_expression, with_epochs, with_keys
from recommender.setup.proposal.guesses import SalesGuess, candidates, product_table
from recommender.setup.proposal.shoptables import ColumnKind, FoundColumn, FoundTable, full_name
from recommender.system.text import printable

_OTHERS_SHOWN = 3
_VALUES_SHOWN = 12
_LONGEST_VALUE = 40
_LOOKED_AT = 10_000
"""Rows of a table that are looked at for columns with a few values."""
_MOST_COUNTED = 1_000_000
_YES = ("1", "y", "j", "yes", "ja", "true", "t", "oui", "si", "on")
_NO = ("0", "n", "no", "nein", "false", "f", "non", "off", "")


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
        database: the shop's; asked for some values of columns.
        tables: what is in it.

    Raises:
        DatabaseError: the database does not answer.
    """
    tables = with_epochs(database, with_keys(database, tables))
    ranked = candidates(tables)
    if not ranked:
        return None
    best = ranked[0]
    others: list[str] = []
    for other in ranked[1:]:
        if other.words not in (best.words, *others):
            others.append(other.words)
    writer = _Writer(database)
    returns = [table for table in tables if words.names_returns(table.name)]
    sales, to_finish = writer.sales(best, others[:_OTHERS_SHOWN], returns)
    items, about_items = writer.items(best, tables)
    return Proposal(sales, items, best.words, (*to_finish, *about_items))


def described(table: FoundTable) -> str:
    """A table in a line of a comment: name, rows and columns."""
    columns = ", ".join(column.name for column in table.columns)
    return printable(f"{full_name(table.schema, table.name)} ({table.rows} rows): {columns}")


class _Writer:
    """Writes the SQL with the names quoted as the database wants them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _name(self, name: str) -> str:
        return quoted_name(self._database, name)

    def _table(self, table: FoundTable) -> str:
        return quoted_name(self._database, table.name, table.schema)

    def _of(self, alias: str, column: FoundColumn | str) -> str:
        return f"{alias}.{self._name(column if isinstance(column, str) else column.name)}"

    def sales(self, found: SalesGuess, others: list[str], returns: list[FoundTable]) -> tuple[str, list[str]]:
        """`sales.sql`, and what is left to do in it."""
        o = "o" if found.join else "l"
        customer, time = self._of(o, found.customer), self._of(o, found.time)
        guest = self._guest_value(found.orders, found.customer)
        email = next((c for c in found.orders.columns if words.is_email(c)), None)
        has_guests = found.customer.nullable or guest is not None
        quantity = next((c for c in found.lines.columns if words.is_quantity(c)), None)
        price = next((c for c in found.lines.columns if words.is_price(c)), None)
        taken = {c for c in (found.customer, found.item, found.time, quantity, price, email) if c}
        order = self._order_key(found, taken)
        backend = self._database.backend
        columns = {
            "customer_id": customer if guest is None else self._no_guest(customer, guest),
            "item_id": self._of("l", found.item),
            "sold_at": time_expression(backend, time, found.time),
            "quantity": self._of("l", quantity) if quantity else None,
            "price": self._of("l", price) if price else None,
            "order_id": order,
            "guest_email": self._of(o, email) if email and has_guests else None,
        }
        text = [
            "-- The sales, one row a line of each order: a first guess of `recommend init`, to finish.",
            "-- It must stay one SELECT; :since is put in by the program. What came back must be rows with a",
            "-- negative quantity, or be left out.",
        ]
        text += [f"-- This also looked like sales: {printable(other)}." for other in others]
        text += ["SELECT", ",\n".join(f"    {sql} AS {name}" for name, sql in columns.items() if sql)]
        text.append(f"FROM {self._table(found.lines)} AS l")
        if found.join:
            equal = [f"{self._of('o', order)} = {self._of('l', line)}" for line, order in found.join]
            text.append(
                f"JOIN {self._table(found.orders)} AS o ON {' AND '.join(equal)}  -- {found.join_reason}"
            )
        text.append(f"WHERE {since_condition(backend, time, found.time)}")
        if has_guests and not email:
            text.append(f"  AND {columns['customer_id']} IS NOT NULL")
        used = {found.customer.name, found.time.name, *(c.name for c in (email,) if c and has_guests)}
        used_of_lines = {found.item.name, *(c.name for c in (quantity, price) if c)}
        sides = {"l": (found.lines, used_of_lines), "o": (found.orders, used)}
        if not found.join:
            sides = {"l": (found.lines, used | used_of_lines)}
        about, to_finish = self._what_was_sold(found, sides)
        text += about
        if not quantity:
            to_finish.append(f"the quantity, where a column of {found.lines.name} has it")
        for table in returns:
            text += self._returns(table)
            to_finish.append(f"whether {table.name} holds what came back")
        return "\n".join(text) + "\n", to_finish

    def _no_guest(self, customer: str, guest: str) -> str:
        """The customer's key, NULL where it stands for no customer."""
        if self._database.backend == "sqlite":
            # NULLIF, but with the type of the column: SQLite has none for a function's result, and where all
            # are guests no value tells it.
            return f"(SELECT {customer} WHERE {customer} <> {guest})"
        return f"NULLIF({customer}, {guest})"

    def _returns(self, table: FoundTable) -> list[str]:
        """A comment that shows how to add what came back."""
        times = (c for c in table.columns if c.kind is ColumnKind.TIME and not c.epochs)
        when = next((self._of("r", c) for c in times), "…")
        pieces = next((self._of("r", c) for c in table.columns if words.is_quantity(c)), "…")
        source = printable(f"{self._table(table)} AS r … WHERE {when} >= :since")
        return [
            f"-- This looks like returns: {described(table)}",
            "-- Add them behind the query, as lines with a negative quantity and the same columns:",
            "--   UNION ALL",
            f"--   SELECT …, {printable(when)}, -{printable(pieces)}, …",
            f"--   FROM {source}",
        ]

    def _what_was_sold(
        self, found: SalesGuess, sides: dict[str, tuple[FoundTable, set[str]]]
    ) -> tuple[list[str], list[str]]:
        """Comments about the columns that tell what was really sold, and what is left to do about it."""
        text, to_finish = [], []
        for alias, (table, _) in sides.items():
            for status in filter(words.is_status, table.columns):
                text += self._status(alias, table, status)
                to_finish.append(f"which values of {table.name}.{status.name} mean that it was really sold")
        rest = {
            alias: [
                c
                for c in table.columns
                if c.name not in used
                and not words.is_status(c)
                and c.name not in itertools.chain(*found.join)
            ]
            for alias, (table, used) in sides.items()
        }
        if not to_finish:
            few = [
                (self._of(alias, column), values)
                for alias, (table, _) in sides.items()
                for column in rest[alias]
                if column.name not in table.key and column.name not in table.links
                for values in [self._few_values(table, column)]
                if values
            ]
            if few:
                text.append("  -- Only what was really sold. These columns have a few values each:")
                text += [f"  --     {printable(name)}: {', '.join(values)}" for name, values in few]
                # An order's is likelier than a line's.
                name, values = next((pair for pair in few if pair[0].startswith("o.")), few[0])
                text += [
                    "  -- Where one tells what was cancelled or never paid, leave that out, such as by:",
                    f"  -- AND {printable(name)} IN ({', '.join(values)})",
                ]
                names = ", ".join(name for name, _ in few)
                to_finish.append(f"whether one of {names} tells what was really sold, or came back")
        unused = [self._of(alias, column) for alias, columns in rest.items() for column in columns]
        if unused:
            text.append(f"-- Not used: {printable(', '.join(unused))}")
        return text, to_finish

    def _guest_value(self, table: FoundTable, column: FoundColumn) -> str | None:
        """What the shop stores for no customer, where that is not NULL: customer 0, or an empty text."""
        value = "0" if column.kind is ColumnKind.INTEGER else "''"
        name = self._name(column.name)
        found = self._rows(f"SELECT 1 FROM {self._table(table)} WHERE {name} = {value} LIMIT 1")
        return value if found else None

    def _few_values(self, table: FoundTable, column: FoundColumn) -> list[str]:
        """The values of a column that has at least two and not many, as SQL, the most frequent first."""
        if column.kind not in (ColumnKind.INTEGER, ColumnKind.TEXT, ColumnKind.OTHER, ColumnKind.BOOLEAN):
            return []
        first = f"(SELECT {self._name(column.name)} FROM {self._table(table)} LIMIT {_LOOKED_AT})"
        if not 2 <= len(self._values(column, first)) <= _VALUES_SHOWN:  # noqa: PLR2004 - one tells nothing apart
            return []
        # The oldest rows may lack a value of late; very many are not worth a scan for that.
        source = self._table(table) if table.rows <= _MOST_COUNTED else first
        return [self._literal(value) for value, _ in self._values(column, source)]

    def _values(self, column: FoundColumn, source: str) -> list[tuple[object, int]]:
        """The values of a column and how many rows have each, the most frequent first."""
        name = self._name(column.name)
        rows = self._rows(
            f"SELECT {name}, count(*) FROM {source} AS s GROUP BY {name} ORDER BY 2 DESC"
            f" LIMIT {_VALUES_SHOWN + 1}"
        )
        return [(row[0], int(str(row[1]))) for row in rows if row[0] is not None]

    def _rows(self, statement: str) -> Sequence[Sequence[object]]:
        return rows_if_allowed(self._database, statement)

    def _order_key(self, found: SalesGuess, taken: set[FoundColumn]) -> str | None:
        """The column that says which lines are of one order: none that says something else already."""
        if found.join:
            return self._of("o", found.join[-1][1])
        own = (c for c in found.lines.columns if words.is_order_key(c) and c not in taken)
        key = next(own, None)
        return self._of("l", key) if key else None

    def _status(self, alias: str, table: FoundTable, column: FoundColumn) -> list[str]:
        found = self._values(column, self._table(table))[:_VALUES_SHOWN]
        values = ", ".join(self._literal(value) for value, _ in found)
        return [
            f"  -- Only what was really sold. {printable(column.name)} holds:",
            *(f"  --     {self._literal(value)}  ({count} rows)" for value, count in found),
            "  -- Take the two dashes away from the next line, and the values that are no sale:",
            f"  -- AND {printable(self._of(alias, column))} IN ({values or '…'})",
        ]

    def _literal(self, value: object) -> str:
        if isinstance(value, int):  # also true and false, which all databases read as they are written here
            return str(value)
        # What a backslash means in a literal is a setting of the server: it could take the last quote away.
        text = printable(str(value)).replace("\\", "?")
        return "'" + text[: _LONGEST_VALUE * 4].replace("'", "''") + "'"

    def items(self, found: SalesGuess, tables: list[FoundTable]) -> tuple[str, list[str]]:
        """`items.sql`, and what is left to do in it."""
        place = product_table(found, tables)
        head = "-- The items, one row each: a first guess of `recommend init`, for you to finish."
        if place is None:
            item = self._of("l", found.item)
            text_type = "CHAR" if self._database.backend == "mysql" else "TEXT"
            text = [
                head,
                "-- No table of products was found: put yours in, with a name for people to read.",
                f"SELECT DISTINCT {item} AS item_id, CAST({item} AS {text_type}) AS name, 1 AS sellable",
                f"FROM {self._table(found.lines)} AS l",
                f"WHERE {item} IS NOT NULL",
            ]
            return "\n".join(text) + "\n", ["the table of products with their names"]
        table, key = place
        title = next(c for c in table.columns if words.is_title(c))
        sellable = self._sellable(table)
        columns = [f"{self._of('p', key)} AS item_id", f"{self._of('p', title)} AS name"]
        columns.append(f"{sellable or 1} AS sellable")
        facts = self._facts([c for c in table.columns if c.name not in (key, title.name)])
        text = [
            head,
            "-- sellable: 1 if the item may be recommended, else 0; leave stock out, it changes by the hour.",
        ]
        if facts:
            text.append("-- What stands behind it may be left out; a price is what one costs now.")
        columns += [f"{sql} AS {name}" for name, sql in facts.items()]
        text += ["SELECT", ",\n".join(f"    {column}" for column in columns)]
        text.append(f"FROM {self._table(table)} AS p")
        todo = [] if sellable else [f"which rows of {table.name} may be recommended (sellable)"]
        return "\n".join(text) + "\n", todo

    def _facts(self, columns: Sequence[FoundColumn]) -> dict[str, str]:
        """SQL for what else is known of an item, by our names."""
        roles = {
            "category": words.is_category,
            "brand": words.is_brand,
            "price": words.is_item_price,
            "url": words.is_url,
            "image_url": words.is_image,
            "added_at": words.is_added,
        }
        found = {name: next(filter(is_it, columns), None) for name, is_it in roles.items()}
        backend = self._database.backend
        # Only added_at is ever a number that stands for a time.
        return {name: time_expression(backend, self._of("p", c), c) for name, c in found.items() if c}

    def _sellable(self, table: FoundTable) -> str | None:
        """SQL that tells whether an item is on sale: a number, or a text that says yes or no."""
        for column in filter(words.is_active, table.columns):
            name = self._of("p", column)
            if column.kind is not ColumnKind.TEXT:
                return name
            values = self._few_values(table, column)
            plain = {value: value.strip("'").lower() for value in values}
            if values and all(text in _YES + _NO for text in plain.values()):
                yes = ", ".join(value for value, text in plain.items() if text in _YES)
                return f"CASE WHEN {name} IN ({yes}) THEN 1 ELSE 0 END" if yes else None
        return None
