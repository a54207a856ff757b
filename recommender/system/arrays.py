"""The types of arrays, and what numpy does not do as we need it."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]


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
    begins = np.ones(len(values), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    found = ordered[begins]
    del ordered
    result = np.empty(len(values), np.int32)
    result[order] = np.cumsum(begins, dtype=np.int32) - np.int32(1)
    return found, result
