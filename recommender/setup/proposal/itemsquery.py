"""The first guess at `items.sql`."""

from collections.abc import Sequence

from recommender.setup.proposal import words
from recommender.setup.proposal.contents import time_expression
from recommender.setup.proposal.guesses import SalesGuess, product_table
from recommender.setup.proposal.querywriter import QueryWriter
from recommender.setup.proposal.shoptables import ColumnKind, FoundColumn, FoundTable
from recommender.system.text import printable

_YES = ("1", "y", "j", "yes", "ja", "true", "t", "oui", "si", "on")
_NO = ("0", "n", "no", "nein", "false", "f", "non", "off", "")


class ItemsQuery(QueryWriter):
    """Writes `items.sql`."""

    def sql(self, found: SalesGuess, tables: list[FoundTable]) -> str:
        """The query for the table of products that the sales lead to."""
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
