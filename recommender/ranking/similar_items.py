"""Similar items: those that the same customers buy."""

import numpy as np
from scipy.sparse import csr_matrix

from recommender.ranking.listrules import ListRules
from recommender.ranking.pairs import PairMaker
from recommender.ranking.places import best_rows
from recommender.ranking.rows import ListRows, joined
from recommender.system.arrays import Bools
from recommender.system.threads import Progress, in_threads

_FEWEST = 3
"""Common customers below which nothing is said of a pair."""
_SHRINKAGE = 10.0
"""At so many common customers a cosine is believed by half."""
MOST_ITEMS = 500
"""Items of one customer that count."""


def similar_items(
    weights: "csr_matrix[np.float32]",
    *,
    candidates: Bools,
    n: int,
    threads: int,
    rules: ListRules | None = None,
    progress: Progress | None = None,
    most_items: int = MOST_ITEMS,
) -> ListRows:
    """The items most similar to each item.

    The similarity is the cosine of the two items' columns of weights, shrunk by c / (c + 10) at c common
    customers, as Bell and Koren do for few ratings ("Scalable Collaborative Filtering with Jointly Derived
    Neighborhood Interpolation Weights", ICDM 2007); with fewer than 3 there is none. Before, the weights of a
    customer of d items are divided by the fourth root of d: who buys a bit of everything says less of what
    belongs together (as the inverse user frequency of Breese, Heckerman and Kadie, UAI 1998). On past windows
    of real sales that root found a seventh more of what customers bought next.

    A customer with more than `most_items` items counts with those of the greatest weights (of equal ones the
    first). So the time is at most `most_items` for each cell of the weights, however much a wholesaler buys.

    Args:
        weights: shape (users, items): decayed counts of purchases.
        candidates: shape (items,): what may be listed. An item that may not still has a list.
        n: rows of a list at most.
        threads: how many to use, at least 1; the result is the same for any number.
        rules: the shop's own for this list; their `allowed` are the candidates.
        progress: called with blocks of items done and in all.
        most_items: see above.

    Returns:
        Rows whose owners are items. An item with too little evidence has none.
    """
    cells = _cells(weights, most_items)
    norms = np.sqrt(np.bincount(cells.indices, cells.data**2, minlength=cells.shape[1]))
    maker = PairMaker(cells, candidates)

    def work(number: int) -> ListRows:
        block = maker.block(number)
        kept = block.common >= _FEWEST
        item, other, common = block.item[kept], block.other[kept], block.common[kept]
        cosine = block.product[kept] / (norms[item] * norms[other])
        score = cosine * (common / (common + _SHRINKAGE))
        return best_rows(item, other, score, n=n, rules=rules, of=block.of, are_items=True)

    return joined(in_threads(work, maker.n_blocks, threads=threads, progress=progress))


def _cells(weights: "csr_matrix[np.float32]", most_items: int) -> "csr_matrix[np.float64]":
    """The positive cells, of each user no more than `most_items`, over the fourth root of their number."""
    # A weight so old that 32 bits hold it as 0 would be a cell that the products know nothing of.
    kept = weights.data > 0
    for user in np.flatnonzero(np.diff(weights.indptr) > most_items).tolist():
        own = slice(weights.indptr[user], weights.indptr[user + 1])
        # The items of a user are in order, so that of equal weights the first stay.
        order = np.argsort(-weights.data[own], kind="stable")
        kept[own][order[most_items:]] = False
    indptr = np.append(0, np.cumsum(kept))[weights.indptr]
    sizes = np.diff(indptr)
    data = weights.data[kept].astype(np.float64)
    data /= np.repeat(np.sqrt(np.sqrt(sizes)), sizes)
    return csr_matrix((data, weights.indices[kept], indptr), shape=weights.shape)
