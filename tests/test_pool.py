"""PostgreSQL behind PgBouncer: session mode is as good; other modes are found out, and nothing is left."""

import pytest
import sqlalchemy as sa

from recommender.errors import ExitCode
from tests.conftest import leave_out
from tests.faults.support import ADVISORY_LOCKS
from tests.nights import usual_shop
from tests.servers import MissingServerError, Pgbouncer

NOTHING_LEFT = f"SELECT count(*) {ADVISORY_LOCKS}"


@pytest.fixture
def shop(postgresql, tmp_path):
    url = postgresql.create_database()
    yield usual_shop(tmp_path / "shop", url)
    postgresql.drop_database(url)


@pytest.fixture
def pool(postgresql):
    """Sets the shop's address to that of a pool in this mode."""
    pools = []

    def behind(shop, mode):
        try:
            pools.append(Pgbouncer(postgresql.port, mode))
        except MissingServerError as error:
            leave_out(str(error))
        shop.set(DATABASE_URL=pools[-1].url(str(sa.make_url(shop.url).database)))
        return sa.create_engine(shop.settings["DATABASE_URL"], isolation_level="AUTOCOMMIT")

    yield behind
    for each in pools:
        each.close()


def test_a_pool_in_session_mode_is_as_good_as_the_server(shop, pool):
    pool(shop, "session")
    shop.does("init", "--yes")
    assert shop.recommend("check").code is ExitCode.DONE
    shop.night()
    assert shop.lists()
    assert shop.rows(NOTHING_LEFT) == [(0,)]


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pool_in_another_mode_is_refused_and_nothing_is_left_in_it(shop, pool, mode):
    engine = pool(shop, mode)
    for command in ("init", "run"):
        line = shop.fails(ExitCode.DATABASE, command) if command == "run" else shop.recommend(command).err
        assert "is behind a pool of connections" in line
        assert "pool in session mode" in line
    outcome = shop.recommend("check")
    assert outcome.code is ExitCode.DATABASE
    assert "behind a pool" in " ".join(outcome.out.split())
    assert shop.rows(NOTHING_LEFT) == [(0,)]
    # The pool gives the connections on that ours were.
    if mode == "transaction":
        with engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT current_setting('lock_timeout')").scalar()
        assert found == "0"
    engine.dispose()
