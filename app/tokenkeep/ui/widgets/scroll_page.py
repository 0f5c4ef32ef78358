"""A page that scrolls up and down when it is too high, and never sideways."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QScrollArea, QWidget

_TURNS = 3


class _Content(QWidget):
    """As high as its texts are at the width it gets."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        # A scroll area would take the height that the texts need at their narrowest, and scroll for nothing.
        return QSize(super().minimumSizeHint().width(), 1)


class ScrollPage(QScrollArea):
    """One column up to a greatest width; what is left of a wide window is margin.

    :param centered: margins on both sides, else all of it at the far side.
    """

    def __init__(self, column: QLayout, *, centered: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._inner = QWidget()
        self._inner.setLayout(column)
        content = _Content()
        row = QHBoxLayout(content)
        row.setContentsMargins(0, 0, 0, 0)
        if centered:
            row.addStretch(1)
        row.addWidget(self._inner, 1000)  # all of the width up to its maximum
        row.addStretch(1)
        self.setWidget(content)

    def settle(self) -> None:
        """Lay out changed texts to the end before the next frame.

        Heights follow widths, so it takes more than one turn; spread over frames the page would be seen to jump.
        """
        for _ in range(_TURNS):
            QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)

    def set_column_width(self, width: int) -> None:
        """Let the column grow no wider than this, in device-independent pixels."""
        self._inner.setMaximumWidth(width)
