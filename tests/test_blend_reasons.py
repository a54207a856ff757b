"""Why an item is in a list, against scores that are worked out anew without each bought item."""

import numpy as np
import pytest

from recommender.learning.als import AlsSettings, train
from recommender.learning.interactions import make_interactions
from recommender.learning.neighbours import VARIANTS, NeighbourSettings
from recommender.learning.signals import OWN, SIGNALS, make_signals
from recommender.learning.sizes import WHOLE
from recommender.learning.weights import weights_of
from recommender.ranking import reasons
from recommender.ranking.best import rank
from recommender.ranking.reasons import BUY_AGAIN, MODEL, POPULAR, find_reasons, whitened, without_each
from tests.shops import interactions_of, sale_lines

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
    """Two kinds of customers with a taste each, from no purchase to many, some of an item again and again."""
    rng = np.random.default_rng(seed)
    taste = np.arange(n_items) % 2 == (np.arange(n_users) % 2)[:, None]
    often = np.linspace(0, 0.5, n_users)[:, None] * np.where(taste, 1, 0.15)
    bought = rng.random((n_users, n_items)) < often
    sales = [
        (int(user), int(item), int(day))
        for user, item in zip(*np.nonzero(bought), strict=True)
        for day in rng.integers(1, 150, rng.choice([1, 1, 2, 5]))
    ]
    silent = np.flatnonzero(~bought.any(axis=1)).tolist()
    gave_back = [(user, 0, day, quantity) for user in silent for day, quantity in ((0, 1), (0.5, -1))]
    return make_interactions(sale_lines([*sales, *gave_back]), half_life_days=60)


FIRM = NeighbourSettings(half_life_days=60.0, regularization=5.0)
"""Neighbours of so few purchases are believed at all."""


def _night(weights, *, exclude_seen, shop=None, neighbours=FIRM, at_once=WHOLE.numbers, users=None, n=8):
    shop = shop or _shop()
    signals = make_signals(shop, train(shop, ALS, threads=1), neighbours, threads=2)
    allowed = np.ones(len(shop.item_ids), bool)
    users = np.arange(len(shop.user_ids)) if users is None else users
    lists = rank(signals, weights, users, allowed=allowed, exclude_seen=exclude_seen, n=n, threads=1)
    found = find_reasons(signals, weights, users, lists, allowed=allowed, threads=2, numbers_at_once=at_once)
    return signals, lists, found


def _strengths(counts, regularization):
    """B of item-to-item, in 64 bits."""
    inverse = np.linalg.inv(counts.T @ counts + regularization * np.eye(counts.shape[1]))
    found = -inverse / np.diag(inverse)
    np.fill_diagonal(found, 0)
    return found


class _Worked:
    """The customer's part of a score, by the definitions of the signals."""

    def __init__(self, signals, weights):
        self.signals = signals
        self.weights = dict(zip(SIGNALS, weights.tolist(), strict=True))
        self.own_weights = weights[OWN]
        self.counts = signals.neighbours.weights.toarray().astype(float)
        self.strengths = _strengths(self.counts, FIRM.regularization)
        self.bought = signals.weights.toarray().astype(float)
        habits = signals.habits
        self.own = [matrix.toarray() for matrix in (habits.scores, habits.days, habits.since)]

    def score(self, user, item, *, without, scales):
        """Without one item of the history, or -1.

        How well the customer is known, and what the roots are relative to, stay as they are.
        """
        stays = np.arange(len(self.strengths)) != without
        bought = self.bought[user] * stays
        confidence = np.where(bought > 0, 1 + ALS.alpha * bought, 0)
        plain = (
            _solved(self.signals.item_factors, confidence, ALS.regularization)[item],
            (self.counts[user] * stays) @ self.strengths[:, item],
        )
        length = np.count_nonzero(self.bought[user])
        known = length / (length + 20)
        found = 0.0
        for name, score, scale in zip(("als", "neighbours"), plain, scales[:2], strict=True):
            weight = self.weights[name] + self.weights[f"{name}_known"] * known
            found += weight * np.sqrt(max(score, 0) / scale)
        if bought[item] > 0:
            habit, days, since = (matrix[user, item] for matrix in self.own)
            own = [np.sqrt(habit / scales[2]), 1.0, np.log1p(days), np.log1p(since)]
            found += float(self.own_weights @ own)
        return found


IN_PARTS = {"habit": 1.0, "bought": 0.4, "often": 0.3, "since": -0.25}
KNOWN = {"als": 0.5, "als_known": 3.0, "neighbours": 2.0, "neighbours_known": -1.5}


@pytest.mark.parametrize(
    ("named", "exclude_seen"),
    [
        (PERSONAL, True),
        (KNOWN, True),
        ({"neighbours": 1.0, "neighbours_known": 1.0}, True),
        ({**PERSONAL, "habit": 1.0}, False),
        ({**PERSONAL, **IN_PARTS}, False),
        ({**KNOWN, **IN_PARTS}, False),
    ],
)
@pytest.mark.parametrize("n_users", [200, 50])
def test_the_leading_item_is_the_one_whose_removal_lowers_the_score_most(named, exclude_seen, n_users):
    """With 50 customers of 60 items the neighbours are learned in the customers' space."""
    weights = weights_of(named)
    signals, lists, found = _night(weights, exclude_seen=exclude_seen, shop=_shop(n_users))
    worked = _Worked(signals, weights)
    right = checked = 0
    kinds = set()
    for user, rank_ in zip(*np.nonzero(lists.items >= 0), strict=True):
        item = int(lists.items[user, rank_])
        history = np.flatnonzero(worked.bought[user])
        if not len(history):
            continue
        scales = lists.scales[:, user]
        with_all = worked.score(user, item, without=-1, scales=scales)
        without = np.array([worked.score(user, item, without=j, scales=scales) for j in history])
        reason, because = found.reason[user, rank_], found.because[user, rank_]
        kinds.add(int(reason))
        checked += 1
        # Popularity weighs nothing here: it is why where the customer's signals do not lift the item, or
        # would lift it as well without any item of the history.
        if reason == POPULAR:
            right += with_all < 1e-4 or without.min() > with_all - 1e-4
            continue
        leading = item if reason == BUY_AGAIN else int(because)
        assert (because == -1) == (reason == BUY_AGAIN)
        assert leading in history
        assert (leading == item) == (reason == BUY_AGAIN)
        # In 32 bits what is lowest by a hair may be another one.
        right += without[history == leading][0] <= without.min() + 1e-3
    assert checked >= 3 * n_users
    assert right >= 0.99 * checked
    assert kinds >= ({MODEL} if exclude_seen else {MODEL, BUY_AGAIN})


def test_of_a_block_of_users_each_has_the_reasons_that_are_its_own():
    weights = weights_of({**KNOWN, **IN_PARTS})
    _, _, every = _night(weights, exclude_seen=False, shop=_shop(50))
    some = np.array([49, 7, 30])
    _, _, found = _night(weights, exclude_seen=False, shop=_shop(50), users=some)
    assert found.reason.tolist() == every.reason[some].tolist()
    assert found.because.tolist() == every.because[some].tolist()


def test_what_was_bought_long_ago_can_be_there_in_spite_of_it():
    """Where the own purchase speaks against an item, it is no reason to buy it again."""
    weights = weights_of({**PERSONAL, "since": -3.0})
    signals, lists, found = _night(weights, exclude_seen=False, n=60)
    own = signals.weights.toarray()[np.arange(len(lists.items))[:, None], np.maximum(lists.items, 0)] > 0
    own &= (lists.items >= 0) & (lists.parts[2] < 0)
    assert own.any()
    assert (found.reason[own] != BUY_AGAIN).all()


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_a_shop_of_one_item_has_reasons(exclude_seen):
    shop = interactions_of([[1.0], [0.0]])
    weights = weights_of({**PERSONAL, **IN_PARTS})
    _, lists, found = _night(weights, exclude_seen=exclude_seen, shop=shop, neighbours=VARIANTS[0])
    assert lists.items[0, 0] == (-1 if exclude_seen else 0)
    assert found.reason[0, 0] == (POPULAR if exclude_seen else BUY_AGAIN)


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
