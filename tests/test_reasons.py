"""The explaining item, against the definition of the paper by dense algebra."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from recommender import reasons
from recommender.model import AlsSettings, confidences, fold_in, train
from recommender.reasons import because, contributions
from tests.shops import interactions_of


def _defined(item_factors, confidence, item, regularization):
    """Contribution of each item to the score of one: c_uj y_iᵀ W_u y_j, 0 outside the history."""
    factors = item_factors.astype(float)
    trusted = np.diag(np.where(confidence > 0, confidence, 1))
    inverse = np.linalg.inv(factors.T @ trusted @ factors + regularization * np.eye(factors.shape[1]))
    return confidence * (factors @ inverse @ factors[item])


def _case(n_users=30, n_items=20, n_factors=6, seed=1):
    """Histories from none to all items: shorter and longer than the factors are many."""
    rng = np.random.default_rng(seed)
    bought = rng.random((n_users, n_items)) < np.linspace(0, 1, n_users)[:, None]
    confidence = csr_matrix((bought * rng.uniform(1, 20, bought.shape)).astype(np.float32))
    items = rng.standard_normal((n_items, n_factors)).astype(np.float32)
    lists = rng.integers(0, n_items, (n_users, 4)).astype(np.int32)
    lists[rng.random(lists.shape) < 0.2] = -1
    return items, confidence, lists


@pytest.mark.parametrize("regularization", [0.01, 10.0])
def test_the_item_is_the_one_that_the_definition_gives(regularization):
    items, confidence, lists = _case()
    found = because(items, confidence, lists, regularization=regularization, threads=2)
    dense = confidence.toarray().astype(float)
    lengths = (dense > 0).sum(axis=1)
    assert lengths.min() == 0
    assert lengths.max() > items.shape[1]
    for user, row in enumerate(lists.tolist()):
        for rank, item in enumerate(row):
            if item < 0 or not lengths[user]:
                assert found[user, rank] == -1
                continue
            defined = _defined(items, dense[user], item, regularization)
            defined[dense[user] == 0] = -np.inf
            assert found[user, rank] == defined.argmax()


@pytest.mark.parametrize("length", [1, 5, 6, 7, 15])
def test_contributions_are_those_of_the_definition(length):
    items, _, _ = _case()
    rng = np.random.default_rng(length)
    history = np.sort(rng.choice(20, length, replace=False))[None]
    confidence = rng.uniform(1, 20, (1, length)).astype(np.float32)
    found = contributions(reasons._whitened(items, 0.5), history, confidence, np.array([[3, 8]], np.int32))
    dense = np.zeros(20)
    dense[history[0]] = confidence[0]
    for rank, item in enumerate((3, 8)):
        assert found[0, :, rank] == pytest.approx(_defined(items, dense, item, 0.5)[history[0]], rel=1e-9)


def test_contributions_add_up_to_the_score():
    rng = np.random.default_rng(2)
    shop = interactions_of(rng.random((20, 12)) * (rng.random((20, 12)) < 0.4))
    settings = AlsSettings(factors=5, regularization=0.5, iterations=10, alpha=4.0, seed=1)
    model = train(shop, settings, threads=1)
    stranger = interactions_of(shop.weights.toarray()[:1], history=[7])
    folded = fold_in(model, stranger, threads=1)
    cells = confidences(stranger.weights, 4.0)
    items = np.arange(12, dtype=np.int32)[None]
    found = contributions(
        reasons._whitened(model.item_factors, 0.5), cells.indices[None], cells.data[None], items
    )
    scores = folded.user_factors[0] @ model.item_factors.T
    assert found.sum(axis=1)[0] == pytest.approx(scores, rel=1e-4, abs=1e-6)


def test_of_equal_contributions_the_lower_item_counts():
    items = np.array([[0.3, 0.1], [0.7, 0.2], [0.7, 0.2], [0.7, 0.2], [1, 1]], np.float32)
    confidence = csr_matrix(np.array([[0, 3, 3, 0, 0], [0, 3, 0, 3, 0], [9, 3, 3, 0, 0]], np.float32))
    found = because(items, confidence, np.full((3, 1), 4, np.int32), regularization=1.0, threads=1)
    assert found[:2].tolist() == [[1], [1]]


@pytest.mark.parametrize("length", [6, 15])
def test_contributions_equal_but_for_rounding_are_equal(length):
    rng = np.random.default_rng(length)
    # Every item has a twin, in other places of the histories.
    twins = rng.standard_normal((length, 24)).astype(np.float32)
    items = np.vstack([twins, rng.permutation(twins), rng.standard_normal((1, 24))]).astype(np.float32)
    bought = np.full((1, 2 * length + 1), 3, np.float32)
    bought[:, -1] = 0
    lists = np.array([[2 * length]], np.int32)
    for user in rng.standard_normal((50, 24)):
        items[-1] = user
        found = because(items, csr_matrix(bought), lists, regularization=0.3, threads=1)
        assert found[0, 0] < length


def test_the_largest_counts_even_if_none_is_positive():
    items = np.array([[1, 0], [0.5, 0.1], [-1, 0]], np.float32)
    confidence = csr_matrix(np.array([[2, 2, 0]], np.float32))
    assert because(items, confidence, np.array([[2]], np.int32), regularization=1.0, threads=1).tolist() == [
        [1]
    ]


def test_batches_and_threads_change_nothing(monkeypatch):
    items, confidence, lists = _case(n_users=200)
    first = because(items, confidence, lists, regularization=0.1, threads=1)
    monkeypatch.setattr(reasons, "_NUMBERS_AT_ONCE", 100)
    monkeypatch.setattr(reasons, "_BATCHES_PER_PART", 3)
    assert because(items, confidence, lists, regularization=0.1, threads=3).tolist() == first.tolist()


def test_nothing_to_explain_is_no_work():
    items, confidence, lists = _case()
    calls = []
    found = because(
        items,
        confidence,
        np.full_like(lists, -1),
        regularization=1.0,
        threads=1,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert (found == -1).all()
    assert not calls
