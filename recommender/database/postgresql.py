"""PostgreSQL through psycopg: COPY both ways, snapshots that hold nobody up, an advisory lock."""

import hashlib
import logging
import re
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from recommender.database import silence
from recommender.database.base import (
    GUEST_KEY_LENGTH,
    LOCK_WAIT_SECONDS,
    ROWS_AT_ONCE,
    Batch,
    Database,
    ListSource,
    Meddler,
    Publication,
    QueryColumn,
    RunLock,
    Snapshot,
    no_key,
)
from recommender.database.codes import (
    POOLED,
    Advice,
    is_postgresql_transient,
    postgresql_advice,
    postgresql_words,
)
from recommender.database.ddl import KeyType
from recommender.database.postgresqlwire import PatientConnection
from recommender.database.query import Query
from recommender.database.runlock import ServerLock, lock_taken
from recommender.database.sessions import POSTGRESQL, postgresql_statement
from recommender.database.urls import is_local_host
from recommender.errors import DatabaseError
from recommender.tables import KeyKind, ListTable

log = logging.getLogger(__name__)

_BLOCK = 1 << 18
_ASKS = 4
"""A pool that is busy may give the same process again by chance."""
_INTEGERS = {"smallint", "integer", "bigint"}
_TEXTS = {"text", "character varying", "character", "uuid", "name"}
_CITEXT = re.compile(r"(?:.*\.)?citext")
"""A type of an extension, in whatever schema that is."""
_INSTANT = "timestamp with time zone"
_TIMES = {_INSTANT, "timestamp without time zone", "date"}
_UUID = re.compile(r"(\{)?(?:[0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}(?(1)\})")
"""What PostgreSQL reads as one: a cast of anything else is an error."""
_PLACE = re.compile(r"^LINE \d+: (.*)$", re.MULTILINE)


class _PostgreSQLSnapshot(Snapshot):
    _connection: PatientConnection

    def _types(self, query: Query) -> list[tuple[str, str]]:
        """Name and type of each column, the type with its length, as DDL spells it."""
        with self._connection.cursor() as cursor:
            cursor.execute(query.wrapped(tail="LIMIT 0").encode())
            result = cursor.pgresult
            assert result is not None  # noqa: S101 - a query without a result has raised before
            found = [
                ((result.fname(i) or b"").decode(), result.ftype(i), result.fmod(i))
                for i in range(result.nfields)
            ]
            names = []
            for name, oid, modifier in found:
                # citext with its schema, which whoever runs our DDL may not search.
                cursor.execute(
                    "SELECT CASE t.typname WHEN 'citext' THEN quote_ident(n.nspname) || '.citext'"
                    " ELSE format_type(t.oid, %s) END FROM pg_type AS t"
                    " JOIN pg_namespace AS n ON n.oid = t.typnamespace WHERE t.oid = %s::oid",
                    (modifier, oid),
                )
                names.append((name, str((cursor.fetchone() or ("",))[0])))
            return names

    def columns(self, query: Query) -> list[QueryColumn]:
        with self._errors(query):
            return [
                QueryColumn(name, _base(kind) == _INSTANT, is_time=_base(kind) in _TIMES)
                for name, kind in self._types(query)
            ]

    def key_type(self, query: Query, column: QueryColumn) -> KeyType:
        with self._errors(query):
            kind = dict(self._types(query))[column.name]
            base = _base(kind)
            if base in _INTEGERS or re.fullmatch(r"numeric\(\d+,0\)", kind):
                return KeyType(KeyKind.INTEGER, kind)
            if base not in _TEXTS and not _CITEXT.fullmatch(base):
                raise no_key(
                    query,
                    column.name,
                    postgresql_words(base, kind),
                    f"Cast it in the query: …::text AS {column.name}, or ::bigint.",
                )
            length = re.search(r"\((\d+)\)", kind)
            return KeyType(
                KeyKind.TEXT,
                kind if base == "uuid" else kind + self._collation(query, column),
                int(length[1]) if length else 36 if base == "uuid" else None,
            )

    def _collation(self, query: Query, column: QueryColumn) -> str:
        name = self._database.quote(column.name)
        # One row even for an empty shop, since COLLATION FOR wants to be evaluated once.
        probe = query.wrapped(name, "LIMIT 0")
        row = self._connection.execute(
            f"SELECT COLLATION FOR (r.{name}) FROM (SELECT 1) AS o LEFT JOIN ({probe}) AS r ON true".encode()
        ).fetchone()
        return f" COLLATE {row[0]}" if row and row[0] and row[0] != '"default"' else ""

    def batches(self, query: Query, columns: Sequence[QueryColumn]) -> Generator[Batch, None, None]:
        statement = f"COPY ({self._select(query, columns)}) TO STDOUT (FORMAT csv)"
        with self._errors(query):
            try:
                for lines in self._connection.copied(statement.encode(), ROWS_AT_ONCE):
                    yield _texts(lines, len(columns))
            except BaseException:
                # The end of the copy waits for what is left of the answer: let that be little.
                self._connection.cancel_running()
                self._connection.end_copy()
                raise


def _texts(lines: bytes, width: int) -> Batch:
    """So many columns of COPY's CSV form: a quote stands only where it must, NULL is nothing at all."""
    from pyarrow import csv

    from recommender.system.arrow import pa

    table = csv.read_csv(
        pa.BufferReader(lines),
        read_options=csv.ReadOptions(
            use_threads=False, block_size=len(lines) + 1, autogenerate_column_names=True
        ),
        parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types={f"f{place}": pa.string() for place in range(width)},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return [column.combine_chunks() for column in table.columns]


def _base(kind: str) -> str:
    """The type's name without length: `character varying(32)` is `character varying`."""
    return re.sub(r"\([^)]*\)", "", kind)


class _PostgreSQLPublication(Publication):
    def lock(self, tables: Sequence[sa.Table]) -> None:
        # As the rows that follow will anyway: no trigger, rule or owner changes from here on.
        names = ", ".join(map(self._database.quoted, tables)).replace("%", "%%")
        self.connection.exec_driver_sql(f"LOCK TABLE {names} IN ROW EXCLUSIVE MODE")

    def delete(self, table: sa.Table) -> None:
        # The extension `safeupdate`, which hosts load for everybody, refuses a DELETE without conditions.
        self.connection.execute(sa.delete(table).where(sa.true()))

    def insert(self, definition: ListTable, table: sa.Table) -> None:
        target, names = self._database.quoted(table), self._database.names(definition.columns)
        statement = f"COPY {target} ({names}) FROM STDIN (FORMAT csv, HEADER true)"
        with (
            self._sources[definition].path.open("rb") as file,
            _driver(self.connection).cursor() as cursor,
            cursor.copy(statement.encode()) as copy,
        ):
            while block := file.read(_BLOCK):
                copy.write(block)


def _driver(connection: sa.Connection) -> PatientConnection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, PatientConnection)  # noqa: S101 - tells the type checker, nothing else
    return driver


# A bigint key is shown in two halves.
_HELD = """SELECT l.pid, a.application_name, a.client_addr FROM pg_locks AS l
LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted AND l.pid {whose}
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND l.classid = (({key}::bigint >> 32) & 4294967295)::oid AND l.objid = ({key}::bigint & 4294967295)::oid"""

_REQUIRE_AUTH = 160_000
"""The libpq that can be told which logins to refuse."""
_VERIFIED = {"verify-ca", "verify-full"}
_ENCRYPTED = {"require", *_VERIFIED}
"""Modes of TLS in which there is no connection without."""


class PostgreSQL(Database):
    """One PostgreSQL database."""

    driver_errors = (psycopg.Error,)
    _is_alone = False
    """What is between gives each connection a process of the server, as a pool does in session mode."""
    # A third of a page is 2,704 bytes with the row's header; longer texts fit if they can be compressed.
    most_key_bytes = 2_600

    def _engine(self, isolation: str = "AUTOCOMMIT", *, patience_seconds: float | None = None) -> sa.Engine:
        engine = self._new_engine(
            isolation_level=isolation,
            connect_args={
                "connect_timeout": silence.CONNECT_SECONDS,
                "application_name": "recommend",
                # A pool may give the name of a prepared statement to somebody else.
                "prepare_threshold": None,
            }
            | self._login_arguments()
            # What the address itself says wins over our defaults.
            | {name: value for name, value in self.url.query.items() if name != "host"}
            | {"client_encoding": "utf8"},
        )
        patience = patience_seconds or silence.ANSWER_SECONDS

        def connect(*told: Any) -> PatientConnection:
            """SQLAlchemy asks here for each connection that it makes; the arguments stand last."""
            connection = PatientConnection.connect(**told[-1])
            connection.patience_seconds = patience
            try:
                self._set_up(connection, told[-1])
            except BaseException:
                connection.close()
                raise
            return connection

        sa.event.listen(engine, "do_connect", connect)
        return engine

    def _set_up(self, connection: PatientConnection, arguments: Mapping[str, Any]) -> None:
        """Set our limits, unless that would be on a connection that others get.

        Raises:
            DatabaseError: there is a pool between that lends the server's connections for a moment only.
        """
        settings = POSTGRESQL | {"lock_timeout": f"{LOCK_WAIT_SECONDS}s"}
        connection.autocommit = True
        process = connection.info.backend_pid
        if not connection.execute(postgresql_statement(settings, process).encode()).fetchone():
            # Not the process that the login was told of: there is something between.
            self._is_alone = self._is_alone or self._has_its_own_process(connection, arguments)
            if not self._is_alone:
                raise DatabaseError(
                    POOLED.code,
                    f"{self._capital_name} is behind a pool of connections in transaction mode, in which no"
                    " run can hold its lock.",
                    POOLED.what_to_do,
                )
            connection.execute(postgresql_statement(settings).encode())
        connection.autocommit = False

    def _has_its_own_process(self, connection: PatientConnection, arguments: Mapping[str, Any]) -> bool:
        """Whether the server's process stays with the connection, as two that are open at once can tell."""
        with closing(PatientConnection.connect(**arguments)) as other:
            other.autocommit = True
            seen: dict[int, PatientConnection] = {}
            for each in (connection, other) * _ASKS:
                (process,) = each.execute(b"SELECT pg_catalog.pg_backend_pid()").fetchone() or (0,)
                if seen.setdefault(process, each) is not each:
                    return False
            return len(seen) == len((connection, other))

    def _options(self) -> dict[str, str]:
        """Of the connection, in libpq's words: the address's, over those of the environment."""
        defaults = {o.keyword.decode(): (o.val or b"").decode() for o in psycopg.pq.Conninfo.get_defaults()}
        given = self.url.get_dialect()().create_connect_args(self.url)[1]
        options = defaults | {name: str(value) for name, value in given.items()}
        # With the system's authorities libpq takes no weaker mode.
        return options | ({"sslmode": "verify-full"} if options["sslrootcert"] == "system" else {})

    def _is_local(self, options: Mapping[str, str]) -> bool:
        # A service's host stands in a file of libpq's own.
        hosts = options["hostaddr"] or options["host"] or options["service"]
        return all(map(is_local_host, hosts.split(",")))

    def _login_arguments(self) -> dict[str, object]:
        """No password in clear text, which libpq gives to whoever asks, but over TLS or on this machine."""
        options = self._options()
        is_encrypted = options["sslmode"] in _ENCRYPTED
        if psycopg.pq.version() < _REQUIRE_AUTH or options["require_auth"]:
            return {}
        return {} if is_encrypted or self._is_local(options) else {"require_auth": "!password"}

    def verifying_option(self) -> str | None:
        options = self._options()
        # With an authority's file, also the usual one, `require` verifies as `verify-ca` does.
        authority = Path(options["sslrootcert"] or "~/.postgresql/root.crt").expanduser()
        is_verified = options["sslmode"] in _VERIFIED or (
            options["sslmode"] == "require" and authority.is_file()
        )
        is_safe = is_verified or self._is_local(options)
        return None if is_safe else "sslmode=verify-full&sslrootcert=ca.pem"

    def _stop(self, connection: sa.Connection) -> None:
        driver = connection.connection.driver_connection
        if isinstance(driver, PatientConnection):
            driver.cancel_running()

    @contextmanager
    def snapshot(self, scratch: Path, timeout_seconds: int) -> Iterator[Snapshot]:
        del scratch
        patience_seconds = timeout_seconds + silence.EXPORT_MARGIN_SECONDS
        engine = self._engine_for("REPEATABLE READ", patience_seconds=patience_seconds)
        with self.errors("could not be read"), self._connected(engine) as connection:
            driver = _driver(connection)
            driver.read_only = True
            for name, value in (
                ("statement_timeout", f"'{timeout_seconds}s'"),
                # Texts that do not depend on the server's configuration.
                ("TimeZone", "'UTC'"),
                # The same rows in the same order on an unchanged shop, so that a second export is the same
                # file; and one processor for us, the others for the shop.
                ("synchronize_seqscans", "off"),
                ("max_parallel_workers_per_gather", "0"),
            ):
                driver.execute(f"SET LOCAL {name} = {value}".encode())
            yield _PostgreSQLSnapshot(self, driver)

    @contextmanager
    def run_lock(self, name: str, holder: str) -> Iterator[RunLock]:
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        engine = self._engine_for(patience_seconds=silence.LOCK_SECONDS)
        with self.errors("could not be used"), engine.connect() as connection:
            # 63 bytes are kept; others read here who we are.
            shown = connection.execute(
                sa.text("SELECT set_config('application_name', :name, false)"), {"name": holder[:63]}
            ).scalar_one()
            if not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({key})").scalar():
                row = connection.exec_driver_sql(
                    _HELD.format(key=key, whose="<> pg_backend_pid()")
                ).fetchone()
                who = f"{row[1]} (database process {row[0]})" if row else None
                raise lock_taken(who, self.name)
            held = _HELD.format(key=key, whose="= pg_backend_pid()")
            with ServerLock(connection, held, str(shown), self.name) as lock:
                yield lock

    @contextmanager
    def _transaction(
        self, sources: Mapping[ListTable, ListSource], tables: Mapping[ListTable, sa.Table], scratch: Path
    ) -> Iterator[Publication]:
        del scratch, tables
        with self._connected(self._engine_for("READ COMMITTED")) as connection:
            yield _PostgreSQLPublication(self, connection, sources)

    def key_type_here(self, key: KeyType, shop_backend: str, *, guests: bool) -> KeyType:
        if shop_backend == self.backend and not guests:
            return key
        if key.kind is KeyKind.INTEGER and not guests:
            return KeyType(KeyKind.INTEGER, "bigint")
        if key.length is None or (guests and "uuid" in key.sql):
            return KeyType(KeyKind.TEXT, "text")
        length = max(key.length, GUEST_KEY_LENGTH) if guests else key.length
        return KeyType(KeyKind.TEXT, f"character varying({length})", length)

    def equal_texts(
        self, connection: sa.Connection, column: sa.Column[object], texts: Collection[str]
    ) -> Iterator[Sequence[str]]:
        # Of a domain, the type below it; -1 is the type without its length, since a cast to a length cuts.
        kind, is_deterministic, collation = connection.execute(
            sa.text(
                "SELECT format_type(coalesce(nullif(t.typbasetype, 0), t.oid), -1),"
                " coalesce(c.collisdeterministic, true),"
                " quote_ident(n.nspname) || '.' || quote_ident(c.collname)"
                " FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid"
                " LEFT JOIN pg_collation AS c ON c.oid = a.attcollation"
                " LEFT JOIN pg_namespace AS n ON n.oid = c.collnamespace"
                " WHERE a.attrelid = CAST(:table AS regclass) AND a.attname = :column"
            ),
            {"table": self.quoted(column.table), "column": column.name},
        ).one()
        if is_deterministic and kind in ("text", "character varying"):
            return  # equal only where every byte is
        keys = [text for text in texts if "\0" not in text]  # which no text here can hold
        if kind == "uuid":
            keys = [text for text in keys if _UUID.fullmatch(text)]
        elif kind.rpartition(".")[2] not in ("text", "character varying", "bpchar", "citext"):
            return  # of a type of the owner's own, or a name, which is compared byte by byte
        typed = f"CAST(k AS {kind})" + (f" COLLATE {collation}" if collation else "")
        statement = (
            f"SELECT array_agg(k) FROM unnest(CAST(:texts AS text[])) AS t(k)"
            f" GROUP BY {typed} HAVING count(*) > 1"
        )
        yield from connection.execute(sa.text(statement), {"texts": keys}).scalars()

    def after_publish(self, tables: Sequence[sa.Table]) -> None:
        # Each night deletes all rows; without a vacuum the table grows until autovacuum comes by.
        owned = sa.text(
            "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = CAST(:table AS regclass)"
        )
        with self.connect() as connection:
            for table in tables:
                if connection.execute(owned, {"table": self.quoted(table)}).scalar():
                    try:
                        name = self.quoted(table).replace("%", "%%")
                        connection.exec_driver_sql(f"VACUUM (ANALYZE) {name}")
                    except sa.exc.DBAPIError as error:
                        # The lists are published; bloat of one night is no reason to fail.
                        log.warning("VACUUM of %s failed: %s", table.name, self.message(error.orig or error))

    def meddlers(
        self, connection: sa.Connection, tables: Sequence[sa.Table], shop: Sequence[tuple[str | None, str]]
    ) -> list[Meddler]:
        from recommender.database.ownership import meddlers

        return [*meddlers(connection, [(table.schema, table.name) for table in tables], shop)]

    def why_only_read(self, connection: sa.Connection) -> str | None:
        # What is set for the user alone, our sessions lift.
        is_standby = connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar()
        return "it is a standby, the copy of another server" if is_standby else None

    def message(self, error: BaseException) -> str:
        if isinstance(error, psycopg.Error) and error.diag.message_primary:
            # Not the server's DETAIL and CONTEXT: they hold whole rows, and so customers.
            place = _PLACE.search(str(error))
            parts = [error.diag.message_primary, place and f"at: {place[1]}", error.diag.message_hint]
            error = psycopg.Error(" ".join(filter(None, parts)))
        return super().message(error)

    def _is_transient(self, error: BaseException) -> bool:
        state = getattr(error, "sqlstate", None)
        return isinstance(error, psycopg.OperationalError) and is_postgresql_transient(
            state, str(error), was_reached=self.was_reached
        )

    def _advice(self, error: BaseException) -> Advice | None:
        state = getattr(error, "sqlstate", None)
        # Errors of the module itself, such as a wrong value, are no trouble with a connection either.
        is_told = state or isinstance(error, psycopg.OperationalError)
        return postgresql_advice(state, str(error), self.url.database) if is_told else None
