"""How MariaDB reads the shops' tables: by their indexes, no table against the whole of another."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from recommender.database import open_database
from recommender.database.query import read_query
from recommender.settings import load_settings
from recommender.setup.checks.ownqueries import full_scans
from recommender.setup.platforms.preset import NAMES
from scripts.benchmark import platforms, shops
from tests.platforms.support import HERE, set_up

ACCOUNTS = {"woocommerce": "wp_users", "magento": "customer_entity"}
FEW = 100
LAST_WEEK = datetime.fromisoformat("2024-12-25")
"""Of the synthetic shop: a window that a part of its sales is in."""


@pytest.mark.parametrize("name", NAMES)
def test_times_are_compared_bare(name):
    text = (HERE.parents[1] / "sql/platforms" / name / "sales.sql").read_text(encoding="utf-8")
    compared = [line.strip() for line in text.splitlines() if ":since" in line]
    assert compared
    for line in compared:
        assert re.search(r"(?:WHERE|AND) \w+\.\w+ >= :since(?: - INTERVAL 1 DAY)?$", line), line


@pytest.mark.parametrize("name", platforms.NAMES)
def test_a_small_window_is_read_by_indexes(tmp_path, far_mariadb, name):
    url = far_mariadb.create_database()
    # Enough sales for an index to be worth its use.
    shops.load(url, shops.Size(20_000, 2_000, 300))
    platforms.lay_out(url, name)
    shop, _ = set_up(tmp_path / "shop", url)
    settings = load_settings(env_file=shop.env_file, environ={})
    database = open_database(settings.database_url)
    query = read_query(settings.sql_dir / "sales.sql", database.backend, LAST_WEEK)
    with database.connect() as connection:
        scans = full_scans(database, connection, query)
    # Only the accounts, whose addresses tell which guests have one.
    assert [scan.table for scan in scans if scan.rows > FEW] == [ACCOUNTS[name]]
    text = Path(query.path).read_text(encoding="utf-8").replace(":since", f"'{LAST_WEEK}'")
    plan = shop.rows(f"EXPLAIN {text}".replace("%", "%%"))
    ways = [(table, how, key, extra or "") for _, _, table, how, _, key, *_, extra in plan]
    # That would be each row of one table against all of another.
    assert [way for way in ways if "BNL join" in way[-1]] == []
    assert len({table for table, how, key, _ in ways if how in ("ref", "eq_ref", "range") and key}) > 2


@pytest.mark.parametrize("name", NAMES)
def test_what_is_looked_up_for_each_item_has_a_key(ready, far_mariadb, name):
    params = ["statuses=Complete"] if name == "oscar" else ()
    shop = ready(far_mariadb, f"{name}.sql", params)
    text = (shop.folder / "sql" / "items.sql").read_text(encoding="utf-8")
    plan = shop.rows(f"EXPLAIN {text}".replace("%", "%%"))
    per_item = [
        (table, possible, how)
        for _, kind, table, how, possible, *_ in plan
        if kind == "DEPENDENT SUBQUERY" and table
    ]
    assert len({table for table, *_ in per_item}) > 3
    # Tables as small as these may be read whole, but a key must be there to read a large one by.
    assert [table for table, possible, _ in per_item if not possible] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_grouped_first_is_joined_by_a_key(ready, far_mariadb, name):
    params = ["statuses=Complete"] if name == "oscar" else ()
    shop = ready(far_mariadb, f"{name}.sql", params)
    text = (shop.folder / "sql" / "sales.sql").read_text(encoding="utf-8").replace(":since", "'2024-03-01'")
    plan = shop.rows(f"EXPLAIN {text}".replace("%", "%%"))
    joined = [
        (table, possible) for _, _, table, _, possible, *_ in plan[1:] if (table or "").startswith("<derived")
    ]
    assert joined
    assert [table for table, possible in joined if not possible] == []
