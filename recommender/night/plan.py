"""How the night's model comes about: trained cold or warm, or loaded and brought up to date; which parent."""

import logging
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from recommender.errors import ModelError
from recommender.learning.als import AlsSettings, Model, fold_in, train
from recommender.learning.interactions import Interactions
from recommender.learning.modelfile import load_model
from recommender.night.record import warn
from recommender.runs.folder import MODEL, Run
from recommender.runs.history import History
from recommender.runs.manifest import Ancestor, Mode, ModelOrigin
from recommender.settings import Settings, WarmStart
from recommender.system.threads import Progress

log = logging.getLogger(__name__)

COLD_EVERY_DAYS = 7
"""A model trained cold is the base of warm starts for fewer days than these."""
_FEWEST_KNOWN = 0.5
"""Of the interactions, whose items the parent must know: factors that all begin at zero would stay there."""
_NAMED = 5
"""So many unknown items are named in the log."""


class Ask(StrEnum):
    """What the night was asked for."""

    AUTO = "auto"
    """As TRAIN_EVERY_DAYS and WARM_START say."""
    TRAIN = "train"
    """Train, as WARM_START says."""
    COLD = "cold"
    LOAD = "load"


@dataclass(frozen=True)
class TrainingPlan:
    """How the model is to come about."""

    mode: Mode
    parent: Run | None
    """Whose model it begins with; None for a cold training."""
    why: str
    """A few words for the owner."""
    is_asked: bool = False
    """Nothing else will do."""


def plan_training(day: date, past: History, settings: Settings, ask: Ask) -> TrainingPlan:
    """Decide how tonight's model comes about.

    A parent is a published run of an earlier as-of day, so that a second run of a night has the same parent
    as the first; `--load` alone may take one of the same day. Ages count whole as-of days, so that it does
    not matter at which minute cron fired. After somebody was forgotten, a model that has learned from them
    serves nobody but who asks for `--load`.

    Raises:
        ModelError: `--load` was asked for and there is no model to load.
    """
    if ask is Ask.COLD:
        return TrainingPlan(Mode.COLD, None, "asked for")
    fit = [
        other
        for other in past.standing
        if other.path(MODEL).is_file() and (other.day < day or (ask is Ask.LOAD and other.day == day))
    ]
    if not fit:
        if ask is Ask.LOAD:
            raise ModelError(
                "model-none", "There is no published run whose model could be loaded.", "Use --train once."
            )
        return TrainingPlan(Mode.COLD, None, "no earlier model")
    parent = max(reversed(fit), key=lambda other: other.day)  # of one day, the one published last
    if ask is Ask.LOAD:
        return TrainingPlan(Mode.LOADED, parent, "asked for", is_asked=True)
    if _is_of_forgotten(parent, past):
        return TrainingPlan(
            Mode.COLD, None, f"the model of {parent.run_id} learned from a customer who is forgotten"
        )
    age = _age(day, parent.manifest.origin)
    if ask is Ask.AUTO and age < settings.train_every_days:
        why = f"trained {_days(age)} ago, TRAIN_EVERY_DAYS={settings.train_every_days}"
        return TrainingPlan(Mode.LOADED, parent, why)
    return _training(day, settings, parent)


def _is_of_forgotten(parent: Run, past: History) -> bool:
    """Whether the items' factors have a trace of somebody who is forgotten, by this or a model before it."""
    chain = {parent.run_id, *(link.run_id for link in parent.manifest.origin.chain)}
    return not chain.isdisjoint(past.of_forgotten)


def _training(day: date, settings: Settings, parent: Run) -> TrainingPlan:
    """A training, warm or cold."""
    if settings.warm_start is WarmStart.NEVER:
        return TrainingPlan(Mode.COLD, None, "WARM_START=never")
    if not parent.manifest.origin.may_start_warm:
        return TrainingPlan(Mode.COLD, None, "a warm start would cost too much")
    age = _age(day, chain_from(parent)[0])
    if age >= COLD_EVERY_DAYS:
        return TrainingPlan(Mode.COLD, None, f"the last cold training is {_days(age)} ago")
    return TrainingPlan(Mode.WARM, parent, f"trained cold {_days(age)} ago")


def _age(day: date, trained: ModelOrigin | Ancestor) -> int:
    return (day - date.fromisoformat(trained.as_of_day)).days


def _days(number: int) -> str:
    return f"{number} day{'' if number == 1 else 's'}"


def chain_from(parent: Run) -> list[Ancestor]:
    """What a model made from this run's stands on, from the cold training to the parent itself."""
    manifest = parent.manifest
    own = Ancestor(parent.run_id, manifest.origin.mode, manifest.as_of_day, manifest.sha256_of(MODEL))
    return [*manifest.origin.chain, own]


def make_model(
    run: Run,
    chosen: TrainingPlan,
    interactions: Interactions,
    als: AlsSettings,
    *,
    threads: int,
    progress: Progress | None = None,
) -> Model:
    """The model by the plan; where the parent's cannot serve and need not, it is trained cold.

    The record of the run gets `model`, `parent_run_id` and the count of unknown items. At least 1 thread is
    used; `progress` is called with iterations done and in all.

    Raises:
        ModelError: the training failed; or loading was asked for and the parent's model is damaged.
    """
    start = None
    if chosen.parent is not None:
        try:
            start = _parents_model(run, chosen, als)
            if start is not None and chosen.mode is Mode.LOADED:
                model = fold_in(start, interactions, threads=threads)
                _note(run, chosen, unknown=_unknown_items(start, interactions))
                return model
            if start is not None and start.known_share(interactions) < _FEWEST_KNOWN:
                log.info("the model of %s knows too few of tonight's items", chosen.parent.run_id)
                start = None
        except ModelError as error:
            if chosen.is_asked:
                raise
            warn(run, f"{error.reason} The model was trained instead.")
            start = None
        if start is None:
            chosen = TrainingPlan(Mode.COLD, None, f"the model of {chosen.parent.run_id} does not serve")
    model = train(interactions, als, threads=threads, start=start, progress=progress)
    if model.settings != als:
        warn(
            run,
            f"REGULARIZATION={als.regularization:g} is too small for these sales: the model was trained with"
            f" {model.settings.regularization:g}.",
        )
    _note(run, chosen, unknown=None)
    return model


def _parents_model(run: Run, chosen: TrainingPlan, als: AlsSettings) -> Model | None:
    """The model that the plan begins with; None where it was made with other settings."""
    parent = chosen.parent
    assert parent is not None  # noqa: S101 - the caller has looked
    model = load_model(parent.path(MODEL), sha256=parent.manifest.sha256_of(MODEL))
    if model.settings == als:
        return model
    if chosen.is_asked:
        warn(run, f"The model of {parent.run_id} was trained with other settings; it is used as it is.")
        return model
    log.info("the settings of the model have changed since %s: training", parent.run_id)
    return None


def _unknown_items(model: Model, interactions: Interactions) -> int:
    unknown = model.unknown_items(interactions)
    if len(unknown):
        names = [str(interactions.item_ids[int(i)]) for i in unknown[:_NAMED]]
        log.info("%s items are unknown to the model, such as %s", len(unknown), ", ".join(names))
    return len(unknown)


def _note(run: Run, chosen: TrainingPlan, *, unknown: int | None) -> None:
    """Put into the record how the model came about, and what it stands on."""
    manifest, parent = run.manifest, chosen.parent
    manifest.parent_run_id = None if parent is None else parent.run_id
    loaded = parent.manifest.origin if parent is not None and chosen.mode is Mode.LOADED else None
    manifest.model = ModelOrigin(
        mode=chosen.mode,
        why=chosen.why,
        run_id=run.run_id if loaded is None else loaded.run_id,
        as_of_day=manifest.as_of_day if loaded is None else loaded.as_of_day,
        # Until a cold training has measured it again (`evaluation/drift.py`), what holds for the parent's.
        may_start_warm=True if parent is None else parent.manifest.origin.may_start_warm,
        chain=[] if parent is None else chain_from(parent),
    )
    if unknown is None:
        manifest.counts.pop("unknown_items", None)
    else:
        manifest.counts["unknown_items"] = unknown
