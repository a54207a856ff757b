"""What the cases of bad input share: a shop with a published night, and the form of a case.

A case is a row of docs/when-it-fails.md, which says what the program must answer; here stands how the fault
comes about. Several cases can be of one row.
"""

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from recommender.runs.folder import Run
from recommender.runs.history import History
from tests.conftest import own_name
from tests.nights import ALL_TABLES, DAY, Shop, connection_to, usual_shop

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = ROOT / "docs" / "when-it-fails.md"
SQLITE, POSTGRESQL, MARIADB = "sqlite", "postgresql", "mariadb"
SERVERS = (POSTGRESQL, MARIADB)
ALL = (SQLITE, *SERVERS)
ANY = (SQLITE,)
"""For what no database knows of: one of them proves it."""
NIGHT = ("run", "--as-of", str(DAY))

Harm = Callable[["BadShop"], None]
Fault = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Row:
    """One row of the document."""

    what: str
    exit_code: int
    said: re.Pattern[str]
    """The whole line."""


def document_rows() -> dict[str, Row]:
    """The rows of the document's tables, by what is wrong; `…` stands for what differs."""
    found = {}
    for line in DOCUMENT.read_text(encoding="utf-8").split("\n"):
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == 5:
            code, what, exit_code, *texts = cells
            text = " ".join([*filter(None, texts), f"[{code.strip('`')}]"])
            pattern = ".+?".join(map(re.escape, text.split("…")))
            assert what not in found, f"the row {what!r} is there twice"
            # What ends nothing is said among all that a command says.
            begin = "recommend: " if int(exit_code) else ""
            found[what] = Row(what, int(exit_code), re.compile(f"{begin}{pattern}\n"))
    return found


@dataclass(frozen=True)
class Case:
    """A fault that is to be a row of the document."""

    name: str
    row: str
    harm: Harm
    on: tuple[str, ...]
    call: tuple[str, ...]
    fault: Fault
    meanwhile: Callable[["BadShop"], AbstractContextManager[None]]
    is_blind: bool
    is_late: bool
    is_talkative: bool
    marks: tuple[pytest.MarkDecorator, ...]


def cases_of(all_cases: list[Case], *marks: pytest.MarkDecorator) -> Callable[..., Callable[[Harm], Harm]]:
    """A decorator that adds what a function does to a shop as a case; all of them with these marks."""

    def case(
        row: str,
        *,
        on: tuple[str, ...] = ALL,
        call: tuple[str, ...] = NIGHT,
        fault: Fault = contextlib.nullcontext,
        meanwhile: Callable[["BadShop"], AbstractContextManager[None]] = lambda _shop: (
            contextlib.nullcontext()
        ),
        is_blind: bool = False,
        is_late: bool = False,
        is_talkative: bool = False,
        name: str = "",
    ) -> Callable[[Harm], Harm]:
        """Add a case.

        Args:
            row: what is wrong, in the words of the document's row.
            on: the databases that it concerns.
            call: the command line; `{folder}` and `{url}` in it are those of the shop.
            fault: what happens in the process of the call.
            meanwhile: what goes on outside during the call.
            is_blind: there is no database to be left as it was.
            is_late: what was published is looked at when what goes on outside has begun.
            is_talkative: the command says on stdout what it does before it says what is wrong.
            name: of the case; default that of the function.
        """

        def add(harm: Harm) -> Harm:
            all_cases.append(
                Case(
                    name or harm.__name__,
                    row,
                    harm,
                    on,
                    call,
                    fault,
                    meanwhile,
                    is_blind,
                    is_late,
                    is_talkative,
                    marks,
                )
            )
            return harm

        return add

    return case


def nothing(_shop: "BadShop") -> None:
    """No harm to the shop: the fault is in the call, in its process, or outside."""


@dataclass
class BadShop(Shop):
    """A shop to do harm to; knows what to put back."""

    kind: str = ""
    is_harmed: bool = False
    bad_user: str = field(default_factory=partial(own_name, "bad_user"))
    """A name for a user of the server who is not its administrator."""

    def execute(self, *statements: str, rows: Any = None) -> None:
        self.is_harmed = True
        super().execute(*statements, rows=rows)

    def query(self, text: str, name: str = "sales") -> None:
        """Write a query."""
        (self.folder / "sql" / f"{name}.sql").write_text(text, encoding="utf-8")

    def sell_in(self, columns: str, *rows: str) -> None:
        """Sales in a table `bad` of its own, made with these columns, and the query of them."""
        self.execute(f"CREATE TABLE bad ({columns})", *[f"INSERT INTO bad VALUES ({row})" for row in rows])
        names = ", ".join(column.split()[0] for column in columns.split(", "))
        self.query(f"SELECT {names} FROM bad WHERE :since IS NOT NULL")

    def give_modes(self, folders: int, files: int) -> None:
        """Set the modes of the whole folder."""
        for path in [self.folder, *self.folder.rglob("*")]:
            path.chmod(folders if path.is_dir() else files)

    def type(self, name: str) -> str:
        """A type by our word for it."""
        return TYPES[self.kind][name]

    def at(self, **parts: Any) -> str:
        """The shop's address with other parts."""
        return sa.make_url(self.url).set(**parts).render_as_string(hide_password=False)

    @property
    def runs(self) -> list[Run]:
        return [*History.of(self.folder / self.settings.get("DATA_DIR", "var")).runs]

    def own_tables(self, *, of_own_keys: bool = False) -> None:
        """Tables `bad_…` to harm, beside the published ones; by default for the same keys."""
        self.is_harmed = True
        self.set(TABLE_PREFIX="bad_", DATA_DIR="var-bad")
        like = {POSTGRESQL: "(LIKE {0} INCLUDING ALL)", MARIADB: "LIKE {0}"}
        if self.kind == SQLITE or of_own_keys:
            self.does("init", "--yes")
        else:
            self.execute(*[f"CREATE TABLE bad_{name} {like[self.kind].format(name)}" for name in OURS])

    def trigger(self, body: str, when: str = "true") -> None:
        """PostgreSQL: a function that is called for each row of our list that is about to be inserted."""
        self.execute(
            "CREATE OR REPLACE FUNCTION bad_trigger() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {body}; END $$",
            f"CREATE TRIGGER bad_trigger BEFORE INSERT ON bad_recommendations FOR EACH ROW WHEN ({when})"
            " EXECUTE FUNCTION bad_trigger()",
        )

    def user(self, *grants: str) -> None:
        """The program comes as a user of its own with these grants alone."""
        database, password = sa.make_url(self.url).database, "other-s3cret"
        if self.kind == POSTGRESQL:
            self.execute(f"CREATE ROLE {self.bad_user} LOGIN PASSWORD '{password}'")
            self.execute(*[f"GRANT {grant} TO {self.bad_user}" for grant in grants])
        else:
            account = f"{self.bad_user}@'127.0.0.1'"
            self.execute(f"CREATE USER {account} IDENTIFIED BY '{password}'")
            tables = [grant.replace(" ON ", f" ON {database}.") for grant in grants]
            self.execute(*[f"GRANT {grant} TO {account}" for grant in tables])
        self.set(DATABASE_URL=self.at(username=self.bad_user, password=password))


TYPES = {
    SQLITE: {"key": "INTEGER", "text": "TEXT", "time": "TIMESTAMP", "number": "REAL"},
    POSTGRESQL: {"key": "BIGINT", "text": "VARCHAR(100)", "time": "TIMESTAMP", "number": "NUMERIC"},
    MARIADB: {
        "key": "BIGINT",
        "text": "VARCHAR(100) COLLATE utf8mb4_bin",
        "time": "DATETIME",
        "number": "DECIMAL(40,4)",
    },
}
KEPT = ("sales", "items")
OURS = tuple(ALL_TABLES.split(", "))


class Shops:
    """A shop of each kind, made once; each case gets its folder anew and its database as it was."""

    def __init__(self, folder: Path, server: Callable[[str], Any]) -> None:
        self._folder = folder
        self._server = server
        self._shops: dict[str, Shop] = {}
        self._count = 0

    def _made(self, kind: str) -> Shop:
        if kind not in self._shops:
            folder = self._folder / kind
            folder.mkdir()
            url = f"sqlite:///{folder / 'shop.db'}"
            url = url if kind == SQLITE else self._server(kind).create_database()
            shop = usual_shop(folder / "shop", url)
            shop.night()
            if kind != SQLITE:
                shop.execute(*[f"CREATE TABLE {name}_kept AS SELECT * FROM {name}" for name in KEPT])
            self._shops[kind] = shop
        return self._shops[kind]

    @contextlib.contextmanager
    def one(self, kind: str) -> Iterator[BadShop]:
        """A shop of this kind with a published night, in a folder of its own."""
        made = self._made(kind)
        self._count += 1
        folder = self._folder / str(self._count)
        shutil.copytree(made.folder, folder)
        url = made.url
        if kind == SQLITE:
            shutil.copy(made.url.removeprefix("sqlite:///"), folder / "shop.db")
            url = f"sqlite:///{folder / 'shop.db'}"
        shop = BadShop(folder, url, dict(made.settings), kind=kind)
        shop.set(DATABASE_URL=url)
        try:
            yield shop
        finally:
            if kind != SQLITE and shop.is_harmed:
                _put_back(shop)


HARMFUL = ("bad", "ps_", "oc_", "order_", "catalogue_", "partner_", "auth_")
"""How the tables that a case made begin: its own, or those of a platform."""


def _put_back(shop: BadShop) -> None:
    with connection_to(shop.url) as connection:
        bad = [name for name in sa.inspect(connection).get_table_names() if name.startswith(HARMFUL)]
    statements = [] if shop.kind == POSTGRESQL else ["SET FOREIGN_KEY_CHECKS = 0"]
    statements += [f"DROP TABLE {name} CASCADE" for name in bad]
    for name in KEPT:
        statements += [f"DELETE FROM {name}", f"INSERT INTO {name} SELECT * FROM {name}_kept"]
    if shop.kind == POSTGRESQL:
        statements.append("DROP FUNCTION IF EXISTS bad_trigger")
        if shop.rows(f"SELECT 1 FROM pg_roles WHERE rolname = '{shop.bad_user}'"):
            statements += [f"DROP OWNED BY {shop.bad_user}", f"DROP ROLE {shop.bad_user}"]
    else:
        statements.append(f"DROP USER IF EXISTS {shop.bad_user}@'127.0.0.1'")
    shop.execute(*statements)
