"""Files of a run that are damaged, swapped or hostile between two stages; manifests that are no records."""

import json

import pytest

from recommender.errors import ExitCode
from recommender.runs.manifest import Status
from tests.bad_input.faults import hostile_model, sha256
from tests.faults.support import few, lengths, published_ids
from tests.nights import DAY

STAGES = ("export", "train", "rank", "publish")
READ = {
    "sales.csv": "train",
    "items.csv": "rank",
    "model.npz": "rank",
    "recommendations.csv": "publish",
    "similar_items.csv": "publish",
}
"""The files of a run, and a stage that reads each."""


def truncated(content, _other):
    """As many whole lines as are in the first half, which no reader of lines can tell from all."""
    end = content.rindex(b"\n", 0, len(content) // 2) + 1
    return content[:end]


def one_byte_changed(content, _other):
    place = content.rindex(b"1", 0, len(content) - 20)
    return content[:place] + b"2" + content[place + 1 :]


def of_another_run(_content, other):
    return other


def nothing(_content, _other):
    return b""


@pytest.fixture
def stopped(sqlite_shop):
    """Runs the stages before the one that reads the file, of another run first."""

    def run(name):
        sqlite_shop.set(TOP_N=4)
        for stage in STAGES[: STAGES.index(READ[name])]:
            sqlite_shop.does(stage, *(["--as-of", str(DAY)] if stage == "export" else []))
        other = sqlite_shop.last_run.path(name).read_bytes()
        # So that no file of this run is as that of the other.
        sqlite_shop.sell([(1, 105, DAY)])
        sqlite_shop.execute("UPDATE items SET name = 'another' WHERE item_id = 105")
        sqlite_shop.set(TOP_N=5)
        for stage in STAGES[: STAGES.index(READ[name])]:
            sqlite_shop.does(stage, *(["--as-of", str(DAY)] if stage == "export" else []))
        return sqlite_shop.last_run, other

    return run


@pytest.mark.parametrize("name", few([*READ], 2))
def test_a_file_that_was_changed_between_two_stages_is_refused_by_name(sqlite_shop, stopped, name):
    run, other = stopped(name)
    before = sqlite_shop.dump()
    path, content = run.path(name), run.path(name).read_bytes()
    for change in (truncated, one_byte_changed, of_another_run, nothing):
        path.write_bytes(change(content, other))
        line = sqlite_shop.fails(ExitCode.REFUSED, READ[name])
        assert str(path) in line, change.__name__
    path.unlink()
    assert str(path) in sqlite_shop.fails(ExitCode.REFUSED, READ[name])
    assert sqlite_shop.dump() == before
    path.write_bytes(content)
    for stage in STAGES[STAGES.index(READ[name]) :]:
        sqlite_shop.does(stage)
    assert lengths(sqlite_shop) == {5}


def test_a_hostile_model_between_two_stages_is_not_run(sqlite_shop, stopped):
    run, _ = stopped("model.npz")
    content = hostile_model(run.path("model.npz"))
    run.path("model.npz").write_bytes(content)
    run.manifest.files["model.npz"] = sha256(content)
    run.save()
    assert "cannot be used" in sqlite_shop.fails(ExitCode.REFUSED, "rank")


MANIFESTS = {
    "empty": b"",
    "cut": None,
    "a list": b"[1, 2]",
    "deep": b"[" * 100_000,
    "not text": b"\xff\xfe",
    "infinite": b'{"run_id": Infinity}',
}


@pytest.mark.parametrize("how", MANIFESTS)
def test_a_manifest_that_is_no_record_stops_its_run_and_no_other(sqlite_shop, how):
    run_id = sqlite_shop.does("export", "--as-of", str(DAY)).strip()
    path = sqlite_shop.last_run.path("manifest.json")
    content = MANIFESTS[how]
    path.write_bytes(path.read_bytes()[:-30] if content is None else content)
    assert "is damaged" in sqlite_shop.fails(ExitCode.REFUSED, "train", "--run", run_id)
    assert "no unpublished run" in sqlite_shop.fails(ExitCode.SETTINGS, "train")
    assert sqlite_shop.night().manifest.status is Status.PUBLISHED


def test_a_manifest_of_another_run_or_with_paths_is_refused(sqlite_shop):
    published = sqlite_shop.last_run
    run_id = sqlite_shop.does("export", "--as-of", str(DAY)).strip()
    path = sqlite_shop.last_run.path("manifest.json")
    own = json.loads(path.read_bytes())
    path.write_bytes(published.path("manifest.json").read_bytes())
    assert "another run" in sqlite_shop.fails(ExitCode.REFUSED, "train", "--run", run_id)
    # Names in it are only ever looked up, never gone through.
    outside = sqlite_shop.folder / "outside"
    outside.write_text("mine")
    own["files"]["../../../outside"] = "0" * 64
    path.write_text(json.dumps(own))
    for stage in ("train", "rank", "publish"):
        sqlite_shop.recommend(stage, "--run", run_id)
    assert outside.read_text() == "mine"


def test_a_run_whose_folder_leads_elsewhere_is_not_followed(sqlite_shop, tmp_path):
    run_id = sqlite_shop.does("export", "--as-of", str(DAY)).strip()
    folder = sqlite_shop.last_run.folder
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert run_id not in [run.run_id for run in sqlite_shop.runs]
    assert sqlite_shop.night().manifest.status is Status.PUBLISHED
    assert len(published_ids(sqlite_shop)) == 2
