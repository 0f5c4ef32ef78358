"""Buttons with our line icons, and links that the keyboard reaches."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from tokenkeep.ui import icons, style

ButtonKind = Literal["", "primary", "icon", "link"]
_RETINT = frozenset(
    {
        QEvent.Type.PaletteChange,
        QEvent.Type.StyleChange,
        QEvent.Type.ApplicationFontChange,
        QEvent.Type.EnabledChange,
        QEvent.Type.LayoutDirectionChange,
    }
)


class Button(QPushButton):
    """A button; its icon follows theme and font.

    :param kind: `primary` is the one filled button of a view, `icon` shows no words (its name is then its tooltip and
        what screen readers say), `link` looks like a link.
    """

    def __init__(self, text: str = "", *, icon: str = "", kind: ButtonKind = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon
        self._kind = kind
        self._tinted: tuple[str, str, int, bool] | None = None
        self.setAutoDefault(False)
        if kind:
            self.setProperty("kind", kind)
        if kind == "link":
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.set_words(text)
        self._tint()

    def set_words(self, text: str) -> None:
        """Change what it says."""
        if self._kind == "icon":
            self.setToolTip(text)
            self.setAccessibleName(text)
        else:
            # An ampersand in a name is no mnemonic.
            self.setText(text.replace("&", "&&"))

    def set_icon(self, name: str) -> None:
        """Change its icon by name; empty for none."""
        if name != self._icon_name:
            self._icon_name = name
            self._tint()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() in _RETINT:
            self._tint()

    def _tint(self) -> None:
        if not self._icon_name:
            self.setIcon(QIcon())
            self._tinted = None
            return
        color = "on_accent" if self._kind == "primary" else "text" if self.isEnabled() else "text2"
        side = style.ICON * style.unit()
        wanted = (self._icon_name, style.color(color).name(), side, QApplication.isRightToLeft())
        if wanted == self._tinted:  # one change of theme comes as a handful of events
            return
        self._tinted = wanted
        gap = 0 if self._kind == "icon" else style.space("xs")
        self.setIconSize(QSize(side + gap, side))
        self.setIcon(icons.line_icon(self._icon_name, color, gap=gap))
