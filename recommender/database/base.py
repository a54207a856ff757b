"""What every database can do for us; one module per dialect fulfils it."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

import sqlalchemy as sa

from recommender.database.codes import (
    COLLATIONS,
    NOT_WRITTEN,
    REFUSED_ROW,
    SILENT,
    TOO_SLOW,
    UNSIGNED,
    WRONG_SQL,
    Advice,
    number_of,
)
from recommender.database.ddl import KeyType
from recommender.database.query import Query
from recommender.database.silence import silence_in
from recommender.database.urls import describe, secrets_of
from recommender.errors import DatabaseError, Interrupted, OutcomeUnknownError, RefusedError, TransientError
from recommender.system.interrupts import interrupts
from recommender.tables import ListColumn, ListTable

if TYPE_CHECKING:
    from recommender.system.arrow import pa

WRITTEN = "could not be written"
"""How the error of a publish is told."""
LOCK_WAIT_SECONDS = 10
"""How long a statement of ours waits for a lock of the shop before it gives up."""
ROWS_AT_ONCE = 20_000
"""Rows per batch of an export: enough to make the work per batch cheap, few enough to stay small."""
_NO_REASON = "the driver gave no reason"
_UNKNOWN = Advice(
    "database-error", "The database says what is wrong in its own words; -v shows the whole error."
)
_WITH_VALUES = (REFUSED_ROW, UNSIGNED, _UNKNOWN)
"""What is advised where a database's error can be about what is in a row."""
_NEEDS_NO_QUOTES = re.compile(r"[A-Z0-9_$]+\Z", re.IGNORECASE)
GUEST_KEY_LENGTH = 30
"""Characters of a guest's key: `guest:` and 24 hexadecimal digits."""

Columns = list[Sequence[object]]
"""One batch of rows, by columns: values as the driver gives them, None for NULL."""
Values: TypeAlias = "Sequence[object] | pa.StringArray"
"""A column of such a batch; where a server sends texts, as Arrow has them."""
Batch = list[Values]


@dataclass(frozen=True)
class QueryColumn:
    """A column of the owner's query."""

    name: str
    """As the database names it; ours are found in any case."""
    is_instant: bool = False
    """Its texts are UTC whatever the shop's zone: the column is of a type that stores instants."""
    is_time: bool = False
    """It is of a type for days or times, which the database compares as such."""


def listed(values: Values) -> Sequence[object]:
    """The values of a column as Python has them."""
    if isinstance(values, Sequence):
        return values
    found: list[object] = values.to_pylist()
    return found


class RowReader(ABC):
    """Where rows are read from: a snapshot of the shop's database, or files."""

    integers_as_text: ClassVar[bool] = True
    """Whether the integers of an integer column may come as texts."""

    @abstractmethod
    def columns(self, query: Query) -> list[QueryColumn]:
        """The columns that the query returns, in its order."""

    @abstractmethod
    def key_type(self, query: Query, column: QueryColumn) -> KeyType:
        """The declared type of a key column.

        Raises:
            RefusedError: the type can be no key (a float, a date, raw bytes), or SQLite's values are mixed.
        """

    @abstractmethod
    def batches(self, query: Query, columns: Sequence[QueryColumn]) -> Generator[Batch, None, None]:
        """All rows in batches, each with the given columns in the given order; memory is bounded.

        Close it before the reader ends when not all of it is read.
        """

    def place_of(self, row: int) -> str:
        """Where a row of the batch that was read last stands, for messages; empty where nobody can look."""
        del row
        return ""

    def stream(self, query: Query, columns: Sequence[QueryColumn]) -> Generator[Columns, None, None]:
        """The same, texts too as Python has them."""
        with closing(self.batches(query, columns)) as batches:
            for batch in batches:
                yield [*map(listed, batch)]


class Snapshot(RowReader):
    """One moment of the shop's data, read without holding up the shop.

    Args:
        database: the shop's.
        connection: the driver's, in the transaction that reads.
    """

    def __init__(self, database: "Database", connection: Any) -> None:
        self._database = database
        self._connection = connection

    @contextmanager
    def _errors(self, query: Query) -> Iterator[None]:
        with self._database.errors(f"refused {query.path}"):
            yield

    def _select(self, query: Query, columns: Sequence[QueryColumn]) -> str:
        return query.wrapped(self._database.names(columns, of="q."))


class ListSource(Protocol):
    """What a list is published from."""

    @property
    def path(self) -> Path:
        """Its file: CSV with a header, as `COPY` of PostgreSQL takes it."""

    def batches(self) -> "Iterator[pa.RecordBatch]":
        """The rows in their order, every column as texts."""


def list_rows(source: ListSource) -> Iterator[tuple[str | None, ...]]:
    """The rows as Python has them."""
    for batch in source.batches():
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


@dataclass(frozen=True)
class Meddler:
    """Something of somebody's that has a hand in our tables."""

    what: str
    """In words, without a capital or an end."""
    what_to_do: str
    """In a sentence; of a stranger's only what takes it away, without an end."""
    is_stranger: bool = False
    """It can run statements with our rights, and is of nobody who could act for us or for the shop anyway."""


class Publication(ABC):
    """An open transaction that replaces lists.

    Args:
        database: the target.
        connection: in the transaction; for what is the same on every database.
        sources: the lists to publish and their rows.
    """

    def __init__(
        self, database: "Database", connection: sa.Connection, sources: Mapping[ListTable, ListSource]
    ) -> None:
        self.connection = connection
        self._database = database
        self._sources = sources
        self.is_at_commit = False
        """The commit was sent: a failure no longer means that nothing has changed."""

    def lock(self, tables: Sequence[sa.Table]) -> None:
        """Keep everybody from changing what these tables are, where the dialect lets one in a transaction."""
        del tables

    def delete(self, table: sa.Table) -> None:
        """Delete all rows."""
        self.connection.execute(sa.delete(table))

    @abstractmethod
    def insert(self, definition: ListTable, table: sa.Table) -> None:
        """Put the rows of the list into the table."""

    def commit(self, done: Callable[[], None]) -> None:
        """Commit, then call `done`, which notes it; no signal comes between."""
        with interrupts.held():
            self.is_at_commit = True
            self._commit()
            done()

    def _commit(self) -> None:
        self.connection.commit()


class RunLock(ABC):
    """The lock in the target database that keeps runs on other machines away."""

    holder: str
    """Words about us that stand in the error of those who find it taken."""

    @abstractmethod
    def check(self) -> None:
        """Make sure that it is still held.

        Raises:
            TransientError: it was lost with its connection, so that another run may have begun.
            DatabaseError: it was lost for good.
        """


class Database(ABC):
    """One database under one address; connections are opened when needed and closed after use."""

    driver_errors: ClassVar[tuple[type[Exception], ...]]
    most_key_bytes: ClassVar[int | None] = None
    """Of a text in UTF-8 that still fits the index of a list, beside a position; None where all do."""

    def __init__(self, url: sa.URL) -> None:
        self.url = url
        self.name = describe(url)
        self.was_reached = False
        """A connection was made: a server that refuses one later may be starting again."""
        # An engine asks its server once what that is like, at its first connection.
        self._engine_for = cache(self._engine)
        self.dialect = self._engine().dialect
        # SQLAlchemy's own lets a line end at the end through: such a name would be another's without quotes.
        self.dialect.identifier_preparer.legal_characters = _NEEDS_NO_QUOTES

    @abstractmethod
    def _engine(self) -> sa.Engine:
        """An engine with our limits set on each connection."""

    def _new_engine(self, **options: Any) -> sa.Engine:
        """An engine without a pool."""
        # Parameters are keys of customers, and errors go to the log.
        engine = sa.create_engine(self.url, poolclass=sa.NullPool, hide_parameters=True, **options)
        sa.event.listen(engine, "connect", self._note_reached)
        return engine

    def _owners_engine(self) -> sa.Engine:
        """The same for connections on which the owner's SQL is run: it means what it means to the shop."""
        return self._engine_for()

    @abstractmethod
    def snapshot(self, scratch: Path, timeout_seconds: int) -> AbstractContextManager[Snapshot]:
        """Begin a snapshot; `scratch` is a folder for a copy where the dialect needs one."""

    @abstractmethod
    def run_lock(self, name: str, holder: str) -> AbstractContextManager[RunLock]:
        """Take the run lock on a connection of its own.

        Args:
            name: names the set of tables that the run writes.
            holder: who we are, shown to those who find the lock taken where the database can show it.

        Raises:
            LockedError: another run holds it; says who.
        """

    @contextmanager
    def publication(
        self, sources: Mapping[ListTable, ListSource], tables: Mapping[ListTable, sa.Table], scratch: Path
    ) -> Iterator[Publication]:
        """A transaction in which lists are replaced; without its `commit` it is rolled back in the end.

        Readers see all of it or nothing. `scratch` is a folder for temporary files.

        Raises:
            DatabaseError: it failed, or the shop held a lock too long; nothing has changed.
            OutcomeUnknownError: it failed at the commit, which may have happened.
        """
        publication: Publication | None = None
        try:
            with self.errors(WRITTEN), self._transaction(sources, tables, scratch) as publication:
                yield publication
        except DatabaseError as error:
            if publication is None or not publication.is_at_commit:
                raise
            raise OutcomeUnknownError(
                error.code, error.reason, error.what_to_do, named=error.named
            ) from error

    @abstractmethod
    def _transaction(
        self, sources: Mapping[ListTable, ListSource], tables: Mapping[ListTable, sa.Table], scratch: Path
    ) -> AbstractContextManager[Publication]:
        """What `publication` does, with the driver's errors."""

    @abstractmethod
    def key_type_here(self, key: KeyType, shop_backend: str, *, guests: bool) -> KeyType:
        """The type for a key column of ours in this database.

        Args:
            key: the type in the shop's database.
            shop_backend: that database's backend name; another one's spelling is not ours.
            guests: whether the column must also hold the keys of guests.
        """

    @abstractmethod
    def equal_texts(
        self, connection: sa.Connection, column: sa.Column[object], texts: Collection[str]
    ) -> Iterator[Sequence[str]]:
        """Groups of two or more of these different texts that the column takes for the same.

        Equality is the column's own: by its collation (case, accents, blanks at the end), or as its type
        reads the texts (forms of a uuid, padding of a char). A text that the type cannot hold equals none.
        """

    def equal_pair(
        self, connection: sa.Connection, column: sa.Column[object], texts: Collection[str]
    ) -> tuple[str, str] | None:
        """Two different texts that are equal in the column, if there are any; see `equal_texts`."""
        group = next(iter(self.equal_texts(connection, column, texts)), None)
        return None if group is None else (group[0], group[1])

    def after_publish(self, tables: Sequence[sa.Table]) -> None:
        """Housekeeping after the commit, where it is ours; never raises for the lack of a right."""
        del tables

    def verifying_option(self) -> str | None:
        """What to write into the address, so that nobody can stand in for the server.

        None where its certificate is verified already, or where no network is between.
        """
        return None

    def check_tables(self, connection: sa.Connection, tables: Sequence[sa.Table]) -> list[str]:
        """What else is wrong with our (existing) tables on this dialect, in words."""
        del connection, tables
        return []

    @abstractmethod
    def meddlers(
        self, connection: sa.Connection, tables: Sequence[sa.Table], shop: Sequence[tuple[str | None, str]]
    ) -> list[Meddler]:
        """What of somebody's has a hand in our tables, such as triggers.

        Args:
            connection: as the user who writes the tables.
            tables: ours, whether or not they are there.
            shop: schema and name of the tables that sales.sql reads, where they are in this database.
        """

    @property
    def backend(self) -> str:
        """`sqlite`, `postgresql` or `mysql`."""
        return self.url.get_backend_name()

    @contextmanager
    def connect(self, *, owners_sql: bool = False) -> Iterator[sa.Connection]:
        """A connection for small statements; each commits by itself unless a transaction is begun.

        Args:
            owners_sql: there is SQL of the owner in them.
        """
        engine = self._owners_engine() if owners_sql else self._engine_for()
        with self.errors("could not be used"), self._connected(engine) as connection:
            yield connection

    def _stop(self, connection: sa.Connection) -> None:
        """Ask the server to end what it does for this connection, where there is a server."""
        del connection

    @contextmanager
    def _connected(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        """A connection; when a signal ends the block, no statement of ours goes on in the server."""
        with engine.connect() as connection:
            try:
                yield connection
            except Interrupted:
                self._stop(connection)
                # Dropped as it is: in the middle of an answer it can do nothing more in order.
                connection.invalidate()
                raise

    @contextmanager
    def errors(self, doing: str) -> Iterator[None]:
        """Turn the driver's errors into ours, on one line and without the password."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise self.explained(error.orig or error, doing) from error
        except self.driver_errors as error:
            raise self.explained(error, doing) from error

    def explained(self, error: BaseException, doing: str) -> DatabaseError:
        """The driver's error as ours."""
        if silent := silence_in(error):
            # Not tried again: each attempt would wait as long.
            reason = f"{self._capital_name} did not answer for {silent.seconds:g} seconds."
            return DatabaseError(SILENT.code, reason, SILENT.what_to_do)
        message = self.message(error)
        end = "" if message.endswith(("?", "!")) else "."
        kind = TransientError if self._is_transient(error) else DatabaseError
        advice = self._advice(error) or _UNKNOWN
        if doing == WRITTEN and advice in (WRONG_SQL, TOO_SLOW, COLLATIONS):
            advice = NOT_WRITTEN  # no query of the owner's is at fault
        if kind is DatabaseError and advice in _WITH_VALUES and not message.startswith(_NO_REASON):
            # What a row has may be in the server's words.
            return kind(
                advice.code,
                f"{self._capital_name} {doing}: {_code(error)}.",
                advice.what_to_do,
                named=f"In its own words: {message}{end}",
            )
        return kind(advice.code, f"{self._capital_name} {doing}: {message}{end}", advice.what_to_do)

    def _is_transient(self, error: BaseException) -> bool:
        """Whether a driver's error may be over in a moment; dialects of servers know."""
        del error
        return False

    def _note_reached(self, _connection: object, _record: object) -> None:
        """SQLAlchemy tells of each connection that is made."""
        self.was_reached = True

    @property
    def _capital_name(self) -> str:
        return capital(self.name)

    def message(self, error: BaseException) -> str:
        """The driver's message on one line, without the password."""
        text = str(error.args[-1] if error.args else error).strip()
        if text in ("", "None"):
            text = f"{_NO_REASON} ({type(error).__name__})"
        for secret in secrets_of(self.url):
            text = text.replace(secret, "***")
        return re.sub(r"\s+", " ", text).strip().rstrip(".")

    @abstractmethod
    def _advice(self, error: BaseException) -> Advice | None:
        """What to do about a driver's error, where that is known."""

    @abstractmethod
    def why_only_read(self, connection: sa.Connection) -> str | None:
        """Why this user can write nothing at all here, in words; None where that is not so."""

    def own_schema(self, connection: sa.Connection) -> str | None:
        """The schema (a database, on MySQL) of names without one, as the server itself writes it."""
        return sa.inspect(connection).default_schema_name

    def has_schema(self, connection: sa.Connection, name: str) -> bool:
        """Whether there is such a schema, by the server's own rule for equal names."""
        return sa.inspect(connection).has_schema(name)

    def quoted(self, table: sa.Table) -> str:
        """The table's name, quoted, with its schema."""
        return self._undoubled(self.dialect.identifier_preparer.format_table(table))

    def names(self, columns: Iterable[QueryColumn | ListColumn], of: str = "") -> str:
        """The columns' names, quoted and with commas between; `of` stands before each."""
        return ", ".join(of + self.quote(column.name) for column in columns)

    def quote(self, identifier: str) -> str:
        """A column's name, always in quotes, since it comes from the shop."""
        return self._undoubled(self.dialect.identifier_preparer.quote_identifier(identifier))

    def _undoubled(self, name: str) -> str:
        # SQLAlchemy writes % twice for drivers that take parameters at a %; our own statements have none.
        doubles = self.dialect.paramstyle in ("format", "pyformat")
        return name.replace("%%", "%") if doubles else name


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def _code(error: BaseException) -> str:
    """The server's or the driver's own name for an error."""
    code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None) or number_of(error)
    return type(error).__name__ if code is None else f"error {code}"


def trigger_on(table: str, name: str, more: str = "") -> Meddler:
    """A trigger on a table of ours, which may be the owner's; both names quoted."""
    return Meddler(f"there is a trigger {name} on {table}{more}", f"If it is not yours: DROP TRIGGER {name}.")


def no_key(query: Query, column: str, found: str, fix: str, *, named: str = "") -> RefusedError:
    """The error for a key column of a type that is none."""
    return RefusedError(
        "keys-odd-type", f"{query.path}: {column} is {found}, which cannot be a key.", fix, named=named
    )
