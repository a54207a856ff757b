"""A run in one file: what a colleague needs to repeat it, or an artefact store to keep it.

A zip of folders named by run ids, as the folder of the runs has them: that of the run, and of the one whose
model it began with only record and model. The same run gives the same bytes. An archive from elsewhere is
not trusted: one that holds anything that ours cannot hold is refused before anything of it is unpacked.
"""

import gzip
import json
import os
import shutil
import stat
import zipfile
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from glob import escape
from pathlib import Path, PurePosixPath

from recommender.errors import RefusedError
from recommender.runs.compression import MOST_TIMES, most_unpacked, unpacked_size
from recommender.runs.folder import (
    EVALUATION,
    ITEMS,
    MANIFEST,
    MODEL,
    NEVER_ITEMS,
    NEVER_RECOMMEND,
    RULES,
    SALES,
    Run,
    find_run,
    runs_folder,
)
from recommender.runs.manifest import RunId, is_run_id
from recommender.system.files import (
    TEMPORARY,
    atomic_path,
    make_folder,
    open_plain,
    read_plain,
    remove_stale,
    require_space,
)
from recommender.tables import LISTS

_SALES = f"{SALES}.gz"
_FILES = (
    MANIFEST,
    _SALES,
    ITEMS,
    MODEL,
    EVALUATION,
    NEVER_ITEMS,
    NEVER_RECOMMEND,
    RULES,
    *(definition.file_name for definition in LISTS),
)
_NEEDED = (MANIFEST, _SALES, ITEMS)
_PARENT_FILES = (MANIFEST, MODEL)
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_MOST_MEMBERS = 200
_ENCRYPTED = 1
_BLOCK = 1 << 20
RECORD = "archives.jsonl"
"""In DATA_DIR: the archives that were made, for `recommend forget`."""
_DAMAGED = (
    *(zipfile.BadZipFile, gzip.BadGzipFile, zlib.error),
    *(EOFError, NotImplementedError, RuntimeError, ValueError),
)
_PACK_AGAIN = "Pack it again: `recommend runs export`."


@dataclass(frozen=True)
class Packed:
    """The archive that a run was packed into."""

    run_id: RunId
    """The run."""
    file: str
    """The path of the archive."""
    bytes: int
    """Its size."""


@dataclass(frozen=True)
class Exported:
    """An archive that was made here, wherever it is now."""

    run_id: str
    file: str
    """its path when it was made"""
    at: str
    """when, in UTC"""


def exported(data_dir: Path) -> tuple[list[Exported], list[int]]:
    """The archives that were made from the runs of this folder, the oldest first; and damaged lines."""
    path = data_dir / RECORD
    found: list[Exported] = []
    damaged: list[int] = []
    lines = read_plain(path, errors="replace").split("\n") if os.path.lexists(path) else []
    for number, line in enumerate(lines, 1):
        try:
            if line:
                told = json.loads(line)  # an earlier version had the archive's sha256 there, too
                found.append(Exported(*(str(told[each.name]) for each in fields(Exported))))
        except (ValueError, TypeError, KeyError):
            damaged.append(number)
    return found, damaged


def note_exported(data_dir: Path, archive: Exported) -> None:
    """Put an archive on record; a line is added, so that two exports at once lose neither.

    Raises:
        OSError: the record cannot be written.
    """
    path = make_folder(data_dir) / RECORD
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(open_plain(path, flags), "rb+", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 1, 0))
        # What was cut short does not take the next line with it.
        gap = b"" if file.read(1) in (b"", b"\n") else b"\n"
        file.write(gap + json.dumps(asdict(archive), ensure_ascii=False).encode() + b"\n")
        os.fsync(file.fileno())


def pack(run: Run, file: Path, *, data_dir: Path) -> None:
    """Write the archive of a run.

    What is not in it: the log, and the queries, in which the owner may have put anything; the record has the
    queries' hashes. No secret is in it, but what customers bought is. The file is whole or not there at all.

    Raises:
        RefusedError: its sales are no longer kept, or its parent's model is not there as it was.
        SettingsError: its parent is not there.
        RecommenderError: there is no room for it.
    """
    if run.sales_path() != run.path(_SALES):
        raise RefusedError(
            "reproduce-no-sales",
            f"The sales that {run.run_id} has read are not kept, or the run is not published.",
            "KEEP_EXPORT_DAYS says for how long they are; take another run.",
        )
    members = [(f"{run.run_id}/{name}", run.path(name)) for name in _FILES if run.path(name).is_file()]
    model = run.manifest.model
    for ancestor in [] if model is None else model.chain[-1:]:
        parent = find_run(data_dir, ancestor.run_id)
        if not parent.still_has(MODEL, ancestor.sha256):
            raise RefusedError(
                "reproduce-no-parent",
                f"The model of {parent.run_id}, which {run.run_id} began with, is not there as it was.",
                "Take another run: `recommend runs` lists them.",
            )
        members += [(f"{parent.run_id}/{name}", parent.path(name)) for name in _PARENT_FILES]
    require_space(file.parent, sum(path.stat().st_size for _, path in members), f"The archive {file}")
    with atomic_path(file) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, path in sorted(members):
            info = zipfile.ZipInfo(name, _LONG_AGO)
            info.external_attr = (stat.S_IFREG | 0o600) << 16
            # What is packed already, and numbers without a pattern, would only cost time.
            is_text = path.suffix in (".csv", ".json", ".txt")
            info.compress_type = zipfile.ZIP_DEFLATED if is_text else zipfile.ZIP_STORED
            with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, _BLOCK)


def unfinished(file: Path) -> list[Path]:
    """Parts of an archive beside its place, of an export that goes on or was killed; old ones are removed."""
    return remove_stale(file.parent, f"{TEMPORARY}*-{escape(file.name)}")


def remove_scratch(data_dir: Path) -> None:
    """Remove what commands that were killed long ago left in DATA_DIR, and beside the archives they made."""
    remove_stale(data_dir)
    for file in {archive.file for archive in exported(data_dir)[0]}:
        with suppress(OSError):  # of a folder that is no longer ours to look into
            unfinished(Path(file))


def unpack(file: Path, data_dir: Path) -> Run:
    """Unpack an archive into folders of runs in an empty or missing folder; nothing is written elsewhere.

    Raises:
        RefusedError: it is no archive of ours, is damaged, or holds anything that ours cannot hold.
        RecommenderError: there is no room for it.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            run_id = _checked(members, packed=file.stat().st_size)
            sales = archive.getinfo(f"{run_id}/{_SALES}")
            with archive.open(sales) as source:
                unpacked_size(source, sales.compress_size)
            require_space(data_dir, sum(member.file_size for member in members), f"What {file} unpacks to")
            for member in members:
                folder, name = member.filename.split("/")
                path = make_folder(runs_folder(data_dir) / folder) / name
                # What comes out is never longer than what was checked.
                with archive.open(member) as source, path.open("xb") as target:
                    shutil.copyfileobj(source, target, _BLOCK)
    except FileNotFoundError as error:
        raise RefusedError("archive-missing", f"There is no archive {file}.", "Check the path.") from error
    except _DAMAGED as error:
        raise RefusedError("archive-damaged", f"{file} cannot be unpacked: {error}.", _PACK_AGAIN) from error
    return find_run(data_dir, run_id)


def _checked(members: list[zipfile.ZipInfo], *, packed: int) -> str:
    """The id of the run, whose folder is the one with sales, of an archive of so many bytes.

    Raises:
        ValueError: these are not the members of an archive of ours.
    """
    names = [member.filename for member in members]
    if len(names) > _MOST_MEMBERS or len(set(names)) < len(names):
        raise ValueError("it has too many files, or one twice")
    parts = [PurePosixPath(name).parts for name in names]
    of_run = [folder for folder, *rest in parts if rest == [_SALES]]
    if len(of_run) != 1:
        raise ValueError("it has not the sales of one run")
    for member, where in zip(members, parts, strict=True):
        allowed = _FILES if where[0] == of_run[0] else _PARENT_FILES
        if (
            len(where) != 2  # noqa: PLR2004 - folder and file
            or "/".join(where) != member.filename
            or not is_run_id(where[0])
            or where[1] not in allowed
        ):
            raise ValueError(f"it has a file that no run has ({member.filename[:60]!r})")
        _require_plain(member)
    missing = {f"{of_run[0]}/{name}" for name in _NEEDED} - set(names)
    if missing:
        raise ValueError(f"it lacks {min(missing)}")
    if sum(member.compress_size for member in members) > packed:
        raise ValueError("its files share bytes, as none of ours do")
    return of_run[0]


def _require_plain(member: zipfile.ZipInfo) -> None:
    """Raise ValueError for what no file of ours is."""
    if member.header_offset < 0:
        raise ValueError(f"{member.filename} would begin before the file")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG) or member.flag_bits & _ENCRYPTED:
        raise ValueError(f"{member.filename} is not a plain file")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{member.filename} is compressed in a way that we do not use")
    if member.file_size > most_unpacked(member.compress_size):
        raise ValueError(
            f"{member.filename} unpacks to more than {MOST_TIMES} times its size, which none of ours does"
        )
