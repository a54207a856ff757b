"""What a night publishes, decided by the shop's past: choose on the older windows, prove on the newest."""

from dataclasses import dataclass

from recommender.evaluation.choice import Choice, Lesson, choose
from recommender.evaluation.past import Recipe
from recommender.evaluation.proof import Proof, newest_window, prove
from recommender.learning.interactions import SaleLines
from recommender.system.machine import give_back_memory
from recommender.system.progress import UNSEEN, Step


@dataclass(frozen=True)
class Decision:
    """The choice of weights, and which method may be published."""

    choice: Choice
    proof: Proof


def decide(
    lines: SaleLines,
    recipe: Recipe,
    *,
    kept: Choice | None,
    budget: int,
    run_id: str,
    as_of_day: str,
    warm_days: int | None = None,
    progress: Step = UNSEEN,
) -> Decision:
    """Choose weights where none are kept, and prove them; a new choice then learns from the newest window.

    So the proof measures the procedure, with weights that never saw the window; what is published may know
    it.

    Args:
        lines: the sales.
        recipe: of the night.
        kept: the choice of an earlier night that may be used again.
        budget: trainings that a choice may cost.
        run_id: whose choice it would be.
        as_of_day: of that run.
        warm_days: also measure what a warm start so many days after a cold training costs.
        progress: hears of the steps.
    """
    shares = {"learn the weights": 6.0} if kept is None else {}
    shares |= {"prove against simple lists": 3.0}
    shares |= {} if warm_days is None else {"try a warm start": 2.0}
    shares |= {"learn from the newest weeks": 1.0} if kept is None else {}
    steps = progress.split(shares)
    lesson = (
        Lesson(kept)
        if kept is not None
        else choose(
            lines,
            recipe,
            budget=budget,
            run_id=run_id,
            as_of_day=as_of_day,
            progress=steps["learn the weights"].begin(),
        )
    )
    choice = lesson.choice
    looking, judging = steps["prove against simple lists"].begin().parts(3, 1)
    newest = newest_window(lines, recipe, choice.neighbour_settings, progress=looking)
    proof = prove(
        lines,
        newest,
        choice.proved,
        recipe,
        leads=choice.leads,
        warm_days=warm_days,
        progress=judging,
        warming=steps.get("try a warm start", UNSEEN),
    )
    if newest.past is not None:
        if lesson.told:
            steps["learn from the newest weeks"].begin()
        choice = lesson.with_newest(newest.past, recipe)
    del newest, lesson
    give_back_memory()
    return Decision(choice, proof)
