"""The record of a run: what `manifest.json` holds, and what it must be so that it is read again.

`scripts/manifest-schema` makes `docs/manifest.schema.json` of it, for other programs: the text under a field
is what the schema says of it.
"""

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from recommender.tables import KeyKind

MANIFEST_VERSION = 2
_RUN_ID = "[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = f"{_DAY}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}Z"
END = r"$(?!\n)"
"""Python's $ is also before a line end."""
RunId = Annotated[str, Meta(pattern=f"^{_RUN_ID}{END}")]
Sha256 = Annotated[str, Meta(pattern=f"^[0-9a-f]{{64}}{END}")]
FileName = Annotated[str, Meta(pattern=f"^[A-Za-z0-9_][A-Za-z0-9_.-]*{END}")]
Day = Annotated[str, Meta(pattern=f"^{_DAY}{END}", extra_json_schema={"format": "date"})]
Time = Annotated[str, Meta(pattern=f"^{_TIME}{END}", extra_json_schema={"format": "date-time"})]
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""A time that may have a fraction of a second."""
TimeOrEmpty = Annotated[str, Meta(pattern=f"^({_TIME})?{END}")]
Count = Annotated[int, Meta(ge=0)]
Amount = Annotated[float, Meta(ge=0)]


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


class Mode(StrEnum):
    """How a model came about."""

    COLD = "cold"
    """Trained from nothing."""
    WARM = "warm"
    """Trained on from the parent's factors."""
    LOADED = "loaded"
    """The parent's, with the customers whose history changed folded in."""


class Method(StrEnum):
    """How the lists are made."""

    BLEND = "blend"
    ALS = "als"
    OWN_HABIT = "own_habit"
    POPULAR = "popular"


class GateFinding(Struct, frozen=True):
    """What the gate has against publishing."""

    check: str
    message: str
    what_to_do: str
    forceable: bool
    """Whether --force passes it."""


class StageFigures(Struct, frozen=True, omit_defaults=True):
    """What a finished stage took."""

    seconds: Amount
    """Wall time."""
    peak_mb: Amount
    """Highest memory of its process in MiB, from its begin up to the end of the stage."""
    steps: dict[str, Amount] = field(default_factory=dict)
    """Wall time of each step, by the name that a terminal shows; none in records of earlier versions."""


class ReadFile(Struct, frozen=True):
    """A file that was read in the place of a query."""

    path: str
    """Below the URI."""
    bytes: Count
    modified: Time | None
    """None where its file system does not tell it."""
    sha256: Sha256


class ReadFiles(Struct, frozen=True):
    """What was read in the place of a query."""

    uri: str
    files: list[ReadFile]


class Ancestor(Struct, frozen=True):
    """A model that another one was made from."""

    run_id: RunId
    mode: Mode
    as_of_day: Day
    sha256: Sha256 | None


class ModelOrigin(Struct):
    """How a model came about."""

    mode: Mode
    why: str
    run_id: RunId
    """The run of its training."""
    as_of_day: Day
    """The day of its training."""
    may_start_warm: bool
    """Whether the next one may be trained on from it."""
    chain: list[Ancestor]
    """The models it was made from, the cold training first, the parent last."""


class ChoiceRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The weights of the blend, and on what evidence they were chosen."""

    task: Annotated[str, Meta(pattern=f"^(all|new){END}")]
    """Whether customers are shown what they have bought before."""
    weights: dict[str, float]
    """Of each signal."""
    proved_weights: dict[str, float] | None = None
    """Those in which the newest weeks had no say, on which the nightly proof measures them; not in records of
    earlier versions, nor are the next two."""
    neighbours: dict[str, float] | None = None
    """Settings of item-to-item."""
    contestant: str | None = None
    """What has won: the way the weights were learned."""
    learned: bool
    """Whether they were learned from this shop's sales; else they are the defaults."""
    why: str
    trials: list[dict[str, Any]]
    """On each past window the nDCG of every contestant."""
    als: dict[str, int | float]
    """Settings of the model that they were learned with."""
    half_life_days: float
    sales: int
    """Sale lines that there were."""
    run_id: RunId
    """The run that has chosen them."""
    as_of_day: Day


class Manifest(Struct, kw_only=True):
    """The record of one run of recommend, in DATA_DIR/runs/<run_id>/. Times are ISO 8601 in UTC.

    Later versions may add fields; a change of what is here raises manifest_version.
    """

    run_id: RunId
    """UTC start time and four random hexadecimal digits; the name of the folder."""
    manifest_version: Annotated[int, Meta(ge=1, le=MANIFEST_VERSION)]
    """Form of this record. From 2 on its texts, and the run's log, have no key of a customer."""
    status: Status
    """How the run stands; waiting: stages are called one by one, and the next may begin; killed: ended
    without a word, found by the next run."""
    source: Source = Source.RUN
    """Where the lists come from: made by this run, or those of an earlier one again."""
    source_run_id: RunId | None = None
    """Of a rollback, the run whose lists it published again."""
    source_published_seq: Count | None = None
    """Of a rollback, the published_seq of that run: what was published between the two is undone."""
    as_of: TimeOrEmpty = ""
    """End of the window of sales."""
    as_of_day: Day
    """The day of the shop that the run belongs to."""
    window_start: TimeOrEmpty = ""
    """Begin of the window of sales."""
    is_past: bool = False
    """Whether --as-of chose the day."""
    started_at: Time
    """When the run began."""
    ended_at: Time | None = None
    """When it ended; null while it goes on, or where nobody knows."""
    exit_code: int | None = None
    """What its process ended with."""
    error: str | None = None
    """Why it was not published, in the words that were printed."""
    warnings: list[str] = field(default_factory=list)
    """What an owner should know although it went well."""
    gate: list[GateFinding] = field(default_factory=list)
    """What the gate found before publishing."""
    stages: dict[Stage, StageFigures] = field(default_factory=dict)
    """Each finished stage."""
    peak_mb: Amount | None = None
    """Highest memory of the run's processes in MiB, as the system tells it at their end; null while it goes
    on, and not in records of earlier versions."""
    by_hand: bool = False
    """Somebody called it: on a terminal, as a dry run, or for a day that is named. Only there if so."""
    counts: dict[str, int | None] = field(default_factory=dict)
    """Sale lines read, left out and kept, items, customers, interactions, rows of each list."""
    keys: dict[str, KeyKind] = field(default_factory=dict)
    """Kinds of the customer and item keys; empty before the export."""
    data_sha256: Sha256 | None = None
    """Hash of the sales in sorted form: equal for equal sales, whatever the database."""
    files: dict[FileName, Sha256] = field(default_factory=dict)
    """sha256 of each file of the folder; of sales.csv that of the plain bytes, also when it is kept
    compressed. sales.sql, items.sql, rules.sql and never_recommend.txt are copies of the owner's own;
    never_recommend.csv has the items that it named, by the shop's own keys, and rules.csv the rules of the
    as-of day."""
    forgotten: dict[FileName, Annotated[list[Sha256], Meta(min_length=1)]] = field(default_factory=dict)
    """Of files from which forgotten customers were erased after the run: their sha256 after each time; the
    last one holds, in the place of that in files."""
    sources: dict[FileName, ReadFiles] = field(default_factory=dict)
    """The files that were read in the place of sales.sql and items.sql, by the name of the query."""
    model: ModelOrigin | None = None
    """How the model came about; empty before the training."""
    parent_run_id: RunId | None = None
    """The run whose model this one began with."""
    choice: ChoiceRecord | None = None
    """Weights of the signals, whether they were learned, by which run, and on what evidence; empty before the
    training."""
    method: Method | None = None
    """How the lists are made."""
    quality: dict[str, float | None] = field(default_factory=dict)
    """ndcg of the method on the newest past window, and baseline_ndcg of the better of the simple lists."""
    published_seq: Count | None = None
    """Place in the order of publishing, as in recommendation_runs."""
    published_at: Time | None = None
    """When the lists became visible."""
    settings: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    """Every setting by its name; secrets masked."""
    versions: dict[str, str] = field(default_factory=dict)
    """Python and the packages that a result can depend on."""
    machine: dict[str, str | list[str]] = field(default_factory=dict)
    """What else the last bits can depend on: system, processor, C library, BLAS libraries with their kernels,
    instruction sets. Empty before the training."""
    program: dict[str, str | None] = field(default_factory=dict)
    """Version of recommend, and the commit where it ran from a checkout."""

    @classmethod
    def of(cls, text: str) -> "Manifest":
        """The record that `manifest.json` holds, if it is all that `docs/manifest.schema.json` asks for.

        So that who reads a record need not mind one that was damaged, or made up by somebody. Fields that we
        do not know are passed over.

        Raises:
            ValueError: it is not; says why.
        """
        try:
            data = _OBJECT.decode(text)
            if is_newer(data):
                raise ValueError("it is of a newer version of this program")
            for name in EMPTY_BEFORE_TRAINING & data.keys():
                if data[name] is None:
                    raise ValueError(f"{name} is null")
                data[name] = None if data[name] == {} else data[name]
            manifest = msgspec.convert(data, cls)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        except msgspec.MsgspecError as error:
            raise ValueError(str(error)) from error
        _require_whole(manifest)
        return manifest

    def as_json(self) -> dict[str, Any]:
        """The same in JSON types."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        # Without what a record of an earlier version lacks, so that it is written as it was.
        for name in ("by_hand", "sources"):
            if not found[name]:
                del found[name]
        return found | {name: found[name] or {} for name in EMPTY_BEFORE_TRAINING}

    @property
    def origin(self) -> ModelOrigin:
        """How the model came about, of a run that has one.

        Raises:
            ValueError: it has none yet.
        """
        if self.model is None:
            raise ValueError(f"The run {self.run_id} has no model.")
        return self.model

    def peak(self) -> float | None:
        """Peak memory (MiB) of the run; by its stages where it was killed, or is of an earlier version."""
        return max([self.peak_mb or 0, *(stage.peak_mb for stage in self.stages.values())]) or None

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


_OBJECT = msgspec.json.Decoder(dict[str, Any])
ROLES = {"customer", "item"}
EMPTY_BEFORE_TRAINING = {"model", "choice"}
"""Parts that are all there or, in the file, an empty object."""
EMPTY: tuple[Any, ...] = (None, "", {})
NEEDED = (
    (
        "status",
        Status.PUBLISHED,
        ("published_seq", "published_at", "keys", "counts", "model", "choice", "method", "data_sha256"),
    ),
    ("stages", Stage.EXPORT, ("keys", "as_of", "window_start")),
    ("stages", Stage.TRAIN, ("model", "choice", "method")),
    ("source", Source.ROLLBACK, ("source_run_id", "source_published_seq")),
)
"""A field, a word in it, and what may then not be empty."""


def is_newer(data: Any) -> bool:
    """Whether what was read from a manifest is in a form that only a newer version of this program knows."""
    version = data.get("manifest_version") if isinstance(data, dict) else None
    return isinstance(version, int) and version > MANIFEST_VERSION


def _require_whole(record: Manifest) -> None:
    """What the types alone do not say; raises ValueError."""
    chain = [] if record.model is None else record.model.chain
    for part in (record, record.model, *chain, record.choice):
        if part is not None and not _is_day(part.as_of_day):
            raise ValueError(f"as_of_day is {part.as_of_day}, which is no day")
    for name in ("as_of", "window_start", "started_at", "ended_at", "published_at"):
        moment = getattr(record, name)
        if moment and not _is_time(moment):
            raise ValueError(f"{name} is {moment}, which is no time")
    if record.keys and not record.keys.keys() >= ROLES:
        raise ValueError("keys are of one kind only")
    for name, word, needed in NEEDED:
        found = getattr(record, name)
        if word == found or (name == "stages" and word in found):
            missing = [other for other in needed if getattr(record, other) in EMPTY]
            if missing:
                raise ValueError(f"{missing[0]} is missing, and {name} says {word}")
    if record.status is Status.PUBLISHED and "sales" not in record.counts:
        raise ValueError("counts has no sales")


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
    return re.fullmatch(_RUN_ID, text) is not None and _is_time(text[:16])
