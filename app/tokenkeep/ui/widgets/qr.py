"""A QR code of an address, black on white with its margin in every theme (ISO/IEC 18004: four modules)."""

from __future__ import annotations

import segno
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from tokenkeep.ui import style

QUIET_ZONE = 4  # modules
LEAST = 168  # device-independent pixels, margin included
UNITS = 42  # of our unit: 168 at the usual font, more with a larger one


def modules(text: str) -> tuple[tuple[bool, ...], ...]:
    """The dark and light modules of a text without the margin, row by row."""
    return tuple(tuple(bool(module) for module in row) for row in segno.make_qr(text, error="m").matrix)


class QrCode(QWidget):
    """A code that a phone reads from the screen; never mirrored, never in the theme's colours."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._modules: tuple[tuple[bool, ...], ...] = ()
        self._text = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def text(self) -> str:
        """What a phone reads."""
        return self._text

    def show_text(self, text: str) -> None:
        """Draw the code of a text, nothing when it is empty."""
        if text != self._text:
            self._text = text
            self._modules = modules(text) if text else ()
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        # Whole pixels for each module: a scaled one is blurred, and phones read it badly.
        count = len(self._modules) + 2 * QUIET_ZONE
        wanted = max(LEAST, UNITS * style.unit())
        side = -(-wanted // count) * count if self._modules else wanted
        return QSize(side, side)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        if not self._modules:
            return
        painter = QPainter(self)
        count = len(self._modules) + 2 * QUIET_ZONE
        module = max(1, min(self.width(), self.height()) // count)
        side = module * count
        left, top = (self.width() - side) // 2, (self.height() - side) // 2
        painter.fillRect(self.rect(), Qt.GlobalColor.white)
        for line, row in enumerate(self._modules, QUIET_ZONE):
            for column, dark in enumerate(row, QUIET_ZONE):
                if dark:
                    place = QRect(left + column * module, top + line * module, module, module)
                    painter.fillRect(place, Qt.GlobalColor.black)
        painter.setPen(style.color("line"))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
