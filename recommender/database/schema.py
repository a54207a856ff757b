"""Our tables as they are in the target database, held against their definitions."""

import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ReflectedColumn

from recommender.database.base import Database, Meddler, Publication, capital
from recommender.database.ddl import forgotten_table, list_table, runs_table
from recommender.errors import DatabaseError, SettingsError
from recommender.tables import LISTS, SCHEMA_VERSION, KeyKind, ListTable, Role


@dataclass(frozen=True)
class FoundKey:
    """A key column of ours as the database declares it."""

    kind: KeyKind
    length: int | None
    """Characters of a text key; None where the type sets no limit."""


@dataclass(frozen=True)
class Target:
    """Where a run publishes: the database and our tables in it."""

    database: Database
    schema: str | None
    prefix: str
    made: tuple[ListTable, ...] = LISTS
    """The lists that a night makes; the others are left empty."""
    forgets: bool = True
    """Whether there must be a table of the customers who are to be forgotten."""
    shop: tuple[tuple[str | None, str], ...] = ()
    """Schema and name of the tables that sales.sql reads, where they are in the same database."""

    @cached_property
    def lists(self) -> Mapping[ListTable, sa.Table]:
        """The table of each list."""
        return {d: list_table(d, schema=self.schema, prefix=self.prefix) for d in LISTS}

    def present(self, connection: sa.Connection) -> Mapping[ListTable, sa.Table]:
        """The tables that a night writes: of the lists that are made, and of others where they exist."""
        inspector = sa.inspect(connection)
        return {
            definition: table
            for definition, table in self.lists.items()
            if definition in self.made or inspector.has_table(table.name, schema=self.schema)
        }

    def existing(self, connection: sa.Connection) -> Iterator[tuple[ListTable, sa.Table]]:
        """The lists whose tables exist, made or not."""
        inspector = sa.inspect(connection)
        for definition, table in self.lists.items():
            if inspector.has_table(table.name, schema=self.schema):
                yield definition, table

    @cached_property
    def runs(self) -> sa.Table:
        """The table of the publishes."""
        return runs_table(schema=self.schema, prefix=self.prefix)

    @cached_property
    def forgotten(self) -> sa.Table:
        """The table of the customers who are to be forgotten."""
        return forgotten_table(schema=self.schema, prefix=self.prefix)

    @property
    def lock_name(self) -> str:
        """Names the set of tables; at most 64 characters, since MySQL allows no more."""
        url = self.database.url
        database, schema = str(url.database), self.schema or ""
        if url.get_backend_name() == "mysql":  # a schema is a database there
            database, schema = schema or database, ""
        if url.get_backend_name() == "sqlite":  # however the address spells the way to the file
            database = str(Path(database).resolve())
        named = f"{database}\0{schema}\0{self.prefix}"
        return f"recommend:{hashlib.sha256(named.encode()).hexdigest()[:32]}"

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A connection to read our tables, or to write them one statement at a time.

        Raises:
            SettingsError: somebody else could run statements with our rights through them.
        """
        with self.database.connect() as connection:
            self.refuse_strangers(connection)
            yield connection

    def meddlers(self, connection: sa.Connection) -> list[Meddler]:
        """What of somebody's has a hand in those of our tables that are there."""
        return self.database.meddlers(
            connection, [*self.lists.values(), self.runs, self.forgotten], self.shop
        )

    def refuse_strangers(self, connection: sa.Connection) -> None:
        """Stop before a trigger, a view or the like of somebody else runs with our rights.

        Raises:
            SettingsError: names each of them, and whose it is.
        """
        if self.database.backend != "postgresql":  # elsewhere nobody's code runs with our rights
            return
        strangers = [found for found in self.meddlers(connection) if found.is_stranger]
        if strangers:
            raise SettingsError(
                "tables-stranger",
                f"Somebody else could run statements with this user's rights in {self.database.name}:"
                f" {'; '.join(found.what for found in strangers)}.",
                f"Drop what is not yours: {'; '.join(found.what_to_do for found in strangers)}. Then run"
                " `recommend init`.",
            )

    def claim(self, publication: Publication, tables: Sequence[sa.Table]) -> None:
        """In the transaction that writes these tables: they are ours alone, and stay so to its end.

        Raises:
            SettingsError: somebody else could run statements with our rights through them.
        """
        publication.lock(tables)
        self.refuse_strangers(publication.connection)

    def require_writable(self, connection: sa.Connection) -> None:
        """Stop where nothing can be written at all.

        Raises:
            DatabaseError: says why.
        """
        why = self.database.why_only_read(connection)
        if why is not None:
            raise DatabaseError(
                "database-only-read",
                f"{capital(self.database.name)} can only be read: {why}.",
                "Set TARGET_DATABASE_URL to a database that can be written: our tables may lie in another"
                " database than the shop's.",
            )

    def problems(self, connection: sa.Connection) -> list[str]:
        """What is wrong with our tables: missing, of another shape, of an engine that cannot roll back.

        Raises:
            SettingsError: a newer version of this program has published into them, for which they are right,
                whatever differs.
        """
        inspector = sa.inspect(connection)
        self._refuse_newer(connection, inspector)
        found = []
        tables = [*(self.lists[definition] for definition in self.made), self.runs]
        tables += [self.forgotten] * self.forgets
        for table in tables:
            name = self.database.quoted(table)
            if not inspector.has_table(table.name, schema=self.schema):
                found.append(f"there is no table {name}")
                continue
            present = self._columns(inspector, table)
            missing = [column.name for column in table.columns if column.name not in present]
            unknown = [
                column["name"]
                for column in present.values()
                if column["name"] not in table.columns and _needs_value(column)
            ]
            key = inspector.get_pk_constraint(table.name, schema=self.schema)["constrained_columns"]
            wanted = [column.name for column in table.primary_key.columns]
            if missing:
                found.append(f"{name} has no column {', '.join(missing)}")
            if unknown:
                found.append(f"{name} has columns of its own that need a value: {', '.join(unknown)}")
            if not missing and key != wanted:
                has = f"the key ({', '.join(key)})" if key else "no key"
                found.append(f"{name} has {has}, not ({', '.join(wanted)})")
        return found + self.database.check_tables(connection, tables)

    def _columns(self, inspector: sa.Inspector, table: sa.Table) -> dict[str, ReflectedColumn]:
        """The columns that the table has, by their names."""
        with warnings.catch_warnings():
            # Of types that SQLAlchemy does not know, such as PostgreSQL's citext in a schema of its own.
            warnings.simplefilter("ignore", sa.exc.SAWarning)
            return {c["name"]: c for c in inspector.get_columns(table.name, schema=self.schema)}

    def _refuse_newer(self, connection: sa.Connection, inspector: sa.Inspector) -> None:
        runs = self.runs
        if not inspector.has_table(runs.name, schema=self.schema):
            return
        newest = None
        # Without the column, or the right to read it, the looks that follow say what is wrong.
        with suppress(sa.exc.DBAPIError):
            newest = connection.execute(sa.select(sa.func.max(runs.c.schema_version))).scalar()
        if isinstance(newest, int) and newest > SCHEMA_VERSION:
            raise SettingsError(
                "tables-newer",
                f"The tables in {self.database.name} were written by a newer version of this program:"
                f" {self.database.quoted(runs)} has the schema_version {newest}, this version knows"
                f" {SCHEMA_VERSION}.",
                "Upgrade this program, or set a TABLE_PREFIX of its own; nothing was changed.",
            )

    def require(self, connection: sa.Connection) -> None:
        """Stop early when the tables are not ready for a publish.

        Raises:
            SettingsError: names everything that is wrong with them; or a newer program has written them.
        """
        problems = self.problems(connection)
        if problems:
            raise SettingsError(
                "tables-not-ready",
                f"The tables in {self.database.name} are not ready: {'; '.join(problems)}.",
                "Run `recommend init` once: it makes what is missing and leaves the rest as it is.",
            )

    def keys(self, connection: sa.Connection) -> dict[tuple[ListTable, str], FoundKey]:
        """The key columns of the lists as they are declared; a list that is left out may have no table.

        Raises:
            SettingsError: a table is missing.
        """
        inspector = sa.inspect(connection)
        found = {}
        for definition, table in self.present(connection).items():
            if not inspector.has_table(table.name, schema=self.schema):
                raise SettingsError(
                    "tables-not-ready",
                    f"There is no table {self.database.quoted(table)} in {self.database.name}.",
                    "Run `recommend init`.",
                )
            present = self._columns(inspector, table)
            for column in definition.columns:
                if column.role in (Role.CUSTOMER, Role.ITEM):
                    found[definition, column.name] = _found_key(present[column.name]["type"])
        return found

    def last_publish(self, connection: sa.Connection) -> sa.Row[Any] | None:
        """The newest row of recommendation_runs."""
        newest = sa.select(self.runs).order_by(self.runs.c.published_seq.desc()).limit(1)
        return connection.execute(newest).fetchone()

    def publish_of(self, connection: sa.Connection, run_id: str) -> sa.Row[Any] | None:
        """The row of that run, if it was published."""
        runs = self.runs  # one object: two would be joined
        return connection.execute(sa.select(runs).where(runs.c.run_id == run_id)).fetchone()


def _needs_value(column: ReflectedColumn) -> bool:
    """Whether a row cannot be added without a value for it."""
    made = ("default", "identity", "computed")
    is_made = any(column.get(name) for name in made) or column.get("autoincrement") is True
    return not column["nullable"] and not is_made


def _found_key(declared: sa.types.TypeEngine[Any]) -> FoundKey:
    is_decimal = isinstance(declared, sa.Numeric) and not isinstance(declared, sa.Float)
    if isinstance(declared, sa.Integer) or (is_decimal and not getattr(declared, "scale", None)):
        return FoundKey(KeyKind.INTEGER, None)
    return FoundKey(KeyKind.TEXT, getattr(declared, "length", None))
