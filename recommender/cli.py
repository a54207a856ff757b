"""The command line: common options, one module per command, errors to exit codes; no command's work."""

import contextlib
import gc
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import shell_complete

from recommender import __version__
from recommender.commands.common import COMPLETE, SuggestingGroup, in_colour, width_of
from recommender.errors import (
    ExitCode,
    Interrupted,
    RecommenderError,
    SettingsError,
    exit_code_of,
    of_system,
)
from recommender.system.interrupts import interrupts
from recommender.system.kernel import pin_kernel
from recommender.system.machine import require_addresses, share_one_heap
from recommender.system.text import folded, in_utf8, printable

GROUPS = {
    "Set up": {
        "init": "Set up a folder for a shop: .env, sql/, the tables.",
        "check": "Try everything that a night needs, before it comes.",
        "demo": "Make a shop with plausible sales to try all of this on.",
        "completion": "Print what your shell needs to complete commands and options.",
    },
    "Every night": {
        "run": "The night's job: sales in, recommendations out.",
        "status": "How the last run went, and how old it is.",
        "prune": "Remove the past runs that need not be kept.",
    },
    "Look": {
        "show": "What a customer bought, is shown, and why.",
        "similar": "What goes with an item: the customers of one buy the other.",
        "together": "What lies in one basket with an item.",
        "runs": "The past runs and their figures.",
        "evaluate": "How good the lists are, on the shop's own past.",
    },
    "Undo and erase": {
        "rollback": "Publish an earlier run's lists again.",
        "reproduce": "Make a past run again, and compare to the byte.",
        "forget": "Erase a customer from all that is kept, for good.",
    },
    "One stage alone, for a scheduler with tasks": {
        "export": "Stage 1: begin a run with the export of the sales.",
        "train": "Stage 2: train the model, or load the last one.",
        "rank": "Stage 3: make the lists.",
        "publish": "Stage 4: check the lists and publish them.",
    },
}
COMMANDS = {name: text for commands in GROUPS.values() for name, text in commands.items()}
"""Every command with its short help, so that `--help` imports no command."""
_HEAVY = {"check", "run", "export", "train", "rank", "publish", "reproduce", "rollback", "evaluate", "forget"}
"""Those that load the numeric packages, as soon as they begin."""

_ENV_FILE = click.Option(
    ["--env-file"],
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file; default: .env of this folder.",
)
_VERBOSE = click.Option(["-v", "--verbose"], count=True, help="Say more; twice: everything.")
_QUIET = click.Option(["-q", "--quiet"], is_flag=True, help="Say nothing but errors.")
_LOG_FORMAT = click.Option(
    ["--log-format"], type=click.Choice(["text", "json"]), help="Form of what is said on stderr."
)
_COMMON = (_ENV_FILE, _VERBOSE, _QUIET, _LOG_FORMAT)
_NAMES = [str(option.name) for option in _COMMON]
_NO_THREAD = "can't start new thread"
_VERSION = click.version_option(__version__, prog_name="recommend")


class _Group(SuggestingGroup):
    """Loads a command's module only when that command is called, and gives it the common options."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"recommender.commands.{cmd_name}").command
        if not any(option in command.params for option in _COMMON):
            command = _give_common(command, is_heavy=cmd_name in _HEAVY)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        width = max(map(len, COMMANDS))
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{width}}", text) for name, text in commands.items()])


def _give_common(command: click.Command, *, is_heavy: bool) -> click.Command:
    """The command with the common options, and so its own commands if it has some."""
    command.params.extend(_COMMON)
    command.callback = _with_common(command.callback, is_heavy=is_heavy)
    if isinstance(command, click.Group):
        command.commands = {
            name: _give_common(below, is_heavy=is_heavy) for name, below in command.commands.items()
        }
    return _VERSION(command)


def _with_common(callback: Any, *, is_heavy: bool) -> Any:
    """The command's function, without the common options: those given before and after are put together."""

    def called(**given: Any) -> Any:
        context = click.get_current_context()
        _take_common(context.find_root(), {name: given.pop(name) for name in _NAMES})
        pin_kernel(context.find_root().meta["recommender.env_file"])
        if is_heavy:
            require_addresses()
        return callback(**given)

    return called


def _take_common(root: click.Context, after: dict[str, Any]) -> None:
    before = root.meta["recommender.common"]
    common = {name: after[name] or before[name] for name in _NAMES}
    root.meta["recommender.common"] = common  # a command of a command adds to what both were given
    root.meta["recommender.env_file"] = common["env_file"]
    root.meta["recommender.quiet"] = common["quiet"]
    root.meta["recommender.verbose"] = common["verbose"]
    from recommender.system import logs

    # Cron mails whatever is printed: a successful run is silent, its warnings are in log and manifest.
    level = {0: logging.CRITICAL, 1: logging.INFO}.get(common["verbose"], logging.DEBUG)
    logs.configure(level, common["log_format"] or "text")


@click.group(
    cls=_Group,
    params=list(_COMMON),
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@_VERSION
@click.pass_context
def group(context: click.Context, /, **common: Any) -> None:
    """The nightly recommender: reads a shop's sales, writes its recommendations.

    Exit codes: 0 done, 1 unexpected, 2 usage or settings, 3 refused, 4 database, 5 another run, 130/143
    interrupted. A message ends with a code in brackets, which docs/when-it-fails.md explains.
    """
    context.meta["recommender.common"] = common


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with one of our exit codes."""
    os.umask(0o077)
    _open_closed_streams()
    # No locale is no reason to fail: all our files are UTF-8, and a terminal that cannot show a letter shows
    # a question mark.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    # A night makes millions of rows and hardly a cycle; looking for cycles as often as Python does by default
    # takes a fifth of an export's time.
    gc.set_threshold(100_000, 50, 50)
    share_one_heap()
    interrupts.install()
    sys.exit(_exit_code(arguments))


def _open_closed_streams() -> None:
    """Put the null device where the caller has closed stdin, stdout or stderr, as some schedulers do.

    Else Python has None there, and the next file that is opened gets the number.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - for as long as the process lives


def _exit_code(arguments: Sequence[str] | None) -> ExitCode:
    given = sys.argv[1:] if arguments is None else [*arguments]
    try:
        _require_text(given)
        if asked := os.environ.get(COMPLETE):
            return ExitCode(shell_complete(group, {}, "recommend", COMPLETE, asked))
        if not given:
            given = ["--help"]
        # Not group.main(): it ends the process itself where a reader of our output has gone.
        with group.make_context("recommend", given) as context:
            outcome = group.invoke(context)
    except click.exceptions.Exit as error:
        return ExitCode(error.exit_code)
    except click.ClickException as error:
        return _report_usage(error)
    except BaseException as error:  # noqa: BLE001 - the edge: every other place catches what it can name
        return _report(error)
    return outcome if isinstance(outcome, ExitCode) else ExitCode.DONE


def _require_text(given: Sequence[str]) -> None:
    for argument in given:
        if (shown := in_utf8(argument)) != argument:
            raise SettingsError(
                "argument-not-utf8", f"The argument {shown!r} is not UTF-8.", "Give it in UTF-8."
            )


def _report_usage(error: click.ClickException) -> ExitCode:
    context = getattr(error, "ctx", None)
    asked = context.command_path if context else "recommend"
    _say(str(SettingsError("usage", error.format_message(), f"Try `{asked} --help`.")))
    return ExitCode.SETTINGS


def _report(error: BaseException) -> ExitCode:
    """One line on stderr and the exit code; the traceback is in the run's log."""
    if isinstance(error, BrokenPipeError):
        # The reader of our output went away; nothing more can be said on stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    if interrupts.received is not None:
        error = Interrupted(interrupts.received)
    elif isinstance(error, click.Abort):
        error = KeyboardInterrupt()
    _say(_explained(error))
    return exit_code_of(error)


def _explained(error: BaseException) -> str:
    """What happened, what to do, and the code under which docs/when-it-fails.md tells of it."""
    match error:
        case Interrupted() | KeyboardInterrupt():
            return "Interrupted; the published lists are whole."
        case RecommenderError():
            return " ".join(filter(None, (error.told, error.what_to_do, f"[{error.code}]")))
    return str(_as_ours(error))


def _as_ours(error: BaseException) -> RecommenderError:
    """An error of Python or of the system in our words."""
    match error:
        case MemoryError():
            return RecommenderError(
                "memory",
                "Not enough memory; what was published stays.",
                "Lower HISTORY_DAYS or FACTORS, or add memory.",
            )
        case RuntimeError() if str(error) == _NO_THREAD:
            return RecommenderError(
                "threads",
                "The system gives no more threads (memory, ulimit -u); what was published stays.",
                "Lower THREADS.",
            )
        case OSError() if error.errno is not None:
            return of_system(error)
        case ImportError() if "failed to map segment" in str(error):
            return RecommenderError(
                "memory-addresses",
                f"Not enough memory to load a library: {error}.",
                "Check the limit (ulimit -v).",
            )
        case ImportError() if ".so" in str(error):
            return RecommenderError(
                "library",
                f"A library of the system is missing: {error}.",
                "On Debian and Ubuntu: apt install libgomp1.",
            )
    where = " ".join(getattr(error, "__notes__", []))
    if not where:
        # No run has it in its log; with -v this shows it.
        logging.getLogger("recommender").error("unexpected error", exc_info=error)
        where = "Give -v to see the traceback."
    return RecommenderError(
        "unexpected", f"Unexpected error, a fault of this program: {type(error).__name__}: {error}.", where
    )


def _say(text: str) -> None:
    """One line on stderr, with nothing in it that a terminal would obey."""
    line = f"recommend: {printable(' '.join(text.split()))}"
    try:
        width = width_of(sys.stderr)
        first, *rest = [line] if width is None else folded(line, width, hang="  ")
        if in_colour(sys.stderr):
            first = first.replace("recommend:", click.style("recommend:", fg="red", bold=True), 1)
        for part in (first, *rest):
            click.echo(part, err=True, color=in_colour(sys.stderr))
    except OSError:
        # What cannot be said must not change the exit code, nor what is left of it at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
