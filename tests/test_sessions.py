"""Servers and accounts that are set against reading, deleting or inserting much: the night goes on."""

import re
from pathlib import Path

import sqlalchemy as sa

from recommender.database import open_database, sessions
from recommender.database.base import LOCK_WAIT_SECONDS
from recommender.database.urls import normalise_url
from recommender.errors import ExitCode
from tests.conftest import own_server
from tests.nights import ALL_TABLES, DAY, Shop, make_shop, tastes
from tests.servers import PASSWORD

LISTS = ALL_TABLES.split(", ")[:5]
JOINED = (
    "SELECT s.customer_id, s.item_id, s.sold_at FROM sales AS s JOIN items AS i ON i.item_id = s.item_id"
    " WHERE s.sold_at >= :since"
)
USER_OF_FEW = "few_rights"
MODES = (
    "ORACLE,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES,ONLY_FULL_GROUP_BY,HIGH_NOT_PRECEDENCE,TRADITIONAL"
)
MARIADB = {
    "max_join_size": "50",
    "sql_safe_updates": "1",
    "sql_select_limit": "7",
    "max_statement_time": "0.000001",
    "sql_mode": f"'{MODES}'",
    "tx_read_only": "1",
    "autocommit": "0",
    "completion_type": "2",
    "group_concat_max_len": "4",
    "max_sort_length": "8",
    "lock_wait_timeout": "1",
    "net_read_timeout": "1",
    "net_write_timeout": "1",
    "idle_transaction_timeout": "1",
    "idle_readonly_transaction_timeout": "1",
    "idle_write_transaction_timeout": "1",
    "sql_auto_is_null": "1",
    "sql_quote_show_create": "0",
    "big_tables": "1",
    "div_precision_increment": "0",
    "low_priority_updates": "1",
    "foreign_key_checks": "0",
    "max_error_count": "0",
    "tx_isolation": "'SERIALIZABLE'",
    "init_connect": "'SET character_set_results = latin1, sql_big_selects = 0'",
}
"""Beside them, what cannot be lifted by a session has tests elsewhere (read_only, rights)."""
POSTGRESQL = {
    "statement_timeout": "'3s'",  # also of the statement that lifts it, on a machine that is busy
    "lock_timeout": "'1ms'",
    "idle_in_transaction_session_timeout": "'1ms'",
    "idle_session_timeout": "'3s'",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "DateStyle": "'German, DMY'",
    "IntervalStyle": "sql_standard",
    "TimeZone": "'Pacific/Kiritimati'",
    "extra_float_digits": "'-15'",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
    "row_security": "off",
    "client_min_messages": "error",
    "session_replication_role": "replica",
    "temp_file_limit": "1024",
}


def shop_with_joins(folder, url) -> Shop:
    items = list(range(100, 124))
    shop = make_shop(folder, url, tastes(range(1, 31), items), dict.fromkeys(items, True))
    (shop.folder / "sql" / "sales.sql").write_text(JOINED, encoding="utf-8")
    return shop


def night(shop):
    """All that an owner calls, each of which must end well."""
    for command in ("init", "--yes"), ("check",), ("run", "--as-of", str(DAY)):
        outcome = shop.recommend(*command)
        assert outcome.code is ExitCode.DONE, (command, outcome)


def lists_of(shop):
    dump = shop.dump()
    assert dump["recommendations"]
    return {table: dump[table] for table in LISTS}


def test_what_a_mariadb_server_sets_for_everybody_is_lifted(tmp_path):
    for server in own_server("mariadb"):
        plain = shop_with_joins(tmp_path / "plain", server.create_database())
        night(plain)
        url = server.create_database()
        shop = shop_with_joins(tmp_path / "shop", url)
        account = f"{USER_OF_FEW}@'127.0.0.1'"  # init_connect is not run for administrators
        server.execute(
            f"CREATE USER {account} IDENTIFIED BY '{PASSWORD}'",
            f"GRANT ALL ON {sa.make_url(url).database}.* TO {account}",
            *[f"SET GLOBAL {name} = {value}" for name, value in MARIADB.items()],
        )
        night(shop.set(DATABASE_URL=of_few(url)))
        # A session of administrators may write at once, and make the others do so.
        back = [f"SET GLOBAL {name} = DEFAULT" for name in MARIADB if name != "init_connect"]
        server.execute("SET SESSION autocommit = 1", *back)
        assert lists_of(shop) == lists_of(plain)


def test_what_a_postgresql_account_has_set_is_lifted(tmp_path):
    for server in own_server("postgresql", {"log_statement": "mod"}):
        plain = shop_with_joins(tmp_path / "plain", server.create_database())
        night(plain)
        url = server.create_database()
        shop = shop_with_joins(tmp_path / "shop", url)
        server.execute(f"CREATE ROLE {USER_OF_FEW} LOGIN PASSWORD '{PASSWORD}'")
        shop.execute(
            f"GRANT ALL ON SCHEMA public TO {USER_OF_FEW}", f"GRANT SELECT ON sales, items TO {USER_OF_FEW}"
        )
        server.execute(
            *[f"ALTER ROLE {USER_OF_FEW} SET {name} = {value}" for name, value in POSTGRESQL.items()]
        )
        night(shop.set(DATABASE_URL=of_few(url)))
        assert lists_of(shop) == lists_of(plain)
        with open_database(normalise_url(of_few(url), Path())).connect() as connection:
            for name, value in sessions.POSTGRESQL.items():
                found = connection.exec_driver_sql(f"SELECT current_setting('{name}', true)").scalar()
                # Of the style of dates the order of day and month stays; a server before 17 lacks one.
                assert found is None or found.startswith(value), name
        # What safeupdate asks for, which looks at each statement as the server has read it.
        deletes = re.findall("(?:statement|execute .*?): (DELETE .*)", server.log.read_text())
        assert len(deletes) > len(LISTS)
        assert [statement for statement in deletes if "WHERE" not in statement] == []


def test_a_server_that_does_not_know_a_setting_has_the_others(mariadb, monkeypatch):
    url = mariadb.create_database()
    monkeypatch.setattr(sessions, "_MARIADB_ALONE", sessions._MARIADB_ALONE | {"of_another_century": "1"})
    with open_database(normalise_url(url, Path())).connect() as connection:
        found = connection.exec_driver_sql("SELECT @@lock_wait_timeout, @@sql_select_limit, @@sql_mode").one()
    assert tuple(found) == (LOCK_WAIT_SECONDS, 2**64 - 1, sessions.OWN_MODE.strip("'"))
    mariadb.drop_database(url)


def test_an_owners_query_means_what_it_means_to_the_shop(settable_mariadb, tmp_path):
    """As a server has it for all: quotes around names; and what only refuses is let through."""
    settable_mariadb.execute(f"SET GLOBAL sql_mode = '{MODES}'")
    shop = shop_with_joins(tmp_path / "shop", settable_mariadb.create_database())
    query = 'SELECT s."customer_id", s.item_id, s."sold_at", i.name FROM "sales" AS s JOIN items AS i'
    query += " ON i.item_id = s.item_id WHERE s.sold_at >= :since AND 'a' || 'b' = 'ab' GROUP BY 1, 2, 3"
    (shop.folder / "sql" / "sales.sql").write_text(query, encoding="utf-8")
    night(shop)


def of_few(url) -> str:
    return sa.make_url(url).set(username=USER_OF_FEW).render_as_string(hide_password=False)
