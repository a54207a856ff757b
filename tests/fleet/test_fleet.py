"""A fleet of small shops, each with a life of its own: set up, checked, nights, and all that comes between.

`FLEET_SHOPS=3000 FLEET_SEED=1000000 scripts/test tests/fleet` tries others, and more of them. A fleet that is
asked for lives its lives whole; that of every run takes turns in what changes nothing for the rest of a life.
"""

import os
from datetime import UTC, datetime
from functools import cache

import pytest

from recommender.night import record
from tests.fleet.life import Life
from tests.fleet.shops import ALL_LISTS, random_shop

_SHOPS = int(os.environ.get("FLEET_SHOPS", "200"))
_IS_WHOLE = "FLEET_SHOPS" in os.environ
_FIRST = int(os.environ.get("FLEET_SEED", "0"))
_OF_SERVERS = max(1, _SHOPS // 100)
_VERSIONS, _PROGRAM = cache(record.versions), cache(record.program)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Half of the time of nights as small as these is what is the same in each, or tested elsewhere."""
    monkeypatch.setattr(record, "versions", _VERSIONS)
    monkeypatch.setattr(record, "program", _PROGRAM)
    for name in {*os.environ} - {"PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"}:
        monkeypatch.delenv(name)


def _today():
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.mark.parametrize("seed", range(_FIRST, _FIRST + _SHOPS))
def test_a_shop_of_sqlite_is_served(tmp_path, seed):
    today = _today()
    life = Life(random_shop(seed, today), tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")
    life.live(today.date(), is_whole=_IS_WHOLE)


@pytest.mark.parametrize("seed", range(_FIRST, _FIRST + _SHOPS, 10))
def test_the_order_of_the_rows_changes_no_byte(tmp_path, seed):
    today = _today()
    shop = random_shop(seed, today)
    runs = [
        Life(shop, tmp_path / name, f"sqlite:///{tmp_path / name}.db", backwards=name == "backwards").begin(
            today.date()
        )
        for name in ("forwards", "backwards")
    ]
    assert (runs[0] is None) == (runs[1] is None)
    if runs[0] is not None and runs[1] is not None:
        one, other = (run.manifest for run in runs if run is not None)
        assert one.data_sha256 == other.data_sha256
        for name in ALL_LISTS:
            assert one.sha256_of(f"{name}.csv") == other.sha256_of(f"{name}.csv"), f"{shop}\n{name}"


@pytest.mark.parametrize("seed", range(_FIRST, _FIRST + _OF_SERVERS))
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_shop_of_a_server_is_served(tmp_path, request, kind, seed):
    today = _today()
    server = request.getfixturevalue(kind)
    url = server.create_database()
    life = Life(random_shop(seed, today, typed=True), tmp_path / "shop", url)
    life.live(today.date(), is_whole=_IS_WHOLE)
    server.drop_database(url)
