"""Calls and settings that are wrong: no database knows of them, or it cannot even be reached."""

import pytest

from recommender.runs.folder import QUERIES
from tests.bad_input import faults
from tests.bad_input.support import (
    ALL,
    ANY,
    MARIADB,
    POSTGRESQL,
    SERVERS,
    SQLITE,
    BadShop,
    Case,
    cases_of,
    nothing,
)
from tests.platforms.support import load as load_platform

CASES: list[Case] = []
case = cases_of(CASES, pytest.mark.sqlite_proves)


def without_queries(shop: BadShop) -> None:
    """As `init` finds a folder at first."""
    for name in QUERIES:
        (shop.folder / "sql" / name).unlink()


def load(shop: BadShop, name: str) -> None:
    """The tables of a platform."""
    shop.is_harmed = True
    load_platform(shop.url, name)


for _name, _row, _call in (
    ("load_and_train", "two options that exclude each other", ("run", "--load", "--train")),
    ("as_of_a_word", "an `--as-of` that is not a date", ("run", "--as-of", "yesterday")),
    ("as_of_no_day", "an `--as-of` that is not a date", ("export", "--as-of", "2026-02-30")),
    ("unknown_item", "an item that nobody knows", ("similar", "999999")),
    ("unknown_customer", "a customer that nobody knows", ("show", "-999999")),
    ("evaluate_too_young", "too few days of sales to judge by", ("evaluate", "--days", "300")),
    ("as_of_future", "an `--as-of` in the future", ("run", "--as-of", "9999-12-31")),
):
    case(_row, on=ANY, call=_call, name=_name)(nothing)


case("no shop in this folder", on=ANY, call=("run",), fault=faults.elsewhere, name="no_shop")(nothing)
case("an argument that is not UTF-8", on=ANY, call=("show", "caf\udce9"), name="no_utf8_argument")(nothing)


@case(
    "nobody who came back, to judge by",
    on=ANY,
    call=("evaluate", "--days", "14", "--windows", "1", "--fresh"),
)
def nobody_back(shop: BadShop) -> None:
    shop.execute("UPDATE sales SET customer_id = rowid")


@case("a customer in other letters, and no database to ask", on=ANY, call=("show", "C7"), is_blind=True)
def nobody_to_ask(shop: BadShop) -> None:
    shop.set(DATABASE_URL="sqlite:///nowhere.db")


@case("an item in other letters, and no database to ask", on=ANY, call=("similar", "I7"), is_blind=True)
def nothing_to_ask(shop: BadShop) -> None:
    shop.set(DATABASE_URL="sqlite:///nowhere.db")


@case("no settings file where `--env-file` says", on=ANY)
def no_env_file(shop: BadShop) -> None:
    shop.env_file.unlink()


@case("a settings file that is not a text", on=ANY)
def env_no_text(shop: BadShop) -> None:
    shop.env_file.write_bytes(b"TOP_N='\xff'\n")


@case("a line of it that is not a setting", on=ANY)
def env_no_setting(shop: BadShop) -> None:
    with shop.env_file.open("a") as file:
        file.write("s3cret it is\n")


@case("a file of a secret that cannot be read", on=ANY)
def no_secret_file(shop: BadShop) -> None:
    shop.settings.pop("FORGET_KEY")
    shop.set(FORGET_KEY_FILE="nowhere")


@case("`DATABASE_URL` is not set", on=ANY)
def no_database_url(shop: BadShop) -> None:
    shop.set(DATABASE_URL="")


@case("a wrong setting", on=ANY)
def wrong_number(shop: BadShop) -> None:
    shop.set(TOP_N="many")


@case("a wrong setting", on=ANY)
def wrong_zone(shop: BadShop) -> None:
    shop.set(SHOP_TIMEZONE="Europe/Berlín")


@case("several wrong settings", on=ANY)
def several_wrong(shop: BadShop) -> None:
    shop.set(TOP_N=0, SEED="x", REPEAT_PURCHASES="maybe")


@case("less memory than a night needs", on=ANY)
def no_room(shop: BadShop) -> None:
    shop.set(MAX_MEMORY_MB=64)


@case("an address of a database that we do not know", on=ANY)
def unknown_database(shop: BadShop) -> None:
    shop.set(DATABASE_URL="mssql://shop:s3cret-Pa@localhost/shop")


@case("an address that cannot be read", on=ANY)
def unreadable_address(shop: BadShop) -> None:
    shop.set(DATABASE_URL="postgresql://shop:s3cret-Pa:@/x@@localhost/shop")


@case("an address that cannot be read", on=ANY)
def password_with_a_slash(shop: BadShop) -> None:
    """The driver would take `ss` for the host, and the rest for the database, and say so."""
    shop.set(DATABASE_URL="mysql://shop:s3@ss/s3cret@localhost/shop")


@case("an address without a database", on=SERVERS)
def no_name_in_address(shop: BadShop) -> None:
    shop.set(DATABASE_URL=shop.url.rpartition("/")[0])


@case("a certificate's file that cannot be read", on=SERVERS)
def no_certificate(shop: BadShop) -> None:
    option = "sslrootcert" if shop.kind == POSTGRESQL else "ssl_ca"
    shop.set(DATABASE_URL=shop.at(query={option: "nowhere.pem"}))


@case("an option of a MariaDB or MySQL address that we do not know", on=(MARIADB,))
def smuggled_option(shop: BadShop) -> None:
    shop.set(DATABASE_URL=shop.at(query={"local_infile": "1"}))


@case("mysqlclient over a network, without TLS required", on=(MARIADB,), fault=faults.every_driver)
def mysqlclient_far_away(shop: BadShop) -> None:
    shop.set(DATABASE_URL=shop.at(drivername="mysql+mysqldb", host="db.example"))


@case("a schema on SQLite, which has none", on=(SQLITE,))
def schema_on_sqlite(shop: BadShop) -> None:
    shop.set(TARGET_SCHEMA="ours")


@case("the folder of another storefront", on=ANY)
def folder_of_another(shop: BadShop) -> None:
    shop.set(TABLE_PREFIX="bad_").does("init", "--yes")


@case("no file at `NEVER_RECOMMEND`", on=ANY)
def no_never_file(shop: BadShop) -> None:
    shop.set(NEVER_RECOMMEND="nowhere.txt")


@case("a line of it that is not an item id", on=ANY)
def never_no_id(shop: BadShop) -> None:
    (shop.folder / "never.txt").write_text("100\ntea\n")
    shop.set(NEVER_RECOMMEND="never.txt")


@case("guests without a `GUEST_KEY`", on=ANY)
def no_guest_key(shop: BadShop) -> None:
    shop.execute("UPDATE sales SET customer_id = NULL, guest_email = 'ada@example.org' WHERE customer_id = 1")
    shop.query("SELECT customer_id, item_id, sold_at, guest_email FROM sales")


for _name, _row, _options in (
    ("param_no_pair", "a `--param` that is not a pair", ("--param", "statuses")),
    ("param_twice", "the same `--param` twice", ("--param", "a=1", "--param", "a=2")),
    ("platform_unknown", "a `--platform` that we do not know", ("--platform", "etsy")),
    ("param_too_late", "`--param` where the queries are there", ("--param", "statuses=1")),
):
    case(_row, on=ANY, call=("init", "--yes", *_options), name=_name)(nothing)


@case(
    "`--param` for a shop on none of the platforms", on=ALL, call=("init", "--yes", "--param", "statuses=1")
)
def no_platform(shop: BadShop) -> None:
    without_queries(shop)


@case("a `--platform` that the shop is not on", on=ALL, call=("init", "--yes", "--platform", "oscar"))
def other_platform(shop: BadShop) -> None:
    without_queries(shop)


for _name, _row, _param in (
    ("param_unknown", "a parameter that the platform does not have", "id_shop=1"),
    ("param_missing", "a parameter that only the owner can tell", "in_stock_only=yes"),
    ("param_form", "a parameter that is not of its form", "statuses=a\\b"),
):

    @case(_row, on=ALL, call=("init", "--yes", "--param", _param, "--param", "prefix="), name=_name)
    def oscar(shop: BadShop) -> None:
        without_queries(shop)
        load(shop, "oscar.sql")


@case(
    "a parameter that the shop does not have", on=(MARIADB,), call=("init", "--yes", "--param", "id_shop=7")
)
def unknown_shop(shop: BadShop) -> None:
    without_queries(shop)
    load(shop, "prestashop.sql")


@case("a value in the shop's own tables that is not of its form", on=(MARIADB,), call=("init", "--yes"))
def odd_zone(shop: BadShop) -> None:
    without_queries(shop)
    load(shop, "prestashop.sql")
    shop.execute("UPDATE ps_configuration SET value = 'Mars/Phobos' WHERE name = 'PS_TIMEZONE'")


@case("several installations in one database", on=(MARIADB,), call=("init", "--yes"))
def several_platforms(shop: BadShop) -> None:
    without_queries(shop)
    load(shop, "prestashop.sql")
    load(shop, "opencart.sql")
