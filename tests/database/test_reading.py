"""Reading the shop: one suite over all databases."""

import contextlib
import tracemalloc
from itertools import islice

import pytest
import sqlalchemy as sa

from recommender.database import mysql, postgresql, sqlite
from recommender.database.base import listed
from recommender.database.ddl import KeyType
from recommender.database.urls import normalise_url
from recommender.errors import DatabaseError, ExitCode, Interrupted, RefusedError, SettingsError
from recommender.tables import KeyKind
from tests.database.support import INTEGER, TEXT, database, execute, key_type, query, rows_of, select
from tests.servers import PASSWORD

MANY = 60_000


@pytest.fixture
def shop(shop_url):
    return database(shop_url)


@pytest.fixture
def impatient(monkeypatch):
    for module in (sqlite, postgresql, mysql):
        monkeypatch.setattr(module, "LOCK_WAIT_SECONDS", 1)


def make_numbers(url: str, count: int = MANY) -> None:
    """A table `numbers` of the column `n`, 1 to `count`."""
    execute(url, "CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
    execute(url, f"INSERT INTO numbers VALUES {', '.join(f'({n})' for n in range(1, 1001))}")
    for start in range(1000, count, 1000):
        execute(url, f"INSERT INTO numbers SELECT n + {start} FROM numbers WHERE n <= 1000")


def test_values_come_as_the_shop_has_them(shop, shop_url, tmp_path):
    text = TEXT[shop.backend]
    execute(shop_url, f"CREATE TABLE s (n {INTEGER[shop.backend]}, k {text})")
    keys = [
        "",
        "00123",
        "NA",
        "null",
        "\\N",
        "\\.",
        "a\tb",
        "a\nb",
        "a\rb",
        "\\",
        'a"b',
        "a,b",
        " a ",
        "é",
        "🧀",
    ]
    numbers = [0, 7, -1, 2**63 - 1, -(2**63), 2**53 + 1]
    rows = [{"n": number, "k": None} for number in numbers] + [{"n": None, "k": key} for key in keys]
    execute(shop_url, "INSERT INTO s VALUES (:n, :k)", rows=rows)
    with shop.snapshot(tmp_path, 60) as snapshot:
        found = rows_of(snapshot, query(shop, "SELECT n, k FROM s"))
    assert {k for n, k in found if n is None} == set(keys)
    assert len(found) == len(keys) + len(numbers)
    assert {int(str(n)) for n, k in found if k is None} == set(numbers)


def batches_of(snapshot, prepared):
    with contextlib.closing(snapshot.batches(prepared, snapshot.columns(prepared))) as batches:
        return list(batches)


def as_texts(rows):
    return [tuple(None if value is None else str(value) for value in row) for row in rows]


@pytest.mark.parametrize("length", [1, 250, 251, 70_000])
def test_batches_of_rows_hold_what_the_stream_has(shop, shop_url, tmp_path, length, monkeypatch):
    monkeypatch.setattr(f"{type(shop).__module__}.ROWS_AT_ONCE", 3)
    text = {"mysql": "LONGTEXT CHARACTER SET utf8mb4"}.get(shop.backend, "TEXT")
    execute(shop_url, f"CREATE TABLE s (n {INTEGER[shop.backend]}, k {text}, d {TEXT[shop.backend]})")
    keys = ["a", "", "null", "\\N", 'a"b', "a,b", "[a]", "a\nb", "é", "x" * length, None, "y"]
    rows = [{"n": n if n % 5 else None, "k": key, "d": f"d{n}"} for n, key in enumerate(keys, 1)]
    execute(shop_url, "INSERT INTO s VALUES (:n, :k, :d)", rows=rows)
    prepared = query(shop, "SELECT n, k, d FROM s")
    with shop.snapshot(tmp_path, 60) as snapshot:
        batches = batches_of(snapshot, prepared)
        streamed = as_texts(rows_of(snapshot, prepared))
    found = as_texts(row for batch in batches for row in zip(*map(listed, batch), strict=True))
    assert found == streamed == as_texts((row["n"], row["k"], row["d"]) for row in rows)
    assert [len(batch[0]) for batch in batches] == [3, 3, 3, 3]


def test_the_connection_can_go_on_after_the_rows(shop, shop_url, tmp_path):
    make_numbers(shop_url, 40_000)
    prepared = query(shop, "SELECT n FROM numbers")
    with shop.snapshot(tmp_path, 60) as snapshot:
        columns = snapshot.columns(prepared)
        with contextlib.closing(snapshot.batches(prepared, columns)) as batches:
            next(batches)
        if shop.backend != "postgresql":  # whose transaction has ended with the query
            assert sum(len(batch[0]) for batch in batches_of(snapshot, prepared)) == 40_000


def test_an_error_in_the_middle_of_the_rows_is_told(shop, shop_url, tmp_path):
    make_numbers(shop_url, 40_000)
    broken = {
        "postgresql": "SELECT 1 / (n - 30000) AS n FROM numbers",
        "mysql": "SELECT IF(n = 30000, (SELECT n FROM numbers AS m WHERE m.n < 3 AND numbers.n > 0), n) AS n"
        " FROM numbers",
        "sqlite": "SELECT CASE n WHEN 30000 THEN abs(-9223372036854775808) ELSE n END AS n FROM numbers",
    }
    with shop.snapshot(tmp_path, 60) as snapshot, pytest.raises(DatabaseError, match=r"sales\.sql"):
        batches_of(snapshot, query(shop, broken[shop.backend]))


def test_columns_have_the_querys_names(shop, tmp_path):
    with shop.snapshot(tmp_path, 60) as snapshot:
        text = 'SELECT 1 AS "Item_ID", 2 AS x' if shop.backend != "mysql" else "SELECT 1 AS Item_ID, 2 AS x"
        assert [column.name for column in snapshot.columns(query(shop, text))] == ["Item_ID", "x"]


def test_owners_text_works_unescaped(shop, shop_url, tmp_path):
    cast = {"sqlite": "CAST(7 AS TEXT)", "postgresql": "7::text", "mysql": "CAST(@x := 7 AS CHAR)"}[
        shop.backend
    ]
    execute(shop_url, f"CREATE TABLE s (k {TEXT[shop.backend]})", "INSERT INTO s VALUES ('wc-paid'), ('wd')")
    text = f"SELECT k, ':since; %s %(a)s' AS c, {cast} AS d FROM s WHERE k LIKE 'wc-%' -- that's all\n;"
    with shop.snapshot(tmp_path, 60) as snapshot:
        assert rows_of(snapshot, query(shop, text)) == [("wc-paid", ":since; %s %(a)s", "7")]


def test_a_snapshot_is_one_moment_and_holds_no_writer_up(shop, shop_url, tmp_path):
    execute(shop_url, "CREATE TABLE s (n INTEGER)", "INSERT INTO s VALUES (1), (2)")
    prepared = query(shop, "SELECT n FROM s")
    with shop.snapshot(tmp_path, 60) as snapshot:
        first = rows_of(snapshot, prepared)
        execute(shop_url, "INSERT INTO s VALUES (3)")
        execute(shop_url, "DELETE FROM s WHERE n = 1")
        assert rows_of(snapshot, prepared) == first
    assert [int(n) for (n,) in sorted(select(shop_url, "SELECT n FROM s"))] == [2, 3]


def test_memory_is_bounded_by_a_batch(shop, shop_url, tmp_path, monkeypatch):
    make_numbers(shop_url)
    monkeypatch.setattr(f"{type(shop).__module__}.ROWS_AT_ONCE", 500)
    pad = {"sqlite": "printf('%0200d', n)", "postgresql": "lpad(n::text, 200, '0')"}
    prepared = query(shop, f"SELECT {pad.get(shop.backend, 'LPAD(n, 200, 0)')} AS k FROM numbers")
    with shop.snapshot(tmp_path, 60) as snapshot:
        columns = snapshot.columns(prepared)
        tracemalloc.start()
        try:
            sizes = [len(batch[0]) for batch in snapshot.stream(prepared, columns)]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert sum(sizes) == MANY
    assert max(sizes) == 500
    assert peak < MANY * 200 / 4


def test_a_stream_can_be_left_early(shop, shop_url, tmp_path):
    make_numbers(shop_url, 40_000)
    prepared = query(shop, "SELECT n FROM numbers")
    with shop.snapshot(tmp_path, 60) as snapshot:
        columns = snapshot.columns(prepared)
        with contextlib.closing(snapshot.stream(prepared, columns)) as batches:
            assert len(list(islice(batches, 1))) == 1


def test_an_error_of_ours_in_the_middle_comes_out(shop, shop_url, tmp_path):
    make_numbers(shop_url, 40_000)
    prepared = query(shop, "SELECT n FROM numbers")

    def read_and_refuse():
        with (
            shop.snapshot(tmp_path, 60) as snapshot,
            contextlib.closing(snapshot.stream(prepared, snapshot.columns(prepared))) as batches,
        ):
            next(batches)
            raise RefusedError("tried", "enough")

    with pytest.raises(RefusedError, match="enough"):
        read_and_refuse()


DECLARED = {
    "sqlite": [
        ("INTEGER", KeyKind.INTEGER, "INTEGER"),
        ("BIGINT UNSIGNED", KeyKind.INTEGER, "INTEGER"),
        ("VARCHAR(20)", KeyKind.TEXT, "TEXT"),
        ("CHAR(3) COLLATE NOCASE", KeyKind.TEXT, "TEXT COLLATE NOCASE"),
        ("TEXT COLLATE RTRIM", KeyKind.TEXT, "TEXT COLLATE RTRIM"),
    ],
    "postgresql": [
        ("smallint", KeyKind.INTEGER, "smallint"),
        ("bigint", KeyKind.INTEGER, "bigint"),
        ("numeric(12,0)", KeyKind.INTEGER, "numeric(12,0)"),
        ("text", KeyKind.TEXT, "text"),
        ("varchar(20)", KeyKind.TEXT, "character varying(20)"),
        ("char(5)", KeyKind.TEXT, "character(5)"),
        ("uuid", KeyKind.TEXT, "uuid"),
        ('varchar(20) COLLATE "C"', KeyKind.TEXT, 'character varying(20) COLLATE "C"'),
    ],
    "mysql": [
        ("TINYINT", KeyKind.INTEGER, "TINYINT"),
        ("MEDIUMINT UNSIGNED", KeyKind.INTEGER, "MEDIUMINT UNSIGNED"),
        ("INT UNSIGNED", KeyKind.INTEGER, "INT UNSIGNED"),
        ("INT(6) ZEROFILL", KeyKind.INTEGER, "INT UNSIGNED"),
        ("BIGINT UNSIGNED", KeyKind.INTEGER, "BIGINT UNSIGNED"),
        ("DECIMAL(12,0)", KeyKind.INTEGER, "BIGINT"),
        ("VARCHAR(20)", KeyKind.TEXT, "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"),
        ("CHAR(5)", KeyKind.TEXT, "VARCHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"),
        (
            "VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_german1_ci",
            KeyKind.TEXT,
            "VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_german1_ci",
        ),
        ("LONGTEXT", KeyKind.TEXT, "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"),
    ],
}
EXPRESSIONS = {
    "sqlite": [
        ("CAST(n AS TEXT)", KeyKind.TEXT),
        ("CAST(t AS INTEGER)", KeyKind.INTEGER),
        ("n + 0", KeyKind.INTEGER),
        ("'c' || n", KeyKind.TEXT),
        ("coalesce(nullif(n, 0), 1)", KeyKind.INTEGER),
    ],
    "postgresql": [
        ("n::text", KeyKind.TEXT),
        ("t::bigint", KeyKind.INTEGER),
        ("n + 0", KeyKind.INTEGER),
        ("'c' || n", KeyKind.TEXT),
        ("coalesce(nullif(n, 0), 1)", KeyKind.INTEGER),
    ],
    "mysql": [
        ("CAST(n AS CHAR)", KeyKind.TEXT),
        ("CAST(t AS SIGNED)", KeyKind.INTEGER),
        ("n + 0", KeyKind.INTEGER),
        ("CONCAT('c', n)", KeyKind.TEXT),
        ("COALESCE(NULLIF(n, 0), 1)", KeyKind.INTEGER),
    ],
}


def test_key_types_by_declaration_also_of_an_empty_shop_and_through_a_view(shop, shop_url, tmp_path):
    for number, (declared, kind, sql) in enumerate(DECLARED[shop.backend]):
        execute(
            shop_url,
            f"CREATE TABLE t{number} (k {declared})",
            f"CREATE VIEW v{number} AS SELECT k FROM t{number}",
        )
        for source in (f"t{number}", f"v{number}"):
            found = key_type(shop, tmp_path, f"SELECT k FROM {source}")
            assert (found.kind, found.sql) == (kind, sql), (declared, source)


def test_our_columns_take_the_type_and_reading_them_gives_it_again(shop, shop_url, tmp_path):
    for number, (declared, _, _) in enumerate(DECLARED[shop.backend]):
        execute(shop_url, f"CREATE TABLE s{number} (k {declared})")
        shops = key_type(shop, tmp_path, f"SELECT k FROM s{number}")
        ours = shop.key_type_here(shops, shop.backend, guests=False)
        execute(shop_url, f"CREATE TABLE o{number} (k {ours.sql} PRIMARY KEY)")
        assert key_type(shop, tmp_path, f"SELECT k FROM o{number}") == shops


def test_key_types_of_expressions(shop, shop_url, tmp_path):
    execute(shop_url, f"CREATE TABLE s (n {INTEGER[shop.backend]}, t {TEXT[shop.backend]})")
    execute(shop_url, "INSERT INTO s VALUES (7, '8')")
    for expression, kind in EXPRESSIONS[shop.backend]:
        assert key_type(shop, tmp_path, f"SELECT {expression} AS k FROM s").kind is kind, expression


REFUSED = {
    "sqlite": ["1.5", "x'00ff'", "CAST(1 AS REAL)"],
    "postgresql": ["1.5", "1.5::float8", "now()", "'\\x00'::bytea", "true", "'{1}'::int[]"],
    "mysql": ["1.5", "1.5e0", "NOW()", "CAST('a' AS BINARY)", "x'00ff'", "CURRENT_DATE"],
}


def test_types_that_can_be_no_key_are_refused_by_name(shop, tmp_path):
    for value in REFUSED[shop.backend]:
        with pytest.raises(RefusedError, match=r"sql/sales\.sql: k is .*cannot be a key") as caught:
            key_type(shop, tmp_path, f"SELECT {value} AS k")
        assert "CAST" in caught.value.what_to_do or "::" in caught.value.what_to_do


WRITES = [
    "DROP TABLE s",
    "DELETE FROM s",
    "INSERT INTO s VALUES (9)",
    "UPDATE s SET n = 9",
    "TRUNCATE TABLE s",
]
HIDDEN_WRITES = [
    "WITH d AS (DELETE FROM s RETURNING n) SELECT n FROM d",
    "SELECT n INTO x FROM s",
    "SELECT n FROM s) AS q; DROP TABLE s; SELECT * FROM (SELECT 1 AS n",
    "SELECT n FROM s; DROP TABLE s",
    "SELECT n FROM s; COMMIT; DELETE FROM s",
    "PRAGMA user_version = 7",
    "ATTACH 'x.db' AS x",
    "VACUUM",
    "SELECT load_extension('x')",
    "SELECT pg_catalog.nextval('counter')",
    "SELECT n FROM s FOR UPDATE",
    "CALL empty_s()",
]


def test_queries_that_write_are_refused_and_change_nothing(shop, shop_url, tmp_path):
    execute(shop_url, "CREATE TABLE s (n INTEGER)", "INSERT INTO s VALUES (1), (2)")
    if shop.backend == "postgresql":
        execute(shop_url, "CREATE SEQUENCE counter")
    harmless = {"mysql": ["SELECT n FROM s FOR UPDATE"]}.get(shop.backend, [])
    for text in [*WRITES, *HIDDEN_WRITES]:
        if text in harmless:  # it only locks, and in a snapshot that reads alone not even that for long
            continue
        with (
            pytest.raises((SettingsError, DatabaseError), match=r"sql/sales\.sql"),
            shop.snapshot(tmp_path, 60) as snapshot,
        ):
            rows_of(snapshot, query(shop, text))
    assert [int(n) for (n,) in sorted(select(shop_url, "SELECT n FROM s"))] == [1, 2]
    assert not (tmp_path / "x.db").exists()


ENDLESS = {
    "sqlite": "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) AS n FROM c",
    "postgresql": "SELECT pg_sleep(60)",
    "mysql": "SELECT COUNT(*) AS n FROM numbers a, numbers b, numbers c WHERE a.n + b.n + c.n < 0",
}


def test_a_query_that_takes_too_long_is_ended(shop, shop_url, tmp_path):
    if shop.backend == "mysql":
        make_numbers(shop_url, 10_000)
    with (
        pytest.raises(DatabaseError) as caught,
        shop.snapshot(tmp_path, 1) as snapshot,
    ):
        rows_of(snapshot, query(shop, ENDLESS[shop.backend]))
    assert "QUERY_TIMEOUT_SECONDS" in str(caught.value) or "give the query an index" in str(caught.value)


@contextlib.contextmanager
def locked(url: str, backend: str):
    """The shop's table, locked by the shop."""
    statements = {
        "sqlite": ["BEGIN EXCLUSIVE"],
        "postgresql": ["BEGIN", "LOCK TABLE s IN ACCESS EXCLUSIVE MODE"],
        "mysql": ["LOCK TABLES s WRITE"],
    }[backend]
    engine = sa.create_engine(normalise_url(url), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        yield
        connection.exec_driver_sql("UNLOCK TABLES" if backend == "mysql" else "ROLLBACK")


@pytest.mark.usefixtures("impatient")
def test_a_shop_that_keeps_its_table_locked_is_not_waited_for_long(shop, shop_url, tmp_path):
    execute(shop_url, "CREATE TABLE s (n INTEGER)")
    with (
        locked(shop_url, shop.backend),
        pytest.raises(DatabaseError, match=r"(?i)lock") as caught,
        shop.snapshot(tmp_path, 60) as snapshot,
    ):
        rows_of(snapshot, query(shop, "SELECT n FROM s"))
    assert "locked for too long" in caught.value.what_to_do


def test_a_wrong_query_names_its_file_and_what_to_mind(shop, tmp_path):
    with (
        pytest.raises(DatabaseError, match=r"refused sql/sales\.sql") as caught,
        shop.snapshot(tmp_path, 60) as found,
    ):
        found.columns(query(shop, "SELECT n FROM no_such_table"))
    assert "names" in caught.value.what_to_do
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("wrong", ["password", "host", "database"])
def test_the_password_is_in_no_message(kind, wrong, request, tmp_path):
    url = sa.make_url(request.getfixturevalue(kind).create_database())
    secret = f"not-{PASSWORD}" if wrong == "password" else PASSWORD
    changed = {
        "password": url.set(password=secret),
        "host": url.set(port=1),
        "database": url.set(database="none"),
    }
    found = database(changed[wrong].render_as_string(hide_password=False))
    for attempt in (found.connect(), found.snapshot(tmp_path, 60), found.run_lock("recommend:x", "me")):
        with pytest.raises(DatabaseError) as caught, attempt:
            pass
        assert secret not in str(caught.value)
        assert "recommend" not in caught.value.reason
        assert caught.value.what_to_do


def test_the_drivers_words_are_told_without_any_password():
    url = normalise_url("postgresql://u:first-secret@h/db?sslpassword=first-secret-second")
    found = database(url.render_as_string(hide_password=False))
    told = found.message(ValueError("near first-secret-second:\n  first-secret  refused."))
    assert told == "near ***: *** refused"


def test_statements_in_the_log_hold_no_keys_of_customers(shop, shop_url):
    execute(shop_url, f"CREATE TABLE s (k {TEXT[shop.backend]})")
    with pytest.raises(DatabaseError) as caught, shop.connect() as connection:
        connection.execute(sa.text("SELECT no_such_column FROM s WHERE k = :k"), {"k": "ada@example.org"})
    assert "ada@example.org" not in str(caught.value.__cause__)


def test_a_text_of_another_encoding_arrives(postgresql, tmp_path):
    url = postgresql.create_database("ENCODING 'LATIN1' TEMPLATE template0")
    execute(url, "CREATE TABLE s (k text)", "INSERT INTO s VALUES ('Käse')")
    found = database(url)
    with found.snapshot(tmp_path, 60) as snapshot:
        assert rows_of(snapshot, query(found, "SELECT k FROM s")) == [("Käse",)]


def test_integers_of_mariadb_without_a_sign(mariadb, tmp_path):
    url = mariadb.create_database()
    execute(url, "CREATE TABLE s (k BIGINT UNSIGNED)")
    found = database(url)
    assert key_type(found, tmp_path, "SELECT COALESCE(k, 0) AS k FROM s") == KeyType(
        KeyKind.INTEGER, "BIGINT"
    )
    assert key_type(found, tmp_path, "SELECT NULLIF(k, 0) AS k FROM s").sql == "BIGINT UNSIGNED"


def test_instants_are_told_from_local_times(shop, shop_url, tmp_path):
    kinds = {
        "sqlite": ("TEXT", "TEXT"),
        "postgresql": ("timestamptz", "timestamp"),
        "mysql": ("TIMESTAMP", "DATETIME"),
    }
    instant, local = kinds[shop.backend]
    execute(shop_url, f"CREATE TABLE s (a {instant} NULL, b {local} NULL)")
    with shop.snapshot(tmp_path, 60) as snapshot:
        columns = snapshot.columns(query(shop, "SELECT a, b FROM s"))
    assert [column.is_instant for column in columns] == [shop.backend != "sqlite", False]


STREAMS = {
    "postgresql": "SELECT generate_series(1, 1000000000) AS customer_id",
    "mysql": "SELECT 1 AS customer_id FROM seq_1_to_1000000000",
}
AT_WORK = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY %%'"
    " AND datname = current_database()",
    "mysql": "SELECT count(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT q.%%'"
    " AND DB = database()",
}


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_signal_ends_the_query_in_the_server_too(request, kind, tmp_path):
    found = database(request.getfixturevalue(kind).create_database())
    asked = query(found, STREAMS[found.backend])

    def read_and_be_stopped():
        with (
            found.snapshot(tmp_path, 60) as snapshot,
            contextlib.closing(snapshot.stream(asked, snapshot.columns(asked))) as batches,
        ):
            next(batches)
            raise Interrupted(ExitCode.TERMINATED)

    with pytest.raises(Interrupted):
        read_and_be_stopped()
    with found.connect() as connection:
        assert connection.exec_driver_sql(AT_WORK[found.backend]).scalar() == 0
