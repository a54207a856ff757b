"""Keep what this version of the program makes of a small made-up shop, for the tests of later versions.

    .venv/bin/python -m tests.upgrade.make tests/upgrade

writes `tests/upgrade/VERSION/` with one folder for each database (sqlite, postgresql, mariadb):

- `shop.sql`: the shop's tables and ours, in the database's own SQL
- `.env`, `never.txt` and `sql/`: the owner's files; `@DATABASE_URL@` stands for the database's address, and
  `@FOLDER@` in all files for the shop's folder
- `var/`: the folders of the runs, of which `_live` tells what happened
- `run.zip`: one of them as `recommend runs export` packs it
- `said.json`: what the commands in `SAYING` said, each by its words

The databases are started as for the tests (tests/servers.py). It is called once for a version, before its
release: what is kept is not made again. `test_upgrade.py` holds the program of the day to all kept versions.
"""

import contextlib
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pymysql
import sqlalchemy as sa

from recommender import __version__
from recommender.errors import ExitCode
from tests.nights import ALL_TABLES, FORGET_KEY, KEY_TYPES, Shop
from tests.servers import SERVERS, Postgresql

ROOT = Path(__file__).parents[2]
CUSTOMERS = ['O"Hara, Zoë', *(f"cust-{number:02}" for number in range(1, 34))]
ITEMS = list(range(100, 120))
GUESTS = [f"guest{number}@shop.example" for number in range(3)]
KNOWN, FORGOTTEN = "cust-04", "cust-07"
"""Who buys much: one who is kept, and one who was forgotten."""
DAYS = [date(2026, 2, 20) + timedelta(days=number) for number in range(4)]
"""Of the published nights, one after the other."""
SAYING = (
    ("status",),
    ("runs",),
    ("runs", "diff"),
    ("show", KNOWN),
    ("show", CUSTOMERS[0]),
    ("similar", "102"),
    ("together", "102"),
)
"""Commands that only look; `--json` is added."""
URL, FOLDER = "@DATABASE_URL@", "@FOLDER@"
_SETTINGS: dict[str, str | int] = {
    "DATABASE_URL": URL,
    "FACTORS": 4,
    "ITERATIONS": 3,
    "TOP_N": 3,
    "POPULAR_ITEMS": 6,
    "HISTORY_DAYS": 36500,
    "THREADS": 1,
    "KEEP_EXPORT_DAYS": 36500,
    "NEVER_RECOMMEND": "never.txt",
    "PUBLISH_GUESTS": "yes",
    "GUEST_KEY": "g" * 32,
    "FORGET_KEY": FORGET_KEY,
}
_SALES = (
    "SELECT customer_id, item_id, sold_at, quantity, order_id, guest_email FROM sales\n"
    "WHERE sold_at >= :since;\n"
)
_ITEMS = "SELECT item_id, name, sellable FROM items;\n"


def _sales() -> Iterator[dict[str, Any]]:
    """A few hundred sale lines: each month all buy something new to them, most with what they always buy."""
    chance = random.Random(1)
    order = 0
    for number, buyer in enumerate([*CUSTOMERS, *GUESTS]):
        liked = ITEMS[number % 2 :: 2]
        favourite, others = chance.choice(liked[:2]), chance.sample(liked[2:], 5)
        for month, item in enumerate(others):
            order += 1
            day = DAYS[0] - timedelta(days=28 * month + chance.randrange(28))
            yield _line(order, buyer, item, day, 1)
            if chance.random() < 0.6:
                yield _line(order, buyer, favourite, day, 2)
    # The last thing that was sold came back.
    yield _line(order + 1, buyer, item, DAYS[0], -1)


def _line(order: int, buyer: str, item: int, day: date, quantity: int) -> dict[str, Any]:
    is_guest = buyer in GUESTS
    return {
        "order_id": order,
        "customer_id": None if is_guest else buyer,
        "guest_email": buyer if is_guest else None,
        "item_id": item,
        "sold_at": f"{day} 09:30:00",
        "quantity": quantity,
    }


def _make_shop(folder: Path, url: str) -> Shop:
    """The shop, with our tables."""
    (folder / "sql").mkdir()
    (folder / "sql" / "sales.sql").write_text(_SALES, encoding="utf-8")
    (folder / "sql" / "items.sql").write_text(_ITEMS, encoding="utf-8")
    # The second is no item of the shop, of which each night warns.
    (folder / "never.txt").write_text("119\n999\n", encoding="utf-8")
    backend = sa.make_url(url).get_backend_name()
    if backend == "sqlite":
        (folder / "shop.db").touch()
    shop = Shop(folder, url).set(**_SETTINGS | {"DATABASE_URL": url})
    key = KEY_TYPES[backend]
    when = "DATETIME" if backend == "mysql" else "TIMESTAMP"
    shop.execute(
        f"CREATE TABLE items (item_id {key[int]} PRIMARY KEY, name VARCHAR(100), sellable INTEGER)",
        f"CREATE TABLE sales (order_id INTEGER, customer_id {key[str]}, guest_email VARCHAR(100),"
        f" item_id {key[int]}, sold_at {when}, quantity INTEGER)",
    )
    shop.execute(
        "INSERT INTO items VALUES (:item, :name, :sellable)",
        rows=[
            {"item": item, "name": f'Tea no. {item}, "Grün"', "sellable": int(item != ITEMS[0])}
            for item in ITEMS
        ],
    )
    shop.execute(
        "INSERT INTO sales VALUES (:order_id, :customer_id, :guest_email, :item_id, :sold_at, :quantity)",
        rows=[*_sales()],
    )
    assert shop.does("init", "--yes")
    return shop


def _live(shop: Shop) -> None:
    """What happens to the shop: all that a later version must cope with."""
    first = shop.night(DAYS[0])
    shop.does("runs", "pin", first.run_id)
    shop.night(DAYS[1])
    shop.does("rollback", first.run_id)
    # From the tables and these runs; the next night trains from nothing.
    shop.does("forget", FORGOTTEN, "--yes")
    shop.does("forget", "--guest-email", GUESTS[0], "--yes")
    shop.night(DAYS[2])
    # Its sales stay as they were exported, not compressed.
    shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAYS[0]))
    last = shop.night(DAYS[3])
    assert last.manifest.warnings
    shop.does("runs", "export", last.run_id, str(shop.folder / "run.zip"))
    modes = [run.manifest.origin.mode for run in shop.runs]
    assert modes == ["cold", "warm", "cold", "cold", "cold", "warm"], modes
    empty = [table for table in ALL_TABLES.split(", ") if not shop.rows(f"SELECT * FROM {table} LIMIT 1")]
    empty += [
        words
        for words, answer in said(shop).items()
        if not answer or ("items" in answer and not answer["items"])
    ]
    assert not empty, f"nothing would be kept of {empty}"


def said(shop: Shop) -> dict[str, Any]:
    """What the commands say that only look, by their words; without how long ago, and in which database."""
    found = {" ".join(words): json.loads(shop.does(*words, "--json")) for words in SAYING}
    status = found["status"]
    del status["published"]["age_hours"]
    status["summary"] = re.sub(r", [0-9.]+ [a-z]+ ago", "", status["summary"])
    for answer in found.values():
        if isinstance(answer, dict):
            answer.pop("source", None)
    return found


def _sqlite(url: str) -> Iterator[str]:
    with contextlib.closing(sqlite3.connect(str(sa.make_url(url).database))) as connection:
        yield from (line for line in connection.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;"))


def _postgresql(url: str) -> Iterator[str]:
    address = sa.make_url(url)
    program = Postgresql.find_programs()[0].with_name("pg_dump")
    options = ("--inserts", "--no-owner", "--no-privileges", "--host=127.0.0.1", f"--port={address.port}")
    done = subprocess.run(
        [program, *options, f"--username={address.username}", str(address.database)],
        env={**os.environ, "PGPASSWORD": str(address.password)},
        capture_output=True,
        text=True,
        check=True,
    )
    # Without what the server and its tool say of themselves.
    said = ("--", "SET ", "SELECT ", "\\")
    yield from (line for line in done.stdout.splitlines() if line and not line.startswith(said))


def _mariadb(url: str) -> Iterator[str]:
    address = sa.make_url(url)
    connection = pymysql.connect(
        host="127.0.0.1",
        port=address.port or 0,
        user=address.username,
        password=str(address.password),
        database=address.database,
        charset="utf8mb4",
    )
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        for (table,) in cursor.fetchall():
            cursor.execute(f"SHOW CREATE TABLE `{table}`")
            ((_, created),) = cursor.fetchall()
            yield f"{created};"
            cursor.execute(f"SELECT * FROM `{table}`")
            for row in cursor.fetchall():
                yield f"INSERT INTO `{table}` VALUES ({','.join(map(connection.literal, row))});"


_DUMPS: dict[str, Callable[[str], Iterator[str]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mariadb,
}


def keep(kept: Path, url: str, folder: Path) -> None:
    """Make a shop in `folder` and an empty database, let it live, and keep all of it in the folder `kept`."""
    shop = _make_shop(folder, url.replace(FOLDER, str(folder)))
    _live(shop)
    texts = {"said.json": json.dumps(said(shop), indent=1, ensure_ascii=False) + "\n"}
    texts["shop.sql"] = "".join(f"{line}\n" for line in _DUMPS[sa.make_url(url).get_backend_name()](shop.url))
    for path in (*folder.glob("shop.db*"), folder / "var" / "lock"):
        path.unlink(missing_ok=True)
    shop.set(DATABASE_URL=URL)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copytree(folder, kept)
    for path in kept.rglob("*"):
        if path.is_file() and path.suffix not in (".gz", ".npz", ".zip"):
            text = path.read_text(encoding="utf-8").replace(str(folder), FOLDER)
            # Tracebacks in the logs name the checkout.
            path.write_text(text.replace(f"{ROOT}/", ""), encoding="utf-8")


def main(folder: Path) -> None:
    """Keep this version's, on each database."""
    kept = folder / __version__
    kept.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        keep(kept / "sqlite", f"sqlite:///{FOLDER}/shop.db", Path(name))
    for kind, server_class in SERVERS.items():
        with tempfile.TemporaryDirectory() as name, server_class() as server:
            keep(kept / kind, server.create_database(), Path(name))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: python -m tests.upgrade.make FOLDER")
    main(Path(sys.argv[1]))
