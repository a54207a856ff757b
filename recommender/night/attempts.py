"""The export and the publish, which are tried again when a server failed for a moment only.

Both are safe to repeat: an export takes a new snapshot and writes its files anew, a publish is a transaction
that was rolled back as a whole. When a connection ends in the commit itself, nobody has told whether it was
rolled back: then the run's row in the database is read before anything else is done.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa

from recommender.database import retries
from recommender.database.base import Database
from recommender.database.renewal import RenewableLock
from recommender.errors import DatabaseError, LockedError, OutcomeUnknownError, TransientError
from recommender.night import record
from recommender.night.publish import Publishing
from recommender.night.stages import Night
from recommender.runs.folder import Run


def try_export(night: Night, shop: Database) -> None:
    """The first stage.

    Args:
        night: whose files it writes.
        shop: where the sales are; refused connections are tried again only where one was made before.
    """
    retries.USUAL.call(lambda: night.export(shop), _note(night.run, "export"))


def publish_lists(publishing: Publishing, lock: RenewableLock, *, force: bool) -> None:
    """The last stage, and the housekeeping in the database behind it.

    Raises:
        LockedError: the run lock was lost, and another run holds it by now; nothing was published.
        OutcomeUnknownError: the connection ended in the commit, and the database does not answer any more.
        DatabaseError: nothing was published.
    """
    target, this = publishing.target, publishing.run
    retries.USUAL.call(_Publish(publishing, lock, force=force).once, _note(this, "publish"))
    try:
        with target.database.connect() as connection:
            tables = target.present(connection)
        target.database.after_publish([*tables.values()])
    except DatabaseError as error:
        record.warn(this, f"Cleaning up in the database failed; the lists are out: {error.reason}")


def _note(run: Run, what: str) -> Callable[[TransientError, int], None]:
    """Puts each further attempt on record."""

    def note(error: TransientError, attempt: int) -> None:
        record.warn(run, f"The {what} is tried again (attempt {attempt}): {error.reason}")

    return note


class _Publish:
    """The attempts of one run to publish."""

    def __init__(self, publishing: Publishing, lock: RenewableLock, *, force: bool) -> None:
        self._publishing = publishing
        self._lock = lock
        self._force = force
        self._is_in_doubt = False
        """A commit of this run may have happened, or may yet."""

    def once(self) -> None:
        """One attempt; its commit, or that of an attempt before it, has happened when this returns."""
        this = self._publishing.run
        try:
            if self._lock.renew():
                record.warn(
                    this, "The run lock was lost with its connection; it was still free and was taken again."
                )
            self._publishing.publish(self._lock, force=self._force)
        except (DatabaseError, LockedError) as error:
            is_unknown = isinstance(error, OutcomeUnknownError)
            self._is_in_doubt |= is_unknown
            row = self._row(error) if self._is_in_doubt else None
            if row is not None:
                record.mark_published(this, row.published_seq, datetime.now(UTC))
                record.warn(this, f"The connection ended right after the commit: {error.reason}")
            elif is_unknown:
                kind = TransientError if isinstance(error.__cause__, TransientError) else DatabaseError
                raise kind(error.reason, error.what_to_do) from error
            else:
                raise

    def _row(self, error: DatabaseError | LockedError) -> "sa.Row[tuple[object, ...]] | None":
        """What the database has on record of a publish of this run."""
        target, this = self._publishing.target, self._publishing.run

        def read() -> "sa.Row[tuple[object, ...]] | None":
            with target.database.connect() as connection:
                return target.publish_of(connection, this.run_id)

        try:
            return retries.USUAL.call(read, _note(this, "look whether the commit happened"))
        except DatabaseError as silence:
            raise OutcomeUnknownError(
                f"{error.reason} Whether the lists were published is unknown: the database does not answer.",
                "The next run finds out and goes on from there.",
            ) from silence
