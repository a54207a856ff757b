"""What the JSON schemas and the pages that are made of types share: the texts under fields, and the print."""

import ast
import inspect
import json
import re
from itertools import pairwise
from typing import Any

from recommender.runs.manifest import END

_LONGEST = 100


def texts(class_: type) -> dict[str, str]:
    """The text under each field of a class, those of the classes that it extends first."""
    bases = [base for base in reversed(class_.__mro__) if base.__module__.startswith("recommender.")]
    return {
        ast.unparse(field.target if isinstance(field, ast.AnnAssign) else field.targets[0]): " ".join(
            str(text.value.value).split()
        )
        for base in bases
        for part in ast.parse(inspect.getsource(base)).body
        if isinstance(part, ast.ClassDef)
        for field, text in pairwise(part.body)
        if isinstance(field, ast.AnnAssign | ast.Assign)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def printed(schema: dict[str, Any]) -> str:
    """The text of a schema's file; what has no list or object in it is on one line."""
    # The patterns of JSON schema know but one end of a text.
    made = json.dumps(schema, indent=2, ensure_ascii=False).replace(json.dumps(END)[1:-1], "$")
    return re.sub(r"([\[{])\s+([^\[\]{}]*?)\s+([\]}])", _on_one_line, made) + "\n"


def _on_one_line(found: re.Match[str]) -> str:
    begin, inner, end = found.groups()
    line = begin + re.sub(r"\n\s+", " ", inner) + end
    return line if len(line) <= _LONGEST else found[0]
