"""A line between the program and a server of the tests that can be cut at an exact place."""

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

_BLOCK = 1 << 16


class Moment(Enum):
    """When a line is cut."""

    UNHEARD = auto()
    """the server gets nothing of what was sent"""
    HALF = auto()
    """the server gets half of it"""
    UNANSWERED = auto()
    """the server gets all of it and answers, but the answer is lost"""
    HALF_ANSWERED = auto()
    """half of the server's answer arrives"""
    SILENT = auto()
    """nothing is carried any more, over any line, and none is closed: not one of new ones either"""


@dataclass
class Cut:
    """Where to cut, once: at what is sent with the word in it, where another was sent before."""

    word: bytes
    moment: Moment
    before: bytes = b""
    is_done: bool = False


class _Line:
    """One connection of a client and its own to the server."""

    def __init__(self, client: socket.socket, server: socket.socket, cut: Cut | None) -> None:
        self._client, self._server, self._cut = client, server, cut
        self._was_sent = cut is not None and not cut.before
        self._is_asked = False

    def close(self) -> None:
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @property
    def _is_silent(self) -> bool:
        return self._cut is not None and self._cut.is_done and self._cut.moment is Moment.SILENT

    def _is_here(self, data: bytes) -> bool:
        cut = self._cut
        if cut is None or cut.is_done:
            return False
        is_here = self._was_sent and cut.word in data
        self._was_sent |= cut.before in data
        cut.is_done = is_here
        return is_here

    def send(self) -> None:
        """Carry what the client says to the server."""
        with suppress(OSError):
            while data := self._client.recv(_BLOCK):
                if self._is_silent:
                    return
                if self._is_here(data):
                    assert self._cut is not None
                    if self._cut.moment is Moment.SILENT:
                        return
                    if self._cut.moment is Moment.UNHEARD:
                        break
                    if self._cut.moment is Moment.HALF:
                        self._server.sendall(data[: len(data) // 2])
                        break
                    self._is_asked = True
                self._server.sendall(data)
        self.close()

    def answer(self) -> None:
        """Carry what the server says to the client."""
        with suppress(OSError):
            while data := self._server.recv(_BLOCK):
                if self._is_silent:
                    return
                if self._is_asked:
                    assert self._cut is not None
                    if self._cut.moment is Moment.HALF_ANSWERED:
                        self._client.sendall(data[: len(data) // 2])
                    break
                self._client.sendall(data)
        self.close()


class Proxy:
    """Listens on a free port of this machine and carries all to the server's.

    Args:
        port: the server's.
        cut: where one connection is cut.
        stays_down: after the cut no new ones are made; those that are there stay, silent ones too.
    """

    def __init__(self, port: int, cut: Cut | None = None, *, stays_down: bool = False) -> None:
        self._to, self._cut, self._stays_down = port, cut, stays_down
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lines: list[_Line] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def _is_down(self) -> bool:
        return self._stays_down and self._cut is not None and self._cut.is_done

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_down:
                    client.close()
                    continue
                line = _Line(client, socket.create_connection(("127.0.0.1", self._to)), self._cut)
                self._lines.append(line)
                for carry in (line.send, line.answer):
                    thread = threading.Thread(target=carry, daemon=True)
                    thread.start()
                    self._threads.append(thread)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self._lines:
            line.close()
        for thread in self._threads:
            thread.join(10)
        for line in self._lines:
            line._client.close()
            line._server.close()
