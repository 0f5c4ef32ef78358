"""A button that puts a text on the clipboard and says so for a moment."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from tokenkeep.ui.translation import tr
from tokenkeep.ui.widgets.button import Button, ButtonKind

SAID = 2000  # milliseconds that it says "Copied"


class CopyButton(Button):
    """For addresses and codes that a person carries elsewhere. Tokens go another way: they are cleared again.

    :param text: asked for when the button is pressed.
    """

    def __init__(
        self, words: str, text: Callable[[], str], *, kind: ButtonKind = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(words, icon="copy", kind=kind, parent=parent)
        self._words = words
        self._text = text
        self.back = QTimer(self, singleShot=True, interval=SAID)
        self.back.timeout.connect(self._say_copy)
        self.clicked.connect(self._copy)
        if kind != "icon":
            self._keep_width()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text())
        self.set_words(tr("Copied"))
        self.set_icon("check")
        self.back.start()

    def _say_copy(self) -> None:
        self.set_words(self._words)
        self.set_icon("copy")

    def _keep_width(self) -> None:
        """As wide as the longer of both words, so that nothing beside it moves."""
        self.set_words(tr("Copied"))
        other = self.sizeHint().width()
        self.set_words(self._words)
        self.setMinimumWidth(max(other, self.sizeHint().width()))
