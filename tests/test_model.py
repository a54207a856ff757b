"""Training and fold-in, on shops whose right answers are known."""

import dataclasses
import logging

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from implicit.recommender_base import ModelFitError
from threadpoolctl import threadpool_info, threadpool_limits

from recommender.errors import ModelError
from recommender.learning.als import AlsSettings, Model, confidences, fold_in, known_weights, train
from recommender.runs.keys import Keys
from tests.shops import checkerboard, interactions_of

SETTINGS = AlsSettings(factors=8, regularization=0.1, iterations=15, alpha=5.0, seed=42)


def _random_shop(seed=1, users=60, items=25):
    rng = np.random.default_rng(seed)
    return interactions_of(rng.random((users, items)) * (rng.random((users, items)) < 0.2))


def _best_unseen(model, interactions):
    scores = model.user_factors @ model.item_factors.T
    scores[interactions.weights.toarray() > 0] = -np.inf
    return scores.argmax(axis=1)


def test_training_finds_the_withheld_item():
    shop = interactions_of(checkerboard(40))
    model = train(shop, SETTINGS, threads=1)
    assert _best_unseen(model, shop).tolist() == list(range(40))


def test_fold_in_of_unknown_customers_finds_the_withheld_item():
    board = checkerboard(40)
    model = train(interactions_of(board), SETTINGS, threads=1)
    strangers = interactions_of(board, users=Keys.of(range(101, 141)))
    folded = fold_in(model, strangers, threads=1)
    assert _best_unseen(folded, strangers).tolist() == list(range(40))


def test_training_minimises_the_loss_of_the_paper():
    """After the last half-step each item's factors solve its equations (nearly: by conjugate gradient)."""
    shop = _random_shop()
    settings = AlsSettings(factors=6, regularization=1.0, iterations=60, alpha=5.0, seed=1)
    model = train(shop, settings, threads=1)
    weights = shop.weights.toarray().astype(float)
    users = model.user_factors.astype(float)
    for item in range(weights.shape[1]):
        confidence = np.diag(1 + 5.0 * weights[:, item])
        preference = (weights[:, item] > 0).astype(float)
        left = users.T @ confidence @ users + 1.0 * np.eye(6)
        exact = np.linalg.solve(left, users.T @ confidence @ preference)
        assert model.item_factors[item] == pytest.approx(exact, abs=1e-3)


def test_a_purchase_is_always_trusted_more_than_none():
    shop = interactions_of([[0.001, 0, 2]])
    assert confidences(shop.weights, 10.0).toarray() == pytest.approx(np.array([[1.01, 0, 21]]))


def test_any_number_of_threads_gives_the_same_bits():
    shop = _random_shop()
    with threadpool_limits(4, "blas"):  # as most people have it
        first, second = (train(shop, SETTINGS, threads=threads) for threads in (1, 3))
    assert first.user_factors.tobytes() == second.user_factors.tobytes()
    assert first.item_factors.tobytes() == second.item_factors.tobytes()
    changed = interactions_of(_random_shop(seed=2).weights.toarray())
    first, second = (fold_in(first, changed, threads=threads) for threads in (1, 3))
    assert first.user_factors.tobytes() == second.user_factors.tobytes()


def test_another_seed_gives_another_model():
    shop = _random_shop()
    other = AlsSettings(factors=8, regularization=0.1, iterations=15, alpha=5.0, seed=43)
    assert (train(shop, SETTINGS, threads=1).user_factors != train(shop, other, threads=1).user_factors).any()


def test_blas_has_one_thread_while_training(monkeypatch):
    seen: list[int] = []

    def watch(self, *args, **kwargs):
        seen.extend(api["num_threads"] for api in threadpool_info() if api["user_api"] == "blas")
        return fit(self, *args, **kwargs)

    fit = AlternatingLeastSquares.fit
    monkeypatch.setattr(AlternatingLeastSquares, "fit", watch)
    with threadpool_limits(4, "blas"):
        train(_random_shop(), SETTINGS, threads=1)
    assert set(seen) == {1}


def test_progress_counts_iterations_and_may_stop_them():
    calls = []

    def progress(done, total):
        calls.append((done, total))
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(_random_shop(), SETTINGS, threads=1, progress=progress)
    assert calls == [(1, 15), (2, 15), (3, 15)]


@pytest.mark.parametrize("weights", [[[1]], [[0.001]], [[1, 1]], [[1], [0]], [[0, 0], [0, 0]], [[0]]])
def test_the_smallest_shops_have_finite_factors(weights):
    shop = interactions_of(weights)
    model = train(
        shop, AlsSettings(factors=64, regularization=10.0, iterations=15, alpha=10.0, seed=42), threads=1
    )
    assert model.user_factors.shape == (*np.shape(weights)[:1], 64)
    assert model.item_factors.shape == (*np.shape(weights)[1:], 64)
    assert np.isfinite(model.user_factors).all()
    assert np.isfinite(model.item_factors).all()
    bought = np.asarray(weights).any(axis=1)
    assert model.user_factors.any(axis=1).tolist() == bought.tolist()
    assert fold_in(model, shop, threads=1).user_factors.tobytes() == model.user_factors.tobytes()


def test_a_shop_without_sales_has_an_empty_model():
    model = train(interactions_of(np.zeros((0, 0))), SETTINGS, threads=1)
    assert model.user_factors.shape == (0, 8)
    assert model.item_factors.shape == (0, 8)


def test_unchanged_customers_keep_their_factors_bit_for_bit():
    shop = _random_shop()
    model = train(shop, SETTINGS, threads=1)
    weights = shop.weights.toarray() * 0.9  # a day later everything counts less
    later = interactions_of(weights, history=shop.history)
    assert fold_in(model, later, threads=1).user_factors.tobytes() == model.user_factors.tobytes()


def test_changed_and_new_customers_solve_the_equations_of_the_paper():
    shop = _random_shop()
    model = train(shop, SETTINGS, threads=1)
    weights = np.vstack([shop.weights.toarray(), np.eye(1, 25, 3)])
    weights[7, [2, 4]] = [1.5, 0.25]
    folded = fold_in(
        model, interactions_of(weights, history=[*shop.history[:7], 5, *shop.history[8:], 6]), threads=1
    )
    items = model.item_factors.astype(float)
    for user in (7, 60):
        confidence = np.diag(1 + 5.0 * weights[user])
        left = items.T @ confidence @ items + 0.1 * np.eye(8)
        exact = np.linalg.solve(left, items.T @ confidence @ (weights[user] > 0))
        assert folded.user_factors[user] == pytest.approx(exact, rel=1e-3, abs=1e-5)
    others = np.delete(np.arange(60), 7)
    assert folded.user_factors[others].tobytes() == model.user_factors[others].tobytes()


def test_fold_in_follows_keys_when_customers_and_items_come_and_go(caplog):
    shop = _random_shop()
    model = train(shop, SETTINGS, threads=1)
    # Customer 1 is gone, customer 100 is new; item 2 is gone, items 0 and 50 are new.
    old = shop.weights.toarray()[1:]
    weights = np.zeros((60, 26), np.float32)
    weights[:59, 1] = old[:, 0]
    weights[:59, 2:25] = old[:, 2:]
    weights[59, [0, 3, 25]] = [1, 1, 1]
    keys = Keys.of([0, 1, *range(3, 26), 50])
    unsold = old[:, 1] == 0  # these histories did not change
    history = [*np.where(unsold, shop.history[1:], 9), 9]
    later = interactions_of(weights, users=Keys.of([*range(2, 61), 100]), items=keys, history=history)
    with caplog.at_level(logging.INFO):
        folded = fold_in(model, later, threads=1)
    assert folded.user_ids == later.user_ids
    assert folded.item_ids == model.item_ids
    assert folded.item_factors is model.item_factors
    assert folded.history.tolist() == later.history.tolist()
    assert folded.user_factors[:59][unsold].tobytes() == model.user_factors[1:][unsold].tobytes()
    assert [keys[i] for i in model.unknown_items(later)] == [0, 50]
    assert "2 items are unknown" in caplog.text
    alone = fold_in(model, interactions_of(np.eye(1, 25, 3), history=[1]), threads=1)
    # Item 4 is the only one of customer 100 that the model knows.
    assert folded.user_factors[59].tobytes() == alone.user_factors[0].tobytes()


def test_a_customer_of_unknown_items_has_zeros():
    model = train(_random_shop(), SETTINGS, threads=1)
    strange = interactions_of([[1, 1], [0, 0]], items=Keys.of([70, 71]))
    assert not fold_in(model, strange, threads=1).user_factors.any()


def test_known_weights_have_the_columns_of_the_model():
    model = Model(
        Keys.of([1]),
        Keys.of([2, 4], ["a"]),
        np.zeros((1, 8), "f4"),
        np.zeros((3, 8), "f4"),
        np.zeros(1, "u8"),
        SETTINGS,
    )
    shop = interactions_of([[1, 2, 3, 4], [0, 5, 6, 0]], items=Keys.of([1, 2, 3], ["a"]))
    found = known_weights(model, shop)
    assert found.toarray().tolist() == [[2, 0, 4], [5, 0, 0]]
    assert found.has_sorted_indices


def test_a_training_that_fails_says_what_to_change(monkeypatch):
    def fail(*_, **__):
        raise ModelFitError("NaN encountered in factors")

    monkeypatch.setattr(AlternatingLeastSquares, "fit", fail)
    with pytest.raises(ModelError, match=r"NaN encountered in factors. Raise REGULARIZATION"):
        train(_random_shop(), SETTINGS, threads=1)


@pytest.mark.parametrize(("regularization", "alpha"), [(1e-6, 1e-3), (1e-6, 1e6), (1e-3, 1e6)])
@pytest.mark.parametrize("factors", [2, 64])
def test_where_rounding_ruins_the_factors_more_regularization_saves_them(regularization, alpha, factors):
    settings = dataclasses.replace(SETTINGS, regularization=regularization, alpha=alpha, factors=factors)
    for seed in range(30):
        chance = np.random.default_rng(seed)
        weights = chance.integers(0, 2, (3, 4)) * chance.random((3, 4))
        model = train(interactions_of(weights), settings, threads=1)
        scores = model.user_factors @ model.item_factors.T
        assert np.isfinite(scores).all()
        assert abs(scores).max(initial=0) < 1e6
        assert model.settings.regularization >= regularization
        assert dataclasses.replace(model.settings, regularization=regularization) == settings


def test_equations_without_a_unique_solution_say_what_to_change():
    settings = AlsSettings(factors=8, regularization=0.0, iterations=1, alpha=1.0, seed=1)
    model = Model(
        Keys.of([1]), Keys.of([1]), np.ones((1, 8), "f4"), np.zeros((1, 8), "f4"), np.zeros(1, "u8"), settings
    )
    with pytest.raises(ModelError, match="Raise REGULARIZATION"):
        fold_in(model, interactions_of([[1]], history=[7]), threads=1)
