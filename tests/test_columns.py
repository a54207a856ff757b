"""Columns of our CSV form are read as they were written, and nothing else passes for them."""

import gzip
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.errors import RefusedError
from recommender.runs import columns
from recommender.runs.columns import read_columns
from recommender.system.arrays import distinct
from recommender.system.csvform import decimal_text, quote
from recommender.system.times import UNREADABLE
from recommender.tables import KeyKind

IN_A_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ODD = [
    "",
    "NA",
    "null",
    "00123",
    "1e5",
    "TRUE",
    " a ",
    'say "hi"',
    '"',
    "a,b",
    "a\nb",
    "a\r",
    "\r",
    "\0",
    "é",
    "😀",
    "eight by",
    "eight by\0",
    "eight byte",
    "x" * 64,
    "x" * 65,
]
TEXTS = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-100, 100)
GUEST = "guest:0123456789abcdef01234567"


def _write(path, *columns):
    names = ",".join(f"c{i}" for i in range(len(columns)))
    lines = [",".join(fields) for fields in zip(*columns, strict=True)]
    path.write_text("\n".join([names, *lines]) + "\n", encoding="utf-8", newline="")
    return path


def _keys_of(path, kind, *, name="c0", guests=False):
    keys, index = read_columns(path, [name]).take_keys(name, kind, guests=guests)
    return [keys[i] for i in index.tolist()]


def _times_of(path):
    return read_columns(path, ["c0"], times=["c0"]).take_times("c0").tolist()


def _numbers_of(path):
    return read_columns(path, ["c0"]).take_numbers("c0").tolist()


@given(texts=st.lists(TEXTS, max_size=20), block=st.integers(10, 60))
@IN_A_FOLDER
def test_text_keys_of_any_form_survive_whatever_the_blocks(tmp_path, monkeypatch, texts, block):
    monkeypatch.setattr(columns, "_BLOCK", block)
    path = _write(tmp_path / "a.csv", map(quote, texts), map(str, range(len(texts))))
    keys, index = read_columns(path, ["c0"]).take_keys("c0", KeyKind.TEXT)
    assert [keys[i] for i in index.tolist()] == texts
    assert list(keys.texts) == sorted(set(texts))
    assert _keys_of(path, KeyKind.INTEGER, name="c1") == list(range(len(texts)))


@given(texts=st.lists(TEXTS | st.none(), max_size=20))
@IN_A_FOLDER
def test_a_text_that_is_none_is_not_the_empty_one(tmp_path, texts):
    fields = ["" if text is None else quote(text) for text in texts]
    path = _write(tmp_path / "a.csv", fields, map(str, range(len(texts))))
    distinct, codes = read_columns(path, ["c0"]).take_texts("c0", nullable=True)
    assert [None if code < 0 else distinct[code] for code in codes.tolist()] == texts
    assert len(set(distinct)) == len(distinct)
    if None in texts:
        with pytest.raises(RefusedError, match=f"record {texts.index(None) + 1}: c0 is not a key"):
            read_columns(path, ["c0"]).take_texts("c0")


@pytest.mark.parametrize("kind", [KeyKind.INTEGER, KeyKind.TEXT])
def test_a_record_without_a_key_is_refused(tmp_path, kind):
    path = _write(tmp_path / "a.csv", ["7", "", "8"], ["1", "2", "3"])
    with pytest.raises(RefusedError, match="record 2: c0 is not a"):
        _keys_of(path, kind)


@given(integers=st.lists(INTEGERS, max_size=20))
@IN_A_FOLDER
def test_integer_keys_of_64_bits_survive(tmp_path, integers):
    assert _keys_of(_write(tmp_path / "a.csv", map(str, integers)), KeyKind.INTEGER) == integers


@given(keys=st.lists(INTEGERS | st.sampled_from([GUEST, GUEST.replace("0", "f")]), max_size=20))
@IN_A_FOLDER
def test_guests_stand_beside_integer_customers(tmp_path, keys):
    path = _write(tmp_path / "a.csv", map(str, keys))
    assert _keys_of(path, KeyKind.INTEGER, guests=True) == keys


def test_leading_zeros_are_part_of_a_text_and_not_of_an_integer(tmp_path):
    path = _write(tmp_path / "a.csv", ["007", "7"])
    assert _keys_of(path, KeyKind.INTEGER) == [7, 7]
    assert _keys_of(path, KeyKind.TEXT) == ["007", "7"]


BAD_INTEGERS = ["", "-", "x", "1.0", "1e5", "+1", " 1", "1 ", "--1", "\uff11", "9223372036854775808",
                "-9223372036854775809", "99999999999999999999", "1234567/", "123456789:", "é"]  # fmt: skip


@pytest.mark.parametrize("field", BAD_INTEGERS)
def test_what_is_no_integer_is_refused_by_record_and_column(tmp_path, field):
    path = _write(tmp_path / "a.csv", ["1", "2", field], ["", "", ""])
    with pytest.raises(RefusedError, match="record 3: c0 is not an integer") as caught:
        _keys_of(path, KeyKind.INTEGER)
    assert caught.value.named == f"It is {field!r}."


def test_a_guest_is_refused_where_none_is_allowed(tmp_path):
    with pytest.raises(RefusedError, match="record 1: c0 is not an integer"):
        _keys_of(_write(tmp_path / "a.csv", [GUEST]), KeyKind.INTEGER)


def test_both_forms_of_times_are_read(tmp_path):
    path = _write(tmp_path / "a.csv", ["1970-01-01T00:00:01.5Z", '"1970-01-01 00:00:01.500000Z"'])
    assert _times_of(path) == [1_500_000, 1_500_000]


MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - UTC is added


def _time_text(moment):
    fraction = f"{moment.microsecond:06}".rstrip("0")
    return moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + (f".{fraction}" if fraction else "") + "Z"


@given(moments=st.lists(MOMENTS, max_size=20))
@IN_A_FOLDER
def test_times_are_microseconds_of_utc(tmp_path, moments):
    path = _write(tmp_path / "a.csv", map(_time_text, moments))
    assert _times_of(path) == [(m - EPOCH) // timedelta(microseconds=1) for m in moments]


BAD_TIMES = [
    "",
    "2026-10-31",
    "2026-10-31T20:00:00",
    "2026-10-31_20:00:00Z",
    "2026-10-31T20:00Z",
    "2026-10-31TZ",
    "2026-10-31T20:00:00+00",
    " 2026-10-31T20:00:00Z",
    "2026-02-29T20:00:00Z",
    "2026-13-01T20:00:00Z",
    "2026-00-01T20:00:00Z",
    "2026-10-00T20:00:00Z",
    "2026-10-31T24:00:00Z",
    "2026-10-31T20:60:00Z",
    "2026-10-31T20:00:60Z",
    "2026-10-31T20:00:00.Z",
    "2026-10-31T2x:00:00Z",
    "2026-10-31T20:00:00.1234567Z",
    "2026-10-31T20:00:00,5Z",
    "2026-10-31T20:00:00.5xZ",
    "0000-10-31T20:00:00Z",
    "2026/10-31T20:00:00Z",
    "2026-10-31T20-00:00Z",
    "2026-10-31T20:00-00Z",
]


@pytest.mark.parametrize("field", BAD_TIMES)
def test_what_is_no_time_is_refused(tmp_path, field):
    path = _write(tmp_path / "a.csv", ["2026-10-31T20:00:00Z", quote(field)])
    with pytest.raises(RefusedError, match=r"record 2: c0 is not a time like 2026-10-31 20:00:00.000000Z"):
        _times_of(path)


@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False) | INTEGERS.map(float), max_size=20))
@IN_A_FOLDER
def test_numbers_come_back_from_their_text(tmp_path, numbers):
    path = _write(tmp_path / "a.csv", map(decimal_text, numbers))
    assert _numbers_of(path) == numbers


@given(
    numbers=st.lists(st.decimals(-(10**13), 10**13, places=3) | st.decimals(-1, 1, places=15), max_size=20)
)
@IN_A_FOLDER
def test_decimals_are_what_float_makes_of_them(tmp_path, numbers):
    texts = [format(number, "f") for number in numbers]
    path = _write(tmp_path / "a.csv", texts)
    assert _numbers_of(path) == [*map(float, texts)]


@pytest.mark.parametrize(
    "field",
    ["", "nan", "inf", "1e", "+1", " 1", "1e999", "1_000", ".5", "5.", "1,5", "--1", "0x1", "9" * 400],
)
def test_what_is_no_number_is_refused(tmp_path, field):
    path = _write(tmp_path / "a.csv", ["9.5", quote(field) if "," in field else field])
    with pytest.raises(RefusedError, match="record 2: c0 is not a number"):
        _numbers_of(path)


def test_a_compressed_file_reads_like_the_plain_one(tmp_path):
    path = _write(tmp_path / "a.csv", ["3", "1", "3"])
    packed = tmp_path / "b.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert _keys_of(packed, KeyKind.INTEGER) == [3, 1, 3]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-12], lambda data: b"x" + data, lambda data: data[:20] + b"\0" * 9]
)
def test_a_damaged_compressed_file_is_refused(tmp_path, damage):
    packed = tmp_path / "b.csv.gz"
    packed.write_bytes(damage(gzip.compress(b"c0\n" + b"".join(b"%d\n" % i for i in range(999)))))
    with pytest.raises(RefusedError, match="is damaged"):
        _keys_of(packed, KeyKind.INTEGER)


def test_columns_are_found_by_name_and_missing_ones_named(tmp_path):
    path = _write(tmp_path / "a.csv", ["1", "2"], ["5", "6"])
    assert _keys_of(path, KeyKind.INTEGER, name="c1") == [5, 6]
    found = read_columns(path, ["c1"], ["quantity"])
    assert ("c1" in found, "quantity" in found, found.n_records) == (True, False, 2)
    with pytest.raises(RefusedError, match="has no column quantity, sold_at"):
        read_columns(path, ["quantity", "c1", "sold_at"])


def test_a_file_without_records_has_empty_columns(tmp_path):
    path = _write(tmp_path / "a.csv", [], [])
    assert _keys_of(path, KeyKind.INTEGER) == _numbers_of(path) == _times_of(path) == []


@pytest.mark.parametrize("record", ["3", "6,7,8", '"6,7'])
def test_a_record_with_other_fields_is_refused(tmp_path, record):
    path = tmp_path / "a.csv"
    path.write_text(f"a,b\n1,2\n{record}\n4,5\n")
    with pytest.raises(RefusedError, match=r"record 2: .* fields, but the header has 2|ends in the middle"):
        read_columns(path, ["a"])


@pytest.mark.parametrize("end", ['3,"4', "3,4", "3"])
def test_a_record_cut_off_by_a_full_disk_is_refused(tmp_path, end):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n" + end)
    with pytest.raises(RefusedError, match="ends in the middle of a record"):
        read_columns(path, ["a"])


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.touch()
    with pytest.raises(RefusedError, match="is empty"):
        read_columns(path, ["a"])


def test_keys_that_are_not_utf8_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"c0\n\xff\n")
    with pytest.raises(RefusedError, match="is damaged") as caught:
        _keys_of(path, KeyKind.TEXT)
    assert "invalid UTF8" in caught.value.named


@given(st.lists(INTEGERS, max_size=30))
def test_distinct_values_are_those_of_numpy(values):
    array = np.array(values, np.int64)
    found, index = distinct(array)
    expected, expected_index = np.unique(array, return_inverse=True)
    assert found.tolist() == expected.tolist()
    assert index.tolist() == expected_index.tolist()


def test_numbers_and_times_that_may_be_missing(tmp_path):
    path = _write(tmp_path / "a.csv", ["1.5", "", "-2"], ["", "2026-10-31 20:00:00.000000Z", ""])
    columns = read_columns(path, ["c0", "c1"])
    numbers = columns.take_numbers("c0", nullable=True)
    assert np.isnan(numbers).tolist() == [False, True, False]
    assert numbers[[0, 2]].tolist() == [1.5, -2]
    moment = int((datetime(2026, 10, 31, 20, tzinfo=UTC) - EPOCH) / timedelta(microseconds=1))
    assert columns.take_optional_times("c1").tolist() == [UNREADABLE, moment, UNREADABLE]


@pytest.mark.parametrize("text", ["2026-10-31", "2026-13-31 20:00:00Z", "0000-01-01 00:00:00Z", '""'])
def test_an_optional_time_in_another_form_is_refused(tmp_path, text):
    path = _write(tmp_path / "a.csv", ["", text], ["x", "x"])
    with pytest.raises(RefusedError, match="record 2: c0 is not a time"):
        read_columns(path, ["c0"]).take_optional_times("c0")


def test_an_optional_number_is_still_a_number(tmp_path):
    path = _write(tmp_path / "a.csv", ["", "nan"], ["x", "x"])
    with pytest.raises(RefusedError, match="record 2: c0 is not a number"):
        read_columns(path, ["c0"]).take_numbers("c0", nullable=True)
