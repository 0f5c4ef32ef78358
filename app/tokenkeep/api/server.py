"""The server of the socket: who may connect, which route answers, and how errors leave."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tokenkeep.api import problems, systemd
from tokenkeep.api.peers import Peers
from tokenkeep.api.route import Context, Route
from tokenkeep.api.routes import ROUTES
from tokenkeep.domain.errors import AccessDenied, NotFound, TokenKeepError
from tokenkeep.domain.ports import Clock
from tokenkeep.httpserver import Answer, HttpServer, Limits, Request

if TYPE_CHECKING:
    from tokenkeep.engine.engine import Engine


class Place(Protocol):
    """Where the server listens: a unix socket or a named pipe."""

    async def serve(self, front: HttpServer) -> None:
        """Listen.

        :raises StorageFailed: it cannot be used.
        """
        ...

    def release(self) -> None:
        """Give it up."""
        ...


GRACE = 0.5  # seconds that answers under way get when the application ends
FILES_KEPT = 256  # of those the process may have open: network pool, listeners, vault, window


class ApiServer:
    """Serves an engine at a socket.

    :param socket_path: where the socket is made; a socket passed by systemd goes before it.
    :param limits: for tests.
    """

    def __init__(self, engine: Engine, socket_path: str | Path, *, clock: Clock, limits: Limits | None = None) -> None:
        self._context = Context(engine, clock)
        self._path = socket_path
        self._peers = Peers()
        limits = limits or Limits(connections=most_connections())
        self._front = HttpServer(self._handle, limits, access=self._peers.admit, error=problems.for_status)
        self._table: dict[str, dict[str, Route]] = {}
        for route in ROUTES:
            self._table.setdefault(route.path, {})[route.method] = route
        self._place: Place | None = None

    async def start(self) -> None:
        """Listen.

        :raises StorageFailed: the socket's place cannot be used.
        """
        passed = systemd.passed_sockets() if sys.platform == "linux" else []
        if passed:
            for sock in passed:
                await self._front.serve(sock)
            return
        self._place = _place(self._path)
        await self._place.serve(self._front)

    async def stop(self) -> None:
        """Stop listening, end what can be ended, remove the socket."""
        await self._front.close(GRACE)
        if self._place is not None:
            self._place.release()
            self._place = None
        if self._context.finishing:
            await asyncio.wait(self._context.finishing, timeout=GRACE)

    def _handle(self, request: Request) -> Answer | Awaitable[Answer]:
        try:
            for name, _ in request.headers:
                if name == b"origin":
                    raise AccessDenied("Web pages may not ask here.", hint="Leave the header Origin out.")
            methods, id_ = self._find(request)
            route = methods.get(request.method)
            if route is None:
                return problems.method_not_allowed(list(methods))
            answer = route.run(self._context, request, id_)
        except TokenKeepError as error:
            return problems.problem(error)
        return _guarded(answer) if asyncio.iscoroutine(answer) else answer

    def _find(self, request: Request) -> tuple[dict[str, Route], str]:
        """The routes of a path by method, and the id that stands in it.

        :raises NotFound: there are none.
        """
        path = request.path
        methods = self._table.get(path)
        if methods is not None:
            return methods, ""
        parts = path.split("/", 4)
        if "%" in request.target and request.target.partition("?")[0].count("/") != path.count("/"):
            parts = []  # an encoded slash separates nothing
        if len(parts) > 3 and parts[3]:
            id_, parts[3] = parts[3], "{id}"
            methods = self._table.get("/".join(parts))
            if methods is not None:
                return methods, id_
        raise NotFound(hint="/v1/openapi.json names every address.")


def most_connections() -> int:
    """How many the socket may keep: who hoards them must not take the files that sign-ins and refreshes need."""
    most = Limits().connections
    if sys.platform == "win32":
        return most
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if files == resource.RLIM_INFINITY else min(most, max(files // 2, files - FILES_KEPT))


async def _guarded(answer: Awaitable[Answer]) -> Answer:
    try:
        return await answer
    except TokenKeepError as error:
        return problems.problem(error)


def _place(path: str | Path) -> Place:
    if sys.platform == "win32":
        from tokenkeep.api.named_pipe import NamedPipe

        return NamedPipe(str(path))
    from tokenkeep.api.unix_socket import UnixSocket

    return UnixSocket(Path(path))
