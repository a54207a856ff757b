"""What the documents say, held to the program: commands, exit codes, tables, and the SQL that shops paste."""

import re
import runpy
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from recommender.cli import COMMANDS, group
from recommender.database import open_database
from recommender.database.ddl import KeyType, all_tables
from recommender.database.urls import normalise_url
from recommender.errors import ExitCode
from recommender.settings import NAMES, SECRETS
from recommender.setup.demo.loader import demo_tables
from recommender.tables import KeyKind

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = ROOT / "docs"
TABLES = (DOCS / "tables.md").read_text(encoding="utf-8")
COMMANDS_PAGE = (DOCS / "commands.md").read_text(encoding="utf-8")
SETTINGS_PAGE = (DOCS / "settings.md").read_text(encoding="utf-8")


def sql_blocks(page: str) -> list[str]:
    """The SQL of what a page tells a shop to read."""
    text = page.partition("\n## What your shop reads\n")[2].partition("\n## ")[0]
    return re.findall(r"```sql\n(.*?)```", text, re.DOTALL)


(_everybody,) = sql_blocks(README)
_customer, _product = sql_blocks(TABLES)
SELECTS = {"customer": _customer, "everybody": _everybody, "product": _product}


MAKER = runpy.run_path(str(ROOT / "scripts" / "docs"))


@pytest.mark.parametrize("path", MAKER["pages"](), ids=lambda path: path.name)
def test_a_page_that_is_made_is_as_the_program_has_it(path):
    # After a change of a command, an answer, an exit code or a setting: .venv/bin/python scripts/docs
    assert path.read_text(encoding="utf-8") == MAKER["pages"]()[path]


def every_command() -> list[tuple[str, click.Command]]:
    """Each command and each command of a command, with its name as it is called."""
    found = []
    for name in COMMANDS:
        command = group.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {below}", under) for below, under in command.commands.items()]
    return found


@pytest.mark.parametrize(("name", "command"), every_command(), ids=str)
def test_every_command_has_help_and_a_section_with_all_its_options(name, command):
    shown = CliRunner().invoke(group, [*name.split(), "--help"])
    assert shown.exit_code == ExitCode.DONE
    assert command.help
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert all(option.help for option in options)
    (section,) = re.findall(rf"(?ms)^### recommend {name}\n(.*?)(?=^##)", COMMANDS_PAGE)
    common = COMMANDS_PAGE.partition("\n## Options of every command\n")[2]
    missing = [max(o.opts, key=len) for o in options if max(o.opts, key=len) not in section + common]
    assert missing == []


def test_the_page_of_commands_has_every_exit_code():
    table = COMMANDS_PAGE.partition("| code | means |")[2].partition("\n\n")[0]
    assert re.findall(r"(?m)^\| (\d+) \| \w", table) == [str(code.value) for code in ExitCode]


def test_every_setting_has_one_line_on_its_page_and_secrets_say_so():
    lines = re.findall(r"(?m)^\| `(\w+)` \|.*?(\*\*Secret\.\*\*)? \|$", SETTINGS_PAGE)
    assert [name for name, _ in lines] == [*NAMES]
    assert {name for name, is_secret in lines if is_secret} == {*SECRETS}


def test_the_readme_is_short_and_promises_two_commands_that_do_all_the_set_up():
    assert len(README.split()) <= 900
    (_, block) = re.findall(r"(?m)^## Try it: two commands\n(.*?)```\n(.*?)```", README, re.DOTALL)[0]
    assert re.findall(r"(?m)^(\S+)", block) == ["scripts/quickstart", "scripts/test"]
    assert "They do all the set-up themselves" in README


PAGES = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def links(page: Path) -> list[str]:
    """Where a page links to inside the project; what looks like a link in code is none."""
    prose = re.sub(r"(?ms)^```.*?^```|`[^`\n]*`", "", (ROOT / page).read_text(encoding="utf-8"))
    return [to for to in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"[a-z]+:", to)]


def anchors(page: Path) -> set[str]:
    """The places of a page that a link can name, as GitHub makes them of the headings."""
    headings = re.findall(r"(?m)^#+ (.*)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page):
    for link in links(page):
        path, _, place = link.partition("#")
        there = (ROOT / page).parent / path if path else ROOT / page
        assert there.exists(), link
        assert not place or place in anchors(there), link


def test_every_page_of_the_documents_is_in_their_contents():
    contents = Path("docs/README.md")
    listed = {((ROOT / contents).parent / link).resolve() for link in links(contents)}
    pages = {(ROOT / page).resolve() for page in PAGES if page.is_relative_to("docs") and page != contents}
    assert pages <= listed
    text = (ROOT / contents).read_text(encoding="utf-8")
    assert re.findall(r"(?m)^## (.*)$", text) == ["Set it up", "Live with it", "For developers"]
    # Each with some words on what it is about.
    assert re.findall(r"(?m)^\| \[[^|]*\) \|(?! \w| \[)", text) == []


def test_every_column_of_every_table_is_documented():
    key = KeyType(KeyKind.INTEGER, "INTEGER")
    for table in all_tables(schema=None, prefix="", customer=key, item=key):
        section = TABLES.partition(f"\n## {table.name}\n")[2].partition("\n## ")[0]
        rows = re.findall(r"(?m)^\| (`.*?) \| ", section)
        documented = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
        assert documented == [column.name for column in table.columns]


ALICE, BOB, VISITOR = "1", "2", "NULL"
TEA, COFFEE, SOLD_OUT, WITHDRAWN, CUP = 11, 12, 13, 14, 15


@pytest.fixture
def shop(database_url):
    """Five products; a list for Alice, none for Bob; what is popular."""
    database = open_database(normalise_url(database_url))
    if database.backend == "sqlite":
        Path(str(database.url.database)).touch()  # an empty file is an empty database; we never make one
    key = database.key_type_here(KeyType(KeyKind.INTEGER, "INTEGER"), "another", guests=False)
    (products,) = [table for table in demo_tables() if table.name == "products"]
    tables = all_tables(schema=None, prefix="", customer=key, item=key)
    recommendations, _, similar, _, popular, *_ = tables
    with database.connect() as connection:
        for table in (products, *tables):
            table.create(connection)
        connection.execute(
            sa.insert(products),
            [
                {"product_id": item, "name": name, "price": 2, "active": active, "stock": stock}
                for item, name, active, stock in (
                    (TEA, "Tea", True, 5),
                    (COFFEE, "Coffee", True, 5),
                    (SOLD_OUT, "Sold out", True, 0),
                    (WITHDRAWN, "Withdrawn", False, 5),
                    (CUP, "Cup", True, 5),
                )
            ],
        )
        rows = [(1, SOLD_OUT), (2, COFFEE), (3, WITHDRAWN), (4, TEA)]
        connection.execute(
            sa.insert(recommendations),
            [
                {"customer_id": 1, "position": p, "item_id": i, "score": 1.0, "reason": "popular"}
                for p, i in rows
            ],
        )
        connection.execute(
            sa.insert(popular),
            [{"position": p, "item_id": i, "score": 1.0} for p, i in ((1, CUP), (2, SOLD_OUT), (3, TEA))],
        )
        connection.execute(
            sa.insert(similar),
            [
                {"item_id": TEA, "position": p, "similar_item_id": i, "score": 1.0}
                for p, i in ((1, WITHDRAWN), (2, CUP), (3, SOLD_OUT), (4, COFFEE))
            ],
        )
        yield database, connection


@pytest.mark.parametrize(
    ("place", "customer", "expected"),
    [
        ("customer", ALICE, [COFFEE, TEA]),
        ("customer", BOB, []),
        ("everybody", ALICE, [COFFEE, TEA]),
        ("everybody", BOB, [CUP, TEA]),
        ("everybody", VISITOR, [CUP, TEA]),
    ],
)
def test_the_selects_for_shops_give_what_is_in_stock(shop, place, customer, expected):
    database, connection = shop
    select = SELECTS[place].replace(":customer_id", customer)
    with database.errors("refused the documents' SELECT"):
        assert [row[0] for row in connection.exec_driver_sql(select)] == expected


def test_the_select_for_a_products_page_gives_what_is_in_stock(shop):
    database, connection = shop
    for item, expected in ((TEA, [CUP, COFFEE]), (CUP, [])):
        select = SELECTS["product"].replace(":product_id", str(item))
        with database.errors("refused the documents' SELECT"):
            assert [row[0] for row in connection.exec_driver_sql(select)] == expected


def test_a_shops_lookup_of_a_customer_uses_the_key(shop):
    database, connection = shop
    if database.backend == "postgresql":
        # With a handful of rows the planner would rightly read them all.
        connection.exec_driver_sql("SET enable_seqscan = off")
    explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN", "mysql": "EXPLAIN"}[database.backend]
    lookup = "SELECT item_id FROM recommendations WHERE customer_id = 1 ORDER BY position"
    plan = " ".join(str(row) for row in connection.exec_driver_sql(f"{explain} {lookup}"))
    used = {"sqlite": "USING PRIMARY KEY", "postgresql": "Index Scan", "mysql": "PRIMARY"}[database.backend]
    assert used in plan
