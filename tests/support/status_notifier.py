"""A tray icon as a host sees it over D-Bus: its properties, and its menu that can be read and clicked by text."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jeepney import DBusAddress, Message, MessageType, new_method_call
from jeepney.io.blocking import open_dbus_connection

from support.processes import wait_for

_ITEM = "org.kde.StatusNotifierItem"
_MENU = "com.canonical.dbusmenu"
_PROPERTIES = "org.freedesktop.DBus.Properties"


@dataclass(frozen=True)
class MenuEntry:
    """One entry of the menu: `label` without its mnemonic underscores, `checked` None where there is no tick."""

    id: int
    label: str
    enabled: bool
    visible: bool
    separator: bool
    checked: bool | None
    children: tuple[MenuEntry, ...]

    def walk(self) -> Iterator[MenuEntry]:
        """This entry and all below it, in the order of the screen."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class TrayItem:
    """An icon that registered itself; everything is asked anew on each use."""

    bus_address: str
    service: str
    path: str

    def get(self, name: str) -> Any:
        """One property of the item: `Status`, `Title`, `IconName`, `ToolTip`, …"""
        return self._ask(self.path, _PROPERTIES, "Get", "ss", _ITEM, name)[0][1]

    @property
    def tool_tip(self) -> str:
        """Title and text of the tool tip in one, by lines."""
        _icon, _pixmaps, title, text = self.get("ToolTip")
        return "\n".join(part for part in (title, text) if part)

    def pixels(self) -> tuple[int, int, list[int]]:
        """The largest picture of the icon: width, height and its pixels as 0xAARRGGBB."""
        width, height, data = max(self.get("IconPixmap"), key=lambda pixmap: pixmap[0])
        return width, height, list(struct.unpack(f">{width * height}I", bytes(data)))

    def menu(self) -> list[MenuEntry]:
        """Open the menu (its owner may build it now) and return its visible entries."""
        path = self.get("Menu")
        self._ask(path, _MENU, "AboutToShow", "i", 0)
        _revision, layout = self._ask(path, _MENU, "GetLayout", "iias", 0, -1, [])
        return [entry for entry in _entry(layout).children if entry.visible]

    def labels(self) -> list[str]:
        """The texts of the menu in order, without separators."""
        return [entry.label for top in self.menu() for entry in top.walk() if not entry.separator]

    def click(self, label: str) -> None:
        """Wait until the menu has an enabled entry whose text contains `label`, and click it."""

        def look() -> list[MenuEntry]:
            entries = [entry for top in self.menu() for entry in top.walk()]
            return [entry for entry in entries if label in entry.label and entry.enabled]

        entry = wait_for(look, f"the menu entry “{label}”")[0]
        self._ask(self.get("Menu"), _MENU, "Event", "isvu", entry.id, "clicked", ("s", ""), 0)

    def activate(self) -> None:
        """The left click on the icon."""
        self._ask(self.path, _ITEM, "Activate", "ii", 0, 0)

    def wait_for(self, name: str, value: Any) -> None:
        """Wait until a property has this value."""
        wait_for(lambda: self.get(name) == value, f"{name} = {value!r} of the tray icon")

    def is_registered(self) -> bool:
        """Tell whether the application behind the icon is still on the bus."""
        bus = "org.freedesktop.DBus"
        return bool(self._call(bus, "/org/freedesktop/DBus", bus, "NameHasOwner", "s", (self.service,))[0])

    def _ask(self, path: str, interface: str, method: str, signature: str, *arguments: Any) -> tuple[Any, ...]:
        return self._call(self.service, path, interface, method, signature, arguments)

    def _call(
        self, service: str, path: str, interface: str, method: str, signature: str, arguments: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        message: Message = new_method_call(DBusAddress(path, service, interface), method, signature, arguments)
        with open_dbus_connection(self.bus_address) as connection:
            reply = connection.send_and_get_reply(message, timeout=30)
        assert reply.header.message_type is MessageType.method_return, f"{method}: {reply.body}"
        return tuple(reply.body)


def _entry(layout: tuple[int, dict[str, tuple[str, Any]], list[tuple[str, Any]]]) -> MenuEntry:
    number, properties, children = layout
    values = {name: value for name, (_, value) in properties.items()}
    return MenuEntry(
        id=number,
        label=str(values.get("label", "")).replace("__", "\0").replace("_", "").replace("\0", "_"),
        enabled=bool(values.get("enabled", True)),
        visible=bool(values.get("visible", True)),
        separator=values.get("type") == "separator",
        checked=bool(values.get("toggle-state") == 1) if values.get("toggle-type") else None,
        children=tuple(_entry(child) for _, child in children),
    )
