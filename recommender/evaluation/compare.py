"""All methods next to each other, on the same customers of the same windows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from recommender.evaluation import metrics
from recommender.evaluation.bootstrap import intervals, mean_over_windows
from recommender.evaluation.methods import ComparedMethod, Learner
from recommender.evaluation.report import (
    SEGMENTS,
    ChoiceReport,
    Figure,
    MethodReport,
    Segment,
    TaskReport,
    segments_of,
)
from recommender.evaluation.split import Split, Task
from recommender.learning.interactions import SaleLines
from recommender.runs.keys import Keys
from recommender.system.arrays import Float64s, Int64s
from recommender.system.threads import Progress

_MEASURES: dict[str, Callable[..., Float64s]] = {
    "ndcg": metrics.ndcg,
    "recall": metrics.recall,
    "hit_rate": metrics.hit,
}
_NOTHING = Figure(None, None, None)


@dataclass(frozen=True, eq=False)
class Judged:
    """The customers of one window and task, and what each method's lists were worth to them."""

    customers: Int64s
    """shape (judged,), int64, ascending: indexes into the customers of all sale lines"""
    segments: Int64s
    """shape (judged,): index into `SEGMENTS` of each"""
    values: dict[tuple[ComparedMethod, str], Float64s] = field(default_factory=dict)
    """shape (judged,) each: by method and measure; none for a method without lists"""
    coverage: dict[ComparedMethod, float] = field(default_factory=dict)
    full_lists: dict[ComparedMethod, float] = field(default_factory=dict)


def judge(
    lines: SaleLines,
    split: Split,
    methods: Mapping[ComparedMethod, Learner],
    *,
    never: Keys,
    progress: Progress | None = None,
) -> dict[Task, Judged]:
    """Let every method learn from one split and rank for both tasks.

    Customers without anything to find in a task are not judged in it.

    Args:
        lines: the sales that the split was made of.
        split: one cut.
        methods: what is compared.
        never: items that are never recommended.
        progress: called with methods done and in all.
    """
    train = split.train
    allowed = never.find(train.item_ids) < 0
    customers = lines.user_ids.find(train.user_ids)[split.users]
    segments = segments_of(split.purchase_days())
    found, wanted = {}, {}
    for task in Task:
        relevant = split.relevant_in(task)
        rows = np.flatnonzero(np.diff(relevant.indptr))
        wanted[task] = split.users[rows], relevant[rows]
        found[task] = Judged(customers[rows], segments[rows])
    for number, (method, learn) in enumerate(methods.items() if len(split.users) else ()):
        rank = learn(train, allowed)
        for task, (users, relevant) in wanted.items():
            lists = rank(users, task) if len(users) else None
            if lists is None:
                continue
            judged = found[task]
            judged.values.update({(method, m): value(lists, relevant) for m, value in _MEASURES.items()})
            judged.coverage[method] = metrics.coverage(lists, allowed)
            judged.full_lists[method] = metrics.full_share(lists)
        if progress is not None:
            progress(number + 1, len(methods))
    return found


def task_report(
    task: Task,
    windows: Sequence[Judged],
    methods: Sequence[ComparedMethod],
    *,
    is_configured: bool,
    seed: int,
    choices: Sequence[ChoiceReport | None] = (),
) -> TaskReport:
    """The figures of a task over all windows.

    Args:
        task: of all `windows`.
        windows: what `judge` returned for each.
        methods: in the order of the report.
        is_configured: whether it is the task of the setting.
        seed: of the draws of customers.
        choices: of the system, for each window.
    """
    table = _Table(windows)
    figures = table.figures(methods, seed)
    return TaskReport(
        task=task,
        is_configured=is_configured,
        customers=len(table.customers),
        customers_by_segment={
            segment: int(np.count_nonzero((table.segments == place).any(axis=0)))
            for place, segment in enumerate(SEGMENTS)
        },
        methods=tuple(
            MethodReport(
                method=method,
                ndcg=figures.get((method, "ndcg"), _NOTHING),
                recall=figures.get((method, "recall"), _NOTHING),
                hit_rate=figures.get((method, "hit_rate"), _NOTHING),
                coverage=_mean([w.coverage[method] for w in windows if method in w.coverage]),
                full_lists=_mean([w.full_lists[method] for w in windows if method in w.full_lists]),
                ndcg_by_segment={s: figures.get((method, s), _NOTHING) for s in SEGMENTS},
                system_lead=figures.get((method, "system_lead")),
            )
            for method in methods
        ),
        choices=tuple(choices),
    )


class _Table:
    """Each value by window and customer, so that customers can be drawn with all their windows."""

    def __init__(self, windows: Sequence[Judged]) -> None:
        self._windows = windows
        self.customers = np.unique(np.concatenate([w.customers for w in windows]))
        self.segments = self._spread([w.segments.astype(np.float64) for w in windows])

    def _spread(self, values: Sequence[Float64s | None]) -> Float64s:
        """Shape (windows, customers): NaN where a customer was not judged."""
        table = np.full((len(self._windows), len(self.customers)), np.nan)
        for row, window, own in zip(table, self._windows, values, strict=True):
            if own is not None:
                row[np.searchsorted(self.customers, window.customers)] = own
        return table

    def figures(
        self, methods: Sequence[ComparedMethod], seed: int
    ) -> dict[tuple[ComparedMethod, str | Segment], Figure]:
        """The figures by method and measure, by method and segment, and the system's leads."""
        asked: dict[tuple[ComparedMethod, str | Segment], Float64s] = {}
        for method in methods:
            for measure in _MEASURES:
                values = [w.values.get((method, measure)) for w in self._windows]
                if any(own is not None for own in values):
                    asked[method, measure] = self._spread(values)
        for method in methods:
            ndcg, of_system = asked.get((method, "ndcg")), asked.get((ComparedMethod.SYSTEM, "ndcg"))
            if ndcg is None:
                continue
            for place, segment in enumerate(SEGMENTS):
                asked[method, segment] = np.where(self.segments == place, ndcg, np.nan)
            if of_system is not None and method is not ComparedMethod.SYSTEM:
                asked[method, "system_lead"] = of_system - ndcg
        ends = intervals([*asked.values()], seed=seed)
        return {
            key: Figure.of(mean_over_windows(values), *between)
            for (key, values), between in zip(asked.items(), ends, strict=True)
        }


def _mean(shares: Sequence[float]) -> float | None:
    known = [share for share in shares if not np.isnan(share)]
    return float(np.mean(known)) if known else None
