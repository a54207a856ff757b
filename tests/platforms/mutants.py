"""Mutants of the platforms' queries: each falls into one trap, and the tests must notice.

`mutants.toml` has them: for each platform the trap, the text of the shop's own query as `init` writes it, and
what a wrong query has in its place.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import RecommenderError


@dataclass(frozen=True)
class Mutant:
    """One wrong query."""

    trap: str
    file: str
    right: str
    wrong: str
    params: tuple[str, ...] = ()
    """For `init`, where the trap needs some."""

    def __str__(self):
        return self.trap


_RIGHT: set[Path] = set()
"""Queries that were seen to be right, before there was a mutant in their place."""


def mutants_of(platform):
    """The mutants of a platform."""
    told = tomllib.loads(Path(__file__).with_name("mutants.toml").read_text(encoding="utf-8"))
    return [Mutant(**one) for one in told[platform]]


def caught(shop, mutant, answers, right):
    """Whether a shop's answers are no longer the right ones once its query is the mutant."""
    path = shop.folder / "sql" / mutant.file
    text = path.read_text(encoding="utf-8")
    if path not in _RIGHT:
        assert answers() == right, text
        _RIGHT.add(path)
    assert mutant.right in text, f"{mutant.trap}: the query has no such text"
    path.write_text(text.replace(mutant.right, mutant.wrong), encoding="utf-8")
    try:
        return answers() != right
    except (RecommenderError, AssertionError):
        return True
    finally:
        path.write_text(text, encoding="utf-8")
