"""Keys that people type at the terminal: found as the shop's database would find them."""

import json

import pytest

from recommender.errors import ExitCode
from tests.nights import DAY, blind_shop, empty_shop, make_shop, tastes

UUIDS = [f"6f1c2c1e-8f0b-4d7a-9a53-0c5d6e7f8a{number:02x}" for number in range(40)]
NUMBERS = range(-30, 0)


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'shop.db'}"


def test_customers_and_items_in_other_letters(tmp_path, database_url):
    shop = blind_shop(tmp_path / "shop", database_url)
    shop.night()
    right = json.loads(shop.does("show", "Cust5", "--json"))
    assert right["history"]
    assert right["recommendations"]
    assert json.loads(shop.does("show", "CUST5", "--json")) == right
    for command in ("similar", "together"):
        assert shop.does(command, "sku-1", "--json") == shop.does(command, "SKU-1", "--json")
    assert shop.does("similar", "sku-1").startswith("Item SKU-1: Item 1\n")
    assert "a customer cust99." in shop.fails(ExitCode.SETTINGS, "show", "cust99")
    assert "have no item sku-99." in shop.fails(ExitCode.SETTINGS, "similar", "sku-99")


def test_a_customer_who_has_no_list_is_found_too(tmp_path, sqlite_url):
    shop = blind_shop(tmp_path / "shop", sqlite_url, LISTS="popular_items,similar_items")
    shop.night()
    view = json.loads(shop.does("show", "CUST5", "--json"))
    assert view["customer_id"] == "Cust5"
    assert view["history"]
    shop.execute("DELETE FROM sales WHERE customer_id <> 'cust5'", "DELETE FROM similar_items")
    assert json.loads(shop.does("similar", "sKu-1", "--json"))["name"] == "Item 1"


def test_without_the_database_letters_are_compared_and_that_is_said(tmp_path, sqlite_url):
    shop = blind_shop(tmp_path / "shop", sqlite_url)
    shop.night()
    shop.set(TARGET_DATABASE_URL=f"sqlite:///{tmp_path / 'nowhere.db'}")
    assert "could not be read" in shop.does("show", "Cust5")
    for call in (("show", "cust5"), ("similar", "sku-1"), ("together", "sku-1")):
        assert "letter by letter (the database could not be asked" in shop.fails(ExitCode.SETTINGS, *call)


def test_every_form_of_a_uuid(tmp_path, postgresql):
    url = postgresql.create_database()
    shop = empty_shop(tmp_path / "shop", url, customer=str, item=str, NEVER_RECOMMEND="never.txt")
    shop.execute(
        "ALTER TABLE sales ALTER customer_id TYPE uuid USING NULL, ALTER item_id TYPE uuid USING NULL",
        "ALTER TABLE items ALTER item_id TYPE uuid USING NULL",
    )
    customers, items = UUIDS[:20], UUIDS[20:]
    shop.execute(*(f"INSERT INTO items VALUES ('{item}', 'Item {n}', 1)" for n, item in enumerate(items)))
    shop.execute(
        *(f"INSERT INTO sales VALUES ('{c}', '{i}', '{day}')" for c, i, day in tastes(customers, items))
    )
    shop.does("init", "--yes")
    forms = [items[0].upper(), items[1].replace("-", ""), f"{{{items[2]}}}", "no uuid", "\0"]
    (shop.folder / "never.txt").write_text("\n".join(forms), encoding="utf-8")
    run = shop.night()
    assert not {*items[:3]} & {str(item) for (item,) in shop.rows("SELECT item_id FROM recommendations")}
    (told,) = [text for text in run.manifest.warnings if "NEVER" in text]
    assert "2 lines name no item" in told
    right = shop.does("show", customers[0])
    for typed in (customers[0].upper(), customers[0].replace("-", ""), f"{{{customers[0]}}}"):
        assert shop.does("show", typed) == right
    assert "has a customer nobody." in shop.fails(ExitCode.SETTINGS, "show", "nobody")
    assert "have no item nothing." in shop.fails(ExitCode.SETTINGS, "similar", "nothing")


@pytest.fixture
def negative_shop(tmp_path, sqlite_url):
    shop = make_shop(
        tmp_path / "shop", sqlite_url, tastes([*NUMBERS], [*NUMBERS]), dict.fromkeys(NUMBERS, True)
    )
    shop.does("init", "--yes")
    shop.night(DAY)
    return shop


def test_a_negative_number_is_a_key_and_no_option(negative_shop):
    shop = negative_shop
    right = shop.does("show", "--json", "--", "-5")
    assert json.loads(right)["customer_id"] == -5
    for call in (
        ("-5", "--json"),
        ("--json", "-5"),
        ("--json", "-005"),
        ("--json", "-v", "-5"),
        ("--json", "--", "-5"),
    ):
        assert shop.recommend("show", *call).out == right
    assert shop.does("similar", "-3") == shop.does("similar", "--", "-3")
    assert shop.does("together", "-3") == shop.does("together", "--", "-3")
    assert "Item -3" in shop.does("show", "--search", "-3")  # the value of an option stays one


@pytest.mark.parametrize(
    "call", [("-5", "-6"), ("--jsn", "-5"), ("-x",), ("-5x",), ("-",), ("--", "-5", "-6")]
)
def test_what_is_no_option_and_no_key_is_refused_as_ever(negative_shop, call):
    negative_shop.fails(ExitCode.SETTINGS, "show", *call)
