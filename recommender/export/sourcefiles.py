"""The files that a URI names, on this machine, in S3 or on HDFS: which there are, and what is in each.

What is read is what was listed at the begin: a file that changes meanwhile is a refusal. One that lies
elsewhere is copied beside the run first, one at a time, so that nothing else has to know where files lie.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from recommender.errors import DatabaseError, RecommenderError, RefusedError, SettingsError
from recommender.export.filestores import ArrowStore, FileStore, StoredFile, said, store_of
from recommender.system.arrow import pa
from recommender.system.files import require_space, sha256_of, temporary_folder

FORMATS = {".parquet": "parquet", ".csv": "csv", ".csv.gz": "csv"}
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_NAMED = 5


@dataclass(frozen=True)
class SourceFile(StoredFile):
    """A file of sales or items as it was listed."""

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
    store: FileStore
    place: str
    """of all of them in the store"""
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
        with _told(setting, uri):
            store, place = store_of(uri)
            found = cls(setting, uri, store, place, _list(setting, uri, store, place))
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
        if isinstance(self.store, ArrowStore) and self.store.is_here:
            path = Path(file.place)
            with self._told_of(file):
                self._note(file, path, sha256_of(path))
            yield path
            return
        require_space(scratch, file.size, f"A copy of {file.path}")
        with temporary_folder(scratch) as folder:
            path, digest = folder / "copy", hashlib.sha256()
            with path.open("xb") as copy:
                for block in self._blocks(file):
                    digest.update(block)
                    copy.write(block)
                    if copy.tell() > file.size:
                        break  # it changed, however much more there is
            self._note(file, path, digest.hexdigest())
            yield path

    def _blocks(self, file: SourceFile) -> Iterator[bytes]:
        # What our own disk refuses to whoever writes them is no error of the store.
        with self._told_of(file):
            yield from self.store.blocks(file.place)

    @contextmanager
    def _told_of(self, file: SourceFile) -> Iterator[None]:
        """A file that is gone has changed."""
        with _told(self.setting, self.uri):
            try:
                yield
            except FileNotFoundError as error:
                raise self._changed([file.path]) from error

    def _note(self, file: SourceFile, path: Path, sha256: str) -> None:
        if path.stat().st_size != file.size or self.hashes.setdefault(file.path, sha256) != sha256:
            raise self._changed([file.path])

    def require_unchanged(self) -> None:
        """Hold what is there now against what was listed.

        Raises:
            RefusedError: a file came, went or changed.
            DatabaseError: the file system does not answer.
        """
        with _told(self.setting, self.uri):
            now = _list(self.setting, self.uri, self.store, self.place)
        changed = {*self.files} ^ {*now}
        if changed:
            raise self._changed(sorted({file.path for file in changed}))

    def _changed(self, paths: list[str]) -> RefusedError:
        named = ", ".join(paths[:_NAMED]) + (" …" if len(paths) > _NAMED else "")
        return RefusedError(
            "files-changed",
            f"{self.setting}: files of {self.uri} changed while they were read: {named}.",
            "Let their writer finish first, then run again.",
        )


def _list(setting: str, uri: str, store: FileStore, place: str) -> tuple[SourceFile, ...]:
    """Those of our formats, by their paths."""
    found = store.files(place)
    if found is None:
        raise SettingsError(
            "files-none",
            f"{setting}: there is no {uri}.",
            "Check the setting; it names a file or a folder.",
        )
    ours = (SourceFile(**vars(each)) for each in found if _is_ours(each.path))
    return tuple(sorted(ours, key=lambda file: file.path))


def _is_ours(path: str) -> bool:
    """Of our formats, and not what a writer keeps beside its files, such as `_temporary/` and `.part.crc`."""
    is_kept = any(part.startswith(("_", ".")) and "=" not in part for part in path.split("/"))
    return not is_kept and path.lower().endswith(tuple(FORMATS))


@contextmanager
def _told(setting: str, uri: str) -> Iterator[None]:
    """What a file system says, as an error of ours."""
    try:
        yield
    except RecommenderError:
        raise
    except (OSError, pa.ArrowException, ValueError, RuntimeError) as error:
        raise DatabaseError(
            "files-unreachable",
            f"{setting}: {uri} cannot be read: {said(error)}.",
            "Check the address, the rights to read there, and whether the service runs.",
        ) from error
