"""What is waited for, how much time is left, and a thin bar that steps once a second."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from tokenkeep.ui import style
from tokenkeep.ui.widgets.label import Label

ANNOUNCED = (60, 30, 10)  # seconds left at which a screen reader is told; each second would be noise


class StepBar(QWidget):
    """The share that is left, from the side where reading begins; decoration, the words beside it say the same."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._share = 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def share(self) -> float:
        """What is left, from 0 to 1."""
        return self._share

    def show_share(self, share: float) -> None:
        """Show what is left, from 0 to 1."""
        share = min(1.0, max(0.0, share))
        if share != self._share:
            self._share = share
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(10 * style.unit(), style.unit())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        whole = QRectF(self.rect())
        radius = whole.height() / 2
        painter.setBrush(style.color("track"))
        painter.drawRoundedRect(whole, radius, radius)
        rest = QRectF(whole)
        rest.setWidth(whole.width() * self._share)
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            rest.moveRight(whole.right())
        if rest.width() >= 1:
            painter.setBrush(style.color("quiet"))
            painter.drawRoundedRect(rest, min(radius, rest.width() / 2), radius)


class Countdown(QWidget):
    """Words at the left, time at the right, the bar below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = Label()
        self.left = Label(quiet=True, wrap=False)
        self.bar = StepBar()
        self._announced = 0
        line = QHBoxLayout()
        line.setSpacing(style.space("l"))
        line.addWidget(self.words, 1)
        line.addWidget(self.left, 0, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.space("s"))
        layout.addLayout(line)
        layout.addWidget(self.bar)

    def show_time(self, words: str, left: str, seconds: float, whole: float) -> None:
        """Show a moment of the wait.

        :param left: the time left in words; empty when nothing is counted, then there is no bar either.
        :param seconds: what is left of `whole` seconds.
        """
        self.bar.setVisible(bool(left))
        self.words.setText(words)
        if self.left.text() != left:
            self.left.setText(left)
        step = next((limit for limit in reversed(ANNOUNCED) if seconds <= limit), 0)
        if step != self._announced or not self.left.accessibleName():
            self._announced = step
            self.left.setAccessibleName(left)
        self.bar.show_share(seconds / whole if whole > 0 else 0.0)
