"""How the model comes about: cold, warm or loaded, from which parent; and what a warm start is."""

import dataclasses
import itertools
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from msgspec import structs

from recommender.errors import ExitCode, ModelError
from recommender.evaluation import drift
from recommender.evaluation.drift import MOST_LOST, Drift, measure_drift
from recommender.evaluation.past import Recipe, look_back
from recommender.learning.als import WARM_ITERATIONS, AlsSettings, confidences, train
from recommender.learning.neighbours import VARIANTS
from recommender.learning.weights import weights_of
from recommender.night.plan import COLD_EVERY_DAYS, Ask, chain_from, plan_training
from recommender.runs.folder import MANIFEST, new_run
from recommender.runs.history import History
from recommender.runs.keys import Keys
from recommender.runs.manifest import Mode, Source, Status
from recommender.settings import WarmStart, load_settings
from recommender.system.threads import one_blas_thread
from recommender.system.times import DAY_MICROSECONDS
from tests.nights import DAY, make_shop, tastes, usual_shop
from tests.records import fill
from tests.shops import checkerboard, interactions_of, sale_lines

ALS = AlsSettings(factors=6, regularization=0.5, iterations=12, alpha=5.0, seed=7)


def shop_of(seed=1, users=60, items=25):
    chance = np.random.default_rng(seed)
    return interactions_of(chance.random((users, items)) * (chance.random((users, items)) < 0.2))


# A warm start


def test_a_warm_start_is_the_librarys_training_from_these_factors():
    shop = shop_of()
    begin = train(shop, ALS, threads=1)
    grown = interactions_of(np.pad(shop.weights.toarray(), ((0, 3), (0, 2)), constant_values=0.5))
    with one_blas_thread():
        als = AlternatingLeastSquares(
            factors=6, regularization=0.5, iterations=WARM_ITERATIONS, alpha=1.0, num_threads=1
        )
        als.user_factors = np.vstack([begin.user_factors, np.zeros((3, 6), np.float32)])
        als.item_factors = np.vstack([begin.item_factors, np.zeros((2, 6), np.float32)])
        als.fit(confidences(grown.weights, ALS.alpha), show_progress=False)
    warm = train(grown, ALS, threads=1, start=begin)
    assert np.array_equal(warm.user_factors, als.user_factors)
    assert np.array_equal(warm.item_factors, als.item_factors)
    assert warm.item_factors[-1].any()
    assert warm.user_factors[-1].any()


def test_factors_follow_their_keys_when_customers_and_items_come_and_go():
    shop = shop_of()
    begin = train(shop, dataclasses.replace(ALS, iterations=200), threads=1)
    # Everything that there was stands still, under places moved by a customer and an item with smaller keys.
    table = np.pad(shop.weights.toarray(), ((1, 0), (1, 0)))
    moved = interactions_of(table, users=Keys.of([0, *range(1, 61)]), items=Keys.of([0, *range(1, 26)]))
    warm = train(moved, ALS, threads=1, start=begin)
    # Trained to the end, they solve their equations: more of the same training hardly moves them.
    assert warm.user_factors[1:] == pytest.approx(begin.user_factors, abs=2e-2)
    assert warm.item_factors[1:] == pytest.approx(begin.item_factors, abs=2e-2)
    assert not warm.user_factors[0].any()
    assert not warm.item_factors[0].any()


def test_a_warm_start_finds_what_a_newcomer_lacks():
    board = checkerboard(40)
    begin = train(interactions_of(board[:38, :39]), ALS, threads=1)
    warm = train(interactions_of(board), ALS, threads=1, start=begin)
    scores = warm.user_factors @ warm.item_factors.T
    scores[board > 0] = -np.inf
    assert scores.argmax(axis=1).tolist() == list(range(40))


def test_a_warm_start_gives_the_same_bits_for_any_number_of_threads():
    begin = train(shop_of(users=400), ALS, threads=1)
    one, many = (train(shop_of(users=500), ALS, threads=threads, start=begin) for threads in (1, 3))
    assert one.user_factors.tobytes() == many.user_factors.tobytes()
    assert one.item_factors.tobytes() == many.item_factors.tobytes()


def test_the_known_share_counts_interactions_with_items_that_have_factors():
    model = train(interactions_of([[1, 1, 0], [1, 1, 0]], items=Keys.of([1, 2, 3])), ALS, threads=1)
    # 1 is known; 3 was never bought, so it has no factors; 9 is not known.
    now = interactions_of([[1, 1, 1], [1, 0, 0]], items=Keys.of([1, 3, 9]))
    assert model.known_share(now) == pytest.approx(2 / 4)
    nothing = interactions_of(np.zeros((0, 0)))
    assert model.known_share(nothing) == 0
    assert train(nothing, ALS, threads=1).known_share(now) == 0


# The plan


class _Nights:
    """Published nights, by hand; `tonight` is the day after the last one unless told."""

    def __init__(self, folder):
        self.settings = _settings(folder)
        self.folder = folder
        self.seq = 0

    def publish(self, days_ago, mode=Mode.COLD, parent=None, *, may_start_warm=True):
        run = self._run(days_ago)
        run.path("model.npz").touch()
        trained = parent.manifest.origin if mode is Mode.LOADED else run.manifest.origin
        chain = chain_from(parent) if parent else []
        run.manifest.model = structs.replace(trained, mode=mode, chain=chain, may_start_warm=may_start_warm)
        run.save()
        return run

    def roll_back_to(self, source):
        run = self._run(0)
        run.manifest.source, run.manifest.source_run_id = Source.ROLLBACK, source.run_id
        run.manifest.source_published_seq = source.manifest.published_seq
        run.save()

    def _run(self, days_ago):
        day = DAY - timedelta(days=days_ago)
        run = new_run(self.folder, _noon(day))
        self.seq += 1
        fill(run.manifest, Status.PUBLISHED, day, seq=self.seq)
        return run

    def plan(self, ask=Ask.AUTO, **settings):
        past = History.of(self.folder)
        return plan_training(DAY, past, dataclasses.replace(self.settings, **settings), ask)


def _noon(day):
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _settings(folder):
    given = {"DATABASE_URL": "sqlite:///shop.db", "DATA_DIR": str(folder), "WARM_START": "auto"}
    return load_settings(given, None)


@pytest.fixture
def nights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return _Nights(tmp_path / "var")


def test_without_an_earlier_model_the_training_is_cold(nights):
    assert nights.plan().mode is Mode.COLD
    nights.publish(0)  # of the same day, as a second run of the night finds it
    found = nights.plan()
    assert (found.mode, found.parent) == (Mode.COLD, None)
    with pytest.raises(ModelError, match="Use --train once"):
        _Nights(nights.folder / "other").plan(Ask.LOAD)


def test_the_day_after_a_cold_training_starts_warm_from_it(nights):
    cold = nights.publish(1)
    found = nights.plan()
    assert found.mode is Mode.WARM
    assert found.parent.run_id == cold.run_id
    assert nights.plan(Ask.TRAIN).mode is Mode.WARM


@pytest.mark.parametrize(
    ("ask", "settings", "mode"),
    [
        (Ask.COLD, {}, Mode.COLD),
        (Ask.TRAIN, {"warm_start": WarmStart.NEVER}, Mode.COLD),
        (Ask.AUTO, {"warm_start": WarmStart.NEVER}, Mode.COLD),
        (Ask.AUTO, {"train_every_days": 2}, Mode.LOADED),
        (Ask.AUTO, {"train_every_days": 2, "warm_start": WarmStart.NEVER}, Mode.LOADED),
        (Ask.TRAIN, {"train_every_days": 2}, Mode.WARM),
        (Ask.LOAD, {}, Mode.LOADED),
    ],
)
def test_what_is_asked_for_and_set_decides(nights, ask, settings, mode):
    nights.publish(1)
    assert nights.plan(ask, **settings).mode is mode


def test_a_chain_ends_with_a_cold_training_after_some_days(nights):
    link = nights.publish(COLD_EVERY_DAYS)
    for days_ago in range(COLD_EVERY_DAYS - 1, 1, -1):
        link = nights.publish(days_ago, Mode.WARM, link)
    assert nights.plan().mode is Mode.COLD
    assert nights.plan(Ask.LOAD).parent.run_id == link.run_id


def test_the_age_of_a_training_goes_through_loaded_models(nights):
    cold = nights.publish(3)
    loaded = nights.publish(2, Mode.LOADED, cold)
    again = nights.publish(1, Mode.LOADED, loaded)
    found = nights.plan(train_every_days=4)
    assert (found.mode, found.parent.run_id) == (Mode.LOADED, again.run_id)
    assert nights.plan(train_every_days=3).mode is Mode.WARM
    assert [link.mode for link in chain_from(found.parent)] == ["cold", "loaded", "loaded"]
    assert nights.plan(Ask.LOAD).is_asked


def test_where_warm_starts_cost_too_much_the_next_training_is_cold(nights):
    cold = nights.publish(2, may_start_warm=False)
    nights.publish(1, Mode.LOADED, cold, may_start_warm=False)
    assert nights.plan().mode is Mode.COLD
    assert nights.plan(train_every_days=9).mode is Mode.LOADED


def test_a_night_that_was_undone_is_no_parent(nights):
    good = nights.publish(2)
    bad = nights.publish(1, Mode.WARM, good)
    assert nights.plan().parent.run_id == bad.run_id
    nights.roll_back_to(good)
    assert nights.plan().parent.run_id == good.run_id
    nights.roll_back_to(bad)  # it was not bad after all
    assert nights.plan().parent.run_id == bad.run_id


def test_a_model_of_an_earlier_version_of_the_program_is_no_parent(nights):
    run = nights.publish(1)
    record = run.manifest.as_json()
    del record["model"]["chain"]
    run.path(MANIFEST).write_text(json.dumps(record), encoding="utf-8")
    assert nights.plan().mode is Mode.COLD


# Whole nights


def test_nights_go_warm_and_are_cold_again_after_a_week(tmp_path):
    shop = usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", WARM_START="auto")
    first = DAY - timedelta(days=COLD_EVERY_DAYS)
    runs = [shop.night(first + timedelta(days=n)) for n in range(COLD_EVERY_DAYS + 1)]
    modes = [run.manifest.origin.mode for run in runs]
    assert modes == ["cold", *["warm"] * (COLD_EVERY_DAYS - 1), "cold"]
    assert runs[0].manifest.parent_run_id is None
    for earlier, run in itertools.pairwise(runs[:-1]):
        assert run.manifest.parent_run_id == earlier.run_id
        chain = run.manifest.origin.chain
        assert chain == chain_from(earlier)
        assert [link.run_id for link in chain] == [r.run_id for r in runs[: runs.index(run)]]
        assert [link.sha256 for link in chain] == [r.manifest.files["model.npz"] for r in runs[: len(chain)]]
    again = shop.night(DAY - timedelta(days=1), "--force")
    assert again.manifest.parent_run_id == runs[-3].run_id
    assert again.manifest.files == runs[-2].manifest.files


def test_a_warm_start_from_items_that_are_gone_is_a_cold_training(tmp_path):
    shop = usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", WARM_START="auto")
    shop.night(DAY - timedelta(days=1))
    shop.execute("DELETE FROM sales", "DELETE FROM items")
    shop.execute(
        "INSERT INTO items (item_id, name, sellable) VALUES (:i, 'New', 1)",
        rows=[{"i": item} for item in range(500, 524)],
    )
    shop.sell(tastes(range(1, 31), list(range(500, 524))))
    cold = shop.night(DAY, "--force")  # a publish of other items needs that
    assert cold.manifest.origin.mode == "cold"
    assert "does not serve" in cold.manifest.origin.why
    assert cold.manifest.parent_run_id is None
    assert shop.night(DAY, "--cold").manifest.files == cold.manifest.files


@pytest.mark.parametrize("pair", [("--train", "--cold"), ("--cold", "--load")])
def test_one_way_to_a_model_can_be_asked_for(tmp_path, pair):
    shop = usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")
    assert f"Use {pair[0]} or {pair[1]}, not both." in shop.fails(ExitCode.SETTINGS, "run", *pair)


# Drift


def _fortnights(days=120, customers=60):
    """Customers of three tastes, one purchase every other day or so."""
    chance = np.random.default_rng(3)
    return sale_lines(
        [
            (customer, int(chance.integers(0, 12)) * 3 + customer % 3, float(day))
            for customer in range(customers)
            for day in range(customer % 4, days, 4)
        ]
    )


def _recipe():
    als = dataclasses.replace(ALS, iterations=6)
    return Recipe(
        als=als,
        half_life_days=60.0,
        exclude_seen=False,
        publish_guests=False,
        never=Keys.of(),
        n=5,
        threads=1,
    )


def _looked(lines, cut, recipe):
    found = look_back(lines, (cut, cut + 20 * DAY_MICROSECONDS), recipe, VARIANTS[:1], most_customers=1000)
    assert found is not None
    return found.past, found.known


def test_drift_compares_with_a_model_that_was_trained_on_from_some_days_before(monkeypatch):
    lines, recipe = _fortnights(), _recipe()
    cut = 100 * DAY_MICROSECONDS
    past, known = _looked(lines, cut, recipe)
    weights = weights_of({"als": 1})
    cold = past.ndcg(weights, recipe)
    trained = []

    def watched(interactions, settings, *, threads, start=None, **_):
        trained.append((interactions.newest // DAY_MICROSECONDS, start))
        return train(interactions, settings, threads=threads, start=start)

    monkeypatch.setattr(drift, "train", watched)
    found = measure_drift(lines, past, cold, weights, recipe, known=known, days=9)
    assert [day for day, _ in trained] == [90, 99]
    assert trained[0][1] is None
    assert trained[1][1] is not None
    assert found.days == 9
    assert found.ndcg_cold == pytest.approx(cold.mean(), abs=1e-6)
    # With no day between, and a training that has come to its end, warm is as good as cold.
    monkeypatch.setattr(drift, "train", train)
    long = dataclasses.replace(recipe, als=dataclasses.replace(recipe.als, iterations=300))
    past, known = _looked(lines, cut, long)
    same = measure_drift(lines, past, past.ndcg(weights, long), weights, long, known=known, days=0)
    assert same.ndcg_warm == pytest.approx(same.ndcg_cold, rel=0.01)


@pytest.mark.parametrize(
    ("warm", "high", "holds"),
    [
        (0.6, 0.2, True),
        (0.5 * (1 - MOST_LOST), -0.001, True),
        (0.499 * (1 - MOST_LOST), -0.001, False),
        (0.3, 0.001, True),
    ],
)
def test_a_small_loss_is_borne_and_a_clear_larger_one_not(warm, high, holds):
    assert Drift(days=7, ndcg_cold=0.5, ndcg_warm=warm, difference_high=high).is_small is holds


def test_a_night_whose_warm_starts_lose_too_much_is_followed_by_a_cold_one(tmp_path, monkeypatch):
    shop = proved_shop(tmp_path)
    first = shop.night(DAY - timedelta(days=2))
    told = json.loads(first.path("evaluation.json").read_text(encoding="utf-8"))["warm_start"]
    assert told["days"] == COLD_EVERY_DAYS
    assert first.manifest.origin.may_start_warm
    assert shop.night(DAY - timedelta(days=1)).manifest.origin.mode == "warm"
    monkeypatch.setattr(Drift, "is_small", property(lambda _self: False))
    assert not shop.night(DAY, "--cold").manifest.origin.may_start_warm
    after = shop.night(DAY + timedelta(days=1)).manifest.origin
    assert (after.mode, after.why) == ("cold", "a warm start would cost too much")


def proved_shop(folder):
    """Customers enough for a proof."""
    chance = np.random.default_rng(5)
    items = list(range(100, 124))
    sales = [
        (customer, int(items[customer % 3 :: 3][chance.integers(0, 8)]), DAY - timedelta(days=int(day)))
        for customer in range(1, 81)
        for day in chance.integers(0, 120, 8)
    ]
    shop = make_shop(
        folder / "shop",
        f"sqlite:///{folder / 'shop.db'}",
        sales,
        dict.fromkeys(items, True),
        NIGHTLY_PROOF="on",
        TUNE_BUDGET=0,
        WARM_START="auto",
        REPEAT_PURCHASES="include",
    )
    shop.does("init", "--yes")
    return shop
