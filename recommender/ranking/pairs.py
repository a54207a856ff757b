"""Which items occur together: sparse products of columns, block by block, so that memory is bounded."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from recommender.system.arrays import Bools, Float64s, Int32s, Int64s

_PAIRS = 500_000
"""Pairs of items in memory at once, some 50 MB; one item's pairs are no more than there are items."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of different items that share a row; shapes (pairs,) where nothing else is said."""

    item: Int32s
    other: Int32s
    """a candidate"""
    product: Float64s
    """sum over the shared rows of the product of both cells, added in order of the row"""
    common: Int64s
    """how many rows they share"""
    of: Int64s
    """shape (items,): whose pairs these are, with those that have none"""


class PairMaker:
    """All pairs of an item and a candidate that share a row, in blocks of whole items in ascending order.

    The time is the sum over the rows of the square of their cells: bound these first. Blocks may be asked for
    in threads.
    """

    def __init__(
        self, cells: "csr_matrix[np.float64]", candidates: Bools, *, most_pairs: int = _PAIRS
    ) -> None:
        """What all blocks share.

        Args:
            cells: shape (rows, items), float64, every stored cell positive.
            candidates: shape (items,): what the other item may be.
            most_pairs: of a block; an item with more is a block of its own.
        """
        self._columns = np.flatnonzero(candidates).astype(np.int32)
        self._others = cells[:, self._columns].tocsr()
        self._of_items = cells.T.tocsr()
        # Where all cells are 1, the products are the counts.
        self._are_ones = bool((cells.data == 1).all())
        self._other_ones = self._others if self._are_ones else _ones(self._others)
        most_of_item = np.minimum(
            _ones(self._of_items) @ np.diff(self._others.indptr).astype(np.float64), len(self._columns)
        )
        self._blocks = [*_blocks(most_of_item, most_pairs)]
        self.n_blocks = len(self._blocks)

    def block(self, number: int) -> Pairs:
        """One of them."""
        first, last = self._blocks[number]
        block = self._of_items[first:last]
        product = block @ self._others
        # The same cells in the same order: the order depends on where cells are, not on what they hold.
        common = product if self._are_ones else _ones(block) @ self._other_ones
        item = np.repeat(np.arange(first, last, dtype=np.int32), np.diff(product.indptr))
        other = self._columns[product.indices]
        kept = item != other
        counts = np.rint(common.data[kept]).astype(np.int64)
        return Pairs(item[kept], other[kept], product.data[kept], counts, np.arange(first, last))


def _ones(cells: "csr_matrix[np.float64]") -> "csr_matrix[np.float64]":
    """A 1 in every stored cell; where these are is shared."""
    return csr_matrix((np.ones_like(cells.data), cells.indices, cells.indptr), shape=cells.shape)


def _blocks(sizes: Float64s, most: int) -> Iterator[tuple[int, int]]:
    """First and behind-last item of each block: whole items, together of no more than `most` or one alone."""
    ends = np.cumsum(sizes)
    first, done = 0, 0.0
    while first < len(sizes):
        last = max(int(np.searchsorted(ends, done + most, side="right")), first + 1)
        yield first, last
        first, done = last, float(ends[last - 1])
