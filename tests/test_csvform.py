"""What is written in the CSV form comes back as it was."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.system import csvform
from recommender.system.csvform import decimal_text, quote, read_records, unquoted, whole_records

ODD = [
    "",
    "NA",
    "null",
    "00123",
    "1e5",
    "TRUE",
    " a ",
    'say "hi"',
    "a,b",
    "a\nb",
    "a\r",
    "\r",
    "\0",
    "é",
    "😀",
    "\u2028",
]
FIELDS = st.none() | st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def _line(record):
    return ",".join("" if field is None else quote(field) for field in record)


@st.composite
def _tables(draw):
    width = draw(st.integers(2, 4))
    return draw(st.lists(st.lists(FIELDS, min_size=width, max_size=width), min_size=1, max_size=8))


@given(table=_tables(), block=st.integers(1, 30), last_end=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_records_come_back_whatever_the_blocks(tmp_path, monkeypatch, table, block, last_end):
    monkeypatch.setattr(csvform, "_BLOCK", block)
    path = tmp_path / "table.csv"
    text = "\n".join(map(_line, table)) + ("\n" if last_end else "")
    path.write_text(text, encoding="utf-8", newline="")
    expected = [[field or "" for field in record] for record in table]
    pieces = [*whole_records(path)]
    assert b"".join(pieces) == text.encode()
    assert [r for piece in pieces for r in csv.reader(io.StringIO(piece.decode(), newline=""))] == expected
    assert [*read_records(path)] == expected


def test_a_text_of_any_length_is_read(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(f"{'a' * 200_000},b\n", encoding="utf-8")
    assert [[len(field) for field in record] for record in read_records(path)] == [[200_000, 1]]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_field_is_its_text_again(text):
    assert unquoted(quote(text).encode()) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [("", '""'), ("NA", "NA"), ("a,b", '"a,b"'), ('a"b', '"a""b"'), ("a\rb", '"a\rb"'), (" a", " a")],
)
def test_quotes_stand_only_where_the_form_wants_them(text, written):
    assert quote(text) == written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.0, "2"),
        (9.5, "9.5"),
        (-0.25, "-0.25"),
        (-0.0, "0"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (100.0, "100"),
        (Decimal("2.50"), "2.5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.000"), "0"),
    ],
)
def test_decimals_have_no_exponent_and_no_trailing_zeros(value, text):
    assert decimal_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_come_back_from_their_text(value):
    text = decimal_text(value)
    assert float(text) == value
    assert "e" not in text
    assert not ("." in text and text.endswith(("0", ".")))
