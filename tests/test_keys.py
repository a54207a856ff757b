"""Canonical order and lookups of keys, for keys of any form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.runs.keys import Keys
from recommender.tables import integer_key, is_guest

INTEGERS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
KEYS = st.builds(Keys.of, st.lists(INTEGERS, max_size=20), st.lists(TEXTS, max_size=20))


@given(st.lists(INTEGERS), st.lists(TEXTS))
def test_order_is_by_number_then_by_utf8_bytes(integers, texts):
    keys = Keys.of(integers, texts)
    assert keys.integers.tolist() == sorted(set(integers))
    assert list(keys.texts) == sorted(set(texts), key=lambda text: text.encode())
    assert [keys[i] for i in range(len(keys))] == [*keys.integers.tolist(), *keys.texts]


@given(KEYS, KEYS)
def test_find_gives_the_index_or_minus_one(keys, other):
    found = keys.find(other)
    assert len(found) == len(other)
    everything = [keys[i] for i in range(len(keys))]
    for i, index in enumerate(found.tolist()):
        assert index == (everything.index(other[i]) if other[i] in everything else -1)


@given(KEYS)
def test_every_key_is_found_at_its_own_index(keys):
    assert keys.find(keys).tolist() == list(range(len(keys)))


def test_an_integer_and_its_text_are_two_keys():
    keys = Keys.of([7], ["7", "007"])
    assert len(keys) == 3
    assert keys.find_integers(np.array([7])).tolist() == [0]
    assert keys.find_texts(["7", "07"]).tolist() == [2, -1]


def test_integers_beyond_the_precision_of_floats_stay_apart():
    keys = Keys.of([2**53, 2**53 + 1])
    assert keys.as_texts() == ["9007199254740992", "9007199254740993"]
    assert keys.find_integers(np.array([2**53 + 1])).tolist() == [1]


@given(st.integers(), st.integers(0, 5))
def test_an_integer_key_is_any_of_64_bits_and_no_other(number, zeros):
    sign, digits = ("-" if number < 0 else ""), str(abs(number))
    expected = number if -(2**63) <= number < 2**63 else None
    assert integer_key(f"{sign}{'0' * zeros}{digits}") == expected


@pytest.mark.parametrize("text", ["", "-", "+7", "7.0", " 7", "7\n", "seven", "1e3", "\u0667", "1" * 5000])
def test_what_is_no_integer_is_no_integer_key(text):
    assert integer_key(text) is None


@pytest.mark.parametrize("key", [2**63 - 1, -(2**63), 1234567890123456789, 999999999999999999])
def test_every_integer_key_is_written_so_that_it_is_read_again(key):
    assert integer_key(str(key)) == key


def test_nothing_is_found_among_no_keys():
    assert Keys.of().find(Keys.of([1], ["a"])).tolist() == [-1, -1]
    assert len(Keys.of()) == 0


def test_equal_keys_are_equal_whatever_was_looked_up_before():
    first, second = Keys.of([1], ["a"]), Keys.of([1], ["a"])
    first.find_texts(["a"])
    assert first == second
    assert hash(first) == hash(second)
    assert first != Keys.of([1], ["b"])
    assert first != "a"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("guest:0123456789abcdef01234567", True),
        ("guest:0123456789abcdef0123456", False),
        ("guest:0123456789abcdef01234567\n", False),
        ("guest:0123456789ABCDEF01234567", False),
        ("guest", False),
        (7, False),
    ],
)
def test_guests_are_told_by_the_form_of_their_key(key, expected):
    assert is_guest(key) is expected
