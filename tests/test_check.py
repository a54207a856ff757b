"""`check` finds everything that stands in tonight's way, says it all at once, and changes nothing."""

import json
import os
import re
import stat
import time
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from recommender.database.sqlite import SQLite
from recommender.errors import DatabaseError, ExitCode, RefusedError
from recommender.runs.keys import Keys
from recommender.settings import load_settings
from recommender.setup.checks import Level, check, connections, ownqueries
from recommender.setup.checks.connections import check_owner
from recommender.setup.checks.findings import Findings
from recommender.setup.checks.sales import _nobody, find_gap
from recommender.system.locks import file_lock
from tests.nights import ALL_TABLES, DAY, database_of, empty_shop, make_shop, tastes, usual_shop
from tests.servers import PASSWORD

pytestmark = pytest.mark.sqlite_proves

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""Of the day of the newest sales of the usual shop."""


@pytest.fixture
def shop(tmp_path, database_url):
    return usual_shop(tmp_path / "shop", database_url)


@pytest.fixture
def sqlite_shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


def look(shop, now=NOON):
    """The report at a moment, by default one at which the sales are fresh."""
    return check(lambda: load_settings({}, shop.env_file), now=now)


def texts(report, level):
    return [finding.what for finding in report.findings if finding.level is level]


def the(report, level, words):
    """The one finding of that level with these words."""
    found = [f for f in report.findings if f.level is level and words in f.what]
    assert len(found) == 1, [f"{f.level} {f.what}" for f in report.findings]
    if level is not Level.OK:
        assert found[0].what_to_do
    return found[0]


def query(shop, text, name="sales"):
    (shop.folder / "sql" / f"{name}.sql").write_text(text, encoding="utf-8")


# The report


@pytest.mark.each_database
def test_a_good_shop_has_no_errors_and_tells_what_it_has(shop):
    before = shop.dump()
    report = look(shop)
    assert report.exit_code is ExitCode.DONE
    assert texts(report, Level.ERROR) == []
    version = {"sqlite": "SQLite 3.", "postgresql": "PostgreSQL ", "mysql": "MariaDB "}
    assert version[database_of(shop.url).backend] in the(report, Level.OK, "through").what
    the(report, Level.OK, "120 sale lines by 30 customers of 24 items, from 2025-08-14 to 2026-03-01")
    the(report, Level.OK, "24 items, 22 of them sellable")
    the(report, Level.OK, "nothing published yet")
    the(report, Level.OK, "tried and rolled back")
    assert "could also return quantity" in the(report, Level.OK, "sales.sql returns customer_id").what
    rows = the(report, Level.OK, "The first rows").details
    assert len(rows) == 3
    assert all(line.partition("item ")[2][:3] == line.rpartition("(Item ")[2][:3] for line in rows)
    assert shop.dump() == before
    assert [path.name for path in (shop.folder / "var").iterdir()] == ["lock"]


@pytest.mark.each_database
def test_the_json_is_the_same_object_and_shows_no_secret(shop):
    outcome = shop.recommend("check", "--json")
    found = json.loads(outcome.out)
    assert outcome.err == ""
    assert outcome.code is ExitCode.DONE
    assert found["exit_code"] == ExitCode.DONE
    text = shop.does("check")

    def squeezed(words):
        # What is free on the disk and in memory changes between two calls on a busy machine.
        return re.sub(r"[\d,]+[MG]B", "MB", "".join(words.split()))

    for finding in found["findings"]:
        assert squeezed(finding["what"]) in squeezed(text)
    order = [finding["level"] for finding in found["findings"]]
    assert order == sorted(order, key=["error", "warning", "ok"].index)
    assert PASSWORD not in text + outcome.out
    assert sa.make_url(shop.url).password is None or "***" in text


def test_all_is_told_at_once_worst_first_and_the_exit_is_that_of_the_first_error(sqlite_shop):
    shop = sqlite_shop
    shop.execute(
        "DROP TABLE recommendations", "UPDATE items SET sellable = 0", "UPDATE sales SET item_id = NULL"
    )
    query(shop, "SELECT item_id, name FROM items", "items")
    report = look(shop)
    errors = [finding for finding in report.findings if finding.level is Level.ERROR]
    assert report.findings[: len(errors)] == errors
    assert "no table" in errors[0].what
    assert report.exit_code is ExitCode.SETTINGS
    assert any("returns no column sellable" in error.what for error in errors)
    assert shop.recommend("check").code is ExitCode.SETTINGS
    assert "ERROR tables" in shop.recommend("check").out


def drop_tables(shop):
    shop.execute("DROP TABLE popular_items")


def no_column(shop):
    query(shop, "SELECT customer_id, sold_at FROM sales WHERE sold_at >= :since")


def no_syntax(shop):
    query(shop, "SELECT customer_id, item_id, sold_at FROM sales WHERE WHERE sold_at >= :since")


def two_statements(shop):
    query(shop, "SELECT 1; DELETE FROM sales")


def no_query(shop):
    (shop.folder / "sql" / "items.sql").unlink()


def wrong_settings(shop):
    shop.set(TOP_N="many", HISTORY_DAYS=0)


def no_keys(shop):
    shop.execute("UPDATE sales SET customer_id = NULL WHERE customer_id < 5")


def future(shop):
    shop.execute("UPDATE sales SET sold_at = '2037-01-01 00:00:00' WHERE customer_id < 5")


def no_sales(shop):
    shop.execute("DELETE FROM sales")


def nothing_sellable(shop):
    shop.execute("UPDATE items SET sellable = 0")


def no_items(shop):
    shop.execute("DELETE FROM items")


def no_list_of_names(shop):
    shop.set(NEVER_RECOMMEND="nowhere.txt")


def all_never(shop):
    (shop.folder / "never.txt").write_text("\n".join(map(str, range(100, 124))), encoding="utf-8")
    shop.set(NEVER_RECOMMEND="never.txt")


def folder_is_a_file(shop):
    (shop.folder / "file").touch()
    shop.set(DATA_DIR="file")


def fewer(shop):
    shop.night()
    shop.execute("DELETE FROM sales WHERE customer_id > 5")


def schema_without_schemas(shop):
    shop.set(TARGET_SCHEMA="ours")


def another_storefront(shop):
    shop.night()
    shop.set(TABLE_PREFIX="eu_")
    shop.does("init", "--yes")


def all_came_back(shop):
    query(shop, "SELECT customer_id, item_id, sold_at, -1 AS quantity FROM sales WHERE sold_at >= :since")


def only_guests(shop):
    shop.set(GUEST_KEY="g" * 32)
    query(
        shop,
        "SELECT NULLIF(customer_id, customer_id) AS customer_id, item_id, sold_at,"
        " 'a@example.org' AS guest_email FROM sales WHERE sold_at >= :since",
    )


def typed_guests(shop):
    """As before, with a type for the key that has no value."""
    shop.set(GUEST_KEY="g" * 32)
    query(
        shop,
        "SELECT CAST(NULL AS INTEGER) AS customer_id, item_id, sold_at, 'a@example.org' AS guest_email"
        " FROM sales WHERE sold_at >= :since",
    )


def other_items(shop):
    shop.execute("UPDATE items SET item_id = item_id + 1000")


def all_own_everything(shop):
    shop.execute(
        "DELETE FROM sales",
        "INSERT INTO sales (customer_id, item_id, sold_at)"
        " SELECT c.n, item_id, '2026-02-01 09:00:00' FROM items, (SELECT 1 AS n UNION SELECT 2) AS c",
    )


def other_purchases(shop):
    """Every customer has bought everything else than the night before knew."""
    for customer in range(31, 91):
        shop.sell([(customer, 100 + customer % 24, date(2026, 2, 1))])
    shop.night()
    shop.execute("UPDATE sales SET item_id = 223 - item_id")


def one_owns_all(shop):
    """A customer for whom nothing is left has no list, and counts as one less."""
    shop.set(MIN_CUSTOMERS_SHARE=1).night()
    shop.execute(
        "INSERT INTO sales (customer_id, item_id, sold_at)"
        " SELECT 1, item_id, '2026-02-01 09:00:00' FROM items"
    )


def exits_as_tonights_run(shop, harm):
    harm(shop)
    before = shop.dump()
    outcome = shop.recommend("check")
    assert shop.dump() == before
    assert outcome.code is not ExitCode.DONE
    assert outcome.err == ""
    assert "ERROR" in outcome.out
    assert outcome.code is shop.recommend("run").code


@pytest.mark.parametrize(
    "harm",
    [
        *(drop_tables, no_column, no_syntax, no_keys, future, no_sales, nothing_sellable, fewer),
        *(all_came_back, other_items, all_own_everything, other_purchases),
    ],
)
def test_the_exit_code_is_that_of_tonights_run(shop, harm):
    exits_as_tonights_run(shop, harm)


@pytest.mark.parametrize(
    "harm",
    [
        *(two_statements, no_query, wrong_settings, no_items, no_list_of_names, all_never, folder_is_a_file),
        *(another_storefront, schema_without_schemas, only_guests, typed_guests, one_owns_all),
    ],
)
def test_what_no_database_knows_of_exits_as_tonights_run_too(sqlite_shop, harm):
    exits_as_tonights_run(sqlite_shop, harm)


def test_what_a_killed_check_left_is_removed_once_it_is_old(sqlite_shop):
    data = sqlite_shop.folder / "var"
    old, young = data / ".tmp-look-old", data / ".tmp-look-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "sales.csv").touch()
    os.utime(old, (time.time() - 3 * 86_400,) * 2)
    look(sqlite_shop)
    assert not old.exists()
    assert young.exists()


# Settings


def test_every_wrong_setting_is_a_finding(sqlite_shop):
    sqlite_shop.set(TOP_N="many", SEED="x")
    report = look(sqlite_shop)
    assert report.exit_code is ExitCode.SETTINGS
    assert the(report, Level.ERROR, "TOP_N=many").what_to_do
    assert str(sqlite_shop.env_file) in the(report, Level.ERROR, "SEED=x").what


def test_settings_are_told_with_their_sources_and_slips_are_warned_of(sqlite_shop):
    with sqlite_shop.env_file.open("a") as file:
        file.write("TOPN=7\n")
    report = look(sqlite_shop)
    assert "did you mean TOP_N" in the(report, Level.WARNING, "TOPN").what
    the(report, Level.WARNING, "SHOP_TIMEZONE is not set")
    settings = the(report, Level.OK, "8 settings are given")
    assert f"TOP_N=5 ({sqlite_shop.env_file})" in settings.details
    sqlite_shop.set(SHOP_TIMEZONE="Europe/London")
    assert not [text for text in texts(look(sqlite_shop), Level.WARNING) if "SHOP_TIMEZONE" in text]


# Connections and zones


def test_a_database_that_is_away_is_the_error_of_tonight(tmp_path, sqlite_shop):
    (tmp_path / "shop.db").rename(tmp_path / "away.db")
    report = look(sqlite_shop)
    assert report.exit_code is ExitCode.DATABASE
    the(report, Level.ERROR, "There is no database file")
    assert not (tmp_path / "shop.db").exists()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_wrong_password_is_told_without_it(request, tmp_path, kind):
    server = request.getfixturevalue(kind)
    shop = empty_shop(tmp_path / "shop", server.create_database())
    shop.set(DATABASE_URL=sa.make_url(shop.url).set(password="wr0ng").render_as_string(hide_password=False))
    outcome = shop.recommend("check")
    assert outcome.code is ExitCode.DATABASE
    assert "ERROR connection" in outcome.out
    assert "wr0ng" not in outcome.out
    assert "Check" in outcome.out


def test_a_target_that_is_away_does_not_hide_the_shop(tmp_path, sqlite_shop):
    sqlite_shop.set(TARGET_DATABASE_URL=f"sqlite:///{tmp_path / 'nowhere.db'}")
    report = look(sqlite_shop)
    assert report.exit_code is ExitCode.DATABASE
    the(report, Level.ERROR, "nowhere.db")
    the(report, Level.OK, "120 sale lines")


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_clock_that_is_wrong_is_seen(request, tmp_path, monkeypatch, kind):
    shop = usual_shop(tmp_path / "shop", request.getfixturevalue(kind).create_database())
    assert not [text for text in texts(look(shop), Level.WARNING) if "The clock of" in text]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 600)
    assert "ahead of" in the(look(shop), Level.WARNING, "The clock of").what


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_servers_zone_that_differs_is_told_until_the_zone_of_sales_is_said(request, tmp_path, kind):
    url = request.getfixturevalue(kind).create_database()
    shop = usual_shop(tmp_path / "shop", url, SHOP_TIMEZONE="Asia/Tokyo")
    if kind == "mariadb":  # TIMESTAMP stores instants there
        the(look(shop), Level.OK, "120 sale lines")
        assert not [text for text in texts(look(shop), Level.WARNING) if "carries no zone" in text]
        shop.execute("ALTER TABLE sales MODIFY sold_at DATETIME")
    warning = the(look(shop), Level.WARNING, "carries no zone")
    assert "Asia/Tokyo (UTC+09:00)" in warning.what
    shop.set(SALES_TIMEZONE="Asia/Tokyo")
    assert not [text for text in texts(look(shop), Level.WARNING) if "carries no zone" in text]


# Rights


def limited(shop, server, kind, *, insert):
    """The shop through a user who may read all, and write our tables with or without INSERT."""
    name = f"job_{os.urandom(4).hex()}"
    database = sa.make_url(shop.url).database
    ours = ALL_TABLES.split(", ")
    rights = "SELECT, INSERT, DELETE" if insert else "SELECT, DELETE"
    if kind == "postgresql":
        shop.execute(
            f"CREATE ROLE {name} LOGIN PASSWORD 'pw'",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
            f"GRANT {rights} ON {', '.join(ours)} TO {name}",
        )
    else:
        account = f"'{name}'@'127.0.0.1'"
        server.execute(f"CREATE USER {account} IDENTIFIED BY 'pw'")
        server.execute(f"GRANT SELECT ON {database}.* TO {account}")
        for table in ours:
            server.execute(f"GRANT {rights} ON {database}.{table} TO {account}")
    url = sa.make_url(shop.url).set(username=name, password="pw")
    return shop.set(DATABASE_URL=url.render_as_string(hide_password=False))


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_rights_that_are_missing_or_too_many_are_told(request, tmp_path, kind):
    server = request.getfixturevalue(kind)
    shop = usual_shop(tmp_path / "shop", server.create_database())
    the(look(shop), Level.WARNING, "may write to")  # the owner may do anything
    limited(shop, server, kind, insert=True)
    report = look(shop)
    assert not [text for text in texts(report, Level.WARNING) if "may write to" in text]
    the(report, Level.OK, "tried and rolled back")
    limited(shop, server, kind, insert=False)
    report = look(shop)
    assert report.exit_code is ExitCode.DATABASE
    (error,) = [finding for finding in report.findings if finding.level is Level.ERROR]
    assert error.area == "rights"
    assert "denied" in error.what


def test_a_table_that_may_not_be_read_is_an_error(tmp_path, postgresql):
    shop = usual_shop(tmp_path / "shop", postgresql.create_database())
    limited(shop, postgresql, "postgresql", insert=True)
    name = sa.make_url(shop.settings["DATABASE_URL"]).username
    shop.execute(f"REVOKE SELECT ON sales FROM {name}")
    report = look(shop)
    assert report.exit_code is ExitCode.DATABASE
    the(report, Level.ERROR, "permission denied for table sales")
    the(report, Level.OK, "items.sql returns")


def test_a_grant_on_one_table_of_the_shop_is_too_much(tmp_path, mariadb):
    shop = usual_shop(tmp_path / "shop", mariadb.create_database())
    limited(shop, mariadb, "mariadb", insert=True)
    name = sa.make_url(shop.settings["DATABASE_URL"]).username
    mariadb.execute(f"GRANT UPDATE ON {sa.make_url(shop.url).database}.items TO '{name}'@'127.0.0.1'")
    assert "items" in the(look(shop), Level.WARNING, "may write to").what


def test_a_file_that_may_not_be_written_is_an_error(sqlite_shop, monkeypatch):
    def refuse(*_arguments):
        raise DatabaseError("tried", "The file is read-only.", "Check its mode.")

    monkeypatch.setattr(connections, "_write", refuse)
    report = look(sqlite_shop)
    assert report.exit_code is ExitCode.DATABASE
    assert the(report, Level.ERROR, "read-only").area == "rights"


def test_a_row_that_the_table_refuses_is_an_error(sqlite_shop):
    sqlite_shop.execute(
        "CREATE TRIGGER no BEFORE INSERT ON recommendations BEGIN SELECT RAISE(ABORT, 'no rows here'); END"
    )
    report = look(sqlite_shop)
    assert report.exit_code is ExitCode.DATABASE
    the(report, Level.ERROR, "no rows here")


def test_while_a_run_goes_on_writing_is_not_tried(sqlite_shop):
    look(sqlite_shop)
    with file_lock(sqlite_shop.folder / "var" / "lock"):
        report = look(sqlite_shop)
    assert report.exit_code is ExitCode.DONE
    the(report, Level.WARNING, "Writing was not tried")


@pytest.mark.each_database
def test_text_keys_and_guests_are_tried_too(tmp_path, database_url):
    keys = [f"k{i}" for i in range(9)]
    shop = make_shop(tmp_path / "shop", database_url, tastes(keys, keys), dict.fromkeys(keys, True))
    shop.does("init", "--yes")
    the(look(shop), Level.OK, "tried and rolled back")


def test_another_user_than_the_files_owner_is_warned_of(sqlite_shop):
    database = database_of(sqlite_shop.url)
    findings = Findings()
    check_owner(database, os.geteuid(), findings)
    assert findings.report().findings == []
    check_owner(database, os.geteuid() + 1, findings)
    the(findings.report(), Level.WARNING, "belongs to the user")


# Tables and the gate


def test_a_table_that_cannot_roll_back_is_an_error(tmp_path, mariadb):
    shop = usual_shop(tmp_path / "shop", mariadb.create_database())
    shop.execute("ALTER TABLE popular_items ENGINE = MyISAM")
    report = look(shop)
    assert report.exit_code is ExitCode.SETTINGS
    the(report, Level.ERROR, "MyISAM")


def test_an_unsigned_quantity_made_negative_comes_with_the_cast(tmp_path, mariadb):
    shop = usual_shop(tmp_path / "shop", mariadb.create_database())
    shop.execute("UPDATE sales SET quantity = 1", "ALTER TABLE sales MODIFY quantity SMALLINT UNSIGNED")
    text = "SELECT customer_id, item_id, sold_at, -1 * {} AS quantity FROM sales WHERE sold_at >= :since"
    query(shop, text.format("quantity"))
    assert "CAST(… AS SIGNED)" in the(look(shop), Level.ERROR, "out of range").what_to_do
    query(shop, text.format("CAST(quantity AS SIGNED)"))
    assert "out of range" not in "".join(texts(look(shop), Level.ERROR))


def test_keys_that_the_table_cannot_tell_apart_are_an_error(tmp_path, mariadb):
    keys = ["a", "A", *"bcdefg"]
    shop = make_shop(
        tmp_path / "shop", mariadb.create_database(), tastes(keys, keys), dict.fromkeys(keys, True)
    )
    shop.does("init", "--yes")
    assert look(shop).exit_code is ExitCode.DONE
    shop.execute("ALTER TABLE recommendations MODIFY customer_id VARCHAR(100) COLLATE utf8mb4_general_ci")
    report = look(shop)
    assert report.exit_code is ExitCode.REFUSED
    the(report, Level.ERROR, "They are 'A' and 'a'")


def test_far_fewer_sales_than_last_night_are_an_error(shop):
    fewer(shop)
    report = look(shop, datetime.now(UTC))
    assert report.exit_code is ExitCode.REFUSED
    the(report, Level.ERROR, "customers now; the run")
    the(report, Level.ERROR, "sales now; the run")


# Sales and items


def test_a_few_bad_lines_are_warned_of_and_many_are_an_error(shop):
    more = [(customer, 110, DAY - timedelta(days=day)) for customer in range(1, 31) for day in range(10)]
    shop.sell(more)
    shop.sell([(None, 110, DAY - timedelta(days=9)), (1, None, DAY - timedelta(days=9))])
    report = look(shop)
    assert report.exit_code is ExitCode.DONE
    the(report, Level.WARNING, "1 sale lines without a customer")
    the(report, Level.WARNING, "1 sale lines without an item")
    shop.sell([(2, 110, DAY + timedelta(days=20))])
    the(look(shop), Level.WARNING, "1 sale lines in the future")
    no_keys(shop)
    report = look(shop)
    assert report.exit_code is ExitCode.REFUSED
    the(report, Level.ERROR, "have no customer_id")
    the(report, Level.OK, "items.sql returns")


@pytest.mark.parametrize("name", ["sales", "items", "rules", "statuses"])
def test_what_is_to_be_decided_is_an_error_that_hides_nothing(sqlite_shop, name):
    texts_of = {
        "sales": "SELECT customer_id, item_id, sold_at FROM sales WHERE sold_at >= :since",
        "items": "SELECT item_id, name, sellable FROM items",
        "rules": "SELECT 'never' AS rule, 100 AS item_id",
        "statuses": "SELECT 'paid' AS status, 1 AS orders, 1 AS counted",
    }
    query(sqlite_shop, texts_of[name], name)
    before = look(sqlite_shop)
    query(sqlite_shop, f"{texts_of[name]}\n-- TO DECIDE: which\n", name)
    report = look(sqlite_shop)
    found = the(report, Level.ERROR, f"{name}.sql, line 2: which")
    assert report.exit_code is found.exit_code is ExitCode.SETTINGS
    assert {f.what for f in report.findings} >= set(texts(before, Level.OK))
    assert report.count(Level.ERROR) == before.count(Level.ERROR) + 1


def test_a_query_without_since_is_warned_of(sqlite_shop):
    query(sqlite_shop, "SELECT customer_id, item_id, sold_at FROM sales")
    the(look(sqlite_shop), Level.WARNING, "does not use :since")


def test_lines_that_repeat_others_are_warned_of(shop):
    assert not [text for text in texts(look(shop), Level.WARNING) if "lines repeat" in text]
    twice = "(SELECT 1 AS n UNION ALL SELECT 2) AS t ON 1 = 1"
    query(
        shop,
        f"SELECT s.customer_id, s.item_id, s.sold_at FROM sales AS s JOIN {twice} WHERE s.sold_at >= :since",
    )
    the(look(shop), Level.WARNING, "120 of 240 lines repeat")


@pytest.mark.parametrize("key", [0, "", "0"])
def test_guests_as_one_customer_are_warned_of(tmp_path, key):
    customers = [key, *map(type(key), range(1, 31))]
    # Of all customers it has the most lines, and its key is none.
    sales = tastes(customers, range(100, 124)) + [(key, item, DAY) for item in range(100, 124)]
    shop = make_shop(
        tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", sales, dict.fromkeys(range(100, 124), True)
    )
    shop.does("init", "--yes")
    assert "NULLIF" in the(look(shop), Level.WARNING, "of 148 lines, as if that were").what_to_do
    since = "FROM sales WHERE sold_at >= :since"
    text = f"SELECT NULLIF(customer_id, {key!r}) AS customer_id, item_id, sold_at, 'a@b.c' AS guest_email "
    query(shop, text + since)
    assert "as if that" not in "".join(texts(look(shop), Level.WARNING))


def test_a_crowd_is_no_customer():
    # 200 customers of one line each, and one of them with so many more: 151 of 350 are 86 times the mean of
    # 1.75, and 203 of 402 are 101 times the mean of 2.01.
    keys, one_each = Keys.of(range(1, 201)), np.arange(200)
    assert _nobody(keys, np.append(one_each, [7] * 150).astype(np.int32)) is None
    assert _nobody(keys, np.append(one_each, [7] * 202).astype(np.int32)) == ("8", 203)


def test_one_customer_or_one_item_is_warned_of(sqlite_shop):
    sqlite_shop.execute("DELETE FROM sales WHERE customer_id <> 1")
    the(look(sqlite_shop), Level.WARNING, "of one customer")
    sqlite_shop.execute("UPDATE sales SET item_id = 110")
    the(look(sqlite_shop), Level.WARNING, "of one item")


def test_items_that_fit_nothing_are_warned_of(shop):
    shop.execute("DELETE FROM items WHERE item_id = 105")
    few = the(look(shop), Level.OK, "sale lines are of items that items.sql does not return, such as 105")
    assert few.area == "items"
    shop.execute("UPDATE items SET item_id = item_id + 1000")
    the(look(shop), Level.WARNING, "120 of 120 sale lines are of items that items.sql does not return")
    assert "not in items.sql" in the(look(shop), Level.OK, "The first rows").details[0]


def test_what_may_hardly_be_recommended_is_warned_of(sqlite_shop):
    sqlite_shop.execute("UPDATE items SET sellable = 0 WHERE item_id > 102")
    report = look(sqlite_shop)
    the(report, Level.WARNING, "Only 1 items may be recommended; TOP_N is 5")
    the(report, Level.WARNING, "96% of the items are not sellable")
    sqlite_shop.execute("UPDATE items SET sellable = 0")
    report = look(sqlite_shop)
    assert report.exit_code is ExitCode.REFUSED
    the(report, Level.ERROR, "is sellable")


def test_an_unreadable_item_is_told_beside_refused_sales(sqlite_shop):
    no_keys(sqlite_shop)
    sqlite_shop.execute("UPDATE items SET sellable = 'perhaps' WHERE item_id = 110")
    report = look(sqlite_shop)
    the(report, Level.ERROR, "have no customer_id")
    the(report, Level.ERROR, "sellable of item 110")


def test_no_guests_address_is_shown(shop):
    shop.execute("UPDATE sales SET customer_id = NULL, guest_email = 'ann@example.com' WHERE customer_id < 5")
    query(shop, "SELECT customer_id, item_id, sold_at, guest_email FROM sales WHERE sold_at >= :since")
    the(look(shop), Level.ERROR, "GUEST_KEY is not set")
    shop.set(GUEST_KEY="k" * 32)
    outcome = shop.recommend("check")
    assert outcome.code is ExitCode.DONE
    assert "16 of them by guests)" in outcome.out
    assert "ann@" not in outcome.out
    assert "k" * 32 not in outcome.out


def test_a_gap_in_the_last_days_is_warned_of(sqlite_shop):
    sqlite_shop.sell([(1, 110, DAY - timedelta(days=day)) for day in range(110)])
    assert not [text for text in texts(look(sqlite_shop), Level.WARNING) if text.startswith("No sales")]
    first = (DAY - timedelta(days=4)).isoformat()
    sqlite_shop.execute(f"DELETE FROM sales WHERE sold_at >= '{first} 00:00:00'")
    assert "from 2026-02-25 to 2026-02-28" in the(look(sqlite_shop), Level.WARNING, "No sales").what


DAILY = range(900, 1000)


@pytest.mark.parametrize(
    ("days", "gap"),
    [
        (DAILY, None),
        ([*DAILY][:-1], None),  # yesterday's sales are perhaps not in yet
        ([*DAILY][:-2], (998, 999)),
        ([day for day in DAILY if day not in (990, 991, 992)], (990, 992)),
        ([day for day in DAILY if day % 7 not in (0, 1)], None),  # closed at weekends
        ([day for day in DAILY if day % 7 not in (0, 1)][:-5], (993, 999)),
        ([*range(900, 905)], (905, 999)),  # too few days to know what is usual, but none lately
        ([995], None),
        ([], None),
        ([*DAILY, 1000, 1001], None),
    ],
)
def test_a_gap_is_a_row_of_days_longer_than_usual(days, gap):
    assert find_gap([*days], 1000) == gap


# The plan


@pytest.mark.each_database
def test_a_big_table_that_is_read_whole_for_a_small_window_is_warned_of(tmp_path, database_url, monkeypatch):
    monkeypatch.setattr(ownqueries, "BIG_TABLE_ROWS", 500)
    shop = usual_shop(tmp_path / "shop", database_url, HISTORY_DAYS=30)
    old = [(customer, 110, DAY - timedelta(days=1000 + day)) for customer in range(20) for day in range(100)]
    shop.sell(old)
    if database_of(shop.url).backend != "sqlite":
        shop.execute("ANALYZE sales" if database_url.startswith("postgresql") else "ANALYZE TABLE sales")
    warning = the(look(shop), Level.WARNING, "the database reads all of the about 2,")
    assert "sales each night" in warning.what
    assert "index" in warning.what_to_do
    shop.execute("CREATE INDEX by_time ON sales (sold_at)")
    assert not [text for text in texts(look(shop), Level.WARNING) if "reads all" in text]
    # A function around the column keeps the index away.
    query(
        shop,
        "SELECT customer_id, item_id, sold_at FROM sales WHERE coalesce(sold_at, '2000-01-01') >= :since",
    )
    the(look(shop), Level.WARNING, "the database reads all of the about 2,")
    # A window that holds most of the table is read whole with good reason.
    shop.set(HISTORY_DAYS=36500)
    assert not [text for text in texts(look(shop), Level.WARNING) if "reads all" in text]


@pytest.mark.each_database
def test_a_join_by_a_key_is_no_full_scan(tmp_path, database_url, monkeypatch):
    monkeypatch.setattr(ownqueries, "BIG_TABLE_ROWS", 500)
    shop = usual_shop(tmp_path / "shop", database_url, HISTORY_DAYS=30)
    shop.execute(
        "CREATE TABLE orders (order_id INTEGER PRIMARY KEY, placed TIMESTAMP, customer_id BIGINT)",
        "CREATE TABLE order_lines (order_id INTEGER, line INTEGER, item_id BIGINT,"
        " PRIMARY KEY (order_id, line))",
        "CREATE INDEX by_placed ON orders (placed)",
    )
    days = [DAY - timedelta(days=number / 2) for number in range(2000)]
    shop.execute(
        "INSERT INTO orders VALUES (:o, :t, :c)",
        rows=[{"o": i, "t": f"{day} 10:00:00", "c": i % 30} for i, day in enumerate(days)],
    )
    shop.execute(
        "INSERT INTO order_lines VALUES (:o, 1, :i)",
        rows=[{"o": i, "i": 102 + i % 20} for i in range(2000)],
    )
    if database_url.startswith("postgresql"):
        shop.execute("ANALYZE orders", "ANALYZE order_lines")
    query(
        shop,
        "SELECT o.customer_id, l.item_id, o.placed AS sold_at FROM orders AS o"
        " JOIN order_lines AS l ON l.order_id = o.order_id WHERE o.placed >= :since",
    )
    report = look(shop)
    assert report.exit_code is ExitCode.DONE
    assert not [text for text in texts(report, Level.WARNING) if "reads all" in text]


def test_only_errors_that_a_person_can_act_on_become_findings():
    findings = Findings()
    with findings.trying("sales"):
        raise RefusedError("tried", "No.", "Yes.")
    with pytest.raises(ZeroDivisionError), findings.trying("sales"):
        raise ZeroDivisionError
    assert findings.report().exit_code is ExitCode.REFUSED


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_sqlite_file_is_copied_once_at_most(sqlite_shop, monkeypatch, mode):
    sqlite_shop.execute(f"PRAGMA journal_mode = {mode}")
    begun = []
    snapshot = SQLite.snapshot

    def counted(*given):
        begun.append(given)
        return snapshot(*given)

    monkeypatch.setattr(SQLite, "snapshot", counted)
    query(sqlite_shop, "SELECT item_id, name, 'perhaps' AS sellable FROM items", "items")
    report = look(sqlite_shop)
    # And what fails in one look leaves the others as they are.
    assert len(begun) == 1
    the(report, Level.ERROR, "sellable")
    the(report, Level.OK, "sales.sql returns customer_id")


def test_the_scratch_folder_is_private_and_gone(sqlite_shop, monkeypatch):
    seen = []

    def look_inside(settings, *_rest):
        (folder,) = settings.data_dir.glob(".tmp-look-*")
        seen.append(stat.S_IMODE(folder.stat().st_mode))

    monkeypatch.setattr("recommender.setup.checks.try_rights", look_inside)
    look(sqlite_shop)
    assert seen == [0o700]
    assert not [*(sqlite_shop.folder / "var").glob(".tmp-*")]


# The shop's own rules


@pytest.mark.each_database
def test_rules_are_counted_and_what_nobody_can_follow_is_told(shop):
    query(
        shop,
        "SELECT 'pin' AS rule, 102 AS item_id, 1 AS value UNION ALL SELECT 'never', 4711, NULL"
        " UNION ALL SELECT 'never', 102, NULL UNION ALL SELECT 'boost', 103, 2",
        "rules",
    )
    report = look(shop)
    assert report.exit_code is ExitCode.DONE
    the(report, Level.OK, "rules.sql returns rule, item_id, value.")
    the(report, Level.OK, "Rules that hold today: 2 never, 1 pin, 1 boost.")
    unknown = the(report, Level.WARNING, "1 rule names no item")
    assert unknown.details == ("never: item_id '4711'",)
    assert "item 102" in the(report, Level.WARNING, "keeps out").what
    assert unknown.area == "rules"
    query(shop, "SELECT 'never' AS rule, 102 AS item_id, '2026-02-28' AS ends_on", "rules")
    the(look(shop), Level.OK, "Rules that hold today: none.")


def test_without_rules_nothing_is_said_of_them(sqlite_shop):
    assert not [finding for finding in look(sqlite_shop).findings if finding.area == "rules"]


def test_columns_of_rules_that_are_not_read_are_told(sqlite_shop):
    query(sqlite_shop, "SELECT 'never' AS rule, 102 AS item_id, 1 AS customer, 'a' AS note", "rules")
    report = look(sqlite_shop)
    the(report, Level.OK, "rules.sql returns rule, item_id; not read: customer, note.")
    the(report, Level.WARNING, "column customer, which is not read (did you mean customer_id?)")


def test_a_link_to_nothing_is_not_taken_for_no_rules(sqlite_shop):
    (sqlite_shop.folder / "sql" / "rules.sql").symlink_to(sqlite_shop.folder / "gone.sql")
    report = look(sqlite_shop)
    assert report.exit_code is ExitCode.SETTINGS
    the(report, Level.ERROR, "There is no query")


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("SELECT 'nver' AS rule, 102 AS item_id", ExitCode.REFUSED, "did you mean never?"),
        ("SELECT 102 AS item_id", ExitCode.SETTINGS, "rules.sql returns no column rule"),
        ("SELECT rule FROM nowhere", ExitCode.DATABASE, "rules.sql"),
        (
            "SELECT 'price_at_most' AS rule, 5 AS value",
            ExitCode.SETTINGS,
            "items.sql returns no column price",
        ),
        ("SELECT 'never' AS rule, item_id FROM items", ExitCode.REFUSED, "or a rule never keeps them out"),
    ],
)
def test_rules_that_would_stop_the_night(sqlite_shop, text, code, words):
    query(sqlite_shop, text, "rules")
    report = look(sqlite_shop)
    assert report.exit_code is code
    the(report, Level.ERROR, words)


def test_rules_are_read_though_the_sales_fail(sqlite_shop):
    sqlite_shop.execute("UPDATE sales SET sold_at = 'soon'")
    query(sqlite_shop, "SELECT customer_id, item_id, sold_at FROM sales")
    query(sqlite_shop, "SELECT 'nver' AS rule, 102 AS item_id", "rules")
    report = look(sqlite_shop)
    the(report, Level.ERROR, "too many sale lines cannot be used")
    the(report, Level.ERROR, "did you mean never?")
