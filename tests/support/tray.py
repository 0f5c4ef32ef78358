"""The tray menu under an XEmbed host, used with the mouse as a person does."""

from __future__ import annotations

from support.processes import wait_for
from support.screen import Screen
from support.x11 import Window


def open_menu(screen: Screen) -> Window:
    """Right-click the tray icon and return the menu's window."""
    x, y = screen.tray_icon_position()
    screen.click(x, y, button=3)
    return wait_for(lambda: [w for w in screen.windows() if w.cls == "TokenKeep" and w.height > 60], "the tray menu")[0]


def click_first_provider(screen: Screen) -> None:
    """Click the second of the four entries that a menu with one provider has: state, provider, open, quit."""
    menu = open_menu(screen)
    screen.click(menu.x + menu.width // 2, menu.y + round(menu.height * 1.5 / 4))
