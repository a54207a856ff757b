"""Small shops on any database, and nights over them: what the tests of the program's outside share.

A shop has two tables, `sales` and `items`, and a folder with `.env` and `sql/`. `Shop.recommend` calls
the command line in this process. Times are fixed, so nights are called with `--as-of` or take all of time.
"""

import contextlib
import csv
import io
import random
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recommender import cli
from recommender.database import open_database
from recommender.database.urls import normalise_url
from recommender.errors import ExitCode
from recommender.runs.folder import RULES_QUERY, Run
from recommender.runs.history import History
from recommender.tables import LISTS, POPULAR_ITEMS, Role
from tests import sentinel, sharing

ALL_TABLES = (
    "recommendations, buy_again, similar_items, bought_together, popular_items, recommendation_runs,"
    " forgotten_customers"
)
"""Ours, as `init` names them when it has made them."""
DAY = date(2026, 3, 1)
"""The as-of day of most nights."""
FORGET_KEY = "f" * 32
SALES_SQL = "SELECT customer_id, item_id, sold_at FROM sales WHERE sold_at >= :since;\n"
ITEMS_SQL = "SELECT item_id, name, sellable FROM items\n"
KEY_TYPES = {
    "sqlite": {int: "INTEGER", str: "TEXT"},
    "postgresql": {int: "BIGINT", str: "VARCHAR(100)"},
    "mysql": {int: "BIGINT", str: "VARCHAR(100) COLLATE utf8mb4_bin"},
}

NO_RULES = "SELECT 'never' AS rule WHERE 1 = 0"
"""A `rules.sql` without a rule."""

Sale = tuple[Any, Any, date]
Shown = tuple[Any, ...]
"""Owner of a list, position, item."""


@dataclass(frozen=True)
class Outcome:
    """What a call of the command line gave."""

    code: ExitCode
    out: str
    err: str


@dataclass
class Shop:
    """A shop's folder and database."""

    folder: Path
    url: str
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sentinel.note(self.folder)

    @property
    def env_file(self) -> Path:
        return self.folder / ".env"

    def set(self, **settings: str | int) -> "Shop":
        """Write `.env` with these settings beside the ones given before."""
        self.settings |= {name: str(value) for name, value in settings.items()}
        lines = [f"{name}='{value}'\n" for name, value in self.settings.items()]
        self.env_file.write_text("".join(lines), encoding="utf-8")
        return self

    def recommend(self, *arguments: str) -> Outcome:
        """Call the command line in this process."""
        sentinel.note(self.folder)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli._exit_code(["--env-file", str(self.env_file), *arguments])
        outcome = Outcome(code, out.getvalue(), err.getvalue())
        sentinel.require_absent(outcome.out + outcome.err, arguments, self.folder)
        return outcome

    def does(self, *arguments: str) -> str:
        """Call the command line, which must succeed and say nothing on stderr; returns its stdout."""
        outcome = self.recommend(*arguments)
        assert outcome.code is ExitCode.DONE, outcome.err
        assert outcome.err == ""
        return outcome.out

    def decides(self) -> list[str]:
        """Take each line with an open matter out of the queries, as an owner who agrees; returns them."""
        matters: list[str] = []
        for path in sorted((self.folder / "sql").glob("*.sql")):
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            matters += [line.strip() for line in lines if "-- TO DECIDE:" in line]
            path.write_text("".join(line for line in lines if "-- TO DECIDE:" not in line), encoding="utf-8")
        return matters

    def night(self, day: date | None = DAY, *options: str) -> Run:
        """A successful, silent run; returns its record."""
        assert self.does("run", *(["--as-of", str(day)] if day else []), *options) == ""
        return self.last_run

    def fails(self, code: ExitCode, *arguments: str) -> str:
        """Call the command line, which must fail with this code and one line on stderr; returns the line."""
        outcome = self.recommend(*arguments)
        assert outcome.code is code, outcome.err
        assert outcome.err.startswith("recommend: ")
        assert outcome.err.count("\n") == 1
        assert "Traceback" not in outcome.err
        return outcome.err

    @property
    def runs(self) -> list[Run]:
        return [*History.of(self.folder / "var").runs]

    @property
    def last_run(self) -> Run:
        return self.runs[-1]

    def execute(self, *statements: str, rows: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Run statements in the shop's database, each with the rows if there are any."""
        with connection_to(self.url) as connection, connection.begin():
            for statement in statements:
                if rows is None:
                    connection.exec_driver_sql(statement)
                elif rows:
                    connection.execute(sa.text(statement), rows)

    def sell(self, sales: Iterable[Sale]) -> None:
        """Add sales, each at 09:30 of its day."""
        self.execute(
            "INSERT INTO sales (customer_id, item_id, sold_at) VALUES (:c, :i, :t)",
            rows=[{"c": customer, "i": item, "t": f"{day} 09:30:00"} for customer, item, day in sales],
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query on the shop's database."""
        with connection_to(self.url) as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    def lists(self, table: str = "recommendations") -> dict[Any, list[Any]]:
        """The items of each customer's list in the table, in order."""
        found: dict[Any, list[Any]] = {}
        query = f"SELECT customer_id, item_id FROM {table} ORDER BY customer_id, position"
        for customer, item in self.rows(query):
            found.setdefault(customer, []).append(item)
        return found

    def shown(self) -> dict[str, list[Shown]]:
        """All that is published: of each list owner, position and item, the owner of popular_items None."""
        found = {}
        for definition in LISTS:
            owner = "NULL" if definition is POPULAR_ITEMS else definition.columns[0].name
            shown = next(c.name for c in definition.columns if c.role is Role.ITEM and c.shown)
            query = f"SELECT {owner}, position, {shown} FROM {definition.name} ORDER BY 1, 2"
            found[definition.name] = self.rows(query)
        return found

    def rules(self, query: str) -> "Shop":
        """Write `sql/rules.sql`."""
        (self.folder / "sql" / RULES_QUERY).write_text(query, encoding="utf-8")
        return self

    def dump(self) -> dict[str, list[str]]:
        """Everything in the database, table by table."""
        with connection_to(self.url) as connection:
            tables = sorted(sa.inspect(connection).get_table_names())
            rows = {name: connection.exec_driver_sql(f"SELECT * FROM {name}").fetchall() for name in tables}
        return {name: sorted(map(repr, map(tuple, found))) for name, found in rows.items()}


@contextlib.contextmanager
def connection_to(url: str):
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection


def empty_shop(
    folder: Path, url: str, *, customer: type = int, item: type = int, **settings: str | int
) -> Shop:
    """A shop without sales and items, with keys of these types."""
    (folder / "sql").mkdir(parents=True)
    (folder / "sql" / "sales.sql").write_text(SALES_SQL, encoding="utf-8")
    (folder / "sql" / "items.sql").write_text(ITEMS_SQL, encoding="utf-8")
    backend = sa.make_url(url).get_backend_name()
    if backend == "sqlite":
        Path(str(sa.make_url(url).database)).touch()
    shop = Shop(folder, url)
    types = KEY_TYPES[backend]
    shop.execute(
        f"CREATE TABLE sales (customer_id {types[customer]}, item_id {types[item]}, sold_at TIMESTAMP,"
        " quantity INTEGER, guest_email VARCHAR(100))",
        f"CREATE TABLE items (item_id {types[item]} PRIMARY KEY, name VARCHAR(100), sellable INTEGER)",
    )
    # Shops as small as these could prove nothing, and would be shown popular items alone.
    small = {"FACTORS": 8, "ITERATIONS": 5, "TOP_N": 5, "HISTORY_DAYS": 36500, "THREADS": 1}
    given = small | {"NIGHTLY_PROOF": "off", "FORGET_KEY": FORGET_KEY} | settings
    return shop.set(DATABASE_URL=url, **given)


def make_shop(
    folder: Path,
    url: str,
    sales: Iterable[Sale],
    items: Mapping[Any, bool],
    **settings: str | int,
) -> Shop:
    """A shop with these sales and items (sellable or not); the types of the keys are those of the values."""
    sales = list(sales)
    shop = empty_shop(folder, url, customer=type(sales[0][0]), item=type(sales[0][1]), **settings)
    shop.execute(
        "INSERT INTO items (item_id, name, sellable) VALUES (:i, :n, :s)",
        rows=[{"i": item, "n": f"Item {item}", "s": int(sellable)} for item, sellable in items.items()],
    )
    shop.sell(sales)
    return shop


def copied(folder: Path, url: str, name: str, make: Callable[[Path, str], Shop]) -> Shop:
    """The shop that `make(folder, url)` makes: made once in a run of the tests for each server, and copied.

    Args:
        folder: where the copy goes; is not there yet.
        url: of an empty database, as its server's administrator.
        name: tells what is made from everything else.
        make: makes it.
    """
    address = sa.make_url(url)
    made = sharing.once(f"{name}-{address.port or 'sqlite'}", partial(_made, address, name, make))
    shutil.copytree(made.folder, folder)
    _copy_database(sa.make_url(made.url), address)
    return Shop(folder, url, dict(made.settings)).set(DATABASE_URL=url)


def _made(address: sa.URL, name: str, make: Callable[[Path, str], Shop]) -> Shop:
    """The shop that is copied, beside the others of the run."""
    place = sharing.folder() / f"{name}-{address.port or 'sqlite'}"
    database = f"kept_{name}".replace("-", "_") if address.port else f"{place}.db"
    if address.port:
        _as_administrator(address, f"CREATE DATABASE {database}")
    return make(place, address.set(database=database).render_as_string(hide_password=False))


def _copy_database(source: sa.URL, target: sa.URL) -> None:
    """Everything in a database into an empty one of the same server."""
    if target.get_backend_name() == "sqlite":
        shutil.copy(str(source.database), str(target.database))
    elif target.get_backend_name() == "postgresql":
        _as_administrator(
            target,
            f"DROP DATABASE {target.database}",
            f"CREATE DATABASE {target.database} TEMPLATE {source.database}",
        )
    else:
        with connection_to(source.render_as_string(hide_password=False)) as connection:
            tables = sa.inspect(connection).get_table_names()
        pairs = [(f"{target.database}.{table}", f"{source.database}.{table}") for table in tables]
        _as_administrator(target, *[f"CREATE TABLE {new} LIKE {old}" for new, old in pairs])
        _as_administrator(target, *[f"INSERT INTO {new} SELECT * FROM {old}" for new, old in pairs])


def _as_administrator(address: sa.URL, *statements: str) -> None:
    """Run statements outside the database, each as its own transaction."""
    elsewhere = address.set(database="postgres" if address.get_backend_name() == "postgresql" else "mysql")
    engine = sa.create_engine(elsewhere, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


BLIND = {
    "sqlite": "TEXT COLLATE NOCASE",
    "postgresql": "VARCHAR(20) COLLATE case_blind",
    "mysql": "VARCHAR(20) COLLATE utf8mb4_general_ci",
}
"""Text keys that are equal whatever their letters' case."""


def blind_shop(folder: Path, url: str, **settings: str | int) -> Shop:
    """A shop with tables, whose keys (`Cust5`, `SKU-1`) are equal to it whatever their letters' case."""
    return copied(folder, url, "blind", _blind_shop).set(**settings)


def _blind_shop(folder: Path, url: str) -> Shop:
    shop = empty_shop(folder, url, customer=str, item=str)
    key = BLIND[sa.make_url(url).get_backend_name()]
    if "case_blind" in key:
        locale = "provider = icu, locale = 'und-u-ks-level2', deterministic = false"
        shop.execute(f"CREATE COLLATION case_blind ({locale})")
    shop.execute(
        "DROP TABLE sales",
        "DROP TABLE items",
        f"CREATE TABLE sales (customer_id {key}, item_id {key}, sold_at TIMESTAMP)",
        f"CREATE TABLE items (item_id {key} PRIMARY KEY, name VARCHAR(100), sellable INTEGER)",
    )
    customers, items = [f"Cust{n}" for n in range(30)], [f"SKU-{n}" for n in range(1, 21)]
    shop.execute(
        "INSERT INTO items (item_id, name, sellable) VALUES (:i, :n, 1)",
        rows=[{"i": item, "n": f"Item {item[4:]}"} for item in items],
    )
    shop.sell(tastes(customers, items))
    shop.does("init", "--yes")
    return shop


def tastes(customers: Sequence[Any], items: Sequence[Any], *, seed: int = 1) -> list[Sale]:
    """Sales of customers with three tastes, to each of which a third of the items is; the same every time."""
    chance = random.Random(seed)
    sales: list[Sale] = []
    for number, customer in enumerate(customers):
        liked = items[number % 3 :: 3]
        chosen = chance.sample(liked, min(4, len(liked) - 1))
        sales += [(customer, item, DAY - timedelta(days=chance.randrange(200))) for item in chosen]
    return sales


def usual_shop(folder: Path, url: str, **settings: str | int) -> Shop:
    """Thirty customers, twenty-four items, two not sellable; the tables without a prefix are made."""
    return copied(folder, url, "usual", _usual_shop).set(**settings)


def _usual_shop(folder: Path, url: str) -> Shop:
    items = list(range(100, 124))
    sellable = {item: item not in (100, 101) for item in items}
    shop = make_shop(folder, url, tastes(range(1, 31), items), sellable)
    shop.does("init", "--yes")
    return shop


def csv_rows(path: Path) -> list[list[str]]:
    """The fields of a file, with its header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def database_of(url: str) -> Any:
    """The program's own view of a database."""
    return open_database(normalise_url(url))
