"""Files that are whole or absent: written beside their place, synced, then renamed; private to the user."""

import errno
import hashlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from recommender.errors import RecommenderError

FILE_MODE = 0o600
FOLDER_MODE = 0o700
TEMPORARY = ".tmp-"
"""What the name of an unfinished file begins with; a killed run can leave some, the next one removes them."""
_FOLDER = f"{TEMPORARY}look-"
_MB = 1_000_000
_KINDS = {
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISDIR: "a folder",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}
_NO_FILE = (errno.EISDIR, errno.ENXIO, errno.ENODEV, errno.EOPNOTSUPP)
"""What the system answers who opens a folder, a socket or a pipe that nobody reads."""
STALE_SECONDS = 2 * 86_400
"""Longer than any query may take: a folder so old was left by a process that was killed."""


def make_folder(path: Path) -> Path:
    """The folder, made with all its parents where missing; new folders are 0700 whatever the umask."""
    for folder in reversed([path, *path.parents]):
        if folder.exists():
            continue
        try:
            folder.mkdir(mode=FOLDER_MODE)
        except FileExistsError:
            # Another process was quicker: what it made is not ours to change.
            if not folder.is_dir():
                raise
        else:
            folder.chmod(FOLDER_MODE)
    return path


def new_file(path: Path) -> None:
    """An empty file, for its owner alone, in the place of what was there.

    What was there is removed, not opened: it may be a link to a file that is nobody's to write.
    """
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """A private folder inside `parent` (made where missing), removed with all in it when the block ends.

    What killed processes left there long ago goes too.
    """
    remove_stale(make_folder(parent))
    with TemporaryDirectory(dir=parent, prefix=_FOLDER) as path:
        yield Path(path)


def remove_stale(parent: Path, names: str = f"{TEMPORARY}*") -> list[Path]:
    """Remove what killed processes left in a folder long ago; returns what is not so old, or stays.

    Args:
        parent: the folder.
        names: pattern of what is unfinished there.
    """
    for path in parent.glob(names):
        with suppress(OSError):  # it has just gone, or is another user's
            if time.time() - path.lstat().st_mtime <= STALE_SECONDS:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    return sorted(parent.glob(names))


def require_space(folder: Path, needed: int, what: str) -> None:
    """Ask for room before it is needed.

    Args:
        folder: where to; it need not be there yet.
        needed: bytes.
        what: is about to be written, for the message.

    Raises:
        RecommenderError: less is free.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise RecommenderError(
            "disk-full",
            f"{what} needs {needed / _MB:,.0f} MB in {folder}, and {free / _MB:,.0f} MB are free.",
            "Free some space, or let DATA_DIR lie where there is more.",
        )


def remove_temporary(folder: Path) -> None:
    """Remove unfinished files that a killed process left in a folder."""
    for path in folder.glob(f"{TEMPORARY}*"):
        path.unlink(missing_ok=True)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path to write to; it takes `path`'s place when the block ends without an error.

    The content is synced to the disk before the rename, so that after a crash the name holds the old file or
    the whole new one. On an error the temporary file is removed and `path` stays as it was.
    """
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(4)}-{path.name}")
    new_file(temporary)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:
            # A write that fails, as on a full disk, does not say where.
            error.filename = str(path)
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make renames in the folder last; systems that cannot open a folder do it by themselves."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_plain(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a plain file, and nothing that would keep us waiting: a pipe, a socket, a device, a folder.

    Args:
        path: where it must be.
        flags: of `os.open`; a file that is made is for its owner alone.

    Returns:
        The descriptor.

    Raises:
        PermissionError: it is something else; says what.
        OSError: it cannot be opened.
    """
    wait_not = getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags | wait_not | getattr(os, "O_BINARY", 0), FILE_MODE)
    except OSError as error:
        if error.errno in _NO_FILE and not path.is_file():
            raise _no_plain_file(path, path.stat().st_mode) from error
        raise
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise _no_plain_file(path, mode)


def _no_plain_file(path: Path, mode: int) -> PermissionError:
    kind = next((name for is_kind, name in _KINDS.items() if is_kind(mode)), "something")
    return PermissionError(errno.EPERM, f"it is {kind}, not a plain file", str(path))


def read_plain(path: Path, encoding: str = "utf-8", errors: str = "strict") -> str:
    """The whole text of a plain file, opened as `open_plain` does."""
    with os.fdopen(open_plain(path), encoding=encoding, errors=errors) as file:
        return file.read()


def write_text(path: Path, text: str) -> None:
    """The text as the whole content of the file, UTF-8, by `atomic_path`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """The whole content of the file, by `atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def shipped_text(name: str) -> str:
    """A text file that ships with the program, such as `.env.example` or `sql/sales.sql`."""
    package = Path(__file__).parents[1]
    inside = package / name
    # A checkout has these files beside the package, not in it.
    found = inside if inside.is_file() else package.parent / name
    return found.read_text(encoding="utf-8")


def sha256_of(path: Path) -> str:
    """Hex digest of the file's bytes."""
    with os.fdopen(open_plain(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
