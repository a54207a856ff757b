"""Database addresses: the forms people have, and passwords that never come out again."""

import sys
import tomllib
import traceback
from pathlib import Path

import pymysql
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import URL

import recommender.database
from recommender.database import open_database, urls
from recommender.database.urls import describe, install_command, masked, normalise_url, secrets_of
from recommender.errors import DatabaseError, SettingsError

SECRET = "s3cret-Pa$$wo:rd/@"
# What is printable, but for the star; whole texts would hardly ever pass a filter.
characters = st.characters(exclude_categories=("C", "Z"), include_characters=" ", exclude_characters="*")
secrets = st.text(characters, min_size=12, max_size=30)


@pytest.mark.parametrize(
    ("given_text", "driver"),
    [
        ("postgres://u:p@h/db", "postgresql+psycopg"),
        ("postgresql://u:p@h:5432/db?sslmode=require", "postgresql+psycopg"),
        ("postgresql+psycopg:///db", "postgresql+psycopg"),
        ("POSTGRES://u:p@h/db", "postgresql+psycopg"),
        (" mysql://u:p@h/db\n", "mysql+pymysql"),
        ("mariadb://u:p@h/db", "mysql+pymysql"),
        ("mariadb+pymysql://u:p@h/db", "mysql+pymysql"),
        ("mysql+pymysql://u:p@h/db?charset=utf8mb4", "mysql+pymysql"),
        ("sqlite:////srv/shop.db", "sqlite+pysqlite"),
    ],
)
def test_forms_that_people_have(given_text, driver):
    assert normalise_url(given_text).drivername == driver


def test_a_relative_file_is_beside_the_env_file(tmp_path):
    assert normalise_url("sqlite:///shop.db", tmp_path).database == str(tmp_path / "shop.db")
    assert normalise_url("sqlite:////srv/shop.db", tmp_path).database == "/srv/shop.db"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cannot be read"),
        ("shop.db", "cannot be read"),
        ("jdbc:postgresql://h/db", "cannot be read"),
        (f"postgresql://user:{SECRET}@host/db", "cannot be read"),
        (f"mysql://user@example.com:{SECRET}@host/db", "cannot be read"),
        (f"mysql://user:{SECRET}@host:port/db", "cannot be read"),
        ("mysql://user:s3@cret/wo#rd@host:3306/db", "cannot be read"),
        ("postgresql://user:s@?3=s3cret@host/db", "cannot be read"),
        ("postgresql://user:s@h/d?3=s3cret@host/db", "cannot be read"),
        ("postgresql://user:0000000000@?@host/db", "cannot be read"),
        ("oracle://u:p@h/db", "oracle:// is not supported|begins with oracle://"),
        ("postgresql+asyncpg://u:p@h/db", "driver asyncpg"),
        ("mysql+mariadbconnector://u:p@h/db", "driver mariadbconnector"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://shop.db", "names no file"),
        ("mysql://u:verysecret@h", "names no database"),
        ("postgresql://u:verysecret@h/?password=verysecret", "names no database"),
        ("mysql://u:verysecret@h/db?ssl-mode=verysafe", "ssl-mode=verysafe"),
        ("mysql://u:verysecret@h/db?ssl-mode=VERIFY_CA", "no ssl_ca"),
        ("mysql://u:verysecret@h/db?ssl-mode=VERIFY_IDENTITY", "no ssl_ca"),
        ("mysql://u:verysecret@h/db?allowMultiQueries=true", "allowMultiQueries"),
    ],
)
def test_other_texts_are_refused_without_their_password(text, reason):
    with pytest.raises(SettingsError, match=reason) as caught:
        normalise_url(text)
    told = "".join(traceback.format_exception(caught.value))
    assert not any(piece in told for piece in ("verysecret", "s3cret", "wo:rd"))
    assert caught.value.what_to_do


@given(secrets)
@example("0000000000@?")
@example("abc@h/d?xyz=12345")
def test_no_piece_of_a_password_is_told_when_the_address_cannot_be_read(secret):
    """Most people paste the password as it is; some of these read as another address."""
    told = []
    try:
        url = normalise_url(f"postgresql://user:{secret}@db.example.org/shop")
        told += [describe(url), masked(url), str(url.host)]
    except SettingsError as error:
        told += traceback.format_exception(error)
    assert secret not in "".join(told)
    assert told[2:] == ["db.example.org"] or "cannot be read" in told[-1]


@given(secrets, secrets)
def test_masked_addresses_hold_no_password(password, second):
    url = URL.create("postgresql+psycopg", "user", password, "host", 5432, "shop", {"sslpassword": second})
    plain = url.render_as_string(hide_password=False)
    normalised = normalise_url(plain)
    assert normalised == url
    assert set(secrets_of(normalised)) == {password, second}
    bare = URL.create("postgresql+psycopg", "user", "***", "host", 5432, "shop", {"sslpassword": "***"})
    assert masked(normalised) == bare.render_as_string(hide_password=True)
    assert describe(normalised) == "the PostgreSQL database shop on host:5432"


@pytest.mark.parametrize("option", ["password", "passwd", "PASSWORD", "sslpassword", "oauth_client_secret"])
def test_passwords_in_options_are_masked(option):
    url = URL.create("postgresql+psycopg", "user", host="host", database="shop", query={option: SECRET})
    assert secrets_of(url) == [SECRET]
    assert "s3cret" not in masked(url)
    assert option in masked(url)


@pytest.mark.parametrize(
    ("given_options", "ours"),
    [
        ("reconnect=true", {}),  # Heroku's add-ons
        ("ssl-mode=REQUIRED", {"ssl_check_hostname": "false"}),  # DigitalOcean, Aiven
        ("sslmode=require", {"ssl_check_hostname": "false"}),
        ("ssl-mode=PREFERRED&serverTimezone=UTC", {}),
        ("ssl-mode=DISABLED", {"ssl_disabled": "true"}),
        (
            f"ssl_mode=VERIFY_IDENTITY&ssl_ca={__file__}",
            {"ssl_check_hostname": "true", "ssl_ca": __file__},
        ),
        ("unix_socket=/run/mysqld/mysqld.sock", {"unix_socket": "/run/mysqld/mysqld.sock"}),
    ],
)
def test_options_of_hosting_panels(given_options, ours):
    assert dict(normalise_url(f"mysql://u:p@h/db?{given_options}").query) == ours


@pytest.mark.parametrize(
    ("text", "install"),
    [
        ("postgresql://u:p@h/db", "pip install 'psycopg[binary]>=3.2'"),
        ("mysql://u:p@h/db", "pip install 'pymysql>=1.2'"),
        ("mysql+mysqldb://u:p@h/db", "pip install mysqlclient"),
    ],
)
def test_a_missing_driver_comes_with_the_install_command(text, install, monkeypatch):
    monkeypatch.setattr(urls, "find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match="not installed") as caught:
        normalise_url(text)
    assert install in caught.value.what_to_do


def test_what_is_printed_to_install_is_what_the_program_needs_and_never_our_own_name():
    """Nobody has registered it, so whoever does would run code as the job."""
    root = Path(recommender.__file__).parent.parent
    needs = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = needs["optional-dependencies"]
    for address, (requirement,) in (("postgresql:", extras["postgres"]), ("mysql:", extras["mysql"])):
        assert (
            urls.install_hint(normalise_url(f"{address}//u:p@h/db"))
            == f"Install it: pip install '{requirement}'"
        )
    told = [*root.glob("recommender/**/*.py"), *root.glob("docs/**/*.md"), root / "README.md"]
    text = "".join(path.read_text(encoding="utf-8") for path in told)
    assert f"install {needs['name']}" not in text
    assert f"{needs['name']}[" not in text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("postgresql://u:p@/db?host=/run/postgresql", "the PostgreSQL database db on /run/postgresql"),
        ("mysql://u:p@/db?unix_socket=/run/my.sock", "the MariaDB/MySQL database db on /run/my.sock"),
        ("postgresql:///db", "the PostgreSQL database db on localhost"),
        ("mysql://u:p@h:3307/db", "the MariaDB/MySQL database db on h:3307"),
        ("sqlite:////srv/shop.db", "the SQLite file /srv/shop.db"),
    ],
)
def test_names_in_messages(text, name):
    assert describe(normalise_url(text)) == name


def test_a_driver_without_its_library_comes_with_the_install_command(monkeypatch):
    def lacks_libpq(_module):
        raise ImportError("no pq wrapper available")

    monkeypatch.setattr(recommender.database, "import_module", lacks_libpq)
    with pytest.raises(SettingsError, match="no pq wrapper available") as caught:
        open_database(normalise_url("postgresql://u:verysecret@h/db"))
    assert "pip install 'psycopg[binary]>=3.2'" in caught.value.what_to_do
    assert "verysecret" not in str(caught.value)


@pytest.mark.parametrize("package", ["cryptography", "pynacl"])
def test_a_login_that_needs_another_package_comes_with_its_name(monkeypatch, package):
    found = open_database(normalise_url("mysql://u:p@h/db"))

    def wants_rsa(*_):
        raise RuntimeError(f"'{package}' package is required for this login")

    monkeypatch.setattr(pymysql.connections.Connection, "connect", wants_rsa)
    with pytest.raises(DatabaseError, match="cannot do alone") as caught, found.connect():
        pass
    assert f"pip install {package}" in caught.value.what_to_do


@pytest.mark.parametrize(
    ("prefix", "command"),
    [
        ("/home/me/.venv", "pip install mysqlclient"),
        ("/home/me/.local/share/pipx/venvs/recommend-nightly", "pipx inject recommend-nightly mysqlclient"),
        (
            "/home/me/.local/share/uv/tools/recommend-nightly",
            f"uv pip install --python {sys.executable} mysqlclient",
        ),
    ],
)
def test_a_missing_driver_is_installed_as_the_program_was(monkeypatch, prefix, command):
    monkeypatch.setattr(sys, "prefix", prefix)
    assert install_command("mysqlclient") == command
