"""Which of a user's own items led to a recommendation.

Hu, Koren and Volinsky (2008), section 5, write the score of item i for user u as a sum over the items j of
the user's history: with C_u the diagonal of confidences, Y the items' factors and

    W_u = (Yᵀ C_u Y + λ I)⁻¹,        score(u, i) = sum over j of  c_uj · y_iᵀ W_u y_j

so that each term is the contribution of j. One inverse per user would be slow. With M = Yᵀ Y + λ I, which all
users share, W_u = (M + Y_hᵀ D Y_h)⁻¹ where Y_h are the factors of the history and D = diag(c - 1). Let
M⁻¹ = L Lᵀ and V = Y L. By the identity of Woodbury the contributions to i of the whole history are

    c · (I + K D)⁻¹ B        with K = V_h V_hᵀ and B = V_h v_i

a system of the size of the history. Where the history is longer than the factors are many, the same is
c · V_h (I + V_hᵀ D V_h)⁻¹ v_i, a system of the size of the factors.
"""

import itertools

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular
from scipy.sparse import csr_matrix

from recommender.parallel import Progress, in_threads, one_blas_thread

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]

_NUMBERS_AT_ONCE = 1 << 17
"""Factors of histories gathered for one batch of users: small enough for the processor's cache."""
_BATCHES_PER_PART = 8
_TIE = 1e-9
"""Contributions this close, relative to the largest, are equal but for rounding."""


def because(
    item_factors: Float32s,
    confidences: "csr_matrix[np.float32]",
    lists: Int32s,
    *,
    regularization: float,
    threads: int,
    progress: Progress | None = None,
) -> Int32s:
    """For each recommended item the item of the user's history that contributes most to its score.

    Args:
        item_factors: shape (items, factors), float32.
        confidences: shape (users, items), sorted indices: c of the items of each user's history.
        lists: shape (users, n), int32: recommended items, -1 where there is none.
        regularization: λ of the training.
        threads: how many to use, at least 1.
        progress: called with parts of the work done and in all.

    Returns:
        Item indexes, shape (users, n), int32; -1 where there is no recommendation or no history. The largest
        contribution counts, whatever its sign; of equal ones the lower item index.
    """
    result = np.full(lists.shape, -1, np.int32)
    lengths = np.diff(confidences.indptr)
    users = np.flatnonzero((lengths > 0) & (lists >= 0).any(axis=1))
    if not len(users):
        return result
    factors = _whitened(item_factors, regularization)
    users = users[np.argsort(lengths[users], kind="stable")]
    batches = _batches(lengths[users], factors.shape[1])

    def work(part: int) -> None:
        for first, last in batches[part * _BATCHES_PER_PART : (part + 1) * _BATCHES_PER_PART]:
            chosen = users[first:last]
            cells = confidences.indptr[chosen][:, None] + np.arange(lengths[chosen[0]])
            history = confidences.indices[cells]
            found = contributions(factors, history, confidences.data[cells], np.maximum(lists[chosen], 0))
            largest = found.max(axis=1, keepdims=True)
            # The first of the equal ones: the history is in order of the item index.
            place = np.argmax(found >= largest - _TIE * np.abs(largest), axis=1)
            leading = np.take_along_axis(history, place, axis=1)
            result[chosen] = np.where(lists[chosen] >= 0, leading, -1)

    in_threads(work, -(-len(batches) // _BATCHES_PER_PART), threads=threads, progress=progress)
    return result


def _whitened(item_factors: Float32s, regularization: float) -> Float64s:
    """V = Y L of the module's formula, shape as `item_factors`, float64."""
    factors = item_factors.astype(np.float64)
    with one_blas_thread():
        shared = factors.T @ factors + regularization * np.eye(factors.shape[1])
        # M = R Rᵀ gives L = R⁻ᵀ, so V = Y R⁻ᵀ is the transposed solution of R Vᵀ = Yᵀ.
        solved = solve_triangular(np.linalg.cholesky(shared), factors.T, lower=True)
    return np.ascontiguousarray(solved.T)


def _batches(lengths: Int64s, n_factors: int) -> list[tuple[int, int]]:
    """Stretches of users with histories of equal length, each of bounded size."""
    bounds = []
    changes = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(lengths)]
    for first, last in itertools.pairwise(changes):
        step = max(1, _NUMBERS_AT_ONCE // (int(lengths[first]) * n_factors))
        bounds += [(start, min(start + step, last)) for start in range(first, last, step)]
    return bounds


def contributions(factors: Float64s, history: Int32s, confidences: Float32s, items: Int32s) -> Float64s:
    """Contributions of each history's items to the scores of some items.

    Args:
        factors: V of the module's formula, shape (items, factors), float64.
        history: shape (users, h): all histories of one length.
        confidences: their c, shape (users, h).
        items: shape (users, n).

    Returns:
        Shape (users, h, n), float64; the sum over h is the score with the user's factors solved exactly.
    """
    own, wanted = factors[history], factors[items].transpose(0, 2, 1)
    confidence = confidences.astype(np.float64)[:, :, None]
    length, n_factors = own.shape[1:]
    transposed = own.transpose(0, 2, 1)
    if length <= n_factors:
        system = (own @ transposed) * (confidence - 1).transpose(0, 2, 1)
        diagonal = np.arange(length)
        system[:, diagonal, diagonal] += 1
        return confidence * np.linalg.solve(system, own @ wanted)
    system = transposed @ (own * (confidence - 1))
    diagonal = np.arange(n_factors)
    system[:, diagonal, diagonal] += 1
    return confidence * (own @ np.linalg.solve(system, wanted))
