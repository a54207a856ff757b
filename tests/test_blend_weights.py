"""Learning the weights of the signals."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from recommender.evaluation import metrics
from recommender.learning.signals import HABIT_PARTS, SIGNALS
from recommender.learning.weights import (
    PRIOR_USERS,
    Choices,
    _Pairs,
    default_weights,
    free_signals,
    lambdarank,
    learn,
    weights_of,
)

N = len(SIGNALS)
TRUE = np.array([2.0, 1.0, 0.0, 0.5, -0.5, 0.3, -1.0, 0.0, 0.7, 0.2, -0.3, 1.5, -0.8, 0.1, 0.4])
NOTHING = np.zeros(N)
ALL = np.ones(N, bool)


def choices(
    customers, signals, bought, *, others=None, named=None, n_bought=None, judged=None, n_judged=None
):
    """With what is not given: all named, nothing bought beside the candidates, all judged have some."""
    customers, bought = np.asarray(customers, np.int64), np.asarray(bought, bool)
    n_customers = int(customers.max(initial=-1)) + 1
    return Choices(
        customers=customers,
        signals=np.asarray(signals, np.float32),
        other_neighbours=np.zeros((0, len(customers)), np.float32) if others is None else others,
        bought=bought,
        named=np.ones(len(customers), bool) if named is None else np.asarray(named, bool),
        n_bought=np.bincount(customers, bought, n_customers).astype(np.int64)
        if n_bought is None
        else np.asarray(n_bought),
        judged=np.arange(n_customers) if judged is None else np.asarray(judged),
        n_judged=n_customers if n_judged is None else n_judged,
    )


def simulated(n_customers, *, seed=0, n_candidates=25, n_bought=1, weights=TRUE):
    """Customers who choose some candidates each with the probabilities of the model."""
    rng = np.random.default_rng(seed)
    signals = rng.standard_normal((N, n_customers * n_candidates)).astype(np.float32)
    scores = (weights @ signals).reshape(n_customers, n_candidates)
    chosen = np.argsort(-(scores + rng.gumbel(size=scores.shape)), axis=1)[:, :n_bought]
    bought = np.zeros(scores.shape, bool)
    np.put_along_axis(bought, chosen, True, axis=1)
    return choices(np.repeat(np.arange(n_customers), n_candidates), signals, bought.ravel())


def ragged(seed, *, n_customers=12, most=30, bought=0.3, judged_in_all=20):
    """Customers with one to many candidates and at least one bought, who bought others beside them too."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, most + 1, n_customers)
    customers = np.repeat(np.arange(n_customers), lengths)
    flags = rng.random(len(customers)) < bought
    flags[np.cumsum(lengths) - rng.integers(1, lengths + 1)] = True
    found = np.bincount(customers, flags).astype(np.int64)
    return choices(
        customers,
        rng.standard_normal((N, len(customers))),
        flags,
        others=rng.standard_normal((4, len(customers))).astype(np.float32),
        named=rng.random(len(customers)) < 0.7,
        n_bought=found + rng.integers(0, 4, n_customers),
        judged=np.sort(rng.choice(judged_in_all, n_customers, replace=False)),
        n_judged=judged_in_all,
    )


def test_weights_that_made_the_choices_are_found_again():
    found = learn([simulated(4000), simulated(4000, seed=1)], NOTHING, free=ALL)
    assert found == pytest.approx(TRUE, abs=0.1)


def test_few_customers_hardly_move_the_prior_and_many_do():
    prior = weights_of({"als": 5.0})
    few, many = (learn([simulated(n)], prior, free=ALL) for n in (3, 3000))
    assert np.abs(few - prior).max() < np.abs(many - prior).max() / 3
    assert np.linalg.norm(many - TRUE) < np.linalg.norm(prior - TRUE) / 5


def _loss(windows, weights, prior):
    """How unlikely the choices are, customer by customer, and how far the weights are from the prior."""
    cells = np.concatenate([window.signals.astype(float) for window in windows], axis=1)
    spread = np.maximum(cells.std(axis=1), 0.1)
    value = PRIOR_USERS / 2 * float((((weights - prior) * spread) ** 2).sum())
    for window in windows:
        for customer in range(len(window.judged)):
            own = window.customers == customer
            scores = weights @ window.signals[:, own].astype(float)
            likely = np.exp(scores - scores.max())
            value -= np.log((likely / likely.sum())[window.bought[own]]).mean()
    return value


@pytest.mark.parametrize("free", [ALL, np.arange(N) % 3 > 0])
def test_no_weights_near_those_found_are_more_likely(free):
    rng = np.random.default_rng(3)
    windows = [simulated(150, n_bought=3), simulated(100, seed=1, n_candidates=10)]
    windows[0].signals[4] *= 0.01  # a signal that is almost the same for all
    prior = rng.normal(size=N)
    found = learn(windows, prior, free=free)
    assert (found[~free] == prior[~free]).all()
    assert np.abs(found - prior)[free].min() > 0
    least = _loss(windows, found, prior)
    steps = np.concatenate([np.eye(N)[free], rng.normal(size=(20, N)) * free])
    for step in (0.02 * steps).tolist():
        assert _loss(windows, found + step, prior) > least
        assert _loss(windows, found - step, prior) > least


def test_where_the_search_begins_changes_nothing():
    windows = [simulated(200)]
    far = np.random.default_rng(1).normal(size=N)
    free = np.arange(N) != 3
    found = learn(windows, NOTHING, free=free, begin=far)
    assert found == pytest.approx(learn(windows, NOTHING, free=free), abs=1e-3)
    assert found[3] == 0


def test_nobody_who_bought_a_candidate_leaves_the_prior():
    known = simulated(5)
    nothing = known.where(~known.bought)
    assert len(nothing.customers) == 0
    prior = default_weights(exclude_seen=True)
    assert learn([nothing], prior, free=ALL) is prior
    assert learn([], prior, free=ALL) is prior
    assert lambdarank([nothing], prior, free=ALL, n=5) is prior
    assert lambdarank([], prior, free=ALL, n=5) is prior
    assert nothing.ndcg(prior, 5).tolist() == [0] * 5


def test_a_signal_that_says_nothing_keeps_its_prior():
    known = simulated(500)
    known.signals[SIGNALS.index("habit")] = 0
    prior = weights_of({"habit": 7.0})
    assert learn([known], prior, free=ALL)[SIGNALS.index("habit")] == 7.0


def test_what_no_signal_names_changes_nothing():
    known, more = simulated(300), simulated(300, seed=9, n_candidates=5)
    order = np.argsort(np.append(known.customers, more.customers), kind="stable")
    both = choices(
        np.append(known.customers, more.customers)[order],
        np.append(known.signals, more.signals, axis=1)[:, order],
        np.append(known.bought, more.bought)[order],
        named=np.append(known.named, ~more.named)[order],
    )
    assert learn([both], NOTHING, free=ALL).tolist() == learn([known], NOTHING, free=ALL).tolist()
    # Who bought only of these has nothing to say at all.
    apart = choices(
        np.append(known.customers, more.customers + 300),
        np.append(known.signals, more.signals, axis=1),
        np.append(known.bought, more.bought),
        named=np.append(known.named, ~more.bought),
    )
    assert learn([apart], NOTHING, free=ALL).tolist() == learn([known], NOTHING, free=ALL).tolist()


def test_a_customer_with_many_purchases_counts_once():
    signals = np.zeros((N, 8))
    signals[0] = [1, 1, 1, 0, 1, 0, 0, 0]
    # The first bought three items with the signal, of four; the second one without, of which there are three:
    # they draw as much to one side as to the other. If each purchase counted, the first would win.
    bought = [1, 1, 1, 0, 0, 1, 0, 0]
    found = learn([choices(np.repeat([0, 1], 4), signals, bought)], NOTHING, free=ALL)
    assert found == pytest.approx(NOTHING, abs=1e-6)
    less = [1, 0, 0, 0, 0, 1, 0, 0]
    found = learn([choices(np.repeat([0, 1], 4), signals, less)], NOTHING, free=ALL)
    assert found == pytest.approx(NOTHING, abs=1e-6)


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("in_parts", [True, False])
def test_habit_is_learned_only_where_it_can_be_seen(exclude_seen, in_parts):
    free = free_signals(exclude_seen=exclude_seen, habit_in_parts=in_parts)
    fixed = {name for name, is_free in zip(SIGNALS, free, strict=True) if not is_free}
    assert fixed == ({"habit", *HABIT_PARTS} if exclude_seen else set() if in_parts else {*HABIT_PARTS})
    assert not default_weights(exclude_seen=exclude_seen)[~free].any()


def _buyers_of_much(n_customers, seed=0):
    """A signal by which four of a customer's 44 purchases stand out; for the many others it is low."""
    rng = np.random.default_rng(seed)
    kinds = np.repeat([0, 1, 2, 3], [4, 40, 20, 10])
    cells = np.concatenate([rng.permutation(kinds) for _ in range(n_customers)])
    signals = rng.normal(0, 0.1, (N, len(cells)))
    signals[0] += np.array([3.0, -1.0, -1.0, 0.0])[cells]
    return choices(np.repeat(np.arange(n_customers), len(kinds)), signals, cells < 2)


@pytest.mark.parametrize("n", [1, 3, 5])
def test_lambdarank_heeds_the_head_of_a_list_where_the_logit_is_misled(n):
    windows = [_buyers_of_much(60), _buyers_of_much(40, seed=1)]
    begin = learn(windows, NOTHING, free=ALL)
    found = lambdarank(windows, begin, free=ALL, n=n)
    before, after = (
        np.concatenate([window.ndcg(weights, n) for window in windows]) for weights in (begin, found)
    )
    # All 44 purchases draw the logit, the many against the few: of the signal it makes next to nothing.
    assert abs(begin[0]) < 0.05
    assert found[0] > 0.3
    assert after.mean() > before.mean() + 0.05
    if n < 5:
        assert after.min() == pytest.approx(1)


def test_lambdarank_leaves_what_is_not_free():
    windows = [_buyers_of_much(20)]
    begin = np.linspace(-0.5, 0.5, N)
    free = np.arange(N) % 2 == 0
    found = lambdarank(windows, begin, free=free, n=3)
    assert found[~free] == pytest.approx(begin[~free], rel=1e-12)
    assert (np.abs(found - begin)[free] > 1e-3).all()


def _burges(known, begin, weights, n, *, ranked):
    """The sum over all pairs of what they pull: 1 / (1 + exp(s_i - s_j)) |ΔnDCG_ij| (f_i - f_j)."""
    pulled = np.zeros(N)
    for customer in range(len(known.judged)):
        cells = np.flatnonzero(known.customers == customer)
        signals = known.signals[:, cells].astype(float)
        best = sorted(range(len(cells)), key=lambda place: (-(begin @ signals[:, place]), place))[:ranked]
        scores = {place: float(weights @ signals[:, place]) for place in best}
        order = sorted(best, key=lambda place: (-scores[place], place))
        worth = {place: 1 / np.log2(rank + 2) if rank < n else 0.0 for rank, place in enumerate(order)}
        ideal = sum(1 / np.log2(rank + 2) for rank in range(min(n, int(known.n_bought[customer]))))
        for i in best:
            for j in best:
                if known.bought[cells[i]] and not known.bought[cells[j]]:
                    change = abs(worth[i] - worth[j]) / ideal
                    pulled += change / (1 + np.exp(scores[i] - scores[j])) * (signals[:, i] - signals[:, j])
    return pulled


@pytest.mark.parametrize("n", [1, 4, 10, 50])
def test_the_pull_of_lambdarank_is_that_of_burges_pair_by_pair(n):
    rng = np.random.default_rng(n)
    known = ragged(n)
    begin, weights = rng.normal(size=(2, N))
    for at in (begin, weights):
        found = _Pairs.of(known, begin, n).gradient(at)
        assert found == pytest.approx(_burges(known, begin, at, n, ranked=100), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("n", "ranked"), [(5, 100), (60, 120)])
def test_lambdarank_looks_at_the_best_candidates_alone(n, ranked):
    known = ragged(5, n_customers=4, most=400)
    assert np.bincount(known.customers).max() > ranked
    begin = np.random.default_rng(2).normal(size=N)
    found = _Pairs.of(known, begin, n).gradient(begin)
    assert found == pytest.approx(_burges(known, begin, begin, n, ranked=ranked), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("n", [1, 3, 10, 40])
@pytest.mark.parametrize("seed", range(4))
def test_ndcg_of_candidates_is_that_of_the_lists(seed, n):
    known = ragged(seed)
    # Some scores are equal: then the first candidate is the better one.
    known.signals[:] = np.round(known.signals)
    weights = weights_of({"als": 1.0, "week": -2.0})
    lists = np.full((known.n_judged, n), -1, np.int32)
    relevant = np.zeros((known.n_judged, 200), bool)
    relevant[:, 190] = True  # what those have bought who bought no candidate
    scores = known.scores(weights)
    for customer, judged in enumerate(known.judged.tolist()):
        own = np.flatnonzero(known.customers == customer)
        best = np.argsort(-scores[own], kind="stable")[:n]
        lists[judged, : len(best)] = best
        relevant[judged] = False
        relevant[judged, np.flatnonzero(known.bought[own])] = True
        missing = known.n_bought[customer] - known.bought[own].sum()
        relevant[judged, 100 : 100 + missing] = True
    expected = metrics.ndcg(lists, csr_matrix(relevant))
    assert known.ndcg(weights, n) == pytest.approx(expected, abs=1e-12)


def test_scores_are_the_weighted_sums():
    known = ragged(1)
    assert known.scores(TRUE) == pytest.approx(TRUE @ known.signals.astype(float), abs=1e-6)


def test_another_variant_has_other_neighbours_and_nothing_else():
    known = ragged(1)
    assert known.by(0) is known
    rows = [SIGNALS.index(name) for name in ("neighbours", "neighbours_known")]
    same = np.setdiff1d(np.arange(N), rows)
    before = known.signals.copy()
    for variant in (1, 2):
        other = known.by(variant)
        assert (other.signals[rows] == known.other_neighbours[2 * variant - 2 : 2 * variant]).all()
        assert (other.signals[same] == known.signals[same]).all()
        assert other.other_neighbours.shape == (0, len(known.customers))
        assert (known.signals == before).all()


def test_some_of_the_candidates_keep_what_belongs_to_them():
    known = ragged(2)
    kept = known.named
    some = known.where(kept)
    left = [customer for customer in range(12) if known.bought[(known.customers == customer) & kept].any()]
    assert 0 < len(left) < 12
    assert some.judged.tolist() == known.judged[left].tolist()
    assert some.n_bought.tolist() == known.n_bought[left].tolist()
    assert some.n_judged == known.n_judged
    assert np.unique(some.customers).tolist() == [*range(len(left))]
    for new, old in enumerate(left):
        cells, before = some.customers == new, (known.customers == old) & kept
        assert (some.signals[:, cells] == known.signals[:, before]).all()
        assert (some.other_neighbours[:, cells] == known.other_neighbours[:, before]).all()
        assert (some.bought[cells] == known.bought[before]).all()
        assert some.named[cells].all()
