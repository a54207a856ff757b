"""What a night would have chosen, as an evaluation tells it."""

import numpy as np

from recommender.evaluation.choice import Choice
from recommender.evaluation.contestants import contestants
from recommender.evaluation.decision import Decision
from recommender.evaluation.proof import Proof
from recommender.evaluation.report import ChoiceReport, ContestantReport, Figure
from recommender.evaluation.simple import Lead
from recommender.runs.manifest import Method


def choice_report(decision: Decision, *, exclude_seen: bool) -> ChoiceReport:
    """The contestants with their figures, the winner, and what may be published.

    Args:
        decision: of the night.
        exclude_seen: its task.
    """
    choice, proof = decision.choice, decision.proof
    figures = [trial["ndcg"] for trial in choice.trials]
    return ChoiceReport(
        contestant=choice.contestant or "",
        why=choice.why,
        trials=len(figures),
        contestants=tuple(
            ContestantReport(
                name=each.name,
                objective=each.objective,
                habit_in_parts=each.habit_in_parts,
                item_to_item_days=each.neighbours.half_life_days,
                ndcg=float(np.mean([by_name[each.name] for by_name in figures])),
                is_chosen=each.name == choice.contestant,
            )
            for each in (contestants(exclude_seen=exclude_seen) if figures else ())
        ),
        leads=_leads(choice, proof),
        learned_from_newest=choice.weights != choice.proved_weights,
        method=proof.method,
        proof=proof.why,
        ndcg=proof.ndcg,
        baseline_ndcg=proof.baseline_ndcg,
    )


def _leads(choice: Choice, proof: Proof) -> dict[Method, Figure]:
    """Of the blend before each simple method, on all windows that were looked at."""
    proved = {
        Method(method): Lead(mean=entry["blend_lead"], error=entry["blend_lead_error"])
        for method, entry in proof.details.get("methods", {}).items()
        if "blend_lead" in entry
    }
    if proved:  # which has counted in the windows of the choice
        return {method: Figure.of(lead.mean, *lead.interval) for method, lead in proved.items()}
    leads = {method: Lead.over(by_window) for method, by_window in choice.leads.items()}
    return {method: Figure.of(lead.mean, *lead.interval) for method, lead in leads.items()}
