"""Loopback listeners (RFC 8252 §7.3): what all have in common, and the one of a sign-in: one path, one attempt."""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import ipaddress
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from typing import Any

from tokenkeep import assets
from tokenkeep.domain.errors import Misconfigured
from tokenkeep.domain.provider import Provider
from tokenkeep.httpserver import HttpServer, Limits, Request, Response

PAGE_LIMIT = 2.0  # seconds the last page gets to be fetched after the answer came
# No body is read, and a connection that says nothing is a browser's preconnect: it costs nothing and ends by itself.
LIMITS = Limits(head=16 * 1024, body=0, request=30.0, idle=5.0, connections=256)
DONE = "/done"
MISSING_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})  # the machine has no such loopback address

SAFE_HEADERS = (
    (b"Referrer-Policy", b"no-referrer"),
    (b"Cache-Control", b"no-store"),
    (b"X-Content-Type-Options", b"nosniff"),
)
NOTHING_ELSE = b"default-src 'none'; frame-ancestors 'none'"


class LoopbackServer:
    """A listener on a loopback address that answers a browser's navigations to it, and nothing else."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._server = HttpServer(
            self._answer, LIMITS, access=self.admits, error=lambda status: text_page(HTTPStatus(status))
        )
        self._sockets: list[socket.socket] = []
        self._hosts: frozenset[bytes] = frozenset()

    async def start(self) -> str:
        """Bind, listen, and give the origin.

        :raises Misconfigured: none of the configured ports is free.
        """
        self._sockets = self._bind()
        port = self._sockets[0].getsockname()[1]
        host = self._host()
        self._hosts = frozenset({f"{host}:{port}".encode()} | ({host.encode()} if port == 80 else set()))
        for sock in self._sockets:
            await self._server.serve(sock)
        return f"http://{host}:{port}"

    async def stop(self, grace: float) -> None:
        """Free the port.

        :param grace: seconds that an answer on its way gets.
        """
        await self._server.close(grace=grace)
        for sock in self._sockets:
            sock.close()

    def admits(self, _transport: asyncio.BaseTransport) -> Any:
        """Whether a connection is listened to at all; None when not."""
        return True

    def paths(self) -> tuple[str, ...]:
        """The paths that there are, as a browser sends them."""
        raise NotImplementedError

    def navigated(self, path: str, query: str) -> Response:
        """Answer a person's browser that goes to one of the paths."""
        raise NotImplementedError

    # --- the port ---------------------------------------------------------------------------------------------

    def _host(self) -> str:
        if self._provider.redirect_host == "localhost":
            return "localhost"
        return "[::1]" if self._sockets[0].family == socket.AF_INET6 else "127.0.0.1"

    def _bind(self) -> list[socket.socket]:
        """Sockets on loopback literals only; either IP family may be missing (RFC 8252 §7.3)."""
        wished = self._provider.redirect_host
        families = [socket.AF_INET, socket.AF_INET6]
        if wished == "::1":
            families.reverse()
        problem: OSError | None = None
        for port in self._provider.redirect_ports:
            if wished == "localhost":
                try:
                    return self._bind_both(port)
                except OSError as error:
                    problem = error
                    continue
            for family in families:
                try:
                    return [_listen(family, port)]
                except OSError as error:
                    problem = error
                    if error.errno == errno.EADDRINUSE:
                        break  # the family is there, the port is not
        ports = ", ".join(str(port) for port in self._provider.redirect_ports)
        raise Misconfigured(
            f"The address for the browser's answer is taken: port {ports} on this machine."
            if ports != "0"
            else "This machine offers no loopback address.",
            hint="Free the port, or give other ones in `redirect_port`.",
            key=f"providers.{self._provider.id}.redirect_port",
            provider=self._provider.id,
        ) from problem

    def _bind_both(self, port: int) -> list[socket.socket]:
        """The same port on 127.0.0.1 and ::1: a browser may take either for `localhost`, so nobody else may own one."""
        for _ in range(20 if port == 0 else 1):
            held: list[socket.socket] = []
            for family in (socket.AF_INET, socket.AF_INET6):
                try:
                    held.append(_listen(family, held[0].getsockname()[1] if held else port))
                except OSError as error:
                    if error.errno in MISSING_FAMILY:
                        continue
                    for sock in held:
                        sock.close()
                    break
            else:
                if held:
                    return held
        raise OSError(errno.EADDRINUSE, "the other family of every port that was tried is taken")

    # --- requests ---------------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Response:
        if request.get(b"host") not in self._hosts:
            return text_page(HTTPStatus.MISDIRECTED_REQUEST)  # DNS rebinding: another name that leads here
        path = request.target.partition("?")[0]  # as sent: another spelling of the path is another path (RESP-9)
        if path not in self.paths():
            return text_page(HTTPStatus.NOT_FOUND)
        if request.method != "GET":
            return text_page(HTTPStatus.METHOD_NOT_ALLOWED)
        if _is_prefetch(request):
            return text_page(HTTPStatus.SERVICE_UNAVAILABLE)
        if not _is_navigation(request):
            return text_page(HTTPStatus.FORBIDDEN)
        return self.navigated(path, request.query)


class LoopbackListener(LoopbackServer):
    """Waits for the browser to come back from a sign-in.

    :param take: gets the raw query of a navigation to the redirect URI and says whether it was the answer that the
        attempt waits for. It is never asked again after it said yes.
    """

    def __init__(self, provider: Provider, take: Callable[[str], bool]) -> None:
        super().__init__(provider)
        self._path = provider.callback_path
        self._take = take
        self._answered = False
        self._page_sent = asyncio.Event()

    async def start(self) -> str:
        """As of every listener; gives the redirect URI."""
        return await super().start() + self._path

    async def close(self) -> None:
        """Free the port; after an answer the browser gets a moment to fetch the last page."""
        try:
            if self._answered:
                with suppress(TimeoutError):
                    async with asyncio.timeout(PAGE_LIMIT):
                        await self._page_sent.wait()
        finally:
            await self.stop(0.2 if self._answered else 0.0)

    def paths(self) -> tuple[str, ...]:
        """The redirect URI's, and the last page's."""
        return self._path, self._path + DONE

    def navigated(self, path: str, query: str) -> Response:
        """Take an answer, or show the last page after it."""
        if path != self._path:
            return self._last_page(query)
        if self._answered:
            return static_page("finished")
        if not self._take(query):
            return text_page(HTTPStatus.BAD_REQUEST)
        self._answered = True
        location = (self._path + DONE).encode()
        return Response(303, b"", ((b"Location", location), (b"Content-Security-Policy", NOTHING_ELSE), *SAFE_HEADERS))

    def _last_page(self, query: str) -> Response:
        if not self._answered or query:
            return text_page(HTTPStatus.NOT_FOUND)
        return static_page("done", on_sent=self._page_sent.set)


def _listen(family: socket.AddressFamily, port: int) -> socket.socket:
    """A bound, listening socket on loopback. No reuse option, so nobody can share the port (RFC 8252 App. B)."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("127.0.0.1" if family == socket.AF_INET else "::1", port))
        if not ipaddress.ip_address(sock.getsockname()[0]).is_loopback:
            raise OSError(errno.EADDRNOTAVAIL, "not a loopback address")
        sock.listen(128)
        sock.settimeout(0)
    except OSError:
        sock.close()
        raise
    return sock


def _is_prefetch(request: Request) -> bool:
    purposes = [request.get(name) or b"" for name in (b"sec-purpose", b"purpose", b"x-moz")]
    return any(b"prefetch" in purpose.lower() or b"prerender" in purpose.lower() for purpose in purposes)


def _is_navigation(request: Request) -> bool:
    """Whether a browser's own word, when it gives one, is "a person is going to this page"."""
    if request.get(b"origin") is not None:
        return False
    mode, destination = request.get(b"sec-fetch-mode"), request.get(b"sec-fetch-dest")
    return mode in (None, b"navigate") and destination in (None, b"document")


@cache
def _page(name: str) -> tuple[bytes, bytes]:
    """A static page, and the policy that lets it use its own style sheet and nothing else."""
    html = assets.path(f"callback/{name}.html").read_bytes()
    style = html.partition(b"<style>")[2].partition(b"</style>")[0]
    return html, NOTHING_ELSE + b"; style-src " + hash_source(style)


def hash_source(content: bytes) -> bytes:
    """What allows exactly this inline script or style sheet (CSP 3 §2.3.1)."""
    return b"'sha256-" + base64.b64encode(hashlib.sha256(content).digest()) + b"'"


def static_page(name: str, on_sent: Callable[[], None] | None = None) -> Response:
    """One of the pages in `resources/callback`."""
    html, policy = _page(name)
    headers = ((b"Content-Type", b"text/html; charset=utf-8"), (b"Content-Security-Policy", policy), *SAFE_HEADERS)
    return Response(200, html, headers, close=True, on_sent=on_sent)


def text_page(status: HTTPStatus) -> Response:
    """A refusal in one line."""
    headers = (
        (b"Content-Type", b"text/plain; charset=utf-8"),
        (b"Content-Security-Policy", NOTHING_ELSE),
        *SAFE_HEADERS,
    )
    return Response(status, status.phrase.encode(), headers, close=True)
