"""Nobody else's code runs with the job's rights because it stands behind a table of our name."""

import re
from dataclasses import dataclass, field

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from recommender.database.ddl import KeyType, all_tables
from recommender.database.ownership import meddlers
from recommender.errors import ExitCode
from recommender.runs.manifest import Status
from recommender.tables import KeyKind
from tests.faults.injection import at_point, watched_statements
from tests.nights import ALL_TABLES, DAY, connection_to, make_shop, tastes, usual_shop
from tests.servers import PASSWORD, Server

NIGHT = ("run", "--as-of", str(DAY))
OURS = ALL_TABLES.split(", ")
KEY = KeyType(KeyKind.INTEGER, "bigint")


@dataclass
class Place:
    """A database of a role that is no superuser, in which everybody may create, as up to PostgreSQL 14."""

    server: Server
    name: str
    roles: list[str] = field(default_factory=list)

    def role(self, kind, options="LOGIN"):
        """A new role."""
        name = f"{kind}_{self.name}"
        self.server.execute(f"CREATE ROLE {name} {options} PASSWORD '{PASSWORD}'")
        self.roles.append(name)
        return name

    def url(self, role):
        return self.server.url(self.name, role, PASSWORD)

    def execute(self, role, *statements):
        """Run statements as this role; None is the administrator."""
        url = self.server.url(self.name) if role is None else self.url(role)
        with connection_to(url) as connection, connection.begin():
            for statement in statements:
                connection.exec_driver_sql(statement)


@pytest.fixture
def place(postgresql):
    url = postgresql.create_database()
    place = Place(postgresql, str(sa.make_url(url).database))
    keeper = place.role("keeper")
    postgresql.execute(f"ALTER DATABASE {place.name} OWNER TO {keeper}")
    place.execute(None, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    yield place
    postgresql.drop_database(url)
    postgresql.execute(*[f"DROP ROLE {role}" for role in reversed(place.roles)])


def keeper(place):
    return place.roles[0]


def shop_of(place, folder, role, **settings):
    """A shop whose tables the role makes; ours are not there yet."""
    items = list(range(100, 124))
    sales = tastes(range(1, 31), items)
    shop = make_shop(folder / "shop", place.url(role), sales, dict.fromkeys(items, True), **settings)
    place.execute(role, "CREATE TABLE cards (number TEXT)", "INSERT INTO cards VALUES ('4111')")
    return shop


def plugin(place):
    """An account that may create in the schema, with a function that copies what only others may read."""
    name = place.role("plugin")
    place.execute(
        name,
        "CREATE TABLE loot (number TEXT)",
        "GRANT ALL ON loot TO PUBLIC",
        "CREATE FUNCTION steal() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO loot SELECT number FROM cards; RETURN NULL; END $$",
    )
    return name


def plant(place, role, name):
    """A table of our name and shape, with a trigger."""
    (table,) = [t for t in all_tables(schema=None, prefix="", customer=KEY, item=KEY) if t.name == name]
    made = str(CreateTable(table).compile(dialect=postgresql.dialect()))
    place.execute(
        role,
        made,
        f"GRANT ALL ON {name} TO PUBLIC",
        f"CREATE TRIGGER spy AFTER INSERT OR DELETE ON {name} EXECUTE FUNCTION steal()",
    )


def loot(place):
    with connection_to(place.server.url(place.name)) as connection:
        return connection.exec_driver_sql("SELECT number FROM loot").all()


def said_by(shop, *call):
    """All that a call said, on one line."""
    outcome = shop.recommend(*call)
    return outcome.code, " ".join((outcome.out + outcome.err).split())


@pytest.mark.parametrize(
    ("name", "comes_as"),
    [
        ("popular_items", "the owner"),
        ("recommendation_runs", "a superuser"),
        ("forgotten_customers", "the owner"),
    ],
)
def test_a_table_of_somebody_else_under_our_name_is_refused(tmp_path, place, name, comes_as):
    shop = shop_of(place, tmp_path, keeper(place))
    if comes_as == "a superuser":
        shop.set(DATABASE_URL=place.server.url(place.name))
    thief = plugin(place)
    plant(place, thief, name)
    calls = [("init", "--yes"), ("check",), NIGHT, ("publish",), ("forget", "7"), ("status",), ("show", "7")]
    for call in calls:
        code, said = said_by(shop, *call)
        assert code is ExitCode.SETTINGS, said
        assert f"the table public.{name} belongs to {thief}" in said
        assert f"the trigger spy on public.{name} uses the function public.steal()" in said
    assert loot(place) == []
    assert not {*OURS} - {name} & {*shop.dump()}

    # What is said can be done by the schema's owner, and then all is well.
    place.execute(keeper(place), *re.findall(r"DROP TABLE \S+(?=,)", said))
    assert f"Created {ALL_TABLES}." in shop.does("init", "--yes")
    shop.night()
    assert loot(place) == []


def test_a_table_that_is_taken_over_is_ours_when_its_trigger_is_gone(tmp_path, place):
    shop = shop_of(place, tmp_path, keeper(place))
    thief = plugin(place)
    plant(place, thief, "popular_items")
    line = shop.fails(ExitCode.SETTINGS, "init", "--yes")
    place.execute(None, *re.findall(r"ALTER TABLE [^.]+\.\S+ OWNER TO \w+", line))
    line = shop.fails(ExitCode.SETTINGS, "init", "--yes")
    assert "belongs to keeper" not in line
    assert "the trigger spy on public.popular_items uses the function public.steal()" in line
    place.execute(keeper(place), *re.findall(r"DROP TRIGGER [^.]+\.\w+", line))
    shop.does("init", "--yes")
    shop.night()
    assert loot(place) == []


def test_a_trigger_that_somebody_may_put_on_our_table_is_refused(tmp_path, place):
    shop = shop_of(place, tmp_path, keeper(place))
    shop.does("init", "--yes")
    thief = plugin(place)
    place.execute(keeper(place), "GRANT TRIGGER ON recommendations TO PUBLIC")
    place.execute(thief, "CREATE TRIGGER spy AFTER INSERT ON recommendations EXECUTE FUNCTION steal()")
    for call in (("init", "--yes"), ("check",), NIGHT):
        code, said = said_by(shop, *call)
        assert code is ExitCode.SETTINGS
        assert (
            "the trigger spy on public.recommendations uses the function public.steal(), which belongs to"
            f" {thief}" in said
        )
    assert loot(place) == []


EVIL = (
    "CREATE FUNCTION evil(bigint) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN true; END $$"
)
WHEN = "FOR EACH ROW WHEN (evil(OLD.position)) EXECUTE FUNCTION tsvector_update_trigger()"
CALLS = {
    "trigger t on public.popular_items": [f"CREATE TRIGGER t BEFORE DELETE ON popular_items {WHEN}"],
    "rule r on public.popular_items": ["CREATE RULE r AS ON DELETE TO popular_items DO ALSO SELECT evil(1)"],
    "default value for public.popular_items.a": [
        "ALTER TABLE popular_items ADD COLUMN a boolean",
        "ALTER TABLE popular_items ALTER a SET DEFAULT evil(1)",
    ],
    "default value for public.popular_items.b": [
        "ALTER TABLE popular_items ADD COLUMN b boolean GENERATED ALWAYS AS (evil(position)) STORED"
    ],
    "table constraint c on public.popular_items": [
        "ALTER TABLE popular_items ADD CONSTRAINT c CHECK (evil(position))"
    ],
    "index public.i": ["CREATE INDEX i ON popular_items (evil(position))"],
    "policy p on public.popular_items": ["CREATE POLICY p ON popular_items USING (evil(position))"],
    "domain constraint c on public.d": [
        "CREATE DOMAIN d AS integer CONSTRAINT c CHECK (evil(VALUE))",
        "ALTER TABLE popular_items ADD COLUMN e d",
    ],
    "operator public.!!(NONE,bigint)": [
        "CREATE OPERATOR !! (RIGHTARG = bigint, FUNCTION = evil)",
        "ALTER TABLE buy_again ADD CONSTRAINT c CHECK (!! position::bigint)",
    ],
    "trigger t on public.child": [
        "CREATE TABLE child () INHERITS (buy_again)",
        f"CREATE TRIGGER t BEFORE DELETE ON child {WHEN}",
    ],
}
"""What of a table calls a function, and how it is made; the triggers' own function is PostgreSQL's."""


def test_whatever_of_our_tables_calls_a_function_of_somebody_else_is_refused(tmp_path, place):
    shop = shop_of(place, tmp_path, keeper(place))
    shop.does("init", "--yes")
    thief = plugin(place)
    place.execute(thief, EVIL)
    place.execute(keeper(place), *[statement for made in CALLS.values() for statement in made])
    line = shop.fails(ExitCode.SETTINGS, *NIGHT)
    for named in CALLS:
        assert f"the {named} uses the function public.evil(bigint), which belongs to {thief}" in line
    # What is the owner's own is the owner's affair.
    place.execute(None, f"ALTER FUNCTION evil(bigint) OWNER TO {keeper(place)}")
    shop.does("init", "--yes")


def test_a_domain_and_a_part_of_somebody_else_are_refused(tmp_path, place):
    shop = shop_of(place, tmp_path, keeper(place))
    shop.does("init", "--yes")
    thief = plugin(place)
    place.execute(thief, "CREATE DOMAIN d AS integer")
    place.execute(
        keeper(place),
        "ALTER TABLE popular_items ADD COLUMN extra d",
        "CREATE TABLE child () INHERITS (buy_again)",
    )
    place.execute(None, f"ALTER TABLE child OWNER TO {thief}")
    line = shop.fails(ExitCode.SETTINGS, *NIGHT)
    assert f"the table public.popular_items uses the type public.d, which belongs to {thief}" in line
    assert f"the table public.buy_again uses the table public.child, which belongs to {thief}" in line


def test_a_table_that_is_exchanged_in_the_night_is_seen_before_anything_is_written(tmp_path, place):
    shop = shop_of(place, tmp_path, keeper(place))
    shop.does("init", "--yes")
    thief = plugin(place)

    def exchange():
        place.execute(None, "DROP TABLE popular_items")
        plant(place, thief, "popular_items")

    def before_the_first(_number, statement):
        if statement.startswith("LOCK TABLE"):
            exchange()

    with watched_statements(before_the_first):
        line = shop.fails(ExitCode.SETTINGS, *NIGHT)
    assert f"the table public.popular_items belongs to {thief}" in line
    assert loot(place) == []
    assert shop.last_run.manifest.status is Status.FAILED
    assert shop.rows("SELECT * FROM recommendation_runs") == []

    place.execute(None, "DROP TABLE popular_items")
    shop.does("init", "--yes")
    with at_point("rank", "end", exchange):
        shop.fails(ExitCode.SETTINGS, *NIGHT)
    assert loot(place) == []


def test_while_a_night_writes_nobody_puts_a_trigger_on_our_tables(tmp_path, place):
    shop = shop_of(place, tmp_path, keeper(place))
    shop.does("init", "--yes")
    thief = plugin(place)
    place.execute(keeper(place), f"GRANT TRIGGER ON {ALL_TABLES} TO {thief}")
    refused = []

    def try_it(_number, statement):
        if "pg_identify_object" in statement:
            for name in OURS[:6]:
                with psycopg.connect(place.url(thief).replace("+psycopg", "")) as connection:
                    connection.execute("SET lock_timeout = '1ms'")
                    with pytest.raises(psycopg.errors.LockNotAvailable):
                        connection.execute(
                            f"CREATE TRIGGER spy AFTER INSERT ON {name} EXECUTE FUNCTION steal()"
                        )
                refused.append(name)

    with watched_statements(try_it):
        shop.night()
    assert refused == OURS[:6]
    assert loot(place) == []


def test_a_superusers_rights_on_every_role_make_none_of_them_ours(tmp_path, place):
    """The others of the group of the tables' owner are let; everybody's superuser is not asked."""
    group = place.role("group", "NOLOGIN")
    member = place.role("member")
    place.server.execute(f"GRANT {group} TO {member}")
    shop = shop_of(place, tmp_path, keeper(place))
    shop.does("init", "--yes")
    place.execute(None, *[f"ALTER TABLE {name} OWNER TO {group}" for name in OURS])
    place.execute(keeper(place), f"GRANT SELECT ON sales, items TO {member}")
    shop.set(DATABASE_URL=place.server.url(place.name)).fails(ExitCode.SETTINGS, *NIGHT)
    shop.set(DATABASE_URL=place.url(keeper(place))).fails(ExitCode.SETTINGS, *NIGHT)
    shop.set(DATABASE_URL=place.url(member)).night()


# What owners arrange, and what goes on to work


def job_of(place, *more):
    """An account that may do what `init` prints, and no more."""
    job = place.role("job")
    place.execute(None, f"GRANT CONNECT ON DATABASE {place.name} TO {job}", *more)
    return job


def works(shop):
    outcome = shop.recommend("check")
    assert outcome.code is ExitCode.DONE, outcome.out
    shop.night()
    shop.does("forget", "7")
    shop.does("init", "--yes")


def test_the_jobs_user_owns_the_tables(tmp_path, place):
    job = job_of(place)
    shop = shop_of(place, tmp_path, keeper(place))
    place.execute(keeper(place), f"GRANT SELECT ON sales, items TO {job}")
    shop.set(DATABASE_URL=place.url(job)).does("init", "--yes")
    works(shop)


@pytest.mark.parametrize("owner", ["the database's owner", "a superuser"])
def test_an_owner_made_the_tables_and_the_job_only_writes(tmp_path, place, owner):
    job = job_of(place)
    shop = shop_of(place, tmp_path, keeper(place))
    place.execute(keeper(place), f"GRANT SELECT ON sales, items TO {job}")
    url = place.server.url(place.name) if owner == "a superuser" else place.url(keeper(place))
    shop.set(DATABASE_URL=place.url(job)).does("init", "--yes", "--owner-url", url)
    works(shop)


def test_the_tables_are_in_a_schema_of_somebodys(tmp_path, place):
    job, clerk = job_of(place), place.role("clerk")
    shop = shop_of(place, tmp_path, keeper(place), TARGET_SCHEMA="recs")
    place.execute(keeper(place), f"GRANT SELECT ON sales, items TO {job}")
    place.execute(None, f"CREATE SCHEMA recs AUTHORIZATION {clerk}")
    shop.set(DATABASE_URL=place.url(job)).does("init", "--yes", "--owner-url", place.url(clerk))
    works(shop)


def test_in_a_database_apart_its_owner_is_known_and_no_other(tmp_path, place, postgresql):
    """No sales are read there that would tell who else speaks for the shop."""
    host, clerk, writer = place.role("host", "NOLOGIN"), place.role("clerk"), place.role("writer")
    place.execute(None, f"ALTER SCHEMA public OWNER TO {host}")
    shop = usual_shop(tmp_path / "shop", postgresql.create_database())
    shop.set(TARGET_DATABASE_URL=place.url(writer))
    shop.does("init", "--yes", "--owner-url", place.url(keeper(place)))
    shop.night()
    place.execute(clerk, "CREATE TABLE sales (n bigint)", "GRANT SELECT ON sales TO PUBLIC")
    place.execute(None, f"ALTER TABLE popular_items OWNER TO {clerk}")
    assert f"belongs to {clerk}" in shop.fails(ExitCode.SETTINGS, *NIGHT)


@pytest.mark.parametrize("reads_apart", [False, True])
def test_the_shops_own_user_made_its_tables_and_ours_in_a_hosts_database(tmp_path, place, reads_apart):
    """Schema and database belong to the host; the shop's user has no right of theirs, nor has the job."""
    job, own = job_of(place), place.role("own")
    shop = shop_of(place, tmp_path, own)
    place.execute(own, f"GRANT SELECT ON sales, items TO {job}")
    if reads_apart:
        shop.set(TARGET_DATABASE_URL=place.url(place.role("writer")))
    shop.set(DATABASE_URL=place.url(job)).does("init", "--yes", "--owner-url", place.url(own))
    works(shop)
    # Somebody whose table the query reads too is no owner of the shop for that.
    thief = plugin(place)
    place.execute(thief, "CREATE TABLE points (item_id bigint)", "GRANT SELECT ON points TO PUBLIC")
    place.execute(own, "DROP TABLE popular_items")
    plant(place, thief, "popular_items")
    query = shop.folder / "sql" / "sales.sql"
    joined = query.read_text(encoding="utf-8").replace(
        "FROM sales", "FROM sales LEFT JOIN points USING (item_id)"
    )
    query.write_text(joined, encoding="utf-8")
    assert f"belongs to {thief}" in shop.fails(ExitCode.SETTINGS, *NIGHT)


def test_the_shops_user_has_the_rights_of_the_hosts_role_that_owns_the_schema(tmp_path, place):
    host, own, job = place.role("host", "NOLOGIN"), place.role("own"), job_of(place)
    place.server.execute(f"GRANT {host} TO {own}")
    place.execute(None, f"ALTER SCHEMA public OWNER TO {host}")
    shop = shop_of(place, tmp_path, keeper(place))
    place.execute(keeper(place), f"GRANT SELECT ON sales, items TO {job}")
    shop.set(DATABASE_URL=place.url(job)).does("init", "--yes", "--owner-url", place.url(own))
    works(shop)


# What is said, and stands in nobody's way


def test_a_trigger_of_the_owners_is_told_and_does_its_work(tmp_path, place):
    shop = shop_of(place, tmp_path, keeper(place))
    shop.does("init", "--yes")
    place.execute(
        keeper(place),
        "CREATE TABLE seen (n bigint)",
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO seen VALUES (1); RETURN NULL; END $$",
        "CREATE TRIGGER noting AFTER INSERT ON recommendations EXECUTE FUNCTION note()",
        "CREATE RULE quiet AS ON UPDATE TO recommendations DO INSTEAD NOTHING",
    )
    code, said = said_by(shop, "check")
    assert code is ExitCode.DONE
    assert (
        "There is a trigger noting on public.recommendations, which runs the function public.note() of"
        f" {keeper(place)}." in said
    )
    assert "There is a rule quiet on public.recommendations." in said
    shop.night()
    assert len(shop.rows("SELECT * FROM seen")) == 1


def test_triggers_are_told_on_every_database(tmp_path, database_url):
    shop = usual_shop(tmp_path / "shop", database_url)
    if database_url.startswith("postgresql"):
        body = "EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        words = "There is a trigger noting on public.popular_items."
    elif database_url.startswith("mysql"):
        body = "SET @noted = 1"
        words = (
            "There is a trigger {0}.noting on popular_items, which runs with the rights of shop@127.0.0.1."
        )
    else:
        body = "BEGIN SELECT 1; END"
        words = 'There is a trigger "noting" on popular_items.'
    event = "AFTER INSERT" if database_url.startswith("mysql") else "BEFORE UPDATE"
    code, said = said_by(shop, "check")
    assert "There is a trigger" not in said
    shop.execute(f"CREATE TRIGGER noting {event} ON popular_items FOR EACH ROW {body}")
    code, said = said_by(shop, "check")
    assert code is ExitCode.DONE
    assert words.format(sa.make_url(database_url).database) in said
    assert "DROP TRIGGER" in said
    shop.night()


def require_no_table(shop):
    for call in (("init", "--yes"), ("check",), NIGHT):
        code, said = said_by(shop, *call)
        assert code is ExitCode.SETTINGS
        assert "no key, not (position)" in said


def test_a_view_of_our_name_is_refused(tmp_path, database_url):
    shop = usual_shop(tmp_path / "shop", database_url)
    shop.execute(
        "ALTER TABLE popular_items RENAME TO kept_items",
        "CREATE VIEW popular_items AS SELECT * FROM kept_items",
    )
    if database_url.startswith("sqlite"):
        shop.execute("CREATE TRIGGER taken INSTEAD OF INSERT ON popular_items BEGIN DELETE FROM sales; END")
    require_no_table(shop)
    assert shop.rows("SELECT count(*) FROM sales") == [(120,)]


def test_a_virtual_table_of_our_name_is_refused(tmp_path):
    shop = usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")
    made = "CREATE VIRTUAL TABLE popular_items USING rtree(position, item_id, score)"
    shop.execute("DROP TABLE popular_items", made)
    require_no_table(shop)


def test_a_schema_in_which_everybody_may_create_is_told(tmp_path, place):
    shop = shop_of(place, tmp_path, keeper(place))
    words = "verybody may make tables, functions and operators in the schema public."
    assert f"Warning: e{words}" in shop.does("init", "--yes")
    code, said = said_by(shop, "check")
    assert code is ExitCode.DONE
    assert f"E{words}" in said
    assert "TARGET_SCHEMA=recommend" in said
    place.execute(keeper(place), *re.findall(r"REVOKE CREATE ON SCHEMA public FROM PUBLIC(?=;)", said))
    for call in (("init", "--yes"), ("check",)):
        assert words not in said_by(shop, *call)[1]
    # In a schema of our own nobody else may create, whatever everybody may elsewhere.
    place.execute(keeper(place), "GRANT CREATE ON SCHEMA public TO PUBLIC")
    shop.set(TARGET_SCHEMA="recommend")
    for call in (("init", "--yes"), ("check",)):
        assert words not in said_by(shop, *call)[1]


def test_the_look_itself_runs_nothing_of_somebody_elses(tmp_path, place):
    """Functions and operators of the same names, for types that fit better than PostgreSQL's own."""
    shop = shop_of(place, tmp_path, keeper(place))
    shop.does("init", "--yes")
    thief = plugin(place)
    kinds = ("name", "text", "varchar", "integer", '"char"', "oid", "regclass", "boolean")
    body = "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it ran'; END $$"
    statements = [
        *(
            f"CREATE FUNCTION {name}({kind}) RETURNS text {body}"
            for name in ("quote_ident", "bool_and", "bool_or")
            for kind in kinds
        ),
        *(f"CREATE FUNCTION pg_has_role(oid, oid, {kind}) RETURNS boolean {body}" for kind in kinds),
        *(f"CREATE FUNCTION same({a}, {b}) RETURNS boolean {body}" for a in kinds for b in kinds),
        *(
            f"CREATE OPERATOR {sign} (LEFTARG = {a}, RIGHTARG = {b}, FUNCTION = same)"
            for sign in ("=", "<>")
            for a in kinds
            for b in kinds
        ),
    ]
    place.execute(thief, *statements)
    with connection_to(place.url(keeper(place))) as connection:
        with pytest.raises(sa.exc.DBAPIError, match="it ran"), connection.begin_nested():
            connection.exec_driver_sql("SELECT quote_ident(current_user), 'a'::name = 'a'::varchar")
        found = [
            *meddlers(connection, [(None, name) for name in OURS], [(None, "sales"), ("public", "items")])
        ]
    assert [meddler.what[:9] for meddler in found] == ["everybody"]
