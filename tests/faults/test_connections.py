"""Connections cut on the way: in the middle of an export, of the lists' rows, and right at the commit."""

import contextlib

import pytest
import sqlalchemy as sa

from recommender.errors import ExitCode
from recommender.runs.manifest import Status
from tests.faults.proxy import Cut, Moment, Proxy
from tests.faults.support import NIGHT, leftovers, lengths, published_ids

RUN_RECORD = b"INSERT INTO recommendation_runs"


@pytest.fixture(params=["postgresql", "mariadb"])
def database_url(request):
    server = request.getfixturevalue(request.param)
    url = server.create_database()
    yield url
    server.drop_database(url)


@contextlib.contextmanager
def line_of(shop, cut, *, stays_down=False):
    """The program reaches the database over a line that is cut; the test itself does not use it."""
    address = sa.make_url(shop.url)
    assert address.port
    with Proxy(address.port, cut, stays_down=stays_down) as proxy:
        over = address.set(port=proxy.port).render_as_string(hide_password=False)
        shop.set(DATABASE_URL=over)
        try:
            yield proxy
        finally:
            shop.set(DATABASE_URL=shop.url)


def of(shop, postgresql, mariadb):
    return postgresql if shop.url.startswith("postgresql") else mariadb


@pytest.mark.parametrize("place", ["export", "rows"])
def test_a_line_that_is_cut_in_the_middle_costs_one_attempt(shop, pauses, place):
    if place == "export":
        # Both queries of the owner's are subqueries called q.
        cut = Cut(of(shop, b") TO STDOUT", b"SELECT q."), Moment.HALF_ANSWERED)
    else:
        cut = Cut(b"customer_id" if of(shop, 1, 0) else b"\t", Moment.HALF, before=of(shop, b"COPY", b"LOAD"))
    with line_of(shop, cut):
        manifest = shop.night().manifest
    assert cut.is_done
    assert manifest.status is Status.PUBLISHED
    assert len(pauses) == 1
    assert "tried again" in manifest.warnings[0]
    assert lengths(shop) == {5}
    assert leftovers(shop) == []


def test_a_commit_that_the_server_never_got_is_done_again(shop, pauses):
    cut = Cut(b"COMMIT", Moment.UNHEARD, before=RUN_RECORD)
    with line_of(shop, cut):
        manifest = shop.night().manifest
    assert cut.is_done
    assert (manifest.status, manifest.published_seq) == (Status.PUBLISHED, 2)
    assert len(pauses) == 1
    assert "tried again" in manifest.warnings[0]
    assert lengths(shop) == {5}
    assert published_ids(shop)[1:] == [shop.last_run.run_id]


def test_a_commit_whose_answer_is_lost_is_found_and_not_done_again(shop, pauses):
    cut = Cut(b"COMMIT", Moment.UNANSWERED, before=RUN_RECORD)
    with line_of(shop, cut):
        manifest = shop.night().manifest
    assert cut.is_done
    assert (manifest.status, manifest.published_seq) == (Status.PUBLISHED, 2)
    assert pauses == []
    assert "right after the commit" in manifest.warnings[0]
    assert published_ids(shop)[1:] == [shop.last_run.run_id]


@pytest.mark.parametrize("moment", [Moment.UNHEARD, Moment.UNANSWERED])
def test_when_the_line_stays_cut_the_next_run_finds_out(shop, pauses, moment):
    cut = Cut(b"COMMIT", moment, before=RUN_RECORD)
    with line_of(shop, cut, stays_down=True):
        line = shop.fails(ExitCode.DATABASE, *NIGHT)
    assert "unknown" in line
    assert len(pauses) == 2
    manifest = shop.last_run.manifest
    assert (manifest.status, manifest.exit_code) == (Status.RUNNING, ExitCode.DATABASE)
    is_out = moment is Moment.UNANSWERED
    assert lengths(shop) == ({5} if is_out else {3})
    first = shop.last_run.run_id
    shop.night()
    statuses = {run.run_id: run.manifest.status for run in shop.runs}
    assert statuses[first] is (Status.PUBLISHED if is_out else Status.KILLED)
    assert len(published_ids(shop)) == len(set(published_ids(shop))) == (3 if is_out else 2)
    assert lengths(shop) == {5}


def test_a_line_that_is_down_from_the_first_is_told_at_once(shop, pauses):
    cut = Cut(b"", Moment.UNHEARD)
    with line_of(shop, cut, stays_down=True):
        shop.fails(ExitCode.DATABASE, *NIGHT)
    assert pauses == []
    assert lengths(shop) == {3}
