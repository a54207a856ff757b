"""The publish stage: all lists and the run's record in one transaction."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import sqlalchemy as sa

from recommender.database.base import RunLock
from recommender.database.schema import Target
from recommender.errors import DatabaseError
from recommender.runs.lists import ListFile
from recommender.system.threads import Progress
from recommender.tables import POPULAR_ITEMS, RECOMMENDATIONS, ListTable

_PAGE = 20_000


@dataclass(frozen=True)
class Published:
    """What the commit made visible."""

    seq: int
    at: datetime
    """Aware, UTC, whole seconds."""


def publish(
    target: Target,
    lock: RunLock,
    files: Mapping[ListTable, ListFile],
    rows: Mapping[ListTable, int],
    record: Mapping[str, object],
    *,
    scratch: Path,
    done: Callable[[Published], None],
    progress: Progress | None = None,
) -> None:
    """Put the lists in the place of what is published, with a row in recommendation_runs.

    Readers see the old lists or the new ones, whatever fails.

    Args:
        target: the database and our tables in it.
        lock: the run lock; asked for once more right before the commit.
        files: the checked file of each list.
        rows: how many rows each of them has.
        record: the row of recommendation_runs but for published_seq and published_at.
        scratch: a folder for temporary files.
        done: called when the commit has happened; no signal comes between.
        progress: called with rows written and in all, at the end of each list.

    Raises:
        DatabaseError: it failed, the shop held a lock too long, or another number of rows arrived; nothing
            has changed then.
        OutcomeUnknownError: it failed at the commit; only the row of this run in recommendation_runs tells
            whether that happened.
    """
    tables, runs = target.lists, target.runs
    with target.database.publication(files, tables, scratch) as publication:
        connection = publication.connection
        target.claim(publication, [*(tables[definition] for definition in files), runs])
        n_written = 0
        for definition in files:
            publication.delete(tables[definition])
            publication.insert(definition, tables[definition])
            n_written += rows[definition]
            if progress is not None:
                progress(n_written, sum(rows.values()))
        newest = connection.execute(sa.select(sa.func.max(runs.c.published_seq))).scalar()
        published = Published((newest or 0) + 1, datetime.now(UTC).replace(microsecond=0))
        connection.execute(
            sa.insert(runs).values(
                **record, published_seq=published.seq, published_at=published.at.replace(tzinfo=None)
            )
        )
        for definition in files:
            count = connection.execute(
                sa.select(sa.func.count()).select_from(tables[definition])
            ).scalar_one()
            if count != rows[definition]:
                raise DatabaseError(
                    "publish-rows-lost",
                    f"{count} rows arrived in {target.prefix}{definition.name} instead of {rows[definition]};"
                    " nothing was published.",
                    "Check triggers and rules on the table.",
                )
        lock.check()
        publication.commit(lambda: done(published))


def published_lists(target: Target, connection: sa.Connection) -> dict[str, tuple[str, ...]]:
    """What customers see now: items in order of each customer's list, keys as texts."""
    rows = _published_rows(target.lists[RECOMMENDATIONS], connection)
    lists = groupby(rows, key=lambda row: row[0])
    return {customer: tuple(item for _, item in group) for customer, group in lists}


def published_items(target: Target, connection: sa.Connection) -> set[str]:
    """What is recommended now to customers and visitors, keys as texts."""
    tables = target.present(connection)
    columns = [tables[d].c.item_id for d in (RECOMMENDATIONS, POPULAR_ITEMS) if d in tables]
    queries = [sa.select(sa.type_coerce(column, sa.types.NullType())).distinct() for column in columns]
    return {str(row[0]) for query in queries for row in connection.execute(query)}


def _published_rows(table: sa.Table, connection: sa.Connection) -> Iterator[tuple[str, str]]:
    """Customer and item of every row, in order of the key.

    Page by page along the key: that needs no transaction, which a server's cursor would, and little memory.
    """
    customer_id = sa.type_coerce(table.c.customer_id, sa.types.NullType())
    item_id = sa.type_coerce(table.c.item_id, sa.types.NullType())
    position = table.c.position
    query = sa.select(customer_id, position, item_id).order_by(customer_id, position).limit(_PAGE)
    page = connection.execute(query).fetchall()
    while page:
        yield from ((str(row[0]), str(row[2])) for row in page)
        last = page[-1]
        later = sa.or_(customer_id > last[0], sa.and_(customer_id == last[0], position > last[1]))
        page = connection.execute(query.where(later)).fetchall()
