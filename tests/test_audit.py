"""scripts/audit: vulnerabilities fail, silence of the service is said, the bill names what the lock names."""

import json
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from cyclonedx.model.bom import Bom

from tests.test_package import locked

ROOT = Path(__file__).parent.parent


def load():
    path = ROOT / "scripts" / "audit"
    module = ModuleType("audit_script")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # its dataclasses look for it there
    SourceFileLoader(module.__name__, str(path)).exec_module(module)
    return module


audit: Any = load()
READER: Any = Bom


@pytest.fixture
def answers(monkeypatch):
    """What pip-audit prints at each call, the first first; the calls that were made."""
    left: list[Any] = []
    calls: list[str] = []

    def run(command, **_):
        calls.append(command[-1])
        answer = left.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return SimpleNamespace(stdout=answer)

    monkeypatch.setattr(audit.subprocess, "run", run)
    monkeypatch.setattr(audit.sys, "argv", ["audit"])
    return left, calls


def answer(*packages):
    return json.dumps({"dependencies": [*packages], "fixes": []})


GOOD = {"name": "numpy", "version": "2.0", "vulns": []}
BAD = {
    "name": "scipy",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": []}],
}
UNKNOWN = {"name": "click", "skip_reason": "not found"}


def test_no_vulnerability_is_a_success(answers, capsys):
    answers[0][:] = [answer(GOOD)] * 3
    assert audit.main() == 0
    assert answers[1] == ["pypi"] * 3
    assert capsys.readouterr().out.count("0 problems") == len(audit.LOCKS)


def test_a_vulnerability_fails_and_is_named_with_the_version_that_mends_it(answers, capsys):
    answers[0][:] = [answer(GOOD), answer(GOOD, BAD), answer(GOOD)]
    assert audit.main() == 1
    assert "requirements/dev.lock: scipy 1.0: PYSEC-1, mended in 1.1" in capsys.readouterr().err


def test_a_package_that_alone_cannot_be_audited_fails(answers, capsys):
    answers[0][:] = [answer(GOOD, UNKNOWN), answer(GOOD), answer(GOOD)]
    assert audit.main() == 1
    assert "click: not audited: not found" in capsys.readouterr().err


@pytest.mark.parametrize(
    "silence", ["", answer(UNKNOWN, UNKNOWN), answer(), subprocess.TimeoutExpired("pip_audit", 1)]
)
def test_without_a_service_it_says_that_nothing_was_audited(answers, capsys, silence):
    answers[0][:] = [silence, silence]
    assert audit.main() == 0
    assert answers[1] == [*audit.SERVICES]
    assert "skipped: the advisory service cannot be reached" in capsys.readouterr().out


def test_the_second_service_is_asked_where_the_first_is_silent(answers):
    answers[0][:] = ["", answer(BAD), answer(GOOD), answer(GOOD)]
    assert audit.main() == 1
    assert answers[1] == ["pypi", "osv", "pypi", "pypi"]


def test_the_bill_names_what_the_lock_names(answers, monkeypatch, tmp_path):
    """Read by the library of those who made the format."""
    answers[0][:] = [""] * 4
    contents = []
    for place in ("a", "b/c"):
        path = tmp_path / place
        monkeypatch.setattr(audit.sys, "argv", ["audit", "--bill", str(path)])
        assert audit.main() == 0
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    bill = READER.from_json(json.loads(contents[0]))
    pins = locked("requirements/run.lock")
    assert {component.name.lower(): component.version for component in bill.components} == {
        name: next(iter(requirement.specifier)).version for name, (requirement, _) in pins.items()
    }
    assert {component.name.lower(): len(component.hashes) for component in bill.components} == {
        name: n_hashes for name, (_, n_hashes) in pins.items()
    }
    assert bill.metadata.component.name == "recommend-nightly"
