"""Looks at the shop beside the nights: one snapshot for several queries, and a folder for what it needs.

SQLite's file may have to be copied for a snapshot, so whoever has several questions takes one for all.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path

from recommender.database import open_database
from recommender.database.base import Database, QueryColumn, Snapshot
from recommender.database.query import Query
from recommender.errors import DatabaseError
from recommender.settings import Settings
from recommender.system.files import temporary_folder

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


def rows_of(snapshot: Snapshot, query: Query, columns: Iterable[QueryColumn]) -> list[tuple[object, ...]]:
    """All rows of a query that has few, in the order of these columns.

    Raises:
        DatabaseError: the database refused it.
    """
    with closing(snapshot.stream(query, [*columns])) as batches:
        return [row for batch in batches for row in zip(*batch, strict=True)]


def rows_asked(database: Database, statement: str) -> Sequence[Sequence[object]]:
    """The rows of a statement of ours, of which there are few.

    Raises:
        DatabaseError: the database refused it.
    """
    with database.connect() as connection, database.errors("refused a question of ours"):
        return connection.execution_options(no_parameters=True).exec_driver_sql(statement).fetchall()


def rows_if_allowed(database: Database, statement: str) -> Sequence[Sequence[object]]:
    """The rows of a statement that only helps; none where the database refuses it.

    A table may be missing, not ours to read, or of a type that knows no such question.
    """
    try:
        return rows_asked(database, statement)
    except DatabaseError:
        return []
