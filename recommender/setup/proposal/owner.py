"""What only the owner can tell: asked on a terminal, or else written down as a matter to be decided."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recommender.setup.proposal import words
from recommender.system.text import printable


@dataclass(frozen=True)
class Owner:
    """Asks on a terminal."""

    choose: Callable[[str, Sequence[str], Sequence[int]], Sequence[int]]
    """A question, the lines to choose from, the places that are proposed; gives the chosen places."""
    confirm: Callable[[str], bool]
    """A question to which the answer is likely yes."""


def to_decide(matter: str, indent: str = "") -> str:
    """The line that keeps a query from being used, until its owner takes it out."""
    return f"{indent}-- TO DECIDE: {printable(matter)}."


def likely_sales(statuses: Sequence[str]) -> list[int]:
    """The places of those that speak of a sale; else of those that do not speak of none; else of all."""
    places = range(len(statuses))
    return (
        [place for place in places if words.may_be_sold(statuses[place])]
        or [place for place in places if not words.is_unsold(statuses[place])]
        or [*places]
    )
