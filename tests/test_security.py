"""docs/security.md, each line held to its test; and the watch over secrets, held to what it promises."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from recommender.errors import DatabaseError
from tests import sentinel
from tests.faults.injection import patched
from tests.nights import DAY, usual_shop
from tests.servers import PASSWORD

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def threats():
    """The rows of the document's table: what is tried, what the program does, the tests."""
    table = DOCUMENT.partition("| What somebody tries |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.split("\n")[2:]]
    return {row[0]: row for row in rows}


@pytest.mark.parametrize("threat", threats())
def test_each_threat_names_a_test_that_is_there(threat):
    _, does, tests = threats()[threat]
    assert does
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
    assert named
    assert re.sub(r"`tests/[\w/]+\.py::test_\w+`", "", tests).replace(",", "").strip() == ""
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_document_is_linked_and_has_its_parts():
    assert "(docs/security.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(threats()) > 20
    for heading in ("What is not defended", "TLS", "Reporting a problem"):
        assert f"\n## {heading}\n" in DOCUMENT


@pytest.mark.parametrize("place", ["var/runs/log.jsonl", "var/manifest.json", "var2/lock", "output"])
def test_a_secret_in_a_file_of_a_shop_is_found_after_the_test(tmp_path, place):
    (tmp_path / ".env").write_text("GUEST_KEY='0123456789abcdef0123456789abcdef'\n", encoding="utf-8")
    file = tmp_path / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("nothing", encoding="utf-8")
    sentinel.note(tmp_path)
    sentinel.require_absent_everywhere()
    for secret in (f"a {PASSWORD}", "0123456789abcdef0123456789abcdef"):
        file.write_text(secret, encoding="utf-8")
        sentinel.note(tmp_path)
        with pytest.raises(AssertionError, match="a secret is in"):
            sentinel.require_absent_everywhere()


def test_a_secret_in_an_exception_or_what_led_to_it_is_found():
    sentinel.require_absent_in_error(DatabaseError("tried", "It failed."))
    error = DatabaseError("tried", "It failed.")
    error.__cause__ = ValueError(PASSWORD)
    with pytest.raises(AssertionError, match="an exception"):
        sentinel.require_absent_in_error(error)


def test_a_secret_that_is_printed_is_found(tmp_path, monkeypatch):
    shop = usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")
    monkeypatch.setattr("recommender.commands.status.print_json", lambda _: print(PASSWORD))  # noqa: T201
    with pytest.raises(AssertionError, match="a secret is in"):
        shop.recommend("status", "--json")


def test_no_program_that_is_started_gets_a_secret(tmp_path, postgresql):
    """In its arguments anybody on the machine could read it; that of our own is in tests/test_cli.py."""
    shop = usual_shop(tmp_path / "shop", postgresql.create_database())
    started = []

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, arguments, *more, **options):
            started.append([*map(str, arguments)])
            super().__init__(arguments, *more, **options)

    with patched(subprocess, "Popen", Watched):
        shop.night(DAY)
        shop.recommend("check")
    assert started
    sentinel.require_absent(repr(started), "the arguments of a program")
