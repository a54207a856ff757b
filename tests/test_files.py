"""Files that are whole or absent, and what the machine gives this process."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recommender.system import machine
from recommender.system.files import (
    FILE_MODE,
    FOLDER_MODE,
    TEMPORARY,
    atomic_path,
    make_folder,
    sha256_of,
    sync_folder,
    write_text,
)


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture(params=[0, 0o777])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_a_file_takes_its_place_whole_and_private(tmp_path):
    path = tmp_path / "a.txt"
    for text in ("first\r\n", "zweiter Käse 🧀"):
        write_text(path, text)
        assert path.read_bytes() == text.encode()
        assert path.stat().st_mode & 0o777 == FILE_MODE
    assert list(tmp_path.iterdir()) == [path]


def test_until_the_end_the_old_file_stands(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(TEMPORARY)
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt()])
def test_an_error_leaves_the_old_file_and_no_other(tmp_path, error):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail():
        with atomic_path(path) as temporary:
            temporary.write_text("new")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_is_on_the_disk_before_the_rename(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    synced = []
    real = os.fsync

    def note(descriptor):
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink(), path.exists()))
        real(descriptor)

    if not Path("/proc/self/fd").exists():
        pytest.skip("the names of open files are known on Linux only")
    monkeypatch.setattr(os, "fsync", note)
    write_text(path, "x")
    (content, before), (folder, after) = synced
    assert (content.name.startswith(TEMPORARY), before) == (True, False)
    assert (folder, after) == (tmp_path, True)


@pytest.mark.usefixtures("umask")
def test_new_folders_are_private_whatever_the_umask(tmp_path):
    path = make_folder(tmp_path / "a" / "b")
    assert [folder.stat().st_mode & 0o777 for folder in (path, path.parent)] == [FOLDER_MODE] * 2
    assert make_folder(path) == path


def test_folders_that_are_there_keep_their_mode(tmp_path):
    (tmp_path / "a").mkdir(mode=0o755)
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755
    sync_folder(tmp_path)


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


@pytest.mark.parametrize(
    ("files", "group", "quota"),
    [
        ({}, None, None),
        ({"cpu.max": "max 100000\n"}, None, None),
        ({"cpu.max": "150000 100000\n"}, None, 1.5),
        ({"cpu.max": "nonsense"}, None, None),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None, None),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, None, 0.5),
        # A service's own limit and its slice's: the least counts.
        ({"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, "0::/a/b\n", 3),
        ({"a/b/cpu.max": "200000 100000", "a/cpu.max": "300000 100000"}, "0::/a/b\n", 2),
        ({"a/cpu.max": "300000 100000"}, "12:cpu:/other\n0::/\n", None),
    ],
)
def test_the_quota_of_control_groups(tmp_path, files, group, quota):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    own = tmp_path / "own"
    if group is not None:
        own.write_text(group)
    assert machine._cgroup_quota(tmp_path, own) == quota


@pytest.mark.parametrize(
    ("affinity", "quota", "cpus"), [(8, None, 8), (8, 2.9, 2), (8, 0.5, 1), (2, 16.0, 2)]
)
def test_cpus_are_those_we_may_use(monkeypatch, affinity, quota, cpus):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(affinity)), raising=False)
    monkeypatch.setattr(machine, "_cgroup_quota", lambda: quota)
    assert machine.available_cpus() == cpus


def test_the_peak_of_memory_sees_what_was_used():
    """In a process of its own, since nothing takes a peak back."""
    code = (
        "from recommender.system.machine import peak_memory_mb as peak\n"
        "before = peak()\n"
        "block = bytearray(b'x') * (64 << 20)\n"
        "del block\n"
        "print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 60 < float(done.stdout) < 70
