"""The files that a URI names, on this machine, in S3 or on HDFS: which there are, and what is in each.

What is read is what was listed at the begin: a file that changes meanwhile is a refusal. One that lies
elsewhere is copied beside the run first, one at a time, so that nothing else has to know where files lie.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow.fs as pafs

from recommender.errors import DatabaseError, RecommenderError, RefusedError, SettingsError
from recommender.system.arrow import pa
from recommender.system.files import require_space, sha256_of, temporary_folder

FORMATS = {".parquet": "parquet", ".csv": "csv", ".csv.gz": "csv"}
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_BLOCK = 1 << 20
_NAMED = 5


@dataclass(frozen=True)
class SourceFile:
    """A file as it was listed."""

    path: str
    """below the URI; the URI's last part where it names a file"""
    place: str
    """as its file system knows it"""
    size: int
    """bytes"""
    modified: datetime | None
    """UTC; None where the file system does not tell it"""

    @property
    def format(self) -> str:
        """`parquet` or `csv`."""
        return next(kind for end, kind in FORMATS.items() if self.path.lower().endswith(end))

    @property
    def partition(self) -> dict[str, str | None]:
        """What its folders say of all its rows, such as `day=2026-11-30`."""
        pairs = (part.partition("=") for part in self.path.split("/")[:-1])
        found = {name: unquote(value) for name, is_pair, value in pairs if is_pair}
        return {name: None if value == _NO_VALUE else value for name, value in found.items()}


@dataclass
class SourceFiles:
    """The files of a URI as they were at the begin."""

    setting: str
    """`SALES_URI` or `ITEMS_URI`, for messages"""
    uri: str
    files: tuple[SourceFile, ...]
    hashes: dict[str, str] = field(default_factory=dict)
    """sha256 of each file that was read, by its path"""

    @classmethod
    def listed(cls, setting: str, uri: str) -> "SourceFiles":
        """List them.

        Args:
            setting: the name of the setting.
            uri: of a file or a folder; names that begin with `_` or `.` are passed over, at any depth.

        Raises:
            SettingsError: there is nothing, or nothing of our formats; what reads HDFS is not installed.
            DatabaseError: the file system does not answer, or refuses.
        """
        found = cls(setting, uri, _list(setting, uri))
        if not found.files:
            raise SettingsError(
                "files-none",
                f"{setting}: {uri} has no file that ends with {', '.join(FORMATS)}.",
                "Check the setting, and whether the files were written.",
            )
        kinds = {file.format for file in found.files}
        if len(kinds) > 1:
            raise SettingsError(
                "files-mixed", f"{setting}: {uri} has files of several formats.", "Keep one: Parquet or CSV."
            )
        return found

    @property
    def format(self) -> str:
        """Of all of them."""
        return self.files[0].format

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(file.size for file in self.files)

    @contextmanager
    def opened(self, file: SourceFile, scratch: Path) -> Iterator[Path]:
        """The content on this machine's disk; its hash is noted.

        Args:
            file: one of these.
            scratch: takes a copy for so long, where the file lies elsewhere.

        Raises:
            RefusedError: it is not as it was listed.
            DatabaseError: the file system does not answer.
        """
        system, _ = _system(self.setting, self.uri)
        if isinstance(system, pafs.LocalFileSystem):
            path = Path(file.place)
            with self._told(file):
                self._note(file, path, sha256_of(path))
            yield path
            return
        require_space(scratch, file.size, f"A copy of {file.path}")
        with temporary_folder(scratch) as folder:
            path, digest = folder / "copy", hashlib.sha256()
            with (
                self._told(file),
                system.open_input_stream(file.place, compression=None) as stream,
                path.open("xb") as copy,
            ):
                while block := stream.read(_BLOCK):
                    digest.update(block)
                    copy.write(block)
            self._note(file, path, digest.hexdigest())
            yield path

    @contextmanager
    def _told(self, file: SourceFile) -> Iterator[None]:
        try:
            with _told(self.setting, self.uri):
                yield
        except DatabaseError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise self._changed([file.path]) from error
            raise

    def _note(self, file: SourceFile, path: Path, sha256: str) -> None:
        if path.stat().st_size != file.size or self.hashes.setdefault(file.path, sha256) != sha256:
            raise self._changed([file.path])

    def require_unchanged(self) -> None:
        """Hold what is there now against what was listed.

        Raises:
            RefusedError: a file came, went or changed.
            DatabaseError: the file system does not answer.
        """
        changed = {*self.files} ^ {*_list(self.setting, self.uri)}
        if changed:
            raise self._changed(sorted({file.path for file in changed}))

    def _changed(self, paths: list[str]) -> RefusedError:
        named = ", ".join(paths[:_NAMED]) + (" …" if len(paths) > _NAMED else "")
        return RefusedError(
            "files-changed",
            f"{self.setting}: files of {self.uri} changed while they were read: {named}.",
            "Let their writer finish first, then run again.",
        )


def _list(setting: str, uri: str) -> tuple[SourceFile, ...]:
    system, place = _system(setting, uri)
    with _told(setting, uri):
        info = system.get_file_info(place)
        if info.type is pafs.FileType.NotFound:
            raise SettingsError(
                "files-none",
                f"{setting}: there is no {uri}.",
                "Check the setting; it names a file or a folder.",
            )
        if info.type is pafs.FileType.File:
            return (_listed(info, info.base_name),) if _is_ours(info.base_name) else ()
        found = system.get_file_info(pafs.FileSelector(place, recursive=True))
    base = info.path.rstrip("/") + "/"
    files = [(each, each.path.removeprefix(base)) for each in found if each.type is pafs.FileType.File]
    return tuple(
        sorted((_listed(each, path) for each, path in files if _is_ours(path)), key=lambda f: f.path)
    )


def _is_ours(path: str) -> bool:
    """Of our formats, and not what a writer keeps beside its files, such as `_temporary/` and `.part.crc`."""
    is_kept = any(part.startswith(("_", ".")) and "=" not in part for part in path.split("/"))
    return not is_kept and path.lower().endswith(tuple(FORMATS))


def _listed(info: pafs.FileInfo, path: str) -> SourceFile:
    moment = None if info.mtime_ns is None else datetime.fromtimestamp(info.mtime_ns / 1e9, UTC)
    return SourceFile(path, info.path, info.size, moment)


def _system(setting: str, uri: str) -> tuple[pafs.FileSystem, str]:
    """The file system, and the path in it."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return pafs.LocalFileSystem(), unquote(parts.path)
    if parts.scheme == "hdfs":
        return _hdfs(parts.netloc), unquote(parts.path) or "/"
    with _told(setting, uri):
        system, path = pafs.FileSystem.from_uri(uri)
        return system, path


def _hdfs(netloc: str) -> pafs.FileSystem:
    try:
        from hdfs_native.fsspec import HdfsFileSystem
    except ImportError as error:
        raise SettingsError(
            "files-no-hdfs",
            "What reads hdfs:// is not installed.",
            "Install the program with its extra hdfs: pip install '.[hdfs]'.",
        ) from error
    host, _, port = netloc.partition(":")
    return pafs.PyFileSystem(pafs.FSSpecHandler(HdfsFileSystem(host=host, port=int(port) if port else None)))


@contextmanager
def _told(setting: str, uri: str) -> Iterator[None]:
    """What a file system says, as an error of ours."""
    try:
        yield
    except RecommenderError:
        raise
    except (OSError, pa.ArrowException, ValueError) as error:
        said = " ".join(str(error).split())
        raise DatabaseError(
            "files-unreachable",
            f"{setting}: {uri} cannot be read: {said.rstrip('.')}.",
            "Check the address, the rights to read there, and whether the service runs.",
        ) from error
