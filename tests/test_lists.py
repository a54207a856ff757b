"""The lists beside the recommendations: small shops worked out on paper, and rules for every shop."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from recommender.learning.interactions import Purchases
from recommender.ranking.bought_together import basket_matrix, bought_together, log_likelihood_ratio
from recommender.ranking.buy_again import buy_again
from recommender.ranking.pairs import PairMaker
from recommender.ranking.rows import joined, top_rows
from recommender.ranking.similar_items import similar_items

TODAY = 1000


def lists_of(rows):
    """owner → items in order; positions and scores are looked at on the way."""
    found: dict[int, list[int]] = {}
    last = 1.0
    for owner, position, item, score in zip(rows.owner, rows.position, rows.item, rows.score, strict=True):
        own = found.setdefault(int(owner), [])
        own.append(int(item))
        assert position == len(own)
        assert score == 1 if position == 1 else 0 <= score <= last
        assert round(float(score), 3) == score
        last = score
    assert [*found] == sorted(found)
    assert all(len(set(items)) == len(items) for items in found.values())
    return found


def every(n):
    return np.ones(n, bool)


# Rows


def test_the_best_n_of_each_owner_ties_by_item():
    rows = top_rows(
        np.array([1, 0, 1, 1, 1]), np.array([5, 9, 2, 7, 3]), np.array([2.0, 5.0, 2.0, 4.0, 1.0]), n=3
    )
    assert lists_of(rows) == {0: [9], 1: [7, 2, 5]}
    assert rows.score.tolist() == [1, 1, 0.5, 0.5]


def test_no_parts_are_no_rows():
    assert lists_of(joined([])) == {}


# Buy again


def due(bought, *, users=None, candidates=None, n=10):
    """The lists of purchases given as user, item and day."""
    ordered = sorted(bought)
    user, item, day = (np.array(column) for column in zip(*ordered, strict=True))
    purchases = Purchases(user.astype(np.int32), item.astype(np.int32), day * 86_400_000_000)
    rows = buy_again(
        purchases,
        day,
        today=TODAY,
        users=every(user.max() + 1) if users is None else users,
        candidates=every(item.max() + 1) if candidates is None else candidates,
        n=n,
    )
    return lists_of(rows), rows


def test_what_is_due_comes_before_what_was_bought_as_often_and_is_not():
    """Both items were bought every 30 days; the one is due today, the other was bought 6 days ago."""
    lists, rows = due([(0, 0, d) for d in (876, 906, 936, 994)] + [(0, 1, d) for d in (880, 910, 940, 970)])
    assert lists == {0: [1, 0]}
    assert rows.score[1] < 0.8


def test_what_was_bought_just_now_is_not_due_and_what_is_long_over_neither():
    just_now = [(0, 0, d) for d in (939, 969, 999)]
    long_over = [(1, 1, d) for d in (100, 130, 160)]
    assert due(just_now + long_over)[0] == {}


def test_the_likelihood_worked_out_on_paper():
    """Two items of two purchases, 20 and 80 days apart.

    The geometric mean of the shop's intervals is 40 days. An item's own counts as one against five of the
    shop's: (20 * 40**5)**(1/6) and (80 * 40**5)**(1/6). The expected time is a third of the own and two
    thirds of the item's. All buyers are repeaters, so the shares are alike.
    """
    lists, rows = due([(0, 0, 960), (0, 0, 980), (0, 1, 900), (0, 1, 980)])

    def likelihood(interval):
        typical = math.exp((math.log(interval) + 5 * math.log(40)) / 6)
        expected = (interval + 2 * typical) / 3
        frequency = 2 ** (-20 / 180) + 2 ** (-(20 + interval) / 180)
        return frequency * math.exp(-0.1 * math.log(20 / expected) ** 2) / math.sqrt(expected)

    assert lists == {0: [0, 1]}
    assert rows.score[1] == round(likelihood(80) / likelihood(20), 3)


def test_what_was_bought_once_is_due_only_where_many_come_back_for_it():
    """Five of six come back for item 0; one of six for item 1."""
    habits = [(user, 0, day) for user in range(5) for day in (900, 960)]
    once = [(user, 1, 960) for user in range(5)] + [(6, 1, 900), (6, 1, 960)]
    lists, _ = due([*habits, *once, (5, 0, 960), (5, 1, 960)])
    assert lists[5] == [0]
    assert lists[6] == [1]


def test_two_purchases_of_a_day_are_one():
    assert due([(0, 0, 960), (0, 0, 960)])[0] == {}


def test_due_are_only_candidates_and_only_for_those_who_get_a_list():
    bought = [(user, item, day) for user in (0, 1) for item in (0, 1, 2) for day in (900, 950)]
    lists, _ = due(bought, users=np.array([False, True]), candidates=np.array([True, False, True]))
    assert lists == {1: [0, 2]}
    assert due(bought, n=1)[0] == {0: [0], 1: [0]}


def test_no_purchases_are_no_rows():
    empty = np.empty(0, np.int32)
    purchases = Purchases(empty, empty, empty.astype(np.int64))
    rows = buy_again(purchases, purchases.times, today=TODAY, users=every(0), candidates=every(0), n=3)
    assert lists_of(rows) == {}


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, TODAY)), min_size=1))
def test_what_is_due_was_bought_before(bought):
    lists, _ = due(bought)
    for user, items in lists.items():
        assert set(items) <= {item for buyer, item, _ in bought if buyer == user}


# Pairs


cells = st.lists(st.lists(st.sampled_from([0, 0, 1, 2]), min_size=5, max_size=5), min_size=1, max_size=8)


@given(cells, st.lists(st.booleans(), min_size=5, max_size=5), st.integers(1, 30))
def test_pairs_are_the_dense_products_whatever_the_blocks(table, candidates, most):
    dense = np.array(table, np.float64)
    maker = PairMaker(csr_matrix(dense), np.array(candidates), most_pairs=most)
    parts = [maker.block(number) for number in range(maker.n_blocks)]
    found = {
        (int(i), int(j)): (p, int(c))
        for part in parts
        for i, j, p, c in zip(part.item, part.other, part.product, part.common, strict=True)
    }
    products, common = dense.T @ dense, (dense > 0).T.astype(int) @ (dense > 0)
    assert found == {
        (i, j): (products[i, j], common[i, j])
        for i in range(5)
        for j in range(5)
        if i != j and candidates[j] and common[i, j]
    }
    assert all(len(part.item) <= max(most, 5) for part in parts)


# Similar items


def similar(table, *, candidates=None, n=10, most_items=100):
    weights = csr_matrix(np.array(table, np.float32))
    flags = every(weights.shape[1]) if candidates is None else candidates
    return similar_items(weights, candidates=flags, n=n, threads=2, most_items=most_items)


def test_similar_items_worked_out_on_paper():
    """Items 0 and 1 have the same four customers; 2 has three of them and one more; 3 has two of them.

    With customers of 3, 3, 3, 2 and 1 items each weighing over its root: cosine(0, 1) is 1, shrunk by 4/14;
    cosine(0, 2) shrunk by 3/13; 3 has too few common customers with any.
    """
    table = [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1]]
    rows = similar(table)
    assert lists_of(rows) == {0: [1, 2], 1: [0, 2], 2: [0, 1]}
    squares = 3 / math.sqrt(3)
    cosine = squares / math.sqrt((squares + 1 / math.sqrt(2)) * (squares + 1))
    assert rows.score[1] == round(cosine * (3 / 13) / (4 / 14), 3)


def test_two_common_customers_are_too_few():
    assert lists_of(similar([[1, 1], [1, 1]])) == {}
    assert lists_of(similar([[1, 1], [1, 1], [1, 1]])) == {0: [1], 1: [0]}


def test_what_is_not_sold_any_more_has_a_list_but_is_in_none():
    assert lists_of(similar(np.ones((3, 3)), candidates=np.array([True, True, False]))) == {
        0: [1],
        1: [0],
        2: [0, 1],
    }


def test_of_a_heavy_buyer_the_greatest_weights_count():
    """Each customer's third item weighs least."""
    table = [[3, 2, 1], [3, 2, 1], [3, 2, 1]]
    assert lists_of(similar(table, most_items=2)) == {0: [1], 1: [0]}
    assert set(lists_of(similar(table))) == {0, 1, 2}


def test_a_weight_of_nothing_is_no_customer():
    weights = csr_matrix(np.ones((3, 2), np.float32))
    weights.data[0] = 0
    assert lists_of(similar_items(weights, candidates=every(2), n=3, threads=1)) == {}


@given(cells, st.permutations(range(5)))
def test_other_keys_of_the_items_give_the_same_similarities(table, order):
    """Up to ties, which go by the key: so scores are compared."""
    dense = np.array(table * 3)
    here, there = similar(dense), similar(dense[:, order])
    for item in range(5):
        assert here.score[here.owner == order[item]].tolist() == there.score[there.owner == item].tolist()


# Bought together


def together(baskets, n_items, *, candidates=None, n=10, most_items=100):
    lines = [(number, item) for number, items in enumerate(baskets) for item in items]
    basket, item = (np.array(column) for column in zip(*lines, strict=True))
    flags = every(n_items) if candidates is None else candidates
    cells = basket_matrix(
        basket.astype(np.int64), item.astype(np.int32), n_items=n_items, most_items=most_items
    )
    return bought_together(cells, candidates=flags, n=n, threads=2)


def test_the_ratio_worked_out_on_paper():
    """Dunning's table of all in the diagonal: 2 (N ln N - 10 ln 10 - 90 ln 90); of independent items: 0."""
    found = log_likelihood_ratio(np.array([10, 1]), np.array([10, 10]), np.array([10, 10]), 100)
    bound = 2 * (100 * math.log(100) - 10 * math.log(10) - 90 * math.log(90))
    assert found == pytest.approx([bound, 0], abs=1e-9)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 1000))
def test_the_ratio_is_the_one_of_the_sum_over_cells(both, one, other, neither):
    total = both + one + other + neither
    counts = np.array([[both, one], [other, neither]], np.float64)
    expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / max(total, 1)
    filled = counts > 0
    by_hand = 2 * (counts[filled] * np.log(counts[filled] / expected[filled])).sum()
    found = log_likelihood_ratio(np.array([both]), np.array([both + one]), np.array([both + other]), total)
    assert found[0] == pytest.approx(by_hand, abs=1e-6)


def test_what_everybody_buys_goes_with_nothing():
    """Item 0 is in every basket; 1 and 2 always come together, in ten of a hundred."""
    rows = together([[0, 1, 2]] * 10 + [[0, 3]] * 90, 4)
    assert lists_of(rows) == {1: [2], 2: [1]}


def test_thin_evidence_says_nothing():
    """Two common baskets of ten thousand would be significant, but they are only two."""
    others = [[9]] * 10_000
    assert lists_of(together([[1, 2]] * 2 + others, 10)) == {}
    assert lists_of(together([[1, 2]] * 3 + others, 10)) == {1: [2], 2: [1]}


def test_items_that_avoid_each_other_are_not_bought_together():
    """Three common baskets, but by chance there would be fifty."""
    assert lists_of(together([[0]] * 97 + [[1]] * 97 + [[0, 1]] * 3, 2)) == {}


def test_an_item_twice_in_a_basket_is_there_once():
    once, twice = [[1, 2]] * 5 + [[0]] * 50, [[1, 2, 2, 1]] * 5 + [[0, 0]] * 50
    assert together(once, 3).score.tolist() == together(twice, 3).score.tolist()


def test_a_stock_order_is_no_basket():
    baskets = [[0, 1]] * 5 + [[2]] * 50 + [[0, 1, 2]] * 20
    assert lists_of(together(baskets, 3, most_items=2)) == {0: [1], 1: [0]}


def test_what_may_not_be_sold_is_bought_together_with_nothing_but_has_a_list():
    rows = together([[0, 1]] * 5 + [[2]] * 50, 3, candidates=np.array([True, False, True]))
    assert lists_of(rows) == {1: [0]}


def test_baskets_may_have_numbers_of_any_size():
    items = np.array([0, 1] * 5 + [2] * 10, np.int32)
    small = np.append(np.repeat(np.arange(5), 2), np.arange(5, 15))
    for baskets in (small, small << 59):
        cells = basket_matrix(baskets, items, n_items=3)
        assert lists_of(bought_together(cells, candidates=every(3), n=3, threads=1)) == {0: [1], 1: [0]}


def test_no_baskets_are_no_rows():
    empty = np.empty(0, np.int64)
    cells = basket_matrix(empty, empty.astype(np.int32), n_items=3)
    assert lists_of(bought_together(cells, candidates=every(3), n=3, threads=1)) == {}


@given(st.lists(st.sets(st.integers(0, 5), min_size=1), min_size=1, max_size=20), st.randoms())
def test_the_order_of_the_lines_does_not_matter(baskets, chance):
    lines = [(number, item) for number, items in enumerate(baskets * 4) for item in items]
    found = []
    for _ in range(2):
        basket, item = (np.array(column) for column in zip(*lines, strict=True))
        cells = basket_matrix(basket * 7, item.astype(np.int32), n_items=6)
        rows = bought_together(cells, candidates=every(6), n=4, threads=1)
        lists_of(rows)
        found.append((rows.owner.tolist(), rows.item.tolist(), rows.score.tolist()))
        chance.shuffle(lines)
    assert found[0] == found[1]
