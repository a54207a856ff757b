"""The files of the lists, in the CSV form and with the columns of the tables."""

import hashlib

import numpy as np
import pytest

from recommender.errors import RefusedError
from recommender.ranking.listfiles import write_popular_items, write_recommendations, write_rows
from recommender.ranking.reasons import REASONS
from recommender.ranking.recommendations import PopularItems, Recommendations
from recommender.ranking.rows import ListRows
from recommender.runs import columns
from recommender.runs import lists as runs_lists
from recommender.runs.keys import Keys
from recommender.runs.lists import ListFile, coded
from recommender.tables import BOUGHT_TOGETHER, BUY_AGAIN, POPULAR_ITEMS, RECOMMENDATIONS, SIMILAR_ITEMS

CUSTOMERS = Keys.of([7, 2**62], ["guest:0123456789abcdef01234567"])
ITEMS = Keys.of([], ["", "NA", "a,b", 'say "hi"', "\r", "é😀", "\0"])


def _recommendations(n_rows):
    rows = np.arange(n_rows)
    return Recommendations(
        customers=CUSTOMERS,
        items=ITEMS,
        customer=(rows * 3 // max(n_rows, 1)).astype(np.int32),
        position=(rows + 1).astype(np.int32),
        item=(rows % 7).astype(np.int32),
        score=np.round(1 - rows / 1000, 3),
        reason=(rows % 3).astype(np.uint8),
        because=(rows % 8 - 1).astype(np.int32),
    )


def _rows(path, definition):
    return [[*row.values()] for batch in ListFile(path, definition).batches() for row in batch.to_pylist()]


def test_every_row_comes_back_from_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(runs_lists, "_ROWS_AT_ONCE", 7)
    lists = _recommendations(60)
    assert write_recommendations(tmp_path / "r.csv", [lists]) == 60
    rows = _rows(tmp_path / "r.csv", RECOMMENDATIONS)
    assert len(rows) == 60
    for i, row in enumerate(rows):
        because = int(lists.because[i])
        assert row == [
            str(CUSTOMERS[int(lists.customer[i])]),
            str(i + 1),
            ITEMS[int(lists.item[i])],
            str(round(1 - i / 1000, 3)).removesuffix(".0"),
            REASONS[i % 3],
            None if because < 0 else ITEMS[because],
        ]


def test_the_bytes_of_the_five_files_are_those_of_every_version(tmp_path):
    """Hashes of what was written line by line, before Arrow: shops have such files, and their records."""
    write_recommendations(tmp_path / "recommendations.csv", [_recommendations(60), _recommendations(1000)])
    thousandths = np.arange(1000, -1, -1)
    popular = PopularItems(ITEMS, (thousandths % 7).astype(np.int32), thousandths / 1000)
    write_popular_items(tmp_path / "popular_items.csv", popular)
    rows = _recommendations(300)
    for definition, owner, owners in (
        (BUY_AGAIN, rows.customer, CUSTOMERS),
        (SIMILAR_ITEMS, rows.item, ITEMS),
        (BOUGHT_TOGETHER, rows.because + 1, Keys.of([-5, 0], [*ITEMS.texts, "z"])),
    ):
        lists = ListRows(owner, rows.position, rows.item, rows.score)
        write_rows(tmp_path / definition.file_name, definition, lists, owners=owners, items=ITEMS)
    hashes = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert hashes == {
        "recommendations": "f86535de90ccdd41c1231a2aff462e265e16639ee90294d6f5a2d9009c8a5970",
        "popular_items": "d6ac4a33613cd3351bbf00d5fd4cf63082a680cdb8e0680a51db5ed60e9b8dc6",
        "buy_again": "029e1e50937fa3cb4cf4a04e677d99b77fbd725863de4017e3c553016daee054",
        "similar_items": "20f6ff80dce820a91fa6f39d5759940e3b9fb36bd4da96c12980ed384a3c2925",
        "bought_together": "7abb0d80655823783faf84dd42932cde0afa66e4b1d5008e4900983432dfda1a",
    }


def test_the_popular_list_is_written_with_positions(tmp_path):
    write_popular_items(
        tmp_path / "p.csv", PopularItems(ITEMS, np.array([6, 1], np.int32), np.array([1, 0.5]))
    )
    assert _rows(tmp_path / "p.csv", POPULAR_ITEMS) == [["1", ITEMS[6], "1"], ["2", ITEMS[1], "0.5"]]


def test_the_columns_are_those_of_the_lists_table(tmp_path):
    owner, position, item = (np.array(column, np.int32) for column in ([0, 0, 2], [1, 2, 1], [6, 3, 0]))
    rows = ListRows(owner, position, item, np.array([1, 0.25, 1]))
    expected = ((0, "1", 6, "1"), (0, "2", 3, "0.25"), (2, "1", 0, "1"))
    for definition, owners in ((BUY_AGAIN, CUSTOMERS), (SIMILAR_ITEMS, ITEMS), (BOUGHT_TOGETHER, ITEMS)):
        path = tmp_path / definition.file_name
        write_rows(path, definition, rows, owners=owners, items=ITEMS)
        names = [column.name for column in definition.columns]
        found = [dict(zip(names, record, strict=True)) for record in _rows(path, definition)]
        listed = [name for name in names if name.endswith("item_id")][-1]
        for line, (of, place, which, score) in zip(found, expected, strict=True):
            assert line == {
                names[0]: str(owners[of]),
                "position": place,
                listed: ITEMS[which],
                "score": score,
            }
        ListFile(path, definition).write()
        assert path.read_text(encoding="utf-8") == ",".join(names) + "\n"


@pytest.mark.parametrize("block", [60, 100, 1 << 20])
def test_rows_that_are_handed_on_come_once_each_however_long_a_later_one_is(tmp_path, monkeypatch, block):
    monkeypatch.setattr(columns, "_BLOCK_HANDED_ON", block)
    monkeypatch.setattr(columns, "_BLOCK", block)
    odd = ["\0", "\n" * 300, "", 'a"b,', "\r\n\0" * 1000, "a\0b"]
    items = [*map(str, range(18)), *odd, *map(str, range(18)), "\0", "x"]
    rows = np.arange(len(items))
    file = ListFile(tmp_path / "p.csv", POPULAR_ITEMS)
    assert file.write([[coded([*map(str, rows)], rows), coded(items, rows), coded(["1"], 0 * rows)]]) == 44
    assert _rows(file.path, POPULAR_ITEMS) == [[str(i), item, "1"] for i, item in enumerate(items)]
    distinct, places = file.read().take_texts("item_id")
    assert [distinct[place] for place in places] == items


@pytest.mark.parametrize("header", ["item_id,position,score", "position,item_id", "position,item_id,score,x"])
def test_a_file_with_other_columns_or_in_another_order_is_refused(tmp_path, header):
    file = ListFile(tmp_path / "p.csv", POPULAR_ITEMS)
    file.path.write_text(f"{header}\n", encoding="utf-8")
    for read in (file.read, file.batches):
        with pytest.raises(RefusedError, match=r"p\.csv has other columns than popular_items"):
            read()


def test_lists_without_rows_are_a_header(tmp_path):
    assert write_recommendations(tmp_path / "r.csv", [_recommendations(0)]) == 0
    write_popular_items(tmp_path / "p.csv", PopularItems(ITEMS, np.empty(0, np.int32), np.empty(0)))
    assert (tmp_path / "r.csv").read_bytes() == b"customer_id,position,item_id,score,reason,because_item_id\n"
    assert (tmp_path / "p.csv").read_bytes() == b"position,item_id,score\n"


def test_every_score_of_three_decimals_is_written_in_short(tmp_path):
    thousandths = np.arange(1000, -1, -1)
    scores = thousandths / 1000
    write_popular_items(tmp_path / "p.csv", PopularItems(Keys.of([1]), np.zeros(1001, np.int32), scores))
    written = [row[2] for row in _rows(tmp_path / "p.csv", POPULAR_ITEMS)]
    assert [float(text or "nan") for text in written] == scores.tolist()
    assert written[:2] == ["1", "0.999"]
    assert "0.1" in written
    assert "0.10" not in written
