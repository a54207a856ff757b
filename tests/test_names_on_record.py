"""Customers are named to the one who calls the command, and nowhere that is kept or told again.

Each night here meets something about one customer. Who reads the log, the record, or what tells them again,
does not learn whom; cron's mail does, where the night was refused, and `check` says it again.
"""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from recommender.errors import ExitCode, OutcomeUnknownError, RefusedError, recordable
from recommender.night import run as night
from recommender.runs.folder import MODEL, NEVER_RECOMMEND, QUERIES
from recommender.system.files import sha256_of
from tests.faults.injection import patched
from tests.nights import DAY, Shop, make_shop, tastes

KEY = "Zed7731"
ITEMS = [f"i{number:02}" for number in range(24)]
NIGHT = ("-vv", "run", "--as-of", str(DAY))
TOLD_AGAIN = (
    *(("status",), ("status", "--json")),
    *(("runs",), ("runs", "--json"), ("runs", "diff"), ("runs", "diff", "--json")),
)


def shop_of(folder: Path, url: str, **settings: str) -> Shop:
    sales = tastes([KEY, *(f"c{number:02}" for number in range(20))], ITEMS)
    shop = make_shop(folder, url, sales, dict.fromkeys(ITEMS, True), **settings)
    shop.does("init", "--yes")
    return shop


@pytest.fixture
def shop(tmp_path):
    return shop_of(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


def require_unnamed(shop: Shop) -> None:
    """The key is in no file but exports, lists, models and the owner's own, nor in what tells of runs."""
    told = {"": str(shop.rows("SELECT * FROM recommendation_runs"))}
    for path in (shop.folder / "var").rglob("*"):
        is_of_customers = path.name == MODEL or path.name.endswith((".csv", ".csv.gz"))
        if path.is_file() and not is_of_customers and path.name not in (*QUERIES, NEVER_RECOMMEND):
            told[str(path)] = path.read_text(encoding="utf-8", errors="replace")
    for call in (*TOLD_AGAIN, ("reproduce", shop.last_run.run_id, "--json")):
        outcome = shop.recommend(*call)
        told[" ".join(call)] = outcome.out + outcome.err
    assert [place for place, text in told.items() if KEY.lower() in text.lower()] == []


def text_among_numbers(shop: Shop) -> None:
    """In a column of no declared type."""
    shop.execute("ALTER TABLE sales RENAME TO old", "CREATE TABLE sales AS SELECT * FROM old WHERE 0")
    shop.execute("DROP TABLE sales", "CREATE TABLE sales (customer_id, item_id TEXT, sold_at TIMESTAMP)")
    shop.execute("INSERT INTO sales SELECT customer_id, item_id, sold_at FROM old", "DROP TABLE old")
    shop.execute(f"INSERT INTO sales SELECT 7, '{ITEMS[0]}', '{DAY - timedelta(days=3)} 09:00:00'")
    shop.execute(f"DELETE FROM sales WHERE customer_id NOT IN (7, '{KEY}')")


def text_in_a_column_of_numbers(shop: Shop) -> None:
    shop.execute("ALTER TABLE sales RENAME TO old")
    shop.execute("CREATE TABLE sales (customer_id INTEGER, item_id TEXT, sold_at TIMESTAMP)")
    shop.execute("INSERT INTO sales SELECT customer_id, item_id, sold_at FROM old")


def query_of(text: str):
    def harm(shop: Shop) -> None:
        (shop.folder / "sql" / "sales.sql").write_text(text, encoding="utf-8")

    return harm


def one_key_in_the_tables(shop: Shop) -> None:
    shop.sell([(KEY.upper(), item, DAY - timedelta(days=9)) for item in ITEMS[:3]])
    (statement,) = shop.rows("SELECT sql FROM sqlite_master WHERE name = 'recommendations'")[0]
    shop.execute("DROP TABLE recommendations")
    shop.execute(statement.replace("customer_id TEXT", "customer_id TEXT COLLATE NOCASE"))


def long_key(shop: Shop) -> None:
    (statement,) = shop.rows("SELECT sql FROM sqlite_master WHERE name = 'recommendations'")[0]
    shop.execute("DROP TABLE recommendations")
    shop.execute(statement.replace("customer_id TEXT", "customer_id VARCHAR(5)"))


def trigger(shop: Shop) -> None:
    when = f"BEFORE INSERT ON recommendations WHEN NEW.customer_id = '{KEY}'"
    shop.execute(f"CREATE TRIGGER t {when} BEGIN SELECT RAISE(ABORT, 'not {KEY}'); END")


SOLD = "FROM sales WHERE sold_at >= :since"
REFUSED, DATABASE = ExitCode.REFUSED, ExitCode.DATABASE
HARMS = {
    "a text among numbers": (text_among_numbers, REFUSED),
    "a text in a column of numbers": (text_in_a_column_of_numbers, REFUSED),
    "a customer for a time": (
        query_of("SELECT item_id AS customer_id, item_id, customer_id AS sold_at FROM sales -- :since"),
        REFUSED,
    ),
    "a customer for a quantity": (
        query_of(f"SELECT customer_id, item_id, sold_at, customer_id AS quantity {SOLD}"),
        REFUSED,
    ),
    "no customers, and a time that names one": (
        query_of(f"SELECT CAST(NULL AS TEXT) AS customer_id, item_id, sold_at || ' {KEY}' AS sold_at {SOLD}"),
        REFUSED,
    ),
    "two keys that are one in the tables": (one_key_in_the_tables, REFUSED),
    "a key that is too long": (long_key, REFUSED),
    "a trigger that refuses a customer": (trigger, DATABASE),
}


@pytest.mark.parametrize("name", HARMS)
def test_a_refusal_names_the_customer_on_stderr_alone(shop, name):
    shop.night(DAY - timedelta(days=1))
    harm, code = HARMS[name]
    harm(shop)
    outcome = shop.recommend(*NIGHT)
    assert outcome.code is code, outcome.err
    last = outcome.err.splitlines()[-1]
    assert last.startswith("recommend: ")
    assert KEY.lower() in last.lower(), last
    require_unnamed(shop)
    if code is REFUSED:
        assert KEY.lower() in shop.recommend("check").out.lower()


@pytest.mark.parametrize("kind", ["score", "position"])
def test_a_list_that_cannot_be_read(shop, kind):
    for stage in ("export", "train", "rank"):
        shop.recommend(stage)
    run = shop.last_run
    path = run.path("recommendations.csv")
    row = f"{KEY},1,i01,{KEY},model,\n" if kind == "score" else f"{KEY},{KEY},i01,1,model,\n"
    path.write_text(path.read_text(encoding="utf-8") + row, encoding="utf-8")
    run.manifest.note_file(path.name, sha256_of(path))
    run.save()
    assert KEY in shop.fails(REFUSED, "publish")
    require_unnamed(shop)


def test_sales_that_cannot_be_read(shop):
    shop.recommend("export")
    run = shop.last_run
    path = run.path("sales.csv")
    path.write_text(path.read_text(encoding="utf-8") + f"i01,i01,{KEY}\n", encoding="utf-8")
    run.manifest.note_file(path.name, sha256_of(path))
    run.save()
    assert KEY in shop.fails(REFUSED, "train")
    require_unnamed(shop)


def test_a_good_night_warns_of_a_robot_or_a_slip_and_prints_nothing(shop):
    (shop.folder / "never.txt").write_text(f"{KEY}\n", encoding="utf-8")
    shop.set(NEVER_RECOMMEND="never.txt")
    shop.sell(tastes([f"d{number}" for number in range(100)], ITEMS))
    shop.sell([(KEY, item, DAY - timedelta(days=days)) for item in ITEMS[:20] for days in range(1, 200)])
    run = shop.night()  # silent
    assert any("as a robot" in text for text in run.manifest.warnings)
    assert any("1 line names no item" in text for text in run.manifest.warnings)
    require_unnamed(shop)
    said = shop.recommend("check").out
    assert f"line 1: '{KEY}'" in said
    assert said.count(KEY) > 1  # the robot, too


@pytest.mark.parametrize(
    "error",
    [
        KeyError(KEY),
        ValueError(f"could not convert {KEY}"),
        sqlite3.IntegrityError(f"of {KEY}"),
        sa.exc.StatementError(f"of {KEY}", "SELECT", {"key": KEY}, ValueError(KEY)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_nobody_foresaw(shop, error):
    def fail(*_arguments):
        raise error from LookupError(KEY)

    shop.night(DAY - timedelta(days=1))
    with patched(night, "rank_stage", fail):
        outcome = shop.recommend(*NIGHT)
    assert KEY in outcome.err.splitlines()[-1]
    require_unnamed(shop)
    log = shop.last_run.path("log.jsonl").read_text(encoding="utf-8")
    assert "test_names_on_record.py" in log  # where it came about
    assert type(error).__name__ in log
    assert shop.last_run.manifest.error == recordable(error)


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_on_stderr_is_no_less_careful_with_json(shop, form):
    def fail(*_arguments):
        raise RefusedError("tried", "A key is odd.", "Mend it.", named=f"It is {KEY}.")

    with patched(night, "rank_stage", fail):
        lines = shop.recommend("-v", "--log-format", form, "run").err.splitlines()
    assert lines[-1] == f"recommend: A key is odd. It is {KEY}. Mend it. [tried]"
    assert KEY not in "".join(lines[:-1])


def test_a_server_that_names_the_customer(tmp_path, database_url):
    """Triggers of the shop's, which say whom they refuse."""
    shop = shop_of(tmp_path / "shop", database_url)
    backend = sa.make_url(database_url).get_backend_name()
    if backend == "postgresql":
        body = "BEGIN RAISE EXCEPTION 'not %', NEW.customer_id; END"
        shop.execute(
            f"CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $${body}$$".replace("%", "%%"),
            f"CREATE TRIGGER t BEFORE INSERT ON recommendations FOR EACH ROW WHEN (NEW.customer_id = '{KEY}')"
            " EXECUTE FUNCTION no()",
        )
    elif backend == "mysql":
        shop.execute(
            "CREATE TRIGGER t BEFORE INSERT ON recommendations FOR EACH ROW"
            f" IF NEW.customer_id = '{KEY}' THEN SIGNAL SQLSTATE '45000'"
            f" SET MESSAGE_TEXT = 'not {KEY}'; END IF"
        )
    else:
        trigger(shop)
    assert f"In its own words: not {KEY}" in shop.fails(DATABASE, "run", "--as-of", str(DAY))
    assert "error " in str(shop.last_run.manifest.error)
    require_unnamed(shop)


def test_a_cast_that_names_the_customer(tmp_path, postgresql):
    shop = shop_of(tmp_path / "shop", postgresql.create_database())
    query_of(f"SELECT customer_id::int AS customer_id, item_id, sold_at {SOLD}")(shop)
    shop.execute(f"DELETE FROM sales WHERE customer_id <> '{KEY}'")
    assert KEY in shop.fails(DATABASE, "run", "--as-of", str(DAY))
    require_unnamed(shop)


def test_what_is_made_of_an_error_names_the_same():
    error = OutcomeUnknownError("tried", "Unknown.", "Wait.", named=f"It is {KEY}.")
    assert str(error) == recordable(error) == "Unknown. Wait. [tried]"
    assert error.told == f"Unknown. It is {KEY}."
