"""Looks at the shop beside the nights: one snapshot for several queries, and a folder for what it needs.

SQLite's file may have to be copied for a snapshot, so whoever has several questions takes one for all.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from recommender.database import open_database
from recommender.database.base import Database, Snapshot
from recommender.files import temporary_folder
from recommender.settings import Settings

Look = Callable[[], AbstractContextManager[Snapshot]]
"""Gives a snapshot; what is done in its block may fail without harm to the next one."""


@contextmanager
def shop_snapshot(settings: Settings, timeout_seconds: int) -> Iterator[Snapshot]:
    """A snapshot of the shop, its copy (if any) beside the runs.

    Args:
        settings: where the shop is.
        timeout_seconds: limit of a query; on SQLite of all of them.

    Raises:
        DatabaseError: the shop does not answer.
    """
    shop = open_database(settings.database_url)
    with (
        temporary_folder(settings.data_dir) as folder,
        shop.snapshot(folder, timeout_seconds) as snapshot,
    ):
        yield snapshot


@contextmanager
def separate_looks(shop: Database, folder: Path, timeout_seconds: int) -> Iterator[Look]:
    """Snapshots for questions of which each may fail alone.

    On SQLite all are one, so that its file is copied once. A server ends a snapshot with the first query that
    fails, and gives the next for nothing.

    Args:
        shop: the shop's database.
        folder: takes the copy.
        timeout_seconds: limit of a query; on SQLite of all of them.

    Raises:
        DatabaseError: the SQLite file cannot be read.
    """
    if shop.backend != "sqlite":
        yield lambda: shop.snapshot(folder, timeout_seconds)
        return
    with shop.snapshot(folder, timeout_seconds) as snapshot:
        yield lambda: nullcontext(snapshot)
