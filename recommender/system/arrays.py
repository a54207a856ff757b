"""The types of arrays, and what numpy does not do as we need it."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Integers = npt.NDArray[np.integer]
"""Of any width."""
Bools = npt.NDArray[np.bool_]
UInt8s = npt.NDArray[np.uint8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]


def starts(first: Array, *others: Array) -> Bools:
    """Whether a row differs from the one before it in any of these columns, shape (rows,); the first does."""
    found = np.ones(len(first), bool)
    np.not_equal(first[1:], first[:-1], out=found[1:])
    for column in others:
        found[1:] |= column[1:] != column[:-1]
    return found


def row_indexes(indptr: Int32s) -> Int64s:
    """The row of each cell of a sparse matrix by its `indptr`, shape (cells,)."""
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))


def distinct(values: Int64s) -> tuple[Int64s, Int32s]:
    """The distinct values in ascending order, and for each value its index among them (int32).

    Values that lie close together, as most keys do, are found with a table instead of a sort.
    """
    if not len(values):
        return values, np.empty(0, np.int32)
    low, high = int(values.min()), int(values.max())
    if high - low < max(2 * len(values), 1 << 16):
        present = np.zeros(high - low + 1, bool)
        present[values - low] = True
        indexes = np.cumsum(present, dtype=np.int32) - np.int32(1)
        return np.flatnonzero(present) + low, indexes[values - low]
    # As numpy.unique does, with half of its memory.
    order = np.argsort(values)
    ordered = values[order]
    begins = starts(ordered)
    found = ordered[begins]
    del ordered
    result = np.empty(len(values), np.int32)
    result[order] = np.cumsum(begins, dtype=np.int32) - np.int32(1)
    return found, result
