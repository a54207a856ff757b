"""Undo: an earlier night's lists again, the hold, and what may go wrong on the way."""

import json
import signal
from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest

from recommender.errors import ExitCode, RefusedError
from recommender.operations.rollback import write_again
from recommender.runs.hold import find_hold
from recommender.runs.leftout import LeftOut
from recommender.runs.manifest import Source, Status
from recommender.tables import RECOMMENDATIONS, is_guest
from tests.faults.injection import at_point, await_lock, before_statement, forked, interrupt, kill
from tests.nights import DAY, Shop, csv_rows, usual_shop

pytestmark = pytest.mark.sqlite_proves


@pytest.fixture
def shop(tmp_path, database_url):
    return usual_shop(tmp_path / "shop", database_url)


@pytest.fixture
def sqlite_shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


def nights(shop: Shop, number: int):
    """Nights of days that follow each other, with lists that differ; the runs and the lists of each."""
    runs, lists = [], []
    for n in range(number):
        shop.set(TOP_N=3 + n)
        runs.append(shop.night(DAY + timedelta(days=n)))
        lists.append(shop.lists())
    return runs, lists


def sources(shop: Shop):
    query = "SELECT source, source_run_id FROM recommendation_runs ORDER BY published_seq"
    return [tuple(row) for row in shop.rows(query)]


@pytest.mark.each_database
def test_back_one_night_and_then_one_more_and_forward_again(shop):
    runs, lists = nights(shop, 3)
    said = shop.does("rollback")
    assert runs[1].run_id in said
    assert "next night publishes" in said
    assert shop.lists() == lists[1]
    shop.does("rollback")
    assert shop.lists() == lists[0]
    assert "No night was published before" in shop.fails(ExitCode.REFUSED, "rollback")
    assert shop.lists() == lists[0]
    shop.does("rollback", runs[2].run_id)
    assert shop.lists() == lists[2]
    ids = [run.run_id for run in runs]
    assert sources(shop) == [
        *[("run", run_id) for run_id in ids],
        *[("rollback", run_id) for run_id in (ids[1], ids[0], ids[2])],
    ]
    record = shop.last_run.manifest
    assert (record.status, record.source, record.source_run_id) == (Status.PUBLISHED, Source.ROLLBACK, ids[2])
    assert (record.as_of_day, record.published_seq) == (runs[2].manifest.as_of_day, 6)


def test_status_and_show_tell_of_a_rollback(sqlite_shop):
    shop = sqlite_shop
    runs, lists = nights(shop, 2)
    shop.does("rollback")
    assert f"Customers see the lists of {runs[0].run_id} again" in shop.does("status")
    found = json.loads(shop.does("show", "1", "--json"))
    assert [line["item_id"] for line in found["recommendations"]] == lists[0][1]
    assert found["history"]


def test_every_list_comes_back(sqlite_shop):
    shop = sqlite_shop
    shop.night()
    before = shop.dump()
    shop.set(TOP_N=2)
    shop.night(DAY + timedelta(days=1))
    assert shop.dump()["similar_items"] != before["similar_items"]
    shop.does("rollback")
    after = shop.dump()
    assert {name: rows for name, rows in after.items() if name != "recommendation_runs"} == {
        name: rows for name, rows in before.items() if name != "recommendation_runs"
    }


def test_two_runs_of_one_night_count_as_two(sqlite_shop):
    first = sqlite_shop.night()
    lists = sqlite_shop.lists()
    sqlite_shop.set(TOP_N=3)
    second = sqlite_shop.night()
    assert first.run_id in sqlite_shop.does("rollback")
    assert sqlite_shop.lists() == lists
    assert second.run_id != sqlite_shop.last_run.manifest.source_run_id


def test_what_may_no_longer_be_sold_is_left_out_and_nothing_takes_its_place(shop):
    first = shop.night()
    before = shop.lists()
    gone = {item for items in before.values() for item in items[:1]} | {*before[1]}
    shop.night(DAY + timedelta(days=1))
    shop.execute(f"UPDATE items SET sellable = 0 WHERE item_id IN ({', '.join(map(str, gone))})")
    said = shop.does("rollback")
    left = {customer: [item for item in items if item not in gone] for customer, items in before.items()}
    assert shop.lists() == {customer: items for customer, items in left.items() if items}
    assert 1 not in shop.lists()
    lists = ("recommendations", "similar_items", "bought_together", "buy_again")
    rows = [int(row[2]) for name in lists for row in csv_rows(first.path(f"{name}.csv"))[1:]]
    rows += [int(row[1]) for row in csv_rows(first.path("popular_items.csv"))[1:]]
    dropped = sum(item in gone for item in rows)
    assert shop.last_run.manifest.counts["rows_dropped"] == dropped
    assert f"{dropped:,} rows" in said
    scores = shop.rows("SELECT position, score FROM recommendations ORDER BY customer_id, position")
    assert all(score == 1 for position, score in scores if position == 1)
    assert all(q == p + 1 and b <= a for (p, a), (q, b) in pairwise(scores) if q > 1)
    assert not gone & {item for (item,) in shop.rows("SELECT item_id FROM popular_items")}


def test_the_never_list_of_now_holds(sqlite_shop):
    shop = sqlite_shop
    shop.night()
    shop.night(DAY + timedelta(days=1))
    item = shop.lists()[1][0]
    (shop.folder / "never.txt").write_text(f"{item}\n", encoding="utf-8")
    shop.set(NEVER_RECOMMEND="never.txt")
    shop.does("rollback")
    assert item not in {i for items in shop.lists().values() for i in items}


def test_the_night_after_publishes_again_and_is_no_child_of_the_undone_one(sqlite_shop):
    shop = sqlite_shop.set(WARM_START="auto")
    good = shop.night()
    shop.night(DAY + timedelta(days=1))
    shop.does("rollback")
    after = shop.night(DAY + timedelta(days=2))
    assert after.manifest.parent_run_id == good.run_id
    assert sources(shop)[-1] == ("run", after.run_id)
    # And one more rollback goes to the night that was published before it, which is the undone one.
    shop.does("rollback")
    assert shop.last_run.manifest.source_run_id == shop.runs[1].run_id


def test_the_gate_stands_but_for_the_earlier_night(sqlite_shop):
    shop = sqlite_shop
    first = shop.night()
    shop.sell((customer, 110 + customer % 10, DAY) for customer in range(100, 200))
    shop.night(DAY + timedelta(days=1))
    shown = shop.dump()
    assert "customers now; the run" in shop.fails(ExitCode.REFUSED, "rollback")
    assert shop.dump() == shown
    assert shop.last_run.manifest.status is Status.REFUSED
    shop.does("rollback", "--force")
    assert sources(shop)[-1] == ("rollback", first.run_id)


def test_nothing_left_to_sell_is_refused_whatever_is_asked(sqlite_shop):
    shop = sqlite_shop
    nights(shop, 2)
    shown = shop.lists()
    shop.execute("UPDATE items SET sellable = 0")
    assert "has no rows" in shop.fails(ExitCode.REFUSED, "rollback", "--force")
    assert shop.lists() == shown


def test_what_cannot_be_gone_back_to(sqlite_shop):
    shop = sqlite_shop
    assert "Nothing was ever published" in shop.fails(ExitCode.REFUSED, "rollback")
    runs, _ = nights(shop, 2)
    shown = shop.dump()
    assert "shown now" in shop.fails(ExitCode.REFUSED, "rollback", runs[1].run_id)
    assert "There is no run" in shop.fails(ExitCode.SETTINGS, "rollback", "20200101T000000Z-0000")
    shop.recommend("run", "--dry-run")
    assert "never published" in shop.fails(ExitCode.REFUSED, "rollback", shop.last_run.run_id)
    path = runs[0].path("similar_items.csv")
    content = path.read_bytes()
    path.write_bytes(content + b"100,9,101,0.1\n")
    assert "no longer what was published" in shop.fails(ExitCode.REFUSED, "rollback")
    path.write_bytes(content)
    assert shop.dump() == shown
    shop.does("rollback")
    rollback = shop.last_run.run_id
    assert "is a rollback itself" in shop.fails(ExitCode.REFUSED, "rollback", rollback)
    for stage in ("train", "rank", "publish"):
        assert shop.recommend(stage, "--run", rollback).code is ExitCode.REFUSED


def test_a_rollback_that_failed_is_nothing_that_a_stage_goes_on_with(sqlite_shop):
    shop = sqlite_shop
    nights(shop, 2)
    shop.execute("UPDATE items SET sellable = 0")
    shop.fails(ExitCode.REFUSED, "rollback")
    assert "no unpublished run" in shop.fails(ExitCode.SETTINGS, "publish")
    line = shop.fails(ExitCode.REFUSED, "publish", "--run", shop.last_run.run_id)
    assert "is a rollback" in line


# What is kept


def test_prune_says_what_goes_and_why_the_rest_stays(sqlite_shop):
    shop = sqlite_shop.set(WARM_START="never")
    runs, _ = nights(shop, 4)
    shop.does("runs", "pin", runs[0].run_id)
    shop.set(KEEP_RUNS=1, KEEP_EXPORT_DAYS=0)
    said = shop.does("prune", "--dry-run")
    gone, _, stays = said.partition("Stays:")
    assert f"{runs[1].run_id} " in gone
    assert f"{runs[2].run_id}/sales.csv.gz" in gone
    assert "older than KEEP_EXPORT_DAYS" in gone
    assert [line.split(maxsplit=2)[2] for line in stays.splitlines()[2:]] == [
        "pinned",
        "`recommend rollback` goes back to it",
        "published last",
    ]
    assert [run.run_id for run in shop.runs] == [run.run_id for run in runs]
    assert runs[1].run_id in shop.does("prune")
    assert [run.run_id for run in shop.runs] == [runs[0].run_id, *[run.run_id for run in runs[2:]]]
    assert "Removed: nothing" in shop.does("prune")
    assert "published, pinned" in shop.does("runs")
    shop.does("runs", "unpin", runs[0].run_id)
    shop.does("prune")
    assert [run.run_id for run in shop.runs] == [run.run_id for run in runs[2:]]
    assert "There is no run" in shop.fails(ExitCode.SETTINGS, "runs", "pin", runs[0].run_id)


# The hold


def test_a_hold_keeps_nights_from_publishing_until_it_is_released(sqlite_shop):
    shop = sqlite_shop
    runs, lists = nights(shop, 2)
    said = shop.does("rollback", "--hold")
    assert "rollback --release" in said
    line = shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY + timedelta(days=2)))
    assert runs[0].run_id in line
    assert "--release" in line
    refused = shop.last_run.manifest
    assert (refused.status, refused.stages) == (Status.REFUSED, {})
    assert shop.lists() == lists[0]
    status = shop.recommend("status")
    assert "A hold keeps nights from publishing" in status.out
    assert runs[0].run_id in shop.recommend("status", "--json").out
    dry = shop.recommend("run", "--dry-run")
    assert (dry.code, "A hold keeps nights from publishing" in dry.err) == (ExitCode.REFUSED, True)
    assert shop.recommend("check").code is ExitCode.REFUSED
    assert "publish again" in shop.does("rollback", "--release")
    assert "There is no hold" in shop.does("rollback", "--release")
    shop.night(DAY + timedelta(days=2))
    assert shop.lists() != lists[0]


def test_what_is_shown_already_can_be_held(sqlite_shop):
    shop = sqlite_shop
    runs, lists = nights(shop, 2)
    said = shop.does("rollback")
    assert f"`recommend rollback {runs[0].run_id} --hold`" in said
    before = shop.dump()
    assert "--release" in shop.does("rollback", runs[0].run_id, "--hold")
    assert shop.dump() == before
    hold = find_hold(shop.folder / "var")
    assert hold is not None
    assert hold.source_run_id == runs[0].run_id
    # With another run's id it is a rollback like any other.
    shop.does("rollback", runs[1].run_id, "--hold")
    assert shop.lists() == lists[1]


def test_run_force_publishes_and_ends_the_hold(sqlite_shop):
    shop = sqlite_shop
    nights(shop, 2)
    shop.does("rollback", "--hold")
    shop.does("run", "--as-of", str(DAY + timedelta(days=2)), "--force")
    assert find_hold(shop.folder / "var") is None
    shop.night(DAY + timedelta(days=3))


def test_the_publish_stage_minds_the_hold(sqlite_shop):
    shop = sqlite_shop
    nights(shop, 2)
    shop.does("rollback", "--hold")
    run_id = shop.does("export", "--as-of", str(DAY + timedelta(days=2))).strip()
    shop.does("train")
    shop.does("rank")
    assert "keeps nights from publishing" in shop.fails(ExitCode.REFUSED, "publish", "--run", run_id)
    shop.does("rollback", "--release")
    shop.does("publish", "--run", run_id)


def test_a_rollback_under_a_hold_leaves_it(sqlite_shop):
    shop = sqlite_shop
    nights(shop, 3)
    shop.does("rollback", "--hold")
    assert "--release" in shop.does("rollback")
    assert find_hold(shop.folder / "var") is not None


@pytest.mark.parametrize("content", ["", "{}", "x", "[1]"])
def test_a_hold_made_by_hand_or_damaged_holds(sqlite_shop, content):
    (sqlite_shop.folder / "var" / "hold").write_text(content, encoding="utf-8")
    assert "keeps nights from publishing" in sqlite_shop.fails(ExitCode.REFUSED, "run")


@pytest.mark.parametrize("more", [("--hold",), ("--force",), ("20260101T000000Z-0000",)])
def test_release_stands_alone(sqlite_shop, more):
    assert "stands alone" in sqlite_shop.fails(ExitCode.SETTINGS, "rollback", "--release", *more)


# Faults


@pytest.mark.parametrize("stage", ["export", "rank", "publish"])
@pytest.mark.parametrize("place", ["begin", "end"])
def test_killed_at_a_stage_what_is_shown_is_whole_and_the_next_one_works(sqlite_shop, stage, place):
    shop = sqlite_shop
    _, lists = nights(shop, 2)
    code, _ = forked(shop, "rollback", fault=partial(at_point, stage, place, kill))
    assert code == -signal.SIGKILL
    is_out = (stage, place) == ("publish", "end")
    assert shop.lists() == lists[0 if is_out else 1]
    if is_out:
        assert "No night was published before" in shop.fails(ExitCode.REFUSED, "rollback")
    else:
        shop.does("rollback")
    assert shop.lists() == lists[0]
    assert Status.RUNNING not in [run.manifest.status for run in shop.runs]


@pytest.mark.each_database
def test_killed_at_any_statement_readers_have_the_old_lists_or_the_new(shop):
    _, lists = nights(shop, 2)
    number, seen = 0, set()
    while shop.lists() == lists[1]:
        number += 5
        code, _ = forked(shop, "rollback", fault=partial(before_statement, number, kill))
        assert code in (-signal.SIGKILL, ExitCode.DONE)
        assert shop.lists() in lists
        seen.add(code)
        await_lock(shop)  # and settles the record of what died
    assert number > 5
    assert -signal.SIGKILL in seen
    rows = shop.rows("SELECT count(*) FROM recommendation_runs WHERE source = 'rollback'")
    published = [r for r in shop.runs if r.manifest.source is Source.ROLLBACK and r.manifest.published_seq]
    assert rows == [(1,)]
    assert len(published) == 1


def test_interrupted_it_ends_with_the_code_of_the_signal(sqlite_shop):
    shop = sqlite_shop
    _, lists = nights(shop, 2)
    code, said = forked(
        shop, "rollback", fault=partial(at_point, "rank", "begin", partial(interrupt, signal.SIGTERM))
    )
    assert code == ExitCode.TERMINATED, said
    assert shop.lists() == lists[1]
    assert shop.last_run.manifest.status is Status.INTERRUPTED


# Lists on paper


def again(tmp_path, text, leave_out=is_guest):
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    header = "customer_id,position,item_id,score,reason,because_item_id\n"
    old.write_bytes((header + text).encode())
    written, dropped = write_again(
        old, new, RECOMMENDATIONS, sellable={"a", "b", "c"}, rules=LeftOut(), leave_out=leave_out
    )
    return written, dropped, new.read_text(encoding="utf-8").removeprefix(header)


def test_a_list_without_a_change_stays_byte_for_byte(tmp_path):
    text = '"x,1",1,a,1,model,z\n"x,1",2,b,0.123,buy_again,\n'
    assert again(tmp_path, text) == (2, 0, text)


def test_positions_have_no_gap_and_scores_are_relative_to_the_new_first_row(tmp_path):
    text = "1,1,z,1,model,\n1,2,a,0.5,model,b\n1,3,y,0.4,model,\n1,4,b,0.25,popular,\n1,5,x,0.2,model,\n"
    assert again(tmp_path, text) == (2, 3, "1,1,a,1,model,b\n1,2,b,0.5,popular,\n")


def test_a_list_of_nothing_vanishes(tmp_path):
    text = "1,1,z,1,model,\n2,1,y,1,model,\n2,2,a,0.5,model,\n"
    assert again(tmp_path, text) == (1, 2, "2,1,a,1,model,\n")


def test_guests_have_no_rows_unless_they_are_published(tmp_path):
    text = f"guest:{24 * '0'},1,a,1,model,\nx,1,a,1,model,\n"
    assert again(tmp_path, text) == (1, 0, "x,1,a,1,model,\n")
    assert again(tmp_path, text, leave_out=lambda _: False) == (2, 0, text)


def test_another_table_is_refused(tmp_path):
    old = tmp_path / "old.csv"
    old.write_text("position,item_id\n", encoding="utf-8")
    with pytest.raises(RefusedError, match="other columns"):
        write_again(old, old, RECOMMENDATIONS, sellable=(), rules=LeftOut(), leave_out=is_guest)
