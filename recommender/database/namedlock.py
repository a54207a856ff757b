"""The run lock of MariaDB and MySQL: a named lock, which the server has for one connection."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from recommender.database.base import RunLock
from recommender.database.keepalive import Heartbeat
from recommender.errors import LockedError, TransientError


class _NamedLock(RunLock):
    def __init__(self, database: str, heartbeat: Heartbeat, name: str, holder: str) -> None:
        self.holder = holder
        self._database = database
        self._heartbeat = heartbeat
        self._name = name

    def check(self) -> None:
        try:
            row = self._heartbeat.ask(f"SELECT IS_USED_LOCK('{self._name}') = CONNECTION_ID()")
        except sa.exc.SQLAlchemyError:
            row = None
        if row is None or row[0] != 1:
            raise TransientError(
                f"The run lock in {self._database} was lost with its connection; nothing was published.",
                "Start the run again.",
            )


@contextmanager
def named_lock(engine: sa.Engine, name: str, *, database: str) -> Iterator[RunLock]:
    """Take the lock on a connection of its own and keep that alive.

    Args:
        engine: without a pool.
        name: of the lock, at most 64 characters.
        database: how messages name it.

    Raises:
        LockedError: another connection holds it; says which.
    """
    with engine.connect() as connection:
        if connection.exec_driver_sql(f"SELECT GET_LOCK('{name}', 0)").scalar() != 1:
            raise LockedError(
                f"Another run is going on: {_holder(connection, name)} holds the run lock in {database}.",
                "Wait until it has ended; nothing was changed.",
            )
        number = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
        with Heartbeat(connection) as heartbeat:
            yield _NamedLock(database, heartbeat, name, f"connection {number} ")


def _holder(connection: sa.Connection, name: str) -> str:
    """The number of the connection that holds the lock, and its host where the server tells us."""
    number = connection.exec_driver_sql(f"SELECT IS_USED_LOCK('{name}')").scalar()
    if number is None:
        return "a run that has just ended"
    host = connection.exec_driver_sql(
        f"SELECT HOST FROM information_schema.PROCESSLIST WHERE ID = {number}"
    ).scalar()
    return f"connection {number} from {host}" if host else f"connection {number}"
