"""One run at a time: whoever comes second is told who is first, and a dead run holds nothing."""

import os
import signal
import socket
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from recommender.database.base import RunLock
from recommender.database.runlock import RenewableLock
from recommender.database.schema import Target
from recommender.errors import ExitCode, LockedError, TransientError
from recommender.night.publish import Publishing
from recommender.runs.manifest import Status
from tests.faults.injection import Fork, Gate, at_point, await_lock, patched
from tests.faults.support import ADVISORY_LOCKS, NIGHT, lengths
from tests.nights import DAY, Shop, database_of


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
        assert held_by(shop, f"host {socket.gethostname()[:24]}, pid {first.process_id}, since 2") in line
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


def lock_name(shop):
    return Target(database_of(shop.url), None, "").lock_name


def held_by(shop, words):
    """How one who finds the lock taken is told of its holder: MariaDB knows its connection alone."""
    if not shop.url.startswith("mysql"):
        return words
    ((number,),) = shop.rows(f"SELECT IS_USED_LOCK('{lock_name(shop)}')")
    ((host,),) = shop.rows(f"SELECT HOST FROM information_schema.PROCESSLIST WHERE ID = {number}")
    assert host
    return f"Another run is going on: connection {number} from {host} holds the run lock"


def lose_the_lock(shop):
    """Its connection ends; on SQLite, where it has none, its file goes."""
    if shop.url.startswith("postgresql"):
        shop.rows(f"SELECT pg_terminate_backend(pid) {ADVISORY_LOCKS}")
        while shop.rows(f"SELECT 1 {ADVISORY_LOCKS}"):
            continue
    elif shop.url.startswith("mysql"):
        ((holder,),) = shop.rows(f"SELECT IS_USED_LOCK('{lock_name(shop)}')")
        shop.execute(f"KILL {holder}")
        while shop.rows(f"SELECT IS_USED_LOCK('{lock_name(shop)}')") != [(None,)]:
            continue
    else:
        (path,) = Path(shop.url.removeprefix("sqlite:///")).parent.glob("shop.db.recommend-*.lock")
        path.unlink()


def test_without_the_run_lock_nothing_is_committed(shop, pauses):
    check = Publishing.check

    def checked(self, connection, *, force):
        facts = check(self, connection, force=force)
        lose_the_lock(shop)
        return facts

    with patched(Publishing, "check", checked):
        line = shop.fails(ExitCode.DATABASE, *NIGHT)
    assert "lock" in line
    assert len(pauses) == (0 if shop.url.startswith("sqlite") else 2)
    assert lengths(shop) == {3}
    assert shop.last_run.manifest.status is Status.FAILED
    shop.night()
    assert lengths(shop) == {5}


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_a_lock_that_was_lost_is_taken_again_where_it_is_free(shop, pauses):
    with at_point("train", "begin", partial(lose_the_lock, shop)):
        manifest = shop.night().manifest
    assert manifest.status is Status.PUBLISHED
    assert "taken again" in manifest.warnings[0]
    assert pauses == []
    assert lengths(shop) == {5}


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_a_lock_that_was_lost_and_that_another_run_took_ends_the_night(shop, pauses):
    with ExitStack() as stack:

        def taken():
            lose_the_lock(shop)
            other = "host another, pid 7, since 2026-03-01T00:00:00Z"
            stack.enter_context(database_of(shop.url).run_lock(lock_name(shop), other))

        with at_point("train", "begin", taken):
            line = shop.fails(ExitCode.LOCKED, *NIGHT)
        assert held_by(shop, "host another, pid 7") in line
    assert pauses == []
    assert lengths(shop) == {3}
    shop.night()


@pytest.mark.parametrize("us", ["host of ours, pid 7, since 2026-03-01T00:00:00Z", "connection 1 "])
def test_a_lock_that_the_server_still_has_from_us_is_waited_for(us):
    """It has not seen yet that our connection is gone; so the run asks again and does not give up."""
    takes = []

    class Lost(RunLock):
        holder = us

        def check(self):
            raise TransientError("tried", "lost")

    class Held(RunLock):
        holder = "somebody new"

        def check(self):
            return None

    @contextmanager
    def take():
        takes.append(1)
        if len(takes) == 2:
            raise LockedError("tried", f"Another run is going on: {us.strip()} holds the run lock.")
        yield Lost() if len(takes) == 1 else Held()

    with RenewableLock(take) as lock:
        with pytest.raises(TransientError):
            lock.renew()
        assert lock.renew()
        assert not lock.renew()
    assert len(takes) == 3
