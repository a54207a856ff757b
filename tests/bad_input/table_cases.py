"""Tables of ours that are not as they should be."""

from tests.bad_input.support import ALL, ANY, MARIADB, POSTGRESQL, SERVERS, SQLITE, BadShop, Case, cases_of

CASES: list[Case] = []
case = cases_of(CASES)


@case("our tables are missing")
def missing_tables(shop: BadShop) -> None:
    shop.set(TABLE_PREFIX="bad_", DATA_DIR="var-bad")


@case("our tables are missing", on=ANY)
def missing_table(shop: BadShop) -> None:
    shop.own_tables()
    shop.execute("DROP TABLE bad_popular_items")


@case("our tables have another shape")
def missing_column(shop: BadShop) -> None:
    shop.own_tables()
    shop.execute("ALTER TABLE bad_recommendations DROP COLUMN reason")


@case("our tables have another shape", on=SERVERS)
def another_column(shop: BadShop) -> None:
    shop.own_tables()
    shop.execute("ALTER TABLE bad_recommendations ADD COLUMN shop INTEGER NOT NULL")


@case("our tables have another shape")
def another_key(shop: BadShop) -> None:
    shop.own_tables()
    shop.execute(
        "DROP TABLE bad_popular_items",
        "CREATE TABLE bad_popular_items (position INTEGER NOT NULL, item_id INTEGER NOT NULL, score FLOAT)",
    )


@case("a table of ours is somebody else's", on=(POSTGRESQL,))
def foreign_owner(shop: BadShop) -> None:
    shop.own_tables()
    shop.execute(f"CREATE ROLE {shop.bad_user}", f"ALTER TABLE bad_popular_items OWNER TO {shop.bad_user}")


@case("a trigger on our table runs somebody else's function", on=(POSTGRESQL,))
def foreign_function(shop: BadShop) -> None:
    shop.own_tables()
    shop.trigger("RETURN NEW")
    shop.execute(f"CREATE ROLE {shop.bad_user}", f"ALTER FUNCTION bad_trigger OWNER TO {shop.bad_user}")


@case("a table that cannot roll back", on=(MARIADB,))
def myisam(shop: BadShop) -> None:
    shop.own_tables()
    shop.execute("ALTER TABLE bad_popular_items ENGINE=MyISAM")


def newer(shop: BadShop) -> None:
    """A newer version has published."""
    shop.own_tables()
    shop.execute(
        "INSERT INTO bad_recommendation_runs (run_id, published_seq, published_at, as_of, source,"
        " source_run_id, method, customers, items, sales, rows_written, data_sha256, program_version,"
        " schema_version) VALUES ('20260301T000000Z-0000', 1, '2026-03-01 00:00:00', '2026-03-01', 'run',"
        " '20260301T000000Z-0000', 'als', 1, 1, 1, 1, '', '9.0.0', 1000)"
    )


for _call, _on in ((("run",), ALL), (("publish",), ALL), (("run", "--dry-run"), ANY)):
    case("our tables are of a newer version", on=_on, call=_call, name=f"newer_{_call[-1].strip('-')}")(newer)


@case("our tables are of a newer version", on=ANY)
def newer_and_of_another_shape(shop: BadShop) -> None:
    newer(shop)
    shop.execute("ALTER TABLE bad_recommendations DROP COLUMN reason")


@case("a trigger takes rows away", on=(SQLITE, POSTGRESQL))
def fewer_rows(shop: BadShop) -> None:
    shop.own_tables()
    if shop.kind == POSTGRESQL:
        shop.trigger("RETURN NULL", when="NEW.customer_id = 7")
    else:
        shop.execute(
            "CREATE TRIGGER bad_less AFTER INSERT ON bad_recommendations WHEN NEW.customer_id = 7 BEGIN"
            " DELETE FROM bad_recommendations WHERE customer_id = 7; END"
        )


@case("a table of ours refuses a row")
def refused_row(shop: BadShop) -> None:
    shop.own_tables()
    if shop.kind == SQLITE:
        shop.execute(
            "CREATE TRIGGER bad_no BEFORE INSERT ON bad_recommendations"
            " BEGIN SELECT RAISE(ABORT, 'not today'); END"
        )
    else:
        shop.execute("ALTER TABLE bad_recommendations ADD CONSTRAINT bad_no CHECK (position > 1)")
