"""Kills, at every stage and statement: readers keep whole lists, the next run puts the record straight."""

import signal
from functools import partial

from recommender.errors import ExitCode
from recommender.runs.manifest import Status
from tests.faults.injection import at_point, await_lock, before_statement, forked, kill
from tests.faults.support import (
    NIGHT,
    POINTS,
    chosen_statements,
    few,
    leftovers,
    lengths,
    published_ids,
    stages_before_publish,
)


def test_a_kill_at_every_stage_leaves_the_lists_whole(shop):
    before, points = shop.lists(), few(POINTS, 4)
    for stage, place in points:
        code, _ = forked(shop, *NIGHT, fault=partial(at_point, stage, place, kill))
        assert code == -signal.SIGKILL
        assert shop.lists() == before
        assert shop.last_run.manifest.status is Status.RUNNING
        await_lock(shop)
    dead = [run.run_id for run in shop.runs[1:]]
    assert len(dead) == len(points)
    shop.night()
    records = {run.run_id: run.manifest for run in shop.runs}
    assert {records[run_id].status for run_id in dead} == {Status.KILLED}
    assert leftovers(shop) == []
    assert lengths(shop) == {5}


def test_a_kill_at_any_statement_leaves_old_or_new_lists(shop):
    stages_before_publish(shop)
    run_id = shop.last_run.run_id
    for n in chosen_statements(shop):
        code, said = forked(shop, "publish", fault=partial(before_statement, n, kill))
        assert code == -signal.SIGKILL, said
        is_published = run_id in published_ids(shop)
        assert lengths(shop) == ({5} if is_published else {3})
        assert shop.last_run.manifest.status is Status.RUNNING
        if is_published:
            break
        await_lock(shop)
    await_lock(shop)
    # The next call settles the record by the row, and sees that nothing is left to publish.
    assert "no unpublished run" in shop.fails(ExitCode.SETTINGS, "publish")
    manifest = shop.last_run.manifest
    assert manifest.status is Status.PUBLISHED
    assert manifest.published_seq == 2
    assert leftovers(shop) == []
    shop.night()
