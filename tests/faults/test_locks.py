"""One run at a time: whoever comes second is told who is first, and a dead run holds nothing."""

import os
import signal
import socket
from functools import partial
from pathlib import Path

from recommender.errors import ExitCode
from recommender.publishing import Publishing
from recommender.runs import Status
from tests.faults.injection import Fork, Gate, at_point, await_lock, patched
from tests.faults.support import NIGHT, lengths
from tests.nights import DAY, Shop


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
