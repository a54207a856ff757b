"""Item-to-item: which items go with one that was bought, learned in closed form.

Steck ("Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019) finds the items' weights B, with a
zero diagonal, that minimise |X - X B|² + λ |B|² over the users' weights X. With P = (Xᵀ X + λ I)⁻¹ they are
B_ij = -P_ij / P_jj. Here the inverse is taken over the items that sell most, and only the strongest positive
weights are kept: both bound memory and time, whatever the size of the catalogue, and on past windows of real
sales neither made the lists worse.
"""

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack
from scipy.sparse import csr_matrix

from recommender.parallel import one_blas_thread

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

MOST_ITEMS = 2000
"""Items of which the dense matrix is made: 32 MB of it."""
_KEPT = 50
"""Neighbours kept of an item."""
_REGULARIZATION = 200.0
"""λ: so many purchases of today's weight before an item's neighbours are believed by half."""


def neighbours(
    weights: "csr_matrix[np.float32]", *, most_items: int = MOST_ITEMS
) -> "csr_matrix[np.float32]":
    """What each bought item adds to the others, shape (items, items), float32, sorted indices.

    Args:
        weights: shape (users, items): decayed counts of purchases.
        most_items: of how many items, those with the greatest sum of weights, of equal sums the first ones.

    Returns:
        In row i and column j the B_ij of the module's formula, where it is one of the row's largest and
        positive. Items beyond `most_items` have no cells.
    """
    n_items = weights.shape[1]
    total = np.bincount(weights.indices, weights.data.astype(np.float64), minlength=n_items)
    chosen = np.sort(np.argsort(-total, kind="stable")[:most_items])
    chosen = chosen[total[chosen] > 0]
    if len(chosen) < 2:  # noqa: PLR2004 - a neighbour is another item
        return csr_matrix(np.zeros((0, 0), np.float32), shape=(n_items, n_items))
    strengths = _strengths(weights[:, chosen].astype(np.float64))
    rows, columns = _largest(strengths, min(_KEPT, len(chosen) - 1))
    data = strengths[rows, columns].astype(np.float32)
    positive = data > 0
    rows, columns, data = rows[positive], columns[positive], data[positive]
    indptr = np.zeros(n_items + 1, np.int32)
    np.add.at(indptr, chosen[rows] + 1, 1)
    kept = csr_matrix(
        (data, chosen[columns].astype(np.int32), np.cumsum(indptr, dtype=np.int32)), shape=(n_items, n_items)
    )
    kept.has_sorted_indices = True
    return kept


def _strengths(weights: "csr_matrix[np.float64]") -> Float64s:
    """B of the module's formula, dense."""
    gram = (weights.T @ weights).toarray()
    gram[np.diag_indices_from(gram)] += _REGULARIZATION
    with one_blas_thread():
        # By Cholesky, in place: half the time and memory of a general inverse. G is positive definite.
        factor, _ = lapack.dpotrf(gram, overwrite_a=True)
        inverse, _ = lapack.dpotri(factor, overwrite_c=True)
    upper = np.triu(inverse, 1)
    diagonal = np.diag(inverse).copy()
    strengths: Float64s = -(upper + upper.T) / diagonal
    np.fill_diagonal(strengths, 0)
    return strengths


def _largest(strengths: Float64s, n: int) -> tuple[Int64s, Int64s]:
    """Row and column of the n largest of each row, in order of both; of equal ones the first columns."""
    bars = np.partition(strengths, strengths.shape[1] - n, axis=1)[:, [strengths.shape[1] - n]]
    above = strengths > bars
    ties = strengths == bars
    room = n - above.sum(axis=1, keepdims=True)
    rows, columns = np.nonzero(above | (ties & (np.cumsum(ties, axis=1) <= room)))
    return rows, columns
