"""What the window shows and asks for: choices kept, buttons that fit the state, keys, time that stops when hidden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from support import snapshots
from support.snapshots import NOW
from tokenkeep.domain.session import EngineSnapshot, SessionSnapshot, SessionState
from tokenkeep.ui import style
from tokenkeep.ui.main_window import MainWindow

Show = Callable[..., MainWindow]


def buttons(window: MainWindow) -> list[str]:
    shown = [button for button in window.providers.detail.findChildren(QPushButton) if button.isVisible()]
    return [button.text() or button.accessibleName() for button in shown]


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        (snapshots.active(), {"Copy token", "Refresh now", "More"}),
        (snapshots.needs_sign_in(), {"Sign in", "Use a code instead", "Copy details", "Diagnose", "More"}),
        (snapshots.needs_sign_in(device_available=False), {"Sign in", "Copy details", "Diagnose", "More"}),
        (snapshots.offline(), {"Copy token", "Try again now", "Copy details", "Diagnose", "More"}),
        (snapshots.offline(token_usable=False), {"Try again now", "Copy details", "Diagnose", "More"}),
        (snapshots.failed(), {"Open the folder of config.toml", "Copy details"}),
        (snapshots.signed_out(), {"Sign in", "Use a code instead"}),
        (snapshots.session(SessionState.SIGNING_IN), {"Show the sign-in", "Cancel sign-in"}),
    ],
)
def test_only_what_can_be_done_now_has_a_button(show: Show, session: SessionSnapshot, expected: set[str]) -> None:
    assert set(buttons(show(snapshots.engine(session)))) == expected


def test_at_most_one_button_of_the_page_is_filled(show: Show) -> None:
    window = show(snapshots.six_states())
    for session in snapshots.six_states().sessions:
        window.show_provider(session.id)
        filled = [one for one in window.findChildren(QPushButton) if one.property("kind") == "primary"]
        assert sum(one.isVisible() for one in filled) <= 1


def test_refresh_is_grey_for_the_seconds_that_a_refresh_takes(show: Show) -> None:
    window = show(snapshots.engine(snapshots.refreshing()))
    button = window.providers.detail.header.refresh_button
    assert button.isVisible()
    assert not button.isEnabled()


def test_the_chosen_provider_stays_chosen_through_updates(show: Show) -> None:
    window = show(snapshots.six_states(), "google")
    shown = snapshots.six_states()
    mended = tuple(snapshots.active(id="codeberg", name="Codeberg") if one.id == "codeberg" else one
                   for one in shown.sessions)  # fmt: skip
    window.apply(replace(shown, sessions=mended))
    assert window.providers.current == "google"
    assert window.providers.detail.header.title.text() == "Google"
    row = window.providers.list.model.row(window.providers.list.view.currentIndex())
    assert row is not None
    assert row.session.id == "google"


def test_when_the_chosen_provider_goes_the_first_takes_its_place(show: Show) -> None:
    window = show(snapshots.six_states(), "google")
    rest = tuple(one for one in snapshots.six_states().sessions if one.id != "google")
    window.apply(snapshots.engine(*rest))
    assert window.providers.current == "codeberg"


def test_focus_and_scroll_position_stay_through_updates(show: Show, qapp: QApplication) -> None:
    many = [snapshots.active(id=f"p{number:02}", name=f"Provider {number:02}") for number in range(40)]
    window = show(snapshots.engine(*many), "p05")
    window.providers.list.view.verticalScrollBar().setValue(300)
    window.providers.detail.header.copy_button.setFocus()
    window.apply(snapshots.engine(*[replace(one, account="new") for one in many]))
    qapp.processEvents()
    assert window.providers.list.view.verticalScrollBar().value() == 300
    assert window.focusWidget() is window.providers.detail.header.copy_button


def test_the_list_stays_where_it_was_when_a_provider_is_added(show: Show, qapp: QApplication) -> None:
    many = [snapshots.active(id=f"p{number:02}", name=f"Provider {number:02}") for number in range(40)]
    window = show(snapshots.engine(*many), "p05")
    window.providers.list.view.verticalScrollBar().setValue(300)
    window.apply(snapshots.engine(*many, snapshots.active(id="z", name="Z")))
    qapp.processEvents()
    assert window.providers.list.view.verticalScrollBar().value() == 300
    assert window.providers.current == "p05"


def test_rows_do_not_move_under_the_pointer_and_sort_when_it_leaves(show: Show, qapp: QApplication) -> None:
    a, b = snapshots.active(id="a", name="A"), snapshots.active(id="b", name="B")
    window = show(snapshots.engine(a, b))
    view = window.providers.list.view
    here = QPointF(5, 5)
    qapp.sendEvent(view, QEnterEvent(here, here, QPointF(view.mapToGlobal(QPoint(5, 5)))))
    window.apply(snapshots.engine(a, snapshots.needs_sign_in(id="b", name="B")))
    assert view.model().index(0, 0).data() == "A"
    qapp.sendEvent(view, QEvent(QEvent.Type.Leave))
    qapp.sendEvent(window.providers.list, QEvent(QEvent.Type.Leave))
    assert view.model().index(0, 0).data() == "B"


def test_rows_do_not_move_for_two_seconds_after_a_key(show: Show) -> None:
    a, b = snapshots.active(id="a", name="A"), snapshots.active(id="b", name="B")
    window = show(snapshots.engine(a, b))
    view = window.providers.list.view
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert view.key_timer.isActive()
    assert view.key_timer.interval() == 2000
    window.apply(snapshots.engine(a, snapshots.needs_sign_in(id="b", name="B")))
    assert view.model().index(0, 0).data() == "A"
    view.key_timer.stop()
    view.key_timer.timeout.emit()
    assert view.model().index(0, 0).data() == "B"


@pytest.mark.parametrize(
    ("signal", "button", "expected"),
    [
        ("sign_in_requested", "state.sign_in_button", ("keycloak", "auto")),
        ("sign_in_requested", "state.code_button", ("keycloak", "device")),
        ("refresh_requested", "header.refresh_button", ("example-ai",)),
        ("copy_requested", "header.copy_button", ("example-ai",)),
        ("refresh_requested", "state.again_button", ("google",)),
        ("open_folder_requested", "state.folder_button", ()),
        ("show_sign_in_requested", "state.show_button", ("gitlab",)),
        ("cancel_sign_in_requested", "state.cancel_button", ("s1",)),
    ],
)
def test_buttons_ask_for_what_they_say(show: Show, signal: str, button: str, expected: tuple[str, ...]) -> None:
    provider = {"s1": "gitlab", "gitlab": "gitlab"}.get(*expected[:1] or ("",), (expected or ("codeberg",))[0])
    snapshot = snapshots.signing_in() if provider == "gitlab" else snapshots.six_states()
    window = show(snapshot, provider)
    asked: list[tuple[object, ...]] = []
    getattr(window, signal).connect(lambda *values: asked.append(values))
    part, name = button.split(".")
    getattr(getattr(window.providers.detail, part), name).click()
    assert asked == [expected]


def test_signing_out_asks_inside_the_page_first(show: Show) -> None:
    window = show(snapshots.six_states(), "example-ai")
    asked: list[str] = []
    window.sign_out_requested.connect(asked.append)
    detail = window.providers.detail
    detail.header.sign_out_action.trigger()
    assert detail.confirm.isVisible()
    assert window.focusWidget() is detail.keep_button
    QTest.keyClick(detail.keep_button, Qt.Key.Key_Escape)
    assert not detail.confirm.isVisible()
    assert window.isVisible()
    assert asked == []
    window.ask_sign_out("example-ai")
    detail.confirm_button.click()
    assert asked == ["example-ai"]
    assert not detail.confirm.isVisible()


def test_OUT_1_logging_out_in_the_browser_is_offered_where_the_provider_has_it(show: Show) -> None:
    window = show(snapshots.six_states(), "example-ai")
    window.ask_sign_out("example-ai")
    assert not window.providers.detail.everywhere_button.isVisible()
    window = show(snapshots.engine(snapshots.active(end_session_available=True)), "example-ai")
    asked: list[str] = []
    window.log_out_requested.connect(asked.append)
    window.ask_sign_out("example-ai")
    window.providers.detail.everywhere_button.click()
    assert asked == ["example-ai"]
    assert not window.providers.detail.confirm.isVisible()


def test_the_question_goes_with_the_provider_it_was_about(show: Show) -> None:
    window = show(snapshots.six_states(), "example-ai")
    window.ask_sign_out("example-ai")
    window.show_provider("google")
    assert not window.providers.detail.confirm.isVisible()


def test_a_copied_token_counts_down_and_then_can_be_copied_again(show: Show, tmp_path: Path) -> None:
    now = [NOW]
    window = MainWindow(lambda: now[0], tmp_path / "config.toml")
    window.apply(snapshots.engine(snapshots.active()))
    window.show()
    button = window.providers.detail.header.copy_button
    window.token_copied("example-ai")
    assert button.text() == "Copied, cleared in 45 s"
    now[0] += 44
    window.providers.tick()
    assert button.text() == "Copied, cleared in 1 s"
    now[0] += 2
    window.providers.tick()
    assert button.text() == "Copy token"


def test_times_count_only_while_the_window_can_be_seen(show: Show) -> None:
    window = show(snapshots.six_states())
    assert window.counting
    window.hide()
    assert not window.counting
    window.show()
    assert window.counting


def test_the_working_mark_turns_only_while_something_works_and_can_be_seen(show: Show) -> None:
    window = show(snapshots.six_states(), reduced_motion=False)
    assert window.turning
    window.apply(snapshots.engine(snapshots.active()))
    assert not window.turning
    window.apply(snapshots.six_states())
    window.hide()
    assert not window.turning


def test_reduced_motion_keeps_everything_still(show: Show) -> None:
    assert not show(snapshots.six_states(), reduced_motion=True).turning


@pytest.mark.parametrize(
    ("key", "modifier", "signal"),
    [
        (Qt.Key.Key_F5, Qt.KeyboardModifier.NoModifier, "refresh_requested"),
        (Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier, "refresh_requested"),
        (
            Qt.Key.Key_C,
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
            "copy_requested",
        ),
    ],
)
def test_keys_of_the_page(show: Show, key: Qt.Key, modifier: Qt.KeyboardModifier, signal: str) -> None:
    window = show(snapshots.six_states(), "example-ai")
    asked: list[str] = []
    getattr(window, signal).connect(asked.append)
    QTest.keyClick(window, key, modifier)
    assert asked == ["example-ai"]


def test_enter_on_a_row_does_what_its_filled_button_does(show: Show) -> None:
    window = show(snapshots.six_states(), "keycloak")
    asked: list[tuple[str, str]] = []
    window.sign_in_requested.connect(lambda *values: asked.append(values))
    QTest.keyClick(window.providers.list.view, Qt.Key.Key_Return)
    assert asked == [("keycloak", "auto")]


def test_slash_and_control_f_go_to_the_search(show: Show) -> None:
    window = show(snapshots.six_states())
    search = window.providers.list.search
    QTest.keyClick(window.providers.list.view, Qt.Key.Key_Slash)
    assert window.focusWidget() is search
    window.providers.list.view.setFocus()
    QTest.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert window.focusWidget() is search
    QTest.keyClick(search, Qt.Key.Key_Slash)
    assert search.text() == "/"


def test_escape_takes_back_one_thing_at_a_time_and_then_hides(show: Show) -> None:
    window = show(snapshots.six_states())
    search = window.providers.list.search
    search.setFocus()
    search.setText("git")
    QTest.keyClick(search, Qt.Key.Key_Escape)
    assert search.text() == ""
    assert window.isVisible()
    QTest.keyClick(search, Qt.Key.Key_Escape)
    assert not window.isVisible()


def test_f6_goes_through_the_areas(show: Show) -> None:
    window = show(snapshots.six_states(), "example-ai")
    window.providers.list.search.setFocus()
    seen: list[QWidget | None] = []
    for _ in range(3):
        QTest.keyClick(window, Qt.Key.Key_F6)
        seen.append(window.focusWidget())
    lists, header = window.providers.list, window.providers.detail.header
    assert seen == [lists.view, header.more_button, lists.search]


def test_a_narrow_window_shows_the_list_or_a_page(show: Show) -> None:
    window = show(snapshots.six_states(), size=(480, 500))
    lists, detail = window.providers.list, window.providers.detail
    assert lists.isVisible()
    assert not detail.isVisible()
    window.show_provider("google")
    assert not lists.isVisible()
    assert detail.isVisible()
    detail.header.back_button.click()
    assert lists.isVisible()
    assert not detail.isVisible()
    window.resize(1000, 700)
    assert lists.isVisible()
    assert detail.isVisible()
    assert not detail.header.back_button.isVisible()


def test_one_page_needs_no_tabs_and_a_second_brings_them(show: Show) -> None:
    window = show(snapshots.six_states())
    assert not window.tabs.isVisible()
    window.add_page("Log", QWidget())
    assert window.tabs.isVisible()


def test_before_the_first_snapshot_nobody_is_told_to_add_a_provider(qapp: QApplication, tmp_path: Path) -> None:
    window = MainWindow(snapshots.wall, tmp_path / "config.toml")
    window.show()
    assert window.providers.starting.isVisible()
    assert not window.providers.empty.isVisible()


def test_without_providers_the_window_says_what_to_do(show: Show, tmp_path: Path) -> None:
    window = show(snapshots.engine())
    empty = window.providers.empty
    assert empty.isVisible()
    assert empty.path.toPlainText() == str(tmp_path / "config.toml")
    asked: list[str] = []
    window.open_folder_requested.connect(lambda: asked.append("folder"))
    window.reload_requested.connect(lambda: asked.append("reload"))
    empty.folder_button.click()
    empty.reload_button.click()
    assert asked == ["folder", "reload"]


def test_the_size_is_remembered(show: Show, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    window = show(snapshots.six_states(), size=(700, 600), state_file=file)
    window.close()
    again = MainWindow(snapshots.wall, tmp_path / "config.toml", state_file=file)
    assert (again.width(), again.height()) == (700, 600)


def test_the_window_is_never_larger_than_its_screen(show: Show, qapp: QApplication, tmp_path: Path) -> None:
    window = MainWindow(snapshots.wall, tmp_path / "config.toml")
    available = qapp.primaryScreen().availableSize()
    assert window.width() <= available.width()
    assert window.height() <= available.height()
    assert style.em(style.WINDOW_SIZE[0]) > available.width()  # else this test shows nothing


def test_rows_are_read_with_name_account_and_state(show: Show) -> None:
    model = show(snapshots.six_states()).providers.list.model
    spoken = [model.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(model.rowCount())]
    assert "Example AI models, mara@northwind.example, Signed in, refreshes at 14:48" in spoken
    assert "GitLab, Signed out" in spoken


def test_every_button_without_words_has_a_name(show: Show) -> None:
    window = show(snapshots.six_states(), "example-ai")
    for button in window.findChildren(QPushButton):
        assert button.text() or button.accessibleName()
        assert button.text() or button.toolTip()


def test_the_timeline_is_one_sentence_for_who_cannot_see_it(show: Show) -> None:
    timeline = show(snapshots.six_states(), "example-ai").providers.detail.state.timeline
    expected = "Token timeline: first token at 09:06, 6 refreshes since, the current one ends at 14:58."
    assert timeline.accessibleName() == expected


def test_the_title_is_always_the_name_of_the_application(show: Show) -> None:
    window = show(snapshots.six_states())
    for session in snapshots.six_states().sessions:
        window.show_provider(session.id)
        assert window.windowTitle() == "TokenKeep"


def test_a_snapshot_of_an_engine_that_just_started_shows_no_page_of_before(show: Show) -> None:
    window = show(snapshots.six_states(), "google")
    empty: EngineSnapshot = snapshots.engine()
    window.apply(empty)
    assert window.providers.empty.isVisible()
    window.apply(snapshots.six_states())
    assert window.providers.detail.isVisible()
