"""What earlier versions made stays readable: runs, tables and archives, as `make.py` has kept them.

Everything goes through the command line, so that it holds wherever the modules stand.
"""

import gzip
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dotenv import dotenv_values

from recommender import __version__
from recommender.errors import ExitCode
from scripts.answers import ANSWERS
from tests.answers import fits
from tests.nights import DAY, Shop, connection_to, csv_rows
from tests.upgrade.make import FOLDER, KNOWN, SAYING, said

pytestmark = pytest.mark.sqlite_proves

HERE = Path(__file__).parent
VERSIONS = sorted(path.name for path in HERE.iterdir() if (path / "sqlite").is_dir())
KINDS = {"sqlite": "sqlite", "postgresql": "postgresql", "mysql": "mariadb"}


@dataclass
class Kept:
    """A shop as a version has left it, in a database and a folder of the test's own."""

    version: str
    shop: Shop
    said: dict[str, Any]
    """What the commands said then."""

    nights: list[str]
    """Those published then: the first, which is pinned; one that was undone; the third; the last."""

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        return records_of(self.shop.folder)


def records_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The manifest of each run as it stands in the file, the oldest first."""
    paths = sorted((folder / "var" / "runs").glob("*/manifest.json"))
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


@pytest.fixture(params=VERSIONS)
def kept(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Kept:
    original = HERE / request.param / KINDS[sa.make_url(database_url).get_backend_name()]
    folder = tmp_path / "shop"
    shutil.copytree(original, folder, ignore=shutil.ignore_patterns("shop.sql", "said.json"))
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
        if path.suffix in (".json", ".jsonl"):
            path.write_text(path.read_text(encoding="utf-8").replace(FOLDER, str(folder)), encoding="utf-8")
    if database_url.startswith("sqlite"):
        Path(str(sa.make_url(database_url).database)).touch()
    load(database_url, (original / "shop.sql").read_text(encoding="utf-8"))
    settings = {name: value or "" for name, value in dotenv_values(folder / ".env").items()}
    shop = Shop(folder, database_url).set(**settings | {"DATABASE_URL": database_url})
    told = json.loads((original / "said.json").read_text(encoding="utf-8"))
    records = records_of(folder)
    nights = [
        name for name in records if (records[name]["status"], records[name]["source"]) == ("published", "run")
    ]
    return Kept(request.param, shop, told, nights)


def load(url: str, sql: str) -> None:
    """Run the statements of a file; each ends at the end of a line."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        for statement in sql.split(";\n"):
            if statement:
                cursor.execute(statement)
        connection.commit()


def told_before(then: Any, now: Any) -> Any:
    """Of an answer now, what was told then already: later versions may tell more."""
    if isinstance(then, dict) and isinstance(now, dict):
        return {name: told_before(then[name], now[name]) for name in then.keys() & now.keys()}
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        return [told_before(*pair) for pair in zip(then, now, strict=True)]
    return now


def as_promised(told: Any) -> Any:
    """An answer of 0.1.0, which promised no types, as docs/json.md promises them.

    Times end with Z, the integer keys of these items are numbers, and no count is a time: that one is told as
    `newest_sale`.
    """
    if isinstance(told, list):
        return [as_promised(part) for part in told]
    if not isinstance(told, dict):
        return told
    found = {name: as_promised(part) for name, part in told.items() if name != "newest"}
    for name in ("item_id", "because_item_id"):
        if name in found:
            found[name] = found[name] and int(found[name])
    if found.get("published_at"):
        found["published_at"] = found["published_at"].replace("+00:00", "Z")
    return found


def still_says(kept: Kept, *names: str) -> None:
    now = said(kept.shop)
    for name in names or kept.said:
        then = as_promised(kept.said[name])
        assert told_before(then, now[name]) == then


def test_versions_are_kept():
    assert VERSIONS
    assert __version__ not in VERSIONS


def test_it_says_what_it_said_and_the_next_night_can_come(kept):
    still_says(kept)
    for words in SAYING:  # all that is promised is told of what an earlier version made
        command = next(each for each in (" ".join(words), words[0]) if each in ANSWERS)
        fits(command, json.loads(kept.shop.does(*words, "--json")))
    checked = json.loads(kept.shop.does("check", "--json"))
    assert [finding for finding in checked["findings"] if finding["level"] == "error"] == []
    before = kept.shop.dump()
    kept.shop.does("init", "--yes")
    assert kept.shop.dump() == before


def test_every_field_of_records_and_of_the_tables_record_is_read(kept):
    shop, records = kept.shop, kept.records
    assert [run.run_id for run in shop.runs] == [*records]
    for run, record in zip(shop.runs, records.values(), strict=True):
        assert run.manifest.as_json() == record
    rows = {row["run_id"]: row for row in json.loads(shop.does("runs", "--json"))}
    for run_id, record in records.items():
        both = record.keys() & rows[run_id].keys()
        assert both >= {"status", "counts", "warnings", "peak_mb", "quality", "model", "error"}
        newest = rows[run_id]["newest_sale"] and datetime.fromisoformat(rows[run_id]["newest_sale"])
        assert (newest and int(newest.timestamp() * 1_000_000)) == record["counts"].get("newest")
        # The record has the seconds and more of each stage, and a count that is a time.
        told = as_promised(record) | {"stages": {n: s["seconds"] for n, s in record["stages"].items()}}
        assert {name: rows[run_id][name] for name in both} == {name: told[name] for name in both}
    published = json.loads(shop.does("status", "--json"))["published"]
    columns = [column.split()[0] for column in columns_of(shop)["recommendation_runs"]]
    (row,) = shop.rows(f"SELECT * FROM recommendation_runs WHERE run_id = '{kept.nights[-1]}'")
    as_text = {name: str(value)[:10] for name, value in zip(columns, row, strict=True)}
    assert as_text == {name: str(published[name])[:10] for name in columns}


@pytest.mark.each_database
def test_a_further_night_and_back_to_earlier_ones(kept):
    shop, nights = kept.shop, kept.nights
    before = columns_of(shop)
    shop.execute(f"INSERT INTO sales VALUES (9999, '{KNOWN}', NULL, 101, '2026-02-28 10:00:00', 1)")
    night = shop.night(DAY)
    tables = ("recommendations", "buy_again", "similar_items", "bought_together", "popular_items")
    assert night.manifest.counts["rows"] == sum(len(shop.rows(f"SELECT 1 FROM {table}")) for table in tables)
    assert columns_of(shop) == before
    compared = json.loads(shop.does("runs", "diff", nights[-1], night.run_id, "--json"))
    assert ["version", kept.version, __version__] in [[*change.values()] for change in compared["program"]]
    for run_id in nights[:2]:
        shop.does("rollback", run_id)
        (_, *rows) = csv_rows(shop.folder / "var" / "runs" / run_id / "recommendations.csv")
        assert rows
        shown = [[customer, str(item)] for customer, items in shop.lists().items() for item in items]
        assert sorted(shown) == sorted([customer, item] for customer, _, item, *_ in rows)
        status = json.loads(shop.does("status", "--json"))
        assert status["published"]["source_run_id"] == run_id


def columns_of(shop: Shop) -> dict[str, list[str]]:
    with connection_to(shop.url) as connection:
        inspector = sa.inspect(connection)
        return {
            table: [f"{column['name']} {column['type']}" for column in inspector.get_columns(table)]
            for table in inspector.get_table_names()
        }


def contents(content: bytes) -> Iterator[bytes]:
    """What is in a file, with all that is packed in it."""
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield from contents(gzip.decompress(content))
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from contents(archive.read(name))


def traces(folder: Path, key: str) -> dict[str, int]:
    """Names of files that a text is in, and in how many files of the name."""
    found: dict[str, int] = {}
    for path in folder.rglob("*"):
        whole = b"".join(contents(path.read_bytes())) if path.is_file() else b""
        # Arrays of texts have four bytes a letter.
        if key.encode() in whole or key.encode("utf-32-le") in whole:
            found[path.name] = found.get(path.name, 0) + 1
    return found


@pytest.mark.each_database
def test_a_customer_is_erased_from_all_that_was_kept(kept):
    shop = kept.shop
    before = traces(shop.folder, KNOWN)
    assert before["sales.csv.gz"] == len(kept.nights)
    assert before.keys() >= {"sales.csv", "recommendations.csv", "buy_again.csv", "model.npz", "run.zip"}
    assert KNOWN in shop.lists()
    forgotten = kept.records[kept.nights[-1]]["counts"]["forgotten"]
    told = shop.recommend("forget", KNOWN, "--yes")
    archive = next(shop.folder.rglob("run.zip"))
    assert (told.code, str(archive) in told.out) == (ExitCode.REFUSED, True)
    archive.unlink()
    assert traces(shop.folder, KNOWN) == {}
    assert KNOWN not in shop.lists()
    assert KNOWN not in shop.lists("buy_again")
    # Whom the earlier version forgot does not come back either.
    assert shop.night(DAY).manifest.counts["forgotten"] > forgotten > 0
    assert traces(shop.folder, KNOWN) == {}


def test_what_is_no_longer_asked_for_goes(kept):
    shop = kept.shop
    first, _, third, last = kept.nights
    shop.set(KEEP_RUNS=1)
    assert "Removed: " in shop.does("prune")
    # Pinned; what a rollback goes back to; what is shown. The undone night goes, and with it the rollback.
    published = [run_id for run_id, record in kept.records.items() if record["status"] == "published"]
    assert published == [first, third, last]
    still_says(kept, "status", *(name for name in kept.said if not name.startswith("runs")))


def reproduced(kept: Kept, *which: str) -> bool:
    """Whether it comes out the same; if not, this program's version is the first cause that is named."""
    outcome = kept.shop.recommend("reproduce", *which, "--json")
    found = json.loads(outcome.out)
    assert outcome.code is (ExitCode.DONE if found["identical"] else ExitCode.REFUSED)
    assert f"program version: {kept.version} then, {__version__} now" in found["changed"]
    assert {check["name"] for check in found["checks"]} >= {"sales.csv", "model.npz", "recommendations.csv"}
    # Its inputs are what they were, on whatever machine this is.
    assert all(check["same"] for check in found["checks"] if check["stage"] == "export")
    if not found["identical"]:
        assert found["causes"][0] == found["changed"][0]
        assert found["causes"][0].startswith("program version: ")
    return bool(found["identical"])


def test_a_run_of_another_version_is_compared_and_the_versions_are_the_cause(kept):
    """On another processor or with other packages, what was kept may come out otherwise."""
    shop = kept.shop
    last = kept.nights[-1]
    reproduced(kept, kept.nights[2])
    reproduced(kept, last)
    reproduced(kept, "--from-archive", str(shop.folder / "run.zip"))
    change(kept, last, "files", {**kept.records[last]["files"], "model.npz": "0" * 64})
    assert not reproduced(kept, last)
    outcome = shop.recommend("reproduce", last)
    assert outcome.code is ExitCode.REFUSED
    assert f"Why it can:\n  program version: {kept.version} then, {__version__} now\n" in outcome.out


def test_a_run_of_another_version_that_comes_out_the_same_is_identical(kept):
    night = kept.shop.night(DAY)
    change(kept, night.run_id, "program", {"version": kept.version, "commit": None})
    assert reproduced(kept, night.run_id)


def change(kept: Kept, run_id: str, field: str, value: Any) -> None:
    """Put another value into a record."""
    path = kept.shop.folder / "var" / "runs" / run_id / "manifest.json"
    path.write_text(json.dumps(kept.records[run_id] | {field: value}), encoding="utf-8")
