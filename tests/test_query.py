"""The owner's SQL text on its way into a subquery."""

import contextlib
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.database.query import open_matters, prepare_query, read_query, require_decided
from recommender.errors import SettingsError
from recommender.setup.proposal.owner import to_decide

PATH = Path("sql/sales.sql")
SINCE = datetime(2024, 11, 22, 23, 0, 5)  # noqa: DTZ001 - naive by contract
LITERAL = "'2024-11-22 23:00:05'"
DIALECTS = ("sqlite", "postgresql", "mysql")
each_dialect = pytest.mark.parametrize("dialect", DIALECTS)


def prepared(text: str, dialect: str) -> str:
    return prepare_query(text, PATH, dialect, SINCE).text


@each_dialect
def test_since_becomes_a_literal(dialect):
    query = prepare_query("SELECT * FROM s WHERE t >= :since AND u>:since", PATH, dialect, SINCE)
    assert query.text == f"SELECT * FROM s WHERE t >= {LITERAL} AND u>{LITERAL}\n"
    assert query.uses_since


def test_an_early_year_has_four_digits():
    early = datetime(25, 1, 2)  # noqa: DTZ001 - naive by contract
    assert prepare_query("SELECT :since", PATH, "sqlite", early).text == "SELECT '0025-01-02 00:00:00'\n"


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        *((dialect, "SELECT ':since'") for dialect in DIALECTS),
        *((dialect, "SELECT 'it''s :since'") for dialect in DIALECTS),
        *((dialect, 'SELECT ":since"') for dialect in DIALECTS),
        *((dialect, "SELECT 1 -- :since; )") for dialect in DIALECTS),
        *((dialect, "SELECT 1 /* :since; ) */") for dialect in DIALECTS),
        *((dialect, "SELECT 1 -- it's\n") for dialect in DIALECTS),
        *((dialect, "SELECT x::since FROM t") for dialect in DIALECTS),
        *((dialect, "SELECT a[1:since] FROM t") for dialect in DIALECTS),
        *((dialect, "SELECT :sincere") for dialect in DIALECTS),
        ("sqlite", "SELECT [:since ;] FROM t"),
        ("sqlite", "SELECT `:since ;` FROM t"),
        ("mysql", "SELECT `:since ;` FROM t"),
        ("mysql", r"SELECT 'it\'s :since;'"),
        ("mysql", r'SELECT "it\"s :since;"'),
        ("mysql", "SELECT 1 # :since; )"),
        ("mysql", "SELECT /*+ NO_INDEX_MERGE(t) :since */ 1"),
        ("postgresql", "SELECT $$it's :since;)$$"),
        ("postgresql", "SELECT $x$ $$ :since; $x$"),
        ("postgresql", r"SELECT E'it\'s :since;'"),
        ("postgresql", "SELECT 1 /* a /* b */ :since; ) */"),
    ],
)
def test_what_only_looks_like_since_stays(dialect, text):
    query = prepare_query(text, PATH, dialect, SINCE)
    assert query.text == text.strip() + "\n"
    assert not query.uses_since


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        ("sqlite", r"SELECT '\', :since"),
        ("postgresql", r"SELECT '\', :since"),
        ("postgresql", "SELECT a$b, :since, c$b FROM t"),  # a dollar inside a name quotes nothing
        ("postgresql", "SELECT 1 # 2, :since"),
        ("mysql", "SELECT 1--1, :since"),  # two minus signs
        ("mysql", "SELECT /*!50000 :since, */ 1"),
        ("mysql", "SELECT /*M!100100 :since, */ 1"),
        *((dialect, "SELECT '%', x FROM t WHERE a LIKE 'wc-%' AND b = :since") for dialect in DIALECTS),
    ],
)
def test_what_only_looks_like_a_literal_or_comment_hides_nothing(dialect, text):
    assert prepared(text, dialect) == text.replace(":since", LITERAL) + "\n"


@each_dialect
@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;",
        "SELECT 1 ; ;\n\n",
        "  \n(SELECT 1)",
        "-- the sales\nSELECT 1",
        "/* the sales */ WITH a AS (SELECT 1) SELECT * FROM a",
        "VALUES (1)",
        "SELECT @x := 1",
        "SELECT 1; -- that's all; really\n/* yes ) */",
    ],
)
def test_one_select_in_any_dress(text, dialect):
    found = prepare_query(text, PATH, dialect, SINCE)
    # A comment at the end must not swallow what follows it.
    assert found.text.endswith("\n")
    assert found.wrapped("a", "LIMIT 0") == f"SELECT a FROM ({found.text}) AS q LIMIT 0"
    assert ";" not in found.text.partition("--")[0]


@each_dialect
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "does not begin with SELECT"),
        ("-- nothing yet", "does not begin with SELECT"),
        (";", "does not begin with SELECT"),
        ("DROP TABLE sales", "does not begin with SELECT"),
        ("DELETE FROM sales", "does not begin with SELECT"),
        ("PRAGMA journal_mode = DELETE", "does not begin with SELECT"),
        ("EXPLAIN SELECT 1", "does not begin with SELECT"),
        ("selection", "does not begin with SELECT"),
        ("SELECT 1; DROP TABLE sales", "more than one statement"),
        ("SELECT 1; -- so\nSELECT 2", "more than one statement"),
        ("SELECT 1; :since", "more than one statement"),
        ("SELECT 1; 'x'", "more than one statement"),
        ("SELECT (1; 2)", "more than one statement"),
        ("SELECT 1) AS q; DROP TABLE sales; --", "closes a parenthesis"),
        ("SELECT 1) AS q, (SELECT 2", "closes a parenthesis"),
        ("SELECT (1", "not closed"),
        ("SELECT 1 /* to be continued", "comment is not closed"),
        ("SELECT 1 /*/", "comment is not closed"),
    ],
)
def test_anything_but_one_select_is_refused(text, reason, dialect):
    with pytest.raises(SettingsError, match=reason) as caught:
        prepare_query(text, PATH, dialect, SINCE)
    assert str(PATH) in caught.value.reason


@pytest.mark.parametrize(
    "text", ["SELECT 1 /*! ) AS q INTO OUTFILE 'x' -- */", "SELECT 1 /*!; DROP TABLE t */"]
)
def test_comments_that_mysql_runs_are_read(text):
    with pytest.raises(SettingsError):
        prepare_query(text, PATH, "mysql", SINCE)


def test_a_nested_comment_of_postgresql_must_end_twice():
    with pytest.raises(SettingsError, match="comment is not closed"):
        prepare_query("SELECT 1 /* a /* b */", PATH, "postgresql", SINCE)


def test_a_line_of_comment_in_postgresql_also_ends_where_a_carriage_return_is():
    with pytest.raises(SettingsError, match="closes a parenthesis"):
        prepare_query("SELECT 1 -- a\r) AS q; DROP TABLE t; --", PATH, "postgresql", SINCE)
    windows = "-- it's\r\nSELECT 1 -- ;\r\n"
    assert prepared(windows, "postgresql") == windows.strip() + "\n"


contents = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
tricky = st.lists(
    st.sampled_from(
        ["'", '"', "`", ";", "(", ")", "--", "/*", "*/", "#", ":since", "$$", "\\", "%", "\n", "[", "]"]
    )
).map("".join)


def quoted(content: str, dialect: str) -> str:
    if dialect == "mysql":
        content = content.replace("\\", "\\\\")
    return "'" + content.replace("'", "''") + "'"


@given(st.one_of(contents, tricky), st.sampled_from(DIALECTS))
def test_a_literal_survives_whatever_is_in_it(content, dialect):
    literal = quoted(content, dialect)
    query = prepare_query(f"SELECT {literal}, (:since)", PATH, dialect, SINCE)
    assert query.text == f"SELECT {literal}, ({LITERAL})\n"
    assert query.uses_since


@given(st.one_of(contents, tricky), tricky)
def test_sqlite_reads_the_same_literals_comments_and_names(content, comment):
    """The database itself says where a literal, a name and a comment end."""
    while "*/" in comment:  # what is left can make another
        comment = comment.replace("*/", "")
    comment = comment.rstrip("*")
    name = content.replace('"', '""') or "n"
    line = comment.partition("\n")[0]
    text = f'SELECT {quoted(content, "sqlite")} AS "{name}", :since /* {comment} */ -- {line}\n;'
    query = prepare_query(text, PATH, "sqlite", SINCE)
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        assert connection.execute(query.wrapped()).fetchall() == [(content, LITERAL.strip("'"))]


@given(tricky, st.sampled_from(DIALECTS))
def test_no_text_whatever_breaks_the_reading(text, dialect):
    with contextlib.suppress(SettingsError):
        assert prepare_query("SELECT " + text, PATH, dialect, SINCE).text.startswith("SELECT")


def test_the_file(tmp_path):
    path = tmp_path / "sales.sql"
    with pytest.raises(SettingsError, match=r"no query .*sales\.sql"):
        read_query(path, "sqlite", SINCE)
    path.write_bytes(b"\xef\xbb\xbfSELECT 1\r\nFROM t;\r\n")
    assert read_query(path, "sqlite", SINCE).text == "SELECT 1\nFROM t\n"
    path.write_bytes(b"SELECT '\xe9'")
    with pytest.raises(SettingsError, match="UTF-8"):
        read_query(path, "sqlite", SINCE)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_query(tmp_path, "sqlite", SINCE)


# What the owner has yet to decide


@each_dialect
def test_a_line_to_decide_is_named_with_its_number_until_it_is_taken_out(dialect):
    text = "-- The sales\nSELECT a, 'x\ny' AS b  --  to decide : which;\nFROM t\n"
    text += "\t-- TO DECIDE: whether that is all.\n"
    with pytest.raises(SettingsError) as raised:
        prepared(text, dialect)
    assert str(raised.value).startswith(
        f"To be decided first: {PATH}, line 3: which;; {PATH}, line 5: whether that is all."
    )
    assert prepare_query(text, PATH, dialect, SINCE, undecided=True).text == text.strip() + "\n"
    decided = "".join(line for line in text.splitlines(keepends=True) if "decide" not in line.lower())
    assert not [*open_matters(decided, dialect)]


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        *((dialect, "SELECT '-- TO DECIDE: x' AS a") for dialect in DIALECTS),
        *((dialect, "SELECT 'a\n-- TO DECIDE: x\n' AS a") for dialect in DIALECTS),
        *((dialect, "SELECT 1 -- not TO DECIDE: x") for dialect in DIALECTS),
        *((dialect, "SELECT 1 -- TO DECIDE is nothing") for dialect in DIALECTS),
        *((dialect, "SELECT 1 /* TO DECIDE: x */") for dialect in DIALECTS),
        ("postgresql", "SELECT $$\n-- TO DECIDE: x\n$$"),
        ("mysql", "SELECT 1 --TO, 2"),
    ],
)
def test_what_only_looks_like_a_matter_to_decide_is_none(dialect, text):
    assert not [*open_matters(text, dialect)]


@given(matter=st.text(min_size=1), before=st.integers(0, 3), indent=st.sampled_from(("", "  ", "\t")))
def test_whatever_the_matter_is_it_is_one_line_that_is_named(matter, before, indent):
    line = to_decide(matter, indent)
    text = "SELECT 1\n" * before + line + "\nSELECT 1\n"
    for dialect in DIALECTS:
        ((number, _),) = open_matters(text, dialect)
        assert number == before + 1


def test_all_files_are_told_at_once_and_what_is_none_is_passed_over(tmp_path):
    paths = [tmp_path / name for name in ("sales.sql", "items.sql", "rules.sql", "statuses.sql")]
    paths[0].write_text("SELECT 1 -- TO DECIDE: one\n", encoding="utf-8")
    paths[1].write_bytes(b"SELECT '\xff' -- TO DECIDE: two")
    paths[3].write_text("\ufeff-- TO DECIDE: four\nSELECT 1\n", encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        require_decided(paths, "sqlite")
    assert f"{paths[0]}, line 1: one; {paths[3]}, line 1: four." in str(raised.value)
    require_decided(paths[1:3], "sqlite")
