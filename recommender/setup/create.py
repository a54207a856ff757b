"""Set-up: the tables of a shop, with the shop's own key types; the only place with DDL."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import URL
from sqlalchemy.schema import CreateTable, ExecutableDDLElement, SetColumnComment, SetTableComment

from recommender.database import open_database
from recommender.database.base import Meddler
from recommender.database.ddl import KeyType, all_tables
from recommender.database.schema import Target
from recommender.errors import DatabaseError, SettingsError
from recommender.night.target import target_of
from recommender.settings import Settings
from recommender.setup.grants import Grants, schemas_read, writer_grants
from recommender.setup.looks import Sample, quoted_name
from recommender.system.files import write_text
from recommender.tables import Role

_DENIED = (1142, 1143)
"""MySQL's words to those who have no right on a table, whether or not there is one."""


@dataclass(frozen=True)
class TablesPlan:
    """What `init` found and would do."""

    customer: KeyType
    item: KeyType
    statements: list[str]
    """CREATE TABLE for every missing table, ready to paste."""
    made: list[str] = field(default_factory=list)
    """Names of the tables that the statements make."""
    needs_guest_key: bool = False
    schema: str | None = None
    """Where the tables are or will be; None on SQLite."""
    is_first: bool = False
    """No table of ours is there."""
    may_be_hidden: bool = False
    """Some may be there, only that this user may not see them yet."""


def target_for_ddl(settings: Settings, owner_url: URL | None) -> Target:
    """Where tables are made: as the job's own user, or as an owner who may do more than the nights need.

    Its schema is where the job looks, by name: whoever runs the statements may look elsewhere.

    Raises:
        SettingsError: the owner's address is of another database.
        DatabaseError: the job's database does not answer.
    """
    target = target_of(settings)
    job = target.database
    owner = job if owner_url is None else open_database(owner_url)
    if owner.backend != job.backend or (owner.backend != "mysql" and owner.url.database != job.url.database):
        raise SettingsError(
            "setup-other-database",
            f"--owner-url is {owner.name}, but the tables belong in {job.name}.",
            "Give the owner's address of that database.",
        )
    schema = target.schema
    if schema is None and job.backend == "mysql":
        schema = str(job.url.database)
    elif schema is None and job.backend == "postgresql":
        with job.connect() as connection:
            schema = sa.inspect(connection).default_schema_name
    return Target(owner, schema, target.prefix)


def require_writable(settings: Settings) -> None:
    """Stop before anything is planned for a database in which the job can write nothing.

    Raises:
        DatabaseError: says why; or the database does not answer.
    """
    target = target_of(settings)
    with target.database.connect() as connection:
        target.require_writable(connection)


def plan_tables(settings: Settings, found: Sample, owner_url: URL | None = None) -> TablesPlan:
    """Look at our tables; change nothing.

    Args:
        settings: where to look.
        found: what the shop's queries return.
        owner_url: the address of a user who may create tables, where the job's user may not.

    Raises:
        SettingsError: a table of ours has another shape, or somebody else has a hand in it.
        DatabaseError: a database failed.
    """
    named_meddlers(settings)
    target = target_for_ddl(settings, owner_url)
    customer = target.database.key_type_here(found.customer, found.backend, guests=settings.publish_guests)
    item = target.database.key_type_here(found.item, found.backend, guests=False)
    tables = all_tables(schema=target.schema, prefix=target.prefix, customer=customer, item=item)
    with target.database.connect() as connection:
        inspector = sa.inspect(connection)
        seen = {table: _is_there(target, inspector, table) for table in tables}
        missing = [table for table in tables if not seen[table]]
        schemas = []
        if target.schema is not None and not target.database.has_schema(connection, target.schema):
            schemas.append(_schema_statement(target, target.schema))
        if None not in seen.values():
            _require_fit(target, connection, tables, missing, {Role.CUSTOMER: customer, Role.ITEM: item})
    return TablesPlan(
        customer,
        item,
        [*schemas, *chain.from_iterable(statements_for(target, table) for table in missing)],
        [table.name for table in missing],
        found.has_guests and settings.guest_key is None,
        target.schema,
        is_first=not any(seen.values()),
        may_be_hidden=None in seen.values(),
    )


def _is_there(target: Target, inspector: sa.Inspector, table: sa.Table) -> bool | None:
    """Whether there is such a table; None where MariaDB or MySQL tells only those who may read it."""
    try:
        return inspector.has_table(table.name, schema=target.schema)
    except sa.exc.DBAPIError as error:
        if target.database.backend == "mysql" and error.orig is not None and error.orig.args[0] in _DENIED:
            return None
        raise


def _schema_statement(target: Target, schema: str) -> str:
    """The statement that makes the schema (a database, on MySQL)."""
    kind = "DATABASE" if target.database.backend == "mysql" else "SCHEMA"
    return f"CREATE {kind} {quoted_name(target.database, schema)};"


def _statement(target: Target, made: ExecutableDDLElement) -> str:
    """A statement as one pastes it: SQLAlchemy doubles each % for drivers that take it for a mark."""
    return str(made.compile(dialect=target.database.dialect)).strip().replace("%%", "%") + ";"


def statements_for(target: Target, table: sa.Table) -> Iterator[str]:
    """CREATE TABLE; and where it has no comments in it, the statements that make them."""
    yield _statement(target, CreateTable(table))
    dialect = target.database.dialect
    if dialect.supports_comments and not dialect.inline_comments:
        yield _statement(target, SetTableComment(table))
        yield from (_statement(target, SetColumnComment(column)) for column in table.columns)


def _require_fit(
    target: Target,
    connection: sa.Connection,
    wanted: list[sa.Table],
    missing: list[sa.Table],
    kinds: Mapping[Role, KeyType],
) -> None:
    """Leave tables that fit; name what is wrong with the others, and what they should be."""
    absent = {f"there is no table {target.database.quoted(table)}" for table in missing}
    problems = [problem for problem in target.problems(connection) if problem not in absent]
    if not problems and not {t.name for t in missing} & {t.name for t in target.lists.values()}:
        problems = _key_problems(target, connection, kinds)
    if problems:
        there = [table for table in wanted if table not in missing]
        made = [
            _statement(target, CreateTable(t))
            for t in there
            if any(target.database.quoted(t) in p for p in problems)
        ]
        raise SettingsError(
            "tables-not-ready",
            f"Tables of our names are there, but of another shape: {'; '.join(problems)}.",
            "Change or drop them yourself, or set TABLE_PREFIX; nothing was changed. They should be: "
            + " ".join(made),
        )


def _key_problems(target: Target, connection: sa.Connection, kinds: Mapping[Role, KeyType]) -> list[str]:
    """Key columns that cannot take the shop's keys."""
    found_keys = target.keys(connection)
    problems = []
    for definition, table in target.lists.items():
        for column in definition.columns:
            if column.role in kinds:
                found, key = found_keys[definition, column.name], kinds[column.role]
                where = f"{target.database.quoted(table)}.{column.name}"
                if found.kind is not key.kind:
                    problems.append(f"{where} is of the kind {found.kind}, the shop's keys are {key.kind}")
                elif found.length is not None and found.length < (key.length or 0):
                    problems.append(f"{where} takes {found.length} characters, the shop's keys {key.length}")
    return problems


_RIGHT_ON_SCHEMA = (
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = :schema)"
    " THEN has_schema_privilege(:schema, 'CREATE')"
    " ELSE has_database_privilege(current_database(), 'CREATE') END"
)
_RIGHT_ON_DATABASE = (
    "SELECT EXISTS (SELECT 1 FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = 'CREATE')"
    " OR EXISTS (SELECT 1 FROM information_schema.SCHEMA_PRIVILEGES WHERE PRIVILEGE_TYPE = 'CREATE'"
    " AND :schema LIKE TABLE_SCHEMA) OR COALESCE(CURRENT_ROLE(), 'NONE') <> 'NONE'"
)
"""With a role on, it is not told what that may do."""


def may_create(settings: Settings, planned: TablesPlan, owner_url: URL | None = None) -> bool:
    """Whether the missing tables may be made, as far as the database tells; True where it does not.

    Raises:
        DatabaseError: the database does not answer.
    """
    target = target_for_ddl(settings, owner_url)
    question = {"postgresql": _RIGHT_ON_SCHEMA, "mysql": _RIGHT_ON_DATABASE}.get(target.database.backend)
    if question is None or planned.schema is None:
        return True
    with target.database.connect() as connection:
        try:
            return bool(connection.execute(sa.text(question), {"schema": planned.schema}).scalar())
        except sa.exc.DBAPIError:
            return True


def write_statements(settings: Settings, planned: TablesPlan) -> Path:
    """Write what somebody who may has to run, the rights on the new tables with it; returns the file.

    Raises:
        SettingsError: a file of somebody's own has its name.
        DatabaseError: the database does not answer.
    """
    path = settings.sql_dir / "create_tables.sql"
    head = "-- Our tables: written by `recommend init`, for somebody who may create them.\n"
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(head):
        raise SettingsError(
            "setup-file-there",
            f"{path} is there already.",
            "Move it away: the statements that make our tables go there.",
        )
    grants = writer_grants(settings)
    rights = () if grants is None else grants.statements
    write_text(path, head + "\n".join((*planned.statements, *rights)) + "\n")
    return path


def create_tables(settings: Settings, planned: TablesPlan, owner_url: URL | None = None) -> None:
    """Make the missing tables, as the owner where an address is given.

    Raises:
        DatabaseError: the user may not; the statements can then be pasted by somebody who may.
    """
    target = target_for_ddl(settings, owner_url)
    with target.database.connect() as connection:
        # Without parameters the drivers take the text as it is, also a % in it.
        verbatim = connection.execution_options(no_parameters=True)
        for statement in planned.statements:
            try:
                verbatim.exec_driver_sql(statement.rstrip(";"))
            except sa.exc.DBAPIError as error:
                # Without PostgreSQL's pointer into the statement, which is printed whole.
                message = re.sub(r" (at:|LINE \d+:) .*", "", target.database.message(error.orig or error))
                hidden = (
                    " Or they are there, and this user has no rights on them yet." * planned.may_be_hidden
                )
                raise DatabaseError(
                    "setup-may-not-create",
                    f"The tables could not be made in {target.database.name}: {message}.{hidden}",
                    "Let somebody with that right run the statements printed above, or call `recommend init`"
                    " with the address of such a user as --owner-url.",
                ) from error


def named_meddlers(settings: Settings) -> list[Meddler]:
    """What of somebody's has a hand in our tables, and is no reason to stop; told of PostgreSQL alone.

    Elsewhere nothing of somebody else's runs with the job's rights, and the job may not be able to connect
    before it was given some.

    Raises:
        SettingsError: somebody else could run statements with the job's rights through them.
        DatabaseError: the database does not answer.
    """
    target = target_of(settings)
    if target.database.backend != "postgresql":
        return []
    with target.connect() as connection:
        return target.meddlers(connection)


def give_rights(settings: Settings, owner_url: URL) -> Grants | None:
    """As the owner, let the job write our tables; None where that is not needed or not the owner's to give.

    Raises:
        DatabaseError: a database does not answer.
    """
    grants = writer_grants(settings)
    if grants is None or open_database(owner_url).url.username == target_of(settings).database.url.username:
        return None
    refused = False
    with open_database(owner_url).connect() as connection:
        verbatim = connection.execution_options(no_parameters=True)
        for statement in grants.statements:
            try:
                verbatim.exec_driver_sql(statement.rstrip(";"))
            except sa.exc.DBAPIError:
                refused = True  # they are printed for somebody who may
    return None if refused else grants


def apart_from_shop(settings: Settings, planned: TablesPlan) -> str | None:
    """What to know where PostgreSQL's schema of our tables is not that of the shop's.

    Raises:
        DatabaseError: the shop's database does not answer.
    """
    if planned.schema is None or settings.target_database_url != settings.database_url:
        return None
    schemas = schemas_read(settings)
    if not schemas or planned.schema in schemas:
        return None
    return (
        f"Our tables belong in the schema {planned.schema}, the shop's are in {', '.join(sorted(schemas))}:"
        f" the shop then reads {planned.schema}.recommendations. TARGET_SCHEMA in .env puts them elsewhere."
    )
