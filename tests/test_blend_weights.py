"""Learning the weights of the signals."""

import numpy as np
import pytest

from recommender.learning.signals import SIGNALS
from recommender.learning.weights import Choices, _Likelihood, default_weights, learn, weights_of

TRUE = np.array([2.0, 1.0, 0.0, 0.5, -0.5, 0.3, -1.0])


def _simulated(n_customers, *, seed=0, n_candidates=25, weights=TRUE):
    """Customers who choose one candidate each with the probabilities of the model."""
    rng = np.random.default_rng(seed)
    signals = rng.standard_normal((len(SIGNALS), n_customers * n_candidates))
    scores = (weights @ signals).reshape(n_customers, n_candidates)
    chosen = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    bought = np.zeros(scores.shape, bool)
    bought[np.arange(n_customers), chosen] = True
    return Choices(np.repeat(np.arange(n_customers), n_candidates), signals, bought.ravel())


def test_weights_that_made_the_choices_are_found_again():
    found = learn([_simulated(4000), _simulated(4000, seed=1)], np.zeros(len(SIGNALS)))
    assert found == pytest.approx(TRUE, abs=0.1)


def test_few_customers_hardly_move_the_prior_and_many_do():
    prior = weights_of({"als": 5.0})
    few, many = (learn([_simulated(n)], prior) for n in (3, 3000))
    assert np.abs(few - prior).max() < np.abs(many - prior).max() / 3
    assert np.linalg.norm(many - TRUE) < np.linalg.norm(prior - TRUE) / 5


def test_nobody_who_bought_a_candidate_leaves_the_prior():
    choices = _simulated(5)
    nothing = Choices(choices.customers, choices.signals, np.zeros(len(choices.bought), bool))
    prior = default_weights(exclude_seen=True)
    assert learn([nothing], prior) is prior
    assert learn([], prior) is prior


def test_a_signal_that_says_nothing_keeps_its_prior():
    choices = _simulated(500)
    choices.signals[2] = 0
    prior = weights_of({"habit": 7.0})
    assert learn([choices], prior)[2] == 7.0


def test_who_bought_nothing_changes_nothing():
    choices = _simulated(300)
    more = _simulated(100, seed=9)
    silent = Choices(more.customers + 300, more.signals, np.zeros(len(more.bought), bool))
    both = Choices(
        np.append(choices.customers, silent.customers),
        np.append(choices.signals, silent.signals, axis=1),
        np.append(choices.bought, silent.bought),
    )
    prior = np.zeros(len(SIGNALS))
    assert learn([both], prior) == pytest.approx(learn([choices], prior), abs=1e-4)


def test_the_gradient_is_that_of_the_value():
    told = _Likelihood.of(_simulated(50))
    assert told is not None
    weights = np.linspace(-1, 1, len(SIGNALS))
    _, gradient = told.loss(weights)
    for place in range(len(SIGNALS)):
        step = np.eye(len(SIGNALS))[place] * 1e-6
        numeric = (told.loss(weights + step)[0] - told.loss(weights - step)[0]) / 2e-6
        assert gradient[place] == pytest.approx(numeric, rel=1e-4, abs=1e-6)


def test_a_customer_with_many_purchases_counts_once():
    signals = np.zeros((len(SIGNALS), 8))
    signals[0] = [1, 1, 1, 0, 1, 0, 0, 0]
    # The first bought three items with the signal, the second one without: on average half and half.
    bought = np.array([1, 1, 1, 0, 0, 1, 0, 0], bool)
    told = _Likelihood.of(Choices(np.repeat([0, 1], 4), signals, bought))
    assert told is not None
    value, _ = told.loss(weights_of({"als": 1}))
    e = np.e
    first = -np.log(e / (3 * e + 1))
    second = -np.log(1 / (e + 3))
    assert value == pytest.approx(first + second)
