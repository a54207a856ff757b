"""A real shop on django-oscar: its own migrations, its own orders, a night, and the list on its page."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import ExitCode
from tests.nights import Shop
from tests.platforms.support import PAGES, laid_out, sales_of

OSCAR_SHOP = Path(__file__).with_name("oscar_shop")
OLD_CUSTOMER, NEW_CUSTOMER, VISITOR = "customer2@example.com", "new@example.com", "-"


class OscarShop:
    """The shop's software: a Django project in a folder of its own, at work in a process of its own."""

    def __init__(self, folder, url):
        shutil.copytree(OSCAR_SHOP, folder)
        laid_out(PAGES / "oscar.md", folder)
        for package in ("recommended", "recommended/templatetags"):
            (folder / package / "__init__.py").touch()
        # All of its migrations take half a minute of computing; the models make the same tables.
        by_models = os.environ.get("EVERY_DATABASE") != "1"
        environment = os.environ | {"SHOP_URL": url, "DJANGO_SETTINGS_MODULE": "shop_settings"}
        environment |= {"PYTHONPATH": str(folder), "SHOP_TABLES": "models" if by_models else "migrations"}
        self._log = folder / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "serve.py"],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.does("migrate", by_models)

    def does(self, name, *arguments):
        """What a function of `serve.py` gives."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([name, arguments]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.said
        return json.loads(answer)

    @property
    def said(self):
        return self._log.read_text()

    def shown_to(self, *addresses):
        """The names in the list of the page, in order, for each who looks at it."""
        pages = [self.does("page_for", address) for address in addresses]
        found = re.compile(r'<section id="recommended">(.*?)</section>', re.DOTALL)
        lists = [html for page in pages for html in found.findall(page)]
        return [re.findall(r'<h3[^>]*>\s*<a [^>]*title="([^"]*)"', html) for html in lists]


@pytest.fixture
def oscar(tmp_path, database_url):
    oscar = OscarShop(tmp_path / "oscar", database_url)
    yield oscar
    with oscar.process as process:  # waits for its end and closes the pipes
        process.kill()


@pytest.mark.long
def test_from_its_own_orders_to_its_own_page(tmp_path, database_url, oscar):
    sold = oscar.does("sell")

    (tmp_path / "recommend").mkdir()
    shop = Shop(tmp_path / "recommend", database_url)
    said = shop.fails(ExitCode.SETTINGS, "init", "--url", database_url, "--yes")
    assert "Being processed" in said
    assert "Cancelled" in said
    out = shop.does("init", "--url", database_url, "--yes", "--param", "statuses=Being processed,Complete")
    assert "This shop runs on django-oscar" in out
    assert "refund_events=Refund" in out

    netted: Counter[tuple[Any, Any]] = Counter()
    for customer, item, quantity, address in sales_of(shop):
        netted[address or customer, item] += quantity
    assert netted == {(who, item): quantity for who, item, quantity in sold}

    shop.night(None)
    names = dict(shop.rows("SELECT id, title FROM catalogue_product WHERE parent_id IS NULL"))
    customers = dict(shop.rows("SELECT email, id FROM auth_user"))
    mine = [names[item] for item in shop.lists()[customers[OLD_CUSTOMER]]]
    everybodys = [names[item] for (item,) in shop.rows("SELECT item_id FROM popular_items ORDER BY position")]
    # The one product of the own taste that this customer never ordered.
    assert mine[0] == "Tea 2"
    oscar.does("new_customer", "new", NEW_CUSTOMER)
    assert oscar.shown_to(OLD_CUSTOMER, NEW_CUSTOMER, VISITOR) == [mine[:8], everybodys[:8], everybodys[:8]]

    # Since the night: one product is sold out, another was taken off the shop.
    gone, hidden = everybodys[:2]
    by_name = {name: item for item, name in names.items()}
    shop.execute(
        f"UPDATE partner_stockrecord SET num_in_stock = 0 WHERE product_id = {by_name[gone]} OR product_id IN"
        f" (SELECT id FROM catalogue_product WHERE parent_id = {by_name[gone]})",
        f"UPDATE catalogue_product SET is_public = {'0' if 'postgres' not in database_url else 'FALSE'}"
        f" WHERE id = {by_name[hidden]}",
    )
    left = [name for name in everybodys if name not in (gone, hidden)]
    assert oscar.shown_to(VISITOR) == [left[:8]]

    # No more products are looked at than are shown; the stand-in for the stock has all of them.
    assert oscar.does("looks_for", 2) == [[name for name in everybodys if name != hidden][:2], 2]

    # The tables are gone before the page's code is: the page is there all the same, and the log says why.
    shop.execute("DROP TABLE recommendations", "DROP TABLE popular_items")
    assert oscar.shown_to(VISITOR, OLD_CUSTOMER) == [[], []]
    assert "The lists could not be read." in oscar.said
