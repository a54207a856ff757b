"""Where files lie: this machine, S3 and HDFS, asked alike which files there are and what is in one.

What is not answered in time is an error, as what is refused: a night waits for no store without end.
"""

import asyncio
import re
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow.fs as pafs

from recommender.errors import SettingsError

T = TypeVar("T")

BLOCK_BYTES = 8 << 20
"""Of one read, which is one request to a store elsewhere."""
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
"""So long S3 may say nothing, at each of its attempts."""
ATTEMPTS = 3
CALL_SECONDS = 60.0
"""One call of HDFS, with all its attempts."""
_HDFS_OPTIONS = {
    "dfs.client.failover.max.attempts": "4",
    "dfs.client.failover.sleep.base.millis": "500",
    "dfs.client.failover.sleep.max.millis": "4000",
}
"""Some ten seconds until a name node that is not there is given up; else it is minutes."""


@dataclass(frozen=True)
class StoredFile:
    """A file as its store tells of it."""

    path: str
    """below what was asked for; the last part of that where it is a file"""
    place: str
    """as the store knows it"""
    size: int
    """bytes"""
    modified: datetime | None
    """UTC; None where the store does not tell it"""


class FileStore(Protocol):
    """A file system. What it refuses is an OSError, a ValueError or a RuntimeError."""

    def files(self, place: str) -> Sequence[StoredFile] | None:
        """All files at and below a place; None where there is none of that name."""

    def blocks(self, place: str) -> Iterator[bytes]:
        """What is in a file, in pieces.

        Raises:
            FileNotFoundError: it is not there any more.
        """


def store_of(uri: str) -> tuple[FileStore, str]:
    """The store of a URI, and its place there.

    Raises:
        SettingsError: what reads HDFS is not installed.
        OSError: nobody tells the region of a bucket.
    """
    parts = urlsplit(uri)
    place = unquote(parts.path)
    if parts.scheme == "hdfs":
        return HdfsStore(parts.netloc), place.rstrip("/") or "/"
    if parts.scheme == "s3":
        options = dict(parse_qsl(parts.query))
        return ArrowStore(_s3(parts.netloc, options)), (parts.netloc + place).rstrip("/")
    return ArrowStore(pafs.LocalFileSystem()), place


def _s3(bucket: str, options: dict[str, str]) -> pafs.S3FileSystem:
    """What `FileSystem.from_uri` makes, which takes no limits of time and tries eleven times."""
    if "region" not in options and "endpoint_override" not in options:
        options["region"] = pafs.resolve_s3_region(bucket)
    return pafs.S3FileSystem(
        **options,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=ANSWER_SECONDS,
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
    )


class ArrowStore:
    """A file system of Arrow's.

    Args:
        system: the file system.
    """

    def __init__(self, system: pafs.FileSystem) -> None:
        self._system = system

    @property
    def is_here(self) -> bool:
        """Whether its places are paths of this machine."""
        return isinstance(self._system, pafs.LocalFileSystem)

    def files(self, place: str) -> Sequence[StoredFile] | None:
        """All files at and below a place; None where there is none of that name."""
        info = self._system.get_file_info(place)
        if info.type is pafs.FileType.NotFound:
            return None
        if info.type is pafs.FileType.File:
            return [_of_arrow(info, info.base_name)]
        found = self._system.get_file_info(pafs.FileSelector(place, recursive=True))
        base = info.path.rstrip("/") + "/"
        return [_of_arrow(each, each.path.removeprefix(base)) for each in found if each.is_file]

    def blocks(self, place: str) -> Iterator[bytes]:
        """What is in a file, in pieces."""
        with self._system.open_input_stream(place, compression=None) as stream:
            while block := stream.read(BLOCK_BYTES):
                yield block


def _of_arrow(info: pafs.FileInfo, path: str) -> StoredFile:
    moment = None if info.mtime_ns is None else datetime.fromtimestamp(info.mtime_ns / 1e9, UTC)
    return StoredFile(path, info.path, info.size, moment)


class HdfsStore:
    """HDFS by hdfs-native, which needs no Java.

    Its asynchronous client is taken, since only there a call that is not answered can be ended.

    Args:
        server: a name node `host:port`, or a name service of the configuration in HADOOP_CONF_DIR.
    """

    def __init__(self, server: str) -> None:
        try:
            from hdfs_native import AsyncClient
        except ImportError as error:
            raise SettingsError(
                "files-no-hdfs",
                "What reads hdfs:// is not installed.",
                "Install the program with its extra hdfs: pip install '.[hdfs]'.",
            ) from error
        self._client = AsyncClient(f"hdfs://{server}", _HDFS_OPTIONS)

    def files(self, place: str) -> Sequence[StoredFile] | None:
        """All files at and below a place; None where there is none of that name."""
        try:
            with asyncio.Runner() as runner:
                return runner.run(self._files(place))
        except FileNotFoundError:
            return None

    async def _files(self, place: str) -> list[StoredFile]:
        found = await _answered(self._client.get_file_info(place))
        if not found.isdir:
            return [_of_hdfs(found, place.rsplit("/", 1)[1])]
        base, files = place.rstrip("/") + "/", []
        statuses = self._client.list_status(place, recursive=True)
        while (status := await _answered(anext(statuses, None))) is not None:
            if not status.isdir:
                files.append(_of_hdfs(status, status.path.removeprefix(base)))
        return files

    def blocks(self, place: str) -> Iterator[bytes]:
        """What is in a file, in pieces."""
        with asyncio.Runner() as runner:
            reader = runner.run(_answered(self._client.read(place)))
            while block := runner.run(_answered(reader.read(BLOCK_BYTES))):
                yield block


async def _answered(call: Coroutine[Any, Any, T]) -> T:
    """What a call gives, within the time it has.

    Raises:
        TimeoutError: it gave nothing.
    """
    try:
        return await asyncio.wait_for(call, CALL_SECONDS)
    except TimeoutError as error:
        raise TimeoutError(f"no answer within {CALL_SECONDS:g} seconds") from error


def _of_hdfs(status: Any, path: str) -> StoredFile:
    return StoredFile(
        path, status.path, status.length, datetime.fromtimestamp(status.modification_time / 1e3, UTC)
    )


_RPC_ERROR = re.compile(r'RPCError\("[^"]*", "(.*)', re.DOTALL)
_STACK = re.compile(r"(\\n|\n)(\\t|\t)at ")


def said(error: Exception) -> str:
    """What a store said, on one line and without the stack of a name node."""
    text = _STACK.split(str(error))[0]
    if found := _RPC_ERROR.match(text):
        text = found[1].removesuffix('")').replace('\\"', '"')
    return " ".join(text.split()).rstrip(".")
