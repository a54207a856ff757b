"""A customer forgotten: erased from all that is kept, and remembered as a hash only, never to come back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir

import sqlalchemy as sa

from recommender.database.namedkeys import owned_rows
from recommender.errors import RecommenderError, RefusedError
from recommender.export.forgotten import COPY, Forgotten, keep_copy, read_forgotten, remember
from recommender.night.locked import locked
from recommender.operations.erasure import erase, erase_words, find_traces, names_in_words
from recommender.operations.pastruns import RunFigures
from recommender.operations.whom import Whom
from recommender.runs.archive import RECORD, exported, unfinished, unpack
from recommender.runs.folder import QUERIES, RULES_QUERY, run_folders
from recommender.runs.hold import HOLD
from recommender.settings import Settings
from recommender.system.files import TEMPORARY, remove_stale, temporary_folder
from recommender.tables import Role, is_guest


@dataclass
class Forgetting:
    """What was erased, and what could not be."""

    customers: int
    """How many customers are forgotten in all."""
    rows: dict[str, int] = field(default_factory=dict)
    """Rows removed from each table, by its name."""
    files: dict[str, list[str]] = field(default_factory=dict)
    """Files changed in each run folder, by the run's id."""
    archives: list[str] = field(default_factory=list)
    """Archives that have one of them, in words: the path, and of which run; to be deleted by you."""
    unreachable: list[str] = field(default_factory=list)
    """Archives and folders that may still have something of them, and why, in words."""
    unread: list[str] = field(default_factory=list)
    """Damaged files of runs, of which nobody knows what is in them."""
    named_in: list[str] = field(default_factory=list)
    """Paths of your own queries that name the customer."""
    run: RunFigures | None = None
    """The night that followed with --retrain."""

    @property
    def found_nothing(self) -> bool:
        """Whether there was nothing of the customer."""
        return not (any(self.rows.values()) or self.files or self.archives)


def forget(settings: Settings, whom: Whom | None = None) -> Forgetting:
    """Erase a customer from the tables and from all that DATA_DIR keeps; who was forgotten before, once more.

    First the hash is put into the table, so that whatever happens then, no later night reads the customer
    again; to call it again finishes what was cut short. Archives are looked into, and not changed. Without a
    customer it is for those only who were forgotten before.

    Raises:
        SettingsError: FORGET_KEY or GUEST_KEY is missing, or is not the one of before.
        RefusedError: there is nobody to forget.
        DatabaseError: the database failed.
        LockedError: a run is going on.
    """
    keys = () if whom is None else whom.keys
    with locked(settings) as held:
        target = held.target
        # Before another hash comes to those of another key.
        known = read_forgotten(target, settings, new_guest_key=any(map(is_guest, keys)))
        if keys or known:
            remember(target, settings, keys)
        forgotten = read_forgotten(target, settings)
        if not forgotten:
            raise RefusedError(
                "forget-nobody",
                "Nobody was ever forgotten, so there is nobody to erase once more.",
                "Say whom to forget: `recommend forget CUSTOMER`, or --guest-email ADDRESS.",
            )
        found = Forgetting(len(forgotten))
        with target.connect() as connection:
            found.rows = {
                table.name: sum(
                    connection.execute(sa.delete(table).where(theirs)).rowcount for theirs in each
                )
                for table, each in owned_rows(target, connection, Role.CUSTOMER, forgotten)
            }
        keep_copy(settings.data_dir, forgotten)
        names = {*keys}
        _erase_runs(settings.data_dir, forgotten, names, found)
        _look_into_archives(settings.data_dir, forgotten, names, found)
        found.unreachable += [*_scratch(settings.data_dir), *_strange(settings.data_dir)]
        found.named_in = _queries_naming(settings, () if whom is None else (*whom.typed, *keys))
        return found


def _erase_runs(data_dir: Path, forgotten: Forgotten, names: set[str], found: Forgetting) -> None:
    """All run folders; the keys that are found are put into the names."""
    folders = run_folders(data_dir)
    traces = [find_traces(folder, forgotten) for folder in folders]
    names.update(*(each.names for each in traces))
    # Words first: as long as files have the keys, whoever is cut short finds them again.
    for folder in folders:
        with _told(folder, found):
            _note(found, folder, erase_words(folder, names))
    for each in traces:
        with _told(each.folder, found):
            _note(found, each.folder, erase(each))
        found.unread += each.unread


@contextmanager
def _told(folder: Path, found: Forgetting) -> Iterator[None]:
    """What cannot be read or written in one folder keeps nobody from the others."""
    try:
        yield
    except (RefusedError, PermissionError) as error:
        found.unread.append(error.reason if isinstance(error, RefusedError) else f"{folder}: {error}")


def _note(found: Forgetting, folder: Path, changed: Sequence[str]) -> None:
    if changed:
        found.files.setdefault(folder.name, []).extend(changed)


def _look_into_archives(data_dir: Path, forgotten: Forgotten, names: set[str], found: Forgetting) -> None:
    """The archives that are where they were made; of the others only their owners know."""
    archives, damaged = exported(data_dir)
    found.unreachable += [
        f"line {number} of {data_dir / RECORD} is damaged: it named an archive." for number in damaged
    ]
    for last in {archive.file: archive for archive in archives}.values():
        file = Path(last.file)
        made = f"{file} (run {last.run_id}, exported {last.at[:10]})"
        try:
            parts = _unfinished(file)
            found.unreachable += parts
            if file.is_file():
                if _has_any(file, data_dir, forgotten, names):
                    found.archives.append(made)
            elif not parts:
                found.unreachable.append(f"{made} is not there: if it was moved, delete it there.")
        except (RecommenderError, OSError) as error:
            found.unreachable.append(f"{made} could not be read: {error}")


def _has_any(file: Path, data_dir: Path, forgotten: Forgotten, names: set[str]) -> bool:
    """Whether one of the customers is in an archive, or may be."""
    with temporary_folder(data_dir) as folder:
        unpack(file, folder)
        traces = [find_traces(path, forgotten) for path in run_folders(folder)]
        return any(each.names or each.unread or names_in_words(each.folder, names) for each in traces)


def _unfinished(file: Path) -> list[str]:
    """Parts of an archive beside its place, of an export that goes on or was killed; old ones go."""
    return [
        f"{path} is being written by `recommend runs export`, or was left by one that was killed: when none"
        " runs, remove it, and call `recommend forget` once more."
        for path in unfinished(file)
    ]


def _scratch(data_dir: Path) -> list[str]:
    """Folders in which another command works, or worked when it was killed; old ones go."""
    return [
        f"{path} is in use by `recommend check`, `evaluate` or `reproduce`, or was left by one that was"
        " killed: when none of them runs, remove it."
        for path in remove_stale(data_dir)
    ]


def _strange(data_dir: Path) -> list[str]:
    """What is in DATA_DIR, or was left in the system's temporary folder, and is none of a kept run's."""
    ours = {"runs", "lock", HOLD, RECORD, COPY}
    runs = run_folders(data_dir)
    paths = [path for path in data_dir.glob("*") if path.name not in ours]
    paths += [path for path in (data_dir / "runs").glob("*") if path not in runs]
    paths += [path for path in Path(gettempdir()).glob("recommend-*") if (path / "archive").is_dir()]
    return [
        f"{path} is none of the kept runs: look yourself what is in it."
        for path in sorted(paths)
        if not path.name.startswith(TEMPORARY)
    ]


def _queries_naming(settings: Settings, typed: Sequence[str]) -> list[str]:
    """The owner's queries with a key or an address in them; a number can stand for anything there."""
    texts = {text.strip().lower() for text in typed if not text.isdecimal()}
    texts |= {text.replace("'", "''") for text in texts}
    folders = [settings.sql_dir, *run_folders(settings.data_dir)]
    paths = [folder / name for folder in folders for name in (*QUERIES, RULES_QUERY)]
    found = []
    for path in paths:
        text = path.read_text("utf-8", "replace").lower() if texts and path.is_file() else ""
        if any(each in text for each in texts):
            found.append(str(path))
    return found
