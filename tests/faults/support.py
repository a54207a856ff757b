"""What the tests of faults share: a shop with a published night, and what must be left behind a fault."""

import os
import random
import signal
from pathlib import Path

from recommender.errors import ExitCode, RefusedError
from tests.faults.injection import watched_statements
from tests.nights import DAY, Shop, copied, usual_shop

SIGNALS = {
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGTERM: ExitCode.TERMINATED,
    signal.SIGHUP: ExitCode.TERMINATED,
}
ADVISORY_LOCKS = (
    "FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""PostgreSQL: those of this database alone; the server has other tests' too."""
NIGHT = ("run", "--as-of", str(DAY))
EVERY_FAULT = os.environ.get("EVERY_FAULT") == "1"
"""As scripts/soak wants it: faults come in every stage and at every statement of a publish; else at a few."""
SEED = os.environ.get("FAULTS_SEED", "1")
"""Chooses these few; another number, others."""
POINTS = [
    *((stage, "begin") for stage in ("export", "train", "rank", "publish")),
    *((stage, "inside") for stage in ("export", "train", "rank")),
    *((stage, "end") for stage in ("export", "train", "rank")),
]


def shop_with_a_night(folder: Path, url: str) -> Shop:
    """A shop with a published night; the next one would publish longer lists."""
    return copied(folder / "shop", url, "short_lists", _published).set(TOP_N=5)


def _published(folder: Path, url: str) -> Shop:
    shop = usual_shop(folder, url, TOP_N=3)
    shop.night()
    return shop


def lengths(shop):
    """How long the published lists are: {3} for those of the first night, {5} for the second's."""
    return {len(items) for items in shop.lists().values()}


def leftovers(shop):
    """Unfinished files in the folder of the runs and beside the database."""
    folders = [shop.folder / "var"]
    if shop.url.startswith("sqlite"):
        folders.append(Path(shop.url.removeprefix("sqlite:///")).parent)
    patterns = (".tmp-*", "*-journal", "*-wal", "*-shm")
    return [path for folder in folders for pattern in patterns for path in folder.rglob(pattern)]


def published_ids(shop):
    return [
        run_id for (run_id,) in shop.rows("SELECT run_id FROM recommendation_runs ORDER BY published_seq")
    ]


def stages_before_publish(shop):
    shop.does("export", "--as-of", str(DAY))
    shop.does("train")
    shop.does("rank")


def few(values, count=1):
    """So many of the values, by chance; all of them where every fault is asked for."""
    return values if EVERY_FAULT else random.Random(SEED).sample(values, count)


class Watch:
    """Knows which of the commits it sees is the lists' (SQLite's staging file and SQLAlchemy have theirs)."""

    def __init__(self):
        self._is_recorded = False

    def is_commit(self, statement, *, after=False):
        self._is_recorded |= "INSERT" in statement and "recommendation_runs" in statement
        return self._is_recorded and statement == ("after COMMIT" if after else "COMMIT")


def chosen_statements(shop, *options):
    """At which statements of the publish that comes next the fault is to be: numbers and texts, in order.

    Always the first, the last before COMMIT, COMMIT, and after it, which counts as one; of the
    others some, or all.
    """
    watch = Watch()
    texts: dict[int, str] = {}

    def stop_at_commit(number, statement):
        texts[number] = statement
        if watch.is_commit(statement):
            raise RefusedError("tried", "This was only to count.")

    with watched_statements(stop_at_commit):
        shop.fails(ExitCode.REFUSED, "publish", *options)
    commit = len(texts)
    assert commit > 4
    texts[commit + 1] = "after COMMIT"
    always = {1, commit - 1, commit, commit + 1}
    others = sorted({*range(1, commit)} - always)
    return {number: texts[number] for number in sorted(always.union(few(others, 2)))}


def asks_for_the_lock(statement):
    """The last look before COMMIT: whatever its error, the lock counts as lost with its connection."""
    return "pg_locks" in statement or "IS_USED_LOCK" in statement
