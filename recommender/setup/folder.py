"""The folder of a shop: `.env` and `sql/`, written where they are missing, else left alone."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

from recommender.database import open_database
from recommender.database.urls import normalise_url
from recommender.errors import SettingsError
from recommender.files import make_folder, shipped_text, write_text
from recommender.runs import QUERIES
from recommender.settings import Settings
from recommender.setup.catalogue import shop_tables
from recommender.setup.envfile import (
    append_secret,
    given,
    machine_timezone,
    new_secret,
    require_same_address,
    write_env,
)
from recommender.setup.proposal import Proposal, described, one_line, propose

_ADDRESS_COMMENT = "The shop's database, where sales are read; set by `recommend init --url`."


@dataclass(frozen=True)
class EnvFile:
    """The settings file after `init` looked at it."""

    path: Path
    values: Mapping[str, str]
    """What was written into it; empty where the file was there before."""
    is_new: bool
    made_private: str | None = None
    """Said where others could read the file before a secret went into it."""


@dataclass(frozen=True)
class Queries:
    """What was done about `sql/`."""

    written: list[Path]
    proposal: Proposal | None
    """None where both files were there, or where no table looks like sales."""
    unread: tuple[str, ...] = ()
    """Tables that could not be read, so that nothing was proposed from them."""


def needs_url(path: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether nothing says where the shop's database is."""
    return given("DATABASE_URL", environ, path) is None


def prepare_env(
    path: Path,
    url: str | None,
    timezone: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> EnvFile:
    """Write `.env` where there is none; into one that is there only a DATABASE_URL that is set nowhere goes.

    Nothing is written for an address where no database answers.

    Args:
        path: the file.
        url: the shop's address, where it was given.
        timezone: the shop's zone; default this machine's.
        environ: the environment, which wins over the file.

    Raises:
        SettingsError: no address, one that cannot be read, or another one than is set.
        DatabaseError: no database answers there.
    """
    known = given("DATABASE_URL", environ, path)
    if known is None and url is None:
        raise SettingsError(
            f"DATABASE_URL is not set; looked in the environment and {path}"
            f"{'' if path.is_file() else ' (no such file)'}.",
            "Give the shop's address: recommend init --url postgresql://user:password@host/database (or mysql://…,"
            " sqlite:///shop.db).",
        )
    if url is not None:
        if known is not None:
            require_same_address(url, known, path)
        with open_database(normalise_url(url, path.absolute().parent)).connect():
            pass
    if path.exists() or path.is_symlink():
        made_private = None
        if known is None and url is not None:
            made_private = append_secret(path, _ADDRESS_COMMENT, "DATABASE_URL", url.strip())
        return EnvFile(path, {}, is_new=False, made_private=made_private)
    values = {}
    if known is None and url is not None:
        values["DATABASE_URL"] = url.strip()
    zone = timezone or machine_timezone(environ)
    if zone and zone not in available_timezones():
        raise SettingsError(f"There is no time zone {zone}.", "Its form is Europe/London or UTC.")
    if zone and given("SHOP_TIMEZONE", environ, path) is None:
        values["SHOP_TIMEZONE"] = zone
    if given("GUEST_KEY", environ, path) is None:
        values["GUEST_KEY"] = new_secret()
    write_env(path, values)
    return EnvFile(path, values, is_new=True)


def prepare_queries(settings: Settings) -> Queries:
    """Write the queries that are missing: guessed from the shop's tables, or else the examples.

    Raises:
        DatabaseError: the database does not answer.
    """
    missing = [name for name in QUERIES if not (settings.sql_dir / name).exists()]
    if not missing:
        return Queries([], None)
    shop = open_database(settings.database_url)
    found = shop_tables(shop)
    proposal = propose(shop, found.tables)
    make_folder(settings.sql_dir)
    if proposal is not None:
        texts = {"sales.sql": proposal.sales_sql, "items.sql": proposal.items_sql}
    else:
        head = "-- An example: no table looked like sales. Put your own tables and columns in.\n"
        if found.tables:
            head += "-- These were found:\n" + "".join(f"--   {described(t)}\n" for t in found.tables)
        if found.unread:
            head += f"-- These could not be read: {one_line(', '.join(found.unread))}\n"
        texts = {name: head + "--\n" + shipped_text(f"sql/{name}") for name in QUERIES}
    written = [settings.sql_dir / name for name in missing]
    for path in written:
        write_text(path, texts[path.name])
    return Queries(written, proposal, tuple(found.unread))


def include_repeats(env: EnvFile) -> None:
    """Set REPEAT_PURCHASES=include in a file that this call wrote."""
    write_env(env.path, {**env.values, "REPEAT_PURCHASES": "include"})
