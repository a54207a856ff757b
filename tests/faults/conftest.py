"""Fixtures of the tests of faults."""

import pytest

from tests.faults.support import shop_with_a_night


@pytest.fixture
def shop(tmp_path, database_url):
    return shop_with_a_night(tmp_path, database_url)


@pytest.fixture
def sqlite_shop(tmp_path):
    return shop_with_a_night(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}")
