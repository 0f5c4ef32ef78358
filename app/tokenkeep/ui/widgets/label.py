"""Labels that show plain text only, whoever wrote it, wrapped and aligned to the reading direction."""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QLabel, QSizePolicy, QWidget

from tokenkeep.ui import style

ZERO_WIDTH_SPACE = "\u200b"
_LONGEST = 24  # characters; a longer word could be wider than the narrowest place


def _pieces(word: str, longest: int) -> list[str]:
    return [word[start : start + longest // 2] for start in range(0, len(word), longest // 2)]


class Label(QLabel):
    """Plain text (LEAK-3): markup of a server is shown, never acted on.

    :param quiet: in the secondary colour.
    :param wrap: break into lines of at most 70 characters; else one line.
    :param longest: characters of a word that always has room; longer ones may be broken.
    """

    def __init__(
        self,
        text: str = "",
        kind: style.FontKind = "body",
        *,
        quiet: bool = False,
        wrap: bool = True,
        longest: int = _LONGEST,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._kind = kind
        self._was_broken = False
        self._longest = longest
        self._said = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        if wrap:
            policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
            policy.setHeightForWidth(True)
            self.setSizePolicy(policy)
        self.set_quiet(quiet=quiet)
        self.setText(text)
        self._take_font()

    def set_quiet(self, *, quiet: bool) -> None:
        """Show it in the secondary colour, or in that of all text."""
        self.setForegroundRole(QPalette.ColorRole.PlaceholderText if quiet else QPalette.ColorRole.WindowText)

    def setText(self, text: str) -> None:  # noqa: N802
        """Show a text. A word too long for any line may be broken; nobody selects a label's text."""
        broken = self._with_breaks(text) if self.wordWrap() else text
        super().setText(broken)
        self._said = text
        if broken != text or self._was_broken:
            self.setAccessibleName(text)
        self._was_broken = broken != text

    def text(self) -> str:
        """What it says, without the places where a long word may be broken."""
        return self._said

    def _with_breaks(self, text: str) -> str:
        long_word = rf"\S{{{self._longest + 1},}}"
        return re.sub(long_word, lambda word: ZERO_WIDTH_SPACE.join(_pieces(word[0], self._longest)), text)

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        # Layouts offer all of their width; what counts is how much of it the label takes.
        return super().heightForWidth(min(width, self.maximumWidth()))

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
