"""The nightly proof: is the blend better than simpler lists? Measured on the newest past window."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from recommender.evaluation.bootstrap import FEWEST_CUSTOMERS, difference_interval, interval
from recommender.evaluation.drift import Drift, measure_drift
from recommender.evaluation.past import Past, Recipe, look_back, moment_text, past_windows
from recommender.evaluation.simple import Lead, simple_methods, weights_for
from recommender.learning.interactions import Interactions, SaleLines
from recommender.learning.neighbours import NeighbourSettings
from recommender.runs.manifest import Method
from recommender.system.arrays import Float64s
from recommender.system.progress import UNSEEN, Step
from recommender.system.threads import Progress

log = logging.getLogger(__name__)

_MOST_CUSTOMERS = 5000
_DECIMALS = 6


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


@dataclass(frozen=True, eq=False)
class NewestWindow:
    """The newest window of a shop."""

    window: tuple[int, int] | None
    """cut and end; None where not even two weeks are known"""
    past: Past | None
    """None where nobody who was known before bought anything in it"""
    known: Interactions | None
    """of the sales before the window what a training looks at"""


def newest_window(
    lines: SaleLines, recipe: Recipe, neighbours: NeighbourSettings, *, progress: Step = UNSEEN
) -> NewestWindow:
    """Train on what was known before the newest window.

    Args:
        lines: the sales.
        recipe: of the night.
        neighbours: settings of item-to-item.
        progress: hears of the parts.
    """
    found = past_windows(lines, most=1)
    if not found:
        return NewestWindow(None, None, None)
    looked = look_back(
        lines, found[0], recipe, [neighbours], most_customers=_MOST_CUSTOMERS, progress=progress
    )
    return NewestWindow(found[0], *((looked.past, looked.known) if looked is not None else (None, None)))


def prove(
    lines: SaleLines,
    newest: NewestWindow,
    blend: Float64s,
    recipe: Recipe,
    *,
    leads: Mapping[Method, Sequence[Lead]] | None = None,
    warm_days: int | None = None,
    progress: Progress = UNSEEN,
    warming: Step = UNSEEN,
) -> Proof:
    """Make the lists of each method as of the newest window's begin, and hold them against what was bought.

    The blend is published where it is better than the simple lists beyond chance, by the mean over this
    window and those that it was chosen on, and no other method was better beyond chance on this one (95 %
    bootstrap interval of the difference, customer by customer). Where the blend only looks as good, or the
    data cannot tell, the simple lists are published, by the customer's own habit or what is popular: nobody
    is shown what was never proved.

    Args:
        lines: the sales.
        newest: window of them, with the blend's neighbours.
        blend: the weights of the signals, shape (signals,), in which the window had no say.
        recipe: of the night.
        leads: of the blend before the simple methods on the windows before.
        warm_days: also measure what a warm start so many days after a cold training costs.
        progress: called with methods done and in all.
        warming: hears of that warm start.
    """
    exclude_seen, n, seed = recipe.exclude_seen, recipe.n, recipe.als.seed
    simple = simple_methods(exclude_seen=exclude_seen)
    simplest = simple[0]
    methods = [Method.BLEND, Method.ALS, *simple]
    if newest.window is None:
        return _too_little(simplest, "at least two weeks of sales are needed", {})
    n_customers = 0 if newest.past is None else len(newest.past.customers)
    begin, end = map(moment_text, newest.window)
    details: dict[str, Any] = {
        "task": str(recipe.task),
        "n": n,
        "begin": begin,
        "end": end,
        "customers": n_customers,
    }
    if newest.past is None or newest.known is None or n_customers < FEWEST_CUSTOMERS:
        what = "something new" if exclude_seen else "something"
        missing = (
            f"{n_customers} known customers bought {what} since {details['begin'][:10]},"
            f" {FEWEST_CUSTOMERS} are needed"
        )
        return _too_little(simplest, missing, details)
    past = newest.past
    figures = _figures(past, methods, blend, recipe, progress)
    means = {method: float(values.mean()) for method, values in figures.items()}
    better, as_good = {}, {}
    details["methods"] = {}
    for method, values in figures.items():
        low, high = interval(values[None], seed=seed)
        entry = {"ndcg": means[method], "low": low, "high": high}
        if method is not Method.BLEND:
            low, high = difference_interval(values[None], figures[Method.BLEND][None], seed=seed)
            entry |= {"minus_blend_low": low, "minus_blend_high": high}
            if low > 0:
                better[method] = means[method]
        if method in simple:
            lead = Lead.over([Lead.of(figures[Method.BLEND], values), *(leads or {}).get(method, ())])
            entry |= {"blend_lead": lead.mean, "blend_lead_error": lead.error}
            if not lead.is_sure:
                as_good[method] = means[method]
        details["methods"][str(method)] = {name: round(value, _DECIMALS) for name, value in entry.items()}
    chosen, why = Method.BLEND, ""
    if better or as_good:
        candidates = better or as_good
        chosen = max(candidates, key=lambda method: candidates[method])
        how = "clearly better than" if better else "as good, as far as can be told, as"
        why = (
            f"On the past window from {details['begin'][:10]} the lists by {chosen.replace('_', ' ')} were"
            f" {how} the blend (nDCG@{n} {means[chosen]:.3f} against {means[Method.BLEND]:.3f}): those are"
            " published."
        )
    details["method"] = str(chosen)
    drift = None
    if warm_days is not None:
        blended = figures[Method.BLEND]
        drift = measure_drift(
            lines,
            past,
            blended,
            blend,
            recipe,
            known=newest.known,
            days=warm_days,
            progress=warming.begin(),
        )
        details["warm_start"] = asdict(drift)
    baselines = [means[method] for method in simple]
    return Proof(
        method=chosen,
        why=why,
        ndcg=round(means[chosen], _DECIMALS),
        baseline_ndcg=round(max(baselines), _DECIMALS),
        details=details,
        drift=drift,
    )


def _figures(
    past: Past, methods: Sequence[Method], blend: Float64s, recipe: Recipe, progress: Progress
) -> dict[Method, Float64s]:
    """nDCG@n of each judged customer by each method, shape (customers,)."""
    figures = {}
    for number, method in enumerate(methods, 1):
        figures[method] = past.ndcg(weights_for(method, blend), recipe)
        progress(number, len(methods))
    return figures


def _too_little(simplest: Method, missing: str, details: dict[str, Any]) -> Proof:
    shown = "what is popular" if simplest is Method.POPULAR else "their own habit and what is popular"
    return Proof(
        method=simplest,
        why=f"Too few sales to tell which lists are best: {missing}. Customers are shown {shown}.",
        ndcg=None,
        baseline_ndcg=None,
        details={**details, "method": str(simplest), "missing": missing},
    )
