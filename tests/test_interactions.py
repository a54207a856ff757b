"""Netting, order, decay and fingerprints, against the rules worked out line by line."""

import dataclasses
import gzip
import hashlib
import itertools
import struct
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.learning import interactions
from recommender.learning.interactions import load_sale_lines, make_interactions
from recommender.runs import columns
from recommender.runs.keys import Keys
from recommender.system.csvform import decimal_text, quote
from recommender.system.times import microseconds
from recommender.tables import KeyKind
from tests.shops import load_interactions

IN_A_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
START = datetime(2026, 1, 1, tzinfo=UTC)
HALF_LIFE = 10.0
GUEST = "guest:0123456789abcdef01234567"


def _day(number):
    return START + timedelta(days=number)


def _text(moment):
    return moment.isoformat().replace("+00:00", "Z")


def _field(value):
    return quote(value) if isinstance(value, str) else str(value)


def _load(path, lines, *, kind=KeyKind.INTEGER, item_kind=None, half_life=HALF_LIFE):
    """Load lines of customer, item, day and quantity."""
    rows = [f"{_field(c)},{_field(i)},{_text(_day(d))},{decimal_text(q)}\n" for c, i, d, q in lines]
    path.write_text("customer_id,item_id,sold_at,quantity\n" + "".join(rows), encoding="utf-8", newline="")
    return load_interactions(path, customer_kind=kind, item_kind=item_kind or kind, half_life_days=half_life)


def _cells(found):
    """(customer, item) → (weight, day of the last purchase)."""
    coo = found.weights.tocoo()
    epoch = START.timestamp()
    return {
        (found.user_ids[int(u)], found.item_ids[int(i)]): (float(w), (last / 1e6 - epoch) / 86400)
        for u, i, w, last in zip(coo.row, coo.col, coo.data, found.last_purchase, strict=True)
    }


def _expected(lines):
    """The same by the rules of the design, one sale at a time."""
    purchases: defaultdict[tuple[int, int, int], float] = defaultdict(float)
    for customer, item, day, quantity in sorted(lines):
        purchases[customer, item, day] += quantity
    left: defaultdict[tuple[int, int], list[list[float]]] = defaultdict(list)
    for (customer, item, day), quantity in sorted(purchases.items()):
        stack = left[customer, item]
        if quantity > 0:
            stack.append([day, quantity])
        while quantity < 0 and stack:
            quantity += stack[-1][1]  # noqa: PLW2901 - what is still to take, negative
            if quantity > 0:
                stack[-1][1] = quantity
            else:
                stack.pop()
    newest = max(day for _, _, day, _ in lines)
    return {
        pair: (sum(0.5 ** ((newest - day) / HALF_LIFE) for day, _ in stack), stack[-1][0])
        for pair, stack in left.items()
        if stack
    }


QUANTITIES = st.integers(-4, 6).map(lambda quarters: quarters / 4)
LINES = st.lists(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 4), QUANTITIES), min_size=1, max_size=25
)


@given(lines=LINES)
@IN_A_FOLDER
def test_weights_are_those_of_the_rules(tmp_path, lines):
    found = _load(tmp_path / "sales.csv", lines)
    expected = _expected(lines)
    cells = _cells(found)
    assert cells.keys() == expected.keys()
    for pair, (weight, last) in expected.items():
        assert cells[pair] == (pytest.approx(weight, rel=1e-6), last)
    assert list(found.user_ids.integers) == sorted({c for c, _, _, q in lines if q > 0})
    assert list(found.item_ids.integers) == sorted({i for _, i, _, q in lines if q > 0})
    assert found.n_sales == len(lines)


@given(lines=LINES, seed=st.randoms(use_true_random=False))
@IN_A_FOLDER
def test_the_order_of_the_lines_changes_nothing(tmp_path, lines, seed):
    lines = [(c, i, d, q / 3) for c, i, d, q in lines]  # thirds, so that the order of additions would show
    shuffled = seed.sample(lines, len(lines))
    _assert_same(_load(tmp_path / "a.csv", lines), _load(tmp_path / "b.csv", shuffled))


def _assert_same(first, second):
    for name in ("indptr", "indices", "data"):
        assert getattr(first.weights, name).tobytes() == getattr(second.weights, name).tobytes()
    assert first.last_purchase.tolist() == second.last_purchase.tolist()
    assert first.history.tolist() == second.history.tolist()
    assert (first.user_ids, first.item_ids) == (second.user_ids, second.item_ids)
    assert (first.newest, first.n_sales) == (second.newest, second.n_sales)
    assert first.data_sha256 == second.data_sha256


@given(lines=LINES, day=st.integers(0, 5))
@IN_A_FOLDER
def test_before_a_day_only_that_is_known_which_was_sold_till_then(tmp_path, lines, day):
    earlier = [line for line in lines if line[2] < day]
    if not earlier:
        return
    _load(tmp_path / "all.csv", lines)
    kinds = {"customer_kind": KeyKind.INTEGER, "item_kind": KeyKind.INTEGER}
    known = load_sale_lines(tmp_path / "all.csv", **kinds).before(microseconds(_day(day)))
    found = make_interactions(known, half_life_days=HALF_LIFE)
    expected = _load(tmp_path / "earlier.csv", earlier)
    # The digest tells of all customers and items of the lines, also of those who came later.
    _assert_same(dataclasses.replace(found, data_sha256=""), dataclasses.replace(expected, data_sha256=""))


def test_purchases_are_what_is_left_after_refunds(tmp_path):
    lines = [
        (7, 5, 0, 2),
        (7, 5, 1, 1),
        (7, 5, 2, -2),
        (8, 6, 1, 1),
        (8, 6, 1, 3),
        (9, 6, 1, 1),
        (9, 6, 2, -1),
    ]
    found = _load(tmp_path / "sales.csv", lines)
    bought = found.purchases
    assert bought.users.tolist() == [0, 1]  # customer 9 gave everything back
    assert bought.items.tolist() == [0, 1]
    assert bought.times.tolist() == [microseconds(_day(0)), microseconds(_day(1))]


def test_blocks_compression_and_number_forms_change_nothing(tmp_path, monkeypatch):
    lines = [(c, i, c * i % 7, 1 + i % 3) for c, i in itertools.product(range(1, 9), range(1, 6))]
    first = _load(tmp_path / "sales.csv", lines)
    text = (tmp_path / "sales.csv").read_text().replace(",2\n", ",2.0\n").replace("\n3,", "\n03,")
    (tmp_path / "sales.csv.gz").write_bytes(gzip.compress(text.encode()))
    monkeypatch.setattr(columns, "_BLOCK", 100)
    again = load_interactions(
        tmp_path / "sales.csv.gz",
        customer_kind=KeyKind.INTEGER,
        item_kind=KeyKind.INTEGER,
        half_life_days=HALF_LIFE,
    )
    _assert_same(first, again)


def test_very_many_cells_and_moments_change_nothing(tmp_path, monkeypatch):
    lines = [(c, i, c * i % 7, 1 + i % 3) for c, i in itertools.product(range(1, 9), range(1, 6))]
    first = _load(tmp_path / "sales.csv", lines)
    # As if users x items x moments did not fit into 64 bits.
    monkeypatch.setattr(interactions, "_LARGEST_CODE", 10)
    _assert_same(first, _load(tmp_path / "sales.csv", lines))


def test_a_refund_takes_the_latest_purchase_first(tmp_path):
    cells = _cells(
        _load(tmp_path / "sales.csv", [(1, 1, 0, 1), (1, 1, 10, 1), (1, 1, 20, -1), (2, 1, 20, 1)])
    )
    assert cells[1, 1] == (pytest.approx(0.25), 0)


def test_a_partial_refund_leaves_the_purchase_whole(tmp_path):
    cells = _cells(_load(tmp_path / "sales.csv", [(1, 1, 0, 500), (1, 1, 10, -499)]))
    assert cells[1, 1] == (pytest.approx(0.5), 0)


def test_a_refund_before_the_purchase_takes_nothing_from_it(tmp_path):
    cells = _cells(_load(tmp_path / "sales.csv", [(1, 1, 0, -1), (1, 1, 10, 1)]))
    assert cells[1, 1] == (pytest.approx(1), 10)


def test_an_excess_of_refund_does_not_reach_later_purchases_or_other_customers(tmp_path):
    lines = [(1, 1, 0, 1), (1, 1, 1, -5), (1, 1, 2, 1), (2, 1, 0, 1), (1, 2, 0, 1)]
    assert _cells(_load(tmp_path / "sales.csv", lines)).keys() == {(1, 1), (2, 1), (1, 2)}


def test_rounding_of_fractions_leaves_nothing_behind(tmp_path):
    found = _load(tmp_path / "sales.csv", [(1, 1, 0, 0.1), (1, 1, 1, 0.2), (1, 1, 2, -0.3), (1, 2, 2, 1)])
    assert _cells(found).keys() == {(1, 2)}


def test_one_who_gave_everything_back_is_a_user_without_interactions(tmp_path):
    found = _load(
        tmp_path / "sales.csv", [(1, 1, 0, 1), (1, 1, 1, -1), (2, 2, 1, 1), (3, 3, 1, -1), (4, 2, 1, 0)]
    )
    assert found.user_ids.integers.tolist() == [1, 2]
    assert found.item_ids.integers.tolist() == [1, 2]
    assert np.diff(found.weights.indptr).tolist() == [0, 1]
    assert found.history[0] == 0


def test_quantities_do_not_count_and_ages_do(tmp_path):
    found = _load(tmp_path / "sales.csv", [(1, 1, 0, 500), (1, 1, 10, 1), (1, 2, 20, 3)])
    assert _cells(found)[1, 1][0] == pytest.approx(0.25 + 0.5)
    assert _cells(found)[1, 2][0] == 1


def test_ages_count_back_from_the_newest_line_even_a_refund(tmp_path):
    found = _load(tmp_path / "sales.csv", [(1, 1, 0, 1), (2, 1, 10, -1)])
    assert found.newest == int(_day(10).timestamp() * 1e6)
    assert _cells(found)[1, 1][0] == pytest.approx(0.5)


def test_without_a_quantity_every_line_is_one(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text("item_id,sold_at,customer_id\n5,2026-01-01T00:00:00Z,1\n5,2026-01-01T00:00:00Z,2\n")
    found = load_interactions(
        path, customer_kind=KeyKind.INTEGER, item_kind=KeyKind.INTEGER, half_life_days=1
    )
    assert found.weights.toarray().tolist() == [[1], [1]]


def test_no_sales_at_all_are_empty_interactions(tmp_path):
    found = _load(tmp_path / "sales.csv", [])
    assert found.weights.shape == (0, 0)
    assert (found.n_sales, found.newest, len(found.history)) == (0, 0, 0)


def test_users_and_items_follow_the_canonical_order_of_keys(tmp_path):
    items = ["b", "a", "NA", "", "é", "z", "😀", "10", "9", "a,b", "a\nb", "\r", "\0"]
    lines = [(customer, item, 0, 1) for customer in (7, GUEST, -3, 2**62) for item in items]
    found = _load(tmp_path / "sales.csv", lines, kind=KeyKind.INTEGER, item_kind=KeyKind.TEXT)
    assert found.user_ids == Keys.of([-3, 7, 2**62], [GUEST])
    assert found.item_ids == Keys.of([], items)
    assert found.guests().tolist() == [False, False, False, True]
    assert found.weights.has_sorted_indices
    assert found.weights.nnz == len(lines)


def test_a_history_does_not_depend_on_other_customers_or_index_numbers(tmp_path):
    mine = [(5, 3, 0, 1), (5, 9, 2, 1)]
    alone = _load(tmp_path / "a.csv", mine)
    among = _load(tmp_path / "b.csv", [*mine, (1, 1, 0, 1), (9, 3, 0, 1), (9, 4, 8, 1)])
    assert alone.history[0] == among.history[among.user_ids.integers.tolist().index(5)]


@pytest.mark.parametrize(
    "change",
    [
        [(5, 9, 3, 1)],
        [(5, 4, 2, 1)],
        [(5, 9, 2, -2)],
        [(5, 9, 3, -1)],
        [(5, 3, 2, 1)],
    ],
)
def test_a_history_changes_with_every_purchase(tmp_path, change):
    mine = [(5, 3, 0, 1), (5, 9, 2, 1)]
    assert _load(tmp_path / "a.csv", mine).history[0] != _load(tmp_path / "b.csv", mine + change).history[0]


def test_a_history_does_not_change_with_what_netting_removes(tmp_path):
    mine = [(5, 3, 0, 1), (5, 9, 2, 1)]
    change = [(5, 9, 2, 4), (5, 4, 1, 1), (5, 4, 3, -1)]
    assert _load(tmp_path / "a.csv", mine).history[0] == _load(tmp_path / "b.csv", mine + change).history[0]


def _splitmix(word):
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
    return word ^ (word >> 31)


def test_fingerprints_follow_their_definition(tmp_path):
    """So they are the same on every machine, and stay so: a model on disk depends on it."""
    found = _load(tmp_path / "a.csv", [(5, "3", 0, 1), (GUEST, "é", 2, 1.5)], item_kind=KeyKind.TEXT)
    times = [int(_day(day).timestamp()) * 10**6 for day in (0, 2)]
    items = [
        int.from_bytes(hashlib.blake2b(i.encode(), digest_size=8).digest(), "little") for i in ("3", "é")
    ]
    expected = [_splitmix((i + _splitmix(t)) % 2**64) for i, t in zip(items, times, strict=True)]
    assert found.history.tolist() == expected

    by_number = _load(tmp_path / "a.csv", [(5, -3, 0, 1)])
    item = _splitmix((-3 + 0x9E3779B97F4A7C15) % 2**64)
    assert by_number.history.tolist() == [_splitmix((item + _splitmix(times[0])) % 2**64)]


def test_the_digest_follows_its_definition(tmp_path):
    found = _load(tmp_path / "a.csv", [(GUEST, "é", 2, 1.5), (5, "b", 0, 1)], item_kind=KeyKind.TEXT)
    times = [int(_day(day).timestamp()) * 10**6 for day in (0, 2)]
    customers = struct.pack("<3q", 1, 1, 30) + struct.pack("<q", 5) + GUEST.encode()
    items = struct.pack("<4q", 0, 2, 1, 2) + "bé".encode()
    lines = struct.pack("<2i2i2q2d", 0, 1, 0, 1, *times, 1.0, 1.5)
    assert found.data_sha256 == hashlib.sha256(customers + items + lines).hexdigest()


def test_the_digest_tells_sales_apart(tmp_path):
    lines = [(1, 1, 0, 1), (1, 2, 1, 1), (2, 1, 2, 1)]
    variants = [
        lines,
        [*lines, lines[0]],
        lines[1:],
        [(1, 1, 0, 2), *lines[1:]],
        [(1, 1, 1, 1), *lines[1:]],
        [(1, 3, 0, 1), *lines[1:]],
        [(3, 1, 0, 1), *lines[1:]],
    ]
    digests = [_load(tmp_path / "a.csv", variant).data_sha256 for variant in variants]
    as_texts = [(str(c), str(i), d, q) for c, i, d, q in lines]
    digests.append(_load(tmp_path / "a.csv", as_texts, kind=KeyKind.TEXT).data_sha256)
    assert len(set(digests)) == len(digests)
