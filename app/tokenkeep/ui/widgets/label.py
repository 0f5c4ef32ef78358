"""Labels that show plain text only, whoever wrote it, wrapped and aligned to the reading direction."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QLabel, QSizePolicy, QWidget

from tokenkeep.ui import style


class Label(QLabel):
    """Plain text (LEAK-3): markup of a server is shown, never acted on.

    :param quiet: in the secondary colour.
    :param wrap: break into lines of at most 70 characters; else one line.
    """

    def __init__(
        self,
        text: str = "",
        kind: style.FontKind = "body",
        *,
        quiet: bool = False,
        wrap: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._kind = kind
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        if wrap:
            policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
            policy.setHeightForWidth(True)
            self.setSizePolicy(policy)
        if quiet:
            self.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.setText(text)
        self._take_font()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        if event.type() == QEvent.Type.ApplicationFontChange:
            self._take_font()
        elif event.type() == QEvent.Type.LayoutDirectionChange:
            self._align()
        super().changeEvent(event)

    def _take_font(self) -> None:
        self.setFont(style.font(self._kind))
        if self.wordWrap():
            self.setMaximumWidth(style.measure(self.font()))
        self._align()

    def _align(self) -> None:
        # Qt aligns a wrapped label by its text: in a right-to-left window an address would drift to the far side.
        rtl = self.layoutDirection() == Qt.LayoutDirection.RightToLeft or QApplication.isRightToLeft()
        side = Qt.AlignmentFlag.AlignRight if rtl else Qt.AlignmentFlag.AlignLeft
        self.setAlignment(side | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter)
