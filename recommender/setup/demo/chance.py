"""Draws that are the same on every machine: `random()` and additions only, no library functions of floats."""

from bisect import bisect
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from random import Random
from typing import TypeVar

_T = TypeVar("_T")


def whole(rng: Random, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return low + int((high - low + 1) * rng.random())


def weighted(rng: Random, choices: Sequence[_T], weights: Sequence[float]) -> _T:
    """One of the choices, each as often as its weight says."""
    return _drawn(rng, choices, tuple(accumulate(weights)))


def popular_first(rng: Random, choices: Sequence[_T]) -> _T:
    """One of the choices, the first most often: weights 1/2, 1/3, 1/4 and so on."""
    return _drawn(rng, choices, _falling(len(choices)))


@cache
def _falling(n: int) -> tuple[float, ...]:
    return tuple(accumulate(1 / (2 + place) for place in range(n)))


def _drawn(rng: Random, choices: Sequence[_T], sums: Sequence[float]) -> _T:
    return choices[min(bisect(sums, rng.random() * sums[-1]), len(choices) - 1)]
