"""The lists of a shop, worked out on paper and by rules that hold for every shop.

The weights are those of ALS alone, so that its scores decide; the other signals have tests of their own.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.learning.als import AlsSettings, Model, fold_in, train
from recommender.learning.neighbours import VARIANTS
from recommender.learning.popularity import popularity
from recommender.learning.signals import make_signals
from recommender.learning.sizes import Blocks
from recommender.learning.weights import weights_of
from recommender.ranking.reasons import REASONS
from recommender.ranking.recommendations import make_lists, top_lists
from recommender.ranking.topn import top_n
from recommender.runs.items import Catalogue
from recommender.runs.keys import Keys
from tests.shops import checkerboard, interactions_of

SETTINGS = AlsSettings(factors=4, regularization=0.5, iterations=8, alpha=5.0, seed=1)
ALS = weights_of({"als": 1})
GUEST = "guest:0123456789abcdef01234567"


def _catalogue(ids, unsellable=()):
    keys = ids if isinstance(ids, Keys) else Keys.of(ids)
    sellable = np.array([keys[i] not in unsellable for i in range(len(keys))], bool)
    return Catalogue(keys, (None,) * len(keys), sellable, None)


def _model(interactions, user_factors, item_factors, items=None):
    users, table = np.asarray(user_factors, np.float32), np.asarray(item_factors, np.float32)
    settings = AlsSettings(factors=table.shape[1], regularization=0.5, iterations=1, alpha=5.0, seed=1)
    keys = items or interactions.item_ids
    return Model(interactions.user_ids, keys, users, table, interactions.history, settings)


def _lists(
    interactions,
    model,
    catalogue,
    *,
    n=3,
    never=(),
    popular=100,
    exclude=True,
    guests=False,
    threads=1,
    at_once=2,
    progress=None,
):
    return make_lists(
        interactions,
        make_signals(interactions, model, VARIANTS[0], threads=2),
        ALS,
        catalogue,
        never=Keys.of(never),
        n=n,
        popular_items=popular,
        exclude_seen=exclude,
        publish_guests=guests,
        threads=threads,
        blocks=Blocks(customers=at_once),
        progress=progress,
    )


def _rows(lists):
    """customer → rows of item, score, reason and because, in order of the position."""
    rows: dict[int | str, list[tuple[object, ...]]] = {}
    for found in lists.recommendations:
        for customer, position, item, score, reason, because in zip(
            found.customer, found.position, found.item, found.score, found.reason, found.because, strict=True
        ):
            own = rows.setdefault(found.customers[int(customer)], [])
            assert position == len(own) + 1
            why = None if because < 0 else found.items[int(because)]
            own.append((found.items[int(item)], float(score), REASONS[reason].value, why))
    return rows


def _items(lists):
    return {customer: [row[0] for row in rows] for customer, rows in _rows(lists).items()}


def _score(relative):
    """The score of an item whose ALS score is this share of the first one's."""
    return round(math.exp(math.sqrt(relative) - 1), 3)


def test_lists_worked_out_on_paper():
    # Customer 1 bought item 1 and has scores for items 2, 3 and 4; nothing is known of customer 2's taste.
    shop = interactions_of([[1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    model = _model(shop, [[1, 0], [0, 0], [0, 1], [0, 1]], [[5, 0], [2, 0.5], [4, 0], [1, 0.25]])
    found = _rows(_lists(shop, model, _catalogue([1, 2, 3, 4, 5, 6])))
    assert found[1] == [(3, 1, "model", 1), (2, _score(0.5), "model", 1), (4, _score(0.25), "model", 1)]
    # All-time and recent popularity are alike here: item 2 has two customers, 1, 3 and 4 have one each.
    assert found[2] == [(1, 1, "popular", None), (4, 1, "popular", None), (5, 0, "new", None)]


def test_popular_items_fill_a_list_below_the_models_last_score():
    # The model knows items 1 to 3 only; 4 is bought by two customers, 5 by one, 6 by nobody.
    shop = interactions_of([[1, 0, 0, 0, 0], [0, 0, 0, 1, 1], [0, 0, 0, 1, 0]])
    model = _model(shop, [[1, 0], [0, 0], [0, 0]], [[5, 0], [4, 0], [2, 0]], items=Keys.of([1, 2, 3]))
    found = _rows(_lists(shop, model, _catalogue(range(1, 7)), n=6))
    assert found[1] == [
        (2, 1, "model", 1),
        (3, _score(0.5), "model", 1),
        (4, _score(0.5), "popular", None),
        (5, 0.373, "popular", None),  # half as many customers as item 4
        (6, 0, "new", None),
    ]


def test_repeats_are_listed_where_they_are_wanted():
    shop = interactions_of([[1, 0], [0, 1]])
    model = _model(shop, [[1, 0], [0, 0]], [[5, 0], [1, 0]])
    found = _items(_lists(shop, model, _catalogue([1, 2]), exclude=False))
    assert found == {1: [1, 2], 2: [1, 2]}


def test_only_sellable_items_that_are_not_on_the_never_list():
    shop = interactions_of([[1, 0, 0, 0], [0, 1, 1, 1]])
    model = _model(shop, [[1, 0], [0, 0]], [[9, 0], [8, 0], [7, 0], [6, 0]])
    # Item 3 is not in the catalogue at all, 2 is not sellable, 5 is on the never-list, as is an unknown item.
    lists = _lists(shop, model, _catalogue([1, 2, 4, 5, 6], unsellable=[2]), never=[5, 99])
    assert _items(lists) == {1: [4, 6], 2: [1, 6]}
    assert _popular(lists) == [(1, 1.0), (4, 1.0), (6, 0.0)]


def _popular(lists):
    found = lists.popular_items
    return [(found.items[int(i)], float(s)) for i, s in zip(found.item, found.score, strict=True)]


def test_visitors_are_shown_what_is_there_when_nothing_that_was_sold_still_is():
    shop = interactions_of([[1, 1]])
    model = _model(shop, [[1, 0]], [[2, 0], [1, 0]])
    assert _popular(_lists(shop, model, _catalogue([7, 8]))) == [(7, 1.0), (8, 0.0)]


def test_items_outside_the_catalogue_still_teach_and_explain():
    shop = interactions_of([[1, 0]], items=Keys.of([70, 80]))
    model = _model(shop, [[1, 0]], [[2, 0], [1, 0]])
    assert _rows(_lists(shop, model, _catalogue([80])))[1] == [(80, 1, "model", 70)]


def test_one_who_may_be_shown_nothing_has_no_rows():
    shop = interactions_of([[1, 1], [1, 0]])
    model = _model(shop, [[1, 0], [1, 0]], [[2, 0], [1, 0]])
    assert _items(_lists(shop, model, _catalogue([1, 2]))) == {2: [2]}
    nothing = _lists(shop, model, _catalogue([]))
    assert _rows(nothing) == {}
    assert _popular(nothing) == []


def test_what_was_given_back_may_be_recommended_and_is_not_new():
    shop = interactions_of([[1, 0], [0, 0]])
    model = _model(shop, [[0, 0], [0, 0]], np.zeros((2, 2)))
    found = _rows(_lists(shop, model, _catalogue([1, 2, 3])))
    assert found[1] == [(2, 1, "popular", None), (3, 0, "new", None)]
    assert found[2] == [(1, 1, "popular", None), (2, 0, "popular", None), (3, 0, "new", None)]


def test_guests_teach_but_have_lists_only_if_wanted():
    shop = interactions_of([[1, 0], [0, 1]], users=Keys.of([5], [GUEST]))
    model = _model(shop, [[0, 0], [0, 0]], np.zeros((2, 2)))
    assert _items(_lists(shop, model, _catalogue([1, 2]))) == {5: [2]}
    assert _items(_lists(shop, model, _catalogue([1, 2]), guests=True)) == {5: [2], GUEST: [1]}


def test_what_the_model_speaks_against_comes_by_its_popularity():
    shop = interactions_of([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1]])
    model = _model(shop, [[1], [0], [0]], [[2], [-1], [1], [-3]])
    rows = _rows(_lists(shop, model, _catalogue([1, 2, 3, 4])))[1]
    assert [(row[0], row[2]) for row in rows] == [(3, "model"), (4, "popular"), (2, "popular")]


def test_the_popular_list_is_cut_and_relative():
    shop = interactions_of([[1, 1, 1], [1, 1, 0], [1, 0, 0]])
    model = _model(shop, np.zeros((3, 2)), np.zeros((3, 2)))
    assert _popular(_lists(shop, model, _catalogue([1, 2, 3, 4]))) == [(1, 1), (2, 0.667), (3, 0.333), (4, 0)]
    assert _popular(_lists(shop, model, _catalogue([1, 2, 3]), popular=2)) == [(1, 1), (2, 0.667)]


def test_the_model_finds_the_withheld_item():
    shop = interactions_of(checkerboard(30))
    settings = AlsSettings(factors=8, regularization=0.1, iterations=15, alpha=5.0, seed=42)
    found = _items(_lists(shop, train(shop, settings, threads=1), _catalogue(range(1, 31)), n=1))
    assert found == {customer: [customer] for customer in range(1, 31)}


def test_text_and_integer_keys_follow_the_canonical_order():
    shop = interactions_of([[1, 0], [0, 1]], users=Keys.of([], ["b", "é"]), items=Keys.of([], ["NA", "z"]))
    model = _model(shop, np.zeros((2, 2)), np.zeros((2, 2)))
    catalogue = _catalogue(Keys.of([], ["NA", "z", "", "é"]))
    assert list(_items(_lists(shop, model, catalogue, n=9)).items()) == [
        ("b", ["z", "", "é"]),
        ("é", ["NA", "", "é"]),
    ]


def test_a_model_of_other_customers_is_refused():
    shop = interactions_of([[1, 0], [0, 1]])
    other = interactions_of([[1, 0]])
    with pytest.raises(ValueError, match="fold them in first"):
        _lists(shop, train(other, SETTINGS, threads=1), _catalogue([1, 2]))


def test_progress_runs_over_both_halves_of_the_work():
    shop = interactions_of(checkerboard(10))
    calls = []
    lists = _lists(
        shop,
        train(shop, SETTINGS, threads=1),
        _catalogue(range(1, 11)),
        at_once=5,
        progress=lambda done, total: calls.append(done / total),
    )
    assert calls == []
    _rows(lists)
    assert calls == [0.25, 0.5, 0.75, 1]


@st.composite
def _shops(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_users, n_items, n_known = rng.integers(1, 12), rng.integers(1, 9), rng.integers(1, 9)
    weights = rng.random((n_users, n_items)) * (rng.random((n_users, n_items)) < rng.random())
    cells = int(np.count_nonzero(weights.astype(np.float32)))
    shop = interactions_of(weights, last_day=rng.integers(0, 90, cells))
    old = interactions_of(rng.random((5, n_known)) * (rng.random((5, n_known)) < 0.5))
    model = fold_in(train(old, SETTINGS, threads=1), shop, threads=1)
    ids = sorted(rng.choice(12, rng.integers(1, 12), replace=False).tolist())
    catalogue = _catalogue(ids, unsellable=[i for i in ids if rng.random() < 0.3])
    return (
        shop,
        model,
        catalogue,
        rng.choice(12, 2).tolist(),
        int(rng.integers(1, 7)),
        bool(rng.random() < 0.5),
    )


@given(_shops())
def test_rules_that_hold_for_every_shop(case):
    shop, model, catalogue, never, n, exclude = case
    rows = _rows(_lists(shop, model, catalogue, never=never, n=n, exclude=exclude))
    keys = catalogue.ids.integers.tolist()
    allowed = {key for key, sellable in zip(keys, catalogue.sellable, strict=True) if sellable} - set(never)
    popular = _popularity_of(shop)
    bought = shop.weights.toarray() > 0
    expected = _by_model(shop, model, allowed, n=n, exclude=exclude)
    for u, customer in enumerate(shop.user_ids.integers.tolist()):
        own = {item for i, item in enumerate(shop.item_ids.integers.tolist()) if bought[u, i]}
        possible = allowed - own if exclude else allowed
        found = rows.get(customer, [])
        items = [row[0] for row in found]
        assert set(items) <= possible
        assert len(set(items)) == len(items) == min(n, len(possible))
        scores = [row[1] for row in found]
        assert scores == sorted(scores, reverse=True)
        assert scores[:1] == [1] * bool(found)
        assert all(score == round(score, 3) and 0 <= score <= 1 for score in scores)
        by_model = expected[u]
        assert items[: len(by_model)] == by_model
        assert all(row[3] in own for row in found if row[2] == "model")
        assert all((row[3] is None) == (row[2] != "model") for row in found)
        # What follows the model: popular first, then what nobody bought, each in a fixed order.
        rest = sorted(possible - set(by_model), key=lambda i: (-popular.get(i, 0), i not in popular, i))
        following = found[len(by_model) :]
        assert [row[0] for row in following] == rest[: len(following)]
        assert all((row[2], row[3]) == ("popular" if row[0] in popular else "new", None) for row in following)


def _popularity_of(shop):
    return dict(zip(shop.item_ids.integers.tolist(), popularity(shop).tolist(), strict=True))


def _by_model(shop, model, allowed, *, n, exclude):
    """The items with the best positive ALS scores, for each user; only items of the window count."""
    known = model.item_ids.integers.tolist()
    columns = model.item_ids.find(shop.item_ids)
    seen = np.zeros((len(shop.user_ids), len(known)), np.float32)
    seen[:, columns[columns >= 0]] = shop.weights.toarray()[:, columns >= 0]
    sold = set(shop.item_ids.integers.tolist())
    items, scores = top_n(
        model.user_factors,
        model.item_factors,
        candidates=np.array([item in allowed & sold for item in known]),
        seen=interactions_of(seen).weights if exclude else None,
        n=n,
        threads=1,
    )
    return [
        [known[i] for i, score in zip(best, values, strict=True) if score > 0]
        for best, values in zip(items.tolist(), scores.tolist(), strict=True)
    ]


def test_past_lists_are_those_of_a_catalogue_of_what_was_sold():
    rng = np.random.default_rng(5)
    shop = interactions_of(rng.random((50, 20)) * (rng.random((50, 20)) < 0.3))
    model = train(shop, SETTINGS, threads=1)
    users = np.arange(0, 50, 7)
    rows = _items(_lists(shop, model, _catalogue(range(1, 21), unsellable=[4]), n=15))
    found = top_lists(
        make_signals(shop, model, VARIANTS[0], threads=2),
        ALS,
        users,
        allowed=np.arange(1, 21) != 4,
        n=15,
        exclude_seen=True,
        threads=2,
    )
    for user, items in zip(users.tolist(), found.tolist(), strict=True):
        assert [item + 1 for item in items if item >= 0] == rows[user + 1]


def test_any_number_of_threads_and_of_customers_at_once_gives_the_same_lists():
    rng = np.random.default_rng(4)
    shop = interactions_of(rng.random((700, 40)) * (rng.random((700, 40)) < 0.2))
    results = []
    for threads, at_once in ((1, 1000), (3, 1000), (2, 97)):
        model = train(shop, SETTINGS, threads=threads)
        lists = _lists(shop, model, _catalogue(range(1, 45)), n=8, threads=threads, at_once=at_once)
        results.append(_rows(lists))
    assert results[0] == results[1] == results[2]
