"""Values of drivers as CSV fields: nothing lost, nothing guessed."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import RefusedError
from recommender.export.fields import GuestKeys, NumberFields, key_fields, sellable_field, text_fields
from recommender.system.csvform import read_records
from recommender.tables import KeyKind, is_guest

PATH = Path("sql/sales.sql")
INT64 = st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]))
SECRET = "0123456789abcdef0123456789abcdef"


def integers(values: list[object], **options: bool) -> list[str | None]:
    return key_fields(values, KeyKind.INTEGER, "item_id", PATH, **options)


def test_records_read_back(tmp_path):
    """Every awkward text, through a whole file and back."""
    awkward = ["", "NA", "null", "1e5", "TRUE", " a ", "00123", 'a"b', "a,b", "a\nb", "a\rb", "\r\n", "\t"]
    awkward += ["\\N", "\\.", "é", "🧀", '"', '""', ",", "\0", "\u2028", "\x85"]
    fields = key_fields([*awkward, None], KeyKind.TEXT, "item_id", PATH)
    path = tmp_path / "x.csv"
    path.write_text("".join(f"{field or ''},x\n" for field in fields), encoding="utf-8", newline="")
    assert [record[0] for record in read_records(path)] == [*awkward, None]


@given(st.lists(st.one_of(st.none(), texts)))
def test_texts_are_quoted_only_where_they_must_be(values):
    fields = key_fields(values, KeyKind.TEXT, "item_id", PATH)
    assert fields == text_fields(values)
    for value, field in zip(values, fields, strict=True):
        if value is None:
            assert field is None
        elif value and not set(value) & set('",\r\n'):
            assert field == value
        else:
            assert field == '"' + value.replace('"', '""') + '"'


@given(st.lists(st.one_of(st.none(), INT64)))
def test_integers_are_plain_whichever_way_the_driver_sends_them(values):
    expected = [None if value is None else str(value) for value in values]
    assert integers(list(values)) == expected
    assert integers(list(expected)) == expected
    assert integers([None if value is None else Decimal(value) for value in values]) == expected


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, str(2**63), "9" * 40, Decimal(2**63)])
def test_integers_beyond_64_bits_are_refused(value):
    with pytest.raises(RefusedError, match=f"{value} does not fit a 64-bit integer"):
        integers([value])


@pytest.mark.parametrize(
    "value", ["7.0", "07", "+7", " 7", "", "a", "\u0667", "-0", 7.0, b"7", True, Decimal("7.5")]
)
def test_what_is_no_integer_is_refused_and_named(value):
    with pytest.raises(RefusedError, match="item_id is an integer by its declared type") as caught:
        integers([value])
    assert repr(value) in caught.value.reason


@pytest.mark.parametrize("values", [[7, "7"], ["7", 7], [None, 7, "x"], ["7"]])
def test_where_integers_are_integers_a_text_is_none(values):
    """SQLite can have both in one column; they would become one key."""
    with pytest.raises(RefusedError, match=r"'(7|x)' \(str\)"):
        integers(values, integers_as_text=False)


@pytest.mark.parametrize("value", [7, 7.5, b"7", True])
def test_what_is_no_text_is_refused_and_named(value):
    with pytest.raises(RefusedError, match="item_id is text by its declared type") as caught:
        key_fields(["7", value], KeyKind.TEXT, "item_id", PATH)
    assert repr(value) in caught.value.reason
    assert str(PATH) in caught.value.reason


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (2, "2"),
        ("2", "2"),
        ("2.0000", "2"),
        (Decimal("2.0000"), "2"),
        (2.0, "2"),
        ("9.50", "9.5"),
        (Decimal("9.50"), "9.5"),
        (9.5, "9.5"),
        (" 9.5 ", "9.5"),
        ("100", "100"),
        (Decimal("1E+2"), "100"),
        ("1e-7", "0.0000001"),
        (1e-7, "0.0000001"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e300, "1" + "0" * 300),
        ("1e300", "1" + "0" * 300),
        (-0.0, "0"),
        ("-0.00", "0"),
        (-1, "-1"),
        ("-1.50", "-1.5"),
        (True, "1"),
        (2**63 - 1, "9223372036854775807"),
        *((none, None) for none in (None, "", "two", "NaN", "Infinity", float("nan"), float("inf"), b"2")),
        *((none, None) for none in (Decimal("NaN"), "1e999", "1,5", "sNaN", "-sNaN1")),
        # Ten letters that would be a gigabyte of digits.
        *((none, None) for none in ("1e999999999", "-1e999999999", Decimal("1e999999"))),
        *((tiny, "0") for tiny in ("1e-999999999", Decimal("-1e-999999"))),
    ],
)
def test_numbers(value, field):
    assert NumberFields()[value] == field


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_the_same_float_again_and_has_no_exponent(value):
    field = NumberFields()[value]
    assert field is not None
    assert float(field) == value
    assert re.fullmatch(r"-?[0-9]+(\.[0-9]*[1-9])?", field)


def test_the_numbers_remembered_are_bounded():
    numbers = NumberFields()
    for value in range(2 * NumberFields._MOST):
        assert numbers[value] == str(value)
    assert len(numbers) <= NumberFields._MOST + 1


def test_equal_numbers_of_other_types_have_one_form():
    numbers = NumberFields()
    assert {numbers[value] for value in (Decimal("1.0"), 1, 1.0, True)} == {"1"}


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        (["a", None, ""], ["a", None, '""']),
        ([7, 7.0, Decimal("7.50"), b"\x00\xff"], ["7", "7", "7.5", "00ff"]),
        ([float("nan")], ["nan"]),
    ],
)
def test_texts_of_any_origin(values, fields):
    assert text_fields(values) == fields


@pytest.mark.parametrize("value", [1, 2, 0.5, True, "1", "t", "TRUE", " 1 ", b"\x01", b"1", "17", Decimal(3)])
def test_sellable(value):
    assert sellable_field(value, "7", PATH) == "1"


@pytest.mark.parametrize(
    "value", [None, 0, 0.0, False, "0", "f", "False", "", b"\x00", b"0", Decimal(0), "0.00", -1, "-3", -0.5]
)
def test_not_sellable(value):
    assert sellable_field(value, "7", PATH) == "0"


@pytest.mark.parametrize("value", ["yes", "published", float("nan"), "NaN", b"\x02\x03"])
def test_neither(value):
    with pytest.raises(RefusedError, match="sellable of item 7"):
        sellable_field(value, "7", PATH)


def test_one_address_is_one_guest():
    guests = GuestKeys(SECRET, PATH)
    key = guests.key("ada@example.org")
    assert key is not None
    assert is_guest(key)
    assert {guests.key(other) for other in (" Ada@Example.ORG\n", b"ada@example.org")} == {key}
    assert guests.key("adam@example.org") != key
    assert GuestKeys(SECRET[::-1], PATH).key("ada@example.org") != key
    # As `openssl dgst -sha256 -hmac` has it.
    assert key == "guest:bcfa6aa5642f6ffa0a359346"


@pytest.mark.parametrize("address", [None, "", "  ", b""])
def test_no_address_is_no_guest(address):
    assert GuestKeys(None, PATH).key(address) is None


def test_guests_without_a_secret_are_refused_without_their_address():
    with pytest.raises(RefusedError, match="GUEST_KEY") as caught:
        GuestKeys(None, PATH).key("ada@example.org")
    assert "ada" not in str(caught.value)


@given(st.text())
def test_any_text_makes_a_key(address):
    key = GuestKeys(SECRET, PATH).key(address)
    assert (key is None) == (not address.strip())
