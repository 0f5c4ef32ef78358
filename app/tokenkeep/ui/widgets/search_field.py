"""A line to type a search into, with its magnifying glass."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMargins, QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QStyle, QWidget

from tokenkeep.ui import icons, style


class SearchField(QLineEdit):
    """Draws the glass itself: Qt keeps icons in a field at 16 px, whatever the font."""

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(words)
        self.setAccessibleName(words)
        self._space()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() in (QEvent.Type.ApplicationFontChange, QEvent.Type.LayoutDirectionChange):
            self._space()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        side = style.ICON * style.unit()
        place = QRect(style.space("s"), (self.height() - side) // 2, side, side)
        shown = QStyle.visualRect(self.layoutDirection(), self.rect(), place)
        icons.paint_line_icon(QPainter(self), shown, "search", style.color("text2"))

    def _space(self) -> None:
        room = (style.ICON + 1) * style.unit()
        mirrored = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        self.setTextMargins(QMargins(0, 0, room, 0) if mirrored else QMargins(room, 0, 0, 0))
