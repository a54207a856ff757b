"""MariaDB and MySQL through PyMySQL (or mysqlclient): unbuffered reads, LOAD DATA, a named lock."""

import itertools
import math
import re
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    capital,
    list_rows,
    no_key,
    trigger_on,
)
from recommender.database.codes import REFUSED_ROW, Advice, is_mysql_transient, mysql_advice, mysql_words
from recommender.database.ddl import KeyType
from recommender.database.query import Query
from recommender.database.runlock import ServerLock, lock_taken
from recommender.database.sessions import LIFTED_MODES, OWN_MODE, is_mariadb, set_mysql
from recommender.database.urls import install_command, is_local_host
from recommender.errors import DatabaseError
from recommender.tables import KeyKind, ListTable

if TYPE_CHECKING:
    from recommender.database.mysqlwire import GuardedConnection
    from recommender.system.arrow import pa

# Type codes of the protocol (include/field_types.h of the server).
_INTEGERS = {1: "TINYINT", 2: "SMALLINT", 3: "INT", 8: "BIGINT", 9: "MEDIUMINT"}
_TIMESTAMP = 7
_TIMES = {_TIMESTAMP, 10, 12}
_DECIMAL = 246
_TEXTS = {15, 249, 250, 251, 252, 253, 254}
_UNSIGNED = 32
_UTF8MB4_BYTES = 4
_LONGEST_KEY = 255
"""Characters of a key column where the shop's is a TEXT without limit: InnoDB indexes a prefix only."""
_KEYS_AT_ONCE = 1000
_WRITES_ALWAYS = re.compile(
    r"GRANT (?:.*\b(?:READ[_ ]ONLY ADMIN|CONNECTION_ADMIN|SUPER)\b.*|ALL PRIVILEGES) ON \*\.\* TO "
)
"""Who may write all the same where a server is set to read_only."""
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\0": "\\0"}
"""The backslash first."""


class _MySQLSnapshot(Snapshot):
    _database: "MySQL"

    def _probe(self, query: Query) -> list[tuple[str, int, int, int, int]]:
        """Name, type code, length in bytes, digits after the point and flags of each column."""
        with self._connection.cursor() as cursor:
            cursor.execute(query.wrapped(tail="LIMIT 0"))
            # The flags are beyond the DB-API: mysqlclient has a public name for them, PyMySQL an inner one.
            flags = getattr(cursor, "description_flags", None) or [f.flags for f in cursor._result.fields]  # noqa: SLF001
            return [
                (str(column[0]), int(column[1]), int(column[3] or 0), int(column[5] or 0), int(flag))
                for column, flag in zip(cursor.description, flags, strict=True)
            ]

    def columns(self, query: Query) -> list[QueryColumn]:
        with self._errors(query):
            return [
                QueryColumn(name, code == _TIMESTAMP, is_time=code in _TIMES)
                for name, code, *_ in self._probe(query)
            ]

    def key_type(self, query: Query, column: QueryColumn) -> KeyType:
        with self._errors(query):
            found = {name: rest for name, *rest in self._probe(query)}
            code, size, scale, flags = found[column.name]
            if code in _INTEGERS:
                return KeyType(KeyKind.INTEGER, _INTEGERS[code] + (" UNSIGNED" if flags & _UNSIGNED else ""))
            if code == _DECIMAL and scale == 0:  # also what COALESCE makes of an unsigned integer
                return KeyType(KeyKind.INTEGER, "BIGINT")
            character_set, collation = self._collation(query, column)
            if code not in _TEXTS or character_set == "binary":
                raise no_key(
                    query,
                    column.name,
                    mysql_words(code, is_binary=code in _TEXTS),
                    f"Convert it in the query: LOWER(HEX(…)) for BINARY, CAST(… AS CHAR) or CAST(… AS SIGNED)"
                    f" AS {column.name}.",
                )
            # The result is sent as utf8mb4, so the length counts four bytes a character.
            length = min(max(size // _UTF8MB4_BYTES, 1), _LONGEST_KEY)
            named = f"VARCHAR({length}) CHARACTER SET {character_set} COLLATE {collation}"
            return KeyType(KeyKind.TEXT, named, length)

    def _collation(self, query: Query, column: QueryColumn) -> tuple[str, str]:
        name = self._database.quote(column.name)
        # One row even for an empty shop.
        statement = (
            f"SELECT CHARSET(r.{name}), COLLATION(r.{name}) FROM (SELECT 1 AS one) AS o"
            f" LEFT JOIN ({query.wrapped(name, 'LIMIT 0')}) AS r ON 1 = 1"
        )
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone()
            return str(row[0]), str(row[1])

    def batches(self, query: Query, columns: Sequence[QueryColumn]) -> Generator[Batch, None, None]:
        from recommender.database.mysqlrows import cursor_rows, packet_rows

        read = packet_rows if hasattr(self._connection, "_rfile") else cursor_rows
        batches = read(self._connection, self._select(query, columns), ROWS_AT_ONCE)
        with self._errors(query):
            try:
                for batch in batches:  # noqa: UP028 - this would close it before the query is killed
                    yield batch
            except BaseException:
                # What is left of the answer is read to its end: let that be little, its end no error.
                self._database.kill_query(self._connection)
                with suppress(*self._database.driver_errors):
                    batches.close()
                raise


class _MySQLPublication(Publication):
    _database: "MySQL"

    def insert(self, definition: ListTable, table: sa.Table) -> None:
        target, names = self._database.quoted(table), self._database.names(definition.columns)
        driver: Any = self.connection.connection.driver_connection
        with driver.cursor() as cursor:
            if self._database.is_guarded and _value(cursor, "@@local_infile") == 1:
                self._load(driver, definition, f"INTO TABLE {target}", f"({names})")
            else:
                self._insert(cursor, definition, f"INSERT INTO {target} ({names})")

    def _load(self, driver: "GuardedConnection", definition: ListTable, into: str, names: str) -> None:
        driver.load(
            # In hexadecimal, since what a backslash means is a setting of the server.
            f"LOAD DATA LOCAL INFILE '{definition.name}' {into} CHARACTER SET utf8mb4"
            f" FIELDS TERMINATED BY 0x09 ESCAPED BY 0x5C LINES TERMINATED BY 0x0A {names}",
            definition.name,
            map(_load_lines, self._sources[definition].batches()),
        )
        # LOCAL turns errors into warnings: it drops duplicates and stores abc as 0.
        with driver.cursor() as cursor:
            cursor.execute("SHOW WARNINGS")
            warnings = cursor.fetchall()
        if warnings:
            raise DatabaseError(
                REFUSED_ROW.code,
                f"{capital(self._database.name)} refused a row {into}: {warnings[0][2]}.",
                REFUSED_ROW.what_to_do,
            )

    def _insert(self, cursor: Any, definition: ListTable, insert: str) -> None:
        # The drivers cut an executemany into statements of at most so many bytes.
        most_bytes = int(_value(cursor, "@@max_allowed_packet")) // 2
        cursor.max_stmt_length = min(cursor.max_stmt_length, most_bytes)
        marks = ", ".join(["%s"] * len(definition.columns))
        rows = list_rows(self._sources[definition])
        while batch := list(itertools.islice(rows, ROWS_AT_ONCE)):
            cursor.executemany(f"{insert.replace('%', '%%')} VALUES ({marks})", batch)


class MySQL(Database):
    """One database of a MariaDB or MySQL server."""

    # InnoDB indexes 3,072 bytes.
    most_key_bytes = 3_060

    def __init__(self, url: sa.URL) -> None:
        driver = import_module("MySQLdb" if url.get_driver_name() == "mysqldb" else "pymysql")
        self.driver_errors = (driver.MySQLError,)  # type: ignore[misc]
        super().__init__(url)

    @property
    def is_guarded(self) -> bool:
        """Whether we decide what the server gets from this machine: mysqlclient's library does so alone."""
        return self.url.get_driver_name() == "pymysql"

    def _engine(
        self,
        isolation: str = "AUTOCOMMIT",
        *,
        loads: bool = False,
        as_texts: bool = False,
        owners_sql: bool = False,
        patience_seconds: float | None = None,
    ) -> sa.Engine:
        patience = patience_seconds or silence.ANSWER_SECONDS
        arguments: dict[str, object] = {"charset": "utf8mb4", "connect_timeout": silence.CONNECT_SECONDS}
        if self.is_guarded:
            arguments |= {"said_as": self._capital_name, "loads": loads, "patience_seconds": patience}
            if as_texts:
                conversions = import_module("pymysql.converters").conversions
                # Values stay the texts that the server sends: no detour that could change them.
                arguments["conv"] = {key: conversions[key] for key in conversions if not isinstance(key, int)}
        else:
            arguments["local_infile"] = False  # its library would hand over whatever file a server names
            arguments |= dict.fromkeys(("read_timeout", "write_timeout"), math.ceil(patience))
        engine = self._new_engine(isolation_level=isolation, connect_args=arguments)
        if self.is_guarded:
            sa.event.listen(engine, "do_connect", _guarded_connection)
        # Before SQLAlchemy has its own first look at the session, which is also at the sql_mode.
        set_up = partial(self._set_up, owners_sql=owners_sql)
        sa.event.listen(engine, "connect", set_up, insert=True)
        return engine

    def _owners_engine(self) -> sa.Engine:
        return self._engine_for(owners_sql=True)

    def verifying_option(self) -> str | None:
        options = self.url.query
        is_local = "unix_socket" in options or is_local_host(self.url.host or "")
        # PyMySQL verifies wherever it has the authority's file; mysqlclient does where the mode says so.
        is_verified = (
            {"ssl_ca", "ssl_capath"} & {*options}
            and "ssl_disabled" not in options
            and str(options.get("ssl_mode", "VERIFY")).startswith("VERIFY")
        )
        return None if is_local or is_verified else "ssl-mode=VERIFY_IDENTITY&ssl_ca=ca.pem"

    def _set_up(self, connection: Any, _record: object, *, owners_sql: bool) -> None:
        mode = OWN_MODE
        if owners_sql:
            with connection.cursor() as cursor:
                parts = str(_value(cursor, "@@sql_mode")).split(",")
            mode = f"'{','.join(part for part in parts if part not in LIFTED_MODES)}'"
        waits = dict.fromkeys(("lock_wait_timeout", "innodb_lock_wait_timeout"), str(LOCK_WAIT_SECONDS))
        set_mysql(connection, self.driver_errors, {"sql_mode": mode} | waits)

    @contextmanager
    def errors(self, doing: str) -> Iterator[None]:
        try:
            with super().errors(doing):
                yield
        except RuntimeError as error:
            # PyMySQL's word for a login by caching_sha2_password, MySQL 8's usual one, without TLS.
            lacks = re.match("'(cryptography|pynacl)' package is required", str(error))
            if lacks is None:
                raise
            tls = "; or write ?ssl-mode=REQUIRED behind the address" if lacks[1] == "cryptography" else ""
            raise DatabaseError(
                "driver-lacks-login",
                f"{self._capital_name} {doing}: the server wants a login that PyMySQL cannot do alone.",
                f"Install what the login needs: {install_command(lacks[1])}{tls}.",
            ) from error

    def _stop(self, connection: sa.Connection) -> None:
        self.kill_query(connection.connection.driver_connection)

    def kill_query(self, driver: Any) -> None:
        """End the statement that a connection of ours is at, through another connection.

        Not when it has ended: a server that was started again gives its number to somebody else.
        """
        if not driver.open:
            return
        with suppress(sa.exc.SQLAlchemyError, DatabaseError), self._engine_for().connect() as other:
            other.exec_driver_sql(f"KILL QUERY {int(driver.thread_id())}")

    @contextmanager
    def snapshot(self, scratch: Path, timeout_seconds: int) -> Iterator[Snapshot]:
        del scratch
        patience_seconds = timeout_seconds + silence.EXPORT_MARGIN_SECONDS
        engine = self._engine_for(as_texts=True, owners_sql=True, patience_seconds=patience_seconds)
        with self.errors("could not be read"), self._connected(engine) as connection:
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor:
                in_seconds = is_mariadb(driver)
                limit = "max_statement_time" if in_seconds else "max_execution_time"
                cursor.execute(f"SET SESSION {limit} = {timeout_seconds * (1 if in_seconds else 1000)}")
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            yield _MySQLSnapshot(self, driver)

    @contextmanager
    def run_lock(self, name: str, holder: str) -> Iterator[RunLock]:
        del holder  # a lock has a name only, and a connection at rest no text that others could read
        engine = self._engine_for(patience_seconds=silence.LOCK_SECONDS)
        with self.errors("could not be used"), engine.connect() as connection:
            if connection.exec_driver_sql(f"SELECT GET_LOCK('{name}', 0)").scalar() != 1:
                raise lock_taken(_holder(connection, name), self.name)
            number = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
            held = f"SELECT IS_USED_LOCK('{name}') = CONNECTION_ID()"
            with ServerLock(connection, held, f"connection {number} ", self.name) as lock:
                yield lock

    @contextmanager
    def _transaction(
        self, sources: Mapping[ListTable, ListSource], tables: Mapping[ListTable, sa.Table], scratch: Path
    ) -> Iterator[Publication]:
        del tables, scratch
        # Not READ COMMITTED: a server whose binary log holds statements would refuse to write.
        with self._connected(self._engine_for("REPEATABLE READ", loads=True)) as connection:
            # Never without: many servers store what fits of a value that does not; and without a count of
            # errors SHOW WARNINGS would say nothing.
            connection.exec_driver_sql(f"SET SESSION sql_mode = {OWN_MODE}, max_error_count = 64")
            yield _MySQLPublication(self, connection, sources)

    def key_type_here(self, key: KeyType, shop_backend: str, *, guests: bool) -> KeyType:
        is_text = key.kind is KeyKind.TEXT
        if not is_text and not guests:
            return key if shop_backend == self.backend else KeyType(KeyKind.INTEGER, "BIGINT")
        length = (key.length or _LONGEST_KEY) if is_text else GUEST_KEY_LENGTH
        if guests:
            length = max(length, GUEST_KEY_LENGTH)
        if is_text and shop_backend == self.backend:
            return KeyType(KeyKind.TEXT, re.sub(r"\(\d+\)", f"({length})", key.sql), length)
        # Another database compares byte by byte, and so do keys that we make.
        length = min(length, _LONGEST_KEY)
        named = f"VARCHAR({length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        return KeyType(KeyKind.TEXT, named, length)

    def equal_texts(
        self, connection: sa.Connection, column: sa.Column[object], texts: Collection[str]
    ) -> Iterator[Sequence[str]]:
        character_set, collation, kind = connection.execute(
            sa.text(
                "SELECT CHARACTER_SET_NAME, COLLATION_NAME, DATA_TYPE FROM information_schema.COLUMNS"
                " WHERE TABLE_SCHEMA = COALESCE(:schema, DATABASE()) AND TABLE_NAME = :name"
                " AND COLUMN_NAME = :column"
            ),
            {"schema": column.table.schema, "name": column.table.name, "column": column.name},
        ).one()
        if character_set is not None:
            weighed = self._weighed(connection, character_set, collation)
        elif kind == "uuid":  # MariaDB's, which is no text to the server; what is no uuid becomes NULL
            weighed = "HEX(CAST(k AS uuid)), 1"
        else:
            return
        groups: dict[tuple[bytes | str, bool], list[str]] = {}
        keys = [*texts]
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            part = keys[start : start + _KEYS_AT_ONCE]
            marks = ["SELECT :k0 AS k", *(f"SELECT :k{i}" for i in range(1, len(part)))]
            statement = f"SELECT k, {weighed} FROM ({' UNION ALL '.join(marks)}) AS t"
            for text, weight, is_whole in connection.execute(
                sa.text(statement), {f"k{i}": text for i, text in enumerate(part)}
            ):
                if weight is not None:
                    groups.setdefault((weight, bool(is_whole)), []).append(text)
        yield from (group for group in groups.values() if len(group) > 1)

    @staticmethod
    def _weighed(connection: sa.Connection, character_set: str, collation: str) -> str:
        """The weights of a text `k`, and whether the column's character set has all of its characters."""
        typed = f"CONVERT(k USING {character_set}) COLLATE {collation}"
        # Weights are equal where the collation finds the texts equal; blanks at the end weigh nothing unless
        # the collation is one of the NO PAD kind, and then a text without them has other weights anyway.
        pads = f"SELECT {typed} = CONCAT({typed}, ' ') FROM (SELECT 'a' AS k) AS t"
        is_padded = connection.execute(sa.text(pads)).scalar() == 1
        weighed = f"TRIM(TRAILING ' ' FROM {typed})" if is_padded else typed
        # A character that the set lacks becomes a question mark.
        whole = f"BINARY CONVERT(CONVERT(k USING {character_set}) USING utf8mb4) = BINARY k"
        return f"WEIGHT_STRING({weighed}), {whole}"

    def why_only_read(self, connection: sa.Connection) -> str | None:
        setting = connection.exec_driver_sql("SELECT @@global.read_only").scalar()
        if str(setting).upper() in ("0", "OFF"):
            return None
        grants = connection.exec_driver_sql("SHOW GRANTS").scalars()
        may_write = any(_WRITES_ALWAYS.match(grant) for grant in grants)
        return None if may_write else "the server is set to read_only"

    def has_schema(self, connection: sa.Connection, name: str) -> bool:
        # A server can be set to store, or to compare, all names in small letters.
        is_lowered = connection.exec_driver_sql("SELECT @@lower_case_table_names").scalar()
        names = sa.inspect(connection).get_schema_names()
        return name.lower() in map(str.lower, names) if is_lowered else name in names

    def check_tables(self, connection: sa.Connection, tables: Sequence[sa.Table]) -> list[str]:
        engine = sa.text(
            "SELECT ENGINE FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = COALESCE(:schema, DATABASE()) AND TABLE_NAME = :name"
        )
        found = []
        for table in tables:
            name = connection.execute(engine, {"schema": table.schema, "name": table.name}).scalar()
            if name is not None and name != "InnoDB":
                found.append(
                    f"{self.quoted(table)} is a {name} table, which cannot roll back:"
                    f" ALTER TABLE {self.quoted(table)} ENGINE=InnoDB"
                )
        return found

    def meddlers(
        self, connection: sa.Connection, tables: Sequence[sa.Table], shop: Sequence[tuple[str | None, str]]
    ) -> list[Meddler]:
        del shop  # a table has no owner here, and a trigger runs with the rights of its definer
        triggers = sa.text(
            "SELECT TRIGGER_SCHEMA, TRIGGER_NAME, DEFINER FROM information_schema.TRIGGERS"
            " WHERE EVENT_OBJECT_SCHEMA = COALESCE(:schema, DATABASE()) AND EVENT_OBJECT_TABLE = :name"
        )
        return [
            trigger_on(
                self.quoted(table),
                self.quoted(sa.Table(name, sa.MetaData(), schema=schema)),
                f", which runs with the rights of {definer}",
            )
            for table in tables
            for schema, name, definer in connection.execute(
                triggers, {"schema": table.schema, "name": table.name}
            )
        ]

    def _is_transient(self, error: BaseException) -> bool:
        return is_mysql_transient(error, was_reached=self.was_reached)

    def _advice(self, error: BaseException) -> Advice | None:
        return mysql_advice(error)


def _value(cursor: Any, expression: str) -> Any:
    cursor.execute(f"SELECT {expression}")
    return cursor.fetchone()[0]


def _holder(connection: sa.Connection, name: str) -> str | None:
    """The number of the connection that holds the lock, and its host where the server tells us."""
    number = connection.exec_driver_sql(f"SELECT IS_USED_LOCK('{name}')").scalar()
    if number is None:
        return None
    host = connection.exec_driver_sql(
        f"SELECT HOST FROM information_schema.PROCESSLIST WHERE ID = {number}"
    ).scalar()
    return f"connection {number} from {host}" if host else f"connection {number}"


def _guarded_connection(*told: Any) -> "GuardedConnection":
    """SQLAlchemy asks here for each connection that it makes; the arguments stand last."""
    from recommender.database.mysqlwire import GuardedConnection

    return GuardedConnection(**told[-1])


def _load_lines(batch: "pa.RecordBatch") -> bytes:
    """Rows in LOAD DATA's own form, the only one in which NULL and every text are unambiguous."""
    from recommender.system.arrow import lines_of

    return lines_of(map(_escaped, batch.columns), "\t", null="\\N")


def _escaped(texts: "pa.StringArray") -> "pa.StringArray":
    import pyarrow.compute as pc

    content = bytes(texts.buffers()[2] or b"")
    for mark, escape in _ESCAPES.items():
        if mark.encode() in content:
            texts = pc.replace_substring(texts, mark, escape)
    return texts
