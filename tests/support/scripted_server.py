"""A server on loopback that answers byte for byte as the test says, malformed, dripping or cut; it records requests."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

JOIN_LIMIT = 30.0  # seconds; a guard against hanging
DRIP_PAUSE = 0.02  # seconds between two bytes of a dripping answer

Reply = Callable[["Connection"], None]


@dataclass
class Recorded:
    """One request as it came."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=bool(self.body))

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) <= 1, f"{name} was sent twice"
        return found[0] if found else None


@dataclass
class Connection:
    """What a reply may do with the connection."""

    socket: socket.socket
    stopping: threading.Event

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)


def answer(status: int = 200, body: bytes | str = b"", headers: dict[str, str] | None = None) -> Reply:
    """A well-formed answer."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    if not headers or "Content-Length" not in headers:
        lines.append(f"Content-Length: {len(content)}")
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def json_answer(value: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; `retry_after="3"` becomes a header."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return answer(status, json.dumps(value), {"Content-Type": "application/json"} | named)


def raw(data: bytes) -> Reply:
    """These bytes, then the end of the connection."""
    return lambda connection: connection.send(data)


def cut() -> Reply:
    """The end of the connection without a byte."""
    return raw(b"")


def hang() -> Reply:
    """Nothing at all, until the server is closed."""

    def reply(connection: Connection) -> None:
        connection.stopping.wait(JOIN_LIMIT)

    return reply


def run_out_of_time(transport: Any) -> Reply:
    """Nothing, and the client's deadline comes now: no test depends on how fast the request arrived."""

    def reply(connection: Connection) -> None:
        for call in tuple(transport._calls):
            call.end("deadline")
        connection.stopping.wait(JOIN_LIMIT)

    return reply


def drip(head: bytes, byte: bytes = b" ") -> Reply:
    """The head at once and then single bytes for ever."""

    def reply(connection: Connection) -> None:
        connection.send(head)
        while not connection.stopping.wait(DRIP_PAUSE):
            connection.send(byte)

    return reply


@dataclass
class ScriptedServer:
    """Use as a context manager. Replies belong to paths; the last one of a path is given again and again."""

    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    requests: list[Recorded] = field(default_factory=list)
    connections: int = 0
    certificates: list[Any] = field(default_factory=list)  # of the client, for each request; None without one

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self._replies: dict[str, list[Reply]] = {}
        self._stopping = threading.Event()
        self._arrived = threading.Condition()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(JOIN_LIMIT)
            assert not thread.is_alive()

    @property
    def origin(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{name}:{self.port}"

    def reply(self, path: str, *replies: Reply) -> None:
        """Set the answers of a path, in order."""
        self._replies[path] = list(replies)

    def to(self, path: str) -> list[Recorded]:
        """The requests to one path."""
        return [request for request in self.requests if request.path == path]

    def wait_for_request(self, count: int = 1) -> None:
        """Return when that many requests have come."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.requests) >= count, JOIN_LIMIT)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(JOIN_LIMIT)
        # A client that went away, or that does not trust the certificate, is what many tests are about.
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(client.close)
            if self.tls is not None:
                client = self.tls.wrap_socket(client, server_side=True)
                stack.callback(client.close)
            request = _read(client)
            if request is None:
                return
            with self._arrived:
                self.certificates.append(client.getpeercert() or None if self.tls is not None else None)
                self.requests.append(request)
                self._arrived.notify_all()
            replies = self._replies.get(request.path, [answer(404)])
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            reply(Connection(client, self._stopping))


def _read(client: socket.socket) -> Recorded | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = client.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    length = int({name.lower(): value for name, value in headers}.get("content-length", "0"))
    while len(body) < length:
        chunk = client.recv(65536)
        if not chunk:
            return None
        body += chunk
    return Recorded(method, target, headers, body)
