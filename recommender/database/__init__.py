"""The databases, a module each behind one protocol, and what all of them share.

base           the protocol: a snapshot to read from, a publication to write in, the run lock
sqlite         and postgresql, mysql: the dialects; with …wire and …rows, how their drivers read and wait
urls           addresses, with the passwords kept out of sight
query          the owner's SQL, as a subquery with the time put in
ddl            our tables in SQL; schema: as they are in the target; ownership: whose they are on PostgreSQL
namedkeys      which of the shop's keys a typed one names, by the database's own equality
sessions       what a session takes over from its server; silence: how long that may say nothing
codes          what a database's codes mean: what to do, whether to try again; retries: again
runlock        the run lock of a server
"""

from importlib import import_module

from sqlalchemy import URL

from recommender.database.base import Database
from recommender.database.urls import describe, install_hint
from recommender.errors import SettingsError

_DIALECTS = {
    "sqlite": "recommender.database.sqlite:SQLite",
    "postgresql": "recommender.database.postgresql:PostgreSQL",
    "mysql": "recommender.database.mysql:MySQL",
}


def open_database(url: URL) -> Database:
    """The database under a normalised address; imports its dialect alone and connects to nothing yet.

    Raises:
        SettingsError: the driver lacks a library of its own.
    """
    module, name = _DIALECTS[url.get_backend_name()].split(":")
    try:
        database: Database = getattr(import_module(module), name)(url)
    except ImportError as error:
        # Such as psycopg without its library, or mysqlclient without the server's.
        raise SettingsError(
            "driver-broken",
            f"The driver for {describe(url)} is installed but does not work: {error}.",
            install_hint(url),
        ) from error
    return database
