"""Item-to-item: which items go with what was bought, learned in closed form.

Steck ("Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019) finds the items' weights B, with a
zero diagonal, that minimise |X - X B|² + λ |B|² over the users' weights X. With P = (Xᵀ X + λ I)⁻¹ they are
B_ij = -P_ij / P_jj, and the scores of all users X B.

Where customers are fewer than items, the same is worked out in their space. By the identity of Woodbury
λ P = I - Xᵀ G X with G = (X Xᵀ + λ I)⁻¹, so that with x_j, a column of X, and d_j = x_jᵀ G x_j

    B_ij = x_iᵀ G x_j / (1 - d_j)    and    X B = X - λ G X (1 - d)⁻¹

which takes the inverse of a matrix of the customers alone, and all items of a long catalogue have neighbours.

Either inverse is of `MOST_ITEMS` rows at most: the one of items is taken over those that sell most. All
weights are kept, also those below 0. X is ln(1 + the decayed count of purchases).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csr_matrix

from recommender.learning.habit import decayed_frequency
from recommender.learning.interactions import Interactions
from recommender.learning.sizes import MOST_ITEMS
from recommender.system.arrays import Float32s, Float64s, Int32s, Int64s, Integers, row_indexes
from recommender.system.threads import in_threads, one_blas_thread

_ROWS_AT_ONCE = 256
_FEW = 2
"""Users are few where so many times their number is no more than the items that have neighbours."""


@dataclass(frozen=True, kw_only=True)
class NeighbourSettings:
    """How neighbours are learned."""

    half_life_days: float
    """a purchase counts half after so many days"""
    regularization: float
    """λ of the module's formula: so much weight before an item's neighbours are believed by half"""


VARIANTS = (
    NeighbourSettings(half_life_days=60.0, regularization=200.0),
    NeighbourSettings(half_life_days=180.0, regularization=800.0),
)
"""Which of them foretells best differs from shop to shop; the first is the default."""


@dataclass(frozen=True, eq=False)
class Neighbours(ABC):
    """What the items that a customer bought add to other ones."""

    weights: "csr_matrix[np.float32]"
    """X of the module's formula, shape (users, items); the cells are those of the interactions' weights"""
    items: Int64s
    """shape (columns,), ascending: the items that have neighbours"""

    @abstractmethod
    def of(self, users: Int64s) -> "Neighbours":
        """Of these users alone, numbered anew in this order; where they are few, their scores may be all."""

    @abstractmethod
    def scores_of(self, items: Int64s) -> Callable[[Int64s], Float32s]:
        """A function from users, shape (users,), to their scores X B of these items, shape (users, items).

        The same to the bit whatever users and items are asked for together.

        Args:
            items: some of `items`.
        """

    @abstractmethod
    def addends(self, cells: Integers, items: Int32s) -> Float64s:
        """What each bought item adds to the scores of some others.

        Args:
            cells: shape (users, h): cells of `weights`, of each user h of theirs.
            items: shape (users, n).

        Returns:
            X_ui B_ij, shape (users, h, n), float64; 0 for items without neighbours.

        Raises:
            ValueError: these are some users (`of`), of whom only the scores are kept.
        """


def learn_neighbours(
    interactions: Interactions, settings: NeighbourSettings, *, threads: int, most: int = MOST_ITEMS
) -> Neighbours:
    """The neighbours of a shop's items.

    Args:
        interactions: the sales.
        settings: half-life and λ.
        threads: how many to use, at least 1; the result is the same for any number.
        most: rows of the matrix that is inverted: customers, where they are fewer than the items; else items,
            those with the greatest sum of weights, of equal sums the first ones.
    """
    counts = decayed_frequency(interactions, half_life_days=settings.half_life_days)
    counts.data = np.log1p(counts.data)
    weights: csr_matrix[np.float32] = counts.astype(np.float32)
    n_users, n_items = weights.shape
    total = np.bincount(weights.indices, weights.data.astype(np.float64), minlength=n_items)
    sold = np.flatnonzero(total > 0)
    if len(sold) < 2:  # noqa: PLR2004 - a neighbour is another item
        return _InItems(weights, sold[:0], np.zeros((0, 0), np.float32))
    if n_users < len(sold) and n_users <= most:
        return _in_customers(weights, sold, settings.regularization, threads)
    chosen = np.sort(np.argsort(-total, kind="stable")[:most])
    chosen = chosen[total[chosen] > 0]
    strengths = _inverse(weights[:, chosen].T.tocsr(), settings.regularization, threads)
    diagonal = np.diag(strengths).copy()
    strengths /= -diagonal
    np.fill_diagonal(strengths, 0)
    return _InItems(weights, chosen, strengths)


@dataclass(frozen=True, eq=False)
class _InItems(Neighbours):
    """By B itself."""

    strengths: Float32s
    """B, shape (columns, columns)"""

    def of(self, users: Int64s) -> Neighbours:
        weights = self.weights[users]
        if len(users) * _FEW > len(self.items):
            return replace(self, weights=weights)
        # Those of some users are smaller than B, of which a night has one for each of several windows.
        return _Scores(weights, self.items, self.scores_of(self.items)(users))

    def scores_of(self, items: Int64s) -> Callable[[Int64s], Float32s]:
        known = self.weights[:, self.items]
        columns = np.searchsorted(self.items, items)
        # A copy of these columns of B would be as large as B.
        return lambda users: np.asarray(known[users] @ self.strengths)[:, columns]

    def addends(self, cells: Integers, items: Int32s) -> Float64s:
        rows, columns = self._place[self.weights.indices[cells]], self._place[items]
        if not len(self.items):
            return np.zeros((*cells.shape, items.shape[1]))
        found = self.strengths[rows[:, :, None], columns[:, None, :]].astype(np.float64)
        found *= self.weights.data[cells][:, :, None]
        found[(rows < 0)[:, :, None] | (columns < 0)[:, None, :]] = 0
        return found

    @cached_property
    def _place(self) -> Int64s:
        """Shape (all items,): row and column in `strengths`, -1 without."""
        place = np.full(self.weights.shape[1], -1, np.int64)
        place[self.items] = np.arange(len(self.items))
        return place


@dataclass(frozen=True, eq=False)
class _Scores(Neighbours):
    """Without B, the scores of some users that were made by it."""

    scores: Float32s
    """X B, shape (users, columns)"""

    def of(self, users: Int64s) -> Neighbours:
        return replace(self, weights=self.weights[users], scores=self.scores[users])

    def scores_of(self, items: Int64s) -> Callable[[Int64s], Float32s]:
        columns = np.searchsorted(self.items, items)
        return lambda users: self.scores[users[:, None], columns]

    def addends(self, cells: Integers, items: Int32s) -> Float64s:  # noqa: ARG002 - as the others have them
        raise ValueError("of these users only the scores are kept: ask for the addends of all")


def _in_customers(
    weights: "csr_matrix[np.float32]", sold: Int64s, regularization: float, threads: int
) -> "_InCustomers":
    inverse = _inverse(weights, regularization, threads)
    by_item = weights.T.tocsr()
    rest = np.ones(weights.shape[1])

    def work(part: int) -> None:
        rows = slice(part * _ROWS_AT_ONCE, (part + 1) * _ROWS_AT_ONCE)
        some = by_item[rows]
        rest[rows] -= np.asarray(some.multiply(some @ inverse).sum(axis=1)).ravel()

    in_threads(work, -(-weights.shape[1] // _ROWS_AT_ONCE), threads=threads)
    return _InCustomers(weights, sold, np.arange(len(inverse)), inverse, by_item, rest, regularization)


@dataclass(frozen=True, eq=False)
class _InCustomers(Neighbours):
    """By G."""

    users: Int64s
    """shape (users,): which of all customers they are"""
    inverse: Float32s
    """G, shape (all customers, all customers)"""
    by_item: "csr_matrix[np.float32]"
    """Xᵀ, shape (items, all customers)"""
    rest: Float64s
    """1 - d, shape (items,)"""
    regularization: float

    def of(self, users: Int64s) -> Neighbours:
        return replace(self, weights=self.weights[users], users=self.users[users])

    def scores_of(self, items: Int64s) -> Callable[[Int64s], Float32s]:
        by_item, own = self.by_item[items], self.weights[:, items]
        factors = (-self.regularization / self.rest[items]).astype(np.float32)[:, None]

        def scores(users: Int64s) -> Float32s:
            found = np.asarray(by_item @ np.ascontiguousarray(self.inverse[self.users[users]].T))
            found *= factors
            bought = own[users]
            found[bought.indices, row_indexes(bought.indptr)] += bought.data
            return np.ascontiguousarray(found.T)

        return scores

    def addends(self, cells: Integers, items: Int32s) -> Float64s:
        bought, data = self.weights.indices[cells], self.weights.data[cells]
        found = np.empty((*cells.shape, items.shape[1]))
        for user, wanted in enumerate(items):
            columns = (self.by_item[wanted] @ self.inverse).T
            found[user] = self.by_item[bought[user]] @ columns * data[user][:, None]
        found /= self.rest[items][:, None, :]
        found[bought[:, :, None] == items[:, None, :]] = 0
        return found


def _inverse(rows: "csr_matrix[np.float32]", regularization: float, threads: int) -> Float32s:
    """(R Rᵀ + λ I)⁻¹ of some rows R, dense, in 32 bits."""
    n_rows, transposed = rows.shape[0], rows.T.tocsr()
    matrix = np.zeros((n_rows, n_rows), np.float32)

    def multiply(part: int) -> None:
        first, last = part * _ROWS_AT_ONCE, min((part + 1) * _ROWS_AT_ONCE, n_rows)
        # The matrix is symmetric, and of the other half nothing is read.
        matrix[first:last, :last] = (rows[first:last] @ transposed[:, :last]).toarray()

    in_threads(multiply, -(-n_rows // _ROWS_AT_ONCE), threads=threads)
    matrix[np.diag_indices_from(matrix)] += np.float32(regularization)
    with one_blas_thread():
        # By Cholesky, in place: half the time and memory of a general inverse. LAPACK goes by columns: of a
        # symmetric matrix the transposed is the same, and needs no copy.
        matrix, _ = lapack.spotrf(matrix.T, overwrite_a=True)
        matrix, _ = lapack.spotri(matrix, overwrite_c=True)
    found: Float32s = matrix.T
    for first in range(0, n_rows, _ROWS_AT_ONCE):
        # Only the lower triangle is there.
        part, below = slice(first, first + _ROWS_AT_ONCE), slice(first + _ROWS_AT_ONCE, None)
        lower = np.tril(found[part, part])
        found[part, part] = lower + np.tril(lower, -1).T
        found[part, below] = found[below, part].T
    return found
