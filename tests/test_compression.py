"""The kept export is compressed beside the publish, and only a publish that happened keeps it so."""

import errno
import gzip
import os
from datetime import UTC, datetime

import pytest

from recommender.runs import compression
from recommender.runs.compression import compressing_sales
from recommender.runs.folder import new_run

SALES = b"customer_id,item_id,sold_at\n" + b"1,2,2026-01-01T00:00:00Z\n" * 100_000


@pytest.fixture
def run(tmp_path):
    made = new_run(tmp_path, datetime(2026, 3, 31, tzinfo=UTC))
    made.path("sales.csv").write_bytes(SALES)
    return made


def names(run):
    return sorted(path.name for path in run.folder.iterdir())


def test_what_is_asked_for_takes_the_place_of_the_sales(run):
    with compressing_sales(run) as keep:
        assert "sales.csv.gz" not in names(run)
        keep()
    assert names(run) == ["sales.csv.gz"]
    assert gzip.decompress(run.path("sales.csv.gz").read_bytes()) == SALES


def test_the_same_sales_are_the_same_bytes(tmp_path):
    packed = []
    for minute in range(2):
        run = new_run(tmp_path, datetime(2026, 3, 31, 0, minute, tzinfo=UTC))
        run.path("sales.csv").write_bytes(SALES)
        with compressing_sales(run) as keep:
            keep()
        packed.append(run.path("sales.csv.gz").read_bytes())
    assert packed[0] == packed[1]


def test_a_publish_that_fails_leaves_the_folder_as_it_was(run):
    with pytest.raises(KeyboardInterrupt), compressing_sales(run):
        raise KeyboardInterrupt
    assert names(run) == ["sales.csv"]
    assert run.path("sales.csv").read_bytes() == SALES


def test_nothing_asked_for_leaves_the_folder_as_it_was(run):
    with compressing_sales(run):
        pass
    assert names(run) == ["sales.csv"]


def test_without_sales_there_is_nothing_to_do(run):
    run.path("sales.csv").unlink()
    with compressing_sales(run) as keep:
        keep()
    assert names(run) == []


def test_a_full_disk_is_told_where_the_result_is_wanted(run, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(compression, "_copy", full)
    with compressing_sales(run) as keep, pytest.raises(OSError, match=r"No space.*sales\.csv\.gz"):
        keep()
    assert names(run) == ["sales.csv"]
