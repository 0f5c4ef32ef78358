"""A copied token is marked as a secret and does not stay."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QClipboard
from PySide6.QtWidgets import QApplication

from tokenkeep.domain.tokens import Secret
from tokenkeep.ui.clipboard import SensitiveClipboard


@pytest.fixture
def desktop(qapp: QApplication) -> QClipboard:
    clipboard = qapp.clipboard()
    clipboard.clear()
    return clipboard


def test_LEAK_3_a_copied_token_is_marked_as_a_secret(desktop: QClipboard) -> None:
    SensitiveClipboard(desktop).put(Secret("token-1"))
    assert desktop.text() == "token-1"
    assert bytes(desktop.mimeData().data("x-kde-passwordManagerHint").data()) == b"secret"


def test_LEAK_3_a_copied_token_is_cleared_after_45_seconds(desktop: QClipboard) -> None:
    sensitive = SensitiveClipboard(desktop)
    sensitive.put(Secret("token-1"))
    assert sensitive.timer.isActive()
    assert sensitive.timer.interval() == 45_000
    sensitive.timer.timeout.emit()
    assert desktop.text() == ""


def test_LEAK_3_something_copied_since_is_left_alone(desktop: QClipboard) -> None:
    sensitive = SensitiveClipboard(desktop)
    sensitive.put(Secret("token-1"))
    desktop.setText("my notes")
    sensitive.timer.timeout.emit()
    assert desktop.text() == "my notes"


def test_a_second_copy_starts_the_time_anew_and_clears_the_second(desktop: QClipboard) -> None:
    sensitive = SensitiveClipboard(desktop)
    sensitive.put(Secret("token-1"))
    sensitive.put(Secret("token-2"))
    assert sensitive.timer.isActive()
    sensitive.clear()
    assert desktop.text() == ""
    assert not sensitive.timer.isActive()


def test_LEAK_3_quitting_clears_what_is_still_there_and_nothing_else(desktop: QClipboard) -> None:
    desktop.setText("my notes")
    SensitiveClipboard(desktop).clear()
    assert desktop.text() == "my notes"
