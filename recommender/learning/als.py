"""The model: implicit-feedback ALS, trained on the weights or folded into new ones.

Hu, Koren and Volinsky ("Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008) minimise, over
the factors x_u of users and y_i of items,

    sum over all u, i of c_ui (p_ui - x_u·y_i)²  +  λ (sum |x_u|² + sum |y_i|²)

with the preference p_ui = 1 where there is an interaction and 0 elsewhere, and the confidence
c_ui = 1 + alpha r_ui. Here r_ui is the weight: the decayed count of purchases.
"""

import dataclasses
import logging
from dataclasses import dataclass

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.recommender_base import ModelFitError
from implicit.utils import check_random_state
from scipy.sparse import csr_matrix

from recommender.errors import ModelError
from recommender.learning.interactions import Interactions
from recommender.runs.keys import Keys
from recommender.system.arrays import Float32s, Int64s, UInt64s
from recommender.system.threads import Progress, one_blas_thread

WARM_ITERATIONS = 2
"""So many iterations from an earlier model's factors are enough."""
_RAISE = "Raise REGULARIZATION, or lower ALPHA."
_MOST_REGULARIZATION = 1e6
_LARGEST_SCORE = 1e6
"""What training aims at is a score of 1; a greater one than this is what rounding has blown up."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class AlsSettings:
    """What training is told beside the weights."""

    factors: int
    """latent factors of each user and item"""
    regularization: float
    """λ of the formula above"""
    iterations: int
    """rounds of users, then items"""
    alpha: float
    """alpha of the formula above: confidence gained by one purchase of today"""
    seed: int
    """of the random factors that training starts with"""


@dataclass(frozen=True, eq=False)
class Model:
    """Factors of users and items, in canonical key order."""

    user_ids: Keys
    item_ids: Keys
    user_factors: Float32s
    """shape (users, factors), float32; all zero for a user without an item that the model knows"""
    item_factors: Float32s
    """shape (items, factors), float32"""
    history: UInt64s
    """shape (users,), uint64: `Interactions.history` of the sales that the user's factors were made from"""
    settings: AlsSettings

    def known_share(self, interactions: Interactions) -> float:
        """The share of the interactions whose item has factors here, 0 to 1."""
        known = self.item_ids.find(interactions.item_ids)
        has_factors = np.append(self.item_factors.any(axis=1), [False])  # the last for -1, an unknown one
        cells = has_factors[known][interactions.weights.indices]
        return float(cells.mean()) if len(cells) else 0.0

    def unknown_items(self, interactions: Interactions) -> Int64s:
        """The items of the interactions that the model does not know: indexes into their `item_ids`."""
        return np.flatnonzero(self.item_ids.find(interactions.item_ids) < 0)


def confidences(weights: "csr_matrix[np.float32]", alpha: float) -> "csr_matrix[np.float32]":
    """The confidences c = 1 + alpha r of the cells, shape as the weights.

    The library takes what stands in a cell as the confidence itself, and 1 for an empty cell. With alpha r
    alone, as its own `alpha` makes it, a purchase decayed below 1 / alpha would count less than none.
    """
    data = np.float32(1) + np.float32(alpha) * weights.data
    return csr_matrix((data, weights.indices, weights.indptr), shape=weights.shape)


def train(
    interactions: Interactions,
    settings: AlsSettings,
    *,
    threads: int,
    start: Model | None = None,
    progress: Progress | None = None,
) -> Model:
    """Train a model. The same weights, settings and start give the same bits for any number of threads.

    A warm start keeps the factors of the users and items that it knows. New ones begin at zero: an item that
    nobody has learned yet then says nothing about the users, whom the first half of an iteration solves, and
    the second half solves the item from its users.

    Where 32 bits are too few for the equations, as with hardly any sales and a tiny λ, they are solved with
    ten times the λ, and again until the factors are of use; the model's settings have the λ that was taken.

    Args:
        interactions: users, items and weights.
        settings: of the model.
        threads: how many to use, at least 1.
        start: an earlier model of the same settings, from which fewer iterations are enough; default none.
        progress: called with iterations done and in all; what it raises stops the training.

    Raises:
        ModelError: the factors came out infinite or as no numbers, whatever the λ.
    """
    while True:
        try:
            user_factors, item_factors = _fitted(interactions, settings, threads, start, progress)
        except ModelFitError as error:
            why = str(error)
        else:
            if _largest_score(user_factors, item_factors) <= _LARGEST_SCORE:
                return Model(
                    user_ids=interactions.user_ids,
                    item_ids=interactions.item_ids,
                    user_factors=user_factors,
                    item_factors=item_factors,
                    history=interactions.history,
                    settings=settings,
                )
            why = "the factors are too large"
        stronger = 10 * settings.regularization
        if stronger > _MOST_REGULARIZATION:
            raise ModelError("model-training", f"The training has failed: {why}.", _RAISE)
        log.info("REGULARIZATION %g: %s; trying %g", settings.regularization, why, stronger)
        settings = dataclasses.replace(settings, regularization=stronger)


def _fitted(
    interactions: Interactions,
    settings: AlsSettings,
    threads: int,
    start: Model | None,
    progress: Progress | None,
) -> tuple[Float32s, Float32s]:
    """The factors of users and items, as the library makes them."""
    n_users, n_items = interactions.weights.shape
    if not interactions.weights.nnz:
        nothing = np.zeros((n_users + n_items, settings.factors), np.float32)
        return nothing[:n_users], nothing[n_users:]
    iterations = settings.iterations if start is None else min(WARM_ITERATIONS, settings.iterations)

    def report(iteration: int, _seconds: float, _loss: float | None) -> None:
        if progress is not None:
            progress(iteration + 1, iterations)

    # What overflows is found by a look at the result.
    with one_blas_thread(), np.errstate(all="ignore"):
        als = _als(settings, threads)
        als.iterations = iterations
        if start is None:
            als.user_factors, als.item_factors = _random_factors(settings, n_users, n_items)
        else:
            als.user_factors = _carried(start.user_factors, start.user_ids, interactions.user_ids)
            als.item_factors = _carried(start.item_factors, start.item_ids, interactions.item_ids)
        als.fit(confidences(interactions.weights, settings.alpha), show_progress=False, callback=report)
    return als.user_factors, als.item_factors


def _largest_score(user_factors: Float32s, item_factors: Float32s) -> float:
    """No score is greater than this: |x| |y| of the longest factors; infinite for what is no number."""
    lengths = [
        np.sqrt(np.einsum("ij,ij->i", factors, factors, dtype=np.float64)).max(initial=0)
        for factors in (user_factors, item_factors)
    ]
    largest = float(lengths[0] * lengths[1])
    return largest if np.isfinite(largest) else np.inf


def _random_factors(settings: AlsSettings, n_users: int, n_items: int) -> tuple[Float32s, Float32s]:
    """What the library would begin with, bit for bit; it makes an array more on the way."""
    chance = check_random_state(settings.seed)
    users, items = (chance.random((n, settings.factors), dtype=np.float32) for n in (n_users, n_items))
    users *= np.float32(0.01)
    items *= np.float32(0.01)
    return users, items


def _carried(factors: Float32s, known: Keys, wanted: Keys) -> Float32s:
    """The factors of the wanted keys, shape (wanted, factors); zeros for those that are not known."""
    if not len(known):
        return np.zeros((len(wanted), factors.shape[1]), np.float32)
    places = known.find(wanted)
    carried = np.empty((len(wanted), factors.shape[1]), np.float32)
    np.take(factors, places, axis=0, out=carried, mode="clip")
    carried[places < 0] = 0
    return carried


def _als(settings: AlsSettings, threads: int) -> AlternatingLeastSquares:
    """The library's ALS; call it where BLAS is held at one thread, else it warns and is slow."""
    return AlternatingLeastSquares(
        factors=settings.factors,
        regularization=settings.regularization,
        iterations=settings.iterations,
        alpha=1.0,
        num_threads=threads,
        random_state=settings.seed,
    )


def fold_in(model: Model, interactions: Interactions, *, threads: int) -> Model:
    """The model on new sales: its items as they are, the users of the interactions.

    A user whose history is the one that the model knows keeps the factors bit for bit. Every other user's
    factors are those that minimise the formula above with the items' factors fixed; a user without an item
    that the model knows has zeros.

    Args:
        model: a trained or loaded model.
        interactions: the new sales.
        threads: how many to use, at least 1.

    Raises:
        ModelError: the equations of a customer have no unique solution in 32 bits.
    """
    known_user = model.user_ids.find(interactions.user_ids)
    same = known_user >= 0
    same[same] = model.history[known_user[same]] == interactions.history[same]
    user_factors = np.zeros((len(interactions.user_ids), model.settings.factors), np.float32)
    user_factors[same] = model.user_factors[known_user[same]]
    changed = np.flatnonzero(~same)
    rows = known_weights(model, interactions)[changed]
    if rows.nnz:
        with one_blas_thread():
            als = _als(model.settings, threads)
            als.item_factors = model.item_factors
            rows = confidences(rows, model.settings.alpha)
            try:
                user_factors[changed] = als.recalculate_user(np.arange(len(changed)), rows)
            except ValueError as error:  # its Cholesky decomposition met a singular matrix
                raise ModelError(
                    "model-training", f"The model cannot take in the new sales: {error}.", _RAISE
                ) from error
    log.info(
        "%s customers keep their factors, %s are folded in, %s items are unknown to the model",
        int(same.sum()),
        len(changed),
        len(model.unknown_items(interactions)),
    )
    return Model(
        user_ids=interactions.user_ids,
        item_ids=model.item_ids,
        user_factors=user_factors,
        item_factors=model.item_factors,
        history=interactions.history,
        settings=model.settings,
    )


def known_weights(model: Model, interactions: Interactions) -> "csr_matrix[np.float32]":
    """The weights with the model's columns, shape (users, items of the model); other items' cells left out.

    Both sides are in canonical order, so the columns stay sorted.
    """
    weights = interactions.weights
    if model.item_ids == interactions.item_ids:
        return weights
    columns = model.item_ids.find(interactions.item_ids)[weights.indices]
    kept = columns >= 0
    before = np.concatenate([[0], np.cumsum(kept)])
    return csr_matrix(
        (weights.data[kept], columns[kept].astype(np.int32), before[weights.indptr].astype(np.int32)),
        shape=(weights.shape[0], len(model.item_ids)),
    )
