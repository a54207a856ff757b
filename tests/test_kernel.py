"""Pinning the kernels of BLAS: before numpy is there, by the setting, told where it does not take."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recommender.errors import ExitCode
from recommender.system.kernel import is_used, kernels_of, pin_kernel
from tests.nights import DAY, usual_shop


@pytest.fixture(autouse=True)
def environ():
    """The environment without our variables; put back afterwards, whatever was set meanwhile."""
    before = dict(os.environ)
    for name in ("OPENBLAS_CORETYPE", "BLAS_KERNEL"):
        os.environ.pop(name, None)
    yield os.environ
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize(
    ("text", "given", "found"),
    [
        ("", {}, None),
        ("#BLAS_KERNEL=Haswell\n", {}, None),
        ("BLAS_KERNEL=Haswell\n", {}, "Haswell"),
        ("\ufeffBLAS_KERNEL='Haswell'\n", {}, "Haswell"),
        ("BLAS_KERNEL=auto\n", {}, None),
        ("BLAS_KERNEL=Haswell\nBLAS_KERNEL=Zen\n", {}, "Zen"),
        ("BLAS_KERNEL=Haswell\n", {"BLAS_KERNEL": "SkylakeX"}, "SkylakeX"),
        ("BLAS_KERNEL=Haswell\n", {"BLAS_KERNEL": "auto"}, None),
        ("BLAS_KERNEL=Haswell\n", {"OPENBLAS_CORETYPE": "Zen"}, "Zen"),
        ("no settings at all \x00 BLAS_KERNEL", {}, None),
    ],
)
def test_the_setting_is_found_as_the_others_are(environ, tmp_path, text, given, found):
    environ.update(given)
    path = tmp_path / ".env"
    path.write_bytes(text.encode())
    pin_kernel(path)
    assert environ.get("OPENBLAS_CORETYPE") == found


def test_no_file_or_one_that_is_no_text_pins_nothing(environ, tmp_path):
    pin_kernel(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfeBLAS_KERNEL=Haswell")
    pin_kernel(tmp_path / "binary")
    assert "OPENBLAS_CORETYPE" not in environ


def test_what_is_used_is_held_against_what_was_asked_for():
    facts = {"blas": ["openblas 0.3.30 Haswell", "openblas 0.3.31 Haswell"]}
    assert kernels_of(facts) == ["Haswell"]
    assert is_used("auto", {})
    assert is_used("haswell", facts)
    assert not is_used("Zen", facts)
    assert not is_used("Haswell", {"blas": [*facts["blas"], "openblas 0.3.30 Zen"]})
    assert not is_used("Haswell", {})


def test_a_kernel_that_is_not_used_is_told(tmp_path):
    # numpy is loaded here long before.
    shop = usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", BLAS_KERNEL="Nothing")
    run = shop.night(DAY)
    assert any("BLAS_KERNEL=Nothing is not what is used here" in text for text in run.manifest.warnings)
    assert "BLAS_KERNEL=no_such" in shop.set(BLAS_KERNEL="no_such").fails(ExitCode.SETTINGS, "run")


def test_numpy_comes_after_the_pin(tmp_path):
    """In a process of its own the setting decides, for every command that computes."""
    (tmp_path / ".env").write_text("DATABASE_URL=sqlite:///none.db\nBLAS_KERNEL=Nehalem\n", encoding="utf-8")
    script = (
        "import sys\n"
        "from recommender import cli\n"
        "from recommender.system import kernel\n"
        "original = kernel.pin_kernel\n"
        "def told(env_file):\n"
        "    original(env_file)\n"
        "    print('numpy' in sys.modules)\n"
        "cli.pin_kernel = told\n"
        "sys.argv = ['recommend', *{}]\n"
        "cli.main()\n"
    )
    for call in (["run"], ["train"], ["reproduce", "20260101T000000Z-0000"], ["evaluate"]):
        done = subprocess.run(
            [sys.executable, "-c", script.format(call)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.splitlines()[:1] == ["False"], done.stderr
