"""Both connections, our tables, and the rights on them: what the night will do, tried and rolled back."""

import re
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import sqlalchemy as sa

from recommender import __version__
from recommender.database.base import Database, capital
from recommender.database.schema import Target
from recommender.errors import DatabaseError, LockedError, SettingsError
from recommender.night.locked import lock_path
from recommender.settings import Settings
from recommender.setup.checks.findings import Findings
from recommender.system.locks import file_lock, holder
from recommender.tables import SCHEMA_VERSION, Role

_MOST_SKEW_SECONDS = 60
_FREE_POSITION = 2**31 - 1
"""A place that no list has, for the row of the trial."""
_NAMED = 3
_DENIED = {"42501", 1142, 1143}
"""PostgreSQL's and MariaDB's words to those who have no right on a table."""
_WRITES = {"ALL PRIVILEGES", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "CREATE"}
_PACKAGES = {"psycopg": "psycopg", "pymysql": "PyMySQL", "mysqldb": "mysqlclient"}


@dataclass(frozen=True)
class Server:
    """A database as its server describes it."""

    version: str
    driver: str
    zone: str | None = None
    """The zone that the server gives new sessions, by its own name; None where it has no clock of its own."""
    utc_offset_seconds: int = 0
    clock_skew_seconds: float = 0.0
    """How far the server's clock is ahead of this machine's."""


def check_connection(area: str, database: Database, findings: Findings) -> Server | None:
    """Connect, and say to what; None where that fails."""
    check_trust(area, database, findings)
    with findings.trying(area), database.connect() as connection:
        server = describe_server(database, connection)
        zone = f", time zone {server.zone}" if server.zone else ""
        findings.ok(area, f"{capital(database.name)}: {server.version} through {server.driver}{zone}.")
        skew = server.clock_skew_seconds
        if abs(skew) > _MOST_SKEW_SECONDS:
            findings.warn(
                area,
                f"The clock of {database.name} is {abs(skew):.0f} seconds"
                f" {'ahead of' if skew > 0 else 'behind'} this machine's.",
                "Set both by the network's time: sales in the future are not read.",
            )
        return server
    return None


def describe_server(database: Database, connection: sa.Connection) -> Server:
    """Versions, zone and clock of the server behind the connection."""
    match database.backend:
        case "postgresql":
            row = connection.exec_driver_sql(
                "SELECT current_setting('server_version'), current_setting('TimeZone'),"
                " extract(timezone FROM now())::integer, extract(epoch FROM clock_timestamp())::float8"
            ).one()
            number = str(row[0]).partition(" ")[0]
            return Server(f"PostgreSQL {number}", _driver(database), row[1], row[2], row[3] - time.time())
        case "mysql":
            # Our sessions are in UTC; a session in the server's own zone tells what that is.
            connection.exec_driver_sql("SET SESSION time_zone = @@global.time_zone")
            row = connection.exec_driver_sql(
                "SELECT VERSION(), IF(@@global.time_zone = 'SYSTEM', @@system_time_zone, @@global.time_zone),"
                " TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW()), UNIX_TIMESTAMP(NOW(6))"
            ).one()
            connection.exec_driver_sql("SET SESSION time_zone = '+00:00'")
            number = re.split(r"-(?!MariaDB)", str(row[0]))[0].replace("-", " ")
            name = f"{number.partition(' ')[2] or 'MySQL'} {number.partition(' ')[0]}"
            return Server(name, _driver(database), row[1], int(row[2]), float(row[3]) - time.time())
    number = str(connection.exec_driver_sql("SELECT sqlite_version()").scalar())
    mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    return Server(f"SQLite {number}", f"Python's own sqlite3, journal mode {mode}")


def _driver(database: Database) -> str:
    name = database.url.get_driver_name()
    try:
        return f"{_PACKAGES[name]} {version(_PACKAGES[name])}"
    except PackageNotFoundError:  # as some systems package it
        return _PACKAGES[name]


def check_trust(area: str, database: Database, findings: Findings) -> None:
    """Warn of a server on another machine that anybody could stand in for."""
    option = database.verifying_option()
    if option is not None:
        findings.warn(
            area,
            f"Nothing proves that {database.name} is the shop's: whoever can get between reads the sales, and"
            " may get the password.",
            f"Write ?{option} behind the address; docs/security.md says more. Leave it where the network is"
            " yours alone.",
        )


def check_zone(settings: Settings, server: Server, findings: Findings, now: datetime) -> None:
    """Whether times without a zone mean what the server means by them; not asked where an owner said it."""
    offset = now.astimezone(settings.sales_timezone).utcoffset()
    seconds = offset.total_seconds() if offset else 0
    is_said = settings.sources.get("SALES_TIMEZONE", "default") != "default"
    if (
        settings.sales_uri is None
        and server.zone is not None
        and not is_said
        and seconds != server.utc_offset_seconds
    ):
        findings.warn(
            "sales",
            f"sold_at carries no zone and is read as {settings.sales_timezone}"
            f" ({_offset(seconds)}), but the server's clock runs in {server.zone}"
            f" ({_offset(server.utc_offset_seconds)}).",
            "Compare a sale of today with its row, and set SALES_TIMEZONE to the zone of the rows.",
        )


def _offset(seconds: float) -> str:
    sign = "-" if seconds < 0 else "+"
    minutes = int(abs(seconds)) // 60
    return f"UTC{sign}{minutes // 60:02}:{minutes % 60:02}"


@contextmanager
def _denied_is_told() -> Iterator[None]:
    """For our own tables there is a better advice than to give some right: the statements that give them."""
    try:
        yield
    except DatabaseError as error:
        driver = error.__cause__.orig if isinstance(error.__cause__, sa.exc.DBAPIError) else None
        if not _DENIED & {getattr(driver, "sqlstate", None), *(driver.args[:1] if driver else ())}:
            raise
        raise DatabaseError(
            error.code,
            error.reason,
            "Run `recommend init`: it prints the rights (and missing tables) for their owner, and with"
            " --owner-url it gives them.",
        ) from error


def check_tables(target: Target, findings: Findings) -> bool:
    """Whether our tables are there, fit, and are ours alone; each thing that is wrong is an error."""
    with findings.trying("tables"), _denied_is_told(), target.connect() as connection:
        target.require_writable(connection)
        for meddler in target.meddlers(connection):
            findings.warn("tables", f"{capital(meddler.what)}.", meddler.what_to_do)
        problems = target.problems(connection)
        for problem in problems:
            findings.error(
                "tables", SettingsError("tables-not-ready", f"{capital(problem)}.", "Run `recommend init`.")
            )
        if not problems:
            last = target.last_publish(connection)
            when = f"last published {last.published_at} UTC" if last else "nothing published yet"
            findings.ok("tables", f"All tables are there and fit; {when}.")
            return True
    return False


def try_rights(
    settings: Settings, target: Target, scratch: Path, keys: dict[Role, object], findings: Findings
) -> None:
    """Delete and insert in our tables as a publish does, in its own kind of transaction, and roll back.

    The locks of a run are taken for this moment, so that no run publishes meanwhile.

    Args:
        settings: where the locks are.
        target: our tables.
        scratch: a folder for temporary files.
        keys: a real customer key and item key to insert; without them no row is.
        findings: takes what was found.
    """
    with findings.trying("rights"), _denied_is_told():
        try:
            with (
                file_lock(lock_path(settings)),
                target.database.run_lock(target.lock_name, holder()),
                target.database.publication({}, {}, scratch) as publication,
            ):
                target.claim(publication, [*target.present(publication.connection).values(), target.runs])
                _write(publication.connection, target, keys)
        except LockedError as error:
            findings.warn(
                "rights",
                f"{error.reason} Writing was not tried.",
                "Check again when it has ended; a run that begins before would end at once with code 5.",
            )
        else:
            findings.ok("rights", "Deleting and inserting in our tables was tried and rolled back.")


def _write(connection: sa.Connection, target: Target, keys: dict[Role, object]) -> None:
    sample = {Role.POSITION: _FREE_POSITION, Role.SCORE: 1.0, Role.REASON: "popular", **keys}
    for definition, table in target.present(connection).items():
        # The right is asked for whether or not a row is concerned; the rows themselves are left in peace.
        connection.execute(sa.delete(table).where(sa.false()))
        columns = [table.c[column.name] for column in definition.columns]
        connection.execute(
            sa.insert(table).from_select([c.name for c in columns], sa.select(*columns).where(sa.false()))
        )
        if keys:
            row = {column.name: sample[column.role] for column in definition.columns}
            connection.execute(sa.insert(table).values(row))
    runs = target.runs
    newest = connection.execute(sa.select(sa.func.max(runs.c.published_seq))).scalar()
    now = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
    if target.forgets:
        connection.execute(sa.insert(target.forgotten).values(customer_hash="check", forgotten_at=now))
    texts = ("run_id", "source", "source_run_id", "method", "data_sha256")
    connection.execute(
        sa.insert(runs).values(
            **dict.fromkeys(texts, "check"),
            **dict.fromkeys(("customers", "items", "sales", "rows_written"), 0),
            published_seq=(newest or 0) + 1,
            published_at=now,
            as_of=now.date(),
            program_version=__version__,
            schema_version=SCHEMA_VERSION,
        )
    )


def check_excess(shop: Database, target: Target, findings: Findings) -> None:
    """Warn where the user of DATABASE_URL may write what a night only reads."""
    tables = [*target.lists.values(), target.runs, target.forgotten]
    with findings.trying("rights"), shop.connect() as connection:
        found = writable(shop, connection, {(table.schema, table.name) for table in tables})
        if found:
            more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
            findings.warn(
                "rights",
                f"The user of DATABASE_URL may write to {', '.join(found[:_NAMED])}{more}; a night only reads"
                " there.",
                "Use a user with SELECT on the shop's tables and SELECT, INSERT, DELETE on ours.",
            )


def writable(
    database: Database, connection: sa.Connection, ours: Collection[tuple[str | None, str]]
) -> list[str]:
    """What of the shop the connection's user may write to, though a night only reads it.

    Args:
        database: the shop's.
        connection: to it.
        ours: schema (None for the connection's own) and name of the tables that we write.
    """
    match database.backend:
        case "postgresql":
            return _postgresql_writable(connection, ours)
        case "mysql":
            return _mysql_writable(database, connection, ours)
    return []  # who may write the file may write all of it


def _postgresql_writable(connection: sa.Connection, ours: Collection[tuple[str | None, str]]) -> list[str]:
    rows = connection.exec_driver_sql(
        "SELECT n.nspname, c.relname, n.nspname = current_schema() FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'"
        " AND has_schema_privilege(n.oid, 'USAGE')"
        " AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') ORDER BY 1, 2",
        execution_options={"no_parameters": True},
    ).all()
    return [
        f"{schema}.{name}"
        for schema, name, is_own in rows
        if (schema, name) not in ours and not (is_own and (None, name) in ours)
    ]


def _mysql_writable(
    database: Database, connection: sa.Connection, ours: Collection[tuple[str | None, str]]
) -> list[str]:
    shop = str(database.url.database)
    found = []
    for (grant,) in connection.exec_driver_sql("SHOW GRANTS FOR CURRENT_USER()").all():
        match = re.match(r"GRANT (.*?) ON (?:TABLE )?(.+?) TO ", grant)
        if match and _WRITES & {right.partition("(")[0].strip() for right in match[1].split(",")}:
            schema, _, name = (part.replace("`", "") for part in match[2].partition("."))
            # In a grant on a database _ and % are marks, and a backslash takes that from them.
            pattern = re.escape(schema).replace("%", ".*").replace("_", ".").replace(r"\\.", "_")
            is_shop = schema == "*" or re.fullmatch(pattern, shop) is not None
            if is_shop and not {(schema, name), (None, name)} & {*ours}:
                found.append(match[2])
    return found


def check_owner(database: Database, user: int | None, findings: Findings) -> None:
    """SQLite: the program and the shop must be able to write each other's files.

    Args:
        database: of any kind.
        user: who runs the program (os.geteuid), None where the system has no such numbers.
        findings: takes what was found.
    """
    path = sqlite_path(database)
    if path is None or user is None or not path.exists():
        return
    owner = path.stat().st_uid
    if owner != user:
        findings.warn(
            "rights",
            f"{path} belongs to the user with the number {owner}, but this is number {user}: a file that"
            " SQLite makes beside it for one may keep the other out.",
            "Let cron run `recommend` as the user who owns the file.",
        )


def sqlite_path(database: Database) -> Path | None:
    """The file of a SQLite database."""
    return Path(str(database.url.database)) if database.backend == "sqlite" else None
