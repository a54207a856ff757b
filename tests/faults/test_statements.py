"""Failing statements, connections that end at a commit, and what fails behind it."""

import sqlite3

import psycopg
import pymysql
import pytest

from recommender.database.base import Database
from recommender.database.schema import Target
from recommender.errors import DatabaseError, ExitCode
from recommender.night import run as night
from recommender.night.publish import Publishing
from recommender.runs.manifest import Status
from recommender.tables import RECOMMENDATIONS
from tests.faults.injection import patched, watched_statements
from tests.faults.support import (
    NIGHT,
    Watch,
    asks_for_the_lock,
    chosen_statements,
    leftovers,
    lengths,
    stages_before_publish,
)
from tests.nights import DAY, database_of


def lost(shop):
    """What the driver raises when the connection ends; on SQLite, which has none, when the disk fails."""
    if shop.url.startswith("sqlite"):
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        return error
    text = "server closed the connection unexpectedly"
    if shop.url.startswith("postgresql"):
        return psycopg.OperationalError(text)
    return pymysql.err.OperationalError(2013, text)


def full(shop):
    """What the driver raises when the disk of the database is full, which trying again does not help."""
    if shop.url.startswith("sqlite"):
        return lost(shop)
    if shop.url.startswith("postgresql"):
        return psycopg.errors.DiskFull("could not extend file")
    return pymysql.err.OperationalError(1114, "The table is full")


class Failing:
    """Raises at one statement of the publish transaction; knows whether the lists' commit was behind it."""

    def __init__(self, error, number=0, *, after_commit=False):
        self._error = error
        self._number = number
        self._after_commit = after_commit
        self._watch = Watch()
        self.was_after_commit = False

    def act(self, count, statement):
        is_after = self._watch.is_commit(statement, after=True)
        if count == self._number or (self._after_commit and is_after):
            self.was_after_commit = is_after
            raise self._error


def test_the_failure_of_any_statement_changes_nothing(shop, pauses):
    stages_before_publish(shop)
    for n, statement in chosen_statements(shop).items():
        if asks_for_the_lock(statement):
            continue
        failing = Failing(full(shop), n)
        with watched_statements(failing.act):
            outcome = shop.recommend("publish")
        if failing.was_after_commit:
            break
        assert outcome.code is ExitCode.DATABASE, outcome.err
        assert outcome.err.count("\n") == 1
        assert shop.last_run.manifest.status is Status.FAILED
        assert shop.last_run.manifest.exit_code == ExitCode.DATABASE
        assert lengths(shop) == {3}
        assert leftovers(shop) == []
    # The commit had happened when the connection ended: the row told so.
    assert outcome.code is ExitCode.DONE, outcome.err
    assert pauses == []
    assert lengths(shop) == {5}
    manifest = shop.last_run.manifest
    assert manifest.status is Status.PUBLISHED
    assert "right after the commit" in manifest.warnings[-1]
    assert manifest.published_seq == 2
    assert leftovers(shop) == []


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_a_connection_that_ends_at_any_statement_costs_an_attempt(shop, pauses):
    stages_before_publish(shop)
    chosen = chosen_statements(shop, "--force")
    for seq, n in enumerate(chosen, 2):
        pauses.clear()
        with watched_statements(Failing(lost(shop), n).act):
            manifest = shop.night(DAY, "--force").manifest
        is_out = n == max(chosen)
        assert len(pauses) == (0 if is_out else 1)
        assert ("right after the commit" if is_out else "tried again") in manifest.warnings[0]
        assert manifest.published_seq == seq
        assert leftovers(shop) == []
    assert lengths(shop) == {5}


def test_a_connection_that_always_ends_costs_three_attempts_and_the_night(shop, pauses):
    tries = 1 if shop.url.startswith("sqlite") else 3

    def act(_count, statement):
        if statement.startswith("DELETE"):
            raise lost(shop)

    before = shop.dump()
    with watched_statements(act):
        shop.fails(ExitCode.DATABASE, *NIGHT)
    assert len(pauses) == tries - 1
    assert shop.dump() == before
    assert shop.last_run.manifest.status is Status.FAILED


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_a_commit_that_happens_only_after_we_looked_is_found_by_the_next_attempt(shop, pauses):
    """A server can be at a commit still when we ask for its row over another connection."""
    stages_before_publish(shop)
    publish_of = Target.publish_of
    too_early = [None]

    def late(self, connection, run_id):
        return too_early.pop() if too_early else publish_of(self, connection, run_id)

    failing = Failing(lost(shop), after_commit=True)
    with watched_statements(failing.act), patched(Target, "publish_of", late):
        shop.does("publish")
    manifest = shop.last_run.manifest
    assert (manifest.status, manifest.published_seq) == (Status.PUBLISHED, 2)
    assert len(pauses) == 1
    assert "tried again" in manifest.warnings[0]
    assert "right after the commit" in manifest.warnings[1]
    assert lengths(shop) == {5}


def test_when_nobody_tells_whether_the_commit_happened_the_next_run_finds_out(shop):
    stages_before_publish(shop)
    failing = Failing(lost(shop), after_commit=True)
    connect = Database.connect

    def connect_if_there(self):
        if failing.was_after_commit:
            raise DatabaseError("tried", "The database went away.")
        return connect(self)

    with watched_statements(failing.act), patched(Database, "connect", connect_if_there):
        line = shop.fails(ExitCode.DATABASE, "publish")
    assert "unknown" in line
    manifest = shop.last_run.manifest
    assert (manifest.status, manifest.exit_code) == (Status.RUNNING, ExitCode.DATABASE)
    assert "no unpublished run" in shop.fails(ExitCode.SETTINGS, "publish")
    assert shop.last_run.manifest.status is Status.PUBLISHED


def test_a_commit_that_happens_after_we_gave_up_is_found_too(sqlite_shop):
    """The record says failed; the row that appears later knows better."""
    run = sqlite_shop.night()
    run.manifest.status, run.manifest.published_seq = Status.FAILED, None
    run.save()
    sqlite_shop.does("run", "--dry-run", "--as-of", str(DAY))
    settled = {run.run_id: run.manifest for run in sqlite_shop.runs}[run.run_id]
    assert (settled.status, settled.published_seq) == (Status.PUBLISHED, 2)


def test_another_number_of_rows_is_rolled_back(shop):
    """As when a trigger or a rule of the shop takes rows away."""
    counted = Publishing.check

    def count_wrong(self, connection, *, force):
        facts = counted(self, connection, force=force)
        wrong = type(facts[RECOMMENDATIONS])(facts[RECOMMENDATIONS].rows + 1, facts[RECOMMENDATIONS].texts)
        return {**facts, RECOMMENDATIONS: wrong}

    with patched(Publishing, "check", count_wrong):
        assert "instead of 151" in shop.fails(ExitCode.DATABASE, *NIGHT)
    assert lengths(shop) == {3}


def test_what_fails_behind_the_commit_is_a_warning(shop):
    def fail(*_):
        raise DatabaseError("tried", "No housekeeping tonight.")

    dialect = type(database_of(shop.url))
    with patched(dialect, "after_publish", fail):
        run = shop.night()
    assert run.manifest.status is Status.PUBLISHED
    assert "No housekeeping tonight." in run.manifest.warnings[-1]

    def disk_full(*_, **__):
        raise OSError(28, "No space left on device")

    with patched(night, "prune", disk_full):
        run = shop.night()
    assert "Tidying up failed" in run.manifest.warnings[-1]
