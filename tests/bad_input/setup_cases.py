"""What keeps a shop, or a demo, from being set up: addresses, rights, files and tables that are there."""

import sqlalchemy as sa

from tests.bad_input import faults
from tests.bad_input.settings_cases import without_queries
from tests.bad_input.support import ANY, SERVERS, BadShop, Case, cases_of, nothing
from tests.nights import ALL_TABLES
from tests.platforms.support import load as load_platform

CASES: list[Case] = []
case = cases_of(CASES)
INIT = ("init", "--yes")


for _name, _row, _url in (
    (
        "init_unknown",
        "an address of a database that we do not know, for `init`",
        "mssql://shop@localhost/shop",
    ),
    (
        "init_driver",
        "an address of a driver that we do not know, for `init`",
        "mysql+oursql://localhost/shop",
    ),
    ("init_unreadable", "an address that cannot be read, for `init`", "shop.db"),
    ("init_no_file", "a SQLite address without a file, for `init`", "sqlite://"),
    ("init_other", "`--url` with an address while another is set", "sqlite:///other.db"),
):
    case(_row, on=ANY, call=(*INIT, "--url", _url), name=_name)(nothing)

for _name, _row, _url in (
    ("init_ca", "a certificate to verify, and no authority, for `init`", "mysql://h/d?ssl-mode=VERIFY_CA"),
    ("init_ssl", "an unknown `ssl-mode`, for `init`", "mysql://h/d?ssl-mode=MAYBE"),
):
    case(_row, on=ANY, call=(*INIT, "--url", _url), fault=faults.every_driver, name=_name)(nothing)

case(
    "no driver for an address given to `init`",
    on=ANY,
    call=(*INIT, "--url", "mysql://localhost/shop"),
    fault=faults.no_driver,
    name="init_no_driver",
)(nothing)
case(
    "`--owner-url` with the address of another database",
    on=ANY,
    call=(*INIT, "--owner-url", "sqlite:///other.db"),
    name="owner_of_another_database",
)(nothing)


@case("no address to set up a shop with", on=ANY, call=INIT)
def no_address_of_a_shop(shop: BadShop) -> None:
    shop.set(DATABASE_URL="")


@case("a file that an address is to be read from, for `init`", on=ANY, call=INIT)
def no_address_file(shop: BadShop) -> None:
    shop.settings.pop("DATABASE_URL")
    shop.set(DATABASE_URL_FILE="nowhere")


@case(
    "a `.env` that others may read and that is not ours to change",
    on=ANY,
    call=(*INIT, "--url", "{url}"),
    fault=faults.no_modes,
)
def open_secrets(shop: BadShop) -> None:
    shop.set(DATABASE_URL="")
    shop.env_file.chmod(0o644)


@case("no table that looks like sales", on=ANY, call=INIT, is_talkative=True)
def no_sales_table(shop: BadShop) -> None:
    without_queries(shop)
    shop.execute("DROP TABLE sales")


@case(
    "a query of a platform that is not safe to use",
    on=SERVERS,
    call=(*INIT, "--param", "statuses=Complete"),
    fault=faults.unsafe,
)
def unsafe_platform(shop: BadShop) -> None:
    without_queries(shop)
    shop.is_harmed = True
    load_platform(shop.url, "oscar.sql")


def without_create(shop: BadShop) -> None:
    """A user who may read the shop and make no table, and tables of ours to be made."""
    shop.user(*[f"SELECT ON {table}" for table in ("sales", "items", *ALL_TABLES.split(", "))])
    shop.set(TABLE_PREFIX="bad_", DATA_DIR="var-bad")


@case("a user who may not create our tables", on=SERVERS, call=INIT, is_talkative=True)
def may_not_create(shop: BadShop) -> None:
    without_create(shop)


@case(
    "a user who may not create our tables, in a terminal",
    on=SERVERS,
    call=("init",),
    fault=faults.in_terminal,
    is_talkative=True,
)
def may_not_create_in_a_terminal(shop: BadShop) -> None:
    without_create(shop)


@case(
    "somebody's own file where the statements are to be written",
    on=SERVERS,
    call=("init",),
    fault=faults.in_terminal,
    is_talkative=True,
)
def statements_of_another(shop: BadShop) -> None:
    without_create(shop)
    (shop.folder / "sql" / "create_tables.sql").write_text("-- somebody's own\n", encoding="utf-8")


@case("a `grants.sql` that holds more than rights to read", on=SERVERS, call=INIT, is_talkative=True)
def grants_of_more(shop: BadShop) -> None:
    user = sa.make_url(shop.url).username
    (shop.folder / "sql" / "grants.sql").write_text(f"GRANT ALL ON sales TO {user};\n", encoding="utf-8")


# The demo

DEMO = ("demo", "{folder}/demo", "--url")

case("a demo in a folder that is not empty", on=ANY, call=("demo", "{folder}"), name="demo_here")(nothing)
case("a demo in a database that has tables", call=(*DEMO, "{url}"), name="demo_in_shop")(nothing)
case(
    "a demo in a SQLite file that cannot be made",
    on=ANY,
    call=(*DEMO, "sqlite:///{folder}/none/shop.db"),
    name="demo_nowhere",
)(nothing)


@case("a demo in a folder that cannot be used", on=ANY, call=("demo", "{folder}/file/demo"))
def demo_behind_a_file(shop: BadShop) -> None:
    (shop.folder / "file").touch()
