"""The split by time: laws, and a shop small enough to see through."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.evaluation.split import Task, time_split, windows
from recommender.learning.interactions import make_interactions
from recommender.system.times import DAY_MICROSECONDS as DAY
from tests.shops import sale_lines

GUEST = "guest:0123456789abcdef01234567"


def _split(sales, *, cut, end, **options):
    return time_split(sale_lines(sales), cut=cut * DAY, end=end * DAY, half_life_days=30, **options)


def _found(split, task=Task.ALL):
    """customer → items to be found, and how many are among the unknown ones."""
    train, relevant = split.train, split.relevant_in(task).toarray()
    n_items = len(train.item_ids)
    return {
        train.user_ids[int(user)]: (
            [train.item_ids[int(i)] for i in np.flatnonzero(row[:n_items])],
            int(row[n_items:].sum()),
        )
        for user, row in zip(split.users, relevant, strict=True)
    }


def test_a_split_worked_out_on_paper():
    sales = [
        (1, 10, 0),
        (1, 11, 5),
        (2, 11, 3),
        (3, 10, 4),
        # The holdout: again, new to the customer, new in the shop; twice is once.
        (1, 10, 7),
        (1, 12, 8),
        (1, 12, 9),
        (2, 10, 7),
        (4, 10, 8),  # a customer nobody knew
        (3, 11, 10),  # too late
    ]
    split = _split(sales, cut=7, end=10)
    assert split.train.item_ids.integers.tolist() == [10, 11]
    assert _found(split) == {1: ([10], 1), 2: ([10], 0)}
    assert _found(split, Task.NEW) == {1: ([], 1), 2: ([10], 0)}
    assert split.purchase_days().tolist() == [2, 1]


def test_what_was_given_back_is_not_bought():
    # Customer 1 gave item 10 back before the cut, 2 item 11 within the holdout, 3 item 10 after it.
    sales = [(1, 10, 0), (1, 10, 2, -1), (1, 10, 7), (2, 10, 1), (2, 11, 7), (2, 11, 8, -1), (3, 11, 1)]
    sales += [(3, 10, 7), (3, 10, 12, -1)]
    split = _split(sales, cut=7, end=10)
    assert _found(split) == _found(split, Task.NEW) == {1: ([10], 0), 3: ([10], 0)}


def test_guests_are_judged_only_where_they_have_lists():
    sales = [(GUEST, 10, 0), (1, 11, 0), (GUEST, 11, 8), (1, 10, 8)]
    assert list(_found(_split(sales, cut=7, end=10))) == [1]
    assert list(_found(_split(sales, cut=7, end=10, publish_guests=True))) == [1, GUEST]


def test_days_of_purchase_are_counted_once():
    sales = [(1, 10, 0), (1, 11, 0.5), (1, 11, 3), (1, 12, 3), (2, 10, 1), (1, 10, 8), (2, 10, 8)]
    assert _split(sales, cut=7, end=10).purchase_days().tolist() == [2, 1]


def test_without_anything_after_the_cut_nobody_is_judged():
    split = _split([(1, 10, 0)], cut=7, end=10)
    assert len(split.users) == 0
    assert split.relevant.shape == (0, 1)
    assert split.relevant_in(Task.NEW).shape == (0, 1)
    assert _split([(1, 10, 8)], cut=7, end=10).relevant.shape == (0, 1)


_SALES = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(0, 20), st.sampled_from([1, 1, 2, -1])),
    max_size=25,
)


@given(_SALES, st.integers(1, 19), st.integers(1, 10))
def test_nothing_of_the_future_and_nothing_lost(sales, cut, length):
    end = cut + length
    split = _split(sales, cut=cut, end=end)
    past = [sale for sale in sales if sale[2] < cut]
    # What was known is what would be known if nothing had been sold since.
    alone = _interactions(past)
    assert (split.train.user_ids, split.train.item_ids) == (alone.user_ids, alone.item_ids)
    assert np.array_equal(split.train.weights.toarray(), alone.weights.toarray())
    assert np.array_equal(split.train.history, alone.history)
    assert split.train.newest == alone.newest
    # What is to be found are the net purchases of known customers in the holdout.
    known = _interactions([sale for sale in sales if sale[2] < end])
    wanted: dict[object, set[object]] = {}
    for user, item, time in zip(
        known.purchases.users, known.purchases.items, known.purchases.times, strict=True
    ):
        customer = known.user_ids[int(user)]
        if time >= cut * DAY and customer in {c for c, _, _, quantity in past if quantity > 0}:
            wanted.setdefault(customer, set()).add(known.item_ids[int(item)])
    found = _found(split)
    assert {customer: len(items) + more for customer, (items, more) in found.items()} == {
        customer: len(items) for customer, items in wanted.items()
    }
    assert all(set(items) <= wanted[customer] for customer, (items, _) in found.items())
    # New and bought before are two halves of all.
    bought = split.train.weights[split.users].toarray() > 0
    new, everything = split.relevant_in(Task.NEW).toarray(), split.relevant.toarray()
    assert (new[:, : bought.shape[1]] == (everything[:, : bought.shape[1]] & ~bought)).all()
    assert (new[:, bought.shape[1] :] == everything[:, bought.shape[1] :]).all()


@given(_SALES.map(lambda sales: [sale for sale in sales if sale[3] > 0]), st.integers(1, 19))
def test_without_refunds_train_and_holdout_are_all_purchases(sales, cut):
    split = _split(sales, cut=cut, end=21)
    n_unjudged = len({(c, i) for c, i, day, _ in sales if day >= cut and c not in _customers(sales, cut)})
    pairs_after = {(c, i) for c, i, day, _ in sales if day >= cut}
    assert split.relevant.nnz + n_unjudged == len(pairs_after)
    assert split.train.weights.nnz == len({(c, i) for c, i, day, _ in sales if day < cut})


def _customers(sales, cut):
    return {customer for customer, _, day, _ in sales if day < cut}


def _interactions(sales):
    return make_interactions(sale_lines(sales), half_life_days=30)


@pytest.mark.parametrize(
    ("days_of_history", "expected"),
    [(200, 3), (28 * 4, 3), (28 * 4 - 1, 2), (28 * 2, 1), (28 * 2 - 1, 0), (0, 0)],
)
def test_windows_need_as_much_history_as_they_are_long(days_of_history, expected):
    newest = 1000 * DAY
    found = windows(newest, newest + 1 - days_of_history * DAY, days=28, most=3)
    assert len(found) == expected
    for number, (cut, end) in enumerate(found):
        assert end == newest + 1 - number * 28 * DAY
        assert cut == end - 28 * DAY


def test_the_newest_sale_is_held_out():
    ((cut, end),) = windows(100 * DAY, 0, days=7, most=1)
    assert cut <= 100 * DAY < end
