"""The fault that the upper bound of PySide6 is for: one lost reference to None per call of a void Qt method."""

from __future__ import annotations

import sys

from PySide6.QtWidgets import QApplication, QWidget

CALLS = 20_000


def test_void_calls_of_qt_lose_no_reference_to_none(qapp: QApplication) -> None:
    """PySide6 6.12.0 on Python 3.11 aborts after some 4,500 of them; from 3.12 on None cannot be lost."""
    widget = QWidget()
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        widget.update()
    assert sys.getrefcount(None) > before - CALLS / 10
