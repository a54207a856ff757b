"""The run folder: the contract between the stages."""

import json
import secrets
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from recommender.errors import RefusedError, SettingsError
from recommender.runs.manifest import MANIFEST_VERSION, Manifest, Stage, Status, is_newer, is_run_id
from recommender.system.files import make_folder, read_plain, sha256_of, write_bytes, write_text
from recommender.system.text import escaped

SALES, ITEMS = "sales.csv", "items.csv"
MANIFEST, LOG, MODEL, EVALUATION = "manifest.json", "log.jsonl", "model.npz", "evaluation.json"
NEWEST = "newest"
"""Among the counts of a record, the newest sale in microseconds of UTC."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PINNED = "pinned"
"""An empty file: a record that is closed is not written again."""
QUERIES, NEVER_RECOMMEND = ("sales.sql", "items.sql"), "never_recommend.txt"
"""The owner's own files; the run folder has them as they were that night."""
RULES_QUERY, STATUSES_QUERY = "rules.sql", "statuses.sql"
"""More of the owner's files, which may be missing; `check` alone reads the second."""
RULES = "rules.csv"
"""The rules of the as-of day; once the training knows them, by the shop's own keys and words."""
NEVER_ITEMS = "never_recommend.csv"
"""The shop's own keys that the file never_recommend.txt named that night."""
_FEWEST_LETTERS = 4
"""Of a run's id that a person shortens."""
_NAMED = 3


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
        text = json.dumps(self.manifest.as_json(), indent=2, ensure_ascii=False, allow_nan=False)
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

    def is_whole(self, name: str) -> bool:
        """Whether a file is there as it is on record."""
        path = self.path(name)
        return path.is_file() and sha256_of(path) == self.manifest.sha256_of(name)

    def note(self, name: str) -> None:
        """Put a file on record as it is."""
        self.manifest.note_file(name, sha256_of(self.path(name)))

    def keep(self, name: str, original: Path) -> None:
        """Keep a copy of an owner's file under this name, on record."""
        self.write(name, original.read_bytes())

    def write(self, name: str, content: bytes) -> None:
        """Write a file, on record."""
        write_bytes(self.path(name), content)
        self.note(name)

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
    manifest = Manifest(
        run_id=run_id,
        manifest_version=MANIFEST_VERSION,
        status=Status.RUNNING,
        as_of_day="",
        started_at=iso(now),
    )
    return Run(folder, manifest)


def iso(moment: datetime) -> str:
    """An aware moment as the manifest holds it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def newest_sale(manifest: Manifest) -> str | None:
    """When the newest sale of the run was, as the manifest holds times; None where there was none."""
    micros = manifest.counts.get(NEWEST)
    # Not by `system/times`, which loads numpy: `status` answers at once.
    try:
        return None if micros is None else iso(_EPOCH + timedelta(microseconds=micros))
    except OverflowError:
        return None


def load_run(folder: Path) -> Run:
    """The run of a folder.

    Raises:
        RefusedError: its manifest is missing, damaged, or written by a newer program.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.of(read_plain(path))
    except FileNotFoundError as error:
        raise RefusedError(
            "run-damaged", f"The run {folder.name} has no manifest.", "Take another run."
        ) from error
    except (OSError, ValueError) as error:
        if is_of_newer_program(folder):
            raise RefusedError(
                "run-newer",
                f"{path} was written by a newer version of this program.",
                "Use that version, or take another run.",
            ) from error
        raise RefusedError(
            "run-damaged", f"{path} is damaged: {error}.", "Take another run, or remove this folder."
        ) from error
    if manifest.run_id != folder.name:
        raise RefusedError("run-damaged", f"{path} is the record of another run.", "Take another run.")
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


def find_run(data_dir: Path, run_id: str) -> Run:
    """The run of that id.

    Raises:
        SettingsError: there is none.
        RefusedError: its manifest is damaged.
    """
    folder = runs_folder(data_dir) / run_id
    if not is_run_id(run_id) or folder.is_symlink() or not folder.is_dir():
        raise SettingsError(
            "run-unknown",
            f"There is no run {run_id} in {runs_folder(data_dir)}.",
            "`recommend runs` lists them.",
        )
    return load_run(folder)


LATEST = "latest"


def named_run(data_dir: Path, typed: str) -> Run:
    """The run that a person means: by its id, by the begin or the end of it, or the `latest`.

    Raises:
        SettingsError: there is none, or several are meant.
        RefusedError: its manifest is damaged.
    """
    names = [folder.name for folder in run_folders(data_dir)]
    if typed == LATEST and names:
        return load_run(runs_folder(data_dir) / names[-1])
    meant = [name for name in names if name.startswith(typed) or name.endswith(typed)]
    if len(typed) >= _FEWEST_LETTERS and typed not in names and meant:
        if len(meant) > 1:
            raise SettingsError(
                "run-several",
                f"{typed} is short for {len(meant)} runs: {', '.join(meant[:_NAMED])}"
                f"{' …' if len(meant) > _NAMED else '.'}",
                "Give more of the run's id.",
            )
        typed = meant[0]
    return find_run(data_dir, typed)
