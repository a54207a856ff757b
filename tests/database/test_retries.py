"""What is tried again, how often, and after which pauses."""

import dataclasses
import random

import psycopg
import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.database import open_database
from recommender.database.retries import USUAL, Retries
from recommender.database.urls import normalise_url
from recommender.errors import DatabaseError, LockedError, TransientError
from tests.database.support import database


@given(
    retries=st.builds(
        Retries,
        attempts=st.integers(1, 8),
        first_pause_seconds=st.floats(0.01, 60),
        growth=st.floats(1, 10),
        jitter=st.floats(0, 1),
        chance=st.builds(random.Random, st.integers()),
    ),
    failures=st.integers(0, 12),
)
def test_never_more_than_so_many_attempts_and_every_pause_within_its_bounds(retries, failures):
    pauses: list[float] = []
    noted: list[int] = []
    retries = dataclasses.replace(retries, sleep=pauses.append)
    calls = 0

    def work():
        nonlocal calls
        calls += 1
        if calls <= failures:
            raise TransientError("tried", "gone")
        return calls

    def note(_error, attempt):
        noted.append(attempt)

    if failures >= retries.attempts:
        with pytest.raises(TransientError):
            retries.call(work, note)
    else:
        assert retries.call(work, note) == failures + 1
    assert calls == min(retries.attempts, failures + 1)
    assert noted == [*range(2, calls + 1)]
    assert len(pauses) == calls - 1
    for number, pause in enumerate(pauses):
        usual = retries.first_pause_seconds * retries.growth**number
        least, most = usual * (1 - retries.jitter), usual * (1 + retries.jitter)
        assert least * 0.999 <= pause <= most * 1.001


def test_the_pauses_of_a_night_differ_and_last_as_long_as_a_server_starts():
    pauses = [USUAL.pause_seconds(1) + USUAL.pause_seconds(2) for _ in range(100)]
    assert len(set(pauses)) == 100
    assert min(pauses) > 12
    assert max(pauses) < 40


@pytest.mark.parametrize("error", [DatabaseError("tried", "no"), LockedError("tried", "taken"), ValueError()])
def test_nothing_else_is_tried_again(error):
    calls: list[float] = []

    def work():
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        Retries(sleep=calls.append).call(work, lambda *_: None)
    assert calls == [1]


def postgresql_error(state):
    return psycopg.errors.lookup(state)("said the server")


def connecting(words):
    place = 'connection failed: connection to server at "127.0.0.1", port 5432 failed: '
    return psycopg.OperationalError(place + words)


POSTGRESQL = "postgresql://shop@localhost/shop"
MYSQL = "mysql://shop@localhost/shop"
SQLITE = "sqlite:////nowhere/shop.db"
REFUSED = "Connection refused\n\tIs the server running on that host?"
LOST = [
    *((POSTGRESQL, postgresql_error(s)) for s in ("57P01", "57P02", "57P03", "40001", "40P01", "53300")),
    *((POSTGRESQL, postgresql_error(state)) for state in ("08000", "08003", "08006")),
    (POSTGRESQL, psycopg.OperationalError("consuming input failed: server closed the connection")),
    *((MYSQL, pymysql.err.OperationalError(code, "")) for code in (1053, 1213, 1927, 2006, 2013)),
    (MYSQL, pymysql.err.InterfaceError(0, "")),
]
REFUSING = [
    (POSTGRESQL, connecting(REFUSED)),
    (POSTGRESQL, connecting("FATAL:  the database system is starting up")),
    (POSTGRESQL, connecting("FATAL:  sorry, too many clients already")),
    (POSTGRESQL, connecting('FATAL:  too many connections for role "shop"')),
    *((MYSQL, pymysql.err.OperationalError(code, "")) for code in (1040, 1203, 1226, 2002, 2003)),
]
LASTING = [
    (POSTGRESQL, connecting('FATAL:  password authentication failed for user "shop"')),
    (POSTGRESQL, connecting('FATAL:  database "shop" does not exist')),
    # A lock of the shop's, a query's time, a right, a syntax error, a constraint, a full disk.
    *(
        (POSTGRESQL, postgresql_error(s))
        for s in ("55P03", "57014", "42501", "42601", "42P01", "23505", "53100")
    ),
    (POSTGRESQL, psycopg.DataError("cannot dump")),
    *(
        (MYSQL, pymysql.err.OperationalError(code, ""))
        for code in (1205, 1044, 1045, 1049, 1064, 1114, 1146, 1062, 1969, 3024)
    ),
    (MYSQL, pymysql.err.ProgrammingError("cursor closed")),
    (SQLITE, OSError(28, "disk full")),
]


def kind_of(url, error, *, was_reached):
    found = open_database(normalise_url(url))
    found.was_reached = was_reached
    return type(found.explained(error, "could not be used"))


@pytest.mark.parametrize(("url", "error"), LOST, ids=repr)
def test_a_connection_that_is_lost_may_be_made_again(url, error):
    for was_reached in (False, True):
        assert kind_of(url, error, was_reached=was_reached) is TransientError


@pytest.mark.parametrize(("url", "error"), REFUSING, ids=repr)
def test_a_connection_that_is_refused_is_tried_again_only_where_one_was_made_before(url, error):
    assert kind_of(url, error, was_reached=True) is TransientError
    assert kind_of(url, error, was_reached=False) is DatabaseError


@pytest.mark.parametrize(("url", "error"), LASTING, ids=repr)
def test_what_stays_wrong_is_not_tried_again(url, error):
    for was_reached in (False, True):
        assert kind_of(url, error, was_reached=was_reached) is DatabaseError


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_server_is_reached_when_a_connection_is_made(kind, request):
    url = request.getfixturevalue(kind).create_database()
    found = database(url)
    assert not found.was_reached
    with found.connect():
        assert found.was_reached
    wrong = database(url.replace("s3cret", "wrong"))
    with pytest.raises(DatabaseError) as caught, wrong.connect():
        raise AssertionError
    assert not isinstance(caught.value, TransientError)
    assert not wrong.was_reached
