"""Schemas, prefixes, tables, columns and accounts of any name: none reaches SQL but in quotes.

That a publish works with such names is in tests/database/test_publishing.py; here are the statements that are
printed to be pasted: they must do what they say, and nothing else.
"""

import re

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recommender.database import open_database
from recommender.database.ddl import KeyType, all_tables
from recommender.database.schema import Target
from recommender.database.urls import normalise_url
from recommender.errors import ExitCode, SettingsError
from recommender.setup.create import _schema_statement, statements_for
from recommender.setup.grants import _account_part, _Side, rights_to_read
from recommender.tables import KeyKind
from tests.nights import DAY, connection_to, empty_shop
from tests.servers import PASSWORD

SERVERS = {
    "postgresql": open_database(normalise_url("postgresql://u:p@h/d")),
    "mysql": open_database(normalise_url("mysql://u:p@h/d")),
}
MARKS = {"postgresql": '"', "mysql": "`"}
names = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12),
    st.lists(
        st.sampled_from([*"\"'`;%:\\()- \n", "--", "/*", "%s", ":x", "''", "a", "DROP "]), min_size=1
    ).map("".join),
)
each_server = pytest.mark.parametrize("kind", SERVERS)


def name_in(kind):
    """A name as SQL has it: in its quotes, or so plain that it needs none."""
    mark = MARKS[kind]
    return f"({mark}(?:[^{mark}]|{mark}{mark})+{mark}|[a-z_][a-z0-9_$]*)"


def plain(kind, name):
    mark = MARKS[kind]
    return name[1:-1].replace(mark * 2, mark) if name.startswith(mark) else name


@each_server
@given(schema=names, table=names, user=names)
@example(schema="s\n", table="t\n", user="u\n")
def test_rights_name_what_they_say_and_nothing_else(kind, schema, table, user):
    database = SERVERS[kind]
    quoted_user = database.quoted(sa.Table(user, sa.MetaData()))
    side = _Side(database, quoted_user, None)
    (statement,) = side.grant("SELECT", [side.name(schema, table)], side.user)
    name = name_in(kind)
    found = re.fullmatch(rf"GRANT SELECT ON {name}\.{name} TO {name};", statement)
    assert found is not None
    assert [plain(kind, part) for part in found.groups()] == [schema, table, user]
    for usage in side.usage({schema}, side.user):
        found = re.fullmatch(rf"GRANT USAGE ON SCHEMA {name} TO {name};", usage)
        assert found is not None
        assert [plain(kind, part) for part in found.groups()] == [schema, user]


@each_server
@given(schema=names, table=names, user=names, host=names)
def test_rights_in_a_file_are_told_from_all_else(kind, schema, table, user, host):
    side = _Side(SERVERS[kind], SERVERS[kind].quoted(sa.Table(user, sa.MetaData())), None)
    account = "@".join(map(_account_part, (user, host))) if kind == "mysql" else side.user
    statements = side.grant("SELECT", [side.name(schema, table)], account) + side.usage({schema}, account)
    text = "\n".join(["-- of us", *statements, ""])
    assert rights_to_read(text, kind, "grants.sql") == statements
    more = side.grant("SELECT, INSERT", [side.name(schema, table)], account)
    with pytest.raises(SettingsError, match="holds more than rights to read"):
        rights_to_read("\n".join([text, *more]), kind, "grants.sql")


@given(names)
def test_a_mysql_account_is_in_quotes_whatever_a_backslash_means(name):
    quoted = _account_part(name)
    mark = quoted[0]
    assert quoted[-1] == mark
    assert quoted[1:-1].replace(mark * 2, "").count(mark) == 0
    assert quoted[1:-1].replace(mark * 2, mark) == name
    # A literal's backslash escapes or does not, by a setting of the server; a quoted name's never does.
    assert mark == "`" or "\\" not in name


@each_server
@settings(max_examples=20)
@given(schema=names, prefix=names)
@example(schema="s\n", prefix="p\n")
def test_the_tables_statements_name_what_they_say_and_nothing_else(kind, schema, prefix):
    target = Target(SERVERS[kind], schema, prefix)
    name = name_in(kind)
    made = _schema_statement(target, schema)
    found = re.fullmatch(rf"CREATE (?:SCHEMA|DATABASE) {name};", made)
    assert found is not None
    assert plain(kind, found[1]) == schema
    key = KeyType(KeyKind.INTEGER, "BIGINT")
    for table in all_tables(schema=schema, prefix=prefix, customer=key, item=key):
        statement, *comments = statements_for(target, table)
        found = re.match(rf"CREATE TABLE {name}\.{name} \(\n", statement)
        assert found is not None
        assert [plain(kind, part) for part in found.groups()] == [schema, table.name]
        rest = re.sub(r"COMMENT[ =]'(?:[^']|'')*'|`\w+`", "", statement[found.end() :])
        assert re.fullmatch(r"[\w\s(),=]*;", rest)
        for comment in comments:
            found = re.fullmatch(
                rf"COMMENT ON (?:TABLE|COLUMN) {name}\.{name}(?:\.\w+)? IS '(?:[^']|'')*';", comment
            )
            assert found is not None
            assert [plain(kind, part) for part in found.groups()] == [schema, table.name]


HOSTILE_SCHEMA = "Re\"c`s'; DROP TABLE items; -- %s :x"
HOSTILE_USER = "o'b\\r\"`%s"


def run(url, *statements):
    """As somebody who pastes them."""
    with connection_to(url) as connection, connection.begin():
        for statement in statements:
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_what_is_printed_for_hostile_names_can_be_pasted_and_does_no_harm(request, tmp_path, kind):
    """A job whose user, schema, tables and columns all have such names, set up from what `init` prints."""
    server = request.getfixturevalue(kind)
    shop = empty_shop(tmp_path / "shop", server.create_database())
    owner, database = shop.url, sa.make_url(shop.url).database
    mark = '"' if kind == "postgresql" else "`"

    def quoted(name):
        return mark + name.replace(mark, 2 * mark) + mark

    sales, customer = quoted("Sales \"'`; -- %s :x"), quoted("who '%(x)s\" `")
    user = quoted(HOSTILE_USER) + ("" if kind == "postgresql" else "@'127.0.0.1'")
    role = (f"DROP ROLE IF EXISTS {user}", f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'")
    account = (
        f"CREATE OR REPLACE USER {user} IDENTIFIED BY '{PASSWORD}'",
        f"GRANT CREATE TEMPORARY TABLES ON {database}.* TO {user}",
        f"DROP DATABASE IF EXISTS {quoted(HOSTILE_SCHEMA)}",
    )
    run(
        owner,
        f"CREATE TABLE {sales} ({customer} BIGINT, item_id BIGINT, sold_at TIMESTAMP)",
        f"INSERT INTO {sales} VALUES (1, 10, '{DAY} 09:00:00'), (2, 11, '{DAY} 09:00:00')",
        "INSERT INTO items VALUES (10, 'a', 1), (11, 'b', 1)",
        *(role if kind == "postgresql" else account),
    )
    (shop.folder / "sql" / "sales.sql").write_text(
        f"SELECT {customer} AS customer_id, item_id, sold_at FROM {sales} WHERE sold_at >= :since", "utf-8"
    )
    shop.set(TARGET_SCHEMA="ours", DATABASE_URL=server.url(database, HOSTILE_USER, PASSWORD))
    shop.env_file.write_text(
        shop.env_file.read_text(encoding="utf-8").replace("'ours'", env_quoted(HOSTILE_SCHEMA)), "utf-8"
    )
    # The reader's rights, then the tables, then the writer's rights, each as it is printed.
    for pattern in (r"(?m)^GRANT .*;$", r"(?ms)^CREATE .*?;$"):
        outcome = shop.recommend("init", "--yes")
        assert outcome.code is ExitCode.DATABASE, outcome.out + outcome.err
        # There is no schema yet that rights could be given on.
        found = re.findall(pattern, outcome.out)
        statements = [s for s in found if s.startswith("CREATE") or quoted(HOSTILE_SCHEMA) not in s]
        assert statements
        run(owner, *statements)
    said = shop.recommend("init", "--yes").out
    run(owner, *(s for s in re.findall(r"(?m)^GRANT .*;$", said) if "web_user" not in s))
    assert "All tables are there and fit." in shop.does("init", "--yes")
    shop.night()
    with connection_to(owner) as connection:
        inspector = sa.inspect(connection)
        assert inspector.has_table("recommendations", schema=HOSTILE_SCHEMA)
        assert not inspector.has_table("recommendations")
        assert {"sales", "items"} <= set(inspector.get_table_names())
    rows = f"SELECT customer_id, item_id FROM {quoted(HOSTILE_SCHEMA)}.recommendations ORDER BY customer_id"
    with connection_to(owner) as connection:
        found = connection.exec_driver_sql(rows, execution_options={"no_parameters": True})
        assert [tuple(row) for row in found] == [(1, 11), (2, 10)]


def env_quoted(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
