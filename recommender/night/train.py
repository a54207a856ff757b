"""The second stage: the model, by the plan; then the weights and the method, by the shop's own past."""

from dataclasses import dataclass

from recommender.errors import RefusedError
from recommender.evaluation.choice import Choice
from recommender.learning.als import AlsSettings, Model
from recommender.learning.interactions import Interactions
from recommender.learning.modelfile import save_model
from recommender.night.context import Night
from recommender.night.export import (
    ShopData,
    exported_items,
    exported_lines,
    interactions_of,
    named_items,
    named_rules,
    read_shop_data,
    rules_of,
)
from recommender.night.memory import Size, require_memory
from recommender.night.namedrules import keep_rules
from recommender.night.never import keep
from recommender.night.oddities import odd_sales
from recommender.night.plan import TrainingPlan, make_model
from recommender.night.record import machine_facts, stage, warn
from recommender.night.trials import choose_and_prove, recipe_of
from recommender.publishing.continuity import Histories, Reading, compare_histories
from recommender.runs.folder import MODEL, QUERIES
from recommender.runs.keys import Keys
from recommender.runs.manifest import Method, Stage
from recommender.system import machine
from recommender.system.kernel import is_used
from recommender.system.progress import UNSEEN, Step


@dataclass(frozen=True)
class Trained:
    """What the training has for the ranking, beside the model in the run folder."""

    data: ShopData
    choice: Choice
    """of weights"""
    method: Method
    histories: Histories | None
    """how customers' purchases compare with those of the last publish"""


def train_stage(night: Night, plan: TrainingPlan, kept: Choice | None, never: Keys | None = None) -> Trained:
    """Write `model.npz`; choose weights and method by the past.

    Args:
        night: whose export is done.
        plan: how the model comes about.
        kept: the choice of weights of an earlier night that may be used again; None to choose anew.
        never: the items that a repetition never recommends, in the place of the owner's file.
    """
    run, settings = night.run, night.settings
    with stage(run, Stage.TRAIN, night.progress) as figures:
        # The second of them is the past's, whose steps have names of their own.
        steps = night.progress.step.split(
            {"read the sales": 1, "train the model": 2, "": 8, "read the sales again": 0.5}
        )
        steps["read the sales"].begin()
        lines = exported_lines(night)
        interactions = interactions_of(night, lines)
        proved = lines if settings.nightly_proof else None
        del lines
        histories = _histories(night, interactions)
        catalogue = exported_items(night)
        if never is None:
            named = named_items(night, catalogue, interactions)
            keep(run, settings.never_recommend, named)
            if named.warning:
                warn(run, named.warning)
            never = named.items
        rules = named_rules(
            night, catalogue, sold=interactions.item_ids, customers=interactions.user_ids, never=never
        )
        keep_rules(run, rules)
        for warning in rules.warnings:
            warn(run, warning)
        never = never.union(rules.never)
        for warning in odd_sales(interactions, never):
            warn(run, warning)
        recipe = recipe_of(settings, never=never, exclude_seen=settings.exclude_seen, threads=night.threads)
        model = write_model(night, plan, interactions, recipe.als, steps["train the model"].begin())
        summary = f"{len(model.user_ids):,} customers, {len(model.item_ids):,} items"
        n_sales = interactions.n_sales
        del model
        if proved is not None:
            # What is made of all sales, and their columns, are most of a night's memory: it is made once more
            # below.
            del interactions
        machine.give_back_memory()
        choice, method = choose_and_prove(
            night, proved, recipe, n_sales=n_sales, kept=kept, progress=steps[""]
        )
        if proved is not None:
            steps["read the sales again"].begin()
            interactions = interactions_of(night, proved)
        figures["summary"] = f"{run.manifest.origin.mode}: {summary}; method {method}"
    data = ShopData(interactions, catalogue, never, rules_of(night, rules))
    return Trained(data, choice, method, histories)


def read_trained(night: Night) -> Trained:
    """What a training that is done has left in the run folder and its record.

    Raises:
        RefusedError: it was done by another version of the program.
    """
    manifest = night.run.manifest
    choice = Choice.of(manifest.choice)
    if manifest.method is None or choice is None:
        raise RefusedError(
            "stage-other-version",
            f"The run {night.run.run_id} was trained by another version of the program.",
            f"Train it again: `recommend train --run {night.run.run_id}`.",
        )
    return Trained(read_shop_data(night), choice, manifest.method, Histories.of(manifest.counts))


def _histories(night: Night, interactions: Interactions) -> Histories | None:
    manifest = night.run.manifest
    reading = Reading(
        window=night.window,
        settings=manifest.settings,
        sales_query=manifest.sha256_of(QUERIES[0]),
        keys=manifest.keys,
    )
    found = compare_histories(night.past.last, interactions, reading)
    for name in Histories._fields:
        manifest.counts.pop(name, None)
    manifest.counts |= {} if found is None else found._asdict()
    return found


def write_model(
    night: Night, plan: TrainingPlan, interactions: Interactions, als: AlsSettings, progress: Step = UNSEEN
) -> Model:
    """Write `model.npz` by the plan, and look at nothing else."""
    run, settings, manifest = night.run, night.settings, night.run.manifest
    require_memory(Size.of(interactions), settings)
    manifest.data_sha256 = interactions.data_sha256
    manifest.counts["interactions"] = int(interactions.weights.nnz)
    model = make_model(run, plan, interactions, als, threads=night.threads, progress=progress)
    save_model(model, run.path(MODEL))
    run.note(MODEL)
    manifest.machine = machine_facts()
    if not is_used(settings.blas_kernel, manifest.machine):
        blas = ", ".join(manifest.machine["blas"])
        warn(run, f"BLAS_KERNEL={settings.blas_kernel} is not what is used here: {blas}.")
    return model
