"""The mark of a state as a widget."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from tokenkeep.ui import icons, style


class Mark(QWidget):
    """One state mark; decoration, for the words beside it say the same."""

    def __init__(self, mark: str = "signed_out", units: int = style.ICON, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mark = mark
        self._behind = "base"
        self._angle = 0.0
        self._units = units
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def mark(self) -> str:
        """The name of the mark that is shown."""
        return self._mark

    def show_mark(self, mark: str, behind: str = "base") -> None:
        """Show a mark.

        :param behind: name of the colour it lies on.
        """
        if (mark, behind) != (self._mark, self._behind):
            self._mark, self._behind = mark, behind
            self.update()

    def turn(self, angle: float) -> None:
        """Turn the working mark to an angle in degrees; the others stand still."""
        if self._mark == "working" and angle != self._angle:
            self._angle = angle
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        side = self._units * style.unit()
        return QSize(side, side)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        angle = self._angle if self._mark == "working" else 0.0
        icons.paint_mark(QPainter(self), self.rect(), self._mark, style.color(self._behind), angle)
