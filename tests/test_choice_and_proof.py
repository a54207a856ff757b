"""What is chosen and published by the shop's own past: on shops whose truth is known."""

import dataclasses
import json
from datetime import date, timedelta

import numpy as np
import pytest
from msgspec import structs

from recommender.errors import ExitCode
from recommender.evaluation import choice as choice_module
from recommender.evaluation import decision as decision_module
from recommender.evaluation.bootstrap import FEWEST_CUSTOMERS
from recommender.evaluation.choice import MOST_DAYS, Choice, choices_of, choose, shared
from recommender.evaluation.contestants import DEFAULTS, contestants
from recommender.evaluation.decision import decide
from recommender.evaluation.past import Recipe, look_back, moment_text, past_windows, window_days
from recommender.evaluation.proof import newest_window, prove
from recommender.evaluation.simple import Lead, simple_methods, weights_for
from recommender.learning.als import AlsSettings
from recommender.learning.interactions import SaleLines
from recommender.learning.neighbours import VARIANTS
from recommender.learning.weights import Choices, default_weights, weights_of
from recommender.runs.keys import Keys
from recommender.runs.manifest import Method
from recommender.system.times import DAY_MICROSECONDS
from tests.nights import DAY, usual_shop

ALS = AlsSettings(factors=8, regularization=1.0, iterations=5, alpha=5.0, seed=1)
NEW = Recipe(
    als=ALS, half_life_days=60.0, exclude_seen=True, publish_guests=False, never=Keys.of(), n=5, threads=1
)
ALL = dataclasses.replace(NEW, exclude_seen=False)


def _lines(users, items, days, n_items):
    """Sale lines of customers and items numbered from 0, bought once on each of these days."""
    codes = np.unique(np.stack([users, items, days]), axis=1)
    return SaleLines(
        user_ids=Keys.of(range(int(users.max()) + 1)),
        item_ids=Keys.of(range(n_items)),
        users=codes[0].astype(np.int32),
        items=codes[1].astype(np.int32),
        times=codes[2].astype(np.int64) * DAY_MICROSECONDS,
        quantities=np.ones(codes.shape[1]),
        begins=np.ones(codes.shape[1], bool),
    )


def _with_tastes(n_users=400, n_items=80, days=160, seed=1):
    """Every customer buys items of one of four kinds, now and then, and no item is popular with all."""
    rng = np.random.default_rng(seed)
    n = n_users * 14
    users = rng.integers(0, n_users, n)
    items = rng.integers(0, n_items // 4, n) * 4 + users % 4
    return _lines(users, items, rng.integers(0, days, n), n_items)


def _of_one_time_buyers(n_users=900, n_items=60, days=160, seed=1):
    """Who hardly ever comes back, and buys by no other rule than that some items are more popular."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, n_items + 1)
    users = np.repeat(np.arange(n_users), rng.choice([1, 1, 1, 2], n_users))
    items = rng.choice(n_items, len(users), p=share / share.sum())
    return _lines(users, items, rng.integers(0, days, len(users)), n_items)


def _prove(lines, blend, recipe, **more):
    return prove(lines, newest_window(lines, recipe, VARIANTS[0]), blend, recipe, **more)


@pytest.fixture(scope="module")
def shop():
    return _with_tastes()


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'shop.db'}"


def test_lists_that_follow_the_taste_are_published_with_their_figures(shop):
    proof = _prove(shop, default_weights(exclude_seen=True), NEW)
    assert proof.method is Method.BLEND
    assert proof.why == ""
    # Of the 80 items 20 are of the customer's kind, so what is popular hits a quarter as often.
    assert proof.ndcg is not None
    assert proof.baseline_ndcg is not None
    assert proof.ndcg > 2 * proof.baseline_ndcg
    assert proof.details["customers"] > 250
    popular = proof.details["methods"]["popular"]
    assert popular["ndcg"] == proof.baseline_ndcg
    assert popular["low"] < popular["ndcg"] < popular["high"]
    assert popular["minus_blend_high"] < 0


def test_a_blend_that_is_clearly_worse_is_not_published(shop):
    against_all_reason = -default_weights(exclude_seen=True)
    proof = _prove(shop, against_all_reason, NEW)
    assert proof.method is Method.ALS
    assert "clearly better than the blend" in proof.why
    assert proof.ndcg == proof.details["methods"]["als"]["ndcg"]
    assert weights_for(proof.method, against_all_reason).tolist() == weights_of({"als": 1}).tolist()


def test_where_repeats_are_shown_habit_is_a_baseline(shop):
    proof = _prove(shop, weights_of({"ever": 1.0}), ALL)
    figures = proof.details["methods"]
    assert set(figures) == {"blend", "als", "popular", "own_habit"}
    assert proof.baseline_ndcg == max(figures["popular"]["ndcg"], figures["own_habit"]["ndcg"])
    assert proof.method is not Method.BLEND


@pytest.mark.parametrize(("exclude_seen", "method"), [(True, Method.POPULAR), (False, Method.OWN_HABIT)])
def test_what_cannot_be_proved_is_not_shown_and_the_owner_is_told_what_is_missing(exclude_seen, method):
    few = _with_tastes(n_users=20)
    blend = default_weights(exclude_seen=exclude_seen)
    proof = _prove(few, blend, dataclasses.replace(NEW, exclude_seen=exclude_seen))
    assert proof.method is method
    assert "30 are needed" in proof.why
    assert (proof.ndcg, proof.baseline_ndcg) == (None, None)
    young = _with_tastes(days=10)
    proof = _prove(young, blend, dataclasses.replace(NEW, exclude_seen=exclude_seen))
    assert proof.method is method
    assert "at least two weeks of sales are needed" in proof.why


@pytest.mark.parametrize(("days", "length", "count"), [(160, 28, 4), (100, 14, 4), (40, 7, 4), (13, 7, 0)])
def test_young_shops_have_shorter_windows(days, length, count):
    lines = _with_tastes(n_users=50, days=days)
    assert window_days(lines) == length
    found = past_windows(lines, most=4)
    assert len(found) == count
    assert all(end - cut == length * DAY_MICROSECONDS for cut, end in found)


def _learned(lines, *, budget=2, **other):
    recipe = dataclasses.replace(NEW, **other)
    return choose(lines, recipe, budget=budget, run_id="r", as_of_day="2026-03-01")


def _choose(lines, *, budget=2, **other):
    return _learned(lines, budget=budget, **other).choice


def _decide(lines, recipe=NEW, *, kept=None, budget=2, **more):
    return decide(lines, recipe, kept=kept, budget=budget, run_id="r", as_of_day="2026-03-01", **more)


@pytest.fixture(scope="module")
def choice(shop):
    return _choose(shop)


def _means(choice):
    return {
        name: float(np.mean([trial["ndcg"][name] for trial in choice.trials]))
        for name in choice.trials[0]["ndcg"]
    }


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_of_all_ways_the_one_with_the_best_mean_has_won(shop, exclude_seen):
    found = _choose(shop, exclude_seen=exclude_seen)
    every = {each.name: each for each in contestants(exclude_seen=exclude_seen)}
    assert len(found.trials) == 2
    assert all({*trial["ndcg"]} == {*every} for trial in found.trials)
    means = _means(found)
    assert found.contestant is not None
    assert means[found.contestant] == pytest.approx(max(means.values()), abs=1e-6)
    assert found.learned == (found.contestant != "defaults")
    assert found.neighbour_settings == every[found.contestant].neighbours
    assert found.contestant in found.why
    # In a shop of tastes its past teaches more than the defaults know, and than what is popular.
    assert found.learned
    assert means[found.contestant] > means["defaults"]
    assert all(lead.mean > 0 for lead in found.leads[Method.POPULAR])


def test_no_two_ways_are_one_and_the_first_are_the_defaults():
    for exclude_seen, count in ((True, 5), (False, 9)):
        every = contestants(exclude_seen=exclude_seen)
        assert every[0] is DEFAULTS
        assert len({*every}) == len({each.name for each in every}) == count
        assert any(each.habit_in_parts for each in every) is not exclude_seen
        # Each learns what its name says; the fixed weights stay as they are by default.
        for each in every[1:]:
            assert each.name.startswith(str(each.objective))
            free = each.free(dataclasses.replace(NEW, exclude_seen=exclude_seen))
            assert free.any()


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        # The best mean wins, also where it lost a window.
        (([0.1, 0.5, 0.2, 0.2, 0.2], [0.2, 0.1, 0.2, 0.2, 0.2]), 1),
        (([0.1, 0.1, 0.2, 0.2, 0.4], [0.1, 0.1, 0.2, 0.3, 0.2]), 4),
        (([0.1, 0.1, 0.1, 0.4, 0.2], [0.1, 0.1, 0.2, 0.3, 0.2]), 3),
        # Of equal ones the first, which are the defaults.
        (([0.2, 0.1, 0.2, 0.2, 0.3], [0.2, 0.1, 0.2, 0.2, 0.1]), 0),
        (([0.3, 0.3, 0.3, 0.3, 0.3], [0.1, 0.1, 0.1, 0.1, 0.1]), 0),
        (([0.5, 0.4, 0.4, 0.4, 0.4], [0.1, 0.1, 0.1, 0.1, 0.1]), 0),
    ],
)
def test_the_best_mean_wins(shop, monkeypatch, rows, place):
    def figures(every, told, _recipe, _progress):
        assert len(every) == len(rows[0])
        return [
            [np.full(window.n_judged, value) for value in row] for window, row in zip(told, rows, strict=True)
        ]

    monkeypatch.setattr(choice_module, "_compete", figures)
    found = _choose(shop)
    winner = contestants(exclude_seen=True)[place]
    assert found.contestant == winner.name
    assert found.neighbour_settings == winner.neighbours
    assert found.learned is (place > 0)
    defaults = default_weights(exclude_seen=True).tolist()
    assert (found.blend.tolist() == defaults) is (place == 0)
    assert found.weights == found.proved_weights
    for trial, row in zip(found.trials, rows, strict=True):
        assert [*trial["ndcg"].values()] == pytest.approx(row)
    popular = [trial["leads"]["popular"]["mean"] for trial in found.trials]
    assert popular[0] - popular[1] == pytest.approx(
        (rows[0][place] - rows[1][place]) - (_popular(shop, 0) - _popular(shop, 1)), abs=1e-6
    )


def _popular(shop, place):
    """nDCG of what is popular on one of the windows that are chosen on."""
    looked = look_back(shop, past_windows(shop, most=3)[1:][place], NEW, VARIANTS[:1], most_customers=1000)
    assert looked is not None
    return float(looked.past.ndcg(weights_of({}), NEW).mean())


def test_each_way_is_judged_on_each_window_by_what_the_other_has_taught(shop, choice):
    windows = past_windows(shop, most=3)[1:]
    told: list[Choices] = []
    model = None
    for window in windows[::-1]:  # each model begins with that of the window before
        looked = look_back(shop, window, NEW, VARIANTS, most_customers=1000, start=model)
        assert looked is not None
        told.insert(0, choices_of(looked.past, NEW))
        model = looked.model
    for held, taught in ((0, 1), (1, 0)):
        for each in contestants(exclude_seen=True):
            weights = each.weights([told[taught].by(each.variant)], NEW)
            expected = told[held].by(each.variant).ndcg(weights, NEW.n).mean()
            # The search for the same minimum began elsewhere.
            assert choice.trials[held]["ndcg"][each.name] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("budget", "why"), [(0, "0 are allowed"), (1, "1 are allowed")])
def test_no_budget_leaves_the_defaults(shop, budget, why):
    found = _choose(shop, budget=budget)
    assert not found.learned
    assert why in found.why
    assert found.blend.tolist() == default_weights(exclude_seen=True).tolist()


def test_too_short_a_past_leaves_the_defaults():
    found = _choose(_with_tastes(n_users=60, days=20))
    assert not found.learned
    assert "2 past windows in which known customers bought, there are 0" in found.why


def _in_seasons(returning, *, n_users=60):
    """Customers who come once each, spread over a year, and some who come back a week before its end."""
    users = np.arange(n_users)
    days = users * 6
    back = np.arange(returning)
    came_back = np.full(returning, days.max() - 7)
    return _lines(np.append(users, back), np.append(users % 7, (back + 3) % 7), np.append(days, came_back), 7)


@pytest.mark.parametrize("returning", [0, 1, 2])
@pytest.mark.parametrize("recipe", [NEW, ALL])
def test_a_past_in_which_hardly_anybody_came_back_leaves_the_defaults(recipe, returning):
    lines = _in_seasons(returning)
    assert len(past_windows(lines, most=4)) == 4
    found = _choose(lines, exclude_seen=recipe.exclude_seen)
    assert not found.learned
    assert found.trials == []
    assert found.blend.tolist() == default_weights(exclude_seen=recipe.exclude_seen).tolist()
    assert "2 past windows in which known customers bought, there are 0" in found.why
    proof = _prove(lines, found.blend, recipe, warm_days=7)
    assert (proof.method, proof.ndcg, proof.drift) == (
        Method.POPULAR if recipe.exclude_seen else Method.OWN_HABIT,
        None,
        None,
    )
    assert f"{returning} known customers" in proof.why


def test_windows_without_anybody_have_no_say():
    """A shop with a winter, in which one window has no sale of a known customer."""
    lines = _with_tastes(days=300)
    windows = past_windows(lines, most=5)[1:]
    cut, end = windows[1]
    stay = (lines.times < cut) | (lines.times >= end)
    winter = dataclasses.replace(
        lines,
        **{name: getattr(lines, name)[stay] for name in ("users", "items", "times", "quantities", "begins")},
    )
    assert look_back(winter, windows[1], NEW, VARIANTS, most_customers=100) is None
    found = _choose(winter, budget=4)
    assert [trial["begin"] for trial in found.trials] == [
        moment_text(begin) for begin, _ in windows if begin != cut
    ]


def test_a_cold_training_from_nothing_at_all_is_measured_too():
    """Half of the newest window's length before it there was no shop, from which the drift begins."""
    lines = _with_tastes(days=20)
    proof = _prove(lines, default_weights(exclude_seen=True), NEW, warm_days=12)
    assert proof.drift is not None
    assert proof.drift.ndcg_warm >= 0


def test_the_same_sales_give_the_same_choice_for_any_number_of_threads(shop, choice):
    assert _choose(shop, threads=3) == choice


def _with_another_newest(shop):
    """The same sales but for the newest window, in which everybody bought other items."""
    newest = shop.times >= past_windows(shop, most=1)[0][0]
    other = dataclasses.replace(shop, items=np.where(newest, 79 - shop.items, shop.items).astype(np.int32))
    assert other.items.tolist() != shop.items.tolist()
    return other


def test_the_newest_window_has_no_say_in_what_is_proved_and_it_has_in_what_is_published(
    shop, choice, monkeypatch
):
    other = _with_another_newest(shop)
    assert _choose(other) == choice
    monkeypatch.setattr(choice_module, "_LEAST_SHARED", 0)
    one, another = _decide(shop).choice, _decide(other).choice
    assert one.proved_weights == another.proved_weights == choice.weights
    assert choice.weights != one.weights != another.weights != choice.weights
    # Nothing else of the choice has changed by it.
    assert structs.replace(one, weights=choice.weights) == choice


def test_published_weights_are_those_learned_from_all_windows(shop):
    lesson = _learned(shop)
    found = _decide(shop).choice
    newest = newest_window(shop, NEW, lesson.choice.neighbour_settings).past
    assert newest is not None
    told = [*lesson.told, choices_of(newest, NEW)]
    assert found.blend.tolist() == lesson.contestant.weights(told, NEW).tolist()
    lists = [newest.lists(weights, NEW) for weights in (found.proved, found.blend)]
    assert shared(*lists) >= 0.5


def test_weights_that_would_give_very_different_lists_are_not_published(shop, choice, monkeypatch):
    monkeypatch.setattr(choice_module, "shared", lambda *_: 0.49)
    assert _decide(shop).choice == choice
    monkeypatch.setattr(choice_module, "shared", lambda *_: 0.5)
    found = _decide(shop).choice
    assert found.weights != found.proved_weights == choice.weights


def test_the_proof_measures_the_weights_that_do_not_know_the_window(shop, choice, monkeypatch):
    monkeypatch.setattr(choice_module, "_LEAST_SHARED", 0)
    decision = _decide(shop)
    newest = newest_window(shop, NEW, choice.neighbour_settings)
    assert newest.past is not None
    expected = newest.past.ndcg(choice.blend, NEW).mean()
    assert decision.proof.details["methods"]["blend"]["ndcg"] == pytest.approx(expected, abs=1e-6)


def test_lists_have_in_common_what_is_in_both():
    one = np.array([[1, 2, 3], [4, -1, -1], [-1, -1, -1]])
    assert shared(one, one) == 1
    assert shared(one, one[:, ::-1]) == 1
    assert shared(one, np.array([[3, 9, 8], [7, -1, -1], [5, 6, 7]])) == 1 / 4
    assert shared(np.full((2, 3), -1), one[:2]) == 0


def test_a_kept_choice_is_proved_and_neither_learned_anew_nor_changed(shop, choice, monkeypatch):
    kept = structs.replace(choice, weights={**choice.weights, "als": 9.0})
    expected = _decide(shop).proof

    def never(*_, **__):
        raise AssertionError("a choice is kept")

    monkeypatch.setattr(decision_module, "choose", never)
    monkeypatch.setattr(choice_module, "learn", never)
    decision = _decide(shop, kept=kept)
    assert decision.choice == kept
    assert decision.proof.details == expected.details


def test_where_tastes_are_the_truth_the_blend_is_published(shop):
    decision = _decide(shop)
    assert decision.proof.method is Method.BLEND
    assert decision.choice.learned


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_where_popularity_is_the_truth_the_popular_list_is_published(seed, exclude_seen):
    lines = _of_one_time_buyers(seed=seed)
    decision = _decide(lines, dataclasses.replace(NEW, exclude_seen=exclude_seen))
    # Also where the blend looks better, as it does by chance: nobody can tell.
    assert decision.proof.method is Method.POPULAR
    assert "lists by popular were" in decision.proof.why
    assert decision.proof.ndcg == decision.proof.details["methods"]["popular"]["ndcg"]


@pytest.mark.parametrize(
    ("before", "method"),
    [
        ([], Method.BLEND),
        ([Lead(mean=0.1, error=0.01)] * 2, Method.BLEND),
        ([Lead(mean=-0.5, error=0.0)] * 2, Method.POPULAR),
        ([Lead(mean=0.1, error=0.5)] * 2, Method.POPULAR),
    ],
)
def test_the_windows_before_have_a_say_in_whether_the_blend_is_better(shop, before, method):
    proof = _prove(shop, default_weights(exclude_seen=True), NEW, leads={Method.POPULAR: before})
    assert proof.method is method
    entry = proof.details["methods"]["popular"]
    alone = _prove(shop, default_weights(exclude_seen=True), NEW).details["methods"]["popular"]
    expected = Lead.over([Lead(mean=alone["blend_lead"], error=alone["blend_lead_error"]), *before])
    assert entry["blend_lead"] == pytest.approx(expected.mean, abs=1e-5)
    assert entry["blend_lead_error"] == pytest.approx(expected.error, abs=1e-5)


def test_a_window_of_few_customers_says_nothing_of_a_lead(choice):
    """Of one customer the standard error is 0: as if it were sure."""
    few, many = (
        {**choice.trials[0], "customers": customers, "leads": {"popular": {"mean": 1.0, "error": 0.0}}}
        for customers in (FEWEST_CUSTOMERS - 1, FEWEST_CUSTOMERS)
    )
    assert structs.replace(choice, trials=[few]).leads == {}
    assert structs.replace(choice, trials=[few, many]).leads == {Method.POPULAR: [Lead(mean=1.0, error=0.0)]}


# The lead of one method before another


def test_a_lead_is_the_mean_and_its_standard_error():
    one, other = np.array([0.5, 0.7, 0.9, 0.3]), np.array([0.4, 0.8, 0.4, 0.0])
    lead = Lead.of(one, other)
    apart = [0.1, -0.1, 0.5, 0.3]
    assert lead.mean == pytest.approx(0.2)
    assert lead.error == pytest.approx((sum((x - 0.2) ** 2 for x in apart) / 4) ** 0.5 / 2)
    back = Lead.of(other, one)
    assert (back.mean, back.error) == pytest.approx((-lead.mean, lead.error))


def test_of_several_windows_each_counts_the_same():
    windows = [Lead(mean=0.1, error=0.03), Lead(mean=0.4, error=0.04)]
    lead = Lead.over(windows)
    assert (lead.mean, lead.error) == pytest.approx((0.25, 0.025))
    assert Lead.over(windows[:1]) == windows[0]
    # Four windows like one another tell twice as well as one.
    four = Lead.over([windows[0]] * 4)
    assert (four.mean, four.error) == pytest.approx((0.1, 0.015))


@pytest.mark.parametrize(
    ("mean", "error", "sure"),
    [(0.2, 0.1, True), (0.19, 0.1, False), (0.0, 0.0, False), (-0.5, 0.1, False), (0.01, 0.0, True)],
)
def test_a_lead_is_sure_beyond_two_standard_errors(mean, error, sure):
    assert Lead(mean=mean, error=error).is_sure is sure


def test_chance_is_hardly_ever_a_sure_lead():
    rng = np.random.default_rng(1)
    sure = [Lead.of(*rng.random((2, 200))).is_sure for _ in range(1000)]
    # 2.5 % are expected.
    assert 10 <= sum(sure) <= 45


def test_what_a_shop_could_show_without_a_model():
    assert simple_methods(exclude_seen=True) == [Method.POPULAR]
    assert simple_methods(exclude_seen=False) == [Method.OWN_HABIT, Method.POPULAR]
    blend = weights_of({"als": 3.0})
    assert weights_for(Method.BLEND, blend) is blend
    assert not weights_for(Method.POPULAR, blend).any()
    assert weights_for(Method.OWN_HABIT, blend).tolist() == weights_of({"habit": 1}).tolist()


# The smallest shops


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize(
    ("n_users", "n_items", "n_sales"),
    [(1, 1, 1), (1, 1, 60), (1, 8, 60), (40, 1, 200), (2, 2, 30), (35, 2, 300)],
)
def test_the_smallest_shops_get_a_choice_and_a_sentence(n_users, n_items, n_sales, exclude_seen):
    rng = np.random.default_rng(1)
    users, items, days = (rng.integers(0, most, n_sales) for most in (n_users, n_items, 120))
    lines = _lines(users, items, days, n_items)
    recipe = dataclasses.replace(NEW, exclude_seen=exclude_seen)
    decision = _decide(lines, recipe, budget=3, warm_days=7)
    assert np.isfinite(decision.choice.blend).all()
    assert decision.choice.why
    assert decision.proof.why
    assert decision.proof.method in simple_methods(exclude_seen=exclude_seen)


def test_a_shop_without_a_sale_gets_the_defaults_and_a_sentence():
    nothing = np.zeros(0, np.int64)
    lines = SaleLines(
        user_ids=Keys.of(),
        item_ids=Keys.of(),
        users=nothing.astype(np.int32),
        items=nothing.astype(np.int32),
        times=nothing,
        quantities=nothing.astype(float),
        begins=nothing.astype(bool),
    )
    decision = _decide(lines)
    assert not decision.choice.learned
    assert "at least two weeks of sales are needed" in decision.proof.why


def test_a_newest_window_without_anybody_leaves_what_was_learned_and_says_so(shop, choice):
    cut, end = past_windows(shop, most=1)[0]
    stay = (shop.times < cut) | (shop.times >= end - DAY_MICROSECONDS // 2)
    stay |= np.arange(len(stay)) == np.argmax(shop.times)  # one sale, by which the window stays where it is
    lines = dataclasses.replace(
        shop,
        **{name: getattr(shop, name)[stay] for name in ("users", "items", "times", "quantities", "begins")},
    )
    found = _choose(lines)
    assert found.weights == choice.weights
    decision = _decide(lines)
    assert decision.proof.method is Method.POPULAR
    assert f"{FEWEST_CUSTOMERS} are needed" in decision.proof.why


def test_what_is_never_recommended_is_no_candidate_of_the_past(shop):
    never = Keys.of(range(0, 80, 4))
    blend = default_weights(exclude_seen=True)
    free = _prove(shop, blend, NEW)
    held = _prove(shop, blend, dataclasses.replace(NEW, never=never))
    assert held.details["customers"] == free.details["customers"]
    figures = held.details["methods"]["blend"]["ndcg"], free.details["methods"]["blend"]["ndcg"]
    assert figures[0] < figures[1]


def test_many_customers_are_looked_at_in_equal_steps(shop):
    window = past_windows(shop, most=1)[0]
    found = {}
    for most in (1000, 50):
        looked = look_back(shop, window, NEW, VARIANTS, most_customers=most)
        assert looked is not None
        found[most] = looked.past.customers
    assert len(found[50]) <= 50
    step = -(-len(found[1000]) // 50)
    assert found[50].tolist() == found[1000][::step].tolist()


@pytest.mark.parametrize(
    ("changed", "fits"),
    [
        ({}, True),
        ({"exclude_seen": False}, False),
        ({"half_life_days": 61.0}, False),
        ({"als": dataclasses.replace(ALS, factors=9)}, False),
        ({"sales": 1.2}, True),
        ({"sales": 1.3}, False),
        ({"sales": 0.7}, False),
        ({"day": DAY + timedelta(days=MOST_DAYS - 1)}, True),
        ({"day": DAY + timedelta(days=MOST_DAYS)}, False),
        ({"day": DAY - timedelta(days=1)}, False),
    ],
)
def test_a_choice_is_kept_until_the_data_have_moved_on(choice, changed, fits):
    known = {"sales": 1.0, "day": DAY} | {k: v for k, v in changed.items() if k in ("sales", "day")}
    recipe = dataclasses.replace(NEW, **{k: v for k, v in changed.items() if k not in known})
    assert choice.still_fits(recipe, sales=round(known["sales"] * choice.sales), day=known["day"]) is fits


def test_the_next_night_keeps_the_choice_and_a_second_run_of_a_night_does_not(
    tmp_path, sqlite_url, monkeypatch
):
    shop = usual_shop(tmp_path / "shop", sqlite_url, NIGHTLY_PROOF="on")

    def learned(*given, **named):
        lesson = choose(*given, **named)
        return dataclasses.replace(lesson, choice=structs.replace(lesson.choice, learned=True))

    monkeypatch.setattr(decision_module, "choose", learned)
    first = shop.night(DAY)
    again = shop.night(DAY)
    later = shop.night(DAY + timedelta(days=1))
    assert first.manifest.as_json()["choice"]["run_id"] == first.run_id
    assert again.manifest.as_json()["choice"]["run_id"] == again.run_id
    # Of one day the choice that was published last.
    assert later.manifest.as_json()["choice"]["run_id"] == again.run_id
    assert date.fromisoformat(later.manifest.as_json()["choice"]["as_of_day"]) == DAY


def test_a_night_puts_its_proof_on_record(tmp_path, sqlite_url):
    shop = usual_shop(tmp_path / "shop", sqlite_url, NIGHTLY_PROOF="on")
    rng = np.random.default_rng(1)
    shop.execute("DELETE FROM sales")
    shop.sell(
        (int(user), 102 + int(kind) * 2 + int(user) % 2, DAY - timedelta(days=int(ago)))
        for user, kind, ago in zip(
            rng.integers(0, 200, 2400), rng.integers(0, 11, 2400), rng.integers(0, 120, 2400), strict=True
        )
    )
    run = shop.night()
    manifest = run.manifest
    details = json.loads(run.path("evaluation.json").read_text(encoding="utf-8"))
    assert manifest.method == details["method"]
    assert details["methods"][manifest.method]["ndcg"] == manifest.quality["ndcg"]
    ((method, ndcg, baseline),) = shop.rows("SELECT method, ndcg, baseline_ndcg FROM recommendation_runs")
    assert (method, ndcg, baseline) == (
        manifest.method,
        manifest.quality["ndcg"],
        manifest.quality["baseline_ndcg"],
    )
    before = run.path("recommendations.csv").read_bytes()
    again = shop.set(THREADS=2).night()
    assert again.path("recommendations.csv").read_bytes() == before
    assert again.path("evaluation.json").read_bytes() == run.path("evaluation.json").read_bytes()
    off = shop.set(NIGHTLY_PROOF="off").night()
    assert not off.path("evaluation.json").exists()
    assert off.manifest.quality == {"ndcg": None, "baseline_ndcg": None}


def test_a_shop_with_too_little_data_is_told_so(tmp_path, sqlite_url):
    shop = usual_shop(tmp_path / "shop", sqlite_url, NIGHTLY_PROOF="on")
    run = shop.night()
    assert run.manifest.method == "popular"
    assert shop.rows("SELECT DISTINCT reason FROM recommendations") == [("popular",)]
    assert "Too few sales to tell which lists are best" in shop.does("status")
    assert len(shop.lists()) == 30


@pytest.mark.parametrize(
    "change",
    [
        {"weights": {"taste": 1.0}},
        {"neighbours": None},
        {"neighbours": {"half_life_days": 60.0, "regularization": 0.0}},
        {"trials": [{"ndcg_learned": 0.5, "ndcg_default": 0.4}]},
    ],
    ids=str,
)
def test_a_choice_of_another_version_is_not_used(tmp_path, sqlite_url, change):
    shop = usual_shop(tmp_path / "shop", sqlite_url)
    shop.does("export", "--as-of", str(DAY))
    shop.does("train")
    run = shop.last_run
    assert Choice.of(run.manifest.choice) is not None
    choice = run.manifest.choice
    assert choice is not None
    run.manifest.choice = structs.replace(choice, **change)
    run.save()
    assert Choice.of(run.manifest.choice) is None
    assert "trained by another version" in shop.fails(ExitCode.REFUSED, "rank")
    shop.does("train", "--run", run.run_id)
    shop.does("rank")
