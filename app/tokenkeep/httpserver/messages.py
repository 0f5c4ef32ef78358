"""Requests, answers and limits as values."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may cost. Sizes in bytes, times in seconds.

    :param head: request line and headers together.
    :param request: from the connection or the first byte of a later request to the end of that request.
    :param idle: how long a kept connection may ask nothing.
    :param write: how long a reader may take nothing of an answer.
    :param connections: beyond it the longest-waiting connection without a request is closed; without one the oldest
        stream, whose reader can come back; without one the new connection.
    """

    head: int = 16 * 1024
    body: int = 64 * 1024
    request: float = 5.0
    idle: float = 300.0
    write: float = 10.0
    linger: float = 1.0
    connections: int = 4096


class Request:
    """One complete request.

    :ivar path: percent-decoded UTF-8.
    :ivar query: as sent, without the question mark.
    :ivar headers: names in lower case, in the order sent.
    :ivar peer: what the server's `access` said of the connection.
    """

    __slots__ = ("body", "headers", "method", "path", "peer", "query", "target", "version")

    def __init__(
        self,
        method: str,
        target: str,
        path: str,
        query: str,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        peer: Any,
        version: str = "1.1",
    ) -> None:
        self.method = method
        self.target = target
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.peer = peer
        self.version = version

    def get(self, name: bytes) -> bytes | None:
        """The first header of that lower-case name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class Response:
    """A complete answer.

    :param close: end the connection after it.
    :param on_sent: called once when the answer has been handed to the system, with `close` when the connection has
        ended, and also when the connection was lost before.
    """

    __slots__ = ("body", "close", "headers", "on_sent", "status")

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        headers: Headers = (),
        *,
        close: bool = False,
        on_sent: Callable[[], None] | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers
        self.close = close
        self.on_sent = on_sent


class StreamResponse:
    """An answer in pieces, as long as `chunks` gives some; a slow reader slows `chunks` down."""

    __slots__ = ("chunks", "headers", "status")

    def __init__(self, status: int, chunks: AsyncGenerator[bytes, None], headers: Headers = ()) -> None:
        self.status = status
        self.chunks = chunks
        self.headers = headers


Answer = Response | StreamResponse
Handler = Callable[[Request], Answer | Awaitable[Answer]]
Access = Callable[[asyncio.BaseTransport], Any]
