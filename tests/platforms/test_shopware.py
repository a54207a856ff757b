"""Shopware 6: what its queries make of every trap of its tables."""

from decimal import Decimal

import pytest

from recommender.errors import ExitCode
from tests.nights import Shop
from tests.platforms.mutants import caught, mutants_of
from tests.platforms.support import facts_of, items_of, load, sales_of, set_up


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


def facts(item, category=None, brand=None, price=None, image=None, *, added="2023-05-01 12:00:00"):
    image = image and f"https://teas.example/media/ab/cd/{image}"
    return category, brand, price, f"https://teas.example/en/detail/{item}", image, added


FACTS = {item: facts(item) for item in ITEMS} | {
    # The main category of this channel, not the first; the cover, not the first image.
    key(10): facts(key(10), "Black tea", "Meadow", Decimal("4.5"), "assam.jpg", added="2023-06-01 09:30:00"),
    # What has no name in English, and an image without a path.
    key(11): facts(key(11), "Kannen", "Zeta", Decimal("20.95")),
    key(17): facts(key(17), "Tea"),  # its main category is another channel's
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
    assert facts_of(shop) == FACTS
    (joined,) = shop.rows(
        "SELECT COUNT(*) FROM product AS p LEFT JOIN recommendations AS r ON UNHEX(r.item_id) = p.id"
    )
    assert joined[0] > 0


@pytest.mark.parametrize("mutant", mutants_of("shopware"), ids=str)
def test_each_mutant_is_caught(ready, far_mariadb, mutant):
    shop = ready(far_mariadb, "shopware.sql")
    assert caught(
        shop, mutant, lambda: (sales_of(shop), items_of(shop), facts_of(shop)), (SALES, ITEMS, FACTS)
    )


def test_the_other_channel_and_stock(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, f"sales_channel_id={key(9).upper()}", "in_stock_only=yes")
    assert sales_of(shop) == [(key(1), key(15), 1, None)]
    assert items_of(shop)[key(15)] == ("Elsewhere", True)
    assert items_of(shop)[key(11)] == ("Kanne", False)
    # That channel has no address, for it has no pages.
    assert facts_of(shop)[key(10)][3:5] == (f"detail/{key(10)}", "media/ab/cd/assam.jpg")
    assert facts_of(shop)[key(17)][0] == "Black tea"


def test_all_channels_have_one_row_an_item(tmp_path, url):
    shop, _ = set_up(tmp_path / "shop", url, "sales_channel_id=all")
    facts = facts_of(shop)
    # In the system's language, as the names are.
    assert facts[key(10)][:3] == ("Schwarztee", "Wiese", Decimal("4.5"))
    assert facts[key(17)][:3] == ("Schwarztee", None, None)


def test_before_there_were_main_categories_and_paths_of_images(tmp_path, url):
    """6.2 had none of the former, 6.4 none of the latter."""
    Shop(tmp_path, url).execute("DROP TABLE main_category", "ALTER TABLE media DROP COLUMN path")
    shop, out = set_up(tmp_path / "shop", url)
    facts = facts_of(shop, ("category", "brand", "price", "url", "added_at"))
    assert facts[key(10)][:2] == ("Tea", "Meadow")
    assert (
        "image_url"
        not in (shop.folder / "sql" / "items.sql").read_text(encoding="utf-8").split("SELECT", 1)[1]
    )
    assert "main_category" not in out


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
