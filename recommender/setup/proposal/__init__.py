"""A first guess at `sales.sql` and `items.sql` for a shop nobody described.

What only the owner can tell is asked on a terminal; else each such matter is a line `-- TO DECIDE: …` in the
query, and no night uses it as long as one stands there.

shoptables     the shop's tables as its catalogue tells them
contents       which column names a row, which numbers are times: by some of their values
words          what columns and tables are called in shops
owner          what only the owner can tell
guesses        which tables hold the sales and the items: by names, foreign keys and sizes
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain

from recommender.database.base import Database
from recommender.runs.folder import QUERIES
from recommender.setup.looks import quoted_name, rows_if_allowed
from recommender.setup.proposal import words
from recommender.setup.proposal.contents import since_condition, time_expression, with_epochs, with_keys
from recommender.setup.proposal.guesses import SalesGuess, candidates, product_table
from recommender.setup.proposal.owner import Owner, likely_sales, to_decide
from recommender.setup.proposal.shoptables import ColumnKind, FoundColumn, FoundTable, full_name
from recommender.system.text import printable

_OTHERS_SHOWN = 3
_VALUES_SHOWN = 12
_STATUSES_SHOWN = 40
_LONGEST_VALUE = 40
_LOOKED_AT = 10_000
"""Rows of a table that are looked at for columns with a few values."""
_MOST_COUNTED = 1_000_000
_YES = ("1", "y", "j", "yes", "ja", "true", "t", "oui", "si", "on")
_NO = ("0", "n", "no", "nein", "false", "f", "non", "off", "")

_Place = tuple[str, FoundTable, FoundColumn]
"""A column, its table, and what that is called in the query."""


@dataclass(frozen=True)
class Proposal:
    """Both queries, with comments that say what was guessed."""

    sales_sql: str
    items_sql: str
    found: str
    """Where the sales were found, in a line."""
    matters: tuple[str, ...]
    """What the owner has to decide; each is a line of its query."""
    missing: tuple[str, ...]
    """What was not found, and may not be there."""


def propose(
    database: Database,
    tables: list[FoundTable],
    owner: Owner | None = None,
    wanted: Collection[str] = QUERIES,
) -> Proposal | None:
    """The queries for the tables that look most like sales; None where none do.

    Args:
        database: the shop's; asked for some values of columns.
        tables: what is in it.
        owner: asks on a terminal.
        wanted: the queries that will be written, of which alone anything is asked.

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
    writers = [_Writer(database, owner if name in wanted else None) for name in QUERIES]
    returns = [table for table in tables if words.names_returns(table.name)]
    sales = writers[0].sales(best, others[:_OTHERS_SHOWN], returns)
    items = writers[1].items(best, tables)
    told = [writer for name, writer in zip(QUERIES, writers, strict=True) if name in wanted]
    matters, missing = (
        [*chain(*found)] for found in zip(*((w.matters, w.missing) for w in told), strict=True)
    )
    return Proposal(sales, items, best.words, tuple(matters), tuple(missing))


def described(table: FoundTable) -> str:
    """A table in a line of a comment: name, rows and columns."""
    columns = ", ".join(column.name for column in table.columns)
    return printable(f"{full_name(table.schema, table.name)} ({table.rows} rows): {columns}")


def _order_key(found: SalesGuess, taken: set[FoundColumn]) -> FoundColumn | None:
    """The column that says which lines are of one order: none that says something else already."""
    return next((c for c in found.lines.columns if words.is_order_key(c) and c not in taken), None)


class _Writer:
    """Writes the SQL of one query, with the names quoted as the database wants them."""

    def __init__(self, database: Database, owner: Owner | None) -> None:
        self._database = database
        self._owner = owner
        self.matters: list[str] = []
        """Written into the query, each on a line of its own."""
        self.missing: list[str] = []

    def _to_decide(self, matter: str, indent: str = "") -> str:
        """The matter's line."""
        self.matters.append(printable(matter))
        return to_decide(matter, indent)

    def _name(self, name: str) -> str:
        return quoted_name(self._database, name)

    def _table(self, table: FoundTable) -> str:
        return quoted_name(self._database, table.name, table.schema)

    def _of(self, alias: str, column: FoundColumn | str) -> str:
        return f"{alias}.{self._name(column if isinstance(column, str) else column.name)}"

    def sales(self, found: SalesGuess, others: list[str], returns: list[FoundTable]) -> str:
        """`sales.sql`."""
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
        return [pair for pair in self._counted(column, source, _VALUES_SHOWN) if pair[0] is not None]

    def _counted(self, column: FoundColumn, source: str, most: int) -> list[tuple[object, int]]:
        """The same with NULL, and with one more than so many where there are more."""
        name = self._name(column.name)
        rows = self._rows(
            f"SELECT {name}, count(*) FROM {source} AS s GROUP BY {name} ORDER BY 2 DESC, 1 LIMIT {most + 1}"
        )
        return [(row[0], int(str(row[1]))) for row in rows]

    def _rows(self, statement: str) -> Sequence[Sequence[object]]:
        return rows_if_allowed(self._database, statement)

    def _status(self, alias: str, table: FoundTable, column: FoundColumn) -> list[str]:
        """The condition on a column that tells what was sold, as the owner says or else as its words do."""
        called, name = f"{table.name}.{column.name}", self._of(alias, column)
        found = self._counted(column, self._table(table), _STATUSES_SHOWN)
        if len(found) > _STATUSES_SHOWN or not found:
            values = ", ".join(
                self._literal(value) for value, _ in found[:_VALUES_SHOWN] if value is not None
            )
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

    def _literal(self, value: object) -> str:
        if isinstance(value, int):  # also true and false, which all databases read as they are written here
            return str(value)
        if value is None:
            return "NULL"
        # What a backslash means in a literal is a setting of the server: it could take the last quote away.
        text = printable(str(value)).replace("\\", "?")
        return "'" + text[: _LONGEST_VALUE * 4].replace("'", "''") + "'"

    def items(self, found: SalesGuess, tables: list[FoundTable]) -> str:
        """`items.sql`."""
        place = product_table(found, tables)
        head = "-- The items, one row each: a first guess of `recommend init`."
        if place is None:
            item = self._of("l", found.item)
            text_type = "CHAR" if self._database.backend == "mysql" else "TEXT"
            text = [
                head,
                self._to_decide(
                    "the table of products with their names, of which none was found; without one the keys"
                    " are shown as names, and all is for sale"
                ),
                f"SELECT DISTINCT {item} AS item_id, CAST({item} AS {text_type}) AS name, 1 AS sellable",
                f"FROM {self._table(found.lines)} AS l",
                f"WHERE {item} IS NOT NULL",
            ]
            return "\n".join(text) + "\n"
        table, key = place
        title = next(c for c in table.columns if words.is_title(c))
        sellable, about = self._sellable(table)
        columns = [f"{self._of('p', key)} AS item_id", f"{self._of('p', title)} AS name"]
        columns.append(f"{sellable or 1} AS sellable")
        facts = self._facts([c for c in table.columns if c.name not in (key, title.name)])
        text = [
            head,
            "-- sellable: 1 if the item may be recommended, else 0; leave stock out, it changes by the hour.",
            *about,
        ]
        if facts:
            text.append("-- What stands behind it may be left out; a price is what one costs now.")
        columns += [f"{sql} AS {name}" for name, sql in facts.items()]
        text += ["SELECT", ",\n".join(f"    {column}" for column in columns)]
        text.append(f"FROM {self._table(table)} AS p")
        if not sellable:
            self.missing.append(f"which rows of {table.name} may be recommended (sellable)")
        return "\n".join(text) + "\n"

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

    def _sellable(self, table: FoundTable) -> tuple[str | None, list[str]]:
        """SQL that tells whether an item is on sale, None where nothing tells it; and comments about it."""
        on, off, text = None, [], []
        for column in table.columns:
            if on is None and words.is_active(column):
                on = self._on(table, column)
                if on is not None:
                    continue
            flag = self._flag(table, column)
            if flag is None:
                continue
            condition, meaning, count = flag
            if self._owner is None:
                text.append(
                    self._to_decide(
                        f"whether {meaning} means not for sale, as this query takes it ({count} of the items)"
                    )
                )
            elif not self._owner.confirm(
                f"{printable(meaning)} ({count} of the items): is that not for sale?"
            ):
                continue
            off.append(f"WHEN {condition} THEN 0")
        if not off:
            return (None if on is None else on[0]), text
        last = "ELSE 1" if on is None else f"WHEN {on[1]} THEN 1 ELSE 0"
        return f"CASE {' '.join(off)} {last} END", text

    def _on(self, table: FoundTable, column: FoundColumn) -> tuple[str, str] | None:
        """SQL for `sellable` from a column that says that an item is on sale, and the same as a condition."""
        name = self._of("p", column)
        if column.kind is ColumnKind.BOOLEAN:
            return name, name
        if column.kind is ColumnKind.INTEGER:
            return name, f"{name} > 0"
        yes, _ = self._yes_and_no(table, column)
        return (f"CASE WHEN {name} IN ({yes}) THEN 1 ELSE 0 END", f"{name} IN ({yes})") if yes else None

    def _flag(self, table: FoundTable, column: FoundColumn) -> tuple[str, str, int] | None:
        """A condition that may mean that an item is not for sale, the same in words, and how many are so."""
        is_off = words.is_off(column)
        if not is_off and not words.is_active(column):
            return None
        name = self._of("p", column)
        if column.kind is ColumnKind.TIME:
            condition, meaning = f"{name} IS NOT NULL", f"a time in {column.name}"
        elif column.kind is ColumnKind.BOOLEAN:
            condition = name if is_off else f"NOT {name}"
            meaning = f"{column.name} = {'true' if is_off else 'false'}"
        else:
            yes, no = self._yes_and_no(table, column)
            value = yes if is_off else no
            if not value:
                return None
            condition, meaning = f"{name} IN ({value})", f"{column.name} = {value}"
        counted = self._rows(f"SELECT count(*) FROM {self._table(table)} AS p WHERE {condition}")
        return condition, meaning, int(str(counted[0][0])) if counted else 0

    def _yes_and_no(self, table: FoundTable, column: FoundColumn) -> tuple[str, str]:
        """The values of a column that mean yes and no, as SQL; none where it has others, or but one."""
        if column.kind is ColumnKind.INTEGER:
            values = [value for value, _ in self._values(column, self._table(table))]
            return ("1", "0") if values and all(value in (0, 1) for value in values) else ("", "")
        plain = {value: value.strip("'").lower() for value in self._few_values(table, column)}
        if not all(text in _YES + _NO for text in plain.values()):
            return "", ""
        yes, no = (", ".join(v for v, text in plain.items() if text in these) for these in (_YES, _NO))
        return yes, no
