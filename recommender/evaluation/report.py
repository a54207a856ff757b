"""What an evaluation found, and what it says in words."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from recommender.evaluation.bootstrap import FEWEST_CUSTOMERS
from recommender.evaluation.contestants import Objective
from recommender.evaluation.methods import ComparedMethod
from recommender.evaluation.split import Task
from recommender.runs.manifest import Method
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
    """A mean over customers with its 95 % interval; None where no customer has a value."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, value: float, low: float, high: float) -> "Figure":
        """The figure, with None for NaN."""
        return cls(*(None if math.isnan(number) else float(number) for number in (value, low, high)))


@dataclass(frozen=True)
class MethodReport:
    """The figures of one method in one task; all None where it has nothing to say in it."""

    method: ComparedMethod
    ndcg: Figure
    recall: Figure
    hit_rate: Figure
    coverage: float | None
    """share of the items that may be recommended in at least one list; the mean over the windows"""
    full_lists: float | None
    """share of the customers with a full list; the mean over the windows"""
    ndcg_by_segment: Mapping[Segment, Figure]
    system_lead: Figure | None
    """by how much the system's nDCG is above this method's on the same customers; None for the system itself
    and where either has no figure"""


@dataclass(frozen=True)
class ContestantReport:
    """One way to come to a blend, and how it did on the weeks before a night."""

    name: str
    """as `manifest.json` has it"""
    objective: Objective
    habit_in_parts: bool
    item_to_item_days: float
    """half-life of a purchase in item-to-item"""
    ndcg: float
    """nDCG of the candidates by weights from the other past windows; the mean over the windows"""
    is_chosen: bool

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
    """which has won, as `manifest.json` has it"""
    why: str
    """a sentence"""
    trials: int
    """past windows on which they competed"""
    contestants: tuple[ContestantReport, ...]
    """all of them; none where there were no such windows"""
    leads: Mapping[Method, Figure]
    """by how much the winner's nDCG was above that of each simple method, on all windows that were looked at;
    none where there were none"""
    learned_from_newest: bool
    """whether the weights also learned from the weeks just before, on which they were proved"""
    method: Method
    """which the proof let through"""
    proof: str
    """a sentence where that is not the blend, else empty"""
    ndcg: float | None
    """of the method, in the proof"""
    baseline_ndcg: float | None
    """of the best simple method, in the proof"""

    @property
    def words(self) -> str:
        """Who has won; where nobody competed, why not."""
        return next((each.words for each in self.contestants if each.is_chosen), self.why)


@dataclass(frozen=True)
class TaskReport:
    """All methods on the same customers."""

    task: Task
    is_configured: bool
    """whether it is the task of the setting REPEAT_PURCHASES"""
    customers: int
    """judged in at least one window"""
    customers_by_segment: Mapping[Segment, int]
    """judged as one of the segment in at least one window"""
    methods: tuple[MethodReport, ...]
    choices: tuple[ChoiceReport | None, ...] = ()
    """of the system, for each window; None for a window in which nobody was judged"""

    @property
    def best(self) -> ComparedMethod | None:
        """The method with the greatest nDCG, the system among equals; None where nobody was judged."""
        judged = [m for m in self._rivals if m.ndcg.value is not None]
        if not judged:
            return None
        return max(judged, key=lambda m: (m.ndcg.value, m.method is ComparedMethod.SYSTEM)).method

    @property
    def verdict(self) -> str:
        """Which method is best, and whether the system is better than the others beyond noise."""
        best = self.best
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

    @property
    def rules_cost(self) -> Figure | None:
        """By how much the system's nDCG would be higher without the shop's rules; None without any."""
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

    begin: str
    """ISO 8601, UTC: training ends just before"""
    end: str
    """ISO 8601, UTC: just after the last sale that was looked at"""
    sales_before: int
    """sale lines that were trained on"""
    customers: int
    """known before, and bought something in it"""


@dataclass(frozen=True)
class EvaluationReport:
    """What `recommend evaluate` prints."""

    run_id: str | None
    """the run whose sales were used; None: they were exported afresh"""
    top_n: int
    days: int
    """length of a window"""
    windows: tuple[WindowReport, ...]
    """the newest first"""
    notes: tuple[str, ...]
    """what an owner should know about the figures"""
    tasks: tuple[TaskReport, ...]
    """the task of the setting first"""

    def as_json(self) -> dict[str, Any]:
        """The report as JSON types."""
        found = asdict(self)
        for task, shown in zip(self.tasks, found["tasks"], strict=True):
            cost = task.rules_cost
            shown |= {"best": task.best, "verdict": task.verdict, "rules_cost": cost and asdict(cost)}
        return found


def _is_above(low: float | None) -> bool:
    return low is not None and low > 0


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
