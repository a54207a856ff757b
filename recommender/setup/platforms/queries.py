"""The queries of a shop on a known platform: which platform it is, what it needs to know, and the texts.

In a text of a preset `${name}` stands for a parameter as SQL has it; what is between `-- [if name]` and
`-- [end]` stays only where the parameter or switch is set, or the database is of that kind (`mysql`), behind
`-- [if not name]` only where it is not. So the texts are SQL themselves and read as such.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import Template
from zoneinfo import available_timezones

from recommender.database.base import Database
from recommender.errors import SettingsError
from recommender.runs.folder import STATUSES_QUERY
from recommender.setup.grants import GRANTS, reader_of
from recommender.setup.looks import quoted_name
from recommender.setup.platforms.detect import Platform, Shop, detect
from recommender.setup.platforms.parameters import Ask, Value, fill_parameters
from recommender.setup.platforms.preset import ParameterKind
from recommender.system.text import cut, printable

_VERSION = re.compile(r"[0-9][A-Za-z0-9_.,+ -]{0,39}")
_LONGEST = 200
"""Cells of a value in the head of a file."""
_IF = re.compile(r"\s*-- \[if (?P<no>not )?(?P<name>\w+)\]")
_END = re.compile(r"\s*-- \[end\]")


@dataclass(frozen=True)
class PlatformQueries:
    """What `init` found of a shop's platform, and what it writes."""

    platform: Platform
    title: str
    """The platform and its version, as people say it."""
    values: Mapping[str, Value]
    shop_timezone: str | None
    """Where the shop's own settings tell one."""
    texts: Mapping[str, str]
    """The files for the shop's `sql/`, by name."""
    left_out: tuple[str, ...] = ()
    """What the shop tells that was not taken, in sentences."""

    @property
    def reason(self) -> str:
        """Why it is taken for that, in words."""
        first, prefix = self.platform.preset.tables[0], self.platform.prefix
        return f"the database has its tables, such as {prefix}{first}"

    @property
    def sales_timezone(self) -> str:
        """The zone of the times of orders."""
        return self.values["timezone"].text


def platform_queries(
    database: Database, *, asked: str | None, parameters: Mapping[str, str], ask: Ask | None = None
) -> PlatformQueries | None:
    """The queries for a shop, if it is of a platform that we know.

    Args:
        database: the shop's.
        asked: the platform that the owner says it is.
        parameters: what the owner says of it, by name.
        ask: asks on a terminal for what was not said.

    Raises:
        SettingsError: the platform or a parameter cannot be told, or is not what the owner says.
        DatabaseError: the database does not answer.
    """
    platform = detect(database, asked=asked, prefix=parameters.get("prefix"))
    if platform is None:
        if parameters:
            raise SettingsError(
                "platform-none",
                f"{database.name} shows none of the platforms that --param is for.",
                "Check the address, and that its user may read the shop's tables; or leave out --param.",
            )
        return None
    shop, preset = Shop(database), platform.preset
    values = fill_parameters(platform, shop, parameters, ask)
    switches = tuple(name for name, texts in preset.switches.items() if shop.is_true(texts, platform.names))
    version = next(iter(shop.first(preset.version, platform.names)), None)
    zone = next(iter(shop.first(preset.shop_timezone, platform.names)), None)
    left_out = []
    if version is not None and not _VERSION.fullmatch(version):
        version = None
        left_out.append("The version that the shop tells is no version; it is left out.")
    if zone is not None and zone not in available_timezones():
        zone = None
        left_out.append("The time zone that the shop tells is none that is known; it is left out.")
    reader, place = reader_of(database)
    names = {**platform.names, "reader": reader, "database": place}
    title = " ".join(filter(None, (preset.title, version)))
    files = ["sales.sql", "items.sql", STATUSES_QUERY, *([] if database.backend == "sqlite" else [GRANTS])]
    made_with = ", ".join(f"{name}={cut(value.text, _LONGEST)}" for name, value in values.items())
    head = "".join(
        f"-- {printable(line)}\n"
        for line in (
            f"{title}: written by `recommend init`, yours to read and to change. It was made with",
            made_with,
        )
    )
    return PlatformQueries(
        platform=platform,
        title=title,
        values=values,
        shop_timezone=zone,
        texts={file: head + _filled(preset.text(file), values, names, switches, database) for file in files},
        left_out=tuple(left_out),
    )


def _sql_value(value: Value, database: Database) -> str:
    """A parameter as SQL of a database: literals, or a name in the quotes that it needs."""
    kind = value.parameter.kind
    if kind.is_list:
        parts = map(_literal, value.parts) if kind is ParameterKind.TEXTS else value.parts
        return ", ".join(parts) or "NULL"
    if kind is ParameterKind.HEX:
        return f"UNHEX('{value.text}')" if value.is_set else "NULL"
    if kind is ParameterKind.INTEGER:
        return value.text if value.is_set else "0"
    if kind is ParameterKind.ADDRESS:
        # So that a path can follow at once; where no address is known the path stands alone.
        return _literal(f"{value.text}/" if value.is_set else "")
    if kind is ParameterKind.NAME and value.text:
        schema, _, name = value.text.rpartition(".")
        return quoted_name(database, name, schema or None)
    return value.text


def _literal(text: str) -> str:
    """A text in quotes; backslashes, which not all databases take for themselves, are in none."""
    return "'" + text.replace("'", "''") + "'"


def _filled(
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
        {**names, **{name: _sql_value(value, database) for name, value in values.items()}}
    )
