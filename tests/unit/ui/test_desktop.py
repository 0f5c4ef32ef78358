"""Tray, windows and dialogs together over a fake engine: what a click does, what an event shows, when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QTextEdit, QWidget

from support import snapshots
from support.canaries import Canaries
from support.fake_ui_engine import (
    NOW,
    TOKEN,
    EngineForWindows,
    FakeClock,
    SignOut,
    browser_sign_in,
    device_sign_in,
    session,
    snapshot,
)
from support.ui_loop import Run, until
from tokenkeep.domain.access import AccessRequest, Application, Decision, Holding
from tokenkeep.domain.configuration import AppSettings
from tokenkeep.domain.errors import Misconfigured, ProviderUnreachable
from tokenkeep.domain.ports import Notice
from tokenkeep.domain.session import SessionState, SignInState, StorageState
from tokenkeep.ui.check_dialog import CheckDialog
from tokenkeep.ui.desktop import Desktop
from tokenkeep.ui.device_dialog import DeviceDialog
from tokenkeep.ui.message_dialogs import MessageDialog, QuitQuestion
from tokenkeep.ui.sign_in_dialog import SignInDialog

NO_SCREEN = ("This plugin does not support", "systemTrayWindowChanged")


class FakeNotifier:
    """Remembers notices."""

    available = True

    def __init__(self) -> None:
        self.shown: list[Notice] = []
        self.act: Callable[[str], None] = lambda _: None

    def notify(self, notice: Notice, on_action: Callable[[str], None] | None = None) -> None:
        """Take note."""
        self.shown.append(notice)
        self.act = on_action or self.act


@pytest.fixture(autouse=True)
def no_screen(qt_warnings: list[str]) -> Iterator[None]:
    yield
    assert [text for text in qt_warnings if not any(known in text for known in NO_SCREEN)] == []


@pytest.fixture
def notifier() -> FakeNotifier:
    return FakeNotifier()


@pytest.fixture
def desktop(
    ui_engine: EngineForWindows, notifier: FakeNotifier, run_ui: Run[None], tmp_path: Path
) -> Iterator[Desktop]:
    made = Desktop(
        ui_engine.thread,
        FakeClock(),
        AppSettings(),
        config_file=tmp_path / "config.toml",
        state_file=None,
        notifier=notifier,
        remember=900.0,
        tray=True,
    )
    yield made
    made.remove()
    QApplication.processEvents()


def calls(ui_engine: EngineForWindows) -> list[tuple[object, ...]]:
    return ui_engine.engine.calls


def press(window: QWidget, words: str) -> None:
    next(button for button in window.findChildren(QPushButton) if button.text() == words and button.isVisible()).click()


async def started(desktop: Desktop, ui_engine: EngineForWindows) -> None:
    ui_engine.show(snapshot(session(), session("work", state=SessionState.NEEDS_SIGN_IN)))
    desktop.start()
    await until(lambda: desktop._latest, "the first snapshot")


def test_a_click_in_the_menu_signs_in_and_the_dialog_shows_it(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    async def main() -> None:
        await started(desktop, ui_engine)
        assert desktop.tray is not None
        desktop.tray.menu.chosen.emit("sign_in", "work")
        await until(lambda: desktop.sign_ins.windows, "the dialog")
        assert calls(ui_engine) == [("sign_in", "work", "auto")]
        (dialog,) = desktop.sign_ins.windows
        assert dialog.windowTitle() == "Sign in to Work"
        desktop.tray.menu.chosen.emit("sign_in", "work")  # a second click raises it
        ui_engine.publish("sign_in", browser_sign_in("work", id="s1", state=SignInState.DONE, account="m@x.example"))
        await until(lambda: dialog.outcome, "the result")
        assert dialog.outcome is not None
        assert dialog.outcome.kind == "done"
        assert len(calls(ui_engine)) == 1

    run_ui(main())


def test_cancelling_the_dialog_cancels_the_sign_in_and_late_events_do_not_bring_it_back(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    async def main() -> None:
        await started(desktop, ui_engine)
        ui_engine.publish("sign_in", browser_sign_in("work", asked_by="kubectl"))
        await until(lambda: desktop.sign_ins.windows, "the dialog")
        desktop.sign_ins.windows[0].reject()
        await until(lambda: calls(ui_engine), "the command")
        assert calls(ui_engine) == [("cancel_sign_in", "s0")]
        ui_engine.publish("sign_in", browser_sign_in("work", state=SignInState.EXCHANGING))
        ui_engine.publish("show")
        await until(desktop.window.isVisible, "the event after it")
        assert desktop.sign_ins.windows == ()

    run_ui(main())


def test_a_code_instead_replaces_the_dialog(desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]) -> None:
    async def main() -> None:
        await started(desktop, ui_engine)
        desktop.sign_ins.start("example")
        await until(lambda: desktop.sign_ins.windows, "the dialog")
        press(desktop.sign_ins.windows[0], "Use a code instead")
        await until(lambda: [type(one) for one in desktop.sign_ins.windows] == [DeviceDialog], "the code's dialog")
        press(desktop.sign_ins.windows[0], "Use the browser here instead")
        await until(lambda: [type(one) for one in desktop.sign_ins.windows] == [SignInDialog], "the browser's dialog")
        assert calls(ui_engine) == [("sign_in", "example", "auto"), ("use_device", "s1"), ("use_browser", "s2")]

    run_ui(main())


def test_an_attempt_that_turns_to_a_code_by_itself_gets_the_other_dialog(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    async def main() -> None:
        await started(desktop, ui_engine)
        ui_engine.publish("sign_in", browser_sign_in())
        await until(lambda: desktop.sign_ins.windows, "the dialog")
        ui_engine.publish("sign_in", device_sign_in())
        await until(lambda: [type(one) for one in desktop.sign_ins.windows] == [DeviceDialog], "the code's dialog")
        assert calls(ui_engine) == []

    run_ui(main())


def test_a_sign_in_that_cannot_even_begin_says_so_and_lets_try_again(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    async def main() -> None:
        await started(desktop, ui_engine)
        ui_engine.engine.fail["sign_in"] = Misconfigured("Work has no client ID.", key="client_id")
        desktop.sign_ins.start("work", "device")
        await until(lambda: desktop.sign_ins.windows, "the dialog")
        (dialog,) = desktop.sign_ins.windows
        assert dialog.outcome is not None
        assert dialog.outcome.heading == "Work cannot work as it is set up"
        ui_engine.engine.fail.clear()
        press(dialog, "Try again")
        await until(lambda: any(one.outcome is None for one in desktop.sign_ins.windows), "the next try")
        assert calls(ui_engine)[-1] == ("sign_in", "work", "device")

    run_ui(main())


def test_the_person_s_answer_about_another_account_and_a_pasted_address_go_to_the_engine(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    async def main() -> None:
        await started(desktop, ui_engine)
        ui_engine.publish("sign_in", browser_sign_in())
        await until(lambda: desktop.sign_ins.windows, "the dialog")
        (dialog,) = desktop.sign_ins.windows
        assert isinstance(dialog, SignInDialog)
        dialog.pasted.emit("s0", "http://127.0.0.1/callback?code=1")
        other = browser_sign_in(state=SignInState.EXCHANGING, account="a@x.example", other_account="b@x.example")
        ui_engine.publish("sign_in", other)
        await until(lambda: dialog.outcome, "the question")
        press(dialog, "Keep as it was")
        await until(lambda: len(calls(ui_engine)) == 2, "both commands")
        assert calls(ui_engine) == [
            ("sign_in_callback", "http://127.0.0.1/callback?code=1", "s0"),
            ("settle_account", "s0", False),
        ]

    run_ui(main())


def test_a_program_s_question_is_shown_and_its_answer_given(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    request = AccessRequest("r1", Application("/usr/bin/kubectl"), "work", "Work", expires_at=NOW + 60)

    async def main() -> None:
        await started(desktop, ui_engine)
        ui_engine.publish("access_request", request)
        await until(desktop.prompt.isVisible, "the question")
        desktop.prompt.guard.timeout.emit()
        desktop.prompt.holding.offered[Holding.FOR_A_WHILE].click()
        assert desktop.prompt.holding.offered[Holding.FOR_A_WHILE].text() == "For 15 minutes"
        desktop.prompt.allow.click()
        await until(lambda: calls(ui_engine), "the answer")
        assert calls(ui_engine) == [("answer_access", "r1", Decision.ALLOW, Holding.FOR_A_WHILE)]
        assert not desktop.prompt.isVisible()
        ui_engine.publish("access_request", request)
        ui_engine.publish("access_request", "r1")
        ui_engine.publish("show")
        await until(desktop.window.isVisible, "the event after it")
        assert not desktop.prompt.isVisible()

    run_ui(main())


def test_what_began_before_the_window_is_shown_at_its_start(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    request = AccessRequest("r1", Application("/usr/bin/kubectl"), "example", "Example", expires_at=NOW + 60)

    async def main() -> None:
        ui_engine.show(snapshot(session(), sign_ins=(browser_sign_in(),), access_requests=(request,)))
        desktop.start()
        await until(desktop.prompt.isVisible, "the question")
        assert [one.sign_in.id for one in desktop.sign_ins.windows] == ["s0"]

    run_ui(main())


def test_LEAK_3_a_copied_token_is_on_the_clipboard_and_in_no_window(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None], canaries: Canaries
) -> None:
    canaries.add(token=TOKEN)

    async def main() -> None:
        await started(desktop, ui_engine)
        desktop.show_window()
        desktop._from_menu("copy", "example")
        await until(lambda: QGuiApplication.clipboard().text() == TOKEN, "the token on the clipboard")

    run_ui(main())
    texts: list[str] = []
    for widget in QApplication.allWidgets():
        texts += [widget.windowTitle(), widget.toolTip(), widget.accessibleName(), widget.accessibleDescription()]
        if isinstance(widget, QLabel | QPushButton):
            texts.append(widget.text())
        if isinstance(widget, QTextEdit):
            texts.append(widget.toPlainText())
    canaries.assert_absent_from_text("\n".join(texts), "the windows")
    desktop.remove()
    assert QGuiApplication.clipboard().text() == ""  # it does not outlive us


def test_a_notification_s_action_signs_in_and_a_notice_is_passed_on(
    desktop: Desktop, ui_engine: EngineForWindows, notifier: FakeNotifier, run_ui: Run[None]
) -> None:
    notice = Notice("needs_you", "Sign in to Work again", "", "work", (("sign_in", "Sign in"),))

    async def main() -> None:
        await started(desktop, ui_engine)
        ui_engine.publish("notice", notice)
        await until(lambda: notifier.shown, "the notification")
        notifier.act("sign_in")
        await until(lambda: calls(ui_engine), "the sign-in")
        assert calls(ui_engine) == [("sign_in", "work", "auto")]
        notifier.act("show")
        await until(desktop.window.isVisible, "the window")

    run_ui(main())
    assert notifier.shown == [notice]


def test_commands_of_the_window_and_their_failures(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    async def main() -> None:
        await started(desktop, ui_engine)
        ui_engine.engine.fail["refresh"] = ProviderUnreachable("Example did not answer.")
        desktop.window.refresh_requested.emit("example")
        await until(lambda: desktop._messages, "the message")
        (message,) = desktop._messages
        assert isinstance(message, MessageDialog)
        assert message.heading.title.text() == "The provider cannot be reached"
        assert message.heading.text.text() == "Example did not answer. TokenKeep tries again by itself."
        message.reject()
        ui_engine.engine.sign_out_answer = SignOut(revoked="unsupported", detail="Example cannot revoke tokens.")
        desktop.window.sign_out_requested.emit("example")
        await until(lambda: desktop._messages, "what came of the sign-out")
        desktop.window.log_out_requested.emit("example")
        desktop.window.reload_requested.emit()
        desktop.window.storage_chosen.emit("memory", None)
        await until(lambda: len(calls(ui_engine)) == 5, "all commands")
        assert [call[0] for call in calls(ui_engine)] == ["refresh", "sign_out", "log_out", "reload", "choose_storage"]

    run_ui(main())


def test_a_second_start_raises_the_window_and_quitting_ends_it(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    ended: list[bool] = []
    desktop.ended.connect(lambda: ended.append(True))

    async def main() -> None:
        await started(desktop, ui_engine)
        assert not desktop.window.isVisible()  # it starts hidden
        ui_engine.publish("show")
        await until(desktop.window.isVisible, "the window")
        ui_engine.publish("quit")
        await until(lambda: ended, "the end")

    run_ui(main())


def test_without_a_tray_closing_the_window_asks_whether_to_go_on(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    ended: list[bool] = []
    desktop.ended.connect(lambda: ended.append(True))

    async def main() -> None:
        await started(desktop, ui_engine)
        assert desktop.tray is not None
        desktop.tray.absent.emit()
        assert desktop.window.isVisible()
        for words, still_there in (("Go on without a window", False), ("Quit TokenKeep", True)):
            desktop.show_window()
            desktop.window.close()
            desktop.window.close()  # asked once only
            assert desktop.window.isVisible()
            (question,) = desktop._messages
            assert isinstance(question, QuitQuestion)
            press(question, words)
            assert desktop.window.isVisible() is still_there
        assert ended == [True]

    run_ui(main())


def test_REF_1_quitting_warns_while_a_sign_in_is_not_saved(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    ended: list[bool] = []
    desktop.ended.connect(lambda: ended.append(True))

    async def main() -> None:
        await started(desktop, ui_engine)
        desktop._take_snapshot(snapshots.engine(snapshots.active(), storage=StorageState.DEGRADED))
        for words, quits in (("Keep running", []), ("Quit TokenKeep", [True])):
            desktop._from_menu("quit", "")
            desktop._from_menu("quit", "")  # asked once only
            (question,) = desktop._messages
            assert isinstance(question, QuitQuestion)
            press(question, words)
            assert ended == quits
        desktop._take_snapshot(snapshots.engine(snapshots.active()))
        desktop._from_menu("quit", "")
        assert ended == [True, True]

    run_ui(main())


def test_with_a_tray_closing_hides_the_window(desktop: Desktop, run_ui: Run[None]) -> None:
    assert desktop.tray is not None
    desktop.tray._available = lambda: True
    desktop.tray.start()
    desktop.show_window()
    desktop.window.close()
    assert not desktop.window.isVisible()
    assert desktop._messages == []


def test_diagnose_opens_the_report_of_that_provider(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    async def main() -> None:
        await started(desktop, ui_engine)
        desktop.window.diagnose_requested.emit("work")
        (dialog,) = desktop._messages
        assert isinstance(dialog, CheckDialog)
        assert dialog.windowTitle() == "Check of Work"
        await until(dialog.report.toPlainText, "the report")
        assert calls(ui_engine) == [("check", "work")]
        press(dialog, "Close")
        desktop.window.diagnose_requested.emit("work")
        press(desktop._messages[0], "Close")  # before the report came
        await until(lambda: len(calls(ui_engine)) == 2, "the second check")
        desktop.bridge.do(desktop.bridge.engine.refresh("work"))
        await until(lambda: len(calls(ui_engine)) == 3, "what comes behind it")
        assert desktop._messages == []

    run_ui(main())
