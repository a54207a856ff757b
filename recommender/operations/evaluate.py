"""Quality on the shop's own past: the work behind `recommend evaluate`."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from recommender.errors import DatabaseError, RefusedError
from recommender.evaluation.choice import default_choice
from recommender.evaluation.chosen import choice_report
from recommender.evaluation.compare import Judged, judge, task_report
from recommender.evaluation.decision import Decision, decide
from recommender.evaluation.methods import System, Trainer, methods
from recommender.evaluation.proof import Proof
from recommender.evaluation.report import ChoiceReport, EvaluationReport, WindowReport
from recommender.evaluation.simple import weights_for
from recommender.evaluation.split import Split, Task, time_split, windows
from recommender.learning.als import Model, train
from recommender.learning.interactions import Interactions, SaleLines, load_sale_lines
from recommender.learning.signals import make_signals
from recommender.night.namedrules import Known, NamedRules, ask_shop, name_rules
from recommender.night.never import never_recommend
from recommender.night.target import shop_of, target_of
from recommender.night.trials import PROOF_IS_OFF, als_of, recipe_of
from recommender.operations.pastsales import SalesFile, find_sales
from recommender.ranking.listrules import NO_RULES, Arrivals, ListRules, ShopRules, ages
from recommender.ranking.recommendations import top_lists
from recommender.runs.folder import RULES_QUERY
from recommender.runs.items import Catalogue, load_catalogue
from recommender.runs.keys import Keys
from recommender.runs.manifest import Method
from recommender.runs.rules import Dates, Rule, load_dated_rules
from recommender.settings import Settings
from recommender.system import machine
from recommender.system.arrays import Float64s, Int32s, Int64s
from recommender.system.progress import UNSEEN, Progress, Step
from recommender.system.threads import Progress as Counted
from recommender.system.times import DAY_MICROSECONDS, moment_of
from recommender.tables import RECOMMENDATIONS, KeyKind, Role


class Decider(Protocol):
    """What a night decides."""

    def __call__(self, moment: int, task: Task, progress: Step = UNSEEN) -> Decision:
        """At the moment after the last known sale (microseconds of UTC), for a task."""


DAYS, WINDOWS = 28, 3
_FIGURES = "figures"
_WORDS = {Task.NEW: "new items", Task.ALL: "all items"}
_SHARES = {Task.NEW: 4.0, Task.ALL: 6.0}
"""Of the weights of each task in a window."""
_FEW_CUSTOMERS = 100
"""With fewer the intervals are so wide that hardly a difference stands out."""


def evaluate(
    settings: Settings,
    *,
    now: datetime,
    days: int = DAYS,
    most_windows: int = WINDOWS,
    fresh: bool = False,
    progress: Progress | None = None,
) -> EvaluationReport:
    """Compare the system and the methods beside it on the last weeks. No table and no run is touched.

    Args:
        settings: of the system, and where the sales are.
        now: the end of a fresh export, aware.
        days: length of a window.
        most_windows: windows wanted; there are fewer where the sales do not reach back so far.
        fresh: read the sales from the shop's database, not from the newest run.
        progress: listens.

    Raises:
        RefusedError: there is too little data for a single window.
        SettingsError: a setting, a query or the file of NEVER_RECOMMEND is not right.
        DatabaseError: the shop's database failed in a fresh export.
    """
    progress = progress or Progress()
    threads = settings.threads or machine.available_cpus()
    with find_sales(settings, fresh=fresh, now=now, progress=progress) as sales:
        lines = load_sale_lines(sales.path, customer_kind=sales.customer_kind, item_kind=sales.item_kind)
        catalogue = load_catalogue(sales.items, item_kind=sales.item_kind)
        dated = load_dated_rules(sales.rules) if sales.rules.is_file() else {}
    never, notes = _never(settings, sales.item_kind, lines.item_ids)
    kinds = {Role.CUSTOMER: sales.customer_kind, Role.ITEM: sales.item_kind}
    known = Known(catalogue, catalogue.ids.union(lines.item_ids), lines.user_ids, kinds, None, None)
    named, more_notes = _named(dated, known, never, settings, now)
    rules = ShopRules(named.rules, settings.max_per_category, settings.new_item_slots, settings.seed)
    notes += [*more_notes, *_changed_since(sales, settings)]
    cuts = _windows(lines, days, most_windows)
    trained = trainer(settings, threads=threads)
    decided = decider(settings, lines, never=never, threads=threads)
    ruleless = configured_system(settings, trained, decided, never=never, threads=threads)
    system = ruleless
    if rules.ask_anything:
        system = configured_system(
            settings,
            trained,
            decided,
            never=never.union(named.never),
            threads=threads,
            rules=rules,
            catalogue=catalogue,
        )
    compared = methods(
        system=system,
        without_rules=ruleless if rules.ask_anything else None,
        trained=trained,
        n=settings.top_n,
        seed=settings.seed,
        threads=threads,
    )
    found: list[dict[Task, Judged]] = []
    chosen: list[dict[Task, ChoiceReport | None]] = []
    shown = []
    names = [f"window {number} of {len(cuts)}" for number in range(1, len(cuts) + 1)]
    progress.plan(dict.fromkeys(names, 1.0) | {_FIGURES: 0.1 * len(names)})
    for name, (cut, end) in zip(names, cuts, strict=True):
        started = time.monotonic()
        progress.begin(name)
        steps = _steps(progress)
        steps["sales"].begin()
        split = time_split(
            lines,
            cut=cut,
            end=end,
            half_life_days=settings.half_life_days,
            publish_guests=settings.publish_guests,
        )
        _learn(split, decided, trained, steps)
        judged = judge(lines, split, compared, never=never, progress=steps["methods"].begin())
        found.append(judged)
        chosen.append(
            {
                task: choice_report(decided(_after(split.train), task), exclude_seen=task is Task.NEW)
                if len(judged[task].customers)
                else None
                for task in Task
            }
        )
        shown.append(WindowReport(_iso(cut), _iso(end), split.train.n_sales, len(split.users)))
        progress.end(f"{len(split.users):,} customers", time.monotonic() - started)
    if not any(window.customers for window in shown):
        raise RefusedError(
            "evaluate-nobody-back",
            f"No customer who was known before bought anything in the last {days * len(cuts)} days of the"
            " sales, so there is nothing to judge by.",
            "Give a greater --days, or wait until customers come back.",
        )
    started = time.monotonic()
    progress.begin(_FIGURES)
    progress.step.split({"draw customers": 1})["draw customers"].begin()
    configured = Task.NEW if settings.exclude_seen else Task.ALL
    tasks = tuple(
        task_report(
            task,
            [window[task] for window in found],
            [*compared],
            is_configured=task is configured,
            seed=settings.seed,
            choices=[window[task] for window in chosen],
        )
        for task in sorted(Task, key=lambda task: task is not configured)
    )
    progress.end("", time.monotonic() - started)
    if len(cuts) < most_windows:
        notes.append(_young(lines, days, most_windows, len(cuts)))
    if tasks[0].customers < _FEW_CUSTOMERS:
        notes.append(f"Only {tasks[0].customers} customers could be judged: the figures are rough.")
    return EvaluationReport(
        run_id=sales.run_id,
        top_n=settings.top_n,
        days=days,
        windows=tuple(shown),
        notes=tuple(notes),
        tasks=tasks,
    )


def _steps(progress: Progress) -> dict[str, Step]:
    """What is done in a window."""
    weights = {f"weights, {_WORDS[task]}": share for task, share in _SHARES.items()}
    return progress.step.split({"sales": 0.2, **weights, "train": 1, "methods": 3})


def _learn(split: Split, decided: Decider, trained: Trainer, steps: Mapping[str, Step]) -> None:
    """Let the night be decided and the model be trained; both are kept for the methods that ask for them."""
    for task in Task:
        if split.relevant_in(task).nnz:
            decided(_after(split.train), task, steps[f"weights, {_WORDS[task]}"].begin().as_one())
    if len(split.users):
        trained(split.train, steps["train"].begin())


def trainer(settings: Settings, *, threads: int) -> Trainer:
    """Trains the model as configured; the last one is kept, so that several methods and tasks can use it."""
    als = als_of(settings)

    kept: list[tuple[Interactions, Model]] = []

    def trained(interactions: Interactions, progress: Counted | None = None) -> Model:
        if not kept or kept[0][0] is not interactions:
            kept.clear()
            kept.append((interactions, train(interactions, als, threads=threads, progress=progress)))
        return kept[0][1]

    return trained


def decider(settings: Settings, lines: SaleLines, *, never: Keys, threads: int) -> Decider:
    """What a night decides with these settings, and without earlier nights.

    At a past moment it chooses the weights and proves the method on the windows before, as the night of that
    day would have. The decisions of the last moment are kept, so that both the lists and the report can ask.
    """
    kept: dict[tuple[int, Task], Decision] = {}

    def decided(moment: int, task: Task, progress: Step = UNSEEN) -> Decision:
        if (moment, task) not in kept:
            if any(known != moment for known, _ in kept):
                kept.clear()
            kept[moment, task] = decide_anew(moment, task, progress)
        return kept[moment, task]

    def decide_anew(moment: int, task: Task, progress: Step) -> Decision:
        recipe = recipe_of(settings, never=never, exclude_seen=task is Task.NEW, threads=threads)
        if settings.nightly_proof:
            known = lines.before(moment)
            return decide(
                known,
                recipe,
                kept=None,
                budget=settings.tune_budget,
                run_id="",
                as_of_day="",
                progress=progress,
            )
        choice = default_choice(recipe, n_sales=0, run_id="", as_of_day="", why=PROOF_IS_OFF)
        return Decision(choice, Proof(method=Method.BLEND, why="", ndcg=None, baseline_ndcg=None, details={}))

    return decided


def configured_system(
    settings: Settings,
    trained: Trainer,
    decided: Decider,
    *,
    never: Keys,
    threads: int,
    rules: ShopRules = NO_RULES,
    catalogue: Catalogue | None = None,
) -> System:
    """The way from sales to lists that a night takes with these settings.

    Every item of the training counts as sellable but those never to be recommended: what was sellable at a
    past moment is on no record. Rules are those of today, at whatever moment; they look into the catalogue of
    today.
    """

    def rules_at(interactions: Interactions, popularity: Float64s) -> ListRules | None:
        items = interactions.item_ids
        if catalogue is None:
            return None
        now = _after(interactions)
        return rules.for_list(
            RECOMMENDATIONS,
            n=settings.top_n,
            items=items,
            sold=items,
            catalogue=catalogue,
            allowed=never.find(items) < 0,
            customers=interactions.user_ids,
            arrivals=Arrivals(ages(items, catalogue, items, interactions.purchases, now=now), popularity),
        )

    def lists(interactions: Interactions, users: Int64s, exclude_seen: bool) -> Int32s:  # noqa: FBT001 - see System
        decision = decided(_after(interactions), Task.NEW if exclude_seen else Task.ALL)
        choice = decision.choice
        signals = make_signals(
            interactions, trained(interactions), choice.neighbour_settings, threads=threads
        )
        return top_lists(
            signals,
            weights_for(decision.proof.method, choice.blend),
            users,
            allowed=never.find(interactions.item_ids) < 0,
            n=settings.top_n,
            exclude_seen=exclude_seen,
            threads=threads,
            rules=rules_at(interactions, signals.popularity),
            is_blend=decision.proof.method is Method.BLEND,
        )

    return lists


def _after(interactions: Interactions) -> int:
    """The moment after the last sale that is known."""
    return interactions.newest + 1


def _never(settings: Settings, kind: KeyKind, known: Keys) -> tuple[Keys, list[str]]:
    """The items that are never recommended, and what is to be said of them."""
    path = settings.never_recommend
    try:
        return never_recommend(path, kind, known, target_of(settings)).items, []
    except DatabaseError as error:
        note = (
            f"The file of NEVER_RECOMMEND was compared letter by letter with the shop's items: {error.reason}"
        )
        return never_recommend(path, kind, known, None).items, [note]


def _changed_since(sales: SalesFile, settings: Settings) -> list[str]:
    """What is to be said where a run's rules are asked for in other words by now."""
    paths = (settings.sql_dir / RULES_QUERY, sales.path.parent / RULES_QUERY)
    now, then = (path.read_bytes() if path.is_file() else None for path in paths)
    if sales.run_id is None or now == then:
        return []
    return [f"rules.sql was changed since the run {sales.run_id}: --fresh reads it as it is now."]


def _named(
    dated: Mapping[Rule, Dates], known: Known, never: Keys, settings: Settings, now: datetime
) -> tuple[NamedRules, list[str]]:
    """What the shop's rules name, and what is to be said of it."""
    target = target_of(settings)
    ask = ask_shop(shop_of(settings, target), settings, now.replace(tzinfo=None))
    try:
        return name_rules(dated, replace(known, target=target, ask=ask), never=never, settings=settings), []
    except DatabaseError as error:
        note = f"The shop's rules were compared letter by letter with what it has: {error.reason}"
        return name_rules(dated, known, never=never, settings=settings), [note]


def _windows(lines: SaleLines, days: int, most: int) -> list[tuple[int, int]]:
    """The windows, at least one.

    Raises:
        RefusedError: there is not even one.
    """
    cuts = windows(lines.newest, _oldest(lines), days=days, most=most) if len(lines.times) else []
    if not cuts:
        have = _days_of(lines)
        raise RefusedError(
            "evaluate-too-short",
            f"The sales reach over {have} days; one window of {days} days and as much history before it need"
            f" {2 * days}: {2 * days - have} days are missing.",
            "Wait until there are more, raise HISTORY_DAYS, or give a smaller --days.",
        )
    return cuts


def _oldest(lines: SaleLines) -> int:
    return int(lines.times.min())


def _days_of(lines: SaleLines) -> int:
    """Whole days from the oldest to the newest sale."""
    if not len(lines.times):
        return 0
    return (lines.newest + 1 - _oldest(lines)) // DAY_MICROSECONDS


def _young(lines: SaleLines, days: int, wanted: int, found: int) -> str:
    windows_found = "1 window" if found == 1 else f"{found} windows"
    return (
        f"The sales reach over {_days_of(lines):,} days, enough for {windows_found} of {days} days; {wanted}"
        f" need {(wanted + 1) * days:,}."
    )


def _iso(moment: int) -> str:
    return moment_of(moment).isoformat().replace("+00:00", "Z")
