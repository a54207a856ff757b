"""A real Airflow, in the environment that scripts/airflow-env makes: `scripts/soak airflow` runs these tests.

Elsewhere they are skipped, also where all is required: Airflow takes too much for each run of the tests.
"""

import json
import os
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.airflow_services import PROGRAMS, AirflowServices
from tests import sentinel
from tests.conftest import skip_loudly

ANSWER_SECONDS = 180
"""Within which a night is over, however busy the machine is."""


class Airflow:
    """A process of Airflow's environment that runs one night after the other (nights.py)."""

    def __init__(self, services: AirflowServices) -> None:
        services.call("db", "migrate")
        self._errors = services.home / "errors.txt"
        environment = services.environment | {"AIRFLOW__CORE__DAGS_FOLDER": str(services.home / "dags")}
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [services.programs / "python", Path(__file__).with_name("nights.py")],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._read = 0

    def ask(self, *question: Any) -> None:
        """Ask without waiting for the answer."""
        assert self.process.stdin is not None
        print(json.dumps(question), file=self.process.stdin, flush=True)

    def answer(self) -> tuple[Any, str]:
        """The answer to the question, and all that was logged meanwhile, in which no secret may be."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], ANSWER_SECONDS)
        if not ready:
            self.process.kill()
        line = self.process.stdout.readline()
        with self._errors.open(encoding="utf-8") as file:
            file.seek(self._read)
            logged = file.read()
            self._read = file.tell()
        sentinel.require_absent(line + logged, "what Airflow keeps")
        assert line, logged[-2000:]
        return json.loads(line), logged

    def close(self) -> None:
        """End it."""
        self.process.communicate()


def programs() -> Path:
    """Where Airflow is; skips the test where it is left out."""
    if os.environ.get("WITH_AIRFLOW") != "1":
        skip_loudly("Airflow, which takes 300 MB, is left out; scripts/soak airflow runs them")
    return PROGRAMS


@pytest.fixture(scope="session")
def airflow(tmp_path_factory) -> Iterator[Airflow]:
    """The Airflow of this process of the tests."""
    services = AirflowServices(tmp_path_factory.mktemp("airflow"), programs(), {})
    running = Airflow(services)
    yield running
    running.close()
