"""The folder of a shop that we made: `.env` and `sql/`, as `recommend init` would leave them."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from recommender.errors import SettingsError
from recommender.setup.envfile import quoted
from recommender.system.files import make_folder, write_text

_HEAD = "# Settings of `recommend` for this shop. NAME=value, one a line; real environment variables win.\n"


@dataclass(frozen=True)
class EnvLine:
    """One setting of `.env`."""

    comment: str
    """What it does, in one line."""
    name: str
    value: str

    @property
    def text(self) -> str:
        """The setting under its comment."""
        return f"\n# {self.comment}\n{self.name}={quoted(self.value)}\n"


@contextmanager
def shop_folder(directory: Path, settings: Sequence[EnvLine]) -> Iterator[None]:
    """Write `.env` (0600, it may hold a password) and `sql/`, then let the shop itself be made.

    When that fails, the folder is as it was before: what nobody can use is not left behind.

    Args:
        directory: an empty or missing folder.
        settings: the lines of `.env`.

    Raises:
        SettingsError: the folder is not empty, is no folder, or cannot be made.
    """
    was_there = directory.exists()
    try:
        make_folder(directory)
        used = any(directory.iterdir())
    except OSError as error:
        raise SettingsError(
            f"The folder {directory} cannot be used: {error.strerror}.", "Name a new folder."
        ) from error
    if used:
        raise SettingsError(
            f"The folder {directory} is not empty: nothing was changed.",
            "Name a new folder, or empty this one.",
        )
    sql = directory / "sql"
    try:
        make_folder(sql)
        for name in ("sales.sql", "items.sql"):
            text = files(__package__).joinpath("sql", name).read_text(encoding="utf-8")
            write_text(sql / name, text)
        write_text(directory / ".env", _HEAD + "".join(setting.text for setting in settings))
        yield
    except BaseException:
        shutil.rmtree(sql, ignore_errors=True)
        (directory / ".env").unlink(missing_ok=True)
        if not was_there:
            directory.rmdir()
        raise
