"""Our tables as data: names, columns and keys of each, and what kinds of keys a shop has."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, StrEnum

SCHEMA_VERSION = 2
"""Raised when a published table changes its shape, or an older program would do harm: it refuses then. One of
version 1 would bring forgotten customers back. Kept in every row of recommendation_runs."""


class Role(Enum):
    """What a column of a list holds."""

    CUSTOMER = "customer key"
    ITEM = "item key"
    POSITION = "position from 1"
    SCORE = "score relative to the list"
    REASON = "why the item is shown"


@dataclass(frozen=True)
class ListColumn:
    """One column of a published list."""

    name: str
    role: Role
    nullable: bool = False
    shown: bool = True
    """The shop shows these items, so they must be sellable; others need only be known."""
    about: str = ""
    """What it holds, for who looks at the table in the database; as docs/tables.md begins."""


@dataclass(frozen=True)
class ListTable:
    """A published list; columns and order are those of its CSV file in the run folder."""

    name: str
    columns: tuple[ListColumn, ...]
    key: tuple[str, ...]
    about: str
    """What a row is, as docs/tables.md has it."""
    needs_rows: bool = False
    """Without a row something is wrong; other lists may have none where the evidence is thin."""

    @property
    def file_name(self) -> str:
        """Its file in the run folder."""
        return f"{self.name}.csv"


RECOMMENDATIONS = ListTable(
    "recommendations",
    (
        ListColumn("customer_id", Role.CUSTOMER, about="the customer's key, as the shop has it"),
        ListColumn("position", Role.POSITION, about="1 for the best item, 2 for the next, without a gap"),
        ListColumn("item_id", Role.ITEM, about="the item's key, as the shop has it"),
        ListColumn("score", Role.SCORE, about="1 for the first row of a list, falling"),
        ListColumn("reason", Role.REASON, about="why: model, buy_again, popular, new or rule"),
        ListColumn(
            "because_item_id",
            Role.ITEM,
            nullable=True,
            shown=False,
            about="for model: the item of the customer's own purchases without which the score would be"
            " lowest",
        ),
    ),
    key=("customer_id", "position"),
    about="One row is one item in one customer's list.",
    needs_rows=True,
)
BUY_AGAIN = ListTable(
    "buy_again",
    (
        ListColumn("customer_id", Role.CUSTOMER, about="the customer's key"),
        ListColumn("position", Role.POSITION, about="1 for the item that is likeliest to be bought now"),
        ListColumn("item_id", Role.ITEM, about="the item's key"),
        ListColumn("score", Role.SCORE, about="likelihood relative to the first row"),
    ),
    key=("customer_id", "position"),
    about="One row is one item that a customer has bought before and is due to need.",
)


def _item_list(name: str, listed: str, *, about: str, first: str, score: str) -> ListTable:
    """A list for each item; the item itself need not be sellable, for its page may still be there."""
    return ListTable(
        name,
        (
            ListColumn("item_id", Role.ITEM, shown=False, about="the item whose page it is for"),
            ListColumn("position", Role.POSITION, about=f"1 for the {first}"),
            ListColumn(listed, Role.ITEM, about="the item to show"),
            ListColumn("score", Role.SCORE, about=f"{score} relative to the first row"),
        ),
        key=("item_id", "position"),
        about=about,
    )


SIMILAR_ITEMS = _item_list(
    "similar_items",
    "similar_item_id",
    about="One row is one item that goes with another: the customers of one buy the other.",
    first="most similar item",
    score="similarity",
)
BOUGHT_TOGETHER = _item_list(
    "bought_together",
    "together_item_id",
    about="One row is one item that lies in one basket with another more often than chance would have it.",
    first="item whose bond with it is most significant",
    score="significance (log-likelihood ratio)",
)
POPULAR_ITEMS = ListTable(
    "popular_items",
    (
        ListColumn("position", Role.POSITION, about="1 for the most popular item"),
        ListColumn("item_id", Role.ITEM, about="the item's key"),
        ListColumn("score", Role.SCORE, about="popularity relative to the first row"),
    ),
    key=("position",),
    about="One row is one item, for visitors and for customers without rows of their own.",
    needs_rows=True,
)
LISTS = (RECOMMENDATIONS, BUY_AGAIN, SIMILAR_ITEMS, BOUGHT_TOGETHER, POPULAR_ITEMS)
RUNS = "recommendation_runs"
FORGOTTEN = "forgotten_customers"


def made_lists(names: Collection[str]) -> tuple[ListTable, ...]:
    """The lists of these names, in our order."""
    return tuple(definition for definition in LISTS if definition.name in names)


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


Key = int | str
"""A customer's or an item's key in the shop's own type."""


def key_of(text: str | None, kind: KeyKind) -> Key | None:
    """The key of this kind that the text stands for, None where it is none."""
    if text is None or kind is KeyKind.TEXT:
        return text
    return integer_key(text)


def typed_key(text: str, kind: KeyKind) -> Key:
    """A key of the shop's as it is told to machines; a guest's stays a text among integers."""
    number = integer_key(text) if kind is KeyKind.INTEGER else None
    return text if number is None else number


def allowed_key(kind: KeyKind) -> str:
    """What a key of this kind may be, in words."""
    return "an integer of 64 bits" if kind is KeyKind.INTEGER else "a text"
