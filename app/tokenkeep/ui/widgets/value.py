"""Text to read, select and copy: addresses, scopes, a server's words; breaks anywhere rather than be cut."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPalette, QTextDocument, QTextOption, QWheelEvent
from PySide6.QtWidgets import QApplication, QFrame, QSizePolicy, QTextEdit, QWidget

from tokenkeep.ui import style


class Value(QTextEdit):
    """Plain text (LEAK-3), selectable by mouse and keyboard, as high as its lines.

    :param name: what screen readers call it: the words that stand beside it.
    """

    def __init__(
        self, kind: style.FontKind = "body", *, name: str = "", quiet: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._kind = kind
        self._quiet = quiet
        self._lift = 0
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.viewport().setAutoFillBackground(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        self.setAccessibleName(name)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._take_look()

    def show_text(self, text: str) -> None:
        """Show a text; what is selected stays so while the text is the same."""
        if text != self.toPlainText():
            self.setPlainText(text)
            self.updateGeometry()

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        ruler = QTextDocument()
        ruler.setDocumentMargin(0)
        ruler.setDefaultFont(self.font())
        ruler.setDefaultTextOption(self._option())
        ruler.setPlainText(self.toPlainText())
        ruler.setTextWidth(max(1, width))
        return round(ruler.size().height()) + self._lift + style.FOCUS_LINE

    def sizeHint(self) -> QSize:  # noqa: N802
        widest = max((self.fontMetrics().horizontalAdvance(line) for line in self.toPlainText().split("\n")), default=0)
        width = min(widest + 2, style.measure(self.font()))
        return QSize(width, self.heightForWidth(max(width, 1)))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(style.em(4), self.fontMetrics().height() + self._lift + style.FOCUS_LINE)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() in (
            QEvent.Type.ApplicationFontChange,
            QEvent.Type.ApplicationPaletteChange,
            QEvent.Type.StyleChange,
            QEvent.Type.LayoutDirectionChange,
        ):
            self._take_look()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        event.ignore()  # it never scrolls itself; the page does

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        if self.hasFocus():
            area = self.viewport().rect()
            line = QRect(area.left(), area.bottom() + 1 - style.FOCUS_LINE, area.width(), style.FOCUS_LINE)
            QPainter(self.viewport()).fillRect(line, style.color("accent"))

    def _take_look(self) -> None:
        self.setFont(style.font(self._kind))
        # A smaller font stands on the same line as the words beside it.
        self._lift = max(0, QFontMetrics(style.font()).ascent() - self.fontMetrics().ascent())
        self.setViewportMargins(0, self._lift, 0, 0)
        self.document().setDefaultFont(self.font())
        self.document().setDefaultTextOption(self._option())
        shown = QPalette(QApplication.palette())
        if self._quiet:
            shown.setColor(QPalette.ColorRole.Text, style.color("text2"))
        if shown.color(QPalette.ColorRole.Text) != self.palette().color(QPalette.ColorRole.Text):
            self.setPalette(shown)
        self.updateGeometry()

    def _option(self) -> QTextOption:
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        # Addresses and scopes read from left to right everywhere, but stand at the side where the window begins.
        rtl = QApplication.isRightToLeft()
        side = Qt.AlignmentFlag.AlignRight if rtl else Qt.AlignmentFlag.AlignLeft
        option.setAlignment(side | Qt.AlignmentFlag.AlignAbsolute)
        option.setTextDirection(
            Qt.LayoutDirection.LeftToRight if self._kind == "mono" else Qt.LayoutDirection.LayoutDirectionAuto
        )
        return option
