"""The last stage over a run folder: the gate's word on its lists, and the publish."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from recommender import __version__
from recommender.database import retries
from recommender.database.base import RunLock
from recommender.database.runlock import RenewableLock
from recommender.database.schema import Target
from recommender.errors import DatabaseError, LockedError, OutcomeUnknownError, TransientError
from recommender.export.forgotten import read_forgotten
from recommender.night.context import Night
from recommender.night.rank import RankedLists
from recommender.night.record import mark_published, note_again, stage, warn
from recommender.publishing.gate import (
    ListFacts,
    Objection,
    check_forgotten,
    check_histories,
    check_keys,
    check_list,
    check_published_items,
    check_shares,
    refuse,
)
from recommender.publishing.publish import publish, published_items, published_lists
from recommender.ranking.others import empty_left_out
from recommender.runs.diff import ListChanges, compare_lists, lists_of
from recommender.runs.folder import runs_folder
from recommender.runs.lists import ListFile
from recommender.runs.manifest import Source, Stage
from recommender.tables import RECOMMENDATIONS, SCHEMA_VERSION, KeyKind, ListTable, Role


class Publishing:
    """From the lists of a run folder to the tables; the lists of a night, or of an earlier one again."""

    def __init__(self, night: Night, target: Target, ranked: RankedLists) -> None:
        """Set out, with what the ranking of the lists in the run folder hands on."""
        self.settings = night.settings
        self.target = target
        self.run = night.run
        self._kinds = night.kinds | ({Role.CUSTOMER: KeyKind.TEXT} if self.settings.publish_guests else {})
        """Of the keys in the tables: a guest's is a text."""
        self._ranked = ranked
        self._progress = night.progress
        self._is_in_doubt = False
        """A commit of this run may have happened, or may yet."""

    def _file(self, definition: ListTable) -> ListFile:
        return ListFile(self.run.path(definition.file_name), definition)

    def _facts(self, connection: sa.Connection) -> tuple[list[Objection], dict[ListTable, ListFacts]]:
        """Check the file of every list that has a table."""
        empty_left_out(self.run, self.target.made)
        findings, facts = [], {}
        for definition in self.target.present(connection):
            if definition not in self.target.made:
                facts[definition] = ListFacts(0, {})
                continue
            found, facts[definition] = check_list(self._file(definition), self._ranked.listable)
            findings += found
        return findings, facts

    def check(self, connection: sa.Connection, *, force: bool) -> dict[ListTable, ListFacts]:
        """The gate: every finding goes on record; the database is only read.

        Raises:
            RefusedError: a finding stands in the way.
        """
        manifest, settings = self.run.manifest, self.settings
        findings, facts = self._facts(connection)
        if not findings:
            findings = check_keys(facts, self._kinds, self.target, connection)
        findings += check_forgotten(facts, read_forgotten(self.target, settings))
        manifest.counts["rows"] = sum(fact.rows for fact in facts.values())
        is_made = RECOMMENDATIONS in self.target.made
        customers = len(facts[RECOMMENDATIONS].texts.get("customer_id", ())) if is_made else 0
        manifest.counts["customers"] = customers
        last = self.target.last_publish(connection)
        self._warn_of_another(last)
        findings += check_shares(
            last,
            settings,
            customers=customers if is_made else None,
            sales=manifest.counts["sales"] or 0,
            # To go back is what a rollback is for.
            as_of_day=None if manifest.source is Source.ROLLBACK else self.run.day,
        )
        findings += self._continuity(last, connection)
        manifest.gate = [finding.recorded for finding in findings]
        refuse(findings, force=force)
        return facts

    def _warn_of_another(self, last: sa.Row[Any] | None) -> None:
        """Two folders with the same tables undo each other's lists night by night."""
        data_dir = self.settings.data_dir
        if last is not None and not (runs_folder(data_dir) / str(last.run_id)).exists():
            warn(
                self.run,
                f"The lists in the tables are of the run {last.run_id}, of which {data_dir} knows nothing:"
                " after a move that happens once; each night it means that another folder publishes there.",
            )

    def _continuity(self, last: sa.Row[Any] | None, connection: sa.Connection) -> list[Objection]:
        """Whether keys mean what they meant when the tables were published."""
        histories, catalogue = self._ranked.histories, self._ranked.listable.catalogue
        found = [] if histories is None else check_histories(*histories)
        if catalogue is None or last is None:
            return found
        published = published_items(self.target, connection)
        return found + check_published_items(published, catalogue, min_share=self.settings.min_items_share)

    def publish(self, lock: RenewableLock, *, force: bool) -> None:
        """Check the lists and put them into the tables, again where the database failed for a moment only.

        That is safe to repeat: what failed was rolled back as a whole. When the connection ends in the commit
        itself, nobody has told whether it was: then the run's row in the database is read before anything
        else is done.

        Raises:
            RefusedError: the gate refuses the lists; nothing was published, as with each error but the last.
            LockedError: the run lock was lost, and another run holds it by now.
            DatabaseError: the database failed.
            OutcomeUnknownError: the connection ended in the commit, and the database no longer answers.
        """
        retries.USUAL.call(lambda: self._attempt(lock, force=force), note_again(self.run, "publish"))
        database = self.target.database
        try:
            with database.connect() as connection:
                tables = self.target.present(connection)
            database.after_publish([*tables.values()])
        except DatabaseError as error:
            warn(self.run, f"Cleaning up in the database failed; the lists are out: {error.reason}")

    def _attempt(self, lock: RenewableLock, *, force: bool) -> None:
        """One attempt; its commit, or that of an attempt before it, has happened when this returns."""
        try:
            if lock.renew():
                warn(
                    self.run,
                    "The run lock was lost with its connection; it was still free and was taken again.",
                )
            self._publish(lock, force=force)
        except (DatabaseError, LockedError) as error:
            is_unknown = isinstance(error, OutcomeUnknownError)
            self._is_in_doubt |= is_unknown
            if self._is_in_doubt and self._was_committed(error):
                return
            if is_unknown:  # known by now
                kind = TransientError if isinstance(error.__cause__, TransientError) else DatabaseError
                raise kind(error.code, error.reason, error.what_to_do, named=error.named) from error
            raise

    def _publish(self, lock: RunLock, *, force: bool) -> None:
        """The stage: the gate, then the transaction."""
        manifest = self.run.manifest
        with stage(self.run, Stage.PUBLISH, self._progress) as figures:
            steps = self._progress.step.split({"check the lists": 1, "write the tables": 2})
            steps["check the lists"].begin()
            with self.target.connect() as connection:
                facts = self.check(connection, force=force)
            files = {definition: self._file(definition) for definition in facts}
            for file in files.values():
                self.run.note(file.path.name)
            record: dict[str, Any] = {
                "run_id": self.run.run_id,
                "as_of": self.run.day,
                "source": str(manifest.source),
                "source_run_id": manifest.source_run_id or self.run.run_id,
                "method": manifest.method,
                "customers": manifest.counts["customers"],
                "items": manifest.counts["items"],
                "sales": manifest.counts["sales"],
                "rows_written": manifest.counts["rows"],
                "model_run_id": manifest.origin.run_id,
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
                progress=steps["write the tables"].begin(),
                done=lambda published: mark_published(self.run, published.seq, published.at),
            )
            figures["summary"] = (
                f"{manifest.counts['rows']:,} rows, {manifest.counts['customers']:,} customers"
            )

    def _was_committed(self, error: DatabaseError | LockedError) -> bool:
        """Whether the database has a publish of this run on record; if so, ours has it too.

        Raises:
            OutcomeUnknownError: it does not answer.
        """

        def read() -> sa.Row[Any] | None:
            with self.target.database.connect() as connection:
                return self.target.publish_of(connection, self.run.run_id)

        try:
            row = retries.USUAL.call(read, note_again(self.run, "look whether the commit happened"))
        except DatabaseError as silence:
            raise OutcomeUnknownError(
                "publish-unknown",
                f"{error.reason} Whether the lists were published is unknown: the database does not answer.",
                "The next run finds out and goes on from there.",
            ) from silence
        if row is None:
            return False
        mark_published(self.run, row.published_seq, datetime.now(UTC))
        warn(self.run, f"The connection ended right after the commit: {error.reason}")
        return True

    def changes(self, connection: sa.Connection) -> ListChanges:
        """How the customers' lists would change by a publish."""
        new = lists_of(self.run.path(RECOMMENDATIONS.file_name))
        return compare_lists(published_lists(self.target, connection), new)
