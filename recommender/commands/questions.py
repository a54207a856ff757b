"""What `recommend init` asks on a terminal: a wrong answer is asked again, with what may be meant."""

import difflib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recommender.commands.common import print_line, width_of
from recommender.errors import RecommenderError, SettingsError
from recommender.system.text import folded, printable

if TYPE_CHECKING:
    from recommender.setup.platforms.preset import Parameter
    from recommender.setup.proposal.owner import Owner

_CLICKS = max(len("Error: "), len(" [Y/n]: "))
_CHOICES_SHOWN = 40
_NONE = "-"
_YES_OR_NO = ("y", "yes", "n", "no")
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_RANGE = re.compile(r"([0-9]{1,4})\s*-\s*([0-9]{1,4})")


def ask_address(folder: Path) -> str:
    """The address of a database that answers.

    An address that is asked for again may be typed without its password.

    Args:
        folder: where relative paths of an address begin.
    """
    from recommender.database import open_database
    from recommender.database.urls import normalise_url, with_password_of

    before: list[str] = []

    def checked(answer: str) -> str:
        address = with_password_of(answer.strip(), before)
        before[:] = [address]
        with open_database(normalise_url(address, folder)).connect():
            return address

    print_line("The shop's database, such as postgresql://user:password@host/database or sqlite:///shop.db")
    return str(click.prompt("Its address", value_proc=_asked_again(checked)))


def ask_zone() -> str:
    """The name of a time zone."""
    from recommender.setup.shopfolder import machine_timezone, require_zone

    default = machine_timezone() or "UTC"

    def checked(answer: str) -> str:
        try:
            return require_zone(answer)
        except ValueError as error:
            raise _wrong(str(error)) from error

    return str(click.prompt("The shop's time zone", default=default, value_proc=checked))


def ask_parameter(
    title: str, parameter: "Parameter", default: str | None, shown: Sequence[str], check: Callable[[str], str]
) -> str:
    """A parameter of a platform's queries; the arguments are those of `Ask`."""

    def checked(answer: str) -> str:
        try:
            return check(answer)
        except SettingsError as error:
            meant = {name: text for text in shown for name in re.split(r" \(|\)$", text) if name}
            raise _wrong(f"{error.sentences}{_did_you_mean(answer, meant)}") from error

    more = f" and {len(shown) - _CHOICES_SHOWN} more" if len(shown) > _CHOICES_SHOWN else ""
    there_are = f"; there are: {', '.join(shown[:_CHOICES_SHOWN])}{more}" if shown else ""
    print_line(f"{title}: {parameter.name}, {parameter.about}{there_are}.")
    # Not shown by click, since it may be the shop's own text.
    text = parameter.name + ("" if default is None else f" [{printable(default)}]")
    return str(click.prompt(text, default=default, show_default=False, value_proc=checked))


def ask_schema(present: str) -> str:
    """The schema for our tables.

    Args:
        present: where they are made otherwise.
    """

    def checked(answer: str) -> str:
        name = answer.strip()
        if name == present or (_SCHEMA.fullmatch(name) and name not in _YES_OR_NO):
            return name
        raise _wrong(
            f"Type a name of small letters, digits and _, such as recommend; Enter alone takes {present}."
        )

    print_line("Our tables can have a schema of their own, such as recommend.")
    return str(click.prompt("Their schema", default=present, value_proc=checked))


def may_be_done(question: str, show: Callable[[], None]) -> bool:
    """Whether to do what takes statements, which are shown for the answer `s`."""
    while True:
        answer = click.prompt(f"{question} [y/N, s shows the statements]", default="n", show_default=False)
        if answer.strip().lower() in _YES_OR_NO:
            return bool(answer.strip().lower().startswith("y"))
        if answer.strip().lower() == "s":
            show()


def confirmed(question: str, *, default: bool) -> bool:
    """Whether the answer is yes; Enter alone is the default."""
    return click.confirm(_folded(question), default=default)


def owner_on_terminal() -> "Owner":
    """Asks what a guess at the queries leaves open."""
    from recommender.setup.proposal.owner import Owner

    return Owner(_choose, lambda question: confirmed(question, default=True))


def _choose(question: str, lines: Sequence[str], proposed: Sequence[int]) -> list[int]:
    """The places of those lines whose numbers are typed."""
    default = ",".join(str(place + 1) for place in proposed) or _NONE
    print_line(question)
    for number, line in enumerate(lines, 1):
        print_line(f"  {number}  {line}")
    text = f"Their numbers [{default}]"

    def checked(answer: str) -> list[int]:
        return _places(answer, lines, may_be_none=not proposed)

    found: list[int] = click.prompt(text, default=default, show_default=False, value_proc=checked)
    return found


def _places(answer: str, lines: Sequence[str], *, may_be_none: bool) -> list[int]:
    """The places that an answer such as `1, 4` or `1-3` names.

    Raises:
        click.UsageError: it names none, or one that there is not.
    """
    if may_be_none and answer.strip() == _NONE:
        return []
    found: dict[int, None] = {}
    for part in filter(None, re.split(r"[,;]\s*|(?<=[0-9])\s+(?=[0-9])", answer.strip())):
        span = _RANGE.fullmatch(part)
        first, last = span.groups() if span else (part, part)
        if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= len(lines)):
            meant = {line.split("  ")[0].strip("'"): f"{n}, {line}" for n, line in enumerate(lines, 1)}
            raise _wrong(f"{part} is not a number from 1 to {len(lines)}.{_did_you_mean(part, meant)}")
        found |= dict.fromkeys(range(int(first) - 1, int(last)))
    if not found:
        raise _wrong(f"Type at least one number from 1 to {len(lines)}, such as 1,2.")
    return [*found]


def _did_you_mean(answer: str, meant: Mapping[str, str]) -> str:
    """What the answer may mean, in a sentence with a blank in front; empty where nothing is near."""
    names = {name.casefold(): text for name, text in meant.items()}
    near = difflib.get_close_matches(answer.strip().casefold()[:100], [*names], 1)
    return f" Did you mean {names[near[0]]}?" if near else ""


def _wrong(text: str) -> click.UsageError:
    """What is wrong with an answer, in one sentence or more."""
    return click.UsageError(_folded(text))


def _folded(text: str) -> str:
    """The text in lines that fit the terminal, with room for what click puts in front of it or behind."""
    line, width = printable(text), width_of(sys.stdout)
    return line if width is None else "\n".join(folded(line, width - _CLICKS))


def _asked_again(check: Callable[[str], str]) -> Callable[[str], str]:
    """The check, with its errors as those for which click asks again."""

    def checked(answer: str) -> str:
        try:
            return check(answer)
        except RecommenderError as error:
            raise _wrong(error.sentences) from error

    return checked
