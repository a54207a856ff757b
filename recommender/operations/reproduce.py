"""A run once more, from what its folder has: is the result the same to the byte, and if not, why."""

import dataclasses
import gzip
import hashlib
import json
import shutil
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import msgspec

from recommender.errors import RefusedError, SettingsError
from recommender.evaluation.choice import Choice
from recommender.export.forgotten import Forgotten
from recommender.night import record
from recommender.night.context import Night
from recommender.night.export import exported_lines, interactions_of
from recommender.night.memory import require_memory, size_of
from recommender.night.never import kept_never
from recommender.night.plan import TrainingPlan
from recommender.night.rank import rank_stage
from recommender.night.train import train_stage, write_model
from recommender.night.trials import als_of
from recommender.runs.compression import unpacked_size
from recommender.runs.folder import (
    EVALUATION,
    ITEMS,
    MODEL,
    NEVER_ITEMS,
    NEVER_RECOMMEND,
    RULES,
    SALES,
    Run,
    find_run,
    runs_folder,
)
from recommender.runs.history import History
from recommender.runs.keys import Keys
from recommender.runs.manifest import Manifest, RunId, Source, Stage
from recommender.settings import Settings, recorded_settings
from recommender.system import machine
from recommender.system.csvform import whole_records
from recommender.system.files import make_folder, require_space, sha256_of
from recommender.system.kernel import SETTING, kernels_of
from recommender.system.progress import Progress
from recommender.tables import LISTS, Role

DATA, CHOICE = "data_sha256", "choice of weights"
_INPUTS = (SALES, ITEMS, NEVER_RECOMMEND, NEVER_ITEMS, RULES)
_ANOTHER = "Take another run: `recommend runs` lists them."


def _circumstances(manifest: Manifest) -> dict[str, str]:
    """What a result can depend on beside its inputs, by name: our own version first, which explains most."""
    program = {f"program {name}": value or "unknown" for name, value in manifest.program.items()}
    machine = {n: ", ".join(v) if isinstance(v, list) else v for n, v in manifest.machine.items()}
    return {**program, **manifest.versions, **machine}


@dataclass(frozen=True)
class Check:
    """One thing that the run has on record, and what it is now."""

    stage: str
    """The stage that makes it, or `parent RUN_ID` for a model that it was made from."""
    name: str
    """The file, or what else is on record."""
    then: str | None
    """The sha256 on record."""
    now: str | None
    """The sha256 of what came out; null where it could not be made."""
    same: bool
    """Whether it is the same to the byte."""


class ReproductionReport(TypedDict):
    """Whether a run comes out the same, and why it can differ."""

    run_id: RunId
    """The run."""
    identical: bool
    """Whether all is the same to the byte; if not, the exit code is 3."""
    first_difference: Check | None
    """The first that is not, in the order of the stages."""
    causes: list[str]
    """Why it can differ, in sentences."""
    changed: list[str]
    """What a result can depend on and is not as it was."""
    rebuilt: list[RunId]
    """Runs whose models were trained again, the first of the chain first."""
    checks: list[Check]
    """All that was compared."""


@dataclass
class Reproduction:
    """What came out."""

    run_id: str
    checks: list[Check] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    """what would make it the same"""
    changed: list[str] = field(default_factory=list)
    """what a result can depend on and is not as it was: `numpy: 2.3.1 then, 2.4.0 now`"""
    rebuilt: list[str] = field(default_factory=list)
    """runs whose models were trained again, the first of the chain first"""

    def add(self, stage: str, name: str, then: str | None, now: str | None) -> None:
        """One more comparison."""
        self.checks.append(Check(stage, name, then, now, same=then == now))

    def note(self, recorded: Manifest, made: Manifest) -> None:
        """What has changed between the two that a result can depend on."""
        then, now = _circumstances(recorded), _circumstances(made)
        for name in {**then, **now}:
            if then.get(name) != now.get(name):
                text = f"{name}: {then.get(name) or 'none'} then, {now.get(name) or 'none'} now"
                if text not in self.changed:
                    self.changed.append(text)
        kernels = kernels_of(recorded.machine)
        if kernels != kernels_of(made.machine) and len(kernels) == 1:
            self.advice = [f"{SETTING}={kernels[0]} takes the same kernel, where the processor can run it"]

    @property
    def is_identical(self) -> bool:
        """Whether all is as it was."""
        return all(check.same for check in self.checks)

    @property
    def first_difference(self) -> Check | None:
        """In the order of the stages."""
        return next((check for check in self.checks if not check.same), None)

    @property
    def causes(self) -> list[str]:
        """Why it can differ."""
        first = self.first_difference
        if first is None:
            return []
        if first.name in _INPUTS:
            return [f"{first.name} is not what the run has read: it was changed, or customers were erased"]
        if not self.changed:
            return ["nothing that a result is known to depend on has changed; please report it"]
        return [*self.changed, *self.advice]

    @property
    def report(self) -> ReproductionReport:
        """What is told to machines."""
        return {
            "run_id": self.run_id,
            "identical": self.is_identical,
            "first_difference": self.first_difference,
            "causes": self.causes,
            "changed": self.changed,
            "rebuilt": self.rebuilt,
            "checks": self.checks,
        }


def reproduce(
    run: Run,
    *,
    data_dir: Path,
    folder: Path,
    threads: int = 0,
    max_memory_mb: int = 0,
    whole_chain: bool = False,
    progress: Progress | None = None,
) -> Reproduction:
    """Make a run again and compare.

    The sales, items and rules that it exported, its settings, its seed, its choice of weights where an
    earlier night has made it, and the model that it was made from are taken as they are on record. A parent's
    model that is gone, or was changed, is trained again from the parent's own folder, and so on down the
    chain. Nothing is read from a database, and nothing written but into `folder`.

    Args:
        run: which; published or not.
        data_dir: where the folders of its parents are.
        folder: an empty one to work in.
        threads: how many to use; 0 for all this process may use.
        max_memory_mb: how much memory it may take here, whatever the record says; 0 is no limit.
        whole_chain: train every model of the chain again, from its cold beginning.
        progress: listens.

    Raises:
        RefusedError: there is nothing to compare with: it is a rollback, it did not come so far, or its sales
            or a parent are no longer kept; or it needs more memory than max_memory_mb.
        RecommenderError: there is no room for it.
    """
    _require_made(run)
    found = Reproduction(run.run_id)
    threads = threads or machine.available_cpus()
    work = _Work(data_dir, folder, threads, max_memory_mb, found, whole_chain=whole_chain)
    night = work.night(run, Stage.EXPORT, progress or Progress())
    # What it has read is compared first; nothing is made of what is no longer that.
    if found.is_identical:
        _compare(night, work.plan(run), kept_never(run, night.kinds[Role.ITEM]), run.manifest, found)
    return found


def _require_made(run: Run) -> None:
    """Stop where there is nothing to compare with."""
    manifest = run.manifest
    if manifest.source is Source.ROLLBACK:
        raise RefusedError(
            "reproduce-rollback",
            f"{run.run_id} is a rollback: its lists are those of {manifest.source_run_id}, but for what may"
            " no longer be sold.",
            f"`recommend reproduce {manifest.source_run_id}`.",
        )
    if manifest.forgotten:
        raise RefusedError(
            "reproduce-forgotten",
            f"Customers were forgotten since {run.run_id} was made: its files are no longer what came out.",
            _ANOTHER,
        )
    if not all(run.has_done(stage) for stage in (Stage.EXPORT, Stage.TRAIN, Stage.RANK)):
        raise RefusedError(
            "reproduce-no-lists", f"{run.run_id} has no lists: it is {manifest.status}.", _ANOTHER
        )


@dataclass
class _Work:
    """The folder in which runs are made again."""

    data_dir: Path
    folder: Path
    threads: int
    max_memory_mb: int
    found: Reproduction
    whole_chain: bool

    def night(self, run: Run, stage: str, progress: Progress) -> Night:
        """The run as it was after its export, in a folder of its own, its inputs checked as of a stage."""
        recorded = run.manifest
        settings = recorded_settings(recorded.settings, data_dir=self.folder, threads=self.threads)
        settings = dataclasses.replace(settings, max_memory_mb=self.max_memory_mb)
        self._require_room(run, settings)
        copy = Run(make_folder(runs_folder(self.folder) / run.run_id), _after_export(recorded))
        now = {SALES: _copied_sales(run, copy), ITEMS: _copied(run, ITEMS, copy)}
        if RULES in recorded.files:
            now[RULES] = _copied(run, RULES, copy)
            copy.manifest.note_file(RULES, now[RULES])
        owners = [name for name in (NEVER_RECOMMEND, NEVER_ITEMS) if name in recorded.files]
        now |= {name: _sha256_of(run, name) for name in owners}
        for name, sha256 in now.items():
            self.found.add(stage, name, recorded.files.get(name), sha256)
        settings = dataclasses.replace(settings, never_recommend=None)
        return Night(settings, copy, History(self.folder), Forgotten(), None, progress)

    def _require_room(self, run: Run, settings: Settings) -> None:
        """Ask for disk and memory before anything is unpacked, by what is there, not by the record."""
        size, lines = _sales_size(run)
        # What it made is made once more.
        made = sum(path.stat().st_size for path in run.folder.iterdir() if path.is_file())
        require_space(self.folder, size + made, f"To make {run.run_id} again")
        claimed = size_of(run)
        require_memory(dataclasses.replace(claimed, sales=max(lines, claimed.sales)), settings)

    def plan(self, run: Run) -> TrainingPlan:
        """How the run's model came about, with its parent's model in place."""
        told = run.manifest.origin
        parent = self._parent(run) if told.chain else None
        return TrainingPlan(told.mode, parent, told.why, is_asked=True)

    def _parent(self, run: Run) -> Run:
        """The run whose model this one began with, in a folder of its own."""
        link = run.manifest.origin.chain[-1]
        try:
            original = find_run(self.data_dir, link.run_id)
            path = original.path(MODEL)
            if not self.whole_chain and original.still_has(MODEL, link.sha256):
                copy = Run(make_folder(runs_folder(self.folder) / original.run_id), original.manifest)
                shutil.copyfile(path, copy.path(MODEL))
                return copy
            return self._rebuilt(original, link.sha256)
        except (RefusedError, SettingsError) as error:
            raise RefusedError(
                "reproduce-no-parent",
                f"{run.run_id} began with the model of {link.run_id}, which is not there: {error.reason}",
                _ANOTHER,
            ) from error

    def _rebuilt(self, original: Run, sha256: str | None) -> Run:
        """A parent with its model trained again."""
        stage = f"parent {original.run_id}"
        if not original.has_done(Stage.EXPORT) or not original.has_done(Stage.TRAIN):
            raise RefusedError(
                "reproduce-no-lists",
                f"{original.run_id} has no model: it is {original.manifest.status}.",
                _ANOTHER,
            )
        night = self.night(original, stage, Progress())
        plan = self.plan(original)
        write_model(night, plan, interactions_of(night, exported_lines(night)), als_of(night.settings))
        manifest = night.run.manifest
        self.found.rebuilt.append(original.run_id)
        self.found.add(stage, MODEL, sha256, manifest.files[MODEL])
        self.found.note(original.manifest, manifest)
        return night.run


def _after_export(recorded: Manifest) -> Manifest:
    """The record as it was when the export had been done."""
    return msgspec.structs.replace(
        recorded,
        stages={Stage.EXPORT: recorded.stages[Stage.EXPORT]},
        counts=dict(recorded.counts),
        files={},
        forgotten={},
        warnings=[],
        model=None,
        choice=None,
        machine={},
        parent_run_id=None,
        versions=record.versions(),
        program=record.program(),
    )


def _sales_size(run: Run) -> tuple[int, int]:
    """Bytes of the exported sales, plain, and how many line ends there are in them."""
    path = _sales_path(run)
    try:
        with path.open("rb") as file:
            if path.suffix == ".gz":
                return unpacked_size(file, path.stat().st_size)
            return path.stat().st_size, sum(piece.count(b"\n") for piece in whole_records(path))
    except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RefusedError("run-damaged", f"{path} is damaged: {error}.", _ANOTHER) from error


def _sales_path(run: Run) -> Path:
    path = run.sales_path()
    if path is None:
        raise RefusedError(
            "reproduce-no-sales",
            f"The sales that {run.run_id} has read are no longer kept.",
            "KEEP_EXPORT_DAYS says for how long; `recommend runs pin` keeps those of one run.",
        )
    return path


def _copied_sales(run: Run, copy: Run) -> str:
    """Put the exported sales, plain, into the copy; returns their sha256."""
    digest = hashlib.sha256()
    with copy.path(SALES).open("wb") as file:
        for piece in whole_records(_sales_path(run)):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def _copied(run: Run, name: str, copy: Run) -> str:
    sha256 = _sha256_of(run, name)
    shutil.copyfile(run.path(name), copy.path(name))
    return sha256


def _sha256_of(run: Run, name: str) -> str:
    try:
        return sha256_of(run.path(name))
    except OSError as error:
        raise RefusedError(
            "run-damaged", f"{run.path(name)} cannot be read: {error.strerror}.", _ANOTHER
        ) from error


def _compare(night: Night, plan: TrainingPlan, never: Keys, recorded: Manifest, found: Reproduction) -> None:
    """Train and rank, and hold all that comes out against the record."""
    made = night.run.manifest
    stages = {stage: recorded.stages[stage] for stage in (Stage.TRAIN, Stage.RANK)}
    night.progress.plan(
        {stage: figures.seconds for stage, figures in stages.items()},
        is_measured=True,
        past={stage: figures.steps for stage, figures in stages.items()},
    )
    is_kept = recorded.choice is not None and recorded.choice.run_id != recorded.run_id
    trained = train_stage(night, plan, Choice.of(recorded.choice) if is_kept else None, never)
    found.add(Stage.TRAIN, DATA, recorded.data_sha256, made.data_sha256)
    found.add(Stage.TRAIN, MODEL, recorded.files.get(MODEL), made.files[MODEL])
    found.add(Stage.TRAIN, CHOICE, _digest(recorded.as_json()["choice"]), _digest(made.as_json()["choice"]))
    if EVALUATION in recorded.files or EVALUATION in made.files:
        found.add(Stage.TRAIN, EVALUATION, recorded.files.get(EVALUATION), made.files.get(EVALUATION))
    rank_stage(night, trained)
    for definition in LISTS:
        name = definition.file_name
        found.add(Stage.RANK, name, recorded.files.get(name), made.files[name])
    found.note(recorded, made)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
