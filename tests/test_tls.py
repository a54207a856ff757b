"""TLS to the database: what each option of an address verifies, tried on real servers with certificates."""

import os
import ssl
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from sqlalchemy import make_url

from recommender.database import open_database
from recommender.database.codes import NO_TLS, NOT_TRUSTED
from recommender.database.urls import normalise_url
from recommender.errors import DatabaseError
from tests.conftest import leave_out
from tests.servers import Mariadb, MissingServerError, Postgresql

ENCRYPTED = {
    "postgresql": "SELECT CASE WHEN ssl THEN cipher END FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mysql": "SELECT NULLIF(variable_value, '') FROM information_schema.session_status"
    " WHERE variable_name = 'SSL_CIPHER'",
}
"""The cipher of this very connection as the server knows it; NULL where there is none."""


def openssl(*arguments):
    try:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
    except FileNotFoundError:
        leave_out("no openssl on this machine; apt-get install openssl")


def make_authority(folder: Path, name: str) -> tuple[Path, Path]:
    """The certificate and the key of an authority of our own."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", f"/CN={name}", "-days", 2, "-keyout", key, "-out", certificate),
    )
    return certificate, key


def make_certificate(folder: Path, authority: tuple[Path, Path], host: str) -> tuple[Path, Path]:
    """A server's certificate for this host, signed by the authority, and its key."""
    request, certificate, key = (folder / f"server.{end}" for end in ("csr", "pem", "key"))
    (folder / "names").write_text(f"subjectAltName={host}\n", encoding="utf-8")
    openssl(
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", "/CN=server", "-keyout", key, "-out", request),
    )
    openssl(
        *("x509", "-req", "-in", request, "-CA", authority[0], "-CAkey", authority[1], "-CAcreateserial"),
        *("-days", 2, "-extfile", folder / "names", "-out", certificate),
    )
    return certificate, key


class TlsPostgresql(Postgresql):
    """Takes connections with TLS and without."""

    def _initialise(self):
        super()._initialise()
        certificate, key = _given_to(self)
        self.options |= {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key)}


class TlsMariadb(Mariadb):
    """Takes connections with TLS and without."""

    def _initialise(self):
        super()._initialise()
        certificate, key = _given_to(self)
        self.options |= {"ssl-cert": str(certificate), "ssl-key": str(key)}


def _given_to(server):
    """A certificate for 127.0.0.1 in the server's folder, its key for the server's account alone."""
    authority = make_authority(server.folder, "authority")
    certificate, key = make_certificate(server.folder, authority, "IP:127.0.0.1")
    key.chmod(0o600)
    if "user" in server._as_account:
        for path in (certificate, key):
            os.chown(path, server._as_account["user"], server._as_account["group"])
    return certificate, key


def started(kind):
    try:
        return kind()
    except MissingServerError as error:
        leave_out(str(error))


@pytest.fixture(scope="module")
def tls_postgresql():
    with started(TlsPostgresql) as server:
        yield server


@pytest.fixture(scope="module")
def tls_mariadb():
    with started(TlsMariadb) as server:
        yield server


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """The certificate of an authority that has signed nothing here."""
    return make_authority(tmp_path_factory.mktemp("stranger"), "stranger")[0]


def cipher(server, options, host="127.0.0.1"):
    """What a connection with these options is encrypted with; None where it is not."""
    address = make_url(server.create_database()).set(host=host).render_as_string(hide_password=False)
    authority = server.folder / "authority.pem"
    database = open_database(normalise_url(f"{address}?{options.format(authority=authority)}"))
    with database.connect() as connection:
        return connection.exec_driver_sql(ENCRYPTED[database.backend]).scalar()


@pytest.mark.parametrize(
    ("options", "is_encrypted"),
    [
        ("sslmode=disable", False),
        ("sslmode=prefer", True),
        ("sslmode=require", True),
        ("sslmode=verify-ca&sslrootcert={authority}", True),
        ("sslmode=verify-full&sslrootcert={authority}", True),
    ],
)
def test_what_postgresql_encrypts(tls_postgresql, options, is_encrypted):
    assert bool(cipher(tls_postgresql, options)) is is_encrypted


@pytest.mark.parametrize(
    ("options", "is_encrypted"),
    [
        ("ssl-mode=DISABLED", False),
        ("ssl-mode=PREFERRED", True),
        ("ssl-mode=REQUIRED", True),
        ("sslmode=require", True),
        ("ssl-mode=VERIFY_CA&ssl_ca={authority}", True),
        ("ssl-mode=VERIFY_IDENTITY&ssl_ca={authority}", True),
    ],
)
def test_what_mariadb_encrypts(tls_mariadb, options, is_encrypted, monkeypatch):
    """No authority of the system is read for it, which would take 20 ms for each connection."""
    monkeypatch.delattr(ssl.SSLContext, "load_default_certs")
    assert bool(cipher(tls_mariadb, options)) is is_encrypted


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_postgresql_with_a_certificate_of_another_authority_is_refused(tls_postgresql, stranger, mode):
    with pytest.raises(DatabaseError, match="certificate verify failed") as caught:
        cipher(tls_postgresql, f"sslmode={mode}&sslrootcert={stranger}")
    assert caught.value.what_to_do == NOT_TRUSTED.what_to_do


@pytest.mark.parametrize(
    "options", ["ssl-mode=VERIFY_CA&", "ssl-mode=VERIFY_IDENTITY&", "ssl-mode=REQUIRED&", ""]
)
def test_mariadb_with_a_certificate_of_another_authority_is_refused(tls_mariadb, stranger, options):
    with pytest.raises(DatabaseError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        cipher(tls_mariadb, f"{options}ssl_ca={stranger}")
    assert caught.value.what_to_do == NOT_TRUSTED.what_to_do


def test_postgresqls_host_is_verified_by_verify_full_alone(tls_postgresql):
    """The certificate is for 127.0.0.1, the address says localhost."""
    assert cipher(tls_postgresql, "sslmode=verify-ca&sslrootcert={authority}", "localhost")
    with pytest.raises(DatabaseError, match="does not match host name") as caught:
        cipher(tls_postgresql, "sslmode=verify-full&sslrootcert={authority}", "localhost")
    assert caught.value.what_to_do == NOT_TRUSTED.what_to_do


def test_mariadbs_host_is_verified_by_verify_identity_alone(tls_mariadb):
    assert cipher(tls_mariadb, "ssl-mode=VERIFY_CA&ssl_ca={authority}", "localhost")
    with pytest.raises(DatabaseError, match="Hostname mismatch") as caught:
        cipher(tls_mariadb, "ssl-mode=VERIFY_IDENTITY&ssl_ca={authority}", "localhost")
    assert caught.value.what_to_do == NOT_TRUSTED.what_to_do


def test_who_requires_tls_never_goes_on_without_it(postgresql, mariadb):
    """Neither server of the session has a certificate."""
    for server, option in ((postgresql, "sslmode=require"), (mariadb, "ssl-mode=REQUIRED")):
        with pytest.raises(DatabaseError, match="SSL") as caught:
            cipher(server, option)
        assert caught.value.what_to_do == NO_TLS.what_to_do
    for server, option in ((postgresql, "sslmode=prefer"), (mariadb, "ssl-mode=PREFERRED")):
        assert cipher(server, option) is None


def test_the_driver_of_mysql_is_one_that_keeps_to_that():
    """Older ones went on without TLS where the server, or somebody between, says that it has none."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
    (text,) = project["project"]["optional-dependencies"]["mysql"]
    assert not Requirement(text).specifier.contains("1.1.2")
    assert Requirement(text).specifier.contains("1.2.0")
