"""The sockets of a demo provider: a door that can be shut for a while, and a trap that counts who comes."""

import contextlib
import socket
import threading
from collections.abc import Callable

LOOPBACK = "127.0.0.1"
# Another host for every client that compares hosts, and still this computer; not every system has it.
OTHER_LOOPBACK = "127.0.0.2"
BACKLOG = 128


def _bound(host: str, port: int) -> socket.socket:
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
    except BaseException:
        taken.close()
        raise
    return taken


class Door:
    """A listener on loopback, shut at first, whose port stays ours while it is shut: then connections are refused.

    Raises OSError when the port is taken, OverflowError when there is no such port.
    """

    def __init__(
        self, port: int, serve: Callable[[socket.socket, tuple[str, int]], None], host: str = LOOPBACK
    ) -> None:
        self._host = host
        self._serve = serve
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        # Bound, never listening: it keeps the port from other programs while nobody listens.
        self._holder = _bound(host, port)
        self.port: int = self._holder.getsockname()[1]

    def set_open(self, *, wanted: bool) -> None:
        """Listen, or refuse connections; done when this returns."""
        with self._lock:
            if wanted and self._listener is None:
                listener = _bound(self._host, self.port)
                try:
                    listener.listen(BACKLOG)
                except OSError:
                    listener.close()
                    raise
                self._listener = listener
                self._thread = threading.Thread(target=self._accept, args=(listener,), name="accept", daemon=True)
                self._thread.start()
            elif not wanted and self._listener is not None:
                listener, self._listener = self._listener, None
                # Wakes accept(); where it does not, closing does.
                with contextlib.suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)
                listener.close()
                self._thread.join()

    def close(self) -> None:
        self.set_open(wanted=False)
        self._holder.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, address = listener.accept()
            except OSError:
                if self._listener is not listener:
                    return
                continue
            self._serve(connection, address)


def open_trap(count: Callable[[], None]) -> tuple[Door, str]:
    """A listener where no client should ever come, and its address; each connection is counted and closed."""

    def caught(connection: socket.socket, _address: tuple[str, int]) -> None:
        count()
        connection.close()

    try:
        trap, host = Door(0, caught, OTHER_LOOPBACK), OTHER_LOOPBACK
    except OSError:
        trap, host = Door(0, caught), LOOPBACK
    trap.set_open(wanted=True)
    return trap, f"http://{host}:{trap.port}"
