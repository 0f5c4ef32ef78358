"""One connection for one request: watched, so that a deadline or a cancellation ends it wherever it blocks."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

CONNECT_MIN = 3.0  # seconds that any one address gets: one lost packet and its repetition
# Never asked of a resolver: only these addresses are this machine, whatever a hosts file or DNS says (NET-2).
LOCALHOST = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


class Call:
    """One request on its way.

    The kernel object behind a socket is shut down through a duplicate that only this class knows: TLS takes the first
    descriptor over, and a descriptor closed by another thread may already name something else.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._sockets: list[socket.socket] = []
        self.sent_at: float | None = None  # wall clock; None while no byte can have reached the server
        self.problem = ""
        self.ended = ""

    def open(self, host: str, port: int, timeout: float | None) -> socket.socket:
        """Connect to the first address that answers.

        :param timeout: seconds for all addresses; each gets its share, so that a broken IPv6 leaves time for IPv4.
        :raises OSError: none answers; the reason for people is in `problem`.
        """
        try:
            addresses = self._resolve(host, port)
        except (socket.gaierror, UnicodeError) as unknown:
            self.problem = f"The name {host} is not found."
            raise OSError(self.problem) from unknown
        if timeout is not None:
            timeout = min(timeout, max(timeout / len(addresses), CONNECT_MIN))
        last: OSError | None = None
        for family, address in addresses:
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                self._watch(sock)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(timeout)
                sock.connect(address)
            except OSError as failed:
                sock.close()
                last = failed
            else:
                return sock
            if self.ended:
                break
        self.problem = f"{host} does not accept a connection."
        raise OSError(self.problem) from last

    @staticmethod
    def _resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, Any]]:
        if host == "localhost":
            return [(family, (address, port)) for family, address in LOCALHOST]
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]

    def _watch(self, sock: socket.socket) -> None:
        handle = sock.dup()
        self._sockets.append(handle)
        if self.ended:  # it was ended between two addresses
            self.end(self.ended)
            raise OSError(self.ended)

    def connected(self) -> None:
        """The connection stands, TLS included: from now on bytes of the request may reach the server (TOK-9)."""
        self.sent_at = self._wall()

    def end(self, reason: str) -> None:
        """From any thread: whatever blocks on this connection returns at once."""
        self.ended = self.ended or reason
        for handle in tuple(self._sockets):
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """The request is over; called in its own thread."""
        while self._sockets:
            self._sockets.pop().close()


class _Watched:
    """What both kinds of connection do: open their socket through the call and tell it when they stand."""

    call: Call

    def _new_conn(self) -> socket.socket:
        timeout = self.timeout  # type: ignore[attr-defined]  # of the connection class this is mixed into
        return self.call.open(self._dns_host, self.port, timeout)  # type: ignore[attr-defined]

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.call.connected()


class _HttpConnection(_Watched, HTTPConnection):
    pass


class _HttpsConnection(_Watched, HTTPSConnection):
    pass


class _CallsPool:
    """Hands the call on to its connection."""

    call: Call

    def _new_conn(self) -> Any:
        connection = super()._new_conn()  # type: ignore[misc]
        connection.call = self.call
        return connection


class _HttpPool(_CallsPool, HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(_CallsPool, HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


POOLS = {"http": _HttpPool, "https": _HttpsPool}
