"""Whatever goes in: one line, the right exit code, and the published tables byte for byte as they were.

The rows of docs/when-it-fails.md say what the answer is; the cases say how the fault comes about. What is odd
but no fault is in test_odd_input.py.
"""

import tempfile
from pathlib import Path

import pytest

from recommender.errors import ExitCode
from tests import sentinel
from tests.bad_input import (
    data_cases,
    database_cases,
    disk_cases,
    files_cases,
    forget_cases,
    lookback_cases,
    rollback_cases,
    settings_cases,
    setup_cases,
    stage_cases,
    table_cases,
)
from tests.bad_input.support import ALL, ROOT, Case, Shops, document_rows
from tests.faults.injection import forked

CASES: list[Case] = [
    *settings_cases.CASES,
    *setup_cases.CASES,
    *database_cases.CASES,
    *data_cases.CASES,
    *table_cases.CASES,
    *rollback_cases.CASES,
    *lookback_cases.CASES,
    *disk_cases.CASES,
    *files_cases.CASES,
    *forget_cases.CASES,
    *stage_cases.CASES,
]
# One database after the other, so that each server starts when its turn comes.
EACH = [pytest.param(kind, case, marks=case.marks) for kind in ALL for case in CASES if kind in case.on]


@pytest.fixture(scope="module")
def shops(request):
    # Not pytest's own folder: a case in which the program runs as nobody must get to it.
    with tempfile.TemporaryDirectory(prefix="recommend-bad-") as folder:
        Path(folder).chmod(0o755)
        yield Shops(Path(folder), request.getfixturevalue)


@pytest.fixture(scope="module")
def rows():
    return document_rows()


@pytest.mark.parametrize(("kind", "case"), EACH, ids=lambda value: getattr(value, "name", value))
def test_bad_input(shops, rows, kind, case):
    row = rows[case.row]
    with shops.one(kind) as shop:
        case.harm(shop)
        before = None if case.is_blind or case.is_late else shop.dump()
        with case.meanwhile(shop):
            if case.is_late:
                before = shop.dump()
            known = {run.run_id for run in shop.runs}
            call = [word.format(folder=shop.folder, url=shop.url) for word in case.call]
            code, said = forked(shop, *call, fault=case.fault)
            recorded = [run.manifest.exit_code for run in shop.runs if run.run_id not in known]
            after = shop.dump() if case.is_late else None
        if before is not None and after is None:
            after = shop.dump()
    lines = said.splitlines(keepends=True)
    assert row.said.fullmatch(lines[-1]), said
    assert len(lines) == 1 or case.is_talkative
    assert code == row.exit_code
    assert after == before
    assert recorded in ([], [code])
    sentinel.require_absent(said, case.name)


@pytest.mark.parametrize("kind", ALL)
def test_check_tells_of_a_newer_version(shops, kind):
    with shops.one(kind) as shop:
        table_cases.newer(shop)
        outcome = shop.recommend("check")
    assert outcome.code is ExitCode.SETTINGS
    assert "newer version" in " ".join(outcome.out.split())
    assert "Upgrade this program" in " ".join(outcome.out.split())


def test_every_row_of_the_document_is_proved(rows):
    assert {case.row for case in CASES} == set(rows)


def test_the_document_is_linked():
    assert "(docs/when-it-fails.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_no_two_cases_share_a_name():
    assert len({case.name for case in CASES}) == len(CASES)
