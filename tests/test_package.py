"""The installed package: what is in the wheel, and that it works with what the lock names alone."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
import venv
import zipfile
from contextlib import closing
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from recommender.errors import ExitCode

ROOT = Path(__file__).parent.parent
HEAVY = ("implicit", "numpy", "pandas", "scipy", "sqlalchemy")


def locked(name: str) -> dict[str, tuple[Requirement, int]]:
    """Each package of a lock: its pinned requirement and the number of its hashes."""
    packages: dict[str, tuple[Requirement, int]] = {}
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        pin, *hashes = re.split(r"\s--hash=sha256:", line)
        assert all(re.fullmatch(r"[0-9a-f]{64}\s*", digest) for digest in hashes)
        requirement = Requirement(pin)
        packages[requirement.name.lower()] = (requirement, len(hashes))
    return packages


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive, built from this checkout without the network."""
    folder = tmp_path_factory.mktemp("dist")
    python("-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def recommend(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`recommend` of an environment that has the wheel and the packages of requirements/run.lock alone."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    site = next(folder.rglob("site-packages"))
    for name, (requirement, _) in locked("requirements/run.lock").items():
        if requirement.marker is None or requirement.marker.evaluate():
            link_distribution(name, site)
    python(
        *("-m", "pip", "--python", programs / "python", "install"),
        *("--no-index", "--no-deps", "--disable-pip-version-check", wheel),
    )
    return programs / "recommend"


def link_distribution(name: str, site: Path) -> None:
    """Make an installed package importable from another environment, without a download."""
    package = distribution(name)
    tops = {file.parts[0] for file in package.files or [] if file.parts[0] not in {"..", "__pycache__"}}
    assert tops, f"{name} is not installed"
    for top in tops:
        (site / top).symlink_to(Path(str(package.locate_file(top))))


def python(*arguments: str | Path) -> None:
    """A tool of this environment, in the checkout."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.DONE, done.stdout + done.stderr


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command as a shop calls it: none of our settings or paths in its environment."""
    environment = {name: os.environ[name] for name in ("HOME", "PATH", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_holds_the_program_its_queries_and_the_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    sql = {f"recommender/sql/{file.relative_to(ROOT / 'sql').as_posix()}" for file in sql_files()}
    modules = {file.relative_to(ROOT).as_posix() for file in (ROOT / "recommender").rglob("*.py")}
    assert {"recommender/sql/sales.sql", "recommender/sql/items.sql"} <= sql
    assert sql | modules | {"recommender/py.typed"} <= names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert {PurePosixPath(name).parts[0].partition("-")[0] for name in names} == {
        "recommender",
        "recommend_nightly",
    }


def sql_files() -> list[Path]:
    return [file for file in (ROOT / "sql").rglob("*") if file.is_file()]


def test_the_source_archive_builds_the_same_wheel(built, wheel, tmp_path):
    (source,) = built.glob("*.tar.gz")
    python(
        *("-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation"),
        *("--disable-pip-version-check", "--wheel-dir", tmp_path, source),
    )
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(tmp_path / wheel.name) as second:
        assert {file.filename: file.CRC for file in first.infolist()} == {
            file.filename: file.CRC for file in second.infolist()
        }


def test_help_needs_click_alone(recommend, tmp_path):
    program = (
        "import sys\nfrom recommender.cli import main\n"
        "sys.argv = ['recommend', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)\n"
    )
    done = run(recommend.parent / "python", "-c", program, cwd=tmp_path)
    assert "recommend" in done.stdout
    assert done.stderr == "[]\n"


@pytest.mark.long
def test_a_night_on_the_demo_shop(recommend, tmp_path):
    """The whole way of the README; the night itself is silent, or cron would mail it. Its lists convince."""

    def call(*arguments: str, cwd: Path) -> str:
        done = run(recommend, *arguments, cwd=cwd)
        assert done.returncode == ExitCode.DONE, done.stderr
        return done.stdout + done.stderr if arguments == ("run",) else done.stdout

    assert "demo" in call("--help", cwd=tmp_path)
    example = re.search(r"recommend show (\d+)", call("demo", "shop", cwd=tmp_path))
    shop = tmp_path / "shop"
    call("init", "--yes", cwd=shop)
    assert call("run", cwd=shop) == ""
    published = json.loads(call("status", "--json", cwd=shop))["published"]
    assert published["method"] == "blend"
    assert published["ndcg"] > 5 * published["baseline_ndcg"] > 0
    with closing(sqlite3.connect(shop / "shop.db")) as connection:
        for table in ("buy_again", "bought_together", "similar_items"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 1000
    assert example is not None
    assert example[1] in call("show", example[1], cwd=shop)


def test_the_locks_pin_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = [project["project"]["optional-dependencies"][name] for name in ("postgres", "mysql")]
    wanted = [*project["project"]["dependencies"], *(package for extra in extras for package in extra)]
    development = [package for package in project["dependency-groups"]["dev"] if isinstance(package, str)]
    build = [*project["dependency-groups"]["build"], *project["build-system"]["requires"]]
    for lock, packages in (
        ("requirements/run.lock", wanted),
        ("requirements/build.lock", build),
        ("requirements/dev.lock", [*wanted, *build, *development]),
        ("requirements/airflow.lock", project["dependency-groups"]["airflow"]),
    ):
        pins = locked(lock)
        for text in packages:
            requirement = Requirement(text)
            pin, n_hashes = pins[requirement.name.lower()]
            (version,) = pin.specifier
            assert version.operator == "=="
            assert requirement.specifier.contains(Version(version.version)), text
            assert n_hashes > 0


def test_whatever_is_installed_by_hand_is_pinned_and_builds_nothing():
    """The README's first step as the scripts do it; the tool that writes the locks is one version as well."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (by_hand,) = re.findall(r"pip install --require-hashes.*", readme)
    by_script = (ROOT / "scripts" / "environment.sh").read_text(encoding="utf-8")
    for option in ("--require-hashes", "--only-binary :all:"):
        assert option in by_hand
        assert option in by_script
    lock = (ROOT / "scripts" / "lock").read_text(encoding="utf-8")
    (tool,) = re.findall(r"(?m)pip\" install .*$", lock)
    assert re.search(r"--only-binary :all: uv==\d+(\.\d+)+$", tool)


def test_the_locks_agree_with_each_other():
    development = locked("requirements/dev.lock")
    for lock in ("requirements/run.lock", "requirements/build.lock"):
        for name, package in locked(lock).items():
            assert development[name] == package


def test_the_locks_name_no_address():
    for lock in ROOT.glob("requirements/*.lock"):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        assert not re.search(r"^-", text, re.MULTILINE)


def test_quickstart_fails_with_its_usage_on_a_wrong_call(tmp_path):
    bash = shutil.which("bash")
    assert bash is not None
    done = run(bash, ROOT / "scripts" / "quickstart", "--no-such-option", cwd=tmp_path)
    assert done.returncode == ExitCode.SETTINGS
    assert done.stderr.startswith("Usage: scripts/quickstart [DIR]")
