"""Fixtures for the whole suite: real databases, fresh for each test.

`postgresql` and `mariadb` are servers that start with the first test that asks and serve the whole run, all
its processes: what a test makes beside its databases, as users, has a name of its own (`own_name`).
`settable_mariadb` is one whose global variables may be changed.
`database_url` runs a test once for each database with the address of an empty one; `-k postgresql` picks.
Where a module is marked `sqlite_proves`, PostgreSQL and MariaDB are left to the tests that are marked
`each_database`, unless EVERY_DATABASE=1: its promises are of our own logic, which knows of no database.
A server that is not installed skips its tests and says so on the last lines; with REQUIRE_ALL=1 it
fails them.
"""

import gc
import os
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings

from recommender import cli
from recommender.errors import ExitCode
from tests import sentinel, sharing
from tests.servers import SERVERS, MissingServerError, Server

# PyMySQL reads the system's certificates for each of the tests' own connections, which takes it 50 ms.
os.environ["SSL_CERT_FILE"] = os.environ["SSL_CERT_DIR"] = os.devnull
# How long one example takes says how busy the machine is. The common run tries the same examples each time:
# a red one is of the change. scripts/soak and EVERY_DATABASE=1 try new ones.
settings.register_profile("calm", deadline=None, derandomize=os.environ.get("EVERY_DATABASE") != "1")
settings.load_profile("calm")

_MISSING = "not tested: "
_left_out: Counter[str] = Counter()
"""How many tests of each file are left to EVERY_DATABASE=1."""


def leave_out(reason: str) -> NoReturn:
    """Skip the test, loudly, for what this machine lacks; fail it where all is required."""
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"{reason} (REQUIRE_ALL=1)", pytrace=False)
    skip_loudly(reason)


def skip_loudly(reason: str) -> NoReturn:
    """Skip the test, also where all is required, and say why on the last lines: what scripts/soak runs."""
    pytest.skip(f"{_MISSING}{reason}")


def pytest_configure(config: pytest.Config) -> None:
    """Begin a run, or join it as one of its workers."""
    if _is_worker(config):
        sharing.join(Path(config.workerinput["shared"]))  # type: ignore[attr-defined]
    else:
        sharing.begin()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist what is shared."""
    node.workerinput["shared"] = str(sharing.folder())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest first, so that none is left to the end; what SQLite proves is left out elsewhere."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if os.environ.get("EVERY_DATABASE") == "1":
        return
    names = {item.nodeid for item in items}
    left_out = {
        item
        for item in items
        if item.get_closest_marker("sqlite_proves")
        and not item.get_closest_marker("each_database")
        and any(name in item.nodeid and item.nodeid.replace(name, "sqlite") in names for name in SERVERS)
    }
    if left_out:
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]
        _left_out.update(item.location[0] for item in left_out)


def pytest_collection_finish() -> None:
    """What is there before the first test stays; to look for garbage in it takes an eighth of a run."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells what it left out."""
    if _is_worker(session.config):
        session.config.workeroutput["left_out"] = dict(_left_out)  # type: ignore[attr-defined]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Each worker left out the same."""
    _left_out.update(getattr(node, "workeroutput", {}).get("left_out", {}) if not _left_out else {})


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the run."""
    if not _is_worker(config):
        sharing.end()


def _is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of pytest-xdist's, which add attributes to the configuration."""
    return hasattr(config, "workerinput")


def own_name(word: str) -> str:
    """A name that no other test has, for what all databases of a server share."""
    return f"{word}_{secrets.token_hex(4)}"


def own_server(kind: str, options: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server for a fixture, with settings of its own."""
    try:
        server = SERVERS[kind](options=options)
    except MissingServerError as error:
        leave_out(str(error))
    with server:
        yield server


def shared_server(kind: str, name: str = "", options: Mapping[str, str] | None = None) -> Server:
    """The server of the run under this name, for a fixture; the first to ask says with which settings."""
    try:
        return sharing.once(f"{kind}-{name}", partial(SERVERS[kind], options=options, shared=True))
    except MissingServerError as error:
        leave_out(str(error))


@pytest.fixture(autouse=True, scope="session")
def _watched_errors() -> Iterator[None]:
    """Every error that ends a command is looked through for secrets, with all that led to it."""
    report = cli._report

    def watched(error: BaseException) -> ExitCode:
        sentinel.require_absent_in_error(error)
        return report(error)

    cli._report = watched
    yield
    cli._report = report


@pytest.fixture(autouse=True, scope="session")
def _no_power_cuts() -> Iterator[None]:
    """Nothing is forced to the disk: what is written survives the end of any process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _file: None)
        yield


@pytest.fixture(autouse=True)
def _watched_files() -> Iterator[None]:
    """After each test, the files of its shops are looked through for secrets."""
    yield
    sentinel.require_absent_everywhere()


@pytest.fixture(scope="session")
def postgresql() -> Server:
    """The PostgreSQL server of the run; `create_database()` gives an empty database."""
    return shared_server("postgresql")


@pytest.fixture(scope="session")
def mariadb() -> Server:
    """The MariaDB server of the run; `create_database()` gives an empty database."""
    return shared_server("mariadb")


@pytest.fixture
def settable_mariadb() -> Iterator[Server]:
    """A MariaDB for one test at a time, which may set some global variables: they are set back."""
    server = shared_server("mariadb", "settable")
    with sharing.alone("settable"):
        yield server
        names = ("sql_mode", "max_error_count", "local_infile")
        server.execute(*[f"SET GLOBAL {name} = DEFAULT" for name in names])


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database: SQLite, PostgreSQL and MariaDB in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shop.db'}"
        return
    server: Server = request.getfixturevalue(request.param)
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def shop_url(database_url: str) -> str:
    """The same empty database, for tests in which it is the shop's."""
    return database_url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out, and loudly which programs were missing, and how many tests with them."""
    if _left_out:
        files = ", ".join(f"{file} {count}" for file, count in sorted(_left_out.items()))
        terminalreporter.write_line(
            f"LEFT OUT: {_left_out.total()} tests on PostgreSQL and MariaDB, which SQLite proves;"
            f" EVERY_DATABASE=1 runs them, as scripts/soak does ({files})"
        )
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple) and _MISSING in report.longrepr[2]:
            reasons[report.longrepr[2].partition(_MISSING)[2]] += 1
    for reason, count in sorted(reasons.items()):
        missing, _, what_to_do = reason.partition("; ")
        terminalreporter.write_line(
            f"SKIPPED: {missing}: {count} tests not run; {what_to_do}", red=True, bold=True
        )
