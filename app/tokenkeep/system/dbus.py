"""Listens for one kind of signal on D-Bus in a daemon thread; without a bus it is quiet."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

log = logging.getLogger(__name__)


def bus_errors() -> tuple[type[Exception], ...]:
    """What jeepney raises for a bus that is missing, gone or strange; the address comes from the environment."""
    from jeepney import DBusErrorResponse

    return (OSError, RuntimeError, ValueError, KeyError, StopIteration, EOFError, DBusErrorResponse)


class SignalWatch:
    """Calls back for each matching signal until closed. The desktop works without it, only later."""

    def __init__(
        self, bus: str, sender: str, interface: str, member: str, on_signal: Callable[[tuple[Any, ...]], None]
    ):
        """:param bus: `SESSION` or `SYSTEM`. :param on_signal: gets the signal's body, in the watch's thread."""
        self._bus = bus
        self._names = (sender, interface, member)
        self._on_signal = on_signal
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._closed = False
        self.ready = threading.Event()  # set when it listens, or when it is clear that it never will
        self.listening = False
        self._thread = threading.Thread(target=self._run, name=f"dbus {member}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; returns at once."""
        with self._lock:
            self._closed = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)  # which wakes the reader, closing would not

    def _run(self) -> None:
        try:
            self._listen()
        except ImportError:  # there is no D-Bus on this platform
            pass
        except bus_errors() as error:
            if not self._closed:
                log.debug("no signals from the %s bus: %s", self._bus, type(error).__name__)
        finally:
            self.listening = False
            self.ready.set()

    def _listen(self) -> None:
        from jeepney import MatchRule, MessageType, message_bus
        from jeepney.io.blocking import Proxy, open_dbus_connection

        sender, interface, member = self._names
        with open_dbus_connection(self._bus) as connection:
            with self._lock:
                if self._closed:
                    return
                self._socket = connection.sock
            rule = MatchRule(type="signal", sender=sender, interface=interface, member=member)
            Proxy(message_bus, connection, timeout=5).AddMatch(rule)
            self.listening = True
            self.ready.set()
            # The bus has matched the sender's name; messages themselves carry unique names only.
            wanted = MatchRule(type="signal", interface=interface, member=member)
            while True:
                message = connection.receive()
                if message.header.message_type is MessageType.signal and wanted.matches(message):
                    self._on_signal(tuple(message.body))
