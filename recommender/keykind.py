"""What kinds of keys there are, for those who need no arrays of them."""

import re
from enum import StrEnum

GUEST_PREFIX = "guest:"
_GUEST = re.compile(GUEST_PREFIX + "[0-9a-f]{24}")
_DIGITS = re.compile("-?[0-9]{1,40}")
"""More than any 64-bit integer has, and few enough for Python to read."""
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


def is_guest(key: int | str) -> bool:
    """Whether the key is one that the export made for a guest from the e-mail address."""
    return isinstance(key, str) and _GUEST.fullmatch(key) is not None


def integer_key(text: str) -> int | None:
    """The 64-bit integer that a text stands for, whatever zeros are in front of it; None where it is none."""
    number = int(text) if _DIGITS.fullmatch(text) else None
    return number if number is not None and _SMALLEST <= number <= _LARGEST else None


class KeyKind(StrEnum):
    """What the shop's own keys are; decided by the declared type of the query's column, never by values."""

    INTEGER = "integer"
    TEXT = "text"


def key_of(text: str | None, kind: KeyKind) -> int | str | None:
    """The key of this kind that the text stands for, None where it is none."""
    if text is None or kind is KeyKind.TEXT:
        return text
    return integer_key(text)


def allowed_key(kind: KeyKind) -> str:
    """What a key of this kind may be, in words."""
    return "an integer of 64 bits" if kind is KeyKind.INTEGER else "a text"
