"""Fixtures for shops on real platforms."""

import pytest

from tests.conftest import own_server


@pytest.fixture(autouse=True)
def all_of_time(monkeypatch):
    """The sales of the files are of March 2024."""
    monkeypatch.setenv("HISTORY_DAYS", "36500")


@pytest.fixture(scope="session")
def far_mariadb():
    """A MariaDB whose zone is not UTC, as on many shops' servers."""
    yield from own_server("mariadb", options={"default-time-zone": "+05:00"})
