"""The signals of the blend against their definitions, worked out densely."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.learning import neighbours
from recommender.learning.als import AlsSettings, fold_in, train
from recommender.learning.habit import decayed_frequency, habits
from recommender.learning.popularity import fans
from recommender.learning.signals import PERSONAL, SIGNALS, make_signals
from recommender.learning.weights import weights_of
from recommender.ranking import candidates
from recommender.ranking.best import rank
from recommender.ranking.candidates import CandidateMaker
from tests.shops import interactions_of

ALS = AlsSettings(factors=5, regularization=0.5, iterations=8, alpha=4.0, seed=1)
WEIGHTS = weights_of({"als": 2.0, "neighbours": 1.5, "habit": 1.0, "week": 0.3, "ever": -0.2, "age": -0.4})


def _shop(n_users=40, n_items=30, seed=0):
    rng = np.random.default_rng(seed)
    bought = rng.random((n_users, n_items)) < np.linspace(0, 0.6, n_users)[:, None]
    days = rng.integers(0, 200, int(bought.sum()))
    return interactions_of(bought * rng.uniform(0.2, 3, bought.shape), last_day=days)


def _strengths(weights):
    inverse = np.linalg.inv(weights.T @ weights + neighbours._REGULARIZATION * np.eye(weights.shape[1]))
    found = -inverse / np.diag(inverse)
    np.fill_diagonal(found, 0)
    return np.maximum(found, 0)


def test_neighbours_are_the_positive_weights_of_the_formula():
    weights = _shop().weights
    dense = weights.toarray().astype(float)
    found = neighbours.neighbours(weights, threads=2).toarray()
    assert found == pytest.approx(_strengths(dense), rel=1e-5, abs=1e-9)


def test_only_the_strongest_neighbours_are_kept(monkeypatch):
    monkeypatch.setattr(neighbours, "_KEPT", 4)
    weights = _shop().weights
    found = neighbours.neighbours(weights, threads=2).toarray()
    expected = _strengths(weights.toarray().astype(float))
    bars = np.sort(expected, axis=1)[:, [-4]]
    assert found == pytest.approx(np.where(expected >= bars, expected, 0), rel=1e-5, abs=1e-9)


def test_items_beyond_the_bound_have_no_neighbours_and_those_that_sell_most_have():
    weights = _shop().weights
    total = np.asarray(weights.sum(axis=0)).ravel()
    best = np.sort(np.argsort(-total)[:10])
    found = neighbours.neighbours(weights, threads=1, most_items=10).toarray()
    expected = np.zeros_like(found)
    expected[np.ix_(best, best)] = _strengths(weights.toarray().astype(float)[:, best])
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("table", [np.zeros((3, 2)), np.array([[1.0, 0], [2, 0]]), np.zeros((0, 0))])
def test_an_item_alone_has_no_neighbours(table):
    assert not neighbours.neighbours(interactions_of(table).weights, threads=1).nnz


def test_habit_is_the_decayed_count_of_purchases():
    shop = interactions_of([[1, 0, 2], [0, 3, 0]], last_day=[180, 0, 360])
    assert decayed_frequency(shop).toarray() == pytest.approx(np.array([[0.5, 0, 0.25], [0, 1, 0]]))


def _defined(shop, model, users, allowed, *, exclude_seen):
    """Every signal by its definition, shape (signals, users, items); and who may be shown what."""
    weights = shop.weights.toarray().astype(float)
    seen = weights[users] > 0
    possible = allowed & ~(seen & exclude_seen)
    factors = np.zeros((len(shop.item_ids), model.item_factors.shape[1]))
    at = model.item_ids.find(shop.item_ids)
    factors[at >= 0] = model.item_factors[at[at >= 0]]
    als = model.user_factors[users].astype(float) @ factors.T
    together = weights[users] @ neighbours.neighbours(shop.weights, threads=2).toarray()
    own = habits(shop).toarray()[users] * (not exclude_seen)
    found = np.zeros((len(SIGNALS), *possible.shape))
    for row, plain in enumerate((als, together, own)):
        scores = np.where(possible, np.maximum(plain, 0), 0)
        highest = scores.max(axis=1, keepdims=True)
        found[row] = np.sqrt(scores / np.where(highest > 0, highest, 1))
    debut = np.full(len(shop.item_ids), shop.newest)
    for item in {*shop.purchases.items.tolist()}:
        times = sorted(shop.purchases.times[shop.purchases.items == item])
        debut[item] = times[(len(times) - 1) // 5]  # a fifth of its purchases are before
    for row, days in zip((3, 4, 5), (7.0, 30.0, None), strict=True):
        found[row] = np.log(fans(shop, half_life_days=days) + 1e-5)
    found[6] = np.log1p((shop.newest - debut) / 86400e6)
    return found, possible


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("known_items", [30, 20])
def test_lists_are_the_best_under_the_definitions(exclude_seen, known_items):
    shop = _shop()
    model = train(shop, ALS, threads=1)
    if known_items < len(shop.item_ids):  # a loaded model that does not know all items
        smaller = interactions_of(shop.weights.toarray()[:, :known_items])
        model = fold_in(train(smaller, ALS, threads=1), shop, threads=1)
    users, allowed = np.arange(0, 40, 3), np.arange(30) % 4 > 0
    signals = make_signals(shop, model, threads=2)
    found = rank(signals, WEIGHTS, users, allowed=allowed, exclude_seen=exclude_seen, n=6, threads=2)
    values, possible = _defined(shop, model, users, allowed, exclude_seen=exclude_seen)
    scores = np.where(possible, np.tensordot(WEIGHTS, values, axes=1), -np.inf)
    for row in range(len(users)):
        expected = np.argsort(-scores[row], kind="stable")[: min(6, possible[row].sum())]
        listed = found.items[row][found.items[row] >= 0]
        assert len(listed) == len(expected)
        # Scores of 32 bits may swap what is equal in all but the last digits.
        assert scores[row, listed] == pytest.approx(scores[row, expected], abs=1e-4)
        assert found.scores[row, : len(listed)] == pytest.approx(scores[row, listed], abs=1e-4)
        assert found.parts[:, row, : len(listed)] == pytest.approx(
            WEIGHTS[:PERSONAL, None] * values[:PERSONAL, row, listed], abs=1e-4
        )


@pytest.mark.parametrize("weights", [WEIGHTS, weights_of({"als": 1}), weights_of({"habit": 1})])
def test_blocks_and_threads_change_nothing(monkeypatch, weights):
    shop = _shop()
    signals = make_signals(shop, train(shop, ALS, threads=1), threads=2)
    users, allowed = np.arange(40), np.ones(30, bool)
    one = rank(signals, weights, users, allowed=allowed, exclude_seen=False, n=5, threads=1)
    three = rank(signals, weights, users, allowed=allowed, exclude_seen=False, n=5, threads=3)
    assert one.items.tobytes() == three.items.tobytes()
    assert one.scores.tobytes() == three.scores.tobytes()
    monkeypatch.setattr(candidates, "_CELLS", 100)
    assert (
        rank(signals, weights, users, allowed=allowed, exclude_seen=False, n=5, threads=2).items.tolist()
        == one.items.tolist()
    )


def test_a_signal_without_weight_names_nothing():
    shop = _shop()
    signals = make_signals(shop, train(shop, ALS, threads=1), threads=2)
    users, allowed = np.arange(40), np.ones(30, bool)
    nothing = rank(signals, weights_of({}), users, allowed=allowed, exclude_seen=True, n=5, threads=1)
    assert (nothing.items == -1).all()
    own = rank(signals, weights_of({"habit": 1}), users, allowed=allowed, exclude_seen=False, n=30, threads=1)
    bought = np.diff(shop.weights.indptr)
    assert ((own.items >= 0).sum(axis=1) == bought).all()


@given(st.lists(st.lists(st.integers(0, 5), min_size=12, max_size=12), min_size=1, max_size=4))
def test_the_best_cells_hold_the_highest_of_each_row(table):
    scores = np.array(table, np.float32)
    kept = np.zeros(scores.size, bool)
    kept[candidates._best(scores, 3)] = True
    for row, values in zip(kept.reshape(scores.shape), scores, strict=True):
        assert not row[values == 0].any()
        positive = (values > 0).sum()
        assert row.sum() >= min(3, positive)
        if row.any():
            assert values[row].min() >= np.sort(values)[-3] or row.sum() == positive
            assert not (values[~row] > values[row].min()).any()


def test_candidates_of_a_block_come_in_order_each_once():
    shop = _shop()
    signals = make_signals(shop, train(shop, ALS, threads=1), threads=2)
    maker = CandidateMaker(
        signals,
        np.arange(40),
        allowed=np.ones(30, bool),
        exclude_seen=True,
        n=10,
    )
    first, found = maker.block(0)
    cells = found.rows * 30 + found.items
    assert first == 0
    assert (np.diff(cells) > 0).all()
    assert (shop.weights.toarray()[found.rows, found.items] == 0).all()


def test_a_long_list_has_candidates_enough(monkeypatch):
    monkeypatch.setattr(candidates, "NAMED", 2)
    shop = _shop(n_items=60)
    signals = make_signals(shop, train(shop, ALS, threads=1), threads=2)
    users, allowed = np.arange(20, 40), np.ones(60, bool)
    found = rank(signals, weights_of({"als": 1}), users, allowed=allowed, exclude_seen=False, n=12, threads=1)
    positive = (signals.user_factors[users] @ signals.item_factors.T > 0).sum(axis=1)
    assert ((found.items >= 0).sum(axis=1) == np.minimum(positive, 12)).all()
