"""One connection for one request: watched, so that a deadline or a cancellation ends it wherever it blocks."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from http.client import HTTPResponse, RemoteDisconnected
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

# One address: its family, and what `connect` takes.
Address = tuple[socket.AddressFamily, Any]
Resolver = Callable[[str, int], Sequence[Address]]

CONNECT_MIN = 3.0  # seconds that any one address gets: one lost packet and its repetition
# Never asked of a resolver: only these addresses are this machine, whatever a hosts file or DNS says (NET-2).
LOCALHOST = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def system_resolver(host: str, port: int) -> list[Address]:
    """The addresses that this machine has for a name, IPv4 and IPv6.

    :raises OSError, UnicodeError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


class Call:
    """One request on its way.

    `refuse` says of a host and one of its addresses why it must not be reached, empty when it may be.

    The kernel object behind a socket is shut down through a duplicate that only this class knows: TLS takes the first
    descriptor over, and a descriptor closed by another thread may already name something else.
    """

    def __init__(self, wall: Callable[[], float], resolver: Resolver | None = None) -> None:
        self._wall = wall
        self._resolver = resolver or system_resolver
        self._sockets: list[socket.socket] = []
        self._turned = threading.Event()  # the resolver answered, or the call was ended
        self.refuse: Callable[[str, str], str] = lambda _host, _address: ""
        self.host = ""
        self.address = ""
        self.sent_at: float | None = None  # wall clock; None while no byte can have reached the server
        self.problem = ""
        self.refused = False
        self.ended = ""

    def open(self, host: str, port: int, timeout: float | None) -> socket.socket:
        """Connect to the first address that answers and that `refuse` has nothing against.

        The address that was judged is the one that is connected to: a name that means another machine when it is asked
        for again gains nothing by that (NET-3).

        :param timeout: seconds for all addresses; each gets its share, so that a broken IPv6 leaves time for IPv4.
        :raises OSError: none answers; the reason for people is in `problem`.
        """
        self.host = host
        addresses, refusal = [], ""
        for family, address in self._addresses(host, port):
            reason = self.refuse(host, address[0])
            refusal = refusal or reason
            if not reason:
                addresses.append((family, address))
        if not addresses:
            self.refused = bool(refusal)
            self.problem = refusal or f"The name {host} is not found."
            raise OSError(self.problem)
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
                self.address = address[0]
                return sock
            if self.ended:
                break
        self.problem = f"{host} does not accept a connection."
        raise OSError(self.problem) from last

    def _addresses(self, host: str, port: int) -> Sequence[Address]:
        if host == "localhost":
            return [(family, (address, port)) for family, address in LOCALHOST]
        return self._resolved(host, port)

    def _resolved(self, host: str, port: int) -> Sequence[Address]:
        """What the resolver says; nothing can interrupt it, so it is asked in a thread that may be left behind."""
        found: list[Sequence[Address]] = []

        def ask() -> None:
            with contextlib.suppress(OSError, UnicodeError):
                found.append(self._resolver(host, port))
            self._turned.set()

        asking = threading.Thread(target=ask, name="resolver", daemon=True)
        asking.start()
        self._turned.wait()
        if not self.ended:
            asking.join()
        return found[0] if found else ()

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
        self._turned.set()
        for handle in tuple(self._sockets):
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """The request is over; called in its own thread."""
        while self._sockets:
            self._sockets.pop().close()


class _Lines:
    """A file that remembers the last line that was read from it."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.last = b"\r\n"

    def readline(self, limit: int = -1) -> bytes:
        """As the file's."""
        self.last = self._file.readline(limit)
        return self.last

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _WholeHead(HTTPResponse):
    """An answer whose head has an end: the library takes the end of the connection for that, and the rest for empty."""

    def begin(self) -> None:
        file: Any = self.fp
        lines: Any = _Lines(file)
        self.fp = lines
        super().begin()
        if self.fp is lines:
            self.fp = file
        if not lines.last:
            raise RemoteDisconnected("the head was cut off")


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
    response_class = _WholeHead


class _HttpsConnection(_Watched, HTTPSConnection):
    response_class = _WholeHead


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
