"""The shop's rules as a night reads them: the same file from every database, or told what is wrong."""

import json
import signal
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.database.base import QueryColumn
from recommender.database.query import Query
from recommender.errors import ExitCode, RefusedError, SettingsError
from recommender.export.forgotten import Forgotten
from recommender.export.shoprules import RuleReader, column_warnings, unread_columns
from recommender.export.snapshot import export
from recommender.runs.folder import RULES, RULES_QUERY
from recommender.runs.rules import RULE_COLUMNS, Rule, RuleKind, load_dated_rules
from recommender.settings import Settings
from recommender.system.window import window
from recommender.tables import KeyKind, Role
from tests.database.support import database, execute
from tests.faults.injection import at_point, forked, kill
from tests.nights import DAY, usual_shop

INTEGER, TEXT = KeyKind.INTEGER, KeyKind.TEXT
TODAY = date(2026, 12, 10)
NEVER, BOOST, MOST, AT_LEAST = RuleKind.NEVER, RuleKind.BOOST, RuleKind.MOST, RuleKind.PRICE_AT_LEAST


class Rows:
    """A snapshot that returns rows that were made up."""

    def __init__(self, rows: Sequence[dict[str, object]], *, is_instant: bool = False) -> None:
        self.rows = rows
        self.names = [*dict.fromkeys(name for row in rows for name in row)] or ["rule"]
        self.is_instant = is_instant

    def columns(self, _: Query) -> list[QueryColumn]:
        return [QueryColumn(name, is_instant=self.is_instant) for name in self.names]

    def batches(self, _: Query, columns):
        for start in range(0, len(self.rows), 2):
            yield [[row.get(column.name) for row in self.rows[start : start + 2]] for column in columns]


class Few(Forgotten):
    """Forgets some customers."""

    def __init__(self, *customers: str) -> None:
        super().__init__()
        self.customers = customers

    def among(self, keys):
        return {*keys}.intersection(self.customers)


def reader(*, kind=INTEGER, day=TODAY, zone="Europe/Berlin", prefix="", forgotten=()):
    settings = Settings(table_prefix=prefix, shop_timezone=ZoneInfo(zone))
    return RuleReader(settings, day, {Role.CUSTOMER: kind, Role.ITEM: kind}, Few(*forgotten))


def read(*rows, is_instant=False, **options):
    query = Query(Path("sql/rules.sql"), "SELECT 1\n", uses_since=False)
    return reader(**options).read(query, Rows(rows, is_instant=is_instant))


def rules_of(content: bytes, tmp_path) -> list[Rule]:
    (tmp_path / RULES).write_bytes(content)
    return [*load_dated_rules(tmp_path / RULES)]


def refused(*rows, **options) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        read(*rows, **options)
    return caught.value


def test_the_whole_form_byte_for_byte():
    assert read(
        {"rule": "price_at_most", "value": 20, "customer_id": 7, "list": "recommendations"},
        {"rule": " NEVER ", "item_id": "0042", "value": "whatever"},
        {"rule": "boost", "brand": 'A "B"', "category": "", "value": "0.5"},
        {"rule": "pin", "item_id": 42.0, "list": "Popular_Items ", "value": 1.0, "starts_on": TODAY},
    ).decode() == (
        '"customer_id","rule","item_id","category","brand","list","value","starts_on","ends_on"\n'
        ',"boost",,,"A ""B""",,0.5,,\n'
        ',"never","42",,,,,,\n'
        ',"pin","42",,,"popular_items",1,2026-12-10,\n'
        '"7","price_at_most",,,,"recommendations",20,,\n'
    )


def test_what_is_read_is_what_was_written(tmp_path):
    content = read(
        {"rule": "never", "item_id": "a\0b\n\r,'%:since", "customer_id": "😀"},
        {"rule": "most", "category": " Tea", "brand": "Ⅷ", "value": 1e300},
        {"rule": "price_at_least", "value": -0.1},
        kind=TEXT,
    )
    assert {*rules_of(content, tmp_path)} == {
        Rule(AT_LEAST, value=-0.1),
        Rule(MOST, category=" Tea", brand="Ⅷ", value=1e300),
        Rule(NEVER, item="a\0b\n\r,'%:since", customer="😀"),
    }


@pytest.mark.parametrize(
    ("starts", "ends", "holds"),
    [
        (None, None, True),
        ("", " ", True),
        ("2026-12-10", "2026-12-10", True),
        ("2026-12-10 23:59:59", "2026-12-10 00:00:00", True),
        (date(2026, 12, 10), datetime(2026, 12, 10, 0, 0), True),  # noqa: DTZ001
        ("2026-12-11", None, False),
        (None, "2026-12-09 23:59:59", False),
        ("2026-12-09T23:30:00Z", "2026-12-10T22:30:00+00:00", True),
        (None, "2026-12-09T23:30:00Z", True),  # of Berlin's tenth
        (None, "2026-12-09T22:30:00Z", False),
        (20261201, "20261231", True),
        ("0001-01-01", "9999-12-31", True),
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", True),
    ],
)
def test_a_rule_holds_on_its_days(starts, ends, holds):
    content = read({"rule": "never", "item_id": 1, "starts_on": starts, "ends_on": ends})
    assert (content.count(b"\n") == 2) is holds


def test_a_column_of_instants_is_of_the_shops_day():
    row = {"rule": "never", "item_id": 1, "ends_on": "2026-12-09 23:30:00"}
    assert b"2026-12-10" in read(row, is_instant=True)
    assert b"never" not in read(row)


def test_rows_that_say_the_same_are_one(tmp_path):
    rows = [
        {"rule": "never", "item_id": 1, "ends_on": "2026-12-31"},
        {"rule": "never", "item_id": "001", "starts_on": "2026-12-01"},
        {"rule": "Never", "item_id": "1", "value": 5},
    ]
    assert read(*rows) == read(*rows[::-1])
    assert rules_of(read(*rows), tmp_path) == [Rule(NEVER, item="1")]


WRONG = [
    ({}, "rule is empty"),
    ({"rule": " "}, "rule is empty"),
    ({"rule": "nevr", "item_id": 1}, r"'nevr' is not a rule \(did you mean never\?\)"),
    ({"rule": "ada@example.org", "item_id": 1}, r"a word \(not shown\) is not a rule"),
    (
        {"rule": "1053", "item_id": 1},
        r"a word \(not shown\) is not a rule\.",
    ),  # a customer's key, columns mixed up
    ({"rule": "steve", "item_id": 1}, r"a word \(not shown\) is not a rule \(did you mean never\?\)"),
    ({"rule": "never", "item_id": 1, "list": "adalovelace"}, r"a word \(not shown\) is not a list of ours\."),
    ({"rule": "never"}, "never: item_id, category and brand are all empty"),
    ({"rule": "never", "customer_id": 1}, "never: item_id, category and brand are all empty"),
    ({"rule": "boost", "value": 2}, "boost: item_id, category and brand are all empty"),
    ({"rule": "boost", "item_id": 1}, "boost: value is empty"),
    ({"rule": "boost", "item_id": 1, "value": 0}, "boost: value is 0 or less; use the rule never"),
    ({"rule": "boost", "item_id": 1, "value": "much"}, "boost: value is not a number"),
    ({"rule": "boost", "item_id": 1, "value": "1e999"}, "boost: value is not a number"),
    ({"rule": "boost", "item_id": 1, "value": float("nan")}, "boost: value is not a number"),
    ({"rule": "pin", "category": "tea", "value": 1}, "pin: item_id is empty"),
    ({"rule": "pin", "item_id": 1, "value": 0}, "pin: value is not a position"),
    ({"rule": "pin", "item_id": 1, "value": 1.5}, "pin: value is not a position"),
    ({"rule": "most", "item_id": 1, "value": 1}, "most: category and brand are both empty"),
    ({"rule": "most", "brand": "A", "value": -1}, "most: value is not a number of items"),
    ({"rule": "price_at_least", "item_id": 1}, "price_at_least: value is empty"),
    (
        {"rule": "never", "item_id": 1, "list": "populr_items"},
        r"\(did you mean popular_items\?\)",
    ),
    ({"rule": "never", "item_id": 1, "list": "rec_popular_items"}, "'rec_popular_items' is not a list"),
    ({"rule": "never", "item_id": 1, "customer_id": 1, "list": "popular_items"}, "not a list of customers"),
    ({"rule": "never", "item_id": 1, "starts_on": "01.12.2026"}, "starts_on is not a date"),
    ({"rule": "never", "item_id": 1, "ends_on": "0000-00-00"}, "ends_on is not a date"),
    ({"rule": "never", "item_id": 1, "ends_on": 1796083200000}, "ends_on is not a date"),
    (
        {"rule": "never", "item_id": 1, "starts_on": "2026-12-31", "ends_on": "2026-12-01"},
        "starts_on is after ends_on",
    ),
]


@pytest.mark.parametrize(("row", "why"), WRONG)
def test_a_row_that_is_no_rule_is_refused(row, why):
    good = {"rule": "never", "item_id": 5, "customer_id": None, "list": None, "value": None}
    error = refused(good, row, good)
    assert error.exit_code is ExitCode.REFUSED
    assert error.reason.startswith("sql/rules.sql: a row is not a rule: ")
    with pytest.raises(RefusedError, match=why):
        raise error
    assert "ada@" not in error.reason


def test_all_that_is_wrong_is_told_at_once_without_a_customers_key():
    ada = "ada@example.org"
    rows: list[dict[str, object]] = [
        {"rule": "boost", "item_id": 1, "value": "x", "customer_id": ada},
        {"rule": "boost", "item_id": 2, "value": "y", "customer_id": "bob"},
        {"rule": "nevr", "item_id": 1, "customer_id": ada},
        {"rule": "never"},
        {"rule": "pin"},
    ]
    error = refused(*rows)
    assert error.reason == (
        "sql/rules.sql: 5 rows are not rules: boost: value is not a number; 'nevr' is not a rule (did you"
        " mean never?); never: item_id, category and brand are all empty; and 1 more."
    )
    assert error.named.startswith("One such row: customer_id 'ada@example.org', rule 'boost', item_id '1'")
    assert refused(*rows[::-1]).told == error.told


def test_a_row_without_anything_is_told_as_such():
    error = refused({"rule": None, "item_id": None})
    assert error.named == "One such row: all of it is NULL or empty."


def test_a_column_that_may_have_been_meant_for_one_of_ours_is_told():
    query = Query(Path("sql/rules.sql"), "SELECT 1\n", uses_since=False)
    names = dict.fromkeys(["Rule", "Customer", "starts_on", "start", "note", "list"])
    rows: Any = Rows([names])
    assert unread_columns(query, rows) == {"Customer": "customer_id", "start": None, "note": None}
    assert column_warnings(query, rows) == [
        "sql/rules.sql returns a column Customer, which is not read (did you mean customer_id?)."
    ]


def test_what_is_over_is_not_looked_at_and_what_comes_is():
    row = {"rule": "nevr", "item_id": 1}
    assert read(row | {"ends_on": "2026-12-09"}).count(b"\n") == 1
    assert "did you mean never" in refused(row | {"starts_on": "2026-12-24"}).reason


def test_a_table_of_ours_is_its_list(tmp_path):
    for name in ("popular_items", "DE_Popular_Items"):
        content = read({"rule": "never", "item_id": 1, "list": name}, prefix="de_")
        assert rules_of(content, tmp_path) == [Rule(NEVER, item="1", list_name="popular_items")]


def test_rules_of_the_forgotten_are_left_out(tmp_path):
    content = read(
        {"rule": "never", "item_id": 1, "customer_id": "007"},
        {"rule": "never", "item_id": 1, "customer_id": "8"},
        {"rule": "never", "item_id": 1},
        forgotten=["7"],
    )
    assert [rule.customer for rule in rules_of(content, tmp_path)] == [None, "8"]


def test_what_is_no_integer_stays_as_it_is_for_a_shop_of_integers(tmp_path):
    texts = ["x7", "7.0", "", "9" * 30, "guest:0123456789abcdef01234567", " 07 "]
    content = read(*({"rule": "never", "item_id": 1, "customer_id": text} for text in texts))
    assert {rule.customer for rule in rules_of(content, tmp_path)} == {
        *("x7", "7.0", "9" * 30, "guest:0123456789abcdef01234567", "7", None)
    }


def test_the_query_must_have_the_column(tmp_path):
    with pytest.raises(SettingsError, match=r"rules\.sql returns no column rule; it returns item_id"):
        read({"item_id": 1})
    assert rules_of(read(), tmp_path) == []


DAYS = st.sampled_from([None, "2026-12-09", "2026-12-10", "2026-12-11", "soon"])
ROWS = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["never", "Pin", "boost", "most", "price_at_most", "nver", None]),
        "item_id": st.sampled_from([None, 1, "01", "x", ""]),
        "brand": st.sampled_from([None, "A", ""]),
        "customer_id": st.sampled_from([None, 7, "8"]),
        "list": st.sampled_from([None, "buy_again", "popular_items", "none"]),
        "value": st.sampled_from([None, 1, "2", -1, 0.5, "x"]),
        "starts_on": DAYS,
        "ends_on": DAYS,
    }
)


@given(st.lists(ROWS, max_size=6).flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_the_order_of_the_rows_does_not_matter(orders):
    answers = []
    for rows in orders:
        try:
            answers.append(read(*rows).decode())
        except RefusedError as error:
            answers.append(error.told)
    assert answers[0] == answers[1]


@given(ROWS)
def test_each_row_is_kept_or_out_of_its_dates_or_told(row):
    outside = (row["starts_on"] or "") == "2026-12-11" or (row["ends_on"] or "") == "2026-12-09"
    try:
        kept, told = read(row).count(b"\n") - 1, ""
    except RefusedError as error:
        kept, told = 0, error.told
    assert (kept == 1) is (not told and not outside)
    assert not told or ("a row is not a rule: " in told and "One such row: " in told)


# On each database


@pytest.fixture
def shop(tmp_path, shop_url):
    execute(
        shop_url,
        "CREATE TABLE sales (customer_id INTEGER, item_id INTEGER, sold_at TIMESTAMP)",
        "CREATE TABLE items (item_id INTEGER, name VARCHAR(20), sellable INTEGER)",
    )
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "sales.sql").write_text("SELECT customer_id, item_id, sold_at FROM sales")
    (tmp_path / "sql" / "items.sql").write_text("SELECT * FROM items")
    return tmp_path / "sql" / RULES_QUERY


def exported(shop: Path, url: str):
    now = datetime(2026, 12, 10, 1, 0, tzinfo=UTC)
    return export(
        database(url),
        Settings(sql_dir=shop.parent, query_timeout_seconds=60),
        folder=shop.parent.parent,
        window=window(now=now, as_of=None, history_days=30, zone=ZoneInfo("UTC")),
        forgotten=Forgotten(),
    )


def test_every_databases_own_types(shop, shop_url):
    day, real = {
        "postgresql": ("date", "double precision"),
        "mysql": ("DATE", "DOUBLE"),
        "sqlite": ("TEXT", "REAL"),
    }[database(shop_url).backend]
    execute(
        shop_url,
        f"CREATE TABLE rules (word VARCHAR(20), item BIGINT, word2 VARCHAR(20), value {real},"
        f" price NUMERIC(9,2), ends_on {day}, starts_on TIMESTAMP NULL)",
        "INSERT INTO rules VALUES ('never', 42, 'it''s 100%', 5, NULL, '2026-12-10', '2026-12-10 00:00:00')",
        "INSERT INTO rules VALUES ('PRICE_AT_LEAST', NULL, '\\:since', NULL, 9.90, '2026-12-10', NULL)",
        "INSERT INTO rules VALUES ('boost', 43, '', 2, NULL, NULL, NULL)",
        "INSERT INTO rules VALUES ('never', 44, '', 2, NULL, '2026-12-09', NULL)",
    )
    shop.write_text(
        "SELECT word AS RULE, item AS Item_Id, word2 AS category, COALESCE(value, price) AS value,"
        " starts_on, ends_on FROM rules WHERE '2026' < :since OR word <> '100%'"
    )
    found = exported(shop, shop_url)
    path = shop.parent.parent / RULES
    assert path.read_text(encoding="utf-8").splitlines()[1:] == [
        ',"boost","43",,,,2,,',
        ',"never","42","it\'s 100%",,,,2026-12-10,2026-12-10',
        ',"price_at_least",,":since",,,9.9,,2026-12-10',
    ]
    assert load_dated_rules(path)[Rule(BOOST, item="43", value=2.0)] == (None, None)
    before = found.rules_sha256
    shop.write_text("SELECT 'never' AS rule, 1 AS item_id")
    assert exported(shop, shop_url).rules_sha256 != before
    shop.unlink()
    assert exported(shop, shop_url).rules_sha256 is None


def test_a_query_that_the_database_refuses_is_named(shop, shop_url):
    shop.write_text("SELECT rule FROM nowhere")
    with pytest.raises(Exception, match=r"rules\.sql"):
        exported(shop, shop_url)


# In the night


@pytest.fixture
def night_shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


def test_a_night_keeps_the_query_and_the_rules(night_shop):
    query = night_shop.folder / "sql" / RULES_QUERY
    query.write_text("SELECT 'never' AS rule, 102 AS item_id UNION ALL SELECT 'never', 103", encoding="utf-8")
    run = night_shop.night()
    assert run.path(RULES_QUERY).read_bytes() == query.read_bytes()
    assert {RULES_QUERY, RULES} < {*run.manifest.files}
    assert [*load_dated_rules(run.path(RULES))] == [Rule(NEVER, item="102"), Rule(NEVER, item="103")]
    query.unlink()
    assert not {RULES_QUERY, RULES} & {*night_shop.night(DAY).manifest.files}


def test_a_night_without_any_rule_after_one_with_rules_says_so(night_shop):
    query = night_shop.folder / "sql" / RULES_QUERY
    query.write_text("SELECT 'never' AS rule, 102 AS item_id", encoding="utf-8")
    first = night_shop.night(DAY)
    query.write_text("SELECT 'never' AS rule, 102 AS item_id WHERE 0", encoding="utf-8")
    told = f"The lists of {first.run_id} followed rules of the shop; tonight "
    assert night_shop.night(DAY).manifest.warnings == [f"{told}rules.sql returns none that holds today."]
    assert night_shop.night(DAY).manifest.warnings == []
    query.write_text("SELECT 'never' AS rule, 102 AS item_id", encoding="utf-8")
    first = night_shop.night(DAY)
    query.unlink()
    told = f"The lists of {first.run_id} followed rules of the shop; tonight "
    assert night_shop.night(DAY).manifest.warnings == [f"{told}there is no rules.sql."]
    assert night_shop.night(DAY).manifest.warnings == []


def test_rules_that_were_changed_by_hand_between_two_stages_are_refused(night_shop):
    """As sales and items are: nobody could tell afterwards by which rules the lists were made."""
    query = night_shop.folder / "sql" / RULES_QUERY
    query.write_text("SELECT 'never' AS rule, 102 AS item_id", encoding="utf-8")
    night_shop.does("export", "--as-of", str(DAY))
    path = night_shop.last_run.path(RULES)
    content = path.read_bytes()
    for stage in ("train", "rank", "publish"):
        path.write_bytes(content.replace(b"102", b"103"))
        assert f"{RULES} is not as the stage export left it" in night_shop.fails(ExitCode.REFUSED, stage)
        path.write_bytes(content)
        night_shop.does(stage)


def test_a_training_that_was_killed_is_begun_again_with_the_rules_that_it_has_kept(night_shop):
    """It leaves out what names nothing: that is no change by hand."""
    query = night_shop.folder / "sql" / RULES_QUERY
    query.write_text("SELECT 'never' AS rule, 102 AS item_id UNION ALL SELECT 'never', 999", encoding="utf-8")
    night_shop.does("export", "--as-of", str(DAY))
    path = night_shop.last_run.path(RULES)
    exported = path.read_bytes()
    code, said = forked(night_shop, "train", fault=partial(at_point, "train", "inside", kill, step="train"))
    assert code == -signal.SIGKILL, said
    assert path.read_bytes() != exported
    for stage in ("train", "rank", "publish"):
        night_shop.does(stage, "--run", night_shop.last_run.run_id)
    assert [*load_dated_rules(path)] == [Rule(NEVER, item="102")]


def test_a_misspelt_rule_leaves_the_lists_of_the_night_before(night_shop):
    run = night_shop.night()
    shown = night_shop.lists()
    (night_shop.folder / "sql" / RULES_QUERY).write_text("SELECT 'nver' AS rule, 102 AS item_id")
    said = night_shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY))
    assert "did you mean never?" in said
    assert night_shop.lists() == shown
    assert run.run_id != night_shop.last_run.run_id


def test_a_repetition_reads_the_rules_of_then(night_shop, tmp_path):
    """From the folder or an archive; rules that were changed since are no repetition."""
    query = night_shop.folder / "sql" / RULES_QUERY
    query.write_text("SELECT 'never' AS rule, 102 AS item_id", encoding="utf-8")
    run = night_shop.night()
    archive = tmp_path / "run.zip"
    night_shop.does("runs", "export", run.run_id, str(archive))
    with zipfile.ZipFile(archive) as packed:
        assert packed.read(f"{run.run_id}/{RULES}") == run.path(RULES).read_bytes()
        assert f"{run.run_id}/{RULES_QUERY}" not in packed.namelist()
    query.unlink()
    told = json.loads(night_shop.does("reproduce", run.run_id, "--json"))
    assert RULES in [check["name"] for check in told["checks"]]
    assert "identical" in night_shop.does("reproduce", "--from-archive", str(archive))
    changed = run.path(RULES).read_bytes().replace(b"102", b"103")
    run.path(RULES).write_bytes(changed)
    outcome = night_shop.recommend("reproduce", run.run_id)
    assert outcome.code is ExitCode.REFUSED
    assert RULES in outcome.out
    run.path(RULES).unlink()
    assert night_shop.recommend("reproduce", run.run_id).code is ExitCode.REFUSED


def test_a_rollback_reads_the_rules_of_now(night_shop):
    query = night_shop.folder / "sql" / RULES_QUERY
    query.write_text("SELECT 'never' AS rule, 102 AS item_id", encoding="utf-8")
    first = night_shop.night(DAY)
    night_shop.night(date(2026, 3, 2))
    shown = night_shop.lists()
    query.write_text("SELECT 'nver' AS rule, 103 AS item_id", encoding="utf-8")
    assert "did you mean never?" in night_shop.fails(ExitCode.REFUSED, "rollback", first.run_id)
    assert night_shop.lists() == shown
    query.write_text(
        "SELECT 'never' AS rule, 103 AS item_id, '2000-01-01' AS starts_on, '9999-12-31' AS ends_on"
        " UNION ALL SELECT 'never', 104, '2000-01-01', '2000-12-31'",
        encoding="utf-8",
    )
    night_shop.does("rollback", first.run_id)
    run = night_shop.last_run
    assert [*load_dated_rules(run.path(RULES))] == [Rule(NEVER, item="103")]
    assert run.is_whole(RULES)


def test_runs_with_other_rules_are_told_apart(night_shop):
    night_shop.night()
    query = night_shop.folder / "sql" / RULES_QUERY
    query.write_text("SELECT 'never' AS rule, 102 AS item_id", encoding="utf-8")
    night_shop.night()
    said = night_shop.does("runs", "diff")
    assert "Query:   rules.sql is not the same" in said
    assert "Rules:   not the same" in said
    assert said.splitlines()[-1] == "Changed: queries, rules."


@pytest.mark.parametrize(
    "record",
    [
        "never,1",
        ",nver,1,,,,,,",
        ",pin,1,,,,,,",
        ",pin,1,,,,inf,,",
        ",never,1,,,nowhere,,,",
        ",never,1,,,,,soon,",
        ",never,1,,,,x,,",
    ],
)
def test_a_file_that_no_export_wrote_is_refused(tmp_path, record):
    path = tmp_path / RULES
    path.write_text(",".join(RULE_COLUMNS) + "\n" + record + "\n", encoding="utf-8")
    with pytest.raises(RefusedError, match=r"rules\.csv, record 1 is not a rule"):
        [*load_dated_rules(path)]
    path.write_text("rule,item_id\nnever,1\n", encoding="utf-8")
    with pytest.raises(RefusedError, match=r"rules\.csv has other columns"):
        [*load_dated_rules(path)]
