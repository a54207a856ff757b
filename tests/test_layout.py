"""The rules of the house: who may import whom, and that a name means one thing."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "recommender"
LOOSE = {"__init__", "__main__", "cli", "settings", "errors", "tables"}
# From the command line down to what everybody may use. Imports go down only.
FLOORS = (
    ("__main__",),
    ("cli",),
    ("commands",),
    ("setup",),
    ("operations",),
    ("night",),
    ("publishing", "evaluation"),
    ("ranking", "export"),
    ("learning",),
    ("settings",),
    ("runs", "database"),
    ("system", "tables"),
    ("errors",),
    ("__init__",),
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
# Arrays and files in, arrays out: so that another engine or a service can take them alone.
PURE = ("learning", "ranking", "evaluation")
NOT_FOR_PURE = {"database", "settings", "export", "publishing", "night"}


@cache
def modules() -> dict[str, Path]:
    """Every module of the program by its name below `recommender`; a package by its own name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return found


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and target of each import of ours, below `recommender`; those for types and in functions too."""
    known = modules()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            module = node.module or ""
            if module.split(".")[0] != "recommender":
                continue
            base = module.removeprefix("recommender").removeprefix(".")
            for alias in node.names:
                full = f"{base}.{alias.name}".removeprefix(".")
                yield node.lineno, full if full in known else base or "__init__"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "recommender":
                    yield node.lineno, alias.name.removeprefix("recommender").removeprefix(".") or "__init__"


def room(name: str) -> str:
    """The package of a module, or the loose module itself."""
    return name.partition(".")[0]


def arrows() -> Iterator[tuple[str, str, str]]:
    """Every import that leaves a room: where it stands, from which room, into which."""
    for name, path in modules().items():
        for line, target in imports(path):
            if room(target) != room(name):
                yield f"{path.relative_to(PACKAGE.parent)}:{line} imports {target}", room(name), room(target)


def test_every_room_has_its_floor():
    assert {room(name) for name in modules()} == set(FLOOR)
    assert {path.stem for path in PACKAGE.glob("*.py")} == LOOSE


def test_imports_go_down_only():
    up = [where for where, above, below in arrows() if FLOOR[above] >= FLOOR[below]]
    assert up == []


def test_the_heart_takes_arrays_and_files():
    assert [where for where, above, below in arrows() if above in PURE and below in NOT_FOR_PURE] == []


def test_an_import_for_types_alone_counts(tmp_path):
    code = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from recommender.night import run\n"
    (tmp_path / "one.py").write_text(code, encoding="utf-8")
    assert list(imports(tmp_path / "one.py")) == [(3, "night.run")]


def test_no_cycle():
    graph = {name: {target for _, target in imports(path)} - {name} for name, path in modules().items()}
    done: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, f"a cycle: {' -> '.join((*above, name))}"
        if name not in done:
            for target in graph.get(name, ()):
                walk(target, (*above, name))
            done.add(name)

    for name in graph:
        walk(name, ())


# One verb, from the command line to the work: the same meaning on each floor.
VERBS = {"export", "publish", "train", "rank", "run", "runs"} | {
    path.stem for path in (PACKAGE / "commands").glob("*.py")
}


def test_no_module_name_means_two_things():
    named = defaultdict(list)
    for name in modules():
        stem = name.rpartition(".")[2]
        if stem not in VERBS:
            named[stem].append(name)
    assert {stem: names for stem, names in named.items() if len(names) > 1} == {}


def public(path: Path) -> Iterator[str]:
    """The classes and functions that a module gives to others."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name


def test_no_public_name_means_two_things():
    named = defaultdict(list)
    for name, path in modules().items():
        if room(name) == "commands":
            continue  # each has its `command`, and functions of the names of its options
        for found in public(path):
            named[found].append(name)
    assert {found: names for found, names in named.items() if len(names) > 1} == {}
