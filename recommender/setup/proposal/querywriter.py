"""What both queries are written with: names as the database wants them, values of a column, literals."""

from collections.abc import Sequence

from recommender.database.base import Database
from recommender.setup.looks import quoted_name, rows_if_allowed
from recommender.setup.proposal.owner import Owner, to_decide
from recommender.setup.proposal.shoptables import ColumnKind, FoundColumn, FoundTable
from recommender.system.text import printable

VALUES_SHOWN = 12
_LONGEST_VALUE = 40
_LOOKED_AT = 10_000
"""Rows of a table that are looked at for columns with a few values."""
_MOST_COUNTED = 1_000_000


class QueryWriter:
    """Writes the SQL of one query.

    Args:
        database: the shop's; asked for some values of columns.
        owner: asks on a terminal; None: what only the owner can tell becomes a line `-- TO DECIDE: …`.
    """

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

    def _few_values(self, table: FoundTable, column: FoundColumn) -> list[str]:
        """The values of a column that has at least two and not many, as SQL, the most frequent first."""
        if column.kind not in (ColumnKind.INTEGER, ColumnKind.TEXT, ColumnKind.OTHER, ColumnKind.BOOLEAN):
            return []
        first = f"(SELECT {self._name(column.name)} FROM {self._table(table)} LIMIT {_LOOKED_AT})"
        if not 2 <= len(self._values(column, first)) <= VALUES_SHOWN:  # noqa: PLR2004 - one tells nothing apart
            return []
        # The oldest rows may lack a value of late; very many are not worth a scan for that.
        source = self._table(table) if table.rows <= _MOST_COUNTED else first
        return [self._literal(value) for value, _ in self._values(column, source)]

    def _values(self, column: FoundColumn, source: str) -> list[tuple[object, int]]:
        """The values of a column and how many rows have each, the most frequent first."""
        return [pair for pair in self._counted(column, source, VALUES_SHOWN) if pair[0] is not None]

    def _counted(self, column: FoundColumn, source: str, most: int) -> list[tuple[object, int]]:
        """The same with NULL, and with one more than so many where there are more."""
        name = self._name(column.name)
        rows = self._rows(
            f"SELECT {name}, count(*) FROM {source} AS s GROUP BY {name} ORDER BY 2 DESC, 1 LIMIT {most + 1}"
        )
        return [(row[0], int(str(row[1]))) for row in rows]

    def _rows(self, statement: str) -> Sequence[Sequence[object]]:
        return rows_if_allowed(self._database, statement)

    def _literal(self, value: object) -> str:
        if isinstance(value, int):  # also true and false, which all databases read as they are written here
            return str(value)
        if value is None:
            return "NULL"
        # What a backslash means in a literal is a setting of the server: it could take the last quote away.
        text = printable(str(value)).replace("\\", "?")
        return "'" + text[: _LONGEST_VALUE * 4].replace("'", "''") + "'"
