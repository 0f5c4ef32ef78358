"""Tells screen readers what changed on the shown page, politely and seldom."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent

PAUSE = 5_000  # milliseconds between two announcements


class Announcer(QObject):
    """Says the latest news at most once in five seconds.

    :param source: what the news is about.
    """

    def __init__(self, source: QObject) -> None:
        super().__init__(source)
        self._source = source
        self._waiting = ""
        self.pause = QTimer(self, singleShot=True, interval=PAUSE)
        self.pause.timeout.connect(self._pause_over)

    def say(self, text: str) -> None:
        """Say it now, or after the pause unless there are later news by then."""
        if self.pause.isActive():
            self._waiting = text
            return
        event = QAccessibleAnnouncementEvent(self._source, text)
        event.setPoliteness(QAccessible.AnnouncementPoliteness.Polite)
        QAccessible.updateAccessibility(event)
        self.pause.start()

    def forget(self) -> None:
        """Drop what waits to be said: another page is shown."""
        self._waiting = ""

    def _pause_over(self) -> None:
        text, self._waiting = self._waiting, ""
        if text:
            self.say(text)
