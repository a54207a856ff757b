"""The signals of the blend against their definitions, worked out densely."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from recommender.learning.als import AlsSettings, fold_in, train
from recommender.learning.habit import decayed_frequency, habits
from recommender.learning.interactions import make_interactions
from recommender.learning.neighbours import (
    VARIANTS,
    NeighbourSettings,
    _InCustomers,
    _InItems,
    learn_neighbours,
)
from recommender.learning.popularity import fans, purchase_days
from recommender.learning.signals import PERSONAL, SIGNALS, make_signals
from recommender.learning.weights import default_weights, free_signals, learn, weights_of
from recommender.ranking import candidates, choices, contenders, scan
from recommender.ranking.best import rank
from recommender.ranking.choices import find_choices
from recommender.system.times import DAY_MICROSECONDS
from tests.shops import interactions_of, sale_lines

ALS = AlsSettings(factors=5, regularization=0.5, iterations=8, alpha=4.0, seed=1)
WEIGHTS = weights_of(
    {
        "als": 2.0,
        "neighbours": 1.5,
        "als_known": -0.6,
        "neighbours_known": 0.8,
        "habit": 1.0,
        "bought": 0.2,
        "often": 0.5,
        "since": -0.3,
        "week": 0.3,
        "ever": -0.2,
        "age": -0.4,
        "quarter": 0.25,
        "year": 0.15,
        "repeats": 0.35,
    }
)


def _bought(purchases, *, idle=1):
    """A shop of purchases (customer, item, day); the idle have bought item 0 and given it back."""
    nobody = [
        (-1 - number, 0, day, quantity) for number in range(idle) for day, quantity in ((0, 1), (0.5, -1))
    ]
    return make_interactions(sale_lines([*purchases, *nobody]), half_life_days=60)


def _shop(n_users=40, n_items=30, seed=0, days=200):
    """Customers from no purchase to many, some of them of one item again and again."""
    rng = np.random.default_rng(seed)
    some = rng.random((n_users, n_items)) < np.linspace(0, 0.6, n_users)[:, None]
    sales = [
        (int(user), int(item), int(day))
        for user, item in zip(*np.nonzero(some), strict=True)
        for day in rng.integers(1, days, rng.choice([1, 1, 2, 5]))
    ]
    silent = [user for user in range(n_users) if not some[user].any()]
    gave_back = [(user, 0, day, quantity) for user in silent for day, quantity in ((0, 1), (0.5, -1))]
    return make_interactions(sale_lines([*sales, *gave_back]), half_life_days=60)


# Item-to-item


def _counts(shop, half_life_days):
    """X of the definition: ln(1 + the decayed count of purchases), purchase by purchase."""
    found = np.zeros(shop.weights.shape)
    purchases = shop.purchases
    for user, item, time in zip(purchases.users, purchases.items, purchases.times, strict=True):
        found[user, item] += 0.5 ** ((shop.newest - time) / DAY_MICROSECONDS / half_life_days)
    return np.log1p(found)


def _strengths(weights, regularization):
    """B of the definition, shape (items, items)."""
    inverse = np.linalg.inv(weights.T @ weights + regularization * np.eye(weights.shape[1]))
    found = -inverse / np.diag(inverse)
    np.fill_diagonal(found, 0)
    return found


def _tolerance(weights, regularization):
    """What 32 bits may take from a score."""
    return 1e-6 * max(1.0, float(weights.max(initial=0))) * (1 + float((weights**2).sum()) / regularization)


PURCHASES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(0, 300)), max_size=40, unique=True
)
SETTINGS = st.builds(
    NeighbourSettings,
    half_life_days=st.sampled_from([10.0, 60.0, 1000.0]),
    regularization=st.sampled_from([0.5, 20.0, 800.0]),
)
"""The shops' customers are fewer than their items; with idle ones they are more."""


@given(purchases=PURCHASES, wanted=SETTINGS, idle=st.sampled_from([1, 12]))
def test_neighbours_are_those_of_the_closed_form_in_either_space(purchases, wanted, idle):
    shop = _bought(purchases, idle=idle)
    weights = _counts(shop, wanted.half_life_days)
    found = learn_neighbours(shop, wanted, threads=2)
    sold = np.flatnonzero(weights.any(axis=0))
    in_customers = len(sold) > max(1, len(shop.user_ids))
    assert isinstance(found, _InCustomers if in_customers else _InItems)
    assert found.items.tolist() == (sold.tolist() if len(sold) > 1 else [])
    assert found.weights.toarray() == pytest.approx(weights, rel=1e-6)
    assert (found.weights.indices == shop.weights.indices).all()
    assert (found.weights.indptr == shop.weights.indptr).all()
    scores = found.scores_of(found.items)(np.arange(len(shop.user_ids)))
    expected = (weights @ _strengths(weights, wanted.regularization))[:, found.items]
    assert scores == pytest.approx(expected, abs=_tolerance(weights, wanted.regularization))


@given(purchases=PURCHASES, wanted=SETTINGS)
def test_customers_who_have_nothing_change_no_neighbours(purchases, wanted):
    """Where they make the customers more than the items, the other space is taken."""
    few, many = (learn_neighbours(_bought(purchases, idle=idle), wanted, threads=1) for idle in (1, 12))
    # The idle are the first, as their keys are the lowest.
    customers = np.arange(1, few.weights.shape[0])
    scores = [found.scores_of(found.items) for found in (few, many)]
    tolerance = _tolerance(few.weights.toarray(), wanted.regularization)
    assert scores[0](customers) == pytest.approx(scores[1](customers + 11), abs=tolerance)


@given(
    purchases=PURCHASES,
    wanted=SETTINGS,
    idle=st.sampled_from([1, 12]),
    data=st.data(),
)
def test_scores_are_the_same_to_the_bit_whatever_is_asked_for_together(purchases, wanted, idle, data):
    found = learn_neighbours(_bought(purchases, idle=idle), wanted, threads=1)
    n_users = found.weights.shape[0]
    every = found.scores_of(found.items)(np.arange(n_users))
    users = np.array(data.draw(st.lists(st.integers(0, n_users - 1), max_size=6)), np.int64)
    places = np.array(sorted(data.draw(st.sets(st.integers(0, max(len(found.items) - 1, 0))))), np.int64)
    places = places[: len(found.items)]
    expected = every[users][:, places]
    assert found.scores_of(found.items[places])(users).tobytes() == expected.tobytes()
    some = found.of(users)
    assert some.scores_of(found.items[places])(np.arange(len(users))).tobytes() == expected.tobytes()


@given(purchases=PURCHASES, wanted=SETTINGS, idle=st.sampled_from([1, 12]))
def test_what_bought_items_add_sums_up_to_the_score(purchases, wanted, idle):
    shop = _bought(purchases, idle=idle)
    found = learn_neighbours(shop, wanted, threads=1)
    weights = _counts(shop, wanted.half_life_days)
    strengths = _strengths(weights, wanted.regularization)
    items = np.arange(len(shop.item_ids), dtype=np.int32)[None]
    tolerance = _tolerance(weights, wanted.regularization)
    for of, customers in ((found, range(len(weights))), (found.of(np.arange(len(weights))[::-1]), None)):
        for row in range(len(weights)):
            user = row if customers is not None else len(weights) - 1 - row
            cells = np.arange(of.weights.indptr[row], of.weights.indptr[row + 1])[None]
            added = of.addends(cells, items)[0]
            history = of.weights.indices[cells[0]]
            assert added == pytest.approx(weights[user, history][:, None] * strengths[history], abs=tolerance)
            total = (weights @ strengths)[user]
            assert added.sum(axis=0) == pytest.approx(total, abs=tolerance)


def test_items_beyond_the_bound_have_no_neighbours_and_those_that_sell_most_have():
    shop, wanted = _shop(), VARIANTS[0]
    weights = _counts(shop, wanted.half_life_days)
    best = np.sort(np.argsort(-weights.sum(axis=0))[:10])
    found = learn_neighbours(shop, wanted, threads=1, most=10)
    assert found.items.tolist() == best.tolist()
    strengths = np.zeros((30, 30))
    strengths[np.ix_(best, best)] = _strengths(weights[:, best], wanted.regularization)
    users = np.arange(40)
    assert found.scores_of(best)(users) == pytest.approx((weights @ strengths)[:, best], abs=1e-6)
    cells = np.arange(*shop.weights.indptr[[39, 40]])[None]
    history = shop.weights.indices[cells[0]]
    assert np.setdiff1d(history, best).size
    added = found.addends(cells, np.arange(30, dtype=np.int32)[None])[0]
    assert added == pytest.approx(weights[39, history][:, None] * strengths[history], abs=1e-7)
    assert not added[:, np.setdiff1d(np.arange(30), best)].any()


def test_of_items_that_sell_the_same_the_first_have_neighbours():
    shop = interactions_of(np.ones((4, 6)))
    assert learn_neighbours(shop, VARIANTS[0], threads=1, most=3).items.tolist() == [0, 1, 2]


@pytest.mark.parametrize("most", [4, 5])
def test_customers_are_the_space_as_long_as_they_are_few_enough(most):
    shop = interactions_of(np.ones((5, 8)))
    found = learn_neighbours(shop, VARIANTS[0], threads=1, most=most)
    assert isinstance(found, _InCustomers if most == 5 else _InItems)
    assert len(found.items) == (8 if most == 5 else 4)


@pytest.mark.parametrize(
    "table", [np.zeros((3, 2)), np.array([[1.0, 0], [2, 0]]), np.array([[1.0]]), np.zeros((0, 0))]
)
def test_an_item_alone_has_no_neighbours(table):
    found = learn_neighbours(interactions_of(table), VARIANTS[0], threads=1)
    n_users, n_items = table.shape
    assert len(found.items) == 0
    assert found.scores_of(found.items)(np.arange(n_users)).shape == (n_users, 0)
    cells = np.zeros((n_users, int(table.any())), np.int64)
    items = np.zeros((n_users, n_items), np.int32)
    added = found.addends(cells, items)
    assert added.shape == (*cells.shape, n_items)
    assert not added.any()


def test_all_items_of_one_customer_are_neighbours():
    shop, wanted = interactions_of([[1, 1, 1, 0]]), VARIANTS[0]
    found = learn_neighbours(shop, wanted, threads=1)
    assert found.items.tolist() == [0, 1, 2]
    # The inverse of x xᵀ + λ I is (I - x xᵀ / (λ + |x|²)) / λ, with x of three times ln 2.
    x = math.log(2) ** 2
    between = x / (wanted.regularization + 2 * x)
    assert found.scores_of(found.items)(np.array([0])) == pytest.approx(
        np.full((1, 3), 2 * between * math.log(2)), rel=1e-4
    )


@pytest.mark.parametrize("n_items", [600, 350])
def test_neighbours_are_the_same_to_the_bit_for_any_threads(n_items):
    rng = np.random.default_rng(1)
    shop = interactions_of(rng.random((400, n_items)) < 0.05)
    one, three = (learn_neighbours(shop, VARIANTS[1], threads=threads) for threads in (1, 3))
    assert isinstance(one, _InCustomers if n_items > 400 else _InItems)
    users = np.arange(400)
    assert one.scores_of(one.items)(users).tobytes() == three.scores_of(three.items)(users).tobytes()
    weights = np.log1p(shop.weights.toarray(), dtype=float)  # all bought once, and now
    expected = weights @ _strengths(weights, VARIANTS[1].regularization)
    assert one.scores_of(one.items)(users) == pytest.approx(expected[:, one.items], abs=2e-6)


# What was bought, and what is popular


def test_habit_is_the_decayed_count_of_purchases():
    shop = interactions_of([[1, 0, 2], [0, 3, 0]], last_day=[180, 0, 360])
    assert decayed_frequency(shop).toarray() == pytest.approx(np.array([[0.5, 0, 0.25], [0, 1, 0]]))
    assert decayed_frequency(shop, half_life_days=90).toarray()[0] == pytest.approx([0.25, 0, 0.0625])


def _days_bought(shop):
    """The days on which each customer bought each item."""
    purchases = shop.purchases
    found: dict[tuple[int, int], set[int]] = {}
    for user, item, time in zip(purchases.users, purchases.items, purchases.times, strict=True):
        found.setdefault((int(user), int(item)), set()).add(int(time) // DAY_MICROSECONDS)
    return found


@pytest.mark.parametrize("seed", [0, 1])
def test_days_bought_days_since_and_the_repeat_share_are_as_defined(seed):
    shop = _shop(seed=seed)
    own, share = habits(shop)
    bought = _days_bought(shop)
    buyers, again = np.zeros((2, len(shop.item_ids)))
    for (user, item), days in bought.items():
        assert own.days[user, item] == len(days)
        assert own.since[user, item] == pytest.approx(shop.newest / DAY_MICROSECONDS - max(days))
        buyers[item] += 1
        again[item] += len(days) > 1
    assert own.days.nnz == own.since.nnz == own.scores.nnz == len(bought)
    mean = again.sum() / buyers.sum()
    assert share == pytest.approx((again + 2 * mean) / (buyers + 2))


def test_an_item_is_bought_again_by_days_not_by_purchases():
    # Two purchases of one day are one need.
    once = make_interactions(sale_lines([(1, 1, 3.2), (1, 1, 3.7), (2, 2, 5)]), half_life_days=60)
    assert habits(once)[1].tolist() == [0, 0]
    twice = make_interactions(sale_lines([(1, 1, 3.7), (1, 1, 4.1), (2, 2, 5)]), half_life_days=60)
    # Of two customers of anything one came back; two more of that kind count for each item.
    assert habits(twice)[1] == pytest.approx([(1 + 2 * 0.5) / 3, (0 + 2 * 0.5) / 3])
    assert habits(interactions_of(np.zeros((1, 2))))[1].tolist() == [0, 0]


@pytest.mark.parametrize("half_life", [7.0, 91.0])
def test_popularity_by_purchase_days_is_as_defined(half_life):
    shop = _shop(days=400)
    expected = np.zeros(len(shop.item_ids))
    latest: dict[tuple[int, int, int], int] = {}
    purchases = shop.purchases
    for user, item, time in zip(purchases.users, purchases.items, purchases.times, strict=True):
        key = int(user), int(item), int(time) // DAY_MICROSECONDS
        latest[key] = min(int(time), latest.get(key, int(time)))
    for (_, item, _), time in latest.items():
        expected[item] += 0.5 ** ((shop.newest - time) / DAY_MICROSECONDS / half_life)
    found = purchase_days(shop, half_life_days=half_life)
    assert found == pytest.approx(expected / expected.sum())
    assert not purchase_days(interactions_of(np.zeros((2, 3))), half_life_days=half_life).any()


def test_who_buys_each_week_counts_each_week_for_purchase_days_and_once_for_fans():
    weekly = [(1, 1, day) for day in range(0, 70, 7)]
    shop = make_interactions(sale_lines([*weekly, (2, 2, 63), (3, 2, 63)]), half_life_days=60)
    assert fans(shop, half_life_days=None) == pytest.approx([1 / 3, 2 / 3])
    assert purchase_days(shop, half_life_days=1e9) == pytest.approx([10 / 12, 2 / 12])


@pytest.mark.parametrize(
    ("days", "known"),
    [(100, ()), (181, ()), (182, ("quarter",)), (729, ("quarter",)), (730, ("quarter", "year"))],
)
def test_a_history_shorter_than_two_half_lives_has_no_quarter_and_no_year(days, known):
    shop = make_interactions(sale_lines([(1, 1, 0), (1, 2, days), (2, 1, days)]), half_life_days=60)
    signals = make_signals(shop, train(shop, ALS, threads=1), VARIANTS[0], threads=1)
    for name in ("quarter", "year"):
        column = signals.statics[:, SIGNALS.index(name) - PERSONAL]
        assert column.any() == (name in known)


# All of them together


def _defined(shop, model, variant, users, allowed, *, exclude_seen):
    """Every signal by its definition, shape (signals, users, items); and who may be shown what."""
    bought = _days_bought(shop)
    n_items = len(shop.item_ids)
    seen = np.zeros(shop.weights.shape, bool)
    days, since = np.zeros((2, *seen.shape))
    for (user, item), on in bought.items():
        seen[user, item] = True
        days[user, item] = len(on)
    for user, item, last in zip(*shop.weights.nonzero(), shop.last_purchase, strict=True):
        since[user, item] = (shop.newest - last) / DAY_MICROSECONDS
    seen, days, since = seen[users], days[users], since[users]
    possible = allowed & ~(seen & exclude_seen)
    factors = np.zeros((n_items, model.item_factors.shape[1]))
    at = model.item_ids.find(shop.item_ids)
    factors[at >= 0] = model.item_factors[at[at >= 0]]
    als = model.user_factors[users].astype(float) @ factors.T
    counts = _counts(shop, variant.half_life_days)
    together = counts[users] @ _strengths(counts, variant.regularization)
    own = seen & (not exclude_seen)
    roots = []
    for plain in (als, together, habits(shop)[0].scores.toarray()[users] * own):
        scores = np.where(possible, np.maximum(plain, 0), 0)
        highest = scores.max(axis=1, keepdims=True)
        roots.append(np.sqrt(scores / np.where(highest > 0, highest, 1)))
    length = seen.sum(axis=1, keepdims=True)
    known = length / (length + 20)
    values = {
        "als": roots[0],
        "neighbours": roots[1],
        "als_known": roots[0] * known,
        "neighbours_known": roots[1] * known,
        "habit": roots[2],
        "bought": own,
        "often": np.log1p(days) * own,
        "since": np.log1p(since) * own,
    }
    debut = np.full(n_items, shop.newest)
    for item in {*shop.purchases.items.tolist()}:
        times = sorted(shop.purchases.times[shop.purchases.items == item])
        debut[item] = times[(len(times) - 1) // 5]  # a fifth of its purchases are before
    for name, half_life in (("week", 7.0), ("month", 30.0), ("ever", None)):
        values[name] = np.log(fans(shop, half_life_days=half_life) + 1e-5)
    values["age"] = np.log1p((shop.newest - debut) / DAY_MICROSECONDS)
    span = (shop.newest - shop.purchases.times.min()) / DAY_MICROSECONDS
    for name, half_life in (("quarter", 91.0), ("year", 365.0)):
        share = purchase_days(shop, half_life_days=half_life)
        values[name] = np.log(share + 1e-5) * (span >= 2 * half_life)
    values["repeats"] = np.log(habits(shop)[1] + 0.02)
    return np.stack([np.broadcast_to(values[name], possible.shape) for name in SIGNALS]), possible


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("known_items", [30, 20])
@pytest.mark.parametrize(("n_users", "days"), [(40, 200), (20, 800)])
def test_lists_are_the_best_under_the_definitions(exclude_seen, known_items, n_users, days):
    shop, variant = _shop(n_users, days=days), VARIANTS[1]
    model = train(shop, ALS, threads=1)
    if known_items < len(shop.item_ids):  # a loaded model that does not know all items
        smaller = interactions_of(shop.weights.toarray()[:, :known_items])
        model = fold_in(train(smaller, ALS, threads=1), shop, threads=1)
    users, allowed = np.arange(0, n_users, 3), np.arange(30) % 4 > 0
    signals = make_signals(shop, model, variant, threads=2)
    found = rank(signals, WEIGHTS, users, allowed=allowed, exclude_seen=exclude_seen, n=6, threads=2)
    values, possible = _defined(shop, model, variant, users, allowed, exclude_seen=exclude_seen)
    scores = np.where(possible, np.tensordot(WEIGHTS, values, axes=1), -np.inf)
    added = WEIGHTS[:PERSONAL, None, None] * values[:PERSONAL]
    parts = np.stack([added[[0, 2]].sum(axis=0), added[[1, 3]].sum(axis=0), added[4:].sum(axis=0)])
    for row in range(len(users)):
        expected = np.argsort(-scores[row], kind="stable")[: min(6, possible[row].sum())]
        listed = found.items[row][found.items[row] >= 0]
        assert len(listed) == len(expected)
        # Scores of 32 bits may swap what is equal in all but the last digits.
        assert scores[row, listed] == pytest.approx(scores[row, expected], abs=1e-3)
        assert found.scores[row, : len(listed)] == pytest.approx(scores[row, listed], abs=1e-3)
        assert found.parts[:, row, : len(listed)] == pytest.approx(parts[:, row, listed], abs=1e-3)


@pytest.mark.parametrize("n_users", [40, 20])
@pytest.mark.parametrize("weights", [WEIGHTS, weights_of({"als": 1}), weights_of({"habit": 1})])
def test_blocks_and_threads_change_nothing(weights, n_users):
    shop = _shop(n_users)
    signals = make_signals(shop, train(shop, ALS, threads=1), VARIANTS[0], threads=2)
    users, allowed = np.arange(n_users), np.ones(30, bool)

    def lists(threads, scores_at_once):
        found = rank(
            signals,
            weights,
            users,
            allowed=allowed,
            exclude_seen=False,
            n=5,
            threads=threads,
            scores_at_once=scores_at_once,
        )
        return found.items.tobytes() + found.scores.tobytes() + found.scales.tobytes()

    assert len({lists(threads, at_once) for threads in (1, 3) for at_once in (1, 100, 1 << 20)}) == 1


def test_some_users_have_the_lists_that_they_have_among_all():
    shop = _shop()
    signals = make_signals(shop, train(shop, ALS, threads=1), VARIANTS[0], threads=2)
    some = np.array([39, 3, 17])
    allowed = np.ones(30, bool)
    among, alone = (
        rank(known, WEIGHTS, users, allowed=allowed, exclude_seen=False, n=5, threads=1)
        for known, users in ((signals, np.arange(40)), (signals.of(some), np.arange(3)))
    )
    assert alone.items.tolist() == among.items[some].tolist()
    assert alone.scores == pytest.approx(among.scores[some], abs=1e-5, nan_ok=True)


def test_a_signal_without_weight_names_nothing():
    shop = _shop()
    signals = make_signals(shop, train(shop, ALS, threads=1), VARIANTS[0], threads=2)
    users, allowed = np.arange(40), np.ones(30, bool)
    nothing = rank(signals, weights_of({}), users, allowed=allowed, exclude_seen=True, n=5, threads=1)
    assert (nothing.items == -1).all()
    own = rank(signals, weights_of({"habit": 1}), users, allowed=allowed, exclude_seen=False, n=30, threads=1)
    bought = np.diff(shop.weights.indptr)
    assert ((own.items >= 0).sum(axis=1) == bought).all()


def test_a_long_list_has_candidates_enough(monkeypatch):
    monkeypatch.setattr(candidates, "NAMED", 2)
    shop = _shop(n_items=60)
    signals = make_signals(shop, train(shop, ALS, threads=1), VARIANTS[0], threads=2)
    users, allowed = np.arange(20, 40), np.ones(60, bool)
    found = rank(signals, weights_of({"als": 1}), users, allowed=allowed, exclude_seen=False, n=12, threads=1)
    positive = (signals.user_factors[users] @ signals.item_factors.T > 0).sum(axis=1)
    assert ((found.items >= 0).sum(axis=1) == np.minimum(positive, 12)).all()


# What the weights are learned from


def _bought_later(shop, users, *, exclude_seen, seed=5):
    """Those of the users who bought something afterwards, and what: new items too."""
    rng = np.random.default_rng(seed)
    later = rng.random((len(users), len(shop.item_ids) + 3)) < 0.1
    if exclude_seen:
        later[:, : len(shop.item_ids)] &= ~(shop.weights.toarray()[users] > 0)
    has = later.any(axis=1)
    return users[has], csr_matrix(later[has])


def _learned_from(n_users, *, exclude_seen, allowed, n=4, n_items=30, threads=2):
    shop = _shop(n_users, n_items)
    users, relevant = _bought_later(shop, np.arange(1, n_users, 2), exclude_seen=exclude_seen)
    model = train(shop, ALS, threads=1)
    signals = make_signals(shop, model, VARIANTS[0], threads=1).of(users)
    other = learn_neighbours(shop, VARIANTS[1], threads=1).of(users)
    prior = default_weights(exclude_seen=exclude_seen)
    free = free_signals(exclude_seen=exclude_seen, habit_in_parts=False)
    found = find_choices(
        signals,
        [other],
        relevant,
        prior,
        free=free,
        allowed=allowed,
        exclude_seen=exclude_seen,
        n=n,
        threads=threads,
    )
    return shop, model, users, relevant, signals, found, learn([found], prior, free=free)


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("n_users", [40, 20])
def test_candidates_have_the_signals_of_the_definitions(exclude_seen, n_users):
    allowed = np.arange(30) % 5 > 0
    shop, model, users, relevant, _, found, _ = _learned_from(
        n_users, exclude_seen=exclude_seen, allowed=allowed
    )
    # In so small a shop all items are popular, so each that may be listed is a candidate.
    values, possible = _defined(shop, model, VARIANTS[0], users, allowed, exclude_seen=exclude_seen)
    others, _ = _defined(shop, model, VARIANTS[1], users, allowed, exclude_seen=exclude_seen)
    bought = relevant.toarray()[:, :30]
    judged = (possible & bought).any(axis=1)
    assert found.judged.tolist() == np.flatnonzero(judged).tolist()
    assert 0 < len(found.judged) <= found.n_judged == len(users)
    assert found.n_bought.tolist() == relevant.toarray().sum(axis=1)[judged].tolist()
    rows, items = np.nonzero(possible & judged[:, None])
    assert found.customers.tolist() == (np.cumsum(judged) - 1)[rows].tolist()
    assert found.bought.tolist() == bought[rows, items].tolist()
    assert found.signals == pytest.approx(values[:, rows, items], abs=1e-3)
    expected = [others[SIGNALS.index(name), rows, items] for name in ("neighbours", "neighbours_known")]
    assert found.other_neighbours == pytest.approx(np.stack(expected), abs=1e-3)
    assert found.named.all()


@pytest.fixture
def few_named(monkeypatch):
    """Bounds so small that a signal names but a few items of a shop."""
    monkeypatch.setattr(candidates, "NAMED", 4)
    monkeypatch.setattr(choices, "_NAMED", 4)
    monkeypatch.setattr(choices, "_LISTABLE", 8)
    for module in (scan, contenders):
        monkeypatch.setattr(module, "STEP", 4)


@pytest.mark.usefixtures("few_named")
@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("n_users", [70, 30])
def test_what_learned_weights_would_list_is_among_the_candidates(exclude_seen, n_users):
    n, allowed = 4, np.arange(60) % 7 > 0
    _, _, users, _, signals, found, weights = _learned_from(
        n_users, exclude_seen=exclude_seen, allowed=allowed, n=n, n_items=60
    )
    assert 0 < np.count_nonzero(~found.named) < len(found.named)
    listed = rank(
        signals,
        weights,
        np.arange(len(users)),
        allowed=allowed,
        exclude_seen=exclude_seen,
        n=n,
        threads=1,
    )
    # What belongs to an item alone tells which one a candidate is.
    known = {tuple(row): item for item, row in enumerate(signals.statics.astype(np.float32).tolist())}
    assert len(known) == 60
    items = np.array([known[tuple(row)] for row in found.signals[PERSONAL:].T.tolist()])
    for customer, judged in enumerate(found.judged.tolist()):
        own = items[found.customers == customer].tolist()
        assert own == sorted({*own})
        assert {*listed.items[judged].tolist()} - {-1} <= {*own}


@pytest.mark.usefixtures("few_named")
def test_candidates_are_the_same_to_the_bit_for_any_threads():
    allowed = np.ones(60, bool)
    one, three = (
        _learned_from(70, exclude_seen=False, allowed=allowed, n_items=60, threads=threads)[5]
        for threads in (1, 3)
    )
    for name in ("customers", "signals", "other_neighbours", "bought", "named", "n_bought", "judged"):
        assert getattr(one, name).tobytes() == getattr(three, name).tobytes()


@settings(max_examples=40)
@given(
    purchases=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 90)), max_size=6),
    exclude_seen=st.booleans(),
    allowed=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_the_smallest_shops_have_signals_and_candidates(purchases, exclude_seen, allowed):
    shop = _bought(purchases)
    signals = make_signals(shop, train(shop, ALS, threads=1), VARIANTS[0], threads=1)
    assert np.isfinite(signals.statics).all()
    n_users, n_items = shop.weights.shape
    relevant = csr_matrix(np.ones((n_users, n_items + 1), bool))
    found = find_choices(
        signals,
        [signals.neighbours],
        relevant,
        default_weights(exclude_seen=exclude_seen),
        free=np.ones(len(SIGNALS), bool),
        allowed=np.array(allowed)[:n_items],
        exclude_seen=exclude_seen,
        n=2,
        threads=1,
    )
    assert np.isfinite(found.signals).all()
    assert np.isfinite(found.ndcg(WEIGHTS, 2)).all()
    same = replace(found, signals=found.by(1).signals)
    assert same.signals == pytest.approx(found.signals, abs=1e-6)
