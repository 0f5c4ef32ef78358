"""The part of a desktop that speaks D-Bus: a StatusNotifierItem tray host and a notification server, both recording."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageType,
    message_bus,
    new_error,
    new_method_return,
    new_signal,
)
from jeepney.io.blocking import open_dbus_connection

from support.processes import wait_for
from support.session_bus import SessionBus
from support.status_notifier import TrayItem

_WATCHER = "org.kde.StatusNotifierWatcher"
_WATCHER_PATH = "/StatusNotifierWatcher"
_NOTIFICATIONS = "org.freedesktop.Notifications"
_NOTIFICATIONS_PATH = "/org/freedesktop/Notifications"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_UNKNOWN = "org.freedesktop.DBus.Error.UnknownMethod"
_DISMISSED_BY_USER = 2  # reason of NotificationClosed, Desktop Notifications Specification


@dataclass(frozen=True)
class Notification:
    """One call of Notify; `actions` maps the key to the text, `expires` is milliseconds (-1: the server's choice)."""

    id: int
    app_name: str
    replaces: int
    icon: str
    summary: str
    body: str
    actions: dict[str, str]
    hints: dict[str, Any]
    expires: int


@dataclass
class DesktopServices:
    """Both services on one bus, answered by one thread; use as a context manager.

    :param tray: whether there is a tray host. :param notifications: whether there is a notification server.
    """

    bus: SessionBus
    tray: bool = True
    notifications_server: bool = True
    items: list[TrayItem] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> DesktopServices:
        self._connection = open_dbus_connection(self.bus.address)
        if self.tray:
            self._own(_WATCHER)
        if self.notifications_server:
            self._own(_NOTIFICATIONS)
        self._thread = threading.Thread(target=self._serve, name="desktop-services", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A signal to ourselves wakes the thread; closing a socket under a reader would not.
        with open_dbus_connection(self.bus.address) as other:
            farewell = new_signal(DBusAddress("/end", interface="tests.End"), "End")
            farewell.header.fields[HeaderFields.destination] = self._connection.unique_name
            other.send(farewell)
        self._thread.join(30)
        self._connection.close()

    def env(self) -> dict[str, str]:
        """The variable that makes a program use this bus."""
        return self.bus.env()

    def wait_for_item(self, index: int = 0) -> TrayItem:
        """Wait until the tray item number `index` has been registered."""
        return wait_for(lambda: self.items[index:], "a tray item on D-Bus")[0]

    def wait_for_notification(self, matches: Callable[[Notification], bool] = lambda _: True) -> Notification:
        """Wait for the first notification that matches."""
        return wait_for(lambda: [n for n in list(self.notifications) if matches(n)], "a notification")[0]

    def invoke_action(self, notification: Notification, key: str) -> None:
        """Click an action of a notification (`default` is the body), which also closes it."""
        self._signal(_NOTIFICATIONS_PATH, _NOTIFICATIONS, "ActionInvoked", "us", (notification.id, key))
        self.dismiss(notification)

    def dismiss(self, notification: Notification) -> None:
        """Close a notification as a person does."""
        reason = (notification.id, _DISMISSED_BY_USER)
        self._signal(_NOTIFICATIONS_PATH, _NOTIFICATIONS, "NotificationClosed", "uu", reason)

    def _own(self, name: str) -> None:
        reply = self._connection.send_and_get_reply(message_bus.RequestName(name))
        assert reply.body == (1,), f"{name} is taken"

    def _signal(self, path: str, interface: str, name: str, signature: str, body: tuple[Any, ...]) -> None:
        with self._lock:
            self._connection.send(new_signal(DBusAddress(path, interface=interface), name, signature, body))

    def _serve(self) -> None:
        while True:
            message = self._connection.receive()
            fields = message.header.fields
            if message.header.message_type is MessageType.signal and fields.get(HeaderFields.interface) == "tests.End":
                return
            if message.header.message_type is MessageType.method_call:
                answer = self._answer(message)
                with self._lock:
                    self._connection.send(answer)

    def _answer(self, message: Message) -> Message:
        fields = message.header.fields
        path, member = fields[HeaderFields.path], fields[HeaderFields.member]
        if fields.get(HeaderFields.interface) == _PROPERTIES and path == _WATCHER_PATH:
            return self._watcher_property(message, member)
        if path == _WATCHER_PATH and member == "RegisterStatusNotifierItem":
            self._register(str(message.body[0]), str(fields[HeaderFields.sender]))
            return new_method_return(message)
        if path == _NOTIFICATIONS_PATH:
            return self._notification_call(message, member)
        return new_error(message, _UNKNOWN, "s", (f"no {member} here",))

    def _register(self, name: str, sender: str) -> None:
        # Items name themselves by a service or, as libayatana does, by the path of their object.
        service, path = (sender, name) if name.startswith("/") else (name, "/StatusNotifierItem")
        self.items.append(TrayItem(self.bus.address, service, path))
        self._signal(_WATCHER_PATH, _WATCHER, "StatusNotifierItemRegistered", "s", (service + path,))

    def _watcher_property(self, message: Message, member: str) -> Message:
        values: dict[str, tuple[str, Any]] = {
            "IsStatusNotifierHostRegistered": ("b", True),
            "ProtocolVersion": ("i", 0),
            "RegisteredStatusNotifierItems": ("as", [item.service + item.path for item in self.items]),
        }
        if member == "GetAll":
            return new_method_return(message, "a{sv}", (values,))
        return new_method_return(message, "v", (values[message.body[1]],))

    def _notification_call(self, message: Message, member: str) -> Message:
        match member:
            case "Notify":
                return new_method_return(message, "u", (self._record(message.body),))
            case "CloseNotification":
                self.closed.append(message.body[0])
                return new_method_return(message)
            case "GetCapabilities":
                return new_method_return(message, "as", (["actions", "body", "persistence"],))
            case "GetServerInformation":
                return new_method_return(message, "ssss", ("recorder", "tests", "1", "1.2"))
            case _:
                return new_error(message, _UNKNOWN, "s", (f"no {member} here",))

    def _record(self, body: tuple[Any, ...]) -> int:
        app_name, replaces, icon, summary, text, actions, hints, expires = body
        number = int(replaces) or next(self._numbers)
        plain_hints = {name: value for name, (_, value) in hints.items()}
        pairs = dict(zip(actions[::2], actions[1::2], strict=True))
        self.notifications.append(
            Notification(number, app_name, replaces, icon, summary, text, pairs, plain_hints, expires)
        )
        return number


@pytest.fixture
def desktop_services(session_bus: SessionBus) -> Iterator[DesktopServices]:
    """A tray host and a notification server on the test's `session_bus`."""
    with DesktopServices(session_bus) as services:
        yield services
