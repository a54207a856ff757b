"""Shops whose texts have collations of several ages: the queries say the same whatever these are."""

import random

import pytest

from tests.nights import Shop
from tests.platforms.support import FACT_COLUMNS, facts_of, items_of, load, rows_of, sales_of, set_up
from tests.platforms.test_woocommerce import POSTS

PARAMS = {"oscar": ["statuses=Complete,Being processed"]}
WAYS = [
    "utf8mb4_unicode_ci",
    "utf8mb4_unicode_520_ci",
    "utf8mb4_general_ci",
    "utf8mb4_uca1400_ai_ci",
    "utf8mb4_bin",
    "utf8mb3_general_ci",
    "utf8mb3_unicode_ci",
    "utf8mb3_bin",
    "latin1_swedish_ci",
    "latin1_bin",
]


def texts_of(shop):
    """The columns of texts of a shop on MariaDB, each with what ALTER TABLE needs to say of it."""
    return shop.rows(
        "SELECT table_name, column_name, column_type, is_nullable, column_default"
        " FROM information_schema.columns WHERE table_schema = DATABASE() AND collation_name IS NOT NULL"
        " ORDER BY 1, ordinal_position"
    )


def mix(shop, seed):
    """Give each column of text a collation of its own."""
    known = {name for (name,) in shop.rows("SELECT collation_name FROM information_schema.collations")}
    known |= {f"utf8mb4_{name}" for name in known if name and name.startswith("uca1400")}
    ways = [way for way in WAYS if way in known]
    chosen = random.Random(seed)
    for table, column, kind, nullable, default in texts_of(shop):
        way = chosen.choice(ways)
        null = "NULL" if nullable == "YES" else "NOT NULL"
        given = "" if default in (None, "NULL") else f" DEFAULT {default}"
        shop.execute(
            f"ALTER TABLE `{table}` MODIFY `{column}` {kind}"
            f" CHARACTER SET {way.partition('_')[0]} COLLATE {way} {null}{given}"
        )


def answers_of(shop):
    """All that the three queries of a shop say."""
    text = (shop.folder / "sql" / "items.sql").read_text(encoding="utf-8")
    columns = [column for column in FACT_COLUMNS if f" AS {column}," in text or f"p.{column}," in text]
    statuses = rows_of(shop, "statuses.sql", ("status", "orders", "counted"))
    known = facts_of(shop, columns)
    assert len(known[min(known)]) >= len(FACT_COLUMNS) - 1  # Oscar has no brands
    return sales_of(shop), items_of(shop), known, sorted((s, int(o), int(c)) for s, o, c in statuses)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "name", ["woocommerce", "woocommerce as posts", "prestashop", "opencart", "magento", "shopware", "oscar"]
)
def test_any_mix_of_collations_gives_the_same_rows(tmp_path, ready, far_mariadb, name, seed):
    """Whatever `init` finds out and the queries return."""
    platform, _, as_posts = name.partition(" as ")
    params = PARAMS.get(platform, ())
    plain = ready(far_mariadb, f"{platform}.sql", params, POSTS if as_posts else "")
    url = far_mariadb.create_database()
    load(url, f"{platform}.sql")
    base = Shop(tmp_path, url)
    if as_posts:
        base.execute(POSTS)
    mix(base, f"{name} {seed}")
    shop, out = set_up(tmp_path / "shop", url, *params)
    assert "could not be asked" not in out
    assert answers_of(shop) == answers_of(plain)
    heads = [(s.folder / "sql" / "sales.sql").read_text("utf-8").splitlines()[1] for s in (shop, plain)]
    assert heads[0] == heads[1]


@pytest.mark.parametrize(
    "of",
    [
        ("C", "other", "plain"),
        ("plain", "C", "blind"),
        ("blind", "plain", "other"),
        ("blind", "other", "blind"),
    ],
)
def test_any_mix_of_postgresqls_collations_gives_the_same_rows(tmp_path, ready, postgresql, of):
    """`blind` takes letters of any case for the same; LIKE is not for such columns."""
    guests, accounts, statuses = of
    plain = ready(postgresql, "oscar.sql", PARAMS["oscar"])
    url = postgresql.create_database()
    load(url, "oscar.sql")
    base = Shop(tmp_path, url)
    base.execute(
        "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false)",
        "CREATE COLLATION plain (provider = icu, locale = 'und')",
        "CREATE COLLATION other (provider = icu, locale = 'en-US')",
        f'ALTER TABLE order_order ALTER guest_email TYPE VARCHAR(254) COLLATE "{guests}",'
        f' ALTER status TYPE VARCHAR(100) COLLATE "{statuses}"',
        f'ALTER TABLE auth_user ALTER email TYPE VARCHAR(254) COLLATE "{accounts}"',
        f'ALTER TABLE order_line ALTER status TYPE VARCHAR(255) COLLATE "{statuses}"',
        f'ALTER TABLE order_paymenteventtype ALTER name TYPE VARCHAR(128) COLLATE "{statuses}"',
    )
    shop, _ = set_up(tmp_path / "shop", url, *PARAMS["oscar"])
    assert answers_of(shop) == answers_of(plain)
