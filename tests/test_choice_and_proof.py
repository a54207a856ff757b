"""What is chosen and published by the shop's own past: on shops whose truth is known."""

import dataclasses
import json
from datetime import date, timedelta

import numpy as np
import pytest
from msgspec import structs

from recommender.errors import ExitCode
from recommender.evaluation import choice as choice_module
from recommender.evaluation.choice import MOST_DAYS, choose
from recommender.evaluation.past import Recipe, look_back, moment_text, past_windows, window_days
from recommender.evaluation.proof import prove, weights_for
from recommender.learning.als import AlsSettings
from recommender.learning.interactions import SaleLines
from recommender.learning.weights import default_weights, weights_of
from recommender.night import trials
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


@pytest.fixture(scope="module")
def shop():
    return _with_tastes()


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'shop.db'}"


def test_lists_that_follow_the_taste_are_published_with_their_figures(shop):
    proof = prove(shop, default_weights(exclude_seen=True), NEW)
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
    proof = prove(shop, against_all_reason, NEW)
    assert proof.method is Method.ALS
    assert "clearly better than the blend" in proof.why
    assert proof.ndcg == proof.details["methods"]["als"]["ndcg"]
    assert weights_for(proof.method, against_all_reason).tolist() == weights_of({"als": 1}).tolist()


def test_where_repeats_are_shown_habit_is_a_baseline(shop):
    proof = prove(shop, weights_of({"ever": 1.0}), ALL)
    figures = proof.details["methods"]
    assert set(figures) == {"blend", "als", "popular", "own_habit"}
    assert proof.baseline_ndcg == max(figures["popular"]["ndcg"], figures["own_habit"]["ndcg"])
    assert proof.method is not Method.BLEND


@pytest.mark.parametrize(("exclude_seen", "method"), [(True, Method.POPULAR), (False, Method.OWN_HABIT)])
def test_what_cannot_be_proved_is_not_shown_and_the_owner_is_told_what_is_missing(exclude_seen, method):
    few = _with_tastes(n_users=20)
    blend = default_weights(exclude_seen=exclude_seen)
    proof = prove(few, blend, dataclasses.replace(NEW, exclude_seen=exclude_seen))
    assert proof.method is method
    assert "30 are needed" in proof.why
    assert (proof.ndcg, proof.baseline_ndcg) == (None, None)
    young = _with_tastes(days=10)
    proof = prove(young, blend, dataclasses.replace(NEW, exclude_seen=exclude_seen))
    assert proof.method is method
    assert "at least two weeks of sales are needed" in proof.why


@pytest.mark.parametrize(("days", "length", "count"), [(160, 28, 4), (100, 14, 4), (40, 7, 4), (13, 7, 0)])
def test_young_shops_have_shorter_windows(days, length, count):
    lines = _with_tastes(n_users=50, days=days)
    assert window_days(lines) == length
    found = past_windows(lines, most=4)
    assert len(found) == count
    assert all(end - cut == length * DAY_MICROSECONDS for cut, end in found)


def _choose(lines, *, budget=2, **other):
    recipe = dataclasses.replace(NEW, **other)
    return choose(lines, recipe, n_sales=len(lines.times), budget=budget, run_id="r", as_of_day="2026-03-01")


@pytest.fixture(scope="module")
def choice(shop):
    return _choose(shop)


def test_weights_are_learned_where_they_win_on_every_window(choice):
    assert len(choice.trials) == 2
    wins = [trial["ndcg_learned"] > trial["ndcg_default"] for trial in choice.trials]
    assert choice.learned == all(wins)
    if not choice.learned:
        assert choice.as_array().tolist() == default_weights(exclude_seen=True).tolist()


@pytest.mark.parametrize(("better", "learned"), [((1, 1), True), ((1, -1), False), ((0, 1), False)])
def test_one_lost_window_keeps_the_defaults(shop, monkeypatch, better, learned):
    results = iter(better)

    def trial(_past, _recipe, **_):
        return choice_module.Trial(
            begin="", end="", customers=1, ndcg_learned=0.1 + next(results) / 100, ndcg_default=0.1
        )

    monkeypatch.setattr(choice_module, "_trial", trial)
    found = _choose(shop)
    assert found.learned is learned
    is_default = found.as_array().tolist() == default_weights(exclude_seen=True).tolist()
    assert is_default is not learned


@pytest.mark.parametrize(("budget", "why"), [(0, "0 are allowed"), (1, "1 are allowed")])
def test_no_budget_leaves_the_defaults(shop, budget, why):
    found = _choose(shop, budget=budget)
    assert not found.learned
    assert why in found.why
    assert found.as_array().tolist() == default_weights(exclude_seen=True).tolist()


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
    assert found.as_array().tolist() == default_weights(exclude_seen=recipe.exclude_seen).tolist()
    assert "2 past windows in which known customers bought, there are 0" in found.why
    proof = prove(lines, found.as_array(), recipe, warm_days=7)
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
    assert look_back(winter, windows[1], NEW, most_customers=100) is None
    found = _choose(winter, budget=4)
    assert [trial["begin"] for trial in found.trials] == [
        moment_text(begin) for begin, _ in windows if begin != cut
    ]


def test_a_cold_training_from_nothing_at_all_is_measured_too():
    """Half of the newest window's length before it there was no shop, from which the drift begins."""
    lines = _with_tastes(days=20)
    proof = prove(lines, default_weights(exclude_seen=True), NEW, warm_days=12)
    assert proof.drift is not None
    assert proof.drift.ndcg_warm >= 0


def test_the_same_sales_give_the_same_choice_for_any_number_of_threads(shop, choice):
    assert _choose(shop, threads=3) == choice


def test_the_newest_window_has_no_say(shop, choice):
    # The proof is measured there: what was learned must not know it.
    newest = shop.times >= past_windows(shop, most=1)[0][0]
    other = dataclasses.replace(shop, items=np.where(newest, 79 - shop.items, shop.items).astype(np.int32))
    assert other.items.tolist() != shop.items.tolist()
    assert _choose(other) == choice


def test_what_is_never_recommended_is_no_candidate_of_the_past(shop):
    never = Keys.of(range(0, 80, 4))
    blend = default_weights(exclude_seen=True)
    free = prove(shop, blend, NEW)
    held = prove(shop, blend, dataclasses.replace(NEW, never=never))
    assert held.details["customers"] == free.details["customers"]
    figures = held.details["methods"]["blend"]["ndcg"], free.details["methods"]["blend"]["ndcg"]
    assert figures[0] < figures[1]


def test_many_customers_are_looked_at_in_equal_steps(shop):
    window = past_windows(shop, most=1)[0]
    found = {}
    for most in (1000, 50):
        looked = look_back(shop, window, NEW, most_customers=most)
        assert looked is not None
        found[most] = looked[0].customers
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
    monkeypatch.setattr(
        trials, "choose", lambda *given, **named: structs.replace(choose(*given, **named), learned=True)
    )
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


def test_a_choice_of_another_version_is_not_used(tmp_path, sqlite_url):
    shop = usual_shop(tmp_path / "shop", sqlite_url)
    shop.does("export", "--as-of", str(DAY))
    shop.does("train")
    run = shop.last_run
    assert choice_module.Choice.of(run.manifest.choice) is not None
    choice = run.manifest.choice
    assert choice is not None
    run.manifest.choice = structs.replace(choice, weights={"taste": 1.0})
    run.save()
    assert choice_module.Choice.of(run.manifest.choice) is None
    assert "trained by another version" in shop.fails(ExitCode.REFUSED, "rank")
    shop.does("train", "--run", run.run_id)
    shop.does("rank")
