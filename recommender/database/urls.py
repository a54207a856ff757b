"""Database addresses: the forms people have, the driver filled in, the password kept out of sight."""

from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from recommender.errors import SettingsError

_BACKENDS = {
    "sqlite": "sqlite",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}
_DRIVERS = {"sqlite": ("pysqlite",), "postgresql": ("psycopg",), "mysql": ("pymysql", "mysqldb")}
_MODULES = {"pysqlite": "sqlite3", "psycopg": "psycopg", "pymysql": "pymysql", "mysqldb": "MySQLdb"}
_INSTALL = {
    "psycopg": "pip install 'recommend-nightly[postgres]'",
    "pymysql": "pip install 'recommend-nightly[mysql]'",
    "mysqldb": "pip install mysqlclient",
}


def normalise_url(text: str, base: Path | None = None) -> URL:
    """A SQLAlchemy URL with our driver filled in.

    Takes SQLAlchemy's form and the forms hosting panels give: `postgres://`, `postgresql://`, `mysql://`,
    `mariadb://`. A relative SQLite path is taken from `base` (the folder of the `.env`).

    Raises:
        SettingsError: not an address, a database we do not know, a driver that is not ours or not installed.
    """
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError) as error:
        # The text is not repeated: what cannot be parsed cannot be masked.
        raise SettingsError(
            "The database address cannot be read.",
            "Its form is postgresql://user:password@host/database, mysql://… or sqlite:///shop.db; characters"
            " such as @ : / in a password are written %40 %3A %2F.",
        ) from error
    name, _, driver = url.drivername.partition("+")
    backend = _BACKENDS.get(name)
    if backend is None:
        raise SettingsError(
            f"The database address begins with {url.drivername}://, which is not supported.",
            "Use postgresql://, mysql://, mariadb:// or sqlite:///.",
        )
    driver = driver or _DRIVERS[backend][0]
    if driver not in _DRIVERS[backend]:
        raise SettingsError(
            f"The database address asks for the driver {driver}, which is not supported.",
            f"Write {backend}:// alone, or {backend}+{_DRIVERS[backend][0]}://.",
        )
    if find_spec(_MODULES[driver]) is None:
        raise SettingsError(
            f"The driver for {backend} ({_MODULES[driver]}) is not installed.",
            f"Install it: {_INSTALL.get(driver, 'use a Python with sqlite3')}",
        )
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            raise SettingsError(
                "The SQLite address names no file.",
                "Its form is sqlite:///shop.db or sqlite:////srv/shop.db.",
            )
        url = url.set(database=str((base or Path.cwd()) / url.database))
    elif not url.database:
        raise SettingsError(
            f"The database address {masked(url)} names no database.", "Put /name behind the host."
        )
    return url.set(drivername=f"{backend}+{driver}")


def masked(url: URL) -> str:
    """The address with its password hidden, also one given as a query parameter."""
    secret = {"password", "passwd", "sslpassword", "sslkey"} & url.query.keys()
    return url.update_query_dict(dict.fromkeys(secret, "***")).render_as_string(hide_password=True)


def describe(url: URL) -> str:
    """How messages name a database: kind, name and host, without user and secrets."""
    if url.get_backend_name() == "sqlite":
        return f"the SQLite file {url.database}"
    kind = {"postgresql": "PostgreSQL", "mysql": "MariaDB/MySQL"}[url.get_backend_name()]
    socket = url.query.get("host") or url.query.get("unix_socket")
    host = url.host or (socket if isinstance(socket, str) else None) or "localhost"
    return f"the {kind} database {url.database} on {host}" + (f":{url.port}" if url.port else "")
