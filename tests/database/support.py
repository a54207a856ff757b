"""What the tests of the databases share: statements, queries, tables and lists of ours."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recommender.database import open_database
from recommender.database.base import Database, Publication, QueryColumn, Snapshot
from recommender.database.ddl import KeyType, all_tables
from recommender.database.query import Query, prepare_query
from recommender.database.schema import Target
from recommender.database.urls import normalise_url
from recommender.runs.lists import ListFile
from recommender.system.csvform import quote
from recommender.tables import POPULAR_ITEMS, RECOMMENDATIONS, KeyKind, ListTable

LISTS = (RECOMMENDATIONS, POPULAR_ITEMS)
BINARY_TEXT = "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
TEXT = {
    "sqlite": "TEXT",
    "postgresql": "text",
    "mysql": BINARY_TEXT,
}
INTEGER = {"sqlite": "INTEGER", "postgresql": "bigint", "mysql": "BIGINT"}
Rows = Sequence[Sequence[object]]


def database(url: str) -> Database:
    if url.startswith("sqlite"):
        Path(str(sa.make_url(url).database)).touch()
    return open_database(normalise_url(url))


def execute(url: str, *statements: str, rows: Iterable[dict[str, Any]] = ()) -> None:
    """Run statements as the shop does, on a connection of its own; `rows` are given to the last one."""
    engine = sa.create_engine(normalise_url(url), poolclass=sa.NullPool)
    *first, last = statements
    with engine.begin() as connection:
        for statement in first:
            connection.execute(sa.text(statement))
        connection.execute(sa.text(last), [*rows] or None)


def select(url: str, statement: str) -> list[tuple[Any, ...]]:
    engine = sa.create_engine(normalise_url(url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement))]


def query(of: Database, text: str) -> Query:
    return prepare_query(text, Path("sql/sales.sql"), of.backend, datetime(2020, 1, 1))  # noqa: DTZ001


def key_type(of: Database, scratch: Path, text: str) -> KeyType:
    """The type of the query's column `k`."""
    with of.snapshot(scratch, 60) as snapshot:
        return snapshot.key_type(query(of, text), QueryColumn("k"))


def rows_of(snapshot: Snapshot, prepared: Query) -> list[tuple[object, ...]]:
    columns = snapshot.columns(prepared)
    return [row for batch in snapshot.stream(prepared, columns) for row in zip(*batch, strict=True)]


def make_target(
    url: str,
    *,
    customer: str | None = None,
    item: str | None = None,
    prefix: str = "",
    schema: str | None = None,
) -> Target:
    """Our tables in the database; the key columns are texts unless a type is given."""
    found = database(url)
    text = TEXT[found.backend]
    types = [KeyType(KeyKind.TEXT, sql or text) for sql in (customer, item)]
    with found.connect() as connection:
        for table in all_tables(schema=schema, prefix=prefix, customer=types[0], item=types[1]):
            table.create(connection)
    return Target(found, schema, prefix)


def recommendations(keys: Iterable[object], item: object = "i") -> list[tuple[object, ...]]:
    return [(key, 1, item, 1, "popular", None) for key in keys]


def write_lists(folder: Path, customers: Rows, popular: Rows = ((1, "i", 1),)) -> dict[ListTable, ListFile]:
    folder.mkdir(exist_ok=True)
    files = {}
    for definition, rows in zip(LISTS, (customers, popular), strict=True):
        lines = [",".join(column.name for column in definition.columns)]
        lines += [",".join("" if value is None else quote(str(value)) for value in row) for row in rows]
        files[definition] = ListFile(folder / definition.file_name, definition)
        files[definition].path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    return files


def publish(
    target: Target,
    files: dict[ListTable, ListFile],
    scratch: Path,
    *,
    then: Callable[[Publication], None] = lambda _publication: None,
    done: Callable[[], None] = lambda: None,
) -> None:
    tables = target.lists
    with target.database.publication(files, tables, scratch) as publication:
        for definition in files:
            publication.delete(tables[definition])
            publication.insert(definition, tables[definition])
        then(publication)
        publication.commit(done)


def published(target: Target, definition: ListTable = RECOMMENDATIONS) -> list[tuple[Any, ...]]:
    """What a reader sees."""
    table = target.lists[definition]
    columns = [sa.type_coerce(column, sa.types.NullType()) for column in table.columns]
    with target.database.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(*columns[:2]))]
