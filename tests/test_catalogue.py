"""Items and the never-list, from files as shops and people write them."""

import re

import pytest

from recommender.errors import RefusedError
from recommender.runs.items import load_catalogue
from recommender.runs.keys import Keys
from recommender.system.csvform import quote
from recommender.tables import KeyKind

INTEGER, TEXT = KeyKind.INTEGER, KeyKind.TEXT


def _file(tmp_path, text, name="items.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_items_come_in_canonical_order_with_what_belongs_to_them(tmp_path):
    path = _file(tmp_path, 'item_id,name,sellable\n10,ten,0\n9,,1\n-1,"a,b",1\n')
    found = load_catalogue(path, item_kind=INTEGER)
    assert found.ids == Keys.of([-1, 9, 10])
    assert found.names == ("a,b", None, "ten")
    assert found.sellable.tolist() == [True, True, False]
    assert found.categories is None


def test_columns_are_found_by_name(tmp_path):
    path = _file(tmp_path, "sellable,category,item_id,name,colour\n1,pots,b,B,red\n0,,a,A,\n")
    found = load_catalogue(path, item_kind=TEXT)
    assert found.ids == Keys.of([], ["a", "b"])
    assert found.categories == (None, "pots")


def test_text_ids_of_any_form_survive(tmp_path):
    ids = ["", "NA", "007", "1e5", " x ", "a\nb", "\r", "😀", '"']
    path = _file(tmp_path, "item_id,name,sellable\n" + "".join(f"{quote(i)},n,1\n" for i in ids))
    assert load_catalogue(path, item_kind=TEXT).ids == Keys.of([], ids)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("item_id,name\n", "has no column sellable"),
        ("item_id,name,sellable\n1,a,1\n2,b\n", "record 2: 2 fields, but the header has 3"),
        ("item_id,name,sellable\n1,a,1\nx,b,1\n", "record 2: item_id is not an integer"),
        ("item_id,name,sellable\n,a,1\n", "record 1: item_id is not an integer"),
        ("item_id,name,sellable\n9223372036854775808,a,1\n", "record 1: item_id is not an integer"),
        ("item_id,name,sellable\n" + "9" * 5000 + ",a,1\n", "record 1: item_id is not an integer"),
        ("item_id,name,sellable\n1,a,yes\n", "record 1: sellable is 'yes', not true or false"),
        ("item_id,name,sellable\n1,a,1\n01,b,1\n", "record 2: item 1 is there already"),
    ],
)
def test_a_wrong_file_is_refused_by_record(tmp_path, text, message):
    with pytest.raises(RefusedError, match=re.escape(message)):
        load_catalogue(_file(tmp_path, text), item_kind=INTEGER)


def test_an_item_without_a_text_id_is_refused(tmp_path):
    with pytest.raises(RefusedError, match="record 1: item_id is not a text"):
        load_catalogue(_file(tmp_path, "item_id,name,sellable\n,a,1\n"), item_kind=TEXT)
