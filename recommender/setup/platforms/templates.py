"""A preset's texts for one shop: plain SQL, with the shop's names and values in it.

In a text of a preset `${name}` stands for a parameter as SQL has it; what is between `-- [if name]` and
`-- [end]` stays only where the parameter or switch is set, or the database is of that kind (`mysql`), behind
`-- [if not name]` only where it is not. So the texts are SQL themselves and read as such.
"""

import re
from collections.abc import Iterable, Mapping
from string import Template

import sqlalchemy as sa

from recommender.database.base import Database
from recommender.setup.platforms.parameters import Value
from recommender.setup.platforms.preset import ParameterKind

_IF = re.compile(r"\s*-- \[if (?P<no>not )?(?P<name>\w+)\]")
_END = re.compile(r"\s*-- \[end\]")


def sql_value(value: Value, database: Database) -> str:
    """A parameter as SQL of a database: literals, or a name in the quotes that it needs."""
    kind = value.parameter.kind
    if kind is ParameterKind.TEXTS:
        return ", ".join(_literal(part) for part in value.parts) or "NULL"
    if kind is ParameterKind.INTEGERS:
        return ", ".join(value.parts) or "NULL"
    if kind is ParameterKind.HEX:
        return f"UNHEX('{value.text}')" if value.is_set else "NULL"
    if kind is ParameterKind.INTEGER:
        return value.text if value.is_set else "0"
    if kind is ParameterKind.NAME and value.text:
        schema, _, name = value.text.rpartition(".")
        return database.quoted(sa.Table(name, sa.MetaData(), schema=schema or None))
    return value.text


def _literal(text: str) -> str:
    """A text in quotes; backslashes, which not all databases take for themselves, are in none."""
    return "'" + text.replace("'", "''") + "'"


def filled(
    text: str,
    values: Mapping[str, Value],
    names: Mapping[str, str],
    switches: Iterable[str],
    database: Database,
) -> str:
    """The text for one shop.

    Args:
        text: of a preset.
        values: its parameters.
        names: what else stands for `${…}`: parts of tables' names.
        switches: those that are on.
        database: whose quotes names get.
    """
    is_on = {name: value.is_set for name, value in values.items()}
    is_on |= dict.fromkeys((*switches, database.backend), True)
    lines: list[str] = []
    stays = [True]
    for line in text.splitlines():
        if begin := _IF.fullmatch(line):
            stays.append(stays[-1] and is_on.get(begin["name"], False) != bool(begin["no"]))
        elif _END.fullmatch(line):
            stays.pop()
        elif stays[-1]:
            lines.append(line)
    return Template("\n".join(lines) + "\n").substitute(
        {**names, **{name: sql_value(value, database) for name, value in values.items()}}
    )
