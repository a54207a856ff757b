"""Set-up: the tables with the shop's own types, made once, never changed; the guests' key."""

import errno
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from recommender.database.sqlite import SQLite
from recommender.errors import ExitCode
from tests.conftest import own_name
from tests.nights import ALL_TABLES, DAY, Shop, connection_to, database_of, empty_shop, make_shop
from tests.servers import PASSWORD

pytestmark = pytest.mark.sqlite_proves

OURS = sorted(ALL_TABLES.split(", "))
TABLES = (Path(__file__).parent.parent / "docs" / "tables.md").read_text(encoding="utf-8")


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'shop.db'}"


def tables(shop):
    return sorted(set(shop.dump()) - {"sales", "items"})


def column_types(url, table):
    """The types of a table's columns as the database declares them."""
    with connection_to(url) as connection:
        columns = sa.inspect(connection).get_columns(table)
        return {c["name"]: str(c["type"].compile(dialect=connection.dialect)).upper() for c in columns}


def collation_of(shop, table, column):
    query = (
        "SELECT COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
        f" AND TABLE_NAME = '{table}' AND COLUMN_NAME = '{column}'"
    )
    return shop.rows(query)[0][0]


@pytest.mark.each_database
@pytest.mark.parametrize(("customer", "item"), [(int, str), (str, int)])
def test_the_tables_take_the_types_of_the_shops_keys(tmp_path, database_url, customer, item):
    shop = empty_shop(tmp_path / "shop", database_url, customer=customer, item=item)
    shop.does("init", "--yes")
    assert tables(shop) == OURS
    sales = column_types(database_url, "sales")
    ours = column_types(database_url, "recommendations")
    assert ours["customer_id"] == sales["customer_id"]
    assert ours["item_id"] == ours["because_item_id"] == sales["item_id"]
    assert column_types(database_url, "popular_items")["item_id"] == sales["item_id"]


def test_texts_keep_the_length_and_collation_of_the_shop(tmp_path, mariadb):
    shop = empty_shop(tmp_path / "shop", mariadb.create_database(), customer=str)
    shop.execute(
        "ALTER TABLE sales MODIFY customer_id VARCHAR(37) CHARACTER SET latin1 COLLATE latin1_german2_ci"
    )
    shop.does("init", "--yes")
    assert column_types(shop.url, "recommendations")["customer_id"].startswith("VARCHAR(37)")
    assert collation_of(shop, "recommendations", "customer_id") == "latin1_german2_ci"


@pytest.mark.each_database
def test_the_keys_of_the_tables_are_their_primary_keys(tmp_path, database_url):
    shop = empty_shop(tmp_path / "shop", database_url)
    shop.does("init", "--yes")
    with connection_to(database_url) as connection:
        inspector = sa.inspect(connection)
        keys = {t: inspector.get_pk_constraint(t)["constrained_columns"] for t in OURS}
        assert not any(inspector.get_foreign_keys(table) for table in OURS)
    assert keys == {
        "recommendations": ["customer_id", "position"],
        "buy_again": ["customer_id", "position"],
        "similar_items": ["item_id", "position"],
        "bought_together": ["item_id", "position"],
        "popular_items": ["position"],
        "recommendation_runs": ["run_id"],
        "forgotten_customers": ["customer_hash"],
    }


def test_init_again_leaves_everything_as_it_is(tmp_path, database_url):
    shop = make_shop(tmp_path / "shop", database_url, [(1, 10, DAY), (2, 11, DAY)], {10: True, 11: True})
    assert f"Created {ALL_TABLES}." in shop.does("init", "--yes")
    shop.night()
    env_file, before = shop.env_file.read_bytes(), shop.dump()
    assert "All tables are there and fit." in shop.does("init", "--yes")
    assert shop.dump() == before
    assert shop.env_file.read_bytes() == env_file


def test_only_what_is_missing_is_made(tmp_path, database_url):
    shop = make_shop(tmp_path / "shop", database_url, [(1, 10, DAY), (2, 11, DAY)], {10: True, 11: True})
    shop.does("init", "--yes")
    shop.night()
    lists = shop.lists()
    shop.execute("DROP TABLE popular_items")
    assert "Created popular_items." in shop.does("init", "--yes")
    assert shop.lists() == lists


@pytest.mark.each_database
@pytest.mark.parametrize(
    ("statement", "differs"),
    [
        ("CREATE TABLE recommendations (customer_id BIGINT, item BIGINT)", "has no column position"),
        (
            "CREATE TABLE popular_items (position INTEGER, item_id BIGINT PRIMARY KEY, score FLOAT)",
            "has the key (item_id), not (position)",
        ),
    ],
)
def test_a_table_of_another_shape_is_shown_and_left(tmp_path, database_url, statement, differs):
    shop = empty_shop(tmp_path / "shop", database_url)
    shop.execute(statement)
    before = shop.dump()
    line = shop.fails(ExitCode.SETTINGS, "init", "--yes")
    assert differs in line
    name = statement.split()[2]
    assert re.search(rf"CREATE TABLE (\S+\.)?\W?{name}\W? \(", line)
    assert shop.dump() == before
    # The night says the same, before it reads anything.
    assert "recommend init" in shop.fails(ExitCode.SETTINGS, "run")


def test_tables_for_keys_of_the_other_kind_are_shown(tmp_path, database_url):
    shop = empty_shop(tmp_path / "shop", database_url)
    shop.does("init", "--yes")
    text = "CAST(customer_id AS CHAR)" if database_url.startswith("mysql") else "CAST(customer_id AS TEXT)"
    query = f"SELECT {text} AS customer_id, item_id, sold_at FROM sales"
    (shop.folder / "sql" / "sales.sql").write_text(query, encoding="utf-8")
    line = shop.fails(ExitCode.SETTINGS, "init", "--yes")
    assert "customer_id is of the kind integer, the shop's keys are text" in line
    assert "CREATE TABLE" in line


def test_myisam_is_refused_by_name(tmp_path, mariadb):
    shop = empty_shop(tmp_path / "shop", mariadb.create_database())
    shop.does("init", "--yes")
    shop.execute("ALTER TABLE popular_items ENGINE=MyISAM")
    for command in (["init", "--yes"], ["run"]):
        assert "MyISAM" in shop.fails(ExitCode.SETTINGS, *command)


def test_one_copy_of_a_sqlite_file_serves_keys_and_names_and_is_gone(tmp_path, sqlite_url, monkeypatch):
    shop = make_shop(tmp_path / "shop", sqlite_url, [(1, 10, DAY)], {10: True})
    (shop.folder / "sql" / "sales.sql").unlink()
    folders = []
    snapshot = SQLite.snapshot

    def counted(self, folder, seconds):
        folders.append(folder)
        return snapshot(self, folder, seconds)

    monkeypatch.setattr(SQLite, "snapshot", counted)
    assert "The newest sales, as they are read" in shop.does("init", "--yes")
    # The second is for the repeats, which must not take longer than a minute.
    assert len(folders) == 2
    assert not any(folder.exists() for folder in folders)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_who_may_not_create_gets_the_statements_to_paste(tmp_path, request, kind):
    server = request.getfixturevalue(kind)
    shop = empty_shop(tmp_path / "shop", server.create_database())
    database = sa.make_url(shop.url).database
    user = own_name("reader")
    if kind == "postgresql":
        server.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'pw'")
        shop.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC", f"GRANT SELECT ON sales, items TO {user}")
    else:
        server.execute(
            f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'pw'",
            # On tables alone, so that MariaDB does not even tell whether ours are there.
            f"GRANT SELECT ON {database}.sales TO {user}@'127.0.0.1'",
            f"GRANT SELECT ON {database}.items TO {user}@'127.0.0.1'",
        )
    shop.set(DATABASE_URL=server.url(str(database), user, "pw"))
    checked = " ".join(shop.recommend("check").out.split())
    assert "→ Run `recommend init`" in checked
    outcome = shop.recommend("init", "--yes")
    assert outcome.code is ExitCode.DATABASE
    assert "printed above" in outcome.err
    assert "--owner-url" in outcome.err
    assert "LINE 1" not in outcome.err
    assert ("Or they are there" in outcome.err) is (kind == "mariadb")
    assert outcome.err.count("\n") == 1
    ddl = outcome.out[outcome.out.index("CREATE TABLE") : outcome.out.index("\n-- The rights")]
    statements = ddl.split(";\n")[:-1]
    assert sum("CREATE TABLE" in statement for statement in statements) == len(OURS)
    assert tables(shop) == []
    # What was printed is what makes them, wherever its runner looks for tables.
    if kind == "postgresql":
        shop.execute("CREATE SCHEMA elsewhere", "SET search_path = elsewhere", *statements)
    else:
        server.execute(*statements)
    checked = " ".join(shop.recommend("check").out.split())
    assert "→ Run `recommend init`: it prints the rights" in checked
    if kind == "postgresql":
        shop.execute(f"GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA public TO {user}")
        shop.execute(f"GRANT USAGE ON SCHEMA public TO {user}")
    else:
        server.execute(f"GRANT SELECT, INSERT, DELETE ON {database}.* TO {user}@'127.0.0.1'")
    assert "All tables are there and fit." in shop.does("init", "--yes")
    # And these rights are all that a night needs.
    shop.execute("INSERT INTO items VALUES (10, 'a', 1), (11, 'b', 1)")
    shop.sell([(1, 10, DAY), (2, 11, DAY)])
    shop.night()
    assert shop.lists() == {1: [11], 2: [10]}


def test_what_is_denied_is_told_apart_from_what_is_missing(tmp_path, mariadb):
    """The tables are there, and their owner has yet to give the rights."""
    shop = empty_shop(tmp_path / "shop", mariadb.create_database())
    database = sa.make_url(shop.url).database
    owner = shop.url
    user = own_name("late")
    mariadb.execute(
        f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'pw'",
        f"GRANT SELECT ON {database}.sales TO {user}@'127.0.0.1'",
        f"GRANT SELECT ON {database}.items TO {user}@'127.0.0.1'",
    )
    shop.does("init", "--yes")
    shop.set(DATABASE_URL=mariadb.url(str(database), user, "pw"))
    before = Shop(shop.folder, owner).dump()
    assert "Or they are there" in shop.fails(ExitCode.DATABASE, "init", "--yes")
    assert f"Gave the rights on them to '{user}'@'127.0.0.1'" in shop.does(
        "init", "--yes", "--owner-url", owner
    )
    assert Shop(shop.folder, owner).dump() == before
    assert "All tables are there and fit." in shop.does("init", "--yes")


def test_the_schema_of_ours_is_told_where_the_shops_is_another(tmp_path, postgresql):
    shop = empty_shop(tmp_path / "shop", postgresql.create_database())
    said = shop.does("init", "--yes")
    assert "TARGET_SCHEMA" not in said
    shop.execute("DROP TABLE recommendations", "CREATE SCHEMA laden", "ALTER TABLE sales SET SCHEMA laden")
    shop.execute("ALTER TABLE items SET SCHEMA laden")
    for name in ("sales", "items"):
        path = shop.folder / "sql" / f"{name}.sql"
        path.write_text(path.read_text(encoding="utf-8").replace("FROM ", "FROM laden."), encoding="utf-8")
    said = shop.does("init", "--yes")
    assert "Our tables belong in the schema public, the shop's are in laden" in said
    assert "the shop then reads public.recommendations" in said
    shop.set(TARGET_SCHEMA="laden")
    assert "belong in the schema" not in shop.does("init", "--yes")
    assert shop.rows("SELECT count(*) FROM laden.recommendations") == [(0,)]


def test_a_key_that_can_be_none_is_refused_with_the_fix(tmp_path, sqlite_url):
    shop = make_shop(tmp_path / "shop", sqlite_url, [(1, 10, DAY)], {10: True})
    query = "SELECT customer_id + 0.5 AS customer_id, item_id, sold_at FROM sales"
    (shop.folder / "sql" / "sales.sql").write_text(query, encoding="utf-8")
    line = shop.fails(ExitCode.REFUSED, "init", "--yes")
    assert "customer_id" in line
    assert "CAST" in line
    assert tables(shop) == []


# The guests' key


@pytest.fixture
def guest_shop(tmp_path, sqlite_url):
    shop = empty_shop(tmp_path / "shop", sqlite_url)
    query = "SELECT customer_id, item_id, sold_at, guest_email FROM sales"
    (shop.folder / "sql" / "sales.sql").write_text(query, encoding="utf-8")
    return shop


def test_a_guest_key_is_appended_once(guest_shop):
    env_file = guest_shop.env_file
    before = env_file.read_text(encoding="utf-8").rstrip("\n")
    env_file.write_text(before, encoding="utf-8")  # an editor left no line end
    env_file.chmod(0o600)
    said = guest_shop.does("init", "--yes")
    assert "Appended a GUEST_KEY" in said
    assert "0600" not in said
    text = env_file.read_text(encoding="utf-8")
    assert text.startswith(before + "\n")
    (key,) = re.findall(r"^GUEST_KEY=([0-9a-f]{64})$", text, re.MULTILINE)
    assert key not in guest_shop.does("init", "--yes")
    assert env_file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660])
def test_a_secret_goes_into_no_file_that_others_can_read(guest_shop, mode):
    guest_shop.env_file.chmod(mode)
    said = guest_shop.does("init", "--yes")
    assert f"Made {guest_shop.env_file} private (mode 0600, was {mode:04o})" in said
    assert guest_shop.env_file.stat().st_mode & 0o777 == 0o600
    # A file that gets no secret is left as it is; `check` warns of it.
    guest_shop.env_file.chmod(mode)
    assert "private" not in guest_shop.does("init", "--yes")
    assert guest_shop.env_file.stat().st_mode & 0o777 == mode


def test_where_it_cannot_be_made_private_no_secret_is_written(guest_shop, monkeypatch):
    guest_shop.env_file.chmod(0o644)
    before = guest_shop.env_file.read_bytes()

    chmod = Path.chmod

    def not_ours(path, mode):
        if path == guest_shop.env_file:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        chmod(path, mode)

    monkeypatch.setattr(Path, "chmod", not_ours)
    line = guest_shop.fails(ExitCode.SETTINGS, "init", "--yes")
    assert f"chmod 600 {guest_shop.env_file}" in line
    assert guest_shop.env_file.read_bytes() == before


def test_a_linked_env_file_stays_a_link(guest_shop, tmp_path):
    real = tmp_path / "secrets"
    guest_shop.env_file.rename(real)
    guest_shop.env_file.symlink_to(real)
    guest_shop.does("init", "--yes")
    assert guest_shop.env_file.is_symlink()
    assert "GUEST_KEY=" in real.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["GUEST_KEY", "GUEST_KEY_FILE"])
def test_a_guest_key_that_is_set_is_kept(guest_shop, name):
    (guest_shop.folder / "key").write_text("x" * 32, encoding="utf-8")
    guest_shop.set(**{name: "key" if name.endswith("FILE") else "x" * 32})
    before = guest_shop.env_file.read_bytes()
    guest_shop.does("init", "--yes")
    assert guest_shop.env_file.read_bytes() == before


def test_no_guests_no_key(tmp_path, sqlite_url):
    shop = empty_shop(tmp_path / "shop", sqlite_url)
    before = shop.env_file.read_bytes()
    shop.does("init", "--yes")
    assert shop.env_file.read_bytes() == before


def test_without_an_env_file_the_key_is_asked_for(guest_shop, monkeypatch, tmp_path):
    from recommender.settings import load_settings
    from recommender.setup.shopfolder import GUEST_KEY, make_key

    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    settings = load_settings({"DATABASE_URL": guest_shop.url}, None)
    make_key(GUEST_KEY, settings, said.append)
    assert "GUEST_KEY" in said[0]
    assert not (tmp_path / ".env").exists()


@pytest.mark.each_database
def test_columns_for_guests_are_wide_enough_text(tmp_path, database_url):
    shop = empty_shop(tmp_path / "shop", database_url, PUBLISH_GUESTS="yes")
    shop.does("init", "--yes")
    with database_of(database_url).connect() as connection:
        columns = {c["name"]: c["type"] for c in sa.inspect(connection).get_columns("recommendations")}
    assert isinstance(columns["customer_id"], sa.String)
    assert (columns["customer_id"].length or 30) >= 30
    assert isinstance(columns["item_id"], sa.Integer)


def test_the_password_is_not_printed(tmp_path, postgresql):
    shop = empty_shop(tmp_path / "shop", postgresql.create_database())
    assert PASSWORD not in shop.does("init", "--yes")


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_tables_and_columns_explain_themselves(tmp_path, request, kind):
    """In the words of docs/tables.md, for who looks at them in the database."""
    shop = empty_shop(tmp_path / "shop", request.getfixturevalue(kind).create_database())
    shop.does("init", "--yes")
    with connection_to(shop.url) as connection:
        inspector = sa.inspect(connection)
        for name in OURS:
            section = TABLES.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
            about = inspector.get_table_comment(name)["text"]
            assert about
            assert about.rstrip(".") in " ".join(section.split())
            plain = section.replace("`", "")
            for column in inspector.get_columns(name):
                assert column["comment"]
                assert column["name"] in plain
        (first,) = [c for c in inspector.get_columns("recommendations") if c["name"] == "position"]
        assert f"| position | {first['comment']} |" in TABLES.replace("`", "")
