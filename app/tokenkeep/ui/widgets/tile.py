"""The letter tile that stands for a provider where there is no logo."""

from __future__ import annotations

import hashlib
import re

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from tokenkeep.ui import style
from tokenkeep.ui.theme import mix

_WORD: re.Pattern[str] = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[^\W_]+")
EDGE = 0.22  # share of the letters' colour in the edge


def letters(name: str) -> str:
    """First letters of two words (`GitHub` counts as two), else the first two letters."""
    words: list[str] = _WORD.findall(name)
    if len(words) > 1:
        return (words[0][0] + words[1][0]).upper()
    word = words[0] if words else name.strip()
    return (word[:1].upper() + word[1:2]) or "?"


def colors(provider: str) -> tuple[QColor, QColor]:
    """Fill and letters, chosen by the provider's id: the same at every start."""
    tiles = style.theme().tiles
    fill, text = tiles[hashlib.sha256(provider.encode()).digest()[0] % len(tiles)]
    return QColor(fill), QColor(text)


def paint_tile(painter: QPainter, place: QRect, provider: str, name: str) -> None:
    """Draw the tile of a provider into a square."""
    fill, text = colors(provider)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(fill)
    painter.setPen(QPen(QColor(mix(text.name(), fill.name(), EDGE)), style.HAIR_LINE))
    radius = 2 * style.unit()
    painter.drawRoundedRect(QRectF(place).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
    font = style.font("strong")
    if place.height() > style.TILE * style.unit():
        font = style.font("title")
    painter.setFont(font)
    painter.setPen(text)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, letters(name))
    painter.restore()


class Tile(QWidget):
    """A provider's tile as a widget of its own; decoration, the name stands beside it."""

    def __init__(self, units: int = style.BIG_TILE, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._units = units
        self._provider = ""
        self._name = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_provider(self, provider: str, name: str) -> None:
        """Show the tile of a provider by id and name."""
        if (provider, name) != (self._provider, self._name):
            self._provider, self._name = provider, name
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        side = self._units * style.unit()
        return QSize(side, side)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        paint_tile(QPainter(self), self.rect(), self._provider, self._name)
