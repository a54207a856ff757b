"""The bootstrap: against distributions whose spread is known."""

import math

import numpy as np
import pytest

from recommender.evaluation.bootstrap import difference_interval, interval, intervals, mean_over_windows


def test_a_mean_over_windows_of_means_over_customers():
    values = np.array([[1, 2, 3, np.nan], [np.nan, np.nan, 6, 8], [np.nan] * 4])
    assert mean_over_windows(values) == pytest.approx((2 + 7) / 2)
    assert math.isnan(mean_over_windows(np.full((2, 3), np.nan)))
    assert math.isnan(mean_over_windows(np.empty((2, 0))))


def test_the_interval_of_a_constant_is_the_constant():
    values = np.full((3, 50), 0.25)
    values[0, :20] = np.nan
    assert interval(values, seed=1) == pytest.approx((0.25, 0.25))
    assert difference_interval(values, values, seed=1) == (0, 0)


@pytest.mark.parametrize("values", [np.empty((2, 0)), np.full((2, 3), np.nan)])
def test_without_a_value_there_is_no_interval(values):
    assert all(map(math.isnan, interval(values, seed=1)))
    assert intervals([], seed=1) == []


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).random((2, 300))
    assert interval(values, seed=7) == interval(values, seed=7)
    assert interval(values, seed=7) != interval(values, seed=8)


def test_an_interval_does_not_depend_on_what_else_is_asked():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 3, 100))
    second[:, 50:] = np.nan
    together = intervals([first, second], seed=3)
    for measure, found in zip((first, second), together, strict=True):
        assert found == pytest.approx(interval(measure, seed=3))


def test_the_width_is_that_of_the_normal_distribution():
    # The mean of 2,000 values with deviation 1 is within 1.96 / sqrt(2000) in 95 of 100 cases.
    values = np.random.default_rng(5).standard_normal((1, 2000))
    low, high = interval(values, seed=1, draws=4000)
    spread = 1.96 * values.std() / math.sqrt(2000)
    assert (low, high) == pytest.approx((values.mean() - spread, values.mean() + spread), abs=0.1 * spread)


def test_the_true_mean_is_within_as_often_as_promised():
    rng = np.random.default_rng(11)
    n_inside = 0
    for trial in range(300):
        low, high = interval(rng.normal(3, 1, (1, 80)), seed=trial, draws=400)
        n_inside += low <= 3 <= high
    # 95 of 100 are promised; of 300, a share outside 0.91 to 0.98 would come once in hundreds of tries.
    assert 0.91 <= n_inside / 300 <= 0.98


def test_a_customer_is_drawn_with_all_windows():
    # Two windows that say the same of each customer tell no more than one of them.
    values = np.random.default_rng(2).random((1, 400))
    assert interval(np.vstack([values, values]), seed=4) == pytest.approx(interval(values, seed=4))


def test_paired_differences_are_surer_than_their_sides():
    rng = np.random.default_rng(3)
    ease = rng.random((2, 500))
    better, worse = ease + 0.02 + rng.normal(0, 0.01, (2, 500)), ease
    low, high = difference_interval(better, worse, seed=1)
    assert 0 < low < 0.02 < high
    assert interval(better, seed=1)[0] < interval(worse, seed=1)[1]  # these two overlap
