"""The values of a preset's parameters: what the owner says, else what the shop tells, else the default."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import available_timezones

from recommender.errors import SettingsError
from recommender.platforms.detect import Platform, Shop, as_text
from recommender.platforms.preset import Kind, Parameter

ALL = "all"
_YES, _NO = ("yes", "1", "true", "on"), ("no", "0", "false", "off")
_FORMS = {
    Kind.INTEGER: re.compile(r"\d+"),
    Kind.HEX: re.compile(r"(?:[0-9a-f]{2})+"),
    Kind.NAME: re.compile(r"[A-Za-z0-9_$.-]*"),
    Kind.TEXTS: re.compile(r"[^\\\\\x00-\x1f]+"),
}
_SHOWN = 12

Ask = Callable[[str, Parameter, str | None, Sequence[str], Callable[[str], str]], str]
"""Asks the owner on a terminal: the name of the platform, the parameter, its default, the values found in
words, and what an answer must pass, which raises SettingsError."""


@dataclass(frozen=True)
class Value:
    """What a parameter is in this shop."""

    parameter: Parameter
    text: str
    """As the owner would write it."""
    source: str
    """Where it is from, in words."""
    others: tuple[str, ...] = ()
    """Values to choose from that were not, in words."""

    @property
    def parts(self) -> list[str]:
        """The values of a list."""
        return [part for part in (one.strip() for one in self.text.split(",")) if part]

    @property
    def is_set(self) -> bool:
        """Whether the lines of a query that depend on it stay."""
        return self.text not in ("", ALL) and not (self.parameter.kind is Kind.YES_NO and self.text == "no")


def fill(
    platform: Platform, shop: Shop, asked: Mapping[str, str], ask: Ask | None = None
) -> dict[str, Value]:
    """The value of each parameter.

    Args:
        platform: whose.
        shop: where to look for what was not asked for.
        asked: what the owner said, by name.
        ask: asks on a terminal for the others.

    Raises:
        SettingsError: there is no such parameter, a value is not of its form or not in the shop, or there is
            none and only the owner can tell.
    """
    preset = platform.preset
    unknown = [name for name in asked if name not in (*preset.names, "prefix")]
    if unknown:
        raise SettingsError(
            f"{preset.title} has no parameter {', '.join(unknown)}.",
            f"There are: {', '.join(preset.names)}.",
        )
    found: dict[str, Value] = {}
    for parameter in preset.parameters:
        names = {**platform.names, **{name: value.text for name, value in found.items()}}
        found[parameter.name] = _value(
            parameter, platform, shop, names, said=asked.get(parameter.name), ask=ask
        )
    return found


def _value(
    parameter: Parameter,
    platform: Platform,
    shop: Shop,
    names: dict[str, str],
    *,
    said: str | None,
    ask: Ask | None,
) -> Value:
    choice = _choice(parameter, shop, names)
    shown = tuple(f"{value} ({words})" if words else value for value, words in choice.items())
    text, source = said, "as you said"
    if text is None:
        found = _normal(parameter, ",".join(_lists(shop.first(parameter.find, names))), choice)
        is_one = len(choice) == 1 and not parameter.kind.is_list
        if found and (parameter.kind.is_list or "," not in found):
            text, source = found, "as the shop's tables say"
        elif is_one:
            text, source = next(iter(choice)), "the only one"
        elif parameter.default is not None:
            text, source = parameter.default, "the default"
        if ask is not None and (text is None or len(choice) > 1):
            before = text
            title = platform.preset.title
            text = ask(
                title, parameter, text, shown, lambda answer: _checked(parameter, answer, choice, shown)
            )
            source = source if text == before else "as you said"
    if text is None:
        raise SettingsError(
            f"{platform.preset.title} needs to know {parameter.name}, {parameter.about}; found:"
            f" {', '.join(shown[:_SHOWN]) or 'none'}.",
            f"Say it with --param {parameter.name}=….",
        )
    text = _checked(parameter, text, choice, shown)
    chosen = text.split(",") if parameter.kind.is_list else [text]
    others = tuple(words for value, words in zip(choice, shown, strict=True) if value not in chosen)
    return Value(parameter, text, source, others)


def _choice(parameter: Parameter, shop: Shop, names: dict[str, str]) -> dict[str, str]:
    """The values to choose from, with words for each."""
    rows = next(filter(None, (shop.rows(text, names) for text in parameter.values)), ())
    return {
        as_text(row[0]): ", ".join(as_text(cell) for cell in row[1:] if cell not in (None, ""))
        for row in rows
        if row[0] not in (None, "")
    }


def _lists(found: list[str]) -> list[str]:
    """What a shop stores as a JSON list, as its values; others as they are."""
    values: list[str] = []
    for text in found:
        try:
            told = json.loads(text) if text.startswith("[") else [text]
        except ValueError:
            told = [text]
        values += [str(value) for value in told if str(value) not in values]
    return values


def _normal(parameter: Parameter, text: str, choice: Mapping[str, str]) -> str:
    """The text as our texts have it: yes and no, hexadecimal digits in lower case, prefixes in front."""
    text = text.strip()
    if parameter.kind is Kind.YES_NO:
        return "yes" if text.lower() in _YES else "no" if text.lower() in _NO else text
    if parameter.kind is Kind.HEX and text != ALL:
        return text.lower().removeprefix("0x").replace("-", "")
    if parameter.kind.is_list:
        parts = dict.fromkeys(part.strip() for part in text.split(",") if part.strip())
        if parameter.prefix:
            parts = dict.fromkeys(
                part if part in choice or part.startswith(parameter.prefix) else parameter.prefix + part
                for part in parts
            )
        return ",".join(parts)
    return text


def _checked(parameter: Parameter, text: str, choice: Mapping[str, str], shown: Sequence[str]) -> str:
    """The text in its normal form, if it has one and is among the values to choose from.

    Raises:
        SettingsError: it is not.
    """
    text = _normal(parameter, text, choice)
    name, kind = parameter.name, parameter.kind
    if text == ALL and parameter.may_be_all:
        return text
    form = _FORMS.get(Kind.INTEGER if kind is Kind.INTEGERS else kind)
    parts = text.split(",") if kind.is_list else [text]
    is_well_formed = form is None or all(form.fullmatch(part) for part in parts if part or not kind.is_list)
    if kind is Kind.YES_NO:
        is_well_formed = text in ("yes", "no")
    if kind is Kind.ZONE:
        is_well_formed = text in available_timezones()
    if not is_well_formed:
        several = f"{kind}, with commas between them" if kind.is_list else f"one {kind}"
        raise SettingsError(f"{name}={text} is not of its form: {several}.", f"It is {parameter.about}.")
    unknown = [part for part in parts if part and choice and part not in choice]
    # A status that no order has as yet is none of the shop's values, but may be one tomorrow.
    if unknown and not kind.is_list:
        raise SettingsError(
            f"{name}={text} is not in the shop; found: {', '.join(shown[:_SHOWN])}.",
            f"Say one of these with --param {name}=….",
        )
    return text
