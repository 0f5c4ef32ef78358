"""A real process with a real tray: the icon, its menu by mouse and over D-Bus, windows, and a quick end."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from support.desktop_services import DesktopServices
from support.homes import MakeHome
from support.processes import clean_environment, end, wait_for
from support.screen import Screen
from support.x11 import Window

TESTS = Path(__file__).resolve().parents[2]
Start = Callable[..., "Running"]


class Running:
    """The process, and what it has said so far."""

    def __init__(self, environment: Mapping[str, str], home: Path) -> None:
        self._said = home / "said"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, str(TESTS / "support/children/window_on_fake_engine.py")],
                env=clean_environment(home, environment, {"PYTHONPATH": str(TESTS)}),
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def said(self) -> str:
        """Its output."""
        return self._said.read_text()

    def tell(self, kind: str) -> None:
        """Publish an event of the engine."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{kind}\n")
        self.process.stdin.flush()

    def wait_said(self, line: str) -> None:
        """Wait until it said a line."""
        wait_for(lambda: line in self.said(), f"“{line}”")

    def ends(self) -> int:
        """Its exit code, within the three seconds that quitting may take and what the machine adds."""
        return self.process.wait(30)


@pytest.fixture
def start(make_home: MakeHome) -> Iterator[Start]:
    started: list[Running] = []

    def run(*environments: Mapping[str, str]) -> Running:
        merged = {name: value for environment in environments for name, value in environment.items()}
        started.append(Running(merged, make_home()))
        return started[-1]

    yield run
    for one in started:
        end(one.process)


def main_windows(screen: Screen) -> list[Window]:
    """The main window once it was shown; the tray icon's own window has the same title."""
    return [window for window in screen.windows() if window.title == "TokenKeep" and window.width > 400]


def menus(screen: Screen) -> list[Window]:
    """Windows of the size of a menu that have no frame of the window manager."""
    return [window for window in screen.windows() if window.cls == "TokenKeep" and 150 < window.width < 400]


@pytest.mark.screen
def test_the_icon_s_clicks_open_window_and_menu_and_a_menu_line_signs_in(screen: Screen, start: Start) -> None:
    running = start(screen.env())
    place = screen.tray_icon_position()
    screen.click(*place)
    wait_for(lambda: main_windows(screen), "the window")
    screen.click(*place, button=3)
    wait_for(lambda: menus(screen), "the menu")
    screen.key("Down", "Down", "Return")  # the first line is the state, the second the one that needs the person
    running.wait_said("sign_in work auto")
    screen.find_window("^Sign in to Work$")
    running.process.send_signal(signal.SIGTERM)
    assert running.ends() == 0
    running.wait_said("ended")


@pytest.mark.screen
def test_a_panel_that_draws_the_menu_itself_gets_icon_tooltip_and_lines(
    screen: Screen, desktop_services: DesktopServices, start: Start
) -> None:
    running = start(screen.env(), desktop_services.env())
    item = desktop_services.wait_for_item()
    wait_for(lambda: "1 provider needs you" in item.tool_tip, "the tooltip")
    labels = wait_for(lambda: item.labels() if len(item.labels()) > 3 else [], "the menu")
    assert labels == [
        "1 provider needs you",
        "Work: sign in again",
        "A & B: signed in", "Copy token", "Refresh now", "Show details", "Sign out…",
        "Well: signed in", "Copy token", "Refresh now", "Show details", "Sign out…",
        "Open TokenKeep",
        "Quit TokenKeep",
    ]  # fmt: skip
    item.click("Refresh now")
    running.wait_said("refresh a&b")
    item.activate()
    wait_for(lambda: main_windows(screen), "the window")
    item.click("Quit TokenKeep")
    assert running.ends() == 0


@pytest.mark.screen
def test_a_second_start_raises_the_window_and_the_engine_s_end_is_ours(screen: Screen, start: Start) -> None:
    running = start(screen.env())
    screen.tray_icon_position()
    assert main_windows(screen) == []
    running.tell("show")
    wait_for(lambda: main_windows(screen), "the window")
    running.tell("quit")
    assert running.ends() == 0


@pytest.mark.screen
def test_without_a_tray_the_window_stands_in_for_it(screen_without_tray: Screen, start: Start) -> None:
    running = start(screen_without_tray.env())
    wait_for(lambda: main_windows(screen_without_tray), "the window")
    running.process.send_signal(signal.SIGINT)
    assert running.ends() == 0
