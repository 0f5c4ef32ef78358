"""Notices of the engine as notifications of the desktop, with an action that leads to the right window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QObject, Qt, Signal

from tokenkeep.domain.ports import Notice, Notifier

Balloon = Callable[[str, str], bool]
BODY = "default"  # a click on the notification itself


class DesktopNotifier(Notifier, Protocol):
    """The desktop's own notifications."""

    @property
    def available(self) -> bool:
        """Whether this desktop can be asked for any."""
        ...


class Notifications(QObject):
    """Shows notices; what a person chose arrives as `chosen` with the action's name and the provider's id.

    :param notifier: the desktop's own; None when there is none, then the tray's balloon serves.
    :param balloon: shows title and body at the tray icon, False when there is no icon.
    """

    chosen = Signal(str, str)
    _answered = Signal(str, str)

    def __init__(self, notifier: DesktopNotifier | None, balloon: Balloon, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._notifier = notifier
        self._balloon = balloon
        # The notifier answers on whatever thread it has.
        self._answered.connect(self.chosen, Qt.ConnectionType.QueuedConnection)

    def show(self, notice: Notice) -> None:
        """Show a notice. A balloon cannot carry actions: the tray's menu has the same things."""
        if self._notifier is None or not self._notifier.available:
            self._balloon(notice.title, notice.body)
            return
        provider = notice.provider or ""
        first = notice.actions[0][0] if notice.actions else "show"
        self._notifier.notify(notice, lambda action: self._answered.emit(first if action == BODY else action, provider))
