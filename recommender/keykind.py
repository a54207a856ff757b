"""What kinds of keys there are, for those who need no arrays of them."""

import re
from enum import StrEnum

GUEST_PREFIX = "guest:"
_GUEST = re.compile(GUEST_PREFIX + "[0-9a-f]{24}")


def is_guest(key: int | str) -> bool:
    """Whether the key is one that the export made for a guest from the e-mail address."""
    return isinstance(key, str) and _GUEST.fullmatch(key) is not None


class KeyKind(StrEnum):
    """What the shop's own keys are; decided by the declared type of the query's column, never by values."""

    INTEGER = "integer"
    TEXT = "text"
