"""The icon in the tray: the overall state as a shape, the menu behind it; it may come late, or never."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import QSystemTrayIcon

from tokenkeep.domain.ports import Clock
from tokenkeep.domain.session import EngineSnapshot, OverallState
from tokenkeep.ui import icons, menu_texts
from tokenkeep.ui.icons import Panel
from tokenkeep.ui.tray_menu import TrayMenu

RETRY = 1000  # milliseconds; at login the panel may start after us (QTBUG-61898)
GRACE = 10_000  # milliseconds until the window stands in for a tray that did not come

Reason = QSystemTrayIcon.ActivationReason


def panel_kind(platform: str, environ: Mapping[str, str], *, dark: bool) -> Panel:
    """What the icon will lie on, as far as it can be known.

    :param dark: the desktop's colour scheme.
    """
    if platform == "darwin":
        return "template"
    desktops = environ.get("XDG_CURRENT_DESKTOP", "").lower().split(":")
    if "gnome" in desktops or "ubuntu" in desktops:
        return "on-dark"  # its panel is dark whatever the scheme says
    if platform == "win32" or "kde" in desktops:
        return "on-dark" if dark else "on-light"
    return "unknown"


class Tray(QObject):
    """Registers itself as soon as there is a tray, and says when none has come.

    `chosen` is the menu's; `open_wanted` a click on the icon; `absent` comes at most once, when the grace is over.

    :param available: whether there is a tray to register with.
    """

    chosen = Signal(str, str)
    open_wanted = Signal()
    message_clicked = Signal()
    appeared = Signal()
    absent = Signal()

    def __init__(
        self,
        clock: Clock,
        *,
        available: Callable[[], bool] = QSystemTrayIcon.isSystemTrayAvailable,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._available = available
        self._snapshot: EngineSnapshot | None = None
        self.icon: QSystemTrayIcon | None = None
        self.menu = TrayMenu(clock)
        self.menu.chosen.connect(self.chosen)
        self.retry = QTimer(self, interval=RETRY)
        self.retry.timeout.connect(self._register)
        self.grace = QTimer(self, interval=GRACE, singleShot=True)
        self.grace.timeout.connect(self.absent)

    @property
    def present(self) -> bool:
        """Whether people can reach us through it now."""
        return self.icon is not None and self._available()

    def start(self) -> None:
        """Register now, or as soon as there is a tray."""
        self._register()
        if self.icon is None:
            self.retry.start()
            self.grace.start()

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Show the overall state."""
        before, self._snapshot = self._snapshot, snapshot
        self.menu.show_snapshot(snapshot)
        if self.icon is None:
            return
        if before is None or before.state is not snapshot.state:
            self.icon.setIcon(self._picture())
        self.icon.setToolTip(menu_texts.tooltip(snapshot))

    def theme_changed(self) -> None:
        """The desktop's colours changed, and the panel's perhaps with them."""
        self.menu.repaint_marks()
        if self.icon is not None:
            self.icon.setIcon(self._picture())

    def balloon(self, title: str, body: str) -> bool:
        """Show a message at the icon; False when there is no icon."""
        if self.icon is None:
            return False
        self.icon.showMessage(title, body, icons.app_icon())
        return True

    def remove(self) -> None:
        """Take it away; it must be gone before the QApplication is."""
        self.retry.stop()
        self.grace.stop()
        if self.icon is not None:
            self.icon.hide()
            self.icon.setContextMenu(None)  # type: ignore[arg-type]  # Qt takes a null pointer here
            self.icon.deleteLater()
            self.icon = None
        self.menu.deleteLater()

    def _register(self) -> None:
        if not self._available():
            return
        self.retry.stop()
        self.grace.stop()
        # Only now: Qt decides for good between the kinds of tray when the first icon is made.
        self.icon = QSystemTrayIcon(self._picture(), self)
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._activated)
        self.icon.messageClicked.connect(self.message_clicked)
        if self._snapshot is not None:
            self.icon.setToolTip(menu_texts.tooltip(self._snapshot))
        self.icon.show()
        self.appeared.emit()

    def _picture(self) -> QIcon:
        state = OverallState.OK if self._snapshot is None else self._snapshot.state
        name = f"tokenkeep-{state.value.replace('_', '-')}-symbolic"
        if QIcon.hasThemeIcon(name):
            return QIcon.fromTheme(name)
        dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return icons.tray_icon(state, panel_kind(sys.platform, os.environ, dark=dark))

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if sys.platform != "darwin" and reason in (Reason.Trigger, Reason.MiddleClick):
            self.open_wanted.emit()
