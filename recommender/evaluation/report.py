"""What an evaluation found, and what it says in words."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from recommender.evaluation.bootstrap import FEWEST_CUSTOMERS
from recommender.evaluation.contestants import Objective
from recommender.evaluation.methods import ComparedMethod
from recommender.evaluation.split import Task
from recommender.runs.manifest import Method, Moment, RunId
from recommender.system.arrays import Int64s


class Segment(StrEnum):
    """Customers by the number of days on which they had bought before the cut."""

    NEW = "new"
    OCCASIONAL = "occasional"
    REGULAR = "regular"


FIRST_DAYS = {Segment.NEW: 0, Segment.OCCASIONAL: 2, Segment.REGULAR: 5}
"""With so many days of purchase a segment begins; new are also those who gave everything back."""
SEGMENTS = tuple(FIRST_DAYS)


def segments_of(purchase_days: Int64s) -> Int64s:
    """The place in `SEGMENTS` of each number of days, shapes alike."""
    return np.searchsorted([*FIRST_DAYS.values()], purchase_days, side="right") - 1


WORDS = {
    ComparedMethod.POPULAR_ALL_TIME: "popular of all time",
    ComparedMethod.POPULAR_RECENT: "popular of late",
    ComparedMethod.POPULAR: "popular as published",
    ComparedMethod.OWN_HABIT: "the customer's habit",
    ComparedMethod.ITEM_TO_ITEM: "item to item",
    ComparedMethod.ALS_DEFAULT: "ALS with library defaults",
    ComparedMethod.ALS: "ALS as configured",
    ComparedMethod.WITHOUT_RULES: "the system without rules",
    ComparedMethod.SYSTEM: "the configured system",
}
"""What an owner reads for each method."""
OBJECTIVES = {
    Objective.DEFAULTS: "the defaults",
    Objective.LOGIT: "logit",
    Objective.LAMBDARANK: "LambdaRank",
}
"""What an owner reads for each way to learn weights."""


@dataclass(frozen=True)
class Figure:
    """A mean over customers with its 95 % interval; null where no customer has a value."""

    value: float | None
    """The mean."""
    low: float | None
    """The interval's lower end; null for a single customer."""
    high: float | None
    """Its upper end."""

    @classmethod
    def of(cls, value: float, low: float, high: float) -> "Figure":
        """The figure, with None for NaN."""
        return cls(*(None if math.isnan(number) else float(number) for number in (value, low, high)))


@dataclass(frozen=True)
class MethodReport:
    """The figures of one method in one task; all null where it has nothing to say in it."""

    method: ComparedMethod
    """The method; system is what your settings make."""
    ndcg: Figure
    """nDCG of the lists."""
    recall: Figure
    """Share of what a customer bought that was in the list."""
    hit_rate: Figure
    """Share of the customers with at least one hit."""
    coverage: float | None
    """Share of the items that may be recommended in at least one list; the mean over the windows."""
    full_lists: float | None
    """Share of the customers with a full list; the mean over the windows."""
    ndcg_by_segment: Mapping[Segment, Figure]
    """nDCG of new, occasional and regular customers, by the days on which they had bought before."""
    system_lead: Figure | None
    """By how much the system's nDCG is above this method's on the same customers; null for the system itself
    and where either has no figure."""


@dataclass(frozen=True)
class ContestantReport:
    """One way to come to a blend, and how it did on the weeks before a night."""

    name: str
    """Its name, as `manifest.json` has it."""
    objective: Objective
    """How its weights were learned."""
    habit_in_parts: bool
    """Whether the customer's habit is weighed in parts."""
    item_to_item_days: float
    """Half-life of a purchase in item-to-item."""
    ndcg: float
    """nDCG of the candidates by weights from the other past windows; the mean over the windows."""
    is_chosen: bool
    """Whether it has won."""

    @property
    def words(self) -> str:
        """What an owner reads."""
        return self._words("item-to-item over ")

    @property
    def short_words(self) -> str:
        """The same for a table that says what the days are."""
        return self._words("")

    def _words(self, days_of: str) -> str:
        if self.objective is Objective.DEFAULTS:
            return OBJECTIVES[self.objective]
        parts = ", habit in parts" if self.habit_in_parts else ""
        return f"{OBJECTIVES[self.objective]}{parts}, {days_of}{self.item_to_item_days:g} days"


@dataclass(frozen=True)
class ChoiceReport:
    """What the night at a window's begin would have chosen, by what was known then."""

    contestant: str
    """Which has won, as `manifest.json` has it."""
    why: str
    """Why, in a sentence."""
    trials: int
    """Past windows on which they competed."""
    contestants: tuple[ContestantReport, ...]
    """All of them; none where there were no such windows."""
    leads: Mapping[Method, Figure]
    """By how much the winner's nDCG was above that of each simple method, on all windows that were looked at;
    none where there were none."""
    learned_from_newest: bool
    """Whether the weights also learned from the weeks just before, on which they were proved."""
    method: Method
    """Which the proof let through."""
    proof: str
    """Why, in a sentence, where that is not the blend; else empty."""
    ndcg: float | None
    """nDCG of the method, in the proof."""
    baseline_ndcg: float | None
    """nDCG of the best simple method, in the proof."""

    @property
    def words(self) -> str:
        """Who has won; where nobody competed, why not."""
        return next((each.words for each in self.contestants if each.is_chosen), self.why)


@dataclass(frozen=True)
class TaskReport:
    """All methods on the same customers."""

    task: Task
    """What is to be found: new items only, or all that a customer bought."""
    is_configured: bool
    """Whether it is the task of the setting REPEAT_PURCHASES."""
    customers: int
    """Customers judged in at least one window."""
    customers_by_segment: Mapping[Segment, int]
    """Customers judged as one of the segment in at least one window."""
    methods: tuple[MethodReport, ...]
    """The figures of each method."""
    choices: tuple[ChoiceReport | None, ...] = ()
    """What the night would have chosen, for each window; null for one in which nobody was judged."""
    best: ComparedMethod | None = field(init=False)
    """The method with the greatest nDCG, the system among equals; null where nobody was judged."""
    verdict: str = field(init=False)
    """Which method is best, and whether the system is better than the others beyond noise, in a sentence."""
    rules_cost: Figure | None = field(init=False)
    """By how much the system's nDCG would be higher without the shop's rules; null without any."""

    def __post_init__(self) -> None:
        """What follows from the figures; fields, so that machines are told it too."""
        for name, value in (
            ("best", self._best()),
            ("verdict", self._verdict()),
            ("rules_cost", self._rules_cost()),
        ):
            object.__setattr__(self, name, value)

    def _best(self) -> ComparedMethod | None:
        judged = [m for m in self._rivals if m.ndcg.value is not None]
        if not judged:
            return None
        return max(judged, key=lambda m: (m.ndcg.value, m.method is ComparedMethod.SYSTEM)).method

    def _verdict(self) -> str:
        best = self._best()
        if best is None:
            return "There was nothing to find for any customer."
        if self.customers < FEWEST_CUSTOMERS:
            return (
                f"Best here is {WORDS[best]}, but chance decides among {self.customers} customers:"
                f" {FEWEST_CUSTOMERS} are needed to tell."
            )
        return self._beyond_noise(best)

    @property
    def _rivals(self) -> list[MethodReport]:
        """The methods that a shop could choose instead; its rules are its own will."""
        return [m for m in self.methods if m.method is not ComparedMethod.WITHOUT_RULES]

    def _rules_cost(self) -> Figure | None:
        leads = (m.system_lead for m in self.methods if m.method is ComparedMethod.WITHOUT_RULES)
        lead = next(leads, None)
        if lead is None or lead.value is None or lead.low is None or lead.high is None:
            return None
        return Figure(-lead.value + 0.0, -lead.high + 0.0, -lead.low + 0.0)

    def _beyond_noise(self, best: ComparedMethod) -> str:
        leads = [(WORDS[m.method], m.system_lead) for m in self._rivals if m.system_lead is not None]
        if best is ComparedMethod.SYSTEM:
            close = [words for words, lead in leads if not _is_above(lead.low)]
            if close:
                return f"Best is the configured system, but not beyond noise better than {_listed(close)}."
            return "Best is the configured system, beyond noise better than every other method."
        ahead = [words for words, lead in leads if lead.high is not None and lead.high < 0]
        if not ahead:
            return f"Best is {WORDS[best]}, but not beyond noise better than the configured system."
        also = [words for words in ahead if words != WORDS[best]]
        are = f"{'are' if len(also) > 1 else 'is'} {_listed(also)}" if also else ""
        if len(also) == len(ahead):  # the best has the widest interval
            return f"Best is {WORDS[best]}; beyond noise better than the configured system {are}."
        return (
            f"Best is {WORDS[best]}, beyond noise better than the configured system{are and ', as ' + are}."
        )


@dataclass(frozen=True)
class WindowReport:
    """One stretch of time that was held out."""

    begin: Moment
    """Training ends just before."""
    end: Moment
    """Just after the last sale that was looked at."""
    sales_before: int
    """Sale lines that were trained on."""
    customers: int
    """Customers who were known before, and bought something in it."""


@dataclass(frozen=True)
class EvaluationReport:
    """How good the lists would have been, beside simpler methods."""

    run_id: RunId | None
    """The run whose sales were used; null where they were exported afresh."""
    top_n: int
    """Length of the lists."""
    days: int
    """Length of a window."""
    windows: tuple[WindowReport, ...]
    """The stretches of time that were held out, the newest first."""
    notes: tuple[str, ...]
    """What an owner should know about the figures."""
    tasks: tuple[TaskReport, ...]
    """The tasks, that of the setting first."""


def _is_above(low: float | None) -> bool:
    return low is not None and low > 0


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
