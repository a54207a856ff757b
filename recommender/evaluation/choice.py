"""The choice of the blend's weights: learned on the shop's own past, used where that past bears it out."""

import logging
from dataclasses import asdict, dataclass
from datetime import date

import msgspec
import numpy as np

from recommender.evaluation.past import Past, Recipe, look_back, past_windows
from recommender.learning.interactions import SaleLines
from recommender.learning.signals import SIGNALS
from recommender.learning.weights import Choices, default_weights, learn, weights_of
from recommender.ranking.candidates import CandidateMaker
from recommender.runs.manifest import ChoiceRecord
from recommender.system.arrays import Float64s
from recommender.system.machine import give_back_memory
from recommender.system.threads import Progress

log = logging.getLogger(__name__)

MOST_DAYS = 28
"""So long a choice is kept: tastes drift, and weeks of new sales are there to learn from."""
_MOST_GROWTH = 0.25
"""With so many more sales, or fewer, the shop is another one."""
_MOST_CUSTOMERS = 1500
"""Of a window, to learn from: for seven weights these are plenty."""
_FEWEST_WINDOWS = 2
_DECIMALS = 6


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Learned weights against the defaults, on one past window."""

    begin: str
    end: str
    customers: int
    ndcg_learned: float
    """nDCG@n by the weights that were learned on the other windows"""
    ndcg_default: float


class Choice(ChoiceRecord, frozen=True, kw_only=True):
    """What was chosen, when, and on what evidence: as a record has it, with what a night makes of it."""

    @classmethod
    def of(cls, record: ChoiceRecord | None) -> "Choice | None":
        """The choice that a manifest has; None where there is none, or one of another program version."""
        known = record is not None and record.weights.keys() <= set(SIGNALS)
        return cls(**msgspec.structs.asdict(record)) if record is not None and known else None

    def as_array(self) -> Float64s:
        """The weights in the order of the signals, shape (signals,)."""
        return weights_of(self.weights)

    def still_fits(self, recipe: Recipe, *, sales: int, day: date) -> bool:
        """Whether a night may use it again: the same task and model, and the data have not moved on."""
        age = (day - date.fromisoformat(self.as_of_day)).days
        return (
            self.task == recipe.task
            and self.als == asdict(recipe.als)
            and self.half_life_days == recipe.half_life_days
            and 0 <= age < MOST_DAYS
            and abs(sales - self.sales) <= _MOST_GROWTH * self.sales
        )


def choose(
    lines: SaleLines | None,
    recipe: Recipe,
    *,
    n_sales: int,
    budget: int,
    run_id: str,
    as_of_day: str,
    progress: Progress | None = None,
) -> Choice:
    """Learn the weights on past windows, and keep them if they win on each of these.

    The newest window is left to the nightly proof, so that no result is measured on what it was learned from.
    Each of the others is held against weights that were learned on the rest: only where those beat the
    defaults on every window are weights used that were learned on all of them. A window in which no known
    customer bought says nothing.

    Args:
        lines: the sales; None with a budget that allows no training.
        recipe: of the night.
        n_sales: how many sale lines there are.
        budget: trainings that this may cost.
        run_id: whose choice it is.
        as_of_day: of that run.
        progress: called with windows done and in all.
    """
    default = default_weights(exclude_seen=recipe.exclude_seen)
    found = [] if lines is None else past_windows(lines, most=1 + budget)[1:]
    pasts = []
    # Without a second window nothing could be held against what was learned on another one.
    if lines is not None and len(found) >= _FEWEST_WINDOWS:
        for number, window in enumerate(found, 1):
            looked = look_back(lines, window, recipe, most_customers=_MOST_CUSTOMERS)
            if looked is not None:
                pasts.append(looked[0])
            if progress is not None:
                progress(number, len(found))
    told = [_choices(past, recipe) for past in pasts] if len(pasts) >= _FEWEST_WINDOWS else []
    give_back_memory()
    on_others = [learn([*told[:number], *told[number + 1 :]], default) for number in range(len(told))]
    on_all = learn(told, default) if told else default
    # Before the next step: what they were learned from is most of a small shop's memory.
    del told
    give_back_memory()
    trials = [
        _trial(past, recipe, learned=weights, default=default)
        for past, weights in zip(pasts, on_others, strict=False)
    ]
    learned = bool(trials) and all(trial.ndcg_learned > trial.ndcg_default for trial in trials)
    weights = on_all if learned else default
    if learned:
        why = f"learned from {len(trials)} past windows, and better than the defaults on each"
    elif trials:
        why = f"the defaults: what was learned did not win on each of {len(trials)} past windows"
    elif budget < _FEWEST_WINDOWS:
        why = f"the defaults: to learn others takes {_FEWEST_WINDOWS} trainings, {budget} are allowed"
    else:
        why = (
            f"the defaults: to learn others takes {_FEWEST_WINDOWS} past windows in which known customers"
            f" bought, there are {len(pasts)}"
        )
    log.info("weights of the blend: %s", why)
    return Choice(
        task=str(recipe.task),
        # Rounded, so that a file of them is the same wherever the last bits of a minimum differ.
        weights={name: round(float(w), 3) for name, w in zip(SIGNALS, weights, strict=True)},
        learned=learned,
        why=why,
        trials=[asdict(trial) for trial in trials],
        als=asdict(recipe.als),
        half_life_days=recipe.half_life_days,
        sales=n_sales,
        run_id=run_id,
        as_of_day=as_of_day,
    )


def _choices(past: Past, recipe: Recipe) -> Choices:
    """The candidates of a window's customers, and which of them were bought."""
    maker = CandidateMaker(
        past.signals,
        past.users,
        allowed=past.allowed,
        exclude_seen=recipe.exclude_seen,
        n=recipe.n,
    )
    customers, values, bought = [], [], []
    for part in range(maker.n_blocks):
        first, found = maker.block(part)
        give_back_memory()
        customers.append(found.rows + first)
        values.append(found.signals)
        relevant = past.relevant[first : first + found.scales.shape[1]].toarray()
        bought.append(relevant[found.rows, found.items] > 0)
    return Choices(np.concatenate(customers), np.concatenate(values, axis=1), np.concatenate(bought))


def _trial(past: Past, recipe: Recipe, *, learned: Float64s, default: Float64s) -> Trial:
    quality = [past.ndcg(weights, recipe) for weights in (learned, default)]
    means = [round(float(values.mean()), _DECIMALS) for values in quality]
    return Trial(
        begin=past.begin,
        end=past.end,
        customers=len(past.customers),
        ndcg_learned=means[0],
        ndcg_default=means[1],
    )
