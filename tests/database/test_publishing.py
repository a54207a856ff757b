"""Writing the lists: one suite over all databases."""

import contextlib
import threading

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.database import mysql, open_database, postgresql, sqlite
from recommender.database.ddl import KeyType
from recommender.database.schema import Target
from recommender.database.urls import normalise_url
from recommender.errors import DatabaseError, LockedError, OutcomeUnknownError, TransientError
from recommender.tables import POPULAR_ITEMS, RECOMMENDATIONS, KeyKind
from tests.conftest import own_name
from tests.database.support import (
    BINARY_TEXT,
    INTEGER,
    database,
    execute,
    make_target,
    publish,
    published,
    recommendations,
    write_lists,
)

HOSTILE = [
    *("", " ", "a,b", 'a"b', '"', "a\nb", "a\rb", "a\r\nb", "a\tb", "\t", "\\", "\\\\", "\\.", "a\n\\.\nb"),
    *("\\N", "NULL", "null", "NA", "1e5", "TRUE", "00123", "é", "🧀", "%s", "%%", ":k", "';--", "{}", " a "),
]
LOCK = own_name("recommend:x")
ENDS = [0, 7, -1, 2**53 + 1, 2**63 - 1, -(2**63)]


@pytest.fixture
def impatient(monkeypatch):
    for module in (sqlite, postgresql, mysql):
        monkeypatch.setattr(module, "LOCK_WAIT_SECONDS", 1)
    monkeypatch.setattr(sqlite, "_COMMIT_WAIT_SECONDS", 0.05)


def check_hostile_keys(url, folder):
    # Blanks at the end count.
    text = BINARY_TEXT.replace("_bin", "_nopad_bin") if url.startswith("mysql") else None
    target = make_target(url, customer=text, item=text)
    keys = [*HOSTILE, *(["a\0b", "\0"] if target.database.backend != "postgresql" else [])]
    rows = [(key, 1, key, 0.125, "model", because) for key, because in zip(keys, [None, *keys], strict=False)]
    files = write_lists(folder / "lists", rows)
    publish(target, files, folder)
    assert sorted(published(target), key=str) == sorted(rows, key=str)


def test_keys_come_out_unchanged(database_url, tmp_path):
    check_hostile_keys(database_url, tmp_path)


def test_keys_come_out_unchanged_by_insert(settable_mariadb, tmp_path):
    """Without LOAD DATA LOCAL."""
    settable_mariadb.execute("SET GLOBAL local_infile = 0")
    check_hostile_keys(settable_mariadb.create_database(), tmp_path)


def test_keys_come_out_unchanged_whatever_a_backslash_means(settable_mariadb, tmp_path):
    settable_mariadb.execute("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'")
    check_hostile_keys(settable_mariadb.create_database(), tmp_path)


def test_integers_come_out_unchanged(database_url, tmp_path):
    integer = INTEGER[database(database_url).backend]
    target = make_target(database_url, customer=integer, item=integer)
    rows = [(key, 1, key, 1, "model", None) for key in ENDS]
    files = write_lists(tmp_path / "lists", rows, [(1, 7, 1)])
    publish(target, files, tmp_path)
    assert published(target) == sorted(rows)
    assert published(target, POPULAR_ITEMS) == [(1, 7, 1)]


def test_columns_of_the_owners_that_fill_themselves_are_left_alone(database_url, tmp_path):
    made = {
        "sqlite": ["twice INTEGER NOT NULL GENERATED ALWAYS AS (position * 2) VIRTUAL"],
        "postgresql": [
            "own BIGINT GENERATED ALWAYS AS IDENTITY",
            "twice BIGINT NOT NULL GENERATED ALWAYS AS (position * 2) STORED",
        ],
        "mysql": ["own BIGINT NOT NULL AUTO_INCREMENT UNIQUE", "twice BIGINT AS (position * 2) STORED"],
    }
    target = make_target(database_url)
    with target.database.connect() as connection:
        for column in made[target.database.backend]:
            connection.exec_driver_sql(f"ALTER TABLE recommendations ADD COLUMN {column}")
        assert target.problems(connection) == []
    rows = recommendations(["a", "b"])
    publish(target, write_lists(tmp_path / "lists", rows), tmp_path)
    assert published(target) == rows


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20), unique=True
    )
)
def test_any_texts_come_out_unchanged(tmp_path_factory, keys):
    folder = tmp_path_factory.mktemp("texts")
    target = make_target(f"sqlite:///{folder / 'shop.db'}")
    publish(target, write_lists(folder / "lists", recommendations(keys)), folder)
    assert sorted(row[0] for row in published(target)) == sorted(keys)


def test_a_publish_replaces_everything_and_leaves_no_file(database_url, tmp_path):
    target = make_target(database_url)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for keys in (["a", "b", "c"], ["b"], ["d", "e"]):
        publish(target, write_lists(tmp_path / "lists", recommendations(keys)), scratch)
        assert [row[0] for row in published(target)] == keys
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("moment", ["replace", "work", "done"])
def test_all_or_nothing(database_url, tmp_path, moment):
    target = make_target(database_url)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    publish(target, write_lists(tmp_path / "old", recommendations(["old"])), scratch)
    new = write_lists(tmp_path / "new", recommendations(["new"]), [(1, "i", 1), (1, "j", 1)])
    calls = []

    def fail(*_):
        calls.append(moment)
        raise DatabaseError("tried", "no further")

    if moment == "replace":  # the second list has a position twice
        with pytest.raises(DatabaseError):
            publish(target, new, scratch)
        assert calls == []
    else:
        new = write_lists(tmp_path / "new", recommendations(["new"]))
        with pytest.raises(DatabaseError, match="no further"):
            publish(target, new, scratch, **({"then": fail} if moment == "work" else {"done": fail}))
        assert calls == [moment]
    expected = "new" if moment == "done" else "old"
    assert [row[0] for row in published(target)] == [expected]
    assert list(scratch.iterdir()) == []


def test_done_is_told_after_the_commit(database_url, tmp_path):
    target = make_target(database_url)
    seen = []
    publish(
        target,
        write_lists(tmp_path / "lists", recommendations(["a"])),
        tmp_path,
        then=lambda _: seen.append([row[0] for row in published(target)]),
        done=lambda: seen.append([row[0] for row in published(target)]),
    )
    assert seen == [[], ["a"]]


def test_readers_see_old_or_new_rows_only(database_url, tmp_path):
    target = make_target(database_url)
    lists = [write_lists(tmp_path / name, recommendations(f"{name}{n}" for n in range(300))) for name in "ab"]
    publish(target, lists[0], tmp_path)
    seen, ended = set(), threading.Event()

    def read():
        reader = open_database(target.database.url)
        while not ended.is_set():
            rows = published(Target(reader, None, ""))
            seen.add((len(rows), *{row[0][0] for row in rows}))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for number in range(1, 9):
            publish(target, lists[number % 2], tmp_path)
    finally:
        ended.set()
        thread.join()
    assert seen
    assert seen <= {(300, "a"), (300, "b")}


def test_values_that_do_not_fit_are_never_stored_in_part(settable_mariadb, tmp_path):
    """With or without LOAD DATA, and on a server that is not strict."""
    url = settable_mariadb.create_database()
    target = make_target(url, customer="VARCHAR(3) CHARACTER SET utf8mb4", item="INT")
    good = write_lists(tmp_path / "good", recommendations(["abc"], 7), [(1, 7, 1)])
    publish(target, good, tmp_path)
    bad_lists = [
        recommendations(["abcd"], 7),
        recommendations(["abc"], "x7"),
        recommendations(["abc"], 2**40),
    ]
    settable_mariadb.execute("SET GLOBAL sql_mode = ''", "SET GLOBAL max_error_count = 0")
    for load in (0, 1):
        settable_mariadb.execute(f"SET GLOBAL local_infile = {load}")
        for rows in bad_lists:
            bad = write_lists(tmp_path / "bad", rows, [(1, 7, 1)])
            with pytest.raises(DatabaseError):
                publish(target, bad, tmp_path)
            assert [row[0] for row in published(target)] == ["abc"]


@pytest.mark.parametrize("load", [0, 1])
def test_a_server_that_logs_statements_takes_the_lists(mariadb, tmp_path, load):
    with type(mariadb)(options={"log_bin": "on", "server_id": "1", "binlog_format": "STATEMENT"}) as server:
        server.execute(f"SET GLOBAL local_infile = {load}")
        target = make_target(server.create_database())
        publish(target, write_lists(tmp_path / "lists", recommendations(["a"])), tmp_path)
        assert [row[0] for row in published(target)] == ["a"]


LOCKS = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "LOCK TABLE recommendations IN ACCESS EXCLUSIVE MODE",
    "mysql": "SELECT * FROM recommendations FOR UPDATE",
}


@pytest.mark.usefixtures("impatient")
def test_a_shop_that_keeps_our_table_locked_is_not_waited_for_long(database_url, tmp_path):
    target = make_target(database_url)
    publish(target, write_lists(tmp_path / "old", recommendations(["old"])), tmp_path)
    engine = sa.create_engine(normalise_url(database_url), poolclass=sa.NullPool)
    with engine.connect() as shop:
        shop.exec_driver_sql(LOCKS[target.database.backend])
        with pytest.raises(DatabaseError, match=r"(?i)lock") as caught:
            publish(target, write_lists(tmp_path / "new", recommendations(["new"])), tmp_path)
        shop.rollback()
    assert "locked" in caught.value.what_to_do
    assert [row[0] for row in published(target)] == ["old"]


def test_a_long_reader_keeps_the_commit_out_for_a_moment_that_may_be_over(tmp_path, monkeypatch):
    """On SQLite in rollback-journal mode."""
    monkeypatch.setattr(sqlite, "_COMMIT_WAIT_SECONDS", 0.02)
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    target = make_target(url)
    files = write_lists(tmp_path / "lists", recommendations(["a"]))
    done = []
    engine = sa.create_engine(normalise_url(url), poolclass=sa.NullPool)
    with engine.connect() as reader:
        reader.exec_driver_sql("BEGIN")
        reader.exec_driver_sql("SELECT * FROM recommendations")
        with pytest.raises(OutcomeUnknownError, match="locked") as caught:
            publish(target, files, tmp_path, done=lambda: done.append(True))
        assert isinstance(caught.value.__cause__, TransientError)
        # It was rolled back: who comes now is not kept waiting.
        assert (published(target), done) == ([], [])
        reader.exec_driver_sql("COMMIT")
    publish(target, files, tmp_path, done=lambda: done.append(True))
    assert [row[0] for row in published(target)] == ["a"]
    assert done == [True]


def test_a_second_run_is_refused_at_once_and_told_by_whom(database_url):
    first, second = database(database_url), database(database_url)
    name = Target(first, None, "").lock_name
    with first.run_lock(name, "host shop-server, pid 4711") as lock:
        lock.check()
        with pytest.raises(LockedError, match=r"Another run is going on: .+ holds") as caught:
            second.run_lock(name, "me").__enter__()
        held_by = {
            "sqlite": "host .*, pid",
            "postgresql": "host shop-server, pid 4711",
            "mysql": rf"{lock.holder}from (localhost|127\.0\.0\.1)",
        }
        assert caught.match(held_by[first.backend])
        assert lock.holder in caught.value.reason or first.backend == "sqlite"
        with second.run_lock(Target(second, None, "other_").lock_name, "me") as other:
            other.check()
    with second.run_lock(name, "me") as lock:
        lock.check()


def test_the_lock_is_free_again_after_an_error(database_url):
    found = database(database_url)

    def fail():
        with found.run_lock(LOCK, "me"):
            raise DatabaseError("tried", "no further")

    for _ in range(2):
        with pytest.raises(DatabaseError, match="no further"):
            fail()


KILLS = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'me'"
    " AND datname = current_database()",
    "mysql": "KILL {}",
}


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_lost_lock_is_noticed(kind, request):
    url = request.getfixturevalue(kind).create_database()
    found = database(url)
    lost = contextlib.ExitStack()
    lock = lost.enter_context(found.run_lock(LOCK, "me"))
    statement = KILLS[found.backend]
    if found.backend == "mysql":
        with found.connect() as other:
            holder = other.exec_driver_sql(f"SELECT IS_USED_LOCK('{LOCK}')").scalar()
        statement = statement.format(holder)
    execute(url, statement)
    with pytest.raises(DatabaseError, match=r"run lock .* was lost"):
        lock.check()
    lost.close()
    with found.run_lock(LOCK, "me") as lock:
        lock.check()


def test_the_lock_of_one_set_of_tables_whatever_the_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "shop.db")
    urls = [
        "sqlite:///shop.db",
        "sqlite:///app/../shop.db",
        f"sqlite:///{tmp_path}/shop.db",
        "sqlite:///link.db",
    ]
    first = database(urls[0])
    with first.run_lock(Target(first, None, "").lock_name, "me"):
        for url in urls:
            other = open_database(normalise_url(url))
            with pytest.raises(LockedError):
                other.run_lock(Target(other, None, "").lock_name, "me").__enter__()
    mine = open_database(normalise_url("mysql://u:p@h/shop"))
    assert Target(mine, "shop", "").lock_name == Target(mine, None, "").lock_name
    names = {Target(mine, schema, prefix).lock_name for schema in (None, "b") for prefix in ("", "b_")}
    assert len(names) == 4
    assert all(len(name) <= 64 for name in names)


names = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], max_codepoint=0xFFFF), min_size=1, max_size=15
).filter(lambda name: name.strip() == name and name.isprintable() and name not in (".", ".."))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names)
def test_schemas_and_prefixes_of_any_name(postgresql_database, tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("names")
    schema = f"{name}%\"'`;"
    quoted = '"' + schema.replace('"', '""') + '"'
    engine = sa.create_engine(
        normalise_url(postgresql_database), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {quoted} CASCADE".replace("%", "%%"))
        connection.exec_driver_sql(f"CREATE SCHEMA {quoted}".replace("%", "%%"))
    check_named(postgresql_database, folder, schema, name)


def check_named(url, folder, schema, prefix):
    target = make_target(url, schema=schema, prefix=prefix)
    publish(target, write_lists(folder / "lists", recommendations(["a"])), folder)
    assert [row[0] for row in published(target)] == ["a"]
    target.database.after_publish([*target.lists.values()])
    with target.database.connect() as connection:
        target.require(connection)
        column = target.lists[RECOMMENDATIONS].c.customer_id
        assert target.database.equal_pair(connection, column, ["a", "b"]) is None


@pytest.fixture
def postgresql_database(postgresql):
    return postgresql.create_database()


@pytest.mark.parametrize("schema", ["a%b", "a`b", "select", "A.b", "x'; DROP"])
def test_databases_and_prefixes_of_any_name_on_mariadb(mariadb, tmp_path, schema):
    url = mariadb.create_database()
    quoted = "`" + schema.replace("`", "``") + "`"
    mariadb.execute(f"DROP DATABASE IF EXISTS {quoted}", f"CREATE DATABASE {quoted}")
    check_named(url, tmp_path, schema, 'p%`"')
    mariadb.execute(f"DROP DATABASE {quoted}")


@pytest.mark.parametrize("prefix", ["p%`\"'", "select ", "é🧀", "a.b", "[x]"])
def test_prefixes_of_any_name_on_sqlite(tmp_path, prefix):
    check_named(f"sqlite:///{tmp_path / 'shop.db'}", tmp_path, None, prefix)


COLLATED = {
    "sqlite": [
        ("TEXT", []),
        ("TEXT COLLATE NOCASE", ["a", "A"]),
        ("TEXT COLLATE RTRIM", ["a", "a "]),
    ],
    "postgresql": [
        ("text", []),
        ("varchar(20)", []),
        ("char(5)", ["a", "a "]),
        ("text COLLATE case_blind", ["a", "A"]),
        ("text COLLATE accent_blind", ["e", "é"]),
    ],
    "mysql": [
        ("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", ["a", "A"]),
        ("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", ["e", "é"]),
        ("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", ["ss", "ß"]),
        ("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", ["a", "a "]),
        ("VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci", ["a", "A"]),
        ("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin", []),
        ("UUID", []),
    ],
}
ICU = [
    f"CREATE COLLATION {name} (provider = icu, locale = 'und-u-{strength}', deterministic = false)"
    for name, strength in (("case_blind", "ks-level2"), ("accent_blind", "ks-level1-kc-true"))
]


def test_texts_that_the_column_holds_equal_are_found(database_url):
    """Among a thousand others."""
    backend = database(database_url).backend
    if backend == "postgresql":
        execute(database_url, *ICU)
    for number, (declared, pair) in enumerate(COLLATED[backend]):
        target = make_target(database_url, customer=declared, prefix=f"t{number}_")
        column = target.lists[RECOMMENDATIONS].c.customer_id
        others = (
            [f"k{n}" for n in range(1100)] if backend != "postgresql" or "char(5)" not in declared else []
        )
        with target.database.connect() as connection:
            found = target.database.equal_pair(connection, column, [*pair[:1], *others, *pair[1:]])
            assert sorted(found or []) == sorted(pair), declared
            assert target.database.equal_pair(connection, column, others) is None, declared


UUID = "6f1c2c1e-8f0b-4d7a-9a53-0c5d6e7f8a9b"
SAME = {
    "sqlite": [("TEXT COLLATE NOCASE", {"Ab", "aB", "AB"}, {"Ab ", "Äb", "äb", "\0"})],
    "postgresql": [
        (
            "uuid",
            {UUID, UUID.upper(), UUID.replace("-", ""), f"{{{UUID}}}"},
            {f"{{{UUID}", UUID[1:], "x", "\0"},
        ),
        ("char(3)", {"abc", "abc  "}, {"abcd", "ABC", "ab"}),
        ("varchar(3) COLLATE case_blind", {"abc", "ABC"}, {"abcd", "ABCD ", "\0"}),
        ("citext", {"abc", "ABC"}, {"abcd", "ab"}),
        ("any_case", {"abc", "ABC"}, {"abcd", "ab"}),
        ("name", set(), {"abc", "ABC"}),
        ("bigint", set(), {"7", "007", "x"}),
    ],
    "mysql": [
        ("UUID", {UUID, UUID.upper(), UUID.replace("-", "")}, {UUID[1:], "x", ""}),
        ("CHAR(3) COLLATE utf8mb4_general_ci", {"abc", "ABC", "Abc  "}, {"abcd", "'; --", ":k1", "\\"}),
        ("VARCHAR(3) CHARACTER SET latin1 COLLATE latin1_general_ci", {"é?", "É?"}, {"éΩ", "é"}),
        ("VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin", set(), {"a", "a ", "A"}),
        ("BIGINT", set(), {"7", "007", "x"}),
    ],
}


def test_the_column_tells_which_texts_are_the_same_key(database_url):
    """As it would find them itself; what its type cannot hold is no key, and nothing is cut to its length."""
    backend = database(database_url).backend
    if backend == "postgresql":
        domain = "CREATE DOMAIN any_case AS citext CHECK (VALUE <> 'never')"
        execute(database_url, *ICU, "CREATE EXTENSION citext", domain)
    for number, (declared, same, others) in enumerate(SAME[backend]):
        target = make_target(database_url, customer=declared, prefix=f"t{number}_")
        column = target.lists[RECOMMENDATIONS].c.customer_id
        with target.database.connect() as connection:
            found = [*target.database.equal_texts(connection, column, [*others, *sorted(same)])]
        assert [{*group} for group in found] == [same] * bool(same), declared


def test_tables_that_cannot_roll_back_are_refused_by_name(mariadb):
    url = mariadb.create_database()
    target = make_target(url, customer="VARCHAR(9)", item="VARCHAR(9)")
    execute(url, "ALTER TABLE recommendations ENGINE=MyISAM")
    with target.database.connect() as connection:
        (problem,) = target.problems(connection)
    assert "MyISAM" in problem
    assert "ENGINE=InnoDB" in problem


FOREIGN = [
    (
        "postgresql",
        KeyType(KeyKind.TEXT, "VARCHAR(20) CHARACTER SET x", 20),
        "mysql",
        False,
        "character varying(20)",
    ),
    (
        "postgresql",
        KeyType(KeyKind.TEXT, "VARCHAR(20) CHARACTER SET x", 20),
        "mysql",
        True,
        "character varying(30)",
    ),
    ("postgresql", KeyType(KeyKind.TEXT, "TEXT"), "sqlite", False, "text"),
    ("postgresql", KeyType(KeyKind.TEXT, "TEXT"), "sqlite", True, "text"),
    ("postgresql", KeyType(KeyKind.INTEGER, "INT UNSIGNED"), "mysql", False, "bigint"),
    ("postgresql", KeyType(KeyKind.INTEGER, "integer"), "postgresql", False, "integer"),
    ("postgresql", KeyType(KeyKind.INTEGER, "integer"), "postgresql", True, "text"),
    ("postgresql", KeyType(KeyKind.TEXT, "uuid", 36), "postgresql", True, "text"),
    ("sqlite", KeyType(KeyKind.INTEGER, "bigint"), "postgresql", False, "INTEGER"),
    ("sqlite", KeyType(KeyKind.INTEGER, "INTEGER"), "sqlite", True, "TEXT"),
    ("sqlite", KeyType(KeyKind.TEXT, "TEXT COLLATE NOCASE"), "sqlite", False, "TEXT COLLATE NOCASE"),
    ("mysql", KeyType(KeyKind.INTEGER, "INT UNSIGNED"), "mysql", False, "INT UNSIGNED"),
    ("mysql", KeyType(KeyKind.INTEGER, "bigint"), "postgresql", False, "BIGINT"),
    ("mysql", KeyType(KeyKind.INTEGER, "BIGINT"), "mysql", True, "VARCHAR(30) {bin}"),
    ("mysql", KeyType(KeyKind.TEXT, "text"), "postgresql", False, "VARCHAR(255) {bin}"),
    (
        "mysql",
        KeyType(KeyKind.TEXT, "VARCHAR(9) CHARACTER SET l COLLATE c", 9),
        "mysql",
        True,
        "VARCHAR(30) {own}",
    ),
    (
        "mysql",
        KeyType(KeyKind.TEXT, "VARCHAR(9) CHARACTER SET l COLLATE c", 9),
        "mysql",
        False,
        "VARCHAR(9) {own}",
    ),
]


@pytest.mark.parametrize(("backend", "shops", "shop_backend", "guests", "ours"), FOREIGN)
def test_key_types_in_another_database_and_with_guests(backend, shops, shop_backend, guests, ours):
    target = open_database(normalise_url("sqlite:///x.db" if backend == "sqlite" else f"{backend}://u:p@h/d"))
    found = target.key_type_here(shops, shop_backend, guests=guests)
    expected = ours.format(bin="CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", own="CHARACTER SET l COLLATE c")
    assert found.sql == expected
    assert found.kind is (KeyKind.TEXT if guests else shops.kind)
