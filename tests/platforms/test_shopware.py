"""Shopware 6: what its queries make of every trap of its tables."""

import pytest

from recommender.errors import ExitCode
from tests.nights import Shop
from tests.platforms.mutants import caught, mutants_of
from tests.platforms.support import items_of, load, sales_of, set_up


def key(number):
    return f"{number:032x}"


SALES = sorted(
    [
        (key(1), key(10), 2, None),  # paid at the second try; neither the draft's seven nor those in the set
        (key(1), key(11), 1, None),  # the variant's product
        (key(1), key(17), 1, None),
        (key(2), key(10), 1, None),  # two payments, one line
        (key(2), key(11), 2, None),  # three less one that came back; another is only asked for
        (None, key(10), 1, "dora@example.com"),
        (None, key(11), 1, "dora@example.com"),
        (key(2), key(17), 1, None),  # a guest with Ben's address
        (None, key(10), 1, "gone@example.com"),  # a removed customer
        (key(1), key(13), 1, None),  # for nothing, switched off since
        (key(1), key(153), 1, None),  # removed since
    ],
    key=repr,
)
ITEMS = {
    key(10): ("Assam", True),
    key(11): ("Kanne", True),  # has no name in English
    key(13): ("Off", False),
    key(14): ("By link", False),
    key(15): ("Elsewhere", False),
    key(16): ("OUT", True),
    key(17): ("Set", True),
}


@pytest.fixture
def url(far_mariadb):
    url = far_mariadb.create_database()
    load(url, "shopware.sql")
    return url


def test_each_trap(tmp_path, url):
    shop, out = set_up(tmp_path / "shop", url)
    assert "Shopware 6" in out
    assert f"sales_channel_id={key(1)} (as the shop's tables say" in out
    assert sales_of(shop) == SALES
    assert items_of(shop) == ITEMS
    (joined,) = shop.rows(
        "SELECT COUNT(*) FROM product AS p LEFT JOIN recommendations AS r ON UNHEX(r.item_id) = p.id"
    )
    assert joined[0] > 0


@pytest.mark.parametrize("mutant", mutants_of("shopware"), ids=str)
def test_each_mutant_is_caught(ready, far_mariadb, mutant):
    shop = ready(far_mariadb, "shopware.sql")
    assert caught(shop, mutant, lambda: (sales_of(shop), items_of(shop)), (SALES, ITEMS))


def test_the_other_channel_and_stock(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, f"sales_channel_id={key(9).upper()}", "in_stock_only=yes")
    assert sales_of(shop) == [(key(1), key(15), 1, None)]
    assert items_of(shop)[key(15)] == ("Elsewhere", True)
    assert items_of(shop)[key(11)] == ("Kanne", False)


def test_authorized_payments_and_only_what_is_available(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, "statuses=authorized", "in_stock_only=yes")
    assert sales_of(shop) == [(key(1), key(16), 1, None)]
    assert items_of(shop) == ITEMS | {key(16): ("OUT", False)}


def test_of_two_storefronts_the_owner_says_which(tmp_path, url):
    Shop(tmp_path, url).execute("UPDATE sales_channel SET active = 1")
    line = Shop(tmp_path, url).fails(ExitCode.SETTINGS, "init", "--url", url, "--yes")
    assert "needs to know sales_channel_id" in line
    assert f"{key(1)} (Storefront)" in line
    assert "--param sales_channel_id=" in line


def test_without_the_tables_of_refunds(tmp_path, url):
    Shop(tmp_path, url).execute("DROP TABLE order_transaction_capture_refund_position")
    shop, _ = set_up(tmp_path / "shop", url)
    assert (key(2), key(11), 3, None) in sales_of(shop)
