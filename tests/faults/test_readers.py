"""Readers meanwhile: they see the old lists or the new ones, never anything between."""

import itertools
import threading

import pytest

from recommender.database import sqlite
from recommender.database.base import RunLock
from recommender.database.schema import Target
from recommender.errors import ExitCode
from recommender.publishing.publish import publish
from recommender.runs.lists import ListFile
from recommender.runs.manifest import Status
from recommender.tables import POPULAR_ITEMS, RECOMMENDATIONS
from tests.faults.injection import watched_statements
from tests.faults.support import NIGHT, lengths
from tests.nights import DAY, connection_to, database_of


class FreeLock(RunLock):
    """A lock that is always held."""

    def check(self):
        return None


def write_generation(folder, generation, rows=200):
    """Lists of which each row carries the generation as item."""
    files = {d: ListFile(folder / d.file_name, d) for d in (RECOMMENDATIONS, POPULAR_ITEMS)}
    lines = (f"{customer},1,{generation},1,model,\n" for customer in range(rows))
    files[RECOMMENDATIONS].path.write_text(
        "customer_id,position,item_id,score,reason,because_item_id\n" + "".join(lines), encoding="utf-8"
    )
    files[POPULAR_ITEMS].path.write_text(f"position,item_id,score\n1,{generation},1\n", encoding="utf-8")
    return files, {RECOMMENDATIONS: rows, POPULAR_ITEMS: 1}


def publish_generation(shop, folder, generation):
    files, rows = write_generation(folder, generation)
    record = {
        "run_id": f"generation {generation}",
        "as_of": DAY,
        "source": "run",
        "source_run_id": "",
        "method": "als",
        "customers": 1,
        "items": 1,
        "sales": 1,
        "rows_written": 1,
        "data_sha256": "",
        "program_version": "",
        "schema_version": 1,
    }
    seqs: list[int] = []
    publish(
        Target(database_of(shop.url), None, ""),
        FreeLock(),
        files,
        rows,
        record,
        scratch=folder,
        done=lambda published: seqs.append(published.seq),
    )
    return seqs


def state(connection):
    """What one SELECT of a shop's page over all customers sees: the items and the number of rows."""
    rows = connection.exec_driver_sql("SELECT item_id FROM recommendations").fetchall()
    connection.rollback()
    return {item for (item,) in rows}, len(rows)


def test_a_reader_sees_the_old_lists_before_each_statement_and_the_new_after_the_commit(shop, tmp_path):
    assert publish_generation(shop, tmp_path, 1) == [2]
    seen: dict[str, tuple[set[int], int]] = {}
    with connection_to(shop.url) as reader:

        def read(_count, statement):
            seen[statement] = state(reader)

        with watched_statements(read):
            publish_generation(shop, tmp_path, 2)
    assert seen.pop("after COMMIT") == ({2}, 200)
    assert len(seen) > 4
    assert "COMMIT" in seen
    assert set(map(str, seen.values())) == {str(({1}, 200))}


def test_readers_all_the_time_see_published_states_only(shop, tmp_path):
    publish_generation(shop, tmp_path, 0)
    ended = threading.Event()
    states: list[list[tuple[set[int], int]]] = [[], []]

    def read(found):
        with connection_to(shop.url) as connection:
            while not ended.is_set() or not found:
                found.append(state(connection))

    readers = [threading.Thread(target=read, args=(found,)) for found in states]
    for reader in readers:
        reader.start()
    try:
        for generation in range(1, 6):
            publish_generation(shop, tmp_path, generation)
    finally:
        ended.set()
        for reader in readers:
            reader.join()
    for found in states:
        assert all(count == 200 and len(items) == 1 for items, count in found)
        generations = [generation for items, _ in found for generation in items]
        assert generations == sorted(generations)
        assert set(generations) <= set(range(6))


@pytest.mark.parametrize(("leaves_at", "pauses_made"), [(2, 1), (3, 2), (4, 2)])
def test_one_who_reads_for_long_in_sqlite_costs_attempts_and_then_the_night(
    sqlite_shop, pauses, monkeypatch, leaves_at, pauses_made
):
    """In its rollback-journal mode a reader keeps the commit out."""
    monkeypatch.setattr(sqlite, "_COMMIT_WAIT_SECONDS", 0.02)
    attempts = itertools.count(1)
    with connection_to(sqlite_shop.url) as reader:
        reader.exec_driver_sql("BEGIN")
        reader.exec_driver_sql("SELECT item_id FROM recommendations").fetchall()

        def leave_in_time(_count, statement):
            if statement == "BEGIN IMMEDIATE" and next(attempts) == leaves_at:
                reader.rollback()

        with watched_statements(leave_in_time):
            outcome = sqlite_shop.recommend(*NIGHT)
    manifest = sqlite_shop.last_run.manifest
    assert len(pauses) == pauses_made
    assert "The publish is tried again (attempt 2): " in manifest.warnings[0]
    if leaves_at <= 3:
        assert (outcome.code, manifest.status) == (ExitCode.DONE, Status.PUBLISHED)
        assert lengths(sqlite_shop) == {5}
    else:
        assert (outcome.code, manifest.status) == (ExitCode.DATABASE, Status.FAILED)
        assert "locked" in outcome.err
        assert lengths(sqlite_shop) == {3}
