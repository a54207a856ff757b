"""NEVER_RECOMMEND: what a person writes into the file, and which items it keeps from the lists."""

import json
from datetime import timedelta

import pytest

from recommender.errors import ExitCode, SettingsError
from recommender.night.never import never_recommend, read_never_recommend
from recommender.night.target import target_of
from recommender.runs.folder import NEVER_ITEMS
from recommender.runs.keys import Keys
from recommender.settings import load_settings
from recommender.tables import KeyKind
from tests.nights import DAY, blind_shop

INTEGER, TEXT = KeyKind.INTEGER, KeyKind.TEXT


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'shop.db'}"


def _file(tmp_path, text, name="never.txt"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_a_never_list_is_one_id_a_line(tmp_path):
    path = _file(tmp_path, "\ufeff12\r\n\r\n  -7 \n12\n")
    assert read_never_recommend(path, INTEGER) == {1: (12,), 3: (-7,), 4: (12,)}


def test_a_blank_too_many_does_not_bring_an_item_back(tmp_path):
    path = _file(tmp_path, "A10 \nnull\n \nB\u2028C\n")
    assert read_never_recommend(path, TEXT) == {1: ("A10 ", "A10"), 2: ("null",), 4: ("B\u2028C",)}


def test_an_empty_never_list_lists_nothing(tmp_path):
    assert read_never_recommend(_file(tmp_path, ""), TEXT) == {}


def test_a_line_that_is_no_id_is_named(tmp_path):
    path = _file(tmp_path, "1\n\nA10\n")
    with pytest.raises(SettingsError, match=r"never\.txt, line 3 is not an integer of 64 bits \(not shown\)"):
        read_never_recommend(path, INTEGER)


def test_a_never_list_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"NEVER_RECOMMEND: .*absent\.txt cannot be read"):
        read_never_recommend(tmp_path / "absent.txt", TEXT)
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"caf\xe9\n")
    with pytest.raises(SettingsError, match=r"latin\.txt cannot be read"):
        read_never_recommend(latin, TEXT)


def test_a_line_that_names_nothing_is_found_without_a_database(tmp_path):
    known = Keys.of([12, -7])
    named = never_recommend(_file(tmp_path, "0012\n13\n"), INTEGER, known, None)
    assert named.items == Keys.of([12])
    assert named.unknown == ((2, "13"),)
    assert never_recommend(None, INTEGER, known, None).warning is None


def test_an_item_is_never_shown_however_it_is_typed(tmp_path, database_url):
    """The shop's column holds the letters' case for nothing; one line is nobody's key, which is told."""
    shop = blind_shop(tmp_path / "shop", database_url, NEVER_RECOMMEND="never.txt")
    never = shop.folder / "never.txt"
    never.write_text("sku-1\nsKU-2 \nno-such-item\nSKU-3\n", encoding="utf-8")
    run = shop.night()
    shown = {
        item
        for table, column in (
            ("recommendations", "item_id"),
            ("popular_items", "item_id"),
            ("similar_items", "similar_item_id"),
            ("bought_together", "together_item_id"),
        )
        for (item,) in shop.rows(f"SELECT DISTINCT {column} FROM {table}")
    }
    assert len(shown) > 5
    assert not shown & {"SKU-1", "SKU-2", "SKU-3"}
    told = "NEVER_RECOMMEND: 1 line names no item that was sold or that items.sql returns: line 3."
    assert [text for text in run.manifest.warnings if "NEVER" in text] == [told]
    said = " ".join(shop.recommend("check").out.split())
    assert told in said
    assert "line 3: 'no-such-item'" in said
    assert run.path(NEVER_ITEMS).read_text(encoding="utf-8") == "item_id\nSKU-1\nSKU-2\nSKU-3\n"
    # A repetition asks no database, here or elsewhere; the file of today is none of its business.
    shop.does("runs", "export", run.run_id, str(tmp_path / "run.zip"))
    shop.night(DAY + timedelta(days=1))
    never.write_text("SKU-4\n", encoding="utf-8")
    assert "identical" in shop.does("reproduce", run.run_id)
    assert "identical" in shop.does("reproduce", "--from-archive", str(tmp_path / "run.zip"))
    never.write_text("sku-5\n", encoding="utf-8")
    shop.does("rollback", run.run_id)
    assert not {"SKU-5"} & {item for (item,) in shop.rows("SELECT item_id FROM recommendations")}


def test_stage_by_stage_and_with_every_line_known(tmp_path, sqlite_url):
    shop = blind_shop(tmp_path / "shop", sqlite_url, NEVER_RECOMMEND="never.txt")
    (shop.folder / "never.txt").write_text("sku-1\n", encoding="utf-8")
    shop.does("export", "--as-of", str(DAY))
    for stage in ("train", "rank", "publish"):
        shop.does(stage)
    assert "SKU-1" not in {item for (item,) in shop.rows("SELECT item_id FROM recommendations")}
    assert not [text for text in shop.last_run.manifest.warnings if "NEVER" in text]


def test_a_changed_list_of_the_items_is_no_repetition(tmp_path, sqlite_url):
    shop = blind_shop(tmp_path / "shop", sqlite_url, NEVER_RECOMMEND="never.txt")
    (shop.folder / "never.txt").write_text("sku-1\n", encoding="utf-8")
    run = shop.night()
    run.path(NEVER_ITEMS).write_text("item_id\n", encoding="utf-8")
    outcome = shop.recommend("reproduce", run.run_id)
    assert outcome.code is ExitCode.REFUSED
    assert NEVER_ITEMS in outcome.out
    run.path(NEVER_ITEMS).unlink()
    assert shop.recommend("reproduce", run.run_id).code is ExitCode.REFUSED


def test_the_past_is_judged_without_what_is_never_shown(tmp_path, sqlite_url):
    """Also where our tables cannot be asked: then it is said that letters were compared."""
    shop = blind_shop(tmp_path / "shop", sqlite_url, NEVER_RECOMMEND="never.txt")
    (shop.folder / "never.txt").write_text("sku-1\n", encoding="utf-8")
    shop.night()
    report = json.loads(shop.does("evaluate", "--days", "20", "--json"))
    assert not [note for note in report["notes"] if "letter by letter" in note]
    shop.set(TARGET_DATABASE_URL=f"sqlite:///{tmp_path / 'nowhere.db'}")
    report = json.loads(shop.does("evaluate", "--days", "20", "--json"))
    assert [note for note in report["notes"] if "letter by letter" in note]


def test_a_long_file_is_answered_in_one_look(tmp_path, database_url, monkeypatch):
    """Ten thousand lines in other letters; of lines that are equal letter by letter nothing is asked."""
    shop = blind_shop(tmp_path / "shop", database_url)
    target = target_of(load_settings({}, shop.env_file))
    asked, equal_texts = [], target.database.equal_texts

    def counted(connection, column, texts):
        asked.append(len(texts))
        return equal_texts(connection, column, texts)

    monkeypatch.setattr(target.database, "equal_texts", counted)
    known = Keys.of(texts=(f"K{number:05}" for number in range(20_000)))
    half = [f"K{number:05}" for number in range(0, 20_000, 2)]
    assert never_recommend(_file(tmp_path, "\n".join(half)), TEXT, known, target).items == Keys.of(texts=half)
    assert not asked
    path = _file(tmp_path, "\n".join(half).lower())
    assert never_recommend(path, TEXT, known, target).items == Keys.of(texts=half)
    assert asked == [30_000]
