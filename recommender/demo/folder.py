"""The folder of a shop that we made: `.env` and `sql/`, as `recommend init` would leave them."""

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from recommender.errors import SettingsError
from recommender.files import make_folder, write_text

_PLAIN = re.compile(r"[A-Za-z0-9_:/@.+%?=&,~-]+")

_ENV = """\
# Settings of `recommend` for this shop. NAME=value, one a line; real environment variables win.

# Where the sales are read and the recommendations are written.
DATABASE_URL={database_url}

# {timezone_comment}
SHOP_TIMEZONE={timezone}

# {history_comment}
HISTORY_DAYS={history_days}

# May a list hold what the customer already bought? Here it shows what is new to each customer.
REPEAT_PURCHASES=exclude

# Turns guests' addresses into anonymous keys. Made for this folder; keep it secret and keep it the same.
GUEST_KEY={guest_key}
"""


@contextmanager
def shop_folder(
    directory: Path,
    database_url: str,
    *,
    timezone: str,
    timezone_comment: str,
    history_days: int,
    history_comment: str,
) -> Iterator[None]:
    """Write `.env` (0600, it may hold a password) and `sql/`, then let the shop itself be made.

    When that fails, the folder is as it was before: what nobody can use is not left behind.

    Args:
        directory: an empty or missing folder.
        database_url: the address as it is to stand in the file, with its password.
        timezone: the zone of the shop's times.
        timezone_comment: what the owner should know about it, one line; likewise `history_comment`.
        history_days: days of sales that a run reads.
        history_comment: as above.

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
    env = _ENV.format(
        database_url=_quoted(database_url),
        timezone=timezone,
        timezone_comment=timezone_comment,
        history_days=history_days,
        history_comment=history_comment,
        guest_key=secrets.token_hex(32),
    )
    sql = directory / "sql"
    try:
        make_folder(sql)
        for name in ("sales.sql", "items.sql"):
            text = files(__package__).joinpath("sql", name).read_text(encoding="utf-8")
            write_text(sql / name, text)
        write_text(directory / ".env", env)
        yield
    except BaseException:
        shutil.rmtree(sql, ignore_errors=True)
        (directory / ".env").unlink(missing_ok=True)
        if not was_there:
            directory.rmdir()
        raise


def _quoted(value: str) -> str:
    """The value as `.env` files have it: in quotes where it could be misread."""
    if _PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
