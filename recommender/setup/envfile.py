"""`.env` as `init` writes it: the text of `.env.example`, with this shop's values in their places."""

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from recommender.database.urls import normalise_url
from recommender.errors import SettingsError
from recommender.settings import SECRETS, read_env_file
from recommender.system.files import FILE_MODE, make_folder, shipped_text, write_text
from recommender.system.text import printable

_PLAIN = re.compile(r"[A-Za-z0-9_:/@.+%?=&,~-]+")
_OTHER_NAMES_OF_UTC = {"Etc/UTC", "Etc/UCT", "UCT", "Universal", "Zulu", "Etc/Universal", "Etc/Zulu"}
_SETTING = re.compile(r"#?([A-Z_]+)=.*")


def quoted(value: str) -> str:
    """The value as `.env` files have it: in quotes where it could be misread."""
    if _PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def env_text(values: Mapping[str, str]) -> str:
    """The whole `.env`: every setting under its comment, those without a value commented out."""
    lines = []
    for line in shipped_text(".env.example").splitlines():
        setting = _SETTING.fullmatch(line)
        if setting is None:
            lines.append(line)
        elif setting[1] in values:
            lines.append(f"{setting[1]}={quoted(values[setting[1]])}")
        else:
            lines.append("#" + line.removeprefix("#"))
    return "\n".join(lines) + "\n"


def write_env(path: Path, values: Mapping[str, str]) -> None:
    """Write the file (0600: it holds secrets), with its folder where that is missing."""
    make_folder(path.parent)
    write_text(path, env_text(values))


def append_setting(path: Path, comment: str, name: str, value: str) -> str | None:
    """Add a setting at the end of a file that is for its owner alone.

    A link stays a link, and so does every other line.

    Returns:
        What an owner should know: that others could read the file before and cannot any more.

    Raises:
        SettingsError: others can read it and it is not ours to change; nothing was written.
    """
    known = _made_private(path)
    old = path.read_text(encoding="utf-8-sig")
    gap = "" if not old or old.endswith("\n") else "\n"
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(f"{gap}# {printable(comment)}\n{name}={quoted(value)}\n")
    return known


def _made_private(path: Path) -> str | None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "nt" or not mode & ~FILE_MODE & 0o777:
        return None
    try:
        path.chmod(FILE_MODE)
    except OSError as error:
        raise SettingsError(
            f"{path} is to hold secrets, but others may read or write it (mode {mode:04o}); that cannot be"
            f" changed: {error.strerror}.",
            f"Have its owner do: chmod 600 {path}",
        ) from error
    return f"Made {path} private (mode {FILE_MODE:04o}, was {mode:04o}): it holds secrets."


def given(name: str, environ: Mapping[str, str], path: Path) -> str | None:
    """What the environment or the file says a setting is; None where neither does.

    Raises:
        SettingsError: NAME_FILE names a file that cannot be read.
    """
    values = read_env_file(path)[0] if path.is_file() else {}
    for source in (environ, values):
        if text := source.get(name, "").strip():
            return text
        named = source.get(f"{name}_FILE", "").strip() if name in SECRETS else ""
        if named:
            try:
                return (path.parent / named).read_text(encoding="utf-8-sig").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(
                    f"{name}_FILE names {named}, which cannot be read.", "Mind its path, owner and mode."
                ) from error
    return None


def new_secret() -> str:
    """A secret of 256 bits, as text."""
    return secrets.token_hex(32)


def machine_timezone(environ: Mapping[str, str] = os.environ, etc: Path = Path("/etc")) -> str | None:
    """The name of this machine's time zone, where it has one."""
    candidates = [environ.get("TZ", "").removeprefix(":")]
    with contextlib.suppress(OSError, UnicodeDecodeError):
        candidates.append((etc / "timezone").read_text(encoding="utf-8").strip())
    candidates.append(str((etc / "localtime").resolve()).partition("/zoneinfo/")[2])
    for name in candidates:
        try:
            if name:
                key = ZoneInfo(name).key
                return "UTC" if key in _OTHER_NAMES_OF_UTC else key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return None


def require_same_address(given_url: str, known: str, path: Path) -> None:
    """Existing settings are never changed.

    Raises:
        SettingsError: they name another database than `--url` does.
    """
    folder = path.absolute().parent
    if normalise_url(given_url, folder) != normalise_url(known, folder):
        raise SettingsError(
            f"DATABASE_URL is set already (in the environment or {path}), and --url names another database.",
            "Change it where it is set, or leave out --url; nothing was changed.",
        )
