"""The window asks for a client secret that is missing or not accepted, and copies the public half of a key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLineEdit

from support import snapshots
from support.fake_ui_engine import EngineForWindows, FakeClock
from support.ui_loop import Run, until
from tokenkeep.domain.configuration import AppSettings
from tokenkeep.domain.errors import ClientRejected, SecretMissing, StorageFailed
from tokenkeep.domain.session import SessionSnapshot, SessionState
from tokenkeep.domain.tokens import Secret
from tokenkeep.ui.desktop import Desktop
from tokenkeep.ui.message_dialogs import MessageDialog
from tokenkeep.ui.provider_detail import ProviderDetail
from tokenkeep.ui.secret_dialog import SecretDialog
from unit.ui.test_desktop import calls, press, started

CANARY = "canary-client-secret"


@pytest.fixture(autouse=True)
def no_screen(qt_warnings: list[str]) -> Iterator[None]:
    yield
    assert [text for text in qt_warnings if "This plugin does not support raise" not in text] == []


@pytest.fixture
def desktop(ui_engine: EngineForWindows, run_ui: Run[None], tmp_path: Path) -> Iterator[Desktop]:
    made = Desktop(
        ui_engine.thread,
        FakeClock(),
        AppSettings(),
        config_file=tmp_path / "config.toml",
        state_file=None,
        notifier=None,
        remember=900.0,
        tray=False,
    )
    yield made
    made.remove()
    QApplication.processEvents()


def page(session: SessionSnapshot) -> ProviderDetail:
    detail = ProviderDetail(snapshots.wall)
    detail.show_session(session, None)
    return detail


def failed(error: Exception, **values: object) -> SessionSnapshot:
    return snapshots.session(SessionState.FAILED, last_error=error, secret_kept=True, secret_wanted=True, **values)


@pytest.mark.parametrize("error", [SecretMissing("It was not typed in yet."), ClientRejected(error="invalid_client")])
def test_CAUTH_4_the_page_of_a_broken_registration_asks_for_the_secret(qapp: QApplication, error: Exception) -> None:
    detail = page(failed(error))
    assert not detail.state.secret_button.isHidden()
    asked: list[str] = []
    detail.secret_requested.connect(asked.append)
    detail.state.secret_button.click()
    assert asked == ["example"]


@pytest.mark.parametrize("state", [SessionState.ACTIVE, SessionState.SIGNED_OUT, SessionState.OFFLINE])
def test_a_page_without_that_trouble_asks_for_nothing(qapp: QApplication, state: SessionState) -> None:
    detail = page(snapshots.session(state, secret_kept=True))
    assert detail.state.secret_button.isHidden()
    assert detail.header.secret_action.isVisible(), "it can still be changed"
    assert not detail.header.more_button.isHidden()


def test_a_secret_of_another_place_is_not_asked_for(qapp: QApplication) -> None:
    detail = page(snapshots.session(SessionState.FAILED, last_error=ClientRejected(error="invalid_client")))
    assert detail.state.secret_button.isHidden()
    assert not detail.header.secret_action.isVisible()
    assert not detail.header.public_key_action.isVisible()
    assert detail.header.more_button.isHidden()


@pytest.fixture
def dialog(qapp: QApplication) -> SecretDialog:
    made = SecretDialog(FakeClock(), "example", "Example")
    made.open_up(activate=True)
    qapp.processEvents()
    return made


def test_LEAK_1_what_is_typed_is_not_shown_and_not_kept_in_the_field(dialog: SecretDialog) -> None:
    given: list[Secret] = []
    dialog.given.connect(given.append)
    assert dialog.field.echoMode() is QLineEdit.EchoMode.Password
    assert not dialog.save_button.isEnabled()
    dialog.field.setText(CANARY)
    dialog.save_button.click()
    assert given == [Secret(CANARY)]
    assert dialog.field.text() == ""
    assert dialog.isVisible(), "what came of it is still to be said"
    dialog.saved()
    assert not dialog.isVisible()


def test_nothing_is_given_when_nothing_was_typed(dialog: SecretDialog) -> None:
    given: list[Secret] = []
    dialog.given.connect(given.append)
    dialog.save()
    assert given == []


def test_a_secret_that_could_not_be_kept_can_be_typed_again(dialog: SecretDialog) -> None:
    dialog.refused(StorageFailed("The disk is full.", hint="Make room."))
    assert dialog.heading.title.text() == "The change could not be saved"
    assert "Make room." in dialog.heading.text.text()
    assert dialog.isVisible()


def test_a_typed_secret_reaches_the_engine(desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]) -> None:
    async def main() -> None:
        await started(desktop, ui_engine)
        desktop.window.secret_requested.emit("work")
        (dialog,) = desktop._messages
        assert isinstance(dialog, SecretDialog)
        dialog.field.setText(CANARY)
        press(dialog, "Save")
        await until(lambda: not desktop._messages, "the end of the dialog")
        assert calls(ui_engine) == [("set_client_secret", "work", Secret(CANARY))]

    run_ui(main())


def test_a_typed_secret_that_is_refused_leaves_the_dialog_open(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    async def main() -> None:
        await started(desktop, ui_engine)
        ui_engine.engine.fail["set_client_secret"] = StorageFailed("The disk is full.")
        desktop.window.secret_requested.emit("work")
        (dialog,) = desktop._messages
        assert isinstance(dialog, SecretDialog)
        dialog.field.setText(CANARY)
        press(dialog, "Save")
        await until(lambda: "disk is full" in dialog.heading.text.text(), "the reason")
        assert dialog.isVisible()
        press(dialog, "Cancel")
        assert desktop._messages == []

    run_ui(main())


def test_CAUTH_3_the_public_key_is_copied(desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]) -> None:
    async def main() -> None:
        await started(desktop, ui_engine)
        desktop.window.public_key_requested.emit("work")
        await until(lambda: desktop._messages, "the word that it was copied")
        assert isinstance(desktop._messages[0], MessageDialog)
        assert json.loads(QGuiApplication.clipboard().text()) == {"keys": [{"kty": "EC", "kid": "canary-kid"}]}

    run_ui(main())
