"""What is written is private whatever the umask, while it is written too; links are never written through."""

import contextlib
import os
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest

from recommender.errors import ExitCode, SettingsError
from recommender.runs.folder import find_run
from recommender.runs.history import History
from recommender.system.files import FILE_MODE, FOLDER_MODE, make_folder, new_file, temporary_folder
from recommender.system.locks import file_lock, is_held
from recommender.system.logs import run_log
from tests.bad_input.faults import no_locks, put
from tests.faults.injection import forked, patched
from tests.nights import DAY, database_of, usual_shop

NIGHT = ("run", "--as-of", str(DAY))
PRECIOUS = "not ours to touch\n"


@pytest.fixture
def shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


@pytest.fixture
def precious(tmp_path):
    """A file of somebody, and at the end the proof that it is as it was."""
    path = tmp_path / "precious"
    path.write_text(PRECIOUS, encoding="utf-8")
    path.chmod(0o644)
    yield path
    assert path.read_text(encoding="utf-8") == PRECIOUS
    assert path.stat().st_mode & 0o777 == 0o644


# Modes


def not_private(folder):
    """What others may look into."""
    wrong = []
    for path in [folder, *folder.rglob("*")]:
        with contextlib.suppress(FileNotFoundError):  # it has just gone
            mode = path.lstat().st_mode & 0o777
            if not path.is_symlink() and mode != (FOLDER_MODE if path.is_dir() else FILE_MODE):
                wrong.append(f"{path.relative_to(folder)} {mode:04o}")
    return wrong


STEPS = ("os.rename", "os.remove", "sqlite3.connect", "shutil.copyfile")


@contextlib.contextmanager
def watched(folder):
    """With a umask that hides nothing, whatever the program sets: looks at each step, says what is wrong."""
    wrong: set[str] = set()
    busy: list[str] = []

    def look(event, arguments):
        is_ours = event in STEPS or (event == "open" and str(arguments[0]).startswith(str(folder)))
        if is_ours and not busy:
            busy.append(event)
            wrong.update(not_private(folder))
            busy.pop()

    os.umask(0)
    sys.addaudithook(look)
    try:
        with patched(os, "umask", lambda _mask: 0):
            yield
    finally:
        busy.append("the end")
        os.write(2, "".join(f"not private: {text}\n" for text in sorted(wrong)).encode())


def test_all_that_a_night_writes_is_private_at_every_moment(shop, tmp_path):
    make_folder(shop.folder / "var")
    fault = partial(watched, shop.folder / "var")
    for _ in range(2):  # the second brings a part of the lists only
        code, said = forked(shop, *NIGHT, fault=fault)
        assert code == ExitCode.DONE, said
        assert "not private" not in said
    assert not_private(shop.folder / "var") == []
    (lock,) = tmp_path.glob("shop.db.recommend-*.lock")
    assert lock.stat().st_mode & 0o777 == FILE_MODE


@contextlib.contextmanager
def with_umask(mask):
    os.umask(mask)
    yield


@pytest.mark.parametrize("mask", [0o000, 0o777])
def test_whatever_a_command_writes_is_private(shop, mask):
    shop.set(DATA_DIR="new/var")
    file = shop.folder / "new" / "run.zip"
    export = ("runs", "export", "{run}", str(file))
    rest = () if mask else ((*NIGHT, "--load"), ("rollback",), ("prune",))
    for call in (NIGHT, export, *rest):
        run = History.of(shop.folder / "new" / "var").runs[:1]
        filled = [word.format(run=run[0].run_id if run else "") for word in call]
        code, said = forked(shop, *filled, fault=partial(with_umask, mask))
        assert code == ExitCode.DONE, said
    assert file.is_file()
    assert len([*(shop.folder / "new").rglob("*")]) > 10
    assert not_private(shop.folder / "new") == []


def test_a_new_shops_folder_is_private(shop, tmp_path):
    new = tmp_path / "new"
    for call in (
        ("demo", str(new / "demo")),
        ("init", "--yes", "--url", f"sqlite:///{new / 'demo/shop.db'}"),
    ):
        code, said = forked(shop, *call, fault=partial(with_umask, 0))
        assert code == ExitCode.DONE, said
        # The next one writes a `.env` of its own.
        (new / "init").mkdir(mode=0o700, exist_ok=True)
        shop.folder = new / "init"
    (new / "init" / "output").unlink()
    assert (new / "init" / ".env").is_file()
    assert (new / "init" / "sql" / "sales.sql").is_file()
    assert not_private(new) == []


def test_a_new_file_is_private_and_takes_the_place_of_what_was_there(tmp_path, precious):
    before = os.umask(0)
    try:
        for kind in ("nothing", "a file", "a link"):
            path = tmp_path / kind
            if kind == "a file":
                path.write_text("old")
                path.chmod(0o666)
            elif kind == "a link":
                path.symlink_to(precious)
            new_file(path)
            assert path.read_bytes() == b""
            assert path.lstat().st_mode & 0o777 == FILE_MODE
    finally:
        os.umask(before)


# Links


def test_a_lock_file_that_is_a_link_is_refused(tmp_path, precious):
    for target in (precious, tmp_path / "nothing"):
        lock = tmp_path / "lock"
        lock.symlink_to(target)
        with pytest.raises(SettingsError, match="is a link"), file_lock(lock):
            pass
        assert not is_held(lock)
        lock.unlink()
    assert not (tmp_path / "nothing").exists()


def test_a_lock_that_became_a_link_is_lost(tmp_path):
    path = tmp_path / "lock"
    with file_lock(path) as lock:
        lock.check()
        path.rename(tmp_path / "moved")
        path.symlink_to(tmp_path / "moved")
        with pytest.raises(Exception, match="was removed"):
            lock.check()


def test_results_take_the_place_of_links(shop, precious):
    """Between the stages somebody has put links where the next ones write."""
    shop.does("export", "--as-of", str(DAY))
    folder = shop.last_run.folder
    names = ["model.npz", "log.jsonl", "recommendations.csv", "popular_items.csv", ".tmp-staging.db"]
    (folder / "log.jsonl").unlink()
    for name in names:
        (folder / name).symlink_to(precious)
    for stage in ("train", "rank", "publish"):
        shop.does(stage)
    assert [path for path in folder.rglob("*") if path.is_symlink()] == []
    assert shop.lists()


def test_the_copy_of_a_sqlite_shop_takes_the_place_of_a_link(shop, tmp_path, precious):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / ".tmp-shop-copy.db").symlink_to(precious)
    with database_of(shop.url).snapshot(scratch, 60):
        assert not (scratch / ".tmp-shop-copy.db").is_symlink()


def test_a_log_is_not_written_through_a_link(tmp_path, precious):
    (tmp_path / "log.jsonl").symlink_to(precious)
    with run_log(tmp_path / "log.jsonl"):
        pass
    assert not (tmp_path / "log.jsonl").is_symlink()


def test_an_archive_takes_the_place_of_a_link(shop, tmp_path, precious):
    run = shop.night()
    (tmp_path / "run.zip").symlink_to(precious)
    shop.does("runs", "export", run.run_id, str(tmp_path / "run.zip"), "--force")
    assert not (tmp_path / "run.zip").is_symlink()


def test_a_run_that_is_a_link_is_no_run(shop, tmp_path):
    run = shop.night()
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(run.folder, elsewhere)
    before = {path.name: path.read_bytes() for path in elsewhere.iterdir()}
    shutil.rmtree(run.folder)
    run.folder.symlink_to(elsewhere)
    for call in (("runs", "pin"), ("reproduce",)):
        assert "There is no run" in shop.fails(ExitCode.SETTINGS, *call, run.run_id)
    with pytest.raises(SettingsError, match="There is no run"):
        find_run(shop.folder / "var", run.run_id)
    shop.does("prune")
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == before


def test_what_is_removed_is_never_behind_a_link(shop, tmp_path, precious):
    """By age: the folder of a run that died long ago, and one of a killed look."""
    aims = tmp_path / "aims"
    aims.mkdir()
    (aims / "kept").write_text(PRECIOUS)
    old = shop.folder / "var" / "runs" / "20200101T000000Z-0000"
    old.mkdir(parents=True)
    (old / "folder").symlink_to(aims)
    (old / "file").symlink_to(precious)
    (old.parent / "20200101T000000Z-0001").symlink_to(aims)
    look = shop.folder / "var" / ".tmp-look-old"
    look.symlink_to(aims)
    for path in (aims, look):
        os.utime(path, (0, 0), follow_symlinks=False)
    shop.does("prune")
    with temporary_folder(shop.folder / "var"):
        pass
    assert not old.exists()
    assert (aims / "kept").read_text() == PRECIOUS


def test_the_owners_own_links_are_followed(shop, tmp_path):
    """SQL_DIR and DATA_DIR may lie elsewhere: who can write the folder of `.env` is the owner."""
    (shop.folder / "sql").rename(tmp_path / "queries")
    (shop.folder / "sql").symlink_to(tmp_path / "queries")
    (tmp_path / "data").mkdir(mode=0o700)
    if (shop.folder / "var").exists():
        shutil.rmtree(shop.folder / "var")
    (shop.folder / "var").symlink_to(tmp_path / "data")
    shop.night()
    assert len(History.of(tmp_path / "data").runs) == 1


def test_a_folder_that_another_process_makes_first_keeps_its_mode(tmp_path, monkeypatch):
    made = Path.mkdir

    def late(self, *arguments, **options):
        made(self, 0o755)
        made(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", late)
    make_folder(tmp_path / "a")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755


# What is no plain file


KINDS = ("pipe", "socket", "folder")


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_on_what_is_no_plain_file_is_refused(shop, kind):
    put(kind, "var/lock", shop)
    path = shop.folder / "var" / "lock"
    with pytest.raises(SettingsError, match=f"{path} cannot be used: it is a {kind}"), file_lock(path):
        pass
    assert not is_held(path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("var/lock", ("run", "status", "check", "prune")),
        ("var/forgotten.txt", ("run", "check", "forget")),
        ("var/hold", ("run", "status", "check")),
        ("var/archives.jsonl", ("check",)),
        ("never", ("run", "check")),
        ("key", ("run", "status")),
        ("sql/sales.sql", ("run", "check")),
        ("sql/items.sql", ("run", "check")),
        (".env", ("run", "status", "check")),
    ],
)
def test_what_is_no_plain_file_never_holds_a_command(shop, kind, name, calls):
    (shop.folder / "never").touch()
    (shop.folder / "key").write_text("k" * 40)
    shop.set(NEVER_RECOMMEND="never", GUEST_KEY_FILE="key")
    make_folder(shop.folder / "var")
    put(kind, name, shop)
    for call in calls:
        outcome = shop.recommend(call)
        assert outcome.code in (ExitCode.SETTINGS, ExitCode.REFUSED), (call, outcome.err)
        assert "fault of this program" not in outcome.err


@pytest.mark.parametrize("name", ["manifest.json", "items.csv", "log.jsonl"])
def test_a_pipe_in_the_folder_of_a_run_holds_nobody(shop, name):
    run = shop.night()
    run.path(name).unlink()
    os.mkfifo(run.path(name))
    for call in (("status",), ("runs",), ("reproduce", run.run_id), ("prune",)):
        assert "fault of this program" not in shop.recommend(*call).err


def test_without_locks_status_answers_all_the_same(shop):
    shop.night()
    with no_locks():
        assert f"The file system of the lock file {shop.folder / 'var' / 'lock'}" in shop.fails(
            ExitCode.SETTINGS, *NIGHT
        )
        assert shop.recommend("status").code is ExitCode.DONE
