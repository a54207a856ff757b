"""`recommend evaluate` and what it is made of: shops where it is known which method must win."""

import dataclasses
import itertools
import json
import math
import re
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest

from recommender.errors import ExitCode
from recommender.evaluation.choice import default_choice
from recommender.evaluation.chosen import choice_report
from recommender.evaluation.compare import judge, task_report
from recommender.evaluation.contestants import contestants
from recommender.evaluation.decision import Decision
from recommender.evaluation.methods import ComparedMethod, methods
from recommender.evaluation.proof import Proof
from recommender.evaluation.report import Figure, MethodReport, Segment, TaskReport, segments_of
from recommender.evaluation.split import Task, time_split, windows
from recommender.learning.interactions import load_sale_lines
from recommender.night.trials import recipe_of
from recommender.operations.evaluate import configured_system, decider, trainer
from recommender.ranking.listrules import ShopRules
from recommender.runs.folder import EVALUATION, ITEMS
from recommender.runs.items import load_catalogue
from recommender.runs.keys import Keys
from recommender.runs.manifest import Method
from recommender.runs.rules import Rule, RuleKind
from recommender.settings import load_settings
from recommender.system.times import DAY_MICROSECONDS, microseconds
from recommender.system.window import local_midnight
from recommender.tables import KeyKind
from tests.nights import DAY, make_shop, tastes, usual_shop
from tests.shops import sale_lines

NOTHING = Figure(None, None, None)
BETTER = "beyond noise better than the configured system"


@pytest.fixture
def shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


def _report(sales, learners, *, cuts, n_days=10, never=(), seed=1):
    """Both tasks' reports of methods on windows that begin on these days."""
    lines = sale_lines(sales)
    found = [
        judge(
            lines,
            time_split(
                lines,
                cut=cut * DAY_MICROSECONDS,
                end=(cut + n_days) * DAY_MICROSECONDS,
                half_life_days=30,
            ),
            learners,
            never=Keys.of(never),
        )
        for cut in cuts
    ]
    return {
        task: task_report(task, [w[task] for w in found], [*learners], is_configured=True, seed=seed)
        for task in Task
    }


def _always(*items):
    """A method that shows everybody the same items."""
    return lambda _train, _allowed: lambda users, _task: np.tile(np.array(items, np.int32), (len(users), 1))


def test_figures_worked_out_on_paper():
    # Items 0 to 3 are known before the cuts. In the first window customer 1 buys 0 again and 1, customer 2
    # buys 3; in the second customer 1 buys 2.
    past = [(1, 0, 0), (2, 0, 0), (3, 1, 0), (3, 2, 0), (3, 3, 0), (1, 3, 1)]
    sales = [*past, (1, 0, 22), (1, 1, 23), (2, 3, 24), (1, 2, 12)]
    learners = {
        ComparedMethod.POPULAR: _always(0, 1),
        ComparedMethod.OWN_HABIT: lambda _train, _allowed: lambda _users, _task: None,
        ComparedMethod.SYSTEM: _always(3, -1),
    }
    found = _report(sales, learners, cuts=[20, 10])
    new, everything = found[Task.NEW], found[Task.ALL]
    second = 1 / math.log2(3)
    # New: customer 1 looks for 1 then 2, customer 2 for 3.
    popular, habit, system = new.methods
    assert popular.ndcg.value == pytest.approx((second / 2 + 0) / 2)
    assert popular.recall.value == popular.hit_rate.value == pytest.approx((1 / 2 + 0) / 2)
    assert popular.coverage == 2 / 4
    assert popular.full_lists == 1
    assert system.ndcg.value == pytest.approx((1 / 2 + 0) / 2)
    assert system.full_lists == 0
    assert system.coverage == 1 / 4
    assert popular.system_lead is not None
    assert popular.system_lead.value == pytest.approx((1 - second) / 4)
    assert system.system_lead is None
    assert habit == MethodReport(
        ComparedMethod.OWN_HABIT, NOTHING, NOTHING, NOTHING, None, None, dict.fromkeys(Segment, NOTHING), None
    )
    # All: in the first window customer 1 looks for 0 and 1, which is just what is popular.
    assert everything.methods[0].ndcg.value == pytest.approx((1 / 2 + 0) / 2)
    assert everything.customers == 2


def test_customers_fall_into_segments():
    assert segments_of(np.array([0, 1, 2, 4, 5, 99])).tolist() == [0, 0, 1, 1, 2, 2]
    days = {1: 1, 2: 2, 3: 4, 4: 5}
    sales = [(customer, 10 + day, day) for customer, n in days.items() for day in range(n)]
    sales += [(customer, 10, 15) for customer in days]
    sales += [(1, 11, 16)]
    report = _report(sales, {ComparedMethod.SYSTEM: _always(0)}, cuts=[12])[Task.ALL]
    assert report.customers_by_segment == {Segment.NEW: 1, Segment.OCCASIONAL: 2, Segment.REGULAR: 1}
    by_segment = report.methods[0].ndcg_by_segment
    assert {segment: figure.value for segment, figure in by_segment.items()} == dict.fromkeys(Segment, 1.0)
    # In the task of new items only customer 1 looks for something.
    assert _report(sales, {ComparedMethod.SYSTEM: _always(1)}, cuts=[12])[Task.NEW].customers_by_segment == {
        Segment.NEW: 1,
        Segment.OCCASIONAL: 0,
        Segment.REGULAR: 0,
    }


def test_the_order_of_customers_changes_nothing():
    rng = np.random.default_rng(0)
    sales = [(int(c), int(i), int(d)) for c, i, d in rng.integers(0, [9, 9, 30], (150, 3))]
    renamed = [(8 - customer, item, day) for customer, item, day in sales]
    learners = {ComparedMethod.SYSTEM: _always(0, 1, 2)}
    for task in Task:
        first, second = (_report(s, learners, cuts=[20, 15])[task].methods[0] for s in (sales, renamed))
        assert first.ndcg.value == pytest.approx(second.ndcg.value)
        assert first.recall.value == pytest.approx(second.recall.value)
        assert first.hit_rate.value == pytest.approx(second.hit_rate.value)


def test_nobody_learns_from_a_window_in_which_nobody_buys():
    def learn(_train, _allowed):
        raise AssertionError

    report = _report([(1, 10, 0), (2, 11, 15)], {ComparedMethod.SYSTEM: learn}, cuts=[12])[Task.NEW]
    assert report.customers == 0
    assert report.best is None
    assert report.verdict == "There was nothing to find for any customer."


def test_progress_counts_the_methods():
    lines = sale_lines([(1, 10, 0), (2, 11, 0), (1, 11, 15)])
    split = time_split(lines, cut=12 * DAY_MICROSECONDS, end=20 * DAY_MICROSECONDS, half_life_days=30)
    calls = []
    learners = {ComparedMethod.POPULAR: _always(0), ComparedMethod.SYSTEM: _always(1)}
    judge(lines, split, learners, never=Keys.of(), progress=lambda *call: calls.append(call))
    assert calls == [(1, 2), (2, 2)]


def _task(figures, customers=100):
    """A task with these methods: nDCG and the interval of the system's lead."""
    return TaskReport(
        Task.NEW,
        is_configured=True,
        customers=customers,
        customers_by_segment={},
        methods=tuple(
            MethodReport(method, Figure(ndcg, 0, 1), NOTHING, NOTHING, 1, 1, {}, lead and Figure(0, *lead))
            for method, (ndcg, lead) in figures.items()
        ),
    )


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        (
            {
                ComparedMethod.POPULAR: (0.1, (0.1, 0.3)),
                ComparedMethod.ALS: (0.2, (0.01, 0.2)),
                ComparedMethod.SYSTEM: (0.3, None),
            },
            "Best is the configured system, beyond noise better than every other method.",
        ),
        (
            {
                ComparedMethod.POPULAR: (0.1, (0.1, 0.3)),
                ComparedMethod.ALS: (0.3, (0, 0)),
                ComparedMethod.SYSTEM: (0.3, None),
            },
            "Best is the configured system, but not beyond noise better than ALS as configured.",
        ),
        (
            {ComparedMethod.POPULAR: (0.31, (-0.02, 0.01)), ComparedMethod.SYSTEM: (0.3, None)},
            "Best is popular as published, but not beyond noise better than the configured system.",
        ),
        (
            {ComparedMethod.OWN_HABIT: (0.5, (-0.3, -0.1)), ComparedMethod.SYSTEM: (0.3, None)},
            f"Best is the customer's habit, {BETTER}.",
        ),
        (
            {
                ComparedMethod.OWN_HABIT: (0.5, (-0.5, 0.1)),
                ComparedMethod.ALS: (0.4, (-0.1, -0.05)),
                ComparedMethod.SYSTEM: (0.3, None),
            },
            f"Best is the customer's habit; {BETTER} is ALS as configured.",
        ),
        (
            {
                ComparedMethod.OWN_HABIT: (0.5, (-0.3, -0.1)),
                ComparedMethod.POPULAR: (0.1, (0.1, 0.3)),
                ComparedMethod.ITEM_TO_ITEM: (0.45, (-0.2, -0.1)),
                ComparedMethod.ALS: (0.4, (-0.2, -0.05)),
                ComparedMethod.SYSTEM: (0.3, None),
            },
            f"Best is the customer's habit, {BETTER}, as are item to item and ALS as configured.",
        ),
    ],
)
def test_the_verdict_in_words(figures, verdict):
    assert _task(figures).verdict == verdict


def test_of_a_few_customers_nothing_is_claimed_beyond_noise():
    figures = {ComparedMethod.POPULAR: (0.1, (0.1, 0.3)), ComparedMethod.SYSTEM: (0.3, None)}
    assert "beyond noise" in _task(figures, customers=30).verdict
    few = _task(figures, customers=29).verdict
    assert few == (
        "Best here is the configured system, but chance decides among 29 customers: 30 are needed to tell."
    )


def test_one_customer_has_a_figure_and_no_interval():
    """The bootstrap draws that one again and again: an interval without width, as if all were known."""
    sales = [(1, 1, 1), (1, 2, 2), (1, 1, 11)]
    reports = _report(
        sales, {ComparedMethod.POPULAR: _always(0, 1), ComparedMethod.SYSTEM: _always(1, 0)}, cuts=[10]
    )
    for method in reports[Task.ALL].methods:
        assert method.ndcg.value is not None
        assert (method.ndcg.low, method.ndcg.high) == (None, None)


def test_the_system_at_a_cut_is_what_the_night_published(tmp_path):
    items = list(range(100, 124))
    sales = tastes(range(1, 31), items)
    sales = [*sales, *((31, item, DAY - timedelta(days=150)) for item in items)]  # each is sold in time
    shop = make_shop(
        tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", sales, dict.fromkeys(items, True)
    )
    shop.set(NEVER_RECOMMEND="never.txt")
    (shop.folder / "never.txt").write_text("105\n106\n", encoding="utf-8")
    shop.does("init", "--yes")
    day = DAY - timedelta(days=40)
    shop.night(DAY)
    lines = _lines(shop)
    shop.night(day, "--force")
    settings = load_settings({}, shop.env_file)
    cut = microseconds(local_midnight(day + timedelta(days=1), settings.shop_timezone))
    split = time_split(lines, cut=cut, end=lines.newest + 1, half_life_days=settings.half_life_days)
    train = split.train
    trained = trainer(settings, threads=1)
    never = Keys.of([105, 106])
    decided = decider(settings, lines, never=never, threads=1)
    system = configured_system(settings, trained, decided, never=never, threads=1)
    assert len(split.users) > 3
    found = {
        train.user_ids[int(user)]: [train.item_ids[int(item)] for item in row if item >= 0]
        for user, row in zip(split.users, system(train, split.users, True), strict=True)
    }
    published = shop.lists()
    assert found == {customer: published[customer] for customer in found}


def test_what_is_told_of_a_past_night_is_what_that_night_decided(tmp_path):
    shop = _coming_back(tmp_path, REPEAT_PURCHASES="include", NIGHTLY_PROOF="on")
    day = DAY - timedelta(days=20)
    shop.night(DAY)
    lines = _lines(shop)
    run = shop.night(day, "--force")
    settings = load_settings({}, shop.env_file)
    cut = microseconds(local_midnight(day + timedelta(days=1), settings.shop_timezone))
    decided = decider(settings, lines, never=Keys.of(), threads=1)
    told = choice_report(decided(cut, Task.ALL), exclude_seen=False)
    recorded, proved = run.manifest.choice, json.loads(run.path(EVALUATION).read_bytes())
    assert recorded is not None
    assert (told.contestant, told.why, told.trials) == (recorded.contestant, recorded.why, 2)
    assert {each.name: each.ndcg for each in told.contestants} == pytest.approx(
        {
            name: (recorded.trials[0]["ndcg"][name] + recorded.trials[1]["ndcg"][name]) / 2
            for name in recorded.trials[0]["ndcg"]
        }
    )
    assert told.learned_from_newest == (recorded.weights != recorded.proved_weights)
    assert told.method == run.manifest.method
    assert run.manifest.quality == {"ndcg": told.ndcg, "baseline_ndcg": told.baseline_ndcg}
    assert {str(method): lead.value for method, lead in told.leads.items()} == {
        method: proved["methods"][method]["blend_lead"] for method in ("own_habit", "popular")
    }


def _lines(shop):
    path = shop.last_run.sales_path()
    return load_sale_lines(path, customer_kind=KeyKind.INTEGER, item_kind=KeyKind.INTEGER)


def test_no_method_looks_ahead_or_shows_what_it_may_not(shop):
    shop.night()
    lines = _lines(shop)
    settings = load_settings({}, shop.env_file)
    trained = trainer(settings, threads=1)
    never = Keys.of([102, 107])
    system = partial(
        configured_system,
        settings,
        trained,
        decider(settings, lines, never=never, threads=1),
        never=never,
        threads=1,
    )
    rule = Rule(RuleKind.NEVER, item="103", list_name="recommendations")
    compared = methods(
        system=system(
            rules=ShopRules((rule,)),
            catalogue=load_catalogue(shop.last_run.path(ITEMS), item_kind=KeyKind.INTEGER),
        ),
        without_rules=system(),
        trained=trained,
        n=5,
        seed=1,
        threads=1,
    )
    assert [*compared] == [*ComparedMethod]
    ((cut, end),) = windows(lines.newest, int(lines.times.min()), days=60, most=1)
    split = time_split(lines, cut=cut, end=end, half_life_days=60)
    allowed = never.find(split.train.item_ids) < 0
    left_out = split.train.item_ids.find_each([103])[0]
    for method, learn in compared.items():
        rank = learn(split.train, allowed)
        for task in Task:
            lists = rank(split.users, task)
            if lists is None:
                assert (method, task) == (ComparedMethod.OWN_HABIT, Task.NEW)
                continue
            assert lists.shape == (len(split.users), 5)
            for user, row in zip(split.users, lists, strict=True):
                shown = row[row >= 0].tolist()
                assert len(set(shown)) == len(shown)
                assert allowed[shown].all()
                if method is ComparedMethod.SYSTEM:
                    assert left_out not in shown
                if task is Task.NEW:
                    assert not set(shown) & set(split.train.weights[user].indices.tolist())


# What was chosen

RECIPE = recipe_of(load_settings({}, shop=False), never=Keys.of(), exclude_seen=True, threads=1)
UNPROVED = Proof(method=Method.POPULAR, why="Too few.", ndcg=None, baseline_ndcg=None, details={})


def _decision(*trials, won="defaults", proof=UNPROVED, weights=None):
    """A night with such trials: customers, nDCG of the one that won and of the others, lead and its error."""
    choice = default_choice(RECIPE, n_sales=0, run_id="", as_of_day="", why="since it is so")
    names = [each.name for each in contestants(exclude_seen=True)]
    records = [
        {
            "begin": "",
            "end": "",
            "customers": customers,
            "ndcg": dict.fromkeys(names, others) | {won: best},
            "leads": {"popular": {"mean": mean, "error": error}},
        }
        for customers, best, others, mean, error in trials
    ]
    changed = {"trials": records, "contestant": won, "weights": choice.weights | (weights or {})}
    return Decision(msgspec.structs.replace(choice, **changed), proof)


def test_of_the_contestants_the_mean_over_their_windows_is_told():
    won = "lambdarank, item-to-item over 180 days"
    decision = _decision((50, 0.4, 0.3, 0.1, 0.03), (30, 0.1, 0.15, 0.2, 0.04), won=won)
    told = choice_report(decision, exclude_seen=True)
    assert told.trials == 2
    assert told.words == "LambdaRank, item-to-item over 180 days"
    assert [each.short_words for each in told.contestants] == [
        *("the defaults", "logit, 60 days", "LambdaRank, 60 days"),
        *("logit, 180 days", "LambdaRank, 180 days"),
    ]
    assert [each.ndcg for each in told.contestants] == pytest.approx([0.225] * 4 + [0.25])
    assert [each.is_chosen for each in told.contestants] == [False] * 4 + [True]
    # The error of the mean of two is half the root of .03² + .04², which is .05.
    lead = told.leads[Method.POPULAR]
    assert (lead.value, lead.low, lead.high) == pytest.approx(
        (0.15, 0.15 - 1.96 * 0.025, 0.15 + 1.96 * 0.025)
    )
    assert (told.method, told.proof, told.learned_from_newest) == (Method.POPULAR, "Too few.", False)


def test_the_lead_is_the_one_that_the_proof_went_by():
    details = {"methods": {"als": {"ndcg": 1}, "popular": {"blend_lead": 0.5, "blend_lead_error": 0.1}}}
    proof = dataclasses.replace(UNPROVED, method=Method.BLEND, why="", details=details)
    told = choice_report(_decision((50, 0.4, 0.3, 0.1, 0.03), proof=proof), exclude_seen=True)
    assert told.leads == {Method.POPULAR: Figure(0.5, 0.5 - 1.96 * 0.1, 0.5 + 1.96 * 0.1)}


def test_a_window_of_a_few_customers_has_no_say_in_the_lead():
    told = choice_report(_decision((29, 0.4, 0.3, 0.1, 0), (30, 0.4, 0.3, 0.3, 0.1)), exclude_seen=True)
    assert told.leads[Method.POPULAR].value == pytest.approx(0.3)
    assert choice_report(_decision((29, 0.4, 0.3, 0.1, 0)), exclude_seen=True).leads == {}


def test_where_nobody_competed_the_sentence_says_why():
    told = choice_report(_decision(), exclude_seen=True)
    assert (told.words, told.contestants, told.leads, told.trials) == ("since it is so", (), {}, 0)


def test_weights_that_differ_from_the_proved_ones_know_the_newest_weeks():
    told = choice_report(_decision(weights={"als": 9.0}), exclude_seen=True)
    assert told.learned_from_newest


# The command


def _coming_back(folder: Path, **settings):
    """Forty customers buy their own item each week, and nothing else for most of the time."""
    sales = [
        (customer, 100 + customer % 20, DAY - timedelta(days=7 * week + customer % 7))
        for customer in range(1, 41)
        for week in range(20)
    ]
    sales += [(c, 100 + (c + 2) % 20, DAY - timedelta(days=130 - 6 * c)) for c in range(1, 21)]
    shop = make_shop(
        folder / "shop",
        f"sqlite:///{folder / 'shop.db'}",
        sales,
        dict.fromkeys(range(100, 120), True),
        **settings,
    )
    shop.does("init", "--yes")
    return shop


FIGURE = {"value", "low", "high"}
CHOICE = {
    *("contestant", "why", "trials", "contestants", "leads", "learned_from_newest", "method", "proof"),
    *("ndcg", "baseline_ndcg"),
}


def test_the_json_has_stable_names(tmp_path):
    shop = _coming_back(tmp_path)
    run = shop.night()
    report = json.loads(shop.does("evaluate", "--json"))
    assert report.keys() == {"run_id", "top_n", "days", "windows", "notes", "tasks"}
    assert (report["run_id"], report["top_n"], report["days"]) == (run.run_id, 5, 28)
    assert len(report["windows"]) == 3
    assert all(w.keys() == {"begin", "end", "sales_before", "customers"} for w in report["windows"])
    assert [task["task"] for task in report["tasks"]] == ["new", "all"]
    for task in report["tasks"]:
        assert task.keys() == {
            *("task", "is_configured", "customers", "customers_by_segment", "methods", "choices"),
            *("best", "verdict", "rules_cost"),
        }
        assert task["rules_cost"] is None
        assert len(task["choices"]) == 3
        assert all(choice.keys() == CHOICE for choice in task["choices"] if choice)
        ruleless = [str(method) for method in ComparedMethod if method is not ComparedMethod.WITHOUT_RULES]
        assert [m["method"] for m in task["methods"]] == ruleless
        for method in task["methods"]:
            assert method.keys() == {
                *("method", "ndcg", "recall", "hit_rate", "coverage", "full_lists"),
                *("ndcg_by_segment", "system_lead"),
            }
            assert method["ndcg"].keys() == method["recall"].keys() == method["hit_rate"].keys() == FIGURE
            assert method["ndcg_by_segment"].keys() == {"new", "occasional", "regular"}


def test_who_buys_the_same_each_week_is_foretold_by_the_habit(tmp_path):
    shop = _coming_back(tmp_path, REPEAT_PURCHASES="include")
    shop.night()
    report = json.loads(shop.does("evaluate", "--json"))
    first, second = report["tasks"]
    assert (first["task"], first["is_configured"]) == ("all", True)
    assert (second["task"], second["is_configured"]) == ("new", False)
    habit = next(m for m in first["methods"] if m["method"] == "own_habit")
    assert first["customers"] == 40
    assert habit["ndcg"]["value"] > 0.95
    assert second["methods"][3]["ndcg"] == {"value": None, "low": None, "high": None}


def test_any_number_of_threads_gives_the_same_figures(tmp_path):
    shop = _coming_back(tmp_path)
    shop.night()
    assert shop.does("evaluate", "--json") == shop.set(THREADS=2).does("evaluate", "--json")


def test_what_is_shown(tmp_path):
    shop = _coming_back(tmp_path)
    shop.night()
    text = shop.does("evaluate", "--windows", "2")
    assert text.startswith("Judged by what customers bought, with the sales of the run 20")
    lines = text.splitlines()
    assert text.index("New items (your setting, REPEAT_PURCHASES=exclude): ") < text.index("All items, ")
    assert next(line.split()[:3] for line in lines if " to " in line) == ["2026-02-01", "to", "2026-03-01"]
    assert sum(line.startswith("  the configured system ") for line in lines) == 4
    assert any(line.split()[-1] == "–" for line in lines if "habit" in line)  # noqa: RUF001 - no figure
    assert sum(line.startswith("  Best ") for line in lines) == 2
    (count,) = re.findall(r"Note: Only (\d+) customers could be judged", text)
    assert f"REPEAT_PURCHASES=exclude): {count} customers" in text


def _shown(text, heading):
    """The part of the text on what was chosen in one task: the rows of the table, the lines below it."""
    part = text[text.index(heading) :]
    rest = part[part.index("would have chosen:") :].split("\n\n")[0].splitlines()[1:]
    table = list(itertools.takewhile(lambda line: not re.match(r"  \d{4}-", line), rest))
    return table, rest[len(table) :]


@pytest.mark.parametrize(("heading", "task", "ways"), [("All items", 0, 9), ("New items", 1, 5)])
def test_every_way_to_the_weights_is_shown_and_which_was_chosen(tmp_path, heading, task, ways):
    shop = _coming_back(tmp_path, REPEAT_PURCHASES="include", NIGHTLY_PROOF="on")
    shop.night()
    choices = json.loads(shop.does("evaluate", "--json"))["tasks"][task]["choices"]
    (head, *rows), lines = _shown(shop.does("evaluate"), heading)
    assert head.split()[-3:] == ["2026-02-01", "2026-01-04", "2025-12-07"]
    assert len(rows) == len({row[:40] for row in rows}) == ways
    assert max(map(len, [head, *rows])) <= 80
    for place, choice in enumerate(choices):
        figures = [each["ndcg"] for each in choice["contestants"]]
        (won,) = [n for n, each in enumerate(choice["contestants"]) if each["is_chosen"]]
        assert choice["contestant"] == choice["contestants"][won]["name"]
        assert figures[won] == max(figures)
        shown = [re.findall(r"(\* )?(\d\.\d{4})", row)[place] for row in rows]
        assert [figure for _, figure in shown] == [f"{figure:.4f}" for figure in figures]
        assert [bool(mark) for mark, _ in shown] == [n == won for n in range(ways)]
        days = f" over {choice['contestants'][won]['item_to_item_days']:g} days;" if won else "the defaults;"
        line = next(line for line in lines if line.startswith(f"  {head.split()[place - 3]}: "))
        assert days in line
        assert line.endswith(f"published by: {choice['method'].replace('_', ' ')}")
        assert not choice["proof"] or f"    {choice['proof']}" in lines


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"NIGHTLY_PROOF": "off"}, "the defaults: NIGHTLY_PROOF is off; published by: blend"),
        (
            {"NIGHTLY_PROOF": "on", "TUNE_BUDGET": 1},
            "the defaults: to learn others takes 2 trainings, 1 are allowed; published by: popular",
        ),
    ],
)
def test_where_nothing_competes_it_is_told_why(tmp_path, settings, why):
    shop = _coming_back(tmp_path, **settings)
    shop.night()
    table, lines = _shown(shop.does("evaluate"), "New items")
    assert table == []
    assert f"  2026-02-01: {why}" in lines
    for task in json.loads(shop.does("evaluate", "--json"))["tasks"]:
        assert [choice["contestants"] for choice in task["choices"]] == [[], [], []]


def test_in_weeks_without_customers_nothing_is_chosen(tmp_path):
    sales = [
        (customer, 100 + (customer + week) % 7, DAY - timedelta(days=7 * week + customer % 7))
        for customer in range(1, 41)
        for week in range(20)
        if not 4 <= week < 8
    ]
    shop = make_shop(
        tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", sales, dict.fromkeys(range(100, 107), True)
    )
    choices = json.loads(shop.does("evaluate", "--json"))["tasks"][1]["choices"]
    assert [choice is None for choice in choices] == [False, True, False]
    _, lines = _shown(shop.does("evaluate"), "All items")
    assert lines[1] == "  2026-01-04: nobody to judge by"


def test_without_a_run_the_sales_are_read_and_nothing_is_left(tmp_path):
    shop = _coming_back(tmp_path)
    before = shop.dump()
    fresh = json.loads(shop.does("evaluate", "--json"))
    assert fresh["run_id"] is None
    assert shop.dump() == before
    assert [*(shop.folder / "var").iterdir()] == []
    run = shop.night()
    shop.execute("DELETE FROM sales WHERE customer_id > 20")
    of_run = json.loads(shop.does("evaluate", "--json"))
    assert of_run["run_id"] == run.run_id
    assert {**of_run, "run_id": None} == fresh
    again = json.loads(shop.does("evaluate", "--json", "--fresh"))
    assert again["run_id"] is None
    assert again["tasks"][1]["customers"] == 20
    assert {path.name for path in (shop.folder / "var").iterdir()} <= {"lock", "runs"}


def test_a_run_whose_sales_are_gone_is_passed_over(tmp_path):
    shop = _coming_back(tmp_path)
    old = shop.night(DAY - timedelta(days=1))
    newest = shop.night()
    newest.sales_path().unlink()
    assert json.loads(shop.does("evaluate", "--json"))["run_id"] == old.run_id


def test_a_young_shop_has_fewer_windows_and_is_told(tmp_path):
    shop = _coming_back(tmp_path)
    shop.night()
    text = shop.does("evaluate", "--days", "40")
    assert "Note: The sales reach over 139 days, enough for 2 windows of 40 days; 3 need 160." in text


def test_too_young_a_shop_is_told_how_much_is_missing(tmp_path):
    shop = _coming_back(tmp_path)
    shop.night()
    line = shop.fails(ExitCode.REFUSED, "evaluate", "--days", "100")
    assert "reach over 139 days" in line
    assert "need 200: 61 days are missing" in line


def test_a_shop_to_which_nobody_comes_back_has_nothing_to_judge_by(tmp_path):
    sales = [(customer, 100 + customer % 3, DAY - timedelta(days=customer)) for customer in range(100)]
    shop = make_shop(
        tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", sales, dict.fromkeys(range(100, 103), True)
    )
    assert "No customer who was known before" in shop.fails(ExitCode.REFUSED, "evaluate")
    assert [*(shop.folder / "var").iterdir()] == []


def test_a_shop_without_sales(tmp_path):
    shop = make_shop(
        tmp_path / "shop",
        f"sqlite:///{tmp_path / 'shop.db'}",
        [(1, 100, date(1990, 1, 1))],
        {100: True},
    )
    shop.execute("DELETE FROM sales")
    assert "56 days are missing" in shop.fails(ExitCode.REFUSED, "evaluate")


@pytest.mark.parametrize("option", [["--days", "0"], ["--windows", "0"], ["--days", "many"]])
def test_a_wrong_option_is_refused(shop, option):
    assert option[0] in shop.fails(ExitCode.SETTINGS, "evaluate", *option)
