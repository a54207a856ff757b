"""What the commands share: the settings of the call, and progress on a terminal."""

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from recommender.progress import Progress
    from recommender.settings import Settings


def settings(*, aloud: bool = False) -> "Settings":
    """The settings of this call; `aloud` says at once what looks like a mistake in them."""
    from recommender.settings import load_settings

    found = load_settings(env_file=click.get_current_context().meta["recommender.env_file"])
    for warning in found.warnings if aloud else ():
        click.echo(f"Warning: {printable(warning)}", err=True)
    return found


def progress() -> "Progress":
    """Shows the stages on a terminal; elsewhere, and with --quiet, nothing."""
    from recommender.commands.terminal import TerminalProgress
    from recommender.progress import Progress

    context = click.get_current_context()
    # With -v the log's lines come on the same terminal and say the same.
    if context.meta["recommender.quiet"] or context.meta["recommender.verbose"] or not sys.stderr.isatty():
        return Progress()
    shown = TerminalProgress(colour=not os.environ.get("NO_COLOR"))
    context.call_on_close(shown.close)
    return shown


def printable(text: str) -> str:
    """The text, with a question mark for each character that a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text)


run_option = click.option(
    "--run",
    "run_id",
    metavar="RUN_ID",
    help="Which run; default: the newest unpublished one whose previous stage is done.",
)
