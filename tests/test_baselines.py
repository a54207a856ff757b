"""The methods to compare with: shops whose right lists are known, and a second, slow way to compute them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.evaluation import baselines
from recommender.learning.interactions import make_interactions
from recommender.learning.popularity import popularity
from recommender.ranking import rows
from recommender.ranking.rows import fill
from recommender.system.times import DAY_MICROSECONDS as DAY
from tests.shops import checkerboard, interactions_of, sale_lines


def _everything(shop):
    return np.ones(len(shop.item_ids), bool)


def _everybody(shop):
    return np.arange(len(shop.user_ids))


def _popular(shop, n, *, exclude_seen=True, allowed=None, **options):
    allowed = _everything(shop) if allowed is None else np.array(allowed, bool)
    users = _everybody(shop)
    return baselines.popular(shop, users, n, exclude_seen=exclude_seen, allowed=allowed, **options).tolist()


def _habit(shop, n, *, allowed=None, **options):
    allowed = _everything(shop) if allowed is None else np.array(allowed, bool)
    return baselines.own_habit(shop, _everybody(shop), n, allowed=allowed, **options).tolist()


def test_popular_of_all_time_of_late_and_as_published():
    # Item 0: four customers long ago; 1: two today; 2: one today.
    table = [[1, 0, 0]] * 4 + [[0, 1, 0]] * 2 + [[0, 0, 1], [0, 0, 0]]
    shop = interactions_of(table, last_day=[0] * 4 + [300] * 3)
    assert _popular(shop, 3, recent_share=0)[-1] == [0, 1, 2]
    assert _popular(shop, 3, recent_share=1)[-1] == [1, 2, 0]
    assert _popular(shop, 3)[-1] == np.argsort(-popularity(shop)).tolist()


def test_popular_leaves_out_what_was_bought_and_what_is_not_allowed():
    shop = interactions_of([[1, 1, 0, 0], [1, 0, 0, 1], [1, 1, 1, 0]])
    assert _popular(shop, 2) == [[2, 3], [1, 2], [3, -1]]
    assert _popular(shop, 2, exclude_seen=False) == [[0, 1]] * 3
    assert _popular(shop, 2, allowed=[0, 1, 1, 1]) == [[2, 3], [1, 2], [3, -1]]
    assert _popular(shop, 2, exclude_seen=False, allowed=[0, 1, 1, 0]) == [[1, 2]] * 3
    assert _popular(shop, 2, allowed=[0, 0, 0, 0]) == [[-1, -1]] * 3


def test_the_habit_counts_purchases_fading_with_time():
    # Customer 1: item 10 twice long ago (¼ each, in half-lives of 10 days), 11 once today; 2 has bought 12.
    shop = make_interactions(
        sale_lines([(1, 10, 0), (1, 10, 0.5), (1, 11, 20), (2, 12, 20), (2, 13, 19)]), half_life_days=1
    )
    assert _habit(shop, 2, half_life_days=10) == [[1, 0], [2, 3]]
    assert _habit(shop, 2, half_life_days=1000)[0] == [0, 1]
    # The rest is filled in by popularity: 11 and 12 today, 13, then 10.
    assert _habit(shop, 4, half_life_days=10)[0] == [1, 0, 2, 3]
    assert _habit(shop, 3, allowed=[1, 0, 1, 1], half_life_days=10)[0] == [0, 2, 3]


def test_equal_habits_go_by_popularity():
    shop = interactions_of([[1, 1, 1], [0, 0, 1], [0, 0, 1], [0, 1, 0]])
    assert _habit(shop, 3)[0] == [2, 1, 0]


def test_one_who_gave_all_back_is_shown_what_is_popular():
    shop = make_interactions(sale_lines([(1, 10, 0), (1, 10, 1, -1), (2, 11, 0)]), half_life_days=30)
    assert _habit(shop, 2) == [[1, 0], [1, 0]]


@pytest.mark.parametrize("threads", [1, 2])
def test_what_the_checkerboard_withholds_is_found(threads):
    shop = interactions_of(checkerboard(20))
    options = {"exclude_seen": True, "allowed": _everything(shop), "threads": threads}
    factors = baselines.learn_default_als(shop, seed=1, threads=threads)
    similarities = baselines.learn_similarities(shop, shrinkage=0, threads=threads)
    for lists in (
        baselines.by_factors(factors, shop, _everybody(shop), 1, **options),
        baselines.by_similarity(similarities, shop, _everybody(shop), 1, **options),
    ):
        assert lists[:, 0].tolist() == list(range(20))


def test_similarity_worked_out_on_paper():
    shop = interactions_of([[3, 4, 0], [4, 0, 0], [0, 0, 2]])
    found = baselines.learn_similarities(shop, shrinkage=5, threads=1).toarray()
    # Norms are 5, 4 and 2; the only product of two items is 12.
    assert found == pytest.approx(np.array([[25 / 30, 12 / 25, 0], [12 / 25, 16 / 21, 0], [0, 0, 4 / 9]]))
    assert baselines.learn_similarities(shop, neighbours=1, threads=1).nnz == 3


def test_an_item_like_none_of_the_bought_is_in_no_list():
    shop = interactions_of([[1, 1, 0], [1, 0, 0], [0, 0, 1]])
    similarities = baselines.learn_similarities(shop, threads=1)
    lists = baselines.by_similarity(
        similarities,
        shop,
        _everybody(shop),
        2,
        exclude_seen=True,
        allowed=_everything(shop),
        threads=1,
    )
    assert lists.tolist() == [[-1, -1], [1, -1], [-1, -1]]


@pytest.mark.parametrize("table", [np.zeros((2, 3)), np.zeros((0, 3)), np.zeros((0, 0))])
def test_a_shop_without_purchases_has_lists_all_the_same(table):
    shop = interactions_of(table)
    users, allowed = _everybody(shop), _everything(shop)
    expected = np.arange(len(allowed))[:2].tolist() or [-1, -1]
    assert _popular(shop, 2) == _habit(shop, 2) == [expected] * len(users)
    factors = baselines.learn_default_als(shop, seed=1, threads=1)
    similarities = baselines.learn_similarities(shop, threads=1)
    options = {"exclude_seen": True, "allowed": allowed, "threads": 1}
    for lists in (
        baselines.by_factors(factors, shop, users, 2, **options),
        baselines.by_similarity(similarities, shop, users, 2, **options),
    ):
        assert lists.tolist() == [[-1, -1]] * len(users)


@st.composite
def _shops(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_users, n_items, n_sales = (int(rng.integers(1, high)) for high in (8, 9, 50))
    sales = [
        (int(rng.integers(n_users)), int(rng.integers(n_items)), int(rng.integers(0, 60)))
        for _ in range(n_sales)
    ]
    shop = make_interactions(sale_lines(sales), half_life_days=20)
    users = np.flatnonzero(rng.random(len(shop.user_ids)) < 0.8)
    allowed = rng.random(len(shop.item_ids)) < 0.8
    return shop, users, allowed, int(rng.integers(1, 8)), bool(rng.random() < 0.5)


def _slow(scores, possible, n):
    """The n best possible items, ties in order of the item."""
    best = sorted(np.flatnonzero(possible), key=lambda item: (*scores[item], item))[:n]
    return [*map(int, best), *[-1] * (n - len(best))]


@given(_shops())
def test_a_second_way_gives_the_same_lists(case):
    shop, users, allowed, n, exclude_seen = case
    weights = shop.weights.toarray().astype(float)
    may = np.array([allowed & ~(exclude_seen & (weights[user] > 0)) for user in users])
    popular = popularity(shop)
    by_popularity = [[(-score,) for score in popular]] * len(users)
    options = {"exclude_seen": exclude_seen, "allowed": allowed}
    assert baselines.popular(shop, users, n, **options).tolist() == [
        _slow(scores, row, n) for scores, row in zip(by_popularity, may, strict=True)
    ]

    habit = np.zeros(weights.shape)
    purchases = shop.purchases
    for user, item, time in zip(purchases.users, purchases.items, purchases.times, strict=True):
        habit[user, item] += 2.0 ** ((time - shop.newest) / DAY / 180)
    expected = [_slow([(-h, -p) for h, p in zip(habit[u], popular, strict=True)], allowed, n) for u in users]
    assert baselines.own_habit(shop, users, n, allowed=allowed).tolist() == expected

    products = weights.T @ weights
    norms = np.sqrt(np.diag(products))
    alike = products / (np.outer(norms, norms) + 10)
    similarities = baselines.learn_similarities(shop, threads=1)
    assert similarities.toarray() == pytest.approx(alike)
    scores = (shop.weights[users].astype(float) @ similarities).toarray()
    found = baselines.by_similarity(similarities, shop, users, n, threads=1, **options)
    assert found.tolist() == [
        _slow([(-s,) for s in own], row & (own > 0), n) for own, row in zip(scores, may, strict=True)
    ]
    keep_two = baselines.learn_similarities(shop, neighbours=2, threads=2).toarray()
    for item, row in enumerate(similarities.toarray()):
        nearest = np.flatnonzero(keep_two[item]).tolist()
        assert nearest == sorted(i for i in _slow([(-s,) for s in row], row > 0, 2) if i >= 0)


@given(_shops())
def test_fill_keeps_what_is_listed_and_repeats_nothing(case):
    shop, users, allowed, n, exclude_seen = case
    rng = np.random.default_rng(n)
    lists = np.full((len(users), n), -1, np.int32)
    for row in lists:
        chosen = rng.permutation(len(allowed))[: rng.integers(0, n + 1)]
        row[: len(chosen)] = chosen
    order = rng.permutation(np.flatnonzero(allowed)).astype(np.int32)
    seen = shop.weights[users] if exclude_seen else None
    filled = fill(lists, order, n_items=len(allowed), seen=seen)
    for user, before, after in zip(users, lists.tolist(), filled.tolist(), strict=True):
        listed = [item for item in before if item >= 0]
        own = set(shop.weights[user].indices.tolist()) if exclude_seen else set()
        rest = [item for item in order.tolist() if item not in own and item not in listed]
        expected = (listed + rest)[:n]
        assert after == expected + [-1] * (n - len(expected))


def test_any_number_of_threads_and_blocks_gives_the_same_lists(monkeypatch):
    rng = np.random.default_rng(4)
    shop = interactions_of(rng.random((300, 60)) * (rng.random((300, 60)) < 0.2))
    options = {"exclude_seen": True, "allowed": _everything(shop)}
    results = []
    for threads, cells in ((1, 10**6), (3, 500)):
        monkeypatch.setattr(baselines, "_CELLS", cells)
        monkeypatch.setattr(rows, "_CELLS", cells)
        factors = baselines.learn_default_als(shop, seed=3, threads=threads)
        similarities = baselines.learn_similarities(shop, neighbours=7, threads=threads)
        results.append(
            (
                baselines.by_factors(factors, shop, _everybody(shop), 5, threads=threads, **options).tolist(),
                baselines.by_similarity(
                    similarities, shop, _everybody(shop), 5, threads=threads, **options
                ).tolist(),
                _popular(shop, 5),
            )
        )
    assert results[0] == results[1]
