"""Signals, at every stage and statement: the run ends at once and in order, its lists all there or none."""

import signal
from functools import partial

import pytest

from recommender.errors import ExitCode
from recommender.runs.manifest import Status
from recommender.system.interrupts import Interrupts
from tests.faults.injection import at_end, at_point, before_statement, forked, interrupt
from tests.faults.support import (
    NIGHT,
    POINTS,
    SIGNALS,
    chosen_statements,
    few,
    leftovers,
    lengths,
    published_ids,
    stages_before_publish,
)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_stops_a_run_cleanly_at_every_stage(shop, number):
    before = shop.dump()
    for stage, place in few(POINTS, 4):
        fault = partial(at_point, stage, place, partial(interrupt, number))
        code, said = forked(shop, *NIGHT, fault=fault)
        where = f"{stage} {place}: {said}"
        assert code == SIGNALS[number], where
        assert said == "recommend: Interrupted; the published lists are whole.\n", where
        manifest = shop.last_run.manifest
        assert manifest.status is Status.INTERRUPTED, where
        assert manifest.exit_code == SIGNALS[number], where
        assert leftovers(shop) == [], where
    assert shop.dump() == before
    assert shop.night().manifest.status is Status.PUBLISHED
    assert lengths(shop) == {5}


def test_a_signal_at_any_statement_leaves_old_or_new_lists(shop):
    stages_before_publish(shop)
    numbers = list(SIGNALS)
    for n in chosen_statements(shop):
        number = numbers[n % len(numbers)]
        code, said = forked(shop, "publish", fault=partial(before_statement, n, partial(interrupt, number)))
        assert code == SIGNALS[number], said
        run = shop.last_run
        assert run.manifest.exit_code == SIGNALS[number]
        assert leftovers(shop) == []
        if run.manifest.status is Status.PUBLISHED:
            break
        assert run.manifest.status is Status.INTERRUPTED
        assert lengths(shop) == {3}
    assert lengths(shop) == {5}
    assert published_ids(shop)[1:] == [run.run_id]


def test_a_signal_after_the_commit_says_that_the_run_is_published(sqlite_shop):
    code, _ = forked(sqlite_shop, *NIGHT, fault=partial(at_end, partial(interrupt, signal.SIGTERM)))
    assert code == ExitCode.TERMINATED
    assert sqlite_shop.last_run.manifest.status is Status.PUBLISHED
    assert lengths(sqlite_shop) == {5}
    sqlite_shop.night()


def test_a_second_signal_does_not_break_the_clean_up(sqlite_shop):
    code, said = forked(sqlite_shop, *NIGHT, fault=partial(at_point, "train", "inside", _interrupt_twice))
    assert code == ExitCode.INTERRUPTED
    assert said.count("\n") == 1
    assert sqlite_shop.last_run.manifest.status is Status.INTERRUPTED


def _interrupt_twice() -> None:
    try:
        interrupt(signal.SIGINT)
    finally:
        interrupt(signal.SIGTERM)


def test_a_signal_whose_exception_got_lost_still_ends_the_run(sqlite_shop):
    """As in a finalizer or a callback from C: Python prints and drops what is raised there."""
    code, _ = forked(sqlite_shop, *NIGHT, fault=partial(at_point, "export", "inside", _interrupt_unheard))
    assert code == ExitCode.TERMINATED
    assert sqlite_shop.last_run.manifest.status is Status.INTERRUPTED
    assert lengths(sqlite_shop) == {3}


def _interrupt_unheard() -> None:
    try:
        interrupt(signal.SIGTERM)
    except BaseException:  # noqa: BLE001 - this is what a finalizer does
        return


def test_under_nohup_a_closed_terminal_changes_nothing():
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        Interrupts().install()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
