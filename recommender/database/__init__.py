"""The databases: addresses, dialects, table definitions."""

from importlib import import_module

from sqlalchemy import URL

from recommender.database.base import Database

_DIALECTS = {
    "sqlite": "recommender.database.sqlite:SQLite",
    "postgresql": "recommender.database.postgresql:PostgreSQL",
    "mysql": "recommender.database.mysql:MySQL",
}


def open_database(url: URL) -> Database:
    """The database under a normalised address; imports its dialect alone and connects to nothing yet."""
    module, name = _DIALECTS[url.get_backend_name()].split(":")
    database: Database = getattr(import_module(module), name)(url)
    return database
