"""What is kept of past runs, and for how long."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.errors import RefusedError, SettingsError
from recommender.runs.compression import compressing_sales
from recommender.runs.folder import (
    MANIFEST,
    Run,
    find_run,
    load_run,
    new_run,
    run_folders,
    runs_folder,
)
from recommender.runs.history import History
from recommender.runs.manifest import Source, Stage, StageFigures, Status
from recommender.runs.retention import prune
from tests.records import fill

NOW = datetime(2026, 3, 31, 0, 5, tzinfo=UTC)


@pytest.fixture
def make(tmp_path):
    """Makes a run of so many days ago, with an export; published ones count up."""
    seqs = iter(range(1, 1000))

    def made(days_ago, status=Status.PUBLISHED, parent=None, back_to=None):
        run = new_run(tmp_path, NOW - timedelta(days=days_ago))
        is_published = status is Status.PUBLISHED
        seq = next(seqs) if is_published else None
        fill(run.manifest, status, (NOW - timedelta(days=days_ago)).date(), seq=seq)
        run.manifest.parent_run_id = parent
        if back_to:
            run.manifest.source, run.manifest.source_run_id = Source.ROLLBACK, back_to
            run.manifest.source_published_seq = find_run(tmp_path, back_to).manifest.published_seq
        run.path("sales.csv").write_text("customer_id,item_id,sold_at\n", encoding="utf-8")
        run.save()
        return run.run_id

    return made


def left(tmp_path):
    return [run.run_id for run in History.of(tmp_path).runs]


def pruned(tmp_path, keep_runs=3, keep_export_days=7):
    return prune(History.of(tmp_path), keep_runs=keep_runs, keep_export_days=keep_export_days, now=NOW)


def test_the_newest_published_runs_are_kept(tmp_path, make):
    ids = [make(days) for days in (9, 8, 7, 6, 5)]
    assert pruned(tmp_path, keep_export_days=30) == ids[:2]
    assert left(tmp_path) == ids[2:]
    assert pruned(tmp_path, keep_export_days=30) == []


def test_newest_is_by_publishing_not_by_name(tmp_path, make):
    newest_id = make(1)
    later_published = [make(days) for days in (20, 19)]
    pruned(tmp_path, keep_runs=2, keep_export_days=100)
    assert sorted(left(tmp_path)) == sorted(later_published)
    assert newest_id not in left(tmp_path)


def test_what_is_published_the_one_before_and_their_parents_stay(tmp_path, make):
    grandparent = make(30)
    parent = make(20, parent=grandparent)
    stranger = make(15)
    make_before = make(10, parent=parent)
    now_published = make(9, parent=parent)
    assert pruned(tmp_path, keep_runs=1, keep_export_days=100) == [stranger]
    assert left(tmp_path) == [grandparent, parent, make_before, now_published]


def test_exports_go_earlier_than_their_runs_but_for_the_last(tmp_path, make):
    old, parent, young = make(9), make(8), make(2)
    packed = load_run(runs_folder(tmp_path) / parent)
    with compressing_sales(packed) as keep:
        keep()
    assert pruned(tmp_path) == [f"{old}/sales.csv", f"{parent}/sales.csv.gz"]
    exports = {run.run_id: run.sales_path() for run in History.of(tmp_path).runs}
    assert exports[old] is None
    assert exports[parent] is None
    assert exports[young] is not None


def test_exports_of_runs_that_are_kept_for_others_go_too(tmp_path, make):
    parent = make(20)
    make(19, parent=parent)
    make(1)
    assert f"{parent}/sales.csv" in pruned(tmp_path, keep_runs=1)


def test_the_export_of_what_is_published_stays_however_old(tmp_path, make):
    run_id = make(100)
    assert pruned(tmp_path) == []
    assert find_run(tmp_path, run_id).sales_path() is not None


UNPUBLISHED = [
    Status.FAILED,
    Status.REFUSED,
    Status.DRY_RUN,
    Status.INTERRUPTED,
    Status.KILLED,
    Status.WAITING,
]


@pytest.mark.parametrize("status", UNPUBLISHED)
def test_unpublished_runs_go_after_fourteen_days(tmp_path, make, status):
    old, young = make(15, status), make(13, status)
    assert pruned(tmp_path, keep_export_days=30) == [old]
    assert left(tmp_path) == [young]


@pytest.mark.parametrize("status", UNPUBLISHED)
def test_sales_of_a_run_that_was_not_published_go_like_others(tmp_path, make, status):
    old, young = make(8, status), make(6, status)
    assert pruned(tmp_path) == [f"{old}/sales.csv"]
    assert find_run(tmp_path, young).sales_path() is not None


def test_of_unpublished_runs_the_fourteen_newest_stay(tmp_path, make):
    ids = [make(3, UNPUBLISHED[n % 6]) for n in range(16)]
    kept = make(3)
    assert set(pruned(tmp_path)) == set(ids[:2])
    assert left(tmp_path) == [*ids[2:], kept]


def test_a_run_that_goes_on_is_left_alone(tmp_path, make):
    run_id = make(40, Status.RUNNING)
    assert pruned(tmp_path) == []
    assert left(tmp_path) == [run_id]


def test_only_old_folders_of_ours_without_a_record_are_removed(tmp_path, make):
    old, young = (runs_folder(tmp_path) / make(days, Status.KILLED) for days in (40, 1))
    damaged, young_damaged = (runs_folder(tmp_path) / make(days) for days in (40, 2))
    for folder in (old, young):
        (folder / MANIFEST).unlink()
    for folder in (damaged, young_damaged):
        (folder / MANIFEST).write_text("{", encoding="utf-8")
    others = [runs_folder(tmp_path) / name for name in ("20250101T000000Z-of the owner", "notes")]
    for folder in others:
        folder.mkdir()
    link = runs_folder(tmp_path) / "20250101T000000Z-0123"
    link.symlink_to(young)
    assert sorted(pruned(tmp_path)) == sorted([old.name, damaged.name])
    assert all(folder.is_dir() for folder in (young, young_damaged, *others, link))


def test_a_pinned_run_stays_with_its_sales_and_parents(tmp_path, make):
    parent = make(60)
    pinned = make(50, parent=parent)
    failed = make(40, Status.FAILED)
    make(3)
    make(2)
    for run_id in (pinned, failed):
        find_run(tmp_path, run_id).pin(True)
    pruned(tmp_path, keep_runs=1)
    assert {parent, pinned, failed} <= {*left(tmp_path)}
    assert all(find_run(tmp_path, run_id).sales_path() for run_id in (pinned, failed))
    for run_id in (pinned, failed):
        find_run(tmp_path, run_id).pin(False)
    pruned(tmp_path, keep_runs=1)
    assert not {parent, failed} & {*left(tmp_path)}


def test_what_a_rollback_shows_and_could_go_back_to_stays(tmp_path, make):
    oldest, before, shown, undone = (make(days) for days in (9, 8, 7, 6))
    rollback = make(5, back_to=shown)
    find_run(tmp_path, rollback).path("sales.csv").unlink()
    gone = pruned(tmp_path, keep_runs=1, keep_export_days=0)
    assert {oldest, undone, f"{before}/sales.csv"} == {*gone}
    assert set(left(tmp_path)) == {before, shown, rollback}
    # The newest sales that are left tell what customers have bought.
    assert find_run(tmp_path, shown).sales_path() is not None


def test_a_rollback_stays_while_a_night_that_it_has_undone_does(tmp_path, make):
    good, undone = make(9), make(8)
    rollback = make(7, back_to=good)
    nights = [make(days) for days in (6, 5, 4)]
    find_run(tmp_path, undone).pin(True)
    pruned(tmp_path, keep_runs=1, keep_export_days=100)
    assert left(tmp_path) == [undone, rollback, *nights[1:]]
    find_run(tmp_path, undone).pin(False)
    pruned(tmp_path, keep_runs=1, keep_export_days=100)
    assert left(tmp_path) == nights[1:]


def test_an_undone_night_is_never_a_parent_after_pruning(tmp_path, make):
    good, undone = make(9), make(8)
    rollback = make(7, back_to=good)
    find_run(tmp_path, undone).pin(True)
    for days in range(6, 0, -1):
        make(days)
    pruned(tmp_path, keep_runs=1, keep_export_days=100)
    assert rollback in left(tmp_path)
    assert undone not in [run.run_id for run in History.of(tmp_path).standing]


HISTORIES = st.lists(
    st.tuples(
        st.sampled_from([Status.PUBLISHED] * 4 + UNPUBLISHED),
        st.integers(0, 5),  # so many published runs back: what a rollback goes to, or a parent
        st.sampled_from(["night", "rollback", "child", "pinned"]),
    ),
    max_size=25,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HISTORIES, st.integers(1, 4), st.integers(0, 30))
def test_whatever_the_history_what_must_be_kept_is_kept(tmp_path_factory, history, keep_runs, export_days):
    folder = tmp_path_factory.mktemp("history")
    published: list[Run] = []
    pinned, parents = [], {}
    for number, (status, back, kind) in enumerate(history):
        run = new_run(folder, NOW - timedelta(days=len(history) - number))
        manifest = run.manifest
        fill(manifest, status, date(2026, 3, 1), seq=len(published) + 1)
        other = published[-1 - back] if len(published) > back else None
        if status is Status.PUBLISHED:
            if kind == "rollback" and other is not None and other.manifest.source is Source.RUN:
                manifest.source, manifest.source_run_id = Source.ROLLBACK, other.run_id
                manifest.source_published_seq = other.manifest.published_seq
            elif kind == "child" and other is not None:
                manifest.parent_run_id = parents[run.run_id] = other.run_id
            published.append(run)
        run.path("sales.csv").touch()
        run.save()
        if kind == "pinned":
            run.pin(True)
            pinned.append(run.run_id)

    must = {*pinned, *(run.run_id for run in published[-keep_runs:])}
    nights = [run.run_id for run in published if run.manifest.source is Source.RUN]
    roots = [*pinned]
    for run in published[-1:]:
        shown = run.manifest.source_run_id or run.run_id
        roots += [run.run_id, shown, *nights[max(nights.index(shown) - 1, 0) : nights.index(shown)]]
    while roots:
        root = roots.pop()
        must.add(root)
        roots += [parents[root]] if root in parents else []
    before = [run.run_id for run in History.of(folder).standing]
    prune(History.of(folder), keep_runs=keep_runs, keep_export_days=export_days, now=NOW)
    after = {*left(folder)}
    assert must <= after
    # What was undone stays undone, and what stood stands as far as it is there.
    assert [run.run_id for run in History.of(folder).standing] == [i for i in before if i in after]
    if published:
        assert any(
            run.sales_path() for run in History.of(folder).runs if run.manifest.status is Status.PUBLISHED
        )
    assert prune(History.of(folder), keep_runs=keep_runs, keep_export_days=export_days, now=NOW) == []


def test_nothing_to_prune(tmp_path):
    assert pruned(tmp_path) == []


# Run folders


def test_runs_of_one_second_sort_in_the_order_of_their_making(tmp_path):
    runs = [new_run(tmp_path, NOW) for _ in range(8)]
    names = [path.name for path in run_folders(tmp_path)]
    assert names == [run.run_id for run in runs]
    assert all(name.startswith("20260331T000500Z-") for name in names)


def test_folders_and_files_are_private(tmp_path, make):
    run = find_run(tmp_path, make(1))
    assert run.folder.stat().st_mode & 0o777 == 0o700
    assert run.path(MANIFEST).stat().st_mode & 0o777 == 0o600
    with compressing_sales(run) as keep:
        keep()
    assert run.path("sales.csv.gz").stat().st_mode & 0o777 == 0o600


def test_a_manifest_comes_back_as_it_was_written(tmp_path, make):
    run = find_run(tmp_path, make(1))
    run.manifest.stages[Stage.EXPORT] = StageFigures(1.5, 3.0)
    run.manifest.error = "é \x00 \n"
    run.save()
    again = find_run(tmp_path, run.run_id)
    assert again.manifest == run.manifest
    assert again.has_done(Stage.EXPORT)
    assert not again.has_done(Stage.TRAIN)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"run_id": 1}', '{"manifest_version": 1, "run_id": "x", "status": "new"}'],
)
def test_a_damaged_manifest_is_refused_and_passed_over(tmp_path, make, content):
    run_id = make(1)
    (runs_folder(tmp_path) / run_id / MANIFEST).write_text(content, encoding="utf-8")
    with pytest.raises(RefusedError, match=run_id):
        find_run(tmp_path, run_id)
    assert History.of(tmp_path).runs == ()


def test_a_folder_in_the_place_of_a_manifest_keeps_nothing_else(tmp_path, make):
    run_id, other = make(41, Status.KILLED), make(40, Status.KILLED)
    path = runs_folder(tmp_path) / run_id / MANIFEST
    path.unlink()
    path.mkdir()
    assert {run_id, other} <= {*pruned(tmp_path)}
    assert not path.exists()


def test_a_manifest_of_a_newer_program_is_not_touched(tmp_path, make):
    run_id = make(40, Status.KILLED)
    path = runs_folder(tmp_path) / run_id / MANIFEST
    path.write_text(path.read_text().replace('"manifest_version": 2', '"manifest_version": 3'))
    with pytest.raises(RefusedError, match="newer version"):
        find_run(tmp_path, run_id)
    assert pruned(tmp_path) == []


@pytest.mark.parametrize("run_id", ["", ".", "..", "../..", "20260331T000500Z-0000", "x" * 300])
def test_an_unknown_run_is_a_wrong_call(tmp_path, run_id):
    with pytest.raises(SettingsError, match="There is no run"):
        find_run(tmp_path, run_id)


def test_published_runs_are_in_the_order_of_publishing(tmp_path, make):
    ids = [make(days) for days in (1, 5, 3)]
    make(2, Status.FAILED)
    assert [run.run_id for run in History.of(tmp_path).published] == ids
