"""A scripted server over a real socket, for what no well-behaved server does on demand."""

from __future__ import annotations

import importlib
import os
import socket
import sys
import threading
from dataclasses import dataclass, field

import pytest

# `WIRE_HTTPX=httpx2` runs these tests on httpx's continuation: one module of the wire names httpx, so this is all.
if os.environ.get("WIRE_HTTPX"):
    sys.modules["httpx"] = importlib.import_module(os.environ["WIRE_HTTPX"])

from claude_magic.wire import Client
from claude_magic.wire._retry import Clock

KEY = "sk-ant-test-0123456789"


@dataclass
class Request:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Server:
    """Answers requests with the steps of `script`, in order; the last one repeats.

    A step is bytes to send as they are, a list of bytes sent one by one, a callable taking the connection, or None to
    hang up. `wrap` makes TLS of a connection; `requests` and `connections` tell what happened.
    """

    script: list = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    wrap: object = None

    def __post_init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection, number):
        if self.wrap is not None:
            try:
                connection = self.wrap(connection)
            except OSError:  # a client that does not trust us
                connection.close()
                return
            self._open.append(connection)
        reader = connection.makefile("rb")
        try:
            while (request := _read(reader, number)) is not None:
                self.requests.append(request)
                step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                if not _perform(step, connection):
                    break
        except OSError:
            pass  # the client hung up in the middle: some tests want that
        finally:
            reader.close()
            connection.close()

    def hang_up(self):
        """Close every connection, as a server does with idle ones."""
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self):
        """Stop listening, hang up, and wait for the threads, so that no socket is left to the collector."""
        if self._socket.fileno() < 0:
            return
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._socket.close()
        self._thread.join(5)
        self.hang_up()
        for thread in self._threads:
            thread.join(5)


def _read(reader, number):
    first = reader.readline()
    if not first:
        return None
    method, target, _ = first.decode("latin-1").split(" ", 2)
    headers = {}
    while (line := reader.readline().rstrip(b"\r\n")) != b"":
        name, _, value = line.partition(b":")
        headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
    body = reader.read(int(headers.get("content-length", 0)))
    return Request(method, target, headers, body, number)


def _perform(step, connection):
    if step is None:
        return False
    if callable(step):
        return step(connection) is not False
    for piece in [step] if isinstance(step, bytes) else step:
        connection.sendall(piece)
    return b"connection: close" not in (step if isinstance(step, bytes) else b"".join(step)).lower()


@pytest.fixture
def server():
    """Return a fresh scripted server."""
    made = Server()
    yield made
    made.close()


class Waits(list):
    """The waits a client made, in seconds, without waiting; `now` stands still at a known time."""

    now = 1_700_000_000.0

    def clock(self):
        return Clock(pause=lambda seconds, _: self.append(seconds), now=lambda: self.now, chance=lambda: 0.0)


@pytest.fixture
def waits():
    """Return the list that the client of the `client` fixture writes its waits to."""
    return Waits()


@pytest.fixture
def client(server, waits):
    """Return a client of the scripted server, with a key, that does not really wait."""
    with Client(base_url=server.url, api_key=KEY, timeout=5, _clock=waits.clock()) as made:
        yield made


def reply(body=b"{}", status=200, reason="OK", **headers):
    """Return a whole HTTP response as bytes; header names with underscores for dashes."""
    data = body if isinstance(body, bytes) else body.encode()
    given = {"content-type": "application/json", "content-length": str(len(data)), "request-id": "req_1"}
    given |= {name.replace("_", "-"): str(value) for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value != "")
    return f"HTTP/1.1 {status} {reason}\r\n{head}\r\n".encode() + data


@pytest.fixture(name="reply")
def _reply():
    return reply


def sse(*pieces, head=""):
    """Return a streamed response: each piece as one chunk, then the end of the body."""
    start = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_s\r\n{head}"
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece]
    return [f"{start}transfer-encoding: chunked\r\n\r\n".encode(), *chunks, b"0\r\n\r\n"]


@pytest.fixture(name="sse")
def _sse():
    return sse
