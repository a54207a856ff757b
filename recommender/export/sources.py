"""Where the rows of sales and items come from: the owner's queries, or files in their place."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from recommender.database.base import Database, RowReader, Snapshot
from recommender.database.query import Query, read_query
from recommender.export.filerows import BACKEND, FileRows
from recommender.export.sourcefiles import SourceFiles
from recommender.runs.folder import QUERIES
from recommender.settings import Settings
from recommender.tables import KeyKind

URIS = {"sales.sql": "SALES_URI", "items.sql": "ITEMS_URI"}
"""The setting that names files in the place of a query."""


@dataclass(frozen=True)
class RowSource:
    """Rows of sales or items."""

    reader: RowReader
    query: Query
    backend: str
    """whose types its columns have: a database's, or that of files"""

    @property
    def files(self) -> SourceFiles | None:
        """What it reads, where these are files."""
        return self.reader.source if isinstance(self.reader, FileRows) else None


def uri_of(settings: Settings, name: str) -> str | None:
    """The files that stand for the query of this name; None where the query is read."""
    found: str | None = getattr(settings, URIS[name].lower())
    return found


def said_as(settings: Settings, name: str) -> Path | str:
    """What messages call the source: the query's file, or the URI."""
    return uri_of(settings, name) or settings.sql_dir / name


def queries_of(settings: Settings) -> list[str]:
    """The names of the queries that are read."""
    return [name for name in QUERIES if uri_of(settings, name) is None]


class RowSources:
    """Opens sources; the shop's database is asked only where something of it is read.

    Args:
        shop: its database.
        settings: where queries and files are.
        folder: takes copies.
        since: what `:since` is in a query.
        kinds: of the key columns, for files that do not tell them.
        snapshot: of the shop; default one that is taken when it is first needed.
    """

    def __init__(
        self,
        shop: Database,
        settings: Settings,
        *,
        folder: Path,
        since: datetime,
        kinds: Mapping[str, KeyKind],
        snapshot: Snapshot | None = None,
    ) -> None:
        self._shop, self._settings, self._folder = shop, settings, folder
        self._since, self._kinds, self._snapshot = since, kinds, snapshot
        self._stack = ExitStack()

    @property
    def snapshot(self) -> Snapshot:
        """Of the shop's database: one for all that is read of it."""
        if self._snapshot is None:
            taken = self._shop.snapshot(self._folder, self._settings.query_timeout_seconds)
            self._snapshot = self._stack.enter_context(taken)
        return self._snapshot

    def open(self, name: str) -> RowSource:
        """The source that is `sales.sql`, `items.sql`, or files in the place of one.

        Raises:
            SettingsError: the query is missing or not one SELECT; there are no such files.
            RefusedError: a file is damaged.
            DatabaseError: the database or the file system does not answer.
        """
        uri = uri_of(self._settings, name)
        if uri is None:
            query = read_query(self._settings.sql_dir / name, self._shop.backend, self._since, undecided=True)
            return RowSource(self.snapshot, query, self._shop.backend)
        rows = FileRows(SourceFiles.listed(URIS[name], uri), self._folder, self._kinds)
        self._stack.callback(rows.close)
        return RowSource(rows, rows.query, BACKEND)

    def close(self) -> None:
        """End the snapshot, where this has taken it, and remove copies of files."""
        self._stack.close()
