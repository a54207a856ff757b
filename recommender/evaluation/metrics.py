"""How good lists are, against what was bought afterwards. A user without any relevant item has no figure."""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def hits(lists: Int32s, relevant: "csr_matrix[np.float32]") -> Bools:
    """Whether each listed item is relevant, shape (users, n).

    Args:
        lists: shape (users, n): items, best first, each once; -1 where a list is shorter.
        relevant: shape (users, items): the cells that are not 0.
    """
    n_items = relevant.shape[1]
    rows = np.repeat(np.arange(relevant.shape[0]), np.diff(relevant.indptr)).astype(np.int64)
    wanted = rows * n_items + relevant.indices
    listed = np.arange(len(lists), dtype=np.int64)[:, None] * n_items + lists
    return np.isin(listed, wanted) & (lists >= 0)


def ndcg(lists: Int32s, relevant: "csr_matrix[np.float32]") -> Float64s:
    """Normalised discounted cumulative gain of each user, shape (users,), 0 to 1.

    A hit at rank r from 0 gains 1 / log2(r + 2); the sum is held against that of a list which has all it
    could: min(n, number of relevant items) hits in front (Järvelin and Kekäläinen, "Cumulated Gain-Based
    Evaluation of IR Techniques", TOIS 2002, with binary relevance).

    Args:
        lists: as for `hits`.
        relevant: as for `hits`; every user has at least one.
    """
    discount = 1 / np.log2(np.arange(lists.shape[1]) + 2)
    ideal = np.cumsum(discount)
    possible = np.minimum(np.diff(relevant.indptr), lists.shape[1])
    figures: Float64s = (hits(lists, relevant) @ discount) / ideal[possible - 1]
    return figures


def recall(lists: Int32s, relevant: "csr_matrix[np.float32]") -> Float64s:
    """Share of the user's relevant items that are listed, shape (users,); arguments as for `ndcg`."""
    found = np.bincount(np.nonzero(hits(lists, relevant))[0], minlength=len(lists))
    shares: Float64s = np.true_divide(found, np.diff(relevant.indptr), dtype=np.float64)
    return shares


def hit_rate(lists: Int32s, relevant: "csr_matrix[np.float32]") -> Float64s:
    """1 for a user with at least one hit, else 0, shape (users,); arguments as for `ndcg`."""
    return hits(lists, relevant).any(axis=1).astype(np.float64)


def coverage(lists: Int32s, n_candidates: int) -> float:
    """Share of the candidates that are recommended to anyone, 0 to 1 (0 without candidates)."""
    return len(np.unique(lists[lists >= 0])) / n_candidates if n_candidates else 0.0


def full_share(lists: Int32s) -> float:
    """Share of users whose list is full, 0 to 1 (0 without users)."""
    return float((lists >= 0).all(axis=1).mean()) if len(lists) else 0.0
