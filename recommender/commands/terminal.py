"""The stages on a terminal: one line each, with a count that grows while the stage goes on."""

import time

import click

from recommender.system.progress import Progress
from recommender.system.text import printable

_SECONDS_BETWEEN = 0.1


class TerminalProgress(Progress):
    """Writes to stderr; the line of the stage that goes on is written over again and again."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._stage = ""
        self._last = 0.0
        self._is_open = False

    def close(self) -> None:
        """End the line of a stage that was left in the middle, so that what follows has one of its own."""
        if self._is_open:
            click.echo(err=True)

    def begin(self, stage: str) -> None:
        """Show the stage's name."""
        self._stage = stage
        self._last = 0.0
        self._write("…", end="")

    def update(self, done: int, total: int | None = None) -> None:
        """Show how far the stage is, a few times a second."""
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN:
            self._last = now
            self._write(f"{done:,}" if total is None else f"{100 * done // max(total, 1)} %", end="")

    def end(self, summary: str, seconds: float) -> None:
        """Leave the stage's line with what it brought and how long it took."""
        time_taken = f"{seconds:.1f} s"
        if self._colour:
            time_taken = click.style(time_taken, dim=True)
        self._write(f"{printable(summary)}  {time_taken}")

    def _write(self, text: str, end: str = "\n") -> None:
        name = click.style(f"{self._stage:<8}", bold=True) if self._colour else f"{self._stage:<8}"
        self._is_open = not end
        # Carriage return and "erase to the end of the line".
        click.echo(f"\r\x1b[K{name} {text}{end}", nl=False, err=True, color=True)
