"""Servers that ask their client for what is none of theirs: files of its machine, and the password as it is.

`FileAsker` stands between the program and a real MariaDB; the other two are no database at all. What they get
is in `got`.
"""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Self

from tests.faults.injection import patched

REMOTE = "db.example"
"""A host that is not this machine, as far as its name tells; `resolved` leads it here."""
FILE = b"\xfb"
OK = b"\x00\x00\x00\x02\x00\x00\x00"
_MORE = b"\x00\x00\x00\x0a\x00\x00\x00"
"""OK, and another result follows."""
_QUERY = b"\x03"
_BLOCK = 1 << 16
_LOAD = b"LOAD DATA LOCAL INFILE '"


@contextmanager
def resolved() -> Iterator[None]:
    """REMOTE has the address of this machine's tests."""
    known = socket.getaddrinfo

    def found(host: Any, *arguments: Any, **options: Any) -> Any:
        return known("127.0.0.1" if host in (REMOTE, REMOTE.encode()) else host, *arguments, **options)

    with patched(socket, "getaddrinfo", found):
        yield


class Server:
    """Listens on a free port of this machine, or a socket, and answers each client on a thread of its own."""

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.port = int(self._listener.getsockname()[1])
        else:
            self._listener = socket.create_server(str(path), family=socket.AF_UNIX)
        self.got = b""
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                self._start(self._answer, client)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        def quiet() -> None:
            with suppress(OSError, EOFError):
                work(*arguments)

        thread = threading.Thread(target=quiet, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _answer(self, client: socket.socket) -> None:
        """What it does with a client."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in [self._listener, *self._sockets]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(10)


def _exactly(line: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        block = line.recv(size - len(found))
        if not block:
            raise EOFError
        found += block
    return found


def _packet(line: socket.socket) -> tuple[int, bytes]:
    """Number and content of the next packet of MariaDB's protocol."""
    head = _exactly(line, 4)
    return head[3], _exactly(line, int.from_bytes(head[:3], "little"))


def _send(line: socket.socket, number: int, content: bytes) -> None:
    line.sendall(len(content).to_bytes(3, "little") + bytes([number]) + content)


class FileAsker(Server):
    """Carries all to a MariaDB server, but answers one statement itself: with a request for a file.

    Args:
        port: the server's.
        word: in the statement.
        name: of the file; None for the one that the last LOAD DATA has named.
        times: how often it asks in this answer, one after the other.
        is_further: it says first that all is well, and that a further result comes: the client reads on.
        is_late: it takes the first LOAD DATA without asking for the list.
    """

    def __init__(
        self,
        port: int,
        word: bytes,
        name: bytes | None,
        *,
        times: int = 1,
        is_further: bool = False,
        is_late: bool = False,
    ) -> None:
        super().__init__()
        self._to, self._word, self._name = port, word, name
        self._times, self._is_further, self._is_late = times, is_further, is_late
        self.statements: list[bytes] = []
        self.files: list[bytes] = []
        """What was sent for each request that was answered."""
        self.has_asked = False
        self._loaded = b""

    def _answer(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._to))
        self._sockets.append(server)
        self._start(self._carry_back, server, client)
        try:
            while True:
                number, content = _packet(client)
                if number == 0 and content[:1] == _QUERY:
                    self.statements.append(content[1:])
                    if _LOAD in content:
                        self._loaded = content.partition(_LOAD)[2].partition(b"'")[0]
                        if self._is_late:
                            _send(client, 1, OK)
                            continue
                    has_name = self._name is not None or self._loaded
                    if self._word in content and has_name and not self.has_asked:
                        self.has_asked = True
                        self._ask(client)
                        continue
                _send(server, number, content)
        finally:
            server.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _carry_back(server: socket.socket, client: socket.socket) -> None:
        while block := server.recv(_BLOCK):
            client.sendall(block)
        client.shutdown(socket.SHUT_RDWR)

    def _ask(self, client: socket.socket) -> None:
        number = 1
        if self._is_further:
            _send(client, number, _MORE)
            number += 1
        for _ in range(self._times):
            _send(client, number, FILE + (self._loaded if self._name is None else self._name))
            content, block = b"", b"begin"
            while block:
                number, block = _packet(client)
                content += block
            self.files.append(content)
            number += 1
        _send(client, number % 256, OK)

    @property
    def loads(self) -> int:
        """How many LOAD DATA statements have passed."""
        return sum(_LOAD in statement for statement in self.statements)


class PasswordAsker(Server):
    """Speaks MariaDB's protocol as far as the login: asks for the password by a plugin.

    Args:
        plugin: its name.
        data: what comes with it: a prompt, a salt.
        first: whether the plugin is the server's usual one, as the greeting says; else it is switched to.
        then: what is answered to each packet of the client's that follows.
        tls: to take a connection with TLS.
        path: of the socket to listen on.
    """

    def __init__(
        self,
        plugin: bytes,
        data: bytes = b"",
        *,
        first: bool = False,
        then: tuple[bytes, ...] = (),
        tls: ssl.SSLContext | None = None,
        path: Path | None = None,
    ) -> None:
        super().__init__(path)
        self._plugin, self._data, self._is_first, self._then, self._tls = plugin, data, first, then, tls

    _CAPABILITIES: ClassVar[int] = 0x1 | 0x8 | 0x200 | 0x8000 | 1 << 19 | 1 << 21
    _SSL: ClassVar[int] = 0x800

    def _answer(self, client: socket.socket) -> None:
        flags = self._CAPABILITIES | (self._SSL if self._tls else 0)
        plugin = self._plugin if self._is_first else b"mysql_native_password"
        greeting = b"\x0a8.0.36\0" + struct.pack("<I", 7) + b"saltsalt\0" + struct.pack("<H", flags & 0xFFFF)
        greeting += (
            struct.pack("<BHHB", 45, 2, flags >> 16, 21) + bytes(10) + b"saltsaltsalt\0" + plugin + b"\0"
        )
        _send(client, 0, greeting)
        number, content = _packet(client)
        if self._tls:
            client = self._tls.wrap_socket(client, server_side=True)
            self._sockets.append(client)
            number, content = _packet(client)
        self.got += content
        if not self._is_first:
            _send(client, number + 1, b"\xfe" + self._plugin + b"\0" + self._data)
            number, content = _packet(client)
            self.got += content
        for answer in self._then:
            _send(client, number + 1, answer)
            number, content = _packet(client)
            self.got += content
        _send(client, number + 1, OK)
        self.got += client.recv(_BLOCK)
        client.close()


class CleartextPostgresql(Server):
    """Speaks PostgreSQL's protocol as far as the login, without TLS: asks for the password in clear text."""

    def _answer(self, client: socket.socket) -> None:
        size, code = struct.unpack(">II", _exactly(client, 8))
        while code in (80877103, 80877104):  # TLS, or encryption by GSSAPI
            client.sendall(b"N")
            size, code = struct.unpack(">II", _exactly(client, 8))
        _exactly(client, size - 8)
        client.sendall(b"R" + struct.pack(">II", 8, 3))
        self.got += client.recv(_BLOCK)
        client.close()
