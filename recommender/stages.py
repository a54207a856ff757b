"""What each stage reads from and writes to the run folder; the work itself is in the modules it calls.

Heavy packages are imported by the stage that needs them.
"""

import logging
from dataclasses import asdict
from datetime import date, datetime
from functools import cached_property
from itertools import compress, groupby
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from recommender import __version__, machine
from recommender.csvform import read_records
from recommender.database import open_database
from recommender.database.base import RunLock
from recommender.database.schema import Target
from recommender.database.tables import POPULAR_ITEMS, RECOMMENDATIONS, SCHEMA_VERSION, ListTable, Role
from recommender.errors import ModelError, RefusedError
from recommender.export import ITEMS, SALES, export
from recommender.files import sha256_of
from recommender.keys import KeyKind
from recommender.needs import require_lists, require_rows, require_sales
from recommender.progress import Progress
from recommender.record import mark_published, stage, warn
from recommender.runs import MODEL, Run, Stage, list_runs, published_runs
from recommender.settings import RepeatPurchases, Settings
from recommender.times import Window

if TYPE_CHECKING:
    from recommender.catalogue import Catalogue
    from recommender.evaluation.past import Recipe
    from recommender.gate import Finding, ListFacts
    from recommender.interactions import Interactions, SaleLines
    from recommender.keys import Keys
    from recommender.model import Model

log = logging.getLogger(__name__)

_NAMED = 5
"""So many unknown items are named in the log."""


class Night:
    """The stages over one run folder; what one stage has in memory, the next need not read again."""

    def __init__(self, settings: Settings, target: Target, run: Run, progress: Progress) -> None:
        self.settings = settings
        self.target = target
        self.run = run
        self._progress = progress
        self._threads = settings.threads or machine.available_cpus()
        self._model: Model | None = None

    @property
    def _kinds(self) -> dict[Role, KeyKind]:
        keys = self.run.manifest.keys
        return {Role.CUSTOMER: KeyKind(keys["customer"]), Role.ITEM: KeyKind(keys["item"])}

    def _lines(self) -> "SaleLines":
        from recommender.interactions import load_sale_lines

        kinds = self._kinds
        return load_sale_lines(
            self.run.path(SALES), customer_kind=kinds[Role.CUSTOMER], item_kind=kinds[Role.ITEM]
        )

    @cached_property
    def _interactions(self) -> "Interactions":
        from recommender.interactions import make_interactions

        return make_interactions(self._lines(), half_life_days=self.settings.half_life_days)

    def export(self) -> None:
        """Write `sales.csv` and `items.csv`."""
        manifest, settings = self.run.manifest, self.settings
        with stage(self.run, Stage.EXPORT, self._progress) as figures:
            found = export(
                open_database(settings.database_url),
                sql_dir=settings.sql_dir,
                folder=self.run.folder,
                window=Window(
                    datetime.fromisoformat(manifest.window_start),
                    datetime.fromisoformat(manifest.as_of),
                    self.run.day,
                    manifest.is_past,
                ),
                sales_timezone=settings.sales_timezone,
                guest_key=settings.guest_key,
                timeout_seconds=settings.query_timeout_seconds,
                progress=self._progress.update,
            )
            manifest.keys = {"customer": str(found.customer_kind), "item": str(found.item_kind)}
            manifest.files |= {SALES: found.sales_sha256, ITEMS: found.items_sha256}
            for warning in found.warnings:
                warn(self.run, warning)
            manifest.counts = asdict(found.counts)
            last = published_runs(list_runs(settings.data_dir))[-1:]
            require_sales(
                found.counts.sales,
                days=settings.history_days,
                until=manifest.as_of_day,
                path=settings.sql_dir / "sales.sql",
                before=(last[0].run_id, last[0].manifest.counts["sales"] or 0) if last else None,
            )
            figures["summary"] = f"{found.counts.sales:,} sales, {found.counts.items:,} items"

    def train(self, only_load: bool, only_train: bool) -> None:  # noqa: FBT001 - two sides of one choice
        """Write `model.npz`, trained or loaded from a parent and brought up to date; look at the past."""
        from recommender.evaluation.nightly import choose_and_prove
        from recommender.model import train
        from recommender.modelfile import save_model

        manifest = self.run.manifest
        with stage(self.run, Stage.TRAIN, self._progress) as figures:
            interactions = self._interactions
            manifest.data_sha256 = interactions.data_sha256
            manifest.counts["interactions"] = int(interactions.weights.nnz)
            loaded = None if only_train else self._loaded(only_load=only_load)
            if loaded is None:
                model = train(
                    interactions, self._recipe.als, threads=self._threads, progress=self._progress.update
                )
                manifest.parent_run_id = None
                manifest.counts.pop("unknown_items", None)
                manifest.model = {
                    "mode": "trained",
                    "run_id": self.run.run_id,
                    "as_of_day": manifest.as_of_day,
                }
            else:
                model = loaded
            save_model(model, self.run.path(MODEL))
            manifest.files[MODEL] = sha256_of(self.run.path(MODEL))
            self._model = model
            # Read once more instead of kept from above: the sales' columns are most of a night's memory.
            choose_and_prove(
                self.run, self.settings, self._lines(), self._recipe, progress=self._progress.update
            )
            figures["summary"] = (
                f"{manifest.model['mode']}: {len(model.user_ids):,} customers, {len(model.item_ids):,} items;"
                f" method {manifest.method}"
            )

    @property
    def _recipe(self) -> "Recipe":
        from recommender.evaluation.past import Recipe

        exclude_seen = self.settings.repeat_purchases is RepeatPurchases.EXCLUDE
        return Recipe.of(self.settings, never=self._never, exclude_seen=exclude_seen, threads=self._threads)

    def _loaded(self, *, only_load: bool) -> "Model | None":
        """The parent's model on tonight's sales, or None when a training is due.

        Raises:
            ModelError: `--load` was asked for and there is no model to load, or it is damaged.
        """
        from recommender.model import fold_in
        from recommender.modelfile import load_model

        parent = self._parent(only_load=only_load)
        if parent is None:
            return None
        manifest = self.run.manifest
        try:
            model = load_model(parent.path(MODEL), sha256=parent.manifest.files.get(MODEL))
            if model.settings != self._recipe.als:
                if not only_load:
                    log.info("the settings of the model have changed since %s: training", parent.run_id)
                    return None
                warn(
                    self.run,
                    f"The model of {parent.run_id} was trained with other settings; it is used as it is.",
                )
            unknown = model.unknown_items(self._interactions)
            folded = fold_in(model, self._interactions, threads=self._threads)
        except ModelError as error:
            if only_load:
                raise
            warn(self.run, f"{error.reason} The model was trained instead.")
            return None
        if len(unknown):
            names = [str(self._interactions.item_ids[int(i)]) for i in unknown[:_NAMED]]
            log.info("%s items are unknown to the model, such as %s", len(unknown), ", ".join(names))
        manifest = self.run.manifest
        manifest.counts["unknown_items"] = len(unknown)
        manifest.parent_run_id = parent.run_id
        manifest.model = {**parent.manifest.model, "mode": "loaded"}
        return folded

    def _parent(self, *, only_load: bool) -> Run | None:
        """The run whose model may be loaded tonight: published, and of an earlier as-of day.

        `--load` alone may take one of the same day. Age counts whole as-of days of the training, so that it
        does not matter at which minute cron fired.
        """
        day = self.run.day
        fit = [
            run
            for run in published_runs(list_runs(self.settings.data_dir))
            if run.path(MODEL).is_file() and (run.day < day or (only_load and run.day == day))
        ]
        if not fit:
            if only_load:
                raise ModelError(
                    "There is no published run whose model could be loaded.", "Use --train once."
                )
            return None
        parent = max(reversed(fit), key=lambda run: run.day)  # of one day, the one published last
        age = (day - date.fromisoformat(parent.manifest.model["as_of_day"])).days
        return parent if only_load or age < self.settings.train_every_days else None

    @cached_property
    def _catalogue(self) -> "Catalogue":
        from recommender.catalogue import load_catalogue

        return load_catalogue(self.run.path(ITEMS), item_kind=self._kinds[Role.ITEM])

    @cached_property
    def _never(self) -> "Keys":
        from recommender.catalogue import read_never_recommend
        from recommender.keys import Keys

        path = self.settings.never_recommend
        return read_never_recommend(path, self._kinds[Role.ITEM]) if path else Keys.of()

    def rank(self) -> None:
        """Write every list from the model."""
        from recommender.blend.signals import make_signals
        from recommender.evaluation.choice import Choice
        from recommender.evaluation.proof import Method, weights_for
        from recommender.listfiles import write_popular_items, write_recommendations
        from recommender.modelfile import load_model
        from recommender.ranking import make_lists

        manifest, settings = self.run.manifest, self.settings
        with stage(self.run, Stage.RANK, self._progress) as figures:
            if self._model is None:
                self._model = load_model(self.run.path(MODEL), sha256=manifest.files.get(MODEL))
            allowed = require_lists(
                self._interactions,
                self._catalogue,
                self._never,
                publish_guests=settings.publish_guests,
                sales_path=settings.sql_dir / "sales.sql",
                items_path=settings.sql_dir / "items.sql",
            )
            choice = Choice.of(manifest.choice)
            if manifest.method is None or choice is None:
                raise RefusedError(
                    f"The run {self.run.run_id} was trained by another version of the program.",
                    f"`recommend train --run {self.run.run_id}` first.",
                )
            lists = make_lists(
                make_signals(self._interactions, self._model),
                weights_for(Method(manifest.method), choice.as_array()),
                self._catalogue,
                never=self._never,
                n=settings.top_n,
                popular_items=settings.popular_items,
                exclude_seen=settings.repeat_purchases is RepeatPurchases.EXCLUDE,
                publish_guests=settings.publish_guests,
                threads=self._threads,
                progress=self._progress.update,
            )
            require_rows(len(lists.recommendations.reason), allowed)
            write_recommendations(self.run.path(RECOMMENDATIONS.file_name), lists.recommendations)
            write_popular_items(self.run.path(POPULAR_ITEMS.file_name), lists.popular_items)
            for definition in (RECOMMENDATIONS, POPULAR_ITEMS):
                manifest.files[definition.file_name] = sha256_of(self.run.path(definition.file_name))
            self._other_lists()
            manifest.counts["items"] = len(self._interactions.item_ids)
            figures["summary"] = f"{len(lists.recommendations.item):,} rows"

    def _other_lists(self) -> None:
        """Write the lists beside the recommendations, and leave those empty that are not made."""
        from recommender.lists.night import empty_left_out, write_lists

        manifest, settings = self.run.manifest, self.settings
        counts = write_lists(
            self.run,
            self._interactions,
            self._catalogue,
            kinds=self._kinds,
            made=self.target.made,
            never=self._never,
            n=settings.top_n,
            publish_guests=settings.publish_guests,
            zone=settings.shop_timezone,
        )
        manifest.counts |= {f"rows_{definition.name}": rows for definition, rows in counts.items()}
        empty_left_out(self.run, self.target)
        for definition in self.target.lists:
            manifest.files[definition.file_name] = sha256_of(self.run.path(definition.file_name))

    def _facts(self, connection: sa.Connection) -> "tuple[list[Finding], dict[ListTable, ListFacts]]":
        """Check the file of every list that has a table."""
        from recommender.gate import ListFacts, check_list
        from recommender.lists.night import empty_left_out

        texts = self._catalogue.ids.as_texts()
        sellable = set(compress(texts, self._catalogue.sellable)) - set(self._never.as_texts())
        known = {*texts, *self._interactions.item_ids.as_texts()}
        empty_left_out(self.run, self.target)
        findings, facts = [], {}
        for definition in self.target.present(connection):
            if definition not in self.target.made:
                facts[definition] = ListFacts(0, {})
                continue
            path = self.run.path(definition.file_name)
            found, facts[definition] = check_list(path, definition, sellable=sellable, known=known)
            findings += found
        return findings, facts

    def check(self, connection: sa.Connection, *, force: bool) -> "dict[ListTable, ListFacts]":
        """The gate: every finding goes on record.

        Args:
            connection: to the target; only reads.
            force: pass the share and past-night checks.

        Raises:
            RefusedError: a finding stands in the way.
        """
        from recommender.gate import check_keys, check_shares, refuse

        manifest, settings = self.run.manifest, self.settings
        findings, facts = self._facts(connection)
        kinds = self._kinds
        if settings.publish_guests:
            kinds[Role.CUSTOMER] = KeyKind.TEXT
        if not findings:
            findings = check_keys(facts, kinds, self.target, connection)
        manifest.counts["rows"] = sum(fact.rows for fact in facts.values())
        is_made = RECOMMENDATIONS in self.target.made
        customers = len(facts[RECOMMENDATIONS].texts.get("customer_id", ())) if is_made else 0
        manifest.counts["customers"] = customers
        findings += check_shares(
            self.target.last_publish(connection),
            customers=customers,
            sales=manifest.counts["sales"] or 0,
            as_of_day=self.run.day,
            min_customers_share=settings.min_customers_share if is_made else 0,
            min_sales_share=settings.min_sales_share,
        )
        manifest.gate = [asdict(finding) for finding in findings]
        refuse(findings, force=force)
        return facts

    def publish(self, lock: RunLock, *, force: bool) -> None:
        """Check the lists and put them into the tables."""
        from recommender.publish import publish

        manifest = self.run.manifest
        with stage(self.run, Stage.PUBLISH, self._progress) as figures:
            with self.target.database.connect() as connection:
                facts = self.check(connection, force=force)
            files = {definition: self.run.path(definition.file_name) for definition in facts}
            manifest.files |= {path.name: sha256_of(path) for path in files.values()}
            record: dict[str, Any] = {
                "run_id": self.run.run_id,
                "as_of": self.run.day,
                "source": "run",
                "source_run_id": self.run.run_id,
                "method": manifest.method,
                "customers": manifest.counts["customers"],
                "items": manifest.counts["items"],
                "sales": manifest.counts["sales"],
                "rows_written": manifest.counts["rows"],
                "model_run_id": manifest.model["run_id"],
                "data_sha256": manifest.data_sha256,
                **manifest.quality,
                "program_version": __version__,
                "schema_version": SCHEMA_VERSION,
            }
            publish(
                self.target,
                lock,
                files,
                {definition: fact.rows for definition, fact in facts.items()},
                record,
                scratch=self.run.folder,
                done=lambda published: mark_published(self.run, published.seq, published.at),
            )
            figures["summary"] = (
                f"{manifest.counts['rows']:,} rows, {manifest.counts['customers']:,} customers"
            )

    def changed_share(self, connection: sa.Connection) -> float | None:
        """The share of customers whose list would change by a publish, 0 to 1."""
        from recommender.publish import changed_lists

        records = read_records(self.run.path(RECOMMENDATIONS.file_name))
        next(records)
        new = {
            str(customer): tuple(str(record[2] or "") for record in rows)
            for customer, rows in groupby(records, key=lambda record: record[0] or "")
        }
        return changed_lists(self.target, connection, new)
