"""The customers who are to be forgotten: known only by keyed hashes, in a table of the target database."""

import hashlib
import hmac
import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

import sqlalchemy as sa

from recommender.csvform import parse_records
from recommender.database.schema import Target
from recommender.errors import SettingsError

_KEY_CHECK = b"\xff"
"""No customer's key, since it is no UTF-8: its hash in the table tells FORGET_KEY from any other."""
_FIRST_FIELDS = re.compile(b"^[^,\n]+", re.MULTILINE)
_MAKE_KEY = "Run `recommend init`: it makes one and appends it to .env."


class Forgotten:
    """Tells whether a customer is to be forgotten.

    Args:
        secret: FORGET_KEY.
        hashes: HMAC-SHA256 of the customers' keys under it, in hexadecimal digits.
    """

    def __init__(self, secret: str = "", hashes: Collection[str] = ()) -> None:
        self._secret = secret
        self._hashes = frozenset(hashes)
        self._others: set[str] = set()

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, customer: object) -> bool:
        return bool(self._hashes) and _hash_of(self._secret, str(customer).encode()) in self._hashes

    def among(self, fields: Iterable[str | None]) -> set[str]:
        """Those of some fields of a CSV file that are keys of customers to be forgotten."""
        if not self._hashes:
            return set()
        found = set()
        for field in set(fields) - self._others - {None, ""}:
            assert field is not None  # noqa: S101 - taken out above
            if next(parse_records(field))[0] in self:
                found.add(field)
            else:
                self._others.add(field)
        return found

    def first_of(self, lines: bytes) -> set[str]:
        """Those among the first fields of lines of a CSV file without quotes."""
        if not self._hashes:
            return set()
        return self.among(field.decode() for field in {*_FIRST_FIELDS.findall(lines)})


def read_forgotten(target: Target, secret: str | None) -> Forgotten:
    """Who is to be forgotten.

    Args:
        target: where the table is, if anybody ever was.
        secret: FORGET_KEY, if it is set.

    Raises:
        SettingsError: somebody is, and FORGET_KEY is missing or is not that under which they are known.
        DatabaseError: the database failed.
    """
    table = target.forgotten
    with target.database.connect() as connection:
        if not sa.inspect(connection).has_table(table.name, schema=target.schema):
            return Forgotten()
        hashes = {str(row[0]) for row in connection.execute(sa.select(table.c.customer_hash))}
    if not hashes:
        return Forgotten()
    name = target.database.quoted(table)
    if secret is None:
        raise SettingsError(
            f"{name} names customers to be forgotten, but FORGET_KEY is not set.",
            "Set the FORGET_KEY under which they were forgotten: without it they would come back.",
        )
    check = _hash_of(secret, _KEY_CHECK)
    if check not in hashes:
        raise SettingsError(
            f"FORGET_KEY is not the one under which the customers in {name} were forgotten.",
            "Set that one; if it is lost, empty the table and forget each of them again.",
        )
    return Forgotten(secret, hashes - {check})


def remember(target: Target, secret: str | None, customer: str) -> None:
    """Put a customer into the table, as a hash.

    Raises:
        SettingsError: FORGET_KEY is not set, or the table is missing.
        DatabaseError: the database failed.
    """
    if secret is None:
        raise SettingsError("FORGET_KEY is not set: it turns customers into hashes.", _MAKE_KEY)
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    table = target.forgotten
    with target.database.connect() as connection:
        known = {str(row[0]) for row in connection.execute(sa.select(table.c.customer_hash))}
        for text in (_KEY_CHECK, customer.encode()):
            hashed = _hash_of(secret, text)
            if hashed not in known:
                connection.execute(sa.insert(table).values(customer_hash=hashed, forgotten_at=now))


def _hash_of(secret: str, text: bytes) -> str:
    return hmac.digest(secret.encode(), text, hashlib.sha256).hex()
