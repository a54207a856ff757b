"""What the commands share: the settings of the call, its progress and its tables on a terminal."""

import datetime as dt
import functools
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from recommender.system.text import Column, escaped, printable, table

_NEGATIVE = re.compile("-[0-9]+")

if TYPE_CHECKING:
    from recommender.settings import Settings
    from recommender.system.progress import Progress

__all__ = [
    "KeyCommand",
    "as_of_option",
    "ask_options",
    "print_json",
    "print_line",
    "print_table",
    "printable",
    "progress",
    "run_option",
    "settings",
]


class KeyCommand(click.Command):
    """A command whose argument is a key: a negative number there is the key, and no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put negative numbers behind the options, but those that an option takes as its value."""
        end = args.index("--") if "--" in args else len(args)
        with_value = {name for option in self.params if _takes_value(option) for name in option.opts}
        places = [
            place
            for place, text in enumerate(args[:end])
            if _NEGATIVE.fullmatch(text) and not (place and args[place - 1] in with_value)
        ]
        options = [text for place, text in enumerate(args[:end]) if place not in places]
        return super().parse_args(ctx, [*options, "--", *(args[place] for place in places), *args[end + 1 :]])


def _takes_value(option: click.Parameter) -> bool:
    return isinstance(option, click.Option) and not option.is_flag and not option.count


def settings(*, aloud: bool = False, shop: bool = True) -> "Settings":
    """The settings of this call.

    Args:
        aloud: say at once what looks like a mistake in them.
        shop: whether databases and secrets are needed.
    """
    from recommender.settings import load_settings

    found = load_settings(env_file=click.get_current_context().meta["recommender.env_file"], shop=shop)
    for warning in found.warnings if aloud else ():
        click.echo(f"Warning: {printable(warning)}", err=True)
    return found


def progress() -> "Progress":
    """Shows the stages on a terminal; elsewhere, and with --quiet, nothing."""
    from recommender.commands.terminal import TerminalProgress
    from recommender.system.progress import Progress

    context = click.get_current_context()
    # With -v the log's lines come on the same terminal and say the same.
    if context.meta["recommender.quiet"] or context.meta["recommender.verbose"] or not sys.stderr.isatty():
        return Progress()
    shown = TerminalProgress(colour=not os.environ.get("NO_COLOR"))
    context.call_on_close(shown.close)
    return shown


def figure(value: float | None) -> str | None:
    """A figure of quality with three decimals."""
    return None if value is None else f"{value:.3f}"


def print_line(text: str = "") -> None:
    """One line on stdout, with nothing in it that a terminal would obey."""
    click.echo(printable(text))


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[object]], *, indent: str = "") -> None:
    """A table on stdout, as wide as the terminal; where there is none, as wide as it needs."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table(columns, rows, width=width, indent=indent):
        click.echo(line)


def print_json(found: Any) -> None:
    """The same for machines."""
    click.echo(escaped(json.dumps(found, indent=2, ensure_ascii=False, default=str)))


run_option = click.option(
    "--run",
    "run_id",
    metavar="RUN_ID",
    help="Which run; default: the newest unpublished one whose previous stage is done.",
)


class _Day(click.ParamType[dt.date]):
    """A day of the calendar."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        if isinstance(value, dt.date):
            return value
        try:
            return dt.datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            self.fail(f"{value!r} is no day of the calendar in the form 2026-12-31.", param, ctx)


as_of_option = click.option(
    "--as-of", type=_Day(), metavar="DATE", help="Read sales up to the end of this day."
)


def ask_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--train`, `--cold` and `--load`, of which one may be given, as `ask`: their name or `auto`."""

    @click.option("--train", is_flag=True, help="Train, whatever TRAIN_EVERY_DAYS says.")
    @click.option("--cold", is_flag=True, help="Train from nothing, whatever WARM_START says.")
    @click.option("--load", is_flag=True, help="Load the newest model and bring it up to date.")
    @functools.wraps(command)
    def called(*, train: bool, cold: bool, load: bool, **given: Any) -> Any:
        asked = [name for name, is_given in (("train", train), ("cold", cold), ("load", load)) if is_given]
        if len(asked) > 1:
            raise click.UsageError(
                f"{' and '.join(f'--{name}' for name in asked)} exclude each other: give one of them.",
                click.get_current_context(),
            )
        return command(ask=asked[0] if asked else "auto", **given)

    return called
