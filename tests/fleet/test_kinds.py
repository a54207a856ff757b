"""The kinds of small shops that nights once ended for, each with all settings as they come."""

from datetime import UTC, datetime, timedelta

import pytest

from recommender.errors import ExitCode
from tests.nights import Shop, make_shop

pytestmark = pytest.mark.sqlite_proves

_DEFAULTS: dict[str, str | int] = {
    "FACTORS": 64,
    "ITERATIONS": 15,
    "TOP_N": 10,
    "HISTORY_DAYS": 730,
    "NIGHTLY_PROOF": "on",
}


def _ago(days):
    return (datetime.now(UTC) - timedelta(days=days)).date()


def _once():
    """400 customers in 300 days, each of whom came once and bought one thing."""
    return [(n, 100 + (7 * n + n // 30) % 30, _ago(1 + n * 300 // 400)) for n in range(1, 401)]


def _one_came_back():
    return [*_once(), (7, 129, _ago(2))]


def _seasons():
    """Twenty days a year in which all of them buy, and nobody in between."""
    return [
        (n, 100 + (n * k) % 30, _ago(30 + 365 * year + n % 20))
        for year in (0, 1)
        for n in range(1, 60)
        for k in (3, 5)
    ]


def _tourists():
    """Each stays for three days, buys on every one of them, and never comes back."""
    return [(n, 100 + (n + 7 * day) % 30, _ago(1 + 2 * n + day)) for n in range(1, 150) for day in range(3)]


def _long_ago():
    return [(n, 100 + n % 30, _ago(400 + n % 90)) for n in range(1, 100)]


@pytest.mark.parametrize("sales", [_once, _one_came_back, _seasons, _tourists, _long_ago])
def test_a_shop_to_which_hardly_anybody_comes_back_is_served(tmp_path, database_url, sales):
    items = dict.fromkeys(range(100, 130), True)
    shop = make_shop(tmp_path / "shop", database_url, sales(), items, **_DEFAULTS)
    shop.does("init", "--yes")
    for day in (_ago(1), None):
        assert shop.recommend("check").code is ExitCode.DONE
        run = shop.night(day)
        assert all(len(own) == 10 for own in shop.lists().values())
        assert run.manifest.quality["ndcg"] is None or sales is _seasons
    customers = {customer for customer, _, _ in sales()}
    assert {*shop.lists()} == customers
    evaluated = shop.recommend("evaluate")
    assert evaluated.code in (ExitCode.DONE, ExitCode.REFUSED)
    assert "beyond noise" not in evaluated.out or sales is _seasons


@pytest.mark.each_database
def test_a_customer_whose_key_begins_like_a_guests_is_none(tmp_path, database_url):
    """A rollback took the lists of such a customer away."""
    sales = [("guest:someone", "tea", _ago(2)), ("c2", "cup", _ago(3))]
    shop = make_shop(tmp_path / "shop", database_url, sales, {"tea": True, "cup": True, "jug": True})
    shop.does("init", "--yes")
    shop.night(_ago(1))
    shop.night(None)
    before = shop.lists()
    assert len(before["guest:someone"]) == 2
    shop.does("rollback")
    assert shop.lists() == before


@pytest.mark.parametrize("days", [0, 1, 30, 700])
def test_the_smallest_shop_of_all_is_served(tmp_path, database_url, days):
    """One customer, one sale, and one other item that is on sale."""
    shop = make_shop(
        tmp_path / "shop", database_url, [(1, 10, _ago(days + 1))], {10: True, 11: True}, **_DEFAULTS
    )
    shop.does("init", "--yes")
    _is_served(shop)
    shop.execute("UPDATE items SET sellable = 0 WHERE item_id = 10")
    _is_served(shop)


def _is_served(shop: Shop) -> None:
    assert shop.recommend("check").code is ExitCode.DONE
    shop.night(None)
    assert shop.lists() == {1: [11]}
    assert shop.recommend("evaluate").code is ExitCode.REFUSED
