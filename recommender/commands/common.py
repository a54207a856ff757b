"""What the commands share: options, the settings of the call, its progress; tables and lists as printed."""

import dataclasses
import datetime as dt
import difflib
import functools
import json
import math
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

import click

from recommender.system.progress import Progress
from recommender.system.text import (
    Column,
    columns_left_out,
    cut,
    escaped,
    folded,
    printable,
    shortened,
    table,
)

if TYPE_CHECKING:
    from recommender.operations.search import Buyer
    from recommender.operations.show import BoughtItem, ListedItem
    from recommender.runs.folder import Run
    from recommender.settings import Settings
    from recommender.tables import ListTable

ITEM = Column("item", shortest=20)
ID = Column("item_id", shortest=8, goes=1)
_NEGATIVE = re.compile("-[0-9]+")
_SECONDS_BETWEEN = 0.1
"""At least, between two writings of a line that goes on."""
_SECONDS_BETWEEN_TICKS = 0.5
_SECONDS_TO_STOP = 1.0
_USUAL_WIDTH = 80
_CELLS_OF_STEP = 42
"""Behind which the figures stand, where there is room: they should not jump with each step."""
_SECONDS_OF_MINUTE, _MINUTES_OF_HOUR = 60, 60
_LABEL = re.compile(r" *([A-Z][a-z]+: +)?")
"""Blanks, and a word such as `Warning:`, below which a folded line goes on."""

COMPLETE = "_RECOMMEND_COMPLETE"
"""The variable by which a shell asks for completions."""

json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")


class SuggestingGroup(click.Group):
    """Says which command may be meant by one that is not there."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it."""
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, known, 1)
            raise click.UsageError(
                f"There is no command {shortened(name)!r}{f': did you mean {near[0]}?' if near else '.'}", ctx
            )
        return super().resolve_command(ctx, args)


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


def progress() -> Progress:
    """Shows the stages on a terminal; elsewhere, and with --quiet, nothing."""
    context = click.get_current_context()
    # With -v the log's lines come on the same terminal and say the same.
    if context.meta["recommender.quiet"] or context.meta["recommender.verbose"] or not sys.stderr.isatty():
        return Progress()
    shown = _TerminalProgress(colour=in_colour(sys.stderr))
    context.call_on_close(shown.close)
    return shown


class _TerminalProgress(Progress):
    """One line a stage on stderr; while the stage goes on it is written over in place.

    A thread of its own writes it anew as time goes on, for the work that says nothing for a while.
    """

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour
        self._stage = ""
        """which goes on; empty where no line may be written over"""
        self._said = ""
        """the step that goes on, in words"""
        self._shown = ""
        self._last = 0.0
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._clock: threading.Thread | None = None

    def close(self) -> None:
        """Stop, and end the line of a stage that was left in the middle, so that what follows has its own."""
        self._closed.set()
        if self._clock is not None:
            self._clock.join(_SECONDS_TO_STOP)
        with self._lock:
            if self._stage:
                self._stage = ""
                click.echo(err=True)

    def begin(self, stage: str) -> None:
        """Write over a line of its own from now on, at the first step or when the clock ticks."""
        super().begin(stage)
        with self._lock:
            self._stage, self._said, self._last = stage, "…", 0.0
        if self._clock is None:
            self._clock = threading.Thread(target=self._tick, daemon=True)
            with suppress(RuntimeError):  # the system gives no more threads: then the line stands still
                self._clock.start()
                return
            self._clock = None

    def update(self, step: str, done: float) -> None:
        """Show the step and how far the whole is, a few times a second."""
        super().update(step, done)
        self._said = step or self._said
        if time.monotonic() - self._last >= _SECONDS_BETWEEN:
            self._draw()

    def end(self, summary: str, seconds: float) -> None:
        """Leave the stage's line with what it brought and how long it took."""
        super().end(summary, seconds)
        time_taken = f"  {seconds:.1f} s"
        room = (width_of(sys.stderr) or _USUAL_WIDTH) - len(time_taken)
        line = cut(f"{self._stage:<8} {printable(summary)}", room)
        time_taken = click.style(time_taken, dim=True) if self._colour else time_taken
        with self._lock:
            self._write(line, time_taken, end="\n") if summary else self._write("", end="")
            self._stage = ""

    def _tick(self) -> None:
        if hasattr(signal, "pthread_sigmask"):  # they are for the main thread, which they wake
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        with suppress(OSError):  # the terminal has gone
            while not self._closed.wait(_SECONDS_BETWEEN_TICKS):
                self._draw()

    def _draw(self) -> None:
        with self._lock:
            if not self._stage or self._closed.is_set():
                return
            left = math.ceil(self.left() or 0)
            left = left if left < _SECONDS_OF_MINUTE else _SECONDS_OF_MINUTE * -(-left // _SECONDS_OF_MINUTE)
            figures = f"  {int(100 * self._done):2} %  {_in_words(self.gone())}"
            figures += f", about {_in_words(left)} left" if left else ""
            # Some terminals go to the next line with the last cell.
            width = (width_of(sys.stderr) or _USUAL_WIDTH) - 1
            room = width - len(figures)
            line = cut(f"{self._stage:<8} {self._said}", room).ljust(min(room, _CELLS_OF_STEP))
            line = cut(line + figures, width)
            if line != self._shown:
                self._last = time.monotonic()
                self._write(line, end="")
                self._shown = line

    def _write(self, line: str, rest: str = "", *, end: str) -> None:
        """Write over the line; to be called with the lock held."""
        name, others = line[: len(self._stage)], line[len(self._stage) :]
        name = click.style(name, bold=True) if self._colour else name
        self._shown = ""
        # Carriage return and "erase to the end of the line".
        click.echo(f"\r\x1b[K{name}{others}{rest}{end}", nl=False, err=True, color=True)


def _in_words(seconds: float) -> str:
    """A time as somebody who waits reads it."""
    minutes, rest = divmod(int(seconds), _SECONDS_OF_MINUTE)
    hours, minutes = divmod(minutes, _MINUTES_OF_HOUR)
    if hours:
        return f"{hours} h {minutes} min"
    return " ".join([f"{minutes} min"] * (minutes > 0) + [f"{rest} s"] * (rest > 0 or not minutes))


def figure(value: float | None) -> str | None:
    """A figure of quality with three decimals."""
    return None if value is None else f"{value:.3f}"


def width_of(stream: TextIO) -> int | None:
    """Cells of a line on the terminal that is written to; None where there is none."""
    if not stream.isatty():
        return None
    if not os.environ.get("COLUMNS"):
        # The library asks for stdout's, which may be a file or a pipe.
        with suppress(OSError, ValueError):
            columns = os.get_terminal_size(stream.fileno()).columns
            if columns:
                return columns
    return shutil.get_terminal_size().columns


def in_colour(stream: TextIO) -> bool:
    """Whether to write in colour there: NO_COLOR and FORCE_COLOR decide, else whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def print_line(text: str = "") -> None:
    """A sentence on stdout, folded by words on a terminal, with nothing in it that a terminal would obey."""
    width, line = width_of(sys.stdout), printable(text)
    label = _LABEL.match(line)
    hang = " " * len(label[0]) if label else ""
    for part in [line] if width is None else folded(line, width, hang=hang):
        click.echo(part)


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[object]], *, indent: str = "") -> None:
    """A table on stdout, as wide as the terminal; where there is none, as wide as it needs."""
    width = width_of(sys.stdout)
    for line in table(columns, rows, width=width, indent=indent):
        click.echo(line)
    missing = 0 if width is None else columns_left_out(columns, rows, width=width, indent=indent)
    if missing:
        print_line(f"{indent}({missing} more columns in a wider terminal, and with --json)")


def print_json(found: Any) -> None:
    """The same for machines; docs/json.md has every field."""
    click.echo(escaped(json.dumps(found, indent=2, ensure_ascii=False, default=_plain)))


def _plain(value: Any) -> Any:
    """An object of ours by its fields; a date as its text."""
    if not dataclasses.is_dataclass(value):
        return str(value)
    return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}


def print_run(given: "Settings", run: "Run") -> None:
    """A run's record for machines, as `recommend runs show --json` prints it."""
    from recommender.operations.pastruns import one_run

    print_json(one_run(given, run.run_id))


def name_of(line: "BoughtItem | Buyer | ListedItem") -> str:
    """The name of the line's item, or its key where it has none."""
    return line["name"] or f"item {line['item_id']}"


def print_list(lines: Sequence["ListedItem"]) -> None:
    """Positions, names and keys."""
    print_table(
        (Column("", right=True), ITEM, ID),
        [(f"{n['position']}.", name_of(n), str(n["item_id"])) for n in lines],
        indent="  ",
    )


def print_item(definition: "ListTable", item: str, *, title: str, nothing: str, as_json: bool) -> None:
    """What a list has for an item.

    Args:
        definition: the list.
        item: its key, as text.
        title: what stands above the list.
        nothing: why there may be nothing, as a sentence.
        as_json: for machines.
    """
    from recommender.operations.show import show_item

    view = show_item(settings(), definition, item)
    if as_json:
        print_json(view)
        return
    print_line(f"Item {view.item_id}" + (f": {shortened(view.name)}" if view.name else ""))
    print_line()
    print_line(f"{title} (from {view.source})")
    if view.items:
        print_list(view.items)
    elif view.is_made:
        print_line(f"  {nothing}")
    else:
        print_line(f"  Nothing: LISTS leaves {definition.name} out.")


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
            self.fail(f"{value!r} is not a date. Write it like 2026-12-31.", param, ctx)


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
                f"Use {' or '.join(f'--{name}' for name in asked)}, not both.",
                click.get_current_context(),
            )
        return command(ask=asked[0] if asked else "auto", **given)

    return called
