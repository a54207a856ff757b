"""The part of the night that looks at the past: which weights, which method, how good; all on record."""

import json
from datetime import date

from recommender.evaluation.choice import Choice, default_choice
from recommender.evaluation.decision import decide
from recommender.evaluation.past import Recipe
from recommender.learning.als import AlsSettings
from recommender.learning.interactions import SaleLines
from recommender.night.context import Night
from recommender.night.plan import COLD_EVERY_DAYS
from recommender.night.record import warn
from recommender.runs.folder import EVALUATION
from recommender.runs.history import History
from recommender.runs.keys import Keys
from recommender.runs.manifest import Method, Mode
from recommender.settings import Settings, WarmStart
from recommender.system.progress import UNSEEN, Step

PROOF_IS_OFF = "the defaults: NIGHTLY_PROOF is off"


def als_of(settings: Settings) -> AlsSettings:
    """How the model is trained."""
    return AlsSettings(
        factors=settings.factors,
        regularization=settings.regularization,
        iterations=settings.iterations,
        alpha=settings.alpha,
        seed=settings.seed,
    )


def recipe_of(settings: Settings, *, never: Keys, exclude_seen: bool, threads: int) -> Recipe:
    """What the settings tell a night, for either task."""
    return Recipe(
        als=als_of(settings),
        half_life_days=settings.half_life_days,
        exclude_seen=exclude_seen,
        publish_guests=settings.publish_guests,
        never=never,
        n=settings.top_n,
        threads=threads,
    )


def choose_and_prove(
    night: Night,
    lines: SaleLines | None,
    recipe: Recipe,
    *,
    n_sales: int,
    kept: Choice | None,
    progress: Step = UNSEEN,
) -> tuple[Choice, Method]:
    """The choice of weights and the method, which go on record with the quality.

    The choice of an earlier night is used again while it fits tonight. With NIGHTLY_PROOF=off no past window
    is looked at: the blend is published by the choice of an earlier night, or by the defaults.

    Args:
        night: its manifest gets `choice`, `method` and `quality`; its folder `evaluation.json`.
        lines: its sales; None with NIGHTLY_PROOF=off.
        recipe: of the settings.
        n_sales: sale lines of the run.
        kept: the choice of an earlier night, if there is one.
        progress: hears of the steps.
    """
    run, settings, manifest = night.run, night.settings, night.run.manifest
    if kept is not None and not kept.still_fits(recipe, sales=n_sales, day=run.day):
        kept = None
    manifest.method = Method.BLEND
    manifest.quality = {"ndcg": None, "baseline_ndcg": None}
    run.drop(EVALUATION)
    if lines is None:
        choice = kept or default_choice(
            recipe,
            n_sales=n_sales,
            run_id=run.run_id,
            as_of_day=manifest.as_of_day,
            why=PROOF_IS_OFF,
        )
        manifest.choice = choice
        return choice, Method.BLEND
    starts_chain = manifest.origin.mode is Mode.COLD and settings.warm_start is WarmStart.AUTO
    decision = decide(
        lines,
        recipe,
        kept=kept,
        budget=settings.tune_budget,
        warm_days=COLD_EVERY_DAYS if starts_chain else None,
        progress=progress,
        run_id=run.run_id,
        as_of_day=manifest.as_of_day,
    )
    proof, manifest.choice = decision.proof, decision.choice
    if proof.drift is not None:
        manifest.origin.may_start_warm = proof.drift.is_small
    manifest.method = proof.method
    manifest.quality = {"ndcg": proof.ndcg, "baseline_ndcg": proof.baseline_ndcg}
    run.write(EVALUATION, (json.dumps(proof.details, indent=2, sort_keys=True) + "\n").encode())
    if proof.why:
        warn(run, proof.why)
    return decision.choice, proof.method


def kept_choice(day: date, past: History) -> Choice | None:
    """The choice of the newest published night of an earlier day.

    One that past windows had a say in, also where the defaults have won: a shop that had too few may have
    enough of them tonight. Of an earlier day, so that a second run of a night takes the same one as the
    first; and none that was learned from a customer who is forgotten.
    """
    left_out = past.of_forgotten
    earlier = [
        other
        for other in past.standing
        if other.day < day
        and (choice := other.manifest.choice) is not None
        and (choice.learned or choice.trials)
        and left_out.isdisjoint((other.run_id, choice.run_id))
    ]
    if not earlier:
        return None
    return Choice.of(max(reversed(earlier), key=lambda other: other.day).manifest.choice)
