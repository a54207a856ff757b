"""The metrics: worked out on paper, laws, and trec_eval of NIST as a second implementation."""

import math

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from recommender.evaluation import metrics


def _case(lists, relevant, n_items=20):
    """Lists as an array, and what is relevant as a matrix."""
    n = max(map(len, lists))
    array = np.array([[*items, *[-1] * (n - len(items))] for items in lists], np.int32).reshape(len(lists), n)
    table = np.zeros((len(lists), n_items), bool)
    for row, items in enumerate(relevant):
        table[row, items] = True
    return array, csr_matrix(table)


SECOND, THIRD = 1 / math.log2(3), 1 / 2


@pytest.mark.parametrize(
    ("items", "relevant", "ndcg", "recall", "hit"),
    [
        ([1, 2, 3], [1, 2, 3], 1, 1, 1),  # perfect
        ([3, 1, 2], [1, 2, 3], 1, 1, 1),  # the order of hits alone does not matter
        ([1, 2, 3], [4], 0, 0, 0),  # no match
        ([4, 1, 5], [1], SECOND, 1, 1),
        ([4, 5, 1], [1], THIRD, 1, 1),
        ([1, 4, 2], [1, 2], (1 + THIRD) / (1 + SECOND), 1, 1),
        ([1, 2, 3], [1, 2, 3, 4, 5], 1, 3 / 5, 1),  # more to find than places
        ([1, 4, 6], [1, 2, 3, 5], 1 / (1 + SECOND + THIRD), 1 / 4, 1),
        ([1, -1, -1], [1], 1, 1, 1),  # shorter lists
        ([1, -1, -1], [1, 2], 1 / (1 + SECOND), 1 / 2, 1),
        ([-1, -1, -1], [1], 0, 0, 0),
        ([1, 2, 3], [], math.nan, math.nan, math.nan),  # nothing to find
        ([-1, -1, -1], [], math.nan, math.nan, math.nan),
    ],
)
def test_values_worked_out_on_paper(items, relevant, ndcg, recall, hit):
    case = _case([items], [relevant])
    assert metrics.ndcg(*case).tolist() == pytest.approx([ndcg], nan_ok=True)
    assert metrics.recall(*case).tolist() == pytest.approx([recall], nan_ok=True)
    assert metrics.hit(*case).tolist() == pytest.approx([hit], nan_ok=True)


def test_items_that_no_list_can_name_count_in_the_ideal():
    # Item 19 is first sold later: the list [1] finds one of two.
    case = _case([[1]], [[1, 19]])
    assert metrics.recall(*case).tolist() == [0.5]
    assert metrics.ndcg(*case).tolist() == [1]  # one place, one hit
    assert metrics.ndcg(*_case([[1, 2]], [[1, 19]])).tolist() == pytest.approx([1 / (1 + SECOND)])


def test_an_empty_place_is_no_item():
    # -1 must not be taken for the last item of the row before.
    case = _case([[0], [-1]], [[19], [1]])
    assert metrics.hits(*case).tolist() == [[False], [False]]


def test_those_with_nothing_to_find_have_no_value():
    values = metrics.ndcg(*_case([[1], [2], [3]], [[1], [], [4]]))
    assert (np.isnan(values).tolist(), values[[0, 2]].tolist()) == ([False, True, False], [1, 0])


def test_coverage_is_the_share_of_the_candidates():
    lists = np.array([[0, 1], [1, -1], [4, 0]])
    candidates = np.array([True, True, True, True, False])
    assert metrics.coverage(lists, candidates) == 2 / 4
    assert metrics.coverage(np.full((2, 2), -1), candidates) == 0
    assert math.isnan(metrics.coverage(lists, np.zeros(5, bool)))


def test_the_share_of_full_lists():
    assert metrics.full_share(np.array([[1, 2], [3, -1], [-1, -1], [0, 1]])) == 0.5
    assert math.isnan(metrics.full_share(np.empty((0, 3), np.int32)))


def test_nobody_at_all():
    case = (np.empty((0, 3), np.int32), csr_matrix(np.empty((0, 5), bool)))
    for values in (metrics.ndcg(*case), metrics.recall(*case), metrics.hit(*case)):
        assert values.tolist() == []


@st.composite
def _cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_users, n_items, n = (int(rng.integers(1, high)) for high in (15, 30, 12))
    lists = np.full((n_users, n), -1, np.int32)
    for row in lists:
        chosen = rng.permutation(n_items)[: rng.integers(0, min(n, n_items) + 1)]
        row[: len(chosen)] = chosen
    return lists, csr_matrix(rng.random((n_users, n_items + 3)) < rng.random() * 0.5)


@given(_cases())
def test_trec_eval_finds_the_same(case):
    lists, relevant = case
    n = lists.shape[1]
    judged = {
        f"u{user}": {f"i{item}": 1 for item in row.indices} for user, row in enumerate(relevant) if row.nnz
    }
    runs = {
        user: {f"i{item}": float(n - rank) for rank, item in enumerate(lists[int(user[1:])]) if item >= 0}
        for user in judged
    }
    measures = {f"ndcg_cut.{n}", f"recall.{n}", f"success.{n}"}
    theirs = pytrec_eval.RelevanceEvaluator(judged, measures).evaluate(runs) if judged else {}
    for name, ours in (
        (f"ndcg_cut_{n}", metrics.ndcg(lists, relevant)),
        (f"recall_{n}", metrics.recall(lists, relevant)),
        (f"success_{n}", metrics.hit(lists, relevant)),
    ):
        # It has no result for a list without any item, which is worth nothing.
        expected = [
            theirs.get(f"u{user}", {}).get(name, 0.0) if f"u{user}" in judged else math.nan
            for user in range(len(lists))
        ]
        assert ours.tolist() == pytest.approx(expected, nan_ok=True, abs=1e-12)


@given(_cases(), st.integers(0, 2**32 - 1))
def test_laws(case, seed):
    lists, relevant = case
    order = np.random.default_rng(seed).permutation(len(lists))
    for measure in (metrics.ndcg, metrics.recall, metrics.hit):
        values = measure(lists, relevant)
        assert np.array_equal(np.isnan(values), np.diff(relevant.indptr) == 0)
        assert ((values >= 0) & (values <= 1) | np.isnan(values)).all()
        assert np.array_equal(measure(lists[order], relevant[order]), values[order], equal_nan=True)
    perfect = np.full(lists.shape, -1, np.int32)
    for row, own in zip(perfect, relevant, strict=True):
        row[: own.nnz] = own.indices[: len(row)]
    values = metrics.ndcg(perfect, relevant)
    assert (values[~np.isnan(values)] == 1).all()
