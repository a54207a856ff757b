"""A customer forgotten: erased from all that is kept, and remembered as a hash only, never to come back."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recommender.archive import Exported, exported, note_exported, pack, unpack
from recommender.database.schema import Target
from recommender.database.tables import Role
from recommender.erasure import erase
from recommender.errors import RecommenderError, RefusedError, SettingsError
from recommender.fields import GuestKeys
from recommender.files import STALE_SECONDS, TEMPORARY, sha256_of, temporary_folder
from recommender.forgotten import Forgotten, keep_copy, read_forgotten, remember
from recommender.keykind import KeyKind, is_guest
from recommender.pipeline import locked
from recommender.runs import QUERIES, run_folders
from recommender.search import newest_files
from recommender.settings import Settings
from recommender.show import is_integer, plain_key

_PAGE = 20_000


@dataclass
class Forgetting:
    """What was done."""

    customers: int
    """how many are forgotten in all"""
    rows: dict[str, int] = field(default_factory=dict)
    """removed from each table, by its name"""
    files: dict[str, list[str]] = field(default_factory=dict)
    """changed in each run folder, by the run's id"""
    archives: list[Exported] = field(default_factory=list)
    """rewritten"""
    unreachable: list[str] = field(default_factory=list)
    """archives and folders that may still have something of the customer, and why, in words"""
    unread: list[str] = field(default_factory=list)
    """damaged files of runs, of which nobody knows what is in them"""
    named_in: list[Path] = field(default_factory=list)
    """queries of the owner that name the customer"""

    @property
    def found_nothing(self) -> bool:
        """Whether there was nothing of the customer."""
        return not (any(self.rows.values()) or self.files or self.archives)


def forget(settings: Settings, customer: str | None = None, *, guest_email: str | None = None) -> Forgetting:
    """Erase a customer from the tables and from all that DATA_DIR keeps; who was forgotten before, once more.

    First the hash is put into the table, so that whatever happens then, no later night reads the customer
    again; to call it again finishes what was cut short.

    Args:
        settings: where all that is.
        customer: the key, as text; None for those only who were forgotten before.
        guest_email: of a guest, in the place of a key.

    Raises:
        SettingsError: FORGET_KEY or GUEST_KEY is missing, or is not the one of before.
        DatabaseError: the database failed.
        LockedError: a run is going on.
    """
    if guest_email is not None:
        customer = _guest(settings, guest_email)
    with locked(settings) as (target, _):
        # Before another hash comes to those of another key.
        known = read_forgotten(target, settings, new_guest_key=guest_email is not None)
        if customer is not None:
            customer = _key(settings, customer)
        if customer is not None or known:
            remember(target, settings, customer)
        forgotten = read_forgotten(target, settings)
        found = Forgetting(len(forgotten))
        if not forgotten:
            return found
        found.rows = _erase_rows(target, forgotten)
        keep_copy(settings.data_dir, forgotten)
        _erase_runs(settings.data_dir, forgotten, customer, found)
        _erase_archives(settings.data_dir, forgotten, customer, found)
        found.unreachable += _scratch(settings.data_dir)
        found.named_in = _queries_naming(settings, customer)
        return found


def _guest(settings: Settings, address: str) -> str:
    if settings.guest_key is None:
        raise SettingsError(
            "GUEST_KEY is not set: it turns a guest's address into the key.",
            "Set the one that the nights have used; without one no guest was ever read.",
        )
    key = GuestKeys(settings.guest_key, settings.sql_dir / QUERIES[0]).key(address)
    if key is None:
        raise SettingsError("--guest-email is empty.", "Give the address of the guest.")
    return key


def _key(settings: Settings, customer: str) -> str:
    """The key as the exports have it.

    Raises:
        SettingsError: it cannot be one.
    """
    run = newest_files(settings)
    if run is not None and run.manifest.keys.get("customer") == KeyKind.INTEGER:
        key = plain_key(run, "customer", customer)
        if not is_guest(key) and not is_integer(key):
            raise SettingsError(
                f"The customers of this shop have numbers; {customer[:60]!r} is none.",
                "Mind the key: it is the shop's own customer_id; for a guest give --guest-email.",
            )
        return key
    if not customer:
        raise SettingsError("CUSTOMER is empty.", "Give the key: it is the shop's own customer_id.")
    return customer


def _erase_rows(target: Target, forgotten: Forgotten) -> dict[str, int]:
    removed = {}
    with target.database.connect() as connection:
        for definition, table in target.present(connection).items():
            owner = definition.columns[0]
            if owner.role is not Role.CUSTOMER:
                continue
            column = sa.type_coerce(table.c[owner.name], sa.types.NullType())
            gone = [key for key in _owners(connection, column) if str(key) in forgotten]
            removed[table.name] = sum(
                # Without a type of its own the value takes that of the column (PostgreSQL's uuid, for one).
                connection.execute(
                    sa.delete(table).where(column == sa.literal(key, sa.types.NullType()))
                ).rowcount
                for key in gone
            )
    return removed


def _owners(connection: sa.Connection, column: sa.ColumnElement[Any]) -> Iterator[object]:
    """Everybody who has a list, page by page along the key."""
    query = sa.select(column).distinct().order_by(column).limit(_PAGE)
    page = connection.execute(query).scalars().all()
    while page:
        yield from page
        page = connection.execute(query.where(column > page[-1])).scalars().all()


def _erase_runs(data_dir: Path, forgotten: Forgotten, customer: str | None, found: Forgetting) -> None:
    for folder in run_folders(data_dir):
        try:
            changed = erase(folder, forgotten, customer)
        except RefusedError as error:
            found.unread.append(error.reason)
            continue
        if changed:
            found.files[folder.name] = changed


def _erase_archives(data_dir: Path, forgotten: Forgotten, customer: str | None, found: Forgetting) -> None:
    """The archives that are where they were made; of the others only their owners know."""
    for archive in exported(data_dir):
        file = Path(archive.file)
        made = f"{file} (run {archive.run_id}, exported {archive.at[:10]})"
        try:
            if not file.is_file() or sha256_of(file) != archive.sha256:
                found.unreachable.append(f"{made} is no longer there as it was made.")
                continue
            with temporary_folder(data_dir) as folder:
                run = unpack(file, folder)
                changed = [erase(path, forgotten, customer) for path in run_folders(folder)]
                if any(changed):
                    pack(run, file, data_dir=folder)
                    found.archives.append(archive)
                    note_exported(
                        data_dir, [Exported(archive.run_id, archive.file, sha256_of(file), archive.at)]
                    )
        except (RecommenderError, OSError) as error:
            found.unreachable.append(f"{made} could not be rewritten: {error}")


def _scratch(data_dir: Path) -> list[str]:
    """Folders in which another command works, or worked when it was killed; old ones go."""
    found = []
    for path in data_dir.glob(f"{TEMPORARY}*"):
        if time.time() - path.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
        else:
            found.append(
                f"{path} is in use by `recommend check`, `evaluate` or `reproduce`, or was left by one that"
                " was killed: when none of them runs, remove it."
            )
    return found


def _queries_naming(settings: Settings, customer: str | None) -> list[Path]:
    """The owner's queries with the key in them; a number can stand for anything there."""
    if customer is None or customer.isdecimal():
        return []
    paths = [settings.sql_dir / name for name in QUERIES]
    paths += [folder / name for folder in run_folders(settings.data_dir) for name in QUERIES]
    return [path for path in paths if path.is_file() and customer in path.read_text("utf-8", "replace")]
