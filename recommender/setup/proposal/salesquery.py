"""The first guess at `sales.sql`."""

from collections.abc import Sequence
from itertools import chain

from recommender.setup.proposal import words
from recommender.setup.proposal.contents import since_condition, time_expression
from recommender.setup.proposal.guesses import SalesGuess
from recommender.setup.proposal.owner import Owner, likely_sales
from recommender.setup.proposal.querywriter import VALUES_SHOWN, QueryWriter
from recommender.setup.proposal.shoptables import ColumnKind, FoundColumn, FoundTable, described
from recommender.system.text import printable

_STATUSES_SHOWN = 40

_Place = tuple[str, FoundTable, FoundColumn]
"""A column, its table, and what that is called in the query."""


class SalesQuery(QueryWriter):
    """Writes `sales.sql`."""

    def sql(self, found: SalesGuess, others: list[str], returns: list[FoundTable]) -> str:
        """The query for the tables that look most like sales; `others` are told of in a comment."""
        o = "o" if found.join else "l"
        customer, time = self._of(o, found.customer), self._of(o, found.time)
        guest = self._guest_value(found.orders, found.customer)
        email = next((c for c in found.orders.columns if words.is_email(c)), None)
        has_guests = found.customer.nullable or guest is not None
        quantity = next((c for c in found.lines.columns if words.is_quantity(c)), None)
        price = next((c for c in found.lines.columns if words.is_price(c)), None)
        taken = {c for c in (found.customer, found.item, found.time, quantity, price, email) if c}
        key = None if found.join else _order_key(found, taken)
        order = self._of("o", found.join[-1][1]) if found.join else self._of("l", key) if key else None
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
            "-- The sales, one row a line of each order: a first guess of `recommend init`.",
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
        used_of_lines = {found.item.name, *(c.name for c in (quantity, price, key) if c)}
        sides = {"l": (found.lines, used_of_lines), "o": (found.orders, used)}
        if not found.join:
            sides = {"l": (found.lines, used | used_of_lines)}
        text += self._what_was_sold(found, sides)
        if not quantity:
            self.missing.append(f"the quantity, where a column of {found.lines.name} has it")
        for table in returns:
            text += self._returns(table)
        return "\n".join(text) + "\n"

    def _no_guest(self, customer: str, guest: str) -> str:
        """The customer's key, NULL where it stands for no customer."""
        if self._database.backend == "sqlite":
            # NULLIF, but with the type of the column: SQLite has none for a function's result, and where all
            # are guests no value tells it.
            return f"(SELECT {customer} WHERE {customer} <> {guest})"
        return f"NULLIF({customer}, {guest})"

    def _returns(self, table: FoundTable) -> list[str]:
        """A comment that shows how to add what came back."""
        name = printable(table.name)
        if self._owner and not self._owner.confirm(
            f"{name} looks like returns. Does it hold what came back?"
        ):
            return []
        times = (c for c in table.columns if c.kind is ColumnKind.TIME and not c.epochs)
        when = next((self._of("r", c) for c in times), "…")
        pieces = next((self._of("r", c) for c in table.columns if words.is_quantity(c)), "…")
        source = printable(f"{self._table(table)} AS r … WHERE {when} >= :since")
        return [
            f"-- This looks like returns: {described(table)}",
            self._to_decide(f"whether {name} holds what came back; what came back must be added, as below"),
            "-- Add it behind the query, as lines with a negative quantity and the same columns:",
            "--   UNION ALL",
            f"--   SELECT …, {printable(when)}, -{printable(pieces)}, …",
            f"--   FROM {source}",
        ]

    def _what_was_sold(self, found: SalesGuess, sides: dict[str, tuple[FoundTable, set[str]]]) -> list[str]:
        """Conditions and comments about the columns that tell what was really sold."""
        statuses = [
            (alias, table, column)
            for alias, (table, _) in sides.items()
            for column in table.columns
            if words.is_status(column)
        ]
        rest = {
            alias: [
                c
                for c in table.columns
                if c.name not in used and not words.is_status(c) and c.name not in chain(*found.join)
            ]
            for alias, (table, used) in sides.items()
        }
        text: list[str] = []
        if not statuses:
            few = [
                (alias, table, column)
                for alias, (table, _) in sides.items()
                for column in rest[alias]
                if column.name not in table.key
                and column.name not in table.links
                and self._few_values(table, column)
            ]
            if few and self._owner:
                statuses = self._chosen(few, self._owner)
            elif few:
                text += self._few(few)
        for alias, table, column in statuses:
            text += self._status(alias, table, column)
        told = {(alias, column.name) for alias, _, column in statuses}
        unused = [
            self._of(alias, column)
            for alias, columns in rest.items()
            for column in columns
            if (alias, column.name) not in told
        ]
        if unused:
            text.append(f"-- Not used: {printable(', '.join(unused))}")
        return text

    def _chosen(self, few: Sequence[_Place], owner: Owner) -> list[_Place]:
        """Those of the columns that tell what was sold, as the owner says."""
        lines = [
            f"{printable(f'{table.name}.{column.name}')}: {', '.join(self._few_values(table, column))}"
            for _, table, column in few
        ]
        question = "Does one of these tell what was cancelled or never paid? Its number, or - for none"
        return [few[place] for place in owner.choose(question, lines, [])]

    def _few(self, few: Sequence[_Place]) -> list[str]:
        """A comment about columns of which one may tell what was sold."""
        values = {self._of(alias, column): self._few_values(table, column) for alias, table, column in few}
        # An order's is likelier than a line's.
        name = next((name for name in values if name.startswith("o.")), next(iter(values)))
        names = ", ".join(values)
        return [
            "  -- Only what was really sold. These columns have a few values each:",
            *(f"  --     {printable(name)}: {', '.join(those)}" for name, those in values.items()),
            self._to_decide(
                f"whether one of {names} tells what was cancelled, never paid, or came back; if so leave that"
                " out, such as by the next line without its dashes",
                "  ",
            ),
            f"  -- AND {printable(name)} IN ({', '.join(values[name])})",
        ]

    def _guest_value(self, table: FoundTable, column: FoundColumn) -> str | None:
        """What the shop stores for no customer, where that is not NULL: customer 0, or an empty text."""
        value = "0" if column.kind is ColumnKind.INTEGER else "''"
        name = self._name(column.name)
        found = self._rows(f"SELECT 1 FROM {self._table(table)} WHERE {name} = {value} LIMIT 1")
        return value if found else None

    def _status(self, alias: str, table: FoundTable, column: FoundColumn) -> list[str]:
        """The condition on a column that tells what was sold, as the owner says or else as its words do."""
        called, name = f"{table.name}.{column.name}", self._of(alias, column)
        found = self._counted(column, self._table(table), _STATUSES_SHOWN)
        if len(found) > _STATUSES_SHOWN or not found:
            values = ", ".join(self._literal(value) for value, _ in found[:VALUES_SHOWN] if value is not None)
            return [
                self._to_decide(
                    f"which values of {called} mean that it was really sold (all do, unless you put them into"
                    " the next line and take its dashes away)",
                    "  ",
                ),
                f"  -- AND {printable(name)} IN ({values or '…'})",
            ]
        lines = [f"{self._literal(value)}  ({count} rows)" for value, count in found]
        text = [f"  -- {printable(column.name)} holds:", *(f"  --     {line}" for line in lines)]
        if len(found) == 1:
            return text
        places: Sequence[int] = likely_sales([str(value or "") for value, _ in found])
        if self._owner:
            question = f"Which of these values of {printable(called)} are sales?"
            places = self._owner.choose(question, lines, places)
        else:
            taken = ", ".join(self._literal(found[place][0]) for place in places)
            text.append(
                self._to_decide(
                    f"which values of {called} mean that it was really sold; the next line takes {taken}",
                    "  ",
                )
            )
        return [*text, f"  AND {self._is_one_of(name, [found[place][0] for place in places])}"]

    def _is_one_of(self, name: str, values: Sequence[object]) -> str:
        plain = ", ".join(self._literal(value) for value in values if value is not None)
        conditions = [f"{name} IN ({plain})"] * bool(plain) + [f"{name} IS NULL"] * (None in values)
        return f"({' OR '.join(conditions)})" if len(conditions) > 1 else conditions[0]


def _order_key(found: SalesGuess, taken: set[FoundColumn]) -> FoundColumn | None:
    """The column that says which lines are of one order: none that says something else already."""
    return next((c for c in found.lines.columns if words.is_order_key(c) and c not in taken), None)
