"""The nightly proof: is the blend better than simpler lists? Measured on the newest past window."""

import logging
from dataclasses import asdict, dataclass
from typing import Any

from recommender.evaluation.bootstrap import FEWEST_CUSTOMERS, difference_interval, interval
from recommender.evaluation.drift import Drift, measure_drift
from recommender.evaluation.past import Recipe, look_back, moment_text, past_windows
from recommender.learning.interactions import SaleLines
from recommender.learning.weights import weights_of
from recommender.runs.manifest import Method
from recommender.system.arrays import Float64s

log = logging.getLogger(__name__)

_MOST_CUSTOMERS = 5000
_DECIMALS = 6


_SINGLE = {
    Method.ALS: weights_of({"als": 1}),
    Method.OWN_HABIT: weights_of({"habit": 1}),
    Method.POPULAR: weights_of({}),
}
"""Lists by one signal, filled up with what is popular."""


def weights_for(method: Method, blend: Float64s) -> Float64s:
    """The weights by which the lists of a method are made, shape (signals,)."""
    return blend if method is Method.BLEND else _SINGLE[method]


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What was measured, and which method may be published."""

    method: Method
    why: str
    """a sentence for the owner; empty where the blend is as good as any"""
    ndcg: float | None
    """of the method"""
    baseline_ndcg: float | None
    """of the best of popular items and, where repeats are shown, the customer's own habit"""
    details: dict[str, Any]
    """for `evaluation.json`"""
    drift: Drift | None = None
    """of a warm start, where it was measured"""


def prove(lines: SaleLines, blend: Float64s, recipe: Recipe, *, warm_days: int | None = None) -> Proof:
    """Make the lists of each method as of the newest window's begin, and hold them against what was bought.

    The blend is published unless another method is better by more than chance (95 % bootstrap interval of the
    difference, customer by customer). Where the data cannot tell, so are the customer's own habit or popular
    items: nobody is shown what was never proved.

    Args:
        lines: the sales.
        blend: the weights of the signals, shape (signals,).
        recipe: of the night.
        warm_days: also measure what a warm start so many days after a cold training costs.
    """
    exclude_seen, n, seed = recipe.exclude_seen, recipe.n, recipe.als.seed
    methods = [Method.BLEND, Method.ALS, Method.POPULAR]
    simplest = Method.POPULAR
    if not exclude_seen:
        methods.append(Method.OWN_HABIT)
        simplest = Method.OWN_HABIT
    found = past_windows(lines, most=1)
    if not found:
        return _too_little(simplest, "at least two weeks of sales are needed", {})
    looked = look_back(lines, found[0], recipe, most_customers=_MOST_CUSTOMERS)
    n_customers = 0 if looked is None else len(looked[0].customers)
    begin, end = map(moment_text, found[0])
    details: dict[str, Any] = {
        "task": str(recipe.task),
        "n": n,
        "begin": begin,
        "end": end,
        "customers": n_customers,
    }
    if looked is None or n_customers < FEWEST_CUSTOMERS:
        what = "something new" if exclude_seen else "something"
        missing = (
            f"{n_customers} known customers bought {what} since {details['begin'][:10]},"
            f" {FEWEST_CUSTOMERS} are needed"
        )
        return _too_little(simplest, missing, details)
    past, known = looked
    figures = {method: past.ndcg(weights_for(method, blend), recipe) for method in methods}
    means = {method: float(values.mean()) for method, values in figures.items()}
    better = {}
    details["methods"] = {}
    for method, values in figures.items():
        low, high = interval(values[None], seed=seed)
        entry = {"ndcg": means[method], "low": low, "high": high}
        if method is not Method.BLEND:
            low, high = difference_interval(values[None], figures[Method.BLEND][None], seed=seed)
            entry |= {"minus_blend_low": low, "minus_blend_high": high}
            if low > 0:
                better[method] = means[method]
        details["methods"][str(method)] = {name: round(value, _DECIMALS) for name, value in entry.items()}
    chosen, why = Method.BLEND, ""
    if better:
        chosen = max(better, key=lambda method: better[method])
        why = (
            f"On the past window from {details['begin'][:10]} the lists by {chosen.replace('_', ' ')} were"
            f" clearly better than the blend (nDCG@{n} {means[chosen]:.3f} against"
            f" {means[Method.BLEND]:.3f}): those are published."
        )
    details["method"] = str(chosen)
    drift = None
    if warm_days is not None:
        blended = figures[Method.BLEND]
        drift = measure_drift(lines, past, blended, blend, recipe, known=known, days=warm_days)
        details["warm_start"] = asdict(drift)
    baselines = [means[method] for method in (Method.POPULAR, Method.OWN_HABIT) if method in means]
    return Proof(
        method=chosen,
        why=why,
        ndcg=round(means[chosen], _DECIMALS),
        baseline_ndcg=round(max(baselines), _DECIMALS),
        details=details,
        drift=drift,
    )


def _too_little(simplest: Method, missing: str, details: dict[str, Any]) -> Proof:
    shown = "what is popular" if simplest is Method.POPULAR else "their own habit and what is popular"
    return Proof(
        method=simplest,
        why=f"Too few sales to tell which lists are best: {missing}. Customers are shown {shown}.",
        ndcg=None,
        baseline_ndcg=None,
        details={**details, "method": str(simplest), "missing": missing},
    )
