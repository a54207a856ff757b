"""The codes of docs/when-it-fails.md are those of the program, found in its source: no more, no fewer."""

import ast
from collections.abc import Iterator

from recommender import errors
from recommender.errors import RecommenderError
from tests.bad_input.support import DOCUMENT, ROOT

ERRORS = {
    name
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, RecommenderError)
}
"""What is raised with a code; `Advice` of the databases has one too, an `Objection` of the gate its check."""


def first_arguments() -> Iterator[tuple[str, str, ast.expr]]:
    """The place, the name and the first argument of each call that makes something with a code."""
    for file in sorted((ROOT / "recommender").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                name = node.func.id
                if name in {*ERRORS, "Advice", "Objection"}:
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", name, node.args[0]


def codes_of_the_program() -> set[str]:
    """The codes that the program can say; one that is passed on (`error.code`) was found where it began."""
    found = set()
    for place, name, given in first_arguments():
        if isinstance(given, ast.Attribute) and given.attr == "code":
            continue
        assert isinstance(given, ast.Constant), f"{place}: the code is no constant"
        code = str(given.value)
        found.add(f"gate-{code.replace('_', '-')}" if name == "Objection" else code)
    return found


def codes_of_the_page() -> set[str]:
    lines = DOCUMENT.read_text(encoding="utf-8").split("\n")
    return {line.split("`")[1] for line in lines if line.startswith("| `")}


def test_every_code_stands_on_the_page_and_every_code_there_is_the_program_s():
    program, page = codes_of_the_program(), codes_of_the_page()
    assert sorted(program - page) == []
    assert sorted(page - program) == []
