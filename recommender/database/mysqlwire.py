"""What a MariaDB or MySQL server gets from this machine: the file it was just offered, no readable password.

Of itself PyMySQL opens and sends whatever file a server names, in answer to any statement, and gives the
password in clear text to whoever asks for it. Both is of the protocol: https://mariadb.com/kb/en/connection/
and https://dev.mysql.com/doc/refman/8.4/en/load-data-local-security.html.
"""

import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pymysql.connections import Connection
from pymysql.constants import CLIENT, CR
from pymysql.err import OperationalError

from recommender.database import silence
from recommender.database.codes import ASKS_FOR_FILES, CLEAR_TEXT, Advice
from recommender.database.urls import is_local_host
from recommender.errors import DatabaseError
from recommender.system.text import printable, shortened

_FILE_REQUEST = b"\xfb"
_BLOCK = 16 * 1024
"""As PyMySQL sends them: below the largest packet that any server takes."""
_CLEAR = {b"mysql_clear_password", b"dialog"}
"""Logins that send the password as it is."""
_OLD = b"mysql_old_password"
"""Of before MySQL 4.1: what it sends serves as well as the password."""


class SilentMySQLError(silence.Silence, OperationalError):
    """The server did not answer."""


class GuardedConnection(Connection):
    """A connection of PyMySQL that hands over nothing that it did not offer, and does not wait for ever.

    A server that asks for more is refused, and the connection is over: whatever is asked of it later fails
    with the same error. PyMySQL has no public way to its packets; what is overridden here is in all of 1.2.

    Args:
        said_as: how errors name the database.
        loads: whether `load` will be called; else the server is not even told that it could ask for files.
        patience_seconds: so long the server may be silent.
        client_flag: flags of the protocol.
        arguments: as PyMySQL takes them.

    Raises:
        DatabaseError: the server asks for the password in a way that others could read; it was not sent.
        SilentServerError: it says nothing.
    """

    _secure: bool
    """Over TLS or a socket of this machine."""
    _sock: Any
    _read_timeout: float | None
    _write_timeout: float | None

    def __init__(
        self, *, said_as: str, loads: bool, patience_seconds: float, client_flag: int = 0, **arguments: Any
    ) -> None:
        self._said_as = said_as
        self._refusal: DatabaseError | None = None
        self._is_answer_next = False
        self._offer: tuple[bytes, Iterable[bytes]] | None = None
        """Holds for the answer to the statement that was sent last."""
        self._next_offer: tuple[bytes, Iterable[bytes]] | None = None
        self._public_key: bytes | None = None
        flags = client_flag | (CLIENT.LOCAL_FILES if loads else 0)
        super().__init__(
            client_flag=flags,
            local_infile=False,
            **{"read_timeout": patience_seconds, "write_timeout": patience_seconds} | arguments,
        )

    def load(self, statement: str, name: str, pieces: Iterable[bytes]) -> None:
        """Run a LOAD DATA LOCAL INFILE.

        Args:
            statement: names a file.
            name: so the server must ask for it, once; it is the name of no file that would be opened.
            pieces: what the server gets; when making them fails, the connection is over.

        Raises:
            DatabaseError: it asks for another file, or again.
            pymysql.MySQLError: it refused the statement, or is gone.
        """
        self._next_offer = name.encode(), pieces
        try:
            self.query(statement)
        finally:
            self._offer = self._next_offer = None

    def rollback(self) -> None:
        """Roll back; over a connection that is closed the server has done so by itself."""
        if self.open:
            super().rollback()

    def _refused(self, reason: str, advice: Advice) -> DatabaseError:
        self._force_close()  # type: ignore[attr-defined]
        self._refusal = DatabaseError(
            advice.code, f"{self._said_as} could not be used: {reason}.", advice.what_to_do
        )
        return self._refusal

    def _create_ssl_ctx(self, sslp: Mapping[str, Any]) -> ssl.SSLContext:
        """What PyMySQL makes of the options; without the system's authorities where it verifies nobody.

        It reads all of them for each connection, 20 ms of computing.
        """
        if {*sslp} <= {"check_hostname"}:  # nothing to verify a server by
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        return super()._create_ssl_ctx(sslp)  # type: ignore[misc, no-any-return]

    # Silence

    def connect(self, sock: Any = None) -> None:
        """Connect and log in."""
        patience = self._read_timeout, self._write_timeout
        self._read_timeout = self._write_timeout = self.connect_timeout
        try:
            super().connect(sock)
        finally:
            self._read_timeout, self._write_timeout = patience

    def lost(self, error: OSError) -> OperationalError:
        """The driver's error for what ended the connection while its answer was read past the driver."""
        silent = _silence(error, self._sock)
        self._force_close()  # type: ignore[attr-defined]
        return silent or OperationalError(
            CR.CR_SERVER_LOST, f"Lost connection to MySQL server during query ({error})"
        )

    @contextmanager
    def _told_of_silence(self) -> Iterator[None]:
        sock = self._sock
        try:
            yield
        except OperationalError as error:
            if silent := _silence(error.__context__, sock):
                raise silent from error
            raise

    def _read_bytes(self, num_bytes: int) -> bytes:
        with self._told_of_silence():
            return super()._read_bytes(num_bytes)  # type: ignore[misc, no-any-return]

    def _write_bytes(self, data: bytes) -> None:
        with self._told_of_silence():
            super()._write_bytes(data)  # type: ignore[misc]

    # Files

    def _execute_command(self, command: int, sql: str | bytes) -> None:
        if self._refusal is not None:
            raise self._refusal
        super()._execute_command(command, sql)  # type: ignore[misc]
        self._is_answer_next = True
        self._offer, self._next_offer = self._next_offer, None

    def _read_query_result(self, unbuffered: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyMySQL's own
        self._is_answer_next = True  # also of a further result, for which nothing is sent
        return super()._read_query_result(unbuffered)  # type: ignore[misc]

    def _read_packet(self, *packet_type: Any) -> Any:
        is_answer, self._is_answer_next = self._is_answer_next, False
        packet = super()._read_packet(*packet_type)  # type: ignore[no-untyped-call]
        # Only at the beginning of an answer: a row begins with the same byte where its first field is NULL.
        while is_answer and packet.get_all_data()[:1] == _FILE_REQUEST:
            self._hand_over(packet.get_all_data()[1:])
            packet = super()._read_packet(*packet_type)  # type: ignore[no-untyped-call]
        return packet

    def _hand_over(self, name: bytes) -> None:
        offer, self._offer = self._offer, None
        if offer is None or offer[0] != name:
            shown = shortened(printable(name.decode(errors="replace")))
            raise self._refused(
                f"the server asked for the file '{shown}' of this machine, which no statement of ours offers;"
                " nothing was sent in answer",
                ASKS_FOR_FILES,
            )
        try:
            for piece in offer[1]:
                for start in range(0, len(piece), _BLOCK):
                    self.write_packet(piece[start : start + _BLOCK])
        except Exception:
            self._force_close()  # type: ignore[attr-defined]  # or the server would take half a list for all
            raise
        self.write_packet(b"")

    # Passwords

    def _process_auth(self, plugin_name: bytes, *more: Any) -> Any:
        if plugin_name == _OLD or (plugin_name in _CLEAR and not self._secure):
            raise self._refused(
                f"the server asks for the password by {plugin_name.decode()}, which others could read on the"
                " way; it was not sent",
                CLEAR_TEXT,
            )
        return super()._process_auth(plugin_name, *more)  # type: ignore[misc]

    @property
    def server_public_key(self) -> bytes | None:
        """The key to encrypt the password with, where there is no TLS: as the server says, without proof."""
        return self._public_key

    @server_public_key.setter
    def server_public_key(self, key: bytes | None) -> None:
        if key is not None and not is_local_host(self.host):
            raise self._refused(
                "the server asks for the password encrypted with a key that anybody on the way could have put"
                " in the place of its own; it was not sent",
                CLEAR_TEXT,
            )
        self._public_key = key


def _silence(error: BaseException | None, sock: Any) -> SilentMySQLError | None:
    """Where our own limit has ended the wait: the system's, for a line that is dead, has a number."""
    is_ours = isinstance(error, TimeoutError) and error.errno is None and sock is not None
    return SilentMySQLError(sock.gettimeout()) if is_ours else None
