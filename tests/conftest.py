"""Fixtures for the whole suite: real databases, fresh for each test.

`postgresql` and `mariadb` are servers that start with the first test that asks and serve the whole session.
`database_url` runs a test once for each database with the address of an empty one; `-k postgresql` picks.
A server that is not installed skips its tests and says so on the last lines; with REQUIRE_ALL=1 it
fails them.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

from recommender import cli
from recommender.errors import ExitCode
from tests import sentinel
from tests.servers import SERVERS, MissingServerError, Server

# How long one example takes says how busy the machine is.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")

_MISSING = "not tested: "


def leave_out(reason: str) -> NoReturn:
    """Skip the test, loudly, for what this machine lacks; fail it where all is required."""
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"{reason} (REQUIRE_ALL=1)", pytrace=False)
    pytest.skip(f"{_MISSING}{reason}")


def own_server(kind: str, options: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server for a fixture, with settings of its own."""
    try:
        server = SERVERS[kind](options=options)
    except MissingServerError as error:
        leave_out(str(error))
    with server:
        yield server


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


@pytest.fixture(autouse=True)
def _watched_files() -> Iterator[None]:
    """After each test, the files of its shops are looked through for secrets."""
    yield
    sentinel.require_absent_everywhere()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """The PostgreSQL server of the session; `create_database()` gives an empty database."""
    yield from own_server("postgresql")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """The MariaDB server of the session; `create_database()` gives an empty database."""
    yield from own_server("mariadb")


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
    """Say loudly which programs were missing, and how many tests with them."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple) and _MISSING in report.longrepr[2]:
            reasons[report.longrepr[2].partition(_MISSING)[2]] += 1
    for reason, count in sorted(reasons.items()):
        missing, _, what_to_do = reason.partition("; ")
        terminalreporter.write_line(
            f"SKIPPED: {missing}: {count} tests not run; {what_to_do}", red=True, bold=True
        )
