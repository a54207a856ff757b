"""The rights in each platform's grants.sql are enough for `init`, `check` and the nights, and no more."""

import pytest

from recommender.errors import ExitCode
from tests.conftest import own_name
from tests.nights import Shop
from tests.platforms.support import FACT_COLUMNS, facts_of, items_of, load, sales_of, set_up

SECRETS = {
    "woocommerce": "SELECT user_pass FROM wp_users",
    "prestashop": "SELECT passwd FROM ps_customer",
    "opencart": "SELECT password FROM oc_customer",
    "magento": "SELECT password_hash FROM customer_entity",
    "shopware": "SELECT password FROM customer",
    "oscar": "SELECT password FROM auth_user",
}
PARAMS = {
    "prestashop": ["id_shop=1", "in_stock_only=yes"],
    "opencart": ["in_stock_only=yes"],
    "oscar": ["statuses=Complete,Being processed", "in_stock_only=yes"],
}


@pytest.mark.parametrize("name", SECRETS)
def test_the_rights_are_enough_and_no_more(tmp_path, far_mariadb, name):
    url = far_mariadb.create_database()
    load(url, f"{name}.sql")
    params = PARAMS.get(name, ["in_stock_only=yes"])
    whole, _ = set_up(tmp_path / "shop", url, *params)
    text = (whole.folder / "sql" / "grants.sql").read_text(encoding="utf-8")
    grants = [line for line in text.splitlines() if line.startswith("GRANT SELECT ")]
    user = own_name("of_test")
    account = f"'{user}'@'127.0.0.1'"
    database = url.rpartition("/")[2]
    far_mariadb.execute(
        f"CREATE USER {account} IDENTIFIED BY 'word'",
        f"USE `{database}`",
        *(grant.replace("'shop'@'127.0.0.1'", account).rstrip(";") for grant in grants),
    )
    reader = far_mariadb.url(database, user, "word")
    (tmp_path / "other").mkdir()
    shop = Shop(tmp_path / "other", reader)
    options = [option for param in params for option in ("--param", param)]
    outcome = shop.recommend("init", "--url", reader, "--owner-url", url, "--yes", *options)
    assert outcome.code is ExitCode.DONE, outcome.err
    assert sales_of(shop) == sales_of(whole)
    assert items_of(shop) == items_of(whole)
    columns = [column for column in FACT_COLUMNS if (name, column) != ("oscar", "brand")]
    assert facts_of(shop, columns) == facts_of(whole, columns)
    for query in ("sales.sql", "items.sql", "statuses.sql"):
        mine, others = (folder / "sql" / query for folder in (shop.folder, whole.folder))
        assert mine.read_text("utf-8") == others.read_text("utf-8")
    assert " orders count as sales" in shop.recommend("check").out
    with pytest.raises(Exception, match="denied"):
        shop.rows(SECRETS[name])
