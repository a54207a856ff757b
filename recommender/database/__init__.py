"""The databases: addresses, dialects, table definitions."""

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
            f"The driver for {describe(url)} is installed but does not work: {error}.", install_hint(url)
        ) from error
    return database
