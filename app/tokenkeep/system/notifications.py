"""Notifications of the desktop over D-Bus (Desktop Notifications Specification 1.2), replaced instead of piled up."""

from __future__ import annotations

import html
import logging
import os
import queue
import selectors
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tokenkeep.domain.ports import Notice
from tokenkeep.system.dbus import bus_errors

if TYPE_CHECKING:
    from jeepney import Message
    from jeepney.io.blocking import DBusConnection

log = logging.getLogger(__name__)

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
APPLICATION = "TokenKeep"
DEFAULT_ACTION = "default"  # what servers call a click on the notification itself
WAITING_MOST = 50  # notices; a server that hangs must not make us collect them for ever
LEFT_OUT_OF_TEXT = {ord(mark): None for mark in "\x00\r"}
ANSWER_LIMIT = 10.0  # seconds; a server that does not answer by then never will
URGENCY = {"needs_you": 1, "access": 2, "storage": 1, "info": 0}  # 0 low, 1 normal, 2 critical

OnAction = Callable[[str], None]


class DesktopNotifier:
    """Implements `domain.ports.Notifier`: never raises, never blocks. Everything happens on one daemon thread."""

    def __init__(self, icon: str = "tokenkeep") -> None:
        """:param icon: a themed icon's name, or the path of a file."""
        self._icon = icon
        self._waiting: queue.Queue[tuple[Notice, OnAction | None]] = queue.Queue(WAITING_MOST)
        self._wake = _Wake()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._numbers: dict[tuple[str, str | None], int] = {}
        self._actions: dict[int, OnAction] = {}

    @property
    def available(self) -> bool:
        """Whether this desktop can be asked in this way at all; if not, the tray's own balloon is used."""
        return sys.platform == "linux" and bool(os.environ.get("DBUS_SESSION_BUS_ADDRESS"))

    def notify(self, notice: Notice, on_action: OnAction | None = None) -> None:
        """Show it, in place of an earlier one of its kind about the same provider.

        :param on_action: called in another thread with the chosen action's name, `default` for a click on the text.
        """
        if not self.available:
            return
        with suppress(queue.Full):
            self._waiting.put_nowait((notice, on_action))
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)
                self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        """Serve until the bus is gone; the next notice starts a new thread and connection."""
        try:
            self._serve()
        except bus_errors() as error:
            log.debug("the desktop shows no notifications: %s", type(error).__name__)
        finally:
            with self._lock:
                self._thread = None
                self._numbers.clear()
                self._actions.clear()
                with suppress(queue.Empty):  # what could not be shown now is old news later
                    while True:
                        self._waiting.get_nowait()

    def _serve(self) -> None:
        from jeepney import MatchRule, message_bus
        from jeepney.io.blocking import Proxy, open_dbus_connection

        with open_dbus_connection("SESSION") as connection:
            bus = Proxy(message_bus, connection, timeout=5)
            for member in ("ActionInvoked", "NotificationClosed"):
                bus.AddMatch(MatchRule(type="signal", sender=NAME, interface=NAME, member=member))
            connection.selector.register(self._wake.reader, selectors.EVENT_READ)
            pending: dict[int, tuple[tuple[str, str | None], OnAction | None]] = {}
            while True:
                if not pending:  # one at a time, so that a second about the same can replace the first
                    self._send_next(connection, pending)
                try:
                    self._received(connection.receive(timeout=ANSWER_LIMIT if pending else None), pending)
                except TimeoutError:  # also when the pipe is ready before the bus is
                    if not self._wake.clear():
                        pending.clear()

    def _send_next(
        self, connection: DBusConnection, pending: dict[int, tuple[tuple[str, str | None], OnAction | None]]
    ) -> None:
        try:
            notice, on_action = self._waiting.get_nowait()
        except queue.Empty:
            return
        about = (notice.kind, notice.provider)
        serial = next(connection.outgoing_serial)
        pending[serial] = (about, on_action)
        connection.send(_message(notice, self._numbers.get(about, 0), self._icon), serial=serial)

    def _received(self, message: Message, pending: dict[int, tuple[tuple[str, str | None], OnAction | None]]) -> None:
        from jeepney import HeaderFields, MessageType

        fields = message.header.fields
        if (answered := pending.pop(fields.get(HeaderFields.reply_serial, -1), None)) is not None:
            about, on_action = answered
            if message.header.message_type is MessageType.method_return:
                number = int(message.body[0])
                self._numbers[about] = number
                self._actions.pop(number, None)
                if on_action is not None:
                    self._actions[number] = on_action
        elif message.header.message_type is MessageType.signal and fields.get(HeaderFields.interface) == NAME:
            number = message.body[0]
            if fields.get(HeaderFields.member) == "NotificationClosed":
                self._actions.pop(number, None)
                self._numbers = {about: one for about, one in self._numbers.items() if one != number}
            elif (callback := self._actions.pop(number, None)) is not None:
                callback(str(message.body[1]))


class _Wake:
    """A pipe that ends a wait for the bus."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        if sys.platform != "win32":
            os.set_blocking(self.reader, False)
            os.set_blocking(self._writer, False)

    def set(self) -> None:
        """End the wait that is going on, or the next one."""
        with suppress(BlockingIOError):
            os.write(self._writer, b"x")

    def clear(self) -> bool:
        """Take note; whether somebody has ended a wait."""
        try:
            return bool(os.read(self.reader, 4096))
        except BlockingIOError:
            return False

    def __del__(self) -> None:
        for descriptor in (self.reader, self._writer):
            with suppress(OSError):
                os.close(descriptor)


def _message(notice: Notice, replaces: int, icon: str) -> Any:
    from jeepney import DBusAddress, new_method_call

    actions = [(DEFAULT_ACTION, "Open"), *notice.actions] if notice.actions else [(DEFAULT_ACTION, "Open")]
    hints = {
        "urgency": ("y", URGENCY.get(notice.kind, 1)),
        "desktop-entry": ("s", "tokenkeep"),
        "category": ("s", "presence" if notice.kind == "info" else "network"),
    }
    body = (
        APPLICATION,
        replaces,
        icon,
        _plain(notice.title),
        html.escape(_plain(notice.body), quote=False),  # servers may render markup in the body, not in the title
        [word for action in actions for word in action],
        hints,
        -1,  # the server's own time
    )
    return new_method_call(DBusAddress(PATH, bus_name=NAME, interface=NAME), "Notify", "susssasa{sv}i", body)


def _plain(text: str) -> str:
    """D-Bus takes no NUL and no lone surrogates."""
    return text.translate(LEFT_OUT_OF_TEXT).encode("utf-8", "replace").decode()
