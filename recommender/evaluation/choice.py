"""The choice of the blend's weights: the ways to learn them compete on the shop's own past."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date

import msgspec
import numpy as np

from recommender.evaluation.bootstrap import FEWEST_CUSTOMERS
from recommender.evaluation.contestants import (
    DEFAULTS,
    Contestant,
    contestants,
    most_customers,
)
from recommender.evaluation.past import Past, Recipe, look_back, past_windows
from recommender.evaluation.simple import Lead, simple_methods, weights_for
from recommender.learning.als import Model
from recommender.learning.interactions import SaleLines
from recommender.learning.neighbours import VARIANTS, NeighbourSettings
from recommender.learning.signals import SIGNALS
from recommender.learning.weights import (
    Choices,
    default_weights,
    free_signals,
    learn,
    weights_of,
)
from recommender.ranking.choices import find_choices
from recommender.runs.manifest import ChoiceRecord, Method
from recommender.system.arrays import Float64s, Int32s
from recommender.system.machine import give_back_memory
from recommender.system.progress import UNSEEN, Step
from recommender.system.threads import Progress, in_threads

log = logging.getLogger(__name__)

MOST_DAYS = 28
"""So long a choice is kept: tastes drift, and weeks of new sales are there to learn from."""
_MOST_GROWTH = 0.25
"""With so many more sales, or fewer, the shop is another one."""
_FEWEST_WINDOWS = 2
_DECIMALS = 6
_LEAST_SHARED = 0.5
"""Of two sets of lists: with less in common they are very different."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The contestants on one past window, each with weights that were learned on the other windows."""

    begin: str
    end: str
    customers: int
    ndcg: dict[str, float]
    """nDCG@n of the candidates by each contestant's weights"""
    leads: dict[Method, Lead]
    """of the winner before each simple method"""


class Choice(ChoiceRecord, frozen=True, kw_only=True):
    """What was chosen, when, and on what evidence: as a record has it, with what a night makes of it."""

    @classmethod
    def of(cls, record: ChoiceRecord | None) -> "Choice | None":
        """The choice that a manifest has; None where there is none, or one of another program version."""
        if record is None or record.weights.keys() != {*SIGNALS}:
            return None
        if record.neighbours not in [asdict(settings) for settings in VARIANTS]:
            return None
        try:
            msgspec.convert(record.trials, list[Trial])
        except msgspec.ValidationError:
            return None
        return cls(**msgspec.structs.asdict(record))

    @property
    def blend(self) -> Float64s:
        """The weights in the order of the signals, shape (signals,)."""
        return weights_of(self.weights)

    @property
    def proved(self) -> Float64s:
        """Those that the newest weeks had no say in, shape (signals,)."""
        return weights_of(self.weights if self.proved_weights is None else self.proved_weights)

    @property
    def neighbour_settings(self) -> NeighbourSettings:
        """How item-to-item is learned."""
        return VARIANTS[0] if self.neighbours is None else NeighbourSettings(**self.neighbours)

    @property
    def leads(self) -> dict[Method, list[Lead]]:
        """Of the winner before each simple method, on the windows that it was chosen on.

        Those of a few customers are left out: so few may agree by chance, and a lead of one has no error at
        all.
        """
        found: dict[Method, list[Lead]] = {}
        for trial in msgspec.convert(self.trials, list[Trial]):
            if trial.customers < FEWEST_CUSTOMERS:
                continue
            for method, lead in trial.leads.items():
                found.setdefault(method, []).append(lead)
        return found

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


@dataclass(frozen=True, eq=False)
class Lesson:
    """What the older windows have taught, for the newest to go on from."""

    choice: Choice
    contestant: Contestant = DEFAULTS
    told: Sequence[Choices] = field(default_factory=tuple)
    """of the older windows, with the winner's neighbours; none by the defaults"""

    def with_newest(self, newest: Past, recipe: Recipe) -> Choice:
        """The choice with weights that were learned on all windows, the newest too.

        Unless these give very different lists: then nothing is known of how good they are.

        Args:
            newest: window, of which the weights so far know nothing.
            recipe: of the night.
        """
        if not self.told:
            return self.choice
        windows = [*self.told, choices_of(newest.thinned(most_customers(recipe)), recipe)]
        weights = self.contestant.weights(windows, recipe)
        lists = [newest.lists(each, recipe) for each in (self.choice.proved, weights)]
        if shared(*lists) < _LEAST_SHARED:
            log.info("weights of the blend: those that know the newest weeks give very different lists")
            return self.choice
        return msgspec.structs.replace(self.choice, weights=_named(weights))


def choose(
    lines: SaleLines,
    recipe: Recipe,
    *,
    budget: int,
    run_id: str,
    as_of_day: str,
    progress: Step = UNSEEN,
) -> Lesson:
    """Let the contestants compete on past windows; the best mean wins.

    The newest window is left to the nightly proof, so that no result is measured on what it was learned
    from. On each of the others a contestant is judged with weights that it learned on the rest. A window in
    which no known customer bought says nothing.

    Args:
        lines: the sales.
        recipe: of the night.
        budget: trainings that this may cost.
        run_id: whose choice it is.
        as_of_day: of that run.
        progress: hears of the steps.
    """
    found = past_windows(lines, most=1 + budget)[1:]
    # Without a second window nothing could be held against what was learned on another one.
    found = found if len(found) >= _FEWEST_WINDOWS else []
    names = [f"window {number} of {len(found)}" for number in range(1, len(found) + 1)]
    steps = progress.split(dict.fromkeys(names, 1.0) | {"compare": 0.7 * len(names)})
    windows: list[_Window] = []
    model: Model | None = None
    # The oldest comes first, so that each model begins with the one before, as on most nights, and none with
    # a later one.
    for name, window in zip(names, found[::-1], strict=True):
        looking, choosing = steps[name].begin().parts(4, 1)
        looked = look_back(
            lines,
            window,
            recipe,
            VARIANTS,
            most_customers=most_customers(recipe),
            start=model,
            progress=looking,
        )
        choosing.begin()
        if looked is not None:
            windows.insert(0, _Window.of(looked.past, recipe))
            model = looked.model
        del looked
        give_back_memory()
    del model
    if len(windows) < _FEWEST_WINDOWS:
        missing = f"{budget} are allowed" if budget < _FEWEST_WINDOWS else f"there are {len(windows)}"
        needed = "trainings" if budget < _FEWEST_WINDOWS else "past windows in which known customers bought"
        why = f"the defaults: to learn others takes {_FEWEST_WINDOWS} {needed}, {missing}"
        choice = default_choice(recipe, n_sales=len(lines.times), run_id=run_id, as_of_day=as_of_day, why=why)
        return Lesson(choice)
    every = contestants(exclude_seen=recipe.exclude_seen)
    comparing = steps["compare"].begin()
    figures = _compete(every, [window.choices for window in windows], recipe, comparing)
    means = np.mean([[values.mean() for values in row] for row in figures], axis=0)
    place = int(np.argmax(means))
    winner = every[place]
    told = [window.choices.by(winner.variant) for window in windows]
    trials = [
        Trial(
            begin=window.begin,
            end=window.end,
            customers=window.choices.n_judged,
            ndcg={
                each.name: round(float(values.mean()), _DECIMALS)
                for each, values in zip(every, row, strict=True)
            },
            leads={method: Lead.of(row[place], values) for method, values in window.simple.items()},
        )
        for window, row in zip(windows, figures, strict=True)
    ]
    choice = _choice(
        winner,
        winner.weights(told, recipe),
        recipe,
        why=f"{winner.name}: the best of {len(every)} ways on {len(windows)} past windows",
        trials=trials,
        n_sales=len(lines.times),
        run_id=run_id,
        as_of_day=as_of_day,
    )
    return Lesson(choice, winner, told if winner is not DEFAULTS else ())


def default_choice(recipe: Recipe, *, n_sales: int, run_id: str, as_of_day: str, why: str) -> Choice:
    """The default weights, and why it is these."""
    return _choice(
        DEFAULTS,
        DEFAULTS.weights((), recipe),
        recipe,
        why=why,
        trials=(),
        n_sales=n_sales,
        run_id=run_id,
        as_of_day=as_of_day,
    )


def _choice(
    winner: Contestant,
    weights: Float64s,
    recipe: Recipe,
    *,
    why: str,
    trials: Sequence[Trial],
    n_sales: int,
    run_id: str,
    as_of_day: str,
) -> Choice:
    log.info("weights of the blend: %s", why)
    return Choice(
        task=str(recipe.task),
        weights=_named(weights),
        proved_weights=_named(weights),
        neighbours=asdict(winner.neighbours),
        contestant=winner.name,
        learned=winner is not DEFAULTS,
        why=why,
        trials=[msgspec.to_builtins(trial) for trial in trials],
        als=asdict(recipe.als),
        half_life_days=recipe.half_life_days,
        sales=n_sales,
        run_id=run_id,
        as_of_day=as_of_day,
    )


@dataclass(frozen=True, eq=False)
class _Window:
    """What a past window has for the competition."""

    begin: str
    end: str
    choices: Choices
    simple: dict[Method, Float64s]
    """nDCG@n of each judged customer by the simple methods, shape (customers,)"""

    @classmethod
    def of(cls, past: Past, recipe: Recipe) -> "_Window":
        methods = simple_methods(exclude_seen=recipe.exclude_seen)
        nothing = DEFAULTS.weights((), recipe)
        simple = {method: past.ndcg(weights_for(method, nothing), recipe) for method in methods}
        return cls(past.begin, past.end, choices_of(past, recipe), simple)


def choices_of(past: Past, recipe: Recipe) -> Choices:
    """The candidates of a window's customers, and which of them were bought."""
    return find_choices(
        past.signals,
        past.other_neighbours,
        past.relevant,
        default_weights(exclude_seen=recipe.exclude_seen),
        free=free_signals(exclude_seen=recipe.exclude_seen, habit_in_parts=False),
        allowed=past.allowed,
        exclude_seen=recipe.exclude_seen,
        n=recipe.n,
        threads=recipe.threads,
    )


def shared(one: Int32s, other: Int32s) -> float:
    """The mean share of the entries of a list that are in the other one too, 0 to 1; shapes (users, n)."""
    same = (one[:, :, None] == other[:, None, :]).any(axis=2) & (one >= 0)
    return float(same.sum() / max(np.count_nonzero(one >= 0), 1))


def _compete(
    every: Sequence[Contestant], told: Sequence[Choices], recipe: Recipe, progress: Progress
) -> list[list[Float64s]]:
    """For each window and contestant the nDCG@n of the customers, by weights from the other windows."""
    default = default_weights(exclude_seen=recipe.exclude_seen)

    def work(held: int) -> list[Float64s]:
        figures = [told[held].ndcg(default, recipe.n)]
        likely = None
        for first in range(1, len(every), 2):
            pair = every[first : first + 2]
            windows = [window.by(pair[0].variant) for window in told]
            judged = windows.pop(held)
            # From what the one before has found it is not far.
            likely = learn(windows, default, free=pair[0].free(recipe), begin=likely)
            figures += [judged.ndcg(each.weights(windows, recipe, likely), recipe.n) for each in pair]
        return figures

    return in_threads(work, len(told), threads=recipe.threads, progress=progress)


def _named(weights: Float64s) -> dict[str, float]:
    return {name: float(weight) for name, weight in zip(SIGNALS, weights, strict=True)}
