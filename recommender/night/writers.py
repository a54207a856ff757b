"""Who beside us may write what a night obeys and keeps: a machine can have many users.

We and root may; so may the owner of a file or folder, its group and everybody by their bits, and whoever may
rename what stands in a folder above it. With the sticky bit that is who owns the thing or the folder.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from recommender.database.urls import FILES
from recommender.errors import SettingsError
from recommender.settings import SECRETS, Settings

ROOT = 0
_GROUP, _OTHERS = stat.S_IWGRP, stat.S_IWOTH
_NAMED = 3


@dataclass(frozen=True)
class Writer:
    """Somebody else, and what they may write."""

    who: str
    path: Path
    """the file or folder, which may be one above what it is about"""
    about: Path
    """what they can change, or put another in the place of"""
    owner: int | None = None
    """where they may because it is theirs: their number"""

    @property
    def words(self) -> str:
        """For the owner of the job, without a full stop."""
        how = f"belongs to {self.who}" if self.owner is not None else f"may be written by {self.who}"
        above = "" if self.path == self.about else f", who may so put something in the place of {self.about}"
        return f"{self.path} {how}{above}"

    @property
    def what_to_do(self) -> str:
        """The command that ends it."""
        return f"chown {me()} {self.path}" if self.owner is not None else f"chmod go-w {self.path}"


def me() -> int:
    """The number of the user who we are."""
    return os.geteuid()


def is_known() -> bool:
    """Whether the system has owners and modes as POSIX means them."""
    return hasattr(os, "geteuid")


def obeyed(settings: Settings) -> list[Path]:
    """What says what a night does: the settings, the secrets, the queries, the certificates."""
    paths = [*secret_files(settings), settings.sql_dir, *sorted(settings.sql_dir.glob("*.sql"))]
    return _there([*paths, *(path for url in _urls(settings) for path in _certificates(url))])


def secret_files(settings: Settings) -> list[Path]:
    """The `.env` and the files that hold a secret each."""
    sources = {settings.sources.get(name, "default") for name in SECRETS} - {"default", "environment"}
    paths = {Path(source) for source in sources} | ({settings.env_file} if settings.env_file else set())
    return sorted(paths)


def _urls(settings: Settings) -> list[URL]:
    return [settings.database_url, settings.target_database_url]


def _certificates(url: URL) -> list[Path]:
    values = [value for name, value in url.query.items() if name in FILES]
    return sorted(Path(value) for value in values if isinstance(value, str))


def kept_paths(settings: Settings) -> list[Path]:
    """What a night keeps and believes the next time, and what it is told not to recommend."""
    paths = [settings.never_recommend] if settings.never_recommend else []
    paths += [settings.data_dir]
    paths += sorted(settings.data_dir.glob("*")) + sorted(settings.data_dir.glob("runs/*"))
    paths += sorted(settings.data_dir.glob("runs/*/*"))
    return _there(paths)


def beside_shop(settings: Settings) -> list[Path]:
    """SQLite: the folders with the databases, in which the lock lies."""
    names = [url.database for url in _urls(settings) if url.get_backend_name() == "sqlite"]
    return _there(sorted({Path(name).resolve().parent for name in names if name}))


def _there(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if os.path.lexists(path)]


def writers(paths: Iterable[Path]) -> list[Writer]:
    """Who may write some files and folders beside us and root, each way in once.

    Raises:
        OSError: it cannot be found out.
    """
    found: dict[tuple[str, Path], Writer] = {}
    for path in paths if is_known() else ():
        for writer in _writers(path.absolute()):
            found.setdefault((writer.who, writer.path), writer)
    return [*found.values()]


def _writers(path: Path) -> Iterator[Writer]:
    """Who may write one path: itself, as what it leads to; and each folder on both ways to it."""
    real = path.resolve()
    # A link itself has no mode that counts, but an owner who may lead it elsewhere.
    if path.is_symlink() and not _is_trusted(path.lstat()):
        yield _by_owner(path, path, path.lstat())
    if real.exists():
        yield from _of(real, path, real.stat(), is_above=False)
    for child in (path, real):
        below = child
        for folder in child.parents:
            yield from _of(folder, path, folder.stat(), is_above=True, below=below)
            below = folder


def _of(
    place: Path, about: Path, found: os.stat_result, *, is_above: bool, below: Path | None = None
) -> Iterator[Writer]:
    if not _is_trusted(found):
        yield _by_owner(place, about, found)
    is_sticky = bool(found.st_mode & stat.S_ISVTX)
    # In such a folder only who owns a thing may rename it, so it must be ours.
    if is_above and is_sticky and below is not None and _is_trusted(below.lstat()):
        return
    if found.st_mode & _OTHERS:
        yield Writer("everybody", place, about)
    elif found.st_mode & _GROUP and not _is_own_group(found.st_gid):
        yield Writer(_group(found.st_gid), place, about)


def _by_owner(place: Path, about: Path, found: os.stat_result) -> Writer:
    return Writer(user(found.st_uid), place, about, found.st_uid)


def _is_trusted(found: os.stat_result) -> bool:
    return found.st_uid in (ROOT, me())


def _is_own_group(number: int) -> bool:
    """Root's, or one that has our user alone, as many systems make for each."""
    if number == ROOT:
        return True
    import grp
    import pwd

    try:
        own, group = pwd.getpwuid(me()), grp.getgrgid(number)
    except KeyError:
        return False
    return own.pw_gid == number and own.pw_name == group.gr_name and {*group.gr_mem} <= {own.pw_name}


def user(number: int) -> str:
    """A user by name and number."""
    import pwd

    try:
        return f"the user {pwd.getpwuid(number).pw_name} (number {number})"
    except KeyError:
        return f"the user with the number {number}"


def _group(number: int) -> str:
    import grp

    try:
        return f"the group {grp.getgrgid(number).gr_name} (number {number})"
    except KeyError:
        return f"the group with the number {number}"


def require_obeyed_is_ours(settings: Settings) -> None:
    """Keep root from doing what another user has written.

    Raises:
        SettingsError: we are root, and somebody else may write the settings, the secrets or the queries.
    """
    found = writers(obeyed(settings)) if is_known() and me() == ROOT else []
    if found:
        raise root_obeys(found)


def root_obeys(found: list[Writer]) -> SettingsError:
    """The refusal, with what is wrong and the ways out."""
    owners = [writer.owner for writer in found if writer.owner is not None]
    as_owner = (
        f"Let that user run it: sudo -u '#{owners[0]}' recommend …; or, if root" if owners else "If root"
    )
    commands = dict.fromkeys(writer.what_to_do for writer in found[:_NAMED])
    return SettingsError(
        "folder-root",
        f"This is root, and others may change what it would do: {_named(found)}.",
        f"{as_owner} is to do it: {' && '.join(commands)}",
    )


def _named(found: list[Writer]) -> str:
    """The first of them in words, and how many more there are."""
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return "; ".join(writer.words for writer in found[:_NAMED]) + more
