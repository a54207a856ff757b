"""The night from end to end on every database: init, run, its options, and its stages one by one."""

import json
import shutil
from collections import Counter
from datetime import date, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from recommender.errors import ExitCode
from recommender.runs.manifest import Status
from recommender.system.files import sha256_of
from tests.nights import ALL_TABLES, DAY, Shop, csv_rows, empty_shop, make_shop, tastes, usual_shop

pytestmark = pytest.mark.sqlite_proves

LISTS = ALL_TABLES.split(", ")[:-2]
LIST_FILES = [f"{name}.csv" for name in LISTS]
SELLABLE = set(range(102, 124))
HOSTILE_TEXTS = [
    "6f1c0a3e-9b1d-4c8e-8f57-0d6a2b7c9e10",
    "00123",
    "Ünïcødé 日本",
    "a,b",
    'say "hi"',
    "line\nbreak",
    "lone\rreturn",
    "NA",
    "null",
    "1e5",
    "TRUE",
    "it's %s :x \\N",
    "\\",
    "tab\tbed",
    " leading",
    "trailing ",
    "123",
]
HOSTILE_INTEGERS = [-(2**63), -7, 0, 123, 2**53 + 1, 2**53 + 2, 2**63 - 2, 2**63 - 1]


@pytest.fixture
def shop(tmp_path, database_url):
    return usual_shop(tmp_path / "shop", database_url)


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'shop.db'}"


@pytest.fixture
def sqlite_shop(tmp_path, sqlite_url):
    return usual_shop(tmp_path / "shop", sqlite_url)


def results(run):
    """The hash of every file of a run that promises to be the same each time."""
    names = ("sales.csv.gz", "items.csv", "model.npz", *LIST_FILES)
    return {name: sha256_of(run.path(name)) for name in names}


def bought(shop: Shop) -> set[tuple[int, int]]:
    return {(c, i) for c, i in shop.rows("SELECT customer_id, item_id FROM sales")}


@pytest.mark.each_database
def test_everybody_who_bought_has_a_whole_list_of_what_can_be_sold(shop):
    run = shop.night()
    lists = shop.lists()
    assert set(lists) == set(range(1, 31))
    assert {len(items) for items in lists.values()} == {5}
    assert {item for items in lists.values() for item in items} <= SELLABLE
    assert not {(c, item) for c, items in lists.items() for item in items} & bought(shop)
    ((seq, rows, customers, sales, method, source, run_id, day),) = shop.rows(
        "SELECT published_seq, rows_written, customers, sales, method, source, run_id, as_of"
        " FROM recommendation_runs"
    )
    written = {table: shop.rows(f"SELECT count(*) FROM {table}")[0][0] for table in LISTS}
    assert (written["recommendations"], written["popular_items"]) == (150, 22)
    assert (seq, rows, customers, sales) == (1, sum(written.values()), 30, 120)
    assert (method, source, run_id, str(day)) == ("blend", "run", run.run_id, str(DAY))
    assert run.manifest.exit_code == ExitCode.DONE


def test_the_rows_of_a_list_keep_their_rules(shop):
    shop.night()
    history: dict[int, set[int]] = {}
    for customer, item in bought(shop):
        history.setdefault(customer, set()).add(item)
    rows = shop.rows(
        "SELECT customer_id, position, score, reason, because_item_id, item_id FROM recommendations"
        " ORDER BY customer_id, position"
    )
    before = 1.0
    for customer, position, score, reason, because, _ in rows:
        if position == 1:
            before = 1.0
            assert score == 1
        assert 0 <= score <= before
        assert round(score, 3) == score
        assert reason in ("model", "popular", "new")
        assert (because in history[customer]) if reason == "model" else because is None
        before = score
    popular = shop.rows("SELECT position, item_id, score FROM popular_items ORDER BY position")
    assert [position for position, _, _ in popular] == list(range(1, 23))
    assert {item for _, item, _ in popular} == SELLABLE
    assert [score for _, _, score in popular] == sorted((s for _, _, s in popular), reverse=True)


@pytest.mark.each_database
def test_the_table_is_the_file(shop):
    run = shop.night()
    header, *records = csv_rows(run.path("recommendations.csv"))
    rows = shop.rows(f"SELECT {', '.join(header)} FROM recommendations ORDER BY customer_id, position")
    assert [
        (int(c), int(p), int(i), float(s), reason, int(b) if b else None) for c, p, i, s, reason, b in records
    ] == rows


def test_repeats_may_be_shown_where_the_owner_wants_them(sqlite_shop):
    sqlite_shop.set(REPEAT_PURCHASES="include").night()
    lists = sqlite_shop.lists()
    assert {(c, item) for c, items in lists.items() for item in items} & bought(sqlite_shop)
    assert {item for items in lists.values() for item in items} <= SELLABLE


def test_items_of_the_never_list_are_in_no_list(sqlite_shop):
    (sqlite_shop.folder / "never.txt").write_text("105\n\n106\n", encoding="utf-8")
    sqlite_shop.set(NEVER_RECOMMEND="never.txt").night()
    shown = {item for items in sqlite_shop.lists().values() for item in items}
    shown |= {item for (item,) in sqlite_shop.rows("SELECT item_id FROM popular_items")}
    assert shown == SELLABLE - {105, 106}


def test_a_customer_whom_the_model_cannot_use_gets_what_is_popular(shop):
    # Everything was given back: no interaction is left.
    shop.execute(
        "INSERT INTO sales VALUES (99, 105, '2026-02-01 10:00:00', 1, NULL)",
        "INSERT INTO sales VALUES (99, 105, '2026-02-02 10:00:00', -1, NULL)",
    )
    query = "SELECT customer_id, item_id, sold_at, coalesce(quantity, 1) AS quantity FROM sales"
    (shop.folder / "sql" / "sales.sql").write_text(query, encoding="utf-8")
    shop.night()
    rows = shop.rows("SELECT item_id, reason, because_item_id FROM recommendations WHERE customer_id = 99")
    popular = {item for (item,) in shop.rows("SELECT item_id FROM popular_items")}
    assert len({item for item, _, _ in rows} & popular) == 5
    assert {(reason, because) for _, reason, because in rows} == {("popular", None)}


def test_a_small_catalogue_gives_short_lists_and_no_unsellable_filler(tmp_path, sqlite_url):
    sales = [(1, 10, DAY), (1, 11, DAY), (2, 10, DAY), (3, 11, DAY), (4, 10, DAY), (4, 11, DAY), (4, 12, DAY)]
    shop = make_shop(tmp_path / "shop", sqlite_url, sales, {10: True, 11: True, 12: True, 13: False})
    shop.does("init", "--yes")
    shop.night()
    assert {c: set(items) for c, items in shop.lists().items()} == {1: {12}, 2: {11, 12}, 3: {10, 12}}


def test_one_customer_is_a_shop(tmp_path, database_url):
    shop = make_shop(tmp_path / "shop", database_url, [(1, 10, DAY)], {10: True, 11: True, 12: True})
    shop.does("init", "--yes")
    shop.night()
    assert shop.rows("SELECT item_id, reason FROM recommendations ORDER BY position") == [
        (11, "new"),
        (12, "new"),
    ]


def test_an_empty_shop_is_refused_in_words(tmp_path, database_url):
    shop = empty_shop(tmp_path / "shop", database_url)
    shop.does("init", "--yes")
    assert "There are no sales in the 36500 days" in shop.fails(ExitCode.REFUSED, "run")
    assert shop.last_run.manifest.status is Status.REFUSED
    assert shop.rows("SELECT * FROM recommendation_runs") == []


def test_a_second_run_of_the_night_gives_the_same_bytes(shop):
    first, before = shop.night(), shop.dump()
    second, after = shop.night(), shop.dump()
    assert first.run_id != second.run_id
    assert results(first) == results(second)
    for table in LISTS:
        assert before[table] == after[table]
    assert shop.rows("SELECT run_id FROM recommendation_runs ORDER BY published_seq") == [
        (first.run_id,),
        (second.run_id,),
    ]


def test_any_number_of_threads_gives_the_same_bytes(sqlite_shop):
    found = [results(sqlite_shop.set(THREADS=threads).night()) for threads in (1, 2, 0)]
    assert found[0] == found[1] == found[2]


def test_the_same_sales_give_the_same_lists_on_every_database(tmp_path, request, sqlite_url):
    found = []
    for kind in ("sqlite", "postgresql", "mariadb"):
        url = sqlite_url if kind == "sqlite" else request.getfixturevalue(kind).create_database()
        shop = usual_shop(tmp_path / kind, url)
        if kind != "sqlite":  # rows in another order are the same sales
            rows = shop.rows("SELECT customer_id, item_id, sold_at FROM sales")
            shop.execute("DELETE FROM sales")
            shop.sell((c, i, t.date()) for c, i, t in reversed(rows))
        run = shop.night()
        names = ("items.csv", "model.npz", *LIST_FILES)
        found.append((run.manifest.data_sha256, [run.manifest.files[name] for name in names]))
    assert found[0] == found[1] == found[2]


@pytest.mark.each_database
@pytest.mark.parametrize("keys", [HOSTILE_INTEGERS, HOSTILE_TEXTS], ids=["integer", "text"])
def test_keys_of_every_form_come_out_unchanged(tmp_path, database_url, keys):
    shop = make_shop(tmp_path / "shop", database_url, tastes(keys, keys), dict.fromkeys(keys, True))
    shop.does("init", "--yes")
    shop.set(REPEAT_PURCHASES="include", TOP_N=len(keys)).night()
    lists = shop.lists()
    assert set(lists) == set(keys)
    assert all(sorted(items) == sorted(keys) for items in lists.values())
    assert {because for (because,) in shop.rows("SELECT because_item_id FROM recommendations")} <= {
        None,
        *keys,
    }
    for key in keys:
        view = json.loads(shop.does("show", "--json", "--", str(key)))
        assert [line["item_id"] for line in view["recommendations"]] == lists[key]
        assert all(line["name"] == f"Item {line['item_id']}" for line in view["recommendations"])
        assert view["history"]
    # A join needs no cast.
    joined = "SELECT COUNT(*) FROM recommendations AS r JOIN items AS i ON i.item_id = r.item_id"
    assert shop.rows(joined) == [(len(keys) ** 2,)]


def test_uuid_columns_of_postgresql_stay_uuids(tmp_path, postgresql):
    url = postgresql.create_database()
    keys = [str(UUID(int=n)) for n in range(1, 10)]
    shop = make_shop(tmp_path / "shop", url, tastes(keys, keys), dict.fromkeys(keys, True))
    for table, column in (("sales", "customer_id"), ("sales", "item_id"), ("items", "item_id")):
        shop.execute(f"ALTER TABLE {table} ALTER {column} TYPE uuid USING {column}::uuid")
    shop.does("init", "--yes")
    shop.night()
    assert {str(customer) for customer in shop.lists()} == set(keys)
    assert "Is shown" in shop.does("show", keys[0])
    assert "Lists:   0.0 % of 9 customers" in shop.does("run", "--as-of", str(DAY), "--dry-run")


def test_as_of_reads_up_to_the_end_of_that_day(shop):
    shop.sell([(77, 105, DAY), (78, 105, DAY + timedelta(days=1))])
    run = shop.night()
    assert {77, 78} & set(shop.lists()) == {77}
    assert (run.manifest.as_of_day, run.manifest.as_of) == ("2026-03-01", "2026-03-02T00:00:00Z")
    # What comes after a past day is no mistake of a clock.
    assert run.manifest.warnings == []


def test_as_of_ends_with_the_shops_own_day(sqlite_shop):
    run = sqlite_shop.set(SHOP_TIMEZONE="America/New_York").night()
    assert run.manifest.as_of == "2026-03-02T05:00:00Z"


def test_as_of_in_the_future_is_a_wrong_call(sqlite_shop):
    assert "future" in sqlite_shop.fails(ExitCode.SETTINGS, "run", "--as-of", "2999-01-01")
    assert sqlite_shop.runs == []


def test_a_dry_run_tells_and_writes_nothing(shop):
    first = shop.night()
    # Tonight's lists are those of before, so what is made different here would change.
    shop.execute(
        "UPDATE recommendations SET item_id = 999 WHERE customer_id IN (3, 4, 5) AND position = 2",
        "DELETE FROM recommendations WHERE customer_id = 7",
        "UPDATE recommendations SET customer_id = 500 WHERE customer_id = 8",
    )
    before = shop.dump()
    out = shop.does("run", "--dry-run", "--as-of", str(DAY))
    assert shop.dump() == before
    assert shop.last_run.manifest.status is Status.DRY_RUN
    assert out.splitlines()[:3] == [
        f"rows      {first.manifest.counts['rows']}",
        "customers 30",
        f"From {first.run_id} (day {DAY}) to {shop.last_run.run_id} (day {DAY}):",
    ]
    # 3, 4, 5, 7, 8 and 500, of the 30 customers and 500; of the 28 lists on both sides three have one item of
    # five that is not the same.
    share, overlap = 100 * 6 / 31, 100 * (25 + 3 * 4 / 5) / 28
    assert (
        f"Lists:   {share:.1f} % of 31 customers' lists differ, {overlap:.0f} % of the items the same;"
        " 2 customers new, 1 gone"
    ) in out
    assert out.endswith("Nothing was written to the database.\n")


def test_a_first_dry_run_changes_every_list(shop):
    assert "Lists: 100.0 % of 30 customers" in shop.does("run", "--dry-run", "--as-of", str(DAY))


def test_a_dry_run_exits_as_the_gate_would(sqlite_shop):
    sqlite_shop.night()
    sqlite_shop.execute("DELETE FROM sales WHERE customer_id > 10")
    outcome = sqlite_shop.recommend("run", "--dry-run", "--as-of", str(DAY))
    assert outcome.code is ExitCode.REFUSED
    assert "customers 10" in outcome.out
    assert "There are 10 customers now; the run " in outcome.err
    assert "Nothing was written" in outcome.out
    assert sqlite_shop.last_run.manifest.exit_code == ExitCode.REFUSED
    assert sqlite_shop.recommend("run", "--dry-run", "--as-of", str(DAY), "--force").code is ExitCode.DONE


def test_too_few_customers_or_sales_are_refused_and_forced(shop):
    shop.night()
    before = shop.lists()
    shop.execute("DELETE FROM sales WHERE customer_id > 10")
    line = shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY))
    assert "There are 10 customers now" in line
    assert "sales now; the run" in line
    assert "--force" in line
    assert shop.lists() == before
    assert shop.last_run.manifest.status is Status.REFUSED
    assert {found.check for found in shop.last_run.manifest.gate} == {"customers_share", "sales_share"}
    shop.night(DAY, "--force")
    assert set(shop.lists()) == set(range(1, 11))


def test_a_past_night_is_refused_and_forced(sqlite_shop):
    sqlite_shop.night()
    yesterday = DAY - timedelta(days=1)
    assert "would replace" in sqlite_shop.fails(ExitCode.REFUSED, "run", "--as-of", str(yesterday))
    sqlite_shop.night(yesterday, "--force")
    ((newest,),) = sqlite_shop.rows("SELECT as_of FROM recommendation_runs WHERE published_seq = 2")
    assert str(newest) == str(yesterday)


def test_force_passes_no_empty_result(sqlite_shop):
    sqlite_shop.night()
    before = sqlite_shop.dump()
    sqlite_shop.execute("UPDATE items SET sellable = 0")
    line = sqlite_shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY), "--force")
    assert "None of the 24 items" in line
    assert "--force" not in line
    assert sqlite_shop.dump()["recommendations"] == before["recommendations"]


# The model: trained or loaded


def test_load_without_a_model_is_refused(sqlite_shop):
    assert "no published run" in sqlite_shop.fails(ExitCode.REFUSED, "run", "--load")


def test_load_takes_the_model_of_the_same_day_and_folds_new_sales_in(sqlite_shop):
    first = sqlite_shop.night()
    # 55 is new, 1 has changed, and 900 is an item that the model does not know.
    sqlite_shop.execute("INSERT INTO items VALUES (900, 'New', 1)")
    sqlite_shop.sell([(55, 105, DAY), (55, 108, DAY), (1, 115, DAY), (56, 900, DAY)])
    before = sqlite_shop.lists()
    second = sqlite_shop.night(DAY, "--load")
    assert second.manifest.parent_run_id == first.run_id
    assert second.manifest.as_json()["model"] == {
        "mode": "loaded",
        "why": "asked for",
        "run_id": first.run_id,
        "as_of_day": str(DAY),
        "may_start_warm": True,
        "chain": [
            {
                "run_id": first.run_id,
                "mode": "cold",
                "as_of_day": str(DAY),
                "sha256": first.manifest.files["model.npz"],
            }
        ],
    }
    assert second.manifest.counts["unknown_items"] == 1
    assert "900" in second.path("log.jsonl").read_text(encoding="utf-8")
    lists = sqlite_shop.lists()
    reasons = Counter(sqlite_shop.rows("SELECT customer_id, reason FROM recommendations"))
    assert reasons[55, "model"] > 0
    assert reasons[56, "model"] == 0
    assert len(lists[56]) == 5
    assert 115 not in lists[1]
    assert sqlite_shop.rows("SELECT model_run_id FROM recommendation_runs ORDER BY published_seq") == [
        (first.run_id,),
        (first.run_id,),
    ]
    # Who bought nothing new keeps the factors, and so the model's order of the items.
    by_model = [
        row for row in csv_rows(second.path("recommendations.csv"))[1:] if row[0] == "2" and row[4] == "model"
    ]
    assert [int(row[2]) for row in by_model] == before[2][: len(by_model)]


def test_models_are_loaded_until_they_are_old_enough(sqlite_shop):
    sqlite_shop.set(TRAIN_EVERY_DAYS=3, WARM_START="never")
    days = [DAY + timedelta(days=n) for n in range(5)]
    modes = [sqlite_shop.night(day).manifest.origin.mode for day in days]
    assert modes == ["cold", "loaded", "loaded", "cold", "loaded"]
    runs = sqlite_shop.runs
    assert [run.manifest.parent_run_id for run in runs] == [
        None,
        runs[0].run_id,
        runs[1].run_id,
        None,
        runs[3].run_id,
    ]
    # A second run of a night has the parent of the first, not the first.
    again = sqlite_shop.night(days[4])
    assert again.manifest.parent_run_id == runs[3].run_id
    assert results(again) == results(runs[4])
    assert sqlite_shop.night(days[4], "--train").manifest.origin.mode == "cold"


def test_every_night_trains_by_default(sqlite_shop):
    for n in range(2):
        run = sqlite_shop.night(DAY + timedelta(days=n))
        assert run.manifest.origin.run_id == run.run_id
        assert run.manifest.origin.as_of_day == str(DAY + timedelta(days=n))


def test_only_a_published_run_is_a_parent(sqlite_shop):
    sqlite_shop.set(TRAIN_EVERY_DAYS=9)
    sqlite_shop.does("run", "--dry-run", "--as-of", str(DAY - timedelta(days=1)))
    assert sqlite_shop.night().manifest.origin.mode == "cold"


def test_other_settings_of_the_model_train_it_anew(sqlite_shop):
    sqlite_shop.set(TRAIN_EVERY_DAYS=9).night()
    run = sqlite_shop.set(FACTORS=9).night(DAY + timedelta(days=1))
    assert run.manifest.origin.mode == "cold"
    loaded = sqlite_shop.set(FACTORS=7).night(DAY + timedelta(days=2), "--load")
    assert loaded.manifest.origin.run_id == run.run_id
    assert "other settings" in loaded.manifest.warnings[0]


def test_a_damaged_model_is_replaced_by_a_training_unless_load_was_asked_for(sqlite_shop):
    first = sqlite_shop.set(TRAIN_EVERY_DAYS=9).night()
    content = first.path("model.npz").read_bytes()
    first.path("model.npz").write_bytes(content[:-9] + b"x" + content[-8:])
    assert "model.npz" in sqlite_shop.fails(ExitCode.REFUSED, "run", "--load", "--as-of", str(DAY))
    run = sqlite_shop.night(DAY + timedelta(days=1))
    assert run.manifest.origin.mode == "cold"
    assert "trained instead" in run.manifest.warnings[0]


# Stages one by one


def test_the_stages_one_by_one_are_the_night(sqlite_shop):
    night = sqlite_shop.night()
    run_id = sqlite_shop.does("export", "--as-of", str(DAY)).strip()
    assert run_id == sqlite_shop.last_run.run_id
    assert sqlite_shop.last_run.manifest.status is Status.WAITING
    for stage in ("train", "rank", "publish"):
        assert sqlite_shop.does(stage) == ""
    run = sqlite_shop.last_run
    assert run.run_id == run_id
    assert run.manifest.status is Status.PUBLISHED
    assert results(run) == results(night)
    # The first night had none before it to be compared with.
    later = {"customers_compared": 30, "customers_changed": 0}
    assert run.manifest.counts == night.manifest.counts | later
    assert list(run.manifest.stages) == ["export", "train", "rank", "publish"]


def test_a_stage_takes_the_newest_run_whose_previous_stage_is_done(sqlite_shop):
    older = sqlite_shop.does("export", "--as-of", str(DAY)).strip()
    sqlite_shop.does("train")
    newer = sqlite_shop.does("export", "--as-of", str(DAY)).strip()
    sqlite_shop.does("rank")
    by_id = {run.run_id: run for run in sqlite_shop.runs}
    assert list(by_id[older].manifest.stages) == ["export", "train", "rank"]
    assert list(by_id[newer].manifest.stages) == ["export"]
    sqlite_shop.does("train")
    assert "train" in {run.run_id: run for run in sqlite_shop.runs}[newer].manifest.stages


def test_a_stage_without_a_run_for_it_is_a_wrong_call(sqlite_shop):
    assert "recommend export" in sqlite_shop.fails(ExitCode.SETTINGS, "train")
    run_id = sqlite_shop.does("export").strip()
    line = sqlite_shop.fails(ExitCode.SETTINGS, "publish", "--run", run_id)
    assert f"recommend rank --run {run_id}" in line
    assert "no run" in sqlite_shop.fails(ExitCode.SETTINGS, "rank", "--run", "../../etc")
    assert sqlite_shop.last_run.manifest.status is Status.WAITING


def test_repeating_a_stage_makes_the_later_ones_due_again(sqlite_shop):
    run_id = sqlite_shop.does("export", "--as-of", str(DAY)).strip()
    sqlite_shop.does("train")
    sqlite_shop.does("rank")
    files = ("sales.csv", "items.csv", "model.npz")
    before = {name: sha256_of(sqlite_shop.last_run.path(name)) for name in files}
    sqlite_shop.set(TOP_N=3)
    sqlite_shop.does("rank", "--run", run_id)
    assert before == {name: sha256_of(sqlite_shop.last_run.path(name)) for name in files}
    sqlite_shop.does("train", "--run", run_id)
    sqlite_shop.fails(ExitCode.SETTINGS, "publish", "--run", run_id)
    sqlite_shop.does("rank")
    sqlite_shop.does("publish")
    assert {len(items) for items in sqlite_shop.lists().values()} == {3}


def test_a_published_run_is_published_once(sqlite_shop):
    run_id = sqlite_shop.night().run_id
    for stage in ("train", "rank", "publish"):
        assert "is published" in sqlite_shop.fails(ExitCode.REFUSED, stage, "--run", run_id)
    assert sqlite_shop.last_run.manifest.status is Status.PUBLISHED
    assert "no unpublished run" in sqlite_shop.fails(ExitCode.SETTINGS, "publish")


def test_a_refused_run_is_published_by_force_alone(sqlite_shop):
    sqlite_shop.night()
    sqlite_shop.execute("DELETE FROM sales WHERE customer_id > 10")
    sqlite_shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY))
    sqlite_shop.fails(ExitCode.REFUSED, "publish")
    sqlite_shop.does("publish", "--force")
    assert len(sqlite_shop.lists()) == 10


# Guests, targets, prefixes


def guest_shop(folder, url, **settings):
    """The usual shop with five guests, each of whom bought three items under two spellings of the address."""
    shop = usual_shop(folder, url)
    for guest in range(5):
        for n, item in enumerate((103, 106, 109)):
            address = f"guest{guest}@example.org" if n else f" Guest{guest}@Example.ORG "
            line = f"NULL, {item + guest}, '2026-02-0{n + 1} 10:00:00', 1, '{address}'"
            shop.execute(f"INSERT INTO sales VALUES ({line})")
    query = "SELECT customer_id, item_id, sold_at, guest_email FROM sales WHERE sold_at >= :since"
    (folder / "sql" / "sales.sql").write_text(query, encoding="utf-8")
    return shop.set(**settings)


def test_guests_teach_the_model_and_stay_unpublished(tmp_path, database_url):
    shop = guest_shop(tmp_path / "shop", database_url, GUEST_KEY="k" * 32)
    run = shop.night()
    assert run.manifest.counts["guest_sales"] == 15
    assert set(shop.lists()) == set(range(1, 31))
    sales = csv_rows_of_sales(shop)
    guests = {record[0] for record in sales if record[0].startswith("guest:")}
    assert len(guests) == 5
    for path in run.folder.iterdir():
        assert b"example.org" not in path.read_bytes().lower()


def csv_rows_of_sales(shop):
    """The exported sales of a dry run, which stay plain."""
    shop.does("run", "--dry-run", "--as-of", str(DAY))
    return csv_rows(shop.last_run.path("sales.csv"))


def test_guests_are_published_where_the_owner_wants_it(tmp_path, database_url):
    shop = guest_shop(tmp_path / "shop", database_url, GUEST_KEY="k" * 32, PUBLISH_GUESTS="yes")
    line = shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY))
    assert "PUBLISH_GUESTS=yes" in line
    shop.execute(*(f"DROP TABLE {name}" for name in ALL_TABLES.split(", ")))
    shop.does("init", "--yes")
    shop.night()
    customers = set(shop.lists())
    assert {str(n) for n in range(1, 31)} <= customers
    assert sum(customer.startswith("guest:") for customer in customers) == 5
    assert len(customers) == 35


def test_guests_without_a_key_are_refused_before_anything_is_written(tmp_path, sqlite_url):
    shop = guest_shop(tmp_path / "shop", sqlite_url)
    assert "recommend init" in shop.fails(ExitCode.REFUSED, "run")
    assert not shop.last_run.path("sales.csv").exists()


def test_a_sqlite_shop_publishes_into_postgresql(tmp_path, sqlite_url, postgresql):
    target = postgresql.create_database()
    shop = empty_shop(tmp_path / "shop", sqlite_url, TARGET_DATABASE_URL=target)
    shop.execute("INSERT INTO items VALUES (1, 'One', 1), (2, 'Two', 1)")
    shop.sell([(10, 1, DAY), (11, 2, DAY)])
    shop.does("init", "--yes")
    shop.night()
    published = Shop(tmp_path / "none", target)
    assert published.lists() == {10: [2], 11: [1]}
    assert set(shop.dump()) == {"sales", "items"}


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_schema_of_its_own(tmp_path, request, kind):
    server = request.getfixturevalue(kind)
    url = server.create_database()
    schema = sa.make_url(server.create_database()).database if kind == "mariadb" else "Our Lists"
    shop = make_shop(tmp_path / "shop", url, [(10, 1, DAY), (11, 2, DAY)], {1: True, 2: True})
    if kind == "postgresql":
        shop.execute('CREATE SCHEMA "Our Lists"')
    shop.set(TARGET_SCHEMA=str(schema)).does("init", "--yes")
    shop.night()
    shop.night()
    quoted = f'"{schema}"' if kind == "postgresql" else schema
    assert shop.lists(f"{quoted}.recommendations") == {10: [2], 11: [1]}
    assert set(shop.dump()) == {"sales", "items"}
    assert "Is shown" in shop.does("show", "10")


@pytest.mark.each_database
def test_two_storefronts_share_a_database(tmp_path, database_url):
    one = usual_shop(tmp_path / "one", database_url, TABLE_PREFIX="one_")
    one.does("init", "--yes")
    one.night()
    two = Shop(tmp_path / "two", database_url)
    (two.folder / "sql").mkdir(parents=True)
    two.set(DATABASE_URL=database_url, TABLE_PREFIX="two_", HISTORY_DAYS=36500, FACTORS=4, TOP_N=2)
    for name in ("sales.sql", "items.sql"):
        (two.folder / "sql" / name).write_text((one.folder / "sql" / name).read_text())
    two.does("init", "--yes")
    before = one.lists("one_recommendations")
    two.night()
    assert {len(items) for items in two.lists("two_recommendations").values()} == {2}
    assert one.lists("one_recommendations") == before
    assert two.rows("SELECT published_seq FROM two_recommendation_runs") == [(1,)]


def test_storefronts_do_not_share_a_folder_of_runs(sqlite_shop):
    """Else one would load the other's models, and settle its records by the wrong table."""
    sqlite_shop.night()
    sqlite_shop.set(TABLE_PREFIX="two_").does("init", "--yes")
    for command in (["run"], ["run", "--dry-run"], ["export"], ["publish"]):
        assert "DATA_DIR of its own" in sqlite_shop.fails(ExitCode.SETTINGS, *command)
    sqlite_shop.set(DATA_DIR="var-two").does("run", "--as-of", str(DAY))
    assert len(sqlite_shop.lists("two_recommendations")) == 30


def test_sqlite_has_no_schemas(sqlite_shop):
    line = sqlite_shop.set(TARGET_SCHEMA="other").fails(ExitCode.SETTINGS, "run")
    assert "TABLE_PREFIX" in line


def test_a_night_without_tables_says_what_to_do(tmp_path, database_url):
    shop = empty_shop(tmp_path / "shop", database_url)
    assert "recommend init" in shop.fails(ExitCode.SETTINGS, "run")
    assert shop.runs == []


def test_tonight_is_the_day_of_the_run(sqlite_shop):
    today = date.today()  # noqa: DTZ011 - compared with UTC's days on either side
    run = sqlite_shop.night(None)
    assert abs(run.day - today) <= timedelta(days=1)
    assert not run.manifest.is_past


def test_two_folders_with_the_same_tables_are_warned_of(tmp_path):
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    one = usual_shop(tmp_path / "one", url)
    assert one.night(DAY - timedelta(days=2)).manifest.warnings == []
    other = Shop(tmp_path / "other", url, one.settings)
    shutil.copytree(one.folder / "sql", other.folder / "sql")
    for shop, before in ((other, one), (one, other)):
        last = before.last_run.run_id
        (warning,) = shop.set().night(DAY - timedelta(days=1)).manifest.warnings
        assert f"of the run {last}, of which" in warning
    assert one.night().manifest.warnings == []
