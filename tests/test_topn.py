"""Exact top-N: on paper, and against all scores in rational numbers."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import csr_matrix

from recommender.errors import ModelError
from recommender.ranking import scan, topn
from recommender.ranking.topn import top_n


def _top(users, items, *, n=3, candidates=None, seen=None, threads=1):
    users, items = np.asarray(users, np.float32), np.asarray(items, np.float32)
    if candidates is None:
        candidates = np.ones(len(items), bool)
    if seen is not None:
        seen = csr_matrix(np.asarray(seen, np.float32))
    return top_n(users, items, candidates=np.asarray(candidates), seen=seen, n=n, threads=threads)


ITEMS = [[1, 0], [0, 2], [3, 1], [0, 0], [-1, 5]]


def test_lists_worked_out_on_paper():
    found, scores = _top([[1, 0], [0, 1], [1, 1]], ITEMS)
    assert found.tolist() == [[2, 0, 1], [4, 1, 2], [2, 4, 1]]
    assert scores.tolist() == [[3, 1, 0], [5, 2, 1], [4, 4, 2]]
    assert (found.dtype, scores.dtype) == (np.int32, np.float64)


def test_equal_scores_are_in_order_of_the_item():
    found, scores = _top([[1, 0]], [[0, 1], [2, 9], [2, 0], [0, 5], [2, 3]], n=5)
    assert found.tolist() == [[1, 2, 4, 0, 3]]
    assert scores.tolist() == [[2, 2, 2, 0, 0]]


def test_items_that_are_no_candidates_are_left_out():
    found, _ = _top([[1, 0]], ITEMS, candidates=[True, True, False, True, False])
    assert found.tolist() == [[0, 1, 3]]


def test_seen_items_are_left_out_for_their_user_only():
    found, _ = _top([[1, 0], [1, 0]], ITEMS, seen=[[0, 0, 1, 0, 0], [0, 0, 0, 0, 0]])
    assert found.tolist() == [[0, 1, 3], [2, 0, 1]]


def test_a_list_is_no_longer_than_its_candidates():
    found, scores = _top(
        [[1, 0], [1, 0]], ITEMS, n=4, candidates=[1, 0, 1, 0, 0], seen=[[0] * 5, [0, 0, 1, 0, 0]]
    )
    assert found.tolist() == [[2, 0, -1, -1], [0, -1, -1, -1]]
    assert np.isnan(scores).tolist() == [[False, False, True, True], [False, True, True, True]]


def test_negative_scores_are_listed_too():
    found, scores = _top([[-1, 0]], [[1, 0], [3, 0], [2, 0]])
    assert found.tolist() == [[0, 2, 1]]
    assert scores.tolist() == [[-1, -2, -3]]


@pytest.mark.parametrize("candidates", [np.zeros(5, bool), None])
def test_users_without_factors_or_candidates_have_empty_lists(candidates):
    found, scores = _top([[0, 0]], ITEMS, candidates=candidates)
    assert found.tolist() == [[-1, -1, -1]]
    assert np.isnan(scores).all()


def test_nobody_has_no_lists():
    assert _top(np.zeros((0, 2)), ITEMS)[0].shape == (0, 3)
    assert _top([[1, 2]], np.zeros((0, 2)))[0].tolist() == [[-1, -1, -1]]


def _exact(users, items, candidates, seen, n):
    """All scores in rational numbers, sorted by score and index."""
    lists = []
    for u, user in enumerate(users.tolist()):
        scores = [
            (-sum(Fraction(x) * Fraction(y) for x, y in zip(user, item, strict=True)), i)
            for i, item in enumerate(items.tolist())
            if candidates[i] and not seen[u, i]
        ]
        ranked = [i for _, i in sorted(scores)[:n]] if any(user) else []
        lists.append(ranked + [-1] * (n - len(ranked)))
    return lists


# Few digits, so that many scores are equal and no sum of products is rounded in 64 bits.
COARSE = st.integers(-8, 8).map(lambda eighths: eighths / 8)


@given(data=st.data(), n=st.integers(1, 6), factors=st.integers(1, 5))
def test_lists_are_exact_whatever_steps_blocks_and_threads(data, n, factors):
    n_users, n_items = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 40))
    users = data.draw(hnp.arrays(np.float32, (n_users, factors), elements=COARSE))
    items = data.draw(hnp.arrays(np.float32, (n_items, factors), elements=COARSE))
    scale = data.draw(hnp.arrays(np.float32, (n_items, 1), elements=st.sampled_from([0.125, 0.5, 1, 4])))
    items = items * scale
    candidates = data.draw(hnp.arrays(bool, n_items))
    seen = data.draw(hnp.arrays(bool, (n_users, n_items), elements=st.sampled_from([False, False, True])))
    expected = _exact(users, items, candidates, seen, n)
    for sizes in ((), ((topn, "_USERS", 2), (scan, "STEP", 3), (scan, "_SET", 2))):
        with pytest.MonkeyPatch.context() as patch:
            for module, name, size in sizes:
                patch.setattr(module, name, size)
            found, _ = _top(users, items, n=n, candidates=candidates, seen=seen, threads=2)
            assert found.tolist() == expected


def _shop(n_users=600, n_items=5000, factors=16):
    """Factors with the falling norms of a real model, large enough for several steps and blocks."""
    rng = np.random.default_rng(3)
    users = rng.standard_normal((n_users, factors)).astype(np.float32)
    items = rng.standard_normal((n_items, factors)) / np.arange(1, n_items + 1)[:, None] ** 0.5
    seen = csr_matrix((rng.random((n_users, n_items)) < 0.01).astype(np.float32))
    return users, rng.permutation(items).astype(np.float32), seen


def test_large_lists_are_those_of_all_scores_and_the_same_bits_for_any_threads(monkeypatch):
    users, items, seen = _shop()
    candidates = np.arange(len(items)) % 10 > 0
    scores = users.astype(float) @ items.T.astype(float)
    scores[:, ~candidates] = -np.inf
    scores[seen.nonzero()] = -np.inf
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    results = []
    for threads, block in ((1, 256), (2, 256), (3, 7)):
        monkeypatch.setattr(topn, "_USERS", block)
        results.append(top_n(users, items, candidates=candidates, seen=seen, n=10, threads=threads))
        assert results[-1][0].tolist() == expected.tolist()
        assert results[-1][1].tobytes() == results[0][1].tobytes()


def test_a_difference_lost_in_32_bits_decides():
    # The scores differ by 2**-30 of their size; a product in 32 bits cannot tell them apart.
    tiny = np.float32(2.0**-30)
    found, scores = _top([[1, 1, 1]], [[1, 0, -tiny], [1, tiny, 0], [1, 0, 0], [0.5, 0, 0]])
    assert found.tolist() == [[1, 2, 0]]
    assert scores[0, 0] > scores[0, 1] > scores[0, 2]


def test_many_scores_that_32_bits_confuse_are_in_exact_order(monkeypatch):
    # Items that differ in the last bits only: a product in 32 bits errs by more than their scores differ.
    rng = np.random.default_rng(5)
    base = rng.uniform(0.5, 1, 16).astype(np.float32)
    items = base + rng.integers(-1, 2, (400, 16)).astype(np.float32) * np.float32(2.0**-23)
    users = rng.uniform(0.5, 1, (20, 16)).astype(np.float32)
    nothing = np.zeros((20, 400), bool)
    monkeypatch.setattr(scan, "STEP", 100)
    expected = _exact(users, items, ~nothing[0], nothing, 5)
    assert np.argsort(-(users @ items.T), axis=1, kind="stable")[:, :5].tolist() != expected
    assert _top(users, items, n=5)[0].tolist() == expected


def test_the_bound_spares_most_of_the_work(monkeypatch):
    users, items, _ = _shop()
    places = []

    class Watched(topn.TopN):
        def __init__(self, *args):
            super().__init__(*args)
            self.factors = self.factors.view(Slices)

    class Slices(np.ndarray):
        def __getitem__(self, key):
            if isinstance(key, slice):
                places.append(key.stop)
            return np.asarray(super().__getitem__(key))

    monkeypatch.setattr(topn, "TopN", Watched)
    top_n(users, items, candidates=np.ones(len(items), bool), seen=None, n=10, threads=1)
    assert 0 < max(places) <= len(items) / 2


@pytest.mark.parametrize("size", [1e20, 3e38])
def test_factors_whose_products_overflow_are_refused(size):
    with pytest.raises(ModelError, match="too large"):
        _top([[size, 0]], [[size, 0]])


def test_the_smallest_factors_are_ranked_all_the_same():
    small = np.float32(1e-30)
    found, _ = _top([[small, 0]], [[small, 0], [2 * small, 0], [0, 0], [-small, 0]], n=4)
    assert found.tolist() == [[1, 0, 2, 3]]


def test_progress_ends_with_all_blocks(monkeypatch):
    monkeypatch.setattr(topn, "_USERS", 2)
    calls = []
    top_n(
        np.ones((5, 2), np.float32),
        np.ones((3, 2), np.float32),
        candidates=np.ones(3, bool),
        seen=None,
        n=1,
        threads=2,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(1, 3), (2, 3), (3, 3)]
