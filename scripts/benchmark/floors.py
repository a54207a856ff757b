"""The barest tool there is for a stage: each database's own client."""

import os
import subprocess
from pathlib import Path

import sqlalchemy as sa

TABLE = "bench_floor"
_COLUMNS = "customer_id, position, item_id, score, reason, because_item_id"
_CREATE = (
    f"CREATE TABLE {TABLE} (customer_id INTEGER NOT NULL, position INTEGER NOT NULL,"
    " item_id INTEGER NOT NULL, score DOUBLE PRECISION NOT NULL, reason VARCHAR(16) NOT NULL,"
    " because_item_id INTEGER,"
    " PRIMARY KEY (customer_id, position))"
)


def client(url: sa.URL) -> tuple[list[str], dict[str, str]]:
    """The client's command line, and an environment that has the password."""
    password = str(url.password or "")
    if url.get_backend_name() == "postgresql":
        plain = sa.URL.create(
            "postgresql", url.username, host=url.host, port=url.port, database=url.database
        ).render_as_string()
        return ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", plain], os.environ | {"PGPASSWORD": password}
    if url.get_backend_name() == "mysql":
        where = [f"--host={url.host}", f"--port={url.port}", f"--user={url.username}"]
        command = ["mariadb", "--no-defaults", "--local-infile=1", *where, str(url.database)]
        return command, os.environ | {"MYSQL_PWD": password}
    return ["sqlite3", "-bail", str(url.database)], dict(os.environ)


def export_command(url: sa.URL, query: str) -> list[str]:
    """What writes the query's rows to its output."""
    command, _ = client(url)
    if url.get_backend_name() == "postgresql":
        return [*command, "-c", f"\\copy ({query}) TO STDOUT (FORMAT csv, HEADER)"]
    if url.get_backend_name() == "mysql":
        return [*command, "--batch", "--quick", "-e", query]
    return [*command[:-1], "-readonly", "-csv", "-header", command[-1], query]


def write_commands(url: sa.URL, path: Path) -> tuple[list[str], list[str]]:
    """What makes an empty keyed table, and what loads a list's file (customers, for one) into it."""
    command, _ = client(url)
    drop = f"DROP TABLE IF EXISTS {TABLE};"
    if url.get_backend_name() == "postgresql":
        load = f"\\copy {TABLE} ({_COLUMNS}) FROM '{path}' (FORMAT csv, HEADER)"
        return [*command, "-c", f"{drop} {_CREATE}"], [*command, "-c", load]
    if url.get_backend_name() == "mysql":
        load = (
            f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE {TABLE} FIELDS TERMINATED BY ',' IGNORE 1 LINES"
            f" ({_COLUMNS.replace('because_item_id', '@because')}) SET because_item_id = NULLIF(@because, '')"
        )
        return [*command, "-e", f"{drop} {_CREATE}"], [*command, "-e", load]
    create = f"{drop} {_CREATE} WITHOUT ROWID"
    return [*command, create], [*command, ".mode csv", f".import --skip 1 {path} {TABLE}"]


def drop(url: sa.URL) -> None:
    """Remove the table again."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {TABLE}")
    engine.dispose()


def run(command: list[str], url: sa.URL, output: Path | None = None) -> None:
    """Run a client to its end."""
    _, environment = client(url)
    if output is None:
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        return
    with output.open("wb") as file:
        subprocess.run(command, env=environment, check=True, stdout=file)
