"""Fixtures for shops on real platforms."""

import pytest

from tests.conftest import shared_server
from tests.nights import Shop
from tests.platforms.support import load, set_up


@pytest.fixture(autouse=True)
def all_of_time(monkeypatch):
    """The sales of the files are of March 2024."""
    monkeypatch.setenv("HISTORY_DAYS", "36500")


@pytest.fixture(scope="session")
def far_mariadb():
    """A MariaDB whose zone is not UTC, as on many shops' servers."""
    return shared_server("mariadb", "far", {"default-time-zone": "+05:00"})


@pytest.fixture(scope="session")
def ready(tmp_path_factory):
    """Gives a shop that is set up, the same one each time: for what leaves it as it was.

    It takes the server (None for SQLite), the file of tables, parameters for `init`, and a statement to run
    before it.
    """
    shops = {}

    def shop_of(server, file, params=(), statement=""):
        key = (server, file, tuple(params), statement)
        if key not in shops:
            folder = tmp_path_factory.mktemp("ready")
            url = server.create_database() if server else f"sqlite:///{folder / 'shop.db'}"
            load(url, file)
            if statement:
                Shop(folder, url).execute(statement)
            shops[key], _ = set_up(folder / "shop", url, *params)
        return shops[key]

    return shop_of
