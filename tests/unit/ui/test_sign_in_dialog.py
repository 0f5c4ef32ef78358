"""The browser dialog and what it turns into: addresses, ways around the browser, time, results, the quiet way out."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QTextEdit

from support.fake_ui_engine import NOW, FakeClock, browser_sign_in
from tokenkeep.domain.errors import (
    AccessDenied,
    MalformedAnswer,
    Misconfigured,
    ProviderError,
    ProviderUnreachable,
    TokenKeepError,
)
from tokenkeep.domain.session import SignInSnapshot, SignInState
from tokenkeep.ui.sign_in_dialog import SignInDialog
from tokenkeep.ui.sign_in_results import CLOSES_AFTER, SignInWindow

pytestmark = pytest.mark.usefixtures("qapp")
PROBE = '<img src="http://127.0.0.1:9/probe">'


def dialog(sign_in: SignInSnapshot | None = None, clock: FakeClock | None = None) -> SignInDialog:
    made = SignInDialog(sign_in or browser_sign_in(), "Example", clock or FakeClock())
    made.open_up(activate=False)
    QApplication.processEvents()
    return made


def signals(window: SignInWindow) -> list[tuple[str, ...]]:
    seen: list[tuple[str, ...]] = []
    for name in ("cancel_wanted", "reopen_wanted", "code_wanted", "account_kept", "account_switched", "gone",
                 "details_wanted"):  # fmt: skip
        getattr(window, name).connect(lambda value, name=name: seen.append((name, value)))
    for name in ("again", "pasted"):
        if hasattr(window, name):
            getattr(window, name).connect(lambda one, two, name=name: seen.append((name, one, two)))
    return seen


def text_of(window: SignInWindow) -> str:
    """Everything that is to be read in the view that is shown."""
    return "\n".join(label.text() for label in window.page.findChildren(QLabel) if label.isVisible())


def buttons(window: SignInWindow) -> dict[str, QPushButton]:
    return {button.text(): button for button in window.page.findChildren(QPushButton) if button.isVisible()}


# --- waiting ---------------------------------------------------------------------------------------------------------


def test_it_says_which_browser_was_asked_for_which_host_and_never_that_it_opened() -> None:
    text = text_of(dialog())
    assert "TokenKeep asked Firefox to open a page of login.example.example." in text
    assert "opened" not in text


def test_it_says_who_asked_and_whom_it_was_before() -> None:
    shown = dialog(browser_sign_in(account="mara@example.org", asked_by="kubectl"))
    assert shown.facts.findChildren(QLabel)
    values = [value.toPlainText() for _, value in shown.facts._rows]
    assert values == ["mara@example.org, as before", "kubectl"]


def test_AUTHZ_6_a_browser_that_could_not_be_started_leaves_the_address_to_copy() -> None:
    shown = dialog(browser_sign_in(not_opened=True, opened_with=""))
    assert "No browser could be opened here." in text_of(shown)
    buttons(shown)["Copy"].click()
    assert QGuiApplication.clipboard().text() == browser_sign_in().authorization_url
    assert buttons(shown)["Copied"].isVisible()


def test_the_address_is_shown_whole_and_from_its_beginning() -> None:
    shown = dialog()
    assert shown.address.field.text() == browser_sign_in().authorization_url
    assert shown.address.field.cursorPosition() == 0
    assert shown.address.field.isReadOnly()


def test_before_the_address_is_known_there_is_nothing_to_copy_and_nothing_counts() -> None:
    shown = dialog(browser_sign_in(authorization_url=None, expires_at=None, device_available=False))
    assert list(buttons(shown)) == ["Cancel sign-in"]
    assert "Preparing…" in text_of(shown)
    assert not shown.countdown.bar.isVisible()


def test_the_time_left_steps_once_a_second_and_only_while_it_is_shown() -> None:
    clock = FakeClock()
    shown = dialog(clock=clock)
    assert shown.countdown.left.text() == "4 min 32 s left"
    clock.now += 1
    shown.ticker.timeout.emit()
    assert shown.countdown.left.text() == "4 min 31 s left"
    assert shown.countdown.bar.share == pytest.approx(271 / 300)
    assert shown.ticker.interval() == 1000
    assert shown.ticker.isActive()
    shown.hide()
    assert not shown.ticker.isActive()


def test_a_code_is_offered_where_the_provider_has_one() -> None:
    shown = dialog()
    seen = signals(shown)
    buttons(shown)["Use a code instead"].click()
    assert seen == [("code_wanted", "s0")]
    assert "Use a code instead" not in buttons(dialog(browser_sign_in(device_available=False)))


def test_the_pasted_address_has_the_place_of_the_one_to_open() -> None:
    shown = dialog()
    seen = signals(shown)
    buttons(shown)["Paste the address you ended on…"].click()
    assert not shown.address.isVisible()
    assert shown.paste.isVisible()
    assert not shown.paste.go_on.isEnabled()
    shown.paste.field.setText("  http://127.0.0.1:4711/callback?code=x&state=y ")
    QTest.keyClick(shown.paste.field, Qt.Key.Key_Return)
    assert seen == [("pasted", "s0", "http://127.0.0.1:4711/callback?code=x&state=y")]
    shown.paste_failed(TokenKeepError("That address does not belong to this sign-in."))
    assert "That address does not belong to this sign-in." in text_of(shown)
    buttons(shown)["Show the sign-in address"].click()
    assert shown.address.isVisible()
    assert not shown.paste.isVisible()


def test_open_again_asks_the_browser_once_more() -> None:
    shown = dialog()
    seen = signals(shown)
    buttons(shown)["Open again"].click()
    assert seen == [("reopen_wanted", "s0")]


@pytest.mark.parametrize("way", ["escape", "close", "button"])
def test_escape_close_and_the_button_cancel(way: str) -> None:
    shown = dialog()
    seen = signals(shown)
    if way == "escape":
        QTest.keyClick(shown, Qt.Key.Key_Escape)
    elif way == "close":
        shown.close()
    else:
        buttons(shown)["Cancel sign-in"].click()
    assert seen == [("cancel_wanted", "s0"), ("gone", "s0")]
    assert not shown.isVisible()


def test_a_cancelled_sign_in_takes_its_dialog_along_without_cancelling_again() -> None:
    shown = dialog()
    seen = signals(shown)
    shown.show_sign_in(browser_sign_in(state=SignInState.CANCELLED))
    assert seen == [("gone", "s0")]


def test_it_takes_the_keyboard_only_at_a_click(qt_warnings: list[str]) -> None:
    unasked = SignInDialog(browser_sign_in(), "Example", FakeClock())
    unasked.open_up(activate=False)
    assert unasked.testAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
    assert not unasked.isModal()
    clicked = SignInDialog(browser_sign_in(), "Example", FakeClock())
    clicked.open_up(activate=True)
    assert qt_warnings == ["default: This plugin does not support raise()"]  # there is no screen
    assert not clicked.testAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)


def test_no_button_is_pressed_by_enter_unasked() -> None:
    shown = dialog()
    assert not any(button.autoDefault() or button.isDefault() for button in shown.findChildren(QPushButton))
    seen = signals(shown)
    QTest.keyClick(shown, Qt.Key.Key_Return)
    assert seen == []


# --- results ---------------------------------------------------------------------------------------------------------


def ended(**changes: object) -> tuple[SignInDialog, list[tuple[str, ...]]]:
    shown = dialog()
    seen = signals(shown)
    shown.show_sign_in(browser_sign_in(**changes))
    QApplication.processEvents()
    return shown, seen


def test_success_names_the_account_and_the_program_and_keeps_the_window_s_size() -> None:
    shown = dialog()
    before = shown.size()
    shown.show_sign_in(browser_sign_in(state=SignInState.DONE, account="mara@example.org", asked_by="kubectl"))
    text = text_of(shown)
    assert "Signed in" in text
    assert "As mara@example.org. kubectl had asked for it." in text
    assert shown.size() == before
    assert buttons(shown)["Done"].isDefault()


def test_the_title_of_a_result_has_the_focus_so_that_it_is_read_out() -> None:
    shown, _ = ended(state=SignInState.DONE)
    assert shown.focusWidget().text() == "Signed in"  # type: ignore[attr-defined]


def test_success_closes_itself_when_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, seen = ended(state=SignInState.DONE)
    monkeypatch.setattr(shown, "isActiveWindow", lambda: False)
    for _ in range(CLOSES_AFTER):
        shown.tick()
    assert shown.isVisible()
    assert "This window closes in 1 s." in text_of(shown)
    shown.tick()
    assert not shown.isVisible()
    assert seen[-1] == ("gone", "s0")


def test_success_stays_while_the_pointer_is_over_it_or_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, _ = ended(state=SignInState.DONE)
    monkeypatch.setattr(shown, "isActiveWindow", lambda: False)
    point = QPointF(5, 5)
    QApplication.sendEvent(shown, QEnterEvent(point, point, QPointF(shown.mapToGlobal(QPoint(5, 5)))))
    for _ in range(3 * CLOSES_AFTER):
        shown.tick()
    assert shown.isVisible()
    assert "closes in" not in text_of(shown)


def test_AUTHZ_7_another_account_is_a_question_and_escape_keeps_the_old_one() -> None:
    changes = {"state": SignInState.EXCHANGING, "account": "mara@example.org", "other_account": "admin@example.org"}
    shown, seen = ended(**changes)
    text = text_of(shown)
    assert "You signed in as admin@example.org. So far it was mara@example.org." in text
    assert not any(button.isDefault() for button in buttons(shown).values())
    buttons(shown)["Switch account"].click()
    assert seen == [("account_switched", "s0")]
    shown, seen = ended(**changes)
    QTest.keyClick(shown, Qt.Key.Key_Escape)
    assert seen == [("account_kept", "s0"), ("gone", "s0")]


def test_AUTHZ_7_keeping_the_old_account_is_not_told_as_a_failure() -> None:
    shown, seen = ended(state=SignInState.EXCHANGING, other_account="admin@example.org")
    shown.show_sign_in(browser_sign_in(state=SignInState.FAILED, error=AccessDenied("Another account came back.")))
    assert seen == [("gone", "s0")]


def test_switching_goes_on_to_success() -> None:
    shown, _ = ended(state=SignInState.EXCHANGING, other_account="admin@example.org")
    shown.show_sign_in(browser_sign_in(state=SignInState.EXCHANGING))
    assert "Finishing the sign-in at Example…" in text_of(shown)
    shown.show_sign_in(browser_sign_in(state=SignInState.DONE, account="admin@example.org"))
    assert "Signed in" in text_of(shown)


@pytest.mark.parametrize(
    ("error", "heading", "mark"),
    [
        (ProviderUnreachable("timed out"), "Example is not reachable", "offline"),
        (ProviderError("x", error="access_denied"), "The sign-in was declined", "refused"),
        (ProviderError("x", error="invalid_request"), "The server refused this sign-in", "failed"),
        (MalformedAnswer("x"), "The server’s answer makes no sense", "failed"),
        (Misconfigured("There is no client ID.", key="client_id"), "Example cannot work as it is set up", "failed"),
        (TokenKeepError("x"), "The sign-in did not work", "failed"),
    ],
)
def test_a_refusal_says_what_happened_and_lets_try_again(error: TokenKeepError, heading: str, mark: str) -> None:
    shown, seen = ended(state=SignInState.FAILED, error=error)
    assert shown.outcome is not None
    assert (shown.outcome.heading, shown.outcome.mark) == (heading, mark)
    assert set(buttons(shown)) == {"Close", "Copy details", "Try again"}
    buttons(shown)["Try again"].click()
    assert seen == [("again", "example", "browser"), ("gone", "s0")]


@pytest.mark.parametrize("kind", [ProviderUnreachable, MalformedAnswer])
def test_what_happened_and_the_next_step_are_those_of_the_error(kind: type[TokenKeepError]) -> None:
    shown, _ = ended(state=SignInState.FAILED, error=kind("Example answered with status 503.", hint="Try it later."))
    assert "Example answered with status 503. Try it later." in text_of(shown)


def test_LEAK_3_the_server_s_words_are_shown_as_they_are_and_after_ours() -> None:
    shown, _ = ended(
        state=SignInState.FAILED, error=ProviderError("Refused.", error="invalid_scope", description=PROBE)
    )
    server = next(value for value in shown.page.findChildren(QTextEdit) if PROBE in value.toPlainText())
    assert server.toPlainText().startswith("Server’s own words: ")
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in shown.findChildren(QLabel))


def test_copied_details_help_and_name_no_account() -> None:
    error = ProviderError("Refused.", error="invalid_scope", description="scope unknown")
    shown, _ = ended(state=SignInState.FAILED, error=error, account="mara@example.org")
    buttons(shown)["Copy details"].click()
    copied = QGuiApplication.clipboard().text()
    assert "server error: invalid_scope" in copied
    assert "provider: Example (example)" in copied
    assert "mara" not in copied


def test_time_is_up_offers_another_try_and_a_code() -> None:
    shown, seen = ended(state=SignInState.EXPIRED, expires_at=NOW + 272)
    assert "Nobody finished the sign-in within 5 minutes" in text_of(shown)
    buttons(shown)["Use a code instead"].click()
    assert seen == [("again", "example", "device"), ("gone", "s0")]


def test_closing_a_result_cancels_nothing() -> None:
    for state in (SignInState.DONE, SignInState.EXPIRED, SignInState.FAILED):
        shown, seen = ended(state=state)
        QTest.keyClick(shown, Qt.Key.Key_Escape)
        assert seen == [("gone", "s0")]


def test_LEAK_3_title_and_accessible_names_carry_no_account_address_or_state() -> None:
    shown = dialog(browser_sign_in(account="mara@example.org"))
    names = [shown.windowTitle(), *(widget.accessibleName() for widget in shown.findChildren(QPushButton))]
    names.append(shown.address.field.accessibleName())
    assert shown.windowTitle() == "Sign in to Example"
    assert not any(secret in " ".join(names) for secret in ("mara@", "state=abc", "https://"))
