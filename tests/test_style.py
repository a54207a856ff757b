"""The rules of the house that no linter knows, kept by walking the code."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pymysql
import pytest
from packaging.requirements import Requirement

import recommender
from recommender import errors
from recommender.errors import ExitCode, RecommenderError

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "recommender"
TESTS = ROOT / "tests"
HEAVY = ("implicit", "numpy", "pandas", "scipy", "sqlalchemy")


def python_files(*folders: Path) -> list[Path]:
    """Every module below the folders, and the scripts that are Python under another name."""
    files = [file for folder in folders for file in folder.rglob("*.py")]
    scripts = [
        file
        for file in (ROOT / "scripts").iterdir()
        if file.is_file() and not file.suffix and "python" in file.read_text(encoding="utf-8").split("\n")[0]
    ]
    return sorted(files + scripts)


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def imported_packages(tree: ast.AST) -> Iterator[str]:
    """The top-level packages that the code imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def may_use_click(file: Path) -> bool:
    # scripts/docs writes down what click knows of the commands.
    return file in (PACKAGE / "cli.py", ROOT / "scripts" / "docs") or file.is_relative_to(
        PACKAGE / "commands"
    )


def test_only_the_command_line_knows_click():
    offenders = [
        str(file.relative_to(ROOT))
        for file in python_files(PACKAGE)
        if not may_use_click(file) and "click" in imported_packages(tree_of(file))
    ]
    assert offenders == []


# Where a package is imported under another name than it is installed by.
IMPORT_NAMES = {"python-dotenv": "dotenv"}
# It holds data for zoneinfo.
NOT_IMPORTED = {"tzdata"}
# The drivers; mysqlclient (MySQLdb) serves where an owner's address names it.
EXTRAS = {"psycopg", "pymysql", "MySQLdb", "hdfs_native"}


def test_every_package_that_is_imported_is_declared_and_the_other_way_round():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {Requirement(text).name for text in project["dependencies"]}
    declared = {IMPORT_NAMES.get(name, name) for name in names} - NOT_IMPORTED
    imported = {package for file in PACKAGE.rglob("*.py") for package in imported_packages(tree_of(file))}
    assert imported - sys.stdlib_module_names - EXTRAS - {"recommender"} == declared


def command_modules() -> list[str]:
    names = [file.stem for file in (PACKAGE / "commands").glob("*.py") if file.stem != "__init__"]
    return ["recommender.cli", *(f"recommender.commands.{name}" for name in sorted(names))]


def test_the_command_line_imports_nothing_heavy():
    """Neither itself nor through our own modules: `recommend --help` answers at once."""
    program = (
        "import importlib, sys\n"
        f"for name in {command_modules()}:\n"
        "    importlib.import_module(name)\n"
        f"    heavy = [package for package in {HEAVY} if package in sys.modules]\n"
        "    if heavy: sys.exit(f'{name} imports {heavy}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def is_exit(call: ast.Call) -> bool:
    """Does this call end the process: sys.exit, os._exit, SystemExit, a click context's exit."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in {"exit", "_exit", "SystemExit"}


def is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def bare_exit_codes(tree: ast.AST) -> Iterator[int]:
    """Lines where an exit code stands as a number, given to an exit or compared with one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_exit(node):
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(map(is_number, values)):
                yield node.lineno
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            names = {side.attr for side in sides if isinstance(side, ast.Attribute)}
            if names & {"exit_code", "returncode"} and any(map(is_number, sides)):
                yield node.lineno


def test_exit_codes_are_named_once():
    offenders = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in python_files(PACKAGE, TESTS)
        if file != PACKAGE / "errors.py"
        for line in bare_exit_codes(tree_of(file))
    ]
    assert offenders == []


@pytest.mark.parametrize(
    "code",
    ["sys.exit(3)", "raise SystemExit(2)", "os._exit(1)", "context.exit(code=4)", "done.returncode == 0"],
)
def test_bare_exit_codes_are_seen(code):
    assert list(bare_exit_codes(ast.parse(code))) == [1]


@pytest.mark.parametrize(
    "code", ["sys.exit(ExitCode.DONE)", "sys.exit(main())", "done.returncode == ExitCode.DONE"]
)
def test_named_exit_codes_pass(code):
    assert list(bare_exit_codes(ast.parse(code))) == []


def import_everything() -> None:
    for module in pkgutil.walk_packages(recommender.__path__, "recommender."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def drawn_tree(docstring: str) -> dict[str, tuple[str | None, int]]:
    """Each class that the docstring draws, with the class above it and its exit code."""
    classes: dict[str, tuple[str | None, int]] = {}
    above: dict[int, str] = {}
    for prefix, name, code in re.findall(r"^    ([ │├└─]*)(\w+) +(\d+) ", docstring, re.MULTILINE):
        depth = len(prefix) // 4
        above[depth] = name
        classes[name] = (above[depth - 1] if depth else None, int(code))
    return classes


def built_tree(root: type[RecommenderError], above: str | None = None) -> dict[str, tuple[str | None, int]]:
    classes = {root.__name__: (above, int(root.exit_code))}
    for below in root.__subclasses__():
        if below.__module__.startswith("recommender."):
            classes |= built_tree(below, root.__name__)
    return classes


def test_the_error_tree_is_as_its_docstring_draws_it():
    import_everything()
    drawn = drawn_tree(errors.__doc__ or "")
    assert drawn == built_tree(RecommenderError)
    assert {code for _, code in drawn.values()} == {
        ExitCode.UNEXPECTED,
        ExitCode.SETTINGS,
        ExitCode.REFUSED,
        ExitCode.DATABASE,
        ExitCode.LOCKED,
    }


def test_every_error_of_ours_is_in_the_tree():
    """An error class beside the tree would have no exit code, and pass for a bug."""
    import_everything()
    ours = {
        below
        for module in list(sys.modules.values())
        if module.__name__.partition(".")[0] == "recommender"
        for below in vars(module).values()
        if isinstance(below, type)
        and issubclass(below, Exception)
        and below.__module__.startswith("recommender.")
    }
    # Those of a driver are made ours where the database is used.
    drivers = psycopg.Error, pymysql.MySQLError
    assert [e.__qualname__ for e in ours if not issubclass(e, (RecommenderError, *drivers))] == []
    assert RecommenderError in ours
