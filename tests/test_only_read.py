"""A database that can only be read is told with the way out; and drivers' errors without words have some."""

import os
import sqlite3

import psycopg
import pymysql
import pytest

from recommender.errors import ExitCode
from tests.conftest import own_server
from tests.nights import database_of
from tests.servers import PASSWORD, USER, Postgresql, Server
from tests.test_names import small_shop

WAY_OUT = "Set TARGET_DATABASE_URL to a database that can be written"


class Standby(Postgresql):
    """A copy of a running PostgreSQL that follows it, and takes nothing from anybody else."""

    def __init__(self, primary: Server) -> None:
        self._primary = primary
        super().__init__()

    def _initialise(self) -> None:
        source = f"host=127.0.0.1 port={self._primary.port} user={USER} password='{PASSWORD}'"
        copy = self.programs[0].with_name("pg_basebackup")
        self._run(
            *(copy, f"--pgdata={self.folder / 'data'}", f"--dbname={source}", "--write-recovery-conf"),
            *("--checkpoint=fast", "--no-sync", "--wal-method=stream"),
        )


def told(shop):
    """What init, check and the night say, which is the same."""
    said = shop.fails(ExitCode.DATABASE, "init", "--yes")
    assert WAY_OUT in said
    outcome = shop.recommend("check")
    assert outcome.code is ExitCode.DATABASE
    reason = said.removeprefix("recommend: ").partition(" Set TARGET")[0]
    assert reason in " ".join(outcome.out.split())
    assert reason in shop.fails(ExitCode.DATABASE, "run")
    return reason


def test_a_standby_is_read_and_another_database_written(tmp_path):
    for primary in own_server("postgresql"):
        shop = small_shop(tmp_path, primary.create_database(), HISTORY_DAYS=900)
        with Standby(primary) as standby:
            shop.set(DATABASE_URL=standby.url(str(database_of(shop.url).url.database)))
            assert told(shop).endswith("can only be read: it is a standby, the copy of another server.")
            shop.set(TARGET_DATABASE_URL=shop.url)
            assert "Created " in shop.does("init", "--yes")
            assert shop.night().manifest.counts["sales"] == 24


def test_mariadb_that_is_set_to_read_only(tmp_path):
    for server in own_server("mariadb"):
        shop = small_shop(tmp_path, server.create_database(), HISTORY_DAYS=900)
        database = database_of(shop.url).url.database
        server.execute(
            "CREATE USER writer@'127.0.0.1' IDENTIFIED BY 'pw'",
            f"GRANT ALL ON {database}.* TO writer@'127.0.0.1'",
        )
        shop.set(DATABASE_URL=server.url(str(database), "writer", "pw"))
        server.execute("SET GLOBAL read_only = 1")
        assert told(shop).endswith("can only be read: the server is set to read_only.")
        # Who may write all the same is not kept from it.
        shop.set(DATABASE_URL=shop.url)
        assert "Created " in shop.does("init", "--yes")


def test_a_sqlite_file_or_folder_that_may_not_be_written(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    (tmp_path / "shop.db").touch()
    shop = small_shop(tmp_path, url, HISTORY_DAYS=900)
    real = os.access
    for denied in (tmp_path, tmp_path / "shop.db"):
        # Root may write everywhere; a file system that is mounted read-only answers like this.
        monkeypatch.setattr(
            os, "access", lambda path, mode, no=denied: mode != os.W_OK or (path != no and real(path, mode))
        )
        said = shop.fails(ExitCode.DATABASE, "init", "--yes")
        assert f"can only be read: this user may not write {denied}." in said
        assert WAY_OUT in said
    monkeypatch.setattr(os, "access", real)
    shop.does("init", "--yes")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("sqlite:///x.db", sqlite3.OperationalError()),
        ("postgresql+psycopg://u@h/d", psycopg.OperationalError("")),
        ("postgresql+psycopg://u@h/d", psycopg.OperationalError(" \n")),
        ("mysql+pymysql://u@h/d", pymysql.err.OperationalError(2013, "")),
        ("mysql+pymysql://u@h/d", pymysql.err.OperationalError(None)),
    ],
    ids=str,
)
def test_an_error_without_words_has_some_of_ours(url, error):
    explained = database_of(url).explained(error, "could not be read")
    assert explained.reason.endswith(" could not be read: the driver gave no reason (OperationalError).")
