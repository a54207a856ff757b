"""What each stage reads from and writes to the run folder; the work itself is in the modules it calls.

The last one, which needs the target database, is in `publish.py`.

Heavy packages are imported by the stage that needs them.
"""

import logging
from dataclasses import asdict
from datetime import datetime
from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING

from recommender.database import retries
from recommender.errors import RefusedError
from recommender.export.forgotten import Forgotten
from recommender.night.memory import Size, choose_blocks, require_memory, size_of
from recommender.night.record import machine_facts, note_again, stage, warn
from recommender.night.refusals import require_lists, require_sales
from recommender.runs.folder import ITEMS, MODEL, QUERIES, SALES, Run, Stage, last_published
from recommender.settings import Settings
from recommender.system import machine
from recommender.system.files import sha256_of
from recommender.system.kernel import is_used
from recommender.system.progress import Progress
from recommender.system.window import Window
from recommender.tables import LISTS, POPULAR_ITEMS, RECOMMENDATIONS, KeyKind, Role, made_lists

if TYPE_CHECKING:
    from recommender.database.base import Database
    from recommender.database.schema import Target
    from recommender.evaluation.choice import Choice
    from recommender.evaluation.past import Recipe
    from recommender.learning.als import Model
    from recommender.learning.interactions import Interactions, SaleLines
    from recommender.night.never import NeverRecommend
    from recommender.night.plan import TrainingPlan
    from recommender.publishing.gate import ListableItems
    from recommender.runs.items import Catalogue
    from recommender.runs.keys import Keys

log = logging.getLogger(__name__)


class Night:
    """The stages over one run folder; what one stage has in memory, the next need not read again."""

    def __init__(
        self,
        settings: Settings,
        run: Run,
        progress: Progress,
        forgotten: Forgotten,
        *,
        target: "Target | None" = None,
        never: "Keys | None" = None,
    ) -> None:
        """Set out.

        Args:
            settings: of the run.
            run: its folder.
            progress: listens.
            forgotten: the customers who are left out.
            target: whose tables tell which items NEVER_RECOMMEND names; None for a repetition.
            never: the items that a repetition never recommends, in the place of the owner's file.
        """
        self._target = target
        self._known_never = never
        self.settings = settings
        self.forgotten = forgotten
        self.run = run
        self.progress = progress
        self._threads = settings.threads or machine.available_cpus()
        self._model: Model | None = None
        self._sales: Interactions | None = None

    @property
    def _size(self) -> Size:
        """Of the sales, once they are read."""
        found = self._interactions
        return Size(found.n_sales, len(found.user_ids), len(found.item_ids))

    @property
    def _window(self) -> Window:
        manifest = self.run.manifest
        return Window(
            datetime.fromisoformat(manifest.window_start),
            datetime.fromisoformat(manifest.as_of),
            self.run.day,
            manifest.is_past,
        )

    @property
    def _kinds(self) -> dict[Role, KeyKind]:
        keys = self.run.manifest.keys
        return {Role.CUSTOMER: KeyKind(keys["customer"]), Role.ITEM: KeyKind(keys["item"])}

    def _lines(self) -> "SaleLines":
        from recommender.learning.interactions import load_sale_lines

        kinds = self._kinds
        lines = load_sale_lines(
            self.run.path(SALES), customer_kind=kinds[Role.CUSTOMER], item_kind=kinds[Role.ITEM]
        )
        # An export leaves them out; a folder that comes from a backup can still have them.
        if self.forgotten:
            lines = lines.without(self.forgotten)
        machine.give_back_memory()
        return lines

    @property
    def _interactions(self) -> "Interactions":
        if self._sales is None:
            self._sales = self._interactions_of(self._lines())
        return self._sales

    def _interactions_of(self, lines: "SaleLines") -> "Interactions":
        from recommender.learning.interactions import make_interactions

        made = make_interactions(lines, half_life_days=self.settings.half_life_days)
        machine.give_back_memory()
        return made

    def export(self, shop: "Database") -> None:
        """Write `sales.csv` and `items.csv` from the shop's database."""
        from recommender.export.snapshot import export

        manifest, settings = self.run.manifest, self.settings
        last = last_published(settings.data_dir)
        with stage(self.run, Stage.EXPORT, self.progress) as figures:
            before = self._size_before(last) if last else Size(0, 0, 0)
            known = f"the last night had {before.words}" if before.sales else "before any sale is read"
            require_memory(before, settings, source=known)
            found = export(
                shop,
                sql_dir=settings.sql_dir,
                folder=self.run.folder,
                window=self._window,
                sales_timezone=settings.sales_timezone,
                guest_key=settings.guest_key,
                forgotten=self.forgotten,
                timeout_seconds=settings.query_timeout_seconds,
                progress=self.progress.update,
            )
            for name in QUERIES:
                self.run.keep(name, settings.sql_dir / name)
            manifest.keys = {"customer": str(found.customer_kind), "item": str(found.item_kind)}
            manifest.note_file(SALES, found.sales_sha256)
            manifest.note_file(ITEMS, found.items_sha256)
            for warning in found.warnings:
                warn(self.run, warning)
            manifest.counts = asdict(found.counts)
            require_sales(
                found.counts.sales,
                days=settings.history_days,
                until=self._window.as_of_day,
                newest=found.older_day(settings.shop_timezone),
                path=settings.sql_dir / "sales.sql",
                before=last,
            )
            exported = Size(found.counts.sales, before.customers, found.counts.items)
            require_memory(exported, settings, source=exported.words)
            figures["summary"] = f"{found.counts.sales:,} sales, {found.counts.items:,} items"

    def _size_before(self, last: Run) -> Size:
        """What the last night was made of; nothing where tonight's sales are chosen in another way."""
        same_days = last.manifest.settings.get("HISTORY_DAYS") == self.settings.history_days
        query = self.settings.sql_dir / QUERIES[0]
        same_query = query.is_file() and last.manifest.files.get(query.name) == sha256_of(query)
        return size_of(last) if same_days and same_query else Size(0, 0, 0)

    def train(self, chosen: "TrainingPlan", kept: "Choice | None") -> None:
        """Write `model.npz` by the plan; look at the past.

        Args:
            chosen: how the model comes about.
            kept: the choice of weights of an earlier night that may be used again; None to choose anew.
        """
        from recommender.night.trials import choose_and_prove

        manifest = self.run.manifest
        with stage(self.run, Stage.TRAIN, self.progress) as figures:
            lines = self._lines() if self.settings.nightly_proof else None
            self._sales = None if lines is None else self._interactions_of(lines)
            model = self.make_model(chosen)
            trained = f"{len(model.user_ids):,} customers, {len(model.item_ids):,} items"
            n_sales = self._interactions.n_sales
            if lines is not None:
                # What is made from all sales, and their columns, are most of a night's memory: here and below
                # one of both is made again.
                del model
                self._model = self._sales = None
                machine.give_back_memory()
            choose_and_prove(
                self.run,
                self.settings,
                lines,
                self._recipe,
                n_sales=n_sales,
                kept=kept,
                progress=self.progress.update,
            )
            self._sales = self._sales if lines is None else self._interactions_of(lines)
            figures["summary"] = f"{manifest.model['mode']}: {trained}; method {manifest.method}"

    def make_model(self, chosen: "TrainingPlan") -> "Model":
        """Write `model.npz` by the plan, and look at nothing else."""
        from recommender.learning.modelfile import save_model
        from recommender.night.oddities import odd_sales
        from recommender.night.plan import make_model
        from recommender.publishing.continuity import CHANGED, COMPARED, Reading, compare_histories

        manifest, interactions = self.run.manifest, self._interactions
        require_memory(self._size, self.settings, source=self._size.words)
        manifest.data_sha256 = interactions.data_sha256
        manifest.counts["interactions"] = int(interactions.weights.nnz)
        reading = Reading(
            window=self._window,
            settings=manifest.settings,
            sales_query=manifest.sha256_of(QUERIES[0]),
            customer_kind=self._kinds[Role.CUSTOMER],
            item_kind=self._kinds[Role.ITEM],
        )
        for name in (COMPARED, CHANGED):
            manifest.counts.pop(name, None)
        manifest.counts |= compare_histories(last_published(self.settings.data_dir), interactions, reading)
        for warning in odd_sales(interactions, self._never):
            warn(self.run, warning)
        if self._known_never is None:
            from recommender.night.never import keep

            keep(self.run, self.settings.never_recommend, self._named)
            if self._named.warning:
                warn(self.run, self._named.warning)
        self._model = make_model(
            self.run,
            chosen,
            interactions,
            self._recipe.als,
            threads=self._threads,
            progress=self.progress.update,
        )
        save_model(self._model, self.run.path(MODEL))
        manifest.note_file(MODEL, sha256_of(self.run.path(MODEL)))
        manifest.machine = machine_facts()
        if not is_used(self.settings.blas_kernel, manifest.machine):
            warn(
                self.run,
                f"BLAS_KERNEL={self.settings.blas_kernel} is not what is used here:"
                f" {', '.join(manifest.machine['blas'])}.",
            )
        return self._model

    @property
    def _recipe(self) -> "Recipe":
        from recommender.night.trials import recipe_of

        exclude_seen = self.settings.exclude_seen
        return recipe_of(self.settings, never=self._never, exclude_seen=exclude_seen, threads=self._threads)

    @cached_property
    def catalogue(self) -> "Catalogue":
        """The items of the export."""
        from recommender.runs.items import load_catalogue

        return load_catalogue(self.run.path(ITEMS), item_kind=self._kinds[Role.ITEM])

    @property
    def _never(self) -> "Keys":
        return self._named.items if self._known_never is None else self._known_never

    @cached_property
    def _named(self) -> "NeverRecommend":
        """What the owner's file names; told before anything is written, where it cannot be read."""
        from recommender.night.never import never_recommend

        path, kind = self.settings.never_recommend, self._kinds[Role.ITEM]
        # Only where there is a file the items are needed so early.
        known = self.catalogue.ids.union(self._interactions.item_ids) if path else self._interactions.item_ids
        return retries.USUAL.call(
            lambda: never_recommend(path, kind, known, self._target),
            note_again(self.run, "look at NEVER_RECOMMEND"),
        )

    def rank(self) -> None:
        """Write every list from the model."""
        from recommender.evaluation.choice import Choice
        from recommender.evaluation.proof import Method, weights_for
        from recommender.learning.modelfile import load_model
        from recommender.learning.signals import make_signals
        from recommender.publishing.continuity import renamed_items
        from recommender.ranking.listfiles import write_popular_items, write_recommendations
        from recommender.ranking.recommendations import make_lists

        manifest, settings = self.run.manifest, self.settings
        with stage(self.run, Stage.RANK, self.progress) as figures:
            if self._model is None:
                self._model = load_model(self.run.path(MODEL), sha256=manifest.sha256_of(MODEL))
            exclude_seen = settings.exclude_seen
            require_lists(
                self._interactions,
                self.catalogue,
                self._never,
                made=made_lists(settings.lists),
                publish_guests=settings.publish_guests,
                exclude_seen=exclude_seen,
                sales_path=settings.sql_dir / "sales.sql",
                items_path=settings.sql_dir / "items.sql",
            )
            renamed = renamed_items(last_published(settings.data_dir), self.catalogue, self._kinds[Role.ITEM])
            if renamed is not None:
                warn(self.run, renamed)
            choice = Choice.of(manifest.choice)
            if manifest.method is None or choice is None:
                raise RefusedError(
                    f"The run {self.run.run_id} was trained by another version of the program.",
                    f"`recommend train --run {self.run.run_id}` first.",
                )
            lists = make_lists(
                self._interactions,
                make_signals(self._interactions, self._model, threads=self._threads),
                weights_for(Method(manifest.method), choice.as_array()),
                self.catalogue,
                never=self._never,
                n=settings.top_n,
                popular_items=settings.popular_items,
                exclude_seen=exclude_seen,
                publish_guests=settings.publish_guests,
                threads=self._threads,
                blocks=choose_blocks(self._size, settings),
                progress=self.progress.update,
            )
            n_rows = write_recommendations(self.run.path(RECOMMENDATIONS.file_name), lists.recommendations)
            write_popular_items(self.run.path(POPULAR_ITEMS.file_name), lists.popular_items)
            del lists
            self._model = None
            machine.give_back_memory()
            for definition in (RECOMMENDATIONS, POPULAR_ITEMS):
                manifest.note_file(definition.file_name, sha256_of(self.run.path(definition.file_name)))
            self._other_lists()
            manifest.counts["items"] = len(self._interactions.item_ids)
            figures["summary"] = f"{n_rows:,} rows"

    def _other_lists(self) -> None:
        """Write the lists beside the recommendations, and leave those empty that are not made."""
        from recommender.ranking.others import write_lists

        manifest, settings = self.run.manifest, self.settings
        counts = write_lists(
            self.run,
            self._interactions,
            self.catalogue,
            kinds=self._kinds,
            made=made_lists(settings.lists),
            never=self._never,
            n=settings.top_n,
            publish_guests=settings.publish_guests,
            zone=settings.shop_timezone,
            threads=self._threads,
        )
        manifest.counts |= {f"rows_{definition.name}": rows for definition, rows in counts.items()}
        for definition in LISTS:
            manifest.note_file(definition.file_name, sha256_of(self.run.path(definition.file_name)))

    def candidates(self) -> "ListableItems":
        """Which items the lists may hold."""
        from recommender.publishing.gate import ListableItems

        texts = self.catalogue.ids.as_texts()
        return ListableItems(
            sellable={*compress(texts, self.catalogue.sellable)} - {*self._never.as_texts()},
            known={*texts, *self._interactions.item_ids.as_texts()},
            catalogue=texts,
        )
