"""`--json`: every command has it, and what it tells is what docs/json.md promises, and nothing else."""

import json
import re
from collections import Counter
from pathlib import Path

import fastjsonschema
import pytest
import sqlalchemy as sa

from recommender.errors import ExitCode
from recommender.runs.hold import find_hold
from recommender.tables import KeyKind
from scripts.answers import _EXAMPLES, ANSWERS, WITHOUT, promised
from tests.answers import DOCS, fits, require_promised, schema
from tests.conftest import own_name
from tests.nights import ALL_TABLES, DAY, Shop, empty_shop, make_shop, tastes, usual_shop
from tests.test_docs import every_command
from tests.test_proposal import german_shop

ON_DAY = ("--as-of", str(DAY))
PAGE = (DOCS / "json.md").read_text(encoding="utf-8")
PROMISED = (Path(__file__).parent / "json_promised.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


def words_of(call):
    """The command of a call, as the schema and the page name it."""
    return next(words for words in (" ".join(call[:2]), call[0]) if words in ANSWERS)


def told(shop, *call):
    return fits(words_of(call), json.loads(shop.does(*call, "--json")))


def on_record(shop):
    return told(shop, "runs", "show", "latest")


def test_a_night_and_its_stages_tell_the_run_s_record(shop):
    assert told(shop, "run", *ON_DAY) == on_record(shop)
    first = on_record(shop)
    assert (first["status"], first["as_of_day"]) == ("published", str(DAY))
    dry = told(shop, "run", "--dry-run", *ON_DAY)
    assert dry == on_record(shop)
    assert (dry["status"], dry["run_id"] == first["run_id"]) == ("dry_run", False)
    begun = told(shop, "export", *ON_DAY)
    for stage in ("train", "rank", "publish"):
        then = told(shop, stage, *(["--force"] if stage == "publish" else []))
        assert then == on_record(shop)
        assert then["run_id"] == begun["run_id"]
        assert stage in then["stages"]
        assert (then["status"] == "published") == (stage == "publish")


def test_a_refused_dry_run_tells_its_record_and_ends_with_3(shop):
    shop.does("run", *ON_DAY)
    shop.execute("DELETE FROM sales WHERE customer_id > 10")
    outcome = shop.recommend("run", "--dry-run", "--json", *ON_DAY)
    assert outcome.code is ExitCode.REFUSED
    assert json.loads(outcome.out) == on_record(shop)


def test_rollback_tells_the_run_it_made_and_the_hold(shop):
    first = told(shop, "run", *ON_DAY)
    second = told(shop, "run", "--force", *ON_DAY)
    found = told(shop, "rollback", "--hold")
    assert (found["run"], found["rows_dropped"]) == (on_record(shop), 0)
    assert (found["run"]["source"], found["run"]["source_run_id"]) == ("rollback", first["run_id"])
    held = find_hold(shop.folder / "var")
    assert held is not None
    assert found["hold"] == {"since": held.since, "source_run_id": first["run_id"]}
    assert told(shop, "rollback", first["run_id"], "--hold")["run"] is None
    released = {"run": None, "rows_dropped": 0, "hold": None}
    assert told(shop, "rollback", "--release") == released == told(shop, "rollback", "--release")
    assert second["run_id"] != found["run"]["run_id"]


def test_prune_tells_the_same_before_and_after(shop):
    for _ in range(3):
        shop.does("run", "--force", *ON_DAY)
    shop.set(KEEP_RUNS=1, KEEP_EXPORT_DAYS=1)
    plan = told(shop, "prune", "--dry-run")
    done = told(shop, "prune")
    assert plan == done | {"dry_run": True}
    assert plan["removed"]
    assert all(fate["bytes"] > 0 and fate["why"] for fate in plan["removed"] + plan["stays"])
    runs = shop.folder / "var" / "runs"
    assert not any((runs / fate["name"]).exists() for fate in plan["removed"])
    assert all((runs / fate["name"]).exists() for fate in plan["stays"])
    assert told(shop, "prune")["removed"] == []


def test_the_demo_tells_what_it_made(shop, tmp_path):
    made = told(shop, "demo", str(tmp_path / "demo"))
    assert {*made} == {
        "database", "customers", "items", "sale_lines", "first_day", "last_day", "examples",
    }  # fmt: skip
    assert all(type(example["customer_id"]) is int for example in made["examples"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", made["last_day"])


def test_forget_tells_what_was_erased_and_the_night_after_it(shop):
    shop.does("run", *ON_DAY)
    first = on_record(shop)
    key = str(shop.rows("SELECT min(customer_id) FROM recommendations")[0][0])
    done = told(shop, "forget", key, "--yes")
    assert (done["customers"], done["run"]) == (1, None)
    assert done["rows"]["recommendations"] > 0
    assert {*done["files"]} == {first["run_id"]}
    assert [done[name] for name in ("archives", "unreachable", "unread", "named_in")] == [[], [], [], []]
    again = told(shop, "forget", "--retrain")
    assert again["run"] == on_record(shop)
    assert again["run"]["run_id"] != first["run_id"]
    shop.execute("DELETE FROM sales WHERE customer_id > 10")
    failed = shop.recommend("forget", "--retrain", "--json")
    assert failed.code is ExitCode.REFUSED
    assert (json.loads(failed.out)["customers"], json.loads(failed.out)["run"]) == (1, None)
    assert told(shop, "forget", key, "--undo")["customers"] == 0


def test_forget_for_machines_asks_nothing(shop, monkeypatch):
    shop.does("run", *ON_DAY)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert "--yes" in shop.fails(ExitCode.SETTINGS, "forget", "1", "--json")


# Every command


def test_every_command_has_it_and_a_section():
    names = {name for name, _ in every_command()}
    assert names >= WITHOUT.keys()
    for name, command in every_command():
        options = {option for param in command.params for option in param.opts}
        assert ("--json" in options) == (name not in WITHOUT)
        assert (f"\n## recommend {name}\n" in PAGE) == (name not in WITHOUT)
    assert {words.removesuffix(" --search") for words in ANSWERS} == names - WITHOUT.keys()
    definitions = json.loads(schema())["definitions"]
    assert definitions.keys() >= {words.replace(" --", " ").replace(" ", "-") for words in ANSWERS}


def test_every_field_says_what_it_means():
    parts = json.loads(schema())["definitions"].values()
    fields = [field for part in parts for field in part.get("properties", {}).values()]
    assert fields
    assert [field for field in fields if not re.fullmatch(r"\w.*[.…]", field["description"])] == []


def test_no_field_that_was_promised_goes_or_changes_its_type():
    """A line of json_promised.txt goes with a new major version only: scripts of shops read these fields."""
    assert PROMISED
    assert {*PROMISED} - {*promised()} == set()


@pytest.mark.parametrize("words", _EXAMPLES)
def test_the_examples_of_the_page_name_fields_that_there_are(words):
    filter_ = _EXAMPLES[words].partition("jq ")[2]
    fields = {name for line in promised() for name in re.findall(r"\.(\w+):", line)}
    named = {*re.findall(r"\.([a-z_]\w*)", filter_)}
    assert named
    assert named <= fields | {"ndcg", "rows"}  # of quality and counts, which are by name


def key_shop(folder, key):
    """A shop with keys of this type; texts look like padded numbers."""
    if key is int:
        return usual_shop(folder, f"sqlite:///{folder.parent / 'shop.db'}")
    keys = [f"{number:04}" for number in range(1, 31)]
    shop = make_shop(
        folder,
        f"sqlite:///{folder.parent / 'shop.db'}",
        tastes(keys, keys[:24]),
        dict.fromkeys(keys[:24], True),
    )
    shop.does("init", "--yes")
    return shop


@pytest.mark.long
@pytest.mark.parametrize("key", [int, str])
def test_every_answer_is_what_the_schema_says(tmp_path, key):
    shop = key_shop(tmp_path / "shop", key)
    customer, item = ("3", "102") if key is int else ("0003", "0003")
    archive = str(tmp_path / "run.zip")
    seen: Counter[str] = Counter()

    def asked(*call, code=ExitCode.DONE):
        outcome = shop.recommend(*call, "--json")
        assert outcome.code is code, outcome.err
        answer = fits(words_of(call), json.loads(outcome.out))
        seen[words_of(call)] += require_promised(answer, int if call[0] == "demo" else key)
        return answer

    asked("init")
    asked("check")
    asked("status", code=ExitCode.REFUSED)
    asked("runs")
    asked("run", *ON_DAY)
    second = asked("run", "--force", *ON_DAY)["run_id"]
    for call in (
        ("check",),
        ("status",),
        ("runs",),
        ("runs", "show", "latest"),
        ("runs", "diff"),
        ("runs", "pin", "latest"),
        ("runs", "unpin", "latest"),
        ("runs", "export", "latest", archive),
        ("show", customer),
        ("show", "--search", "Item"),
        ("similar", item),
        ("together", item),
        ("evaluate", "--days", "20"),
        ("reproduce", second),
        ("reproduce", "--from-archive", archive),
        ("rollback", "--hold"),
        ("status",),
        ("rollback", "--release"),
        ("export", *ON_DAY),
        ("train",),
        ("rank",),
        ("publish", "--force"),
        ("prune",),
        ("demo", str(tmp_path / "demo")),
    ):
        asked(*call)
    asked("forget", customer, "--yes", "--retrain", code=ExitCode.REFUSED)  # the archive has them still
    assert seen.keys() == ANSWERS.keys()
    assert {words for words, n in seen.items() if n} >= {"show", "show --search", "similar", "demo"}


def test_an_answer_that_lacks_a_field_or_has_another_type_does_not_fit(shop):
    night = told(shop, "run", *ON_DAY)
    for wrong in (
        {name: value for name, value in night.items() if name != "newest_sale"},
        night | {"newest_sale": 1772409600000000},
        night | {"model": night["model"] | {"mode": "tepid"}},  # the schema of the records says that
        night | {"beyond": 1},
    ):
        with pytest.raises(fastjsonschema.JsonSchemaValueException):
            fits("run", wrong)
    fits("run", night | {"beyond": 1}, strict=False)
    view = told(shop, "show", "3")
    with pytest.raises(AssertionError):
        require_promised(view, str)
    assert require_promised(view, int) > len(view["recommendations"]) > 0


def test_items_of_all_lists_are_of_one_shape(shop):
    shop.does("run", *ON_DAY)
    shop.execute("DELETE FROM recommendations WHERE customer_id = 4")
    lists = [told(shop, "show", "3")["recommendations"], told(shop, "show", "4")["popular_items"]]
    lists += [told(shop, "similar", "102")["items"]]
    assert all(lists)
    fields = ["position", "item_id", "name", "score", "reason", "because_item_id", "because_name"]
    assert all([*line] == fields for lines in lists for line in lines)
    assert {line["reason"] for line in lists[1] + lists[2]} == {None}


def test_what_changed_in_the_newest_sale_is_a_time(shop):
    shop.does("run", *ON_DAY)
    shop.execute(f"INSERT INTO sales VALUES (1, 102, '{DAY} 11:00:00', 1, NULL)")
    shop.does("run", *ON_DAY)
    changes = {change["name"]: change["now"] for change in told(shop, "runs", "diff")["counts"]}
    assert changes["newest_sale"] == f"{DAY}T11:00:00Z" == on_record(shop)["newest_sale"]
    assert "newest" not in {*changes, *on_record(shop)["counts"]}


# Errors

ARGUMENTS = {
    "show": ("1",),
    "show --search": ("tea",),
    "similar": ("1",),
    "together": ("1",),
    "runs show": ("latest",),
    "runs pin": ("latest",),
    "runs unpin": ("latest",),
    "runs export": ("latest", "run.zip"),
    "reproduce": ("latest",),
    "forget": ("1", "--yes"),
    "demo": (".",),
}


@pytest.mark.parametrize("words", ANSWERS)
def test_an_error_is_one_line_on_stderr_and_nothing_on_stdout(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "something").touch()  # that the demo must not touch
    shop = Shop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
    outcome = shop.recommend(*words.split(), *ARGUMENTS.get(words, ()), "--json")
    assert outcome.code is ExitCode.SETTINGS
    if words == "check":  # what it is for
        assert fits(words, json.loads(outcome.out))["exit_code"] == ExitCode.SETTINGS
        assert outcome.err == ""
        return
    assert outcome.out == ""
    assert outcome.err.startswith("recommend: ")
    assert outcome.err.count("\n") == 1


def test_a_night_that_is_refused_tells_nothing_but_its_line(shop):
    shop.does("run", *ON_DAY)
    shop.execute("DELETE FROM sales WHERE customer_id > 10")
    outcome = shop.recommend("run", "--json", *ON_DAY)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (ExitCode.REFUSED, "", 1)
    # It is on record all the same.
    assert on_record(shop)["status"] == "refused"
    assert [finding["check"] for finding in on_record(shop)["gate"]]


# init


def test_init_tells_what_it_guessed_and_what_is_to_be_decided(tmp_path):
    shop = german_shop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
    first = told(shop, "init", "--url", shop.url)
    sql = shop.folder / "sql"
    queries = [str(sql / name) for name in ("sales.sql", "items.sql")]
    assert (first["env_file"], first["written"]) == (str(shop.env_file), [str(shop.env_file), *queries])
    assert (first["kept"], first["platform"], first["done"]) == ([], None, True)
    assert first["guess"].startswith("positionen")
    (matter,) = first["to_decide"]
    line = (sql / "sales.sql").read_text(encoding="utf-8").splitlines()[matter["line"] - 1]
    assert matter["file"] == queries[0]
    assert f"-- TO DECIDE: {matter['text']}" in line
    assert (first["customer_key"]["kind"], first["item_key"]["kind"]) == (KeyKind.INTEGER, KeyKind.TEXT)
    assert {type(sale["customer_id"]) for sale in first["newest_sales"]} == {int}
    assert {type(sale["item_id"]) for sale in first["newest_sales"]} == {str}
    assert first["newest_sales"][0]["name"].startswith("Ding ")
    assert first["newest_sales"][0]["sold_at"].startswith("2026-11-01T")
    assert ", ".join(first["tables_made"]) == ALL_TABLES
    assert (first["statements"], first["grants"]) == ([], [])
    assert any(sentence.startswith("Next: decide") for sentence in first["said"])
    again = told(shop, "init")
    changed = {name for name in first if first[name] != again[name]}
    assert changed == {"written", "kept", "guess", "tables_made", "said"}
    assert (again["written"], again["kept"]) == ([], first["written"])
    shop.decides()
    assert told(shop, "init")["to_decide"] == []


def test_init_asks_nothing_on_a_terminal_and_says_nothing_beside_its_answer(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    shop = german_shop(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
    assert told(shop, "init", "--url", shop.url)["done"]


def test_init_that_fails_tells_what_it_wrote(tmp_path):
    shop = empty_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")
    shop.execute("DROP TABLE sales", "DROP TABLE items", "CREATE TABLE notes (note TEXT)")
    for path in (shop.folder / "sql").iterdir():
        path.unlink()
    outcome = shop.recommend("init", "--json")
    assert (outcome.code, outcome.err.count("\n")) == (ExitCode.SETTINGS, 1)
    found = fits("init", json.loads(outcome.out))
    assert (found["done"], found["customer_key"], found["tables_made"]) == (False, None, [])
    assert found["written"] == [str(shop.folder / "sql" / name) for name in ("sales.sql", "items.sql")]
    assert len(found["to_decide"]) == 2


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_init_tells_the_statements_that_somebody_else_must_run(tmp_path, request, kind):
    server = request.getfixturevalue(kind)
    shop = empty_shop(tmp_path / "shop", server.create_database())
    database, user = sa.make_url(shop.url).database, own_name("reader")
    account = user if kind == "postgresql" else f"{user}@'127.0.0.1'"
    if kind == "postgresql":
        server.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'pw'")
        shop.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC", f"GRANT SELECT ON sales, items TO {user}")
    else:
        server.execute(
            f"CREATE USER {account} IDENTIFIED BY 'pw'", f"GRANT SELECT ON {database}.* TO {account}"
        )
    owner = shop.url
    shop.set(DATABASE_URL=server.url(str(database), user, "pw"))
    outcome = shop.recommend("init", "--json")
    assert (outcome.code, outcome.err.count("\n")) == (ExitCode.DATABASE, 1)
    found = fits("init", json.loads(outcome.out))
    assert (found["done"], found["tables_made"]) == (False, [])
    rights = [statement for grants in found["grants"] for statement in grants["statements"]]
    assert rights
    for statement in [*found["statements"], *(each for each in rights if "web_user" not in each)]:
        Shop(shop.folder, owner).execute(statement.replace("%", "%%"))
    assert told(shop, "init")["done"]
