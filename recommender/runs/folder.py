"""The run folder and its manifest: the contract between the stages, and the record of every night."""

import json
import re
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from recommender.errors import RefusedError, SettingsError
from recommender.system.files import make_folder, read_plain, sha256_of, shipped_text, write_bytes, write_text
from recommender.system.text import escaped

SALES, ITEMS = "sales.csv", "items.csv"
MANIFEST, LOG, MODEL, EVALUATION = "manifest.json", "log.jsonl", "model.npz", "evaluation.json"
_PINNED = "pinned"
"""An empty file: a record that is closed is not written again."""
QUERIES, NEVER_RECOMMEND = ("sales.sql", "items.sql"), "never_recommend.txt"
"""The owner's own files; the run folder has them as they were that night."""
NEVER_ITEMS = "never_recommend.csv"
"""The shop's own keys that the file never_recommend.txt named that night."""
MANIFEST_VERSION = 2
_SCHEMA = "docs/manifest.schema.json"
_RUN_ID = re.compile("[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}")


class Stage(StrEnum):
    """The stages in their order."""

    EXPORT = "export"
    TRAIN = "train"
    RANK = "rank"
    PUBLISH = "publish"


class Status(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    WAITING = "waiting"
    """Stages are called one by one; the next one may begin."""
    PUBLISHED = "published"
    DRY_RUN = "dry_run"
    REFUSED = "refused"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    KILLED = "killed"
    """Ended without a word; found by the next run."""


class Source(StrEnum):
    """Where the lists of a run come from."""

    RUN = "run"
    ROLLBACK = "rollback"
    """From an earlier run."""


@dataclass
class Manifest:
    """The record of one run; what `manifest.json` holds, in this order. Times are ISO 8601 in UTC.

    `docs/manifest.schema.json` says the same for other programs, and each record that is read is held to it.
    """

    run_id: str
    manifest_version: int = MANIFEST_VERSION
    """From 2 on neither the record nor the log of the run names a customer."""
    status: Status = Status.RUNNING
    source: Source = Source.RUN
    source_run_id: str | None = None
    """Of a rollback, the run whose lists it published again."""
    source_published_seq: int | None = None
    """Of a rollback, when that run was published first: what was published between is undone."""
    as_of: str = ""
    """End of the window of sales."""
    as_of_day: str = ""
    """The shop's day that the run belongs to."""
    window_start: str = ""
    is_past: bool = False
    """Whether --as-of chose the day."""
    started_at: str = ""
    ended_at: str | None = None
    exit_code: int | None = None
    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    gate: list[dict[str, Any]] = field(default_factory=list)
    """What the gate found: check, message, and whether --force passes it."""
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Each finished stage: seconds, peak memory (MiB) of its process up to its end, and its own figures."""
    peak_mb: float | None = None
    """Peak memory (MiB) of the whole run; None in the records of earlier versions."""
    counts: dict[str, int | None] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """Kinds of the customer and item keys."""
    data_sha256: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    """sha256 of each file; of `sales.csv` that of the plain bytes, also when it is kept compressed."""
    forgotten: dict[str, list[str]] = field(default_factory=dict)
    """sha256 of files from which customers were erased since, one more each time; the last one holds."""
    model: dict[str, Any] = field(default_factory=dict)
    """mode (cold, warm or loaded) and why; run_id and as_of_day of the training; may_start_warm: whether
    the next one may; chain: mode, run_id, as_of_day and sha256 of each model that it was made from, the cold
    training first, the parent last."""
    parent_run_id: str | None = None
    choice: dict[str, Any] = field(default_factory=dict)
    """Weights of the blend's signals, whether they were learned, when, and on what evidence."""
    method: str | None = None
    """How the lists are made: blend, als, own_habit or popular."""
    quality: dict[str, float | None] = field(default_factory=dict)
    """nDCG@TOP_N of the method on the newest past window, and of the better of the baselines."""
    published_seq: int | None = None
    published_at: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    """What else the last bits can depend on: system, processor, BLAS kernels."""
    program: dict[str, str | None] = field(default_factory=dict)

    def peak(self) -> float | None:
        """Peak memory (MiB) of the run; by its stages where it was killed, or is of an earlier version."""
        return max([self.peak_mb or 0, *(stage["peak_mb"] for stage in self.stages.values())]) or None

    def note_file(self, name: str, sha256: str) -> None:
        """A file as a stage has written it."""
        self.files[name] = sha256
        self.forgotten.pop(name, None)

    def sha256_of(self, name: str) -> str | None:
        """What a file must be: as it was written, or as the last erasure left it; None for an unknown one."""
        return self.forgotten[name][-1] if self.forgotten.get(name) else self.files.get(name)

    def has_known(self, name: str, sha256: str) -> bool:
        """Whether a file was once what this hash says: before customers were erased from it, or after."""
        return sha256 in (self.files.get(name), *self.forgotten.get(name, ()))

    @classmethod
    def of(cls, text: str) -> "Manifest":
        """The record that `manifest.json` holds, if it is all that `docs/manifest.schema.json` asks for.

        So that who reads a record need not mind one that was damaged, or made up by somebody. Fields that we
        do not know are passed over.

        Raises:
            ValueError: it is not; says why.
        """
        try:
            data = json.loads(text, parse_constant=_no_number)
            text.encode()  # half a letter could not be written again
            json.dumps(data, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        if is_newer(data):
            raise ValueError("it is of a newer version of this program")
        _validator()(data)
        manifest = cls(**{f.name: data[f.name] for f in fields(cls) if f.name in data})
        manifest.status, manifest.source = Status(manifest.status), Source(manifest.source)
        return manifest


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def is_newer(data: Any) -> bool:
    """Whether what was read from a manifest is in a form that only a newer version of this program knows."""
    version = data.get("manifest_version") if isinstance(data, dict) else None
    return isinstance(version, int) and version > MANIFEST_VERSION


@cache
def _validator() -> Callable[[Any], Any]:
    """Raises a kind of ValueError for what is no record."""
    import fastjsonschema

    formats = {"date": _is_day, "date-time": _is_time}
    made: Callable[[Any], Any] = fastjsonschema.compile(json.loads(shipped_text(_SCHEMA)), formats=formats)
    return made


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    try:
        # In the first and the last year there are moments that no other zone can tell.
        return date.min.year < datetime.fromisoformat(text).year < date.max.year
    except ValueError:
        return False


def is_run_id(text: str) -> bool:
    """Whether the text has the form of a run's id."""
    return _RUN_ID.fullmatch(text) is not None and _is_time(text[:16])


class Run:
    """One run folder."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    @property
    def run_id(self) -> str:
        """UTC start time and four random hexadecimal digits."""
        return self.manifest.run_id

    @property
    def day(self) -> date:
        """The as-of day."""
        return date.fromisoformat(self.manifest.as_of_day)

    def path(self, name: str) -> Path:
        """A file of the folder."""
        return self.folder / name

    def save(self) -> None:
        """Write the manifest."""
        text = json.dumps(asdict(self.manifest), indent=2, ensure_ascii=False, allow_nan=False)
        write_text(self.path(MANIFEST), escaped(text) + "\n")

    def has_done(self, stage: Stage) -> bool:
        """Whether the stage has finished."""
        return stage in self.manifest.stages

    def sales_path(self) -> Path | None:
        """The exported sales, plain or compressed; None when they are no longer kept."""
        plain, packed = self.path(SALES), self.path(f"{SALES}.gz")
        return plain if plain.is_file() else packed if packed.is_file() else None

    @property
    def is_pinned(self) -> bool:
        """Whether somebody wants it kept."""
        return self.path(_PINNED).is_file()

    def pin(self, wanted: bool) -> None:  # noqa: FBT001 - set and unset are one thing
        """Keep the run, with its sales and what its model was made from, whatever its age; or no longer."""
        if wanted:
            write_text(self.path(_PINNED), "")
        else:
            self.path(_PINNED).unlink(missing_ok=True)

    def still_has(self, name: str, sha256: str | None) -> bool:
        """Whether a file is what it was when another run has read it, but for customers erased since."""
        path = self.path(name)
        if sha256 is None or not path.is_file():
            return False
        found = sha256_of(path)
        was_it = self.manifest.has_known(name, sha256)
        return found == sha256 or (was_it and found == self.manifest.sha256_of(name))

    def keep(self, name: str, original: Path) -> None:
        """Keep a copy of an owner's file under this name, on record."""
        self.write(name, original.read_bytes())

    def write(self, name: str, content: bytes) -> None:
        """Write a file, on record."""
        write_bytes(self.path(name), content)
        self.manifest.note_file(name, sha256_of(self.path(name)))

    def drop(self, name: str) -> None:
        """Remove a file, where there is one, and forget it."""
        self.path(name).unlink(missing_ok=True)
        self.manifest.files.pop(name, None)
        self.manifest.forgotten.pop(name, None)


def runs_folder(data_dir: Path) -> Path:
    """Where the run folders are."""
    return data_dir / "runs"


def new_run(data_dir: Path, now: datetime) -> Run:
    """An empty run folder with an id of its own, which sorts behind those of the same second."""
    second = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-"
    taken = [int(path.name[-4:], 16) for path in run_folders(data_dir) if path.name.startswith(second)]
    lowest = max(taken, default=-1) + 1
    # From the lower half of what is left, so that there is always room for another.
    run_id = f"{second}{lowest + secrets.randbelow((0x10000 - lowest + 1) // 2):04x}"
    folder = make_folder(runs_folder(data_dir) / run_id)
    return Run(folder, Manifest(run_id, started_at=iso(now)))


def iso(moment: datetime) -> str:
    """An aware moment as the manifest holds it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def load_run(folder: Path) -> Run:
    """The run of a folder.

    Raises:
        RefusedError: its manifest is missing, damaged, or written by a newer program.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.of(read_plain(path))
    except FileNotFoundError as error:
        raise RefusedError(f"The run {folder.name} has no manifest.", "Take another run.") from error
    except (OSError, ValueError) as error:
        if is_of_newer_program(folder):
            raise RefusedError(
                f"{path} was written by a newer version of this program.",
                "Use that version, or take another run.",
            ) from error
        raise RefusedError(
            f"{path} is damaged: {error}.", "Take another run, or remove this folder."
        ) from error
    if manifest.run_id != folder.name:
        raise RefusedError(f"{path} is the record of another run.", "Take another run.")
    return Run(folder, manifest)


def is_of_newer_program(folder: Path) -> bool:
    """Whether the run's record is in a form that only a newer version of this program knows."""
    try:
        return is_newer(json.loads(read_plain(folder / MANIFEST)))
    except (OSError, ValueError, RecursionError):
        return False


def run_folders(data_dir: Path) -> list[Path]:
    """The folders whose names are run ids, oldest first."""
    folder = runs_folder(data_dir)
    return [
        path
        for path in (sorted(folder.iterdir()) if folder.is_dir() else [])
        if is_run_id(path.name) and path.is_dir() and not path.is_symlink()
    ]


def list_runs(data_dir: Path) -> list[Run]:
    """Every readable run, oldest first; damaged ones are passed over."""
    found = []
    for path in run_folders(data_dir):
        with suppress(RefusedError):
            found.append(load_run(path))
    return found


def find_run(data_dir: Path, run_id: str) -> Run:
    """The run of that id.

    Raises:
        SettingsError: there is none.
        RefusedError: its manifest is damaged.
    """
    folder = runs_folder(data_dir) / run_id
    if not is_run_id(run_id) or folder.is_symlink() or not folder.is_dir():
        raise SettingsError(
            f"There is no run {run_id} in {runs_folder(data_dir)}.", "`recommend status` names the newest."
        )
    return load_run(folder)


def published_runs(runs: Iterable[Run]) -> list[Run]:
    """The published ones among the runs, in the order of publishing."""
    published = [run for run in runs if run.manifest.status is Status.PUBLISHED]
    return sorted(published, key=lambda run: run.manifest.published_seq or 0)


def last_published(data_dir: Path) -> Run | None:
    """The run that was published last, among those that are kept."""
    published = published_runs(list_runs(data_dir))
    return published[-1] if published else None


def standing_runs(runs: Iterable[Run]) -> list[Run]:
    """The published nights among the runs that no later rollback has undone, in the order of publishing.

    Only these may be parents: what was wrong with an undone night may be in its model.
    """
    nights: dict[str, Run] = {}
    standing: list[Run] = []
    for run in published_runs(runs):
        manifest = run.manifest
        if manifest.source is Source.RUN:
            nights[run.run_id] = run
            standing.append(run)
            continue
        until = manifest.source_published_seq or 0
        standing = [night for night in standing if (night.manifest.published_seq or 0) <= until]
        # It may be one that another rollback had undone.
        source = nights.get(manifest.source_run_id or "")
        if source is not None and source not in standing:
            standing.append(source)
    return standing
