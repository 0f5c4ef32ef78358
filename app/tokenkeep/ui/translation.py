"""How every text becomes a translated one: `tr`, plural forms, isolated pieces of left-to-right text."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale
from PySide6.QtGui import QGuiApplication

CONTEXT = "TokenKeep"


def tr(text: str, **values: object) -> str:
    """The translation of a text with its named places filled in, as `{name}`.

    Values are inserted as they are, in one pass: a server's braces are not read as places.
    """
    translated = QCoreApplication.translate(CONTEXT, text)
    return translated.format(**values) if values else translated


def plural(one: str, many: str, count: int, **values: object) -> str:
    """One of two texts by number; `%n` is the number. A translation brings its own language's forms."""
    translated = QCoreApplication.translate(CONTEXT, one if count == 1 else many, "", count)
    shown = translated.replace("%n", QLocale().toString(count))
    return shown.format(**values) if values else shown


def isolated(text: str) -> str:
    """An address, scope or code kept together and left to right inside text that runs from right to left."""
    # Elsewhere it would change nothing but be copied along, and fonts without the two marks make the line higher.
    return f"\u2068{text}\u2069" if text and QGuiApplication.isRightToLeft() else text
