"""Readers meanwhile: they see the old lists or the new ones, never anything between."""

import threading

from recommender.database.base import RunLock
from recommender.database.schema import Target
from recommender.publishing.publish import publish
from recommender.tables import POPULAR_ITEMS, RECOMMENDATIONS
from tests.faults.injection import watched_statements
from tests.nights import DAY, connection_to, database_of


class FreeLock(RunLock):
    """A lock that is always held."""

    def check(self):
        return None


def write_generation(folder, generation, rows=200):
    """Lists of which each row carries the generation as item."""
    files = {RECOMMENDATIONS: folder / "recommendations.csv", POPULAR_ITEMS: folder / "popular_items.csv"}
    lines = (f"{customer},1,{generation},1,model,\n" for customer in range(rows))
    files[RECOMMENDATIONS].write_text(
        "customer_id,position,item_id,score,reason,because_item_id\n" + "".join(lines), encoding="utf-8"
    )
    files[POPULAR_ITEMS].write_text(f"position,item_id,score\n1,{generation},1\n", encoding="utf-8")
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
