"""The question of a program: nothing is answered by accident, silence is no, nothing holds longer than it may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QTextEdit

from support.fake_ui_engine import NOW, FakeClock
from support.ui_loop import HandTimer
from tokenkeep.domain.access import AccessRequest, Application, Decision, Holding
from tokenkeep.ui.access_prompt import GUARD, AccessPrompt

pytestmark = pytest.mark.usefixtures("qapp")

KUBECTL = Application("/usr/local/bin/kubectl", pid=4711, parent="deploy.sh")
SCRIPT = Application("/usr/bin/python3.12", script="/home/mara/eval.py", pid=4712)
BASH = Application("/usr/bin/bash", pid=4713, login_session="3")
PROBE = '<img src="http://127.0.0.1:9/probe">'


def request(id_: str = "r1", application: Application = KUBECTL, **changes: Any) -> AccessRequest:
    made = AccessRequest(
        id_, application, "work", "Keycloak at work", "mara@example.org", ("openid", "groups"), expires_at=NOW + 60
    )
    return replace(made, **changes)


class Prompt:
    """A prompt with hands on its timers."""

    def __init__(self, *requests: AccessRequest, remember: float = 43_200.0) -> None:
        self.clock = FakeClock()
        self.guard = HandTimer()
        self.window = AccessPrompt(self.clock, guard=self.guard, remember=remember)
        self.answers: list[tuple[str, Decision, Holding]] = []
        self.window.answered.connect(lambda *answer: self.answers.append(answer))
        self.window.show_requests(requests)
        self.window.open_up(activate=False)
        QApplication.processEvents()

    def text(self) -> str:
        labels = [label.text() for label in self.window.findChildren(QLabel) if label.isVisible()]
        return "\n".join([*labels, *(value.toPlainText() for value in self.window.findChildren(QTextEdit))])

    @property
    def open_for_answers(self) -> bool:
        return self.window.allow.isEnabled() and self.window.deny.isEnabled()

    def ready(self) -> Prompt:
        self.guard.run_out()
        assert self.open_for_answers
        return self


def test_it_says_who_wants_what_and_what_a_yes_means() -> None:
    text = Prompt(request()).text()
    for part in (
        "Let kubectl use Keycloak at work?",
        "It would get a token and could act as mara@example.org.",
        "/usr/local/bin/kubectl",
        "4711",
        "deploy.sh",
        "Know who you are, see your groups",
        "openid groups",
    ):
        assert part in text


def test_a_script_is_named_with_what_runs_it() -> None:
    text = Prompt(request(application=SCRIPT)).text()
    for part in ("Let eval.py use Keycloak at work?", "/home/mara/eval.py", "/usr/bin/python3.12"):
        assert part in text


def test_AGENT_8_a_programs_file_name_cannot_add_lines_to_the_question() -> None:
    odd = Application(
        "/tmp/x\nProgram: /usr/bin/git\u202e", script="/tmp/git\nAllow this, it is safe", pid=1, parent="a\nb"
    )
    shown = Prompt(request(application=odd)).text()
    assert "Let git\ufffdAllow this, it is safe use Keycloak at work?" in shown
    assert "/tmp/x\ufffdProgram: /usr/bin/git\ufffd" in shown
    assert "\nProgram: /usr/bin/git" not in shown
    assert "a\ufffdb" in shown


def test_an_unknown_program_is_warned_about() -> None:
    assert "TokenKeep cannot tell which program this is." in Prompt(request(application=Application(pid=7))).text()
    assert "cannot tell" not in Prompt(request()).text()


def test_a_program_that_wants_to_change_settings_is_asked_about_as_that() -> None:
    shown = Prompt(request(provider="*", purpose="manage", provider_name=""))
    assert "Let kubectl change TokenKeep’s settings?" in shown.text()
    assert list(shown.window.holding.offered) == [Holding.ONCE, Holding.UNTIL_QUIT]


@pytest.mark.parametrize("account", ["mara@northwind.example", ""])
def test_a_program_that_wants_to_know_who_you_are_is_asked_about_in_those_words(account: str) -> None:
    shown = Prompt(request(purpose="id_token", account=account, scope=(), resource=())).text()
    assert "who you are at" in shown
    assert "identity token" in shown
    assert "as a proof" in shown
    assert account in shown
    assert "get a token" not in shown


def test_buttons_are_off_for_700_ms_at_opening() -> None:
    shown = Prompt(request())
    assert GUARD == shown.guard.interval() == 700
    assert not shown.open_for_answers
    shown.guard.run_out()
    assert shown.open_for_answers


def test_buttons_are_off_again_at_each_new_question() -> None:
    shown = Prompt(request("r1"), request("r2", SCRIPT)).ready()
    shown.window.allow.click()
    assert shown.window.request is not None
    assert shown.window.request.id == "r2"
    assert not shown.open_for_answers
    shown.guard.run_out()
    assert shown.open_for_answers


def test_buttons_are_off_again_when_the_window_gets_the_focus(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Prompt(request()).ready()
    monkeypatch.setattr(shown.window, "isActiveWindow", lambda: True)
    QApplication.sendEvent(shown.window, QEvent(QEvent.Type.ActivationChange))
    assert not shown.open_for_answers
    assert shown.guard.isActive()


def test_a_second_question_in_the_queue_does_not_disturb_the_first() -> None:
    shown = Prompt(request("r1")).ready()
    shown.window.show_requests((request("r1"), request("r2", SCRIPT)))
    assert shown.open_for_answers
    assert shown.window.windowTitle() == "A program asks for access (1 of 2)"


def test_no_button_is_pressed_by_enter_or_by_a_letter() -> None:
    shown = Prompt(request()).ready()
    for button in shown.window.findChildren(QPushButton):
        assert not button.isDefault()
        assert not button.autoDefault()
        assert "&" not in button.text()
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space, Qt.Key.Key_A, Qt.Key.Key_Y, Qt.Key.Key_D):
        QTest.keyClick(shown.window.focusWidget() or shown.window, key)
    assert shown.answers == []
    assert shown.window.focusWidget() is shown.window.heading.title


def test_both_answers_look_alike() -> None:
    shown = Prompt(request()).ready()
    assert shown.window.allow.property("kind") == shown.window.deny.property("kind")


@pytest.mark.parametrize(("button", "decision"), [("allow", Decision.ALLOW), ("deny", Decision.DENY)])
def test_just_this_once_is_chosen_until_somebody_chooses_otherwise(button: str, decision: Decision) -> None:
    shown = Prompt(request()).ready()
    getattr(shown.window, button).click()
    assert shown.answers == [("r1", decision, Holding.ONCE)]
    assert not shown.window.isVisible()


def test_the_chosen_time_goes_along_and_is_not_kept_for_the_next_question() -> None:
    shown = Prompt(request("r1"), request("r2", SCRIPT)).ready()
    shown.window.holding.offered[Holding.ALWAYS].click()
    shown.window.allow.click()
    shown.ready().window.allow.click()
    assert shown.answers == [("r1", Decision.ALLOW, Holding.ALWAYS), ("r2", Decision.ALLOW, Holding.ONCE)]


def test_always_is_offered_to_programs_with_an_identity_only() -> None:
    assert Holding.ALWAYS in Prompt(request()).window.holding.offered
    assert Holding.ALWAYS in Prompt(request(application=SCRIPT)).window.holding.offered
    shown = Prompt(request(application=BASH))
    assert Holding.ALWAYS not in shown.window.holding.offered
    assert "bash runs other programs" in shown.text()


@pytest.mark.parametrize(
    ("seconds", "words"), [(43_200, "For 12 hours"), (3600, "For 1 hour"), (900, "For 15 minutes")]
)
def test_for_a_while_says_how_long(seconds: float, words: str) -> None:
    shown = Prompt(request(), remember=seconds)
    assert shown.window.holding.offered[Holding.FOR_A_WHILE].text() == words


@pytest.mark.parametrize("way", ["escape", "close"])
def test_escape_and_close_are_no_this_time_without_a_rule(way: str) -> None:
    shown = Prompt(request())
    shown.window.holding.offered[Holding.ALWAYS].click()
    if way == "escape":
        QTest.keyClick(shown.window, Qt.Key.Key_Escape)
    else:
        shown.window.close()
    assert shown.answers == [("r1", Decision.DENY, Holding.ONCE)]
    assert not shown.window.isVisible()


def test_escape_answers_one_question_and_shows_the_next() -> None:
    shown = Prompt(request("r1"), request("r2", SCRIPT))
    QTest.keyClick(shown.window, Qt.Key.Key_Escape)
    assert [id_ for id_, *_ in shown.answers] == ["r1"]
    assert shown.window.isVisible()
    assert shown.window.windowTitle() == "A program asks for access (2 of 2)"


def test_AGENT_8_time_that_runs_out_answers_nothing_and_leaves_nothing_to_press() -> None:
    shown = Prompt(request()).ready()
    assert shown.window.left.text() == "No answer in 60 s: denied this time"
    shown.clock.now += 61
    shown.window.ticker.timeout.emit()
    assert not shown.open_for_answers
    assert shown.answers == []
    shown.guard.start()
    shown.guard.run_out()
    assert not shown.open_for_answers
    shown.window.show_requests(())  # the engine counted it as silence
    assert not shown.window.isVisible()


def test_a_question_that_was_answered_elsewhere_goes_away() -> None:
    shown = Prompt(request("r1"), request("r2", SCRIPT))
    shown.window.show_requests((request("r2", SCRIPT),))
    assert shown.window.request is not None
    assert shown.window.request.id == "r2"
    assert not shown.open_for_answers


def test_an_answer_given_is_not_asked_again_by_a_late_event() -> None:
    shown = Prompt(request("r1")).ready()
    shown.window.deny.click()
    shown.window.show_requests((request("r1"),))
    assert not shown.window.isVisible()
    assert len(shown.answers) == 1


def test_LEAK_3_markup_in_names_is_shown_as_it_is_and_the_title_names_nobody() -> None:
    shown = Prompt(
        request(application=Application(f"/tmp/{PROBE}", pid=1), provider_name=PROBE, account=PROBE, scope=(PROBE,))
    )
    assert PROBE in shown.text()
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in shown.window.findChildren(QLabel))
    assert shown.window.windowTitle() == "A program asks for access"


def test_it_never_takes_the_keyboard_by_itself() -> None:
    shown = Prompt(request())
    assert shown.window.testAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
    assert not shown.window.isModal()
