"""The tray's menu: needy providers first and acting on click, healthy ones with a menu of their own, no accounts."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu

from support.fake_ui_engine import NOW, FakeClock, session, snapshot
from tokenkeep.domain.session import SessionSnapshot, SessionState
from tokenkeep.ui.tray_menu import SEPARATOR, Entry, TrayMenu, entries

pytestmark = pytest.mark.usefixtures("qapp")


def lines(*sessions: SessionSnapshot) -> list[str]:
    return [entry.text for entry in entries(snapshot(*sessions), NOW)]


def line_of(one: SessionSnapshot) -> Entry:
    return entries(snapshot(one), NOW)[2]


def labels(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def test_the_first_line_says_the_overall_state_and_leads_to_the_window() -> None:
    head = entries(snapshot(session(state=SessionState.NEEDS_SIGN_IN)), NOW)[0]
    assert (head.text, head.mark, head.deed) == ("1 provider needs you", "needs", "open")


def test_needy_providers_come_first_then_names_without_regard_to_case() -> None:
    shown = lines(
        session("zeta", state=SessionState.FAILED),
        session("beta"),
        session("alpha", name="alpha"),
        session("omega", state=SessionState.NEEDS_SIGN_IN),
    )
    assert shown[2:6] == ["Omega: sign in again", "Zeta: setup problem", "alpha: signed in", "Beta: signed in"]


def test_at_most_eight_providers_and_the_rest_in_the_window() -> None:
    assert "More in TokenKeep…" not in lines(*(session(f"p{number}") for number in range(8)))
    shown = lines(*(session(f"p{number}") for number in range(9)))
    assert sum(": " in text for text in shown) == 8
    assert shown[10] == "More in TokenKeep…"


def test_LEAK_3_no_account_is_in_the_menu() -> None:
    for state in SessionState:
        one = session(state=state, account="mara@secret.example", scope=("canary-scope",))
        texts = [entry.text + "".join(below.text for below in entry.below) for entry in entries(snapshot(one), NOW)]
        assert "mara@secret.example" not in "".join(texts)
        assert "canary-scope" not in "".join(texts)


@pytest.mark.parametrize(
    ("one", "deed"),
    [
        (session(state=SessionState.NEEDS_SIGN_IN), "sign_in"),
        (session(state=SessionState.SIGNED_OUT), "sign_in"),
        (session(state=SessionState.SIGNED_OUT, flow="device_code"), "sign_in"),
        (session(state=SessionState.SIGNED_OUT, flow="client_credentials"), "details"),
        (session(state=SessionState.SIGNING_IN), "show_sign_in"),
        (session(state=SessionState.FAILED), "details"),
    ],
)
def test_a_provider_that_is_not_signed_in_acts_on_click(one: SessionSnapshot, deed: str) -> None:
    entry = line_of(one)
    assert (entry.deed, entry.provider, entry.below) == (deed, "example", ())


@pytest.mark.parametrize("state", [SessionState.ACTIVE, SessionState.REFRESHING, SessionState.OFFLINE])
def test_a_healthy_provider_has_a_menu_of_its_own(state: SessionState) -> None:
    below = line_of(session(state=state)).below
    assert [entry.text for entry in below if entry != SEPARATOR] == [
        "Copy token", "Refresh now", "Show details", "Sign out…",
    ]  # fmt: skip


def test_what_cannot_work_now_is_absent() -> None:
    below = line_of(session(state=SessionState.OFFLINE, token_usable=False, refreshable=False)).below
    assert [entry.text for entry in below if entry != SEPARATOR] == ["Show details", "Sign out…"]


def test_every_line_is_a_click_that_says_what_it_means() -> None:
    menu = TrayMenu(FakeClock())
    menu.show_snapshot(snapshot(session("broken", state=SessionState.NEEDS_SIGN_IN), session("well")))
    chosen: list[tuple[str, str]] = []
    menu.chosen.connect(lambda deed, provider: chosen.append((deed, provider)))

    def press(actions: list[QAction]) -> None:
        for action in actions:
            below = action.menu()
            if isinstance(below, QMenu):
                press(below.actions())
            elif not action.isSeparator():
                action.trigger()

    press(menu.actions())
    assert chosen == [
        ("open", ""), ("sign_in", "broken"), ("copy", "well"), ("refresh", "well"), ("details", "well"),
        ("sign_out", "well"), ("open", ""), ("quit", ""),
    ]  # fmt: skip


def test_an_ampersand_in_a_name_is_no_mnemonic() -> None:
    menu = TrayMenu(FakeClock())
    menu.show_snapshot(snapshot(session(name="Marks & Sons"), session("b", name="A&B", state=SessionState.SIGNED_OUT)))
    assert labels(menu)[1:3] == ["A&&B: signed out", "Marks && Sons: signed in"]


def test_times_are_right_when_the_menu_is_about_to_be_shown() -> None:
    clock = FakeClock()
    menu = TrayMenu(clock)
    menu.show_snapshot(snapshot(session(state=SessionState.OFFLINE, expires_at=NOW + 3600)))
    before = labels(menu)[1]
    clock.now += 3 * 86_400
    menu.aboutToShow.emit()
    assert labels(menu)[1] != before


def test_a_menu_that_another_process_draws_is_right_before_it_is_shown() -> None:
    menu = TrayMenu(FakeClock())
    menu.show_snapshot(snapshot(session()))
    menu.show_snapshot(snapshot(session(state=SessionState.NEEDS_SIGN_IN)))
    assert "Example: sign in again" in labels(menu)


def test_an_open_menu_does_not_change_under_the_pointer(qt_warnings: list[str]) -> None:
    menu = TrayMenu(FakeClock())
    menu.show_snapshot(snapshot(session()))
    menu.show()
    before = labels(menu)
    menu.show_snapshot(snapshot(session(state=SessionState.NEEDS_SIGN_IN)))
    assert labels(menu) == before
    menu.hide()
    menu.aboutToShow.emit()
    assert labels(menu) != before
    assert all("This plugin does not support" in text for text in qt_warnings)  # there is no screen


def test_the_same_state_leaves_the_actions_as_they_are() -> None:
    menu = TrayMenu(FakeClock())
    menu.show_snapshot(snapshot(session()))
    before = menu.actions()
    menu.show_snapshot(snapshot(session(account="other@example.org")))
    QApplication.processEvents()
    assert menu.actions() == before
