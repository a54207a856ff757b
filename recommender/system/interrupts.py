"""SIGINT, SIGTERM and SIGHUP: stop at the next safe point, once, with 130 or 143."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from recommender.errors import ExitCode, Interrupted

_EXIT_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
_HANG_UP: signal.Signals | None = getattr(signal, "SIGHUP", None)
"""The terminal was closed; Windows has none."""
if _HANG_UP is not None:
    _EXIT_CODES[_HANG_UP] = ExitCode.TERMINATED


class Interrupts:
    """Turns the first signal into `Interrupted`, raised where the program is, except inside `held()`.

    C code that calls back into Python (SQLite's progress handler) swallows what a handler raises there;
    `received` tells afterwards why the call failed.
    """

    def __init__(self) -> None:
        self.received: ExitCode | None = None
        self._held = 0
        self._due = False

    def install(self) -> None:
        """Take over the signals for the rest of the process."""
        for number in _EXIT_CODES:
            # Under `nohup` a closed terminal is to change nothing.
            if number is not _HANG_UP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            return  # already on the way out; a second signal must not break the clean-up
        self.received = _EXIT_CODES[signal.Signals(number)]
        if self._held:
            self._due = True
        else:
            raise Interrupted(self.received)

    def check(self) -> None:
        """Stop here if a signal came and what it raised was lost: in a finalizer, or in a callback from C.

        Raises:
            Interrupted: a signal has come.
        """
        if self.received is not None and not self._held:
            raise Interrupted(self.received)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the block finish first: for a commit together with the record of it."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if self._due and not self._held and self.received is not None:
            self._due = False
            raise Interrupted(self.received)


interrupts = Interrupts()
"""The process's own; does nothing until the command line installs it."""
