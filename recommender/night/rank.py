"""The third stage: every list from the model, into the run folder."""

from dataclasses import dataclass
from itertools import compress

from recommender.evaluation.simple import weights_for
from recommender.learning.modelfile import load_model
from recommender.learning.signals import make_signals
from recommender.night.context import Night
from recommender.night.export import ShopData, read_shop_data
from recommender.night.memory import Size, choose_blocks
from recommender.night.record import stage, warn
from recommender.night.refusals import require_lists, require_shown
from recommender.night.train import Trained, read_trained
from recommender.publishing.continuity import Histories, renamed_items
from recommender.publishing.gate import ListableItems
from recommender.ranking.listfiles import write_popular_items, write_recommendations
from recommender.ranking.others import write_lists
from recommender.ranking.recommendations import make_lists
from recommender.runs.folder import MODEL
from recommender.runs.leftout import left_out
from recommender.runs.manifest import Method, Stage
from recommender.system import machine
from recommender.system.progress import Step
from recommender.tables import LISTS, POPULAR_ITEMS, RECOMMENDATIONS, Role, made_lists


@dataclass(frozen=True)
class RankedLists:
    """What the publish needs to know beside the lists in the run folder."""

    listable: ListableItems
    """which items they may hold"""
    histories: Histories | None
    """how customers' purchases compare with those of the last publish"""


def rank_stage(night: Night, trained: Trained | None = None) -> RankedLists:
    """Write every list from the model, with what the training had, or has left in the run folder."""
    run, settings, manifest = night.run, night.settings, night.run.manifest
    with stage(run, Stage.RANK, night.progress) as figures:
        steps = night.progress.step.split(
            {"read the sales": 0.0 if trained else 1.0, "signals": 1, "recommendations": 2, "": 2}
        )
        if trained is None:
            steps["read the sales"].begin()
            trained = read_trained(night)
        steps["signals"].begin()
        data = trained.data
        interactions, catalogue, never = data.interactions, data.catalogue, data.never
        require_lists(interactions, catalogue, never, settings)
        require_shown(data.rules.rules, catalogue, never, settings)
        renamed = renamed_items(night.past.last, catalogue, night.kinds[Role.ITEM])
        if renamed is not None:
            warn(run, renamed)
        n_rows = _write_recommendations(night, trained, steps["recommendations"])
        machine.give_back_memory()
        counts = write_lists(
            run,
            interactions,
            catalogue,
            kinds=night.kinds,
            made=made_lists(settings.lists),
            never=never,
            n=settings.top_n,
            publish_guests=settings.publish_guests,
            zone=settings.shop_timezone,
            threads=night.threads,
            rules=data.rules,
            progress=steps[""],
        )
        manifest.counts[f"rows_{RECOMMENDATIONS.name}"] = n_rows
        manifest.counts |= {f"rows_{definition.name}": rows for definition, rows in counts.items()}
        manifest.counts["items"] = len(interactions.item_ids)
        for definition in LISTS:
            run.note(definition.file_name)
        figures["summary"] = f"{n_rows:,} rows"
    return RankedLists(_listable(data), trained.histories)


def read_ranked(night: Night) -> RankedLists:
    """What a ranking that is done has left in the run folder and its record."""
    return RankedLists(_listable(read_shop_data(night)), Histories.of(night.run.manifest.counts))


def _write_recommendations(night: Night, trained: Trained, progress: Step) -> int:
    """The lists that are made from the model; returns the rows of `recommendations`."""
    run, settings, data = night.run, night.settings, trained.data
    interactions, choice = data.interactions, trained.choice
    model = load_model(run.path(MODEL), sha256=run.manifest.sha256_of(MODEL))
    signals = make_signals(interactions, model, choice.neighbour_settings, threads=night.threads)
    lists = make_lists(
        interactions,
        signals,
        weights_for(trained.method, choice.blend),
        data.catalogue,
        never=data.never,
        n=settings.top_n,
        popular_items=settings.popular_items,
        exclude_seen=settings.exclude_seen,
        publish_guests=settings.publish_guests,
        threads=night.threads,
        rules=data.rules,
        is_blend=trained.method is Method.BLEND,
        blocks=choose_blocks(Size.of(interactions), settings),
        progress=progress.begin(),
    )
    write_popular_items(run.path(POPULAR_ITEMS.file_name), lists.popular_items)
    return write_recommendations(run.path(RECOMMENDATIONS.file_name), lists.recommendations)


def _listable(data: ShopData) -> ListableItems:
    texts = data.catalogue.ids.as_texts()
    return ListableItems(
        sellable={*compress(texts, data.catalogue.sellable)} - {*data.never.as_texts()},
        known={*texts, *data.interactions.item_ids.as_texts()},
        catalogue=texts,
        left_out={each: left_out(data.rules.rules, each, data.catalogue) for each in LISTS},
    )
