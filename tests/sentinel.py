"""A piece of every password in these tests, and where it is looked for after each of them.

Whatever a test does: its shops' secrets are in nothing that the program prints, logs, records or raises.
`Shop` tells which folders and texts there are; conftest.py looks at the end of every test.
"""

import re
import traceback
from collections.abc import Iterator
from pathlib import Path

SENTINEL = "s3cret"
_PACKED = (".gz", ".npz", ".db", ".zip")
"""What holds nothing but sales, factors and the shop's own tables."""
_KEYS = re.compile(r"(?m)^(?:GUEST|FORGET)_KEY='?([^'\n]{16,})")

_shops: set[Path] = set()


def note(folder: Path) -> None:
    """A shop's folder, to be looked through when the test is over."""
    _shops.add(folder)


def require_absent(text: str, where: object, folder: Path | None = None) -> None:
    """No password, and no secret of that shop, is in the text."""
    found = [secret for secret in _secrets(folder) if secret in text]
    if found:
        place = text.index(found[0])
        raise AssertionError(f"a secret is in {where}: {text[max(place - 200, 0) : place + 80]!r}")


def require_absent_in_error(error: BaseException) -> None:
    """Nor is one in an exception, what led to it, and its notes."""
    require_absent("".join(traceback.format_exception(error)), "an exception")


def require_absent_everywhere() -> None:
    """Nor in a file of the noted shops' runs, or in what a process of theirs said."""
    while _shops:
        folder = _shops.pop()
        for path in _written(folder):
            require_absent(path.read_text(encoding="utf-8", errors="replace"), path, folder)


def _secrets(folder: Path | None) -> Iterator[str]:
    yield SENTINEL
    env_file = None if folder is None else folder / ".env"
    if env_file is not None and env_file.is_file():
        yield from _KEYS.findall(env_file.read_text(encoding="utf-8", errors="replace"))


def _written(folder: Path) -> Iterator[Path]:
    if (folder / "output").is_file():
        yield folder / "output"
    for data_dir in folder.glob("var*"):
        yield from (p for p in data_dir.rglob("*") if p.suffix not in _PACKED and p.is_file())
