"""Nights in a real Airflow, for the tests: what runs in its environment.

Python of that environment runs this file; nothing of the program is imported. Each line on stdin is a
question in JSON and is answered by one on stdout. All else that is said goes to stderr.
"""

import json
import os
import runpy
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pendulum
import sqlalchemy as sa
from airflow.dag_processing.dagbag import DagBag
from airflow.models.xcom import XComModel
from airflow.timetables.base import TimeRestriction
from airflow.timetables.trigger import CronTriggerTimetable
from airflow.utils.session import create_session


def dags(environment: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The DAGs by their ids and the errors of the file, where the services have this environment."""
    os.environ |= environment
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    return bag.dags, list(bag.import_errors.values())


def look(environment: dict[str, str]) -> dict[str, Any]:
    """What the file gives."""
    found, errors = dags(environment)
    return {
        "errors": errors,
        "dags": {
            name: {
                "tasks": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
                "catchup": dag.catchup,
                "max_active_runs": dag.max_active_runs,
                "zone": str(dag.timetable.timezone),
                "schedule": dag.timetable.expression,
                "retries": [task.retries for task in dag.tasks],
            }
            for name, dag in found.items()
        },
    }


def night(environment: dict[str, str], logical_date: str | None, run_after: str | None) -> dict[str, Any]:
    """A night of the only shop, by `dag.test()`."""
    found, errors = dags(environment)
    if errors:
        raise ValueError(errors)
    (dag,) = found.values()
    moments = [moment and datetime.fromisoformat(moment) for moment in (logical_date, run_after)]
    run = dag.test(logical_date=moments[0], run_after=moments[1])
    of_run = XComModel.run_id == run.run_id
    with create_session() as session:
        pushed = session.execute(sa.select(XComModel.task_id, XComModel.key, XComModel.value).where(of_run))
        xcom = [list(row) for row in pushed]
    tasks = {task.task_id: [str(task.state), task.try_number] for task in run.get_task_instances()}
    return {"state": str(run.state), "tasks": tasks, "xcom": xcom}


def fires(environment: dict[str, str], zone: str, begin: str, count: int) -> list[list[str]]:
    """So many moments at which Airflow starts the night of a shop, each with the day of its night."""
    os.environ |= environment
    file: Any = runpy.run_path(f"{os.environ['AIRFLOW__CORE__DAGS_FOLDER']}/recommend_night.py")
    timetable = CronTriggerTimetable(file["EVERY_NIGHT"], timezone=zone)
    restriction = TimeRestriction(pendulum.instance(datetime.fromisoformat(begin)), None, catchup=True)
    last, found = None, []
    for _ in range(count):
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
        assert info is not None
        found.append([info.logical_date.isoformat(), str(file["day_of"](info, zone))])
        last = info.data_interval
    return found


QUESTIONS: dict[str, Callable[..., Any]] = {"look": look, "night": night, "fires": fires}


def main() -> None:
    """Answer until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(QUESTIONS[name](*arguments), default=str), file=answers, flush=True)


if __name__ == "__main__":
    main()
