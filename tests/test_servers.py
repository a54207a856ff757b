"""The databases of the tests themselves: fresh, durable enough, and gone with the tests."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, inspect, make_url, text

from tests.servers import PASSWORD, SERVERS, MissingServerError, Server

ROOT = Path(__file__).parent.parent


def test_database_is_empty_and_takes_tables(database_url):
    engine = create_engine(database_url, poolclass=NullPool)
    assert inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE sales (item VARCHAR(20))"))
        connection.execute(text("INSERT INTO sales VALUES (:item)"), {"item": "Käse 🧀"})
    with engine.begin() as connection:
        assert connection.execute(text("SELECT item FROM sales")).scalars().all() == ["Käse 🧀"]


def test_shop_url_is_the_database_url(shop_url, database_url):
    assert shop_url == database_url


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_addresses_carry_the_password_quoted(kind, request):
    server: Server = request.getfixturevalue(kind)
    url = server.url("shop")
    assert PASSWORD not in url
    assert make_url(url).password == PASSWORD


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_database_is_dropped_under_an_open_transaction(kind, request):
    server: Server = request.getfixturevalue(kind)
    url = server.create_database()
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE sales (item INTEGER)"))
    holding = engine.raw_connection()
    holding.cursor().execute("SELECT * FROM sales")
    server.drop_database(url)
    with pytest.raises(Exception, match=make_url(url).database):
        engine.connect()
    holding.invalidate()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_commits_survive_a_kill_and_a_restart_at_the_same_address(kind, request):
    request.getfixturevalue(kind)  # skips where it is missing
    with SERVERS[kind]() as server:
        url = server.create_database()
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE sales (item INTEGER)"))
            connection.execute(text("INSERT INTO sales VALUES (7)"))
        server.kill()
        server.start()
        with engine.begin() as connection:
            assert connection.execute(text("SELECT item FROM sales")).scalars().all() == [7]
        server.stop()
        server.start()
        with engine.begin() as connection:
            assert connection.execute(text("SELECT item FROM sales")).scalars().all() == [7]
    assert not server.folder.exists()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_server_ends_with_a_killed_test_process(kind, request):
    request.getfixturevalue(kind)
    program = (
        "import sys\nfrom tests.servers import SERVERS\n"
        f"server = SERVERS[{kind!r}]()\n"
        "print(server.process.pid, server._watchdog.pid, server.folder, flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        server_id, watchdog_id, folder = process.stdout.readline().split()
        process.send_signal(signal.SIGKILL)
    # The watchdog's end comes after its work.
    _wait_for_end(int(watchdog_id))
    assert not Path(folder).exists()
    assert not _runs(int(server_id))


@pytest.mark.parametrize(("required", "outcome"), [("0", "1 skipped"), ("1", "1 error")])
def test_missing_server_is_said_loudly_or_fails(required, outcome):
    arguments = ["-p", "no:cacheprovider", "-k", "empty and postgresql", "tests/test_servers.py"]
    program = (
        "import pytest, sys\nfrom tests.servers import Postgresql\n"
        f"Postgresql.find_programs = lambda *_: ()\nsys.exit(pytest.main({arguments}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "REQUIRE_ALL": required},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in done.stdout.splitlines()[-1]
    assert done.returncode == (pytest.ExitCode.TESTS_FAILED if required == "1" else pytest.ExitCode.OK)
    loud = "SKIPPED: no PostgreSQL server on this machine: 1 tests not run; apt-get install postgresql"
    assert "no PostgreSQL server on this machine" in done.stdout
    assert (loud in done.stdout) == (required == "0")


def test_missing_server_says_what_to_install(monkeypatch):
    monkeypatch.setattr(SERVERS["mariadb"], "find_programs", classmethod(lambda _: ()))
    with pytest.raises(MissingServerError, match="apt-get install mariadb-server"):
        SERVERS["mariadb"]()


def _runs(process_id: int) -> bool:
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process_id)], capture_output=True, text=True, check=False
    )
    return state.stdout.strip()[:1] not in ("", "Z")


def _wait_for_end(process_id: int) -> None:
    for _ in range(1000):
        if not _runs(process_id):
            return
    pytest.fail(f"process {process_id} still runs")
