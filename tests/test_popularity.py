"""Popularity, worked out on paper."""

import numpy as np
import pytest

from recommender.learning.popularity import popularity
from tests.shops import interactions_of


def test_half_all_time_and_half_recent():
    # Item 1: two customers, both 30 days ago. Item 2: one customer, today.
    shop = interactions_of([[9, 0], [1, 1]], last_day=[0, 0, 30])
    assert popularity(shop) == pytest.approx([(2 / 3 + 1 / 2) / 2, (1 / 3 + 1 / 2) / 2])


def test_what_sells_now_overtakes_what_sold_long_ago():
    shop = interactions_of([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]], last_day=[0, 0, 0, 365, 365])
    first, second = popularity(shop)
    assert second > first


def test_the_half_life_is_in_days():
    shop = interactions_of([[1, 0], [0, 1]], last_day=[0, 7])
    assert popularity(shop, recent_half_life_days=7) == pytest.approx(
        [(1 / 2 + 1 / 3) / 2, (1 / 2 + 2 / 3) / 2]
    )


def test_a_customer_counts_once_however_much_is_bought():
    assert popularity(interactions_of([[50, 0], [0, 0.1]])) == pytest.approx([0.5, 0.5])


def test_items_given_back_have_none_and_the_sum_is_one():
    shop = interactions_of([[1, 0, 1], [1, 0, 0]], last_day=[3, 5, 0])
    found = popularity(shop)
    assert found[1] == 0
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize("shape", [(0, 0), (2, 3)])
def test_without_purchases_nothing_is_popular(shape):
    assert popularity(interactions_of(np.zeros(shape))).tolist() == [0] * shape[1]
