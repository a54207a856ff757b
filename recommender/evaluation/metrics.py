"""What a list is worth, customer by customer.

Lists have shape (users, n), int32: item indexes, best first, each item once, -1 where a list is shorter. What
is relevant is a sparse matrix with the same rows and at least as many columns as there are items; columns
that no list can name count as relevant all the same. A user without a relevant item has no value (NaN): means
leave such users out.
"""

import numpy as np
from scipy.sparse import csr_matrix

from recommender.system.arrays import Array, Bools, Float64s, Int32s, row_indexes


def hits(lists: Int32s, relevant: "csr_matrix[np.bool_]") -> Bools:
    """Whether each entry of the lists is relevant, shape (users, n); an empty entry is not."""
    n_users, n_items = relevant.shape
    codes = row_indexes(relevant.indptr) * n_items + relevant.indices
    if not len(codes):
        return np.zeros(lists.shape, bool)
    codes.sort()
    wanted = np.arange(n_users)[:, None] * n_items + lists
    places = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
    found: Bools = (codes[places] == wanted) & (lists >= 0)
    return found


def ndcg(lists: Int32s, relevant: "csr_matrix[np.bool_]") -> Float64s:
    """nDCG@n with binary relevance, shape (users,), float64, 0 to 1; NaN without a relevant item.

    DCG is the sum over the hits of 1 / log2(rank + 2), with the rank from 0; the ideal list has min(n, number
    of relevant items) hits in front (Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR
    techniques", TOIS 2002, with the discount from the first position on). So a list that is too short, or n
    smaller than what there is to find, is measured against what n positions could hold.
    """
    n = lists.shape[1]
    discounts = 1 / np.log2(np.arange(n) + 2)
    ideals = np.concatenate([[np.nan], np.cumsum(discounts)])
    # Added up in the same order as the ideal, so that a perfect list has 1 to the bit.
    gained: Float64s = np.cumsum(np.where(hits(lists, relevant), discounts, 0), axis=1)[:, -1]
    found: Float64s = gained / ideals[np.minimum(_n_relevant(relevant), n)]
    return found


def recall(lists: Int32s, relevant: "csr_matrix[np.bool_]") -> Float64s:
    """The share of the relevant items that is in the list, shape (users,), float64; NaN without any.

    Where there is more to find than n items, 1 cannot be reached.
    """
    return _known(np.count_nonzero(hits(lists, relevant), axis=1), relevant, by=_n_relevant(relevant))


def hit(lists: Int32s, relevant: "csr_matrix[np.bool_]") -> Float64s:
    """1 where at least one entry is relevant, else 0, shape (users,), float64; NaN without a relevant item.

    The mean is the hit rate@n.
    """
    return _known(np.count_nonzero(hits(lists, relevant), axis=1) > 0, relevant, by=1)


def coverage(lists: Int32s, candidates: Bools) -> float:
    """The share of the candidates that is in anybody's list, 0 to 1; NaN without candidates.

    Args:
        lists: of all users that are looked at.
        candidates: shape (items,), bool: what may be in a list.
    """
    listed = np.zeros(len(candidates), bool)
    listed[lists[lists >= 0]] = True
    n_candidates = np.count_nonzero(candidates)
    return np.count_nonzero(listed & candidates) / n_candidates if n_candidates else np.nan


def full_share(lists: Int32s) -> float:
    """The share of the users whose list has n items, 0 to 1; NaN without users."""
    return float((lists >= 0).all(axis=1).mean()) if len(lists) else np.nan


def _n_relevant(relevant: "csr_matrix[np.bool_]") -> Int32s:
    return np.diff(relevant.indptr)


def _known(values: Array, relevant: "csr_matrix[np.bool_]", *, by: Int32s | int) -> Float64s:
    """The values divided; NaN where nothing is relevant."""
    known = _n_relevant(relevant) > 0
    found: Float64s = np.divide(values, by, out=np.full(len(values), np.nan), where=known)
    return found
