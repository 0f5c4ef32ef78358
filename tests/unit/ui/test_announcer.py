"""Screen readers hear of changes of the shown page, and not more often than they can be heard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget

from support import snapshots
from tokenkeep.ui.announcer import Announcer
from tokenkeep.ui.main_window import MainWindow

Show = Callable[..., MainWindow]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a screen reader would hear. Without one running, Qt drops it all."""
    said: list[str] = []

    def update(event: object) -> None:
        if isinstance(event, QAccessibleAnnouncementEvent):
            said.append(event.message())

    monkeypatch.setattr(QAccessible, "updateAccessibility", update)
    return said


def test_a_change_of_the_shown_page_is_announced(show: Show, heard: list[str]) -> None:
    window = show(snapshots.engine(snapshots.active()))
    window.apply(snapshots.engine(snapshots.needs_sign_in(id="example-ai", name="Example AI models")))
    assert heard == ["Example AI models: Sign in again"]


def test_choosing_another_page_is_no_news(show: Show, heard: list[str]) -> None:
    window = show(snapshots.six_states(), "example-ai")
    window.show_provider("keycloak")
    assert heard == []


def test_at_most_one_in_five_seconds_and_then_the_latest(heard: list[str]) -> None:
    source = QWidget()
    announcer = Announcer(source)
    for words in ("one", "two", "three"):
        announcer.say(words)
    assert heard == ["one"]
    assert announcer.pause.interval() == 5_000
    announcer.pause.stop()
    announcer.pause.timeout.emit()
    assert heard == ["one", "three"]
