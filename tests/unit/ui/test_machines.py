"""Machines and pasted tokens in window and tray: their own words, no sign-in window, a place to paste."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from support import snapshots
from support.fake_ui_engine import EngineForWindows, FakeClock, session
from support.snapshots import at
from support.ui_loop import Run, until
from tokenkeep.domain.configuration import AppSettings
from tokenkeep.domain.errors import Misconfigured, ProviderError
from tokenkeep.domain.session import EngineSnapshot, OverallState, SessionSnapshot, SessionState, StorageState
from tokenkeep.domain.tokens import Secret
from tokenkeep.ui import menu_texts, texts
from tokenkeep.ui.desktop import Desktop
from tokenkeep.ui.provider_detail import ProviderDetail
from tokenkeep.ui.secret_dialog import SecretDialog
from unit.ui.test_desktop import calls, press

S = SessionState
CANARY = "canary-pasted-token"
NOW = at(14, 11)


@pytest.fixture(autouse=True)
def no_screen(qt_warnings: list[str]) -> Iterator[None]:
    yield
    assert [text for text in qt_warnings if "This plugin does not support raise" not in text] == []


def machine(state: SessionState, **values: Any) -> SessionSnapshot:
    """A service that has a token of an hour, where the state has one."""
    held = {"expires_at": at(14, 58), "refresh_at": at(14, 48), "token_usable": True, "signed_in_at": at(9)}
    given = {
        "id": "nightly",
        "name": "Nightly",
        "flow": "client_credentials",
        "refreshable": True,
        "account": "nightly",
    }
    return snapshots.session(state, **(given | (held if state in (S.ACTIVE, S.OFFLINE) else {}) | values))


def pasted(state: SessionState, **values: Any) -> SessionSnapshot:
    """A session of a token that a person pasted."""
    given = {"id": "old", "name": "Old server", "flow": "static", "issuer": ""}
    held = {"token_usable": True, "signed_in_at": at(9), "signed_in_by": "static"}
    return snapshots.session(state, **(given | (held if state is S.ACTIVE else {}) | values))


def page(shown: SessionSnapshot) -> ProviderDetail:
    detail = ProviderDetail(snapshots.wall)
    detail.show_session(shown, None)
    return detail


WORDS = [
    (machine(S.SIGNED_OUT), "Ready, no token asked for yet", "Nobody has to sign in", "ready", "Get a token now"),
    (machine(S.SIGNED_OUT, refreshable=False), "Signed out", "until you start it again", "signed out", "Start again"),
    (machine(S.REFRESHING), "Getting a token…", "have to do anything", "getting a token…", ""),
    (machine(S.ACTIVE), "Ready, next token at 14:48", "gets the next token at 14:48", "ready", ""),
    (
        machine(S.ACTIVE, expires_at=None, refresh_at=None, token_usable=False),
        "Ready",
        "every program that asks gets a new one",
        "ready",
        "",
    ),
    (machine(S.ACTIVE, token_usable=False), "Ready, next token at 14:48", "not for requests", "ready", ""),
    (pasted(S.SIGNED_OUT), "No token", "Paste a token that you got from Old server", "no token", "Paste a token…"),
    (pasted(S.ACTIVE), "Token kept", "nothing can renew it", "token kept", ""),
    (pasted(S.ACTIVE, expires_at=at(18)), "Token good until 18:00", "nothing can renew it", "token kept", ""),
    (
        pasted(S.NEEDS_SIGN_IN),
        "Paste a new token",
        "get an error until you paste a new one",
        "paste a new token",
        "Paste a token…",
    ),
]


@pytest.mark.parametrize(("shown", "row", "sentence", "menu", "button"), WORDS)
def test_their_states_have_words_of_their_own(
    qapp: QApplication, shown: SessionSnapshot, row: str, sentence: str, menu: str, button: str
) -> None:
    assert texts.state_words(shown, NOW) == row
    assert sentence in texts.state_sentence(shown, NOW)
    assert menu_texts.provider_line(shown, NOW).endswith(f": {menu}")
    detail = page(shown)
    assert detail.state.sign_in_button.isHidden() == (not button)
    assert not button or detail.state.sign_in_button.text() == button


@pytest.mark.parametrize("shown", [one[0] for one in WORDS])
def test_nothing_speaks_of_a_sign_in_that_nobody_does(qapp: QApplication, shown: SessionSnapshot) -> None:
    said = [texts.state_words(shown, NOW), texts.state_title(shown), texts.state_sentence(shown, NOW)]
    assert not [text for text in said if "Signed in" in text or "sign in again" in text.lower()]
    detail = page(shown)
    assert not detail.header.sign_in_action.isVisible() or detail.header.sign_in_action.text() == "Paste another token…"


def test_a_machine_that_failed_can_be_tried_again_whatever_the_reason(qapp: QApplication) -> None:
    for error in (Misconfigured("There is no file /x.", hint="Check the mount."), ProviderError("No.")):
        detail = page(machine(S.FAILED, last_error=error))
        assert not detail.state.again_button.isHidden()


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


async def begun(desktop: Desktop, ui_engine: EngineForWindows, shown: SessionSnapshot) -> None:
    ui_engine.show(EngineSnapshot(OverallState.OK, StorageState.KEYRING, "1", "boot", 0.0, sessions=(session(), shown)))
    desktop.start()
    await until(lambda: desktop._latest, "the first snapshot")


def test_a_click_at_a_machine_fetches_a_token_and_a_failure_shows_its_page(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    async def main() -> None:
        await begun(desktop, ui_engine, machine(S.SIGNED_OUT))
        ui_engine.engine.fail["sign_in"] = ProviderError("Refused.")
        desktop.window.sign_in_requested.emit("nightly", "auto")
        await until(lambda: desktop.window.isVisible() and calls(ui_engine), "the page")
        assert calls(ui_engine) == [("sign_in", "nightly", "auto")]
        assert (desktop.sign_ins.windows, desktop._messages) == ((), [])

    run_ui(main())


def test_a_click_at_a_static_provider_asks_for_the_token_and_gives_it_to_the_engine(
    desktop: Desktop, ui_engine: EngineForWindows, run_ui: Run[None]
) -> None:
    async def main() -> None:
        await begun(desktop, ui_engine, pasted(S.SIGNED_OUT))
        desktop.window.sign_in_requested.emit("old", "auto")
        (dialog,) = desktop._messages
        assert isinstance(dialog, SecretDialog)
        assert dialog.windowTitle() == "Token of Old server"
        assert dialog.field.accessibleName() == "Token"
        dialog.field.setText(CANARY)
        press(dialog, "Save")
        await until(lambda: not desktop._messages, "the end of the dialog")
        assert calls(ui_engine) == [("paste_token", "old", Secret(CANARY))]

    run_ui(main())
