"""Notices reach the desktop with their actions, or the tray's balloon where there is no desktop to tell."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QApplication

from tokenkeep.domain.ports import Notice
from tokenkeep.ui.notifications import Notifications

pytestmark = pytest.mark.usefixtures("qapp")
NOTICE = Notice("needs_you", "Sign in to Example again", "It ended the sign-in.", "example", (("sign_in", "Sign in"),))


class FakeNotifier:
    """Remembers what was to be shown; `answer` is a click, from a thread of its own."""

    def __init__(self, *, available: bool = True) -> None:
        self.available = available
        self.shown: list[Notice] = []
        self._on_action: Callable[[str], None] | None = None

    def notify(self, notice: Notice, on_action: Callable[[str], None] | None = None) -> None:
        """Take note."""
        self.shown.append(notice)
        self._on_action = on_action

    def answer(self, action: str) -> None:
        """A click."""
        assert self._on_action is not None
        thread = threading.Thread(target=self._on_action, args=(action,))
        thread.start()
        thread.join()


def test_the_chosen_action_arrives_in_the_window_s_thread_with_its_provider() -> None:
    notifier, balloons = FakeNotifier(), []
    notifications = Notifications(notifier, lambda *words: bool(balloons.append(words)))
    chosen: list[tuple[str, str, str]] = []
    notifications.chosen.connect(lambda *what: chosen.append((*what, threading.current_thread().name)))
    notifications.show(NOTICE)
    notifier.answer("sign_in")
    assert chosen == []  # it waits for the window's loop
    QApplication.processEvents()
    assert chosen == [("sign_in", "example", threading.main_thread().name)]
    assert notifier.shown == [NOTICE]
    assert balloons == []


def test_a_click_on_the_text_is_the_first_action() -> None:
    notifier = FakeNotifier()
    notifications = Notifications(notifier, lambda *_: False)
    chosen: list[tuple[str, str]] = []
    notifications.chosen.connect(lambda *what: chosen.append(what))
    for notice in (NOTICE, Notice("info", "title", "body")):
        notifications.show(notice)
        notifier.answer("default")
        QApplication.processEvents()
    assert chosen == [("sign_in", "example"), ("show", "")]


@pytest.mark.parametrize("notifier", [None, FakeNotifier(available=False)])
def test_without_a_notification_service_the_tray_s_balloon_serves(notifier: FakeNotifier | None) -> None:
    balloons: list[tuple[str, str]] = []
    notifications = Notifications(notifier, lambda *words: bool(balloons.append(words)))
    notifications.show(NOTICE)
    assert balloons == [("Sign in to Example again", "It ended the sign-in.")]
