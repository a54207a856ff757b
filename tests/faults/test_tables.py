"""Our tables are dropped or changed while a night goes on; tests/bad_input has what comes between nights."""

import pytest

from recommender.errors import ExitCode
from recommender.runs.manifest import Status
from tests.faults.injection import at_point
from tests.faults.support import NIGHT, few, leftovers, lengths, published_ids


def trigger(shop, *, event, raises):
    """A trigger on our table that refuses a row, or that takes it away without a word."""
    if shop.url.startswith("postgresql"):
        body = "RAISE EXCEPTION 'not today';" if raises else "RETURN NULL;"
        shop.execute(
            f"CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$",
            f"CREATE TRIGGER meddle BEFORE {event} ON recommendations FOR EACH ROW"
            " WHEN (NEW.customer_id = 7) EXECUTE FUNCTION meddle()",
        )
    elif shop.url.startswith("mysql"):
        shop.execute(
            f"CREATE TRIGGER meddle BEFORE {event} ON recommendations FOR EACH ROW"
            " IF NEW.customer_id = 7 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not today'; END IF",
        )
    else:
        body = "SELECT RAISE(ABORT, 'not today')" if raises else "SELECT RAISE(IGNORE)"
        shop.execute(
            f"CREATE TRIGGER meddle BEFORE {event} ON recommendations WHEN NEW.customer_id = 7"
            f" BEGIN {body}; END"
        )


def a_trigger_that_refuses(shop):
    trigger(shop, event="INSERT", raises=True)
    return "not today"


def a_trigger_that_drops_rows(shop):
    trigger(shop, event="INSERT", raises=False)
    return "rows arrived in recommendations instead of"


def a_constraint(shop):
    shop.execute("ALTER TABLE recommendations ADD CONSTRAINT meddled CHECK (position < 4)")
    return "meddled"


def a_column_fewer(shop):
    shop.execute("ALTER TABLE recommendations DROP COLUMN reason")
    return "reason"


def a_column_of_another_type(shop):
    kind = {
        "p": "ALTER COLUMN position TYPE boolean USING position = 1",
        "m": "MODIFY position BIT(1) NOT NULL",
    }
    shop.execute(
        "DELETE FROM popular_items WHERE position > 1", f"ALTER TABLE popular_items {kind[shop.url[0]]}"
    )
    return "boolean" if shop.url.startswith("p") else "popular_items"


# A trigger of MariaDB can only refuse; SQLite adds no constraints, and its columns take values of every type.
HARMS = {
    a_trigger_that_refuses: "spm",
    a_trigger_that_drops_rows: "sp",
    a_constraint: "pm",
    a_column_fewer: "spm",
    a_column_of_another_type: "pm",
}


@pytest.mark.parametrize(
    ("database_url", "harm"),
    [
        (kind, harm)
        for kind in ("sqlite", "postgresql", "mariadb")
        for harm in few([harm for harm in HARMS if kind[0] in HARMS[harm]], 2)
    ],
    indirect=["database_url"],
)
def test_what_happens_to_our_tables_in_a_night_leaves_the_old_lists(shop, harm, pauses):
    words = []
    with at_point("train", "begin", lambda: words.append(harm(shop))):
        line = shop.fails(ExitCode.DATABASE, *NIGHT)
    assert words[0] in line
    assert pauses == []
    assert lengths(shop) == {3}
    assert shop.last_run.manifest.status is Status.FAILED
    assert len(published_ids(shop)) == 1
    assert leftovers(shop) == []


def test_a_table_that_is_dropped_in_a_night_is_named(shop, pauses):
    with at_point("rank", "end", lambda: shop.execute("DROP TABLE recommendation_runs")):
        line = shop.fails(ExitCode.DATABASE, *NIGHT)
    assert "recommendation_runs" in line
    assert pauses == []
    assert lengths(shop) == {3}
    shop.fails(ExitCode.SETTINGS, *NIGHT)
    shop.does("init", "--yes")
    assert shop.night().manifest.published_seq == 1
    assert lengths(shop) == {5}


def test_lists_that_somebody_changed_or_lost_are_all_replaced(shop):
    shop.execute(
        "DELETE FROM recommendations WHERE position = 1",
        "UPDATE recommendations SET item_id = (SELECT max(item_id) FROM items) WHERE position = 2",
        "DELETE FROM popular_items",
    )
    lists = shop.night().path("recommendations.csv").read_text(encoding="utf-8")
    rows = [line.split(",")[:3] for line in lists.splitlines()[1:]]
    found = shop.rows("SELECT customer_id, position, item_id FROM recommendations")
    assert sorted(map(list, (map(str, row) for row in found))) == sorted(rows)
    assert shop.rows("SELECT count(*) FROM popular_items") != [(0,)]
