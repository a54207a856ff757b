"""One run at a time: the locks, and what is looked at as soon as they are held."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from recommender.database.runlock import RenewableLock
from recommender.database.schema import Target
from recommender.errors import SettingsError
from recommender.night import record
from recommender.night.target import target_of
from recommender.night.writers import require_obeyed_is_ours
from recommender.runs.history import History
from recommender.settings import Settings
from recommender.system.files import make_folder
from recommender.system.locks import file_lock, holder


@dataclass(frozen=True)
class Held:
    """What a run has while it holds its locks."""

    target: Target
    lock: RenewableLock
    """of the tables; not taken where nothing is published"""
    past: History


def lock_path(settings: Settings) -> Path:
    """The lock file of the folder of runs."""
    return settings.data_dir / "lock"


@contextmanager
def locked(settings: Settings, *, also_database: bool = True) -> Iterator[Held]:
    """Hold the locks of a run, with the records of dead runs settled and the tables found in order."""
    require_obeyed_is_ours(settings)
    target = target_of(settings)
    make_folder(settings.data_dir)
    with file_lock(lock_path(settings)):
        past = History.of(settings.data_dir)
        require_own_folder(settings, past)
        take = partial(target.database.run_lock, target.lock_name, holder())
        lock = RenewableLock(take)
        with lock if also_database else nullcontext():
            with target.connect() as connection:
                if also_database:
                    target.require_writable(connection)
                target.require(connection)
                record.settle(past, target, connection)
            yield Held(target, lock, past)


def require_own_folder(settings: Settings, past: History) -> None:
    """Keep storefronts apart: a model or a record of one is never taken for another's.

    Raises:
        SettingsError: DATA_DIR holds published runs for other tables than ours.
    """
    last, public = past.last, settings.public()
    if last is None:
        return
    then = last.manifest.settings
    names = ("TARGET_SCHEMA", "TABLE_PREFIX")
    other = [name for name in names if then.get(name, public[name]) != public[name]]
    if other:
        raise SettingsError(
            "folder-of-another",
            f"{settings.data_dir} holds runs for the tables of another {' and '.join(other)} (the last is"
            f" {last.run_id}).",
            "Give each storefront a DATA_DIR of its own.",
        )
