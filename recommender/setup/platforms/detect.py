"""Which platform a database belongs to: by the names of its tables, and by what its own settings tell."""

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import Template

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ReflectedForeignKeyConstraint

from recommender.database.base import Database
from recommender.errors import DatabaseError, SettingsError
from recommender.setup.looks import rows_asked
from recommender.setup.platforms.preset import NAMES, Preset, load_preset

_SHOWN = 12
_LINK = re.compile(r"foreign key (\w+)\.(\w+)")
_PREFIX = re.compile(r"[A-Za-z0-9_$-]*")
_PLAIN = re.compile(r"[A-Za-z0-9_$-]+")
_OF_A_SITE = re.compile(r"(?<=_)\d+_$")
"""How WordPress prefixes the tables of a second site of a network, over those that all sites share."""


@dataclass(frozen=True)
class Platform:
    """A platform that a database shows, with the prefix of its tables."""

    preset: Preset
    prefix: str
    base_prefix: str
    """The same but in a network of WordPress sites: the prefix of the tables that all share."""

    @property
    def names(self) -> dict[str, str]:
        """What stands for the parts of tables' names in the texts of the preset."""
        return {"prefix": self.prefix, "base_prefix": self.base_prefix}


@dataclass(frozen=True)
class Shop:
    """A database that may be asked what the texts of a preset ask."""

    database: Database

    def rows(self, text: str, names: dict[str, str]) -> Sequence[Sequence[object]]:
        """The rows of a query of a preset.

        Raises:
            DatabaseError: the shop refused it: a table may be missing, or not ours to read.
        """
        return rows_asked(self.database, Template(text).substitute(names))

    def choice(
        self, texts: Iterable[str], names: dict[str, str]
    ) -> tuple[Sequence[Sequence[object]], DatabaseError | None]:
        """The rows of the first query that returns some; where none does, why the last was refused."""
        refused = None
        for text in texts:
            try:
                rows, refused = self.rows(text, names), None
            except DatabaseError as error:
                refused = error
            else:
                if rows:
                    return rows, None
        return (), refused

    def first(self, texts: Iterable[str], names: dict[str, str]) -> list[str]:
        """The first column of the first query that returns something there, as texts.

        `foreign key TABLE.COLUMN` in the place of a query is the table that the column leads to, behind its
        schema where that is another; in quotes where its name needs some, and so no `Kind.NAME`.
        """
        for text in texts:
            link = _LINK.fullmatch(text)
            rows = [[self._linked(link[1], link[2])]] if link else self.choice([text], names)[0]
            found = [as_text(row[0]) for row in rows if row[0] not in (None, "")]
            if found:
                return found
        return []

    def _linked(self, table: str, column: str) -> str | None:
        link = next((link for link in self.links(table) if link["constrained_columns"] == [column]), None)
        parts = [link["referred_schema"], link["referred_table"]] if link else []
        # A dot in a name must not make a schema of what stands before it.
        return ".".join(p if _PLAIN.fullmatch(p) else self.database.quote(p) for p in parts if p) or None

    def links(self, table: str) -> Sequence[ReflectedForeignKeyConstraint]:
        """The foreign keys of a table, as far as they are shown."""
        try:
            with self.database.connect() as connection, warnings.catch_warnings():
                # SQLAlchemy warns of keys to tables whose names it cannot read, and leaves them out.
                warnings.simplefilter("ignore", sa.exc.SAWarning)
                return sa.inspect(connection).get_foreign_keys(table)
        except DatabaseError:
            # MariaDB shows the keys of a table to nobody who may not read all of its columns.
            return []

    def is_true(self, texts: Iterable[str], names: dict[str, str]) -> bool:
        """Whether the first query that answers returns something that is not 0 in its first row."""
        rows, _ = self.choice(texts, names)
        return bool(rows and rows[0][0])


def as_text(value: object) -> str:
    """A value of a database as the owner writes it: BINARY as hexadecimal digits."""
    return value.hex() if isinstance(value, bytes) else str(value)


def detect(database: Database, *, asked: str | None = None, prefix: str | None = None) -> Platform | None:
    """The platform of a shop; None where it shows none.

    Args:
        database: the shop's.
        asked: the platform that the owner says it is.
        prefix: that of the tables that the owner says, where there are several installations.

    Raises:
        SettingsError: it shows several, or not the one that was asked for.
        DatabaseError: the database does not answer.
    """
    with database.connect() as connection:
        tables = set(sa.inspect(connection).get_table_names())
    found = [
        Platform(preset, own, _base(own, tables))
        for name in NAMES
        if asked in (None, name)
        for preset in [load_preset(name)]
        if database.backend in preset.databases
        for own in _prefixes(preset, tables)
        if prefix in (None, own)
    ]
    if asked is not None and not found:
        preset = load_preset(asked)
        raise SettingsError(
            "platform-not-this",
            f"{database.name} is not a {preset.title} shop that this user can read: it lacks"
            f" {', '.join(sorted(set(preset.tables) - tables)) or 'tables with that prefix'}.",
            "Check the address, and the user's rights (grants.sql of the platform); or leave out --platform.",
        )
    if len(found) > 1:
        several = ", ".join(
            f"{one.preset.title} with the prefix {one.prefix}" if one.prefix else one.preset.title
            for one in found[:_SHOWN]
        )
        raise SettingsError(
            "platform-several",
            f"{database.name} holds several shops: {several}.",
            "Say which: --platform NAME, and --param prefix=PREFIX.",
        )
    return found[0] if found else None


def _prefixes(preset: Preset, tables: set[str]) -> list[str]:
    first = preset.tables[0]
    candidates = [table.removesuffix(first) for table in sorted(tables) if table.endswith(first)]
    return [
        own
        for own in candidates
        if (preset.has_prefix or not own)
        and _PREFIX.fullmatch(own)
        and all({own + table, _OF_A_SITE.sub("", own) + table} & tables for table in preset.tables)
    ]


def _base(prefix: str, tables: set[str]) -> str:
    base = _OF_A_SITE.sub("", prefix)
    return base if f"{prefix}users" not in tables and f"{base}users" in tables else prefix
