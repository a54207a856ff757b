"""How long a shop waits that sells and shows lists all the while, through nights whose lists are all new."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from recommender.setup.checks.surroundings import SQLITE_MOST_ROWS
from scripts.benchmark import shops
from tests.nights import connection_to

ROOT = Path(__file__).resolve().parents[2]
_TOP_N = 10
SIZES = {
    "at the limit": shops.Size(1_000_000, SQLITE_MOST_ROWS // _TOP_N, 8_000),
    "above it": shops.SIZES["M"],
}
"""Of the shop: as large as `recommend check` takes on SQLite without a word, and larger."""


@dataclass(frozen=True)
class Waits:
    """What the shop did during the nights, and its longest wait of each kind in seconds."""

    database: str
    size: str
    file_mb: float
    """of the shop's database file before the nights, 0 for a server"""
    rows: int
    """of our lists"""
    reads: int
    longest_read: float
    writes: int
    longest_write: float
    errors: list[str]


def _recommend(folder: Path, *arguments: str, seed: int = 1) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SEED": str(seed)}
    command = [sys.executable, "-m", "recommender", *arguments, "--env-file", str(folder / ".env")]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words


def measure(database: str, url: str, folder: Path, size: str, nights: int) -> Waits:
    """Some nights of a shop of this size, with a reader and a writer at work.

    Args:
        database: its name.
        url: an empty database.
        folder: an empty folder for the shop.
        size: one of SIZES.
        nights: how many.
    """
    (folder / "sql").mkdir(parents=True)
    if database == "sqlite":
        Path(str(sa.make_url(url).database)).touch()
    for name in ("sales", "items"):
        columns = ", ".join(shops.TABLES[name])
        where = " WHERE sold_at >= :since" if name == "sales" else ""
        (folder / "sql" / f"{name}.sql").write_text(
            f"SELECT {columns} FROM {name}{where}\n", encoding="utf-8"
        )
    settings = (
        f"DATABASE_URL='{url}'\nLISTS=recommendations,popular_items\nNIGHTLY_PROOF=off\nTOP_N={_TOP_N}\n"
    )
    (folder / ".env").write_text(settings, encoding="utf-8")
    shops.load(url, SIZES[size])
    _recommend(folder, "init", "--yes")
    _recommend(folder, "run", "--as-of", str(shops.LAST_DAY))
    path = Path(str(sa.make_url(url).database))
    file_mb = round(path.stat().st_size / 2**20, 1) if database == "sqlite" else 0.0
    with connection_to(url) as connection:
        rows = int(connection.exec_driver_sql("SELECT COUNT(*) FROM recommendations").scalar() or 0)
    visitors = [sys.executable, str(ROOT / "scripts/benchmark/visitors.py"), url]
    process = subprocess.Popen(visitors, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - as above
    try:
        for seed in range(2, 2 + nights):
            _recommend(folder, "run", "--train", "--force", "--as-of", str(shops.LAST_DAY), seed=seed)
    finally:
        told, _ = process.communicate()
    (reads, longest_read, failed_reads), (writes, longest_write, failed_writes) = json.loads(told).values()
    return Waits(
        database=database,
        size=size,
        file_mb=file_mb,
        rows=rows,
        reads=reads,
        longest_read=longest_read,
        writes=writes,
        longest_write=longest_write,
        errors=failed_reads + failed_writes,
    )
