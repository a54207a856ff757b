"""docs/platforms: what a page tells a shop to read is there, in order, and without what cannot be bought."""

from typing import Any

import pytest
import sqlalchemy as sa

from tests.nights import connection_to
from tests.platforms.support import PAGES, code_of

CUSTOMER = {"shopware": f"{1:032x}"}
ROWS: dict[str, tuple[list[Any], list[Any]]] = {
    # A list with an item that the shop would not show at this moment, and what is left of it.
    "woocommerce": ([18, 11, 10], [11, 10]),
    "prestashop": ([17, 11, 10], [11, 10]),
    "opencart": ([16, 11, 10], [11, 10]),
    "magento": ([18, 11, 10], [11, 10]),
    "shopware": ([f"{n:032x}" for n in (13, 11, 10)], [f"{n:032x}" for n in (11, 10)]),
    "oscar": ([13, 11, 10], [11, 10]),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_the_shop_reads(ready, far_mariadb, name):
    server = None if name == "oscar" else far_mariadb
    params = ["statuses=Complete,Being processed"] if name == "oscar" else ()
    shop = ready(server, f"{name}.sql", params)
    mine, everybodys = (query.rstrip(";\n") for query in code_of(PAGES / f"{name}.md", "sql"))
    customer = CUSTOMER.get(name, 1)
    given, shown = ROWS[name]
    rows = [{"c": customer, "p": place, "i": item} for place, item in enumerate(given, 1)]
    with connection_to(shop.url) as connection, connection.begin() as transaction:
        connection.execute(
            sa.text(
                "INSERT INTO recommendations (customer_id, position, item_id, score, reason)"
                " VALUES (:c, :p, :i, 1, 'model')"
            ),
            rows,
        )
        connection.execute(
            sa.text("INSERT INTO popular_items (position, item_id, score) VALUES (:p, :i, 1)"),
            [{"p": row["p"], "i": row["i"]} for row in rows],
        )
        found = [row[0] for row in connection.execute(sa.text(mine), {"customer": customer})]
        visitors = [row[0] for row in connection.execute(sa.text(everybodys))]
        transaction.rollback()
    assert found == shown
    assert visitors == shown
