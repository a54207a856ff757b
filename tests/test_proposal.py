"""The first guess at a shop's queries: shops with tables of their own names, and what init makes of them."""

import contextlib
import gzip
import os
import pty
import re
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from recommender.database import open_database
from recommender.database.urls import normalise_url
from recommender.errors import ExitCode
from recommender.settings import read_env_file
from recommender.setup.proposal import propose
from recommender.setup.proposal.contents import with_epochs
from recommender.setup.proposal.shoptables import ColumnKind, FoundColumn, shop_tables
from recommender.setup.proposal.words import (
    customer_score,
    is_added,
    is_brand,
    is_image,
    is_item_price,
    is_url,
    item_score,
    names_table,
    plain,
    time_score,
)
from recommender.setup.shopfolder import machine_timezone, require_zone
from tests.conftest import own_name
from tests.nights import ALL_TABLES, Shop, connection_to, database_of

pytestmark = pytest.mark.sqlite_proves

ROOT = Path(__file__).parent.parent


def unknown_shop(tmp_path, url, *statements):
    """A shop's database with these tables, and an empty folder."""
    (tmp_path / "shop").mkdir()
    if url.startswith("sqlite"):
        (tmp_path / "shop.db").touch()
    shop = Shop(tmp_path / "shop", url)
    shop.execute(*statements)
    return shop


def german_shop(tmp_path, url, *, links=True):
    """Orders and lines with foreign keys, text keys for articles, a status, and tables that mislead."""
    number, text = "INTEGER", "VARCHAR(20)"
    link = "REFERENCES" if links else "--"
    shop = unknown_shop(
        tmp_path,
        url,
        f"CREATE TABLE kunden (kunden_nr {number} PRIMARY KEY, name {text}, angelegt_datum TIMESTAMP NULL)",
        f"CREATE TABLE artikel (artikel_nr {text} PRIMARY KEY, bezeichnung {text}, aktiv {number})",
        f"CREATE TABLE bestellungen (best_nr {number} PRIMARY KEY, kunden_nr {number} NOT NULL,"
        f" bestelldatum TIMESTAMP NULL, lieferdatum TIMESTAMP NULL, zustand {text})",
        f"CREATE TABLE positionen (pos_nr {number} PRIMARY KEY, best_nr {number},"
        f" artikel_nr {text}, menge {number}, einzelpreis DECIMAL(10, 2)"
        + (
            ", FOREIGN KEY (best_nr) REFERENCES bestellungen (best_nr),"
            " FOREIGN KEY (artikel_nr) REFERENCES artikel (artikel_nr))"
            if link == "REFERENCES"
            else ")"
        ),
        f"CREATE TABLE merkzettel (kunden_nr {number}, artikel_nr {text}, datum TIMESTAMP NULL)",
    )
    shop.execute("INSERT INTO kunden VALUES (:n, 'K', NULL)", rows=[{"n": n} for n in range(1, 5)])
    articles = [{"n": f"00{n}", "b": f"Ding {n}"} for n in range(1, 7)]
    shop.execute("INSERT INTO artikel VALUES (:n, :b, 1)", rows=articles)
    orders = [{"n": n, "k": n % 4 + 1, "z": "storniert" if n % 5 == 0 else "bezahlt"} for n in range(1, 21)]
    shop.execute(
        "INSERT INTO bestellungen VALUES (:n, :k, '2026-11-01 10:00:00', '2026-11-03 10:00:00', :z)",
        rows=orders,
    )
    lines = [{"n": 2 * n + i, "b": n, "a": f"00{(n % 4 + i) % 6 + 1}"} for n in range(1, 21) for i in (0, 1)]
    shop.execute("INSERT INTO positionen VALUES (:n, :b, :a, 1, 2.50)", rows=lines)
    shop.execute(
        "INSERT INTO merkzettel VALUES (:k, '001', '2026-11-01 10:00:00')",
        rows=[{"k": k} for k in range(1, 5)],
    )
    return shop


def sql(shop, name):
    return (shop.folder / "sql" / name).read_text(encoding="utf-8")


def words(text):
    return " ".join(re.sub(r"--.*", "", text).replace('"', "").replace("`", "").split())


@pytest.mark.each_database
@pytest.mark.parametrize("links", [True, False])
def test_orders_and_lines_are_found_by_links_or_names(tmp_path, database_url, links):
    shop = german_shop(tmp_path, database_url, links=links)
    said = shop.does("init", "--url", database_url, "--yes")
    sales = sql(shop, "sales.sql")
    assert words(sales) == (
        "SELECT o.kunden_nr AS customer_id, l.artikel_nr AS item_id, o.bestelldatum AS sold_at,"
        " l.menge AS quantity, l.einzelpreis AS price, o.best_nr AS order_id"
        " FROM positionen AS l JOIN bestellungen AS o ON o.best_nr = l.best_nr"
        " WHERE o.bestelldatum >= :since AND o.zustand IN ('bezahlt')"
    )
    assert words(sql(shop, "items.sql")) == (
        "SELECT p.artikel_nr AS item_id, p.bezeichnung AS name, p.aktiv AS sellable FROM artikel AS p"
    )
    # The owner finds the values of the status beside the condition to decide on.
    assert "--     'bezahlt'  (16 rows)\n  --     'storniert'  (4 rows)\n" in sales
    assert "  To decide: which values of bestellungen.zustand mean that it was really sold" in said
    # The first sales, with names.
    assert re.search(r"\n  [1-4] +00[1-6] +Ding [1-6] +2026-11-01", said)
    assert f"Created {ALL_TABLES}." in said
    assert f"Next: decide what is TO DECIDE in {shop.folder / 'sql'}, then `recommend check`." in said
    assert len(shop.decides()) == 1
    assert shop.recommend("run").code is ExitCode.DONE
    assert len(shop.rows("SELECT DISTINCT customer_id FROM recommendations")) == 4


@pytest.mark.each_database
def test_an_open_matter_keeps_the_nights_from_the_guess(tmp_path, database_url):
    shop = german_shop(tmp_path, database_url)
    shop.does("init", "--url", database_url, "--yes")
    path = shop.folder / "sql" / "sales.sql"
    before = path.read_text(encoding="utf-8")
    number = 1 + next(n for n, line in enumerate(before.splitlines()) if "-- TO DECIDE: " in line)
    for call in (["run"], ["run", "--force"], ["export"]):
        said = shop.fails(ExitCode.SETTINGS, *call)
        assert (
            f"To be decided first: {path}, line {number}: which values of bestellungen.zustand mean" in said
        )
    # What is there is left as it is, and told again.
    said = shop.does("init", "--yes")
    assert "All tables are there and fit." in said
    assert "Next: decide what is TO DECIDE" in said
    assert path.read_text(encoding="utf-8") == before
    assert len(shop.decides()) == 1
    assert "Next:" not in shop.does("init", "--yes")
    assert shop.recommend("run").code is ExitCode.DONE
    assert shop.last_run.manifest.counts["sales"] == 32


def status_of(tmp_path, *statuses):
    """The last condition of the guess at a shop whose orders have these, and the matters that are open."""
    shop = german_shop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
    numbers = [{"n": n, "z": statuses[n % len(statuses)]} for n in range(1, 21)]
    shop.execute("UPDATE bestellungen SET zustand = :z WHERE best_nr = :n", rows=numbers)
    shop.does("init", "--url", shop.url, "--yes")
    return words(sql(shop, "sales.sql")).partition(":since")[2].strip(), shop.decides()


@pytest.mark.parametrize(
    ("statuses", "condition"),
    [
        (("paid", "unpaid", "Shipped", "refunded"), "IN ('Shipped', 'paid')"),
        (("neu", "Storniert"), "IN ('neu')"),
        (("3", "7"), "IN ('3', '7')"),
        (("bezahlt", None), "IN ('bezahlt')"),
    ],
)
def test_the_words_of_statuses_propose_which_are_sales(tmp_path, statuses, condition):
    found, matters = status_of(tmp_path, *statuses)
    assert found == f"AND o.zustand {condition}"
    assert len(matters) == 1


@pytest.mark.parametrize("status", ["open", None])
def test_a_status_of_one_value_leaves_nothing_to_decide(tmp_path, status):
    assert status_of(tmp_path, status) == ("", [])


def test_of_too_many_statuses_none_is_taken(tmp_path):
    shop = german_shop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
    shop.execute(
        "INSERT INTO bestellungen VALUES (:n, 1, '2026-11-01 10:00:00', NULL, :z)",
        rows=[{"n": n, "z": f"paid {n}"} for n in range(100, 150)],
    )
    shop.does("init", "--url", shop.url, "--yes")
    assert "AND" not in words(sql(shop, "sales.sql"))
    (matter,) = shop.decides()
    assert "which values of bestellungen.zustand" in matter


FLAGS = {
    # What the table of articles has beside `aktiv`, the value of article 006 (all others have the first), and
    # what becomes of it.
    "gesperrt": ("BOOLEAN", "false", "true", "gesperrt = {true}"),
    "is_hidden": ("INTEGER", "0", "1", "is_hidden = 1"),
    "visible": ("INTEGER", "1", "0", "visible = 0"),
    "Blocked": ("VARCHAR(3)", "'no'", "'yes'", "Blocked = 'yes'"),
    "deleted_at": ("TIMESTAMP NULL", "NULL", "'2026-01-01 10:00:00'", "a time in deleted_at"),
}


@pytest.mark.each_database
@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_that_may_mean_not_for_sale_is_an_open_matter(tmp_path, database_url, name):
    kind, usual, last, meaning = FLAGS[name]
    shop = german_shop(tmp_path, database_url)
    quoted = f"`{name}`" if database_url.startswith("mysql") else f'"{name}"'
    shop.execute(
        f"ALTER TABLE artikel ADD COLUMN {quoted} {kind}",
        f"UPDATE artikel SET {quoted} = {usual}",
        f"UPDATE artikel SET {quoted} = {last} WHERE artikel_nr = '006'",
        "UPDATE artikel SET aktiv = 0 WHERE artikel_nr = '005'",
    )
    shop.does("init", "--url", database_url, "--yes")
    found = {key: int(sellable) for key, _, sellable, *_ in shop.rows(sql(shop, "items.sql"))}
    assert found == {**dict.fromkeys(("001", "002", "003", "004"), 1), "005": 0, "006": 0}
    matters = [matter for matter in shop.decides() if "not for sale" in matter]
    true = "1" if database_url.startswith("mysql") else "true"  # which has no type for truth
    expected = (
        f"whether {meaning.format(true=true)} means not for sale, as this query takes it (1 of the items)"
    )
    assert matters == [f"-- TO DECIDE: {expected}."]


@pytest.mark.parametrize(
    "column",
    ["deletable INTEGER", "inaktiv_seit INTEGER", "blocks INTEGER", "hidden_by VARCHAR(9)", "aktiv_bis DATE"],
)
def test_what_only_sounds_like_a_flag_is_none(tmp_path, column):
    shop = german_shop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
    name = column.split()[0]
    shop.execute(f"ALTER TABLE artikel ADD COLUMN {column}", f"UPDATE artikel SET {name} = 20260101")
    shop.does("init", "--url", shop.url, "--yes")
    assert "p.aktiv AS sellable" in words(sql(shop, "items.sql"))
    assert not [matter for matter in shop.decides() if "not for sale" in matter]


def test_a_flag_of_what_is_off_is_none_of_what_is_on(tmp_path):
    """`inaktiv` holds `aktiv`."""
    shop = german_shop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
    shop.execute("ALTER TABLE artikel RENAME COLUMN aktiv TO inaktiv")
    shop.does("init", "--url", shop.url, "--yes")
    assert "CASE WHEN p.inaktiv IN (1) THEN 0 ELSE 1 END AS sellable" in words(sql(shop, "items.sql"))


@pytest.mark.each_database
def test_one_table_with_everything_and_hostile_names(tmp_path, database_url):
    quote = "`" if database_url.startswith("mysql") else '"'

    def q(name):
        return f"{quote}{name}{quote}"

    shop = unknown_shop(
        tmp_path,
        database_url,
        f"CREATE TABLE {q('Order Lines')} ({q('Line ID')} INTEGER PRIMARY KEY, {q('UserID')} VARCHAR(20),"
        f" {q('ProductCode')} VARCHAR(20) NOT NULL, {q('order')} INTEGER, {q('OrderDate')} TIMESTAMP NULL,"
        f" {q('a;b')} INTEGER, {q('E-Mail')} VARCHAR(50))",
    )
    rows = [{"n": n, "u": None if n == 1 else f"u{n % 3}", "p": f"p{n % 3}"} for n in range(1, 30)]
    shop.execute(
        f"INSERT INTO {q('Order Lines')} VALUES (:n, :u, :p, 1, '2026-11-01 10:00:00', 1, 'a@b.c')", rows=rows
    )
    said = shop.does("init", "--url", database_url, "--yes")
    assert words(sql(shop, "sales.sql")) == (
        "SELECT l.UserID AS customer_id, l.ProductCode AS item_id, l.OrderDate AS sold_at,"
        " l.order AS order_id, l.E-Mail AS guest_email FROM Order Lines AS l WHERE l.OrderDate >= :since"
    )
    assert "To decide: the table of products" in said
    assert len(shop.decides()) == 1 + ("a few values" in sql(shop, "sales.sql"))
    assert shop.recommend("run").code is ExitCode.DONE
    assert shop.last_run.manifest.counts["guest_sales"] == 1


def test_a_schema_beside_the_usual_one_is_looked_at(tmp_path, postgresql):
    url = postgresql.create_database()
    shop = unknown_shop(
        tmp_path,
        url,
        "CREATE SCHEMA buy",
        "CREATE TABLE buy.sales (id BIGINT PRIMARY KEY, client_id UUID, sku TEXT, sold_on TIMESTAMPTZ)",
        "INSERT INTO buy.sales VALUES (1, '4f3b36a6-6f6d-4d35-8a54-4e0a9f9f6c10', 'x', now())",
    )
    shop.does("init", "--url", url, "--yes")
    assert "FROM buy.sales AS l" in sql(shop, "sales.sql")
    assert "l.client_id IS NOT NULL" in sql(shop, "sales.sql")


def test_nothing_that_looks_like_sales(tmp_path, database_url):
    shop = unknown_shop(
        tmp_path, database_url, "CREATE TABLE notes (id INTEGER PRIMARY KEY, words VARCHAR(9))"
    )
    shop.execute("INSERT INTO notes VALUES (1, 'a')")
    line = shop.fails(ExitCode.SETTINGS, "init", "--url", database_url, "--yes")
    assert "No table that has rows looks like sales" in line
    assert sql(shop, "sales.sql").startswith("-- An example: no table looked like sales.")
    assert sum("nothing of this is of your shop" in matter for matter in shop.decides()) == 2
    assert "notes (1 rows)" in sql(shop, "items.sql")
    assert "recommendations" not in shop.dump()


def test_a_missing_query_alone_is_written(tmp_path, database_url):
    shop = german_shop(tmp_path, database_url)
    (shop.folder / "sql").mkdir()
    own = "SELECT artikel_nr AS item_id, 'x' AS name, 1 AS sellable FROM artikel\n"
    (shop.folder / "sql" / "items.sql").write_text(own, encoding="utf-8")
    shop.does("init", "--url", database_url, "--yes")
    assert sql(shop, "items.sql") == own
    assert "positionen" in sql(shop, "sales.sql")


@pytest.mark.each_database
def test_a_status_that_would_end_the_comment_does_not(tmp_path, database_url):
    shop = german_shop(tmp_path, database_url)
    shop.execute("UPDATE bestellungen SET zustand = :z WHERE best_nr = 1", rows=[{"z": "x'\n; DROP TABLE a"}])
    shop.does("init", "--url", database_url, "--yes")
    assert "'x''?; DROP TABLE a'" in sql(shop, "sales.sql")
    shop.decides()
    assert shop.recommend("run").code is ExitCode.DONE


# What cannot be read


@pytest.mark.each_database
def test_a_view_over_a_dropped_table_is_passed_over(tmp_path, database_url):
    shop = german_shop(tmp_path, database_url)
    shop.execute("CREATE TABLE gone (id INTEGER)", "CREATE VIEW old_orders AS SELECT * FROM gone")
    if not database_url.startswith("postgresql"):  # which lets no table go that a view needs
        shop.execute("DROP TABLE gone")
        assert shop_tables(database_of(database_url)).unread == ["old_orders"]
    shop.does("init", "--url", database_url, "--yes")
    assert "FROM positionen AS l" in sql(shop, "sales.sql").replace("`", "")


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_only_what_the_user_may_read_is_proposed(tmp_path, request, kind):
    server = request.getfixturevalue(kind)
    owner = german_shop(tmp_path, server.create_database())
    # A table of everything, which would win if it could be read.
    owner.execute(
        "CREATE TABLE sales (customer_id INTEGER, product_id INTEGER, sold_at TIMESTAMP NULL, qty INTEGER)",
        *["INSERT INTO sales VALUES (1, 2, '2026-11-01 10:00:00', 1)"] * 3,
    )
    database, name = sa.make_url(owner.url).database, own_name("half_reader")
    if kind == "postgresql":
        server.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'pw'")
        owner.execute(
            f"GRANT SELECT ON artikel, positionen TO {name}",
            f"GRANT SELECT (best_nr, kunden_nr, bestelldatum) ON bestellungen TO {name}",
            f"GRANT INSERT ON sales TO {name}",
            "ANALYZE",  # so that the catalogue knows how many rows there are
        )
    else:
        user = f"{name}@'127.0.0.1'"
        server.execute(f"CREATE USER {user} IDENTIFIED BY 'pw'")
        for table in ("artikel", "positionen", "bestellungen"):
            server.execute(f"GRANT SELECT ON {database}.{table} TO {user}")
        server.execute(f"GRANT INSERT ON {database}.sales TO {user}")
    shop = Shop(owner.folder, server.url(str(database), name, "pw"))
    outcome = shop.recommend("init", "--url", shop.url, "--yes")
    left_out = re.search(r"Left out, since this user cannot read them: (.*)\.\n", outcome.out)
    assert left_out
    assert "sales" in left_out[1]
    assert "FROM positionen AS l" in sql(shop, "sales.sql").replace("`", "")
    # A column that may not be read would make the whole query fail.
    assert ("zustand" in sql(shop, "sales.sql")) is (kind == "mariadb")
    assert "The newest sales, as they are read" in outcome.out


def test_without_any_table_to_read_their_names_are_told(tmp_path, postgresql):
    owner = german_shop(tmp_path, postgresql.create_database())
    name = own_name("no_reader")
    postgresql.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'pw'")
    shop = Shop(owner.folder, postgresql.url(str(sa.make_url(owner.url).database), name, "pw"))
    outcome = shop.recommend("init", "--url", shop.url, "--yes")
    assert outcome.code is ExitCode.SETTINGS
    assert "cannot read them: artikel, bestellungen, kunden, merkzettel, positionen." in outcome.out
    assert "-- These could not be read: artikel" in sql(shop, "sales.sql")


# Times as integers


@pytest.mark.each_database
@pytest.mark.parametrize("factor", [1, 1000])
def test_times_that_are_integers_are_converted(tmp_path, database_url, factor):
    number = "INTEGER" if database_url.startswith("sqlite") else "BIGINT"
    shop = unknown_shop(
        tmp_path,
        database_url,
        f"CREATE TABLE orders (order_id INTEGER PRIMARY KEY, customer_id INTEGER, created {number})",
        "CREATE TABLE order_lines (id INTEGER PRIMARY KEY, order_id INTEGER, product_id INTEGER, qty REAL)",
    )
    # 2026-11-01 20:00 UTC, which is the next day at 9 in Auckland; and what lies before every window.
    moments = {1: 1_793_563_200 * factor, 2: 1_793_563_200 * factor, 3: 946_684_800 * factor, 4: 0}
    shop.execute(
        "INSERT INTO orders VALUES (:n, :c, :t)",
        rows=[{"n": n, "c": n % 2 + 1, "t": moment} for n, moment in moments.items()],
    )
    shop.execute(
        "INSERT INTO order_lines VALUES (:n, :n, :p, 1)", rows=[{"n": n, "p": 10 + n % 3} for n in moments]
    )
    shop.set(DATABASE_URL=database_url, SHOP_TIMEZONE="Pacific/Auckland")
    said = shop.does("init", "--yes")
    assert re.search(r"11 +2026-11-02 09:00\n", said)
    assert len(shop.decides()) == 1
    assert "o.created >= " in sql(shop, "sales.sql").replace("`", "").replace('"', "")
    run = shop.night(date(2026, 11, 2))
    lines = gzip.decompress(run.path("sales.csv.gz").read_bytes()).decode().splitlines()
    assert [line.split(",")[2] for line in lines] == ['"sold_at"', *["2026-11-01 20:00:00.000000Z"] * 2]


def test_integers_that_are_no_times_stay_numbers(tmp_path):
    shop = unknown_shop(
        tmp_path,
        f"sqlite:///{tmp_path / 'shop.db'}",
        "CREATE TABLE orders (order_id INTEGER PRIMARY KEY, customer_id INTEGER, order_date INTEGER,"
        " product_id INTEGER, stamp_count INTEGER, paid INTEGER)",
        "INSERT INTO orders VALUES (1, 1, 20261125, 1, 7, 1)",
    )
    tables = shop_tables(database_of(shop.url)).tables
    found = with_epochs(database_of(shop.url), tables)
    assert found == tables


# Odd tables


def odd_shop(tmp_path, url):
    """Short names, a foreign key as the only hint, guests as customer 0, flags and statuses as letters."""
    shop = unknown_shop(
        tmp_path,
        url,
        "CREATE TABLE ks_customer (nr INTEGER PRIMARY KEY, mail VARCHAR(40))",
        "CREATE TABLE ks_article (code VARCHAR(8) PRIMARY KEY, title VARCHAR(40), online CHAR(1))",
        "CREATE TABLE ks_order (oid INTEGER PRIMARY KEY, who INTEGER NOT NULL, mail VARCHAR(40),"
        " dt TIMESTAMP NULL, st CHAR(1) NOT NULL, FOREIGN KEY (who) REFERENCES ks_customer (nr))",
        "CREATE TABLE ks_order_pos (pid INTEGER PRIMARY KEY, oid INTEGER, what VARCHAR(8), n INTEGER,"
        " FOREIGN KEY (what) REFERENCES ks_article (code), FOREIGN KEY (oid) REFERENCES ks_order (oid))",
        "CREATE TABLE ks_returns (rid INTEGER PRIMARY KEY, oid INTEGER, pid INTEGER)",
        "INSERT INTO ks_returns VALUES (1, 1, 1)",
        "INSERT INTO ks_article VALUES ('a', 'Tea', 'Y'), ('b', 'Cup', 'Y'), ('c', 'Gone', 'N')",
    )
    customers = [{"n": n} for n in range(4)]
    shop.execute("INSERT INTO ks_customer VALUES (:n, 'x')", rows=customers)
    shop.execute(
        "INSERT INTO ks_order VALUES (:n, :c, 'g@example.org', '2026-11-01 10:00:00', :s)",
        rows=[{"n": n, "c": n % 4, "s": "S" if n % 5 else "X"} for n in range(1, 21)],
    )
    shop.execute(
        "INSERT INTO ks_order_pos VALUES (:n, :n, :a, 1)",
        rows=[{"n": n, "a": "caba"[n % 4]} for n in range(1, 21)],
    )
    return shop


@pytest.mark.each_database
def test_foreign_keys_and_values_tell_what_names_do_not(tmp_path, database_url):
    shop = odd_shop(tmp_path, database_url)
    said = shop.does("init", "--url", database_url, "--yes")
    text = sql(shop, "sales.sql")
    is_sqlite = database_url.startswith("sqlite")
    customer = "(SELECT o.who WHERE o.who <> 0)" if is_sqlite else "NULLIF(o.who, 0)"
    assert words(text) == (
        f"SELECT {customer} AS customer_id, l.what AS item_id, o.dt AS sold_at, o.oid AS order_id,"
        " o.mail AS guest_email FROM ks_order_pos AS l JOIN ks_order AS o ON o.oid = l.oid"
        " WHERE o.dt >= :since"
    )
    assert words(sql(shop, "items.sql")) == (
        "SELECT p.code AS item_id, p.title AS name, CASE WHEN p.online IN ('Y') THEN 1 ELSE 0 END AS sellable"
        " FROM ks_article AS p"
    )
    plain = text.replace("`", "").replace('"', "")
    assert "  --     o.st: 'S', 'X'\n" in plain
    assert "  -- AND o.st IN ('S', 'X')\n" in plain
    assert "-- Not used: l.pid, l.n, o.st\n" in plain
    assert "looks like returns: ks_returns (1 rows): rid, oid, pid" in plain
    assert "whether ks_returns holds what came back" in said
    assert "Not found: the quantity, where a column of ks_order_pos has it" in said
    status, returns = shop.decides()
    assert "whether one of o.st tells what was cancelled" in status
    assert "whether ks_returns holds what came back" in returns
    assert shop.recommend("run").code is ExitCode.DONE
    counts = shop.last_run.manifest.counts
    assert (counts["sales"], counts["guest_sales"], counts["sellable_items"]) == (20, 5, 2)


@pytest.mark.parametrize("kind", ["INTEGER", "VARCHAR(20)"])
def test_a_shop_where_all_are_guests_is_set_up(tmp_path, database_url, kind):
    """Nobody has a key as yet: SQLite knows the type of a column, and none of what a function makes of it."""
    nobody = 0 if kind == "INTEGER" else ""
    shop = unknown_shop(
        tmp_path,
        database_url,
        f"CREATE TABLE sales (customer_id {kind}, guest_email VARCHAR(40), item_id INTEGER,"
        " sold_at TIMESTAMP)",
        "CREATE TABLE items (item_id INTEGER, name VARCHAR(40), sellable INTEGER)",
        "INSERT INTO items VALUES (1, 'Tea', 1), (2, 'Cup', 1)",
    )
    shop.execute(
        "INSERT INTO sales VALUES (:nobody, 'g@example.org', 1, '2026-11-01 10:00:00')",
        rows=[{"nobody": nobody}],
    )
    said = shop.does("init", "--url", database_url, "--yes")
    assert f"Created {ALL_TABLES}." in said
    refused = shop.recommend("run")
    assert (refused.code, "are guests" in refused.err) == (ExitCode.REFUSED, True)
    assert shop.recommend("check").code is ExitCode.REFUSED
    # The first customer with an account.
    shop.execute(
        "INSERT INTO sales VALUES (:somebody, NULL, 1, '2026-11-01 11:00:00')",
        rows=[{"somebody": 7 if kind == "INTEGER" else "c7"}],
    )
    assert shop.recommend("run").code is ExitCode.DONE
    assert shop.rows("SELECT item_id FROM recommendations") == [(2,)]


@pytest.mark.parametrize("first", ["sold_at", "sold_qty", "sale_price", "order_date", "ordered_on"])
def test_no_column_of_another_kind_is_taken_for_the_order(tmp_path, first):
    """Whatever stands first in the table, as its name speaks of sales too."""
    types = {"sold_at": "TEXT", "sold_qty": "INTEGER", "sale_price": "INTEGER", "order_no": "INTEGER"}
    types = {first: "TEXT"} | types | {"customer_id": "INTEGER", "item_id": "INTEGER"}
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    shop = unknown_shop(
        tmp_path,
        url,
        f"CREATE TABLE sales ({', '.join(f'{name} {kind}' for name, kind in types.items())})",
        "CREATE TABLE items (item_id INTEGER, name TEXT, sellable INTEGER)",
        "INSERT INTO items VALUES (1, 'Tea', 1), (2, 'Cup', 1)",
    )
    values = {"sold_at": "2026-11-01 10:00:00", "sold_qty": 2, "sale_price": 5, "order_no": 9}
    values = {first: "2026-11-01"} | values | {"customer_id": 1, "item_id": 1}
    marks = ", ".join(f":{name}" for name in types)
    shop.execute(f"INSERT INTO sales VALUES ({marks})", rows=[values])
    shop.does("init", "--url", url, "--yes")
    assert "l.order_no AS order_id" in words(sql(shop, "sales.sql"))


@pytest.mark.each_database
@pytest.mark.parametrize(
    "kind", ["REAL", "DOUBLE PRECISION", "FLOAT", "NUMERIC(10, 3)", "DECIMAL(10, 0)", "INTEGER"]
)
def test_a_quantity_of_any_type_of_numbers_is_read(tmp_path, database_url, kind):
    """Left out, it would make a sale of each return."""
    shop = unknown_shop(
        tmp_path,
        database_url,
        f"CREATE TABLE sales (customer_id INTEGER, item_id INTEGER, sold_at TIMESTAMP, quantity {kind},"
        f" price {kind})",
        "INSERT INTO sales VALUES (1, 1, '2026-11-01 10:00:00', -1, 5)",
    )
    shop.does("init", "--url", database_url, "--yes")
    assert "l.quantity AS quantity, l.price AS price" in words(sql(shop, "sales.sql"))


def test_a_status_of_late_is_listed_too(tmp_path, monkeypatch):
    """Whether a column has a few values is told by the oldest rows alone, their values by all."""
    monkeypatch.setattr("recommender.setup.proposal.querywriter._LOOKED_AT", 10)
    shop = odd_shop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
    shop.execute("UPDATE ks_order SET st = 'R' WHERE oid = 20")
    shop.does("init", "--url", shop.url, "--yes")
    assert "--     o.st: 'S', 'X', 'R'\n" in sql(shop, "sales.sql").replace('"', "")


# .env


def test_env_is_written_whole_private_and_usable(tmp_path, database_url, monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Vienna")
    shop = german_shop(tmp_path, database_url)
    said = shop.does("init", "--url", database_url, "--yes")
    assert shop.env_file.stat().st_mode & 0o777 == 0o600
    values = read_env_file(shop.env_file)[0]
    assert values.keys() == {"DATABASE_URL", "SHOP_TIMEZONE", "GUEST_KEY", "FORGET_KEY"}
    assert values["DATABASE_URL"] == database_url
    assert values["SHOP_TIMEZONE"] == "Europe/Vienna"
    assert re.fullmatch(r"[0-9a-f]{64}", values["GUEST_KEY"])
    assert values["GUEST_KEY"] not in said
    password = sa.make_url(database_url).password
    assert not password or password not in said
    text = shop.env_file.read_text(encoding="utf-8")
    assert "#REPEAT_PURCHASES=exclude\n" in text
    before = text, sql(shop, "sales.sql"), shop.dump()
    shop.does("init", "--url", database_url, "--yes")
    assert (shop.env_file.read_text(encoding="utf-8"), sql(shop, "sales.sql"), shop.dump()) == before


def test_repeats_are_measured_and_recommended(tmp_path, database_url):
    shop = german_shop(tmp_path, database_url)
    # Every line again a week later, so that half of all are repeats, and a return, which is none.
    shop.execute(
        "INSERT INTO bestellungen SELECT best_nr + 100, kunden_nr, '2026-11-08 10:00:00', NULL, zustand"
        " FROM bestellungen",
        "INSERT INTO positionen SELECT pos_nr + 100, best_nr + 100, artikel_nr, 1, 2.5 FROM positionen",
        "INSERT INTO positionen VALUES (999, 101, '001', -1, 2.5)",
    )
    said = shop.does("init", "--url", database_url, "--yes")
    assert "Set REPEAT_PURCHASES=include: 50% of the sale lines are of an item" in said
    assert read_env_file(shop.env_file)[0]["REPEAT_PURCHASES"] == "include"
    # A file that was there is left alone.
    text = shop.env_file.read_text(encoding="utf-8")
    shop.env_file.write_text(text.replace("REPEAT_PURCHASES=include", ""), encoding="utf-8")
    assert "Consider REPEAT_PURCHASES=include in .env: 50%" in shop.does("init", "--yes")
    assert "REPEAT_PURCHASES" not in read_env_file(shop.env_file)[0]
    code, seen = answered(shop, "y")
    assert code is ExitCode.DONE, seen
    assert read_env_file(shop.env_file)[0]["REPEAT_PURCHASES"] == "include"


def test_without_an_address_it_is_asked_for_in_words(tmp_path):
    shop = Shop(tmp_path, "")
    assert "recommend init --url" in shop.fails(ExitCode.SETTINGS, "init", "--yes")
    assert list(tmp_path.iterdir()) == []


def test_an_address_where_nothing_answers_leaves_nothing(tmp_path):
    shop = Shop(tmp_path, "")
    shop.fails(ExitCode.DATABASE, "init", "--yes", "--url", "sqlite:///absent.db")
    assert list(tmp_path.iterdir()) == []


def test_another_address_than_is_set_is_refused(tmp_path, monkeypatch):
    shop = Shop(tmp_path, "").set(DATABASE_URL="sqlite:///a.db")
    before = shop.env_file.read_bytes()
    assert "another database" in shop.fails(ExitCode.SETTINGS, "init", "--yes", "--url", "sqlite:///b.db")
    assert shop.env_file.read_bytes() == before
    monkeypatch.setenv("DATABASE_URL", "sqlite:///c.db")
    assert "another database" in shop.fails(ExitCode.SETTINGS, "init", "--yes", "--url", "sqlite:///a.db")


def test_a_missing_address_is_appended_to_a_file_that_is_there(tmp_path):
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    shop = german_shop(tmp_path, url)
    shop.set(TOP_N=7)
    shop.env_file.chmod(0o644)
    assert f"Made {shop.env_file} private" in shop.does("init", "--yes", "--url", url)
    assert shop.env_file.stat().st_mode & 0o777 == 0o600
    values = read_env_file(shop.env_file)[0]
    assert len(values.pop("FORGET_KEY")) == 64
    assert values == {"TOP_N": "7", "DATABASE_URL": url}


def test_an_address_in_a_file_of_its_own_counts_as_set(tmp_path):
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    shop = german_shop(tmp_path, url).set(DATABASE_URL_FILE="address", FORGET_KEY="f" * 32)
    assert "DATABASE_URL_FILE" in shop.fails(ExitCode.SETTINGS, "init", "--yes", "--url", url)
    (shop.folder / "address").write_text(f"{url}\n", encoding="utf-8")
    before = shop.env_file.read_bytes()
    assert "Created" in shop.does("init", "--yes", "--url", url.replace("sqlite:", "sqlite+pysqlite:"))
    assert shop.env_file.read_bytes() == before


def test_what_the_environment_says_is_not_written(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    shop = german_shop(tmp_path, url)
    monkeypatch.setenv("DATABASE_URL", url)
    for name in ("GUEST_KEY", "FORGET_KEY"):
        monkeypatch.setenv(name, "x" * 32)
    monkeypatch.setenv("SHOP_TIMEZONE", "UTC")
    shop.does("init", "--yes")
    assert read_env_file(shop.env_file)[0] == {}
    assert os.environ["GUEST_KEY"] not in shop.env_file.read_text(encoding="utf-8")


# A terminal


def answered(shop, *answers):
    """What a terminal shows of `init` when its user types these answers, and the exit code."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "recommender", "init"],
        cwd=shop.folder,
        env={"PYTHONPATH": str(ROOT), "TERM": "xterm", "TZ": "Europe/Vienna"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    ) as process:
        os.close(follower)
        # A question more than there are answers meets the end of the input.
        os.write(leader, "".join(f"{answer}\n" for answer in answers).encode() + b"\x04" * 3)
        seen = b""
        with contextlib.suppress(OSError):  # Linux: the last writer has gone
            while piece := os.read(leader, 4096):
                seen += piece
        os.close(leader)
    return ExitCode(process.returncode), seen.decode().replace("\r", "")


def test_on_a_terminal_what_cannot_be_found_out_is_asked(tmp_path):
    shop = german_shop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
    code, seen = answered(shop, shop.url, "", "", "n")
    assert code is ExitCode.DONE
    assert "The shop's time zone [Europe/Vienna]:" in seen
    assert "No table was made. Finish the queries" in seen
    assert "recommendations" not in shop.dump()
    # Again: nothing is asked twice.
    code, seen = answered(shop, "n")
    assert code is ExitCode.DONE
    assert "The shop's" not in seen
    assert "Missing: recommendations, buy_again," in seen
    assert "CREATE TABLE" not in seen
    code, seen = answered(shop, "what?", "s", "y")
    assert "CREATE TABLE recommendations" in seen
    assert "Created recommendations" in seen
    assert read_env_file(shop.env_file)[0]["SHOP_TIMEZONE"] == "Europe/Vienna"


@pytest.mark.each_database
def test_on_a_terminal_what_only_the_owner_can_tell_is_asked(tmp_path, database_url):
    shop = german_shop(tmp_path, database_url)
    shop.execute(
        "UPDATE bestellungen SET zustand = 'offen' WHERE best_nr IN (1, 2)",
        "UPDATE bestellungen SET zustand = NULL WHERE best_nr = 3",
        "ALTER TABLE artikel ADD COLUMN gesperrt BOOLEAN",
        "ALTER TABLE artikel ADD COLUMN visible INTEGER",
        "UPDATE artikel SET gesperrt = false, visible = 1",
        "UPDATE artikel SET gesperrt = true WHERE artikel_nr = '006'",
        "CREATE TABLE retouren (nr INTEGER PRIMARY KEY)",
        "INSERT INTO retouren VALUES (1)",
    )
    zones, numbers, flags = ("Berlin", "Europe/Berlin"), ("1,9", "bezalt", "1, 4"), ("", "n")
    schema = ("y", "No schema", "recommend") if database_url.startswith("postgresql") else ()
    code, seen = answered(shop, shop.url, *zones, *numbers, "n", *flags, "y", *schema, "y")
    if schema:
        assert "Our tables can have a schema of their own" in seen
        assert seen.count("Their schema [public]: Error: Type a name of small letters") == len(schema) - 1
        assert read_env_file(shop.env_file)[0]["TARGET_SCHEMA"] == "recommend"
        assert shop.rows("SELECT count(*) FROM recommend.recommendations") == [(0,)]
    assert code is ExitCode.DONE, seen
    assert "There is no time zone Berlin. Did you mean Europe/Berlin?" in seen
    listed = "1 'bezahlt' (13 rows) 2 'storniert' (4 rows) 3 'offen' (2 rows) 4 NULL (1 rows)"
    seen = " ".join(seen.split())
    assert f"Which of these values of bestellungen.zustand are sales? {listed} Their numbers [1]: " in seen
    assert "Error: 9 is not a number from 1 to 4." in seen
    assert "Error: bezalt is not a number from 1 to 4. Did you mean 1, 'bezahlt' (13 rows)?" in seen
    assert "retouren looks like returns. Does it hold what came back? [Y/n]" in seen
    true = "1" if database_url.startswith("mysql") else "true"
    assert f"gesperrt = {true} (1 of the items): is that not for sale? [Y/n]" in seen
    assert "visible = 0 (0 of the items): is that not for sale? [Y/n]" in seen
    assert "To decide" not in seen
    assert "Next: `recommend check`." in seen
    assert words(sql(shop, "sales.sql")).endswith("AND (o.zustand IN ('bezahlt') OR o.zustand IS NULL)")
    sellable = {key: int(is_sold) for key, _, is_sold, *_ in shop.rows(sql(shop, "items.sql"))}
    assert sellable == {**dict.fromkeys(("001", "002", "003", "004", "005"), 1), "006": 0}
    assert "visible" not in words(sql(shop, "items.sql"))
    assert shop.recommend("check").code is ExitCode.DONE
    assert shop.decides() == []


def test_an_answer_that_needs_work_leaves_its_line(tmp_path):
    shop = german_shop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
    shop.execute("CREATE TABLE retouren (nr INTEGER PRIMARY KEY)", "INSERT INTO retouren VALUES (1)")
    code, seen = answered(shop, shop.url, "", "1-2", "y", "y", "y")
    assert code is ExitCode.DONE, seen
    assert "Next: decide what is TO DECIDE" in seen
    assert "AND o.zustand IN ('bezahlt', 'storniert')" in words(sql(shop, "sales.sql"))
    (matter,) = shop.decides()
    assert "whether retouren holds what came back" in matter


def test_which_column_tells_what_was_sold_is_asked_where_none_is_named_so(tmp_path):
    shop = odd_shop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
    code, seen = answered(shop, shop.url, "", "1", "1", "n", "y", "y")
    assert code is ExitCode.DONE, seen
    question = "Does one of these tell what was cancelled or never paid? Its number, or - for none"
    assert f"{question} 1 ks_order.st: 'S', 'X' Their numbers [-]: " in " ".join(seen.split())
    assert words(sql(shop, "sales.sql")).endswith("AND o.st IN ('S')")
    assert shop.decides() == []


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_an_address_is_asked_for_until_a_database_answers_and_its_password_once(tmp_path, request, kind):
    url = sa.make_url(request.getfixturevalue(kind).create_database())
    shop = german_shop(tmp_path, url.render_as_string(hide_password=False))
    wrong = url.set(database="nowhere").render_as_string(hide_password=False)
    right = f"{url.drivername}://{url.username}@{url.host}:{url.port}/{url.database}"
    code, seen = answered(
        shop, "mysqlite://x", wrong, right, "", "", "y", *[""] * (kind == "postgresql"), "y"
    )
    assert code is ExitCode.DONE, seen
    assert seen.count("Its address: ") == 3
    refused = "which is not supported. Use postgresql://, mysql://, mariadb:// or sqlite:///."
    assert refused in " ".join(seen.split())
    assert sa.make_url(read_env_file(shop.env_file)[0]["DATABASE_URL"]) == url


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_who_may_not_create_tables_is_told_before_anything_is_asked_about_them(tmp_path, request, kind):
    server = request.getfixturevalue(kind)
    owner = german_shop(tmp_path, server.create_database())
    database, user = str(sa.make_url(owner.url).database), own_name("no_maker")
    if kind == "postgresql":
        server.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'pw'")
        owner.execute(
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}",
        )
    else:
        server.execute(
            f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'pw'",
            f"GRANT SELECT ON {database}.* TO {user}@'127.0.0.1'",
        )
    shop = Shop(owner.folder, server.url(database, user, "pw"))
    code, seen = answered(shop, shop.url, "", "", "y", *[""] * (kind == "postgresql"))
    assert code is ExitCode.DATABASE, seen
    path = shop.folder / "sql" / "create_tables.sql"
    said = " ".join(seen.split())
    assert "This user may not create tables in" in said
    assert "CREATE TABLE" not in said
    assert "Create these tables" not in said
    # What the file holds is what makes them, with the rights on them.
    text = path.read_text(encoding="utf-8").partition("\n")[2]
    for statement in text.split(";\n")[:-1]:
        owner.execute(statement)
    assert "All tables are there and fit." in shop.does("init", "--yes")
    shop.night(None)


@pytest.mark.each_database
def test_an_old_shop_is_told_so_and_offered_the_days_that_read_it(tmp_path, database_url):
    shop = german_shop(tmp_path, database_url)
    shop.execute("UPDATE bestellungen SET bestelldatum = '2024-03-12 10:00:00'")
    days = (datetime.now(ZoneInfo("Europe/Vienna")).date() - date(2024, 3, 12)).days
    schema = [""] * database_url.startswith("postgresql")
    code, seen = answered(shop, shop.url, "", "", "y", "y", *schema, "y")
    assert code is ExitCode.DONE, seen
    said = " ".join(seen.split())
    assert f"The newest sale there is of 2024-03-12; HISTORY_DAYS={days} would read it." in said
    assert f"Set HISTORY_DAYS={days + 730}, which reads the 730 days before it too? [Y/n]" in said
    assert "The newest sales, as they are read" in said
    assert read_env_file(shop.env_file)[0]["HISTORY_DAYS"] == str(days + 730)
    assert "There are no sales" not in shop.recommend("check").out


def test_a_dialogue_that_ends_early_leaves_nothing(tmp_path):
    shop = german_shop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
    code, seen = answered(shop, shop.url, "Vienna")
    assert code is not ExitCode.DONE
    assert "There is no time zone Vienna. Did you mean Europe/Vienna?" in seen
    assert list(shop.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("berlin", "Did you mean Europe/Berlin?"),
        ("europe/berlin", "Did you mean Europe/Berlin?"),
        ("Europe/Berln", "Did you mean Europe/Berlin?"),
        ("new york", "Did you mean America/New_York?"),
        ("somewhere else", "Its form is Europe/London or UTC."),
    ],
)
def test_a_zone_that_there_is_not_is_told_with_the_one_that_may_be_meant(typed, meant):
    with pytest.raises(ValueError, match=re.escape(meant)):
        require_zone(typed)


@pytest.mark.parametrize(
    ("zone", "file", "expected"),
    [
        ("Europe/Paris", "Europe/Rome\n", "Europe/Paris"),
        (":Europe/Paris", "", "Europe/Paris"),
        ("", "Europe/Rome\n", "Europe/Rome"),
        ("CET-1CEST", "Europe/Rome\n", "Europe/Rome"),
        ("", "Etc/UTC\n", "UTC"),
        ("", "../secret\n", None),
    ],
)
def test_the_zone_of_the_machine(tmp_path, zone, file, expected):
    (tmp_path / "timezone").write_text(file, encoding="utf-8")
    assert machine_timezone({"TZ": zone}, tmp_path) == expected


# Words


@pytest.mark.parametrize(
    ("name", "expected"),
    [("OrderDate", "order_date"), ("order-date", "order_date"), ("KUNDE", "kunde"), ("E-Mail", "e_mail")],
)
def test_names_in_any_style(name, expected):
    assert plain(name) == expected


def test_keys_and_what_is_beside_them():
    def integer(name):
        return FoundColumn(name, ColumnKind.INTEGER, nullable=False)

    assert all(map(customer_score, map(integer, ("customer_id", "kunde", "UserId", "client_nr"))))
    assert not any(map(customer_score, map(integer, ("customer_name", "user_agent", "status", "used"))))
    assert all(map(item_score, map(integer, ("product_id", "artikel_nr", "sku", "ItemId"))))
    assert not any(map(item_score, map(integer, ("order_item_id", "product_price", "item_count"))))

    def time(name):
        return time_score(FoundColumn(name, ColumnKind.TIME, nullable=False))

    assert time("ordered_at") > time("created_at") > time("updated_at") > 0
    assert time("bestelldatum") > time("lieferdatum")
    assert not time_score(FoundColumn("order_date_format", ColumnKind.INTEGER, nullable=False))


@pytest.mark.parametrize(
    ("column", "table", "expected"),
    [
        ("order_id", "orders", True),
        ("kunde_nr", "tbl_kunden", True),
        ("id", "orders", False),
        ("status", "orders", False),
    ],
)
def test_columns_called_after_tables(column, table, expected):
    assert names_table(column, table) is expected


def test_tables_of_ours_are_no_sales(tmp_path, database_url):
    from recommender.setup.proposal.shoptables import shop_tables

    shop = german_shop(tmp_path, database_url)
    shop.does("init", "--url", database_url, "--yes")
    shop.recommend("run")
    assert {table.name for table in shop_tables(database_of(database_url)).tables} == {
        *("kunden", "artikel", "bestellungen", "positionen", "merkzettel")
    }


def test_a_status_that_cannot_be_grouped_is_left_to_the_owner(postgresql):
    """PostgreSQL's json knows no equality; the proposal must not end for that."""
    url = postgresql.create_database()
    with connection_to(url) as connection, connection.begin():
        for statement in (
            "CREATE TABLE sales (customer_id INT, product_id INT, sold_at TIMESTAMP, status JSON)",
            "INSERT INTO sales VALUES (1, 2, '2026-01-01', '{}')",
        ):
            connection.exec_driver_sql(statement)
    shop = open_database(normalise_url(url))
    proposal = propose(shop, shop_tables(shop).tables)
    assert proposal is not None
    assert "-- AND l.status IN (…)" in proposal.sales_sql


PRODUCTS = {
    # What is known of an item, behind its key and name, and what the first guess makes of it.
    "english": (
        (
            "category_name VARCHAR(40), brand_id INTEGER, brand VARCHAR(40), purchase_price DECIMAL(9, 2),"
            " price DECIMAL(9, 2), price_group VARCHAR(9), url VARCHAR(200), image_url VARCHAR(200),"
            " updated_at TIMESTAMP NULL, created_at TIMESTAMP NULL, active INTEGER"
        ),
        (
            "'Tea', 3, 'Meadow', 2.50, 4.50, 'B', '/assam', '/assam.jpg', '2026-02-02 10:00:00',"
            " '2026-01-02 10:00:00', 1"
        ),
        {
            "category": "category_name",
            "brand": "brand",
            "price": "price",
            "url": "url",
            "image_url": "image_url",
            "added_at": "created_at",
        },
    ),
    "german": (
        (
            "einkaufspreis DECIMAL(9), verkaufspreis DECIMAL(9, 2), hersteller VARCHAR(9), bild VARCHAR(9),"
            " angelegt_am DATE, warengruppe VARCHAR(9), produktlink VARCHAR(9), aktiv INTEGER"
        ),
        "2.50, 4.50, 'Wiese', 'assam.jpg', '2026-01-02', 'Tee', '/assam', 1",
        {
            "category": "warengruppe",
            "brand": "hersteller",
            "price": "verkaufspreis",
            "url": "produktlink",
            "image_url": "bild",
            "added_at": "angelegt_am",
        },
    ),
    "of other types": (
        "brand INTEGER, price VARCHAR(20), url INTEGER, image INTEGER, created_at VARCHAR(9), active INTEGER",
        "3, 'on request', 4, 5, 'last year', 1",
        {},
    ),
    "of other meanings": (
        (
            "brand_logo VARCHAR(200), cost_price DECIMAL(9, 2), price_rule INTEGER, video_url VARCHAR(200),"
            " image_count INTEGER, image_alt VARCHAR(200), updated_at TIMESTAMP NULL, active INTEGER"
        ),
        "'logo.png', 2.50, 4, '/film', 2, 'Tea', '2026-01-02 10:00:00', 1",
        {},
    ),
}


@pytest.mark.each_database
@pytest.mark.parametrize("name", PRODUCTS)
def test_what_else_is_known_of_an_item(tmp_path, database_url, name):
    columns, values, found = PRODUCTS[name]
    active = columns.split()[-2]
    shop = unknown_shop(
        tmp_path,
        database_url,
        f"CREATE TABLE products (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(40), {columns})",
        f"INSERT INTO products VALUES (1, 'Assam', {values})",
        "CREATE TABLE orders (id INTEGER NOT NULL PRIMARY KEY, customer_id INTEGER, sold_at TIMESTAMP NULL)",
        "INSERT INTO orders VALUES (1, 1, '2026-11-01 10:00:00')",
        "CREATE TABLE order_lines (id INTEGER NOT NULL PRIMARY KEY, order_id INTEGER, product_id INTEGER)",
        "INSERT INTO order_lines VALUES (1, 1, 1)",
    )
    shop.does("init", "--url", database_url, "--yes")
    told = "".join(f", p.{column} AS {ours}" for ours, column in found.items())
    text = sql(shop, "items.sql")
    assert (
        words(text)
        == f"SELECT p.id AS item_id, p.name AS name, p.{active} AS sellable{told} FROM products AS p"
    )
    assert ("may be left out" in text) is bool(found)
    (row,) = shop.rows(text)
    assert row[:3] == (1, "Assam", 1)


@pytest.mark.parametrize("factor", [1, 1000])
def test_when_an_item_was_added_may_be_an_integer(tmp_path, database_url, factor):
    seconds = 1_767_348_000  # 2026-01-02 10:00 UTC
    shop = unknown_shop(
        tmp_path,
        database_url,
        "CREATE TABLE products (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(40), created BIGINT)",
        f"INSERT INTO products VALUES (1, 'Assam', {seconds * factor})",
        "CREATE TABLE sales (customer_id INTEGER, product_id INTEGER, sold_at TIMESTAMP NULL)",
        "INSERT INTO sales VALUES (1, 1, '2026-11-01 10:00:00')",
    )
    shop.does("init", "--url", database_url, "--yes")
    ((*_, added),) = shop.rows(sql(shop, "items.sql"))
    assert str(added).replace("T", " ").startswith("2026-01-02 10:00:00")


@pytest.mark.parametrize(
    ("role", "kind", "taken", "left"),
    [
        (
            is_brand,
            ColumnKind.TEXT,
            "marca Merk manufacturer_name productBrand",
            "brand_url marketing remarque",
        ),
        (
            is_item_price,
            ColumnKind.NUMBER,
            "precio prix_de_vente PVP artikelpreis",
            "price_ek old_price prix_achat",
        ),
        (is_url, ColumnKind.TEXT, "permalink product_url lien", "image_url download_link slug"),
        (
            is_image,
            ColumnKind.TEXT,
            "photo main_image imagen image1 bildUrl",
            "image_title imageable_type images",
        ),
        (
            is_added,
            ColumnKind.TIME,
            "date_add fecha_alta créé_le aangemaakt_op",
            "update_date sale_date valid_from",
        ),
    ],
)
def test_names_of_what_is_known_of_an_item(role, kind, taken, left):
    def is_taken(name):
        return role(FoundColumn(name, kind, nullable=True))

    assert [name for name in taken.split() if not is_taken(name)] == []
    assert [name for name in left.split() if is_taken(name)] == []
