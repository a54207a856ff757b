"""Safe whatever happens: one run at a time, signals, kills, failing statements, readers meanwhile."""

import os
import signal
import socket
import sqlite3
import threading
from functools import partial
from pathlib import Path

import psycopg
import pymysql
import pytest

from recommender import pipeline
from recommender.database.base import Database, RunLock
from recommender.database.schema import Target
from recommender.database.tables import POPULAR_ITEMS, RECOMMENDATIONS
from recommender.errors import DatabaseError, ExitCode
from recommender.publish import publish
from recommender.publishing import Publishing
from recommender.runs import Status
from tests.faults import (
    Fork,
    Gate,
    at_end,
    at_point,
    await_lock,
    before_statement,
    forked,
    interrupt,
    kill,
    patched,
    watched_statements,
)
from tests.nights import DAY, Shop, connection_to, database_of, usual_shop

SIGNALS = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
NIGHT = ("run", "--as-of", str(DAY))
MOST_STATEMENTS = 60


@pytest.fixture
def shop(tmp_path, database_url):
    """A shop with a published night; the next one would publish longer lists."""
    shop = usual_shop(tmp_path / "shop", database_url, TOP_N=3)
    shop.night()
    return shop.set(TOP_N=5)


@pytest.fixture
def sqlite_shop(tmp_path):
    shop = usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", TOP_N=3)
    shop.night()
    return shop.set(TOP_N=5)


def lengths(shop):
    """How long the published lists are: {3} for those of the first night, {5} for the second's."""
    return {len(items) for items in shop.lists().values()}


def leftovers(shop):
    """Unfinished files in the folder of the runs and beside the database."""
    folders = [shop.folder / "var"]
    if shop.url.startswith("sqlite"):
        folders.append(Path(shop.url.removeprefix("sqlite:///")).parent)
    patterns = (".tmp-*", "*-journal", "*-wal", "*-shm")
    return [path for folder in folders for pattern in patterns for path in folder.rglob(pattern)]


def published_ids(shop):
    return [
        run_id for (run_id,) in shop.rows("SELECT run_id FROM recommendation_runs ORDER BY published_seq")
    ]


# One run at a time


def test_a_second_run_exits_at_once_and_names_the_first(shop):
    gate = Gate.new()
    with Fork(shop, *NIGHT, fault=partial(at_point, "train", "begin", gate.wait)) as first:
        gate.await_arrival()
        before = len(shop.runs)
        line = shop.fails(ExitCode.LOCKED, *NIGHT)
        assert socket.gethostname()[:24] in line
        assert f"pid {first.process_id}, since 2" in line
        for command in ("export", "train", "rank", "publish"):
            shop.fails(ExitCode.LOCKED, command)
        shop.fails(ExitCode.LOCKED, "run", "--dry-run")
        assert len(shop.runs) == before
        assert lengths(shop) == {3}
        gate.opened.set()
        assert first.end() == (ExitCode.DONE, "")
    assert lengths(shop) == {5}


def test_a_run_from_another_folder_is_kept_away_by_the_database(shop, tmp_path):
    other = Shop(tmp_path / "other", shop.url, dict(shop.settings))
    (shop.folder / "sql").rename(tmp_path / "sql")
    other.folder.mkdir()
    for each in (shop, other):
        each.set(SQL_DIR=str(tmp_path / "sql"))
    gate = Gate.new()
    with Fork(shop, *NIGHT, fault=partial(at_point, "train", "begin", gate.wait)) as first:
        gate.await_arrival()
        line = other.fails(ExitCode.LOCKED, *NIGHT)
        assert f"host {socket.gethostname()[:24]}, pid {first.process_id}, since 2" in line
        assert other.runs == []
        # It writes nothing to the database, so it needs no lock there.
        other.does("run", "--dry-run", "--as-of", str(DAY))
        # Other tables are another run's.
        other.set(TABLE_PREFIX="other_").does("init", "--yes")
        other.night()
        gate.opened.set()
        assert first.end()[0] == ExitCode.DONE


def test_the_lock_is_free_after_a_kill(shop):
    gate = Gate.new()
    with Fork(shop, *NIGHT, fault=partial(at_point, "rank", "begin", gate.wait)) as first:
        gate.await_arrival()
        os.kill(first.process_id, signal.SIGKILL)
        assert first.end()[0] == -signal.SIGKILL
    await_lock(shop)
    shop.night()
    assert lengths(shop) == {5}


# Signals

POINTS = [
    *((stage, "begin") for stage in ("export", "train", "rank", "publish")),
    *((stage, "inside") for stage in ("export", "train", "rank")),
    *((stage, "end") for stage in ("export", "train", "rank")),
]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_stops_a_run_cleanly_at_every_stage(shop, number):
    before = shop.dump()
    for stage, place in POINTS:
        fault = partial(at_point, stage, place, partial(interrupt, number))
        code, said = forked(shop, *NIGHT, fault=fault)
        where = f"{stage} {place}: {said}"
        assert code == SIGNALS[number], where
        assert said == "recommend: Interrupted; the published lists are whole.\n", where
        manifest = shop.last_run.manifest
        assert manifest.status is Status.INTERRUPTED, where
        assert manifest.exit_code == SIGNALS[number], where
        assert leftovers(shop) == [], where
    assert shop.dump() == before
    assert shop.night().manifest.status is Status.PUBLISHED
    assert lengths(shop) == {5}


def stages_before_publish(shop):
    shop.does("export", "--as-of", str(DAY))
    shop.does("train")
    shop.does("rank")


def test_a_signal_at_any_statement_leaves_old_or_new_lists(shop):
    stages_before_publish(shop)
    numbers = list(SIGNALS)
    for n in range(1, MOST_STATEMENTS):
        number = numbers[n % 2]
        code, said = forked(shop, "publish", fault=partial(before_statement, n, partial(interrupt, number)))
        assert code == SIGNALS[number], said
        run = shop.last_run
        assert run.manifest.exit_code == SIGNALS[number]
        assert leftovers(shop) == []
        if run.manifest.status is Status.PUBLISHED:
            break
        assert run.manifest.status is Status.INTERRUPTED
        assert lengths(shop) == {3}
    assert lengths(shop) == {5}
    assert published_ids(shop)[1:] == [run.run_id]
    assert n > 4


def test_a_signal_after_the_commit_says_that_the_run_is_published(sqlite_shop):
    code, _ = forked(sqlite_shop, *NIGHT, fault=partial(at_end, partial(interrupt, signal.SIGTERM)))
    assert code == ExitCode.TERMINATED
    assert sqlite_shop.last_run.manifest.status is Status.PUBLISHED
    assert lengths(sqlite_shop) == {5}
    sqlite_shop.night()


def test_a_second_signal_does_not_break_the_clean_up(sqlite_shop):
    code, said = forked(sqlite_shop, *NIGHT, fault=partial(at_point, "train", "inside", _interrupt_twice))
    assert code == ExitCode.INTERRUPTED
    assert said.count("\n") == 1
    assert sqlite_shop.last_run.manifest.status is Status.INTERRUPTED


def _interrupt_twice() -> None:
    try:
        interrupt(signal.SIGINT)
    finally:
        interrupt(signal.SIGTERM)


def test_a_signal_whose_exception_got_lost_still_ends_the_run(sqlite_shop):
    """As in a finalizer or a callback from C: Python prints and drops what is raised there."""
    code, _ = forked(sqlite_shop, *NIGHT, fault=partial(at_point, "export", "inside", _interrupt_unheard))
    assert code == ExitCode.TERMINATED
    assert sqlite_shop.last_run.manifest.status is Status.INTERRUPTED
    assert lengths(sqlite_shop) == {3}


def _interrupt_unheard() -> None:
    try:
        interrupt(signal.SIGTERM)
    except BaseException:  # noqa: BLE001 - this is what a finalizer does
        return


# Kills


def test_a_kill_at_every_stage_leaves_the_lists_whole(shop):
    before = shop.lists()
    for stage, place in POINTS:
        code, _ = forked(shop, *NIGHT, fault=partial(at_point, stage, place, kill))
        assert code == -signal.SIGKILL
        assert shop.lists() == before
        assert shop.last_run.manifest.status is Status.RUNNING
        await_lock(shop)
    dead = [run.run_id for run in shop.runs[1:]]
    assert len(dead) == len(POINTS)
    shop.night()
    records = {run.run_id: run.manifest for run in shop.runs}
    assert {records[run_id].status for run_id in dead} == {Status.KILLED}
    assert leftovers(shop) == []
    assert lengths(shop) == {5}


def test_a_kill_at_any_statement_leaves_old_or_new_lists(shop):
    stages_before_publish(shop)
    run_id = shop.last_run.run_id
    for n in range(1, MOST_STATEMENTS):
        code, said = forked(shop, "publish", fault=partial(before_statement, n, kill))
        assert code == -signal.SIGKILL, said
        is_published = run_id in published_ids(shop)
        assert lengths(shop) == ({5} if is_published else {3})
        assert shop.last_run.manifest.status is Status.RUNNING
        if is_published:
            break
        await_lock(shop)
    assert n > 4
    await_lock(shop)
    # The next call settles the record by the row, and sees that nothing is left to publish.
    assert "no unpublished run" in shop.fails(ExitCode.SETTINGS, "publish")
    manifest = shop.last_run.manifest
    assert manifest.status is Status.PUBLISHED
    assert manifest.published_seq == 2
    assert leftovers(shop) == []
    shop.night()


# Failing statements, lost connections


def failure(shop):
    """What the driver raises when the server ends the connection."""
    if shop.url.startswith("sqlite"):
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        return error
    text = "server closed the connection unexpectedly"
    if shop.url.startswith("postgresql"):
        return psycopg.OperationalError(text)
    return pymysql.err.OperationalError(2013, text)


class Failing:
    """Raises at one statement of the publish transaction, and knows whether the lists' commit was behind it.

    (SQLite's staging file and SQLAlchemy's own set-up have commits too.)
    """

    def __init__(self, shop, number=0, *, after_commit=False):
        self._shop = shop
        self._number = number
        self._after_commit = after_commit
        self._is_recorded = False
        self.was_after_commit = False

    def act(self, count, statement):
        self._is_recorded |= "INSERT" in statement and "recommendation_runs" in statement
        is_after = self._is_recorded and statement == "after COMMIT"
        if count == self._number or (self._after_commit and is_after):
            self.was_after_commit = is_after
            raise failure(self._shop)


def test_the_failure_of_any_statement_changes_nothing(shop):
    stages_before_publish(shop)
    for n in range(1, MOST_STATEMENTS):
        failing = Failing(shop, n)
        with watched_statements(failing.act):
            outcome = shop.recommend("publish")
        if failing.was_after_commit:
            break
        assert outcome.code is ExitCode.DATABASE, outcome.err
        assert outcome.err.count("\n") == 1
        assert shop.last_run.manifest.status is Status.FAILED
        assert shop.last_run.manifest.exit_code == ExitCode.DATABASE
        assert lengths(shop) == {3}
        assert leftovers(shop) == []
    assert n > 4
    # The commit had happened when the connection ended: the row told so.
    assert outcome.code is ExitCode.DONE, outcome.err
    assert lengths(shop) == {5}
    manifest = shop.last_run.manifest
    assert manifest.status is Status.PUBLISHED
    assert "right after the commit" in manifest.warnings[-1]
    assert manifest.published_seq == 2
    assert leftovers(shop) == []


def test_when_nobody_tells_whether_the_commit_happened_the_next_run_finds_out(shop):
    stages_before_publish(shop)
    failing = Failing(shop, after_commit=True)
    connect = Database.connect

    def connect_if_there(self):
        if failing.was_after_commit:
            raise DatabaseError("The database went away.")
        return connect(self)

    with watched_statements(failing.act), patched(Database, "connect", connect_if_there):
        line = shop.fails(ExitCode.DATABASE, "publish")
    assert "unknown" in line
    manifest = shop.last_run.manifest
    assert (manifest.status, manifest.exit_code) == (Status.RUNNING, ExitCode.DATABASE)
    assert "no unpublished run" in shop.fails(ExitCode.SETTINGS, "publish")
    assert shop.last_run.manifest.status is Status.PUBLISHED


def test_a_commit_that_happens_after_we_gave_up_is_found_too(sqlite_shop):
    """The record says failed; the row that appears later knows better."""
    run = sqlite_shop.night()
    run.manifest.status, run.manifest.published_seq = Status.FAILED, None
    run.save()
    sqlite_shop.does("run", "--dry-run", "--as-of", str(DAY))
    settled = {run.run_id: run.manifest for run in sqlite_shop.runs}[run.run_id]
    assert (settled.status, settled.published_seq) == (Status.PUBLISHED, 2)


def test_without_the_run_lock_nothing_is_committed(shop):
    check = Publishing.check

    def lose_the_lock(self, connection, *, force):
        facts = check(self, connection, force=force)
        if shop.url.startswith("postgresql"):
            shop.rows("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        elif shop.url.startswith("mysql"):
            name = self.target.lock_name
            ((holder,),) = shop.rows(f"SELECT IS_USED_LOCK('{name}')")
            shop.execute(f"KILL {holder}")
        else:
            (path,) = Path(shop.url.removeprefix("sqlite:///")).parent.glob("shop.db.recommend-*.lock")
            path.unlink()
        return facts

    with patched(Publishing, "check", lose_the_lock):
        line = shop.fails(ExitCode.DATABASE, *NIGHT)
    assert "lock" in line
    assert lengths(shop) == {3}
    assert shop.last_run.manifest.status is Status.FAILED
    shop.night()
    assert lengths(shop) == {5}


def test_another_number_of_rows_is_rolled_back(shop):
    """As when a trigger or a rule of the shop takes rows away."""
    counted = Publishing.check

    def count_wrong(self, connection, *, force):
        facts = counted(self, connection, force=force)
        wrong = type(facts[RECOMMENDATIONS])(facts[RECOMMENDATIONS].rows + 1, facts[RECOMMENDATIONS].texts)
        return {**facts, RECOMMENDATIONS: wrong}

    with patched(Publishing, "check", count_wrong):
        assert "instead of 151" in shop.fails(ExitCode.DATABASE, *NIGHT)
    assert lengths(shop) == {3}


def test_what_fails_behind_the_commit_is_a_warning(shop):
    def fail(*_):
        raise DatabaseError("No housekeeping tonight.")

    dialect = type(database_of(shop.url))
    with patched(dialect, "after_publish", fail):
        run = shop.night()
    assert run.manifest.status is Status.PUBLISHED
    assert "No housekeeping tonight." in run.manifest.warnings[-1]

    def disk_full(*_, **__):
        raise OSError(28, "No space left on device")

    with patched(pipeline, "prune", disk_full):
        run = shop.night()
    assert "Tidying up failed" in run.manifest.warnings[-1]


# Readers


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
