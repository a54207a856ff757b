"""Logging: set up by the program only; every module just asks for its logger."""

import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from recommender.errors import recordable
from recommender.system.files import open_plain
from recommender.system.text import escaped, printable

_PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_ROOT = "recommender"


class _JsonLines(logging.Formatter):
    """One JSON object a line; what `extra=` gave becomes fields."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _PLAIN}
        if record.exc_info:
            line["traceback"] = _places(record.exc_info[1])
        return escaped(json.dumps(line, ensure_ascii=False, default=str))


def _places(error: BaseException | None) -> str:
    """The traceback of an error and of what led to it, the first one first, in words that may be kept."""
    pieces: list[str] = []
    while error is not None:
        lines = ["Traceback (most recent call last):\n", *traceback.format_tb(error.__traceback__)]
        pieces.insert(0, f"{''.join(lines)}{type(error).__name__}: {recordable(error)}\n")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(pieces)


class _TextLines(logging.Formatter):
    """Level and message, below them the traceback, with nothing in it that a terminal would obey."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(printable, super().format(record).split("\n")))


def configure(level: int, form: str) -> None:
    """Send our records of at least this level to stderr, as text or JSON."""
    logger = logging.getLogger(_ROOT)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    for old in list(logger.handlers):
        logger.removeHandler(old)
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level)
    handler.setFormatter(_JsonLines() if form == "json" else _TextLines("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    logging.captureWarnings(True)
    # What other packages have to say goes to the run's log; without a handler Python would print it.
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())


class _LogFile(logging.FileHandler):
    """A full disk must not stop a run that could go on without its log, nor fill stderr with tracebacks."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class's name
        del record

    def close(self) -> None:
        # What could not be written is still in the buffer, and is tried again here.
        with suppress(OSError):
            super().close()


@contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Write everything, also debug records, to the run's `log.jsonl` as well."""
    logger = logging.getLogger(_ROOT)
    logger.setLevel(logging.DEBUG)
    # Never through a link to somebody's file: as a rename does, it takes the link's place.
    if path.is_symlink():
        path.unlink()
    os.close(open_plain(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)))
    handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_JsonLines())
    loggers = [logger, logging.getLogger()]
    for each in loggers:
        each.addHandler(handler)
    try:
        yield
    finally:
        for each in loggers:
            each.removeHandler(handler)
        handler.close()
