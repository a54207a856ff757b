"""The simple lists that a blend has to be better than, and by how much it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recommender.learning.weights import weights_of
from recommender.runs.manifest import Method
from recommender.system.arrays import Float64s

_SINGLE = {
    Method.ALS: weights_of({"als": 1}),
    Method.OWN_HABIT: weights_of({"habit": 1}),
    Method.POPULAR: weights_of({}),
}
"""Lists by one signal, filled up with what is popular."""
_SURE = 1.96
"""Standard errors of 95 % of a normal distribution."""


def weights_for(method: Method, blend: Float64s) -> Float64s:
    """The weights by which the lists of a method are made, shape (signals,)."""
    return blend if method is Method.BLEND else _SINGLE[method]


def simple_methods(*, exclude_seen: bool) -> list[Method]:
    """What a shop could show without any model, the best guess first."""
    return [Method.POPULAR] if exclude_seen else [Method.OWN_HABIT, Method.POPULAR]


@dataclass(frozen=True, kw_only=True)
class Lead:
    """By how much one method's nDCG is above another's, customer by customer."""

    mean: float
    error: float
    """standard error of the mean"""

    @classmethod
    def of(cls, one: Float64s, other: Float64s) -> "Lead":
        """On one window; shapes (customers,), at least one."""
        apart = one - other
        return cls(mean=float(apart.mean()), error=float(apart.std() / np.sqrt(len(apart))))

    @classmethod
    def over(cls, windows: "Sequence[Lead]") -> "Lead":
        """On several windows, at least one, each of which counts the same."""
        errors = np.array([window.error for window in windows])
        return cls(
            mean=float(np.mean([window.mean for window in windows])),
            error=float(np.sqrt((errors**2).sum()) / len(errors)),
        )

    @property
    def interval(self) -> tuple[float, float]:
        """Between these it would lie nineteen times in twenty, with other customers of the same kind."""
        return self.mean - _SURE * self.error, self.mean + _SURE * self.error

    @property
    def is_sure(self) -> bool:
        """Whether it is above nothing beyond chance."""
        return self.mean > _SURE * self.error
