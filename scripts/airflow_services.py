# Usage: airflow_services.py SHOP@ZONE HOME [--stay]
"""Airflow's services for our DAG file in a folder of their own: web page, dag-processor, scheduler.

For a demo and for tests: its records are in SQLite, and it listens on a free port of 127.0.0.1 alone.
Airflow lives in another environment, so it is called, and its database is read; nothing of it is imported.
"""

import argparse
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
DAG_FILE = ROOT / "deploy" / "airflow" / "recommend_night.py"
PROGRAMS = ROOT / ".venv-airflow" / "bin"
"""Of the environment that scripts/airflow-env makes."""
_POLL_SECONDS = 0.25
_START_SECONDS = 120
_NIGHT_SECONDS = 900
_STOP_SECONDS = 30


class AirflowServices:
    """Airflow in a folder: `with` starts its services and ends them.

    Args:
        home: the folder, which is made.
        programs: with `airflow` and `python`.
        environment: what the DAG file asks for.
    """

    def __init__(self, home: Path, programs: Path, environment: Mapping[str, str]) -> None:
        self.home = home
        self.programs = programs
        (home / "dags").mkdir(parents=True, exist_ok=True)
        shutil.copy(DAG_FILE, home / "dags")
        port = _free_port()
        self.page = f"http://127.0.0.1:{port}"
        self.environment = {
            **os.environ,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.page}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": self.page,
            "AIRFLOW__API__WORKERS": "1",
            **environment,
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        self.sessions: list[int] = []
        """Of the processes of each service that was started."""

    @property
    def output(self) -> Path:
        """What the services say."""
        return self.home / "output.txt"

    def call(self, *arguments: str) -> str:
        """Call `airflow`, which has to succeed; what it says."""
        command = [str(self.programs / "airflow"), *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        if done.returncode:
            raise RuntimeError(f"airflow {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def rows(self, query: str, *values: str) -> list[tuple[str, ...]]:
        """The rows of a query on Airflow's own database; none before it has its tables."""
        with suppress(sqlite3.OperationalError):
            address = f"file:{self.home / 'airflow.db'}?mode=ro"
            with closing(sqlite3.connect(address, uri=True, timeout=30)) as connection:
                return connection.execute(query, values).fetchall()
        return []

    def wait(self, query: str, *values: str, seconds: float) -> list[tuple[str, ...]]:
        """The rows of a query on its database, as soon as there are some.

        Raises:
            TimeoutError: there are none after so many seconds.
            RuntimeError: the services have ended.
        """
        deadline = time.monotonic() + seconds
        while not (rows := self.rows(query, *values)):
            self._pause(deadline)
        return rows

    def _pause(self, deadline: float) -> None:
        """A moment, before somebody looks again."""
        if any(process.poll() is not None for process in self._processes):
            raise RuntimeError(f"A service of Airflow has ended; {self.output} has what it said.")
        if time.monotonic() > deadline:
            raise TimeoutError(f"Airflow has taken too long; {self.output} has what it said.")
        time.sleep(_POLL_SECONDS)

    def trigger(self, dag_id: str, *, seconds: float) -> None:
        """Start a DAG by hand, as soon as Airflow knows it."""
        self.wait("SELECT 1 FROM dag WHERE dag_id = ?", dag_id, seconds=seconds)
        self.call("dags", "trigger", dag_id)

    def finished(self, run_type: str, *, seconds: float) -> tuple[str, str]:
        """Id and state of the first DAG run of this type (scheduled, manual, backfill) that is over."""
        query = "SELECT run_id, state FROM dag_run WHERE run_type = ? AND state IN ('success', 'failed')"
        ((run_id, state), *_) = self.wait(query, run_type, seconds=seconds)
        return run_id, state

    def tasks(self, run_id: str) -> dict[str, tuple[str, int]]:
        """The state of each task of a DAG run, and its tries, in the order of their starts."""
        query = "SELECT task_id, state, try_number FROM task_instance WHERE run_id = ? ORDER BY start_date"
        return {task: (state, int(tries)) for task, state, tries in self.rows(query, run_id)}

    def log(self, run_id: str) -> str:
        """What the tasks of a DAG run logged."""
        files = (self.home / "logs").glob(f"dag_id=*/run_id={run_id}/**/*.log")
        return "".join(path.read_text(encoding="utf-8") for path in sorted(files))

    def __enter__(self) -> Self:
        """Start the services; who calls them comes after who answers."""
        self.call("db", "migrate")
        try:
            self._start("api-server")
            deadline = time.monotonic() + _START_SECONDS
            while not self._answers():
                self._pause(deadline)
            self._start("dag-processor")
            self._start("scheduler", "--skip-serve-logs")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        self._end()

    def _start(self, *service: str) -> None:
        """Start a service as the first of a session, in which whatever it starts is too."""
        with self.output.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own words
                [str(self.programs / "airflow"), *service],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(process)
        self.sessions.append(process.pid)

    def _answers(self) -> bool:
        """Whether the web page is there."""
        with suppress(OSError), urllib.request.urlopen(f"{self.page}/api/v2/version", timeout=5):  # noqa: S310 - ours
            return True
        return False

    def _end(self) -> None:
        """End the services in order, and whatever is left of them: a task is a process group of its own."""
        while self._processes:
            process = self._processes.pop()
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            for left in processes_of(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(left, signal.SIGKILL)
            process.wait()


def processes_of(session: int) -> list[int]:
    """The processes of a session that are there."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,sess="], capture_output=True, text=True, check=True)  # noqa: S607 - of the system
    pairs = (line.split() for line in listing.stdout.splitlines())
    return [int(process) for process, of_session in pairs if of_session == str(session)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    """Show a night of a shop; the exit code is 1 where it fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("shop", metavar="SHOP@ZONE", help="the shop's folder and zone")
    parser.add_argument("home", metavar="HOME", type=Path, help="a folder for Airflow")
    parser.add_argument("--stay", action="store_true", help="keep the services until Ctrl-C")
    given = parser.parse_args()
    # However it is ended, it ends the services.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    # Airflow remembers which nights it has done: this one comes again.
    (given.home / "airflow.db").unlink(missing_ok=True)
    program = ROOT / ".venv" / "bin" / "recommend"
    environment = {"RECOMMEND_SHOPS": given.shop, "RECOMMEND_PROGRAM": str(program)}
    services = AirflowServices(given.home.resolve(), PROGRAMS, environment)
    started = time.monotonic()
    with services:
        print(f"The services are there after {time.monotonic() - started:.0f} seconds: {services.page}")
        folder, _ = given.shop.rsplit("@", 1)
        services.trigger(f"recommend_night_{Path(folder).name}", seconds=_START_SECONDS)
        run_id, state = services.finished("manual", seconds=_NIGHT_SECONDS)
        for task, (of_task, tries) in services.tasks(run_id).items():
            print(f"  {task:<8} {of_task:<8} {tries} {'try' if tries == 1 else 'tries'}")
        print(f"The night is over after {time.monotonic() - started:.0f} seconds: {state}")
        print(f"What its tasks logged: {given.home}/logs")
        if given.stay:
            print(f"The password of admin: {given.home}/simple_auth_manager_passwords.json.generated")
            print("Ctrl-C ends the services.", flush=True)
            with suppress(KeyboardInterrupt):
                signal.pause()
    return 0 if state == "success" else 1


if __name__ == "__main__":
    sys.exit(main())
