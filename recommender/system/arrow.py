"""Arrow, without the data frames that it would load.

Where pandas is installed, Arrow imports it with the first value that it is given, to see whether that is a
frame: a second and 40 MB, for a night that has none. It does without where it finds one too old for it, as
this one. Import Arrow from here.
"""

import sys
import warnings
from types import ModuleType

import pyarrow as pa

if "pandas" not in sys.modules:
    sys.modules["pandas"] = too_old = ModuleType("pandas")
    too_old.__version__ = "0"  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pa.scalar(0)  # here it looks, and never again
    del sys.modules["pandas"]

# A signal ends a run in order, as system/interrupts.py has it, also while a file is read.
pa.enable_signal_handlers(False)

__all__ = ["pa"]
