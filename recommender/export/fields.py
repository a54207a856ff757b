"""Values as drivers give them, turned into the CSV form: whole columns at a time, checked on the way."""

import hashlib
import hmac
import math
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

from recommender.errors import RefusedError
from recommender.system import csvform
from recommender.system.text import shortened
from recommender.tables import KeyKind

_SPECIAL = re.compile('[",\r\n]')
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_SAFE_DIGITS = 18
"""So many digits fit a 64-bit integer whatever they are."""
_MOST_DIGITS = 400
"""Before and behind the point; a float has fewer. `1e999999999` is ten letters in a shop's table."""
_TRUE = {"1", "t", "true", "\x01"}
_FALSE = {"0", "f", "false", "\x00", ""}


def key_fields(
    values: Sequence[object], kind: KeyKind, column: str, path: Path, *, integers_as_text: bool = True
) -> list[str | None]:
    """Keys as CSV fields, None for NULL.

    Args:
        values: integers or texts.
        kind: what the column was declared to hold.
        column: its name, for messages.
        path: the query's file, for messages.
        integers_as_text: whether the driver sends the integers of an integer column as texts; SQLite's does
            not, so that a text there is one.

    Raises:
        RefusedError: a value of another kind, or an integer beyond 64 bits.
    """
    kinds = set(map(type, values))
    has_nulls = type(None) in kinds
    kinds.discard(type(None))
    if kind is KeyKind.TEXT:
        if kinds <= {str}:
            return _quoted(values, has_nulls=has_nulls)
    elif kinds in ({int}, set()) or (integers_as_text and kinds in ({str}, {Decimal})):
        texts = list(map(str, values))
        if _are_small_numbers(texts):  # the usual case, decided by a look at all of them at once
            return texts  # type: ignore[return-value]
        found = [None if value is None else text for value, text in zip(values, texts, strict=True)]
        if all(text is None or _INTEGER.fullmatch(text) for text in found):
            _check_range(found, column, path)
            return found
    wrong = next(v for v in values if not _is_key(v, kind, integers_as_text=integers_as_text))
    raise RefusedError(
        f"{path}: {column} is {'an integer' if kind is KeyKind.INTEGER else 'text'} by its declared type, but"
        f" one row has {shortened(repr(wrong))} ({type(wrong).__name__}).",
        "Give the column one type in the query, with CAST.",
    )


def _is_key(value: object, kind: KeyKind, *, integers_as_text: bool) -> bool:
    if value is None:
        return True
    if kind is KeyKind.TEXT:
        return type(value) is str
    if type(value) is int:
        return True
    return integers_as_text and _INTEGER.fullmatch(str(value)) is not None


def _are_small_numbers(texts: list[str]) -> bool:
    """Whether these are all numbers without sign that fit 64 bits by their length alone."""
    joined = f",{','.join(texts)},"
    digits = joined.replace(",", "")
    # An empty text, or one with leading zeros (a ZEROFILL column's), is left to the thorough look.
    is_plain = ",0" not in joined and ",," not in joined and digits.isascii() and digits.isdecimal()
    return is_plain and max(map(len, texts)) <= _SAFE_DIGITS


def _check_range(texts: Sequence[str | None], column: str, path: Path) -> None:
    for text in texts:
        if text is not None and len(text) > _SAFE_DIGITS and not -(2**63) <= int(text) < 2**63:
            raise RefusedError(
                f"{path}: {column} {text} does not fit a 64-bit integer.",
                f"Convert it in the query: CAST(… AS CHAR) AS {column}.",
            )


def _quoted(values: Sequence[object], *, has_nulls: bool) -> list[str | None]:
    """Texts as CSV fields; one look at all of them, since hardly any needs quotes."""
    texts: list[str | None] = list(values)  # type: ignore[arg-type]
    if not has_nulls and "" not in texts and not _SPECIAL.search("".join(texts)):  # type: ignore[arg-type]
        return texts
    return [None if text is None else csvform.quote(text) for text in texts]


def text_fields(values: Sequence[object]) -> list[str | None]:
    """Texts of any origin (an order's id, a name) as CSV fields, None for NULL."""
    if set(map(type, values)) <= {str}:
        return _quoted(values, has_nulls=False)
    return [None if value is None else csvform.quote(_text(value)) for value in values]


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float | Decimal) and (field := _number_field(value)) is not None:
        return field
    return str(value)


class NumberFields(dict[object, str | None]):
    """Numbers as CSV fields, None where there is none (NULL, NaN, a text that is no number).

    A dictionary, since a shop has few different quantities and prices: each is worked out once.
    """

    _MOST = 1 << 16

    def __missing__(self, value: object) -> str | None:
        if len(self) > self._MOST:
            self.clear()
        self[value] = found = _number_field(value)
        return found


def _number_field(value: object) -> str | None:
    if isinstance(value, str):
        try:
            value = Decimal(value.strip())
        except InvalidOperation:
            return None
    if isinstance(value, Decimal):
        value = _of_a_size(value)
    if isinstance(value, float | int | Decimal) and math.isfinite(value):
        return csvform.decimal_text(value) if isinstance(value, float | Decimal) else str(int(value))
    return None


def _of_a_size(value: Decimal) -> Decimal | float:
    """The number, as a float where it is none (a signalling NaN too) or its digits would fill the memory."""
    if not value.is_finite():
        return math.nan
    return value if abs(value.adjusted()) <= _MOST_DIGITS else float(value)


def sellable_field(value: object, item: str, path: Path) -> str:
    """`sellable` as 0 or 1: a truth value, or a number, such as a stock, that is more than 0; NULL is 0.

    Raises:
        RefusedError: neither a truth value nor a number.
    """
    if value is None:
        return "0"
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    text = str(value).strip().lower()
    if text in _TRUE | _FALSE:
        return "1" if text in _TRUE else "0"
    number = _number_field(text)
    if number is None:
        raise RefusedError(
            f"{path}: sellable of item {item} is {str(value)[:40]!r}.", "Return 1 or 0 for it in the query."
        )
    return "0" if number == "0" or number.startswith("-") else "1"


class GuestKeys:
    """Keys of guests: HMAC-SHA256 of the address, so that no address reaches a file or a log."""

    def __init__(self, secret: str | None, path: Path) -> None:
        self._secret = secret
        self._path = path

    def key(self, address: object) -> str | None:
        """`guest:` and 24 hexadecimal digits for the trimmed, lower-cased address; None for an empty one.

        Raises:
            RefusedError: there is no GUEST_KEY.
        """
        if isinstance(address, bytes):  # a column without a character set
            address = address.decode("utf-8", "surrogateescape")
        plain = "" if address is None else str(address).strip().lower()
        if not plain:
            return None
        if self._secret is None:
            raise RefusedError(
                f"{self._path} returns guests (guest_email), but GUEST_KEY is not set.",
                "Run `recommend init`: it makes one and appends it to .env.",
            )
        digest = hmac.digest(self._secret.encode(), plain.encode("utf-8", "surrogateescape"), hashlib.sha256)
        return f"guest:{digest.hex()[:24]}"
