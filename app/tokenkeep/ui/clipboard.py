"""A token on the clipboard: marked as a secret for clipboard managers, and gone again after 45 seconds."""

from __future__ import annotations

import hashlib

from PySide6.QtCore import QMimeData, QObject, QTimer
from PySide6.QtGui import QClipboard

from tokenkeep.domain.tokens import Secret

KEEP = 45.0  # seconds
HINT = "x-kde-passwordManagerHint"  # what KDE's and other managers look for: do not keep this in a history


class SensitiveClipboard(QObject):
    """Puts secrets on the clipboard and takes them back, unless something else was copied meanwhile.

    It remembers a digest of the secret, not the secret.
    """

    def __init__(self, clipboard: QClipboard, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clipboard = clipboard
        self._digest = b""
        self.timer = QTimer(self, singleShot=True, interval=round(KEEP * 1000))
        self.timer.timeout.connect(self.clear)

    def put(self, secret: Secret) -> None:
        """Copy a secret; it is cleared in 45 seconds."""
        text = secret.reveal()
        data = QMimeData()
        data.setText(text)
        data.setData(HINT, b"secret")
        self._digest = self._digest_of(text)
        self._clipboard.setMimeData(data)
        self.timer.start()

    def clear(self) -> None:
        """Take the secret back if it is still there; also to be called when the application quits."""
        self.timer.stop()
        if self._digest and self._digest_of(self._clipboard.text()) == self._digest:
            self._clipboard.clear()
        self._digest = b""

    @staticmethod
    def _digest_of(text: str) -> bytes:
        return hashlib.sha256(text.encode()).digest()
