"""Fixtures of the tests of faults."""

import dataclasses

import pytest

from recommender.database import retries
from tests.faults.support import shop_with_a_night


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """Nobody waits between two attempts; how long it would have been, one after the other."""
    waited: list[float] = []
    monkeypatch.setattr(retries, "USUAL", dataclasses.replace(retries.USUAL, sleep=waited.append))
    return waited


@pytest.fixture
def shop(tmp_path, database_url):
    return shop_with_a_night(tmp_path, database_url)


@pytest.fixture
def sqlite_shop(tmp_path):
    return shop_with_a_night(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
