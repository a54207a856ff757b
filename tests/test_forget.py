"""Customers forgotten: nothing of them in any byte of DATA_DIR or the tables, and no way back."""

import gzip
import io
import json
import shutil
import signal
import zipfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from recommender.errors import ExitCode
from recommender.export.forgotten import Forgotten, _hash_of
from recommender.learning.modelfile import load_model
from recommender.night.trials import kept_choice
from recommender.operations.erasure import _naming, erase, find_traces
from recommender.operations.pastsales import find_sales
from recommender.runs import archive
from recommender.runs.folder import LOG, MODEL, RULES, RULES_QUERY, SALES, load_run
from recommender.runs.history import History
from recommender.runs.manifest import GateFinding, Status
from recommender.runs.rules import RULE_COLUMNS, Rule, RuleKind, load_dated_rules
from recommender.settings import load_settings
from recommender.system import csvform, files
from recommender.system.csvform import quote
from recommender.system.files import sha256_of
from recommender.system.progress import Progress
from recommender.system.text import escaped, shortened
from tests.faults.injection import forked, kill, patched
from tests.faults.support import few
from tests.nights import DAY, FORGET_KEY, ITEMS_SQL, Shop, make_shop, tastes, usual_shop

pytestmark = pytest.mark.sqlite_proves

KEY = 'anaïs,"forget"@me'
"""A key that every form of quotes changes."""
GUEST_KEY = "g" * 32


class StopError(Exception):
    """The process ended here."""


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'shop.db'}"


def contents(path):
    """All bytes of a file, and of what is packed in it."""
    data = path.read_bytes()
    yield data
    if path.suffix == ".gz":
        yield gzip.decompress(data)
    if path.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for name in packed.namelist():
                inner = packed.read(name)
                yield gzip.decompress(inner) if name.endswith(".gz") else inner


def places(shop, key=KEY):
    """Where anything of the customer is: files of the folder, and tables of ours."""
    forms = {form.encode() for form in (key, quote(key), json.dumps(key), json.dumps(key)[1:-1], repr(key))}
    forms |= {json.dumps(key, ensure_ascii=False)[1:-1].encode()}
    files = [path for path in sorted(shop.folder.rglob("*")) if path.is_file() and path.suffix != ".db"]
    found = {path.name for path in files for text in contents(path) if any(form in text for form in forms)}
    tables = shop.dump()
    return found | {
        table
        for table in ("recommendations", "buy_again", "recommendation_runs", "forgotten_customers")
        if any(key in row or repr(key) in row for row in tables[table])
    }


def text_shop(folder, url, **settings):
    """The usual shop with texts for keys, and a customer who is to be forgotten."""
    customers = [f"c{number:02}" for number in range(20)]
    items = [f"i{number:02}" for number in range(24)]
    sales = tastes([*customers, KEY], items)
    sales += [(KEY, items[2], DAY - timedelta(days=days)) for days in (30, 60, 90)]  # who buys again
    shop = make_shop(folder, url, sales, dict.fromkeys(items, True), REPEAT_PURCHASES="include", **settings)
    shop.does("init", "--yes")
    return shop


def told_by_an_earlier_version(run, *texts):
    """As errors and logs had keys in their words."""
    run.manifest.manifest_version = 1
    run.manifest.warnings += texts
    run.save()
    with run.path(LOG).open("a", encoding="utf-8") as file:
        file.writelines(json.dumps({"message": text}) + "\n" for text in texts)


@pytest.mark.each_database
def test_nothing_is_left_and_nothing_comes_back(tmp_path, database_url):
    shop = text_shop(tmp_path / "shop", database_url, LISTS="recommendations,buy_again,popular_items")
    first = shop.night(DAY - timedelta(days=1))
    shop.night()
    shop.does("runs", "export", first.run_id, str(shop.folder / "first.zip"))
    shop.does("export", "--as-of", str(DAY))
    shop.does("train")
    shop.does("rank")
    before = places(shop)
    assert before >= {"sales.csv", "sales.csv.gz", "recommendations.csv", MODEL, "first.zip"}
    assert before >= {"recommendations", "buy_again", "buy_again.csv"}
    assert not before & {LOG, "manifest.json"}
    outcome = shop.recommend("forget", KEY)
    assert outcome.code is ExitCode.REFUSED
    assert "Delete these files:" in outcome.out
    assert "Not reached" not in outcome.out
    assert KEY not in outcome.out
    assert places(shop) == {"first.zip"}
    (shop.folder / "first.zip").unlink()
    shop.does("forget")
    assert places(shop) == set()
    shop.does("publish")
    shop.night()
    assert places(shop) == set()
    assert shop.last_run.manifest.counts["forgotten"] == 7
    other = Shop(tmp_path / "new machine", database_url, shop.settings)
    shutil.copytree(shop.folder / "sql", other.folder / "sql")
    other.set().night()
    assert places(other) == set()
    assert shop.rows("SELECT count(*) FROM forgotten_customers") == [(2,)]


def test_who_stays_is_as_before(tmp_path, sqlite_url):
    """All that was of others stays to the byte; the record says which files were rewritten, and how."""
    shop = text_shop(tmp_path / "shop", sqlite_url)
    run = shop.night()
    lists = run.path("recommendations.csv").read_text(encoding="utf-8").splitlines()
    with gzip.open(run.path(f"{SALES}.gz"), "rt", encoding="utf-8") as file:
        sales = file.read().splitlines()
    model, files, table = load_model(run.path(MODEL)), run.manifest.files, shop.lists()
    shop.does("forget", KEY)
    run, after = shop.last_run, load_model(run.path(MODEL))
    others = [line for line in lists if not line.startswith(quote(KEY))]
    assert run.path("recommendations.csv").read_text(encoding="utf-8").splitlines() == others
    with gzip.open(run.path(f"{SALES}.gz"), "rt", encoding="utf-8") as file:
        assert file.read().splitlines() == [line for line in sales if not line.startswith(quote(KEY))]
    place = model.user_ids.as_texts().index(KEY)
    assert after.user_ids.as_texts() == [key for key in model.user_ids.as_texts() if key != KEY]
    assert [*after.user_factors[place]] == [*model.user_factors[place + 1]]
    del table[KEY]
    assert shop.lists() == table
    assert run.manifest.files == files
    rewritten = {name: hashes[-1] for name, hashes in run.manifest.forgotten.items()}
    assert rewritten.keys() >= {SALES, "recommendations.csv", MODEL}
    assert rewritten[MODEL] == sha256_of(run.path(MODEL))
    assert rewritten["recommendations.csv"] == sha256_of(run.path("recommendations.csv"))
    unchanged = run.manifest.files.keys() - rewritten.keys() - {SALES}
    assert all(sha256_of(run.path(name)) == files[name] for name in unchanged)


def test_earlier_nights_still_serve(tmp_path, database_url):
    """Rollback, load, warm start and archive take the rewritten files, and no others."""
    shop = text_shop(tmp_path / "shop", database_url)
    first, second = shop.night(DAY - timedelta(days=1)), shop.night()
    shop.does("forget", KEY)
    shop.does("rollback")
    assert KEY not in shop.lists()
    assert shop.lists()
    third = shop.night(DAY + timedelta(days=1), "--load")
    assert third.manifest.origin.mode == "loaded"
    assert third.manifest.warnings == []
    shop.does("rollback", second.run_id)
    # The second began with the model of the first, of which the hash is another by now.
    assert second.manifest.origin.chain[-1].run_id == first.run_id
    shop.does("runs", "export", second.run_id, str(tmp_path / "second.zip"))
    assert "Customers were forgotten since" in shop.fails(ExitCode.REFUSED, "reproduce", second.run_id)
    assert "identical" in shop.does("reproduce", third.run_id)
    first.path("recommendations.csv").write_text("", encoding="utf-8")
    assert "no longer what was published" in shop.fails(ExitCode.REFUSED, "rollback", first.run_id)


def test_a_backup_does_not_bring_them_back(tmp_path, sqlite_url):
    shop = text_shop(tmp_path / "shop", sqlite_url)
    first = shop.night(DAY - timedelta(days=1))
    shop.night()
    shop.does("export", "--as-of", str(DAY))
    shop.does("train")
    shop.does("rank")
    for run in shop.runs:
        told_by_an_earlier_version(run, f"The key '{KEY}' is odd.")
    shutil.copytree(shop.folder / "var", tmp_path / "backup")
    shop.does("forget", KEY)
    assert places(shop) == set()
    shutil.rmtree(shop.folder / "var")
    shutil.copytree(tmp_path / "backup", shop.folder / "var")
    assert "1 customers who are to be forgotten have lists" in shop.fails(ExitCode.REFUSED, "publish")
    shop.does("rollback", first.run_id)
    assert KEY not in shop.lists()
    waiting = next(run for run in shop.runs if run.manifest.status is Status.REFUSED)
    shop.does("train", "--run", waiting.run_id)
    assert KEY not in load_model(waiting.path(MODEL)).user_ids.as_texts()
    loaded = shop.night(DAY + timedelta(days=1), "--load")
    assert KEY not in load_model(loaded.path(MODEL)).user_ids.as_texts()
    assert places(shop) >= {LOG, "manifest.json"}
    shop.does("forget")
    assert places(shop) == set()


def test_a_database_from_before_does_not_bring_them_back(tmp_path, database_url):
    """Nor another one, nor a table that somebody emptied: DATA_DIR has a copy."""
    shop = text_shop(tmp_path / "shop", database_url)
    shop.night(DAY - timedelta(days=2))
    shop.does("forget", KEY)
    shop.execute("DELETE FROM forgotten_customers")
    (warning,) = [
        text for text in shop.night(DAY - timedelta(days=1)).manifest.warnings if "forgotten" in text
    ]
    assert "1 forgotten customers are not in" in warning
    assert places(shop) == set()
    shop.does("forget")  # puts them back into the table
    assert not [text for text in shop.night().manifest.warnings if "forgotten" in text]
    assert shop.rows("SELECT count(*) FROM forgotten_customers") == [(2,)]
    other = Shop(tmp_path / "new machine", database_url, shop.settings)
    shutil.copytree(shop.folder / "sql", other.folder / "sql")
    other.set().night()  # from which the copy is made there
    shop.execute("DELETE FROM forgotten_customers")
    other.night()
    assert places(other) == set()


def test_another_guest_key_does_not_bring_guests_back(tmp_path, sqlite_url):
    shop = usual_shop(tmp_path / "shop", sqlite_url, GUEST_KEY=GUEST_KEY)
    shop.night()
    shop.does("forget", "--guest-email", "a@example.org", "--even-unknown")
    shop.does("forget", "7")
    shop.night(DAY + timedelta(days=1))
    shop.set(GUEST_KEY="h" * 32)
    for call in (("run",), ("rollback",), ("forget", "7"), ("evaluate", "--fresh")):
        assert "GUEST_KEY is not the one under which" in shop.fails(ExitCode.SETTINGS, *call)
    assert "Forgotten: 3 in all" in shop.does("forget", "--guest-email", "a@example.org", "--even-unknown")
    shop.night(DAY + timedelta(days=2))


def test_a_fresh_evaluation_does_not_read_them(tmp_path, sqlite_url):
    shop = text_shop(tmp_path / "shop", sqlite_url)
    shop.does("forget", KEY)
    settings = load_settings({}, shop.env_file)
    with find_sales(settings, fresh=True, now=datetime.now(UTC), progress=Progress()) as found:
        assert quote(KEY) not in found.path.read_text(encoding="utf-8")
    assert "1 customers are forgotten" in shop.recommend("check").out


def test_a_guest_is_forgotten_by_address(tmp_path, sqlite_url):
    settings = {"GUEST_KEY": GUEST_KEY, "PUBLISH_GUESTS": "yes"}
    shop = usual_shop(tmp_path / "shop", sqlite_url)
    shop.execute("DROP TABLE recommendations", "DROP TABLE buy_again")
    query = "SELECT customer_id, item_id, sold_at, guest_email FROM sales WHERE sold_at >= :since"
    (shop.folder / "sql" / "sales.sql").write_text(query, encoding="utf-8")
    lines = [
        f"NULL, {item}, '2026-02-01 10:00:00', 1, '{name}@example.org'"
        for item in (102, 105)
        for name in "ab"
    ]
    columns = "customer_id, item_id, sold_at, quantity, guest_email"
    shop.set(**settings).execute(*(f"INSERT INTO sales ({columns}) VALUES ({line})" for line in lines))
    shop.does("init", "--yes")
    shop.night()
    guests = {key for key in shop.lists() if key.startswith("guest:")}
    assert len(guests) == 2
    shop.does("forget", "--guest-email", " A@Example.org ")
    (left,) = {key for key in shop.lists() if key.startswith("guest:")}
    (gone,) = guests - {left}
    assert "the guest of that address" in shop.fails(
        ExitCode.REFUSED, "forget", "--guest-email", "c@example.org"
    )
    shop.does("forget", "--guest-email", "a@example.org")  # whom only the shop and the hash still know
    shop.night()
    assert left in shop.lists()
    assert gone not in shop.lists()
    assert places(shop, gone) == set()
    shop.settings.pop("GUEST_KEY")
    shop.set()
    for more in ((), ("--undo",)):
        said = shop.fails(ExitCode.SETTINGS, "forget", "--guest-email", "b@example.org", *more)
        assert "GUEST_KEY is not set" in said


def test_another_key_or_none_is_refused_everywhere(tmp_path, sqlite_url):
    shop = usual_shop(tmp_path / "shop", sqlite_url)
    shop.night(DAY - timedelta(days=1))
    first = shop.night()
    shop.does("forget", "7")
    table = shop.dump()["forgotten_customers"]
    for key, words in (("x" * 32, "is not the one under which"), ("", "FORGET_KEY is not set")):
        shop.set(FORGET_KEY=key)
        for call in (("run",), ("export",), ("rollback",), ("forget", "8"), ("evaluate", "--fresh")):
            assert words in shop.fails(ExitCode.SETTINGS, *call)
    assert shop.dump()["forgotten_customers"] == table
    shop.set(FORGET_KEY=FORGET_KEY).does("rollback", shop.runs[0].run_id)
    assert 7 not in shop.lists()
    assert first.run_id != shop.last_run.run_id


def test_without_a_key_or_the_table_init_is_named(tmp_path, sqlite_url):
    shop = usual_shop(tmp_path / "shop", sqlite_url).set(FORGET_KEY="")
    assert "Run `recommend init`" in shop.fails(ExitCode.SETTINGS, "forget", "7")
    shop.execute("DROP TABLE forgotten_customers")
    shop.night()  # nobody was forgotten, and nobody could be
    shop.set(FORGET_KEY=FORGET_KEY)
    for call in (("forget", "7"), ("run",)):
        assert "there is no table" in shop.fails(ExitCode.SETTINGS, *call)
    assert "Created forgotten_customers" in shop.does("init", "--yes")
    shop.does("forget", "7")


def test_a_key_that_cannot_be_one(tmp_path, sqlite_url):
    shop = usual_shop(tmp_path / "shop", sqlite_url)
    shop.night()
    assert "have numbers; 'seven' is not a number" in shop.fails(ExitCode.SETTINGS, "forget", "seven")
    assert "not both" in shop.fails(ExitCode.SETTINGS, "forget", "7", "--guest-email", "a@b")
    assert "Nobody was ever forgotten" in shop.fails(ExitCode.REFUSED, "forget")
    assert "nothing to erase" in shop.does("forget", "999", "--even-unknown")
    assert "Forgotten: 2 in all" in shop.does("forget", "007")
    assert 7 not in shop.lists()


@pytest.mark.parametrize("key", ["7", "c07"])
def test_what_an_earlier_version_said_goes_where_it_names_the_customer(tmp_path, sqlite_url, key):
    make = usual_shop if key == "7" else text_shop
    shop = make(tmp_path / "shop", sqlite_url)
    first, second, third = (shop.night(DAY - timedelta(days=days)) for days in (2, 1, 0))
    told_by_an_earlier_version(first, "Nobody is named.", f"The customer {key} is.")
    first.manifest.error = f"The keys '{key.upper()}' and '{key}' are equal."
    first.manifest.gate = [GateFinding("length", f"'{key}' is long.", what_to_do="", forceable=False)]
    first.save()
    told_by_an_earlier_version(second, "Nobody is named.")
    second.path(LOG).write_text('{"message": "Nobody is named."}\n', encoding="utf-8")
    log = third.path(LOG).read_bytes()
    said = shop.does("forget", key)
    assert LOG in said
    first, second, third = (load_run(run.folder) for run in (first, second, third))
    assert not first.path(LOG).exists()
    assert first.manifest.warnings == ["Nobody is named.", "[forgotten]"]
    assert first.manifest.error == first.manifest.gate[0].message == "[forgotten]"
    assert second.path(LOG).exists()
    assert second.manifest.warnings == ["Nobody is named."]
    assert third.path(LOG).read_bytes() == log


@pytest.mark.parametrize("key", [KEY, "o'hara", "x" * 77, "ü" * 77, '"' + "y" * 900, "a b" * 300, "-1", "7"])
def test_every_form_in_which_a_message_has_a_key_is_found(key):
    naming = _naming([key])
    assert naming is not None
    forms = [key, repr(key), quote(key), key.replace("'", "''"), shortened(key), shortened(repr(key))]
    # As PostgreSQL cuts a value in the detail of an error.
    forms.append(key.encode()[:64].decode(errors="ignore") + "...")
    for form in forms:
        said = f"It has ({form}) in a row."
        assert all(
            naming.search(text)
            for text in (said, json.dumps(said), escaped(json.dumps(said, ensure_ascii=False)))
        )
    assert not naming.search("It has (17, 1-17) in a row.")
    assert _naming([""]) is None


def test_two_keys_that_are_one_customer_to_the_database_are_forgotten_together(tmp_path, mariadb):
    customers = ["Tess", "tess", *(f"c{number}" for number in range(9))]
    items = [f"i{number:02}" for number in range(12)]
    url = mariadb.create_database()
    shop = make_shop(tmp_path / "shop", url, tastes(customers, items), dict.fromkeys(items, True))
    shop.does("init", "--yes")
    shop.execute("ALTER TABLE recommendations MODIFY customer_id VARCHAR(100) COLLATE utf8mb4_general_ci")
    assert "'Tess'" in shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY))
    assert "recommendations.csv" in places(shop, "Tess")
    assert not places(shop, "Tess") & {"manifest.json", LOG}
    assert "Forgotten: 2 in all" in shop.does("forget", "TESS")
    assert places(shop, "Tess") == places(shop, "tess") == set()


@pytest.mark.parametrize("reached", few([*range(1, 9)], 3))
def test_what_is_cut_short_is_finished_by_the_next_call(tmp_path, sqlite_url, monkeypatch, reached):
    """At each rename of a file, of which there are two for each: the record's and its own."""
    shop = text_shop(tmp_path / "shop", sqlite_url)
    first = shop.night(DAY - timedelta(days=1))
    shop.night()
    count = 0
    replace = type(tmp_path).replace

    def stopping(self, target):
        nonlocal count
        count += 1
        if count == reached:
            raise StopError
        return replace(self, target)

    with monkeypatch.context() as patched, suppress(StopError):
        patched.setattr(type(tmp_path), "replace", stopping)
        shop.recommend("forget", KEY)
    assert count >= reached
    assert KEY not in shop.lists()  # the tables come first
    shop.does("forget")
    assert places(shop) == set()
    shop.does("rollback", first.run_id)  # whose files are accepted


def test_archives_that_hold_them_are_to_be_deleted(tmp_path, sqlite_url):
    shop = usual_shop(tmp_path / "shop", sqlite_url)
    run = shop.night()
    here, away, other = tmp_path / "here.zip", tmp_path / "away.zip", tmp_path / "other.zip"
    for file in (here, away):
        shop.does("runs", "export", run.run_id, str(file))
    away.rename(tmp_path / "moved.zip")
    content = here.read_bytes()
    for call in (("forget", "7"), ("forget",)):
        outcome = shop.recommend(*call)
        assert outcome.code is ExitCode.REFUSED
        listed, _, elsewhere = outcome.out.partition("Not reached")
        assert f"Delete these files:\n  {here} (run {run.run_id}" in listed
        assert f"{away} (run {run.run_id}" in elsewhere
    assert here.read_bytes() == content
    here.unlink()
    shop.does("runs", "export", shop.night(DAY + timedelta(days=1)).run_id, str(other))
    assert str(other) not in shop.does("forget")  # the customer was never in it
    assert str(other) in shop.recommend("forget", "8").out


def with_rules(shop):
    """A night, kept as an archive too, with rules of the customer, of another, and for all."""
    shop.execute(
        "CREATE TABLE rules (rule VARCHAR(20), item_id VARCHAR(100), customer_id VARCHAR(100))",
        "INSERT INTO rules VALUES ('never', 'i01', NULL), ('never', 'i02', 'c01')",
    )
    shop.execute("INSERT INTO rules VALUES ('never', 'i03', :key)", rows=[{"key": KEY}])
    (shop.folder / "sql" / RULES_QUERY).write_text("SELECT * FROM rules", encoding="utf-8")
    run = shop.night()
    shop.does("runs", "export", run.run_id, str(shop.folder / "first.zip"))
    return run


@pytest.mark.each_database
def test_rules_of_the_customer_are_erased_and_not_read_again(tmp_path, database_url):
    shop = text_shop(tmp_path / "shop", database_url)
    run = with_rules(shop)
    assert [rule.customer for rule in [*load_dated_rules(run.path(RULES))]] == [None, KEY, "c01"]
    assert {RULES, "first.zip"} <= places(shop)
    assert shop.recommend("forget", KEY).code is ExitCode.REFUSED  # the archive is to be deleted
    assert places(shop) == {"first.zip"}
    run = shop.runs[0]
    assert [rule.customer for rule in [*load_dated_rules(run.path(RULES))]] == [None, "c01"]
    assert run.manifest.sha256_of(RULES) == sha256_of(run.path(RULES))
    (shop.folder / "first.zip").unlink()
    shop.does("forget")
    shop.night(DAY + timedelta(days=1))
    assert places(shop) == set()


def test_a_rule_alone_is_a_trace(tmp_path):
    """Of a customer whose sales are too old for the night; what is for all has no customer."""
    path = tmp_path / RULES
    lines = [",".join(RULE_COLUMNS), ",never,i01,,,,,,", f"{quote(KEY)},never,i02,,,,,,", ",never,i03,,,,,,"]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    traces = find_traces(tmp_path, Forgotten("x", {_hash_of("x", KEY.encode())}))
    assert traces.names == {KEY}
    assert erase(traces) == [RULES]
    assert [*load_dated_rules(path)] == [Rule(RuleKind.NEVER, item="i01"), Rule(RuleKind.NEVER, item="i03")]


def test_rules_that_name_the_customer_in_the_query_are_told(tmp_path, sqlite_url):
    shop = text_shop(tmp_path / "shop", sqlite_url)
    query = shop.folder / "sql" / RULES_QUERY
    text = "SELECT 'never' AS rule, 'i01' AS item_id, '{}' AS customer_id"
    query.write_text(text.format(KEY.replace("'", "''")), encoding="utf-8")
    shop.night()
    said = shop.does("forget", KEY)
    assert str(query) in said
    assert str(shop.runs[0].path(RULES_QUERY)) in said


def test_an_archive_of_an_earlier_version_is_looked_into_for_words_too(tmp_path, sqlite_url):
    shop = text_shop(tmp_path / "shop", sqlite_url)
    run = shop.night()
    told_by_an_earlier_version(run, "The key 'somebody' is odd.")
    file = tmp_path / "run.zip"
    shop.does("runs", "export", run.run_id, str(file))
    record = shop.folder / "var" / archive.RECORD
    line = json.loads(record.read_text(encoding="utf-8")) | {"sha256": "0" * 64}  # as it had
    record.write_text(json.dumps(line) + "\n", encoding="utf-8")
    assert str(file) in shop.recommend("forget", "somebody", "--even-unknown").out
    assert str(file) not in shop.does("forget", "nobody", "--even-unknown")


def test_who_is_forgotten_while_an_archive_is_made_is_told_and_found_later(tmp_path, sqlite_url, monkeypatch):
    shop = text_shop(tmp_path / "shop", sqlite_url)
    run = shop.night()
    file = shop.folder / "run.zip"
    copy, said = shutil.copyfileobj, ""

    def interrupted(source, *arguments):
        nonlocal said
        copy(source, *arguments)
        if source.name.endswith(f"{SALES}.gz"):
            said = shop.does("forget", KEY)

    with monkeypatch.context() as patched_once:
        patched_once.setattr(shutil, "copyfileobj", interrupted)
        shop.does("runs", "export", run.run_id, str(file))
    assert f"-{file.name} is being written by `recommend runs export`" in said
    assert places(shop) == {file.name}
    assert f"Delete these files:\n  {file}" in shop.recommend("forget").out


MOMENTS = {
    "while packing": (shutil, "copyfileobj"),
    "before it takes its place": (Path, "replace"),
    "behind that": (files, "sync_folder"),
}


def killed(moment):
    return patched(*MOMENTS[moment], lambda *_: kill())


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_export_that_was_killed_leaves_nothing_unknown(tmp_path, sqlite_url, moment):
    shop = text_shop(tmp_path / "shop", sqlite_url)
    run = shop.night()
    file = shop.folder / "run.zip"
    code, _ = forked(shop, "runs", "export", run.run_id, str(file), fault=partial(killed, moment))
    assert code == -signal.SIGKILL
    said = shop.recommend("forget", KEY).out
    left = [*shop.folder.glob(".tmp-*")]
    if moment == "behind that":
        assert not left
        assert f"Delete these files:\n  {file}" in said
    else:
        assert f"{left[0]} is being written" in said


def test_archives_of_which_the_record_cannot_tell_are_told(tmp_path, sqlite_url):
    shop = text_shop(tmp_path / "shop", sqlite_url)
    run = shop.night()
    real, link, other = (tmp_path / name for name in ("real.zip", "link.zip", "other.zip"))
    for file in (link, other):
        shop.does("runs", "export", run.run_id, str(file))
    link.rename(real)
    link.symlink_to(real)
    record = shop.folder / "var" / archive.RECORD
    with record.open("a", encoding="utf-8") as lines:
        lines.write('{"run_id": "')  # cut short; the next one begins on a line of its own
    third = tmp_path / "third.zip"
    shop.does("runs", "export", run.run_id, str(third))
    other.write_bytes(b"something else")
    listed, _, rest = shop.recommend("forget", KEY).out.partition("Not reached")
    assert f"  {link} (run {run.run_id}" in listed
    assert f"  {third} (run {run.run_id}" in listed
    assert f"line 3 of {record} is damaged" in rest
    assert f"{other} (run {run.run_id}" in rest


def test_folders_of_which_nobody_knows_are_told(tmp_path, sqlite_url, monkeypatch):
    shop = text_shop(tmp_path / "shop", sqlite_url)
    run = shop.night()
    scratch = tmp_path / "tmp" / "recommend-x" / "archive"
    scratch.mkdir(parents=True)
    monkeypatch.setattr("recommender.operations.forget.gettempdir", lambda: str(tmp_path / "tmp"))
    copies = [shop.folder / "var" / "old", run.folder.with_name(f"{run.run_id}.bak"), scratch.parent]
    for copy in copies[:2]:
        shutil.copytree(run.folder, copy)
    said = shop.does("forget", KEY).partition("Not reached")[2]
    assert all(f"{path} is none of the kept runs" in said for path in copies)
    assert said.count("is none of the kept runs") == len(copies)


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_done(tmp_path, sqlite_url):
    shop = text_shop(tmp_path / "shop", sqlite_url)
    first, second = shop.night(DAY - timedelta(days=1)), shop.night()
    first.path(MODEL).write_bytes(first.path(MODEL).read_bytes()[:500])
    outcome = shop.recommend("forget", KEY)
    assert outcome.code is ExitCode.REFUSED
    assert f"remove these folders:\n  {first.path(MODEL)}" in outcome.out
    assert places(shop) <= {MODEL}
    shutil.rmtree(first.folder)
    shop.does("forget")
    assert second.run_id in {run.run_id for run in shop.runs}


def test_a_record_that_cannot_be_read_is_told(tmp_path, sqlite_url):
    shop = text_shop(tmp_path / "shop", sqlite_url)
    first, _ = shop.night(DAY - timedelta(days=1)), shop.night()
    left = first.folder / ".tmp-1-sales.csv"
    left.write_text(KEY, encoding="utf-8")
    first.path("manifest.json").write_text(f'{{"error": {json.dumps(KEY)}', encoding="utf-8")
    outcome = shop.recommend("forget", KEY)
    assert outcome.code is ExitCode.REFUSED
    assert f"{first.path('manifest.json')} is damaged" in outcome.out
    assert places(shop) == {"manifest.json"}
    assert not left.exists()


def test_a_folder_that_may_not_be_written_keeps_no_other_from_it(tmp_path, sqlite_url, monkeypatch):
    shop = text_shop(tmp_path / "shop", sqlite_url)
    first, second = shop.night(DAY - timedelta(days=1)), shop.night()
    real = files.new_file

    def refused(path):
        if path.parent == first.folder:
            raise PermissionError(13, "Permission denied", str(path))
        real(path)

    with monkeypatch.context() as patched:
        patched.setattr(files, "new_file", refused)
        outcome = shop.recommend("forget", KEY)
    assert outcome.code is ExitCode.REFUSED
    assert "Permission denied" in outcome.out
    assert all(KEY.encode() not in text for path in second.folder.iterdir() for text in contents(path))
    shop.does("forget")
    assert places(shop) == set()


def test_a_column_of_another_text_type_hides_nobody(tmp_path, postgresql, mariadb):
    for server, change in (
        (postgresql, "ALTER TABLE recommendations ALTER customer_id TYPE char(40)"),
        (mariadb, "ALTER TABLE recommendations MODIFY customer_id VARBINARY(200)"),
    ):
        shop = text_shop(tmp_path / change[-8:-4], server.create_database())
        shop.execute(change)
        shop.night()
        assert "recommendations: 1 rows removed" not in shop.does("forget", "c0", "--even-unknown")
        said = shop.does("forget", "c05")
        assert "recommendations: 0 rows" not in said
        assert "c05" not in str(shop.rows("SELECT customer_id FROM recommendations"))


def test_before_the_first_night_the_tables_tell_numbers_from_texts(tmp_path, sqlite_url):
    shop = usual_shop(tmp_path / "shop", sqlite_url)
    shop.does("forget", "007")
    assert "have numbers; 'seven' is not a number" in shop.fails(ExitCode.SETTINGS, "forget", "seven")
    shop.night()
    assert 7 not in shop.lists()
    assert 8 in shop.lists()


def test_a_key_that_is_no_text_is_refused(tmp_path, sqlite_url):
    shop = usual_shop(tmp_path / "shop", sqlite_url)
    for command in ("forget", "show"):
        assert "'?' is not UTF-8" in shop.fails(ExitCode.SETTINGS, command, "\udcff")


def test_queries_that_name_the_customer_are_told(tmp_path, sqlite_url):
    shop = text_shop(tmp_path / "shop", sqlite_url)
    path = shop.folder / "sql" / "items.sql"
    path.write_text(f"-- not for {KEY}\n{ITEMS_SQL}", encoding="utf-8")
    named = "Named in your own queries, which stay as you wrote them:"
    assert f"{named}\n  {path}" in shop.does("forget", KEY)
    path.write_text(
        f"-- WHERE name <> 'O''Hara' OR guest <> 'Ann@example.org'\n{ITEMS_SQL}", encoding="utf-8"
    )
    shop.set(GUEST_KEY=GUEST_KEY)
    assert f"{named}\n  {path}" in shop.does("forget", "o'hara", "--even-unknown")
    assert f"{named}\n  {path}" in shop.does("forget", "--guest-email", " ann@Example.org", "--even-unknown")
    assert named not in shop.does("forget", "somebody", "--even-unknown")


def test_retrain_trains_from_nothing(tmp_path, sqlite_url):
    shop = usual_shop(tmp_path / "shop", sqlite_url)
    shop.night(DAY - timedelta(days=1))
    assert shop.night().manifest.origin.mode == "warm"
    assert "Trained from nothing and published" in shop.does("forget", "7", "--retrain")
    manifest = shop.last_run.manifest
    assert manifest.origin.mode == "cold"
    assert manifest.origin.chain == []
    assert 7 not in shop.lists()


@pytest.mark.parametrize("settings", [{}, {"TRAIN_EVERY_DAYS": "7"}])
def test_no_night_begins_with_a_model_that_learned_from_the_forgotten(tmp_path, sqlite_url, settings):
    shop = usual_shop(tmp_path / "shop", sqlite_url, **settings)
    shop.night(DAY - timedelta(days=2))
    before = shop.night(DAY - timedelta(days=1))
    assert before.manifest.origin.mode in ("warm", "loaded")
    shop.does("forget", "7")
    after = shop.night()
    assert after.manifest.origin.mode == "cold"
    assert (
        f"the model of {before.run_id} learned from a customer who is forgotten" in after.manifest.origin.why
    )
    # From a model without a trace nights go on as ever.
    assert shop.night(DAY + timedelta(days=1)).manifest.origin.mode == before.manifest.origin.mode


def test_a_trace_goes_down_the_chain(tmp_path, sqlite_url):
    """The customer is in the first model alone, from which the second began."""
    shop = usual_shop(tmp_path / "shop", sqlite_url)
    shop.night(DAY - timedelta(days=2))
    shop.execute("DELETE FROM sales WHERE customer_id = 7")
    middle = shop.night(DAY - timedelta(days=1))
    assert middle.manifest.origin.mode == "warm"
    shop.does("forget", "7")
    assert MODEL not in load_run(middle.folder).manifest.forgotten
    assert shop.night().manifest.origin.mode == "cold"


def test_a_run_of_the_day_of_a_retraining_is_trained_from_nothing_too(tmp_path, sqlite_url):
    shop = usual_shop(tmp_path / "shop", sqlite_url)
    shop.night(DAY - timedelta(days=1))
    shop.does("forget", "7", "--retrain")
    retrained = shop.last_run
    again = shop.night(None)
    assert again.manifest.origin.mode == "cold"
    assert again.manifest.sha256_of(MODEL) == retrained.manifest.sha256_of(MODEL)


def test_weights_that_were_learned_from_the_forgotten_are_not_kept(tmp_path, sqlite_url):
    shop = usual_shop(tmp_path / "shop", sqlite_url)
    shop.night(DAY - timedelta(days=1))
    learned = shop.last_run
    choice = learned.manifest.choice
    assert choice is not None
    learned.manifest.choice = structs.replace(choice, learned=True)
    learned.save()
    tonight = shop.night()
    runs = shop.folder / "var"
    assert kept_choice(tonight.day, History.of(runs)) is not None
    shop.does("forget", "7")
    assert kept_choice(tonight.day, History.of(runs)) is None


@pytest.mark.parametrize("key", [2**63 - 1, -(2**63), 1234567890123456789, -1])
def test_integers_of_any_length_are_shown_and_forgotten(tmp_path, database_url, key):
    shop = make_shop(
        tmp_path / "shop",
        database_url,
        tastes([*range(1, 20), key], range(100, 124)),
        dict.fromkeys(range(100, 124), True),
    )
    shop.does("init", "--yes")
    shop.night()
    assert f"Customer {key}" in shop.does("show", "--", str(key))
    assert "no such customer" not in shop.does("forget", "--", str(key))
    assert key not in shop.lists()
    shop.night()
    assert key not in shop.lists()
    shop.fails(ExitCode.SETTINGS, "show", "--", str(key))
    for beyond in (2**63, -(2**63) - 1, 10**30, "9" * 5000):
        shop.fails(ExitCode.SETTINGS, "show", "--", str(beyond))
        shop.fails(ExitCode.SETTINGS, "forget", "--", str(beyond))
        shop.fails(ExitCode.SETTINGS, "similar", "--", str(beyond))


@pytest.mark.each_database
def test_the_empty_text_is_a_customer_who_can_be_forgotten(tmp_path, database_url):
    items = [f"i{number:02}" for number in range(24)]
    sales = tastes([f"c{number:02}" for number in range(20)] + [""], items)
    shop = make_shop(tmp_path / "shop", database_url, sales, dict.fromkeys(items, True))
    shop.does("init", "--yes")
    shop.night()
    assert "" in shop.lists()
    before = (shop.last_run.folder / LOG).read_text()
    shop.does("forget", "")
    assert "" not in shop.lists()
    assert len(shop.lists()) == 20
    assert (shop.last_run.folder / LOG).read_text() == before
    shop.night()
    assert "" not in shop.lists()
    assert len(shop.lists()) == 20


def test_a_run_that_goes_on_comes_first(tmp_path, sqlite_url):
    from recommender.system.locks import file_lock

    shop = usual_shop(tmp_path / "shop", sqlite_url)
    shop.night()
    with file_lock(shop.folder / "var" / "lock"):
        assert "Another run is going on" in shop.fails(ExitCode.LOCKED, "forget", "7")
    assert shop.rows("SELECT count(*) FROM forgotten_customers") == [(0,)]


# On paper

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
RECORDS = st.lists(st.tuples(TEXTS, TEXTS, st.integers()), max_size=30)


@given(records=RECORDS, key=TEXTS.filter(bool), block=st.integers(1, 40))
def test_of_any_file_just_the_customers_lines_go(records, key, block):
    records = [*records, (key, "x", 1)]
    texts = [f"{quote(a)},{quote(b)},{c}\n" for a, b, c in records]
    header = "customer_id,item_id,n\n"
    forgotten = Forgotten(FORGET_KEY, {_hash_of(FORGET_KEY, key.encode())})
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patched:
        patched.setattr(csvform, "_BLOCK", block)
        folder = Path(name)
        path = folder / "recommendations.csv"
        path.write_bytes((header + "".join(texts)).encode())
        traces = find_traces(folder, forgotten)
        assert traces.names == {key}
        assert erase(traces) == ["recommendations.csv"]
        left = "".join(text for text, record in zip(texts, records, strict=True) if record[0] != key)
        assert path.read_bytes() == (header + left).encode()
        assert find_traces(folder, forgotten).writes == {}
