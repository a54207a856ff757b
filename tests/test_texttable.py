"""Tables stand in line whatever is in them, and keep within the terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.system.text import Column, cells, columns_left_out, cut, folded, printable, table

ITEM = Column("item", shortest=4)
NUMBER = Column("n", right=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tea", 3),
        ("", 0),
        ("日本茶", 6),  # East Asian letters take two cells
        ("e\u0301te\u0301", 3),  # an accent of its own stands over the letter before
        ("\uff54\uff45\uff41", 6),
        ("🍵", 2),
        ("…", 1),
    ],
)
def test_cells_that_a_text_takes(text, expected):
    assert cells(text) == expected


@pytest.mark.parametrize(
    ("most", "expected"),
    [(9, "日本茶 t…"), (10, "日本茶 tea"), (7, "日本茶…"), (6, "日本…"), (2, "…"), (1, "…"), (0, "")],
)
def test_cut_never_halves_a_wide_letter(most, expected):
    shown = cut("日本茶 tea", most)
    assert shown == expected
    assert cells(shown) <= most


@pytest.mark.parametrize(
    "bad", ["\x1b[31m", "\n", "\r", "\x07", "\x9b", "\u202e", "\u200b", "\x00", "\ud800"]
)
def test_what_a_terminal_would_obey_is_a_question_mark(bad):
    assert printable(f"a{bad[0]}b") == "a?b"
    (line,) = table([Column("")], [[f"a{bad}b"]], width=None)
    assert line.isprintable()


def test_texts_stand_left_and_numbers_right():
    assert table([ITEM, NUMBER, Column("x")], [["Tea", 1234567, None], ["日本", 5, "y"]], width=None) == [
        "item          n  x",
        "Tea   1,234,567",
        "日本          5  y",
    ]


def test_a_text_without_end_does_not_make_every_line_as_long():
    long, short = table([ITEM, NUMBER], [["x" * 10**6, 1], ["y", 2]], width=None)[1:]
    assert len(long) == len(short) == len(f"{'x' * 500}  1")
    assert long.startswith("x" * 499 + "…")


def test_a_table_without_headings_has_no_line_for_them():
    assert table([Column(""), Column("")], [["a", "b"]], width=None, indent="  ") == ["  a  b"]


def test_no_rows_leave_the_headings():
    assert table([ITEM, NUMBER], [], width=80) == ["item  n"]


def test_a_narrow_terminal_cuts_texts_first_and_then_leaves_columns_out():
    columns = [
        Column("day"),
        Column("name", shortest=6),
        Column("rows", right=True, goes=1),
        Column("run", goes=2),
    ]
    rows = [["2026-03-01", "a long name", 12, "20260301T"]]
    assert table(columns, rows, width=None)[1] == "2026-03-01  a long name    12  20260301T"
    assert table(columns, rows, width=40)[1] == "2026-03-01  a long name    12  20260301T"
    assert table(columns, rows, width=39)[1] == "2026-03-01  a long na…    12  20260301T"
    assert table(columns, rows, width=35)[1] == "2026-03-01  a lon…    12  20260301T"
    assert table(columns, rows, width=34) == [
        "day         name         rows",
        "2026-03-01  a long name    12",
    ]
    assert table(columns, rows, width=23)[1] == "2026-03-01  a long name"
    assert table(columns, rows, width=18)[1] == "2026-03-01  a lon…"
    # Nothing more can go: what is left is shown whole rather than not at all.
    assert table(columns, rows, width=5)[1] == "2026-03-01  a lon…"


@given(
    st.lists(st.tuples(st.text(), st.integers(0, 10**12), st.text()), max_size=5),
    st.integers(40, 120),
)
def test_every_line_fits_and_the_columns_begin_at_the_same_cell(rows, width):
    columns = [Column("a", shortest=3), NUMBER, Column("b", shortest=3, goes=1)]
    lines = table(columns, rows, width=width)
    assert len(lines) == len(rows) + 1
    assert all(line.isprintable() and cells(line) <= width for line in lines)
    # The number ends at the same cell in every line.
    end = cells(lines[0][: lines[0].index("n") + 1])
    for line, (_, number, _) in zip(lines[1:], rows, strict=True):
        starts = [i for i in range(len(line)) if line.startswith(f"{number:,}", i)]
        assert end in {cells(line[: i + len(f"{number:,}")]) for i in starts}


@given(
    text=st.text(alphabet="ab 日é-/.,", min_size=1),
    width=st.integers(1, 30),
    hang=st.sampled_from(["", "  "]),
)
def test_a_text_is_folded_between_words_and_loses_none(text, width, hang):
    lines = folded(text, width, hang=hang)
    assert " ".join(lines).split() == text.split()
    assert all(line.startswith(hang) for line in lines[1:])
    for line in lines:
        longest = max(map(cells, line.split()), default=0)
        assert cells(line) <= width or longest + len(hang) > width or len(line.split()) == 1


def test_a_folded_text_goes_on_below_its_first_word():
    assert folded("Warning: one two three", 14, hang=" " * 9) == [
        "Warning: one",
        "         two",
        "         three",
    ]
    assert folded("", 10) == [""]


def test_how_many_columns_a_narrow_terminal_hides():
    columns = (Column("a"), Column("bbbbb", goes=1), Column("ccccc", goes=2))
    rows = [("1", "2", "3")]
    assert columns_left_out(columns, rows, width=20) == 0
    assert columns_left_out(columns, rows, width=9) == 1
    assert columns_left_out(columns, rows, width=3) == 2
