"""The folder of a shop: `.env` and `sql/`, written where they are missing, else left alone.

A new `.env` is the text of `.env.example`, with this shop's values in their places; to one that is there, a
setting that is set nowhere is appended.
"""

import contextlib
import difflib
import os
import re
import secrets
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from recommender.database import open_database
from recommender.database.query import open_matters, prepare_query
from recommender.database.urls import normalise_url
from recommender.errors import RecommenderError, SettingsError
from recommender.export.snapshot import all_queries
from recommender.export.sources import queries_of, said_as
from recommender.runs.folder import QUERIES
from recommender.settings import SECRETS, Settings, read_env_file
from recommender.setup.grants import GRANTS, rights_to_read
from recommender.setup.platforms.parameters import Ask
from recommender.setup.platforms.queries import PlatformQueries, platform_queries
from recommender.setup.proposal import Proposal, propose
from recommender.setup.proposal.owner import Owner, to_decide
from recommender.setup.proposal.shoptables import described, shop_tables
from recommender.system.files import FILE_MODE, make_folder, read_plain, shipped_text, write_text
from recommender.system.text import printable

_ADDRESS_COMMENT = "The shop's database, where sales are read; set by `recommend init --url`."
GUEST_KEY = (
    "GUEST_KEY",
    "Turns guests' addresses into keys; made by `recommend init`. Keep it: another makes other keys.",
)
FORGET_KEY = (
    "FORGET_KEY",
    "Remembers forgotten customers; made by `recommend init`. Keep it: another knows none of them.",
)
_SECRET_BYTES = 32
_NEAR_ZONE = 0.75
_PLAIN = re.compile(r"[A-Za-z0-9_:/@.+%?=&,~-]+")
_OTHER_NAMES_OF_UTC = {"Etc/UTC", "Etc/UCT", "UCT", "Universal", "Zulu", "Etc/Universal", "Etc/Zulu"}
_SETTING = re.compile(r"#?([A-Z_]+)=.*")


@dataclass(frozen=True)
class EnvFile:
    """The settings file after `init` looked at it."""

    path: Path
    values: Mapping[str, str]
    """What was written into it; empty where the file was there before."""
    is_new: bool
    made_private: str | None = None
    """Said where others could read the file before a secret went into it."""


class OpenMatter(TypedDict):
    """Something that only the owner can tell."""

    file: str
    """The path of the query."""
    line: int
    """The number of the line."""
    text: str
    """What is to be decided."""


@dataclass(frozen=True)
class Queries:
    """What was done about `sql/`."""

    written: list[Path]
    proposal: Proposal | None
    """None where both files were there, where the platform is known, or where no table looks like sales."""
    platform: PlatformQueries | None = None
    """Where the shop is of a platform that we know."""
    unread: tuple[str, ...] = ()
    """Tables that could not be read, so that nothing was proposed from them."""


def needs_url(path: Path) -> bool:
    """Whether nothing says where the shop's database is."""
    return _given("DATABASE_URL", path) is None


def prepare_env(path: Path, url: str | None, timezone: str | None = None) -> EnvFile:
    """Write `.env` where there is none; into one that is there only a DATABASE_URL that is set nowhere goes.

    Nothing is written for an address where no database answers.

    Args:
        path: the file.
        url: the shop's address, where it was given.
        timezone: the shop's zone; default this machine's.

    Raises:
        SettingsError: no address, one that cannot be read, or another one than is set.
        DatabaseError: no database answers there.
    """
    known = _given("DATABASE_URL", path)
    if known is None and url is None:
        raise SettingsError(
            "setup-no-address",
            f"DATABASE_URL is not set; looked in the environment and {path}"
            f"{'' if path.is_file() else ' (no such file)'}.",
            "Give the address of the shop's database: `recommend init --url"
            " postgresql://user:password@host/database` (or mysql://…, sqlite:///shop.db).",
        )
    if url is not None:
        folder = path.absolute().parent
        address = normalise_url(url, folder)
        if known is not None and normalise_url(known, folder) != address:
            raise SettingsError(
                "setup-other-database",
                f"DATABASE_URL is set already (in the environment or {path}), and --url names another"
                " database.",
                "Change it where it is set, or leave out --url; nothing was changed.",
            )
        with open_database(address).connect():
            pass
    if path.exists() or path.is_symlink():
        made_private = None
        if known is None and url is not None:
            made_private = append_setting(path, _ADDRESS_COMMENT, "DATABASE_URL", url.strip())
        return EnvFile(path, {}, is_new=False, made_private=made_private)
    values = {}
    if known is None and url is not None:
        values["DATABASE_URL"] = url.strip()
    zone = timezone or machine_timezone()
    if zone:
        zone = require_zone(zone)
    if zone and _given("SHOP_TIMEZONE", path) is None:
        values["SHOP_TIMEZONE"] = zone
    missing = [name for name in ("GUEST_KEY", "FORGET_KEY") if _given(name, path) is None]
    values |= {name: secrets.token_hex(_SECRET_BYTES) for name in missing}
    write_env(path, values)
    return EnvFile(path, values, is_new=True)


def with_settings(env: EnvFile, **values: str) -> EnvFile:
    """Set some settings in a file that this call wrote."""
    found = replace(env, values={**env.values, **values})
    write_env(env.path, found.values)
    return found


def set_zones(env: EnvFile, settings: Settings, known: PlatformQueries, *, keep_shop: bool) -> EnvFile:
    """Set the zones that a platform's own settings tell, where nothing sets them.

    Args:
        env: the settings file; one that was there before gets lines at its end.
        settings: as they are now.
        known: the platform.
        keep_shop: the owner has just said the shop's zone.
    """
    told = {"SALES_TIMEZONE": known.sales_timezone}
    if known.shop_timezone is not None and not keep_shop:
        told["SHOP_TIMEZONE"] = known.shop_timezone
    return with_unset(env, settings, f"As {known.title} has it; set by `recommend init`.", **told)


def with_unset(env: EnvFile, settings: Settings, comment: str, **values: str) -> EnvFile:
    """Set what nothing sets: in its place in a file that this call wrote, else behind all, with a comment."""
    if env.is_new:
        return with_settings(env, **values)
    for name, value in values.items():
        if settings.sources.get(name, "default") == "default":
            append_setting(env.path, comment, name, value)
    return env


def make_key(secret: tuple[str, str], settings: Settings, echo: Callable[[str], None]) -> None:
    """Append a new secret to `.env`, where none is set; without such a file say what to set.

    Args:
        secret: the name of the setting and what it is for.
        settings: where `.env` is.
        echo: says what was done.
    """
    name, comment = secret
    if getattr(settings, name.lower()) is not None:
        return
    if settings.env_file is None:
        echo(f"Set {name} to a secret of at least 32 characters. {comment.partition(';')[0]}.")
        return
    made_private = append_setting(settings.env_file, comment, name, secrets.token_hex(_SECRET_BYTES))
    if made_private:
        echo(made_private)
    echo(f"Appended a {name} to {settings.env_file}.")


def _quoted(value: str) -> str:
    """The value as `.env` files have it: in quotes where it could be misread."""
    if _PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def write_env(path: Path, values: Mapping[str, str]) -> None:
    """Write the file (0600: it holds secrets), with its folder where that is missing.

    It has every setting under its comment, those without a value commented out.
    """
    lines = []
    for line in shipped_text(".env.example").splitlines():
        setting = _SETTING.fullmatch(line)
        if setting is None:
            lines.append(line)
        elif setting[1] in values:
            lines.append(f"{setting[1]}={_quoted(values[setting[1]])}")
        else:
            lines.append("#" + line.removeprefix("#"))
    make_folder(path.parent)
    write_text(path, "\n".join(lines) + "\n")


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
        file.write(f"{gap}# {printable(comment)}\n{name}={_quoted(value)}\n")
    return known


def _made_private(path: Path) -> str | None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "nt" or not mode & ~FILE_MODE & 0o777:
        return None
    try:
        path.chmod(FILE_MODE)
    except OSError as error:
        raise SettingsError(
            "setup-secrets-open",
            f"{path} is to hold secrets, but others may read or write it (mode {mode:04o}), and its mode"
            f" cannot be changed: {error.strerror}.",
            f"Let its owner change it: chmod 600 {path}",
        ) from error
    return f"Made {path} private (mode {FILE_MODE:04o}, was {mode:04o}): it holds secrets."


def _given(name: str, path: Path) -> str | None:
    """What the environment, or else the file, says a setting is; None where neither does.

    Raises:
        SettingsError: NAME_FILE names a file that cannot be read.
    """
    values = read_env_file(path)[0] if path.is_file() else {}
    for source in (os.environ, values):
        if text := source.get(name, "").strip():
            return text
        named = source.get(f"{name}_FILE", "").strip() if name in SECRETS else ""
        if named:
            try:
                return (path.parent / named).read_text(encoding="utf-8-sig").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(
                    "settings",
                    f"{name}_FILE names {path.parent / named}, which cannot be read.",
                    "Check its path, owner and mode.",
                ) from error
    return None


def require_zone(text: str) -> str:
    """The zone of this name.

    Raises:
        ValueError: there is none; says which may be meant.
    """
    zones = sorted(available_timezones())
    name = text.strip()
    if name in zones:
        return name
    # Of two with one end the first in the alphabet: most people type the end alone, which is a city.
    meant = {zone.rpartition("/")[2].casefold(): zone for zone in reversed(zones)}
    meant |= {zone.casefold(): zone for zone in zones}
    near = difflib.get_close_matches(name.casefold().replace(" ", "_")[:100], [*meant], 1, _NEAR_ZONE)
    hint = f"Did you mean {meant[near[0]]}?" if near else "Its form is Europe/London or UTC."
    raise ValueError(f"There is no time zone {printable(name)[:100]}. {hint}")


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


def prepare_queries(
    settings: Settings,
    *,
    platform: str | None = None,
    parameters: Mapping[str, str] | None = None,
    ask: Ask | None = None,
    owner: Owner | None = None,
) -> Queries:
    """Write the queries that are missing: the platform's, or guessed from the shop's tables, or the examples.

    Args:
        settings: where the shop and its queries are.
        platform: the platform that the owner says it is.
        parameters: what the owner says of it, by name.
        ask: asks on a terminal for what was not said.
        owner: asks there what a guess leaves open.

    Raises:
        SettingsError: the platform or a parameter cannot be told; or both queries are there and could not
            take what the owner says.
        DatabaseError: the database does not answer.
    """
    missing = [name for name in queries_of(settings) if not (settings.sql_dir / name).exists()]
    if not missing:
        if platform or parameters:
            raise SettingsError(
                "setup-queries-there",
                f"{' and '.join(str(said_as(settings, name)) for name in QUERIES)} are there already; what is"
                " there is never changed.",
                "Move them away to have them written anew, or leave out --platform and --param.",
            )
        return Queries([], None)
    shop = open_database(settings.database_url)
    known = platform_queries(shop, asked=platform, parameters=parameters or {}, ask=ask)
    if known is not None:
        texts = {name: text for name, text in known.texts.items() if name not in QUERIES or name in missing}
        return Queries(_write_missing(settings.sql_dir, texts, shop.backend), None, known)
    found = shop_tables(shop)
    proposal = propose(shop, found.tables, owner, missing)
    if proposal is not None:
        texts = {"sales.sql": proposal.sales_sql, "items.sql": proposal.items_sql}
    else:
        head = "-- An example: no table looked like sales. Put your own tables and columns in.\n"
        head += to_decide("nothing of this is of your shop: put your own tables and columns in") + "\n"
        if found.tables:
            head += "-- These were found:\n" + "".join(f"--   {described(t)}\n" for t in found.tables)
        if found.unread:
            head += f"-- These could not be read: {printable(', '.join(found.unread))}\n"
        texts = {name: head + "--\n" + shipped_text(f"sql/{name}") for name in QUERIES}
    texts = {name: text for name, text in texts.items() if name in missing}
    written = _write_missing(settings.sql_dir, texts, shop.backend)
    return Queries(written, proposal, unread=tuple(found.unread))


def matters_to_decide(settings: Settings) -> list[OpenMatter]:
    """What the owner has to decide in the queries before a night can use them."""
    backend = open_database(settings.database_url).backend
    found: list[OpenMatter] = []
    for path in all_queries(settings):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            matters = open_matters(read_plain(path, "utf-8-sig"), backend)
            found += [{"file": str(path), "line": line, "text": text} for line, text in matters]
    return found


def _write_missing(folder: Path, texts: Mapping[str, str], backend: str) -> list[Path]:
    """Write the files that are not there yet, once all of them are known to be what they must be."""
    for name, text in texts.items():
        _require_harmless(name, text, backend)
    make_folder(folder)
    written = [folder / name for name in texts if not (folder / name).exists()]
    for path in written:
        write_text(path, texts[path.name])
    return written


def _require_harmless(name: str, text: str, backend: str) -> None:
    """A query must be one SELECT, a file of grants rights to read: words of the shop's own are in them.

    Raises:
        RecommenderError: it is not, which is a fault of this program.
    """
    try:
        if name == GRANTS:
            rights_to_read(text, backend, name)
        else:
            since = datetime.now(UTC).replace(tzinfo=None)
            prepare_query(text, Path(name), backend, since, undecided=True)
    except SettingsError as error:
        raise RecommenderError(
            "unexpected",
            f"What was made of the shop's tables is not safe to use, so no file was written: {error.reason}",
            "That is a fault of this program: please report it, with the platform and its version.",
        ) from error
