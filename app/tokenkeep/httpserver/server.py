"""The server: listening sockets, the count of connections, and an end that waits for answers under way."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from tokenkeep.httpserver.connection import Connection
from tokenkeep.httpserver.messages import Access, Handler, Limits, Response

log = logging.getLogger(__name__)

BACKLOG = 1024  # many short clients at once (a parallel build) must not see a refused connection


def _plain_error(status: int) -> Response:
    return Response(status, HTTPStatus(status).phrase.encode(), ((b"Content-Type", b"text/plain"),))


def _anyone(_: asyncio.BaseTransport) -> Any:
    return True


class HttpServer:
    """Serves any number of listening sockets with one handler.

    :param handler: a plain function. A `Response` is written at once, without a task; an awaitable becomes a task that
        is cancelled when the client goes away.
    :param access: asked once per connection before a byte is read or written; None closes it, anything else becomes
        `Request.peer`.
    :param error: the answer to what never reaches the handler (400, 413, 414, 431) or failed in it (500).
    """

    def __init__(
        self,
        handler: Handler,
        limits: Limits | None = None,
        *,
        access: Access = _anyone,
        error: Callable[[int], Response] = _plain_error,
    ) -> None:
        self.handler = handler
        self.limits = limits or Limits()
        self.access = access
        self.error = error
        self.closing = False
        self.connections: dict[Connection, None] = {}
        self._listeners: list[asyncio.Server] = []
        self._empty = asyncio.Event()

    async def serve(self, sock: socket.socket) -> None:
        """Accept connections on a bound stream socket (TCP or unix) from now on."""
        loop = asyncio.get_running_loop()
        sock.settimeout(0)
        if sock.family == getattr(socket, "AF_UNIX", None):
            server = await loop.create_unix_server(self.connection, sock=sock, backlog=BACKLOG)
        else:
            server = await loop.create_server(self.connection, sock=sock, backlog=BACKLOG)
        self._listeners.append(server)

    def connection(self) -> Connection:
        """A protocol for one accepted connection, for listeners that are no sockets (named pipes)."""
        return Connection(self)

    async def close(self, grace: float = 1.0) -> None:
        """Stop accepting, end idle connections and streams at once, others after their answer or `grace` seconds."""
        self.closing = True
        for listener in self._listeners:
            listener.close()
        for connection in list(self.connections):
            connection.finish()
        self._settle()
        if grace > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), grace)
        tasks = [connection.task for connection in self.connections if connection.task is not None]
        for connection in list(self.connections):
            connection.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=max(grace, 0.1))

    def opened(self, connection: Connection) -> None:
        """Count a connection in; called by it."""
        if len(self.connections) >= self.limits.connections:
            kept = [each for each in self.connections if not each.ending]
            silent = (each for each in kept if not each.busy)
            streams = (each for each in kept if each.streaming)
            next(silent, next(streams, connection)).abort()
        self.connections[connection] = None

    def closed(self, connection: Connection) -> None:
        """Count a connection out; called by it."""
        self.connections.pop(connection, None)
        self._settle()

    def _settle(self) -> None:
        if self.closing and not self.connections:
            self._empty.set()
