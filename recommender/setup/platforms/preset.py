"""A platform's preset: what `sql/platforms/<name>/preset.toml` says, as objects.

The preset and its queries are written for people first: whoever knows the platform can correct them without
this code. Names of a platform's tables stand as `${prefix}orders` in all of them.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from recommender.system.files import shipped_text

NAMES = ("woocommerce", "prestashop", "opencart", "magento", "shopware", "oscar")
"""In the order in which they are looked for."""


class ParameterKind(StrEnum):
    """What a parameter is, and so how it stands in SQL."""

    INTEGER = "integer"
    INTEGERS = "integers"
    """Some, for `IN (…)`."""
    TEXTS = "texts"
    """Some, for `IN (…)`."""
    HEX = "hex"
    """A BINARY key, as hexadecimal digits."""
    NAME = "name"
    """A part of a table's name, or the whole."""
    ADDRESS = "address"
    """Of a site or a folder of it, or none."""
    YES_NO = "yes or no"
    ZONE = "time zone"

    @property
    def is_list(self) -> bool:
        """Whether it holds several values."""
        return self in (ParameterKind.INTEGERS, ParameterKind.TEXTS)


@dataclass(frozen=True)
class Parameter:
    """Something that the queries need to know of one shop."""

    name: str
    about: str
    """What it is, in a few words, for the owner."""
    kind: ParameterKind
    default: str | None
    """Where the shop does not tell; None where only the owner can."""
    find: tuple[str, ...]
    """Queries that find it in the shop: the first that returns something counts, all of its rows."""
    values: tuple[str, ...]
    """Queries for those to choose from, the first that returns something counts: the value, words for it."""
    may_be_all: bool
    """Whether `all` may be said: the lines of the queries that name it then fall away."""
    prefix: str
    """Put before each of several texts that lacks it."""


@dataclass(frozen=True)
class Preset:
    """A platform."""

    name: str
    title: str
    databases: tuple[str, ...]
    tables: tuple[str, ...]
    """By which it is known, without their prefix; the first is found in no other program."""
    has_prefix: bool
    version: tuple[str, ...]
    """Queries that tell its version, the first that answers counts."""
    shop_timezone: tuple[str, ...]
    """Queries for the zone of the shop's day."""
    switches: Mapping[str, tuple[str, ...]]
    """Names for what differs between shops, and queries: it is so where the first that answers returns a row
    that is not 0."""
    parameters: tuple[Parameter, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of its parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    def text(self, name: str) -> str:
        """A file of the preset, such as `sales.sql`."""
        return shipped_text(f"sql/platforms/{self.name}/{name}")


def load_preset(name: str) -> Preset:
    """Read the preset of a platform.

    Args:
        name: one of NAMES.
    """
    told = tomllib.loads(shipped_text(f"sql/platforms/{name}/preset.toml"))
    return Preset(
        name=name,
        title=told["title"],
        databases=tuple(told["databases"]),
        tables=tuple(told["detect"]["tables"]),
        has_prefix=told["detect"].get("prefix", False),
        version=_some(told["detect"].get("version", ())),
        shop_timezone=_some(told.get("shop_timezone", ())),
        switches={key: _some(value) for key, value in told.get("switches", {}).items()},
        parameters=tuple(_parameter(key, value) for key, value in told["parameters"].items()),
    )


def _parameter(name: str, told: Mapping[str, object]) -> Parameter:
    default = told.get("default")
    return Parameter(
        name=name,
        about=str(told["about"]),
        kind=ParameterKind(str(told["kind"])),
        default=None if default is None else str(default),
        find=_some(told.get("find", ())),
        values=_some(told.get("values", ())),
        may_be_all=bool(told.get("may_be_all", False)),
        prefix=str(told.get("prefix", "")),
    )


def _some(told: object) -> tuple[str, ...]:
    if isinstance(told, str):
        return (told,)
    return tuple(map(str, told)) if isinstance(told, list) else ()
