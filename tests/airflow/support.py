"""A shop for Airflow's nights, and faults that come in a stage of them."""

import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from recommender.runs.folder import Run
from tests.conftest import own_name
from tests.faults.support import shop_with_a_night
from tests.nights import DAY, Shop

ROOT = Path(__file__).parents[2]
STAGES = ("export", "train", "rank", "publish")
WORK = {"export": "_export", "train": "_train", "rank": "rank_stage", "publish": "_publish"}
"""What does the work of a stage in recommender/night/run.py."""
PROGRAM = """#!{python}
import os, signal, subprocess, sys
from pathlib import Path
sys.path.insert(0, {root!r})
folder, stage = Path({folder!r}), sys.argv[1]
fault = folder / f"{{stage}}.py"
if fault.exists():
    exec(fault.read_text(encoding="utf-8"))
from recommender.cli import main
main()
"""


class NightlyShop:
    """A shop with a published night of lists of 3, and its DAG; the next night's lists have 5."""

    def __init__(self, folder: Path, url: str) -> None:
        # The name of the folder is the name of the DAG, which Airflow remembers.
        self._folder = folder / own_name("shop")
        self._folder.mkdir()
        self.shop: Shop = shop_with_a_night(self._folder, url)
        self.failures = self._folder / "failures.txt"
        self.program = self._folder / "recommend"
        text = PROGRAM.format(python=sys.executable, root=str(ROOT), folder=str(self._folder))
        self.program.write_text(text, encoding="utf-8")
        self.program.chmod(0o700)
        named = self.shop.folder.with_name(self._folder.name)
        named.symlink_to(self.shop.folder, target_is_directory=True)
        self.environment = {
            "RECOMMEND_SHOPS": f"{named}@UTC",
            "RECOMMEND_PROGRAM": str(self.program),
            "RECOMMEND_RETRIES": "1",
            "RECOMMEND_RETRY_MINUTES": "0",
            "RECOMMEND_ON_FAILURE": f"tee -a {self.failures}",
        }

    def fault(self, stage: str, code: str, *, once: bool = False) -> None:
        """Run this code before the program in the stage, each time or the first time."""
        first = "fault.unlink()\n" if once else ""
        (self._folder / f"{stage}.py").write_text(first + code, encoding="utf-8")

    @property
    def told(self) -> list[str]:
        """The lines that the owner was told."""
        return self.failures.read_text(encoding="utf-8").splitlines() if self.failures.exists() else []

    def question(self, day: date = DAY, **moments: str | None) -> tuple[Any, ...]:
        """Asks for the night that is about this day."""
        midnight = datetime.combine(day + timedelta(days=1), time(0, 5), UTC).isoformat()
        return (
            "night",
            self.environment,
            moments.get("logical_date", midnight),
            moments.get("run_after"),
        )

    @property
    def last_run(self) -> Run:
        return self.shop.last_run


def zone_after_midnight() -> str:
    """A zone where it is between one and two at night: Airflow makes up a first night that is no older."""
    offset = (1 - datetime.now(UTC).hour + 9) % 24 - 9
    # Its name says how far UTC is ahead.
    return f"Etc/GMT{-offset:+}"


def instead(stage: str, body: str) -> str:
    """Code that replaces the work of a stage."""
    return f"from recommender.night import run\ndef work(*_, **__):\n    {body}\nrun.{WORK[stage]} = work\n"
