"""Shops whose names and keys mean harm: the lists are exact, the tables stay, a terminal is left in peace.

What a customer types into a form reaches the shop's tables, and from there everything that is printed.
"""

import csv
import json
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from recommender.database import open_database
from recommender.database.urls import normalise_url
from recommender.errors import ExitCode
from tests.nights import DAY, KEY_TYPES, connection_to, csv_rows, empty_shop, make_shop, tastes
from tests.platforms.support import rows_of

pytestmark = pytest.mark.sqlite_proves

HOSTILE = (
    "'); DROP TABLE sales; --",
    '"; DELETE FROM items; --',
    "`items`",
    "back\\slash\\'",
    "%s %(x)s %%",
    ":since ::name :=",
    "${HOME} $1 {0}",
    "=1+1",
    "+1",
    "-1",
    "--json",
    "@SUM(A1:A9)",
    "\x01\x02\x07\x08\x7f",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m\x9d0;x\x9c",
    "\u202egnp.exe\u2066",
    "line\r\nend\u2028",
    "tab\there",
    'comma,"quote"',
    "../../../etc/passwd",
    "\\N",
    "NULL",
    "ünïcode🧀\u200b",
)
LONG = "\x1b[2J" + "x" * 2**20
TEXT = {"sqlite": "TEXT", "postgresql": "TEXT", "mysql": "LONGTEXT"}


def name(item):
    return f"{item} of {item}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def shop(request, tmp_path_factory):
    """A shop with a published night; every customer and item has a hostile key, every item such a name."""
    folder = tmp_path_factory.mktemp("hostile")
    url = f"sqlite:///{folder / 'shop.db'}"
    if request.param != "sqlite":
        url = request.getfixturevalue(request.param).create_database()
    shop = empty_shop(folder / "shop", url, customer=str, item=str)
    backend = sa.make_url(url).get_backend_name()
    key = KEY_TYPES[backend][str]
    shop.execute(
        "DROP TABLE items",
        f"CREATE TABLE items (item_id {key} PRIMARY KEY, name {TEXT[backend]}, category {key},"
        " sellable INTEGER)",
    )
    (shop.folder / "sql" / "items.sql").write_text("SELECT item_id, name, category, sellable FROM items\n")
    shop.execute(
        "INSERT INTO items (item_id, name, category, sellable) VALUES (:i, :n, :i, 1)",
        rows=[{"i": item, "n": LONG if item == HOSTILE[0] else name(item)} for item in HOSTILE],
    )
    shop.sell(tastes(HOSTILE, HOSTILE))
    shop.sell([(customer, HOSTILE[0], DAY - timedelta(days=1)) for customer in HOSTILE[:6]])
    before = tables(shop)
    shop.does("init", "--yes")
    shop.night()
    shop.sell([(HOSTILE[0], HOSTILE[1], DAY)])
    before["sales"] += 1
    shop.night()
    assert tables(shop) == before
    return shop


def tables(shop):
    return {table: shop.rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("sales", "items")}


def quiet(outcome):
    """What was said holds nothing that a terminal would obey."""
    said = outcome.out + outcome.err
    assert all(character.isprintable() or character == "\n" for character in said), repr(said[:300])
    return outcome


@pytest.mark.each_database
def test_the_lists_have_the_keys_as_they_are(shop):
    lists = shop.lists()
    assert lists.keys() == set(HOSTILE)
    assert {item for items in lists.values() for item in items} <= set(HOSTILE)
    csv.field_size_limit(2 * len(LONG))
    named = {row[0]: row[1] for row in csv_rows(shop.last_run.path("items.csv"))[1:]}
    assert named == {item: name(item) for item in HOSTILE} | {HOSTILE[0]: LONG}
    rows = csv_rows(shop.last_run.path("recommendations.csv"))[1:]
    assert sorted((row[0], row[2]) for row in rows) == sorted((c, i) for c in lists for i in lists[c])


def test_whatever_is_shown_of_a_customer_or_item_is_plain(shop):
    lists = shop.lists()
    for key in HOSTILE[::5]:
        for command in ("show", "similar", "together"):
            outcome = quiet(shop.recommend(command, "--", key))
            assert outcome.code is ExitCode.DONE, outcome.err
        outcome = quiet(shop.recommend("show", "--json", "--", key))
        view = json.loads(outcome.out)
        assert view["customer_id"] == key
        assert [line["item_id"] for line in view["recommendations"]] == lists[key]
        assert {line["name"] for line in view["recommendations"]} <= {LONG, *map(name, HOSTILE)}


def test_a_name_without_end_is_cut_where_people_read_and_whole_for_machines(shop):
    outcome = quiet(shop.recommend("similar", "--", HOSTILE[0]))
    assert outcome.out.startswith(f"Item {HOSTILE[0]}: ?[2Jxxx")
    assert max(map(len, outcome.out.split("\n"))) < 1000
    assert json.loads(shop.does("similar", "--json", "--", HOSTILE[0]))["name"] == LONG


@pytest.mark.each_database
@pytest.mark.parametrize("server", ["sqlite", "mariadb"])
def test_a_nul_or_a_key_of_a_megabyte_is_a_key_as_any_other(request, tmp_path, server):
    """PostgreSQL's texts hold no NUL; the servers' indexes refuse a megabyte, and the gate says so before."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    if server != "sqlite":
        url = request.getfixturevalue(server).create_database()
    odd = ["\0", "a\0b", *([LONG] if server == "sqlite" else [])]
    items = [*odd, *"rstuvwxyz"]
    shop = make_shop(tmp_path / "shop", url, tastes([*odd, "a", "b", "c"], items), dict.fromkeys(items, True))
    shop.does("init", "--yes")
    shop.night()
    lists = shop.lists()
    assert lists.keys() == {*odd, "a", "b", "c"}
    assert {item for (item,) in shop.rows("SELECT item_id FROM popular_items")} >= set(odd)
    for call in (("show", "--", "a"), ("status",), ("runs",), ("check",)):
        assert max(map(len, quiet(shop.recommend(*call)).out.split("\n"))) < 2000
    view = json.loads(shop.does("show", "--json", "--", "a"))
    assert [line["item_id"] for line in view["recommendations"]] == lists["a"]


def test_what_is_looked_up_in_the_database_is_plain(shop):
    for call in (("check",), ("status",)):
        assert quiet(shop.recommend(*call)).code is ExitCode.DONE


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "call",
    [
        ("runs",),
        ("runs", "--json"),
        ("runs", "diff"),
        ("check", "--json"),
        ("show", "--search", "of \x1b"),
        ("-vv", "run", "--dry-run", "--as-of", str(DAY)),
        ("-vv", "--log-format", "json", "run", "--dry-run", "--as-of", str(DAY)),
        ("init", "--yes"),
    ],
    ids=lambda call: " ".join(call).replace("\x1b", ""),
)
def test_whatever_else_is_said_is_plain(shop, call):
    assert quiet(shop.recommend(*call)).code is ExitCode.DONE


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "call",
    [
        ("show", "no \x1b[31m\x9b\u202e"),
        ("similar", "no \x1b[31m\x9b\u202e"),
        ("show", "--search", "no \x1b[31m\x9b\u202e"),
        ("reproduce", "no \x1b[31m\x9b\u202e"),
        ("status", "--max-age", "no \x1b[31m\x9b\u202e"),
        ("no \x1b[31m\x9b\u202e",),
    ],
    ids=lambda call: call[0].split()[0],
)
def test_errors_about_what_was_asked_are_plain(shop, call):
    outcome = quiet(shop.recommend(*call))
    assert outcome.code is ExitCode.SETTINGS
    assert outcome.err.count("\n") == 1


def test_a_refusal_that_names_the_shops_texts_is_plain_everywhere(shop):
    """On stderr, in the log and the record, and where these are told again."""
    query = shop.folder / "sql" / "items.sql"
    text = query.read_text(encoding="utf-8")
    query.write_text("SELECT item_id, name, item_id AS sellable FROM items\n", encoding="utf-8")
    try:
        outcome = quiet(shop.recommend("-vv", "run", "--as-of", str(DAY)))
        assert outcome.code is ExitCode.REFUSED
        quiet(shop.recommend("runs"))
        quiet(shop.recommend("status"))
        for file in ("manifest.json", "log.jsonl"):
            said = shop.last_run.path(file).read_text(encoding="utf-8")
            assert all(c.isprintable() or c == "\n" for c in said)
    finally:
        query.write_text(text, encoding="utf-8")


@pytest.mark.each_database
def test_tables_with_hostile_names_are_proposed_and_read(database_url, tmp_path):
    """The first guess of `init`: names in quotes in the query, plain in its comments and in what is said."""
    shop = empty_shop(tmp_path / "shop", database_url)
    shop.execute("DROP TABLE sales", "DROP TABLE items")
    for query in (shop.folder / "sql").iterdir():
        query.unlink()
    # SQLAlchemy passes over a table of MariaDB with a line end in its name.
    end = "" if database_url.startswith("mysql") else "\n"
    table = f'order_items\x1b[31m{end}*/; DROP TABLE "x" -- `%s :since'
    mark = "`" if database_url.startswith("mysql") else '"'
    quoted = mark + table.replace(mark, 2 * mark) + mark
    with connection_to(database_url) as connection, connection.begin():
        for statement in (
            f"CREATE TABLE {quoted} (customer_id INTEGER, product_id INTEGER, created_at TIMESTAMP)",
            f"INSERT INTO {quoted} VALUES (1, 10, '{DAY} 09:00:00')",
            f"INSERT INTO {quoted} VALUES (2, 11, '{DAY} 09:00:00')",
        ):
            escaped = statement if database_url.startswith("sqlite") else statement.replace("%", "%%")
            connection.exec_driver_sql(escaped)
    outcome = quiet(shop.recommend("init", "--yes"))
    assert outcome.code is ExitCode.DONE, outcome.err
    text = (shop.folder / "sql" / "sales.sql").read_text(encoding="utf-8")
    assert text.count("\x1b") == text.count(quoted) > 0
    comments = [line for line in text.split("\n") if line.startswith("--")]
    assert all(line.isprintable() for line in comments)


@pytest.mark.each_database
def test_hostile_columns_and_values_are_proposed_and_do_no_harm(database_url, tmp_path):
    """Also where the owner takes all values that are listed for sales: every value is one text."""
    shop = empty_shop(tmp_path / "shop", database_url)
    shop.execute("DROP TABLE sales", "DROP TABLE items")
    for query in (shop.folder / "sql").iterdir():
        query.unlink()
    quote = open_database(normalise_url(database_url)).quote
    column = 'note\u2028x */; DROP TABLE orders; -- "`%s :since'
    statuses = ["paid", "paid", "it's", ") OR (1 = 1) -- ", "x\\", "new\nAND 1 = 1", "\x1b[2J", LONG[:5000]]
    with connection_to(database_url) as connection, connection.begin():
        create = (
            "CREATE TABLE orders (order_id INTEGER PRIMARY KEY, customer_id INTEGER, product_id INTEGER,"
            f" created_at TIMESTAMP, status TEXT, {quote(column)} INTEGER)"
        )
        connection.exec_driver_sql(create, execution_options={"no_parameters": True})
        statement = sa.text(f"INSERT INTO orders VALUES (:n, :n, :p, '{DAY} 09:00:00', :s, :p)")
        for number, status in enumerate(statuses, 1):
            connection.execute(statement, {"n": number, "p": number % 2, "s": status})
    outcome = quiet(shop.recommend("init", "--yes"))
    assert outcome.code is ExitCode.DONE, outcome.err
    path = shop.folder / "sql" / "sales.sql"
    text = path.read_text(encoding="utf-8")
    assert all(line.isprintable() for line in text.split("\n"))
    assert len(text.splitlines()) == text.count("\n")
    assert len(shop.decides()) == 2  # the products, and the statuses
    # The guess is that what speaks of a sale is one.
    assert sorted(rows_of(shop, "sales.sql", ("customer_id",))) == [(1,), (2,)]
    listed = re.findall(r"--     ('.*')  \(\d+ rows\)", text)
    assert len(listed) == len({*statuses})
    decided = path.read_text(encoding="utf-8")
    path.write_text(decided.replace("IN ('paid')", f"IN ({', '.join(listed)})"), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != decided
    # Those that were shown with question marks are no value of the shop's.
    assert sorted(rows_of(shop, "sales.sql", ("customer_id",))) == [(1,), (2,), (3,), (4,)]
