"""A server that is killed and started again, in each stage and in a publish; one that stays away."""

from contextlib import ExitStack
from functools import partial

import pytest

from recommender.errors import ExitCode
from recommender.runs.manifest import Status
from tests.conftest import own_server
from tests.faults.injection import at_point, watched_statements
from tests.faults.support import (
    NIGHT,
    Watch,
    few,
    leftovers,
    lengths,
    published_ids,
    shop_with_a_night,
    stages_before_publish,
)
from tests.nights import DAY


@pytest.fixture(params=["postgresql", "mariadb"], scope="module")
def server(request):
    """One that may be killed; a commit outlives it, as it outlives a server's death on any disk."""
    yield from own_server(request.param)


@pytest.fixture
def shop(tmp_path, server):
    url = server.create_database()
    yield shop_with_a_night(tmp_path, url)
    server.drop_database(url)


def restart(server):
    server.kill()
    server.start()


def once(action):
    """The action at the first call, nothing at those behind it."""
    calls = []

    def act():
        calls.append(1)
        if len(calls) == 1:
            action()

    return act


def test_a_night_outlives_a_server_that_starts_again_in_each_stage(shop, server, pauses):
    with ExitStack() as stack:
        for stage in ("export", "train", "rank"):
            stack.enter_context(at_point(stage, "inside", once(partial(restart, server))))
        manifest = shop.night().manifest
    assert manifest.status is Status.PUBLISHED
    assert lengths(shop) == {5}
    assert len(pauses) <= 1
    # The lock's connection was lost with the server, and nobody else had begun.
    assert "The run lock was lost with its connection; it was still free and was taken again." in (
        manifest.warnings
    )
    assert len(published_ids(shop)) == 2


def at_the(word, action):
    """Act before the first statement of the publish with this word, or at or behind the lists' commit."""
    watch = Watch()
    act_once = once(action)

    def act(_count, statement):
        is_commit = watch.is_commit(statement, after=word == "after COMMIT")
        if is_commit if "COMMIT" in word else word in statement:
            act_once()

    return act


def test_a_publish_is_done_again_when_its_server_dies_before_the_commit(shop, server, pauses):
    loads = "LOAD DATA" if shop.url.startswith("mysql") else "COPY buy_again"
    stages_before_publish(shop)
    restarts = [at_the(word, partial(restart, server)) for word in (loads, "COMMIT")]

    def act(count, statement):
        for one in restarts:
            one(count, statement)

    with watched_statements(act):
        shop.does("publish")
    manifest = shop.last_run.manifest
    assert (manifest.status, manifest.published_seq) == (Status.PUBLISHED, 2)
    assert len(pauses) == 2
    assert lengths(shop) == {5}
    assert leftovers(shop) == []
    assert len(published_ids(shop)) == 2


def test_a_server_that_dies_behind_the_commit_costs_nothing(shop, server, pauses):
    stages_before_publish(shop)
    with watched_statements(at_the("after COMMIT", partial(restart, server))):
        shop.does("publish")
    manifest = shop.last_run.manifest
    assert (manifest.status, manifest.published_seq) == (Status.PUBLISHED, 2)
    assert pauses == []
    assert lengths(shop) == {5}


@pytest.mark.parametrize("stage", few(["export", "train", "publish"]))
def test_a_server_that_stays_away_costs_the_night_and_nothing_else(shop, server, pauses, stage):
    with at_point(stage, "inside" if stage == "train" else "begin", once(server.kill)):
        line = shop.fails(ExitCode.DATABASE, *NIGHT)
    server.start()
    assert "Check host, port" in line
    assert len(pauses) == 2
    assert shop.last_run.manifest.status is Status.FAILED
    assert lengths(shop) == {3}
    shop.night(DAY)
    assert lengths(shop) == {5}
    assert len(published_ids(shop)) == 2
