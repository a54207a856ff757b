"""Customers who cannot be forgotten as it was said, and those who would come back."""

from recommender.system.files import sha256_of
from tests.bad_input.support import ANY, BadShop, Case, cases_of

CASES: list[Case] = []
case = cases_of(CASES)
SOMEBODY = ("forget", "7")


def somebody_is_forgotten(shop: BadShop) -> None:
    shop.own_tables()
    shop.does(*SOMEBODY)


@case("no `FORGET_KEY` to forget with", call=SOMEBODY)
def nothing_to_forget_with(shop: BadShop) -> None:
    shop.set(FORGET_KEY="")


@case("no `FORGET_KEY`, and somebody is forgotten")
def key_that_is_gone(shop: BadShop) -> None:
    somebody_is_forgotten(shop)
    shop.set(FORGET_KEY="")


@case("another `FORGET_KEY`")
def another_forget_key(shop: BadShop) -> None:
    somebody_is_forgotten(shop)
    shop.set(FORGET_KEY="another_" * 4)


@case("another `GUEST_KEY`, and a guest is forgotten")
def another_guest_key(shop: BadShop) -> None:
    shop.own_tables()
    shop.set(GUEST_KEY="one_key_" * 4)
    shop.does("forget", "--guest-email", "a@example.org", "--even-unknown")
    shop.set(GUEST_KEY="another_" * 4)


@case("no `GUEST_KEY` to forget a guest with", on=ANY, call=("forget", "--guest-email", "a@example.org"))
def no_key_for_guests(_shop: BadShop) -> None:
    """The shop has none."""


@case("a guest without an address", on=ANY, call=("forget", "--guest-email", " "))
def no_address(shop: BadShop) -> None:
    shop.set(GUEST_KEY="k" * 32)


@case("a customer that is not a number", on=ANY, call=("forget", "seven"))
def no_number(_shop: BadShop) -> None:
    """The shop's customers have numbers."""


@case("a customer whom nobody knows", call=("forget", "999999"))
def nobody_known(_shop: BadShop) -> None:
    """No sale and no list has that one."""


@case("nobody to erase once more", on=ANY, call=("forget",))
def nobody_forgotten(_shop: BadShop) -> None:
    """Nobody was forgotten."""


@case("a customer to take back who is not forgotten", on=ANY, call=("forget", "7", "--undo"))
def nobody_to_take_back(_shop: BadShop) -> None:
    """Nobody was forgotten."""


@case("a guest whom nobody knows", on=ANY, call=("forget", "--guest-email", "a@example.org"))
def no_such_guest(shop: BadShop) -> None:
    shop.set(GUEST_KEY="k" * 32)


@case("lists of forgotten customers, made elsewhere or before", on=ANY, call=("publish",))
def lists_of_forgotten(shop: BadShop) -> None:
    shop.own_tables()
    shop.does(*SOMEBODY)
    for stage in ("export", "train", "rank"):
        shop.does(stage)
    run = shop.last_run
    path = run.path("recommendations.csv")
    header, rest = path.read_text(encoding="utf-8").split("\n", 1)
    path.write_text(f"{header}\n7,1,102,1,popular,\n{rest}", encoding="utf-8")
    run.manifest.note_file(path.name, sha256_of(path))
    run.save()
