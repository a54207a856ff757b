"""Whom a key means that is typed to forget somebody: a customer who is known, and what is kept of them."""

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from recommender.database.namedkeys import equal_keys, owned_rows, owners, text_of
from recommender.database.schema import Target
from recommender.errors import RecommenderError, RefusedError, SettingsError
from recommender.export.fields import GuestKeys, find_columns
from recommender.export.forgotten import read_forgotten, secret_of, take_back
from recommender.export.sources import RowSources, said_as
from recommender.night.locked import Held, locked
from recommender.night.target import key_kinds, shop_of
from recommender.operations.erasure import customers_in
from recommender.operations.search import sale_lines
from recommender.runs.archive import exported, unpack
from recommender.runs.folder import QUERIES, run_folders
from recommender.settings import Settings
from recommender.system.files import temporary_folder
from recommender.system.text import shortened
from recommender.system.window import window
from recommender.tables import KeyKind, Role, integer_key, is_guest


@dataclass(frozen=True)
class Whom:
    """Somebody who is to be forgotten."""

    keys: tuple[str, ...]
    """The shop's own, in order: all that its database holds equal to what was typed."""
    typed: tuple[str, ...]
    """What was given: the key, or a guest's address and the key made of it."""
    sales: int
    """Their lines in the newest export that is kept."""
    rows: dict[str, int] = field(default_factory=dict)
    """Theirs in each of our tables, by its name."""


def find_whom(
    settings: Settings, customer: str | None, *, guest_email: str | None = None, even_unknown: bool = False
) -> Whom:
    """Find a customer in all that could know them, and count what there is; nothing is changed.

    Args:
        settings: where all that is.
        customer: the key, as text.
        guest_email: of a guest, in the place of a key.
        even_unknown: take the key as it was typed where nobody knows it.

    Raises:
        SettingsError: FORGET_KEY or GUEST_KEY is missing, or is not the one of before; or it can be no key.
        RefusedError: nobody knows such a customer.
        DatabaseError: a database failed.
        LockedError: a run is going on.
    """
    with locked(settings) as held:
        target = held.target
        forgotten = read_forgotten(target, settings, new_guest_key=guest_email is not None)
        secret_of(settings)
        key = _key(settings, held, customer, guest_email)
        keys = _same(settings, held, key)
        if key in forgotten or (even_unknown and not keys):
            keys.add(key)
        if not keys:
            raise RefusedError(
                "customer-unknown",
                f"Nobody knows {_shown(customer)}: not the shop's sales of the last HISTORY_DAYS, no table of"
                " ours, no file that is kept, and nobody was forgotten by that key.",
                f"{_check(customer)} --even-unknown forgets it all the same.",
            )
        run = held.past.last_with_sales
        n_sales = 0 if run is None else sum(line[0] in keys for line in sale_lines(run))
        typed = tuple(text for text in (key, guest_email) if text)
        return Whom(tuple(sorted(keys)), typed, n_sales, _count_rows(target, keys))


def undo(settings: Settings, customer: str | None, *, guest_email: str | None = None) -> int:
    """Take a customer back who was forgotten, by key or, a guest, by address; what was erased stays erased.

    Returns:
        How many customers are still forgotten.

    Raises:
        SettingsError: FORGET_KEY or GUEST_KEY is missing, or is not the one of before; or it can be no key.
        RefusedError: the customer is not forgotten.
        DatabaseError: a database failed.
        LockedError: a run is going on.
    """
    with locked(settings) as held:
        target = held.target
        forgotten = read_forgotten(target, settings)
        key = _key(settings, held, customer, guest_email)
        # Only the shop may still know how it writes the key of somebody who was erased here.
        keys = [same for same in {key} | _same(settings, held, key) if same in forgotten]
        if not keys:
            raise RefusedError(
                "forget-not-forgotten", f"Not forgotten: {_shown(customer)}.", _check(customer)
            )
        return take_back(target, settings, forgotten, keys)


def _shown(customer: str | None) -> str:
    return "the guest of that address" if customer is None else f"the customer {shortened(repr(customer))}"


def _check(customer: str | None) -> str:
    return "Check the address." if customer is None else "Check the key: it is the shop's own customer_id."


def _key(settings: Settings, held: Held, customer: str | None, guest_email: str | None) -> str:
    """The key as the exports would have it.

    Raises:
        SettingsError: it can be none.
    """
    if customer is None:
        return _key_of_guest(settings, guest_email)
    if is_guest(customer) or not _are_integers(held):
        return customer
    number = integer_key(customer)
    if number is None:
        raise SettingsError(
            "customer-no-number",
            f"The customers of this shop have numbers; {customer[:60]!r} is not a number.",
            "Check the key: it is the shop's own customer_id; for a guest give --guest-email.",
        )
    return str(number)


def _key_of_guest(settings: Settings, address: str | None) -> str:
    if settings.guest_key is None:
        raise SettingsError(
            "guest-no-key",
            "GUEST_KEY is not set: it turns a guest's address into the key.",
            "Set the one that the nights have used; without one no guest was ever read.",
        )
    key = GuestKeys(settings.guest_key, said_as(settings, QUERIES[0])).key(address)
    if key is None:
        raise SettingsError("guest-no-address", "--guest-email is empty.", "Give the address of the guest.")
    return key


def _are_integers(held: Held) -> bool:
    """Whether customers' keys are numbers: by the last run, or by the tables that `init` has made."""
    run, target = held.past.last_with_items, held.target
    if run is not None:
        return run.manifest.keys.get("customer") == KeyKind.INTEGER
    with target.connect() as connection:
        found = target.keys(connection)
    return any(
        key.kind is KeyKind.INTEGER
        for (definition, name), key in found.items()
        if definition.columns[0].role is Role.CUSTOMER and name == definition.columns[0].name
    )


def _same(settings: Settings, held: Held, key: str) -> set[str]:
    """All keys, wherever somebody is known, that the database holds equal to this one.

    A customer who was `Cust5` last week and is `cust5` today must not come back under the other.
    Of numbers and guests, whose keys have one form, the first place that knows them is enough.
    """
    has_one_form, target = is_guest(key) or _are_integers(held), held.target
    found: set[str] = set()
    for known in _looks(settings, target):
        if has_one_form:
            found |= known & {key}
        else:
            with target.connect() as connection:
                found |= equal_keys(target, connection, Role.CUSTOMER, [key], known).get(key, set())
        if found and has_one_form:
            break
    return found


def _looks(settings: Settings, target: Target) -> Iterator[set[str]]:
    """Everybody who is known, look by look, the quick ones first."""
    with target.connect() as connection:
        in_tables = {*owners(target, connection, Role.CUSTOMER)}
    yield in_tables.union(*map(customers_in, run_folders(settings.data_dir)))
    archives, _ = exported(settings.data_dir)
    for file in dict.fromkeys(archive.file for archive in archives):
        # Of one that is gone, or cannot be read, it is told when somebody is forgotten.
        with suppress(RecommenderError, OSError), temporary_folder(settings.data_dir) as folder:
            unpack(Path(file), folder)
            yield set().union(*map(customers_in, run_folders(folder)))
    yield _in_shop(settings, target)


def _in_shop(settings: Settings, target: Target) -> set[str]:
    """Everybody in the shop's sales as a night reads them; nothing of it is written."""
    shop, zone = shop_of(settings, target), settings.shop_timezone
    days = window(now=datetime.now(UTC), as_of=None, history_days=settings.history_days, zone=zone)
    since = days.start.astimezone(settings.sales_timezone).replace(tzinfo=None)
    found: set[str] = set()
    kinds = key_kinds(settings, target)
    with (
        temporary_folder(settings.data_dir) as scratch,
        closing(RowSources(shop, settings, folder=scratch, since=since, kinds=kinds)) as sources,
    ):
        sold = sources.open(QUERIES[0])
        guests = GuestKeys(settings.guest_key, sold.query.path)
        columns = find_columns(sold.query, sold.reader, ["customer_id"], ["guest_email"])
        for customers, *emails in sold.reader.stream(sold.query, [*columns.values()]):
            found.update(text_of(key) for key in customers if key is not None)
            if emails and settings.guest_key is not None:
                addresses = {email for key, email in zip(customers, emails[0], strict=True) if key is None}
                found.update(filter(None, map(guests.key, addresses)))
    return found


def _count_rows(target: Target, keys: set[str]) -> dict[str, int]:
    counted = {}
    with target.connect() as connection:
        for table, theirs in owned_rows(target, connection, Role.CUSTOMER, keys):
            count = sa.select(sa.func.count()).select_from(table)
            counted[table.name] = sum(connection.execute(count.where(rows)).scalar_one() for rows in theirs)
    return counted
