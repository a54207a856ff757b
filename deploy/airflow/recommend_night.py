"""A shop's night in Airflow 3: export, train, rank and publish, each a task.

Copy this file into the folder of your DAGs. It calls the program `recommend` and imports nothing of it.
What it needs stands in the environment of Airflow's services:

- `RECOMMEND_SHOPS`: a word for each shop, the folder of its `.env`, an `@` and its `SHOP_TIMEZONE`, such as
  `/srv/shop@Europe/Berlin /srv/kiosk@America/New_York`. Each shop has a DAG of its own.
- `RECOMMEND_PROGRAM`: the program; `/srv/recommend/.venv/bin/recommend` by default.
- `RECOMMEND_RETRIES`: how often a task is tried again; 3 by default.
- `RECOMMEND_RETRY_MINUTES`: the pause before that; 5 by default.
- `RECOMMEND_ON_FAILURE`: a command that reads one line about a failed night, such as
  `mail -s night me@example.com`.

`docs/big-shop.md` of the program tells the rest.
"""

import json
import logging
import os
import re
import shlex
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import CronTriggerTimetable, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

SHOPS = os.environ.get("RECOMMEND_SHOPS", "").split()
PROGRAM = os.environ.get("RECOMMEND_PROGRAM", "/srv/recommend/.venv/bin/recommend")
RETRIES = int(os.environ.get("RECOMMEND_RETRIES", "3"))
RETRY_MINUTES = float(os.environ.get("RECOMMEND_RETRY_MINUTES", "5"))
ON_FAILURE = os.environ.get("RECOMMEND_ON_FAILURE", "")

EVERY_NIGHT = "5 0 * * *"
"""Five past midnight, in the zone of the shop."""
MEANINGS = {
    1: "unexpected error",
    2: "usage or settings",
    3: "data or result refused",
    4: "the database failed",
    5: "another run is going on",
    143: "terminated",
}
"""The program's exit codes."""
TRY_AGAIN = {1, 4, 5, 143}
"""Of these, what may be over in a while. Somebody has to mend the others first."""

log = logging.getLogger("recommend")


def day_of(run: Any, zone: str) -> date:
    """The day that a night is about: the shop's day before the one on which it runs."""
    # A run that was started by hand may have no logical date.
    moment = run.logical_date or run.run_after
    here: date = moment.astimezone(ZoneInfo(zone)).date()
    return here - timedelta(days=1)


def recommend(folder: str, stage: str, *options: str) -> str:
    """Call the program for one stage, and return what it says on stdout.

    Its own log, which comes on stderr, goes into the task's log, each line as it comes.
    """
    command = [PROGRAM, stage, *options, "--env-file", f"{folder}/.env", "-v", "--log-format", "json"]
    log.info("%s", shlex.join(command))
    pipe = subprocess.PIPE
    try:
        child = subprocess.Popen(command, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace")
    except OSError as error:
        raise AirflowFailException(f"{PROGRAM} cannot be started: {error.strerror}") from None
    # Who ends the task ends the stage: the program undoes its work and ends with 143.
    get_current_context()["task"].on_kill = child.terminate
    last, is_told = "", False
    with child:
        try:
            for line in child.stderr:
                last = line.rstrip()
                # The last word repeats an error and may name a customer, which Airflow would keep.
                if not (is_told and last.startswith("recommend: ")):
                    is_told |= say(last) >= logging.ERROR
            said = child.stdout.read().strip()
        except BaseException:  # such as a limit of time
            child.terminate()
            raise
    if child.returncode == 0:
        return said
    # Where a signal ended it at once, the code is as a shell tells it.
    code = child.returncode if child.returncode > 0 else 128 - child.returncode
    short = re.search(r" \[[a-z0-9-]+\]$", last)
    reason = f"recommend {stage} ended with {code}, {MEANINGS.get(code, 'killed')}{short[0] if short else ''}"
    raise (AirflowException if code in TRY_AGAIN else AirflowFailException)(reason)


def say(line: str) -> int:
    """Put a line of the program's stderr into the task's log; its level."""
    level, text = logging.WARNING, line
    if line.startswith("{"):
        record = json.loads(line)
        level = logging.getLevelNamesMapping()[record["level"].upper()]
        text = "\n".join(filter(None, (record["message"], record.get("traceback"))))
    log.log(level, "%s", text)
    return level


def night(folder: str, zone: str) -> Any:
    """The DAG of one shop."""

    def tell(context: Any) -> None:
        """One line about a night that failed: in the log, and to RECOMMEND_ON_FAILURE."""
        day, why = day_of(context["dag_run"], zone), context.get("exception")
        line = f"{context['ti'].dag_id}: the night of {day} failed: {why}"
        log.error("%s", line)
        if ON_FAILURE:
            subprocess.run(shlex.split(ON_FAILURE), input=f"{line}\n", text=True, timeout=60, check=True)

    @dag(
        dag_id=f"recommend_night_{Path(folder).name}",
        schedule=CronTriggerTimetable(EVERY_NIGHT, timezone=zone),
        catchup=False,
        max_active_runs=1,
        # Whatever holds it up: the next night begins anew.
        dagrun_timeout=timedelta(hours=12),
        default_args={
            "retries": RETRIES,
            "retry_delay": timedelta(minutes=RETRY_MINUTES),
            "on_failure_callback": tell,
        },
        tags=["recommend"],
        doc_md=__doc__,
    )
    def stages() -> None:
        @task
        def export() -> str:
            """Read the sales up to the end of the day, in a new run; its id goes on to the other tasks."""
            day = day_of(get_current_context()["dag_run"], zone)
            return recommend(folder, "export", "--as-of", str(day))

        @task
        def train(run: str) -> str:
            recommend(folder, "train", "--run", run)
            return run

        @task
        def rank(run: str) -> str:
            recommend(folder, "rank", "--run", run)
            return run

        @task
        def publish(run: str) -> None:
            """Check the lists and put them into the tables, in one transaction."""
            try:
                recommend(folder, "publish", "--run", run)
            except AirflowFailException as refused:
                # The try before was killed after its commit.
                if not str(refused).endswith("[stage-published]"):
                    raise
                log.warning("The lists of %s are in the tables already.", run)

        publish(rank(train(export())))

    return stages()


NAMES = [Path(shop.rpartition("@")[0]).name for shop in SHOPS]
if not SHOPS or not all(NAMES) or len(set(NAMES)) < len(NAMES):
    raise ValueError(
        "RECOMMEND_SHOPS has to name each shop as FOLDER@ZONE, such as /srv/shop@Europe/Berlin,"
        f" with folders of different names; it is {' '.join(SHOPS) or 'empty'}."
    )
for shop in SHOPS:
    night(*shop.rsplit("@", 1))
