"""Arrow, without the data frames that it would load.

Where pandas is installed, Arrow imports it with the first value that it is given, to see whether that is a
frame: a second and 40 MB, for a night that has none. It does without where it finds one too old for it, as
this one. Import Arrow from here.
"""

import sys
import warnings
from collections.abc import Iterable
from types import ModuleType

import pyarrow as pa
import pyarrow.compute as pc

if "pandas" not in sys.modules:
    sys.modules["pandas"] = too_old = ModuleType("pandas")
    too_old.__version__ = "0"  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pa.scalar(0)  # here it looks, and never again
    del sys.modules["pandas"]

# A signal ends a run in order, as system/interrupts.py has it, also while a file is read.
pa.enable_signal_handlers(False)

__all__ = ["lines_of", "pa"]


def lines_of(columns: Iterable[pa.StringArray], separator: str, *, null: str = "") -> bytes:
    r"""Records as lines of UTF-8, each with its `\n`; together less than 2 GiB.

    Args:
        columns: the fields as they are to stand there, shapes alike.
        separator: between two fields.
        null: in the place of one that is null.
    """
    records = pc.binary_join_element_wise(*columns, separator, null_handling="replace", null_replacement=null)
    lines = pc.binary_join_element_wise(records, "", "\n")
    # As one list, whose texts are joined.
    one = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
    return bytes(pc.binary_join(one, "")[0].as_buffer())
