"""Notices of the engine as notifications of the desktop, with an action that leads to the right window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal

from tokenkeep.domain.ports import Notice, Notifier

Balloon = Callable[[str, str], bool]


class Notifications(QObject):
    """Shows notices; what a person chose arrives as `chosen` with the action's name and the provider's id.

    :param notifier: the desktop's own; None when there is none, then the tray's balloon serves.
    :param balloon: shows title and body at the tray icon, False when there is no icon.
    """

    chosen = Signal(str, str)
    _answered = Signal(str, str)

    def __init__(self, notifier: Notifier | None, balloon: Balloon, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._notifier = notifier
        self._balloon = balloon
        # The notifier answers on whatever thread it has.
        self._answered.connect(self.chosen, Qt.ConnectionType.QueuedConnection)

    def show(self, notice: Notice) -> None:
        """Show a notice. A balloon cannot carry actions: the tray's menu has the same things."""
        if self._notifier is not None and getattr(self._notifier, "available", True):
            provider = notice.provider or ""
            self._notifier.notify(notice, lambda action: self._answered.emit(action, provider))
        else:
            self._balloon(notice.title, notice.body)
