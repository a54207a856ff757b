"""What SQLite alone asks for: a file that others read and write, and no trace of ours beside it."""

import contextlib
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from recommender.database import open_database
from recommender.database.schema import Target
from recommender.database.urls import normalise_url
from recommender.errors import DatabaseError, ExitCode, Interrupted
from recommender.system.files import FILE_MODE
from recommender.system.interrupts import interrupts
from tests.database.support import (
    database,
    execute,
    make_target,
    publish,
    published,
    query,
    recommendations,
    rows_of,
    write_lists,
)

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shop.db"


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


def journal_mode(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def test_a_missing_file_is_told_and_not_made(url, path, tmp_path):
    found = open_database(normalise_url(url))
    for attempt in (found.connect(), found.snapshot(tmp_path, 60)):
        with pytest.raises(DatabaseError, match=r"no database file .*shop\.db"), attempt:
            pass
    assert not path.exists()
    with pytest.raises(DatabaseError, match="no database file"):
        publish(Target(found, None, ""), write_lists(tmp_path / "lists", recommendations(["a"])), tmp_path)
    assert not path.exists()


def test_a_file_that_is_no_database(url, path, tmp_path):
    path.write_bytes(b"a spreadsheet" * 1000)
    with pytest.raises(DatabaseError, match="not a database"), database(url).snapshot(tmp_path, 60):
        pass


@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "wal"])
def test_the_journal_mode_stays(url, path, tmp_path, mode):
    target = make_target(url)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    kept = journal_mode(path)  # only WAL is kept in the file
    with target.database.snapshot(tmp_path, 60) as snapshot:
        assert rows_of(snapshot, query(target.database, "SELECT 1 AS n")) == [(1,)]
    publish(target, write_lists(tmp_path / "lists", recommendations(["a"])), tmp_path)
    assert journal_mode(path) == kept


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_the_copy_of_the_shop_is_private_and_removed(url, path, tmp_path, mode):
    execute(url, "CREATE TABLE s (n INTEGER)", "INSERT INTO s VALUES (1)")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def look_and_fail():
        with database(url).snapshot(scratch, 60):
            copies = list(scratch.iterdir())
            assert len(copies) == (mode == "delete")
            assert all(copy.stat().st_mode & 0o777 == FILE_MODE for copy in copies)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        look_and_fail()
    assert list(scratch.iterdir()) == []


def test_nothing_of_the_shops_file_changes_before_the_commit(url, path, tmp_path):
    """Else a reader that may not write finds a hot journal after a kill."""
    target = make_target(url)
    files = write_lists(tmp_path / "lists", recommendations(f"key {n}" for n in range(30_000)))
    publish(target, write_lists(tmp_path / "old", recommendations(["old"])), tmp_path)
    before = path.read_bytes()
    seen = []

    def look(_):
        seen.append(path.read_bytes() == before)

    publish(target, files, tmp_path, then=look)
    assert seen == [True]
    assert len(path.read_bytes()) > len(before) + 500_000


KILLED = """
import sys, time
from pathlib import Path
from recommender.database.schema import Target
from tests.database.support import database, publish, recommendations, write_lists
folder = Path({folder!r})
target = Target(database({url!r}), None, "")
def wait(_publication):
    print("ready", flush=True)
    sys.stdin.read()
files = write_lists(folder / "new", recommendations(str(n) for n in range(20_000)))
with target.database.run_lock(target.lock_name, "me"):
    publish(target, files, folder, then=wait)
"""


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_kill_inside_the_transaction_leaves_the_old_lists_for_readers_that_may_not_write(
    url, path, tmp_path, mode
):
    target = make_target(url)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    publish(target, write_lists(tmp_path / "old", recommendations(["old"])), tmp_path)
    program = KILLED.format(folder=str(tmp_path), url=url)
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    journal = path.with_name("shop.db-journal")
    assert not journal.exists() or journal.stat().st_size == 0 or not journal.read_bytes()[:8].strip(b"\0")
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
        assert reader.execute("SELECT customer_id FROM recommendations").fetchall() == [("old",)]
    # The lock went with the process, and the next run works over what it left.
    with target.database.run_lock(target.lock_name, "me"):
        publish(target, write_lists(tmp_path / "next", recommendations(["next"])), tmp_path)
    assert [row[0] for row in published(target)] == ["next"]
    assert not list(tmp_path.glob(".tmp-*"))


def test_a_signal_ends_a_long_query(url, tmp_path, monkeypatch):
    """SQLite's own loop does not return to Python, where signals arrive."""
    found = database(url)
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) AS n FROM c"
    with found.snapshot(tmp_path, 60) as snapshot:
        prepared = query(found, endless)
        columns = snapshot.columns(prepared)
        monkeypatch.setattr(interrupts, "received", ExitCode.TERMINATED)
        with pytest.raises(Interrupted) as caught:
            list(snapshot.stream(prepared, columns))
    assert caught.value.exit_code is ExitCode.TERMINATED


def test_the_owners_functions_cannot_load_code(url, tmp_path):
    found = database(url)
    with pytest.raises(DatabaseError, match="not authorized"), found.snapshot(tmp_path, 60) as snapshot:
        rows_of(snapshot, query(found, "SELECT load_extension('x')"))
