"""Runs made again: the same to the byte whatever surrounds them, and told apart when they are not."""

import contextlib
import gzip
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from recommender.errors import ExitCode, RefusedError
from recommender.runs import archive
from recommender.runs.archive import Exported, note_exported, pack, unpack
from recommender.runs.folder import MANIFEST, MODEL, Run
from recommender.runs.manifest import Manifest, Status
from tests.faults.injection import forked, patched
from tests.nights import DAY, Shop, make_shop, tastes, usual_shop

ITEMS = list(range(100, 124))
RESULTS = ("model.npz", "recommendations.csv", "buy_again.csv", "similar_items.csv", "popular_items.csv")


@pytest.fixture
def sqlite_shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


def is_identical(shop: Shop, run: Run, *options: str) -> bool:
    outcome = shop.recommend("reproduce", run.run_id, "--json", *options)
    found = json.loads(outcome.out)
    assert outcome.code is (ExitCode.DONE if found["identical"] else ExitCode.REFUSED)
    assert {check["name"] for check in found["checks"]} >= {*RESULTS}
    return bool(found["identical"])


def chain_of(shop: Shop, number: int) -> list[Run]:
    """Nights of which each begins with the model of the one before."""
    shop.set(WARM_START="auto")
    runs = []
    for day in range(number):
        today = DAY + timedelta(days=day)
        shop.sell([(100 + day, ITEMS[day], today), (100 + day, ITEMS[day + 3], today)])
        runs.append(shop.night(today))
    return runs


def change(run: Run, **fields) -> None:
    """Put other values into the record."""
    path = run.path(MANIFEST)
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")


# The same


@pytest.mark.parametrize("threads", [1, 2, 0])
def test_cold_warm_and_loaded_for_any_number_of_threads(sqlite_shop, threads):
    shop = sqlite_shop
    runs = chain_of(shop, 2)
    shop.sell([(1, 115, DAY + timedelta(days=2))])
    runs.append(shop.night(DAY + timedelta(days=2), "--load"))
    assert [run.manifest.origin.mode for run in runs] == ["cold", "warm", "loaded"]
    shop.set(THREADS=threads)
    before = shop.dump()
    folders = {run.run_id: sorted(path.name for path in run.folder.iterdir()) for run in runs}
    assert all(is_identical(shop, run) for run in runs)
    assert shop.dump() == before
    assert {run.run_id: sorted(p.name for p in run.folder.iterdir()) for run in shop.runs} == folders
    assert sorted(p.name for p in (shop.folder / "var").iterdir()) == ["lock", "runs"]


def test_a_warm_chain_of_five_from_its_last_model_and_from_its_cold_beginning(sqlite_shop):
    shop = sqlite_shop
    runs = chain_of(shop, 5)
    assert [run.manifest.origin.mode for run in runs] == ["cold"] + 4 * ["warm"]
    assert is_identical(shop, runs[-1])
    assert is_identical(shop, runs[-1], "--chain")
    for run in runs[1:4]:
        run.path(MODEL).unlink()
    outcome = shop.recommend("reproduce", runs[-1].run_id, "--json")
    assert outcome.code is ExitCode.DONE
    assert json.loads(outcome.out)["rebuilt"] == [run.run_id for run in runs[1:4]]


def test_with_a_proof_a_choice_and_everything_else_on(tmp_path):
    sales = [
        (customer, item, DAY - timedelta(days=(customer * 7 + item * 5) % 150))
        for customer in range(1, 61)
        for item in ITEMS[customer % 3 :: 3]
        if (customer + item) % 4
    ]
    shop = make_shop(
        tmp_path / "shop",
        f"sqlite:///{tmp_path / 'shop.db'}",
        sales,
        dict.fromkeys(ITEMS, True),
        NIGHTLY_PROOF="on",
        TUNE_BUDGET=2,
        WARM_START="auto",
        REPEAT_PURCHASES="include",
        NEVER_RECOMMEND="never.txt",
        THREADS=2,
    )
    (shop.folder / "never.txt").write_text("105\n", encoding="utf-8")
    shop.does("init", "--yes")
    first, second = shop.night(), shop.night(DAY + timedelta(days=1))
    assert second.manifest.as_json()["choice"]["run_id"] == first.run_id
    (shop.folder / "never.txt").write_text("106\n", encoding="utf-8")  # what it was that night counts
    assert is_identical(shop, first)
    assert is_identical(shop, second)


def test_a_run_that_was_refused_or_dry_can_be_made_again_too(sqlite_shop):
    shop = sqlite_shop
    shop.night(DAY + timedelta(days=1))
    shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY))
    assert shop.last_run.manifest.status is Status.REFUSED
    assert is_identical(shop, shop.last_run)
    shop.does("run", "--dry-run", "--as-of", str(DAY + timedelta(days=1)))
    assert is_identical(shop, shop.last_run)


def results(run: Run) -> dict[str, str | None]:
    files, data = run.manifest.files, run.manifest.data_sha256
    return {**{name: files[name] for name in RESULTS}, "data_sha256": data}


def test_row_order_and_database_change_nothing(tmp_path, database_url):
    sales = tastes(range(1, 31), ITEMS)
    shops = []
    for name, url, order in (
        ("one", f"sqlite:///{tmp_path / 'one.db'}", sales),
        ("two", database_url, sales[::-1]),
    ):
        shop = make_shop(tmp_path / name, url, order, dict.fromkeys(ITEMS, True))
        shop.does("init", "--yes")
        shops.append(shop)
    first, second = (shop.night() for shop in shops)
    assert results(first) == results(second)
    # And what was made from one database is made again beside the other.
    archive = tmp_path / "run.zip"
    shops[0].does("runs", "export", first.run_id, str(archive))
    assert "identical" in shops[1].does("reproduce", "--from-archive", str(archive))


def test_zone_locale_and_hash_seed_of_the_machine_change_nothing(sqlite_shop, tmp_path):
    run = chain_of(sqlite_shop, 2)[-1]
    archive = tmp_path / "run.zip"
    pack(run, archive, data_dir=sqlite_shop.folder / "var")
    for variables in (
        {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
        {"TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "3"},
    ):
        done = subprocess.run(
            [sys.executable, "-m", "recommender", "reproduce", "--from-archive", str(archive)],
            env={**os.environ, **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (ExitCode.DONE, "")
        assert "identical" in done.stdout


# Not the same


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("items.csv", "export"),
        ("model.npz", "train"),
        ("recommendations.csv", "rank"),
        ("popular_items.csv", "rank"),
    ],
)
def test_what_differs_first_is_named(sqlite_shop, name, stage):
    shop = sqlite_shop
    run = shop.night()
    wrong = "0" * 64
    change(run, files=run.manifest.files | {name: wrong}, versions=run.manifest.versions | {"numpy": "0.1"})
    outcome = shop.recommend("reproduce", run.run_id)
    assert outcome.code is ExitCode.REFUSED
    assert f"first in {name} (stage {stage})" in outcome.out
    assert ("numpy: 0.1 then" in outcome.out) is (stage != "export")
    found = json.loads(shop.recommend("reproduce", run.run_id, "--json").out)
    assert found["first_difference"]["then"] == wrong
    assert [check["name"] for check in found["checks"] if not check["same"]] == [name]


def test_another_seed_on_record_gives_another_model(sqlite_shop):
    shop = sqlite_shop
    run = shop.night()
    change(run, settings=run.manifest.settings | {"SEED": 43})
    outcome = shop.recommend("reproduce", run.run_id)
    assert outcome.code is ExitCode.REFUSED
    assert "first in model.npz (stage train)" in outcome.out
    assert "please report it" in outcome.out


def test_changed_sales_are_noticed_before_anything_is_made(sqlite_shop):
    shop = sqlite_shop
    run = shop.night()
    shop.set(TOP_N=3)
    other = shop.night(DAY - timedelta(days=20), "--force")
    run.path("sales.csv.gz").write_bytes(other.path("sales.csv.gz").read_bytes())
    outcome = shop.recommend("reproduce", run.run_id)
    assert outcome.code is ExitCode.REFUSED
    assert "first in sales.csv (stage export)" in outcome.out
    assert "customers were erased" in outcome.out


def test_a_changed_model_of_a_parent_is_trained_again_not_believed(sqlite_shop):
    shop = sqlite_shop
    runs = chain_of(shop, 2)
    path = runs[0].path(MODEL)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    found = json.loads(shop.does("reproduce", runs[1].run_id, "--json"))
    assert found["identical"]
    assert found["rebuilt"] == [runs[0].run_id]


def test_what_cannot_be_made_again(sqlite_shop):
    shop = sqlite_shop
    runs = chain_of(shop, 2)
    assert "There is no run" in shop.fails(ExitCode.SETTINGS, "reproduce", "20200101T000000Z-0000")
    runs[0].path("sales.csv.gz").unlink()
    assert is_identical(shop, runs[1])
    line = shop.fails(ExitCode.REFUSED, "reproduce", runs[1].run_id, "--chain")
    assert f"model of {runs[0].run_id}" in line
    assert "no longer kept" in line
    runs[1].path("sales.csv.gz").unlink()
    assert "no longer kept" in shop.fails(ExitCode.REFUSED, "reproduce", runs[1].run_id)
    shop.does("rollback")
    line = shop.fails(ExitCode.REFUSED, "reproduce", shop.last_run.run_id)
    assert f"recommend reproduce {runs[0].run_id}" in line
    shop.execute("UPDATE items SET sellable = 0")
    shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY + timedelta(days=2)))
    assert "has no lists" in shop.fails(ExitCode.REFUSED, "reproduce", shop.last_run.run_id)
    shop.fails(ExitCode.SETTINGS, "reproduce")
    shop.fails(ExitCode.SETTINGS, "reproduce", runs[0].run_id, "--from-archive", "x.zip")


# The archive


@pytest.fixture(scope="module")
def archived(tmp_path_factory):
    """An archive of a warm run."""
    folder = tmp_path_factory.mktemp("archived")
    shop = usual_shop(folder / "shop", f"sqlite:///{folder / 'shop.db'}")
    runs = chain_of(shop, 2)
    path = folder / "run.zip"
    pack(runs[1], path, data_dir=shop.folder / "var")
    return runs, path, shop


def test_an_archive_has_what_it_says_and_no_more(archived, tmp_path):
    (parent, run), path, shop = archived
    with zipfile.ZipFile(path) as archive:
        names = {name.split("/")[1] for name in archive.namelist() if name.startswith(run.run_id)}
        of_parent = {name.split("/")[1] for name in archive.namelist() if name.startswith(parent.run_id)}
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert of_parent == {"manifest.json", "model.npz"}
    assert names == {
        "manifest.json",
        "sales.csv.gz",
        "items.csv",
        "model.npz",
        *(name for name in RESULTS if name.endswith("csv")),
        "bought_together.csv",
    }
    assert b"GUEST_KEY" in content  # masked
    assert shop.settings.get("GUEST_KEY", "nothing that stands there").encode() not in content
    again = tmp_path / "again.zip"
    pack(run, again, data_dir=shop.folder / "var")
    assert again.read_bytes() == path.read_bytes()
    assert again.stat().st_mode & 0o777 == 0o600


def test_what_is_there_is_not_overwritten_unless_asked(archived, tmp_path):
    (_, run), _, shop = archived
    file = tmp_path / "mine.zip"
    file.write_bytes(b"mine")
    assert "is there already" in shop.fails(ExitCode.SETTINGS, "runs", "export", run.run_id, str(file))
    assert file.read_bytes() == b"mine"
    shop.does("runs", "export", run.run_id, str(file), "--force")
    assert unpack(file, tmp_path / "out").run_id == run.run_id


def test_a_run_whose_parents_model_was_changed_is_not_packed(sqlite_shop, tmp_path):
    first, second = chain_of(sqlite_shop, 2)
    first.path(MODEL).write_bytes(b"x")
    line = sqlite_shop.fails(ExitCode.REFUSED, "runs", "export", second.run_id, str(tmp_path / "a.zip"))
    assert "is not there as it was" in line
    assert not (tmp_path / "a.zip").exists()


def test_a_run_without_its_sales_is_not_packed(sqlite_shop, tmp_path):
    run = sqlite_shop.night()
    run.path("sales.csv.gz").unlink()
    line = sqlite_shop.fails(ExitCode.REFUSED, "runs", "export", run.run_id, str(tmp_path / "a.zip"))
    assert "not kept" in line
    assert not (tmp_path / "a.zip").exists()


def rewritten(path: Path, to: Path, edit) -> Path:
    """The archive with its members, as (ZipInfo, content), edited."""
    with zipfile.ZipFile(path) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(to, "w") as archive:
        for info, content in edit(members):
            archive.writestr(info, content)
    return to


HOSTILE_NAMES = [
    "../evil.csv",
    "/etc/evil",
    "{run}/../evil.csv",
    "{run}/sub/items.csv",
    "{run}\\items.csv",
    "C:\\evil.csv",
    "{run}/log.jsonl",
    "{run}/evil.csv",
    "{run}/",
    "{run}//items.csv",
    "./{run}/model.npz",
    "{parent}/recommendations.csv",
    "20260301T000000Z-00zz/model.npz",
    "20260301T000000Z-000१/model.npz",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_are_refused_before_anything_is_written(archived, tmp_path, name):
    (parent, run), path, _ = archived
    named = name.format(run=run.run_id, parent=parent.run_id)
    bad = rewritten(path, tmp_path / "bad.zip", lambda members: [*members, (zipfile.ZipInfo(named), b"x")])
    with pytest.raises(RefusedError, match="cannot be unpacked"):
        unpack(bad, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.zip"]


def linked(members):
    for info, content in members:
        if info.filename.endswith("items.csv"):
            info.external_attr = 0o120777 << 16
        yield info, content


def bombed(members):
    for info, content in members:
        if info.filename.endswith("items.csv"):
            yield info, b"0" * 200_000_000
        else:
            yield info, content


def packed_otherwise(members):
    for info, content in members:
        info.compress_type = zipfile.ZIP_BZIP2
        yield info, content


def without(name):
    return lambda members: [(info, content) for info, content in members if not info.filename.endswith(name)]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (linked, "not a plain file"),
        (bombed, "items.csv unpacks to more than 40 times"),
        (packed_otherwise, "in a way that we do not use"),
        (without("sales.csv.gz"), "not the sales of one run"),
        (without("items.csv"), "lacks"),
        (lambda members: members * 30, "too many files"),
        (lambda members: [*members, members[0]], "one twice"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_no_archive_of_ours_is(archived, tmp_path, edit, words):
    bad = rewritten(archived[1], tmp_path / "bad.zip", edit)
    with pytest.raises(RefusedError, match=words):
        unpack(bad, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_archive_at_all(sqlite_shop, tmp_path):
    (tmp_path / "text.zip").write_text("no zip", encoding="utf-8")
    for path, words in (
        (tmp_path / "none.zip", "There is no archive"),
        (tmp_path / "text.zip", "not a zip file"),
    ):
        line = sqlite_shop.fails(ExitCode.REFUSED, "reproduce", "--from-archive", str(path))
        assert words in line


def test_a_file_that_is_longer_than_it_says_is_not_unpacked(archived, tmp_path):
    """The directory of the zip, by which all is checked, gives the items 10 bytes."""
    content = bytearray(archived[1].read_bytes())
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(f"{archived[0][1].run_id}/items.csv".encode()))
    content[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    bad = tmp_path / "bad.zip"
    bad.write_bytes(content)
    with pytest.raises(RefusedError, match="cannot be unpacked"):
        unpack(bad, tmp_path / "out")
    written = [path.stat().st_size for path in (tmp_path / "out").rglob("items.csv")]
    assert max(written, default=0) <= 10


class Trap:
    """Makes a file where somebody unpickles it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def with_array(model, name, content):
    """A model's file with another member."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(model)) as source, zipfile.ZipFile(made, "w") as target:
        for info in source.infolist():
            target.writestr(info, content if info.filename == name else source.read(info))
    return made.getvalue()


def npy(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


HOSTILE_ARRAYS = {
    "pickle": lambda _, trap: npy(np.array([Trap(trap)], object), allow_pickle=True),
    "no numbers": lambda factors, _: npy(np.full_like(factors, np.nan)),
    "more than there is": lambda factors, _: npy(factors).replace(
        str(factors.shape).encode(), f"({10**12}, {factors.shape[1]})".encode()
    ),
}


@pytest.mark.parametrize("kind", HOSTILE_ARRAYS)
def test_a_strangers_model_is_checked_before_it_is_used(archived, tmp_path, kind):
    """The archive's records vouch for it, hash and all: so would those of whoever made it up."""
    (parent, _), path, shop = archived
    trap = tmp_path / "sprung"
    with zipfile.ZipFile(path) as archive:
        model = archive.read(f"{parent.run_id}/{MODEL}")
    factors = np.load(io.BytesIO(model))["item_factors"]
    bad_model = with_array(model, "item_factors.npy", HOSTILE_ARRAYS[kind](factors, trap))
    digest = hashlib.sha256(bad_model).hexdigest()

    def other(members):
        for info, content in members:
            if info.filename == f"{parent.run_id}/{MODEL}":
                yield info, bad_model
            elif info.filename.endswith(MANIFEST):
                known = hashlib.sha256(model).hexdigest()
                yield info, content.replace(known.encode(), digest.encode())
            else:
                yield info, content

    file = rewritten(path, tmp_path / "a.zip", other)
    line = shop.fails(ExitCode.REFUSED, "reproduce", "--from-archive", str(file))
    assert "item_factors" in line
    assert not trap.exists()


HOSTILE = st.fixed_dictionaries(
    {},
    optional={
        "stages": st.sampled_from([{}, {"rank": {"seconds": 1, "peak_mb": 1}}]),
        "settings": st.dictionaries(
            st.sampled_from(["FACTORS", "ITERATIONS", "LISTS", "TOP_N", "SEED", "NIGHTLY_PROOF"]),
            st.sampled_from([None, "", "x", -1, 1e99, True, "recommendations", 3]),
        ),
        "model": st.sampled_from([{}, {"mode": "cold"}, [], None]),
        "choice": st.sampled_from([{}, {"run_id": 1}, None]),
        "keys": st.sampled_from([{}, {"customer": "integer"}, {"customer": "text", "item": "text"}]),
        "files": st.sampled_from([{}, {"sales.csv": "0" * 64}]),
        "status": st.sampled_from(["refused", "published", "x"]),
        "as_of_day": st.sampled_from(["2026-02-31", ""]),
    },
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=HOSTILE)
def test_whatever_a_strangers_record_says_it_is_answered_in_a_line(archived, tmp_path_factory, fields):
    (_, run), path, shop = archived

    def other(members):
        for info, content in members:
            is_record = info.filename == f"{run.run_id}/{MANIFEST}"
            yield info, json.dumps(json.loads(content) | fields).encode() if is_record else content

    file = rewritten(path, tmp_path_factory.mktemp("hostile") / "a.zip", other)
    outcome = shop.recommend("reproduce", "--from-archive", str(file))
    assert outcome.code in (ExitCode.DONE, ExitCode.REFUSED)
    assert "Unexpected" not in outcome.err


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_broken_archive_is_refused_or_whole(archived, tmp_path_factory, data):
    content = bytearray(archived[1].read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        # The directory of the zip stands at its end: there the most can be done.
        place = data.draw(st.sampled_from([place, max(0, len(content) - 1 - place % 2500)]))
        content[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(1, len(content))) :]
    folder = tmp_path_factory.mktemp("broken")
    file = folder / "a.zip"
    file.write_bytes(content)
    try:
        run = unpack(file, folder / "out")
        assert run.folder.is_relative_to(folder / "out")
    except RefusedError:
        pass
    assert {path.name for path in folder.iterdir()} <= {"a.zip", "out"}


# What an archive may take


def repacked(members, packed):
    """The archive with other packed sales."""
    for info, content in members:
        yield info, packed if info.filename.endswith("sales.csv.gz") else content


def test_sales_that_unpack_to_more_than_sales_do_are_refused_before_anything_is_written(archived, tmp_path):
    """A gzip file inside the zip; the hash on record may fit."""
    bomb = gzip.compress(b"1,100,2026-01-01T10:00:00Z\n" * 2_000_000)
    bad = rewritten(archived[1], tmp_path / "bad.zip", partial(repacked, packed=bomb))
    with pytest.raises(RefusedError, match="unpacks to more than 40 times its size"):
        unpack(bad, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_that_share_their_bytes_are_refused(archived, tmp_path):
    """The directory says more of one than there is, by which another could unpack to more."""
    content = bytearray(archived[1].read_bytes())
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(f"{archived[0][1].run_id}/items.csv".encode()))
    content[entry + 20 : entry + 24] = (len(content) * 2).to_bytes(4, "little")
    (tmp_path / "bad.zip").write_bytes(content)
    with pytest.raises(RefusedError, match="share bytes"):
        unpack(tmp_path / "bad.zip", tmp_path / "out")


def test_a_runs_own_sales_are_held_to_the_same(sqlite_shop):
    run = sqlite_shop.night()
    run.path("sales.csv.gz").write_bytes(gzip.compress(b"1,100,2026-01-01T10:00:00Z\n" * 2_000_000))
    assert "unpacks to more than 40 times" in sqlite_shop.fails(ExitCode.REFUSED, "reproduce", run.run_id)


@contextlib.contextmanager
def nearly_full(monkeypatch):
    """The disk has a thousand bytes left."""
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
        yield


def test_room_is_asked_for_before_anything_is_unpacked_or_packed(
    archived, sqlite_shop, tmp_path, monkeypatch
):
    run = sqlite_shop.night()
    file = tmp_path / "run.zip"
    calls = (
        ("reproduce", run.run_id),
        ("reproduce", "--from-archive", str(archived[1])),
        ("runs", "export", run.run_id, str(file)),
    )
    with nearly_full(monkeypatch):
        for call in calls:
            said = sqlite_shop.fails(ExitCode.UNEXPECTED, *call)
            assert "0 MB are free. Free some space" in said
    assert not file.exists()
    for call in calls:
        sqlite_shop.does(*call)


def test_memory_is_asked_by_what_is_there_and_by_the_limit_of_here(archived, sqlite_shop, monkeypatch):
    for name in ("_LOADING", "_TRAINING", "_RANKING"):
        monkeypatch.setattr(f"recommender.night.memory.{name}", 10 << 20)
    changed = Manifest.of
    monkeypatch.setattr(Manifest, "of", lambda text: structs.replace(changed(text), counts={"sales": 1}))
    call = ("reproduce", "--from-archive", str(archived[1]))
    sqlite_shop.does(*call)
    assert "MAX_MEMORY_MB is 200" in sqlite_shop.set(MAX_MEMORY_MB=200).fails(ExitCode.REFUSED, *call)


@contextlib.contextmanager
def killed_when_unpacked():
    with patched(archive, "find_run", lambda *_: os.kill(os.getpid(), signal.SIGKILL)):
        yield


def archives_in_temporary_folder():
    """What is there of unpacked archives; other tests have their servers in such folders."""
    return {path for path in Path(tempfile.gettempdir()).glob("recommend-*") if (path / "archive").exists()}


@pytest.mark.parametrize("tidy", [("prune",), ("check",), ("run", "--as-of", str(DAY))])
def test_what_a_killed_one_leaves_is_in_data_dir_and_goes_after_two_days(archived, sqlite_shop, tidy):
    """Customers' sales are in it."""
    data_dir = sqlite_shop.folder / "var"
    before = archives_in_temporary_folder()
    call = ("reproduce", "--from-archive", str(archived[1]))
    forked(sqlite_shop, *call, fault=killed_when_unpacked)
    (left,) = data_dir.glob(".tmp-*")
    assert left.stat().st_mode & 0o777 == 0o700
    assert [*left.rglob("sales.csv.gz")]
    assert archives_in_temporary_folder() <= before
    part = sqlite_shop.folder / ".tmp-00000000-run.zip"
    part.touch()
    note_exported(data_dir, Exported("20260301T000000Z-0000", str(part.with_name("run.zip")), ""))
    unfinished = data_dir / ".tmp-00000000-forgotten.txt"
    unfinished.touch()
    assert str(left) in sqlite_shop.does("forget", "999", "--even-unknown")
    sqlite_shop.recommend(*tidy)
    assert all(path.exists() for path in (left, part, unfinished))
    for path in (left, part, unfinished):
        os.utime(path, (0, 0))
    sqlite_shop.recommend(*tidy)
    assert not any(path.exists() for path in (left, part, unfinished))


def test_an_archive_needs_no_settings_and_leaves_no_folder(archived, tmp_path):
    elsewhere = Shop(tmp_path / "elsewhere", "")
    elsewhere.folder.mkdir()
    elsewhere.env_file.touch()
    elsewhere.does("reproduce", "--from-archive", str(archived[1]))
    assert [path.name for path in elsewhere.folder.iterdir()] == [".env"]
    # Nor do databases and secrets that are not there here.
    elsewhere.set(DATABASE_URL="oracle://nowhere", GUEST_KEY_FILE="nowhere")
    elsewhere.does("reproduce", "--from-archive", str(archived[1]))
