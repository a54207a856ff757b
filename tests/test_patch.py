"""Few changed lists are written alone; the tables hold then what replacing all would have left."""

from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.publishing import patch as patches
from recommender.publishing.patch import make_patch
from recommender.runs.folder import LOG
from recommender.system.csvform import parse_records, quote
from recommender.system.files import sha256_of
from recommender.tables import KeyKind
from tests.nights import make_shop, tastes

HEADER = "customer_id,position,item_id\n"
TEXTS = st.sampled_from(["", "a", "b,c", 'd"e', "f\ng", "9", "10", "é", "x" * 70]) | st.text(max_size=5)
KEYS = {
    KeyKind.INTEGER: st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 20) | st.just("guest:" + "0a" * 12),
    KeyKind.TEXT: TEXTS.filter(lambda text: text.isprintable() or "\n" in text),
}


def in_order(keys):
    return sorted(keys, key=lambda key: (isinstance(key, str), key))


def write(path, lists):
    lines = [
        f"{quote(key) if isinstance(key, str) else key},{position},{item}\n"
        for key in in_order(lists)
        for position, item in enumerate(lists[key], 1)
    ]
    path.write_text(HEADER + "".join(lines), encoding="utf-8", newline="")
    return path


def lists_of(rows, kind):
    found = {}
    for key, group in groupby(rows, key=lambda row: row[0]):
        is_number = kind is KeyKind.INTEGER and not key.startswith("guest:")
        found[int(key) if is_number else key] = [int(item) for _, _, item in group]
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(KeyKind), block=st.integers(8, 60))
def test_the_old_lists_with_the_patch_are_the_new_ones(tmp_path, monkeypatch, data, kind, block):
    monkeypatch.setattr("recommender.system.csvform._BLOCK", block)
    monkeypatch.setattr(patches, "MOST_CHANGED", 1e9)
    items = st.lists(st.integers(0, 9), min_size=1, max_size=4)
    old = data.draw(st.dictionaries(KEYS[kind], items, max_size=8))
    new = {key: old[key] for key in old if data.draw(st.booleans())}
    new |= data.draw(st.dictionaries(KEYS[kind], items, min_size=0 if new else 1, max_size=4))
    before, after = write(tmp_path / "old", old), write(tmp_path / "new", new)
    found = make_patch(before, after, kind, tmp_path / "patch", lists=len(new))
    assert found is not None
    differ = {key for key in old if old[key] != new.get(key)}
    assert set(found.owners) == differ
    assert found.rows == sum(len(old[key]) for key in differ)
    header, *rows = parse_records(found.path.read_text(encoding="utf-8"))
    assert header == HEADER.strip().split(",")
    comes = lists_of(rows, kind)
    assert comes == {key: new[key] for key in new if new[key] != old.get(key)}
    assert {**{key: old[key] for key in old if key not in differ}, **comes} == new


def test_with_many_changed_lists_there_is_no_patch_and_no_file(tmp_path):
    lists = {n: [1, 2] for n in range(100)}
    old, new = write(tmp_path / "old", lists), tmp_path / "new"
    for changed, is_worth_it in ((30, True), (31, False)):
        write(new, {n: [2, 1] if n < changed else items for n, items in lists.items()})
        found = make_patch(old, new, KeyKind.INTEGER, tmp_path / "patch", lists=100)
        assert (found is not None) == is_worth_it == (tmp_path / "patch").exists()


CUSTOMERS = {
    "integers": [*range(1, 31)],
    "texts": [f'C {n},"é' for n in range(1, 31)],
}


@pytest.fixture(params=CUSTOMERS)
def shop(request, tmp_path, shop_url):
    """A shop whose lists are out."""
    items = [*range(100, 124)]
    found = make_shop(
        tmp_path / "shop", shop_url, tastes(CUSTOMERS[request.param], items), dict.fromkeys(items, True)
    )
    found.does("init", "--yes")
    found.night()
    return found


def ready(shop, change):
    """A run that is ready to be published, its customers' lists changed; returns the file and its rows."""
    for stage in ("export", "train", "rank"):
        shop.recommend(stage, *(["--as-of", "2026-03-01"] if stage == "export" else []))
    path = shop.last_run.path("recommendations.csv")
    header, *rows = [list(row) for row in parse_records(path.read_text(encoding="utf-8"))]
    rows = change(rows)
    lines = [
        [quote(f) if f is not None and not f.isdigit() else f or "" for f in row] for row in (header, *rows)
    ]
    path.write_text("".join(",".join(line) + "\n" for line in lines), encoding="utf-8", newline="")
    run = shop.last_run
    run.manifest.files[path.name] = sha256_of(path)
    run.save()
    return rows


def swapped(rows):
    """The first two items of two customers change places, one customer loses the last, one all."""
    for first in (0, 5):
        rows[first][2], rows[first + 1][2] = rows[first + 1][2], rows[first][2]
    return [*rows[:14], *rows[20:]]


def published(shop):
    return sorted(
        (str(customer), position, str(item))
        for customer, position, item in shop.rows(
            "SELECT customer_id, position, item_id FROM recommendations"
        )
    )


def expected(rows):
    return sorted((customer, int(position), item) for customer, position, item, *_ in rows)


def log_of(shop):
    return shop.last_run.path(LOG).read_text(encoding="utf-8")


def test_only_what_changed_is_written(shop):
    rows = ready(shop, swapped)
    shop.does("publish")
    assert published(shop) == expected(rows)
    assert "lists written in part: 2; changed in them: 4" in log_of(shop)
    assert not list(shop.last_run.folder.glob(".tmp-*"))


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM recommendations WHERE position = 1",
        "DELETE FROM recommendations WHERE position = 4",
        "DELETE FROM recommendations",
        "UPDATE recommendations SET item_id = (SELECT max(item_id) FROM items) WHERE position = 4",
    ],
)
def test_tables_that_somebody_changed_are_replaced(shop, harm):
    rows = ready(shop, swapped)
    shop.execute(harm)
    shop.does("publish")
    assert published(shop) == expected(rows)
    assert "all rows are replaced" in log_of(shop)


def test_forced_all_rows_are_written(shop):
    rows = ready(shop, swapped)
    shop.execute("UPDATE recommendations SET item_id = (SELECT max(item_id) FROM items) WHERE position = 4")
    shop.does("publish", "--force")
    assert published(shop) == expected(rows)
    assert "lists written in part: 0" in log_of(shop)


def test_a_file_that_is_not_what_was_published_is_not_compared_with(shop):
    first = shop.last_run
    rows = ready(shop, swapped)
    old = first.path("recommendations.csv")
    old.write_text(old.read_text(encoding="utf-8").replace("model", "popular"), encoding="utf-8", newline="")
    shop.does("publish")
    assert published(shop) == expected(rows)
    assert "lists written in part: 1; changed in them: 0" in log_of(shop)


def test_lists_that_another_run_published_since_are_not_compared_with(shop):
    shop.execute("UPDATE recommendation_runs SET run_id = 'elsewhere'")
    rows = ready(shop, swapped)
    shop.does("publish")
    assert published(shop) == expected(rows)
    assert "lists written in part: 0; changed in them: 0" in log_of(shop)
