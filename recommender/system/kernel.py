"""The kernels of BLAS, which OpenBLAS picks by the processor as soon as numpy is loaded.

Other kernels add in another order, and a training grows the last bits into other lists; so who wants the same
bytes on different processors pins one. That must be done before anything loads numpy, which reading all the
settings does: this module looks for its one setting alone.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from recommender.system.files import read_plain

SETTING, AUTO = "BLAS_KERNEL", "auto"
_VARIABLE = "OPENBLAS_CORETYPE"


def pin_kernel(env_file: Path | None) -> None:
    """Let OpenBLAS take the kernel that the settings name; OPENBLAS_CORETYPE of the environment wins.

    Args:
        env_file: the file of the settings; default `.env` of the current folder. One that cannot be read is
            told when the settings are.
    """
    # We never use threads of its own; where the system gives it none (ulimit), OpenBLAS sends its process
    # the signal of Ctrl-C.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    wanted = os.environ.get(SETTING, "").strip() or _from_file(env_file or Path(".env"))
    if wanted and wanted.lower() != AUTO:
        os.environ.setdefault(_VARIABLE, wanted)


def _from_file(path: Path) -> str:
    try:
        text = read_plain(path, "utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""
    if SETTING not in text:
        return ""
    from io import StringIO

    from dotenv.parser import parse_stream

    found = [b.value for b in parse_stream(StringIO(text)) if b.key == SETTING and b.value and not b.error]
    return found[-1].strip() if found else ""


def is_used(wanted: str, facts: Mapping[str, object]) -> bool:
    """Whether every BLAS library took the kernel that was asked for.

    Args:
        wanted: as the setting names it.
        facts: of the machine, as `record.machine_facts` has them.
    """
    return wanted.lower() == AUTO or {name.lower() for name in kernels_of(facts)} == {wanted.lower()}


def kernels_of(facts: Mapping[str, object]) -> list[str]:
    """The kernels in the facts of a machine, each once."""
    libraries = facts.get("blas")
    return sorted({str(name).split()[-1] for name in libraries}) if isinstance(libraries, list) else []
