"""The tray icon: which drawing lies on which panel, a tray that comes late or never, clicks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from support.fake_ui_engine import FakeClock, session, snapshot
from support.ui_loop import HandTimer
from tokenkeep.domain.session import SessionState
from tokenkeep.ui import icons
from tokenkeep.ui.tray import Tray, panel_kind

pytestmark = pytest.mark.usefixtures("qapp")
Reason = QSystemTrayIcon.ActivationReason


@pytest.fixture(autouse=True)
def no_tray_in_memory(qt_warnings: list[str]) -> Iterator[None]:
    """The platform without a screen has no tray, and says so; everything else it says is a fault."""
    yield
    assert [text for text in qt_warnings if "systemTrayWindowChanged" not in text] == []


class Host:
    """Whether there is a tray."""

    def __init__(self, *, there: bool) -> None:
        self.there = there

    def __call__(self) -> bool:
        return self.there


def tray_with(host: Host) -> Tray:
    tray = Tray(FakeClock(), available=host)
    tray.retry.timeout.disconnect()
    tray.retry, tray.grace = HandTimer(), HandTimer()
    tray.retry.timeout.connect(tray._register)
    tray.grace.timeout.connect(tray.absent)
    return tray


@pytest.mark.parametrize(
    ("platform", "desktop", "dark", "panel"),
    [
        ("linux", "GNOME", False, "on-dark"),
        ("linux", "ubuntu:GNOME", False, "on-dark"),
        ("linux", "KDE", False, "on-light"),
        ("linux", "KDE", True, "on-dark"),
        ("linux", "", True, "unknown"),
        ("linux", "XFCE", False, "unknown"),
        ("win32", "", False, "on-light"),
        ("darwin", "", True, "template"),
    ],
)
def test_the_drawing_fits_the_panel(platform: str, desktop: str, dark: bool, panel: str) -> None:
    assert panel_kind(platform, {"XDG_CURRENT_DESKTOP": desktop}, dark=dark) == panel


def test_it_registers_at_once_where_there_is_a_tray() -> None:
    tray = tray_with(Host(there=True))
    seen: list[bool] = []
    tray.appeared.connect(lambda: seen.append(True))
    tray.start()
    assert seen
    assert tray.present
    assert not tray.retry.isActive()
    assert not tray.grace.isActive()
    tray.remove()


def test_without_a_tray_it_says_so_when_the_grace_is_over() -> None:
    tray = tray_with(Host(there=False))
    absent: list[bool] = []
    tray.absent.connect(lambda: absent.append(True))
    tray.start()
    tray.retry.run_out()
    assert not absent
    assert not tray.present
    tray.grace.run_out()
    assert absent == [True]
    tray.remove()


def test_a_tray_that_comes_late_gets_the_icon_and_the_window_stays_away() -> None:
    host = Host(there=False)
    tray = tray_with(host)
    absent: list[bool] = []
    tray.absent.connect(lambda: absent.append(True))
    tray.start()
    tray.show_snapshot(snapshot(session(state=SessionState.NEEDS_SIGN_IN)))
    host.there = True
    tray.retry.run_out()
    tray.grace.run_out()
    assert tray.present
    assert not absent
    assert tray.icon is not None
    assert tray.icon.toolTip() == "TokenKeep: 1 provider needs you"
    tray.remove()


def test_a_tray_that_went_away_does_not_count_as_a_way_back() -> None:
    host = Host(there=True)
    tray = tray_with(host)
    tray.start()
    host.there = False
    assert not tray.present
    tray.remove()


def test_the_icon_changes_with_the_overall_state_only(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    real = icons.tray_icon
    monkeypatch.setattr(icons, "tray_icon", lambda state, panel: (drawn.append(state.value), real(state, panel))[1])
    tray = tray_with(Host(there=True))
    tray.start()
    drawn.clear()
    tray.show_snapshot(snapshot(session()))
    tray.show_snapshot(snapshot(session(state=SessionState.REFRESHING)))
    tray.show_snapshot(snapshot(session(account="another@example.org")))
    assert drawn == ["ok"]
    tray.show_snapshot(snapshot(session(state=SessionState.NEEDS_SIGN_IN)))
    assert drawn == ["ok", "needs_you"]
    tray.theme_changed()
    assert drawn == ["ok", "needs_you", "needs_you"]
    tray.remove()


def test_LEAK_3_the_tooltip_counts_and_names_nobody() -> None:
    tray = tray_with(Host(there=True))
    tray.start()
    tray.show_snapshot(snapshot(session(account="mara@secret.example"), session("b", account="other@secret.example")))
    assert tray.icon is not None
    assert tray.icon.toolTip() == "TokenKeep: All 2 providers are signed in"
    tray.remove()


def test_left_and_middle_click_open_the_window_and_the_right_one_the_menu() -> None:
    tray = tray_with(Host(there=True))
    opened: list[bool] = []
    tray.open_wanted.connect(lambda: opened.append(True))
    tray.start()
    assert tray.icon is not None
    for reason in (Reason.Trigger, Reason.MiddleClick, Reason.Context, Reason.DoubleClick):
        tray.icon.activated.emit(reason)
    assert len(opened) == 2
    assert tray.icon.contextMenu() is tray.menu
    tray.remove()


def test_removing_leaves_nothing_behind() -> None:
    tray = tray_with(Host(there=True))
    tray.start()
    tray.remove()
    QApplication.processEvents()
    assert tray.icon is None
    assert not tray.balloon("title", "body")
