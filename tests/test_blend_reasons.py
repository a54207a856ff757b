"""Why an item is in a list, against scores that are worked out anew without each bought item."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from recommender.learning.als import AlsSettings, train
from recommender.learning.signals import make_signals
from recommender.learning.sizes import WHOLE
from recommender.learning.weights import weights_of
from recommender.ranking import reasons
from recommender.ranking.best import rank
from recommender.ranking.reasons import BUY_AGAIN, MODEL, POPULAR, find_reasons, whitened, without_each
from tests.shops import interactions_of

ALS = AlsSettings(factors=6, regularization=0.5, iterations=10, alpha=4.0, seed=1)
PERSONAL = {"als": 2.5, "neighbours": 1.5}
"""Weights under which popularity says nothing."""


def _solved(item_factors, confidence, regularization):
    """ALS scores of all items for a user with these confidences (0: not bought), by the normal equations."""
    factors = item_factors.astype(float)
    trusted = np.diag(np.where(confidence > 0, confidence, 1))
    system = factors.T @ trusted @ factors + regularization * np.eye(factors.shape[1])
    return factors @ np.linalg.solve(system, factors.T @ confidence)


@pytest.mark.parametrize("length", [1, 5, 6, 7, 15])
@pytest.mark.parametrize("regularization", [0.01, 10.0])
def test_scores_without_each_item_are_those_solved_without_it(length, regularization):
    rng = np.random.default_rng(length)
    items = rng.standard_normal((20, 6)).astype(np.float32)
    history = np.sort(rng.choice(20, length, replace=False)).astype(np.int32)
    confidence = np.zeros(20)
    confidence[history] = rng.uniform(1, 20, length)
    wanted = np.array([3, 8], np.int32)
    scores, drops = without_each(
        whitened(items, regularization), history[None], confidence[history][None], wanted[None]
    )
    with_all = _solved(items, confidence, regularization)
    assert scores[0] == pytest.approx(with_all[wanted], rel=1e-6)
    for place, item in enumerate(history):
        without = np.where(np.arange(20) == item, 0, confidence)
        expected = with_all - _solved(items, without, regularization)
        assert drops[0, place] == pytest.approx(expected[wanted], rel=1e-5, abs=1e-9)


def _shop(n_users=200, n_items=60, seed=3):
    """Two kinds of customers with a taste each, from no purchase to many."""
    rng = np.random.default_rng(seed)
    taste = np.arange(n_items) % 2 == (np.arange(n_users) % 2)[:, None]
    often = np.linspace(0, 0.5, n_users)[:, None] * np.where(taste, 1, 0.15)
    bought = rng.random((n_users, n_items)) < often
    return interactions_of(bought * rng.uniform(0.2, 3, bought.shape))


def _night(weights, *, exclude_seen, shop=None, at_once=WHOLE.numbers):
    shop = shop or _shop()
    signals = make_signals(shop, train(shop, ALS, threads=1), threads=2)
    allowed = np.ones(len(shop.item_ids), bool)
    users = np.arange(len(shop.user_ids))
    lists = rank(signals, weights, users, allowed=allowed, exclude_seen=exclude_seen, n=8, threads=1)
    found = find_reasons(signals, weights, users, lists, allowed=allowed, threads=2, numbers_at_once=at_once)
    return signals, lists, found


def _score(signals, weights, user, item, *, bought, scales):
    """The customer's part of a score, from a row of weights, by the definitions of the signals."""
    als = _solved(signals.item_factors, np.where(bought > 0, 1 + ALS.alpha * bought, 0), ALS.regularization)
    neighbours = bought @ signals.neighbours.toarray()
    own = signals.habit.toarray()[user] * (bought > 0)
    parts = [als[item], neighbours[item], own[item]]
    return sum(
        w * np.sqrt(max(part, 0) / scale) for w, part, scale in zip(weights[:3], parts, scales, strict=True)
    )


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_the_leading_item_is_the_one_whose_removal_lowers_the_score_most(exclude_seen):
    weights = weights_of(PERSONAL if exclude_seen else {**PERSONAL, "habit": 1.0})
    signals, lists, found = _night(weights, exclude_seen=exclude_seen)
    dense = signals.weights.toarray().astype(float)
    right = checked = 0
    kinds = set()
    for user, rank_ in zip(*np.nonzero(lists.items >= 0), strict=True):
        item = int(lists.items[user, rank_])
        history = np.flatnonzero(dense[user])
        if not len(history):
            continue
        scales = lists.scales[:, user]
        without = [
            _score(
                signals,
                weights,
                user,
                item,
                bought=np.where(np.arange(60) == j, 0, dense[user]),
                scales=scales,
            )
            for j in history
        ]
        leading = history[int(np.argmin(without))]
        kind = found.reason[user, rank_]
        kinds.add(int(kind))
        checked += 1
        if kind == POPULAR:
            with_all = _score(signals, weights, user, item, bought=dense[user], scales=scales)
            right += min(without) > with_all - 1e-6
        elif leading == item:
            right += kind == BUY_AGAIN and found.because[user, rank_] == -1
        else:
            right += kind == MODEL and found.because[user, rank_] == leading
    assert checked >= 1000
    assert right >= 0.99 * checked
    assert kinds >= ({MODEL} if exclude_seen else {MODEL, BUY_AGAIN})


def test_what_is_lifted_by_popularity_alone_is_popular():
    _, lists, found = _night(weights_of({"als": 0.01, "ever": 5.0}), exclude_seen=True)
    first = lists.items[:, 0] >= 0
    assert (found.reason[first, 0] == POPULAR).all()
    assert (found.because == -1).all()


def test_a_customer_without_history_is_shown_what_is_popular():
    shop = _shop()
    assert not np.diff(shop.weights.indptr)[0]
    _, lists, found = _night(weights_of({**PERSONAL, "week": 1.0}), exclude_seen=True, shop=shop)
    assert (lists.items[0] >= 0).all()
    assert (found.reason[0] == POPULAR).all()


def test_factors_beside_which_the_regularization_is_lost_have_reasons_too():
    """In 64 bits 3e10 + 1e-6 is 3e10: a Cholesky decomposition of it fails, as all factors are the same."""
    factors = np.full((3, 300), 1e5, np.float32)
    found = whitened(factors, 1e-6)
    assert np.allclose(found @ found.T, np.full((3, 3), 1 / 3), rtol=1e-3)


def test_of_equal_leaders_the_lower_item_counts():
    # Items 1 and 2 were bought by the same customers alike: each leads to item 0 as much as the other.
    pattern = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 1, 1]], float)
    _, lists, found = _night(weights_of({"neighbours": 1}), exclude_seen=True, shop=interactions_of(pattern))
    assert lists.items[3, 0] == 0
    assert found.because[3, 0] == 1


def test_batches_and_threads_change_nothing(monkeypatch):
    _, _, first = _night(weights_of(PERSONAL), exclude_seen=True)
    monkeypatch.setattr(reasons, "_BATCHES_PER_PART", 3)
    _, _, second = _night(weights_of(PERSONAL), exclude_seen=True, at_once=100)
    assert (first.reason == second.reason).all()
    assert (first.because == second.because).all()


def test_a_cell_is_found_wherever_it_stands():
    matrix = csr_matrix(np.array([[0, 2, 0], [0, 0, 0], [5, 0, 7]], np.float32))
    rows, columns = np.divmod(np.arange(9, dtype=np.int32), 3)
    assert reasons._Cells(matrix).find(rows, columns).tolist() == matrix.toarray().ravel().tolist()
    empty = reasons._Cells(csr_matrix(np.zeros((2, 2), np.float32)))
    assert empty.find(rows[:2], columns[:2]).tolist() == [0, 0]
