"""SQLite: the shop's file is read through a copy, and written in one short transaction."""

import errno
import itertools
import os
import re
import sqlite3
import time
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from operator import itemgetter
from pathlib import Path

import sqlalchemy as sa

from recommender.database.base import (
    LOCK_WAIT_SECONDS,
    ROWS_AT_ONCE,
    WRITTEN,
    Batch,
    Database,
    ListSource,
    Meddler,
    Publication,
    QueryColumn,
    RunLock,
    Snapshot,
    list_rows,
    no_key,
    trigger_on,
)
from recommender.database.codes import TOO_SLOW, Advice, sqlite_advice, sqlite_code, sqlite_words
from recommender.database.ddl import KeyType
from recommender.database.query import Query
from recommender.errors import DatabaseError, Interrupted, RefusedError, TransientError
from recommender.system.files import new_file
from recommender.system.interrupts import interrupts
from recommender.system.locks import FileLock, file_lock
from recommender.system.text import shortened
from recommender.tables import KeyKind, ListTable

_PAGES_AT_ONCE = 10_000
_COMMIT_WAIT_SECONDS = 0.9
"""A commit that waits for a long reader keeps new readers out meanwhile: give way within a second."""
_ROWS_PER_INSERT = 20
"""Rows that one statement inserts: a third quicker than one at a time, and more would not be."""
_STEPS_PER_CHECK = 50_000
"""SQLite's virtual machine steps between two looks at signals and the clock: some milliseconds."""
_READ_ONLY = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
_UNDECODABLE = re.compile("Could not decode to UTF-8 column '(.*?)'")
_AFFINITIES = {"INT": KeyKind.INTEGER, "TEXT": KeyKind.TEXT}


def _authorize(action: int, first: str | None, second: str | None, database: str | None, _by: object) -> int:
    """Let the owner's query read, and our own probe fill its temporary table; nothing else."""
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() == "load_extension":
        return sqlite3.SQLITE_DENY
    del first
    allowed = action in _READ_ONLY or database == "temp"
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


class _Watch:
    """SQLite's progress handler: the only way a signal or a time limit gets into a long statement."""

    def __init__(self, connection: sqlite3.Connection, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds
        connection.set_progress_handler(self._stop, _STEPS_PER_CHECK)

    @property
    def _late(self) -> bool:
        return self._end is not None and time.monotonic() > self._end

    def _stop(self) -> bool:
        return interrupts.received is not None or self._late

    def explain(self) -> None:
        """Raise what really happened when a statement was stopped by us."""
        if interrupts.received is not None:
            raise Interrupted(interrupts.received)
        if self._late:
            raise DatabaseError(
                TOO_SLOW.code,
                f"A query took longer than QUERY_TIMEOUT_SECONDS ({self._seconds:g} s).",
                TOO_SLOW.what_to_do,
            )


class _SQLiteSnapshot(Snapshot):
    integers_as_text = False

    def __init__(self, database: "SQLite", connection: sqlite3.Connection, seconds: int) -> None:
        super().__init__(database, connection)
        self._watch = _Watch(connection, seconds)
        connection.set_authorizer(_authorize)

    @contextmanager
    def _errors(self, query: Query) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self._watch.explain()
            undecodable = _UNDECODABLE.match(str(error))
            if undecodable:
                # Without the module's own words, since these hold the text: it may be a guest's address.
                raise RefusedError(
                    "sales-not-utf8",
                    f"{query.path}: {undecodable[1]} has a text that is not UTF-8.",
                    "Correct it in the shop, or leave it out with WHERE.",
                ) from None
            raise self._database.explained(error, f"refused {query.path}") from error

    def columns(self, query: Query) -> list[QueryColumn]:
        with self._errors(query), closing(self._connection.execute(query.wrapped(tail="LIMIT 0"))) as cursor:
            return [QueryColumn(column[0]) for column in cursor.description]

    def key_type(self, query: Query, column: QueryColumn) -> KeyType:
        name = self._database.quote(column.name)
        with self._errors(query):
            affinity = self._affinity(query, name)
            kind = _AFFINITIES.get(affinity) or self._kind_by_values(query, column.name, name)
            if kind is KeyKind.INTEGER:
                return KeyType(kind, "INTEGER")
            return KeyType(kind, "TEXT" + self._collation(query, name))

    def _affinity(self, query: Query, name: str) -> str:
        # A table made from the query takes the affinity that SQLite worked out for the column.
        probe = f"CREATE TEMP TABLE recommend_probe AS {query.wrapped(name, 'LIMIT 0')}"
        try:
            self._connection.execute(probe)
            (row,) = self._connection.execute("PRAGMA temp.table_info(recommend_probe)").fetchall()
        finally:
            self._connection.execute("DROP TABLE IF EXISTS temp.recommend_probe")
        return str(row[2])

    def _kind_by_values(self, query: Query, column: str, name: str) -> KeyKind:
        shown = f"CASE typeof({name}) WHEN 'blob' THEN hex(min({name})) ELSE CAST(min({name}) AS TEXT) END"
        select = f"typeof({name}), {shown}"
        tail = f"WHERE {name} IS NOT NULL GROUP BY 1"
        examples = dict(self._connection.execute(query.wrapped(select, tail)).fetchall())
        fix = f"Give the column one type in the query: CAST(… AS INTEGER) or CAST(… AS TEXT) AS {column}."
        if not examples:
            raise no_key(query, column, "of no declared type and without a value to tell it by", fix)
        if examples.keys() == {"integer"}:
            return KeyKind.INTEGER
        if examples.keys() == {"text"}:
            return KeyKind.TEXT
        if examples.keys() == {"integer", "text"}:
            rows = f"{name} FROM (\n{query.text}) WHERE typeof({name})"
            numbers = f"SELECT CAST({name} AS TEXT) FROM (SELECT {rows} = 'integer')"
            twins = f"SELECT {rows} = 'text' INTERSECT {numbers}"
            twin = self._connection.execute(f"{twins} LIMIT 1").fetchone()
            number, text = (twin[0], twin[0]) if twin else (examples["integer"], examples["text"])
            raise no_key(
                query,
                column,
                "an integer in one row and a text in another",
                fix,
                named=f"The rows have the integer {number} and the text {shortened(text)!r}.",
            )
        words = map(sqlite_words, sorted(examples))
        raise no_key(query, column, ", elsewhere ".join(words), fix)

    def _collation(self, query: Query, name: str) -> str:
        """The collation's clause; SQLite takes that of a UNION's first part, so a probe can tell it."""
        first = f"SELECT {name} AS k FROM ({query.wrapped(name, 'LIMIT 0')})"
        return _collation_clause(self._connection, first)

    def batches(self, query: Query, columns: Sequence[QueryColumn]) -> Generator[Batch, None, None]:
        select = self._select(query, columns)
        with self._errors(query), closing(self._connection.execute(select)) as cursor:
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                yield [*zip(*rows, strict=True)]


def _collation_clause(connection: sqlite3.Connection, first: str) -> str:
    """` COLLATE …` of the column `k` of a SELECT without rows, empty for the usual BINARY."""
    for collation, twin in (("NOCASE", "A"), ("RTRIM", "a ")):
        probe = f"SELECT count(*) FROM ({first} UNION ALL SELECT 'a' UNION ALL SELECT '{twin}') GROUP BY k"
        if len(connection.execute(probe).fetchall()) == 1:
            return f" COLLATE {collation}"
    return ""


class _SQLitePublication(Publication):
    def insert(self, definition: ListTable, table: sa.Table) -> None:
        names = self._database.names(definition.columns)
        target, staged = self._database.quoted(table), self._database.quote(definition.name)
        self.connection.exec_driver_sql(
            f"INSERT INTO {target} ({names}) SELECT {names} FROM staging.{staged} ORDER BY rowid"
        )

    def _commit(self) -> None:
        raw = _raw(self.connection)
        raw.execute(f"PRAGMA busy_timeout = {int(_COMMIT_WAIT_SECONDS * 1000)}")
        try:
            raw.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if sqlite_code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            # Somebody reads for long: roll back, so that those go first who came meanwhile, and try again.
            found = self._database.explained(error, WRITTEN)
            raise TransientError(found.code, found.reason, found.what_to_do) from error


class _SQLiteRunLock(RunLock):
    def __init__(self, lock: FileLock, holder: str) -> None:
        self.holder = holder
        self._lock = lock

    def check(self) -> None:
        self._lock.check()


class SQLite(Database):
    """One SQLite file."""

    driver_errors = (sqlite3.Error,)

    @property
    def path(self) -> Path:
        """The database file."""
        return Path(str(self.url.database))

    def _open(self) -> sqlite3.Connection:
        if not self.path.is_file():
            # sqlite3 would make an empty database of that name and find no tables in it.
            raise DatabaseError(
                "database-no-file",
                f"There is no database file {self.path}.",
                "Check the path in the address.",
            )
        # Without the module's own transactions: BEGIN and COMMIT stand where they happen.
        return sqlite3.connect(self.path, timeout=LOCK_WAIT_SECONDS, isolation_level=None)

    def _engine(self) -> sa.Engine:
        return self._new_engine(creator=self._open)

    @contextmanager
    def snapshot(self, scratch: Path, timeout_seconds: int) -> Iterator[Snapshot]:
        copy = scratch / ".tmp-shop-copy.db"
        with self.errors("could not be read"), closing(self._open()) as source:
            (mode,) = source.execute("PRAGMA journal_mode").fetchone()
            # The first read takes the lock and waits for it no longer than the connection's timeout; the
            # backup itself would wait for ever.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if mode == "wal":
                # A reader holds nobody up in this mode, so no copy is needed.
                yield _SQLiteSnapshot(self, source, timeout_seconds)
                return
            new_file(copy)
            try:
                with closing(sqlite3.connect(copy, isolation_level=None)) as target:
                    with _our_disk(copy):
                        target.execute("PRAGMA journal_mode = OFF")
                        target.execute("PRAGMA synchronous = OFF")
                        # In pieces, so that a signal is answered between two of them.
                        source.backup(target, pages=_PAGES_AT_ONCE, progress=lambda *_: None)
                    source.execute("ROLLBACK")
                    source.close()
                    yield _SQLiteSnapshot(self, target, timeout_seconds)
            finally:
                copy.unlink(missing_ok=True)

    @contextmanager
    def run_lock(self, name: str, holder: str) -> Iterator[RunLock]:
        digest = name.rpartition(":")[2][:8]
        # However the address spells the way to the file.
        path = self.path.resolve()
        with file_lock(path.with_name(f"{path.name}.recommend-{digest}.lock")) as lock:
            yield _SQLiteRunLock(lock, holder)  # the words that the lock file has itself

    @contextmanager
    def _transaction(
        self, sources: Mapping[ListTable, ListSource], tables: Mapping[ListTable, sa.Table], scratch: Path
    ) -> Iterator[Publication]:
        staging = scratch / ".tmp-staging.db"
        new_file(staging)
        try:
            with self._engine_for().connect() as connection:
                raw = _raw(connection)
                watch = _Watch(raw)
                try:
                    with _our_disk(staging):
                        self._stage(raw, staging, sources, tables)
                    # Nothing of the shop's file may change before the commit: a spilt page blocks readers,
                    # and a run killed after it leaves a hot journal.
                    raw.execute("PRAGMA cache_spill = OFF")
                    raw.execute("BEGIN IMMEDIATE")
                    yield _SQLitePublication(self, connection, sources)
                except (sqlite3.Error, sa.exc.DBAPIError):
                    watch.explain()
                    raise
                finally:
                    if raw.in_transaction:
                        raw.execute("ROLLBACK")
        finally:
            staging.unlink(missing_ok=True)

    def _stage(
        self,
        raw: sqlite3.Connection,
        staging: Path,
        sources: Mapping[ListTable, ListSource],
        tables: Mapping[ListTable, sa.Table],
    ) -> None:
        """Bring the rows into a file of ours, typed as the tables, before the shop's file is touched."""
        raw.execute("ATTACH ? AS staging", (str(staging),))
        raw.execute("PRAGMA staging.journal_mode = OFF")
        raw.execute("PRAGMA staging.synchronous = OFF")
        for definition, source in sources.items():
            table, staged = self.quoted(tables[definition]), self.quote(definition.name)
            names = self.names(definition.columns)
            row = f"({', '.join('?' * len(definition.columns))})"
            raw.execute(f"CREATE TABLE staging.{staged} AS SELECT {names} FROM {table} LIMIT 0")
            insert = f"INSERT INTO staging.{staged} VALUES "
            raw.execute("BEGIN")
            rest: list[tuple[str | None, ...]] = []
            raw.executemany(insert + ", ".join([row] * _ROWS_PER_INSERT), _several(list_rows(source), rest))
            raw.executemany(insert + row, rest)
            raw.execute("COMMIT")

    def key_type_here(self, key: KeyType, shop_backend: str, *, guests: bool) -> KeyType:
        if guests or key.kind is KeyKind.TEXT:
            return KeyType(KeyKind.TEXT, key.sql if shop_backend == self.backend and not guests else "TEXT")
        return KeyType(KeyKind.INTEGER, "INTEGER")

    def equal_texts(
        self, connection: sa.Connection, column: sa.Column[object], texts: Collection[str]
    ) -> Iterator[Sequence[str]]:
        raw = _raw(connection)
        first = f"SELECT {self.quote(column.name)} AS k FROM {self.quoted(column.table)} WHERE 0"
        collation = _collation_clause(raw, first)
        if not collation:
            return
        raw.execute("PRAGMA temp_store = MEMORY")
        raw.execute(f"CREATE TEMP TABLE recommend_keys (k TEXT{collation})")
        try:
            raw.executemany("INSERT INTO recommend_keys VALUES (?)", ((text,) for text in texts))
            # A join of the groups with their texts would compare each with each: it finds no index.
            rows = raw.execute(
                "SELECT place, k FROM (SELECT k, rowid AS number, min(rowid) OVER same AS place,"
                " count(*) OVER same AS size FROM recommend_keys WINDOW same AS (PARTITION BY k))"
                " WHERE size > 1 ORDER BY place, number"
            ).fetchall()
        finally:
            raw.execute("DROP TABLE recommend_keys")
        for _, group in itertools.groupby(rows, key=itemgetter(0)):
            yield [text for _, text in group]

    def meddlers(
        self, connection: sa.Connection, tables: Sequence[sa.Table], shop: Sequence[tuple[str | None, str]]
    ) -> list[Meddler]:
        del shop  # whoever may write the file may write all of it
        triggers = sa.text(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :name COLLATE NOCASE"
        )
        return [
            trigger_on(self.quoted(table), self.quote(name))
            for table in tables
            for name in connection.execute(triggers, {"name": table.name}).scalars()
        ]

    def why_only_read(self, connection: sa.Connection) -> str | None:
        del connection
        # Beside the file lies the journal of each transaction.
        places = self.path, self.path.resolve().parent
        denied = [str(place) for place in places if not os.access(place, os.W_OK)]
        return f"this user may not write {' and '.join(denied)}" if denied else None

    def _advice(self, error: BaseException) -> Advice | None:
        return sqlite_advice(error)


def _several(
    rows: Iterator[tuple[str | None, ...]], rest: list[tuple[str | None, ...]]
) -> Iterator[list[str | None]]:
    """The fields of so many rows at a time as one statement inserts; what is left then is the rest."""
    while len(batch := [*itertools.islice(rows, _ROWS_PER_INSERT)]) == _ROWS_PER_INSERT:
        yield [*itertools.chain.from_iterable(batch)]
    rest += batch


def _raw(connection: sa.Connection) -> sqlite3.Connection:
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)  # noqa: S101 - tells the type checker, nothing else
    return raw


@contextmanager
def _our_disk(path: Path) -> Iterator[None]:
    """A full disk under a file of ours is no failure of the shop's database, which may lie elsewhere."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if sqlite_code(error) == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
