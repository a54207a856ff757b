"""Where the settings publish to, and where they sell."""

from datetime import UTC, datetime

from recommender.database import open_database
from recommender.database.base import Database
from recommender.database.query import read_query, tables_read
from recommender.database.schema import Target
from recommender.errors import SettingsError
from recommender.runs.folder import QUERIES
from recommender.settings import Settings
from recommender.tables import KeyKind, made_lists


def target_of(settings: Settings) -> Target:
    """Where these settings publish.

    Raises:
        SettingsError: TARGET_SCHEMA on SQLite, which has no schemas.
    """
    database = open_database(settings.target_database_url)
    if settings.target_schema and database.backend == "sqlite":
        raise SettingsError(
            "settings-schema-sqlite",
            "TARGET_SCHEMA is set, but SQLite has no schemas.",
            "Use TABLE_PREFIX instead.",
        )
    return Target(
        database,
        settings.target_schema,
        settings.table_prefix,
        made_lists(settings.lists),
        forgets=settings.forget_key is not None,
        shop=_tables_of_sales(settings),
    )


def key_kinds(settings: Settings, target: Target | None) -> dict[str, KeyKind]:
    """The kinds of the keys in our tables, by the names of their columns; asked only where files are read.

    Raises:
        SettingsError: a table is missing.
        DatabaseError: the database does not answer.
    """
    if target is None or (settings.sales_uri is None and settings.items_uri is None):
        return {}
    with target.connect() as connection:
        keys = target.keys(connection)
    # Where lists for items alone are made, the customers are not among them.
    return {column: key.kind for (_, column), key in keys.items() if column in ("customer_id", "item_id")}


def _tables_of_sales(settings: Settings) -> tuple[tuple[str | None, str], ...]:
    """The tables that sales.sql reads, where PostgreSQL has them in the database of ours."""
    ours, theirs = settings.target_database_url, settings.database_url
    if settings.sales_uri is not None:
        return ()
    is_same = ours == theirs.set(username=ours.username, password=ours.password)
    if not is_same or ours.get_backend_name() != "postgresql":
        return ()
    try:
        query = read_query(settings.sql_dir / QUERIES[0], "postgresql", datetime.now(UTC), undecided=True)
    except SettingsError:  # those who need the query say it
        return ()
    return tuple(tables_read(query.text, "postgresql"))


def shop_of(settings: Settings, target: Target) -> Database:
    """Where the sales are; the target's own where it is the same, for what is known of it already."""
    same = settings.database_url == settings.target_database_url
    return target.database if same else open_database(settings.database_url)
