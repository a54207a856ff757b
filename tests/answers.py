"""Holds answers of `--json` to their schema, as another program would, and to what docs/json.md promises."""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

DOCS = Path(__file__).parent.parent / "docs"
KEYS = {"customer_id", "item_id", "because_item_id"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d\S*")
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_EPOCH_FROM = 10**8
"""Seconds of 1973: what a count or a share of a small shop never is."""


@cache
def schema(name: str = "json") -> str:
    return (DOCS / f"{name}.schema.json").read_text(encoding="utf-8")


@cache
def _validator(words: str, *, strict: bool) -> Callable[[Any], Any]:
    found = json.loads(schema())
    for part in found["definitions"].values() if strict else ():
        if "properties" in part:
            part["additionalProperties"] = False
    found["$ref"] = f"#/definitions/{words.replace(' --', ' ').replace(' ', '-')}"
    # The other schema is beside it: no address, so no scheme.
    return fastjsonschema.compile(found, handlers={"": lambda _: json.loads(schema("manifest"))})


def fits(words: str, answer: Any, *, strict: bool = True) -> Any:
    """The answer, which must be what the schema says of the command's; strict: and have no field beyond."""
    _validator(words, strict=strict)(answer)
    return answer


def values(answer: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Each value in an answer that has no parts, with the name of the field that it is in."""
    if isinstance(answer, dict):
        for field, value in answer.items():
            yield from values(value, field)
    elif isinstance(answer, list):
        for value in answer:
            yield from values(value, name)
    else:
        yield name, answer


def require_promised(answer: Any, key: type) -> int:
    """What no schema says: no number is a moment, a text that looks like one is one, keys are of one type.

    Returns:
        How many keys there were.
    """
    n_keys = 0
    for name, value in values(answer):
        if name in KEYS:
            assert value is None or type(value) is key, (name, value)
            n_keys += value is not None
        elif isinstance(value, int | float):
            assert abs(value) < _EPOCH_FROM or name == "bytes", (name, value)
        elif isinstance(value, str) and _MOMENT.fullmatch(value) and name != "shown":
            assert _ISO.fullmatch(value), (name, value)
    return n_keys
