"""Batches that are changed as bytes become the lines that a look at each value gives."""

import io
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recommender.database.base import QueryColumn, TupleRows, plain_lines
from recommender.database.query import Query
from recommender.errors import RefusedError
from recommender.export.forgotten import Forgotten
from recommender.export.snapshot import _SalesWriter
from recommender.system.window import Window
from recommender.tables import KeyKind

NAMES = ("customer_id", "item_id", "sold_at", "quantity", "price", "order_id", "guest_email")
WINDOW = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


class Lines(TupleRows):
    """Rows of texts as a server sends them, plain where they are."""

    def plain(self):
        text = "".join(",".join(str(value or "") for value in row) + "\n" for row in self._rows)
        if any(value == "" for row in self._rows for value in row):
            return None
        return plain_lines(text.encode(), rows=len(self._rows), columns=len(self._rows[0]))


class Looked(TupleRows):
    """The same, never plain."""


def written(batch, names, *, kind=KeyKind.INTEGER, zone=BERLIN, is_past=False):
    """The file's content and the counts, or the word of refusal; and whether it went by the bytes."""
    writer = _SalesWriter(
        Query(Path("sql/sales.sql"), "SELECT 1\n", uses_since=True),
        {name: QueryColumn(name) for name in names},
        customer_kind=kind,
        item_kind=kind,
        window=Window(*WINDOW, date(2026, 11, 24), is_past),
        zone=zone,
        forgotten=Forgotten(),
        guest_key="secret",
        integers_as_text=True,
    )
    file = io.BytesIO()
    try:
        writer.write(file, iter([batch]), lambda _n: None)
    except RefusedError as error:
        return str(error), None
    return file.getvalue().decode(), writer.counts


def is_plain(batch, names, **options):
    """Whether the batch goes by its bytes."""
    seen = []

    class Watched(Lines):
        def columns(self):
            seen.append(1)
            return super().columns()

    written(Watched(batch), names, **options)
    return not seen


digits = st.integers(-(10**6), 10**6).map(str)
numbers = st.one_of(
    digits,
    st.decimals(-1000, 1000, places=2).map(str),
    st.sampled_from(
        ["0", "-0", "1.0", "0.50", "-0.5", "-0.00", "9.990", "100", "1e3", ".5", "5.", "007", "+1"]
    ),
    st.sampled_from(["NaN", "x", "1.2.3", "99999999999999999999", "1234567890123456789.5"]),
)
days = st.dates(date(2026, 2, 20), date(2026, 12, 5)).map(str)
times = st.builds(
    "{}{}{:02}:{:02}:{:02}{}{}".format,
    days,
    st.sampled_from([" ", " ", " ", "T"]),
    st.integers(0, 24),
    st.integers(0, 60),
    st.integers(0, 59),
    st.sampled_from(["", "", ".5", ".500000", ".000000", ".123456", ".1234567", "."]),
    st.sampled_from(["", "", "", "Z", "+00", "+01:00"]),
)
usual_times = st.builds(
    "{} {:02}:{:02}:{:02}{}".format,
    days,
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 59),
    st.sampled_from(["", ".5", ".500000", ".000000", ".123456"]),
)
keys = st.one_of(
    digits, st.sampled_from(["0", "00", "-0", "9223372036854775807", "9223372036854775808", "a b", "é"])
)
nullable = st.none() | st.sampled_from(["10", "1.0", "a", "é", "A.B"])
usual_rows = st.tuples(
    digits,
    digits,
    usual_times,
    digits,
    st.decimals(0, 1000, places=2).map(str) | st.none(),
    digits,
    st.none(),
)
odd_rows = st.tuples(
    st.none() | keys,
    st.none() | keys,
    st.none() | times,
    st.none() | numbers,
    st.none() | numbers,
    nullable,
    nullable,
)
batches = st.one_of(
    st.lists(usual_rows, min_size=1, max_size=8),
    st.lists(st.one_of(usual_rows, usual_rows, odd_rows), min_size=1, max_size=6),
    st.lists(odd_rows, min_size=1, max_size=1),
)


@settings(max_examples=400)
@given(
    rows=batches,
    width=st.sampled_from([3, 4, 5, 6, 7]),
    kind=st.sampled_from(KeyKind),
    zone=st.sampled_from([BERLIN, ZoneInfo("UTC"), ZoneInfo("America/St_Johns")]),
    is_past=st.booleans(),
)
@example([("1", "2", "2026-10-25 02:30:00", "1")], 4, KeyKind.INTEGER, BERLIN, False)
@example([("1", "2", "2026-03-29 02:30:00.5", "1")], 4, KeyKind.INTEGER, BERLIN, False)
def test_bytes_become_what_values_become(rows, width, kind, zone, is_past):
    rows = [row[:width] for row in rows]
    options = {"kind": kind, "zone": zone, "is_past": is_past}
    assert written(Lines(rows), NAMES[:width], **options) == written(Looked(rows), NAMES[:width], **options)


@given(rows=st.lists(usual_rows, min_size=1, max_size=8), width=st.sampled_from([3, 4, 5, 6, 7]))
def test_usual_batches_go_by_their_bytes(rows, width):
    assert is_plain([row[:width] for row in rows], NAMES[:width])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, None),
        (1, None),
        (1, "x"),
        (1, "007"),
        (2, "2026-02-30 10:00:00"),
        (2, "2026-05-03T10:00:00"),
        (2, "2026-05-03"),
        (3, None),
        (3, "1e3"),
        (4, "-0.00"),
        (5, "1.0"),
    ],
)
def test_one_odd_value_has_its_batch_looked_at(place, value):
    usual = ("1", "2", "2026-05-03 10:00:00", "1", "9.90", "77")
    odd = (*usual[:place], value, *usual[place + 1 :])
    assert is_plain([usual, usual], NAMES[:6])
    assert not is_plain([usual, odd], NAMES[:6])


def test_a_text_key_is_any_text():
    assert is_plain([("a b", "é", "2026-05-03 10:00:00")], NAMES[:3], kind=KeyKind.TEXT)
