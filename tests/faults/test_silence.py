"""Servers that take what is sent and never answer: each wait ends, with a word of whom it was for."""

import re

import pytest

from recommender.database import silence
from recommender.errors import ExitCode
from tests.faults.proxy import Cut, Moment
from tests.faults.support import NIGHT, leftovers, lengths
from tests.faults.test_connections import RUN_RECORD, line_of, of

SILENT = r"did not answer for [\d.]+ seconds\. What was published stays\."


@pytest.fixture(params=["postgresql", "mariadb"])
def database_url(request):
    server = request.getfixturevalue(request.param)
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture(autouse=True)
def impatience(shop, monkeypatch):
    """Long enough for a machine that is busy, not for somebody who waits."""
    shop.set(QUERY_TIMEOUT_SECONDS=2)
    monkeypatch.setattr(silence, "ANSWER_SECONDS", 2.0)
    monkeypatch.setattr(silence, "EXPORT_MARGIN_SECONDS", 0.5)
    monkeypatch.setattr(silence, "LOCK_SECONDS", 2.0)
    monkeypatch.setattr(silence, "CONNECT_SECONDS", 2)


def silent_at(word, before=b""):
    return Cut(word, Moment.SILENT, before=before)


@pytest.mark.parametrize("place", ["export", "rows", "record", "lock"])
def test_a_server_that_falls_silent_in_a_night_ends_it(shop, pauses, place):
    cut = {
        # Both queries of the owner's are subqueries called q.
        "export": silent_at(of(shop, b") TO STDOUT", b"SELECT q.")),
        "rows": silent_at(of(shop, b"FROM STDIN", b"LOAD DATA")),
        "record": silent_at(RUN_RECORD),
        "lock": silent_at(of(shop, b"pg_try_advisory_lock", b"GET_LOCK")),
    }[place]
    with line_of(shop, cut):
        line = shop.fails(ExitCode.DATABASE, *NIGHT)
    assert cut.is_done
    assert re.search(SILENT, line), line
    assert pauses == []  # each further attempt would wait as long
    assert leftovers(shop) == []
    assert lengths(shop) == {3}
    shop.night()
    assert lengths(shop) == {5}


def test_a_server_that_falls_silent_at_the_commit_leaves_it_unknown(shop):
    with line_of(shop, silent_at(b"COMMIT", before=RUN_RECORD)):
        line = shop.fails(ExitCode.DATABASE, *NIGHT)
    assert "Whether the lists were published is unknown" in line
    assert lengths(shop) == {3}
    shop.night()
    assert lengths(shop) == {5}


@pytest.mark.parametrize("command", ["init", "check", "status"])
def test_no_command_waits_for_ever(shop, command):
    # The first that we say after the login.
    with line_of(shop, silent_at(of(shop, b"pg_backend_pid", b"sql_big_selects"))):
        outcome = shop.recommend(command)
    assert outcome.code in (ExitCode.DATABASE, ExitCode.DONE), outcome
    assert re.search(r"did\s+not\s+answer\s+for\s+[\d.]+\s+seconds", outcome.out + outcome.err), outcome


def test_a_login_that_is_not_answered_is_given_up(shop):
    with line_of(shop, silent_at(of(shop, b"recommend", b"shop"))):
        line = shop.fails(ExitCode.DATABASE, *NIGHT)
    assert lengths(shop) == {3}
    assert re.search("did not answer for|timeout expired", line), line
