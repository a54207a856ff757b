"""Whom `recommend forget` forgets: nobody but a customer who is known, after a question, and not for ever."""

import io
import shutil
import sys
from datetime import timedelta

import pytest

from recommender.errors import ExitCode
from recommender.export.forgotten import COPY
from recommender.runs.folder import MODEL
from recommender.runs.history import History
from recommender.system.locks import file_lock
from tests.nights import DAY, Shop, blind_shop, usual_shop


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'shop.db'}"


@pytest.fixture
def shop(tmp_path, sqlite_url):
    return usual_shop(tmp_path / "shop", sqlite_url)


class Terminal(io.StringIO):
    """Somebody who types these answers."""

    def isatty(self):
        return True


def hashes(shop):
    return {row for (row,) in shop.rows("SELECT customer_hash FROM forgotten_customers")}


def remembered(shop):
    copy = shop.folder / "var" / COPY
    return hashes(shop) | ({*copy.read_text(encoding="utf-8").split()} if copy.exists() else set())


def test_a_customer_in_other_letters_is_forgotten_and_taken_back(tmp_path, database_url):
    """What is hashed is the shop's own key; once erased here, only the shop can tell how it is written."""
    shop = blind_shop(tmp_path / "shop", database_url)
    shop.night(DAY - timedelta(days=1))
    shop.does("forget", "CUST5")
    assert "Cust5" not in shop.lists()
    assert len(hashes(shop)) == 2
    shop.night()
    assert "Cust5" not in shop.lists()
    assert "Forgotten: 1 in all" in shop.does("forget", "cUST5")
    assert "Taken back; 0 are still forgotten" in shop.does("forget", "--undo", "cust5")
    assert remembered(shop) == set()
    shop.night(DAY + timedelta(days=1))
    assert shop.lists()["Cust5"]


def test_a_customer_whom_the_shop_writes_in_two_ways_is_one(tmp_path, database_url):
    """By the kept export in one way, in the shop's sales of today in the other."""
    shop = blind_shop(tmp_path / "shop", database_url)
    shop.night(DAY - timedelta(days=1))
    shop.execute("UPDATE sales SET customer_id = 'cUST5' WHERE customer_id = 'Cust5'")
    assert "Forgotten: 2 in all" in shop.does("forget", "Cust5")
    shop.night()
    assert not {"Cust5", "cUST5"} & {*shop.lists()}
    assert len(shop.lists()) == 29
    assert "Taken back; 0 are" in shop.does("forget", "--undo", "Cust5")


def test_nobody_is_remembered_whom_nobody_knows(shop):
    before = shop.dump()
    shop.fails(ExitCode.REFUSED, "forget", "999")
    shop.night()
    for call in (("999",), ("-5",), ("--undo", "7"), ("--undo", "999"), ()):
        shop.fails(ExitCode.REFUSED, "forget", *call)
    assert shop.dump()["forgotten_customers"] == before["forgotten_customers"] == []
    assert not (shop.folder / "var" / COPY).exists()
    assert len(shop.lists()) == 30
    assert "Forgotten: 1 in all" in shop.does("forget", "-5", "--even-unknown")


def test_whoever_is_in_one_place_alone_is_known(shop, tmp_path):
    """Of the shop's sales, our tables, the files of a run, an archive, and those who were forgotten."""
    assert "Forgotten: 1 in all" in shop.does("forget", "1")  # before the first night
    run = shop.night()
    shop.execute("DELETE FROM sales WHERE customer_id IN (1, 2, 3, 4)")
    assert "Forgotten: 1 in all" in shop.does("forget", "1")
    shop.execute("DELETE FROM recommendations WHERE customer_id <> 2", "DELETE FROM buy_again")
    shop.does("runs", "export", run.run_id, str(tmp_path / "run.zip"))
    for path in run.folder.iterdir():
        if path.name not in ("manifest.json", MODEL):
            path.unlink()
    assert "Forgotten: 2 in all" in shop.recommend("forget", "2").out  # and the archive is told
    assert MODEL in shop.recommend("forget", "3").out
    shutil.rmtree(run.folder)
    assert "Forgotten: 4 in all" in shop.recommend("forget", "4").out


def test_a_terminal_is_asked_with_what_there_is(shop, monkeypatch):
    shop.night()
    sales = shop.rows("SELECT count(*) FROM sales WHERE customer_id = 7")[0][0]
    lists = len(shop.lists()[7])
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    outcome = shop.recommend("forget", "007")
    assert outcome.code is ExitCode.REFUSED
    assert outcome.out.startswith("Customer 7:\n")
    assert f"  {sales} sale lines in the newest export" in outcome.out
    assert f"  recommendations: {lists} rows\n" in outcome.out
    assert outcome.out.endswith("Nothing was changed.\n")
    assert remembered(shop) == set()
    assert 7 in shop.lists()
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert shop.recommend("forget", "7").code is ExitCode.DONE
    assert 7 not in shop.lists()
    for call in (("8", "--yes"), (), ("--undo", "8")):  # no answer is left to be read
        assert shop.recommend("forget", *call).code is ExitCode.DONE
    assert 8 not in shop.lists()


def test_what_was_rewritten_stays_so_when_somebody_is_taken_back(shop):
    first = shop.night(DAY - timedelta(days=1))
    for key in ("7", "8"):
        shop.does("forget", key)
    assert "What was erased stays erased" in shop.does("forget", "--undo", "7")
    assert History.of(shop.folder / "var").of_forgotten == {first.run_id}
    assert 7 not in shop.lists()
    rows = hashes(shop)
    assert len(rows) == 2
    assert remembered(shop) == rows
    assert shop.night().manifest.origin.mode == "cold"
    assert 7 in shop.lists()
    assert 8 not in shop.lists()


def test_when_nobody_is_left_another_key_may_be_taken(shop):
    shop.does("forget", "7")
    shop.does("forget", "--undo", "7")
    assert remembered(shop) == set()
    shop.set(FORGET_KEY="another_" * 4).night()
    assert 7 in shop.lists()


def test_nobody_is_taken_back_during_a_run_and_what_is_cut_short_is_finished(shop, monkeypatch):
    shop.does("forget", "7")
    with file_lock(shop.folder / "var" / "lock"):
        shop.fails(ExitCode.LOCKED, "forget", "--undo", "7")
    assert len(remembered(shop)) == 2
    with monkeypatch.context() as patched:
        patched.setattr("recommender.export.forgotten.write_text", lambda *_: 1 / 0)
        shop.recommend("forget", "--undo", "7")
    assert hashes(shop) == set()
    shop.does("forget", "--undo", "7")
    assert remembered(shop) == set()


@pytest.mark.parametrize(
    "call",
    [("--undo",), ("--even-unknown",), ("7", "--undo", "--retrain"), ("7", "--undo", "--even-unknown")],
)
def test_what_makes_no_sense_together_is_refused(shop: Shop, call):
    shop.fails(ExitCode.SETTINGS, "forget", *call)
