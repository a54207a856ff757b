"""The customers who are to be forgotten: known only by keyed hashes, in a table of the target database."""

import hashlib
import hmac
import os
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from recommender.database.schema import Target
from recommender.errors import SettingsError
from recommender.settings import Settings
from recommender.system.files import read_plain, write_text
from recommender.tables import is_guest

_OF_FORGET_KEY = "forget_key:"
_OF_GUEST_KEY = "guest_key:"
"""Rows that begin so are of no customer: they tell the secret of the others from any other secret."""
_MOST = 64
COPY = "forgotten.txt"
"""In DATA_DIR: the rows of the table, for when the database came back from a backup."""
_MAKE_KEY = "Run `recommend init`: it makes one and appends it to .env."


class Forgotten:
    """Tells whether a customer is to be forgotten.

    Args:
        secret: FORGET_KEY.
        hashes: HMAC-SHA256 of the customers' keys under it, in hexadecimal digits.
        rows: all of the table, and of its copy in DATA_DIR.
        not_in_table: how many of the hashes are known from the copy alone.
    """

    def __init__(
        self,
        secret: str = "",
        hashes: Collection[str] = (),
        *,
        rows: Collection[str] = (),
        not_in_table: int = 0,
    ) -> None:
        self._secret = secret
        self._hashes = frozenset(hashes)
        self._others: set[str] = set()
        self.rows = frozenset(rows)
        self.not_in_table = not_in_table

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, customer: object) -> bool:
        if not self._hashes:
            return False
        text = str(customer)
        return not self._hashes.isdisjoint(_hashes_of(self._secret, text))

    def among(self, keys: Iterable[str]) -> set[str]:
        """Those of some keys that are of customers to be forgotten."""
        if not self._hashes:
            return set()
        found: set[str] = set()
        for key in set(keys) - self._others:
            (found if key in self else self._others).add(key)
        return found


def read_forgotten(target: Target, settings: Settings, *, new_guest_key: bool = False) -> Forgotten:
    """Who is to be forgotten: by the table, and by its copy in DATA_DIR.

    With `new_guest_key` GUEST_KEY may be another than when guests were forgotten.

    Raises:
        SettingsError: somebody is, and FORGET_KEY or GUEST_KEY is missing or is not that under which they are
            known.
        DatabaseError: the database failed.
    """
    table, copied = target.forgotten, _copied(settings.data_dir)
    with target.connect() as connection:
        has_table = sa.inspect(connection).has_table(table.name, schema=target.schema)
        in_table = _rows(connection, table) if has_table else set()
    rows = in_table | copied
    if not rows:
        return Forgotten()
    name = target.database.quoted(table)
    if settings.forget_key is None:
        raise SettingsError(
            "forget-no-key",
            f"{name} names customers to be forgotten, but FORGET_KEY is not set.",
            "Set the FORGET_KEY under which they were forgotten: without it they would come back.",
        )
    check = _check(_OF_FORGET_KEY, settings.forget_key, "")
    if check not in rows:
        raise SettingsError(
            "forget-other-key",
            f"FORGET_KEY is not the one under which the customers in {name} were forgotten.",
            "Set the earlier key; if it is lost, empty the table, remove"
            f" {settings.data_dir / COPY} and forget each of them again.",
        )
    if settings.guest_key is not None and not new_guest_key:
        guests = {row for row in rows if row.startswith(_OF_GUEST_KEY)}
        if guests and _check(_OF_GUEST_KEY, settings.forget_key, settings.guest_key) not in guests:
            raise SettingsError(
                "forget-other-guest-key",
                f"GUEST_KEY is not the one under which guests in {name} were forgotten: they would come"
                " back.",
                "Set the earlier key; if it is lost, forget each of them again with --guest-email and"
                " --even-unknown.",
            )
    hashes = {row for row in rows if ":" not in row}
    return Forgotten(settings.forget_key, hashes, rows=rows, not_in_table=len(hashes - in_table))


def secret_of(settings: Settings) -> str:
    """FORGET_KEY.

    Raises:
        SettingsError: it is not set.
    """
    if settings.forget_key is None:
        raise SettingsError(
            "forget-no-key", "FORGET_KEY is not set: it turns customers into hashes.", _MAKE_KEY
        )
    return settings.forget_key


def remember(target: Target, settings: Settings, customers: Collection[str]) -> None:
    """Put customers into the table, as hashes of their keys; and what only its copy in DATA_DIR has.

    Raises:
        SettingsError: FORGET_KEY is not set, or the table is missing.
        DatabaseError: the database failed.
    """
    secret = secret_of(settings)
    wanted = _copied(settings.data_dir)
    if customers:
        wanted |= {_check(_OF_FORGET_KEY, secret, ""), *(_hash_of(secret, key.encode()) for key in customers)}
        if any(map(is_guest, customers)) and settings.guest_key is not None:
            wanted.add(_check(_OF_GUEST_KEY, secret, settings.guest_key))
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    table = target.forgotten
    with target.connect() as connection:
        known = _rows(connection, table)
        for row in sorted(wanted - known):
            connection.execute(sa.insert(table).values(customer_hash=row, forgotten_at=now))


def take_back(target: Target, settings: Settings, forgotten: Forgotten, customers: Collection[str]) -> int:
    """Take customers out of the table and of its copy in DATA_DIR: later nights read them again.

    Who is killed between the two, or meets an error, calls it again: both together tell who is forgotten.

    Returns:
        How many customers are still forgotten.

    Raises:
        SettingsError: FORGET_KEY is not set.
        DatabaseError: the database failed.
    """
    secret = secret_of(settings)
    gone = {row for key in customers for row in _hashes_of(secret, key)} & forgotten.rows
    left = forgotten.rows - gone
    n_left = sum(":" not in row for row in left)
    if not n_left:  # the keys under which nobody is known any more may be others
        gone, left = {*forgotten.rows}, frozenset()
    table, copy = target.forgotten, settings.data_dir / COPY
    with target.connect() as connection:
        for row in sorted(gone):
            connection.execute(sa.delete(table).where(table.c.customer_hash == row))
    if copy.exists():
        write_text(copy, "".join(f"{row}\n" for row in sorted(left)))
    return n_left


def keep_copy(data_dir: Path, forgotten: Forgotten) -> None:
    """Copy the table's rows into DATA_DIR: a database that comes back from a backup knows of fewer."""
    if forgotten.rows - _copied(data_dir):
        write_text(data_dir / COPY, "".join(f"{row}\n" for row in sorted(forgotten.rows)))


def _rows(connection: sa.Connection, table: sa.Table) -> set[str]:
    return {str(row[0]) for row in connection.execute(sa.select(table.c.customer_hash))}


def _copied(data_dir: Path) -> set[str]:
    path = data_dir / COPY
    return set(read_plain(path).split()) if os.path.lexists(path) else set()


def _hash_of(secret: str, text: bytes) -> str:
    return hmac.digest(secret.encode(), text, hashlib.sha256).hex()


def _hashes_of(secret: str, key: str) -> set[str]:
    """Any of which tells the customer: a column of the type CHAR fills its texts up with spaces."""
    return {_hash_of(secret, text.encode()) for text in {key, key.rstrip(" ")}}


def _check(whose: str, secret: str, other: str) -> str:
    # Of no customer: no key is UTF-8 with this byte in it.
    return (whose + _hash_of(secret, b"\xff" + whose.encode() + other.encode()))[:_MOST]
