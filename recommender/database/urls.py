"""Database addresses: the forms people have, the driver filled in, the password kept out of sight."""

import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from recommender.errors import SettingsError

_BACKENDS = {
    "sqlite": "sqlite",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}
_DRIVERS = {"sqlite": ("pysqlite",), "postgresql": ("psycopg",), "mysql": ("pymysql", "mysqldb")}
_MODULES = {"pysqlite": "sqlite3", "psycopg": "psycopg", "pymysql": "pymysql", "mysqldb": "MySQLdb"}
# The drivers themselves: a package of our own name in an index would not be ours.
_PACKAGES = {"psycopg": "'psycopg[binary]>=3.2'", "pymysql": "'pymysql>=1.2'", "mysqldb": "mysqlclient"}

_MYSQL_OPTIONS = {
    *("charset", "unix_socket", "connect_timeout", "read_timeout", "write_timeout", "password", "passwd"),
    *("ssl_ca", "ssl_capath", "ssl_cert", "ssl_key", "ssl_cipher", "ssl_check_hostname"),
}
_SSL_MODES: dict[str, dict[str, str]] = {
    "disabled": {"ssl_disabled": "true"},
    "preferred": {},
    "required": {"ssl_check_hostname": "false"},
    "require": {"ssl_check_hostname": "false"},
    "verify_ca": {"ssl_check_hostname": "false"},
    "verify_identity": {"ssl_check_hostname": "true"},
}
FILES = {
    *("ssl_ca", "ssl_capath", "ssl_cert", "ssl_key"),
    *("sslrootcert", "sslcert", "sslkey", "sslcrl"),
}
"""Options that name files; `sslrootcert=system` does not."""
_FOREIGN_OPTIONS = {"reconnect", "servertimezone", "useunicode", "characterencoding", "serverversion", "pool"}
"""Written by hosting panels for other languages; nothing here depends on them."""


def install_command(package: str) -> str:
    """What puts a package beside this program, by the way in which it was installed."""
    parts = Path(sys.prefix).parts
    if "pipx" in parts:
        return f"pipx inject recommend-nightly {package}"
    if "uv" in parts and "tools" in parts:
        return f"uv pip install --python {sys.executable} {package}"
    return f"pip install {package}"


def normalise_url(text: str, base: Path | None = None) -> URL:
    """A SQLAlchemy URL with our driver filled in.

    Takes SQLAlchemy's form and the forms hosting panels give: `postgres://`, `postgresql://`, `mysql://`,
    `mariadb://`. A relative path, also of a certificate, begins in `base` (the folder of the `.env`).

    Raises:
        SettingsError: not an address, a database we do not know, a driver that is not ours or not installed.
    """
    url = _parsed(text.strip())
    name, _, driver = url.drivername.lower().partition("+")
    backend = _BACKENDS.get(name)
    if backend is None:
        raise SettingsError(
            "address",
            f"The database address begins with {url.drivername}://, which is not supported.",
            "Use postgresql://, mysql://, mariadb:// or sqlite:///.",
        )
    driver = driver or _DRIVERS[backend][0]
    if driver not in _DRIVERS[backend]:
        raise SettingsError(
            "address",
            f"The database address asks for the driver {driver}, which is not supported.",
            f"Write {backend}:// alone, or {backend}+{_DRIVERS[backend][0]}://.",
        )
    if find_spec(_MODULES[driver]) is None:
        raise SettingsError(
            "driver-missing",
            f"The driver for {backend} ({_MODULES[driver]}) is not installed.",
            install_hint(url.set(drivername=f"{backend}+{driver}")),
        )
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            raise SettingsError(
                "address",
                "The SQLite address names no file.",
                "Its form is sqlite:///shop.db or sqlite:////srv/shop.db.",
            )
        url = url.set(database=str((base or Path.cwd()) / url.database))
    elif not url.database:
        raise SettingsError(
            "address", f"The database address {masked(url)} names no database.", "Put /name behind the host."
        )
    if backend == "mysql":
        url = _with_known_options(url, driver)
    url = _with_files(url, base or Path.cwd())
    return url.set(drivername=f"{backend}+{driver}")


def _parsed(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    # An @, : or / in a password that is not written %40, %3A or %2F leaves a piece of it in what follows.
    if url is None or re.search(r"[@\s]", url.host or "") or _has_cut_password(url, text):
        # Neither the text nor the error behind is repeated: what cannot be parsed cannot be masked.
        raise SettingsError(
            "address",
            "The database address cannot be read.",
            "Its form is postgresql://user:password@host/database, mysql://… or sqlite:///shop.db; characters"
            " such as @ : / in a password are written %40 %3A %2F.",
        )
    return url


def _has_cut_password(url: URL, text: str) -> bool:
    """Whether an @ stands behind the one that ends the password: that one was its first, not its last."""
    return not url.drivername.startswith("sqlite") and (text.count("@") > 1 or "@" in (url.database or ""))


def _with_known_options(url: URL, driver: str) -> URL:
    """The options of a MySQL address in the driver's words; those of other programs are left out or named.

    No others get through: some let a server read files or passwords of this machine.
    """
    options: dict[str, str | tuple[str, ...]] = {}
    unknown = []
    verifies = encrypts = False
    for name, value in url.query.items():
        plain = name.lower().replace("-", "_")
        if plain in _MYSQL_OPTIONS:
            options[plain] = value
        elif plain in ("ssl_mode", "sslmode"):
            mode = str(value).lower().replace("-", "_")
            if mode not in _SSL_MODES:
                raise SettingsError(
                    "address",
                    f"The database address has {name}={value}, which is not known.",
                    f"Allowed are {', '.join(_SSL_MODES)}.",
                )
            verifies = mode.startswith("verify")
            encrypts = verifies or mode.startswith("require")
            named = "REQUIRED" if mode == "require" else mode.upper()
            options |= _SSL_MODES[mode] if driver == "pymysql" else {"ssl_mode": named}
        elif plain not in _FOREIGN_OPTIONS:
            unknown.append(name)
    if unknown:
        raise SettingsError(
            "address",
            f"The database address has options that are not known: {', '.join(unknown)}.",
            f"Leave them out; known are ssl-mode, {', '.join(sorted(_MYSQL_OPTIONS))}.",
        )
    if verifies and not {"ssl_ca", "ssl_capath"} & set(options):
        raise SettingsError(
            "address",
            "The database address wants the server's certificate verified, but names no ssl_ca.",
            "Add &ssl_ca=/path/to/ca.pem.",
        )
    if driver == "mysqldb" and not (encrypts or "unix_socket" in options or is_local_host(url.host or "")):
        raise SettingsError(
            "address",
            "The database address leaves the login over a network to mysqlclient, whose library may send the"
            " password in clear text to whoever answers.",
            "Begin it with mysql:// (PyMySQL), or add ?ssl-mode=REQUIRED.",
        )
    return url.set(query=options)


def is_local_host(host: str) -> bool:
    """Whether a connection to it stays on this machine: a socket's path, localhost, a loopback address."""
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _with_files(url: URL, base: Path) -> URL:
    """The address with whole paths, of files that can be read: the drivers do not say which cannot."""
    paths = {
        name: str(base / value)
        for name, value in url.query.items()
        if name in FILES and isinstance(value, str) and value != "system"
    }
    for name, path in paths.items():
        try:
            if Path(path).is_dir():
                continue
            with Path(path).open("rb"):
                pass
        except OSError as error:
            raise SettingsError(
                "address",
                f"The database address has {name}={path}, which cannot be read: {error.strerror}.",
                "Check its path and mode; a relative path begins in the folder of .env.",
            ) from error
    return url.update_query_dict(paths)


def install_hint(url: URL) -> str:
    """How to install the driver of a normalised address."""
    package = _PACKAGES.get(url.get_driver_name())
    return f"Install it: {'use a Python with sqlite3' if package is None else install_command(package)}"


def _is_secret(option: str) -> bool:
    return any(word in option.lower() for word in ("pass", "secret", "sslkey"))


def secrets_of(url: URL) -> list[str]:
    """Every password in the address, the longest first, so that none stays behind in part."""
    found = [url.password or ""]
    for option, value in url.query.items():
        if _is_secret(option):
            found += [value] if isinstance(value, str) else value
    return sorted({secret for secret in found if secret}, key=len, reverse=True)


def with_password_of(text: str, before: Sequence[str]) -> str:
    """An address as it was typed, with the password of one that was typed before for the same user.

    Only where it has none itself: so a slip in the host or the database costs no password.
    """
    for one in before:
        try:
            typed, known = make_url(text), make_url(one)
        except (ArgumentError, ValueError):
            continue
        if typed.password is None and typed.username and typed.username == known.username and known.password:
            return typed.set(password=known.password).render_as_string(hide_password=False)
    return text


def masked(url: URL) -> str:
    """The address with its password hidden, also one given as a query parameter."""
    secret = [option for option in url.query if _is_secret(option)]
    return url.update_query_dict(dict.fromkeys(secret, "***")).render_as_string(hide_password=True)


def describe(url: URL) -> str:
    """How messages name a database: kind, name and host, without user and secrets."""
    if url.get_backend_name() == "sqlite":
        return f"the SQLite file {url.database}"
    kind = {"postgresql": "PostgreSQL", "mysql": "MariaDB/MySQL"}[url.get_backend_name()]
    socket = url.query.get("host") or url.query.get("unix_socket")
    host = url.host or (socket if isinstance(socket, str) else None) or "localhost"
    return f"the {kind} database {url.database} on {host}" + (f":{url.port}" if url.port else "")
