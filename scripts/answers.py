"""What `--json` promises: the schema of every answer, and the page about them, made of their types."""

import json
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints, is_typeddict

from msgspec.json import schema_components

from recommender.evaluation.report import EvaluationReport
from recommender.operations.forget import Forgetting
from recommender.operations.pastruns import RunFigures
from recommender.operations.prune import Pruned
from recommender.operations.reproduce import ReproductionReport
from recommender.operations.rollback import RollbackReport
from recommender.operations.search import SearchResult
from recommender.operations.show import CustomerView, ItemView
from recommender.operations.status import StatusReport
from recommender.runs.archive import Packed
from recommender.runs.diff import RunChanges
from recommender.setup.checks.findings import CheckReport
from recommender.setup.demo import DemoReport
from recommender.setup.initreport import InitReport
from scripts.schemas import texts

ANSWERS: dict[str, Any] = {
    "init": InitReport,
    "check": CheckReport,
    "demo": DemoReport,
    "run": RunFigures,
    "status": StatusReport,
    "prune": Pruned,
    "show": CustomerView,
    "show --search": SearchResult,
    "similar": ItemView,
    "together": ItemView,
    "runs": list[RunFigures],
    "runs show": RunFigures,
    "runs diff": RunChanges,
    "runs pin": RunFigures,
    "runs unpin": RunFigures,
    "runs export": Packed,
    "evaluate": EvaluationReport,
    "rollback": RollbackReport,
    "reproduce": ReproductionReport,
    "forget": Forgetting,
    "export": RunFigures,
    "train": RunFigures,
    "rank": RunFigures,
    "publish": RunFigures,
}
"""The type of each command's answer, by the command's words."""
WITHOUT = {"completion": "which prints lines for a shell"}
"""The commands that have no `--json`, and why."""
RECORD = "manifest.schema.json"
"""The schema of a run's record, which ours refers to."""
_RECORDED = json.loads((Path(__file__).parent.parent / "docs" / RECORD).read_text(encoding="utf-8"))
_SECTIONS = {
    "RunFigures": "A run",
    "ListedItem": "A listed item",
    "Hold": "A hold",
    "PastRun": "A folder of a run",
    "Change": "A change",
    "Figure": "A figure",
    "Check": "A comparison",
    "ShopKey": "A kind of keys",
}
"""Parts that stand in several places, with the titles of their sections."""
_EXAMPLES = {
    "init": r"""recommend init --json | jq -r '.to_decide[] | "\(.file), line \(.line): \(.text)"'""",
    "check": """recommend check --json | jq -r '.findings[] | select(.level == "error") | .what'""",
    "run": "recommend run --json | jq '.counts.rows'",
    "status": "recommend status --max-age 26h --json | jq -r '.problems[]'",
    "show": """recommend show 4711 --json | jq -c '.recommendations[] | [.item_id, .name, .reason]'""",
    "similar": "recommend similar 2501 --json | jq '[.items[].item_id]'",
    "runs": "recommend runs --json | jq -r '.[] | [.as_of_day, .status, .quality.ndcg] | @tsv'",
    "runs diff": "recommend runs diff --json | jq '.changed'",
    "evaluate": "recommend evaluate --json | jq -r '.tasks[0].verdict'",
}
_HEAD = "| field | type | meaning |\n| --- | --- | --- |"
_ABOUT = """\
`--json` is for your scripts: every command has it but {without}.
[json.schema.json](json.schema.json) says the same as this page in the words of JSON schema (draft 7): under
`definitions` there is one for each command, such as `status` or `runs-diff`. It refers to
[manifest.schema.json](manifest.schema.json) for what is on record of a run.

## What is promised
- **Fields**: new ones may come. None goes, and none changes its type: a test holds every one of this page. No
  field is left out; what is not there is `null` or empty. Where the type begins with "by name" the names are
  those that there are: counts, tables, stages. Sentences (`summary`, `error`, `what`, `warnings` …) are for
  people, and their words may change.
- **stdout** has the answer alone: one JSON value in UTF-8, and nothing else.
- **stderr** has an error in one line, as without `--json`, and the [exit code](commands.md#exit-codes) is the
  same. stdout is empty then, but where there is an answer all the same: `check` and `status` when something
  is wrong, `reproduce` when something differs, `run --dry-run` when the gate refuses, `forget` when something
  is left to do or its night fails, and `init` when it fails after it found or wrote the settings.
- **Nothing is asked**: `init` does what it does without a terminal, and `forget` wants `--yes`.
- A **time** is ISO 8601 in UTC, `2026-03-01T02:00:07Z`; a **day** is the shop's own, `2026-03-01`. No number
  is a moment; ages and durations are numbers.
- A **key** of a customer or an item is of the shop's own type: a number where its column is an integer, else
  a text. Guests have none: theirs is a text, `guest:…`, among integers too.
- An item of a list has [the same fields](#a-listed-item) in all lists, and a run [is told alike](#a-run)
  wherever it stands.

```python
import json, subprocess

done = subprocess.run(["recommend", "status", "--json"], capture_output=True, text=True)
if done.stdout:
    status = json.loads(done.stdout)  # done.returncode is 3 where status["good"] is false
else:
    print(done.stderr)  # one line: what happened, and what to do
```
"""


def schema() -> dict[str, Any]:
    """The schema of every answer."""
    found, parts = schema_components([*ANSWERS.values()], ref_template="#/definitions/{name}")
    classes = {each.__name__: each for type_ in ANSWERS.values() for each in _classes(type_)}
    for name, part in parts.items():
        properties = part.get("properties", {})
        if not properties:
            continue
        described = texts(classes[name])
        part["description"] = " ".join(part["description"].split())
        part["properties"] = {field: properties[field] for field in described} | properties
        for field, type_ in properties.items():
            type_.pop("default", None)
            if "$ref" in type_:
                type_.pop("type", None)
            type_["description"] = described.get(field, "")
        part["required"] = [*part["properties"]]
    recorded = parts.keys() & _RECORDED["definitions"].keys()
    commands = {
        words.replace(" --", " ").replace(" ", "-"): each for words, each in zip(ANSWERS, found, strict=True)
    }
    made = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "What the commands of recommend answer with --json",
        "description": "Each command has its definition, by its words with - between them."
        " New fields may come; none goes, and none changes its type.",
        "definitions": {**commands, **{name: part for name, part in parts.items() if name not in recorded}},
    }
    other = {f"#/definitions/{name}": f"{RECORD}#/definitions/{name}" for name in recorded}
    referring: dict[str, Any] = _referring(made, other)
    return referring


def _classes(type_: Any) -> Iterator[type]:
    """The types with fields that a type is made of, itself too."""
    if is_dataclass(type_) or is_typeddict(type_):
        yield type_
        for each in get_type_hints(type_).values():
            yield from _classes(each)
    for each in get_args(type_):
        yield from _classes(each)


def _referring(part: Any, other: dict[str, str]) -> Any:
    """The same with other references."""
    if isinstance(part, list):
        return [_referring(each, other) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: _referring(each, other) for name, each in part.items()}
    if "$ref" in found:
        found["$ref"] = other.get(found["$ref"], found["$ref"])
    return found


def promised() -> list[str]:
    """A line for each command and each field, with its type: what may not go."""
    definitions = schema()["definitions"]
    lines = [
        f"{name} = {_type(part, definitions, plain=True)}"
        for name, part in definitions.items()
        if not _is_named(part)
    ]
    for name, part in definitions.items():
        lines += [
            f"{name}.{field}: {_type(type_, definitions, plain=True)}"
            for field, type_ in part.get("properties", {}).items()
        ]
    return sorted(lines)


def _is_named(part: dict[str, Any]) -> bool:
    """Whether a definition is that of a part, not of a command."""
    return "title" in part


def page() -> str:
    """The page about the answers."""
    definitions = schema()["definitions"]
    without = " and ".join(f"`{name}`, {why}" for name, why in WITHOUT.items())
    parts = ["# JSON for your scripts\n", "<!-- Made by scripts/docs of the types of the answers. -->\n"]
    parts.append(_ABOUT.format(without=without))
    for (words, type_), part in zip(ANSWERS.items(), definitions.values(), strict=False):
        parts.append(f"## recommend {words}\n")
        if words in _EXAMPLES:
            parts.append(f"```\n{_EXAMPLES[words]}\n```\n")
        answer = (get_args(type_) or (type_,))[0].__name__
        if answer in _SECTIONS:
            parts.append(f"The answer is {'a ' * (type_ is not RunFigures)}{_type(part, definitions)}.\n")
        elif (first := next(other for other, each in ANSWERS.items() if each is type_)) != words:
            parts.append(f"The fields are those of [recommend {first}](#recommend-{first}).\n")
        else:
            parts += _table(definitions, answer)
    parts.append("## Parts that stand in several places\n")
    for name, title in _SECTIONS.items():
        parts += [f"### {title}\n", *_table(definitions, name)]
    return "\n".join(parts)


def _table(definitions: dict[str, Any], name: str) -> list[str]:
    rows = [f"| `{field}` | {type_} | {meaning} |" for field, type_, meaning in _rows(definitions, name)]
    return [f"{definitions[name]['description']}\n", "\n".join([_HEAD, *rows, ""])]


def _rows(definitions: dict[str, Any], name: str, above: str = "") -> Iterator[tuple[str, str, str]]:
    """Field, type and meaning; of parts that stand here only their fields below them."""
    for field, part in definitions[name]["properties"].items():
        yield above + field, _type(part, definitions), part["description"].replace("|", "\\|")
        inner, many = _inner(part)
        if inner in definitions and inner not in _SECTIONS and "properties" in definitions[inner]:
            yield from _rows(definitions, inner, f"{above}{field}{many}.")


def _inner(part: dict[str, Any], many: str = "") -> tuple[str, str]:
    """The name of the part that a field, or each of its list, is; and `[]` for a list."""
    if "anyOf" in part:
        found = (_inner(each, many) for each in part["anyOf"])
        return next((each for each in found if each[0]), ("", ""))
    if part.get("type") == "array":
        return _inner(part["items"], "[]")
    return part.get("$ref", "").removeprefix("#/definitions/"), many


_FORMATS = {"date": "day", "date-time": "time"}
_WORDS = {"string": "text", "boolean": "true or false"}


def _type(part: dict[str, Any], definitions: dict[str, Any], *, plain: bool = False) -> str:
    """A type in words; plain: without links and the words of an enumeration."""

    def below(each: dict[str, Any]) -> str:
        return _type(each, definitions, plain=plain)

    if "anyOf" in part:
        kinds = " or ".join(map(below, part["anyOf"]))
        return kinds.replace("integer or text", "key")
    if "enum" in part:
        return _enumeration(part["enum"], plain=plain)
    if "$ref" in part:
        return _referred(part["$ref"], definitions, plain=plain)
    match str(part.get("type", "any")):
        case "array":
            return f"list of {below(part['items'])}"
        case "object":
            return f"by name: {below(part['additionalProperties'])}"
        case kind:
            return _FORMATS.get(part.get("format", ""), _WORDS.get(kind, kind))


def _enumeration(words: list[Any], *, plain: bool) -> str:
    kind = "integer" if isinstance(words[0], int) else "text"
    return kind if plain else f"{kind}: {', '.join(map(str, words))}"


def _referred(ref: str, definitions: dict[str, Any], *, plain: bool) -> str:
    file, _, place = ref.partition("#/")
    kind, _, name = place.partition("/")
    part = _RECORDED[kind][name] if file else definitions[name]
    title = _SECTIONS.get(name, "")
    if "enum" in part:
        return _enumeration(part["enum"], plain=plain)
    if plain:
        return f"{name} of {file}" if file else name
    if file:
        return f"as [on record]({file})"
    return f"[{title.lower()}](#{title.lower().replace(' ', '-')})" if title else "object"
