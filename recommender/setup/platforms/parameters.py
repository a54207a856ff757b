"""The values of a preset's parameters: what the owner says, else what the shop tells, else the default."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import available_timezones

from recommender.errors import SettingsError
from recommender.setup.platforms.detect import Platform, Shop, as_text
from recommender.setup.platforms.preset import Parameter, ParameterKind
from recommender.system.text import cut, shortened

ALL = "all"
_YES, _NO = ("yes", "1", "true", "on"), ("no", "0", "false", "off")
_NAME = r"[A-Za-z0-9_$-]{1,64}"
_FORMS = {
    ParameterKind.INTEGER: re.compile(r"[0-9]{1,20}"),
    ParameterKind.HEX: re.compile(r"(?:[0-9a-f]{2}){1,64}"),
    ParameterKind.NAME: re.compile(rf"(?:(?:{_NAME}\.)?{_NAME})?"),
    ParameterKind.ADDRESS: re.compile(r"(?:https?://[\w.:~%/\[\]-]{1,255})?"),
    # No backslash, which some servers take for themselves; nothing that ends a line or writes backwards.
    ParameterKind.TEXTS: re.compile(
        r"[^,\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]{1,255}",
    ),
}
"""What may stand in SQL, in the quotes that `queries` gives it."""
_MOST_PARTS = 200
_SHOWN = 12
_SHOWN_CELLS = 80

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
    unasked: str | None = None
    """Why the shop did not tell the values to choose from, where it refused to."""

    @property
    def parts(self) -> list[str]:
        """The values of a list."""
        return [part for part in (one.strip() for one in self.text.split(",")) if part]

    @property
    def is_set(self) -> bool:
        """Whether the lines of a query that depend on it stay."""
        if self.text == ALL and self.parameter.may_be_all:
            return False
        return self.text != "" and not (self.parameter.kind is ParameterKind.YES_NO and self.text == "no")


def fill_parameters(
    platform: Platform, shop: Shop, asked: Mapping[str, str], ask: Ask | None = None
) -> dict[str, Value]:
    """The value of each parameter.

    Args:
        platform: whose.
        shop: where to look for what was not asked for.
        asked: what the owner said, by name.
        ask: asks on a terminal for the others.

    Raises:
        SettingsError: there is no such parameter, a value is not of its form or not in the shop, whoever told
            it, or there is none and only the owner can tell.
    """
    preset = platform.preset
    unknown = [name for name in asked if name not in (*preset.names, "prefix")]
    if unknown:
        raise SettingsError(
            "platform-parameter",
            f"{preset.title} has no parameter {', '.join(unknown)}.",
            f"There are: {', '.join(preset.names)}.",
        )
    found: dict[str, Value] = {}
    for parameter in preset.parameters:
        # No other kind may stand in a query that is asked of the shop: these are digits, or `all`.
        known = {
            n: v.text
            for n, v in found.items()
            if v.parameter.kind in (ParameterKind.INTEGER, ParameterKind.HEX)
        }
        names = {**platform.names, **known}
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
    rows, refused = shop.choice(parameter.values, names)
    choice = _choice(rows)
    shown = tuple(_brief(f"{value} ({words})" if words else value) for value, words in choice.items())
    text, source = said, "as you said"
    if text is None:
        try:
            text, source = _told(parameter, shop.first(parameter.find, names), choice, shown)
        except SettingsError:
            if ask is None:
                raise
        if ask is not None and (text is None or len(choice) > 1):
            before = text
            title = platform.preset.title
            text = ask(
                title, parameter, text, shown, lambda answer: _checked(parameter, answer, choice, shown)
            )
            source = source if text == before else "as you said"
    if text is None:
        there_are = ", ".join(shown[:_SHOWN]) or "none"
        asked = "" if refused is None else f" The shop could not be asked: {refused.reason}"
        raise SettingsError(
            "platform-parameter",
            f"{platform.preset.title} needs to know {parameter.name}, {parameter.about}; found:"
            f" {there_are}.{asked}",
            f"Say it with --param {parameter.name}=….",
        )
    text = _checked(parameter, text, choice, shown)
    chosen = text.split(",") if parameter.kind.is_list else [text]
    others = tuple(words for value, words in zip(choice, shown, strict=True) if value not in chosen)
    return Value(parameter, text, source, others, None if refused is None else refused.reason)


def _choice(rows: Sequence[Sequence[object]]) -> dict[str, str]:
    """The values to choose from, with words for each."""
    return {
        as_text(row[0]): ", ".join(as_text(cell) for cell in row[1:] if cell not in (None, ""))
        for row in rows
        if row[0] not in (None, "")
    }


def _told(
    parameter: Parameter, found: Sequence[str], choice: Mapping[str, str], shown: Sequence[str]
) -> tuple[str | None, str]:
    """What the shop tells, or else the default, and where that is from; None where only the owner can tell.

    Raises:
        SettingsError: what the shop tells is not of its form: whoever can write its tables wrote it.
    """
    text: str | None = None
    source = "as the shop's tables say"
    if parameter.kind is ParameterKind.INTEGERS:
        # In rows, with commas between, or as a list in JSON.
        found = [part for row in found for part in re.split(r'[\s,"\[\]]+', row) if part]
    if found and (parameter.kind.is_list or len(found) == 1):
        text = _normal(parameter, ",".join(found), choice)
    elif len(choice) == 1 and not parameter.kind.is_list:
        text, source = next(iter(choice)), "the only one"
    if not text:
        return parameter.default, "the default"
    try:
        if parameter.kind is ParameterKind.TEXTS:
            for row in found:
                _require_form(parameter, row, [row])
        return _checked(replace(parameter, may_be_all=False), text, choice, shown), source
    except SettingsError as error:
        raise SettingsError(
            "platform-parameter",
            f"In the shop's own tables, {error.reason}",
            f"Say it with --param {parameter.name}=….",
        ) from error


def _normal(parameter: Parameter, text: str, choice: Mapping[str, str]) -> str:
    """The text in our form: yes or no, digits in lower case, prefixes in front, no slash at the end."""
    text = text.strip()
    if parameter.kind is ParameterKind.YES_NO:
        return "yes" if text.lower() in _YES else "no" if text.lower() in _NO else text
    if parameter.kind is ParameterKind.HEX and text != ALL:
        return text.lower().removeprefix("0x").replace("-", "")
    if parameter.kind is ParameterKind.ADDRESS:
        return text.rstrip("/")
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
    parts = [part for part in text.split(",") if part] if kind.is_list else [text]
    _require_form(parameter, text, parts)
    unknown = [part for part in parts if part and choice and part not in choice]
    # A status that no order has as yet is none of the shop's values, but may be one tomorrow.
    if unknown and not kind.is_list:
        raise SettingsError(
            "platform-parameter",
            f"{name}={_brief(text)} is not in the shop; found: {', '.join(shown[:_SHOWN])}.",
            f"Say one of these with --param {name}=….",
        )
    return text


def _require_form(parameter: Parameter, text: str, parts: Sequence[str]) -> None:
    kind = parameter.kind
    if kind is ParameterKind.YES_NO:
        is_well_formed = text in ("yes", "no")
    elif kind is ParameterKind.ZONE:
        is_well_formed = text in available_timezones()
    else:
        form = _FORMS[ParameterKind.INTEGER if kind is ParameterKind.INTEGERS else kind]
        is_well_formed = len(parts) <= _MOST_PARTS and all(map(form.fullmatch, parts))
    if not is_well_formed:
        several = f"{kind}, with commas between them" if kind.is_list else f"one {kind}"
        raise SettingsError(
            "platform-parameter",
            f"{parameter.name}={_brief(text)} is not of its form: {several}.",
            f"It is {parameter.about}.",
        )


def _brief(text: str) -> str:
    return cut(shortened(text), _SHOWN_CELLS)
