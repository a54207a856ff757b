"""Item-to-item: which items go with one that was bought, learned in closed form.

Steck ("Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019) finds the items' weights B, with a
zero diagonal, that minimise |X - X B|² + λ |B|² over the users' weights X. With P = (Xᵀ X + λ I)⁻¹ they are
B_ij = -P_ij / P_jj. Here the inverse is taken over the items that sell most, and only the strongest positive
weights are kept: both bound memory and time, whatever the size of the catalogue, and on past windows of real
sales neither made the lists worse.
"""

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csr_matrix

from recommender.learning.sizes import MOST_ITEMS
from recommender.system.arrays import Float32s, Int64s
from recommender.system.threads import in_threads, one_blas_thread

_KEPT = 50
"""Neighbours kept of an item."""
_ROWS_AT_ONCE = 256
_REGULARIZATION = 200.0
"""λ: so many purchases of today's weight before an item's neighbours are believed by half."""


def neighbours(
    weights: "csr_matrix[np.float32]", *, threads: int, most_items: int = MOST_ITEMS
) -> "csr_matrix[np.float32]":
    """What each bought item adds to the others, shape (items, items), float32, sorted indices.

    Args:
        weights: shape (users, items): decayed counts of purchases.
        threads: how many to use, at least 1; the result is the same for any number.
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
        return csr_matrix((n_items, n_items), dtype=np.float32)  # type: ignore[arg-type]
    strengths = _strengths(weights[:, chosen].astype(np.float64), threads=threads)
    rows, columns = _largest(strengths, min(_KEPT, len(chosen) - 1))
    data = strengths[rows, columns]
    positive = data > 0
    rows, columns, data = rows[positive], columns[positive], data[positive]
    indptr = np.zeros(n_items + 1, np.int32)
    np.add.at(indptr, chosen[rows] + 1, 1)
    kept = csr_matrix(
        (data, chosen[columns].astype(np.int32), np.cumsum(indptr, dtype=np.int32)), shape=(n_items, n_items)
    )
    kept.has_sorted_indices = True
    return kept


def _strengths(weights: "csr_matrix[np.float64]", *, threads: int) -> Float32s:
    """B of the module's formula, dense."""
    of_items = weights.T.tocsr()
    n_items = of_items.shape[0]
    matrix = np.zeros((n_items, n_items))

    def multiply(part: int) -> None:
        first, last = part * _ROWS_AT_ONCE, min((part + 1) * _ROWS_AT_ONCE, n_items)
        # The matrix is symmetric, and of the other half nothing is read.
        matrix[first:last, :last] = (of_items[first:last] @ weights[:, :last]).toarray()

    in_threads(multiply, -(-n_items // _ROWS_AT_ONCE), threads=threads)
    matrix[np.diag_indices_from(matrix)] += _REGULARIZATION
    with one_blas_thread():
        # By Cholesky, in place: half the time and memory of a general inverse. LAPACK goes by columns: of a
        # symmetric matrix the transposed is the same, and needs no copy.
        matrix, _ = lapack.dpotrf(matrix.T, overwrite_a=True)
        matrix, _ = lapack.dpotri(matrix, overwrite_c=True)
    diagonal = np.diag(matrix).copy()
    strengths = np.empty(matrix.shape, np.float32)
    for first in range(0, len(matrix), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        # Only the upper triangle is there.
        whole = np.triu(matrix[rows], first + 1)
        whole += np.tril(matrix[:, rows].T, first - 1)
        strengths[rows] = -whole / diagonal
    return strengths


def _largest(strengths: Float32s, n: int) -> tuple[Int64s, Int64s]:
    """Row and column of the n largest of each row, in order of both; of equal ones the first columns."""
    found = []
    for first in range(0, len(strengths), _ROWS_AT_ONCE):
        part = strengths[first : first + _ROWS_AT_ONCE]
        bars = np.partition(part, part.shape[1] - n, axis=1)[:, [part.shape[1] - n]]
        above, ties = part > bars, part == bars
        room = n - above.sum(axis=1, keepdims=True)
        rows, columns = np.nonzero(above | (ties & (np.cumsum(ties, axis=1, dtype=np.int32) <= room)))
        found.append((rows + first, columns))
    rows, columns = (np.concatenate(part) for part in zip(*found, strict=True))
    return rows, columns
