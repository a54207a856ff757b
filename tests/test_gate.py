"""The gate: every finding by a file that has just this fault."""

import random
from datetime import date

import pytest
import sqlalchemy as sa
from hypothesis import assume, given
from hypothesis import strategies as st

from recommender.database.ddl import KeyType, all_tables, runs_table
from recommender.database.schema import Target
from recommender.errors import RefusedError
from recommender.publishing.gate import (
    ListableItems,
    ListFacts,
    Objection,
    check_keys,
    check_list,
    check_shares,
    refuse,
)
from recommender.runs import columns
from recommender.runs.lists import ListFile
from recommender.settings import Settings
from recommender.tables import BUY_AGAIN, POPULAR_ITEMS, RECOMMENDATIONS, SIMILAR_ITEMS, KeyKind, Role
from tests.nights import database_of

HEADER = "customer_id,position,item_id,score,reason,because_item_id"
GOOD = ["1,1,10,1,model,12", "1,2,11,0.5,popular,", "2,1,11,1,new,"]
CANDIDATES = ListableItems(sellable={"10", "11"}, known={"10", "11", "12"})


def checks(path, lines, definition=RECOMMENDATIONS, header=HEADER):
    """The names of what the gate finds in a file of these lines, and what it learnt."""
    path.write_bytes("".join(f"{line}\n" for line in (header, *lines)).encode())
    findings, facts = check_list(ListFile(path, definition), CANDIDATES)
    assert not any(finding.forceable for finding in findings)
    return [finding.check for finding in findings], facts


@pytest.fixture
def path(tmp_path):
    return tmp_path / "list.csv"


def test_a_good_file_has_no_findings_and_its_keys_are_known(path):
    found, facts = checks(path, GOOD)
    assert found == []
    assert facts.rows == 3
    assert set(facts.texts["customer_id"]) == {"1", "2"}
    assert set(facts.texts["item_id"]) == {"10", "11"}


@pytest.mark.parametrize(
    ("fault", "lines"),
    [
        ("rows", []),
        ("readable", ["1,1,10,nan,model,"]),
        ("readable", ["1,1,10,inf,model,"]),
        ("readable", ["1,1,10,,model,"]),
        ("readable", ["1,first,10,1,model,"]),
        ("readable", ["1,1,10,1,model"]),
        ("readable", ['1,1,10,1,"model,']),
        ("readable", [",1,10,1,model,"]),
        ("readable", ["1,1,,1,model,"]),
        ("reason", ["1,1,10,1,because,"]),
        ("items", ["1,1,12,1,model,"]),
        ("items", ["1,1,13,1,model,"]),
        ("items", ["1,1,10,1,model,13"]),
        ("positions", ["1,2,10,1,model,"]),
        ("positions", ["1,0,10,1,model,"]),
        ("positions", ["1,1,10,1,model,", "1,3,11,1,model,"]),
        ("positions", ["1,1,10,1,model,", "1,1,11,1,model,"]),
        ("positions", ["1,1,10,1,model,", "1,1.5,11,1,model,"]),
        ("positions", ["1,1,10,1,model,", "2,1,10,1,model,", "1,1,11,1,model,"]),
        ("twice", ["1,1,10,1,model,", "1,2,10,0.5,model,"]),
    ],
)
def test_each_fault_is_found(path, fault, lines):
    assert checks(path, lines)[0] == [fault]


def test_a_missing_file_or_column_is_found(path, tmp_path):
    findings, _ = check_list(ListFile(tmp_path / "none.csv", RECOMMENDATIONS), CANDIDATES)
    assert [finding.check for finding in findings] == ["readable"]
    assert checks(path, ["1,1,10,1,model"], header="customer_id,position,item_id,score,reason")[0] == [
        "readable"
    ]


def test_a_list_that_says_nothing_where_the_evidence_is_thin_may_be_empty(path):
    found, facts = checks(path, [], BUY_AGAIN, "customer_id,position,item_id,score")
    assert (found, facts.rows) == ([], 0)
    assert checks(path, [], POPULAR_ITEMS, "position,item_id,score")[0] == ["rows"]


def test_an_item_with_a_list_need_only_be_known_what_it_lists_must_be_sellable(path):
    header = "item_id,position,similar_item_id,score"
    assert checks(path, ["12,1,10,1", "12,2,11,0.5", "10,1,11,1"], SIMILAR_ITEMS, header)[0] == []
    assert checks(path, ["13,1,10,1"], SIMILAR_ITEMS, header)[0] == ["items"]
    assert checks(path, ["10,1,12,1"], SIMILAR_ITEMS, header)[0] == ["items"]
    assert checks(path, ["12,1,10,1", "12,2,10,1"], SIMILAR_ITEMS, header)[0] == ["twice"]
    assert checks(path, ["12,1,10,1", "11,2,10,1"], SIMILAR_ITEMS, header)[0] == ["positions"]


@given(
    lists=st.lists(st.integers(1, 6), min_size=1, max_size=8),
    fault=st.sampled_from(["", "positions", "twice", "apart"]),
    at=st.integers(0, 100),
    block=st.integers(36, 90),  # from the header, whole
)
def test_a_fault_is_found_wherever_the_file_is_cut_into_blocks(tmp_path_factory, lists, fault, at, block):
    path = tmp_path_factory.getbasetemp() / "cut.csv"
    rows = [[owner, place, place] for owner, size in enumerate(lists) for place in range(1, size + 1)]
    row = at % len(rows)
    if fault == "positions":
        rows[row][1] += 1
    elif fault == "twice":
        own = [other for other in rows if other[0] == rows[row][0] and other is not rows[row]]
        assume(own)
        rows[row][2] = own[at % len(own)][2]
    elif fault == "apart":
        assume(lists[0] > 1 and len(lists) > 1)
        rows[0][0], rows[-1][0] = rows[-1][0], rows[0][0]
    known = {str(number) for number in range(8)}
    lines = [f"{owner},{place},{item},1\n" for owner, place, item in rows]
    path.write_text("".join(["customer_id,position,item_id,score\n", *lines]), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_BLOCK", block)
        findings, facts = check_list(ListFile(path, BUY_AGAIN), ListableItems(known, known))
    found = [finding.check for finding in findings]
    assert found == {"": [], "apart": ["positions"]}.get(fault, [fault])
    assert (facts.rows, len(facts.texts["customer_id"])) == (len(rows), len(lists))


def test_popular_items_have_no_customers(path):
    header = "position,item_id,score"
    assert checks(path, ["1,11,1", "2,10,0.5"], POPULAR_ITEMS, header)[0] == []
    assert checks(path, ["1,11,1", "2,11,0.5"], POPULAR_ITEMS, header)[0] == ["twice"]
    assert checks(path, ["1,11,1", "1,10,0.5"], POPULAR_ITEMS, header)[0] == ["positions"]


# Against what is published


def last_publish(**values):
    """A row of recommendation_runs as a database gives it."""
    engine = sa.create_engine("sqlite://")
    table = runs_table(schema=None, prefix="")
    table.create(engine)
    row = {
        "run_id": "r",
        "published_seq": 1,
        "published_at": sa.func.now(),
        "as_of": date(2026, 3, 1),
        "source": "run",
        "source_run_id": "r",
        "method": "als",
        "customers": 100,
        "items": 1,
        "sales": 1000,
        "rows_written": 1,
        "data_sha256": "",
        "program_version": "",
        "schema_version": 1,
    }
    with engine.connect() as connection:
        connection.execute(sa.insert(table).values(**(row | values)))
        found = connection.execute(sa.select(table)).fetchone()
    engine.dispose()
    return found


def share_checks(last, *, customers=100, sales=1000, day=date(2026, 3, 1), least=0.5):
    findings = check_shares(
        last,
        Settings(min_customers_share=least, min_sales_share=least),
        customers=customers,
        sales=sales,
        as_of_day=day,
    )
    assert all(finding.forceable for finding in findings)
    return [finding.check for finding in findings]


def test_the_first_publish_is_compared_with_nothing():
    assert share_checks(None, customers=1, sales=1) == []


def test_less_than_the_share_is_a_finding_and_the_share_itself_is_not():
    last = last_publish()
    assert share_checks(last, customers=50, sales=500) == []
    assert share_checks(last, customers=49, sales=500) == ["customers_share"]
    assert share_checks(last, customers=50, sales=499) == ["sales_share"]
    assert share_checks(last, customers=0, sales=0, least=0) == []
    assert share_checks(last, customers=99, sales=1000, least=1) == ["customers_share"]


def test_an_earlier_day_is_a_finding_and_the_same_day_is_not():
    last = last_publish()
    assert share_checks(last, day=date(2026, 2, 28)) == ["past_night"]
    assert share_checks(last) == []
    assert share_checks(last, day=date(2026, 3, 2)) == []


def test_force_passes_only_what_may_be_forced():
    share, broken = Objection("share", "Few.", "Force.", forceable=True), Objection("rows", "None.", "Mend.")
    refuse([], force=False)
    refuse([share], force=True)
    with pytest.raises(RefusedError, match=r"Few\. Force\. \[gate-share\]$"):
        refuse([share], force=False)
    with pytest.raises(RefusedError, match=r"Not published: None\. Mend\. \[gate-rows\]$"):
        refuse([share, broken], force=True)
    with pytest.raises(RefusedError, match=r"Not published: Few\. None\. Mend\. \[gate-rows\]$"):
        refuse([share, broken], force=False)


# Against the columns of the tables


def key_checks(url, column, kind, texts):
    """What the gate says to these keys for tables whose key columns are of this type."""
    database = database_of(url)
    key = KeyType(KeyKind.TEXT, column)
    target = Target(database, None, "")
    with database.connect() as connection:
        for table in all_tables(schema=None, prefix="", customer=key, item=key):
            table.create(connection)
        facts = {RECOMMENDATIONS: ListFacts(len(texts), dict.fromkeys(("customer_id", "item_id"), texts))}
        kinds = {Role.CUSTOMER: kind}
        return check_keys(facts, kinds, target, connection)


@pytest.mark.parametrize(
    ("server", "column", "texts"),
    [
        ("sqlite", "TEXT COLLATE NOCASE", ("A", "B", "a")),
        ("sqlite", "TEXT COLLATE RTRIM", ("a", "a ")),
        ("postgresql", "citext", ("A", "B", "a")),
        ("postgresql", "character(5)", ("a", "a ")),
        ("postgresql", "text COLLATE blind", ("Ä", "ä")),
        ("mariadb", "VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", ("A", "B", "a")),
        ("mariadb", "VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", ("e", "é")),
        ("mariadb", "VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", ("a", "a ")),
    ],
)
def test_keys_that_the_column_finds_equal_are_named(request, tmp_path, server, column, texts):
    if server == "sqlite":
        path = tmp_path / "shop.db"
        path.touch()
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue(server).create_database()
    if server == "postgresql":
        with database_of(url).connect() as connection:
            try:
                connection.exec_driver_sql("CREATE EXTENSION citext")
            except sa.exc.DBAPIError:  # not packaged everywhere
                pytest.skip("PostgreSQL without citext")
            connection.exec_driver_sql(
                "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            )
    (finding,) = key_checks(url, column, KeyKind.TEXT, texts)
    assert (finding.check, finding.forceable) == ("collation", False)
    pair = (texts[0], texts[-1])
    assert f"{pair[0]!r} and {pair[1]!r}" in finding.named or f"{pair[1]!r} and {pair[0]!r}" in finding.named
    assert "recommendations.customer_id" in finding.message


@pytest.fixture
def binary_text(database_url, tmp_path):
    """An empty database, with a text type of nine characters that compares byte by byte."""
    if database_url.startswith("sqlite"):
        (tmp_path / "shop.db").touch()
    binary = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" if database_url.startswith("mysql") else ""
    return database_url, f"VARCHAR(9){binary}"


def test_different_keys_are_no_finding(binary_text):
    url, column = binary_text
    assert key_checks(url, column, KeyKind.TEXT, ("A", "a", "e", "é", "123456789")) == []


def test_a_key_that_is_too_long_is_named_with_the_columns_length(binary_text):
    url, column = binary_text
    (finding,) = key_checks(url, column, KeyKind.TEXT, ("a", "1234567890"))
    assert (finding.check, finding.forceable) == ("length", False)
    assert "has 10 characters; recommendations.customer_id takes 9" in finding.message
    assert finding.named == "It begins '1234567890'."


@pytest.mark.parametrize(
    ("server", "column"),
    [("postgresql", "TEXT"), ("mariadb", "VARCHAR(765) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")],
)
def test_the_longest_key_fits_the_index_and_a_longer_one_is_named(request, server, column):
    url = request.getfixturevalue(server).create_database()
    database = database_of(url)
    chance = random.Random(1)  # what repeats itself is compressed by PostgreSQL
    key = "".join(chr(chance.randrange(0x10000, 0x10FFFF)) for _ in range(database.most_key_bytes // 4))
    assert key_checks(url, column, KeyKind.TEXT, ("a", key)) == []
    table = Target(database, None, "").lists[RECOMMENDATIONS]
    row: dict[str, object] = dict.fromkeys((c.name for c in table.columns), 1) | {
        "customer_id": key,
        "item_id": "a",
    }
    row |= {"reason": "model", "generated_at": date(2026, 1, 1)}
    with database.connect() as connection:
        connection.execute(sa.insert(table), [row])
        assert connection.scalar(sa.select(table.c.customer_id)) == key
    (finding,) = key_checks(
        request.getfixturevalue(server).create_database(), column, KeyKind.TEXT, ("a", key + "x")
    )
    assert (finding.check, finding.forceable) == ("length", False)
    assert (
        f"has {len(key) + 1} characters; no index of recommendations.customer_id holds it" in finding.message
    )


def test_keys_of_the_other_kind_are_a_finding(binary_text):
    url, column = binary_text
    (finding,) = key_checks(url, column, KeyKind.INTEGER, ("1", "2"))
    assert (finding.check, finding.forceable) == ("kind", False)
