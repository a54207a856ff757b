"""The best of all items, found without weighing each: held against weighing each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import ModelError
from recommender.learning.als import AlsSettings
from recommender.learning.habit import habits
from recommender.learning.neighbours import VARIANTS, learn_neighbours
from recommender.learning.popularity import popularity
from recommender.learning.signals import PERSONAL, SIGNALS, Signals
from recommender.learning.weights import weights_of
from recommender.ranking import candidates, contenders, scan
from recommender.ranking.best import rank
from recommender.ranking.contenders import SPEAKS
from tests.shops import interactions_of

ALS = AlsSettings(factors=6, regularization=0.5, iterations=1, alpha=1.0, seed=1)
USUAL = weights_of({"als": 2.5, "neighbours": 1.8, "week": 0.35, "month": 0.15, "age": -0.45})


def made_up(seed, *, n_users=30, n_items=150, levels=0):
    """Signals of a shop that never was; with `levels`, factors on few of them, so that scores are equal.

    Every other shop's neighbours are learned in the space of its customers, the others' from 20 items.
    """
    return shop_made_up(seed, n_users=n_users, n_items=n_items, levels=levels)[1]


def shop_made_up(seed, *, n_users, n_items, levels=0):
    """Such a shop's interactions and signals."""
    rng = np.random.default_rng(seed)
    bought = rng.random((n_users, n_items)) < rng.uniform(0, 0.2, n_users)[:, None]
    shop = interactions_of(bought * rng.uniform(0.2, 3, bought.shape))
    users, items = (rng.normal(size=(n, ALS.factors)).astype(np.float32) for n in (n_users, n_items))
    if levels:
        users, items = (np.round(factors * levels) / levels for factors in (users, items))
    users[:2] = 0  # who bought nothing that the model knows
    items *= rng.lognormal(0, seed % 4, n_items).astype(np.float32)[
        :, None
    ]  # some norms tower over the others
    items[rng.random(n_items) < 0.1] = 0
    return shop, Signals(
        item_ids=shop.item_ids,
        popularity=popularity(shop),
        weights=shop.weights,
        user_factors=users,
        item_factors=items,
        als=ALS,
        neighbours=learn_neighbours(shop, VARIANTS[0], threads=2, most=40 if seed % 2 else 20),
        habits=habits(shop)[0],
        statics=np.log(rng.uniform(0.001, 1, (n_items, len(SIGNALS) - PERSONAL))),
    )


def every_item_weighed(signals, weights, allowed, *, exclude_seen, n):
    """The lists by their definition: items and scores, -1 and NaN where a list is shorter."""
    seen = signals.weights.toarray() > 0
    als = signals.user_factors.astype(float) @ signals.item_factors.astype(float).T
    near, users = np.zeros_like(als), np.arange(len(als))
    near[:, signals.neighbours.items] = signals.neighbours.scores_of(signals.neighbours.items)(users)
    own = seen & (not exclude_seen)
    may = np.broadcast_to(allowed, als.shape) & ~(seen & exclude_seen)
    roots = []
    for scores in (als, near, signals.habits.scores.toarray() * own):
        plain = np.where(may, np.maximum(scores, 0), 0)
        top = plain.max(axis=1, keepdims=True)
        roots.append(np.sqrt(plain / np.where(top > 0, top, 1)))
    known = signals.known(users)[:, None]
    values = np.stack(
        [
            *roots[:2],
            *(root * known for root in roots[:2]),
            roots[2],
            own,
            np.log1p(signals.habits.days.toarray().astype(float)) * own,
            np.log1p(signals.habits.since.toarray().astype(float)) * own,
        ]
    )
    scores = np.tensordot(weights[:PERSONAL], values, axes=1) + signals.statics @ weights[PERSONAL:]
    if weights[PERSONAL:].any():
        popular = np.zeros(len(allowed), bool)
        popular[candidates.popular_now(signals, allowed, n)] = True
        speaks = (roots[0] >= SPEAKS) | (roots[1] >= SPEAKS) | own | popular
    else:
        speaks = (values[weights[:PERSONAL] != 0] > 0).any(axis=0)
    scores = np.where(may & speaks, scores, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    best = np.take_along_axis(scores, order, axis=1)
    return np.where(best > -np.inf, order, -1), np.where(best > -np.inf, best, np.nan)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Bounds so small that a shop of some items meets all of them."""
    monkeypatch.setattr(candidates, "NAMED", 4)
    for module in (scan, contenders):
        monkeypatch.setattr(module, "STEP", 4)


WEIGHTS = st.one_of(
    st.just(USUAL),
    st.just(weights_of({"als": 1.0})),
    st.just(weights_of({"habit": 1.0})),
    st.just(weights_of({"neighbours": 1.0})),
    st.just(weights_of({"neighbours_known": 1.0, "since": -0.5})),
    st.builds(
        lambda *values: weights_of(dict(zip(SIGNALS, values, strict=True))),
        *[st.sampled_from([-1.0, -0.3, 0.0, 0.5, 2.0])] * len(SIGNALS),
    ),
)


@settings(max_examples=150)
@given(
    shop=st.tuples(st.integers(0, 10_000), st.sampled_from([0, 1])),
    weights=WEIGHTS,
    exclude_seen=st.booleans(),
    n=st.integers(1, 12),
    share=st.sampled_from([1.0, 0.6, 0.05]),
)
def test_lists_are_those_of_weighing_every_item(shop, weights, exclude_seen, n, share):
    seed, levels = shop
    signals = made_up(seed, levels=levels)
    allowed = np.random.default_rng(seed).random(150) < share
    users = np.arange(30)
    found = rank(
        signals,
        weights,
        users,
        allowed=allowed,
        exclude_seen=exclude_seen,
        n=n,
        threads=2,
        scores_at_once=1000,
    )
    if not weights.any():
        assert (found.items == -1).all()
        return
    items, scores = every_item_weighed(signals, weights, allowed, exclude_seen=exclude_seen, n=n)
    assert (found.items >= 0).tolist() == (items >= 0).tolist()
    listed = items >= 0
    assert found.scores[listed] == pytest.approx(scores[listed], abs=1e-6)
    if not levels:
        assert found.items.tolist() == items.tolist()


def test_nothing_allowed_and_nobody_to_list():
    signals = made_up(1)
    nothing, users = np.zeros(150, bool), np.arange(30)
    found = rank(signals, USUAL, users, allowed=nothing, exclude_seen=True, n=5, threads=1)
    assert (found.items == -1).all()
    nobody = rank(signals, USUAL, users[:0], allowed=~nothing, exclude_seen=True, n=5, threads=1)
    assert nobody.items.shape == (0, 5)


def test_the_size_of_blocks_and_steps_changes_nothing(monkeypatch):
    signals, users, allowed = made_up(3), np.arange(30), np.ones(150, bool)

    def lists(scores, step):
        for module in (scan, contenders):
            monkeypatch.setattr(module, "STEP", step)
        found = rank(
            signals,
            USUAL,
            users,
            allowed=allowed,
            exclude_seen=True,
            n=8,
            threads=1,
            scores_at_once=scores,
        )
        return found.items.tobytes() + found.scores.tobytes() + found.scales.tobytes()

    assert len({lists(scores, step) for scores in (1, 1000, 1 << 20) for step in (1, 3, 512)}) == 1


def test_factors_that_overflow_are_refused():
    signals = made_up(1)
    signals.item_factors[:] = 1e20
    signals.user_factors[:] = 1e20
    with pytest.raises(ModelError, match="too large"):
        rank(signals, USUAL, np.arange(30), allowed=np.ones(150, bool), exclude_seen=True, n=5, threads=1)
