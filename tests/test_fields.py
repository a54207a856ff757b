"""Values of drivers as CSV fields: nothing lost, nothing guessed."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv

from recommender.errors import RefusedError
from recommender.export.fields import GuestKeys, csv_text, is_sellable, key_array, number_array, text_array
from recommender.runs.columns import read_columns
from recommender.system.arrow import pa
from recommender.tables import KeyKind, is_guest

PATH = Path("sql/sales.sql")
INT64 = st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]))
SECRET = "0123456789abcdef0123456789abcdef"


def integers(values, **options):
    return key_array(values, KeyKind.INTEGER, "item_id", PATH, **options).to_pylist()


def test_records_read_back(tmp_path):
    """Every awkward text, through a whole file and back."""
    awkward = ["", "NA", "null", "1e5", "TRUE", " a ", "00123", 'a"b', "a,b", "a\nb", "a\rb", "\r\n", "\t"]
    awkward += ["\\N", "\\.", "é", "🧀", '"', '""', ",", "\0", "\u2028", "\x85"]
    keys = key_array([*awkward, None], KeyKind.TEXT, "item_id", PATH)
    path = tmp_path / "x.csv"
    path.write_bytes(csv_text(pa.table({"item_id": keys, "n": pa.array(range(len(keys)))}), header=True))
    distinct, codes = read_columns(path, ["item_id"]).take_texts("item_id", nullable=True)
    assert [distinct[code] if code >= 0 else None for code in codes] == [*awkward, None]


@given(st.lists(st.one_of(st.none(), texts)))
def test_texts_stay_what_they_are(values):
    assert key_array(values, KeyKind.TEXT, "item_id", PATH).to_pylist() == values
    assert text_array(values).to_pylist() == values
    assert text_array(pa.array(values, pa.string())).to_pylist() == values


@given(st.lists(st.one_of(st.none(), INT64)))
def test_integers_are_the_same_whichever_way_the_driver_sends_them(values):
    sent = [None if value is None else str(value) for value in values]
    assert integers(list(values)) == values
    assert integers(list(sent)) == values
    assert integers(pa.array(sent, pa.string())) == values
    assert integers([None if value is None else Decimal(value) for value in values]) == values


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, str(2**63), "9" * 40, Decimal(2**63)])
def test_integers_beyond_64_bits_are_refused(value):
    with pytest.raises(RefusedError, match="does not fit a 64-bit integer") as caught:
        integers([value])
    assert caught.value.named == f"It is {value}."


@pytest.mark.parametrize(
    "value", ["7.0", "07", "+7", " 7", "", "a", "\u0667", "-0", 7.0, b"7", True, Decimal("7.5")]
)
def test_what_is_no_integer_is_refused_and_named(value):
    with pytest.raises(RefusedError, match="item_id is an integer by its declared type") as caught:
        integers([value])
    assert caught.value.named == f"It is {value!r}."
    if isinstance(value, str):
        with pytest.raises(RefusedError, match="item_id is an integer by its declared type"):
            integers(pa.array([value]))


@pytest.mark.parametrize("values", [[7, "7"], ["7", 7], [None, 7, "x"], ["7"]])
def test_where_integers_are_integers_a_text_is_none(values):
    """SQLite can have both in one column; they would become one key."""
    with pytest.raises(RefusedError, match="a value of the type str") as caught:
        integers(values, integers_as_text=False)
    assert caught.value.named in ("It is '7'.", "It is 'x'.")


@pytest.mark.parametrize("value", [7, 7.5, b"7", True])
def test_what_is_no_text_is_refused_and_named(value):
    with pytest.raises(RefusedError, match="item_id is text by its declared type") as caught:
        key_array(["7", value], KeyKind.TEXT, "item_id", PATH)
    assert caught.value.named == f"It is {value!r}."
    assert str(PATH) in caught.value.reason


def numbers(values):
    return number_array(values).to_pylist()


NOTHING = [
    None,
    "",
    "two",
    "NaN",
    "Infinity",
    float("nan"),
    float("inf"),
    b"2",
    Decimal("NaN"),
    "1e999",
    "1,5",
]
NOTHING += ["sNaN", "-sNaN1", "1e999999999", "-1e999999999", Decimal("1e999999")]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((two, 2.0) for two in (2, "2", "2.0000", Decimal("2.0000"), 2.0)),
        *((half, 9.5) for half in ("9.50", Decimal("9.50"), 9.5, " 9.5 ")),
        ("100", 100.0),
        (Decimal("1E+2"), 100.0),
        ("1e-7", 1e-7),
        ("1e300", 1e300),
        ("-1.50", -1.5),
        (True, 1.0),
        (2**63 - 1, float(2**63)),
        *((nothing, None) for nothing in NOTHING),
        *((tiny, 0.0) for tiny in ("1e-999999999", Decimal("-1e-999999"), -0.0, "-0.00")),
    ],
)
def test_numbers(value, number):
    assert numbers([value]) == [number]
    assert str(numbers([value])[0]) == str(number)  # no -0
    if isinstance(value, str):
        assert numbers(pa.array([value, None, value])) == [number, None, number]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.none()))
def test_a_float_is_the_same_float_again(values):
    assert numbers(values) == values
    path = csv_text(pa.table({"n": number_array(values)}))
    fields = path.decode().split("\n")[:-1]
    assert [float(field) if field else None for field in fields] == values


MOMENTS = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)


@given(
    st.lists(
        st.tuples(
            INT64,
            texts | st.none(),
            MOMENTS | st.none(),
            st.floats(allow_nan=False, allow_infinity=False) | st.none(),
            st.booleans(),
        )
    )
)
def test_records_are_those_of_arrows_own_writer(rows):
    types = (pa.int64(), pa.string(), pa.timestamp("us", "UTC"), pa.float64(), pa.bool_())
    columns = {
        f"c{place}": pa.array([row[place] for row in rows], pa.int64() if place == 2 else kind).cast(kind)
        for place, kind in enumerate(types)
    }
    for some in (["c0", "c1", "c2", "c3", "c4"], ["c1"], ["c2", "c1"]):
        table = pa.table({name: columns[name] for name in some})
        written = pa.BufferOutputStream()
        csv.write_csv(table, written, csv.WriteOptions(quoting_style="needed"))
        assert csv_text(table, header=True) == bytes(written.getvalue())


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["a", None, ""], ["a", None, ""]),
        ([7, 7.0, Decimal("7.50"), b"\x00\xff"], ["7", "7", "7.5", "00ff"]),
        ([float("nan"), Decimal("1e999999999")], ["nan", "1E+999999999"]),
    ],
)
def test_texts_of_any_origin(values, found):
    assert text_array(values).to_pylist() == found


@pytest.mark.parametrize("value", [1, 2, 0.5, True, "1", "t", "TRUE", " 1 ", b"\x01", b"1", "17", Decimal(3)])
def test_sellable(value):
    assert is_sellable(value, "7", PATH)


@pytest.mark.parametrize(
    "value", [None, 0, 0.0, False, "0", "f", "False", "", b"\x00", b"0", Decimal(0), "0.00", -1, "-3", -0.5]
)
def test_not_sellable(value):
    assert not is_sellable(value, "7", PATH)


@pytest.mark.parametrize("value", ["yes", "published", float("nan"), "NaN", b"\x02\x03"])
def test_neither(value):
    with pytest.raises(RefusedError, match="sellable of item 7"):
        is_sellable(value, "7", PATH)


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
