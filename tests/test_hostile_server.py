"""A server, or somebody on the way to it, that wants this machine's files or the account's password."""

import contextlib
import ssl
import sys

import psycopg
import pymysql
import pytest
import sqlalchemy as sa

from recommender.database import open_database
from recommender.database.codes import ASKS_FOR_FILES, CLEAR_TEXT
from recommender.database.mysqlwire import GuardedConnection
from recommender.database.urls import is_local_host, normalise_url
from recommender.errors import DatabaseError, ExitCode, SettingsError
from recommender.setup.checks.connections import check_trust
from recommender.setup.checks.findings import Findings, Level
from tests.faults.support import NIGHT, lengths, shop_with_a_night
from tests.hostile import REMOTE, CleartextPostgresql, FileAsker, PasswordAsker, resolved
from tests.servers import PASSWORD
from tests.test_tls import TlsPostgresql, make_authority, make_certificate, started

PRIVATE = b"-----BEGIN OPENSSH PRIVATE KEY-----"
LOAD = b"LOAD DATA"


@pytest.fixture(scope="module")
def shop(tmp_path_factory, mariadb):
    """One for all nights that are refused: each must leave it as it was."""
    return shop_with_a_night(tmp_path_factory.mktemp("refused"), mariadb.create_database())


@pytest.fixture
def other_shop(tmp_path, mariadb):
    return shop_with_a_night(tmp_path, mariadb.create_database())


@pytest.fixture
def private_file(tmp_path):
    path = tmp_path / "id_rsa"
    path.write_bytes(PRIVATE)
    path.chmod(0o600)
    return path


@contextlib.contextmanager
def asker_of(shop, word, name=None, **options):
    """The program reaches the shop's database over one who asks for a file; the test itself does not."""
    address = sa.make_url(shop.url)
    assert address.port
    with FileAsker(address.port, word, name, **options) as asker:
        over = address.set(port=asker.port).render_as_string(hide_password=False)
        shop.set(DATABASE_URL=over)
        try:
            yield asker
        finally:
            shop.set(DATABASE_URL=shop.url)


# At which statement: of every connection, the export's, the lock's, the publish's.
@pytest.mark.parametrize(
    "word",
    [
        b"SET NAMES",
        b"SET SESSION sql_big_selects",
        b"START TRANSACTION WITH CONSISTENT SNAPSHOT",
        b"SELECT q.",
        b"GET_LOCK",
        b"IS_USED_LOCK",
        b"SET SESSION sql_mode = 'STRICT",
        b"SELECT @@local_infile",
        b"DELETE FROM recommendations",
        LOAD,
        b"SHOW WARNINGS",
        b"INSERT INTO recommendation_runs",
        b"COMMIT",
    ],
)
def test_no_statement_gives_a_server_a_file_of_this_machine(shop, private_file, word):
    with asker_of(shop, word, str(private_file).encode()) as asker:
        line = shop.fails(ExitCode.DATABASE, *NIGHT)
    assert asker.has_asked
    assert asker.files == []
    assert f"the server asked for the file '{private_file}' of this machine" in line
    assert "nothing was sent in answer" in line
    assert ASKS_FOR_FILES.what_to_do in line
    assert lengths(shop) == {3}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"", "''"),
        (b"/proc/self/environ", "'/proc/self/environ'"),
        (b"popular_items\0", "'popular_items?'"),
        (b"POPULAR_ITEMS", "'POPULAR_ITEMS'"),
        (b"./popular_items", "'./popular_items'"),
        (b"\x1b[2J\xff\xe2\x80\xae", "'?[2J??'"),
        (b"/" + b"a" * 5000, "'/" + "a" * 498 + "…'"),
    ],
)
def test_another_name_at_load_data_gets_nothing_and_is_shown_safely(shop, name, shown):
    with asker_of(shop, LOAD, name) as asker:
        line = shop.fails(ExitCode.DATABASE, *NIGHT)
    assert asker.loads == 1
    assert asker.files == []
    assert f"asked for the file {shown} of" in line.replace("\N{REPLACEMENT CHARACTER}", "?")
    assert lengths(shop) == {3}


def test_the_same_name_again_in_one_load_data_gets_the_list_once(shop):
    with asker_of(shop, LOAD, times=2) as asker:
        line = shop.fails(ExitCode.DATABASE, *NIGHT)
    (content,) = asker.files
    assert content.count(b"\n") == 30 * 5  # customers, and items of each: the list, whole
    assert "asked for the file 'recommendations'" in line
    assert lengths(shop) == {3}


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("word", [b"SHOW WARNINGS", b"SELECT count(*)"])
def test_the_same_name_at_a_later_statement_gets_nothing(shop, word, is_late):
    with asker_of(shop, word, is_late=is_late) as asker:
        line = shop.fails(ExitCode.DATABASE, *NIGHT)
    assert asker.files == []
    assert "asked for the file '" in line
    assert lengths(shop) == {3}


def test_a_further_result_is_no_way_round_it(shop, private_file):
    """An OK that says that more comes, then the request: the client reads it without having asked."""
    name = str(private_file).encode()
    with asker_of(shop, b"SET SESSION sql_big_selects", name, is_further=True) as asker:
        assert "asked for the file" in shop.fails(ExitCode.DATABASE, *NIGHT)
    assert asker.has_asked
    assert asker.files == []


def test_a_connection_that_has_refused_is_over(shop, private_file):
    """Whoever swallowed the error, as a thread does, meets it again."""
    with (
        asker_of(shop, b"SELECT 41", str(private_file).encode()),
        open_database(normalise_url(shop.settings["DATABASE_URL"])).connect() as connection,
    ):
        said = []
        for statement in ("SELECT 41", "SELECT 42"):
            with pytest.raises(DatabaseError, match="asked for the file") as caught:
                connection.exec_driver_sql(statement)
            said.append(caught.value)
    assert said[0] is said[1]


def test_a_check_gives_no_file_either_and_says_who_asked(shop, private_file):
    with asker_of(shop, b"SET SESSION sql_big_selects", str(private_file).encode()) as asker:
        outcome = shop.recommend("check")
    assert outcome.code is ExitCode.DATABASE
    assert "asked for the file" in " ".join(outcome.out.split())
    assert asker.files == []


def test_an_honest_night_loads_its_lists(other_shop):
    with asker_of(other_shop, b"nothing that anybody says") as asker:
        other_shop.night()
    assert (
        asker.loads == len(other_shop.rows("SHOW TABLES")) - 4
    )  # the shop's two, the runs and the forgotten
    assert not any(b"INSERT INTO `recommendations`" in statement for statement in asker.statements)
    assert lengths(other_shop) == {5}


def test_a_disk_that_fails_while_a_list_is_sent_ends_the_publish(shop, monkeypatch):
    """The rest is not sent, and what was sent is not taken for the list."""
    load = GuardedConnection.load

    def broken(pieces):
        yield next(pieces)
        raise OSError(5, "Input/output error", "list.csv")

    monkeypatch.setattr(
        GuardedConnection,
        "load",
        lambda self, statement, name, pieces: load(self, statement, name, broken(pieces)),
    )
    assert "list.csv: Input/output error" in shop.fails(ExitCode.UNEXPECTED, *NIGHT)
    assert lengths(shop) == {3}


@pytest.mark.filterwarnings("ignore:'(db|passwd)' is deprecated")
def test_mysqlclient_is_never_told_to_load(other_shop, monkeypatch):
    """Its library would answer any request; PyMySQL stands in for it, which has the same calls."""
    seen = []
    connect = pymysql.connect
    monkeypatch.setitem(sys.modules, "MySQLdb", pymysql)

    def watched(**given):
        seen.append(given)
        return connect(**given)

    monkeypatch.setattr(pymysql, "connect", watched)
    other_shop.url = other_shop.url.replace("mysql+pymysql", "mysql+mysqldb")
    with asker_of(other_shop, b"nothing that anybody says") as asker:
        other_shop.night()
    assert asker.loads == 0
    assert {given["local_infile"] for given in seen} == {False}
    other_shop.url = other_shop.url.replace("mysql+mysqldb", "mysql+pymysql")
    assert lengths(other_shop) == {5}


@pytest.mark.parametrize("driver", ["mysql", "mysql+mysqldb"])
@pytest.mark.parametrize(
    "option",
    [
        *("local_infile=1", "allow_local_infile=true", "allowLoadLocalInfile=true", "LOCAL-INFILE=1"),
        *("read_default_file=/etc/my.cnf", "read_default_group=client", "client_flag=128"),
        *("init_command=SELECT 1", "auth_plugin=mysql_clear_password", "enable_cleartext_plugin=1"),
        *("plugin_dir=/tmp", "server_public_key=x", "auth_plugin_map=x", "said_as=x", "loads=1"),
    ],
)
def test_no_option_of_an_address_opens_that_again(driver, option, monkeypatch):
    monkeypatch.setattr("recommender.database.urls.find_spec", lambda _: True)
    with pytest.raises(SettingsError, match="options that are not known"):
        normalise_url(f"{driver}://u:p@127.0.0.1/shop?{option}")


# Passwords

KEY = b"\x01-----BEGIN PUBLIC KEY-----\nof somebody between\n-----END PUBLIC KEY-----\n"
PROMPT = b"\x04Password: "
FULL_LOGIN = b"\x01\x04"
SALT = b"x" * 20 + b"\0"


def mysql_address(server, host, options=""):
    return sa.URL.create("mysql", "shop", PASSWORD, host, server.port, "shop").render_as_string(
        hide_password=False
    ) + (f"?{options}" if options else "")


def login(address):
    with resolved(), open_database(normalise_url(address)).connect():
        pass


@pytest.fixture
def plain_rsa(monkeypatch):
    """What is encrypted for a key can be read by who has the key."""
    monkeypatch.setattr("pymysql._auth.sha2_rsa_encrypt", lambda password, _salt, _key: password)


def switched(plugin, data):
    return b"\xfe" + plugin + b"\0" + data


@pytest.mark.parametrize("host", ["127.0.0.1", REMOTE])
@pytest.mark.parametrize("options", ["", "ssl-mode=PREFERRED", "ssl-mode=DISABLED"])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(
    ("plugin", "data"), [(b"mysql_clear_password", b""), (b"dialog", PROMPT), (b"mysql_old_password", SALT)]
)
def test_no_password_goes_in_clear_text_without_tls(host, options, first, plugin, data):
    then = (switched(plugin, data),) if first else ()
    with (
        PasswordAsker(plugin, data, first=first, then=then) as server,
        pytest.raises(DatabaseError, match=f"by {plugin.decode()}, which others") as caught,
    ):
        login(mysql_address(server, host, options))
    assert caught.value.what_to_do == CLEAR_TEXT.what_to_do
    assert PASSWORD.encode() not in server.got
    assert b"shop\0" in server.got  # it did come as far as that


@pytest.mark.usefixtures("plain_rsa")
@pytest.mark.parametrize(
    ("plugin", "first", "then"),
    [
        (b"caching_sha2_password", False, (FULL_LOGIN, KEY)),
        (b"caching_sha2_password", True, (FULL_LOGIN, KEY)),
        (b"sha256_password", False, (KEY,)),
        (b"sha256_password", True, (KEY,)),
    ],
)
def test_no_password_goes_over_a_network_for_a_key_that_nobody_vouches_for(plugin, first, then):
    with (
        PasswordAsker(plugin, SALT, first=first, then=then) as server,
        pytest.raises(DatabaseError, match="encrypted with a key that anybody") as caught,
    ):
        login(mysql_address(server, REMOTE))
    assert caught.value.what_to_do == CLEAR_TEXT.what_to_do
    assert PASSWORD.encode() not in server.got


@pytest.mark.usefixtures("plain_rsa")
def test_on_this_machine_a_servers_key_is_taken():
    """MySQL 8 without TLS, on the shop's own machine."""
    with (
        PasswordAsker(b"caching_sha2_password", SALT, then=(FULL_LOGIN, KEY)) as server,
        pytest.raises(DatabaseError, match="Lost connection"),  # it knows nothing but logins
    ):
        login(mysql_address(server, "localhost"))
    assert PASSWORD.encode() in server.got


@pytest.mark.parametrize(("plugin", "data"), [(b"mysql_clear_password", b""), (b"dialog", PROMPT)])
def test_over_a_socket_of_this_machine_a_login_in_clear_text_works(tmp_path, plugin, data):
    path = tmp_path / "s"
    address = sa.URL.create("mysql", "shop", PASSWORD, database="shop", query={"unix_socket": str(path)})
    with (
        PasswordAsker(plugin, data, path=path) as server,
        pytest.raises(DatabaseError, match="Lost connection"),
    ):
        login(address.render_as_string(hide_password=False))
    assert PASSWORD.encode() in server.got


@pytest.mark.parametrize(("plugin", "data"), [(b"mysql_clear_password", b""), (b"dialog", PROMPT)])
@pytest.mark.parametrize("mode", ["PREFERRED", "REQUIRED", "VERIFY_CA&ssl_ca={authority}"])
def test_over_tls_a_login_in_clear_text_works(tmp_path, plugin, data, mode):
    """As with PAM, LDAP, or a hosted server's tokens."""
    authority = make_authority(tmp_path, "authority")
    certificate, key = make_certificate(tmp_path, authority, f"DNS:{REMOTE}")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    options = f"ssl-mode={mode.format(authority=authority[0])}"
    with (
        PasswordAsker(plugin, data, tls=tls) as server,
        pytest.raises(DatabaseError, match="Lost connection"),
    ):
        login(mysql_address(server, REMOTE, options))
    assert PASSWORD.encode() in server.got


def test_mysqlclient_goes_over_a_network_with_tls_alone(monkeypatch):
    monkeypatch.setattr("recommender.database.urls.find_spec", lambda _: True)
    for options in ("", "?ssl-mode=PREFERRED", "?ssl-mode=DISABLED", f"?ssl_ca={__file__}"):
        with pytest.raises(SettingsError, match="may send the password in clear text"):
            normalise_url(f"mysql+mysqldb://u:p@{REMOTE}/shop{options}")
        assert normalise_url(f"mysql+mysqldb://u:p@localhost/shop{options}")
    for given, mode in (("require", "REQUIRED"), ("REQUIRED", "REQUIRED"), ("verify-ca", "VERIFY_CA")):
        url = normalise_url(f"mysql+mysqldb://u:p@{REMOTE}/shop?sslmode={given}&ssl_ca={__file__}")
        assert url.query["ssl_mode"] == mode


needs_require_auth = pytest.mark.skipif(
    psycopg.pq.version() < 160000, reason="this libpq knows no require_auth"
)


def postgresql_address(server, host, options=""):
    address = sa.URL.create("postgresql", "shop", PASSWORD, host, server.port, "shop")
    return address.render_as_string(hide_password=False) + (f"?{options}" if options else "")


@needs_require_auth
@pytest.mark.parametrize("options", ["", "sslmode=prefer", "sslmode=allow", "sslmode=disable"])
def test_postgresql_gets_no_password_in_clear_text_over_a_network(options):
    with (
        CleartextPostgresql() as server,
        pytest.raises(DatabaseError, match="requested a cleartext password") as caught,
    ):
        login(postgresql_address(server, REMOTE, options))
    assert caught.value.what_to_do == CLEAR_TEXT.what_to_do
    assert server.got == b""


@pytest.mark.parametrize(
    ("host", "options"),
    [("127.0.0.1", ""), ("localhost", "sslmode=disable"), (REMOTE, "require_auth=password")],
)
def test_on_this_machine_and_where_the_owner_says_so_postgresql_gets_it(host, options):
    with (
        CleartextPostgresql() as server,
        contextlib.suppress(DatabaseError),
    ):
        login(postgresql_address(server, host, options))
    assert PASSWORD.encode() in server.got


class ClearTlsPostgresql(TlsPostgresql):
    """Wants passwords as they are, as a pooler or PAM does."""

    def _initialise(self):
        super()._initialise()
        rules = self.folder / "data" / "pg_hba.conf"
        text = rules.read_text(encoding="utf-8")
        assert "scram-sha-256" in text
        rules.write_text(text.replace("scram-sha-256", "password"), encoding="utf-8")


@needs_require_auth
def test_with_tls_required_postgresql_may_ask_as_it_likes():
    with started(ClearTlsPostgresql) as server:
        address = sa.make_url(server.create_database()).set(host=REMOTE)
        text = address.render_as_string(hide_password=False)
        login(f"{text}?sslmode=require")
        with pytest.raises(DatabaseError, match="requested a cleartext password"):
            login(text)  # encrypted this time, but nothing says that it must be


@needs_require_auth
def test_what_the_environment_says_of_postgresqls_logins_holds(monkeypatch):
    with CleartextPostgresql() as server:
        for name, value in (("PGREQUIREAUTH", "password"), ("PGSSLMODE", "disable")):
            monkeypatch.setenv(name, value)
        with contextlib.suppress(DatabaseError):
            login(postgresql_address(server, REMOTE))
    assert PASSWORD.encode() in server.got


# What a check says


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        *(("", True), ("localhost", True), ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True)),
        *(("::ffff:127.0.0.1", True), ("/run/postgresql", True), ("@abstract", True)),
        *((REMOTE, False), ("10.0.0.7", False), ("0.0.0.0", False), ("localhost.example", False)),
        *(("::ffff:10.0.0.7", False), ("2001:db8::1", False), ("127.0.0.1.example", False)),
    ],
)
def test_which_hosts_are_this_machine(host, is_local):
    assert is_local_host(host) is is_local


POSTGRESQL = "sslmode=verify-full"
MYSQL = "ssl-mode=VERIFY_IDENTITY"
HERE = __file__
"""Any file that is there."""


@pytest.mark.parametrize(
    ("address", "option"),
    [
        (f"postgresql://u:p@{REMOTE}/shop", POSTGRESQL),
        (f"postgresql://u:p@{REMOTE}/shop?sslmode=require", POSTGRESQL),
        ("postgresql://u:p@localhost/shop?hostaddr=10.0.0.7", POSTGRESQL),
        ("postgresql://u:p@/shop?host=localhost:5432&host=db.example:5432", POSTGRESQL),
        ("postgresql://u:p@/shop?service=far", POSTGRESQL),
        (f"postgresql://u:p@{REMOTE}/shop?sslmode=require&sslrootcert={HERE}", None),
        (f"postgresql://u:p@{REMOTE}/shop?sslmode=prefer&sslrootcert={HERE}", POSTGRESQL),
        (f"postgresql://u:p@{REMOTE}/shop?sslmode=verify-ca&sslrootcert={HERE}", None),
        (f"postgresql://u:p@{REMOTE}/shop?sslmode=verify-full&sslrootcert={HERE}", None),
        (f"postgresql://u:p@{REMOTE}/shop?sslrootcert=system", None),
        (f"postgresql://u:p@{REMOTE}/shop?hostaddr=127.0.0.1", None),
        ("postgresql://u:p@127.0.0.1/shop", None),
        ("postgresql:///shop", None),
        ("postgresql://u:p@/shop?host=/run/postgresql", None),
        (f"mysql://u:p@{REMOTE}/shop", MYSQL),
        (f"mysql://u:p@{REMOTE}/shop?ssl-mode=REQUIRED", MYSQL),
        (f"mysql://u:p@{REMOTE}/shop?ssl-mode=DISABLED&ssl_ca={HERE}", MYSQL),
        (f"mysql://u:p@{REMOTE}/shop?ssl_ca={HERE}", None),
        (f"mysql://u:p@{REMOTE}/shop?ssl-mode=VERIFY_CA&ssl_ca={HERE}", None),
        (f"mysql://u:p@{REMOTE}/shop?ssl-mode=VERIFY_IDENTITY&ssl_ca={HERE}", None),
        ("mysql://u:p@localhost/shop", None),
        (f"mysql://u:p@{REMOTE}/shop?unix_socket=/run/mysqld/mysqld.sock", None),
        ("sqlite:////srv/shop.db", None),
    ],
)
def test_whom_nothing_vouches_for_is_warned_of(address, option, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    findings = Findings()
    check_trust("connection", open_database(normalise_url(address)), findings)
    (*found,) = findings.report().findings
    if option is None:
        assert found == []
    else:
        assert [finding.level for finding in found] == [Level.WARNING]
        assert f"?{option}" in found[0].what_to_do


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_check_warns_of_such_a_server_once(tmp_path, request, kind):
    server = request.getfixturevalue(kind)
    shop = shop_with_a_night(tmp_path, server.create_database())
    far = sa.make_url(shop.url).set(host=REMOTE).render_as_string(hide_password=False)
    shop.set(DATABASE_URL=far)
    with resolved():
        alone = shop.recommend("check")
        shop.set(TARGET_DATABASE_URL=shop.url)
        beside = shop.recommend("check")
    for outcome in (alone, beside):
        assert outcome.code is ExitCode.DONE
        said = " ".join(outcome.out.split())
        assert said.count("Nothing proves that") == 1
        assert (POSTGRESQL if kind == "postgresql" else MYSQL) in said
